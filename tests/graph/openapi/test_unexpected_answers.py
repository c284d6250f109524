"""A backend that answers otherwise than its document says: errors where they belong, alike on both paths."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import graphql
from hypothesis import given
from hypothesis import strategies as st

from graph import Graph
from sources import FakeTransport
from sources.openapi import Document, OpenAPI

Json = Any


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def content(schema: Json) -> Json:
    return {"description": "", "content": {"application/json": {"schema": schema}}}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
TEXTS = {"type": "array", "items": TEXT}
SCHEMAS = {
    "Kind": {"type": "string", "enum": ["in-stock", "gone"]},
    "Cat": {"type": "object", "required": ["type", "lives"], "properties": {"type": TEXT, "lives": NUMBER}},
    "Dog": {"type": "object", "required": ["type"], "properties": {"type": TEXT, "tricks": TEXTS}},
    "Pet": {
        "oneOf": [ref("Cat"), ref("Dog")],
        "discriminator": {"propertyName": "type", "mapping": {"cat": "Cat", "dog": "Dog"}},
    },
    "Loose": {"oneOf": [ref("Cat"), {"type": "string"}, {"type": "array", "items": NUMBER}, {"type": "boolean"}]},
    "Thing": {
        "type": "object",
        "required": ["id", "kind"],
        "properties": {
            "id": NUMBER,
            "kind": ref("Kind"),
            "at": {"type": "string", "format": "date-time"},
            "pet": ref("Pet"),
            "pets": {"type": "array", "items": ref("Pet")},
            "loose": ref("Loose"),
            "byName": {"type": "object", "additionalProperties": ref("Pet")},
            "any": {},
            "thing": ref("Thing"),
        },
    },
    "Problem": {"type": "object", "required": ["title"], "properties": {"title": TEXT}},
}
PROBLEM = content(ref("Problem"))
ANSWERS = {
    "thing": {"200": content(ref("Thing")), "202": PROBLEM, "404": PROBLEM, "4XX": content(TEXT)},
    "things": {"200": content({"type": "array", "items": ref("Thing")})},
    "pets": {"200": content({"type": "object", "additionalProperties": ref("Pet")})},
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {f"/{name}": {"get": {"operationId": name, "responses": found}} for name, found in ANSWERS.items()},
    "components": {"schemas": SCHEMAS},
}


class Both:
    """A graph of the document, asked by both paths."""

    def __init__(self, *, results: bool) -> None:
        self.answer: Json = None
        transport = FakeTransport(lambda *_: self.answer)
        source = OpenAPI("shop", Document("x", DOCUMENT), url="http://127.0.0.1", client=transport, results=results)
        self.graph = Graph(documents=[source])

    async def ask(self, query: str, answer: Json) -> Json:
        """Give the answer of the compiled path, after it was compared with that of the exact one."""
        self.answer = answer
        operations = self.graph.engine.operations
        variant = operations.variant_without_variables(operations.get(query, None))
        runner = variant.runner
        assert runner is not None, variant.obstacle
        compiled = await self.graph.execute(query)
        try:
            variant.runner = None
            exact = await self.graph.execute(query)
        finally:
            variant.runner = runner
        assert _shape(compiled) == _shape(exact)
        return compiled


def _shape(answer: Json) -> Json:
    found = json.loads(json.dumps(answer))
    errors = [
        (error.get("path"), error["extensions"].get("code"), error["message"]) for error in found.get("errors", [])
    ]
    return found.get("data"), sorted(errors, key=repr)


def query_of(graph: Graph, name: str) -> str:
    """Give a query for all fields of a document's field, however many types it may answer."""
    kind = graph.schema.query_type.fields[name].type  # type: ignore[union-attr]
    return "{ " + name + _selected(graphql.get_named_type(kind), 3) + " }"


def _selected(kind: Any, depth: int) -> str:
    if isinstance(kind, graphql.GraphQLUnionType):
        parts = (f"... on {one.name} {_selected(one, depth)}" for one in kind.types)
        return "{ __typename " + " ".join(parts) + "}"
    if not isinstance(kind, graphql.GraphQLObjectType):
        return ""
    fields = []
    for name, field in kind.fields.items():
        inner = graphql.get_named_type(field.type)
        if depth or graphql.is_leaf_type(inner):
            fields.append(f"{kind.name}_{name}: {name}{_selected(inner, depth - 1)}")
    return "{ __typename " + " ".join(fields) + "}"


CAT, DOG = {"type": "cat", "lives": 9}, {"type": "dog", "tricks": ["roll"]}
THING = {
    "id": 1,
    "kind": "in-stock",
    "at": "2020-01-01T00:00:00Z",
    "pet": CAT,
    "pets": [DOG, CAT],
    "loose": "x",
    "byName": {"a": CAT, "": DOG},
    "any": {"b": 1.5},
    "thing": {"id": 2, "kind": "gone"},
}
WHOLE = [THING, [THING, THING], {"a": CAT, "b": DOG}, ["x"], {"title": "no"}, CAT]
ODD: list[Json] = [
    None,
    True,
    0,
    -1,
    1.5,
    2**70,
    "",
    "cat",
    "in-stock",
    "2020-13-01T00:00:00Z",
    "\u202e\0",
    [],
    {},
    [[]],
    [None],
]
ODD += [{"type": "cow"}, {"type": None}, {"type": "cat"}, {"type": ["cat"]}, CAT, DOG, [CAT, None, 3], {"a": CAT}]
PLAIN, RESULTS = Both(results=False), Both(results=True)


def places(value: Json) -> list[tuple[Json, Any]]:
    found = []
    for name in value if isinstance(value, dict) else range(len(value)):
        found.append((value, name))
        if isinstance(value[name], dict | list):
            found += places(value[name])
    return found


@st.composite
def answers(draw: st.DrawFn) -> Json:
    """Draw an answer that is as documented but for a few places."""
    whole = [copy.deepcopy(draw(st.sampled_from(WHOLE)))]
    for _ in range(draw(st.integers(0, 3))):
        holder, name = draw(st.sampled_from(places(whole)))
        if isinstance(holder, dict) and draw(st.booleans()):
            del holder[name]
        else:
            holder[name] = copy.deepcopy(draw(st.sampled_from(ODD)))
    body = draw(st.sampled_from([whole[0], whole[0], whole[0], whole[0], b"", b"<html>", b"{", b'"\\ud800"', b"NaN"]))
    return draw(st.sampled_from([200, 200, 200, 200, 201, 202, 204, 304, 400, 404, 500])), body


@given(st.sampled_from([PLAIN, RESULTS]), st.sampled_from(["thing", "things", "pets"]), answers())
def test_both_paths_make_the_same_of_it(both: Both, field: str, answer: Json) -> None:
    with asyncio.Runner() as runner:
        runner.run(both.ask(query_of(both.graph, field), answer))
