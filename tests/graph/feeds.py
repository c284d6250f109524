"""Feeds that tests hold in their hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec

from sources import Event, Happening, Listening, SourceError

_OVER = object()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is looked at has no event of its own
            await asyncio.sleep(0.001)


class Hand:
    """A feed that gives what a test says; `opened` and `closed` count who listens, `asked` has the values."""

    def __init__(self, *variables: str) -> None:
        self.variables = frozenset(variables)
        self.opened = 0
        self.closed = 0
        self.asked: list[dict[str, object]] = []
        self.clients: list[tuple[tuple[str, str], ...]] = []
        self._listening: list[asyncio.Queue[Any]] = []

    def __str__(self) -> str:
        return "HAND"

    def say(self, payload: Any) -> None:
        """Let a JSON value happen, to all who listen."""
        self.give(Event(msgspec.json.encode(payload)))

    def give(self, happening: Happening | object) -> None:
        """Let anything happen."""
        for queue in self._listening:
            queue.put_nowait(happening)

    def finish(self, failure: SourceError | None = None) -> None:
        """End, perhaps with a failure."""
        self.give(_OVER if failure is None else (failure,))

    async def is_open(self, times: int = 1) -> None:
        """Wait until it was opened so often."""
        await until(lambda: self.opened >= times)

    async def is_closed(self) -> None:
        """Wait until nobody listens any more."""
        await until(lambda: self.closed == self.opened)

    async def listen(self, to: Listening) -> AsyncGenerator[Happening]:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._listening.append(queue)
        self.asked.append(dict(to.values))
        self.clients.append(to.client)
        self.opened += 1
        try:
            while (happening := await queue.get()) is not _OVER:
                if isinstance(happening, tuple):
                    raise happening[0]
                yield happening
        finally:
            self._listening.remove(queue)
            self.closed += 1
