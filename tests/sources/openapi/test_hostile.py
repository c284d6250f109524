"""Whatever is dropped from a document, replaced or repeated in it: it is read, and every loss has a place."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.openapi import Api, Document, DocumentError, Schema

PET = {
    "type": "object",
    "required": ["id", "kind"],
    "description": "A pet",
    "discriminator": {"propertyName": "kind", "mapping": {"cat": "Cat", "dog": "#/components/schemas/Dog"}},
    "properties": {
        "id": {"type": "integer", "format": "int64", "minimum": 0},
        "kind": {"type": "string", "enum": ["cat", "dog"]},
        "owner": {"allOf": [{"$ref": "#/components/schemas/Owner"}], "nullable": True},
        "tags": {"type": "array", "items": {"type": "string"}},
        "extra": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Pet"}},
        "value": {"oneOf": [{"type": "string"}, {"$ref": "#/components/schemas/Pet"}, {"type": "null"}]},
    },
}
NEW: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://{env}.pets.example/v1", "variables": {"env": {"default": "api", "enum": ["api"]}}}],
    "security": [{"key": []}],
    "paths": {
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {
                "operationId": "getPet",
                "tags": ["pets"],
                "parameters": [{"$ref": "#/components/parameters/Full"}],
                "responses": {
                    "200": {
                        "description": "A pet",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                        "links": {"owner": {"operationId": "getOwner", "parameters": {"id": "$response.body#/id"}}},
                    },
                    "default": {"$ref": "#/components/responses/Error"},
                },
                "callbacks": {"done": {"{$request.query.url}": {"post": {"responses": {}}}}},
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "multipart/form-data": {"schema": {"$ref": "#/components/schemas/Pet"}, "encoding": {}}
                    },
                },
                "responses": {"201": {"description": "done"}},
            },
        }
    },
    "webhooks": {"newPet": {"post": {"responses": {}}}},
    "components": {
        "schemas": {
            "Pet": PET,
            "Cat": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"properties": {"lives": {"const": 9}}}]},
            "Dog": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"anyOf": [{"required": ["id"]}, True]}]},
            "Owner": {"$ref": "#/components/schemas/Person", "description": "Whose it is"},
            "Person": {
                "type": ["object", "null"],
                "properties": {"pets": {"items": {"$ref": "#/components/schemas/Pet"}}},
            },
        },
        "parameters": {"Full": {"name": "full", "in": "query", "style": "deepObject", "schema": {"type": "object"}}},
        "responses": {"Error": {"description": "x", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
    },
}
OLD: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Pets", "version": "1"},
    "host": "pets.example",
    "basePath": "/v1",
    "schemes": ["https"],
    "consumes": ["application/json"],
    "produces": ["application/json"],
    "securityDefinitions": {"app": {"type": "oauth2", "flow": "application", "tokenUrl": "https://x.example"}},
    "definitions": {"Pet": {"type": "object", "discriminator": "kind", "properties": {"kind": {"type": "string"}}}},
    "parameters": {"limit": {"name": "limit", "in": "query", "type": "array", "items": {"type": "string"}}},
    "responses": {"Error": {"description": "x", "schema": {"$ref": "#/definitions/Pet"}, "examples": {"a/b": 1}}},
    "paths": {
        "/pets": {
            "parameters": [{"$ref": "#/parameters/limit"}],
            "get": {
                "responses": {"200": {"schema": {"$ref": "#/definitions/Pet"}}, "404": {"$ref": "#/responses/Error"}}
            },
            "put": {
                "parameters": [{"name": "f", "in": "formData", "type": "file", "collectionFormat": "multi"}],
                "responses": {},
            },
            "post": {
                "parameters": [{"name": "pet", "in": "body", "schema": {"$ref": "#/definitions/Pet"}}],
                "responses": {},
            },
        }
    },
}
SAID = """kinds nullable enum format minimum maximum default example title description deprecated read_only write_only
    is_map required name""".split()
WORDS = [
    "$ref",
    "allOf",
    "oneOf",
    "properties",
    "type",
    "items",
    "get",
    "parameters",
    "schema",
    "content",
    "__proto__",
    "",
]
REFERENCES = ["#", "#/", "#/paths", "#/components/schemas/Pet", "#/components/schemas/Cat/allOf/0", "#/definitions/Pet",
              "#/nowhere", "#x", "a.yaml", "http://127.0.0.1:1/x", "\x00"]  # fmt: skip
TEXTS = [*WORDS, *REFERENCES, "object", "null", "\ud83d", "x" * 5_000]
SIMPLE: list[Any] = [None, True, False, -1, 2, 1e300, [], {}, [None], [[]], {"": None}]
JUNK = [*TEXTS, *SIMPLE, *({"$ref": reference} for reference in REFERENCES)]
JUNK += [{word: junk} for word in WORDS for junk in (*SIMPLE, "#", [{}], {"a": {}})]


def places(root: Any) -> list[tuple[Any, Any]]:
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        names = list(node) if isinstance(node, dict) else range(len(node))
        found += [(node, name) for name in names]
        waiting += [node[name] for name in names if isinstance(node[name], dict | list)]
    return found


def schemas_of(read: Api) -> Iterator[Schema]:
    for operation in (*read.operations, *read.webhooks.values()):
        yield from (parameter.schema for parameter in operation.parameters)
        bodies = [operation.body.contents] if operation.body is not None else []
        for contents in (*bodies, *(answer.contents for answer in operation.answers.values())):
            yield from (content.schema for content in contents.values() if content.schema is not None)


def walk(read: Api) -> int:
    """Ask every schema everything; give how many there are."""
    seen: set[Schema] = set()
    waiting = [*schemas_of(read), *read.schemas.extending]
    while waiting and len(seen) < 2_000:
        schema = waiting.pop()
        if schema in seen:
            continue
        seen.add(schema)
        said = [getattr(schema, name) for name in SAID]
        assert repr(said)
        waiting += [schema.shape, *schema.properties.values(), *schema.options]
        waiting += [one for one in (schema.items, schema.additional) if isinstance(one, Schema)]
        waiting += schema.discriminator.values.values() if schema.discriminator is not None else ()
    return len(seen)


@pytest.mark.parametrize("whole", [NEW, OLD, {**NEW, "openapi": "3.0.3"}])
def test_the_whole_documents_lose_nothing(whole: dict[str, Any]) -> None:
    read = Api(Document("api.yaml", whole))
    assert walk(read) > 5
    assert [loss.reason for loss in read.losses] == []


def broken(random: Random) -> Any:
    """A document with up to six parts dropped, replaced, repeated elsewhere or added."""
    root = copy.deepcopy(random.choice([NEW, OLD]))
    for _ in range(random.randint(1, 6)):
        known = places(root)
        node, name = random.choice(known)
        change = random.choice(["drop", "replace", "repeat", "add"])
        if change == "drop":
            del node[name]
        elif change == "replace":
            node[name] = copy.deepcopy(random.choice(JUNK))
        elif change == "repeat":
            other, at = random.choice(known)
            node[name] = copy.deepcopy(other[at])
        elif isinstance(node, dict):
            node[random.choice(WORDS)] = copy.deepcopy(random.choice(JUNK))
        else:
            node.append(copy.deepcopy(random.choice(JUNK)))
    return root


@settings(max_examples=500)
@given(st.integers(0, 2**64))
def test_a_document_is_read_whatever_is_broken_in_it(seed: int) -> None:
    root = broken(Random(seed))
    try:
        read = Api(Document("api.yaml", root))
    except DocumentError:
        return
    walk(read)
    for loss in read.losses:
        assert "#" in loss.pointer
        assert loss.message
        assert loss.effect in ("json", "left-out", "loosened")
