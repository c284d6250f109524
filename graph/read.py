"""Read replies and values for a compiled program: each function is made once per operation and called per request.

Whatever is not as the schema promises raises, and the exact path answers instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from resolvers import Part, unwrap


class Deviation(Exception):
    """A reply is not what the schema promises; the exact path must answer."""


def no_reader(parts: list[Part]) -> Any:
    """Stand in where a fetch calls no backend."""
    raise Deviation


def batch_reader(
    enveloped: msgspec.json.Decoder[Any], plain: msgspec.json.Decoder[Any], path: tuple[str, ...]
) -> Callable[[list[Part]], list[Any]]:
    """Give the function from the parts of a batched load to its items; `plain` reads items without envelope."""
    decode = enveloped.decode

    def read(parts: list[Part]) -> list[Any]:
        if len(parts) == 1 and parts[0].enveloped and not path:
            part = parts[0]
            if part.failure is not None:
                raise Deviation
            decoded: list[Any] = [] if part.body is None else decode(part.body)
            return decoded
        items: list[Any] = []
        for part in parts:
            if part.failure is not None:
                raise Deviation
            if part.body is not None:
                items += unwrap(decode(part.body), path) if part.enveloped else plain.decode(part.body)
        return items

    return read


def singles_reader(
    decode: Callable[[Any], Any], plain: Callable[[Any], Any], path: tuple[str, ...], nullable: bool
) -> Callable[[list[Part]], dict[Any, Any]]:
    """Give the function from the parts of single calls to their payloads by key."""

    def read(parts: list[Part]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for part in parts:
            found[part.keys[0]] = _payload(part, decode, plain, path, nullable)
        return found

    return read


def root_reader(
    decode: Callable[[Any], Any], plain: Callable[[Any], Any], path: tuple[str, ...], nullable: bool
) -> Callable[[list[Part]], Any]:
    """Give the function from the one part of a call without keys to its payload."""

    def read(parts: list[Part]) -> Any:
        return _payload(parts[0], decode, plain, path, nullable)

    return read


def _payload(
    part: Part, decode: Callable[[Any], Any], plain: Callable[[Any], Any], path: tuple[str, ...], nullable: bool
) -> Any:
    if part.failure is not None:
        raise Deviation
    if part.body is None:
        if not nullable:
            raise Deviation
        return None
    return unwrap(decode(part.body), path) if part.enveloped else plain(part.body)


def cut_list(items: Any, kept: int) -> Any:
    """Keep the first items of a list, or null."""
    return items if items is None else items[:kept]


def cut_lists(found: dict[Any, Any], kept: int) -> dict[Any, Any]:
    """Keep the first items of each key's list."""
    return {key: cut_list(items, kept) for key, items in found.items()}


def cut_items(items: list[Any], kept: int, key: Callable[[Any], Any]) -> list[Any]:
    """Keep the first items of each key, where the items of all keys are in one list."""
    counts: dict[Any, int] = {}
    found: list[Any] = []
    for item in items:
        own = text(key(item))
        counts[own] = counts.get(own, 0) + 1
        if counts[own] <= kept:
            found.append(item)
    return found


def converter(kind: Any, decode: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Give the function from a backend's value of a leaf type to what is encoded; it refuses null."""
    encode = kind.coerce_output_value

    def convert(value: Any) -> Any:
        if value is None:
            raise Deviation
        result = encode(value if decode is None else decode(value))
        if result is None:
            raise Deviation
        return result

    return convert


def text(key: Any) -> Any:
    """Give a key in the form in which keys of different JSON types are comparable."""
    if isinstance(key, tuple):
        return tuple(map(str, key))
    return None if key is None else str(key)


def must(value: Any) -> Any:
    """Give the value, which may not be null."""
    if value is None:
        raise Deviation
    return value
