"""What an operation of a document offers to calls: its parameters, its answer, its endpoint."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import graphql

from resolvers.marks import MARK, NAME, OPERATION
from resolvers.openapi.described import Described
from sources import Call, Encodes, Endpoint, snake_case
from sources.openapi import OpenAPI, Operation, Parameter, payload_of


@dataclasses.dataclass(frozen=True)
class Offer:
    """An operation, with the field that it is or would be."""

    source: OpenAPI
    operation: Operation
    element: graphql.GraphQLField

    def __str__(self) -> str:
        named = f"{self.operation.id} ({self.operation})" if self.operation.id else str(self.operation)
        return f"{named} of {self.source.location}"

    @property
    def call(self) -> Call:
        """The call of the field."""
        found: Call = self.element.extensions[MARK]
        return found

    @functools.cached_property
    def variables(self) -> Mapping[str, graphql.GraphQLArgument]:
        """The arguments by their variables."""
        return {argument.extensions.get(NAME, name): argument for name, argument in self.element.args.items()}

    @functools.cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters by their variables."""
        found = ((variable, one.extensions.get(OPERATION)) for variable, one in self.variables.items())
        return {variable: parameter for variable, parameter in found if isinstance(parameter, Parameter)}

    @functools.cached_property
    def named(self) -> Mapping[str, str]:
        """The variables of the parameters by the names that they may have in Python."""
        known = {snake_case(variable): variable for variable in self.parameters}
        known |= {snake_case(parameter.name): variable for variable, parameter in self.parameters.items()}
        return known | {variable: variable for variable in self.parameters}

    @property
    def body(self) -> str | None:
        """The variable of the body; None where it has none."""
        return next((variable for variable in self.variables if variable not in self.parameters), None)

    def argument(self, variable: str) -> graphql.GraphQLArgument:
        """Give the argument of a variable."""
        return self.variables[variable]

    def required(self) -> list[str]:
        """Give the variables without which it cannot be called."""
        return [variable for variable, one in self.variables.items() if graphql.is_required_argument(one)]

    def answer(self, items: tuple[str, ...]) -> Any:
        """Give the type at a path of an answer; None where the document does not say."""
        kind: Any = self.element.type
        for name in items:
            inner = graphql.get_nullable_type(kind)
            if not isinstance(inner, graphql.GraphQLObjectType):
                return None
            kind = Described(inner).at((name,))
            if kind is None or isinstance(kind, str):
                return None
        return kind

    def payload(self, skeleton: Mapping[str, str]) -> Encodes:
        """Give the body with some of its properties, written as the operation writes it."""
        own = self.call.single.body if self.call.single is not None else None
        contents = self.operation.body.contents if self.operation.body is not None else {}
        media = getattr(own, "media", None) or next(iter(contents), "application/json")
        content = contents.get(media)
        return payload_of(media, skeleton, required=True, encoding=content.encoding if content is not None else None)

    def endpoint(
        self,
        supplied: Collection[str],
        items: tuple[str, ...],
        declared: Endpoint | None = None,
        body: Encodes | None = None,
    ) -> Endpoint:
        """Give the endpoint of the operation, for a call that supplies some of its variables.

        Args:
            declared: what an author wrote, whose headers are sent as well.
        """
        own = self.call.single
        if own is None:
            raise ValueError("an operation without an endpoint")
        headers = (*own.headers, *(declared.headers if declared is not None else ()))
        made = dataclasses.replace(own, items=items, headers=headers)
        if body is not None:
            made = dataclasses.replace(made, body=body)
        elif self.body is not None and self.body not in supplied:
            made = dataclasses.replace(made, body=None)
        needed = {*supplied, *(body.variables if body is not None else ())}
        return dataclasses.replace(made, optional=made.variables - needed)


def offers_of(source: OpenAPI, fields: Mapping[str, graphql.GraphQLField]) -> Iterator[tuple[str, Offer]]:
    """Give what the fields of a root type offer, by their names."""
    for name, element in fields.items():
        operation, call = element.extensions.get(OPERATION), element.extensions.get(MARK)
        if isinstance(operation, Operation) and isinstance(call, Call) and call.source is source:
            yield name, Offer(source, operation, element)
