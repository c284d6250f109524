"""A document as a part of a graph."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import graphql

from resolvers.openapi.fields import Fields, Roots, named
from resolvers.openapi.names import Names, type_name
from resolvers.openapi.offers import Offer, offers_of
from resolvers.openapi.outputs import Outputs
from resolvers.scalars import SCALARS
from sources.openapi import OpenAPI, Operation, below

RESERVED = frozenset(
    {"Query", "Mutation", "Subscription", "Upload", "Int", "Float", "String", "Boolean", "ID"}
    | {definition.name for definition in SCALARS.values()}
)


class Part:
    """A document as parts of one schema.

    Args:
        taken: names of types that the graph has already; those of this document are added.
        is_whole: whether the fields of all its operations are built, in `roots`.
    """

    def __init__(self, source: OpenAPI, taken: Iterable[str], *, is_whole: bool = True) -> None:
        self.source = source
        self.roots = Roots()
        if source.api is None:
            return
        self._api = source.api
        self._outputs = Outputs(Names(RESERVED.union(taken)), self._api.losses)
        self._made = Fields(source, self._outputs, self._api.losses)
        if is_whole:
            self.roots = self._made.roots(named(iter(source.operations)))

    def field(self, operation: Operation) -> graphql.GraphQLField:
        """Give an operation as a field, whether the graph has it or not."""
        return self._made.field(next(iter(named(iter([operation])))), operation)

    @functools.cached_property
    def components(self) -> Mapping[str, str]:
        """The pointers to the document's named schemas, by their names in the document and in a graph."""
        if self.source.api is None:
            return {}
        found = self._api.document.root.get("components")
        schemas = found.get("schemas") if isinstance(found, dict) else None
        pointers = {name: below("#/components/schemas", name) for name in schemas or () if isinstance(name, str)}
        return {type_name(name): pointer for name, pointer in pointers.items()} | pointers

    def type_named(self, name: str) -> Any:
        """Give the type of this name, in the document or in the graph; None where there is none."""
        pointer = self.components.get(name)
        if pointer is not None:
            return self._outputs.of(self._api.schemas.at({"$ref": pointer}, pointer), name)
        return next((kind for kind in self.kinds() if kind.name == name), None)

    def kinds(self) -> list[graphql.GraphQLNamedType]:
        """Give the types of all answers."""
        return reached(element.type for element in self.fields())

    def fields(self) -> Iterator[graphql.GraphQLField]:
        """Give the fields of all root types."""
        for fields in (self.roots.query, self.roots.mutation, self.roots.subscription):
            yield from fields.values()

    def offers(self) -> list[Offer]:
        """Give the operations that read."""
        return [offer for _, offer in offers_of(self.source, self.roots.query)]


def reached(kinds: Iterable[Any]) -> list[graphql.GraphQLNamedType]:
    """Give the types that types lead to, themselves among them, each once."""
    waiting, found = [graphql.get_named_type(kind) for kind in kinds], dict[graphql.GraphQLNamedType, None]()
    while waiting:
        kind = waiting.pop()
        if kind in found:
            continue
        found[kind] = None
        if isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType):
            waiting.extend(graphql.get_named_type(element.type) for element in kind.fields.values())
        elif isinstance(kind, graphql.GraphQLUnionType):
            waiting.extend(kind.types)
    return list(found)
