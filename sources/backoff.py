"""How long to wait before the next attempt: full jitter, growing."""

from __future__ import annotations

import random
from collections.abc import Callable

_LONGEST_ASKED_S = 300.0


class Backoff:
    """The waits of one repeated attempt: each between nothing and a bound that doubles up to the longest.

    Args:
        chance: gives a number from 0 to 1.
    """

    def __init__(
        self, first_s: float = 0.5, longest_s: float = 30.0, chance: Callable[[], float] = random.random
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self.attempts = 0

    def next_s(self, retry_after: str | None = None) -> float:
        """Count a failed attempt and give the seconds to wait: at least those that the backend asks for.

        Args:
            retry_after: the field of that name, where the backend sent one (RFC 9110, 10.2.3).
        """
        bound_s = min(self._longest_s, self._first_s * 2.0 ** min(self.attempts, 30))
        self.attempts += 1
        wait_s = self._chance() * bound_s
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 6:
            return max(wait_s, min(float(retry_after), _LONGEST_ASKED_S))
        return wait_s

    def reset(self) -> None:
        """Begin anew: an attempt has succeeded."""
        self.attempts = 0
