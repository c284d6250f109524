"""What could be better about a graph: calls once per object, operations that nobody uses, what is not described."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import graphql

from graph.graph import Graph
from resolvers import LINKED, Bindings, Fetching, Property, call_of_type
from resolvers.openapi import Advice, names_of, possible_links
from sources import Endpoint, Rest
from sources.openapi import OpenAPI

Severity = Literal["error", "warning", "hint"]
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at.

    Args:
        severity: an error will fail, a warning will be slow, a hint is a wish.
        rule: a short word for what kind of thing it is, such as ``n+1``.
        place: the field, type or source concerned.
        message: what is so, and what to write instead.
    """

    severity: Severity
    rule: str
    place: str
    message: str


def lint(graph: Graph) -> list[Finding]:
    """Give what could be better about a graph, the worst first; nothing is called."""
    linter = _Linter(graph)
    found = [
        *linter.environment(),
        *linter.requirements(),
        *linter.calls(),
        *linter.unused(),
        *linter.links(),
        *linter.freshness(),
        *linter.losses(),
        *linter.descriptions(),
    ]
    order: list[Severity] = ["error", "warning", "hint"]
    return sorted(found, key=lambda finding: order.index(finding.severity))


class _Linter:
    def __init__(self, graph: Graph) -> None:
        self._schema = graph.schema
        self._knows_clients = not graph.clients.is_open
        self._bindings: Bindings = graph.engine.bindings
        self._sources = graph.sources
        self._described = {source.name: source for source in graph.sources if isinstance(source, OpenAPI)}
        self._advice: dict[str, Advice] = {}
        self._many = _in_lists(self._schema)
        self._roots = {
            root.name
            for root in (self._schema.query_type, self._schema.mutation_type, self._schema.subscription_type)
            if root is not None
        }

    def environment(self) -> Iterator[Finding]:
        """Find secrets that are not there."""
        for source in self._sources:
            for sentence in source.missing():
                yield Finding("error", "environment", source.name, sentence)

    def requirements(self) -> Iterator[Finding]:
        """Find what nobody can be given, and writes that need nothing where others do."""
        needed = self._bindings.requirements
        if needed.all and not self._knows_clients:
            place = ".".join(next(iter(needed.fields)))
            yield Finding("warning", "clients", place, "it needs a client; Trust(clients=[...]) says how one is known")
        root = self._schema.mutation_type
        names = [] if root is None else [name for name in root.fields if (root.name, name) not in needed.fields]
        if root is None or len(names) == len(root.fields):
            return
        for name in names:
            message = "anybody may call it, while other mutations need a client: authenticated, or requires(...)"
            yield Finding("hint", "requirements", f"{root.name}.{name}", message)

    def calls(self) -> Iterator[Finding]:
        """Find what is called once for each parent in a list."""
        for kind, name, binding in self._fetchings():
            if not binding.parents or binding.batch is not None or binding.single is None or kind not in self._many:
                continue
            offered = self._offered(binding.source, binding.single)
            told = f"{binding.single} is called once for each {kind}"
            if offered is None:
                told += "; no batch form is declared"
            elif binding.is_entity:
                told += f"; the document has one: {offered} on the entity {binding.target}, or auto_link=True"
            else:
                told += f"; the document has one: {offered}"
            yield Finding("warning", "n+1", f"{kind}.{name}", told)

    def unused(self) -> Iterator[Finding]:
        """Find the operations of documents that no field uses."""
        endpoints = list(self._endpoints())
        for name in self._described:
            operations = self._advised(name).unused([found for source, found in endpoints if source.name == name])
            if operations:
                told = f"no field uses {_count(len(operations), 'operation')}: {_listed(names_of(operations))}"
                yield Finding("hint", "unused", name, told)

    def links(self) -> Iterator[Finding]:
        """Find the links that were added, and those that could be."""
        for kind in self._schema.type_map.values():
            if isinstance(kind, graphql.GraphQLObjectType):
                for name, element in kind.fields.items():
                    if LINKED in element.extensions:
                        told = f"was added as an obvious link: {element.type}"
                        yield Finding("hint", "linked", f"{kind.name}.{name}", told)
        for linked in possible_links(self._schema, self._sources):
            place, told = f"{linked.kind.name}.{linked.name}", f"{linked.element.type}, by {linked.by}"
            yield Finding("hint", "link", place, f"could be a link: {told}; auto_link=True adds it")

    def freshness(self) -> Iterator[Finding]:
        """Find the sources whose answers are never reused."""
        fresh = {binding.source.name for _, _, binding in self._fetchings() if binding.fresh_s > 0}
        aged = {
            binding.ttl
            for fields in self._bindings.fields.values()
            for binding in fields.values()
            if isinstance(binding, Property) and binding.ttl
        }
        for source in self._sources:
            if source.ttl == 0 and source.name not in fresh and not aged:
                yield Finding(
                    "hint", "ttl", source.name, "no answer is reused: neither the source nor a field has a ttl"
                )

    def losses(self) -> Iterator[Finding]:
        """Find the documents of which the graph does not hold all."""
        for name, source in self._described.items():
            count = len(source.losses)
            if count:
                told = f"the graph lacks {_count(count, 'part')} of {source.location}; weft import --report lists them"
                yield Finding("hint", "losses", name, told)

    def descriptions(self) -> Iterator[Finding]:
        """Find types and fields without a description, counted."""
        with_fields = (graphql.GraphQLObjectType, graphql.GraphQLInterfaceType, graphql.GraphQLInputObjectType)
        kinds = [
            kind
            for kind in self._schema.type_map.values()
            if not graphql.is_introspection_type(kind) and not graphql.is_specified_scalar_type(kind)
        ]
        bare = [kind.name for kind in kinds if not kind.description and kind.name not in self._roots]
        fields = [
            f"{kind.name}.{name}"
            for kind in kinds
            if isinstance(kind, with_fields)
            for name, element in kind.fields.items()
            if not element.description
        ]
        for word, names in (("type", bare), ("field", fields)):
            if names:
                told = f"{_count(len(names), word)} without a description: {_listed(names)}"
                yield Finding("hint", "description", "schema", told)

    # -- what is asked of backends --------------------------------------------------------------------------------

    def _fetchings(self) -> Iterator[tuple[str, str, Fetching]]:
        for kind, fields in self._bindings.fields.items():
            for name, binding in fields.items():
                if isinstance(binding, Fetching):
                    yield kind, name, binding

    def _endpoints(self) -> Iterator[tuple[Rest, Endpoint]]:
        for _, _, binding in self._fetchings():
            for endpoint in (binding.single, binding.batch):
                if endpoint is not None:
                    yield binding.source, endpoint
        for kind in self._schema.type_map.values():
            call = call_of_type(kind)
            for endpoint in () if call is None else (call.single, call.batch):
                if call is not None and endpoint is not None:
                    yield call.source, endpoint

    def _offered(self, source: Rest, endpoint: Endpoint) -> str | None:
        return self._advised(source.name).batch(endpoint) if source.name in self._described else None

    def _advised(self, name: str) -> Advice:
        if name not in self._advice:
            self._advice[name] = Advice(self._described[name])
        return self._advice[name]


def _in_lists(schema: graphql.GraphQLSchema) -> set[str]:
    """Give the object types of which an operation can have many at once."""
    found: set[tuple[str, bool]] = set()
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    waiting: list[tuple[graphql.GraphQLNamedType, bool]] = [(root, False) for root in roots if root is not None]
    while waiting:
        kind, is_many = waiting.pop()
        if (kind.name, is_many) in found or (kind.name, True) in found:
            continue
        found.add((kind.name, is_many))
        if isinstance(kind, graphql.GraphQLInterfaceType | graphql.GraphQLUnionType):
            waiting += [(possible, is_many) for possible in schema.get_possible_types(kind)]
        if isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType):
            waiting += [
                (graphql.get_named_type(element.type), is_many or _has_list(element.type))
                for element in kind.fields.values()
            ]
    return {name for name, is_many in found if is_many}


def _has_list(kind: graphql.GraphQLOutputType) -> bool:
    return isinstance(graphql.get_nullable_type(kind), graphql.GraphQLList)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    text = ", ".join(itertools.islice(shown, _SHOWN))
    return text if len(shown) <= _SHOWN else f"{text}, …"
