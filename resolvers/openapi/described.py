"""What a document says of an object type, to compare with what a class declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import graphql

from resolvers import scalars
from resolvers.marks import PropertyMark, mark_on
from sources import snake_case

_TEXT, _NUMBER = frozenset({"text"}), frozenset({"number"})
_SAID = {
    "Int": _NUMBER,
    "Int64": _NUMBER,
    "Float": _NUMBER,
    "Boolean": frozenset({"boolean"}),
    "String": _TEXT,
    "Duration": _TEXT,
    "UUID": _TEXT,
    "URL": _TEXT,
    "Email": _TEXT,
    "Base64": _TEXT,
    "Time": _TEXT,
}
_EITHER = _TEXT | _NUMBER  # such as ID, DateTime, Decimal, and the enums of an author


class Described:
    """The properties of a document's object type."""

    def __init__(self, kind: graphql.GraphQLObjectType) -> None:
        self.kind = kind
        self.fields: dict[str, tuple[tuple[str, ...], graphql.GraphQLField]] = {}
        for name, element in kind.fields.items():
            mark = mark_on(element)
            if isinstance(mark, PropertyMark) and mark.path is not None:
                self.fields[name] = mark.path, element
        self._python = {snake_case(name): name for name in reversed(self.fields)}
        self._wire = {".".join(path): name for name, (path, _) in self.fields.items()}

    def __iter__(self) -> Iterator[str]:
        """Give the names by which Python knows the properties."""
        return (snake_case(name) for name in self.fields)

    def name_of(self, attribute: str) -> str | None:
        """Give the field that an attribute of a class is: by its wire's name, its name in Python or in the graph."""
        for names in (self._wire, self._python):
            if attribute in names:
                return names[attribute]
        return attribute if attribute in self.fields else None

    def mark_of(self, name: str) -> PropertyMark:
        """Give where a field is in its object, and how it is written there."""
        path, element = self.fields[name]
        mark = mark_on(element)
        return mark if isinstance(mark, PropertyMark) else PropertyMark(path, None)

    def at(self, path: tuple[str, ...]) -> graphql.GraphQLOutputType | str | None:
        """Give the type of what a path of wire names leads to; None where the document says nothing of it.

        A text instead is the first name on the way that the document does not have.
        """
        if not path:
            return None
        name = self._wire.get(path[0])
        if name is None:
            return path[0]
        kind = self.fields[name][1].type
        named = graphql.get_nullable_type(kind)
        if len(path) == 1:
            return kind
        if isinstance(named, graphql.GraphQLObjectType):
            return Described(named).at(path[1:])
        return path[1] if graphql.is_leaf_type(named) and named is not scalars.ANY else None


def differs(declared: Any, said: Any) -> bool:
    """Tell whether values of a type that a document says can never be of the type that a class declares."""
    declared, said = graphql.get_nullable_type(declared), graphql.get_nullable_type(said)
    if said is scalars.ANY or declared is scalars.ANY:
        return False
    lists = isinstance(declared, graphql.GraphQLList), isinstance(said, graphql.GraphQLList)
    if all(lists):
        return differs(declared.of_type, said.of_type)
    if any(lists):
        return graphql.is_leaf_type(graphql.get_named_type(said)) or graphql.is_leaf_type(declared)
    if graphql.is_leaf_type(declared) and graphql.is_leaf_type(said):
        return not _said_by(declared) & _said_by(said)
    return graphql.is_leaf_type(declared) != graphql.is_leaf_type(said)


def same_kind(one: Any, other: Any) -> bool:
    """Tell whether two leaf types, perhaps in lists, are written by the same kind of JSON."""
    leaves = [graphql.get_named_type(kind) for kind in (one, other)]
    return all(map(graphql.is_leaf_type, leaves)) and bool(_said_by(leaves[0]) & _said_by(leaves[1]))


def _said_by(kind: Any) -> frozenset[str]:
    return _SAID.get(kind.name, _EITHER)
