"""Answers fetched anew in the background, while the old ones are given."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Hashable

log = logging.getLogger("weft")

_MOST = 100


class Refreshing:
    """What is fetched anew: each place once at a time, in a bounded number of tasks, which end with their graph.

    Where there are as many tasks as may be, nothing is begun; whoever asks next begins it.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._places: set[Hashable] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, places: Collection[Hashable], work: Callable[[set[Hashable]], Awaitable[object]]) -> None:
        """Begin the work for those of the places that nobody is at work on."""
        new = set(places) - self._places
        if not new or len(self._tasks) >= self._most:
            return
        self._places |= new
        task = asyncio.get_running_loop().create_task(self._run(work, new))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._end(task, new))

    async def aclose(self) -> None:
        """End all of it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, task: asyncio.Task[None], places: set[Hashable]) -> None:
        self._tasks.discard(task)
        self._places -= places

    async def _run(self, work: Callable[[set[Hashable]], Awaitable[object]], places: set[Hashable]) -> None:
        try:
            await work(places)
        except Exception:  # nobody waits for it, and what is stored serves on until its time is over
            log.exception("a stored answer could not be fetched anew")
