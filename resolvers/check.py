"""Faults of a declaration that show once its field's type and arguments are known; each is one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

import graphql

from resolvers.entries import is_map
from resolvers.marks import PropertyMark
from resolvers.values import INSTANTS, enum_class
from sources import Call, Endpoint, Numbered, values_faults

CUT = "first"  # the argument that cuts a list here, when no endpoint takes it
_UNSET = (None, graphql.Undefined)
WINDOW = {"first": ("Int",), "after": ("String", "ID"), "last": ("Int",), "before": ("String", "ID")}


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
    yield from invalidation_faults(schema, invalidates)
    for keyed_by in invalidates.values():
        if keyed_by is not None and keyed_by not in arguments:
            yield f"invalidates names {keyed_by!r}; arguments are: {', '.join(sorted(arguments)) or 'none'}"
    is_list = isinstance(graphql.get_nullable_type(element.type), graphql.GraphQLList)
    if batch is not None and call.many and not is_list:
        yield f"group_by gives a list for each parent, but the field is {element.type}"
    if batch is not None and not call.many and is_list:
        yield f"key gives one item for each parent, but the field is {element.type}; group_by gives lists"
    if batch is not None and is_map(element.type):
        yield f"a batch gives lists of items, but the field is {element.type}, a map"
    endpoints = [single] if batch is None else [single, batch]
    variables = frozenset().union(*(endpoint.variables for endpoint in endpoints))
    for name in sorted(call.inputs.keys() - variables):
        yield f"inputs names {{{name}}}, which {' and '.join(map(str, endpoints))} do not have"
    for argument in sorted(arguments):
        if (argument == CUT and is_list) or (argument in WINDOW and call.paging is not None):
            continue  # what no endpoint cuts is cut here
        unaware = [
            str(endpoint)
            for endpoint in endpoints
            if argument not in {call.inputs.get(name, name) for name in endpoint.variables}
        ]
        if unaware:
            yield f"the argument {argument!r} is not used by {' and '.join(unaware)}"


def invalidation_faults(schema: graphql.GraphQLSchema, invalidates: Iterable[str]) -> Iterator[str]:
    """Give the types that become stale and that there are not."""
    for name in invalidates:
        if name not in schema.type_map:
            yield f"invalidates names the type {name!r}, which the graph does not have"


def paging_faults(
    element: graphql.GraphQLField, call: Call, single: Endpoint, arguments: Set[str], *, is_connection: bool
) -> Iterator[str]:
    """Give what is wrong with a list in pages: its type, its arguments, the variables of its paging."""
    paging = call.paging
    if paging is None:
        if is_connection:
            yield f"it gives {element.type}, but its call has no paging"
        return
    if not is_connection:
        yield f"it is paged, so it gives a Connection[...], but the field is {element.type}"
    for name in paging.variables:
        if name not in single.variables:
            yield f"paging names {{{name}}}, which {single} does not have"
        elif name in arguments and name not in WINDOW:
            yield f"the argument {name!r} is what the paging sets"
    for name, kinds in WINDOW.items():
        if name in single.variables and name not in paging.variables:
            yield f"{{{name}}} of {single} is set by no paging, and the argument {name!r} is the connection's own"
        wanted = name in ("first", "after")
        if name not in arguments:
            if wanted:
                yield f"a connection takes the arguments first and after; {name} is missing"
            continue
        if graphql.get_named_type(element.args[name].type).name not in kinds:
            yield f"the argument {name} of a connection is {' or '.join(kinds)}, not {element.args[name].type}"
        if (
            name == "last"
            and element.args.get("first") is not None
            and element.args["first"].default_value not in _UNSET
        ):
            yield "last would count within the first items: give the argument first no default but None"
        can_go_back = isinstance(paging, Numbered) and paging.goes_back and call.total is not None
        if not wanted and not can_go_back:
            yield (
                f"the argument {name!r} needs pages that can be asked for by number: an Offset, or a PageNumber with "
                "max_size, and total"
            )


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
    if mark.entries and not is_map(kind):
        yield f"entries is for a list of objects, but the field is {kind}"
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
