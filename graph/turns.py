"""Turns at work that holds the event loop for a while: a little of it in each of the loop's rounds.

What a hundred clients ask at once, or one client in a single packet, would else be done in the same round, and whoever
asks for something small would wait for all of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

_ROUND_S = 0.01


class Turns:
    """Turns, in the order in which they were asked for.

    Args:
        clock: any clock in seconds that only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._began_at: float | None = None

    async def take(self) -> None:
        """Return when it is one's turn: at once, unless those who had theirs in this round took 10 ms."""
        loop = asyncio.get_running_loop()
        if self._began_at is None:
            self._began_at = self._clock()
            loop.call_soon(self._next, loop)
            return
        if not self._waiting and self._clock() - self._began_at < _ROUND_S:
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its client has left
                turn.set_result(None)
                self._began_at = self._clock()
                loop.call_soon(self._next, loop)
                return
        self._began_at = None
