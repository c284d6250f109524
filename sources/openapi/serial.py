"""Values of several parts as texts: the styles of OpenAPI 3.1 (4.8.12.2), for each place where they may stand.

Theory of operation. A *spell* turns a value into the text that is sent for it, or into None where nothing is. Spells
are made once for each parameter; the usual case, one scalar, costs what it costs in `sources.template`, whose rules
hold here as well: no value adds a segment, a parameter, a header or a host.

What the styles leave open is done as most backends read it. A part that is an array or object itself is JSON, except in
a deep object, where ``a[b][c]=1`` goes on: an array of scalars there is ``a[]=1&a[]=2``, one of objects
``a[0][b]=1``. A mark that separates parts and that a reader could not tell from one inside a part is refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import quote

from sources.body import json_text
from sources.openapi.media import Kind, kind_of
from sources.openapi.placed import Placed
from sources.template import RefusedValue, Value, query_text, reserved_text, scalar_text, segment_text

Spell = Callable[[Value], str | None]
_Text = Callable[[Value], str]

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
            return None if value is None else label + query_text(variable, written(value), None, safe)

        return one

    def part(value: Value) -> str:
        return query_text(variable, value if type(value) is str else _scalar(value), None, safe)

    nested = _nested(placed, label, part, taken)
    whole_safe = f"{safe}," if safe else ""

    def spell(value: Value) -> str | None:
        if type(value) is int:
            return label + str(value)
        if value is None:
            return None
        return nested(value) if isinstance(value, _NESTED) else label + query_text(variable, value, None, whole_safe)

    return spell


def _nested(placed: Placed, label: str, part: _Text, taken: frozenset[str]) -> Spell:
    """Give the spell of arrays and objects in the query."""
    variable = placed.variable

    def deep(value: Value) -> str | None:
        return "&".join(_deep(variable, label[:-1], value, part, 0)) or None

    def exploded(value: Value) -> str | None:
        return "&".join(_exploded(variable, label, value, part, taken)) or None

    if placed.style == "deepObject":
        return deep
    if placed.explode:
        return exploded
    mark = _SEPARATORS[placed.style]
    text = part if mark == "," else _without(variable, mark, part)
    separator = "," if mark == "," else quote(mark)

    def listed(value: Value) -> str | None:
        found = _parts(value, text)
        return label + separator.join(found) if found else None

    return listed


def path_spell(placed: Placed) -> Callable[[Value], str]:
    """Give the spell of a parameter in the path; it always gives a text, or refuses the value."""
    variable, explode = placed.variable, bool(placed.explode)
    text = reserved_text if placed.allow_reserved else segment_text
    first = {"label": ".", "matrix": ";"}.get(placed.style, "")
    label = f"{quote(placed.name, safe='')}=" if placed.style == "matrix" else ""
    begin, separator = first + label, first if explode and first else ","
    written = None if placed.media is None else _written(placed)

    def part(value: Value) -> str:
        return text(variable, _scalar(value))

    def nested(value: Value) -> str:
        if explode and isinstance(value, dict):
            found = [f"{part(key)}={part(item)}" for key, item in _members(value)]
        else:
            found = _parts(value, part)
        if not found:
            raise RefusedValue(f"{variable}: a path needs a value here")
        if explode and not isinstance(value, dict):
            return first + separator.join([label + item for item in found])
        return (first if explode else begin) + separator.join(found)

    def spell(value: Value) -> str:
        if type(value) is int:
            return f"{begin}{value}"
        if value is None:
            raise RefusedValue(f"{variable}: a path needs a value here")
        if written is not None:
            return text(variable, written(value))
        return nested(value) if isinstance(value, _NESTED) else begin + text(variable, value)

    return spell


def header_spell(placed: Placed) -> Spell:
    """Give the spell of a header's text; who sends it checks that a header may hold it."""
    variable, explode = placed.variable, bool(placed.explode)
    written = None if placed.media is None else _written(placed)
    part = _without(variable, ",", lambda value: scalar_text(variable, value))

    def spell(value: Value) -> str | None:
        if value is None:
            return None
        if written is not None:
            return scalar_text(variable, written(value))
        if not isinstance(value, _NESTED):
            return scalar_text(variable, value)
        if explode and isinstance(value, dict):
            return ",".join([f"{part(key)}={part(item)}" for key, item in _members(value)]) or None
        return ",".join(_parts(value, part)) or None

    return spell


