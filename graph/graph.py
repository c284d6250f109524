"""`Graph`: the types an author declared, made into a schema, checked, and ready to serve."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphql
import msgspec
import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.federation.versions import FEDERATION_VERSIONS
from strawberry.schema.config import StrawberryConfig
from strawberry.schema_directives import OneOf

from graph.client import ANONYMOUS, Caller, Client
from graph.engine import Engine, Request
from graph.errors import GraphError, RequestError, report
from graph.faults import schema_faults
from graph.garbage import no_collections
from graph.limits import Limits
from graph.payloads import Draft
from graph.sdl import print_sdl
from graph.settings import SettingsError, overridden
from graph.trust import Trust
from graph.trusted import TrustedDocuments, read_manifest
from resolvers import (
    SCALARS,
    UPLOAD_SCALARS,
    Authenticated,
    Cost,
    Declared,
    ListSize,
    Receiving,
    RequiresScopes,
    Store,
    bind,
    declare,
    definition_of,
    is_federated,
    keys_in,
    keys_of_sources,
    requirements_of_federation,
)
from sources import Bus, Rest

if TYPE_CHECKING:
    from sources.openapi import OpenAPI

_INCREMENTAL = (graphql.GraphQLDeferDirective, graphql.GraphQLStreamDirective)


class Graph:
    """A typed graph over REST backends.

    Args:
        query: the root type for reading; `mutation` the one for writing, `subscription` the one for events. A subgraph
            may have none.
        types: further types that no field names, such as those behind an interface.
        limits: what a request may cost; ``WEFT_`` variables of the environment, such as ``WEFT_MAX_DEPTH``, go before.
        timeout: seconds that an operation may take in all; fields that have no value by then are errors, and the rest
            of the answer stands. None sets no bound.
        federation: whether it is a subgraph of Apollo Federation 2, perhaps of a version (``"2.5"``). A directive of
            Federation on any type or field makes it one.
        extensions: schema extensions of Strawberry: classes, or functions that make one for each operation.
        config: how Strawberry makes the schema, such as `StrawberryConfig(auto_camel_case=False)`.
        scalar_overrides: scalars for types of Python, as `strawberry.Schema` takes them.
        schema_directives: directives of the schema itself.
        bus: carries the events that are sent to the gateway; None keeps them inside this process.
        documents: OpenAPI documents whose operations are fields of the graph as well.
        trust: who may ask, and how much; without it everybody may, within the limits.

    Raises:
        GraphError: something declared is impossible; the error lists every fault that a start-up can see.
    """

    def __init__(
        self,
        query: type[Any] | None = None,
        mutation: type[Any] | None = None,
        subscription: type[Any] | None = None,
        *,
        types: Sequence[type[Any]] = (),
        limits: Limits | None = None,
        store: Store | None = None,
        timeout: float | None = 30.0,
        federation: bool | str = False,
        extensions: Sequence[type[SchemaExtension] | Callable[[], SchemaExtension]] = (),
        config: StrawberryConfig | None = None,
        scalar_overrides: Mapping[object, Any] | None = None,
        schema_directives: Sequence[object] = (),
        bus: Bus | None = None,
        documents: Sequence[OpenAPI] = (),
        trust: Trust | None = None,
    ) -> None:
        if timeout is not None and not timeout > 0:
            raise GraphError(["timeout must be more than 0 seconds"])
        types = [*types, *(found for document in documents for found in document.classes if found not in types)]
        declared = declare(*(root for root in (query, mutation, subscription, *types) if root is not None))
        for document in documents:
            declared.add_source(document)
        if documents and query is None:
            query = _documents_query(documents)
        options: dict[str, Any] = {
            "query": query,
            "mutation": mutation,
            "subscription": subscription,
            "extensions": extensions,
            "config": _with_scalars(config or StrawberryConfig()),
            "scalar_overrides": scalar_overrides,
            "schema_directives": schema_directives,
        }

        def weave(schema: graphql.GraphQLSchema) -> graphql.GraphQLSchema:
            if not any(source.is_described for source in declared.sources):
                return schema
            # What reads documents takes 0.1 s and 3 MB to load: only graphs that have some wait for it.
            from resolvers.openapi import merged

            return merged(schema, documents, declared)

        self._sdl: str | None = None
        with no_collections() if documents else contextlib.nullcontext():
            if federation or is_federated(declared):
                if documents:
                    raise GraphError([*declared.faults, "federation: a graph of documents cannot be a subgraph yet"])
                schema, self._sdl = _subgraph(declared, types, federation, options, weave)
            else:
                schema = _built(declared, lambda: strawberry.Schema(**options, types=types), weave)
                if _has_directives(schema) and not documents:  # Strawberry's printer knows nothing of documents
                    self._sdl = schema.as_str() + "\n"
            schema._schema = weave(schema._schema)
            bindings = bind(schema._schema, declared)
        self.receiving = Receiving(bindings, bus)
        faults = [*bindings.faults, *self.receiving.faults]
        limits = limits or Limits()
        if schema.config.disable_field_suggestions:
            limits = dataclasses.replace(limits, suggestions=False)
        try:
            limits = overridden(limits, os.environ)
        except SettingsError as exc:
            faults += exc.faults
        try:
            self.trusting = (trust or Trust()).overridden(os.environ)
        except SettingsError as exc:
            faults += exc.faults
        if faults:
            raise GraphError([*faults, *_missing(bindings.sources), *self.receiving.missing()])
        self.schema = schema._schema
        self.metering = self.trusting.metering()
        self.clients = self.trusting.all_clients(self.metering)
        self.proxies = self.trusting.all_proxies()
        self.sources: tuple[Rest, ...] = tuple(bindings.sources)
        self.engine = Engine(
            self.schema,
            bindings,
            store=store,
            limits=limits.settled(production=self.trusting.production),
            timeout_s=timeout,
            extended=bool(extensions),
            bus=bus,
        )

    def check_environment(self) -> None:
        """Check that every secret which the sources need is set.

        Raises:
            GraphError: environment variables are missing; it lists all of them.
        """
        missing = [*_missing(self.sources), *self.receiving.missing(), *self.clients.missing()]
        missing += self.metering.missing()
        if missing:
            raise GraphError(missing)

    def trust(self, manifest: str | Path) -> None:
        """Let only the documents of a list run from now on, named by their ids; to be called before serving.

        Args:
            manifest: a JSON file as Relay, graphql-codegen or Apollo's tools write it (see `graph/trusted.py`).

        Raises:
            GraphError: the file cannot be read, or documents in it do not fit the schema; it lists all of them.
        """
        self.engine.documents = TrustedDocuments(read_manifest(Path(manifest)), self.engine.operations)

    def sdl(self) -> str:
        """Give the schema in the schema definition language, without the directives that every graph has."""
        if self._sdl is not None:
            return self._sdl
        return print_sdl(self.schema, hidden=_INCREMENTAL)

    async def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        context: Any = None,
        client: Client = ANONYMOUS,
    ) -> dict[str, Any]:
        """Execute an operation without a server, and give its response."""
        request, lowered = Request(query, operation_name, dict(variables or {})), _lowered(headers)
        answer = await self.engine.answer(request, lowered, lambda: context, key=object(), caller=Caller(client))
        response: dict[str, Any] = msgspec.json.decode(answer.body)
        return response

    async def execute_incrementally(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        context: Any = None,
        client: Client = ANONYMOUS,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Execute an operation with ``@defer`` or ``@stream`` without a server, and give its payloads.

        An operation in which nothing comes later is one response, without ``hasNext``.
        """
        request, lowered = Request(query, operation_name, dict(variables or {})), _lowered(headers)
        answer = await self.engine.answer(
            request, lowered, lambda: context, key=object(), caller=Caller(client), writer=Draft()
        )
        if answer.payloads is None:
            yield msgspec.json.decode(answer.body)
            return
        async with contextlib.aclosing(answer.payloads) as payloads:
            async for payload in payloads:
                yield payload

    async def subscribe(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        context: Any = None,
        client: Client = ANONYMOUS,
    ) -> AsyncGenerator[dict[str, Any]]:
        """Subscribe without a server, and give a response for each event.

        It is subscribed when the first response is asked for. What cannot be executed, and what ends a subscription
        early, is a response of errors only.
        """
        request, lowered = Request(query, operation_name, dict(variables or {})), _lowered(headers)
        try:
            subscriber = await self.engine.subscriptions.open(request, lowered, lambda: context, Caller(client))
        except RequestError as exc:
            yield exc.report()
            return
        if subscriber is None:
            named = {"operation_name": operation_name, "headers": headers, "context": context, "client": client}
            yield await self.execute(query, variables, **named)
            return
        try:
            while (text := await subscriber.next()) is not None:
                yield msgspec.json.decode(text)
            if subscriber.failure is not None:
                yield {"errors": [report(error) for error in subscriber.failure]}
        finally:
            subscriber.close()

    async def aclose(self, keeping: Collection[Graph] = ()) -> None:
        """End all subscriptions and operations, and close the connections to all backends.

        Args:
            keeping: graphs that go on, and whose sources and buses stay open therefore.
        """
        buses = {graph.engine.subscriptions.bus for graph in keeping}
        await self.engine.subscriptions.aclose(keeping=buses)
        self.engine.deadlines.expire()
        await self.engine.loader.aclose()
        if not any(graph.trusting.clients == self.trusting.clients for graph in keeping):
            await self.clients.aclose()
        await self.metering.aclose()
        for source in self.sources:
            if not any(source in graph.sources for graph in keeping):
                await source.aclose()


