"""Obvious links between types of documents, found by the names of their properties and parameters.

A property ``customerId`` leads to the one `Customer` that a source gives by key; ``tag_ids`` to a list of `Tag`. The
other way round, ``GET /customers/{id}/orders`` and ``GET /orders?customer_id=`` are the orders of a customer. Where
more than one thing could be meant, nothing is linked. The documents of a graph are looked at together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import graphql

from resolvers.attributes import attributes_of, call_of_type
from resolvers.binding import Property
from resolvers.marks import LINKED, MARK, OPERATION, LinkMark, mark_on
from resolvers.openapi.batches import names_key, page_of, plural, words_of
from resolvers.openapi.described import same_kind
from resolvers.openapi.keyed import Keyed, Kind, list_in
from resolvers.openapi.names import field_name
from resolvers.openapi.offers import Offer
from sources import Call, Rest


@dataclasses.dataclass(frozen=True)
class Linked:
    """A field that leads from a type to another one.

    Args:
        by: what the link was found by.
        is_batched: whether it is loaded for many parents at once.
    """

    kind: Kind
    name: str
    element: graphql.GraphQLField
    by: str
    source: Rest
    is_batched: bool

    def __str__(self) -> str:
        return f"{self.kind.name}.{self.name}: {self.element.type}, by {self.by}"


class Links:
    """The obvious links of a graph.

    Args:
        owners: the object types of documents, each with the source that answers it.
        entities: of these, what a document gives by key.
        offers: the operations that read.
        kinds: all types of the graph.
    """

    def __init__(
        self,
        owners: Mapping[Kind, Rest],
        entities: Mapping[Kind, Keyed],
        offers: Iterable[Offer],
        kinds: Iterable[graphql.GraphQLNamedType],
    ) -> None:
        self._owners = owners
        self._entities = entities
        self._offers = list(offers)
        self._targets: dict[tuple[str, ...], list[tuple[Kind, Call, Property]]] = {}
        for kind in kinds:
            call = call_of_type(kind)
            if not isinstance(kind, Kind) or call is None or len(call.key) != 1 or not (call.single or call.batch):
                continue
            key = attributes_of(kind).get(call.key[0])
            if key is not None and key.kind is not None:
                self._targets.setdefault(words_of(kind.name), []).append((kind, call, key))

    def find(self) -> list[Linked]:
        """Give the links that no field is yet, in the order of types and names."""
        found: dict[tuple[Kind, str], list[tuple[int, Linked]]] = {}
        for rank, linked in [*self._by_properties(), *self._by_operations()]:
            if linked.name not in linked.kind.fields:
                found.setdefault((linked.kind, linked.name), []).append((rank, linked))
        chosen: list[Linked] = []
        for several in found.values():
            best = min(rank for rank, _ in several)
            first, *others = [linked for rank, linked in several if rank == best]
            if not others:
                chosen.append(first)
        return sorted(chosen, key=lambda linked: (linked.kind.name, linked.name))

    # -- a property that names another object ---------------------------------------------------------------------

    def _by_properties(self) -> Iterator[tuple[int, Linked]]:
        for kind, source in self._owners.items():
            linked = {mark.names for one in kind.fields.values() if isinstance(mark := mark_on(one), LinkMark)}
            for attribute, found in attributes_of(kind).items():
                if (attribute,) in linked:
                    continue
                inner = graphql.get_nullable_type(found.kind)
                is_list = isinstance(inner, graphql.GraphQLList)
                leaf = graphql.get_nullable_type(inner.of_type) if isinstance(inner, graphql.GraphQLList) else inner
                if found.kind is None or not graphql.is_leaf_type(leaf):
                    continue
                for words, target in self._named_by(kind, attribute, leaf, source):
                    name = field_name("_".join((*words[:-1], plural(words[-1])) if is_list else words))
                    if words == words_of(attribute):  # the name is that of the key itself
                        if is_list:
                            continue  # as likely names of things as their keys
                        name = field_name(f"linked_{name}")
                    given: Any = graphql.GraphQLList(target[0]) if is_list else target[0]
                    marks = {MARK: LinkMark((attribute,)), LINKED: True}
                    element = graphql.GraphQLField(given, extensions=marks)
                    yield 0, Linked(kind, name, element, attribute, target[1].source, target[1].batch is not None)

    def _named_by(
        self, kind: Kind, attribute: str, leaf: Any, source: Rest
    ) -> Iterator[tuple[tuple[str, ...], tuple[Kind, Call, Property]]]:
        """Give the one entity that a property names by its key, with the words for it."""
        words = words_of(attribute)
        for cut in range(1, len(words) + 1):
            fitting = [
                one
                for one in self._targets.get(words[:cut], ())
                if one[0] is not kind
                and same_kind(one[2].kind, leaf)
                and _is_key(words[cut:], words[:cut], one[2], leaf)
            ]
            own = [one for one in fitting if one[1].source is source]
            if len(own or fitting) == 1:
                yield words[:cut], (own or fitting)[0]

    # -- an operation that takes another object's key -------------------------------------------------------------

    def _by_operations(self) -> Iterator[tuple[int, Linked]]:
        for offer in self._offers:
            yield from self._below(offer)
            yield from self._filtered(offer)

    def _below(self, offer: Offer) -> Iterator[tuple[int, Linked]]:
        """Give the link of ``GET /customers/{id}/orders``."""
        places = [variable for variable, parameter in offer.parameters.items() if parameter.place == "path"]
        if len(places) != 1 or offer.required() != places:
            return
        for kind, keyed in self._entities.items():
            start, rest = keyed.offer.operation.path.rstrip("/"), ""
            own, names = offer.parameters[places[0]].name, keyed.offer.parameters[keyed.variable].name
            if own != names and not names_key(own, kind.name, keyed.attribute):
                continue
            start = start.replace(f"{{{names}}}", f"{{{own}}}")
            if keyed.offer.source is offer.source and offer.operation.path.startswith(f"{start}/"):
                rest = offer.operation.path[len(start) + 1 :].strip("/")
            if rest and "{" not in rest:
                yield 1, self._linked(kind, field_name(rest), offer, places[0], keyed.attribute, offer.element.type)

    def _filtered(self, offer: Offer) -> Iterator[tuple[int, Linked]]:
        """Give the links of ``GET /orders?customer_id=``."""
        items, item = list_in(offer)
        if not isinstance(item, Kind) or "{" in offer.operation.path:
            return
        name = field_name(offer.operation.path.rstrip("/").rpartition("/")[2])
        for variable, parameter in offer.parameters.items():
            if parameter.place != "query" or offer.required() not in ([], [variable]):
                continue
            kind = offer.argument(variable).type
            is_list = isinstance(graphql.get_nullable_type(kind), graphql.GraphQLList)
            for words, target in self._named_by(item, parameter.name, graphql.get_named_type(kind), offer.source):
                key = next(
                    (
                        attribute
                        for attribute, found in attributes_of(item).items()
                        if words_of(attribute) == words_of(parameter.name)
                        and len(words_of(attribute)) > len(words)
                        and found.kind is not None
                        and not isinstance(graphql.get_nullable_type(found.kind), graphql.GraphQLList)
                        and same_kind(found.kind, kind)
                    ),
                    None,
                )
                grouped = key if is_list and page_of(offer) is None else None
                answer = offer.answer(items)
                linked = self._linked(target[0], name, offer, variable, target[2].attribute, answer, items, grouped)
                yield (0 if grouped else 2), linked

    def _linked(
        self,
        kind: Kind,
        name: str,
        offer: Offer,
        variable: str,
        attribute: str,
        answer: Any,
        items: tuple[str, ...] = (),
        grouped_by: str | None = None,
    ) -> Linked:
        """Give the field for an operation of which one variable comes from the parent."""
        endpoint = dataclasses.replace(offer.endpoint(list(offer.variables), items), optional=frozenset())
        call = Call(
            source=offer.source,
            single=endpoint,
            batch=None if grouped_by is None else endpoint,
            key=() if grouped_by is None else (grouped_by,),
            many=grouped_by is not None,
            max_batch=offer.source.max_batch,
            inputs={variable: attribute},
            name=name,
        )
        arguments = {
            name: argument for name, argument in offer.element.args.items() if argument is not offer.argument(variable)
        }
        element = graphql.GraphQLField(
            graphql.get_nullable_type(answer),
            arguments,
            description=offer.element.description,
            extensions={MARK: call, LINKED: True, OPERATION: offer.operation},
        )
        return Linked(kind, name, element, str(offer.operation), offer.source, grouped_by is not None)


def _is_key(rest: tuple[str, ...], words: tuple[str, ...], key: Property, leaf: Any) -> bool:
    """Tell whether what follows a type's words names its key; without a word more, the types must be the same."""
    if not rest:
        return leaf is graphql.get_nullable_type(key.kind) and leaf is not graphql.GraphQLBoolean
    return names_key("_".join(rest), "_".join(words), key.attribute)
