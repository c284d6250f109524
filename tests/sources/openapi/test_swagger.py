"""Documents of Swagger 2.0 say the same as those of 3.0, and their pointers lead to where things are written."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.openapi.documents import api, document, losses_of

PET = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "format": "int64"}}}


def test_a_body_has_the_media_types_that_are_consumed() -> None:
    post = {
        "consumes": ["application/json", "application/xml"],
        "parameters": [{"in": "body", "name": "pet", "required": True, "schema": {"$ref": "#/definitions/Pet"}}],
        "responses": {"204": {"description": "done"}},
    }
    (operation,) = api("2.0", paths={"/pets": {"post": post}}, definitions={"Pet": PET}).operations
    assert operation.parameters == ()
    assert operation.body is not None
    assert operation.body.required
    assert operation.body.pointer == "#/paths/~1pets/post/parameters/0"
    assert list(operation.body.contents) == ["application/json", "application/xml"]
    schema = operation.body.contents["application/json"].schema
    assert schema is not None
    assert (schema.pointer, schema.name) == ("#/definitions/Pet", "Pet")
    assert operation.answers["204"].contents == {}


@pytest.mark.parametrize(
    ("written", "style", "explode"),
    [
        ({}, "form", False),
        ({"collectionFormat": "csv"}, "form", False),
        ({"collectionFormat": "multi"}, "form", True),
        ({"collectionFormat": "ssv"}, "spaceDelimited", False),
        ({"collectionFormat": "pipes"}, "pipeDelimited", False),
        ({"collectionFormat": "tsv"}, "tabDelimited", False),
        ({"collectionFormat": ["hostile"]}, "form", False),
    ],
)
def test_a_parameter_is_its_own_schema(written: dict[str, Any], style: str, explode: bool) -> None:
    given = {
        "in": "query",
        "name": "ids",
        "type": "array",
        "items": {"type": "integer"},
        "description": "Which",
        **written,
    }
    (operation,) = api("2.0", paths={"/pets": {"get": {"parameters": [given], "responses": {}}}}).operations
    (parameter,) = operation.parameters
    assert (parameter.style, parameter.explode, parameter.description) == (style, explode, "Which")
    assert parameter.schema.pointer == "#/paths/~1pets/get/parameters/0"
    assert parameter.schema.kinds == {"array"}
    assert parameter.schema.items is not None
    assert parameter.schema.items.kinds == {"integer"}


def test_parameters_are_shared_and_replaced() -> None:
    read = api(
        "2.0",
        parameters={
            "limit": {"in": "query", "name": "limit", "type": "integer", "maximum": 50},
            "pet": {"in": "body", "name": "pet", "schema": {"$ref": "#/definitions/Pet"}},
        },
        definitions={"Pet": PET},
        paths={
            "/pets/{id}": {
                "parameters": [
                    {"in": "path", "name": "id", "required": True, "type": "string"},
                    {"in": "query", "name": "limit", "type": "string"},
                ],
                "get": {"parameters": [{"$ref": "#/parameters/limit"}], "responses": {}},
                "put": {"parameters": [{"$ref": "#/parameters/pet"}, {"$ref": "#/parameters/none"}], "responses": {}},
            }
        },
    )
    get, put = read.operations
    assert [(one.name, one.schema.pointer, one.schema.maximum) for one in get.parameters] == [
        ("id", "#/paths/~1pets~1{id}/parameters/0", None),
        ("limit", "#/parameters/limit", 50),
    ]
    assert put.body is not None
    assert put.body.pointer == "#/parameters/pet"
    assert losses_of(read) == [("#/paths/~1pets~1{id}/put/parameters/2", "broken-reference")]


def test_a_form_is_an_object_of_its_parameters() -> None:
    post = {
        "consumes": ["application/json", "multipart/form-data"],
        "parameters": [
            {"in": "formData", "name": "name", "type": "string", "required": True},
            {
                "in": "formData",
                "name": "tags",
                "type": "array",
                "items": {"type": "string"},
                "collectionFormat": "multi",
            },
            {"in": "formData", "name": "photo", "type": "file", "description": "A photo"},
        ],
        "responses": {},
    }
    (operation,) = api("2.0", paths={"/pets": {"post": post}}).operations
    assert operation.body is not None
    ((media, content),) = operation.body.contents.items()
    assert media == "multipart/form-data"
    assert content.encoding == {"tags": {"style": "form", "explode": True}}
    assert content.schema is not None
    assert content.schema.pointer == "#/paths/~1pets/post/parameters"
    assert content.schema.required == {"name"}
    photo = content.schema.properties["photo"]
    assert photo.kinds == {"string"}
    assert (photo.format, photo.description) == ("binary", "A photo")
    assert photo.pointer == "#/paths/~1pets/post/parameters/2"


def test_answers_have_the_media_types_that_are_produced() -> None:
    read = api(
        "2.0",
        produces=["application/vnd.pets+json"],
        responses={"Missing": {"description": "none", "schema": {"$ref": "#/definitions/Error"}}},
        definitions={"Error": {"type": "object", "properties": {"code": {"type": "string"}}}},
        paths={
            "/pets": {
                "get": {
                    "responses": {
                        "200": {"description": "ok", "schema": {"type": "array", "items": {"type": "string"}}},
                        "404": {"$ref": "#/responses/Missing"},
                        "default": {"description": "?", "schema": {"type": "object", "x-nullable": True}},
                    }
                }
            }
        },
    )
    (operation,) = read.operations
    answer = operation.answers["200"].contents["application/vnd.pets+json"].schema
    assert answer is not None
    assert answer.pointer == "#/paths/~1pets/get/responses/200/schema"
    missing = operation.answers["404"].contents["application/vnd.pets+json"].schema
    assert missing is not None
    assert (missing.name, operation.answers["404"].pointer) == ("Error", "#/responses/Missing")
    other = operation.answers["default"].contents["application/vnd.pets+json"].schema
    assert other is not None
    assert other.nullable


@pytest.mark.parametrize(
    ("parts", "server"),
    [
        ({"host": "pets.example", "basePath": "/v1/", "schemes": ["http", "https"]}, "https://pets.example/v1"),
        ({"host": "pets.example", "schemes": ["ws", "http"]}, "http://pets.example"),
        ({"host": "pets.example:8080", "basePath": "v1"}, "https://pets.example:8080/v1"),
        ({"basePath": "/v1"}, ""),
        ({"host": 1, "basePath": [], "schemes": {}}, ""),
    ],
)
def test_the_server_is_made_of_host_and_path(parts: dict[str, Any], server: str) -> None:
    assert api("2.0", **parts).server == server


def test_security_schemes_are_those_of_later_versions() -> None:
    flow = {"type": "oauth2", "flow": "application", "tokenUrl": "https://pets.example/token", "scopes": {"a": "b"}}
    read = api(
        "2.0",
        security=[{"login": []}],
        securityDefinitions={
            "login": {"type": "basic"},
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "app": flow,
        },
    )
    assert read.security == (("login",),)
    assert read.schemes["login"]["scheme"] == "basic"
    assert read.schemes["key"]["name"] == "X-Key"
    assert read.schemes["app"]["flows"] == {
        "clientCredentials": {"tokenUrl": "https://pets.example/token", "scopes": {"a": "b"}}
    }


def test_bases_of_2_0_name_their_property_as_a_text() -> None:
    base = {"type": "object", "discriminator": "kind", "properties": {"kind": {"type": "string"}}}
    cat = {
        "allOf": [{"$ref": "#/definitions/Animal"}, {"type": "object", "properties": {"lives": {"type": "integer"}}}]
    }
    read = api("2.0", definitions={"Animal": base, "Cat": cat})
    animal = read.schemas.named("Animal")
    assert animal is not None
    assert [option.name for option in animal.options] == ["Cat"]
    assert animal.discriminator is not None
    assert animal.discriminator.property == "kind"
    assert list(animal.discriminator.values) == ["Cat"]


def test_the_written_document_is_not_changed() -> None:
    post = {"parameters": [{"in": "body", "name": "pet", "schema": PET}], "responses": {"200": {"description": ""}}}
    read = document("2.0", paths={"/pets": {"post": post}})
    assert read.find("#/paths/~1pets/post/parameters/0/schema") == (PET, "#/paths/~1pets/post/parameters/0/schema")
    assert set(post) == {"parameters", "responses"}


def test_a_credential_may_be_a_parameter() -> None:
    headers = [{"in": "header", "name": name, "type": "string"} for name in ("Authorization", "Accept")]
    read = api("2.0", paths={"/pets": {"get": {"parameters": headers, "responses": {}}}})
    assert [parameter.name for parameter in read.operations[0].parameters] == ["Authorization"]
    assert losses_of(read) == [("#/paths/~1pets/get/parameters/1", "header-said-elsewhere")]
