"""What a subscription's field declares about its events, worked out: filters, keys, and the faults of start-up."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Iterator, Mapping, Set
from typing import Annotated, Any, get_args, get_origin

import graphql
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from resolvers.binding import Feeding, Fetching, Property, undeclared
from resolvers.check import invalidation_faults
from resolvers.entries import Entries
from resolvers.filters import Filter
from resolvers.marks import argument_names
from resolvers.shared import shared_of
from resolvers.values import decoder_of
from sources import Call, Pushed, split_path


def feeding_of(
    call: Call,
    pushed: Pushed,
    element: graphql.GraphQLField,
    attributes: Mapping[str, Property],
    rest: Fetching | None,
) -> Feeding:
    """Give how a field's events are read.

    Args:
        attributes: of the type that the field gives.
        rest: how objects of that type are loaded by their key, where a source gives them.
    """

    def place(name: str) -> tuple[str, ...]:
        return attributes[name].where(call.source) if name in attributes else undeclared(name, call.source)

    def filter_of(argument: graphql.GraphQLArgument, name: str) -> Filter:
        kind: Any = graphql.get_named_type(argument.type)
        if name in pushed.where:
            return Filter(split_path(pushed.where[name]), decoder_of(kind, call.source, None))
        mark = attributes[name].mark if name in attributes else None
        return Filter(place(name), decoder_of(kind, call.source, mark))

    filters = {
        name: filter_of(argument, name)
        for name, argument in sorted(_named(element).items())
        if name not in _taken(call, pushed) and graphql.is_leaf_type(graphql.get_named_type(argument.type))
    }
    key = tuple(map(split_path, pushed.key))
    if not key:
        key = rest.match if rest is not None else (place("id"),) if "id" in attributes else ()
    kind = graphql.get_nullable_type(element.type)
    return Feeding(
        pushed=pushed,
        filters=filters,
        key=key,
        rest=rest,
        splits=isinstance(kind, Entries) or not isinstance(kind, graphql.GraphQLList),
    )


def pushed_faults(
    schema: graphql.GraphQLSchema,
    kind: graphql.GraphQLObjectType,
    element: graphql.GraphQLField,
    call: Call,
    arguments: Set[str],
    invalidates: Mapping[str, str | None],
) -> Iterator[str]:
    """Give what is wrong with a field of a subscription, or with one that would like to be."""
    pushed = call.pushed
    if pushed is None:
        if not call.is_faulty:
            yield "a field of a subscription gives events: declare it with poll, sse, websocket, webhook or the like"
        return
    if kind is not schema.subscription_type:
        yield "events come to fields of the subscription type only; name it in Graph(subscription=...)"
    yield from invalidation_faults(schema, invalidates)
    taken = _taken(call, pushed)
    for name in sorted(pushed.feed.variables):
        if call.inputs.get(name, name) not in arguments:
            have = ", ".join(sorted(arguments)) or "none"
            yield f"nobody supplies {{{name}}} of {pushed.feed}; arguments are: {have}"
    for name in sorted(call.inputs.keys() - pushed.feed.variables):
        yield f"inputs names {{{name}}}, which {pushed.feed} does not have"
    for name in pushed.where:
        if name not in arguments:
            yield f"where names the argument {name!r}, which the field does not have"
        elif name in taken:
            yield f"where names the argument {name!r}, which {pushed.feed} takes"
    has_properties = graphql.is_composite_type(graphql.get_named_type(element.type))
    is_list = graphql.is_list_type(graphql.get_nullable_type(element.type))
    for name in sorted(arguments - taken):
        if is_list or not (has_properties or name in pushed.where):
            yield f"the argument {name!r} filters events by a property, but the field is {element.type}"
    for name, argument in _named(element).items():
        named = graphql.get_named_type(argument.type)
        if name not in taken and isinstance(named, graphql.GraphQLInputObjectType):
            yield f"the argument {name!r} filters events, and no property equals a {named.name}"


def generator_faults(definition: StrawberryField) -> Iterator[str]:
    """Give what is wrong with a subscription's field that Python resolves."""
    resolver = definition.base_resolver
    if not definition.is_subscription or resolver is None:
        yield "a field of a subscription is an async generator under @strawberry.subscription, or a feed of a source"
        return
    if not _gives_values(resolver):
        yield "it gives one value, not many: make it an async generator, of the type AsyncGenerator[...]"
    sees_client = resolver.info_parameter is not None
    if shared_of(resolver.wrapped_func) is not None and sees_client:
        yield "it is shared by all clients that subscribe alike, so it may not look at info"


def _gives_values(resolver: StrawberryResolver[Any]) -> bool:
    declared = resolver.type_annotation
    if declared is None or inspect.isasyncgenfunction(resolver.wrapped_func):
        return True
    given: Any = declared.evaluate()
    if get_origin(given) is Annotated:
        given = get_args(given)[0]
    given = get_origin(given) or given
    return not isinstance(given, type) or issubclass(given, AsyncIterable)


def _named(element: graphql.GraphQLField) -> dict[str, graphql.GraphQLArgument]:
    """Give the arguments of a field by their Python names."""
    return {name: element.args[given] for given, name in argument_names(element).items()}


def _taken(call: Call, pushed: Pushed) -> Set[str]:
    """Give the arguments that the feed itself takes."""
    return {call.inputs.get(name, name) for name in pushed.feed.variables}
