"""YAML as JSON: a value is what JSON would read, or else text.

PyYAML takes the text apart; what its events mean is decided here, because loaders of YAML do more and other things than
JSON can say. So ``on``, ``2020-01-01``, ``0123`` and ``.inf`` are texts, names are texts as they are written (``200``,
``1.10``, ``true``), and a tag never makes an object. An alias is the same object again. What aliases would come to if
they were written out is bounded, since whoever walks a document walks that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import yaml

from sources.number import Number
from sources.openapi.pointer import DocumentError

Json = Any
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first is there wherever PyYAML has a wheel
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,299})(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS: dict[str, Json] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
_TAG = "tag:yaml.org,2002:"
_TAGS: dict[str, frozenset[str]] = {
    "scalar": frozenset({"!", *(_TAG + name for name in ("str", "int", "float", "bool", "null"))}),
    "sequence": frozenset({"!", f"{_TAG}seq"}),
    "mapping": frozenset({"!", f"{_TAG}map"}),
}
_TEXT_TAGS = ("!", f"{_TAG}str")
_DEEPEST = 256
_MOST_ALIASED = 2_000_000
_UNFINISHED = -1
_NOTHING = object()


def read_yaml(text: str, place: str) -> Json:
    """Give what a text in YAML says; a name that stands twice has the later value.

    Args:
        place: the file, for messages.

    Raises:
        DocumentError: it is no YAML, or holds what JSON cannot: tags of its own, names that are no texts, circles.
    """
    tree = _Tree(place)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            tree.take(event)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        said = ", ".join(part for part in (exc.context, exc.problem) if part)
        raise DocumentError(f"{where}not YAML: {said}", place) from exc
    except yaml.YAMLError as exc:
        raise DocumentError(f"not YAML: {' '.join(str(exc).split())}", place) from exc
    return tree.root


class _Tree:
    """What events build: the innermost container is at the end of `_open`."""

    def __init__(self, place: str) -> None:
        self.root: Json = None
        self._place = place
        self._documents = 0
        self._nodes = 0
        self._aliased = 0
        self._open: list[_Container] = []
        self._anchored: dict[str, tuple[Json, int]] = {}
        self._takers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }

    def take(self, event: Any) -> None:
        taker = self._takers.get(type(event))
        if taker is not None:
            taker(event)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._error(event, "a second document begins: a file holds one")

    def _scalar(self, event: Any) -> None:
        text = event.value
        if event.tag is not None and event.tag not in _TAGS["scalar"]:
            raise self._error(event, f"the tag {event.tag} has no meaning here")
        is_text = bool(event.style) or event.tag in _TEXT_TAGS
        value = text if is_text else plain_value(text)
        if event.anchor is not None:
            self._anchored[event.anchor] = (value, 1)
        self._nodes += 1
        if not self._open:
            self.root = value
            return
        inner = self._open[-1]
        if type(inner.node) is dict and inner.name is _NOTHING:
            inner.name = text
            inner.merges = text == "<<" and not is_text
        else:
            self._add(inner, value, event)

    def _mapping(self, event: Any) -> None:
        self._begin(event, {}, _TAGS["mapping"])

    def _sequence(self, event: Any) -> None:
        self._begin(event, [], _TAGS["sequence"])

    def _begin(self, event: Any, node: Json, tags: frozenset[str]) -> None:
        if event.tag is not None and event.tag not in tags:
            raise self._error(event, f"the tag {event.tag} has no meaning here")
        if self._open and type(self._open[-1].node) is dict and self._open[-1].name is _NOTHING:
            raise self._error(event, "a name that is no text")
        if len(self._open) >= _DEEPEST:
            raise self._error(event, f"nested more than {_DEEPEST} levels deep")
        self._nodes += 1
        if event.anchor is not None:
            self._anchored[event.anchor] = (None, _UNFINISHED)
        self._open.append(_Container(node, event.anchor, self._nodes + self._aliased))

    def _end(self, event: Any) -> None:
        closed = self._open.pop()
        if closed.anchor is not None:
            self._anchored[closed.anchor] = (closed.node, self._nodes + self._aliased - closed.began + 1)
        if self._open:
            self._add(self._open[-1], closed.node, event)
        else:
            self.root = closed.node

    def _alias(self, event: Any) -> None:
        value, size = self._anchored.get(event.anchor, (None, 0))
        if size == 0:
            raise self._error(event, f"*{event.anchor} names nothing above")
        if size == _UNFINISHED:
            raise self._error(event, f"*{event.anchor} stands inside of what it names")
        self._aliased += size
        if self._aliased > _MOST_ALIASED:
            raise self._error(event, "aliases repeat aliases without measure")
        if not self._open:
            self.root = value
        elif type(self._open[-1].node) is dict and self._open[-1].name is _NOTHING:
            if not isinstance(value, str):
                raise self._error(event, "a name that is no text")
            self._open[-1].name = value
        else:
            self._add(self._open[-1], value, event)

    def _add(self, inner: _Container, value: Json, event: Any) -> None:
        if type(inner.node) is list:
            inner.node.append(value)
        else:
            self._put(inner, value, event)

    def _put(self, inner: _Container, value: Json, event: Any) -> None:
        name, inner.name = inner.name, _NOTHING
        if not inner.merges:
            inner.node[name] = value
            return
        inner.merges = False
        for merged in value if isinstance(value, list) else [value]:
            if not isinstance(merged, dict):
                raise self._error(event, "<< takes an object, or a list of them")
            for key, one in merged.items():
                if key not in inner.node:
                    inner.node[key] = one

    def _error(self, event: Any, problem: str) -> DocumentError:
        mark = event.start_mark
        return DocumentError(f"line {mark.line + 1}, column {mark.column + 1}: {problem}", self._place)


class _Container:
    __slots__ = ("anchor", "began", "merges", "name", "node")

    def __init__(self, node: Json, anchor: str | None, began: int) -> None:
        self.node = node
        self.anchor = anchor
        self.began = began
        self.name: Any = _NOTHING
        self.merges = False


def plain_value(text: str) -> Json:
    """Give what a text without quotes says: a word or number of JSON, else itself.

    A fraction that Python would write otherwise, such as ``1.10``, is a `Number` that keeps its digits.
    """
    if text in _WORDS:
        return _WORDS[text]
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    if found[1] is None and found[2] is None:
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        return text
    return value if repr(value) == text else Number(text)
