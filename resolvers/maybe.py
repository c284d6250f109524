"""`strawberry.Maybe`: what may be left out, but may not be null. GraphQL's own types cannot say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import graphql
from strawberry.types.base import StrawberryMaybe, StrawberryOptional

Input = graphql.GraphQLArgument | graphql.GraphQLInputField
Inputs = Mapping[str, graphql.GraphQLArgument] | Mapping[str, graphql.GraphQLInputField]


def refused_nulls(values: Mapping[str, Any], inputs: Inputs) -> Iterator[str]:
    """Give the names of the inputs that are null and may not be; `values` are coerced."""
    for name, value in values.items():
        element = inputs[name]
        if value is None and is_maybe(element):
            yield name
        yield from _below(value, graphql.get_named_type(element.type))


def _below(value: Any, kind: graphql.GraphQLNamedType) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _below(item, kind)
    elif isinstance(value, Mapping) and isinstance(kind, graphql.GraphQLInputObjectType):
        yield from refused_nulls(value, kind.fields)


def is_maybe(element: Input) -> bool:
    """Tell whether an input may be left out but not be null."""
    declared = getattr(element.extensions.get("strawberry-definition"), "type", None)
    return isinstance(declared, StrawberryMaybe) and not isinstance(declared.of_type, StrawberryOptional)
