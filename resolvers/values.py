"""Values between the wire and Python: what a property is to a resolver, an argument to a backend."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Callable
from typing import Any

import graphql

from resolvers.node import GLOBAL_ID, identity_of
from sources import Rest, Timestamps, format_instant, parse_instant

Decode = Callable[[Any], Any]

_PLAIN = frozenset({"Int", "Float", "String", "Boolean", "ID", "JSON"})


def decoder(kind: graphql.GraphQLLeafType, timestamps: Timestamps) -> Decode | None:
    """Give the function from a backend's JSON value to the Python value of a leaf type; None changes nothing.

    The function raises ValueError (or what a custom scalar's parser raises) for a value of another form.
    """
    if isinstance(kind, graphql.GraphQLEnumType):
        return _enum_decoder(kind)
    if kind.name in _PLAIN:
        return None
    if kind.name == "DateTime":
        return lambda value: parse_instant(value, timestamps)
    if kind.name == "Date" and timestamps != "iso":
        return lambda value: parse_instant(value, timestamps).date()
    if kind.name == "Decimal":
        return _decimal
    return kind.parse_value


def _decimal(value: object) -> decimal.Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a number")
    try:
        found = decimal.Decimal(str(value))
    except decimal.InvalidOperation as exc:
        raise ValueError("expected a number") from exc
    if not found.is_finite():
        raise ValueError("expected a number")
    return found


def _enum_decoder(kind: graphql.GraphQLEnumType) -> Decode:
    found = {name: kind.parse_value(name) for name in kind.values}
    members: dict[Any, Any] = dict(found)
    for member in found.values():
        members[member.value if isinstance(member, enum.Enum) else member] = member

    has_booleans = any(type(wire) is bool for wire in members)

    def decode(value: Any) -> Any:
        try:
            if type(value) is bool and not has_booleans:  # which equal 0 and 1
                raise KeyError
            return members[value]
        except (KeyError, TypeError):
            raise ValueError(f"not a value of {kind.name}") from None

    return decode


def wire_value(value: Any, kind: graphql.GraphQLInputType, source: Rest) -> Any:
    """Spell an argument as the backend reads it: names by the source's convention, instants by its timestamps."""
    if value is None:
        return None
    if isinstance(kind, graphql.GraphQLNonNull):
        return wire_value(value, kind.of_type, source)
    if isinstance(kind, graphql.GraphQLList):
        return [wire_value(item, kind.of_type, source) for item in value]
    if isinstance(kind, graphql.GraphQLInputObjectType):
        return {
            source.property_name(python_name(field, name)): wire_value(raw_key(value[name], field), field.type, source)
            for name, field in kind.fields.items()
            if name in value
        }
    return _wire_leaf(value, source)


def raw_key(value: Any, element: graphql.GraphQLArgument | graphql.GraphQLInputField) -> Any:
    """Give the key that is in a global id, or in each of a list, where an argument or input field takes such ids.

    Raises:
        GraphQLError: it is no global id of the type that is asked for.
    """
    name = element.extensions.get(GLOBAL_ID)
    if name is None or value is None:
        return value
    if isinstance(value, list):
        return [raw_key(item, element) for item in value]
    found = identity_of(value)
    if found is None or found[0] != name or len(found[1]) != 1:
        raise graphql.GraphQLError(f"Expected an id of {name}.", extensions={"code": "BAD_USER_INPUT"})
    return found[1][0]


def _wire_leaf(value: Any, source: Rest) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dt.datetime):
        return format_instant(value, source.timestamps)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    return value


def python_name(element: graphql.GraphQLField | graphql.GraphQLInputField, name: str) -> str:
    """Give the attribute's name in Python for a field of the schema."""
    definition = element.extensions.get("strawberry-definition")
    found = getattr(definition, "python_name", None)
    return found if isinstance(found, str) else name
