"""What a failing case turns into: something small, and a script that runs."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.graph.oracle.compare import Case, Divergence, Tally, compare, compare_events
from tests.graph.oracle.model import Endpoint, Kind, Link, Model, Property, Push, Resolver, Source, Stub, Type, list_of
from tests.graph.oracle.operations import Operation
from tests.graph.oracle.reduce import reduced
from tests.graph.oracle.report import report
from tests.graph.oracle.source import source_of
from tests.graph.oracle.stage import Stage
from tests.graph.oracle.world import Fault, World

SOURCE = Source("s0", naming="camel")
USER = Type(
    "User",
    (Property("id", Kind("ID")), Property("full_name", Kind("String")), Property("age", Kind("Int", nullable=True))),
    entity=Endpoint("users", SOURCE, variables=("id",), batch="query", batch_order=(0,), match=("id",)),
    key=("id",),
)
POST = Type("Post", (Property("title", Kind("String")), Link("author", Kind("User"), ("author_id",))), ("author_id",))
MODEL = Model(
    sources=(SOURCE, Source("s1")),
    types=(USER, POST),
    query=(
        Stub("posts", list_of(Kind("Post")), Endpoint("posts", SOURCE)),
        Resolver("hello", Kind("String"), "hello"),
    ),
)
TABLES = {
    "posts": [[{"title": "a", "authorId": 1}, {"title": "b", "authorId": 2}]],
    "users": [[{"id": 1, "fullName": "Ada", "age": 36}, {"id": 2, "fullName": "Joseph", "age": None}]],
}
TEXT = """query ($yes: Boolean!) { hello posts { title ...Parts @include(if: $yes) } }
fragment Parts on Post { writer: author { fullName age @skip(if: false) } }"""


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def test_a_case_shrinks_to_what_makes_it_fail(runner: asyncio.Runner) -> None:
    def fails(case: Case) -> bool:
        try:
            found = Stage(case.model, runner).answer(case.operation, case.world, compiled=True)
        except Exception:
            return False
        return "Joseph" in found.data

    case = Case(MODEL, Operation(TEXT, {"yes": True}), World(TABLES, {"nowhere": Fault(500)}), is_good=True)
    smaller = reduced(case, fails)
    assert smaller.operation == Operation("{ posts { author { fullName } } }", {})
    assert smaller.world.tables == {
        "posts": [[{"authorId": 2}]],
        "users": [[{"id": 2, "fullName": "Joseph"}]],
    }
    assert smaller.world.faults == {}
    source = source_of(smaller.model)
    assert [word for word in ("age", "title", "hello", "s1") if word in source] == []


def test_a_report_is_a_script_that_gives_the_same_answer(runner: asyncio.Runner, tmp_path: Path) -> None:
    stage = Stage(MODEL, runner)
    case = Case(MODEL, Operation(TEXT, {"yes": True}), World(TABLES), is_good=True)
    compare(stage, case, Tally())
    path = tmp_path / "case.py"
    path.write_text(report(stage, case, "two\nlines"), encoding="utf-8")
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True, timeout=50)
    writers = [{"fullName": "Ada", "age": 36}, {"fullName": "Joseph", "age": None}]
    posts = [{"title": title, "writer": writer} for title, writer in zip("ab", writers, strict=True)]
    assert json.loads(ran.stdout) == {"data": {"hello": "hello", "posts": posts}}


def test_a_report_of_events_is_a_script_as_well(runner: asyncio.Runner, tmp_path: Path) -> None:
    model = dataclasses.replace(MODEL, subscription=(Push("user_changed", Kind("User"), SOURCE, "data"),), by_name={})
    stage = Stage(model, runner)
    world = World({**TABLES, "user_changed": [1, {"id": 2, "age": 7}]})
    case = Case(model, Operation("subscription { userChanged { fullName age } }", {}), world, is_good=True)
    compare_events(stage, case, Tally())
    stage.answers(case.operation, world, [b'{"data": 1}', b'{"data": {"id": 2, "age": 7}}'], compiled=True)
    path = tmp_path / "case.py"
    path.write_text(report(stage, case, "two\nlines"), encoding="utf-8")
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True, timeout=50)
    assert [json.loads(line) for line in ran.stdout.replace("\n}", "\n}\0").split("\0")[:-1]] == [
        {"data": {"userChanged": {"fullName": "Ada", "age": 36}}},
        {"data": {"userChanged": {"fullName": "Joseph", "age": 7}}},
    ]


def test_what_weft_does_otherwise_is_a_divergence(runner: asyncio.Runner) -> None:
    stage = Stage(MODEL, runner)
    # A backend that answers both sides differently: every call adds a row.
    rows: list[object] = []

    class Growing(World):
        def reply(self, endpoint: Endpoint, question: str, keys: Sequence[str], *, batched: bool) -> tuple[int, bytes]:
            rows.append({"title": "a"})
            return 200, json.dumps(rows).encode()

    case = Case(MODEL, Operation("{ posts { title } }", {}), Growing(TABLES), is_good=False)
    with pytest.raises(Divergence, match=r"graphql-core: .*\nWeft, compiled: "):
        compare(stage, case, Tally())
