"""RFC 6570 URL templates whose values stay values.

Theory of operation. `uritemplate` parses the text; each expression is then compiled to a function from the values to
text, since expansion is on the path of every request (`uritemplate` takes five times as long). Expansion follows the
RFC, and the tests compare it with `uritemplate` for generated values. On top of the RFC, values are *refused* that
could change what the author spelled: many servers decode ``%2F`` and ``%2E%2E`` before routing, so encoding alone
does not keep a slash or a dot segment from adding a path segment. A path value is therefore never empty, never a dot
segment and never holds a slash, a backslash or a control character; a reserved expansion (``{+x}``) may hold slashes
but no query, fragment or dot segment.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

import uritemplate

from sources.errors import DeclarationError
from sources.number import Number

Value = object
_Expand = Callable[[Mapping[str, Value]], str]

_EXPRESSION = re.compile(r"\{([^{}]*)\}")
_EXPRESSION_TEXT = re.compile(
    r"[+#./;?&]?[A-Za-z0-9_]+(?:\*|:[1-9][0-9]{0,3})?(?:,[A-Za-z0-9_]+(?:\*|:[1-9][0-9]{0,3})?)*"
)
_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NUL = re.compile(r"[\x00\ud800-\udfff]")
_PLAIN = re.compile(r"[A-Za-z0-9\-_~][A-Za-z0-9\-._~]*")
_RESERVED = "!#$&'()*+,/:;=?@[]%"


class RefusedValue(ValueError):
    """A value that may not enter a URL; the message names the variable and the reason."""


class Template:
    """A path and query with variables: ``/products{?search,page}``.

    Raises:
        DeclarationError: the text is no RFC 6570 template, or does not begin with a path or query.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        _check(text)
        parsed = uritemplate.URITemplate(text)
        names: dict[str, None] = {}
        pieces: list[str | _Expand] = []
        position = 0
        in_query = False
        for found, variable in zip(_EXPRESSION.finditer(text), parsed.variables, strict=True):
            literal = text[position : found.start()]
            in_query = in_query or "?" in literal
            if literal:
                pieces.append(literal)
            operator = found.group(1)[0] if found.group(1)[0] in "+#./;?&" else ""
            parts = [(name, bool(options["explode"]), options["prefix"]) for name, options in variable.variables]
            names.update(dict.fromkeys(name for name, _, _ in parts))
            in_query = in_query or operator in ("?", "&")
            pieces.append(_expression(operator, parts, in_query, begins=literal.endswith("/")))
            position = found.end()
        if text[position:]:
            pieces.append(text[position:])
        self.variables: tuple[str, ...] = tuple(names)
        self._pieces = pieces
        self._fixed = text if not names else None

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def expand(self, values: Mapping[str, Value]) -> str:
        """Give the path and query with the values in it; None and absent values are undefined, as in the RFC.

        Raises:
            RefusedValue: a value could change more than the place it stands in.
        """
        if self._fixed is not None:
            return self._fixed
        try:
            return "".join([piece if isinstance(piece, str) else piece(values) for piece in self._pieces])
        except RefusedValue:
            raise
        except ValueError as exc:  # Python's limit of digits
            raise RefusedValue("an integer is too long for a URL") from exc


def _check(text: str) -> None:
    if not text.startswith(("/", "{/", "{?")) or text.startswith("//"):
        raise DeclarationError(f"template {text!r}: it must begin with '/', '{{/' or '{{?', and not with '//'")
    for found in _EXPRESSION.finditer(text):
        if not _EXPRESSION_TEXT.fullmatch(found.group(1)):
            raise DeclarationError(f"template {text!r}: {found.group(0)!r} is not an RFC 6570 expression")
    literal = _EXPRESSION.sub("", text)
    if "{" in literal or "}" in literal:
        raise DeclarationError(f"template {text!r}: a brace is not closed")
    if not _LITERAL.fullmatch(literal):
        raise DeclarationError(f"template {text!r}: it holds a character that a URL may not hold, or a '#'")
    _check_order(text)


def _check_order(text: str) -> None:
    """Check that the query begins once, and that nothing of a path comes after it."""
    began: str | None = None
    position = 0
    for found in [*_EXPRESSION.finditer(text), None]:
        literal = text[position : found.start() if found is not None else len(text)]
        if began == "expression" and literal and not literal.startswith("&"):
            raise DeclarationError(f"template {text!r}: after a query expression, {literal!r} is out of place")
        if "?" in literal:
            began = began or "literal"
        if found is None:
            return
        position = found.end()
        operator = found.group(1)[0]
        if operator == "#":
            raise DeclarationError(f"template {text!r}: a backend is never sent a fragment")
        if operator == "?" and began:
            raise DeclarationError(f"template {text!r}: the query has begun already; write {{&...}}")
        if operator == "&" and began != "literal":
            raise DeclarationError(f"template {text!r}: {{&...}} needs a query before it that is always there")
        if operator not in "?&" and began == "expression":
            raise DeclarationError(f"template {text!r}: {found.group(0)!r} stands after the query")
        if operator in "?&" and began is None:
            began = "expression"


