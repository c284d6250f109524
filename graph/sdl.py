"""Print a schema in the schema definition language, with the costs, list sizes and requirements that it declares."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import graphql
from graphql.utilities.print_schema import is_defined_type, print_filtered_schema

from resolvers import Authenticated, Cost, ListSize, RequiresScopes, declared_on

_Shown = Cost | ListSize | Authenticated | RequiresScopes
_SHOWN = {"cost", "listSize", "authenticated", "requiresScopes"}


def print_sdl(schema: graphql.GraphQLSchema, hidden: Collection[graphql.GraphQLDirective] = ()) -> str:
    """Give the schema as text, without the definitions of some directives.

    graphql-core prints which directives there are, but not where they stand; they are put in behind what they describe.
    """

    def is_shown(directive: graphql.GraphQLDirective) -> bool:
        return directive not in hidden and not graphql.is_specified_directive(directive)

    text = print_filtered_schema(schema, is_shown, is_defined_type) + "\n"
    parts, done = list[str](), 0
    for at, shown in sorted((at, shown) for at, element in _places(schema, text) if (shown := _shown(element))):
        parts += [text[done:at], shown]
        done = at
    return "".join([*parts, text[done:]])


def _places(schema: graphql.GraphQLSchema, text: str) -> list[tuple[int, Any]]:
    """Give where in the text a directive of each element goes."""
    if not {"cost", "listSize", "authenticated", "requiresScopes"} & {
        directive.name for directive in schema.directives
    }:
        return []
    found: list[tuple[int, Any]] = []
    for node in graphql.parse(text).definitions:
        if not isinstance(node, graphql.TypeDefinitionNode):
            continue
        kind: Any = schema.type_map[node.name.value]
        after = (getattr(node, "directives", None) or getattr(node, "interfaces", None) or [node.name])[-1]
        found.append((_end(after), kind))
        for field in getattr(node, "fields", None) or ():
            element = kind.fields[field.name.value]
            found.append((_end(field), element))
            found += [
                (_end(argument), element.args[argument.name.value])
                for argument in getattr(field, "arguments", None) or ()
            ]
    return found


def _end(node: graphql.Node) -> int:
    return 0 if node.loc is None else node.loc.end


def _shown(element: Any) -> str:
    return "".join(f" {_text(found)}" for found in declared_on(element) if isinstance(found, _Shown))


def _text(directive: _Shown) -> str:
    if isinstance(directive, Authenticated):
        return "@authenticated"
    if isinstance(directive, RequiresScopes):
        return f"@requiresScopes(scopes: {json.dumps(directive.scopes)})"
    if isinstance(directive, Cost):
        return f"@cost(weight: {json.dumps(str(directive.weight))})"
    given = {
        "assumedSize": directive.assumed_size,
        "slicingArguments": directive.slicing_arguments,
        "sizedFields": directive.sized_fields,
        "requireOneSlicingArgument": False if directive.require_one_slicing_argument is False else None,
    }
    arguments = ", ".join(f"{name}: {json.dumps(value)}" for name, value in given.items() if value is not None)
    return f"@listSize({arguments})"
