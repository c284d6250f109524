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
    """The requests under way: `present` holds, by its task, what each can be told of with `receive` of ASGI.

    A request enters once its body has been read, and calls `sweep` if `is_idle`; it leaves with `leave`, or without it
    while `watchers` is empty.

    Args:
        abandon: ends a task of which the client has gone, or lets it go on where others wait for it.
        patience_s: seconds between two sweeps.
    """

    def __init__(self, abandon: Callable[[Task], None], patience_s: float = 0.1) -> None:
        self._abandon = abandon
        self._patience_s = patience_s
        self.present: dict[Task | None, Receive] = {}
        self.watchers: dict[Task | None, asyncio.Task[None]] = {}
        self.is_idle = True
        self._seen: set[Task | None] = set()
        self._gone: set[Task | None] = set()

    def leave(self, task: Task | None) -> None:
        """End the watch over a request that is over."""
        watcher = self.watchers.pop(task, None)
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

    def sweep(self) -> None:
        """Watch the requests that the last sweep saw already, and go on sweeping while there are any."""
        loop = asyncio.get_running_loop()
        self.is_idle = not self.present
        if not self.is_idle:
            loop.call_later(self._patience_s, self.sweep)
        for task, receive in self.present.items():
            if task in self._seen and task not in self.watchers:
                self.watchers[task] = loop.create_task(self._watch(task, receive))
        self._seen = set(self.present)

    async def _watch(self, task: Task | None, receive: Receive) -> None:
        message = await receive()
        if message["type"] == "http.disconnect" and task is not None:
            self._gone.add(task)
            self._abandon(task)
