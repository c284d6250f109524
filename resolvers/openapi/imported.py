"""A document as a part of a graph."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator

import graphql

from resolvers.openapi.fields import Fields, Roots, named
from resolvers.openapi.names import Names
from resolvers.openapi.outputs import Outputs
from resolvers.scalars import SCALARS
from sources.openapi import OpenAPI

PLACEHOLDER = "_documents"  # the field of a query type that has no other
RESERVED = frozenset(
    {"Query", "Mutation", "Subscription", "Upload", "Int", "Float", "String", "Boolean", "ID"}
    | {definition.name for definition in SCALARS.values()}
)


def import_document(source: OpenAPI, taken: Iterable[str]) -> Roots:
    """Give the fields that a document adds to the root types.

    Args:
        taken: names of types that the graph has already.
    """
    if source.api is None:
        return Roots()
    outputs = Outputs(Names(RESERVED.union(taken)), source.api.losses)
    return Fields(source, outputs, source.api.losses).roots(named(iter(source.operations)))


def merged(schema: graphql.GraphQLSchema, documents: Iterable[OpenAPI]) -> graphql.GraphQLSchema:
    """Give a schema with the fields and types of documents added to it."""
    kinds = schema.to_kwargs()
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    fields: dict[str, dict[str, graphql.GraphQLField]] = {name: {} for name in roots}
    for source in documents:
        found = import_document(source, schema.type_map)
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
