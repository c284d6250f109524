"""What is no OpenAPI document is refused; references lead to one place each, or say where they lead nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from sources.openapi import Document, DocumentError
from tests.sources.openapi.documents import document

INFO = {"title": "Pets", "version": "1"}


@pytest.mark.parametrize(
    ("root", "problem"),
    [
        ([], "not an OpenAPI document: it is an array, not an object"),
        ("hello", "not an OpenAPI document: it is a text, not an object"),
        (None, "not an OpenAPI document: it is empty, not an object"),
        (1, "not an OpenAPI document: it is a int, not an object"),
        ({}, "not an OpenAPI document: it has neither openapi nor swagger, which say its version"),
        ({"asyncapi": "3.0.0"}, "not an OpenAPI document: it is an AsyncAPI document"),
        (
            {"info": {"schema": "https://schema.getpostman.com/x"}},
            "not an OpenAPI document: it is a Postman collection",
        ),
        ({"swaggerVersion": "1.2"}, "not an OpenAPI document: it is a document of Swagger 1, which is too old"),
        ({"openapi": "2.0"}, "openapi: '2.0' is not a version that can be read: 2.0, 3.0 and 3.1 are"),
        ({"swagger": "3.0.0"}, "swagger: '3.0.0' is not a version that can be read: 2.0, 3.0 and 3.1 are"),
        ({"openapi": "4.0.0"}, "openapi: '4.0.0' is not a version that can be read: 2.0, 3.0 and 3.1 are"),
        ({"openapi": {}}, "openapi: {} is not a version that can be read: 2.0, 3.0 and 3.1 are"),
        ({"openapi": "3.0.0"}, "not an OpenAPI document: it has no paths"),
    ],
)
def test_what_is_no_openapi_document_is_refused(root: Any, problem: str) -> None:
    with pytest.raises(DocumentError) as caught:
        Document("api.yaml", root)
    assert str(caught.value).partition(": ")[2] == problem


def test_a_fault_names_its_place() -> None:
    with pytest.raises(DocumentError) as caught:
        Document("api.yaml", {"openapi": "3.0.0", "paths": []})
    assert str(caught.value) == "api.yaml#/paths: paths are no object"


@pytest.mark.parametrize(
    ("said", "version"),
    [("3.0.0", "3.0"), ("3.0.3-rc1", "3.0"), (3.0, "3.0"), ("3.1.0", "3.1"), ("3.1", "3.1"), ("3.2.0", "3.1")],
)
def test_versions_are_made_alike(said: Any, version: str) -> None:
    assert Document("api.yaml", {"openapi": said, "info": INFO, "paths": {}}).version == version


def test_swagger_may_be_a_number() -> None:
    assert Document("api.yaml", {"swagger": 2, "info": INFO, "paths": {}}).version == "2.0"
    assert Document("api.yaml", {"swagger": 2.0, "info": INFO, "paths": {}}).version == "2.0"


def test_a_place_has_one_pointer_however_it_is_written() -> None:
    read = document(paths={"/a b/{c}": {"get": {"x": ["zero", {"~/": 1}]}}})
    expected = (1, "#/paths/~1a b~1{c}/get/x/1/~0~1")
    assert read.find("#/paths/~1a b~1{c}/get/x/1/~0~1") == expected
    assert read.find("#/paths/~1a%20b~1%7Bc%7D/get/x/1/%7E0~1") == expected


def test_references_lead_through_references() -> None:
    parts = {
        "A": {"$ref": "#/components/schemas/B"},
        "B": {"properties": {"c": {"$ref": "#/components/schemas/C"}}},
        "C": {"properties": {"d": {"type": "string"}}},
    }
    read = document(components={"schemas": parts})
    found = read.resolve({"$ref": "#/components/schemas/A/properties/c/properties/d"}, "#")
    assert found == ({"type": "string"}, "#/components/schemas/C/properties/d")
    assert read.resolve({"$ref": "#/components/schemas/A"}, "#")[1] == "#/components/schemas/B"


def test_circles_of_references_end() -> None:
    parts = {
        "A": {"$ref": "#/components/schemas/B"},
        "B": {"$ref": "#/components/schemas/A"},
        "C": {"$ref": "#/components/schemas/C/properties/x"},
        "D": {"$ref": "#/components/schemas/E/a"},
        "E": {"$ref": "#/components/schemas/D/b"},
        **{f"L{index}": {"$ref": f"#/components/schemas/L{index + 1}/x"} for index in range(5_000)},
    }
    read = document(components={"schemas": parts})
    for name in ("A", "B", "C", "D", "E", "L0", "L10"):
        with pytest.raises(DocumentError):
            read.resolve({"$ref": f"#/components/schemas/{name}"}, "#")


def test_anchors_name_places() -> None:
    parts = {"A": {"$anchor": "here", "type": "string"}, "B": {"$defs": {"x": {"$dynamicAnchor": "node"}}}}
    read = document("3.1.0", components={"schemas": parts})
    assert read.find("#here") == (parts["A"], "#/components/schemas/A")
    assert read.find("#node")[1] == "#/components/schemas/B/$defs/x"


def test_hostile_names_stay_on_one_line_of_a_message() -> None:
    with pytest.raises(DocumentError) as caught:
        document().find("#/" + "\x1b[2J\n\u2028" * 10_000)
    assert str(caught.value).startswith("#/\\u001b[2J\\u000a\\u2028")
    assert len(str(caught.value)) < 2_000
