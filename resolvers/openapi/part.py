"""A document as a part of a graph."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import graphql

from resolvers.marks import MARK
from resolvers.openapi.fields import Fields, Roots
from resolvers.openapi.names import Names, type_name
from resolvers.openapi.offers import Offer, offers_of
from resolvers.openapi.outputs import Outputs
from resolvers.openapi.titles import Titles
from resolvers.scalars import SCALARS
from sources.openapi import OpenAPI, Operation

RESERVED = frozenset(
    {"Query", "Mutation", "Subscription", "Upload", "Int", "Float", "String", "Boolean", "ID"}
    | {definition.name for definition in SCALARS.values()}
)


class Part:
    """The types of one document, and the fields of its operations.

    Args:
        taken: names of types that the graph has already; those of this document are added.
        is_whole: whether the fields of all its operations are built, in `roots`.
    """

    def __init__(self, source: OpenAPI, taken: Names, *, is_whole: bool = True) -> None:
        self.source = source
        self.roots = Roots()
        self._named: dict[str, Any] = {}
        self._schemas: Mapping[str, Any] = {}
        if source.api is None:
            return
        self._api = source.api
        self._schemas = self._api.document.components("schemas")
        choice = self._api.choice
        titles = Titles(taken, source.name, self._schemas, prefix=choice.prefix, rename=choice.rename)
        self._outputs = Outputs(titles, self._api.losses)
        self._fields = Fields(source, self._api, self._outputs, self._api.losses)
        if is_whole:
            self.roots = self._fields.roots()

    def field(self, operation: Operation) -> graphql.GraphQLField | None:
        """Give an operation as a field, whether the graph has it or not; None where it can be none."""
        return self._fields.field(operation)

    @functools.cached_property
    def happenings(self) -> Mapping[str, Any]:
        """The types of what the backend sends by itself, by topic."""
        fields = {} if self.source.api is None else self._fields.happenings()
        feeds = ((element.extensions[MARK].pushed.feed, element.type) for element in fields.values())
        return {feed.topic: kind for feed, kind in feeds}

    @functools.cached_property
    def components(self) -> Mapping[str, str]:
        """The names of the document's schemas, by themselves and as a class would be named."""
        return {type_name(name): name for name in self._schemas} | {name: name for name in self._schemas}

    def type_named(self, name: str) -> Any:
        """Give the type of this name, in the document or in the graph; None where there is none."""
        if name not in self._named:
            component = self.components.get(name)
            schema = None if component is None else self._api.schemas.named(component)
            if schema is not None:
                self._named[name] = self._outputs.of(schema, name)
            else:
                self._named[name] = next((kind for kind in self.kinds() if kind.name == name), None)
        return self._named[name]

    def kinds(self) -> list[graphql.GraphQLNamedType]:
        """Give the types of all answers."""
        return reached(element.type for element in self.fields())

    def fields(self) -> Iterator[graphql.GraphQLField]:
        """Give the fields of all root types."""
        for fields in self.roots.by_name().values():
            yield from fields.values()

    def elements(self) -> dict[str, dict[str, graphql.GraphQLField]]:
        """Give the fields of the root types by their names, with one more for all types that were asked for."""
        asked = {f"type{number}": kind for number, kind in enumerate(self._named.values()) if kind is not None}
        return {**self.roots.by_name(), "types": {name: graphql.GraphQLField(kind) for name, kind in asked.items()}}

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
