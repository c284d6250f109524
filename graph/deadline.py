"""When the time of operations is up: all may take equally long, so one timer, for the oldest, serves them all."""

from __future__ import annotations

import asyncio

from resolvers import Ledger


class Deadlines:
    """The operations under way, oldest first.

    Args:
        timeout_s: seconds that each may take; None sets no bound.
    """

    def __init__(self, timeout_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._ledgers: dict[Ledger, None] = {}
        self._armed: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, ledger: Ledger) -> None:
        """Note that an operation begins; its ledger expires when its time is up."""
        self._ledgers[ledger] = None
        if self._timeout_s is None:
            return
        loop = asyncio.get_running_loop()
        ledger.over_at = loop.time() + self._timeout_s
        if self._armed is not loop:
            self._arm(loop, ledger.over_at)

    def discard(self, ledger: Ledger) -> None:
        """Note that an operation is over."""
        self._ledgers.pop(ledger, None)

    def expire(self) -> None:
        """Say of all operations that their time is up."""
        if self._timer is not None:
            self._timer.cancel()
        self._armed = self._timer = None
        while self._ledgers:
            self._ledgers.popitem()[0].expire()

    def _arm(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        self._armed = loop
        self._timer = loop.call_at(at, self._sweep)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._armed = self._timer = None
        for ledger in tuple(self._ledgers):
            if ledger.over_at is not None and ledger.over_at > loop.time():
                self._arm(loop, ledger.over_at)
                return
            del self._ledgers[ledger]
            ledger.expire()
