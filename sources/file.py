"""A file on its way to a backend: read once, in pieces, as they come."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator

from sources.template import RefusedValue

OCTETS = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}( ?; ?[\w-]+=([\w.+:-]+|\"[\w .+:-]*\"))*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class File:
    """A file whose bytes come in pieces, in order, once.

    Iterate over it for the pieces as they come, or `read` what is left. A name loses its folders and control
    characters; a media type that is none is ``application/octet-stream``.

    Args:
        pieces: the bytes, whole or as they come.
    """

    def __init__(self, pieces: bytes | AsyncIterable[bytes], *, filename: str = "", content_type: str = OCTETS) -> None:
        self.describe(filename, content_type)
        self._pieces = aiter(_one(pieces) if isinstance(pieces, bytes) else pieces)
        self._rest = b""
        self._has_begun = False
        self.is_taken = False
        self._is_closed = False

    def describe(self, filename: str, content_type: str) -> None:
        """Give the file its name and media type, made harmless."""
        name = _CONTROL.sub("", re.split(r"[/\\]", filename)[-1])
        self.filename = "" if name in (".", "..") else name
        self.content_type = content_type if _MEDIA_TYPE.fullmatch(content_type) else OCTETS

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"  # an error that quotes it says nothing of the client

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """Give the next bytes, as many as there are; never none.

        Raises:
            RuntimeError: the file was closed.
        """
        self._has_begun = True
        while True:
            if self._is_closed:
                raise RuntimeError("the file is closed")
            piece, self._rest = self._rest or await anext(self._pieces), b""
            if piece:
                return piece

    async def read(self, size: int = -1) -> bytes:
        """Give the next ``size`` bytes, fewer at the end; for a negative size all that is left.

        Raises:
            RuntimeError: the file was closed.
        """
        found: list[bytes] = []
        left = size
        while left:
            piece = await anext(self, b"")
            if not piece:
                break
            if 0 <= left < len(piece):
                piece, self._rest = piece[:left], piece[left:]
            found.append(piece)
            left -= len(piece) if size >= 0 else 0
        return b"".join(found)

    async def arrive(self) -> None:
        """Wait until its name and media type are known."""

    def take(self) -> None:
        """Claim all its bytes, to send them; who does closes it.

        Raises:
            RefusedValue: somebody has begun to read it.
        """
        if self._has_begun:
            raise RefusedValue("the file was read already: it is streamed, to one field only")
        self._has_begun = self.is_taken = True

    async def open(self) -> AsyncIterator[bytes]:
        """Give all the pieces, to send them; see `take`."""
        self.take()
        await self.arrive()
        return self

    def close(self) -> None:
        """Say that nobody will read the rest."""
        self._is_closed = True


async def _one(piece: bytes) -> AsyncIterator[bytes]:
    yield piece
