"""The resolved tree of the exact path: what each field of each object turned out to be, before it is completed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphql.pyutils import Path

from graph.selection import Selected
from resolvers import Entries, PropertyMark, decoder_of, entries_of
from sources import Rest, UpstreamInvalid


class Failure(NamedTuple):
    """A field that has no value, and why."""

    error: Exception


class Row:
    """An object as a backend gave it; `type_name` where its type is known already."""

    __slots__ = ("instance", "raw", "source", "type_name")

    def __init__(self, raw: Mapping[str, Any], source: Rest, type_name: str | None = None) -> None:
        self.raw = raw
        self.source = source
        self.type_name = type_name
        self.instance: Any = None


class Node:
    """An object of the response under way: its value, the fields selected from it, and what each of them holds.

    `held` has a `Slot` for a field that needed work, and for a leaf inside a backend's JSON just the JSON value.
    `groups` are what is delivered later from this place on, by the usages of the fragments; `piece` is that with which
    it is itself delivered later.
    """

    __slots__ = ("fields", "groups", "held", "path", "piece", "value")

    def __init__(self, value: Any, path: Path | None) -> None:
        self.value = value
        self.path = path
        self.fields: Sequence[Selected] = ()
        self.held: dict[str, Any] = {}
        self.groups: Mapping[Any, Any] = _NO_GROUPS
        self.piece: Any = None


_NO_GROUPS: Mapping[Any, Any] = {}


class Slot:
    """One field of one object: what it resolved to, and the source whose JSON that is."""

    __slots__ = ("parent", "selected", "source", "tree")

    def __init__(self, selected: Selected, parent: Node) -> None:
        self.selected = selected
        self.parent = parent
        self.source: Rest | None = None
        self.tree: Any = None


def at(raw: Any, path: tuple[str, ...], source: Rest) -> Any:
    """Give the value at a path of property names; None where any of them lacks."""
    for name in path:
        if raw is None:
            return None
        if not isinstance(raw, dict):
            return Failure(promised(source, "an object", raw))
        raw = raw.get(name)
    return raw


def listed(kind: Any, value: Any, source: Rest) -> Any:
    """Give the items of a backend's list, or the entries of its map.

    Raises:
        UpstreamInvalid: it is none.
    """
    if isinstance(kind, Entries):
        if not isinstance(value, dict):
            raise promised(source, "an object", value)
        return entries_of(value)
    if not isinstance(value, list):
        raise promised(source, "a list", value)
    return value


def decoded(kind: Any, value: Any, source: Rest, mark: PropertyMark | None) -> Any:
    """Give the Python value of a leaf as its source, or the mark on its field, says that it is written.

    Raises:
        UpstreamInvalid: it has another form than the schema promises.
    """
    decode = decoder_of(kind, source, mark)
    if decode is None:
        return value
    try:
        return decode(value)
    except Exception as exc:  # scalars are the author's code
        raise promised(source, f"a value of type {kind.name}", value) from exc


_JSON_KINDS = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def promised(source: Rest, expected: str, value: Any) -> UpstreamInvalid:
    """Give the error for a JSON value of the wrong kind; it names kinds, never the value."""
    found = _JSON_KINDS.get(type(value), "something else")
    return UpstreamInvalid(f"{source.name} answered {found} where the schema promises {expected}", source=source.name)
