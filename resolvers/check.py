"""Faults of a declaration that show once its field's type and arguments are known; each is one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

import graphql

from resolvers.marks import PropertyMark
from resolvers.values import INSTANTS, enum_class
from sources import Call, Endpoint, values_faults

CUT = "first"  # the argument that cuts a list here, when no endpoint takes it


def stub_faults(
    schema: graphql.GraphQLSchema,
    element: graphql.GraphQLField,
    call: Call,
    single: Endpoint,
    batch: Endpoint | None,
    arguments: Set[str],
    invalidates: Mapping[str, str | None],
) -> Iterator[str]:
    """Give what is wrong with a stub: its key, its inputs, what it invalidates, arguments that reach no backend."""
    for name, keyed_by in invalidates.items():
        if name not in schema.type_map:
            yield f"invalidates names the type {name!r}, which the graph does not have"
        if keyed_by is not None and keyed_by not in arguments:
            yield f"invalidates names {keyed_by!r}; arguments are: {', '.join(sorted(arguments)) or 'none'}"
    is_list = isinstance(graphql.get_nullable_type(element.type), graphql.GraphQLList)
    if batch is not None and call.many and not is_list:
        yield f"group_by gives a list for each parent, but the field is {element.type}"
    if batch is not None and not call.many and is_list:
        yield f"key gives one item for each parent, but the field is {element.type}; group_by gives lists"
    endpoints = [single] if batch is None else [single, batch]
    variables = frozenset().union(*(endpoint.variables for endpoint in endpoints))
    for name in sorted(call.inputs.keys() - variables):
        yield f"inputs names {{{name}}}, which {' and '.join(map(str, endpoints))} do not have"
    for argument in sorted(arguments):
        if argument == CUT and is_list:
            continue  # what no endpoint cuts is cut here
        unaware = [
            str(endpoint)
            for endpoint in endpoints
            if argument not in {call.inputs.get(name, name) for name in endpoint.variables}
        ]
        if unaware:
            yield f"the argument {argument!r} is not used by {' and '.join(unaware)}"


def entity_faults(call: Call, attributes: Set[str]) -> Iterator[str]:
    """Give what is wrong with an entity's key."""
    for part in call.key:
        if part not in attributes:
            yield f"the key {part!r} is not an attribute; attributes are: {', '.join(sorted(attributes)) or 'none'}"


def property_faults(mark: PropertyMark, kind: graphql.GraphQLOutputType | None) -> Iterator[str]:
    """Give what is wrong with what an author wrote on a property: its path, its age, how it is spelled."""
    if mark.fault is not None:
        yield mark.fault
    named = None if kind is None else graphql.get_named_type(kind)
    if mark.timestamps is not None and named is not None and named not in INSTANTS:
        yield f"timestamps is for a DateTime or Date, but the field is {kind}"
    if mark.values is None or named is None:
        return
    if isinstance(named, graphql.GraphQLEnumType):
        yield from values_faults(enum_class(named), mark.values)
    else:
        yield f"values is for an enum, but the field is {kind}"


def cut_by(
    element: graphql.GraphQLField, call: Call, single: Endpoint, batch: Endpoint | None, arguments: Set[str]
) -> bool:
    """Tell whether the gateway keeps the first items of a list itself, since no endpoint takes the argument."""
    asked = single if batch is None else batch
    used = {call.inputs.get(name, name) for name in asked.variables}
    is_list = isinstance(graphql.get_nullable_type(element.type), graphql.GraphQLList)
    return is_list and CUT in arguments and CUT not in used