def cookie_spell(placed: Placed) -> Spell:
    """Give the spell of a cookie, or of several: ``name=value; name=value``.

    What a cookie may hold as it is, is sent as it is: tokens are Base64 as a rule, and not every reader decodes them.
    """
    variable, label = placed.variable, f"{placed.name}="
    written = None if placed.media is None else _written(placed)

    def part(value: Value) -> str:
        return query_text(variable, _scalar(value), None, _COOKIE_SAFE)

    def spell(value: Value) -> str | None:
        if value is None:
            return None
        if written is not None or not isinstance(value, _NESTED):
            return label + part(value if written is None else written(value))
        if placed.explode:
            return "; ".join(_exploded(variable, label, value, part, frozenset())) or None
        found = _parts(value, part)
        return label + ",".join(found) if found else None

    return spell


# -- values of several parts ------------------------------------------------------------------------------------------


def _parts(value: Value, text: _Text) -> list[str]:
    """Give the items of an array, or the names and values of an object one after the other."""
    if isinstance(value, dict):
        return [text(part) for member in _members(value) for part in member]
    items = value if isinstance(value, list | tuple) else ()
    return [str(item) if type(item) is int else text(item) for item in items if item is not None]


def _exploded(name: str, label: str, value: Value, text: _Text, taken: frozenset[str]) -> Sequence[str]:
    """Give each item, or each property, with a name of its own."""
    if not isinstance(value, dict):
        return [label + item for item in _parts(value, text)]
    found: list[str] = []
    for key, item in _members(value):
        if key in taken:
            raise RefusedValue(f"{name}: {key!r} is another parameter")
        own = f"{quote(key, safe='')}="
        found += [own + one for one in _parts(item if isinstance(item, list | tuple) else [item], text)]
    return found


def _deep(name: str, label: str, value: Value, text: _Text, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise RefusedValue(f"{name}: a value is nested too deeply")
    if isinstance(value, dict):
        for key, item in _members(value):
            yield from _deep(name, f"{label}%5B{quote(key, safe='')}%5D", item, text, depth + 1)
    elif isinstance(value, list | tuple):
        is_flat = not any(isinstance(item, _NESTED) for item in value)
        for place, item in enumerate(value):
            yield from _deep(name, f"{label}%5B{'' if is_flat else place}%5D", item, text, depth + 1)
    elif value is not None:
        yield f"{label}={text(value)}"


def _members(value: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """Give the properties of an object that have a value."""
    for key, item in value.items():
        if item is not None:
            query_text("a property's name", key)  # which may hold half a character as well
            yield key, item


# -- parts ------------------------------------------------------------------------------------------------------------


def _scalar(value: Value) -> Value:
    """Give a part as a scalar: what is an array or object itself is JSON."""
    return json_text(value).decode() if isinstance(value, _NESTED) else value


def _written(placed: Placed) -> Callable[[Value], Value]:
    """Give what writes a value as one text of a media type: JSON, or the text that it is."""
    if kind_of(placed.media or "") is Kind.JSON:
        return lambda value: json_text(value).decode()
    return _scalar


def _without(name: str, mark: str, text: _Text) -> _Text:
    def checked(value: Value) -> str:
        if isinstance(found := _scalar(value), str) and mark in found:
            raise RefusedValue(f"{name}: {mark!r} separates its parts and may not stand in one")
        return text(found)

    return checked
