"""How a backend spells names and instants: the one place where Python's spelling meets the wire's."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from sources.errors import DeclarationError
from sources.number import Number, digits_of

Naming = Literal["same", "camel", "pascal", "kebab", "snake"] | Callable[[str], str]
Timestamps = Literal["iso", "unix", "unix_ms"]
Decimals = Literal["string", "number"]
Values = Mapping[type[enum.Enum], Mapping[Any, enum.Enum]]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PER_SECOND = {"unix": 1, "unix_ms": 1000}
_CUT = decimal.Context(prec=40, rounding=decimal.ROUND_FLOOR)
_FIRST_S, _END_S = -62_135_596_800, 253_402_300_800  # year 1 begins, year 9999 is over

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """Spell ``name`` in snake_case: ``OrderLine`` becomes ``order_line``."""
    return _BOUNDARY.sub("_", name).replace("-", "_").lower()


def _camel(name: str) -> str:
    bare = name.lstrip("_")
    first, *rest = bare.split("_")
    return name[: len(name) - len(bare)] + first + "".join(map(_capital, rest))


def _pascal(name: str) -> str:
    return "".join(map(_capital, name.split("_")))


def _kebab(name: str) -> str:
    bare = name.lstrip("_")
    return name[: len(name) - len(bare)] + bare.replace("_", "-")


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


_NAMINGS: dict[str, Callable[[str], str]] = {
    "same": str,
    "snake": str,
    "camel": _camel,
    "pascal": _pascal,
    "kebab": _kebab,
}


def naming_function(naming: Naming) -> Callable[[str], str]:
    """Give the function from a Python name to the backend's property name.

    Raises:
        DeclarationError: ``naming`` is neither a function nor one of the known words.
    """
    if callable(naming):
        return naming
    try:
        return _NAMINGS[naming]
    except (KeyError, TypeError):
        raise DeclarationError(f"naming={naming!r}: expected one of {', '.join(_NAMINGS)} or a function") from None


def parse_instant(value: object, timestamps: Timestamps) -> dt.datetime:
    """Read an instant as the backend writes it, to the microsecond; further digits are cut. Unix times become UTC.

    Raises:
        ValueError: the value is not an instant in this convention, or lies outside years 1 to 9999.
    """
    if timestamps == "iso":
        if not isinstance(value, str):
            raise ValueError("expected an ISO 8601 string")
        return dt.datetime.fromisoformat(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a Unix timestamp")
    unit = _PER_SECOND[timestamps]
    if not _FIRST_S * unit <= value <= _END_S * unit:  # which no NaN is; and digits of what lies beyond may be endless
        raise ValueError("the Unix timestamp is out of range")
    try:
        return _EPOCH + dt.timedelta(microseconds=math.floor(_CUT.multiply(digits_of(value), 1_000_000 // unit)))
    except OverflowError as exc:
        raise ValueError("the Unix timestamp is out of range") from exc


def format_instant(value: dt.datetime, timestamps: Timestamps) -> str | int | Number:
    """Write an instant as the backend reads it; a naive one counts as UTC for Unix times.

    A Unix time is a whole number wherever the instant is one, and has as many further digits as it needs elsewhere.
    """
    if timestamps == "iso":
        return value.isoformat()
    aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    since = (aware - _EPOCH) // dt.timedelta(microseconds=1)
    digits = 6 if timestamps == "unix" else 3
    whole, rest = divmod(abs(since), 1_000_000 if timestamps == "unix" else 1000)
    if not rest:
        return whole if since > 0 else -whole
    return Number(f"{'-' * (since < 0)}{whole}.{rest:0{digits}d}".rstrip("0"))


def parse_date(value: object, timestamps: Timestamps) -> dt.date:
    """Read a date as the backend writes it: that of an instant in UTC where it writes Unix times.

    Raises:
        ValueError: the value is not a date in this convention.
    """
    if timestamps != "iso":
        return parse_instant(value, timestamps).date()
    if not isinstance(value, str):
        raise ValueError("expected an ISO 8601 string")
    return dt.date.fromisoformat(value)


def format_date(value: dt.date, timestamps: Timestamps) -> str | int | Number:
    """Write a date as the backend reads it: as its first instant in UTC where that reads Unix times."""
    if timestamps == "iso":
        return value.isoformat()
    return format_instant(dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC), timestamps)


def values_faults(members: object, spelled: object) -> Iterator[str]:
    """Give what is wrong with a mapping from what a backend says to the members of an enum class that it means."""
    if not isinstance(members, type) or not issubclass(members, enum.Enum):
        yield f"values names {members!r}, which is no enum class"
    elif not isinstance(spelled, Mapping):
        yield f"values of {members.__name__}: expected a mapping to its members"
    else:
        for said, member in spelled.items():
            if not isinstance(member, members):
                yield f"values maps {said!r} to {member!r}, which is no member of {members.__name__}"


def spelling_of(member: enum.Enum, values: Values) -> object:
    """Give what a backend is sent for a member: its first spelling in the mapping, else its own value."""
    for said, meant in values.get(type(member), {}).items():
        if meant is member:
            return said
    return member.value
