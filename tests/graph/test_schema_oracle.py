"""Weft answers what graphql-core answers: generated schemas, generated operations, data that is good or broken.

`test_oracle` has one rich graph, written by hand; here hypothesis writes the graph as well. What a backend says becomes
a value by the rules of `tests.graph.oracle.rules`. A case that fails is made small and printed as a script to run.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator

import graphql
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.graph.oracle import bodies
from tests.graph.oracle.choices import Choices
from tests.graph.oracle.compare import Case, Divergence, Tally, compare, promises
from tests.graph.oracle.models import ModelMaker
from tests.graph.oracle.operations import Writer
from tests.graph.oracle.reduce import reduced
from tests.graph.oracle.report import report
from tests.graph.oracle.stage import Stage

FUZZ = os.environ.get("FUZZ_EXAMPLES")  # `make fuzz`: many operations, other ones each time
OPERATIONS = int(FUZZ or 400)
PER_SCHEMA = 10
AT_ONCE = 2000  # hypothesis remembers all that it drew in one run
Comparing = Callable[[Stage, Case, Tally], None]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    log = logging.getLogger("weft")
    log.disabled = True
    yield
    log.disabled = False


def drawn(choices: Choices, runner: asyncio.Runner) -> tuple[Stage, list[Case]]:
    """Draw a schema, and operations over it with what the backends hold."""
    model = ModelMaker(choices).model()
    stage = Stage(model, runner)
    cases = []
    for _ in range(PER_SCHEMA):
        mutation = bool(model.mutation) and choices.rarely(4)
        kind = graphql.OperationType.MUTATION if mutation else graphql.OperationType.QUERY
        operation = Writer(choices, model, stage.naive.schema).operation(kind)
        reacts = mutation and not any(source.ttl for source in model.sources)
        cases.append(Case(model, operation, *bodies.world(choices, model, reacts=reacts)))
    return stage, cases


def check(stage: Stage, case: Case, tally: Tally) -> None:
    message = divergence(stage, case, tally)
    if message is not None:
        pytest.fail(message, pytrace=False)


def divergence(stage: Stage, case: Case, tally: Tally, comparing: Comparing = compare) -> str | None:
    """Give a report where Weft does something else than it should."""
    try:
        comparing(stage, case, tally)
    except Divergence as exc:
        case = smallest(case, exc, stage.runner, comparing)
        stage = Stage(case.model, stage.runner)
        try:
            comparing(stage, case, Tally())
        except Divergence as smaller:
            exc = smaller
        return f"{exc}\n\n{report(stage, case, str(exc))}"
    return None


def smallest(case: Case, divergence: Divergence, runner: asyncio.Runner, comparing: Comparing) -> Case:
    """Make a case small that fails alike."""
    stage = Stage(case.model, runner)

    def fails(smaller: Case) -> bool:
        nonlocal stage
        try:
            if smaller.model is not stage.model:
                stage = Stage(smaller.model, runner)
            comparing(stage, smaller, Tally())
        except Divergence as exc:
            return exc.kind == divergence.kind
        except Exception:  # it became something that is no case at all
            return False
        return False

    return reduced(case, fails)


@pytest.mark.timeout(0 if FUZZ else 240)
def test_every_answer_over_every_schema_is_that_of_graphql_core(runner: asyncio.Runner) -> None:
    tally = Tally()

    def run(operations: int) -> None:
        @settings(
            max_examples=-(-operations // PER_SCHEMA),
            derandomize=not FUZZ,
            database=None,
            phases=[Phase.generate],  # what fails is made small by `reduced`, which knows what it means
            suppress_health_check=list(HealthCheck),
        )
        @given(st.composite(lambda draw: drawn(Choices(draw), runner))())
        def every_answer(made: tuple[Stage, list[Case]]) -> None:
            stage, cases = made
            assert promises(stage.graph.schema) == promises(stage.naive.schema)
            for case in cases:
                check(stage, case, tally)

        every_answer()

    for done in range(0, OPERATIONS, AT_ONCE):
        run(min(AT_ONCE, OPERATIONS - done))
    print(tally)  # noqa: T201  # the figures of `make fuzz`
    assert tally.operations >= OPERATIONS * 9 // 10
    assert tally.compiled > tally.queries // 4
    assert tally.with_errors > tally.operations // 6
