"""`Graph`: the types an author declared, made into a schema, checked, and ready to serve."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import graphql
import msgspec
import strawberry
from strawberry.schema.config import StrawberryConfig

from graph.engine import Engine, Request
from graph.errors import GraphError
from graph.faults import schema_faults
from graph.limits import Limits
from graph.payloads import Draft
from graph.sdl import print_sdl
from graph.trusted import TrustedDocuments, read_manifest
from resolvers import SCALARS, UPLOAD_SCALARS, Store, bind, declare
from sources import Rest

_INCREMENTAL = (graphql.GraphQLDeferDirective, graphql.GraphQLStreamDirective)


class Graph:
    """A typed graph over REST backends.

    Args:
        query: the root type for reading; `mutation` the one for writing.
        types: further types that no field names, such as those behind an interface.
        limits: what a request may cost; ``WEFT_`` variables of the environment, such as ``WEFT_MAX_DEPTH``, go before.
        timeout: seconds that an operation may take in all; fields that have no value by then are errors, and the rest
            of the answer stands. None sets no bound.

    Raises:
        GraphError: something declared is impossible; the error lists every fault that a start-up can see.
    """

    def __init__(
        self,
        query: type[Any],
        mutation: type[Any] | None = None,
        *,
        types: Sequence[type[Any]] = (),
        limits: Limits | None = None,
        store: Store | None = None,
        timeout: float | None = 30.0,
    ) -> None:
        if timeout is not None and not timeout > 0:
            raise GraphError(["timeout must be more than 0 seconds"])
        roots = [query, *([mutation] if mutation is not None else []), *types]
        declared = declare(*roots)

        def build() -> graphql.GraphQLSchema:
            return strawberry.Schema(query=query, mutation=mutation, types=list(types), config=_config())._schema

        try:
            schema = build()
        except Exception as exc:
            found = schema_faults(declared, build)
            raise GraphError(
                [*declared.faults, *(found or [f"the schema: {exc}"]), *_missing(declared.sources)]
            ) from exc
        schema.directives = (*schema.directives, *_INCREMENTAL)
        _say_one_of(schema)
        _write_defaults(schema)
        bindings = bind(schema, declared)
        faults = list(bindings.faults)
        try:
            limits = (limits or Limits()).overridden(os.environ)
        except ValueError as exc:
            faults.append(str(exc))
        if faults:
            raise GraphError([*faults, *_missing(bindings.sources)])
        self.schema = schema
        self.sources: tuple[Rest, ...] = tuple(bindings.sources)
        self.engine = Engine(schema, bindings, store=store, limits=limits, timeout_s=timeout)

    def check_environment(self) -> None:
        """Check that every secret which the sources need is set.

        Raises:
            GraphError: environment variables are missing; it lists all of them.
        """
        missing = _missing(self.sources)
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
        shown = [directive for directive in self.schema.directives if directive not in _INCREMENTAL]
        described: Any = {**self.schema.to_kwargs(), "directives": shown}
        schema = graphql.GraphQLSchema(**described)
        return print_sdl(schema)

    async def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
        context: Any = None,
    ) -> dict[str, Any]:
        """Execute an operation without a server, and give its response."""
        request = Request(query, operation_name, dict(variables or {}))
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        answer = await self.engine.answer(request, lowered, lambda: context, key=object())
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
    ) -> AsyncGenerator[dict[str, Any]]:
        """Execute an operation with ``@defer`` or ``@stream`` without a server, and give its payloads.

        An operation in which nothing comes later is one response, without ``hasNext``.
        """
        request = Request(query, operation_name, dict(variables or {}))
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        answer = await self.engine.answer(request, lowered, lambda: context, key=object(), writer=Draft())
        if answer.payloads is None:
            yield msgspec.json.decode(answer.body)
            return
        async with contextlib.aclosing(answer.payloads) as payloads:
            async for payload in payloads:
                yield payload

    async def aclose(self) -> None:
        """Close the connections to all backends."""
        for source in self.sources:
            await source.aclose()


def _config() -> StrawberryConfig:
    return StrawberryConfig(scalar_map={**SCALARS, **UPLOAD_SCALARS})


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
    return [
        f"source {source.name!r}: the environment variable {name} is not set"
        for source in sources
        for name in source.missing_environment()
    ]
