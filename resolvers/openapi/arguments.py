"""Parameters of an operation as arguments of its field."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any, cast

import graphql

from resolvers.marks import NAME, OPERATION
from resolvers.openapi.inputs import Inputs
from resolvers.openapi.names import Names, field_name, type_name
from resolvers.openapi.texts import described, outdated
from sources.openapi import Losses, Operation, Parameter, Placed, why_not_carried


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a field, and the parameters that they are sent as; each argument's name is its variable."""

    fields: dict[str, graphql.GraphQLArgument] = field(default_factory=dict)
    placed: list[Placed] = field(default_factory=list)

    def add(self, name: str, argument: graphql.GraphQLArgument) -> str:
        """Take an argument, and let calls know it by its name, which gets a number where another one has it."""
        name = Names(self.fields).take(name) if name in self.fields else name
        argument.extensions[NAME] = name
        self.fields[name] = argument
        return name


def arguments_of(
    operation: Operation, place: str, inputs: Inputs, losses: Losses, supplied: Set[tuple[str, str]] = frozenset()
) -> Arguments:
    """Give the arguments for the parameters of an operation.

    What is in the path has the plain name; of two parameters with one name the other one says its place.

    Args:
        place: what types are called whose schemas have no name of their own.
        supplied: places and names, these in lower case, of what the gateway itself sends.
    """
    arguments = Arguments()
    for parameter in sorted(_sent(operation, losses, supplied), key=lambda one: one.place != "path"):
        argument = inputs.argument(
            parameter.schema,
            f"{place}{type_name(parameter.name)}",
            parameter.name,
            required=parameter.required,
            description=described(parameter.description, example=parameter.example),
            extensions={OPERATION: parameter},
        )
        if parameter.place == "path":  # a path has no part that may be left out
            inner: Any = graphql.get_nullable_type(argument.type)
            argument.type = graphql.GraphQLNonNull(inner)
        if not graphql.is_required_argument(argument):
            argument.deprecation_reason = outdated(parameter.deprecated)
        name = field_name(parameter.name)
        if name in arguments.fields:
            name = field_name(f"{parameter.name} in {parameter.place}")
        arguments.placed.append(_placed(parameter, arguments.add(name, argument)))
    return arguments


def _sent(operation: Operation, losses: Losses, supplied: Set[tuple[str, str]]) -> Iterator[Parameter]:
    """Give the parameters that a client gives and a request can carry."""
    for parameter in operation.parameters:
        problem = why_not_carried(parameter.name, parameter.place)
        if (parameter.place, parameter.name.lower()) in supplied:
            problem = f"{parameter.name!r} is a credential, which the gateway sends"
        if problem is None:
            yield parameter
        else:
            losses.add(parameter.pointer, "parameter-not-sent", f"{problem}; it is left out", "left-out")


def _placed(parameter: Parameter, variable: str) -> Placed:
    return Placed(
        name=parameter.name,
        variable=variable,
        place=cast(Any, parameter.place),
        style=parameter.style,
        explode=parameter.explode,
        allow_reserved=parameter.allow_reserved,
        media=parameter.media,
    )
