"""One case: does Weft answer what graphql-core answers, asking no more than it must?"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import graphql

from tests.graph.oracle.marks import Marks
from tests.graph.oracle.model import Json, Model, graphql_name
from tests.graph.oracle.operations import Operation
from tests.graph.oracle.rules import Trail
from tests.graph.oracle.stage import Outcome, Stage
from tests.graph.oracle.world import Asked, World, json_of


@dataclass(frozen=True)
class Case:
    """An operation over a model, and what its backends hold; whether that is good; what needs scopes."""

    model: Model
    operation: Operation
    world: World
    is_good: bool
    marks: Marks = field(default_factory=Marks)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("...")  # what hypothesis prints of a case; `report` has all of it


class Divergence(Exception):
    """Weft does something else than it should; `kind` is the same for cases that fail alike."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass
class Tally:
    """What was compared: operations that Weft answered by both paths, and writes, which have one."""

    queries: int = 0
    mutations: int = 0
    compiled: int = 0
    with_errors: int = 0
    events: int = 0

    @property
    def operations(self) -> int:
        return self.queries + self.mutations


def compare(stage: Stage, case: Case, tally: Tally) -> None:
    """Compare Weft's answers with graphql-core's.

    Raises:
        Divergence: they are not equal, or Weft asked its backends too much or too little.
    """
    operation, world = case.operation, case.world
    stage.require(case.marks)
    expected, run = stage.expect(operation, world)
    needed = stage.needed(operation, world).trail
    tally.with_errors += bool(expected.errors)
    if operation.text.startswith("mutation"):
        tally.mutations += 1
        _check_answer(expected, stage.answer(operation, world, compiled=True), "mutation")
        _check_writes(stage, run.writes, needed)
        return
    tally.queries += 1

    before = stage.graph.engine.compiled_answers
    _check_answer(expected, stage.answer(operation, world, compiled=True), "compiled")
    is_compiled = stage.graph.engine.compiled_answers > before
    tally.compiled += is_compiled
    _check_calls(stage, needed, nothing_else=case.is_good)
    # An argument that cannot be is an error of each call, on the compiled path even of those that nobody needs.
    is_sure = None not in operation.variables.values() and "first: -1" not in operation.text
    if case.is_good and is_sure and not expected.errors and not is_compiled:
        variant = stage.variant(operation)
        if variant.runner is not None and not variant.is_introspection:
            raise Divergence("slow", "a sound answer took the slow way")

    _check_answer(expected, stage.answer(operation, world, compiled=False), "exact")
    _check_calls(stage, needed, nothing_else=True)

    _check_answer(expected, stage.answer(operation, world, compiled=True, fresh=False), "from the store")


def compare_events(stage: Stage, case: Case, tally: Tally) -> None:
    """Compare Weft's answers to events, to each alone and to all that come together, with graphql-core's.

    Raises:
        Divergence: they are not equal, or Weft asked its backends too much or too little.
    """
    operation, world = case.operation, case.world
    stage.require(case.marks)
    words = set(re.findall(r"\w+", operation.text))
    push = next(found for found in case.model.subscription if graphql_name(found.name) in words)
    bodies, payloads = [], []
    for event in world.tables[push.name]:
        # A list is several events, for a field that is none.
        is_split = (push.kind.item is None or push.kind.entries) and isinstance(event, list)
        bodies.append(json_of(_enveloped(event, push.items)))
        payloads.append([json.loads(json_of(item)) for item in event] if is_split else [json.loads(json_of(event))])
    trail = Trail()
    expected = [stage.expect_events(operation, world, payload, trail) for payload in payloads]
    together = [outcome for outcomes in expected for outcome in outcomes]
    tally.events += len(together)
    tally.with_errors += any(outcome.errors for outcome in together)

    for compiled, way in ((True, "compiled"), (False, "exact")):
        before = stage.graph.engine.compiled_answers
        _check_answers(together, stage.answers(operation, world, bodies, compiled=compiled), f"together, {way}")
        _check_calls(stage, trail, nothing_else=not compiled or case.is_good)
        tally.compiled += stage.graph.engine.compiled_answers > before
        for outcomes, body in zip(expected, bodies, strict=True):
            _check_answers(outcomes, stage.answers(operation, world, [body], compiled=compiled), f"alone, {way}")
    tally.queries += 1


