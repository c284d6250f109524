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

    def add(self, ledger: Ledger) -> None:
        """Note that an operation begins; its ledger expires when its time is up."""
        if self._timeout_s is None:
            return
        loop = asyncio.get_running_loop()
        ledger.over_at = loop.time() + self._timeout_s
        self._ledgers[ledger] = None
        if self._armed is not loop:
            self._armed = loop
            loop.call_at(ledger.over_at, self._sweep)

    def discard(self, ledger: Ledger) -> None:
        """Note that an operation is over."""
        self._ledgers.pop(ledger, None)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._armed = None
        for ledger in tuple(self._ledgers):
            if ledger.over_at is not None and ledger.over_at > loop.time():
                self._armed = loop
                loop.call_at(ledger.over_at, self._sweep)
                return
            del self._ledgers[ledger]
            ledger.expire()
