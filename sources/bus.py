"""The bus inside one process: who publishes reaches everybody who listens, at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from sources.event import Event, Gap, Happening

_MOST_WAITING = 10_000


class MemoryBus:
    """Carries events inside this process; a listener that is far behind loses the oldest, and is told."""

    def __init__(self, most_waiting: int = _MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._listeners: dict[str, set[_Listener]] = {}

    async def publish(self, topic: str, body: bytes) -> None:
        """Give a JSON text to everybody who listens to the topic."""
        for listener in self._listeners.get(topic, ()):
            listener.put(Event(body))

    async def listen(self, topic: str) -> AsyncGenerator[Happening]:
        """Give what is published from the moment on in which the first is asked for."""
        listener = _Listener(self._most_waiting)
        self._listeners.setdefault(topic, set()).add(listener)
        try:
            while True:
                yield await listener.take()
        finally:
            listeners = self._listeners[topic]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[topic]

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


class _Listener:
    def __init__(self, most: int) -> None:
        self._waiting: deque[Happening] = deque()
        self._most = most
        self._woken: asyncio.Future[None] | None = None

    def put(self, happening: Happening) -> None:
        if len(self._waiting) >= self._most:
            self._waiting.popleft()
            self._waiting[0] = Gap("events were dropped: they came faster than they could be read")
        self._waiting.append(happening)
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def take(self) -> Happening:
        while not self._waiting:
            self._woken = asyncio.get_running_loop().create_future()
            await self._woken
        return self._waiting.popleft()
