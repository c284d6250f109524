"""Find objects by their global ids, on the exact path: all ids of a type together, in the calls that links make."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from graph.replies import answers, is_key
from graph.selection import Selected
from graph.tree import Failure, Node, Row, Slot, at, promised
from resolvers import Fetching, Identity, Ledger, Loader, Lookup, global_id, identity_of, key_text
from sources import InvalidInput

Key = Any


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


async def look_up(
    members: Sequence[tuple[Lookup, Slot]],
    arguments: Callable[[Selected], Mapping[str, Any]],
    age_s: Callable[[Fetching, Selected], float],
    loader: Loader,
    ledger: Ledger,
) -> list[tuple[Slot, Any]]:
    """Give for each slot the node, or the nodes, that its arguments name: rows, None, or failures."""
    asked: list[tuple[Slot, list[str] | str]] = []
    settled: list[tuple[Slot, Any]] = []
    for _, slot in members:
        try:
            values = arguments(slot.selected)
        except Exception as exc:  # an argument that cannot be coerced is that field's error
            settled.append((slot, Failure(exc)))
        else:
            asked.append((slot, values["ids"] if "ids" in values else values["id"]))
    lookup = members[0][0]
    places: dict[str, tuple[str, Key]] = {}
    wanted: dict[str, dict[Key, None]] = {}
    for text in (text for _, given in asked for text in (given if isinstance(given, list) else [given])):
        found = identity_of(text)
        call = None if found is None else lookup.calls.get(found[0])
        if found is not None and call is not None and len(call.call.key) == len(found[1]):
            key = found[1][0] if len(found[1]) == 1 else found[1]
            places[text] = found[0], key
            wanted.setdefault(found[0], {})[key] = None

    async def load(name: str, keys: list[Key]) -> dict[str, Any]:
        call = lookup.calls[name]
        try:
            limit_s = min(age_s(call, slot.selected) for slot, _ in asked)
            one = lookup.singles.get(name, call) if len(keys) == 1 else call
            return answers(await loader.load_many(one, {}, keys, ledger, limit_s), call)
        except Exception as exc:  # a fault of ours costs the objects of this type
            return dict.fromkeys(map(key_text, keys), Failure(exc))

    loads = (load(name, list(keys)) for name, keys in wanted.items())
    loaded = dict(zip(wanted, await asyncio.gather(*loads), strict=True))

    def value(text: str) -> Any:
        if text not in places:
            return None
        name, key = places[text]
        return _row(loaded[name].get(key_text(key)), name, lookup.calls[name])

    for slot, given in asked:
        settled.append((slot, list(map(value, given)) if isinstance(given, list) else value(given)))
    return settled


def _row(found: Any, name: str, call: Fetching) -> Any:
    if isinstance(found, Failure):
        # A key that may not enter a URL is nobody's.
        return None if isinstance(found.error, InvalidInput) else found
    if found is None:
        return None
    if not isinstance(found, dict):
        return Failure(promised(call.source, "an object", found))
    return Row({**found, "__typename": name}, call.source)
