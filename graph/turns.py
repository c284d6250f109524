"""Turns at work that holds the event loop for a while: one piece of it in each of the loop's rounds.

What a hundred clients ask at once, or one client in a single packet, would else be done in the same round, and whoever
asks for something small would wait for all of it.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Turns, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False

    async def take(self) -> None:
        """Return when it is one's turn: at once, unless somebody else had his in this round."""
        loop = asyncio.get_running_loop()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._next, loop)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its client has left
                turn.set_result(None)
                loop.call_soon(self._next, loop)
                return
        self._is_taken = False
