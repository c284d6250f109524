"""Listed texts as enums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graph import Graph
from tests.resolvers.openapi.documents import definition, document, graph_of, source


def _thing(values: list[Any], **more: Any) -> dict[str, Any]:
    return {"Thing": {"type": "object", "properties": {"it": {"enum": values, **more}}}}


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["in-stock", "sold out"], ["IN_STOCK", "SOLD_OUT"]),
        (["ACTIVE", "active", "Active"], ["ACTIVE", "ACTIVE2", "ACTIVE3"]),
        (["active", "ACTIVE"], ["ACTIVE2", "ACTIVE"]),
        (["", "+1", "-1", "*"], ["EMPTY", "PLUS_1", "MINUS_1", "STAR"]),
        (["true", "null", "1"], ["TRUE_", "NULL_", "_1"]),
        (["a", "a", "b"], ["A", "B"]),
        (["name", "-name"], ["NAME", "MINUS_NAME"]),
        (["猫"], ["U732B"]),
    ],
)
def test_values_have_names_of_graphql(tmp_path: Path, values: list[str], names: list[str]) -> None:
    graph = graph_of(tmp_path, _thing(values))
    assert definition(graph, "ThingIt") == "\n".join(["enum ThingIt {", *(f"  {name}" for name in names), "}"])


def test_null_among_the_values_makes_them_nullable(tmp_path: Path) -> None:
    components = _thing(["a", None])
    components["Thing"]["required"] = ["it"]
    graph = graph_of(tmp_path, components)
    assert definition(graph, "Thing") == "type Thing {\n  it: ThingIt\n}"


@pytest.mark.parametrize(("values", "kind"), [([1, 2], "Int"), ([1.5], "Float"), ([True], "Boolean"), (["a", 1], "ID")])
def test_what_is_no_text_stays_a_scalar(tmp_path: Path, values: list[Any], kind: str) -> None:
    graph = graph_of(tmp_path, _thing(values))
    assert definition(graph, "Thing") == f"type Thing {{\n  it: {kind}\n}}"


def test_a_thousand_values_are_an_enum(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, _thing([f"value {index}" for index in range(1000)]))
    assert definition(graph, "ThingIt").count("\n") == 1001


async def test_values_are_mapped_both_ways(tmp_path: Path) -> None:
    answers: list[bytes | None] = []

    def answer(method: str, target: str, body: bytes | None) -> Any:
        answers.append(body)
        return True if method == "POST" else {"it": "sold out"}

    graph = graph_of(tmp_path, _thing(["in-stock", "sold out"]), answer)
    assert await graph.execute("{ getThing { it } }") == {"data": {"getThing": {"it": "SOLD_OUT"}}}
    assert await graph.execute("mutation { putThing(input: {it: IN_STOCK}) }") == {"data": {"putThing": True}}
    assert answers == [None, b'{"it":"in-stock"}']


async def test_a_value_that_the_document_does_not_list_is_an_error_at_its_field(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, _thing(["a"]), {"GET /0": {"it": "b"}})
    response = await graph.execute("{ getThing { it } }")
    assert response["data"] == {"getThing": {"it": None}}
    assert [error["path"] for error in response["errors"]] == [["getThing", "it"]]


async def test_the_default_of_an_argument_is_the_name_of_its_value(tmp_path: Path) -> None:
    sort = {"name": "sort", "in": "query", "schema": {"enum": ["age", "-age"], "default": "-age"}}
    answered = {
        "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "boolean"}}}}}
    }
    paths = {"/pets": {"get": {"operationId": "pets", "parameters": [sort], **answered}}}
    graph = Graph(documents=[source(tmp_path, document({}, paths=paths), {"GET /pets?sort=-age": True})])
    assert definition(graph, "Query") == "type Query {\n  pets(sort: PetsSort = MINUS_AGE): Boolean\n}"
    assert await graph.execute("{ pets }") == {"data": {"pets": True}}
