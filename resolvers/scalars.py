"""Scalars that are exact in both directions: from a backend to the client, and from the client to a backend.

An author annotates with Python's own types (`datetime`, `date`, `time`, `timedelta`, `Decimal`, `UUID`, `bytes`) or
with the names that this file gives to narrower ones (`Int64`, `URL`, `Email`, `JSON`). Each scalar has one function
that reads JSON, the same for clients and backends, and one that writes it. Reading raises ValueError with a message
that tells the form and never the value. What has more digits than a float is text in an answer (`Int64`, `Decimal`),
since the JSON of browsers has only floats.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import re
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NewType

import graphql
import strawberry
from strawberry.types.scalar import ScalarDefinition

from resolvers.duration import duration_text, parse_duration
from sources import Number, digits_of

Int64 = NewType("Int64", int)
URL = NewType("URL", str)
Email = NewType("Email", str)
JSON = strawberry.scalars.JSON
Base64 = bytes
Duration = dt.timedelta

_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,9})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_DATE_TIME = re.compile(r"[0-9-]{10}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\x00-\x1f\x7f<>\"\\^`{|}]+")
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9_.!#$%&'*+/=?^`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")

# -- reading ----------------------------------------------------------------------------------------------------------


def _int64(value: object) -> int:
    found: object = value
    if isinstance(value, str):
        found = int(value) if _INTEGER.fullmatch(value) else None
    elif isinstance(value, float):
        digits = digits_of(value)
        whole = digits.is_finite() and digits.adjusted() < 19 and digits == digits.to_integral_value()
        found = int(digits) if whole else None
    if isinstance(found, bool) or not isinstance(found, int) or found not in _INT64:
        raise ValueError("expected a whole number of 64 bits")
    return found


def _decimal(value: object) -> decimal.Decimal:
    found: decimal.Decimal | None = None
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        found = decimal.Decimal(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = digits_of(value)
    elif isinstance(value, decimal.Decimal):
        found = value
    if found is None or not found.is_finite():
        raise ValueError("expected a number")
    return found


def _instant(value: object) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise ValueError("expected an instant such as 2026-01-31T12:30:00Z")
    return dt.datetime.fromisoformat(value)


def _date(value: object) -> dt.date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("expected a date such as 2026-01-31")
    return dt.date.fromisoformat(value)


def _time(value: object) -> dt.time:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("expected a time such as 12:30:00")
    return dt.time.fromisoformat(value)


def _uuid(value: object) -> uuid.UUID:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ValueError("expected a UUID such as 00000000-0000-4000-8000-000000000000")
    return uuid.UUID(value)


def _url(value: object) -> str:
    if isinstance(value, str) and _URL.fullmatch(value):
        try:
            parts = urllib.parse.urlsplit(value)
            if parts.hostname and (parts.port is None or parts.port >= 0):
                return value
        except ValueError:  # an address in brackets that is none, a port beyond 65535
            pass
    raise ValueError("expected a URL such as https://example.com/path")


def _email(value: object) -> str:
    if not isinstance(value, str) or len(value) > 254 or not _EMAIL.fullmatch(value):
        raise ValueError("expected an email address such as ada@example.com")
    return value


def _bytes(value: object) -> bytes:
    if isinstance(value, str):
        try:
            found = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            found = b""
        if base64.b64encode(found) == value.encode("ascii", "replace"):  # one way to write it: what goes out came in
            return found
    raise ValueError("expected bytes in Base64")


# -- writing ----------------------------------------------------------------------------------------------------------


def _int64_text(value: object) -> str:
    return str(_int64(value))


def _decimal_text(value: object) -> str:
    return str(_decimal(value))


def bytes_text(value: bytes) -> str:
    """Give bytes in Base64, with the standard alphabet and padding."""
    return base64.b64encode(value).decode()


def _as_it_is(value: Any) -> Any:
    return value


# -- literals ---------------------------------------------------------------------------------------------------------


def json_of(node: graphql.ValueNode, variables: Mapping[str, Any] | None = None) -> Any:
    """Give a literal of a document as JSON, with every digit; an enum value is its name, a missing variable null.

    Raises:
        ValueError: an integer has more digits than Python reads.
    """
    if isinstance(node, graphql.IntValueNode):
        return int(node.value)
    if isinstance(node, graphql.FloatValueNode):
        return Number(node.value)
    if isinstance(node, graphql.StringValueNode | graphql.BooleanValueNode | graphql.EnumValueNode):
        return node.value
    if isinstance(node, graphql.ListValueNode):
        return [json_of(item, variables) for item in node.values]
    if isinstance(node, graphql.ObjectValueNode):
        return {field.name.value: json_of(field.value, variables) for field in node.fields}
    return (variables or {}).get(node.name.value) if isinstance(node, graphql.VariableNode) else None


def _json_literal(value: Any) -> graphql.ConstValueNode:
    """Give JSON as a literal of a document, for defaults in the printed schema."""
    if isinstance(value, Mapping):
        fields = (
            graphql.ConstObjectFieldNode(name=graphql.NameNode(value=name), value=_json_literal(item))
            for name, item in value.items()
        )
        return graphql.ConstObjectValueNode(fields=tuple(fields))
    if isinstance(value, list | tuple):
        return graphql.ConstListValueNode(values=tuple(map(_json_literal, value)))
    if isinstance(value, bool):
        return graphql.BooleanValueNode(value=value)
    if isinstance(value, int):
        return graphql.IntValueNode(value=str(value))
    if isinstance(value, float):
        return graphql.FloatValueNode(value=value.text if isinstance(value, Number) else repr(value))
    return graphql.NullValueNode() if value is None else graphql.StringValueNode(value=str(value))


# -- the scalars ------------------------------------------------------------------------------------------------------


def _scalar(
    name: str,
    read: Callable[[Any], Any],
    write: Callable[[Any], Any],
    description: str,
    specified_by: str | None = None,
) -> graphql.GraphQLScalarType:
    def literal(node: graphql.ValueNode, variables: Mapping[str, Any] | None = None) -> Any:
        return read(json_of(node, variables))

    return graphql.GraphQLScalarType(
        name,
        serialize=write,
        parse_value=read,
        parse_literal=literal,
        description=description,
        specified_by_url=specified_by,
    )


_RFC = "https://datatracker.ietf.org/doc/html/rfc"

INT64 = _scalar(
    "Int64",
    _int64,
    _int64_text,
    "A whole number of 64 bits. It is text in answers, since many clients lose digits of a number beyond 2^53; "
    "as input it may be a number or text.",
)
DECIMAL = _scalar(
    "Decimal",
    _decimal,
    _decimal_text,
    "A decimal number with all its digits. It is text in answers; as input it may be a number or text.",
)
DATE_TIME = _scalar(
    "DateTime",
    _instant,
    dt.datetime.isoformat,
    "An instant such as `2026-01-31T12:30:00+00:00`, to the microsecond.",
    f"{_RFC}3339",
)
DATE = _scalar("Date", _date, dt.date.isoformat, "A date such as `2026-01-31`.", f"{_RFC}3339")
TIME = _scalar("Time", _time, dt.time.isoformat, "A time of day such as `12:30:00`.", f"{_RFC}3339")
DURATION = _scalar(
    "Duration",
    parse_duration,
    duration_text,
    "A length of time such as `P1DT2H30M`, to the microsecond. It has no years and no months, whose length varies.",
    f"{_RFC}3339#appendix-A",
)
UNIQUE_ID = _scalar("UUID", _uuid, str, "A UUID such as `00000000-0000-4000-8000-000000000000`.", f"{_RFC}9562")
LOCATION = _scalar("URL", _url, _as_it_is, "An absolute URL with a host.", "https://url.spec.whatwg.org/")
EMAIL = _scalar(
    "Email",
    _email,
    _as_it_is,
    "An email address.",
    "https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address",
)
ANY = _scalar("JSON", _as_it_is, _as_it_is, "Any JSON value, with all digits of its numbers.", f"{_RFC}8259")
ANY.value_to_literal = _json_literal
BYTES = _scalar("Base64", _bytes, bytes_text, "Bytes in Base64.", f"{_RFC}4648#section-4")

JSON_TYPES: dict[graphql.GraphQLNamedType, Any] = {
    INT64: str | int,
    **dict.fromkeys([TIME, DURATION, UNIQUE_ID, LOCATION, EMAIL, BYTES], str),
}
"""The Python types of the JSON in which backends write a scalar, where it is always the same."""


def definition_of_scalar(scalar: graphql.GraphQLScalarType) -> ScalarDefinition:
    """Give what Strawberry has to know of a scalar, which stays the same object in every schema."""
    return ScalarDefinition(
        name=scalar.name,
        description=scalar.description,
        specified_by_url=scalar.specified_by_url,
        serialize=scalar.serialize,
        parse_value=scalar.parse_value,
        parse_literal=scalar.parse_literal,
        implementation=scalar,
    )


_bytes_definition = definition_of_scalar(BYTES)
SCALARS: dict[object, ScalarDefinition] = {
    Int64: definition_of_scalar(INT64),
    decimal.Decimal: definition_of_scalar(DECIMAL),
    dt.datetime: definition_of_scalar(DATE_TIME),
    dt.date: definition_of_scalar(DATE),
    dt.time: definition_of_scalar(TIME),
    dt.timedelta: definition_of_scalar(DURATION),
    uuid.UUID: definition_of_scalar(UNIQUE_ID),
    URL: definition_of_scalar(LOCATION),
    Email: definition_of_scalar(EMAIL),
    JSON: definition_of_scalar(ANY),
    bytes: _bytes_definition,
    strawberry.scalars.Base64: _bytes_definition,
}
