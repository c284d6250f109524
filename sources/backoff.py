"""How long to wait before the next attempt: full jitter, growing; and what a backend asks for."""

from __future__ import annotations

import datetime as dt
import email.utils
import random
import time
from collections.abc import Callable

_LONGEST_ASKED_S = 300.0
_LONGEST_DIGITS, _LONGEST_DATE = 12, 64


class Backoff:
    """The waits of one repeated attempt: each between nothing and a bound that doubles up to the longest.

    Args:
        chance: gives a number from 0 to 1.
        wall: gives the Unix time, with which the instants that backends name are compared.
    """

    def __init__(
        self,
        first_s: float = 0.5,
        longest_s: float = 30.0,
        chance: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._wall = wall
        self.attempts = 0

    def next_s(self, retry_after: str | None = None) -> float:
        """Count a failed attempt and give the seconds to wait: at least those that the backend asks for.

        Args:
            retry_after: the field of that name, where the backend sent one (RFC 9110, 10.2.3).
        """
        bound_s = min(self._longest_s, self._first_s * 2.0 ** min(self.attempts, 30))
        self.attempts += 1
        wait_s = self._chance() * bound_s
        return max(wait_s, min(retry_after_s(retry_after, self._wall()), _LONGEST_ASKED_S))

    def reset(self) -> None:
        """Begin anew: an attempt has succeeded."""
        self.attempts = 0


def retry_after_s(text: str | None, now: float) -> float:
    """Give the seconds that a ``Retry-After`` field asks for, as seconds or as an instant (RFC 9110, 10.2.3).

    It is 0 where there is no such field, where it cannot be read, and for an instant that is over.

    Args:
        now: the Unix time.
    """
    if text is None or not text.isascii():
        return 0.0
    if text.isdigit():
        return float(text) if len(text) <= _LONGEST_DIGITS else float("inf")
    if len(text) > _LONGEST_DATE:
        return 0.0
    try:
        instant = email.utils.parsedate_to_datetime(text)
        at = (instant if instant.tzinfo is not None else instant.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return max(0.0, at - now)
