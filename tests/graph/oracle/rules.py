"""What a backend's answer means: the rules by which both oracles judge, and no others.

1. A property that lacks is null. A null on the way to a property is null; anything else there but an object fails.
2. A list must be a JSON list and an object a JSON object. Scalars are coerced as graphql-core coerces results.
3. An enum is its value on the wire, or its name. An instant is ISO 8601 text, or a number where the source says Unix.
4. An empty body, a lacking envelope and a 404 for one object are null. Any other status but 2xx, and what is no
   JSON, fails; so does a 404 for a batch.
5. Keys are compared as text. A key that is null asks nothing and gives null, or no items for a list.
6. A batch gives each key the last item that names it, or all of them where the field is a list. An item that names no
   key fails every key that may have been meant: those without an item, and every list.
7. A resolver sees attributes as declared; one that is not as promised holds what the backend sent.
8. An event is answered alone, whatever came with it. Where the source that sends it gives the entity by key, an event
   that is a key, or an object with its key that lacks a property which is read of it, is the loaded object with the
   event's properties laid over it. A resolver reads all declared properties. A list is several events for a field that
   is no list.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

Json = Any


class Bad(Exception):
    """What an oracle gives instead of a value."""

    def __init__(self, code: str = "UPSTREAM_INVALID") -> None:
        super().__init__(code)
        self.code = code


def said(reply: tuple[int, bytes], *envelope: str, one: bool = True) -> Json:
    """Give the payload of a reply, or what is wrong with it."""
    status, body = reply
    if status == 404 and one:
        return None
    if not 200 <= status < 300:
        return Bad("UPSTREAM_ERROR")
    if not body:
        return None
    try:
        return at(json.loads(body, parse_constant=_no_json), *envelope)
    except ValueError:
        return Bad()


def _no_json(constant: str) -> Json:
    raise ValueError(f"{constant} is no JSON")


def at(value: Json, *path: str) -> Json:
    """Give the value at a path of property names."""
    for name in path:
        if value is None:
            return None
        if not isinstance(value, dict):
            return Bad()
        value = value.get(name)
    return value


def is_key(value: Json) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def key_of(row: Json, *paths: tuple[str, ...]) -> str | None:
    """Give a row's key as text; None where it does not say."""
    parts = [at(row, *path) if isinstance(row, dict) else None for path in paths]
    return "|".join(map(str, parts)) if all(map(is_key, parts)) else None


def from_batch(answer: Json, key: str, *paths: tuple[str, ...], many: bool) -> Json:
    """Give what one key gets out of the payload of a batch that was asked for it."""
    if isinstance(answer, Bad):
        return answer
    if answer is not None and not isinstance(answer, list):
        return Bad()
    own = [row for row in answer or () if key_of(row, *paths) == key]
    keyless = any(row is not None and key_of(row, *paths) is None for row in answer or ())
    if keyless and (many or not own):
        return Bad()
    return own if many else own[-1] if own else None


class Trail:
    """What an oracle asked: questions to endpoints, with the waits above each, and the form in which it was put.

    `values` has the arguments behind each question: in a URL, null and what is left out are the same question.
    """

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.hops: dict[tuple[str, str], set[tuple[int, str]]] = defaultdict(set)
        self.values: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.asked = 0
        self._waits: set[tuple[str, ...]] = set()

    def waits(self, info: Any) -> int:
        """Note that a field waits; give how many above it do."""
        path = tuple(part for part in info.path.as_list() if isinstance(part, str))
        self._waits.add(path)
        return sum(path[:end] in self._waits for end in range(1, len(path)))

    def asks(self, info: Any, endpoint: str, question: str, *keys: str, form: str = "", values: str = "") -> None:
        """Note a question to an endpoint."""
        self.asked += 1
        self.values[endpoint, question].add(values)
        self.keys[endpoint, question].update(keys)
        self.hops[endpoint, question].add((self.waits(info), form))
