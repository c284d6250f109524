"""Whether a call that has failed for the moment is made again, and after how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from sources.backoff import Backoff, retry_after_s
from sources.budget import Budget

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 2.0


class Retrying:
    """The attempts of one call: at most so many, in the time that it has, within the budget of its source.

    Args:
        retries: attempts after the first.
        chance: gives a number from 0 to 1.
        wall: gives the Unix time.
    """

    __slots__ = ("_backoff", "_budget", "_left", "_wall")

    def __init__(
        self,
        retries: int,
        budget: Budget,
        *,
        chance: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._left = retries
        self._budget = budget
        self._backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S, chance)
        self._wall = wall

    def wait_s(self, now: float, left_s: float, retry_after: str | None) -> float | None:
        """Give the seconds to wait before the next attempt; None when there is none, and the failure counts.

        Args:
            now: the instant, on the clock of the budget.
            left_s: seconds that the call has left; an attempt that could only begin after them is not made.
            retry_after: what the backend asks for, as it spells it.
        """
        if self._left <= 0:
            return None
        wait_s = max(self._backoff.next_s(), retry_after_s(retry_after, self._wall()))
        if wait_s >= left_s or not self._budget.take(now):
            return None
        self._left -= 1
        return wait_s
