"""Leaves that are as the schema promises, completed at once; everything else is left to the careful way.

On the exact path most leaves are sound. For each field a function is made that gives the completed value of a sound
leaf, or list of leaves, and `SLOW` for all that needs an error, a null that travels, or a coercion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graphql

from graph.tree import Failure
from resolvers import PropertyMark, decoder_of
from sources import Rest

SLOW: Any = object()
Read = Callable[[Any], Any]


def leaf_reader(kind: Any, source: Rest | None, mark: PropertyMark | None = None) -> Read:
    """Give the function from a held value of a leaf type, or list of leaves, to what it completes to, or `SLOW`."""
    if isinstance(kind, graphql.GraphQLNonNull):
        inner = _some(kind.of_type, source, mark)
        return lambda value: SLOW if value is None else inner(value)
    some = _some(kind, source, mark)
    return lambda value: None if value is None else some(value)


def _some(kind: Any, source: Rest | None, mark: PropertyMark | None) -> Read:
    if isinstance(kind, graphql.GraphQLList):
        return _list(leaf_reader(kind.of_type, source, mark))
    return _SCALARS.get(kind) or (_other(kind, source, mark) if graphql.is_leaf_type(kind) else _never)


def _list(read: Read) -> Read:
    def complete(value: Any) -> Any:
        if type(value) is not list:
            return SLOW
        found = [read(item) for item in value]
        return SLOW if SLOW in found else found

    return complete


def _other(kind: Any, source: Rest | None, mark: PropertyMark | None) -> Read:
    encode = kind.coerce_output_value
    decode = None if source is None else decoder_of(kind, source, mark)

    def complete(value: Any) -> Any:
        if isinstance(value, Failure | Exception):
            return SLOW
        try:
            found = encode(value if decode is None else decode(value))
        except Exception:  # the careful way says what is wrong
            return SLOW
        return SLOW if found is None else found

    return complete


def _never(value: Any) -> Any:
    return SLOW


def _id(value: Any) -> Any:
    if type(value) is str:
        return value
    return str(value) if type(value) is int else SLOW


def _float(value: Any) -> Any:
    # `float` of a number that keeps its digits is a number that does not.
    return float(value) if isinstance(value, float) and abs(value) < float("inf") else SLOW


_SCALARS: dict[Any, Read] = {
    graphql.GraphQLString: lambda value: value if type(value) is str else SLOW,
    graphql.GraphQLBoolean: lambda value: value if type(value) is bool else SLOW,
    graphql.GraphQLInt: lambda value: value if type(value) is int and -(2**31) <= value < 2**31 else SLOW,
    graphql.GraphQLFloat: _float,
    graphql.GraphQLID: _id,
}
