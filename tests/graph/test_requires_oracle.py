"""What a client is denied is null with an error, as if its resolver had refused, and nothing is called for it.

Schemas, operations and data are those of `test_schema_oracle` and `test_event_oracle`; fields and types of them need
scopes, of which the client has some. The oracle's resolvers refuse, and what they do not ask, Weft may not ask.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import graphql
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.graph import test_event_oracle, test_schema_oracle
from tests.graph.oracle import marks
from tests.graph.oracle.choices import Choices
from tests.graph.oracle.compare import Case, Tally, compare, compare_events
from tests.graph.oracle.stage import Stage
from tests.graph.test_schema_oracle import FUZZ, Comparing, divergence, quiet_log, runner

__all__ = ["quiet_log", "runner"]  # fixtures


def compare_all(runner: asyncio.Runner, draw_cases: Any, comparing: Comparing, operations: int) -> Tally:
    """Compare drawn cases, with marks on their schemas."""
    tally = Tally()

    def drawn(choices: Choices) -> tuple[Stage, list[Case]]:
        stage, cases = draw_cases(choices, runner)
        found = marks.drawn(choices, stage.model)
        return stage, [dataclasses.replace(case, marks=found) for case in cases if not is_refused(case, found)]

    @settings(
        max_examples=operations,
        derandomize=not FUZZ,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.composite(lambda draw: drawn(Choices(draw)))())
    def every_answer(made: tuple[Stage, list[Case]]) -> None:
        stage, cases = made
        for case in cases:
            message = divergence(stage, case, tally, comparing)
            if message is not None:
                pytest.fail(f"{case.marks}\n{message}", pytrace=False)

    every_answer()
    print(tally)  # noqa: T201  # the figures of `make fuzz`
    return tally


def is_refused(case: Case, found: marks.Marks) -> bool:
    """Tell whether a subscription is denied as a whole: then there are no events to compare."""
    document = graphql.parse(case.operation.text)
    operation = next(node for node in document.definitions if isinstance(node, graphql.OperationDefinitionNode))
    if operation.operation is not graphql.OperationType.SUBSCRIPTION:
        return False
    root = case.model.objects["Subscription"]
    return any(found.denies(case.model, root, element) for element in root.fields)


@pytest.mark.timeout(0 if FUZZ else 240)
def test_answers_over_every_schema_hold_what_the_client_may_have(runner: asyncio.Runner) -> None:
    operations = int(FUZZ or 200)
    tally = compare_all(runner, test_schema_oracle.drawn, compare, operations // test_schema_oracle.PER_SCHEMA)
    assert tally.operations > operations // 2
    assert tally.compiled > tally.queries // 8
    assert tally.with_errors > tally.operations // 4


@pytest.mark.timeout(0 if FUZZ else 240)
def test_events_over_every_schema_hold_what_the_client_may_have(runner: asyncio.Runner) -> None:
    operations = int(FUZZ or 90)
    tally = compare_all(runner, test_event_oracle.drawn, compare_events, operations // test_event_oracle.PER_SCHEMA)
    assert tally.queries > operations // 4
    assert tally.with_errors > tally.queries // 25
