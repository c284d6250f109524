"""Values of several parts as texts: the styles of OpenAPI 3.1 (4.8.12.2), for each place where they may stand.

Theory of operation. A *spell* turns a value into the text that is sent for it, or into None where nothing is. Spells
are made once for each parameter; the usual case, one scalar, costs what it costs in `sources.template`, whose rules
hold here as well: no value adds a segment, a parameter, a header or a host.

What the styles leave open is done as most backends read it. A part that is an array or object itself is JSON, except in
a deep object, where ``a[b][c]=1`` goes on: an array of scalars there is ``a[]=1&a[]=2``, one of objects
``a[0][b]=1``. A mark that separates parts and that a reader could not tell from one inside a part is refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

from sources.body import json_text
from sources.openapi.media import Kind, kind_of
from sources.openapi.placed import Placed
from sources.template import RefusedValue, Value, query_text, reserved_text, scalar_text, segment_text

Spell = Callable[[Value], str | None]
_Text = Callable[[str, Value], str]

DEEPEST = 32
_NESTED = (list, tuple, dict)
_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|", "tabDelimited": "\t"}
_NAME_SAFE = "$@!'()*,:/"  # of a parameter's name: what no reader takes for the end of it
_RESERVED = "/:?@!$'()*"  # of a value: those of RFC 3986 that cannot end it, and that are no list's mark
_COOKIE_SAFE = "!#$&'()*+/:<=>?@[]^`{|}"


def query_spell(placed: Placed, taken: frozenset[str] = frozenset()) -> Spell:
    """Give the spell of a parameter in the query, or of a field of a form: ``name=value&name=value``.

    Args:
        taken: names that no property of a value may take, where properties stand for themselves.
    """
    variable, label = placed.variable, f"{quote(placed.name, safe=_NAME_SAFE)}="
    safe = _RESERVED if placed.allow_reserved else ""
    if placed.media is not None:
        written = _written(placed)

        def one(value: Value) -> str | None:
            return None if value is None else label + query_text(variable, written(variable, value), None, safe)

        return one
    nested = _nested(placed, label, safe, taken)
    whole_safe = f"{safe}," if safe else ""

    def spell(value: Value) -> str | None:
        if type(value) is int:
            return label + str(value)
        if value is None:
            return None
        return nested(value) if isinstance(value, _NESTED) else label + query_text(variable, value, None, whole_safe)

    return spell


def _nested(placed: Placed, label: str, safe: str, taken: frozenset[str]) -> Spell:
    """Give the spell of arrays and objects in the query."""
    variable = placed.variable

    def part(name: str, value: Value) -> str:
        return query_text(name, _scalar(name, value), None, safe)

    def deep(value: Value) -> str | None:
        return _joined("&", _deep(variable, label[:-1], value, part, 0))

    def exploded(value: Value) -> str | None:
        return _joined("&", _exploded(variable, label, value, part, taken))

    if placed.style == "deepObject":
        return deep
    if placed.explode:
        return exploded
    mark = _SEPARATORS[placed.style]
    text = part if mark == "," else _without(mark, part)
    separator = "," if mark == "," else quote(mark)

    def listed(value: Value) -> str | None:
        found = _joined(separator, _parts(variable, value, text))
        return None if found is None else label + found

    return listed


def path_spell(placed: Placed) -> Callable[[Value], str]:
    """Give the spell of a parameter in the path; it always gives a text, or refuses the value."""
    variable, explode = placed.variable, bool(placed.explode)
    text: _Text = reserved_text if placed.allow_reserved else segment_text
    first = {"label": ".", "matrix": ";"}.get(placed.style, "")
    label = f"{quote(placed.name, safe='')}=" if placed.style == "matrix" else ""
    separator = first if explode and first else ","
    if placed.media is not None:
        written = _written(placed)
        return lambda value: text(variable, written(variable, _present(variable, value)))

    def part(name: str, value: Value) -> str:
        return text(name, _scalar(name, value))

    def spell(value: Value) -> str:
        if type(value) is int:
            return f"{first}{label}{value}"
        if not isinstance(value, _NESTED):
            return f"{first}{label}{text(variable, _present(variable, value))}"
        if explode and isinstance(value, dict):
            parts = (f"{part(variable, key)}={part(variable, item)}" for key, item in _members(value))
            found = _joined(separator, parts)
        elif explode and label:
            found = _joined(";", (label + item for item in _parts(variable, value, part)))
        else:
            found = _joined(separator, _parts(variable, value, part))
            found = None if found is None else label + found
        if not found:
            raise RefusedValue(f"{variable}: a path needs a value here")
        return first + found

    return spell


def header_spell(placed: Placed) -> Spell:
    """Give the spell of a header's text; who sends it checks that a header may hold it."""
    variable, explode = placed.variable, bool(placed.explode)
    if placed.media is not None:
        written = _written(placed)
        return lambda value: None if value is None else scalar_text(variable, written(variable, value))
    part = _without(",", lambda name, value: scalar_text(name, _scalar(name, value)))

    def spell(value: Value) -> str | None:
        if value is None:
            return None
        if not isinstance(value, _NESTED):
            return scalar_text(variable, value)
        if explode and isinstance(value, dict):
            return _joined(",", (f"{part(variable, key)}={part(variable, item)}" for key, item in _members(value)))
        return _joined(",", _parts(variable, value, part))

    return spell


