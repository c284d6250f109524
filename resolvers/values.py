"""Values between the wire and Python: what a property is to a resolver, an argument to a backend."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import functools
import math
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import graphql
import strawberry
from strawberry.types.base import StrawberryObjectDefinition

from resolvers import scalars
from resolvers.duration import duration_text
from resolvers.entries import ENTRY_KEY, ENTRY_VALUE, Entries, as_entries, is_entry
from resolvers.marks import LEARNT, MARK, NAME, AlternativesMark, PropertyMark, mark_on
from resolvers.node import raw_key
from sources import Number, Rest, Timestamps, format_date, format_instant, parse_date, parse_instant, spelling_of

Decode = Callable[[Any], Any]
Said = Mapping[Any, enum.Enum]

_PLAIN = frozenset({"Int", "Float", "String", "Boolean", "ID", "JSON"})
_DIGITS = frozenset({scalars.INT64, scalars.DECIMAL, scalars.ANY})
INSTANTS = frozenset({scalars.DATE_TIME, scalars.DATE})
_NOTHING: Said = {}


def mark_of(field: graphql.GraphQLField) -> PropertyMark | None:
    """Give what the author wrote on a field with `field`, if anything."""
    found = mark_on(field)
    return found if isinstance(found, PropertyMark) else None


def see_entries(schema: graphql.GraphQLSchema) -> None:
    """Give every field of the schema that shows a backend's map the type of one, see `resolvers.entries`."""
    for kind in schema.type_map.values():
        if isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType):
            for element in kind.fields.values():
                mark, item = mark_of(element), graphql.get_named_type(element.type)
                if (mark is not None and mark.entries) or is_entry(item):
                    element.type = as_entries(element.type)
                    _name_as_they_are(item)


def _name_as_they_are(item: graphql.GraphQLNamedType) -> None:
    """Let an entry's properties have the names that they have, whatever names the source gives to its own."""
    for name in (ENTRY_KEY, ENTRY_VALUE):
        element = item.fields.get(name) if isinstance(item, graphql.GraphQLObjectType) else None
        definition = None if element is None else element.extensions.get("strawberry-definition")
        is_plain = getattr(definition, "base_resolver", None) is None
        if element is not None and is_plain and mark_on(element) is None:
            mark = element.extensions[MARK] = PropertyMark((name,), None)
            item.extensions.setdefault(LEARNT, {})[python_name(element, name)] = mark


def decoder_of(kind: graphql.GraphQLLeafType, source: Rest, mark: PropertyMark | None) -> Decode | None:
    """Give the `decoder` for a field's values, as the field's mark says they are spelled, else as their source does."""
    timestamps = source.timestamps if mark is None or mark.timestamps is None else mark.timestamps
    values = mark.values if mark is not None else None
    if values is None and source.values and isinstance(kind, graphql.GraphQLEnumType):
        values = source.values.get(enum_class(kind))
    return decoder(kind, timestamps, values)


def decoder(kind: graphql.GraphQLLeafType, timestamps: Timestamps, values: Said | None = None) -> Decode | None:
    """Give the function from a backend's JSON value to the Python value of a leaf type; None changes nothing.

    The function raises ValueError (or what a custom scalar's parser raises) for a value of another form.

    Args:
        values: what the backend says to the members of an enum that it means, besides their own values and names.
    """
    if isinstance(kind, graphql.GraphQLEnumType):
        return _enum_decoder(kind, values or _NOTHING)
    if kind.name in _PLAIN:
        return None
    if kind is scalars.DATE_TIME:
        return functools.partial(parse_instant, timestamps=timestamps)
    if kind is scalars.DATE and timestamps != "iso":
        return functools.partial(parse_date, timestamps=timestamps)
    return kind.parse_value


def counts_digits(kind: graphql.GraphQLNamedType | None, source: Rest, mark: PropertyMark | None) -> bool:
    """Tell whether a field of this type shows digits of a JSON number that a float does not hold."""
    if kind in INSTANTS:
        return (mark.timestamps if mark is not None and mark.timestamps else source.timestamps) != "iso"
    return kind in _DIGITS


def enum_class(kind: graphql.GraphQLEnumType) -> Any:
    """Give the author's class behind an enum type."""
    return getattr(kind.extensions.get("strawberry-definition"), "wrapped_cls", None)


