"""What somebody who listens was given and has not taken yet: bounded in number and bytes."""

from __future__ import annotations

import asyncio
from collections import deque

from sources.errors import SourceError
from sources.event import Event, Gap, Happening


class Listener:
    """Keeps what happens until it is taken; who falls behind loses the oldest, and is told.

    Args:
        most: happenings that may wait, with the one that tells of others being lost.
        most_bytes: bytes of events that may wait; one event always may.
    """

    def __init__(self, most: int = 10_000, most_bytes: int = 64_000_000) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: deque[Happening] = deque()
        self._bytes = 0
        self._lost = False
        self._ended = False
        self._failure: SourceError | None = None
        self._woken: asyncio.Future[None] | None = None

    def put(self, happening: Happening) -> None:
        """Add what has happened, as the newest; after the end it is ignored."""
        if self._ended:
            return
        self._waiting.append(happening)
        self._bytes += _size(happening)
        while len(self._waiting) > 1 and self._is_full():
            self._bytes -= _size(self._waiting.popleft())
            self._lost = True
        self._wake()

    def end(self, failure: SourceError | None = None) -> None:
        """Let nothing follow what waits, except the failure, where there is one."""
        if not self._ended:
            self._ended = True
            self._failure = failure
            self._wake()

    async def take(self) -> Happening | None:
        """Give the oldest that waits, as soon as there is one; None once all is over.

        Raises:
            SourceError: all is over, and this is why.
        """
        while not self._waiting:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return None
            self._woken = asyncio.get_running_loop().create_future()
            await self._woken
        if self._lost:
            self._lost = False
            return Gap("events were dropped: they came faster than they could be read")
        happening = self._waiting.popleft()
        self._bytes -= _size(happening)
        return happening

    def _is_full(self) -> bool:
        return len(self._waiting) + self._lost > self._most or self._bytes > self._most_bytes

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


def _size(happening: Happening) -> int:
    return len(happening.body) if isinstance(happening, Event) else 0
