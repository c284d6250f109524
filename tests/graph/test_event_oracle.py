"""Weft answers events as graphql-core does: generated schemas, subscriptions and events, good or broken.

What `tests.graph.test_schema_oracle` does for queries. An event is answered alone and together with others, by both
paths; the oracle executes the operation for each event by itself, by the rules of `tests.graph.oracle.rules`.
"""

from __future__ import annotations

import asyncio
import os

import graphql
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.graph.oracle import bodies
from tests.graph.oracle.choices import Choices
from tests.graph.oracle.compare import Case, Tally, compare_events
from tests.graph.oracle.models import ModelMaker
from tests.graph.oracle.operations import Writer
from tests.graph.oracle.stage import Stage
from tests.graph.test_schema_oracle import divergence, quiet_log, runner

__all__ = ["quiet_log", "runner"]  # fixtures
FUZZ = os.environ.get("FUZZ_EXAMPLES")
OPERATIONS = int(FUZZ or 150)
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
    assert tally.events > tally.queries * 2
    assert tally.compiled > tally.queries // 4
    assert tally.with_errors > tally.queries // 6
