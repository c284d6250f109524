"""Documents put into a schema: their fields, their types, and what Python makes of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence

import graphql

from resolvers.declare import Declared
from resolvers.openapi.bound import bind_operations
from resolvers.openapi.keyed import declare_entities, find_entities
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
    for part in parts.values():
        declare_entities(find_entities(part.offers()), part.offers())
    kinds = schema.to_kwargs()
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    fields: dict[str, dict[str, graphql.GraphQLField]] = {name: {} for name in roots}
    for part in (parts[source] for source in documents):
        found = part.roots
        for name, given in (("query", found.query), ("mutation", found.mutation), ("subscription", found.subscription)):
            fields[name].update(given)
    for name, given in fields.items():
        root = roots[name]
        if root is not None:
            root.fields.update(given)
            if given:
                root.fields.pop(PLACEHOLDER, None)
        elif given:
            roots[name] = graphql.GraphQLObjectType(name.capitalize(), given)
    with deep():
        return graphql.GraphQLSchema(**{**kinds, **roots})  # type: ignore[arg-type]  # what it gave itself


@contextlib.contextmanager
def deep() -> Iterator[None]:
    """Allow deep recursion: graphql-core follows types as they refer to each other, a frame for each of them."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 200_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
