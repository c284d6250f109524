"""Maps: what is one object in a backend's JSON, and in the graph a list of its properties, each with key and value.

An author writes ``stock: list[Entry[Stock]]``, or ``field(entries=True)`` above a list of a class of his own. Either
way the list's type becomes `Entries`, which is a list to GraphQL, and a map to whoever reads JSON. An entry is read as
if the backend had written it so, whatever names its source gives to properties::

    {"berlin": {"count": 3}}   ->   [{"key": "berlin", "value": {"count": 3}}]

So an entry's class is like any other: its fields may be deeper in the value, and its links and calls may use the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

import graphql
import strawberry

from resolvers.marks import field

T = TypeVar("T")
ENTRY_KEY, ENTRY_VALUE = "key", "value"


@strawberry.type(description="A property of an object whose properties have no fixed names.")
class Entry(Generic[T]):
    """A property of a backend's object that is used as a map: ``stock: list[Entry[Stock]]``."""

    key: str = field(ENTRY_KEY, description="The property's name.")
    value: T = field(ENTRY_VALUE)


class Entries(graphql.GraphQLList[Any]):
    """The type of a map: a list of entries, in the order in which the backend has them."""


def as_entries(kind: Any) -> Any:
    """Give a type with its innermost list as a map; types without a list of objects of one type stay as they are."""
    if isinstance(kind, graphql.GraphQLNonNull):
        return graphql.GraphQLNonNull(as_entries(kind.of_type))
    if not isinstance(kind, graphql.GraphQLList):
        return kind
    item: Any = graphql.get_nullable_type(kind.of_type)
    if isinstance(item, graphql.GraphQLList):
        return graphql.GraphQLList(as_entries(kind.of_type))
    is_object = isinstance(item, graphql.GraphQLObjectType | graphql.GraphQLInputObjectType)
    return Entries(kind.of_type) if is_object else kind


def is_map(kind: Any) -> bool:
    """Tell whether a type is a map, or a list of maps."""
    while isinstance(kind, graphql.GraphQLWrappingType):
        if isinstance(kind, Entries):
            return True
        kind = kind.of_type
    return False


def is_entry(kind: graphql.GraphQLNamedType) -> bool:
    """Tell whether a type is an `Entry`, so that every list of it is a map."""
    origin = getattr(kind.extensions.get("strawberry-definition"), "origin", None)
    return isinstance(origin, type) and issubclass(origin, Entry)


def entries_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the properties of a JSON object as entries."""
    return [{ENTRY_KEY: key, ENTRY_VALUE: value} for key, value in found.items()]


def map_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the JSON object whose properties these entries are."""
    return {str(entry.get(ENTRY_KEY)): entry.get(ENTRY_VALUE) for entry in entries}
