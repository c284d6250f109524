"""Take a reply apart without reading all of it: the payload out of its envelope, items of a batch by their keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
Path = tuple[str, ...]


def wrapped(payload: Any, path: Path) -> Any:
    """Give the msgspec type of an envelope that holds ``payload`` at the path; the rest of it is skipped.

    ``wrapped(int, ("data", "count"))`` accepts ``{"data": {"count": 3}}``; read the value with `unwrap`.
    """
    for name in reversed(path):
        payload = msgspec.defstruct("Envelope", [("payload", payload)], rename={"payload": name}, gc=False)
    return payload


def unwrap(value: Any, path: Path) -> Any:
    """Give the payload out of an envelope decoded with `wrapped`."""
    for _ in path:
        value = value.payload
    return value


class Told(Generic[T]):
    """Reads one value of a reply that may lack, like whatever is on the way to it; the rest is skipped.

    Args:
        kind: msgspec type of the value.
    """

    def __init__(self, kind: Any, path: Path) -> None:
        wanted = kind | None
        for name in reversed(path):
            wanted = msgspec.defstruct("Told", [("told", wanted, None)], rename={"told": name}, gc=False) | None
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(wanted)
        self._depth = len(path)

    def read(self, body: Any) -> T | None:
        """Give the value; None where the reply does not tell it.

        Raises:
            msgspec.DecodeError: the body is not JSON, or the value of another kind.
        """
        value = _decoded(self._decoder, body)
        for _ in range(self._depth):
            if value is None:
                return None
            value = value.told
        found: T | None = value
        return found


def key_text(key: Any) -> str:
    """Give a key in the form by which keys are compared: an id is the same as number and as text."""
    return str(tuple(map(str, key))) if isinstance(key, tuple) else str(key)


def _decoded(decoder: msgspec.json.Decoder[Any], body: Any) -> Any:
    try:
        return decoder.decode(body)
    except RecursionError as exc:
        raise msgspec.DecodeError("nested too deeply") from exc


class Envelopes:
    """Takes replies apart into raw JSON, with one decoder per envelope and one per place of the key."""

    def __init__(self) -> None:
        self._payloads: dict[Path, msgspec.json.Decoder[Any]] = {}
        self._lists: dict[Path, msgspec.json.Decoder[Any]] = {}
        self._keys: dict[tuple[Path, ...], list[msgspec.json.Decoder[Any]]] = {}

    def payload(self, body: Any, envelope: Path) -> bytes | None:
        """Give the JSON text inside the envelope; None for null.

        Raises:
            msgspec.DecodeError: the body is not JSON, or has no such envelope.
        """
        if body is None:
            return None
        decoder = self._payloads.get(envelope)
        if decoder is None:
            decoder = self._payloads[envelope] = msgspec.json.Decoder(wrapped(msgspec.Raw, envelope))
        raw = bytes(unwrap(_decoded(decoder, body), envelope))
        return None if raw == b"null" else raw

    def items(self, body: Any, envelope: Path, match: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
        """Give each item's key as text and its JSON text.

        Raises:
            msgspec.DecodeError: the body is no such list, or an item lacks its key.
        """
        if body is None:
            return
        decoder = self._lists.get(envelope)
        if decoder is None:
            decoder = self._lists[envelope] = msgspec.json.Decoder(wrapped(list[msgspec.Raw], envelope))
        readers = self._keys.get(match)
        if readers is None:
            readers = self._keys[match] = [msgspec.json.Decoder(wrapped(str | int, path)) for path in match]
        for raw in unwrap(_decoded(decoder, body), envelope):
            parts = tuple(unwrap(_decoded(reader, raw), path) for reader, path in zip(readers, match, strict=True))
            yield key_text(parts if len(parts) > 1 else parts[0]), bytes(raw)
