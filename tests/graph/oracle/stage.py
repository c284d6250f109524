"""A model on both sides: as Weft's graph over backends from memory, and as the oracle's schema."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import types
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import graphql

from graph import Graph
from graph.client import Caller
from graph.errors import RequestError
from sources import Event, Listening
from tests.graph.oracle.marks import CLIENT, Marks, require
from tests.graph.oracle.model import SECRET, Json, Model
from tests.graph.oracle.naive import Event as Pushed
from tests.graph.oracle.naive import Naive, Run
from tests.graph.oracle.operations import Operation
from tests.graph.oracle.rules import Bad, Trail
from tests.graph.oracle.source import source_of
from tests.graph.oracle.world import Asked, World, received

Replies = dict[tuple[str, str, bytes | None], tuple[int, bytes]]
_numbers = itertools.count()


@dataclass(frozen=True)
class Outcome:
    """An answer: data as text, and each error's place with its message. Messages may differ, but not lack."""

    data: str
    errors: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, response: Json) -> Outcome:
        """Read a response; the errors are in any order."""
        errors = response.get("errors", [])
        found = [(f"at {error.get('path')}, for {error.get('locations')}", error["message"]) for error in errors]
        return cls(json.dumps(response["data"]), tuple(sorted(found)))

    @property
    def facts(self) -> tuple[str, list[str]]:
        """What has to be equal."""
        return self.data, [place for place, message in self.errors if message]

    def __str__(self) -> str:
        return self.data + "".join(f"\n    error {place}: {message}" for place, message in self.errors)


class Stage:
    """Executes operations over one model, in any world.

    `log` has what Weft asked for its last answer, `replies` all that it ever got.
    """

    def __init__(self, model: Model, runner: asyncio.Runner) -> None:
        self.model = model
        self.runner = runner
        self.source = source_of(model)
        self.endpoints = {name: endpoint for name, (endpoint, _) in model.endpoints().items()}
        self.world = World({})
        self.events: list[bytes] = []
        self.log: list[Asked] = []
        self.replies: Replies = {}
        self.now = 0.0
        self.naive = Naive(model)
        self.marks = Marks()
        self.graph = self._built()

    def require(self, marks: Marks) -> None:
        """Let fields and types need what these marks say."""
        if marks != self.marks:
            self.graph = self._built()
            require(self.graph, marks)
            self.marks = self.naive.marks = self.tolerant.marks = marks

    @cached_property
    def tolerant(self) -> Naive:
        """The oracle where nothing is non-null: what it asks is all that has to be asked."""
        return Naive(self.model, tolerant=True)

    def _built(self) -> Graph:
        """Run the source as a module of its own, since that is where annotations are looked up."""
        module = types.ModuleType(f"generated_{next(_numbers)}")
        vars(module).update(answer=self._answer, clock=lambda: self.now, pushed=self)
        sys.modules[module.__name__] = module
        try:
            exec(compile(self.source, module.__name__, "exec"), vars(module))
        finally:
            del sys.modules[module.__name__]
        graph = module.graph
        assert isinstance(graph, Graph)
        return graph

    def _answer(self, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        endpoint, asked = received(self.endpoints, method, target, body)
        reply = self.world.reply(endpoint, asked.question, asked.keys, batched=asked.batched)
        self.log.append(asked)
        self.replies[method, target, body] = reply
        if endpoint.method != "GET":
            self.world.writes += 1
        return reply

    # -- Weft -----------------------------------------------------------------------------------------------------

    def answer(self, operation: Operation, world: World, *, compiled: bool, fresh: bool = True) -> Outcome:
        """Let Weft answer, by the compiled path if there is one, from its backends or from what it has stored."""
        self.world, world.writes = world, 0
        self.log = []
        self.now += 1000 if fresh else 0
        variant = self.variant(operation)
        runner = variant.runner
        try:
            variant.runner = runner if compiled else None
            response = self.runner.run(self.graph.execute(operation.text, operation.variables, client=CLIENT))
        finally:
            variant.runner = runner
        assert SECRET not in json.dumps(response.get("errors", []))
        return Outcome.of(response)

    def answers(self, operation: Operation, world: World, events: Sequence[bytes], *, compiled: bool) -> list[Outcome]:
        """Let Weft answer events that come together."""
        self.world, world.writes = world, 0
        self.log, self.events = [], list(events)
        self.now += 1000
        variant = self.variant(operation)
        runner = variant.runner
        try:
            variant.runner = runner if compiled else None
            responses = self.runner.run(self._subscribed(operation))
        finally:
            variant.runner = runner
        assert SECRET not in json.dumps([response.get("errors", []) for response in responses])
        return [Outcome.of(response) for response in responses]

    async def _subscribed(self, operation: Operation) -> list[Json]:
        responses = self.graph.subscribe(operation.text, operation.variables, client=CLIENT)
        return [response async for response in responses]

    # -- a feed, of all fields -----------------------------------------------------------------------------------

    variables = frozenset[str]()

    async def listen(self, to: Listening) -> AsyncGenerator[Event]:
        """Give the events of this subscription, all at once."""
        for body in self.events:
            yield Event(body)

    def variant(self, operation: Operation) -> Any:
        """Give what Weft keeps of an operation: its plan and program."""
        operations = self.graph.engine.operations
        try:
            parsed = operations.get(operation.text, None)
            variables = operations.variables(parsed, operation.variables)
            whole = operations.variant(parsed, variables)
            lack = self.graph.engine.lack(Caller(CLIENT))
            return operations.variant(parsed, variables, None if lack is None else lack.among(whole.needs))
        except RequestError as exc:
            raise ValueError(f"{operation.text}: {[error.message for error in exc.errors]}") from exc

    # -- the oracle -----------------------------------------------------------------------------------------------

    def expect(self, operation: Operation, world: World) -> tuple[Outcome, Run]:
        """Give what graphql-core answers, and what it asked and wrote."""
        run = Run(world)
        return self._executed(self.naive, operation, run), run

    def expect_events(
        self, operation: Operation, world: World, payloads: Sequence[Json], trail: Trail
    ) -> list[Outcome]:
        """Give what graphql-core answers to each event; `trail` learns all that has to be asked."""
        found = []
        for payload in payloads:
            lacking = self.lacking(operation, world, payload)
            found.append(self._executed(self.naive, operation, Run(world, event=Pushed(payload, lacking))))
            self._executed(self.tolerant, operation, Run(world, trail, event=Pushed(payload, lacking)))
        return found

    def lacking(self, operation: Operation, world: World, payload: Json) -> set[int]:
        """Give the objects of an event that hold less than is read of them."""
        event = Pushed(payload)
        self._executed(self.tolerant, operation, Run(world, event=event))
        return event.lacking

    def needed(self, operation: Operation, world: World) -> Run:
        """Give all that has to be asked."""
        run = Run(world)
        self._executed(self.tolerant, operation, run)
        return run

    def _executed(self, naive: Naive, operation: Operation, run: Run) -> Outcome:
        run.world.writes = 0
        result = naive.execute(graphql.parse(operation.text), operation.variables, run)
        for error in result.errors or []:
            is_meant = isinstance(error.original_error, Bad | graphql.GraphQLError | None)
            assert is_meant or error.message == SECRET or "Cannot return null" in error.message, error
        return Outcome.of(result.formatted)
