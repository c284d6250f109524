"""Files of a request between the socket and who reads them.

Theory of operation. Files arrive one after the other; fields read them when they please. A file holds a few pieces in
memory. When they are full the socket is not read on: so the client sends no faster than the backend takes. Only when
somebody waits for a file that comes later does the present one make way: what comes of it then goes to a spool, in
memory first and then to disk, so that no order of reading stands still. Bytes that nobody will read are dropped.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections import deque

PIECE_BYTES = 64 * 1024
HELD_BYTES = 4 * PIECE_BYTES
_SPOOLED_IN_MEMORY_BYTES = 1024 * 1024


class Arrivals:
    """The files of one request that are still to come or to be read."""

    def __init__(self) -> None:
        self.awaited: set[Arrival] = set()
        self.moved = asyncio.Event()


class Arrival:
    """One file: `put` piece by piece by one task, read by another."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._spool: _Spool | None = None
        self._came = asyncio.Event()
        self.has_ended = False
        self._has_begun = False
        self._is_dropped = False

    # -- from the socket ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Say that its bytes are next."""
        self._has_begun = True
        self._arrivals.awaited.discard(self)
        self._came.set()

    async def put(self, piece: bytes) -> None:
        """Add bytes; wait while there is no room for them and nobody waits for what comes after."""
        for start in range(0, len(piece), PIECE_BYTES):
            await self._put(piece[start : start + PIECE_BYTES])

    def end(self) -> None:
        """Say that these were all its bytes."""
        self.has_ended = True
        self._came.set()

    async def _put(self, piece: bytes) -> None:
        moved = self._arrivals.moved
        while not (self._is_dropped or self._spool is not None or self._arrivals.awaited or self._has_room(piece)):
            moved.clear()
            await moved.wait()
        if self._is_dropped:
            return
        if self._spool is None and self._has_room(piece):
            self._held.append(piece)
            self._held_bytes += len(piece)
        else:
            if self._spool is None:
                self._spool = _Spool()
            await asyncio.to_thread(self._spool.write, piece)
        self._came.set()

    def _has_room(self, piece: bytes) -> bool:
        return self._held_bytes + len(piece) <= HELD_BYTES

    # -- to the reader --------------------------------------------------------------------------------------------

    async def started(self) -> None:
        """Wait until its bytes are next.

        Raises:
            RuntimeError: the file was dropped.
        """
        while not self._has_begun:
            self._check()
            await self._wait()

    def __aiter__(self) -> Arrival:
        return self

    async def __anext__(self) -> bytes:
        """Give the next bytes as soon as they are there.

        Raises:
            RuntimeError: the file was dropped.
        """
        while True:
            self._check()
            if self._held:
                return self._take()
            if self._spool is not None and self._spool.unread_bytes:
                return await asyncio.to_thread(self._spool.read)
            if self.has_ended:
                raise StopAsyncIteration
            await self._wait()

    def _take(self) -> bytes:
        pieces = [self._held.popleft()]
        size = len(pieces[0])
        while self._held and size + len(self._held[0]) <= PIECE_BYTES:
            pieces.append(self._held.popleft())
            size += len(pieces[-1])
        self._held_bytes -= size
        self._arrivals.moved.set()
        return b"".join(pieces)

    def _check(self) -> None:
        if self._is_dropped:
            raise RuntimeError("the request that brought this file is over")

    async def _wait(self) -> None:
        self._came.clear()
        if not self._has_begun:
            self._arrivals.awaited.add(self)
            self._arrivals.moved.set()
        try:
            await self._came.wait()
        finally:
            self._arrivals.awaited.discard(self)

    def drop(self) -> None:
        """Forget its bytes, those to come as well."""
        self._is_dropped = True
        self._held.clear()
        if self._spool is not None:
            self._spool.close()
        self._came.set()
        self._arrivals.moved.set()


class _Spool:
    """Bytes that are written at one end and read from the other, by two threads."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_SPOOLED_IN_MEMORY_BYTES)  # noqa: SIM115 - it is closed with the request
        self._lock = threading.Lock()
        self._read_bytes = 0
        self.unread_bytes = 0

    def write(self, piece: bytes) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.seek(0, 2)
                self._file.write(piece)
                self.unread_bytes += len(piece)

    def read(self) -> bytes:
        with self._lock:
            if self._file.closed:
                raise RuntimeError("the request that brought this file is over")
            self._file.seek(self._read_bytes)
            piece = self._file.read(PIECE_BYTES)
            self._read_bytes += len(piece)
            self.unread_bytes -= len(piece)
            return piece

    def close(self) -> None:
        with self._lock:
            self._file.close()
