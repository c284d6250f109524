"""Names of a document as names of GraphQL: sanitised, told apart, the same in every run."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Za-z0-9]+")
_BREAK = re.compile(r"^(_?)_*")


def field_name(text: str) -> str:
    """Give a name for a field or argument: ``price_cents`` becomes ``priceCents``."""
    words = _WORD.findall(text)
    if not words:
        return "_"
    first, *rest = words
    first = first.lower() if first.isupper() else first[0].lower() + first[1:]
    name = first + "".join(word[0].upper() + word[1:] for word in rest)
    return _safe("_" + name if text.startswith("_") else name)


def type_name(text: str) -> str:
    """Give a name for a type: ``order-line`` becomes ``OrderLine``."""
    return _safe("".join(word[0].upper() + word[1:] for word in _WORD.findall(text)) or "Type")


def value_name(text: str) -> str:
    """Give a name for an enum's value: ``in-stock`` becomes ``IN_STOCK``."""
    name = _safe(
        "_".join(word for word in _WORD.findall(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text))).upper() or "EMPTY"
    )
    return f"{name}_" if name in ("TRUE", "FALSE", "NULL") else name


def _safe(name: str) -> str:
    return f"_{name}" if name[0].isdigit() else name


class Names:
    """Names that are taken, and a free one for whatever comes next."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def take(self, name: str) -> str:
        """Give the name, or it with the first number that makes it another's no more."""
        free, number = name, 2
        while free in self._taken:
            free, number = f"{name}{number}", number + 1
        self._taken.add(free)
        return free
