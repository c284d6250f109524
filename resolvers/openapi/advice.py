"""What a document offers beyond what a graph makes of it: batches, operations that no field uses, links."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

import graphql

from resolvers.openapi.auto import Linked, Links
from resolvers.openapi.batches import page_of, words_of
from resolvers.openapi.keyed import Kind, find_batch, find_entities, keyed_by, list_in
from resolvers.openapi.names import Names
from resolvers.openapi.offers import Offer, offers_of
from resolvers.openapi.part import RESERVED, Part, reached
from sources import Endpoint, Rest
from sources.openapi import OpenAPI, Operation, Outline

_PLACE = re.compile(r"\{[^{}]*\}")
_QUERY = re.compile(r"\{[?&][^{}]*\}|\?.*")


class Advice:
    """What one document says, as a graph of its own would have it."""

    def __init__(self, source: OpenAPI) -> None:
        self.source = source
        self._offers = Part(source, Names(RESERVED)).offers()

    def batch(self, endpoint: Endpoint) -> str | None:
        """Give what asks for many keys where an endpoint asks for one, as an author writes it; None for nothing."""
        offer = next((one for one in self._offers if _is(endpoint, one.operation)), None)
        if offer is None:
            return None
        keyed = keyed_by(offer)
        if keyed is not None:
            found = find_batch(keyed.kind, keyed.attribute, self._offers)
            return None if found is None else f"batch={_name(found.offer)!r}, key={keyed.attribute!r}"
        _, item = list_in(offer)
        taken = {words_of(parameter.name) for parameter in offer.parameters.values()}
        for other in self._offers if isinstance(item, Kind) else ():
            for variable, parameter in other.parameters.items():
                kind = graphql.get_nullable_type(other.argument(variable).type)
                is_many = isinstance(kind, graphql.GraphQLList) and parameter.place == "query"
                is_same = words_of(parameter.name) in taken and list_in(other)[1] is item
                if is_many and is_same and page_of(other) is None:
                    return f"batch={_name(other)!r}, group_by={'_'.join(words_of(parameter.name))!r}"
        return None

    def unused(self, endpoints: Collection[Endpoint]) -> list[Outline]:
        """Give the operations that none of these endpoints is."""
        operations = () if self.source.api is None else self.source.api.outlines
        used = {(endpoint.method, _path(endpoint.template.text)) for endpoint in endpoints}
        return [one for one in operations if (one.method, _path(one.path)) not in used]


def possible_links(schema: graphql.GraphQLSchema, sources: Iterable[Rest]) -> list[Linked]:
    """Give the obvious links that the documents of a schema have not been told to make."""
    fields = schema.query_type.fields if schema.query_type is not None else {}
    documents = [source for source in sources if isinstance(source, OpenAPI) and not source.auto_link]
    offers: list[Offer] = []
    owners: dict[Kind, Rest] = {}
    for source in documents:
        own = [offer for _, offer in offers_of(source, fields)]
        offers += own
        for kind in reached(offer.element.type for offer in own):
            if isinstance(kind, Kind):
                owners.setdefault(kind, source)
    entities = find_entities(offers)
    return Links(owners, entities, offers, schema.type_map.values()).find()


def _is(endpoint: Endpoint, operation: Operation) -> bool:
    return (endpoint.method, _path(endpoint.template.text)) == (operation.method, _path(operation.path))


def _path(text: str) -> str:
    return _PLACE.sub("{}", _QUERY.sub("", text)).rstrip("/")


def _name(offer: Offer) -> str:
    return offer.operation.id or offer.operation.path


def names_of(operations: Iterable[Outline]) -> Iterator[str]:
    """Give what operations are called: their ``operationId``, else method and path."""
    return (operation.id or str(operation) for operation in operations)
