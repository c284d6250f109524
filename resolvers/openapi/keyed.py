"""Types of a document whose objects an operation gives by key: ``GET /customers/{id}`` makes `Customer` an entity."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

import graphql

from resolvers.attributes import attributes_of, call_of_type
from resolvers.binding import Property
from resolvers.marks import BATCH, MARK, OPERATION
from resolvers.openapi.batches import batch_of, envelope_of, names_key, page_of, words_of
from resolvers.openapi.described import same_kind
from resolvers.openapi.offers import Offer
from sources import Call, snake_case

Kind = graphql.GraphQLObjectType
_COLLECTION = re.compile(r"(?!v[0-9]+(?:[a-z]+[0-9]*)?$)[^{}]*[A-Za-z][^{}]*")  # and not only a version


@dataclasses.dataclass(frozen=True)
class Keyed:
    """How a document gives the objects of a type by key.

    Args:
        attribute: the property that is the key, as Python knows it.
        variable: the operation's variable that takes it.
        items: property names from an answer to the object, or to the list of them.
        at_most: how many keys one call may ask for; None where nothing bounds it.
    """

    kind: Kind
    offer: Offer
    attribute: str
    variable: str
    items: tuple[str, ...]
    at_most: int | None = None


def find_entities(offers: Iterable[Offer]) -> dict[Kind, Keyed]:
    """Give the types of one document that an operation gives by key; of several, that with the shortest path.

    Args:
        offers: the operations that read.
    """
    found: dict[Kind, Keyed] = {}
    for offer in _by_length(offers):
        keyed = keyed_by(offer)
        if keyed is not None:
            found.setdefault(keyed.kind, keyed)
    return found


def declare_entities(entities: Mapping[Kind, Keyed], offers: Iterable[Offer]) -> None:
    """Make entities of types, unless Python says how their objects are given.

    A source that links by itself asks for many at once where the document lets it; others do when they are told to.
    """
    ordered = _by_length(offers)
    for kind, keyed in entities.items():
        declared = call_of_type(kind)
        if declared is not None and (declared.single or declared.batch or declared.key not in ((), (keyed.attribute,))):
            continue
        source = keyed.offer.source
        batch = find_batch(kind, keyed.attribute, ordered) if source.auto_link else None
        kind.extensions[OPERATION] = keyed.offer.operation
        if batch is not None:
            kind.extensions[BATCH] = batch.offer.operation
        bound = source.max_batch if declared is None else declared.max_batch
        if batch is not None and batch.at_most is not None:
            bound = min(bound, batch.at_most)
        kind.extensions[MARK] = Call(
            source=source,
            single=keyed.offer.endpoint([keyed.variable], keyed.items),
            batch=None if batch is None else batch.offer.endpoint([batch.variable], batch.items),
            key=(keyed.attribute,),
            ttl=None if declared is None else declared.ttl,
            max_batch=bound,
        )


def find_batch(kind: Kind, attribute: str, offers: Iterable[Offer]) -> Keyed | None:
    """Give the list operation that answers for many keys of a type; None where no document has one."""
    for offer in offers:
        items, item = list_in(offer)
        if item is not kind or any(not _takes_list(offer, name) for name in offer.required()):
            continue
        variable = batch_of(offer, kind.name, (attribute,))
        page = page_of(offer)
        if variable is None or page == 0 or any(name != variable for name in offer.required()):
            continue
        return Keyed(kind, offer, attribute, variable, items, page)
    return None


def list_in(offer: Offer) -> tuple[tuple[str, ...], Any]:
    """Give the path to the list in an answer, and what it is a list of; None where there is none."""
    items = envelope_of(offer.element.type, None, lists=True)
    found = graphql.get_nullable_type(offer.answer(items))
    return (items, graphql.get_nullable_type(found.of_type)) if isinstance(found, graphql.GraphQLList) else ((), None)


def _by_length(offers: Iterable[Offer]) -> list[Offer]:
    return sorted(offers, key=lambda one: (one.operation.path.count("/"), len(one.operation.path), one.operation.path))


def _takes_list(offer: Offer, variable: str) -> bool:
    return isinstance(graphql.get_nullable_type(offer.argument(variable).type), graphql.GraphQLList)


def keyed_by(offer: Offer) -> Keyed | None:
    """Give the type that an operation gives by key; None where it gives none."""
    required = offer.required()
    places = [variable for variable, parameter in offer.parameters.items() if parameter.place == "path"]
    if len(required) != 1 or required != places:
        return None
    variable = places[0]
    name = offer.parameters[variable].name
    before, _, last = offer.operation.path.rstrip("/").rpartition("/")
    if f"{{{name}}}" not in last or not _COLLECTION.fullmatch(before.rpartition("/")[2]):
        return None
    for items in ((), envelope_of(offer.element.type, None, lists=False)):
        kind = graphql.get_nullable_type(offer.answer(items))
        if isinstance(kind, Kind):
            attribute = key_named(kind, name)
            if attribute is not None and same_kind(attribute.kind, offer.argument(variable).type):
                return Keyed(kind, offer, attribute.attribute, variable, items)
    return None


def key_named(kind: Kind, name: str) -> Property | None:
    """Give the property that a parameter of a path names: one of its name, else `id`; None where there is none."""
    leaves = {
        attribute: found
        for attribute, found in attributes_of(kind).items()
        if found.kind is not None and graphql.is_leaf_type(graphql.get_nullable_type(found.kind))
    }
    exact = [found for attribute, found in leaves.items() if found.path == (name,) or attribute == snake_case(name)]
    if exact:
        return exact[0]
    if words_of(name) == words_of(kind.name):
        return leaves.get("id")
    return next((found for attribute, found in leaves.items() if names_key(name, kind.name, attribute)), None)
