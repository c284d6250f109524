"""Which scalar a value of a document is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphql
import pytest

from tests.resolvers.openapi.documents import graph_of, losses


def _types(folder: Path, properties: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Give the types of properties in answers and as input."""
    graph = graph_of(folder, {"Thing": {"type": "object", "properties": properties}})
    told: Any = graph.schema.type_map["Thing"]
    sent: Any = graph.schema.type_map["ThingInput"]
    return {name: (str(told.fields[name].type), str(sent.fields[name].type)) for name in told.fields}


@pytest.mark.parametrize(
    ("schema", "told", "sent"),
    [
        ({"type": "string"}, "String", "String"),
        ({"type": "boolean"}, "Boolean", "Boolean"),
        ({"type": "integer"}, "Int", "Int"),
        ({"type": "number"}, "Float", "Float"),
        ({"type": "string", "format": "date-time"}, "DateTime", "DateTime"),
        ({"type": "string", "format": "date"}, "Date", "Date"),
        ({"type": "string", "format": "time"}, "Time", "Time"),
        ({"type": "string", "format": "duration"}, "Duration", "Duration"),
        ({"type": "string", "format": "uuid"}, "UUID", "UUID"),
        ({"type": "string", "format": "uri"}, "URL", "URL"),
        ({"type": "string", "format": "email"}, "Email", "Email"),
        ({"type": "string", "format": "byte"}, "Base64", "Base64"),
        ({"type": "string", "format": "decimal"}, "Decimal", "Decimal"),
        ({"type": "number", "format": "decimal"}, "Decimal", "Float"),
        ({"type": "integer", "format": "int64"}, "Int64", "Int64"),
        ({"type": "integer", "format": "uint32"}, "Int64", "Int64"),
        ({"type": "integer", "format": "int32"}, "Int", "Int"),
        ({"type": "string", "format": "int64"}, "Int64", "String"),
        ({"type": "integer", "format": "unix-time"}, "DateTime", "Int64"),
        ({"type": "string", "format": "hostname"}, "String", "String"),
        ({"type": "integer", "maximum": 2**31}, "Int64", "Int64"),
        ({"type": "integer", "default": 2**40}, "Int64", "Int64"),
        ({"type": "integer", "examples": [1_700_000_000_000]}, "Int64", "Int64"),
        ({"type": "integer", "enum": [1, 2]}, "Int", "Int"),
        ({"type": "integer", "enum": [1, 2**40]}, "Int64", "Int64"),
        ({"type": ["string", "integer"]}, "ID", "ID"),
        ({"type": ["integer", "number", "null"]}, "Float", "Float"),
        ({"oneOf": [{"type": "string"}, {"type": "string", "format": "date"}]}, "String", "String"),
        ({"type": ["string", "boolean"]}, "JSON", "JSON"),
        ({}, "JSON", "JSON"),
    ],
)
def test_a_scalar_goes_by_kind_and_format(tmp_path: Path, schema: Any, told: str, sent: str) -> None:
    assert _types(tmp_path, {"it": schema}) == {"it": (told, sent)}


@pytest.mark.parametrize("name", ["id", "user_id", "userId", "createdTimestamp", "duration_ms", "totalBytes"])
def test_numbers_that_are_called_like_large_ones_have_64_bits(tmp_path: Path, name: str) -> None:
    (kinds,) = _types(tmp_path, {name: {"type": "integer"}}).values()
    assert kinds == ("Int64", "Int64")


@pytest.mark.parametrize("name", ["count", "paid", "humid", "items"])
def test_other_numbers_have_32_bits(tmp_path: Path, name: str) -> None:
    (kinds,) = _types(tmp_path, {name: {"type": "integer"}}).values()
    assert kinds == ("Int", "Int")


def test_a_maximum_says_that_32_bits_do(tmp_path: Path) -> None:
    assert _types(tmp_path, {"id": {"type": "integer", "maximum": 100}}) == {"id": ("Int", "Int")}


def test_a_text_called_id_is_an_id_and_a_list_of_them_is_not_one(tmp_path: Path) -> None:
    many = {"type": "array", "items": {"type": "string"}}
    assert _types(tmp_path, {"id": {"type": "string"}, "name": {"type": "string"}, "ids": many}) == {
        "id": ("ID", "ID"),
        "name": ("String", "String"),
        "ids": ("[String!]", "[String!]"),
    }


async def test_times_since_1970_are_instants(tmp_path: Path) -> None:
    seconds = {"type": "integer", "format": "unix-time"}
    properties = {
        "at": seconds,
        "ms": {"type": "number", "format": "epoch-ms"},
        "all": {"type": "array", "items": seconds},
    }
    answer = {"at": 1_700_000_000, "ms": 1_700_000_000_000, "all": [0, 1]}
    graph = graph_of(tmp_path, {"Thing": {"type": "object", "properties": properties}}, {"GET /0": answer})
    assert await graph.execute("{ getThing { at ms all } }") == {
        "data": {
            "getThing": {
                "at": "2023-11-14T22:13:20+00:00",
                "ms": "2023-11-14T22:13:20+00:00",
                "all": ["1970-01-01T00:00:00+00:00", "1970-01-01T00:00:01+00:00"],
            }
        }
    }


async def test_a_backend_gets_numbers_where_its_document_says_numbers(tmp_path: Path) -> None:
    properties = {
        "price": {"type": "number", "format": "decimal"},
        "serial": {"type": "integer", "format": "int64"},
        "text": {"type": "string", "format": "int64"},
    }
    bodies: list[bytes | None] = []

    def answer(method: str, target: str, body: bytes | None) -> Any:
        bodies.append(body)
        return True

    graph = graph_of(tmp_path, {"Thing": {"type": "object", "properties": properties}}, answer)
    await graph.execute('mutation { putThing(input: {price: 1.5, serial: "9007199254740993", text: "7"}) }')
    assert bodies == [b'{"price":1.5,"serial":9007199254740993,"text":"7"}']


def test_only_json_holds_texts_and_booleans_and_that_is_told(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"Thing": {"type": "object", "properties": {"it": {"type": ["string", "boolean"]}}}})
    pointer = "#/components/schemas/Thing/properties/it"
    assert losses(graph) == [(pointer, "mixed-scalars")] * 2
    assert graphql.validate_schema(graph.schema) == []