def _enum_decoder(kind: graphql.GraphQLEnumType, values: Said) -> Decode:
    found = {name: kind.parse_value(name) for name in kind.values}
    members: dict[Any, Any] = dict(found)
    for member in found.values():
        members[member.value if isinstance(member, enum.Enum) else member] = member
    members.update(values)
    has_booleans = any(type(wire) is bool for wire in members)
    missing = getattr(enum_class(kind), "_missing_", None)
    if getattr(missing, "__func__", None) is enum.Enum._missing_.__func__:  # type: ignore[attr-defined]  # a method
        missing = None
    known = set(found.values())

    def decode(value: Any) -> Any:
        try:
            if type(value) is bool and not has_booleans:  # which equal 0 and 1
                raise KeyError
            return members[value]
        except (KeyError, TypeError):
            member = None if missing is None or value is None else missing(value)
            if member is None or member not in known:
                raise ValueError(f"not a value of {kind.name}") from None
            return member

    return decode


def wire_value(value: Any, kind: graphql.GraphQLInputType, source: Rest) -> Any:
    """Spell an argument as the backend reads it: names by the source's convention, instants by its timestamps.

    Raises:
        GraphQLError: a Float is larger than any, a global id in it is another type's, or a map has a key twice.
    """
    if value is None:
        return None
    if isinstance(kind, graphql.GraphQLNonNull):
        return wire_value(value, kind.of_type, source)
    if isinstance(kind, Entries):
        return _wire_map(value, graphql.get_named_type(kind), source)
    if isinstance(kind, graphql.GraphQLList):
        return [wire_value(item, kind.of_type, source) for item in value]
    if isinstance(kind, graphql.GraphQLInputObjectType):
        one = kind.extensions.get(MARK)
        if isinstance(one, AlternativesMark):
            ((name, found),) = value.items()  # as graphql-core checked
            return one.sent(name, wire_value(found, kind.fields[name].type, source))
        return {
            _property(field, name, source): wire_value(raw_key(value[name], field), field.type, source)
            for name, field in kind.fields.items()
            if name in value
        }
    return _wire_leaf(value, kind, source)


def _property(element: graphql.GraphQLInputField, name: str, source: Rest) -> str:
    """Give what a backend calls the property of an input: as its document says, else as its source spells names."""
    said = element.extensions.get(NAME)
    return said if isinstance(said, str) else source.property_name(python_name(element, name))


def _wire_map(entries: Any, kind: Any, source: Rest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries:
        key = wire_value(entry[ENTRY_KEY], kind.fields[ENTRY_KEY].type, source)
        if key in found:
            message = "An entry's key is given twice."
            raise graphql.GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})
        found[key] = wire_value(entry.get(ENTRY_VALUE), kind.fields[ENTRY_VALUE].type, source)
    return found


def wire_object(value: Any, source: Rest) -> Any:
    """Spell a value of Python as the backend reads it, whatever its type in the schema; see `wire_value`."""
    if isinstance(value, list | tuple):
        return [wire_object(item, source) for item in value]
    if isinstance(value, strawberry.Some):
        return wire_object(value.value, source)
    definition = getattr(type(value), "__strawberry_definition__", None)
    if isinstance(definition, StrawberryObjectDefinition):
        held = {field.python_name: getattr(value, field.python_name) for field in definition.fields}
        return {
            source.property_name(name): wire_object(found, source)
            for name, found in held.items()
            if found is not strawberry.UNSET
        }
    return _wire_leaf(value, scalars.ANY, source)


def _wire_leaf(value: Any, kind: graphql.GraphQLInputType, source: Rest) -> Any:
    if isinstance(value, enum.Enum):
        return spelling_of(value, source.values)
    if isinstance(value, float):
        if kind is not scalars.ANY and not math.isfinite(value):  # 1E400 in a document, which JSON would make null
            raise graphql.GraphQLError("Expected a finite number.", extensions={"code": "BAD_USER_INPUT"})
        return value if kind is scalars.ANY else float(value)
    if isinstance(value, dt.datetime):
        return format_instant(value, source.timestamps)
    if isinstance(value, dt.date):
        return format_date(value, source.timestamps)
    if isinstance(value, dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return duration_text(value)
    if isinstance(value, bytes):
        return scalars.bytes_text(value)
    if isinstance(value, decimal.Decimal):
        return Number(str(value)) if source.decimals == "number" else str(value)
    return str(value) if isinstance(value, uuid.UUID) else value


def python_name(element: graphql.GraphQLField | graphql.GraphQLInputField, name: str) -> str:
    """Give the attribute's name in Python for a field of the schema."""
    definition = element.extensions.get("strawberry-definition")
    found = getattr(definition, "python_name", None) or element.extensions.get(NAME)
    return found if isinstance(found, str) else name
