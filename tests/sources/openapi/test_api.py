"""An API is read whatever is wrong with parts of it, and each part that is left out is told."""

from __future__ import annotations

from typing import Any

import pytest

from sources.openapi import Operation
from tests.sources.openapi.documents import api, losses_of


def operation(version: str = "3.0.3", path: str = "/pets", **parts: Any) -> tuple[Operation, list[tuple[str, str]]]:
    read = api(version, paths={path: {"get": parts}})
    (found,) = read.operations
    return found, losses_of(read)


def test_operations_are_read_in_their_order() -> None:
    pets = {
        "summary": "Pets",
        "description": "All of them",
        "servers": [],
        "x-more": {},
        "get": {"operationId": "list", "tags": ["a", 1], "summary": "List", "deprecated": True},
        "post": {},
    }
    read = api(paths={"/pets": pets, "x-hidden": {"get": {}}})
    listed, created = read.operations
    assert (listed.id, listed.method, listed.path, listed.tags) == ("list", "GET", "/pets", ("a",))
    assert (listed.summary, listed.description, listed.deprecated) == ("List", "All of them", True)
    assert (created.id, created.pointer, created.deprecated) == (None, "#/paths/~1pets/post", False)
    assert losses_of(read) == []


@pytest.mark.parametrize(
    ("paths", "lost"),
    [
        ({"/a": None}, ("#/paths/~1a", "broken-operation")),
        ({"/a": []}, ("#/paths/~1a", "broken-operation")),
        ({"/a": {"get": []}}, ("#/paths/~1a/get", "broken-operation")),
        ({"/a": {"get": "x"}}, ("#/paths/~1a/get", "broken-operation")),
        ({"/a": {"$ref": "#/nowhere"}}, ("#/paths/~1a", "broken-reference")),
    ],
)
def test_one_bad_operation_costs_itself(paths: Any, lost: tuple[str, str]) -> None:
    read = api(paths={**paths, "/good": {"get": {}}})
    assert [str(found) for found in read.operations] == ["GET /good"]
    assert losses_of(read) == [lost]


def test_paths_may_be_references() -> None:
    read = api(paths={"/a": {"$ref": "#/shared/a", "post": {}}}, shared={"a": {"get": {"operationId": "a"}}})
    assert [(str(found), found.pointer) for found in read.operations] == [
        ("GET /a", "#/shared/a/get"),
        ("POST /a", "#/shared/a/post"),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"name": "a", "in": "query"}, ("form", True, False)),
        ({"name": "a", "in": "query", "explode": False}, ("form", False, False)),
        ({"name": "a", "in": "query", "style": "deepObject", "required": "true"}, ("deepObject", False, True)),
        ({"name": "a", "in": "header"}, ("simple", False, False)),
        ({"name": "a", "in": "cookie", "style": ["hostile"]}, ("form", True, False)),
    ],
)
def test_parameters_have_the_styles_of_their_places(written: Any, expected: tuple[str, bool, bool]) -> None:
    found, losses = operation(parameters=[written])
    (parameter,) = found.parameters
    assert (parameter.style, parameter.explode, parameter.required) == expected
    assert losses == []


def test_a_parameter_may_be_written_in_a_media_type() -> None:
    content = {"application/json": {"schema": {"type": "object", "properties": {"a": {}}}}}
    found, _ = operation(parameters=[{"name": "filter", "in": "query", "content": content}])
    (parameter,) = found.parameters
    assert parameter.media == "application/json"
    assert list(parameter.schema.properties) == ["a"]


@pytest.mark.parametrize(
    ("parameters", "lost"),
    [
        ("hostile", ("#/paths/~1pets/get/parameters", "broken-parameter")),
        ([None], ("#/paths/~1pets/get/parameters/0", "broken-parameter")),
        ([{"in": "query"}], ("#/paths/~1pets/get/parameters/0", "broken-parameter")),
        ([{"name": "a", "in": "body"}], ("#/paths/~1pets/get/parameters/0", "broken-parameter")),
        ([{"name": "a", "in": []}], ("#/paths/~1pets/get/parameters/0", "broken-parameter")),
        ([{"$ref": "#/nowhere"}], ("#/paths/~1pets/get/parameters/0", "broken-reference")),
        ([{"name": "id", "in": "path"}], ("#/paths/~1pets/get/parameters/0", "not-in-path")),
        ([{"name": "Accept", "in": "header"}], ("#/paths/~1pets/get/parameters/0", "header-said-elsewhere")),
    ],
)
def test_one_bad_parameter_costs_itself(parameters: Any, lost: tuple[str, str]) -> None:
    found, losses = operation(parameters=parameters)
    assert found.parameters == ()
    assert losses == [lost]


