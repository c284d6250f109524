"""Defaults of a document as those of arguments."""

from __future__ import annotations

from typing import Any

import graphql

from resolvers import scalars


def default_of(value: Any, kind: Any) -> Any:
    """Give a default as graphql-core holds it; Undefined where the type has no such value, or none of its own.

    A text that stands for a number or a boolean, as YAML has it at times, is one. Objects have no defaults: what a
    backend takes for a missing part is its own affair.
    """
    kind = graphql.get_nullable_type(kind)
    if isinstance(kind, graphql.GraphQLList):
        items = [default_of(item, kind.of_type) for item in (value if isinstance(value, list) else [value])]
        return graphql.Undefined if any(item is graphql.Undefined for item in items) else items
    if isinstance(kind, graphql.GraphQLEnumType):
        return value if isinstance(value, str) and value in {found.value for found in kind.values.values()} else _NONE
    if not isinstance(kind, graphql.GraphQLScalarType) or isinstance(value, dict | list) or kind is scalars.ANY:
        return _NONE
    for one in (value, _read(value), str(value)):
        try:
            found = kind.parse_value(one)
            kind.serialize(found)
        except (graphql.GraphQLError, ValueError, TypeError, OverflowError):
            continue
        return found
    return _NONE


_NONE = graphql.Undefined


def _read(value: Any) -> Any:
    """Give the number or boolean that a text spells."""
    if not isinstance(value, str):
        return value
    spelled = {"true": True, "false": False}.get(value.lower())
    if spelled is not None:
        return spelled
    try:
        return int(value) if len(value) < 20 else value
    except ValueError:
        try:
            return float(value)
        except ValueError:
            return value
