"""Which scalar a value of a document is, by its kind, its format, its bounds and what it is called.

=============================  ========================================================================================
string                         String; by format DateTime, Date, Time, Duration, UUID, URL, Email, Base64 (``byte``,
                               ``binary``), Decimal, Int64 (digits in a text); ID where it is called ``id``
integer                        Int; Int64 by format, by a bound, default, example or enum beyond 32 bits, or by what it
                               is called (``id``, ``orderId``, ``created_timestamp``, ``duration_ms``, ``bytes``)
                               unless a maximum says that 32 bits do; DateTime for times since 1970
number                         Float; by format Decimal or Int64; DateTime for times since 1970
boolean                        Boolean
several of them                string and integer: ID; integer and number: Float; anything else: JSON
=============================  ========================================================================================

What a format promises is checked as it is for every graph: a text that is no instant is an error at its field. A format
that is not listed changes nothing. A backend reads numbers as its document has them, so what is text in an answer for
the sake of its digits is sent as a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import graphql

from resolvers import scalars
from sources import Timestamps
from sources.openapi import Schema

_FORMATS: dict[tuple[str, str], graphql.GraphQLScalarType] = {
    ("string", "date-time"): scalars.DATE_TIME,
    ("string", "datetime"): scalars.DATE_TIME,
    ("string", "google-datetime"): scalars.DATE_TIME,
    ("string", "date"): scalars.DATE,
    ("string", "time"): scalars.TIME,
    ("string", "duration"): scalars.DURATION,
    ("string", "uuid"): scalars.UNIQUE_ID,
    ("string", "guid"): scalars.UNIQUE_ID,
    ("string", "uri"): scalars.LOCATION,
    ("string", "url"): scalars.LOCATION,
    ("string", "email"): scalars.EMAIL,
    ("string", "byte"): scalars.BYTES,
    ("string", "base64"): scalars.BYTES,
    ("string", "binary"): scalars.BYTES,
    ("string", "int64"): scalars.INT64,
    **{
        (kind, name): scalars.DECIMAL
        for kind in ("string", "number")
        for name in ("decimal", "bigdecimal", "money", "currency-amount")
    },
    **{("integer", name): scalars.INT64 for name in ("int64", "long", "uint32", "uint64", "bigint", "unsigned-int64")},
    **{("number", name): scalars.INT64 for name in ("int64", "long", "integer64")},
    **{("integer", name): graphql.GraphQLInt for name in ("int32", "int16", "int8", "uint16", "uint8")},
}
_KINDS: dict[str, graphql.GraphQLScalarType] = {
    "string": graphql.GraphQLString,
    "integer": graphql.GraphQLInt,
    "number": graphql.GraphQLFloat,
    "boolean": graphql.GraphQLBoolean,
}
_INSTANTS: dict[str, Timestamps] = {
    **dict.fromkeys(("unix-time", "unixtime", "unix_time", "unix-timestamp", "timestamp", "epoch"), "unix"),
    **dict.fromkeys(("unix-time-ms", "unix-timestamp-ms", "timestamp-ms", "epoch-ms", "utc-millisec"), "unix_ms"),
}
_BIG_NAME = re.compile(
    r"(?:.*[_-])?(?:id|ms) | .*[a-z](?:Id|ID|Ms) | ID | .*[mM]illis | .*(?:[tT]imestamp|[bB]ytes).*",
    re.VERBOSE | re.DOTALL,
)
_INT = range(-(2**31), 2**31)
SCALARS = frozenset(_KINDS)


def scalar_of(schema: Schema, called: str = "", *, kind: str | None = None) -> graphql.GraphQLScalarType | None:
    """Give the scalar of a schema of one kind; None for objects and arrays.

    Args:
        called: the name of the property or parameter; empty where it has none.
        kind: the one of the schema's kinds that is meant, where it has several.
    """
    if kind is None:
        if len(schema.kinds) != 1:
            return None
        (kind,) = schema.kinds
    if called and instant_of(schema, kind) is not None:
        return scalars.DATE_TIME
    found = _FORMATS.get((kind, (schema.format or "").lower()))
    if found is None and kind == "string" and called == "id" and not schema.format:
        return graphql.GraphQLID
    if found is None and kind == "integer":
        return scalars.INT64 if _is_big(schema, called) else graphql.GraphQLInt
    return found or _KINDS.get(kind)


def instant_of(schema: Schema, kind: str) -> Timestamps | None:
    """Give how numbers tell instants; None where they tell none."""
    return _INSTANTS.get((schema.format or "").lower()) if kind in ("integer", "number") else None


def sent_as(scalar: graphql.GraphQLScalarType, kind: str) -> graphql.GraphQLScalarType:
    """Give the scalar of an argument that is the given one in answers: a backend gets the JSON that it documents."""
    if kind == "string":
        return graphql.GraphQLString if scalar is scalars.INT64 else scalar
    if scalar is scalars.DATE_TIME:
        return scalars.INT64
    return graphql.GraphQLFloat if scalar is scalars.DECIMAL else scalar


def mixed(found: Iterable[graphql.GraphQLNamedType]) -> graphql.GraphQLNamedType | None:
    """Give the one type of values that are of several scalars or enums; None where only JSON has them all."""
    kinds = list(dict.fromkeys(found))
    if len(kinds) == 1:
        return kinds[0]
    kinds = list(dict.fromkeys(_carrier(kind) for kind in kinds))
    if len(kinds) == 1:
        return kinds[0]
    names = {kind.name for kind in kinds}
    if names <= {"Int", "Float"}:
        return graphql.GraphQLFloat
    if names <= {"Int", "Int64"}:
        return scalars.INT64
    return graphql.GraphQLID if names <= {"String", "ID", "Int", "Int64"} else None


def _carrier(kind: graphql.GraphQLNamedType) -> graphql.GraphQLNamedType:
    """Give the plain scalar in which values of a narrower one are written."""
    narrow = (scalars.TIME, scalars.DURATION, scalars.UNIQUE_ID, scalars.LOCATION, scalars.EMAIL, scalars.BYTES)
    is_text = isinstance(kind, graphql.GraphQLEnumType) or kind in (*narrow, scalars.DATE_TIME, scalars.DATE)
    return graphql.GraphQLString if is_text else kind


def _is_big(schema: Schema, called: str) -> bool:
    largest = schema.maximum
    if largest is not None and _is_number(largest) and _INT.start <= largest < _INT.stop:  # "in" searches for a float
        return False
    told: list[Any] = [largest, schema.minimum, schema.default, schema.example, *(schema.enum or ())]
    if any(_is_number(value) and not _INT.start <= value < _INT.stop for value in told):
        return True
    return _BIG_NAME.fullmatch(called) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