@pytest.mark.parametrize("path", ["pets", "/pets#{id}", "x/{other}?a=b#/{id}"])
def test_a_parameter_that_the_path_does_not_send_costs_itself(path: str) -> None:
    found, losses = operation(path=path, parameters=[{"name": "id", "in": "path", "required": True}])
    assert "id" not in [parameter.name for parameter in found.parameters]
    assert (f"#/paths/{path.replace('/', '~1')}/get/parameters/0", "not-in-path") in losses


def test_a_parameter_that_stands_twice_counts_once() -> None:
    twice = [
        {"name": "a", "in": "query", "required": True},
        {"name": "a", "in": "query"},
        {"name": "a", "in": "header"},
    ]
    found, losses = operation(parameters=twice)
    assert [(parameter.place, parameter.required) for parameter in found.parameters] == [
        ("query", True),
        ("header", False),
    ]
    assert losses == [("#/paths/~1pets/get/parameters/1", "broken-parameter")]


def test_what_a_path_holds_and_nobody_describes_is_a_text() -> None:
    found, losses = operation(path="/pets/{id}/toys/{toy}", parameters=[{"name": "toy", "in": "path"}])
    assert [(one.name, one.required, sorted(one.schema.kinds)) for one in found.parameters] == [
        ("toy", True, []),
        ("id", True, ["string"]),
    ]
    assert losses == [("#/paths/~1pets~1{id}~1toys~1{toy}/get", "undeclared-parameter")]


def test_parameters_of_a_path_are_those_of_its_operations() -> None:
    item = {
        "parameters": [{"name": "id", "in": "path"}, {"name": "full", "in": "query", "required": True}],
        "get": {"parameters": [{"name": "full", "in": "query"}]},
    }
    (found,) = api(paths={"/pets/{id}": item}).operations
    assert [(one.name, one.required) for one in found.parameters] == [("id", True), ("full", False)]


def test_bodies_and_answers_have_their_media_types() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    content = {"application/json": {"schema": schema}, "text/plain": {}, "multipart/form-data": {"schema": True}}
    found, losses = operation(
        requestBody={"required": True, "content": content},
        responses={"200": {"content": content}, "2xx": {}, "default": {"$ref": "#/components/responses/None"}},
    )
    assert found.body is not None
    assert found.body.required
    assert [content.schema is None for content in found.body.contents.values()] == [False, True, False]
    assert {status: list(answer.contents) for status, answer in found.answers.items()} == {
        "200": ["application/json", "text/plain", "multipart/form-data"],
        "2XX": [],
        "default": [],
    }
    assert losses == [("#/paths/~1pets/get/responses/default", "broken-reference")]


def test_links_name_operations_by_id_or_pointer() -> None:
    links = {
        "byId": {"operationId": "getPet", "parameters": {"id": "$response.body#/id"}},
        "byRef": {"operationRef": "#/paths/%2Fpets/get"},
        "broken": {"operationRef": "#/paths/~1none/get"},
        "empty": {},
    }
    found, losses = operation(responses={"200": {"links": links}})
    assert [(link.name, link.operation) for link in found.answers["200"].links] == [("byId", "getPet")]
    assert len(losses) == 3
    found, losses = operation(responses={"200": {"links": {"a": {"operationRef": "#/paths/~1pets/get"}}}})
    assert [link.operation for link in found.answers["200"].links] == ["#/paths/~1pets/get"]


def test_callbacks_are_operations_whose_own_callbacks_do_not_count() -> None:
    callback = {
        "/api/{$request.body#/url}": {"post": {"operationId": "called", "callbacks": {"again": {"$ref": "#/c"}}}}
    }
    read = api(paths={"/pets": {"post": {"callbacks": {"done": {"$ref": "#/c"}, "bad": []}}}}, c=callback)
    (found,) = read.operations
    assert list(found.callbacks) == ["done"]
    assert (found.callbacks["done"].id, found.callbacks["done"].callbacks) == ("called", {})
    assert losses_of(read) == []


def test_webhooks_have_names() -> None:
    read = api("3.1.0", webhooks={"newPet": {"post": {"requestBody": {"content": {"application/json": {}}}}}})
    assert list(read.webhooks) == ["newPet"]
    assert read.webhooks["newPet"].pointer == "#/webhooks/newPet/post"


def test_security_is_alternatives_of_schemes() -> None:
    read = api(
        security=[{"key": []}, {"login": [], "token": ["read"]}],
        components={"securitySchemes": {"key": {"type": "apiKey"}, "login": {"$ref": "#/nowhere"}, "token": "hostile"}},
        paths={"/a": {"get": {"security": []}, "post": {"security": [{}]}, "put": {}}},
    )
    assert read.security == (("key",), ("login", "token"))
    assert {found.method: found.security for found in read.operations} == {"GET": (), "POST": ((),), "PUT": None}
    assert read.schemes == {"key": {"type": "apiKey"}, "login": {}, "token": {}}
