"""The audits of the GraphQL over HTTP suite (the npm package graphql-http): what a server must, should and may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import strawberry

from graph import App, Cors, Graph, Trust
from tests.npm import node
from tests.serving import running

SCRIPT = Path(__file__).with_name("audits.js")


@strawberry.type
class Query:
    @strawberry.field
    def number(self) -> int:
        return 1


@strawberry.type
class Mutation:
    @strawberry.mutation
    def count(self) -> int:
        raise RuntimeError("no audit executes a mutation")


# The audits ask by GET as a page of another origin could have a browser do it.
UNGUARDED = Trust(csrf=False)


def plain() -> App:
    return App(Graph(query=Query, mutation=Mutation, trust=UNGUARDED))


def with_everything_on() -> App:
    graph = Graph(query=Query, mutation=Mutation, trust=UNGUARDED)
    return App(graph, cors=Cors(origins=["https://app.example"]), max_batch=10)


@pytest.mark.timeout(300)  # the packages may have to be installed
@pytest.mark.parametrize("app", [plain, with_everything_on])
def test_every_audit_passes_whether_it_is_a_must_a_should_or_a_may(app: Callable[[], App]) -> None:
    with running(app()) as address:
        results = json.loads(node(SCRIPT, f"{address}/graphql"))
    assert [result for result in results if result["status"] != "ok"] == []
    levels = [result["name"].split()[0] for result in results]
    assert {level: levels.count(level) for level in sorted(set(levels))} == {"MAY": 25, "MUST": 13, "SHOULD": 23}
