"""How a backend spells names and instants: the one place where Python's spelling meets the wire's."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Literal

from sources.errors import DeclarationError

Naming = Literal["same", "camel", "pascal", "kebab", "snake"] | Callable[[str], str]
Timestamps = Literal["iso", "unix", "unix_ms"]

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
    """Read an instant as the backend writes it; Unix times become UTC.

    Raises:
        ValueError: the value is not an instant in this convention, or lies outside years 1 to 9999.
    """
    if timestamps == "iso":
        if not isinstance(value, str):
            raise ValueError("expected an ISO 8601 string")
        return dt.datetime.fromisoformat(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("expected a Unix timestamp")
    try:
        return dt.datetime.fromtimestamp(value / 1000 if timestamps == "unix_ms" else value, dt.UTC)
    except (OverflowError, OSError) as exc:
        raise ValueError("the Unix timestamp is out of range") from exc


def format_instant(value: dt.datetime, timestamps: Timestamps) -> str | int:
    """Write an instant as the backend reads it; a naive one counts as UTC for Unix times."""
    if timestamps == "iso":
        return value.isoformat()
    aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    seconds = aware.timestamp()
    return round(seconds * 1000) if timestamps == "unix_ms" else int(seconds)
