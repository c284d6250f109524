"""Notice clients that go away while their operation is under way, and end what only they waited for.

Waiting for a client's departure costs a task, and most operations are over in milliseconds. So a request is watched
only once two sweeps have found it under way; until then it costs two dict operations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Task = asyncio.Task[Any]


class Departed(Exception):
    """The client went away before its answer was there."""


class Presence:
    """The requests under way.

    Args:
        abandon: ends a task of which the client has gone, or lets it go on where others wait for it.
        patience_s: seconds between two sweeps.
    """

    def __init__(self, abandon: Callable[[Task], None], patience_s: float = 0.1) -> None:
        self._abandon = abandon
        self._patience_s = patience_s
        self._present: dict[Task | None, Receive] = {}
        self._watchers: dict[Task | None, asyncio.Task[None]] = {}
        self._is_idle = True
        self._seen: set[Task | None] = set()
        self._gone: set[Task | None] = set()

    def enter(self, task: Task | None, receive: Receive) -> None:
        """Note that a task answers a request whose body has been read.

        Args:
            receive: of ASGI; nothing but a disconnection is left to come.
        """
        self._present[task] = receive
        if self._is_idle:
            self._sweep()

    def leave(self, task: Task | None) -> None:
        """Note that a request is over."""
        del self._present[task]
        if self._watchers:
            watcher = self._watchers.pop(task, None)
            if watcher is not None:
                watcher.cancel()
                self._gone.discard(task)

    def check(self, task: Task | None) -> None:
        """Tell a cancellation that the client's departure caused from any other.

        Raises:
            Departed: it is that.
        """
        if task in self._gone and task is not None and task.uncancel() == 0:
            raise Departed from None

    def _sweep(self) -> None:
        """Watch the requests that the last sweep saw already, and go on sweeping while there are any."""
        loop = asyncio.get_running_loop()
        self._is_idle = not self._present
        if not self._is_idle:
            loop.call_later(self._patience_s, self._sweep)
        for task, receive in self._present.items():
            if task in self._seen and task not in self._watchers:
                self._watchers[task] = loop.create_task(self._watch(task, receive))
        self._seen = set(self._present)

    async def _watch(self, task: Task | None, receive: Receive) -> None:
        for _ in range(3):  # a body that nobody has asked for may come first
            message = await receive()
            if message["type"] == "http.disconnect":
                break
        else:
            return
        if task is not None:
            self._gone.add(task)
            self._abandon(task)
