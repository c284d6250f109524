"""Parameters of an operation as arguments of its field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import graphql

from resolvers import scalars
from resolvers.marks import NAME
from resolvers.openapi.inputs import Inputs
from resolvers.openapi.names import Names, field_name, type_name
from resolvers.openapi.texts import described, outdated
from sources.openapi import Losses, Operation, Parameter, Placed, places, why_not_carried

Json = Any


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a field, and the parameters that they are sent as; each argument's name is its variable."""

    fields: dict[str, graphql.GraphQLArgument] = field(default_factory=dict)
    placed: list[Placed] = field(default_factory=list)

    def take(self, name: str) -> str:
        """Give the name, or it with a number where another argument has it."""
        return Names(self.fields).take(name)

    def add(self, name: str, argument: graphql.GraphQLArgument) -> None:
        """Take an argument, and let calls know it by its name."""
        argument.extensions[NAME] = name
        self.fields[name] = argument


def arguments_of(operation: Operation, place: str, inputs: Inputs, losses: Losses) -> Arguments:
    """Give the arguments for the parameters of an operation.

    What is in the path has the plain name; of two parameters with one name the other one says its place.

    Args:
        place: what types are called whose schemas have no name of their own.
    """
    arguments = Arguments()
    for parameter in _sent(operation, losses):
        name = field_name(parameter.name)
        if name in arguments.fields:
            name = arguments.take(field_name(f"{parameter.name} in {parameter.place}"))
        kind = inputs.of(parameter.schema, f"{place}{type_name(parameter.name)}")
        default = default_of(kind, parameter.schema.default)
        if default is graphql.Undefined and parameter.schema.default is not None:
            losses.add(
                parameter.pointer, "default", f"the default of {parameter.name!r} is not of its type", "loosened"
            )
        is_required = parameter.place == "path" or (parameter.required and default is graphql.Undefined)
        arguments.add(
            name,
            graphql.GraphQLArgument(
                graphql.GraphQLNonNull(graphql.get_nullable_type(kind)) if is_required else kind,
                default if parameter.place != "path" else graphql.Undefined,
                description=described(parameter.description, example=parameter.example),
                deprecation_reason=None if is_required else outdated(parameter.deprecated),
            ),
        )
        arguments.placed.append(_placed(parameter, name))
    _add_undeclared(operation, arguments, losses)
    return arguments


def _sent(operation: Operation, losses: Losses) -> list[Parameter]:
    """Give the parameters that a request can carry, those of the path first, each once."""
    found: dict[tuple[str, str], Parameter] = {}
    inside = places(operation.path)
    for parameter in sorted(operation.parameters, key=lambda one: one.place != "path"):
        problem = why_not_carried(parameter.name, parameter.place)
        if problem is None and parameter.place == "path" and parameter.name not in inside:
            problem = f"the path {operation.path} has no place for {parameter.name!r}"
        if problem is not None:
            if not _follows(parameter):
                losses.add(parameter.pointer, "parameter-not-sent", f"{problem}; it is left out", "left-out")
        else:
            found.setdefault((parameter.place, parameter.name), parameter)
    return list(found.values())


def _follows(parameter: Parameter) -> bool:
    """Tell whether a parameter is none, since a header follows from the rest of the document."""
    return parameter.place == "header" and parameter.name.lower() in ("accept", "content-type", "authorization")


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


def _add_undeclared(operation: Operation, arguments: Arguments, losses: Losses) -> None:
    """Add what a path has a place for and no parameter tells of."""
    known = {placed.name for placed in arguments.placed if placed.place == "path"}
    for name in places(operation.path):
        if name not in known and name.strip("+*?/#.;& ") not in known:
            losses.add(
                operation.pointer,
                "parameter-not-declared",
                f"the path {operation.path} has a place for {name!r}, of which no parameter tells; it is text",
                "loosened",
            )
            variable = arguments.take(field_name(name))
            arguments.add(variable, graphql.GraphQLArgument(graphql.GraphQLNonNull(graphql.GraphQLString)))
            arguments.placed.append(Placed(name=name, variable=variable, place="path"))


def default_of(kind: Any, value: Json) -> Any:
    """Give a default as graphql-core holds it; `graphql.Undefined` where there is none or it is not of its type.

    The default of an object stays with the backend.
    """
    kind = graphql.get_nullable_type(kind)
    if value is None or kind is scalars.ANY or isinstance(kind, graphql.GraphQLInputObjectType):
        return graphql.Undefined
    if isinstance(kind, graphql.GraphQLList):
        found = [default_of(kind.of_type, item) for item in value] if isinstance(value, list) else [graphql.Undefined]
        return graphql.Undefined if graphql.Undefined in found else found
    if isinstance(kind, graphql.GraphQLEnumType):
        held: Mapping[str, graphql.GraphQLEnumValue] = kind.values
        return next((one.value for one in held.values() if one.value == value), graphql.Undefined)
    try:
        return kind.parse_value(value)
    except (graphql.GraphQLError, ValueError):
        return graphql.Undefined
