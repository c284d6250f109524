"""Texts that clients hand back as they got them: cursors and global ids.

Such a text is base64url of a version, a checksum where it belongs to one field, and MessagePack. It holds no secret and
is no proof: whoever makes one up can say no more than an argument of the field could. The checksum finds what was
altered or belongs elsewhere, before any backend is asked.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_VERSION = b"\x01"
_CHECK_BYTES = 4
_LONGEST = 6000


def sealed(value: Any, owner: str = "") -> str:
    """Give the text for a value; with an owner, one that only the same owner reads."""
    packed = msgspec.msgpack.encode(value)
    return base64.urlsafe_b64encode(_VERSION + _check(packed, owner) + packed).rstrip(b"=").decode()


def opened(text: object, kind: type[T], owner: str = "") -> T | None:
    """Give the value that a text was made of; None where it is another's, altered, or no such text at all."""
    if not isinstance(text, str) or not text.isascii() or len(text) > _LONGEST:
        return None
    try:
        held = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    size = len(_VERSION) + (_CHECK_BYTES if owner else 0)
    packed = held[size:]
    if held[:size] != _VERSION + _check(packed, owner):
        return None
    try:
        value = msgspec.msgpack.decode(packed, type=kind)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    return value if sealed(value, owner) == text else None  # one text for one value


def _check(packed: bytes, owner: str) -> bytes:
    return binascii.crc32(packed, binascii.crc32(owner.encode())).to_bytes(_CHECK_BYTES, "big") if owner else b""
