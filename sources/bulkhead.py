"""Turns at one backend: so many calls at once, so many that wait, and no more.

A slow backend fills its own turns and its own queue. Whoever comes then is refused at once, so neither memory nor
the waits of others grow with it. Cost of a turn that is free: one comparison and one addition.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque


class Bulkhead:
    """The turns of one source, given in the order in which they were asked for.

    Args:
        limit: calls at once.
        queue: calls that wait at most.
    """

    __slots__ = ("_limit", "_queue", "_waiting", "taken")

    def __init__(self, limit: int, queue: int) -> None:
        self.taken = 0
        self._limit = limit
        self._queue = queue
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether no turn is free."""
        return self.taken >= self._limit

    @property
    def is_crowded(self) -> bool:
        """Whether nobody more may wait."""
        return self.is_full and len(self._waiting) >= self._queue

    def take(self) -> bool:
        """Take a turn, if one is free; `release` gives it back."""
        if self.taken >= self._limit:
            return False
        self.taken += 1
        return True

    async def wait(self) -> None:
        """Wait for a turn, and take it."""
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(landed)
        try:
            await landed
        except BaseException:
            if landed.done() and not landed.cancelled():
                self.release()  # the turn came at the instant in which the wait was ended
            else:
                with contextlib.suppress(ValueError):  # `release` has passed it over already
                    self._waiting.remove(landed)
            raise

    def release(self) -> None:
        """Give a turn back: the next in the queue has it."""
        while self._waiting:
            landed = self._waiting.popleft()
            if not landed.done():
                landed.set_result(None)
                return
        self.taken -= 1
