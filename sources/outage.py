"""Streams that are opened again whenever they break: when, after what wait, and what listeners are told.

A stream is opened, gives what happens, and is over some time: since its connection broke, since the backend closed
it, or since nothing came for too long. It is opened again after a wait of `Backoff`, which begins anew once an event
has come or a connection has lasted. Listeners are told two things: of a failure, when three attempts in a row have
brought no connection, once until there is one; and of a gap, when a connection is there again and the backend did not
take up where it was left, once until the next event. Refusals that no later attempt would change are raised.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from sources.backoff import Backoff
from sources.errors import InvalidInput, SourceError
from sources.event import Gap, Happening

Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]

TOLD_AFTER = 3
_LASTING_S = 30.0
_LONGEST_LEAST_S = 300.0
_LATER = frozenset({408, 425, 429})


class Over(Exception):
    """The backend says that nothing will follow."""


class Outage:
    """What is known of a stream's interruptions.

    Args:
        source: the backend's name, for messages.
    """

    def __init__(self, source: str, backoff: Backoff, clock: Clock = time.monotonic) -> None:
        self._source = source
        self._backoff = backoff
        self._clock = clock
        self._opened_at: float | None = None
        self._was_open = False
        self._gap_told = False
        self._failures = 0
        self.least_s = 0.0
        self.retry_after: str | None = None

    def opened(self, *, resumed: bool) -> Gap | None:
        """Note that there is a connection; give what listeners are told.

        Args:
            resumed: whether the backend sends what came since the last connection.
        """
        missing = self._was_open and not resumed
        self._opened_at = self._clock()
        self._was_open = True
        self._failures = 0
        return self.missed(f"the stream of {self._source} was interrupted; events may be missing") if missing else None

    def missed(self, reason: str) -> Gap | None:
        """Give the gap that listeners are told of, unless the last thing that they were told is one."""
        if self._gap_told:
            return None
        self._gap_told = True
        return Gap(reason)

    def received(self) -> None:
        """Note that an event has come."""
        self._gap_told = False
        self._backoff.reset()

    def failed(self) -> bool:
        """Note a failure; tell whether listeners shall know of it."""
        if self._opened_at is not None:  # a connection that broke: that is a gap, if anything
            return False
        self._failures += 1
        return self._failures == TOLD_AFTER

    def wait_s(self) -> float:
        """Give the seconds until the next attempt: no fewer than the backend asks for."""
        if self._opened_at is not None and self._clock() - self._opened_at >= _LASTING_S:
            self._backoff.reset()
        self._opened_at = None
        retry_after, self.retry_after = self.retry_after, None
        return max(self._backoff.next_s(retry_after), min(self.least_s, _LONGEST_LEAST_S))


async def lasting(
    connect: Callable[[], AsyncGenerator[Happening]], outage: Outage, sleep: Sleep = asyncio.sleep
) -> AsyncGenerator[Happening]:
    """Give what comes over one connection after the other, until one of them is `Over`.

    Args:
        connect: opens a connection and gives what comes over it; it tells the outage of what it sees.

    Raises:
        SourceError: the backend refuses for good.
    """
    while True:
        try:
            async with aclosing(connect()) as happenings:
                async for happening in happenings:
                    yield happening
        except Over:
            return
        except SourceError as exc:
            if is_final(exc):
                raise
            if outage.failed():
                yield exc
        await sleep(outage.wait_s())


def is_final(failure: SourceError) -> bool:
    """Tell whether another attempt would fare no better: the backend has answered, and not that it may later."""
    if isinstance(failure, InvalidInput):
        return True
    return failure.status is not None and failure.status < 500 and failure.status not in _LATER
