"""Weft answers events as graphql-core does: generated schemas, subscriptions and events, good or broken.

What `tests.graph.test_schema_oracle` does for queries. An event is answered alone and together with others, by both
paths; the oracle executes the operation for each event by itself, by the rules of `tests.graph.oracle.rules`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import Any

import graphql
import pytest
import strawberry
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graph import Graph
from resolvers import Store, shared
from tests.graph import test_oracle as rich
from tests.graph.oracle import bodies
from tests.graph.oracle.choices import Choices
from tests.graph.oracle.compare import Case, Tally, compare_events
from tests.graph.oracle.models import ModelMaker
from tests.graph.oracle.operations import Writer
from tests.graph.oracle.stage import Stage
from tests.graph.test_schema_oracle import divergence, quiet_log, runner

__all__ = ["quiet_log", "runner"]  # fixtures
FUZZ = os.environ.get("FUZZ_EXAMPLES")
OPERATIONS = int(FUZZ or 100)
PER_SCHEMA = 6
AT_ONCE = 2000


def drawn(choices: Choices, runner: asyncio.Runner) -> tuple[Stage, list[Case]]:
    """Draw a schema, and subscriptions over it with events and what the backends hold."""
    model = ModelMaker(choices, pushes=True).model()
    stage = Stage(model, runner)
    cases = []
    for _ in range(PER_SCHEMA):
        operation = Writer(choices, model, stage.naive.schema).operation(graphql.OperationType.SUBSCRIPTION)
        cases.append(Case(model, operation, *bodies.world(choices, model, reacts=False)))
    return stage, cases


# -- generators -------------------------------------------------------------------------------------------------------

made: list[rich.Memo | None] = []


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def memos(self) -> AsyncGenerator[rich.Memo | None, None]:
        for memo in made:
            yield memo

    @strawberry.subscription
    @shared(buffer=100)
    async def shared_memos(self) -> AsyncGenerator[rich.Memo, None]:
        for memo in made:
            await asyncio.sleep(0)
            yield memo  # type: ignore[misc]  # one that lacks is what is tried

    @strawberry.subscription
    async def lists(self) -> AsyncGenerator[list[rich.Memo | None], None]:
        yield list(made)
        yield []


rich_graph = Graph(rich.Query, subscription=Subscription, limits=rich.limits, store=Store(clock=lambda: rich.clock[0]))
rich_schema = rich.schema_of(rich_graph.sdl())
FIELDS: dict[str, Any] = rich_schema.type_map["Subscription"].fields  # type: ignore[attr-defined]  # an object type
rich.PYTHON.update(FIELDS)
for found in FIELDS.values():
    found.resolve = lambda root, info: root


@st.composite
def subscriptions(draw: st.DrawFn) -> tuple[str, str, dict[str, Any], list[tuple[str, str | None] | None]]:
    writer = rich.Writer(draw)
    field = writer.pick(list(FIELDS))
    selection = writer.selection(rich.object_type("Memo"), 3, rich.FRAGMENTS)
    text, variables = writer.whole("subscription", f"{field} {{ {selection} }}")
    keys = st.sampled_from(["1", "2", "99", "zz", None])
    values = draw(st.lists(st.one_of(st.none(), st.tuples(st.sampled_from(["", "w"]), keys)), max_size=5))
    return field, text, variables, values


async def answers(text: str, variables: dict[str, Any]) -> list[rich.Outcome]:
    found = []
    async for response in rich_graph.subscribe(text, variables):
        errors = [
            (error["path"], error["extensions"]["code"], error.get("locations")) for error in response.get("errors", [])
        ]
        found.append(rich.outcome(response["data"], errors))
    return found


@settings(max_examples=int(FUZZ or 40), derandomize=not FUZZ, suppress_health_check=list(HealthCheck))
@given(drawn=subscriptions(), world=rich.worlds())
def test_every_value_of_a_generator_is_answered_as_by_graphql_core(
    drawn: tuple[str, str, dict[str, Any], list[tuple[str, str | None] | None]], world: tuple[rich.World, bool]
) -> None:
    field, text, variables, values = drawn
    rich.world, _ = world
    rich.clock[0] += 1000
    made[:] = [None if value is None else rich.Memo(words=value[0], item_id=value[1]) for value in values]
    plain = [None if value is None else {"words": value[0], "item_id": value[1]} for value in values]
    roots: list[Any] = [plain, []] if field == "lists" else plain
    expected = [rich.oracle(rich_schema, text, variables, root) for root in roots]
    assert asyncio.run(answers(text, variables)) == expected


@pytest.mark.timeout(0 if FUZZ else 240)
def test_every_event_over_every_schema_is_answered_as_by_graphql_core(runner: asyncio.Runner) -> None:
    tally = Tally()

    def run(operations: int) -> None:
        @settings(
            max_examples=-(-operations // PER_SCHEMA),
            derandomize=not FUZZ,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.composite(lambda draw: drawn(Choices(draw), runner))())
        def every_event(made: tuple[Stage, list[Case]]) -> None:
            stage, cases = made
            for case in cases:
                message = divergence(stage, case, tally, compare_events)
                if message is not None:
                    pytest.fail(message, pytrace=False)

        every_event()

    for done in range(0, OPERATIONS, AT_ONCE):
        run(min(AT_ONCE, OPERATIONS - done))
    print(tally)  # noqa: T201  # the figures of `make fuzz`
    assert tally.queries >= OPERATIONS * 9 // 10
    assert tally.events > tally.queries
    assert tally.compiled > tally.queries // 4
    assert tally.with_errors > tally.queries // 25
