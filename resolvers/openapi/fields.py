"""Operations of a document as fields of the root types.

Each operation is built by itself: one that cannot be is left out, and told of.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import graphql

from resolvers.openapi.arguments import Arguments, arguments_of
from resolvers.openapi.bodies import Bodies, Carried
from resolvers.openapi.built import Built
from resolvers.openapi.happenings import Happenings
from resolvers.openapi.inputs import Inputs
from resolvers.openapi.links import Links
from resolvers.openapi.names import type_name
from resolvers.openapi.operations import is_safe, named
from resolvers.openapi.outputs import Outputs
from resolvers.openapi.results import Result, Results, says_json
from resolvers.openapi.stale import stale_types
from resolvers.openapi.texts import described, outdated
from sources import Call, DeclarationError, Endpoint
from sources.openapi import Api, Losses, OpenAPI, Operation, Outline, below, endpoint_for, payload_of


@dataclass(frozen=True, slots=True)
class Roots:
    """Fields of the root types."""

    query: dict[str, graphql.GraphQLField] = field(default_factory=dict)
    mutation: dict[str, graphql.GraphQLField] = field(default_factory=dict)
    subscription: dict[str, graphql.GraphQLField] = field(default_factory=dict)

    def by_name(self) -> dict[str, dict[str, graphql.GraphQLField]]:
        """Give the fields of each root type."""
        return {"query": self.query, "mutation": self.mutation, "subscription": self.subscription}


class Fields:
    """The fields of one document's operations."""

    def __init__(self, source: OpenAPI, api: Api, outputs: Outputs, losses: Losses) -> None:
        self._source = source
        self._api = api
        self._outputs = outputs
        self._inputs = Inputs(outputs)
        self._bodies = Bodies(outputs, self._inputs, losses)
        self._results = Results(outputs, losses, shows_failures=source.results)
        self._losses = losses
        self._built: dict[Operation, Built] = {}
        self._answered: dict[str, Any] = {}

    def roots(self) -> Roots:
        """Give the fields by their names, each in the root type where it belongs."""
        reading, writing = map(self._wanted, self._named)
        for operation, name in reading.items():
            self._build(name, operation, reads=True)
        for operation, name in writing.items():
            self._build(name, operation, reads=False)
        Links(self._built, self._outputs, self._losses).add()
        for name, why in self._source.unsupported.items():
            where = below("#/components/securitySchemes", name)
            self._losses.add(where, "unsupported-security", f"{why}; requests go without", "left-out")
        return Roots(self._fields(reading), self._fields(writing), self.happenings())

    def field(self, operation: Operation) -> graphql.GraphQLField | None:
        """Give an operation as a field, whether it is in the graph or not; None where it can be none."""
        if operation not in self._built:
            reads = is_safe(operation) or self._source.is_read(operation)
            self._build(self._names[operation.pointer], operation, reads=reads)
        return self._built[operation].field() if operation in self._built else None

    def happenings(self) -> dict[str, graphql.GraphQLField]:
        """Give what the backend sends by itself, by the names of the fields."""
        reading, writing = map(self._wanted, self._named)
        return Happenings(self._source, self._api, reading | writing, self._outputs, self._losses).fields()

    @functools.cached_property
    def _named(self) -> tuple[Mapping[Outline, str], Mapping[Outline, str]]:
        """The names of the fields of all operations, wanted or not: of those that read, and of those that write."""
        quiet = filter(self._source.is_read, self._api.outlines)
        return named(self._api.outlines, self._api.choice, quiet)

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        return {outline.pointer: name for names in self._named for outline, name in names.items()}

    def _wanted(self, names: Mapping[Outline, str]) -> dict[Operation, str]:
        chosen = self._api.chosen
        return {chosen[outline]: name for outline, name in names.items() if outline in chosen}

    def _fields(self, names: Mapping[Operation, str]) -> dict[str, graphql.GraphQLField]:
        return {name: self._built[one].field() for one, name in names.items() if one in self._built}

    def _build(self, name: str, operation: Operation, *, reads: bool) -> None:
        if operation.method == "TRACE" or (operation.method == "OPTIONS" and not says_json(operation)):
            told = f"{operation} is about the connection; it is left out"
            self._losses.add(operation.pointer, "about-connection", told, "left-out")
            return
        try:
            self._built[operation] = self._made(name, operation, reads=reads)
        except DeclarationError as exc:
            self._losses.add(operation.pointer, "not-sendable", f"{exc}; {operation} is left out", "left-out")
        except Exception as exc:  # a fault of ours costs one operation, not the graph
            told = f"{operation} could not be built ({type(exc).__name__}); it is left out"
            self._losses.add(operation.pointer, "internal", told, "left-out")
        else:
            if operation.method == "GET":
                self._answered[operation.path.rstrip("/")] = self._built[operation].kind

    def _made(self, name: str, operation: Operation, *, reads: bool) -> Built:
        place = type_name(name)
        arguments = arguments_of(operation, place, self._inputs, self._losses, self._source.supplies(operation))
        carried = self._bodies.of(operation, place, is_read=reads)
        result = self._results.of(operation, place)
        endpoint = self._endpoint(operation, arguments, carried, result)
        call = Call(
            source=self._source,
            single=endpoint,
            reads=reads,
            ttl=None if reads else 0.0,
            invalidates={} if reads else stale_types(operation, arguments.placed, self._answered),
            name=name,
        )
        return Built(
            operation=operation,
            call=call,
            kind=result.kind,
            arguments=arguments.fields,
            placed=arguments.placed,
            description=described(operation.summary, operation.description),
            deprecation_reason=outdated(operation.deprecated),
        )

    def _endpoint(
        self, operation: Operation, arguments: Arguments, carried: Carried | None, result: Result
    ) -> Endpoint:
        body = None
        if carried is not None:
            name = arguments.add(carried.name, carried.argument)
            body = payload_of(
                carried.media,
                f"{{{name}}}",
                required=graphql.is_non_null_type(carried.argument.type),
                encoding=carried.content.encoding,
            )
        return endpoint_for(
            operation,
            arguments.placed,
            body=body,
            reads=result.reads,
            results=result.results,
            auth=self._source.credentials(operation),
            url=self._source.address(operation),
            taken=self._source.own_parameters,
        )
