"""A document as a part of a graph."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator

import graphql

from resolvers.openapi.fields import Fields, Roots
from resolvers.openapi.names import Names, field_name
from resolvers.openapi.outputs import Outputs
from resolvers.openapi.sound import made_sound
from resolvers.openapi.titles import Titles
from resolvers.scalars import SCALARS
from sources.openapi import OpenAPI

PLACEHOLDER = "_documents"  # the field of a query type that has no other
RESERVED = frozenset(
    {"Query", "Mutation", "Subscription", "Upload", "Int", "Float", "String", "Boolean", "ID"}
    | {definition.name for definition in SCALARS.values()}
)


def import_document(source: OpenAPI, taken: Names) -> Roots:
    """Give the fields that a document adds to the root types.

    Args:
        taken: names of types that the graph has already; those of the document are added.
    """
    if source.api is None:
        return Roots()
    components = source.api.document.root.get("components")
    schemas = components.get("schemas") if isinstance(components, dict) else None
    choice = source.api.choice
    titles = Titles(
        taken, source.name, schemas if isinstance(schemas, dict) else (), prefix=choice.prefix, rename=choice.rename
    )
    outputs = Outputs(titles, source.api.losses)
    return Fields(source, source.api, outputs, source.api.losses).roots()


def merged(schema: graphql.GraphQLSchema, documents: Iterable[OpenAPI]) -> graphql.GraphQLSchema:
    """Give a schema with the fields and types of documents added to it; it is valid whatever they say."""
    kinds = schema.to_kwargs()
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    own = {name: dict(root.fields) if root is not None else {} for name, root in roots.items()}
    own["query"].pop(PLACEHOLDER, None)
    known = {name: kind for name, kind in schema.type_map.items() if name not in RESERVED}
    taken = Names(RESERVED.union(schema.type_map))
    for source in documents:
        found = import_document(source, taken)
        added = {"query": found.query, "mutation": found.mutation, "subscription": found.subscription}
        if source.api is not None:
            known.update(made_sound(added, known, source.api.losses))
        for root, fields in added.items():
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


def _free(name: str, taken: Iterable[str], source: str) -> str:
    """Give a field's name, with its source's in front where another field has it."""
    if name not in taken:
        return name
    return Names(taken).take(field_name(f"{source} {name}"))


@contextlib.contextmanager
def deep() -> Iterator[None]:
    """Allow deep recursion: graphql-core follows types as they refer to each other, a frame for each of them."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 200_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
