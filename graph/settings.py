"""Settings: the fields of a dataclass, checked by their types, and set by the environment over what the author says.

A field is a setting where its annotation is one of `_KINDS`: any other is left alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

PREFIX = "WEFT_"
# As annotations: more than 0.
Seconds = float
Positive = float

T = TypeVar("T")
_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class _Kind(NamedTuple):
    """What a setting may be: what that is called, which values are it, and how a text is read."""

    expected: str
    takes: Callable[[Any], bool]
    read: Callable[[str], object]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _whole(text: str) -> object:
    return int(text) if text.isdecimal() and len(text) < 19 else text


def _number(text: str) -> object:
    if text.isdecimal():
        return _whole(text)
    try:
        return float(text) if len(text) < 100 else text
    except ValueError:
        return text


_SWITCH = _Kind("true or false", lambda value: isinstance(value, bool), lambda text: _WORDS.get(text, text))
_KINDS = {
    "bool": _SWITCH,
    "int": _Kind("a whole number of 0 or more", _is_whole, _whole),
    "float": _Kind("a number of 0 or more", _is_number, _number),
    "Positive": _Kind("a number, more than 0", _is_positive, _number),
    "Seconds": _Kind("seconds, more than 0", _is_positive, _number),
}
_OR_NONE = " | None"


class SettingsError(ValueError):
    """Settings that cannot be: every fault, in `faults`."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(self.faults))


def settings_of(kind: type[Any]) -> dict[str, str]:
    """Give the settings that a dataclass has: their names, and the variable of the environment that sets each."""
    return {field.name: PREFIX + field.name.upper() for field in dataclasses.fields(kind) if _kind(field) is not None}


def faults_of(settings: Any) -> list[str]:
    """Say which settings have a value that they cannot have."""
    found = []
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        expected = _wrong(field, value)
        if expected is not None:
            found.append(f"{field.name}={value!r}: expected {expected}")
    return found


def overridden(settings: T, environment: Mapping[str, str]) -> T:
    """Give these settings with those that the environment sets: ``WEFT_MAX_DEPTH=12``, ``WEFT_INTROSPECTION=false``.

    ``none`` switches off what may be None.

    Raises:
        SettingsError: a variable has a value that its setting cannot have; it names all of them.
    """
    given: dict[str, object] = {}
    faults = []
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]  # a dataclass, whichever it is
        kind, variable = _kind(field), PREFIX + field.name.upper()
        if kind is None or variable not in environment:
            continue
        text = environment[variable].strip().lower()
        may_be_none = kind is not _SWITCH and field.type.endswith(_OR_NONE)
        value = None if text == "none" and may_be_none else kind.read(text)
        expected = _wrong(field, value) if value is not None or not may_be_none else None
        if expected is not None:
            faults.append(f"{variable}={environment[variable]!r}: expected {expected}")
        given[field.name] = value
    if faults:
        raise SettingsError(faults)
    return dataclasses.replace(settings, **given) if given else settings  # type: ignore[type-var]  # a dataclass


def _kind(field: dataclasses.Field[Any]) -> _Kind | None:
    return _KINDS.get(str(field.type).removesuffix(_OR_NONE))


def _wrong(field: dataclasses.Field[Any], value: object) -> str | None:
    """Say what is expected instead of a value; None where it is right."""
    kind, may_be_none = _kind(field), str(field.type).endswith(_OR_NONE)
    if kind is None or kind.takes(value) or (value is None and may_be_none):
        return None
    return f"{kind.expected}, or none" if may_be_none and kind is not _SWITCH else kind.expected
