"""Documents put into a schema: their fields, their types, and what Python makes of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence

import graphql

from resolvers.declare import Declared
from resolvers.openapi.auto import Links
from resolvers.openapi.bound import bind_operations
from resolvers.openapi.keyed import Keyed, Kind, declare_entities, find_entities
from resolvers.openapi.part import Part
from resolvers.openapi.weaving import weave_types, woven_in
from sources.openapi import OpenAPI

PLACEHOLDER = "_documents"  # the field of a query type that has no other


def merged(schema: graphql.GraphQLSchema, documents: Sequence[OpenAPI], declared: Declared) -> graphql.GraphQLSchema:
    """Give a schema with the fields and types of documents added to it, and with what Python makes of them.

    Args:
        declared: the classes of the graph; faults are added to it.
    """
    taken = set(schema.type_map)
    parts: dict[OpenAPI, Part] = {}
    for source in declared.sources:
        if isinstance(source, OpenAPI):
            own = {kind.name for kind, _ in woven_in(schema, source)}
            parts[source] = Part(source, taken - own, is_whole=source in documents or bool(own))
            taken.update(kind.name for kind in parts[source].kinds())
    weave_types(schema, parts, declared)
    bind_operations(schema, parts, declared)
    entities: dict[Kind, Keyed] = {}
    for part in parts.values():
        given = find_entities(part.offers())
        declare_entities(given, part.offers())
        entities.update(given)
    _link(schema, [parts[source] for source in documents], entities)
    kinds = schema.to_kwargs()
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    fields: dict[str, dict[str, graphql.GraphQLField]] = {name: {} for name in roots}
    for part in (parts[source] for source in documents):
        found = part.roots
        for name, added in (("query", found.query), ("mutation", found.mutation), ("subscription", found.subscription)):
            fields[name].update(added)
    for name, added in fields.items():
        root = roots[name]
        if root is not None:
            root.fields.update(added)
            if added:
                root.fields.pop(PLACEHOLDER, None)
        elif added:
            roots[name] = graphql.GraphQLObjectType(name.capitalize(), added)
    with deep():
        return graphql.GraphQLSchema(**{**kinds, **roots})  # type: ignore[arg-type]  # what it gave itself


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
