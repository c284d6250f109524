"""A text as JSON, whether it is written as JSON or as YAML.

What it is shows in the text, not in a file's name. Python's own reader of JSON stands in where the fast one refuses:
it says line and column, and it takes numbers and halves of characters that the fast one cannot hold.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from sources.openapi.pointer import DocumentError
from sources.openapi.yaml_text import read_yaml

Json = Any
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MARKUP = re.compile(r"<[!?/a-zA-Z]")
_HALF = re.compile("[\ud800-\udfff]")
_DEEPEST = 256
_MOST_DIGITS = 300
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00")


def read_text(raw: bytes, place: str) -> Json:
    """Give what a text says.

    Args:
        place: the file, for messages.

    Raises:
        DocumentError: it is neither JSON nor YAML, or nested without measure.
    """
    if raw.startswith(_WIDE) or b"\x00" in raw[:4]:
        raise DocumentError("not UTF-8 but UTF-16, UTF-32 or binary: save it as UTF-8", place)
    raw = raw.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise DocumentError(f"line {line} is not UTF-8: save it as UTF-8", place) from exc
    begin = text[:1000].lstrip()
    if not begin:
        raise DocumentError("the text is empty", place)
    if _MARKUP.match(begin):
        kind = "an HTML page" if re.match(r"<!doctype html|<html", begin, re.IGNORECASE) else "XML"
        raise DocumentError(f"{kind}, neither JSON nor YAML", place)
    read = _json(raw, text, place) if begin.startswith(("{", "[")) else read_yaml(text, place)
    _check_depth(read, place)
    return read


def _json(raw: bytes, text: str, place: str) -> Json:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        read = json.loads(text, strict=False, parse_constant=_refuse, parse_int=_whole, parse_float=_fraction)
    except RecursionError as exc:
        raise DocumentError("nested too deeply", place) from exc
    except json.JSONDecodeError as exc:
        if exc.pos < len(text.rstrip()):
            # A flow of YAML begins as JSON does: it may hold comments, and names without quotes.
            try:
                return read_yaml(text, place)
            except DocumentError:
                pass
        ended = " (the text ends too early)" if exc.pos >= len(text.rstrip()) else ""
        raise DocumentError(f"line {exc.lineno}, column {exc.colno}: not JSON: {exc.msg}{ended}", place) from exc
    except ValueError as exc:
        raise DocumentError(f"not JSON: {exc}", place) from exc
    return _whole_characters(read) if _HALF.search(text) or "\\u" in text else read


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= _MOST_DIGITS else text


def _fraction(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _whole_characters(read: Json) -> Json:
    """Give the same with each half of a character replaced: nothing that holds one can be written as UTF-8."""

    def whole(value: Json) -> Json:
        return _HALF.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value

    root = [read]
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            pairs = [(whole(name), whole(value)) for name, value in node.items()]
            node.clear()
            node.update(pairs)
            waiting += [value for _, value in pairs if isinstance(value, dict | list)]
        else:
            node[:] = map(whole, node)
            waiting += [value for value in node if isinstance(value, dict | list)]
    return root[0]


def _check_depth(read: Json, place: str) -> None:
    level = [read]
    for _ in range(_DEEPEST):
        level = [
            part
            for node in level
            for part in (node.values() if type(node) is dict else node if type(node) is list else ())
            if type(part) is dict or type(part) is list
        ]
        if not level:
            return
    raise DocumentError(f"nested more than {_DEEPEST} levels deep", place)
