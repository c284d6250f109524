"""Match replies to the keys that asked for them, on the exact path: by key, never by position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from graph.tree import Failure, Row, at, promised
from resolvers import Fetching, Part, key_text
from sources import Number, UpstreamInvalid

_with_digits = msgspec.json.Decoder(float_hook=Number).decode


def is_key(value: Any) -> bool:
    """Tell whether a parent's property may be a key: a text or an integer."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def no_key(parent: Any, expected: str, found: Any) -> Failure:
    """Give the failure of what a parent holds in place of a key: a fault of its backend, or of the author's object."""
    if isinstance(parent, Row):
        return Failure(promised(parent.source, expected, found))
    return Failure(TypeError("a key is a text or an integer"))


def payload(part: Part, binding: Fetching) -> Any:
    """Give the JSON value of a reply without its envelope, or why there is none."""
    if part.failure is not None:
        return Failure(part.failure)
    if part.body is None:
        return None
    source = binding.source
    endpoint = binding.batch if part.batched else binding.single
    try:
        value = _decode(part.body, binding.keeps_digits)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return Failure(UpstreamInvalid(f"{source.name} did not answer JSON", source=source.name))
    return at(value, endpoint.items, source) if part.enveloped and endpoint is not None else value


def _decode(body: Any, keeps_digits: bool) -> Any:
    try:
        return _with_digits(body) if keeps_digits else msgspec.json.decode(body)
    except msgspec.DecodeError as exc:
        if keeps_digits or "out of range" not in str(exc):
            raise
        # A number that no float can hold is one field's problem: infinity is no Float, and says so where it stands.
        return _with_digits(body)


def answers(parts: list[Part], binding: Fetching) -> dict[str, Any]:
    """Give each key's answer, by the key as text."""
    found: dict[str, Any] = {}
    for part in parts:
        value = payload(part, binding)
        if isinstance(value, Failure) or not part.batched:
            found.update((key_text(key), value) for key in part.keys)
            continue
        for key in part.keys:
            found.setdefault(key_text(key), [] if binding.call.many else None)
        if value is None:
            continue
        if not isinstance(value, list):
            failure = Failure(promised(binding.source, "a list", value))
            found.update((key_text(key), failure) for key in part.keys)
            continue
        lost = False
        for item in value:
            values = [at(item, path, binding.source) for path in binding.match]
            if not all(map(is_key, values)):
                lost = lost or item is not None
                continue
            key = key_text(values[0] if len(values) == 1 else tuple(values))
            if not binding.call.many:
                found[key] = item
            elif isinstance(found.get(key), list):
                found[key].append(item)
        if lost:
            _lose(found, part, binding)
    return found


def _lose(found: dict[str, Any], part: Part, binding: Fetching) -> None:
    """Fail the keys whose answer may be an item that does not say which key it belongs to."""
    name = ".".join(binding.match[0])
    failure = Failure(
        UpstreamInvalid(f"{binding.source.name} answered an item without {name}", source=binding.source.name)
    )
    for key in map(key_text, part.keys):
        if binding.call.many or found.get(key) is None:
            found[key] = failure


def answer(found: Mapping[str, Any], binding: Fetching, key: Any) -> Any:
    """Give what a parent's key (or list of keys) got, out of `answers`."""
    if isinstance(key, Failure):
        return key
    if key is None:
        return [] if binding.call.many and binding.batch is not None else None
    if binding.many_keys:
        return [None if item is None else found.get(key_text(item)) for item in key]
    return found.get(key_text(key))
