"""Operations for the fields of an imported document, and what their answers must be, judged by what the backend said.

An operation selects one root field and what is below it, two objects deep or more while there is room. What must come
of a body is found by walking schema and body together, by the names and paths that the import left on the fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import graphql

from resolvers.marks import PropertyMark, mark_on

Json = Any
_SAMPLES: dict[str, Json] = {
    "ID": "1",
    "Int": 1,
    "Float": 1.5,
    "Boolean": True,
    "Int64": "1",
    "Decimal": "1.5",
    "DateTime": "2026-01-31T12:30:00Z",
    "Date": "2026-01-31",
    "Time": "12:30:00",
    "Duration": "PT1H",
    "UUID": "00000000-0000-4000-8000-000000000000",
    "URL": "https://example.com/path",
    "Email": "ada@example.com",
    "Base64": "AAAA",
    "JSON": {},
}
_PLAIN = frozenset({"ID", "Int", "Float", "Boolean", "String"})
_DEPTH = 4
_FIELDS = 120


@dataclass(frozen=True, slots=True)
class Selected:
    """A field as it is selected: its key in the answer, and what is selected of its objects, by their type."""

    key: str
    name: str
    field: graphql.GraphQLField
    below: dict[str, list[Selected]]


@dataclass(slots=True)
class Room:
    """How many fields may still be selected."""

    left: int = _FIELDS


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation for one root field."""

    text: str
    variables: dict[str, Json]
    field: graphql.GraphQLField
    below: dict[str, list[Selected]]


def asked(
    kind: str, name: str, element: graphql.GraphQLField, schema: graphql.GraphQLSchema, *, optional: bool
) -> Asked:
    """Ask for one root field.

    Args:
        kind: ``query`` or ``mutation``.
        optional: whether arguments are given that may be left out.
    """
    given = {
        key: argument for key, argument in element.args.items() if optional or graphql.is_required_argument(argument)
    }
    below = _below(graphql.get_named_type(element.type), schema, Room(), _DEPTH)
    declared = ", ".join(f"${key}: {argument.type}" for key, argument in given.items())
    passed = ", ".join(f"{key}: ${key}" for key in given)
    text = f"{name}{f'({passed})' if passed else ''}{_written(below)}"
    return Asked(
        f"{kind}{f'({declared})' if declared else ''} {{ {text} }}",
        {key: sample(argument.type, 2) for key, argument in given.items()},
        element,
        below,
    )


def sample(kind: graphql.GraphQLInputType, depth: int) -> Json:
    """Give a value of an input type, with what may be left out only near the top."""
    if isinstance(kind, graphql.GraphQLNonNull):
        return sample(kind.of_type, depth)
    if isinstance(kind, graphql.GraphQLList):
        return [sample(kind.of_type, depth)]
    if isinstance(kind, graphql.GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, graphql.GraphQLInputObjectType):
        fields = list(kind.fields.items())[: 1 if kind.is_one_of else None]
        whole = kind.is_one_of or depth > 0
        given = [(name, one.type) for name, one in fields if whole or graphql.is_required_input_field(one)]
        return {name: sample(one, depth - 1) for name, one in given}
    return _SAMPLES.get(kind.name, "text")


def _below(
    kind: graphql.GraphQLNamedType, schema: graphql.GraphQLSchema, room: Room, depth: int
) -> dict[str, list[Selected]]:
    if isinstance(kind, graphql.GraphQLObjectType):
        return {kind.name: list(_selected(kind, schema, room, depth, ""))}
    if isinstance(kind, graphql.GraphQLInterfaceType | graphql.GraphQLUnionType):
        members = schema.get_possible_types(kind)
        return {
            member.name: list(_selected(member, schema, room, depth, f"t{number}_"))
            for number, member in enumerate(members)
        }
    return {}


def _selected(
    kind: graphql.GraphQLObjectType, schema: graphql.GraphQLSchema, room: Room, depth: int, prefix: str
) -> Iterator[Selected]:
    for name, found in kind.fields.items():
        if not isinstance(mark_on(found), PropertyMark) or room.left <= 0:
            continue
        named = graphql.get_named_type(found.type)
        if graphql.is_leaf_type(named):
            room.left -= 1
            yield Selected(prefix + name, name, found, {})
        elif depth > 1:
            room.left -= 1
            yield Selected(prefix + name, name, found, _below(named, schema, room, depth - 1))


def _written(below: dict[str, list[Selected]]) -> str:
    if not below:
        return ""
    parts = ["__typename"]
    for name, fields in below.items():
        inner = " ".join(f"{one.key}: {one.name}{_written(one.below)}" for one in fields)
        if inner:
            parts.append(f"... on {name} {{ {inner} }}")
    return f" {{ {' '.join(parts)} }}"


def expected(kind: graphql.GraphQLOutputType, below: dict[str, list[Selected]], body: Json, said: Json) -> Json:
    """Give what must come of a body.

    Args:
        said: what did come of it; it tells the type of an object where more than one is possible.
    """
    if isinstance(kind, graphql.GraphQLNonNull):
        return expected(kind.of_type, below, body, said)
    if body is None:
        return None
    if isinstance(kind, graphql.GraphQLList):
        items = said if isinstance(said, list) else []
        pairs = zip_longest(body, items[: len(body)])
        return [expected(kind.of_type, below, item, told) for item, told in pairs]
    if isinstance(kind, graphql.GraphQLEnumType):
        return next((name for name, value in kind.values.items() if value.value == body), body)
    if isinstance(kind, graphql.GraphQLScalarType):
        try:
            return kind.serialize(kind.parse_value(body) if kind.name not in _PLAIN else body)
        except (graphql.GraphQLError, ValueError):
            return body  # no value of the type, and so no answer either
    name = kind.name if isinstance(kind, graphql.GraphQLObjectType) else (said or {}).get("__typename")
    found: dict[str, Json] = {"__typename": name}
    for one in below.get(str(name), ()):
        told = said.get(one.key) if isinstance(said, dict) else None
        found[one.key] = expected(one.field.type, one.below, _property(one.field, body), told)
    return found


def _property(element: graphql.GraphQLField, body: Json) -> Json:
    mark = mark_on(element)
    assert isinstance(mark, PropertyMark)
    for name in mark.path or ():
        body = body.get(name) if isinstance(body, dict) else None
    return body
