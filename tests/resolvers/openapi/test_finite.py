"""Input types of which no client could give a value are opened at one place."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import graphql

from resolvers.openapi.finite import made_finite
from sources.openapi import Losses
from tests.resolvers.openapi.documents import definition, graph_of

PLAIN = graphql.GraphQLString


def inputs(**fields: dict[str, str]) -> tuple[str, list[str]]:
    """Give input types, a name with a small letter first is a ``@oneOf``, as they became, and what was lost."""
    kinds: dict[str, graphql.GraphQLInputObjectType] = {}

    def kind_of(text: str) -> Any:
        named: Any = kinds.get(text.strip("[!]"), PLAIN)
        named = graphql.GraphQLList(named) if text.startswith("[") else named
        return graphql.GraphQLNonNull(named) if text.endswith("!") else named

    def made(texts: dict[str, str]) -> dict[str, graphql.GraphQLInputField]:
        return {word: graphql.GraphQLInputField(kind_of(text)) for word, text in texts.items()}

    for name, texts in fields.items():
        kinds[name] = graphql.GraphQLInputObjectType(name, partial(made, texts), is_one_of=name.islower())
    losses = Losses()
    made_finite(kinds.values(), losses)
    argument = {name: graphql.GraphQLArgument(kind) for name, kind in kinds.items()}
    schema = graphql.GraphQLSchema(
        graphql.GraphQLObjectType("Query", {"all": graphql.GraphQLField(PLAIN, argument)}), types=list(kinds.values())
    )
    assert graphql.validate_schema(schema) == []
    shown = (f"{name}.{word}: {one.type}" for name, kind in kinds.items() for word, one in kind.fields.items())
    return " ".join(shown), [loss.message for loss in losses]


def test_what_has_an_end_stays() -> None:
    found, told = inputs(A={"b": "B!", "a": "A", "all": "[A]!"}, B={"c": "c!"}, c={"b": "B", "text": "String"})
    assert found == "A.b: B! A.a: A A.all: [A]! B.c: c! c.b: B c.text: String"
    assert told == []


def test_a_circle_is_opened_at_a_field_and_what_only_leads_there_stays() -> None:
    found, told = inputs(Way={"a": "A!"}, A={"one": "one!", "text": "String!"}, one={"a": "A", "b": "B"}, B={"a": "A!"})
    assert found == "Way.a: A! A.one: one A.text: String! one.a: A one.b: B B.a: A!"
    assert told == ["A needs itself by way of 'one', which no client can give; it may be left out"]


def test_a_circle_of_nothing_but_alternatives_becomes_json_at_one_place() -> None:
    found, told = inputs(one={"two": "two"}, two={"one": "one", "self": "two"})
    assert found == "one.two: JSON two.one: one two.self: two"
    assert told == ["one needs itself by way of 'two', which no client can give; it is JSON"]


def test_alternatives_of_a_document_that_all_need_the_whole_are_sound(tmp_path: Path) -> None:
    whole = {"$ref": "#/components/schemas/Whole"}
    one, two = ({"type": "object", "required": ["inner"], "properties": {"inner": whole, name: {"type": "string"}}}
                for name in ("a", "b"))  # fmt: skip
    graph = graph_of(tmp_path, {"Whole": {"oneOf": [one, two]}})
    assert graphql.validate_schema(graph.schema) == []
    assert "inner: WholeInput\n" in definition(graph, "WholeOption1Input")
