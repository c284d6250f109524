"""What the README shows is what happens: its graph is loaded, its query planned and executed over real servers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query

from graph import App, Graph
from graph.errors import CODES
from graph.explain import explain
from graph.target import load
from tests.serving import running

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
POSTS = [
    {"id": 3, "title": "Warp and weft", "userId": 1, "body": "..."},
    {"id": 2, "title": "On looms", "userId": 2, "body": "..."},
    {"id": 1, "title": "More on looms", "userId": 2, "body": "..."},
]
USERS = [{"id": 2, "name": "Joseph", "email": "j@example.org"}, {"id": 1, "name": "Ada", "email": "a@example.org"}]


def block(language: str) -> str:
    """Give the first code block in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def blog() -> FastAPI:
    app = FastAPI()

    @app.get("/posts")
    def posts(limit: int = 10) -> list[dict[str, object]]:
        return POSTS[:limit]

    return app


def people(asked: list[list[int]]) -> FastAPI:
    app = FastAPI()

    @app.get("/users")
    def users(id: Annotated[list[int], Query()]) -> list[dict[str, object]]:
        asked.append(id)
        return [user for user in USERS if user["id"] in id]

    return app


@pytest.fixture
def asked() -> list[list[int]]:
    return []


@pytest.fixture
def graph(tmp_path: Path, asked: list[list[int]]) -> Iterator[Graph]:
    with running(blog()) as blog_address, running(people(asked)) as people_address:
        text = block("python")
        assert "http://127.0.0.1:9101" in text
        assert "http://127.0.0.1:9102" in text
        text = text.replace("http://127.0.0.1:9101", blog_address).replace("http://127.0.0.1:9102", people_address)
        path = tmp_path / "blog.py"
        path.write_text(text, encoding="utf-8")
        yield load(str(path))


def test_the_first_graph_is_twenty_lines() -> None:
    code = [line for line in block("python").splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(code) <= 20


def test_the_query_is_planned_and_answered_as_shown(graph: Graph, asked: list[list[int]]) -> None:
    query = block("graphql")
    assert explain(graph, query) == block("text").rstrip("\n")
    with running(App(graph)) as address, httpx.Client(trust_env=False) as client:
        answer = client.post(f"{address}/graphql", json={"query": query})
    assert answer.json() == json.loads(block("json"))
    assert asked == [[1, 2]]


def test_the_error_codes_are_all_listed() -> None:
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|$", README, re.MULTILINE))
    assert listed == CODES


def test_the_clients_are_listed_in_the_versions_that_are_tested() -> None:
    listed = dict(re.findall(r"^\| `([@\w/-]+)` \| (\d[\w.]*) \| .+ \|$", README, re.MULTILINE))
    packages = json.loads((ROOT / "tests/wire/package.json").read_text(encoding="utf-8"))["dependencies"]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    beside = {"graphql-http", "rxjs", "ws"}  # the one audits, the others are what Apollo Client and graphql-ws need
    tested = {name: version for name, version in packages.items() if name not in beside}
    assert listed == {**tested, **dict(re.findall(r"^(gql)==(.+)$", constraints, re.MULTILINE))}