def _enveloped(value: Json, items: str) -> Json:
    for name in reversed(items.split(".") if items else []):
        value = {name: value}
    return value


def _check_answers(expected: list[Outcome], found: list[Outcome], way: str) -> None:
    _require(len(found) == len(expected), f"number, {way}", f"{len(found)} answers to {len(expected)} events, {way}")
    for wanted, outcome in zip(expected, found, strict=True):
        _check_answer(wanted, outcome, way)


def _check_answer(expected: Outcome, found: Outcome, way: str) -> None:
    if found.facts != expected.facts:
        raise Divergence(f"answer, {way}", f"graphql-core: {expected}\nWeft, {way}: {found}")


def _check_writes(stage: Stage, writes: list[Asked], wanted: Trail) -> None:
    """Check that every write was sent once, in the order of the document, and no question twice between two of them."""
    sent: list[Asked] = []
    reads: list[Asked] = []
    for asked in stage.log:
        if stage.endpoints[asked.endpoint].method != "GET":
            sent.append(asked)
            _check_questions(reads, wanted)
            reads = []
        else:
            reads.append(asked)
    _check_questions(reads, wanted)
    _require(sent == writes, "writes", f"sent {sent}, not {writes}")


def _check_questions(log: list[Asked], wanted: Trail) -> None:
    """Check that no question was asked twice, about the same key."""
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for asked in log:
        keys[asked.call].extend(asked.keys or [""])
    for call, found in keys.items():
        often = max(Counter(found).values())
        _require(often <= max(1, len(wanted.values[call])), "asked twice", f"{call}: asked {often} times among {found}")


def _check_calls(stage: Stage, wanted: Trail, *, nothing_else: bool) -> None:
    """Check what was asked: everything that is needed, nothing twice, and one call per endpoint, question and hop."""
    _check_questions(stage.log, wanted)
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for asked in stage.log:
        keys[asked.call].update(asked.keys)
    calls = Counter(asked.call for asked in stage.log)
    endpoints = {call: stage.endpoints[call[0].split()[0]] for call in {**keys, **wanted.keys}}
    for call, needed in wanted.keys.items():
        # What one call has stored may answer another: an entity, one by one and in batches.
        if not endpoints[call].source.ttl:
            _require(call in keys and needed <= keys[call], "not asked", f"{call}: not asked {needed}")
    for call, found in keys.items() if nothing_else else ():
        needed = wanted.keys.get(call, set())
        is_needed = call in wanted.keys and found <= needed
        _require(is_needed, "asked", f"{call}: asked {sorted(found)}, but {sorted(needed)} is all it needs")
    if nothing_else:
        _require(calls.total() <= wanted.asked, "calls", f"{calls.total()} calls where {wanted.asked} questions are")
    for call, number in calls.items():
        if call[0].endswith("True") and keys[call] == wanted.keys.get(call):
            most = len(wanted.hops[call]) + len(keys[call]) // endpoints[call].max_batch
            _require(number <= most, "batches", f"{call}: {number} calls, at most {most} are needed")


def _require(holds: bool, kind: str, message: str) -> None:
    if not holds:
        raise Divergence(kind, message)


def promises(schema: graphql.GraphQLSchema) -> dict[str, Any]:
    """Give what a schema promises: each type's fields with their types and arguments, or its members."""
    found: dict[str, Any] = {}
    for name, kind in schema.type_map.items():
        fields = getattr(kind, "fields", None)
        if fields is not None and not name.startswith("__"):
            found[name] = {
                field_name: (
                    str(element.type),
                    {arg: str(taken.type) for arg, taken in getattr(element, "args", {}).items()},
                )
                for field_name, element in fields.items()
            }
        elif isinstance(kind, graphql.GraphQLUnionType):
            found[name] = {member.name for member in kind.types}
        elif isinstance(kind, graphql.GraphQLEnumType):
            found[name] = set(kind.values)
    return found