def _expression(
    operator: str, parts: Sequence[tuple[str, bool, int | None]], in_query: bool, *, begins: bool
) -> _Expand:
    """Give the function that expands an expression; ``begins`` is whether it begins a path segment."""
    joiner = {"": ",", "+": ",", "#": ",", ".": ".", "/": "/", ";": ";", "?": "&", "&": "&"}[operator]
    first = "" if operator == "+" else operator
    named = operator in (";", "?", "&")
    place = _place(operator, in_query)
    if len(parts) == 1 and operator == "" and not in_query:
        return _lone_segment(*parts[0], place)
    expanders = [_variable(name, explode, prefix, named, operator, joiner, place) for name, explode, prefix in parts]

    def expand(values: Mapping[str, Value]) -> str:
        found = [text for expander in expanders if (text := expander(values)) is not None]
        return first + joiner.join(found) if found else ""

    def expand_segment(values: Mapping[str, Value]) -> str:
        text = expand(values)
        if not text or text.startswith("/"):
            raise RefusedValue(f"{parts[0][0]}: a path needs a value here, one that does not begin with a slash")
        return text

    return expand_segment if begins and not in_query and operator in ("", "+", ".") else expand


_Text = Callable[[str, Value, "int | None"], str]


def _lone_segment(name: str, explode: bool, prefix: int | None, place: _Text) -> _Expand:
    def expand(values: Mapping[str, Value]) -> str:
        value = values.get(name)
        if type(value) is int and prefix is None:
            return str(value)
        if value is None or (isinstance(value, list | tuple) and not value):
            raise RefusedValue(f"{name}: a path needs a value here")
        if isinstance(value, list | tuple):
            return ",".join([place(name, item, None) for item in value])
        return place(name, value, prefix)

    return expand


def _variable(
    name: str, explode: bool, prefix: int | None, named: bool, operator: str, joiner: str, place: _Text
) -> Callable[[Mapping[str, Value]], str | None]:
    label = f"{name}="

    def expand(values: Mapping[str, Value]) -> str | None:
        value = values.get(name)
        if value is None:
            return None
        if isinstance(value, list | tuple):
            texts = [str(item) if type(item) is int else place(name, item, None) for item in value if item is not None]
            if not texts:
                return None
            if explode:
                return joiner.join([label + text for text in texts]) if named else joiner.join(texts)
            listed = ",".join(texts)
            return label + listed if named else listed
        text = str(value) if type(value) is int and prefix is None else place(name, value, prefix)
        if not named:
            return text
        return name if operator == ";" and not text else label + text

    return expand


def _place(operator: str, in_query: bool) -> _Text:
    """Give the function that turns a scalar into text for the place where the expression stands."""
    if in_query:
        return query_text
    return reserved_text if operator == "+" else segment_text


def segment_text(name: str, value: Value, prefix: int | None = None) -> str:
    """Spell a scalar as a part of one path segment.

    Raises:
        RefusedValue: it could be more than that, or nothing.
    """
    text = scalar_text(name, value)[:prefix]
    if _PLAIN.fullmatch(text):
        return text
    if not text:
        raise RefusedValue(f"{name}: an empty value may not stand in a path")
    if text in (".", ".."):
        raise RefusedValue(f"{name}: a dot segment may not stand in a path")
    if "/" in text or "\\" in text:
        raise RefusedValue(f"{name}: a slash may not stand in a path value")
    if _CONTROL.search(text):
        raise RefusedValue(f"{name}: a control character may not stand in a path")
    return quote(text, safe="")


def query_text(name: str, value: Value, prefix: int | None = None, safe: str = "") -> str:
    """Spell a scalar as a part of a query, with the marks in ``safe`` as they are.

    Raises:
        RefusedValue: it may not stand in a URL.
    """
    text = scalar_text(name, value)[:prefix]
    if _PLAIN.fullmatch(text):
        return text
    if _NUL.search(text):
        raise RefusedValue(f"{name}: NUL or half a character may not stand in a URL")
    return quote(text, safe=safe)


def reserved_text(name: str, value: Value, prefix: int | None = None) -> str:
    """Spell a scalar as a part of a path that may have several segments.

    Raises:
        RefusedValue: it could be more than that, or lead out of them.
    """
    text = scalar_text(name, value)[:prefix]
    if _CONTROL.search(text) or any(mark in text for mark in ("?", "#", "\\", "//", "%")):
        raise RefusedValue(f"{name}: a query, fragment, escape or control character may not stand in a path")
    if any(segment in (".", "..") for segment in text.split("/")):
        raise RefusedValue(f"{name}: a dot segment may not stand in a path")
    return quote(text, safe=_RESERVED)


def scalar_text(name: str, value: Value) -> str:
    """Spell a scalar as JSON does, without quotes.

    Raises:
        RefusedValue: it is no scalar, or not finite.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | decimal.Decimal) and not math.isfinite(value):
        raise RefusedValue(f"{name}: not a finite number")
    if isinstance(value, Number):
        return value.text
    if isinstance(value, int | float | decimal.Decimal):
        return str(value)
    raise RefusedValue(f"{name}: a {type(value).__name__} may not stand in a URL")
