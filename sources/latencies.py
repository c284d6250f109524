"""How long a backend's answers take: the last hundred, and what nineteen of twenty stay below."""

from __future__ import annotations

from collections import deque

_KEPT = 100
_LEAST = 20
_SORTED_EVERY = 10


class Latencies:
    """A bounded sample of how long calls took, in seconds. Sorted once for every ten calls."""

    __slots__ = ("_new", "_p95_s", "_sample")

    def __init__(self) -> None:
        self._sample: deque[float] = deque(maxlen=_KEPT)
        self._p95_s: float | None = None
        self._new = 0

    def add(self, took_s: float) -> None:
        """Note how long a call took."""
        self._sample.append(took_s)
        self._new += 1
        if len(self._sample) >= _LEAST and (self._p95_s is None or self._new >= _SORTED_EVERY):
            self._new = 0
            self._p95_s = sorted(self._sample)[len(self._sample) * 95 // 100]

    def p95_s(self) -> float | None:
        """Give the time within which nineteen of twenty calls were answered; None while too few are known."""
        return self._p95_s
