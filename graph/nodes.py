"""Global ids of objects, on the exact path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graph.replies import is_key
from graph.tree import Failure, Node, Row, at, promised
from resolvers import Identity, global_id


def identify(binding: Identity, response_key: str, nodes: Iterable[Node]) -> None:
    """Let each object hold its global id: a backend's, or one of the author's own class; None where its key lacks."""
    for node in nodes:
        node.held[response_key] = _identified(binding, node.value)


def _identified(binding: Identity, value: Any) -> Any:
    parts = []
    for part in binding.parts:
        is_row = isinstance(value, Row)
        found = (
            at(value.raw, part.where(value.source), value.source) if is_row else getattr(value, part.attribute, None)
        )
        if found is None or isinstance(found, Failure):
            return found
        if not is_key(found):
            if isinstance(value, Row):
                return Failure(promised(value.source, "a key", found))
            return Failure(TypeError("a key is a text or an integer"))
        parts.append(found)
    return global_id(binding.type_name, *parts)
