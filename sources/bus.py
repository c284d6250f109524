"""The bus inside one process: who publishes reaches everybody who listens, at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from sources.event import Event, Happening
from sources.listener import Listener

_MOST_WAITING = 10_000


class MemoryBus:
    """Carries events inside this process; a listener that is far behind loses the oldest, and is told."""

    def __init__(self, most_waiting: int = _MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._listeners: dict[str, set[Listener]] = {}

    async def publish(self, topic: str, body: bytes) -> None:
        """Give a JSON text to everybody who listens to the topic."""
        for listener in self._listeners.get(topic, ()):
            listener.put(Event(body))

    async def listen(self, topic: str) -> AsyncGenerator[Happening]:
        """Give what is published from the moment on in which the first is asked for."""
        listener = Listener(self._most_waiting)
        self._listeners.setdefault(topic, set()).add(listener)
        try:
            while (happening := await listener.take()) is not None:
                yield happening
        finally:
            listeners = self._listeners[topic]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[topic]

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""