def cookie_spell(placed: Placed) -> Spell:
    """Give the spell of a cookie, or of several: ``name=value; name=value``.

    What a cookie may hold as it is, is sent as it is: tokens are Base64 as a rule, and not every reader decodes them.
    """
    variable, label = placed.variable, f"{placed.name}="
    if placed.media is not None:
        written = _written(placed)
        return lambda value: None if value is None else label + _cookie_text(variable, written(variable, value))

    def part(name: str, value: Value) -> str:
        return _cookie_text(name, _scalar(name, value))

    def spell(value: Value) -> str | None:
        if value is None:
            return None
        if not isinstance(value, _NESTED):
            return label + _cookie_text(variable, value)
        if placed.explode:
            return _joined("; ", _exploded(variable, label, value, part, frozenset()))
        found = _joined(",", _parts(variable, value, part))
        return None if found is None else label + found

    return spell


# -- values of several parts ------------------------------------------------------------------------------------------


def _parts(name: str, value: Value, text: _Text) -> Iterator[str]:
    """Give the items of an array, or the names and values of an object one after the other."""
    if isinstance(value, dict):
        for key, item in _members(value):
            yield text(name, key)
            yield text(name, item)
    elif isinstance(value, list | tuple):
        for item in value:
            if item is not None:
                yield text(name, item)


def _exploded(name: str, label: str, value: Value, text: _Text, taken: frozenset[str]) -> Iterator[str]:
    """Give each item, or each property, with a name of its own."""
    if not isinstance(value, dict):
        yield from (label + item for item in _parts(name, value, text))
        return
    for key, item in _members(value):
        if key in taken:
            raise RefusedValue(f"{name}: {key!r} is another parameter")
        own = f"{quote(key, safe='')}="
        if isinstance(item, list | tuple):
            yield from (own + found for found in _parts(name, item, text))
        else:
            yield own + text(name, item)


def _deep(name: str, label: str, value: Value, text: _Text, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise RefusedValue(f"{name}: it is nested too deeply")
    if isinstance(value, dict):
        for key, item in _members(value):
            yield from _deep(name, f"{label}%5B{quote(key, safe='')}%5D", item, text, depth + 1)
    elif isinstance(value, list | tuple):
        is_flat = not any(isinstance(item, _NESTED) for item in value)
        for place, item in enumerate(value):
            yield from _deep(name, f"{label}%5B{'' if is_flat else place}%5D", item, text, depth + 1)
    elif value is not None:
        yield f"{label}={text(name, value)}"


def _members(value: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    for key, item in value.items():
        if item is not None:
            if not key.isascii():
                query_text("a property's name", key)  # half a character has no bytes
            yield key, item


def _joined(separator: str, parts: Iterator[str]) -> str | None:
    """Join parts; None where there is none."""
    found = list(parts)
    return separator.join(found) if found else None


# -- parts ------------------------------------------------------------------------------------------------------------


def _scalar(name: str, value: Value) -> Value:
    """Give a part as a scalar: what is an array or object itself is JSON."""
    return json_text(value).decode() if isinstance(value, _NESTED) else value


def _written(placed: Placed) -> Callable[[str, Value], Value]:
    """Give what writes a value as one text of a media type: JSON, or the text that it is."""
    if kind_of(placed.media or "") is Kind.JSON:
        return lambda name, value: json_text(value).decode()
    return _scalar


def _without(mark: str, text: _Text) -> _Text:
    def checked(name: str, value: Value) -> str:
        if isinstance(found := _scalar(name, value), str) and mark in found:
            raise RefusedValue(f"{name}: {mark!r} separates its parts and may not stand in one")
        return text(name, found)

    return checked


def _present(name: str, value: Value) -> Value:
    if value is None:
        raise RefusedValue(f"{name}: a path needs a value here")
    return value


def _cookie_text(name: str, value: Value) -> str:
    text = scalar_text(name, value)
    if not text.isascii():
        return query_text(name, text, None, _COOKIE_SAFE)
    return quote(text, safe=_COOKIE_SAFE)