def _documents_query(documents: Sequence[OpenAPI]) -> type[Any]:
    """Give a root type for a graph of documents only; its one field gives way to theirs."""
    from resolvers.openapi import PLACEHOLDER  # loaded for graphs of documents only

    def names() -> list[str]:
        return [document.name for document in documents]

    described = "The names of the documents that this graph is made of."
    field: Any = strawberry.field(names, name=PLACEHOLDER, description=described)
    return strawberry.type(type("Query", (), {"documents": field}))


def _lowered(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _built(
    declared: Declared,
    build: Callable[[], strawberry.Schema],
    weave: Callable[[graphql.GraphQLSchema], graphql.GraphQLSchema],
) -> strawberry.Schema:
    try:
        schema = build()
    except Exception as exc:
        found = schema_faults(declared, lambda: build()._schema, weave)
        raise GraphError([*declared.faults, *(found or [f"the schema: {exc}"]), *_missing(declared.sources)]) from exc
    _complete(schema._schema)
    return schema


def _subgraph(
    declared: Declared,
    types: Sequence[type[Any]],
    federation: bool | str,
    options: Mapping[str, Any],
    weave: Callable[[graphql.GraphQLSchema], graphql.GraphQLSchema],
) -> tuple[strawberry.Schema, str]:
    """Build a subgraph's schema and its SDL; with them, `_service` and `_entities` are fields of the root."""
    version: dict[str, Any] = {"federation_version": federation} if isinstance(federation, str) else {}
    if isinstance(federation, str) and federation not in FEDERATION_VERSIONS:
        first, *_, last = FEDERATION_VERSIONS
        raise GraphError([*declared.faults, f"federation: {federation!r} is none of its versions, {first} to {last}"])
    names = options["config"].name_converter
    newest = FEDERATION_VERSIONS[federation if isinstance(federation, str) else [*FEDERATION_VERSIONS][-1]]
    with keys_of_sources(declared, names), requirements_of_federation(declared, newest):
        # An entity that only a union names would not be found.
        keyed = [found for found in declared.classes if (known := definition_of(found)) and keys_in(known)]

        def build() -> strawberry.Schema:
            return strawberry.federation.Schema(**options, **version, types=[*types, *keyed])

        schema = _built(declared, build, weave)
        sdl = schema.as_str() + "\n"
    service: Any = schema._schema.type_map["_Service"]
    service.fields["sdl"].resolve = lambda *_: sdl
    return schema, sdl


def _has_directives(schema: strawberry.Schema) -> bool:
    """Tell whether the author applies directives of his own, which only Strawberry's printer shows."""
    known = (Cost, ListSize, OneOf, Authenticated, RequiresScopes)
    return any(not isinstance(found, known) for found in schema._schema_directives_in_use)


def _with_scalars(config: StrawberryConfig) -> StrawberryConfig:
    return dataclasses.replace(config, scalar_map={**SCALARS, **UPLOAD_SCALARS, **config.scalar_map})


def _complete(schema: graphql.GraphQLSchema) -> None:
    """Say to graphql-core what Strawberry does not."""
    known = {directive.name for directive in schema.directives}
    schema.directives = (*schema.directives, *(found for found in _INCREMENTAL if found.name not in known))
    _say_one_of(schema)
    _write_defaults(schema)


def _say_one_of(schema: graphql.GraphQLSchema) -> None:
    """Tell graphql-core which input objects take exactly one member: Strawberry checks that by itself, unsaid."""
    for kind in schema.type_map.values():
        if isinstance(kind, graphql.GraphQLInputObjectType):
            definition = kind.extensions.get("strawberry-definition")
            if getattr(definition, "is_one_of", False):
                kind.is_one_of = True
                kind.out_type = graphql.GraphQLInputObjectType.out_type  # type: ignore[method-assign]  # Strawberry's


def _write_defaults(schema: graphql.GraphQLSchema) -> None:
    """Let what a client leaves out stay out, where Python says ``= None`` and Strawberry makes it a default of null.

    A backend may well take ``{"note": null}`` for a wish to clear the note. A default that is a JSON object becomes
    one that can be printed.
    """
    for kind in schema.type_map.values():
        if isinstance(kind, graphql.GraphQLInputObjectType):
            _write_default(kind.fields.values())
        elif isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType):
            for element in kind.fields.values():
                _write_default(element.args.values())
    for directive in schema.directives:
        _write_default(directive.args.values())


def _write_default(inputs: Iterable[graphql.GraphQLArgument | graphql.GraphQLInputField]) -> None:
    for declared in inputs:
        if declared.default_value is None:
            declared.default_value = graphql.Undefined
        elif isinstance(declared.default_value, dict | list) and graphql.get_named_type(declared.type).name == "JSON":
            declared.default = graphql.GraphQLDefaultInput(value=declared.default_value)
            declared.default_value = graphql.Undefined


def _missing(sources: Sequence[Rest]) -> list[str]:
    return [f"source {source.name!r}: {sentence}" for source in sources for sentence in source.missing()]
