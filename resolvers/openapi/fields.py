"""Operations of a document as fields of the root types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import graphql

from resolvers import scalars
from resolvers.marks import MARK, NAME
from resolvers.openapi.inputs import Inputs
from resolvers.openapi.names import Names, field_name, type_name
from resolvers.openapi.outputs import Outputs
from sources import Body, Call, Endpoint, Template, snake_case
from sources.openapi import Losses, OpenAPI, Operation, Schema


@dataclass(frozen=True, slots=True)
class Roots:
    """Fields of the root types."""

    query: dict[str, graphql.GraphQLField] = field(default_factory=dict)
    mutation: dict[str, graphql.GraphQLField] = field(default_factory=dict)
    subscription: dict[str, graphql.GraphQLField] = field(default_factory=dict)


class Fields:
    """The fields of one document's operations."""

    def __init__(self, source: OpenAPI, outputs: Outputs, losses: Losses) -> None:
        self._source = source
        self._outputs = outputs
        self._inputs = Inputs(outputs)
        self._losses = losses

    def roots(self, operations: Mapping[str, Operation]) -> Roots:
        """Give the fields by their names, each in the root type where it belongs."""
        roots = Roots()
        for name, operation in operations.items():
            reads = operation.method == "GET"
            (roots.query if reads else roots.mutation)[name] = self._field(name, operation, reads=reads)
        return roots

    def _field(self, name: str, operation: Operation, *, reads: bool) -> graphql.GraphQLField:
        place = type_name(name)
        arguments, variables = self._arguments(operation, place)
        body = self._body(operation, arguments, variables, place)
        endpoint = Endpoint(operation.method, Template(self._template(operation, variables)), body=body)
        return graphql.GraphQLField(
            self._answer(operation, place),
            arguments,
            description=operation.description or operation.summary,
            deprecation_reason="No longer supported" if operation.deprecated else None,
            extensions={
                MARK: Call(source=self._source, single=endpoint, reads=reads, ttl=None if reads else 0.0, name=name)
            },
        )

    def _arguments(
        self, operation: Operation, place: str
    ) -> tuple[dict[str, graphql.GraphQLArgument], dict[tuple[str, str], str]]:
        names, arguments, variables = Names(), dict[str, graphql.GraphQLArgument](), dict[tuple[str, str], str]()
        for parameter in operation.parameters:
            if parameter.place not in ("path", "query"):
                continue
            given = names.take(field_name(parameter.name))
            kind = f"{place}{type_name(parameter.name)}"
            find = self._inputs.required if parameter.required else self._inputs.of
            variables[parameter.name, parameter.place] = given
            arguments[given] = graphql.GraphQLArgument(
                find(parameter.schema, kind), description=parameter.description, extensions={NAME: given}
            )
        return arguments, variables

    def _template(self, operation: Operation, variables: Mapping[tuple[str, str], str]) -> str:
        text = operation.path
        for (name, place), variable in variables.items():
            if place == "path":
                text = text.replace("{" + name + "}", "{" + variable + "}")
        query = [f"{variable}*" for (_, place), variable in variables.items() if place == "query"]
        return text + ("{?" + ",".join(query) + "}" if query else "")

    def _body(
        self,
        operation: Operation,
        arguments: dict[str, graphql.GraphQLArgument],
        variables: Mapping[tuple[str, str], str],
        place: str,
    ) -> Body | None:
        if operation.body is None:
            return None
        name = Names(variables.values()).take("input")
        schema = _json_schema(operation.body.contents)
        kind = scalars.ANY if schema is None else self._inputs.of(schema, f"{place}Body")
        arguments[name] = graphql.GraphQLArgument(
            graphql.GraphQLNonNull(kind) if operation.body.required else kind,
            description=operation.body.description,
            extensions={NAME: name},
        )
        return Body("{" + name + "}")

    def _answer(self, operation: Operation, place: str) -> graphql.GraphQLOutputType:
        for answer in operation.answers.values():
            if answer.is_success and answer.contents:
                schema = _json_schema(answer.contents)
                return scalars.ANY if schema is None else self._outputs.of(schema, f"{place}Result")
        return scalars.ANY


def _json_schema(contents: Mapping[str, Any]) -> Schema | None:
    for media, content in contents.items():
        if "json" in media:
            return content.schema if content.schema is not None else None
    return None


def named(operations: Iterator[Operation]) -> dict[str, Operation]:
    """Give operations by the names of their fields: their ``operationId``, else their method and path."""
    names, found = Names(), dict[str, Operation]()
    for operation in operations:
        text = operation.id or f"{operation.method.lower()} {operation.path}"
        found[names.take(field_name(snake_case(text) if not operation.id else text))] = operation
    return found
