"""What has happened lately, counted: the counts of a window that slides on slice by slice."""

from __future__ import annotations

from collections import deque

_SLICES = 10
_LONG_AGO = -(10**18)


class Tally:
    """How much was counted, and how much of it marked, within the last seconds.

    What is older than the window is forgotten a tenth of the window at a time, so the counts are those of the last
    nine to ten tenths. Cost: two additions.
    """

    __slots__ = ("_next_at", "_number", "_slice", "_slice_s", "_slices", "counted", "marked")

    def __init__(self, window_s: float) -> None:
        self.counted = 0
        self.marked = 0
        self._slice_s = window_s / _SLICES
        self._slices: deque[list[int]] = deque(([0, 0] for _ in range(_SLICES)), _SLICES)
        self._slice = self._slices[-1]
        self._number = _LONG_AGO
        self._next_at = float("-inf")

    def count(self, now: float) -> None:
        """Count something that happens."""
        if now >= self._next_at:
            self.slide(now)
        self.counted += 1
        self._slice[0] += 1

    def mark(self, now: float) -> None:
        """Mark something; whether it is counted as well is another question."""
        if now >= self._next_at:
            self.slide(now)
        self.marked += 1
        self._slice[1] += 1

    def slide(self, now: float) -> None:
        """Forget what lies before the window that ends now."""
        number = int(now // self._slice_s)
        for _ in range(min(number - self._number, _SLICES)):
            counted, marked = self._slices[0]
            self.counted -= counted
            self.marked -= marked
            self._slices.append([0, 0])
        self._slice = self._slices[-1]
        self._number = max(number, self._number)
        self._next_at = (self._number + 1) * self._slice_s
