"""Documents put into a schema: their fields, their types, and what Python makes of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

import graphql

from resolvers.declare import Declared
from resolvers.openapi.auto import Links
from resolvers.openapi.bound import bind_operations
from resolvers.openapi.keyed import Keyed, Kind, declare_entities, find_entities
from resolvers.openapi.names import Names, field_name
from resolvers.openapi.part import RESERVED, Part
from resolvers.openapi.sound import made_sound
from resolvers.openapi.weaving import weave_types, woven_in
from sources.openapi import OpenAPI

PLACEHOLDER = "_documents"  # the field of a query type that has no other
Roots = dict[str, dict[str, graphql.GraphQLField]]


def merged(schema: graphql.GraphQLSchema, documents: Sequence[OpenAPI], declared: Declared) -> graphql.GraphQLSchema:
    """Give a schema with the fields and types of documents added to it, and with what Python makes of them.

    It is valid whatever the documents say.

    Args:
        declared: the classes of the graph; faults are added to it.
    """
    kinds = schema.to_kwargs()
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    own: Roots = {name: dict(root.fields) if root is not None else {} for name, root in roots.items()}
    own["query"].pop(PLACEHOLDER, None)
    parts = _parts(schema, documents, declared)
    weave_types(schema, parts, declared)
    bind_operations(schema, parts, declared)
    entities: dict[Kind, Keyed] = {}
    for part in parts.values():
        given = find_entities(part.offers())
        declare_entities(given, part.offers())
        entities.update(given)
    _link(schema, [parts[source] for source in documents], entities)
    for source in documents:
        for root, fields in parts[source].roots.by_name().items():
            for name, element in fields.items():
                own[root][_free(name, own[root], source.name)] = element
    for name, fields in own.items():
        root_type = roots[name]
        if root_type is not None:
            if fields:
                root_type.fields.clear()
                root_type.fields.update(fields)
        elif fields:
            roots[name] = graphql.GraphQLObjectType(name.capitalize(), fields)
    with deep():
        return graphql.GraphQLSchema(**{**kinds, **roots})  # type: ignore[arg-type]  # what it gave itself


def _parts(schema: graphql.GraphQLSchema, documents: Sequence[OpenAPI], declared: Declared) -> dict[OpenAPI, Part]:
    """Give every document that a graph uses as a part of it; the names of classes that are its types are its own."""
    known = {name: kind for name, kind in schema.type_map.items() if name not in RESERVED}
    taken = RESERVED.union(schema.type_map)
    parts: dict[OpenAPI, Part] = {}
    named = (source for source in declared.sources if isinstance(source, OpenAPI))
    for source in dict.fromkeys([*documents, *named]):
        woven = dict(woven_in(schema, source))
        own = {kind.name for kind in woven}
        is_whole = source in documents or bool(woven)
        names = Names(taken - own if is_whole else RESERVED)  # what is no part of the graph takes no names
        part = parts[source] = Part(source, names, is_whole=is_whole)
        for of in woven.values():
            part.type_named(of)
        if source.api is not None:
            others = {name: kind for name, kind in known.items() if name not in own}
            known = {**made_sound(part.elements(), others, source.api.losses), **known}
        taken |= names.taken if is_whole else frozenset()
    return parts


def _free(name: str, taken: Iterable[str], source: str) -> str:
    """Give a field's name, with its source's in front where another field has it."""
    if name not in taken:
        return name
    return Names(taken).take(field_name(f"{source} {name}"))


def _link(schema: graphql.GraphQLSchema, parts: Sequence[Part], entities: Mapping[Kind, Keyed]) -> None:
    """Add the obvious links to the types of the documents that wish for them, and tell these which."""
    if not any(part.source.auto_link for part in parts):
        return
    owners = {
        kind: part.source
        for part in parts
        if part.source.auto_link
        for kind in part.kinds()
        if isinstance(kind, graphql.GraphQLObjectType)
    }
    offers = [offer for part in parts if part.source.auto_link for offer in part.offers()]
    kinds = dict.fromkeys([*schema.type_map.values(), *(kind for part in parts for kind in part.kinds())])
    links = Links(owners, entities, offers, kinds).find()
    for linked in links:
        linked.kind.fields[linked.name] = linked.element
    for part in parts:
        own = (linked for linked in links if owners.get(linked.kind, linked.source) is part.source)
        part.source.links = tuple(map(str, own))


@contextlib.contextmanager
def deep() -> Iterator[None]:
    """Allow deep recursion: graphql-core follows types as they refer to each other, a frame for each of them."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 200_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
