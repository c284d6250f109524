"""Which events an argument asks for: those that hold at some place what it says."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """What an argument is compared with.

    Args:
        path: to the property of an event's payload.
        decode: makes a value of it as the backend spells it, of a type for which several spellings are one value.
    """

    path: tuple[str, ...]
    decode: Callable[[Any], Any] | None = None

    def meant(self, value: Any) -> Any:
        """Give what a JSON value means, for comparing; None where nothing equals it."""
        if value is None or isinstance(value, dict | list | tuple):
            return None
        if self.decode is not None:
            try:
                return self.decode(value)
            except Exception:  # scalars are the author's code; what they do not read is compared as it is
                return value
        if isinstance(value, float) and not isinstance(value, bool):
            return str(int(value)) if value.is_integer() else str(float(value))
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Wanted:
    """What one subscription asks of events.

    Args:
        arguments: by their Python names, as the backend reads them; one that is null asks for everything, a list for
            any of its items.
    """

    def __init__(self, filters: Mapping[str, Filter], arguments: Mapping[str, Any]) -> None:
        self._asked: list[tuple[Filter, Container[Any]]] = []
        for name, found in filters.items():
            wanted = arguments.get(name)
            if wanted is not None:
                values = map(found.meant, wanted if isinstance(wanted, list | tuple) else (wanted,))
                self._asked.append((found, _quick([value for value in values if value is not None])))

    def has(self, payload: Any) -> bool:
        """Tell whether an event is asked for; a list in it may hold what is wanted in any place."""
        for found, wanted in self._asked:
            held = at(payload, found.path)
            values = [found.meant(one) for one in held] if isinstance(held, list) else [found.meant(held)]
            if not any(value is not None and _is_in(value, wanted) for value in values):
                return False
        return True


def _quick(values: list[Any]) -> Container[Any]:
    """Give the values for looking up; those that an author's scalar makes may have no hash."""
    try:
        return frozenset(values)
    except TypeError:
        return values


def _is_in(value: Any, wanted: Container[Any]) -> bool:
    try:
        return value in wanted
    except TypeError:  # it has no hash, and all those that are wanted do
        return False


def at(value: Any, path: tuple[str, ...]) -> Any:
    """Give what is at a path of property names; None where there is nothing."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
