"""Token buckets, as arithmetic without a clock: what is taken, what is left, how long to wait.

Theory of operation. A bucket holds so many units, of which each comes back after so many seconds. All that has to be
remembered of one is in how many seconds it will be full (the generic cell rate algorithm of ATM): to take a unit makes
that later by the time in which one comes back, and the bucket is empty when it is as late as the whole bucket takes.
Nothing has to be filled while nobody asks, and a bucket that is full needs no memory.

Of several buckets either all are taken from or none. What is *needed* decides, what is *taken* may differ: the upstream
calls of an operation are known when it is over, so one must be there before, and all are taken afterwards. A bucket
may owe then: it is later than that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

REQUESTS, COST, CALLS = range(3)
"""What a bucket may hold."""

Amounts = tuple[float, float, float]

SLACK_S = 1e-6
"""Seconds that sums of seconds may be off by."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many units, coming back one after the other.

    Args:
        unit: what it holds.
        each_s: seconds until one unit comes back.
        whole_s: seconds until all of it is back.
        most: how much it holds.
    """

    unit: int
    each_s: float
    whole_s: float
    most: float

    @classmethod
    def of(cls, unit: int, count: float, per_s: float, burst: float) -> Bucket:
        """Give the bucket that lets so many through in a time, and so many at once."""
        each_s = per_s / count
        return cls(unit, each_s, each_s * burst, burst)

    def state(self, due_s: float) -> tuple[int, int]:
        """Give how much is left of a bucket that is full in so many seconds, and over how many to spread it.

        What is left is spread over the time in which so much comes back; of nothing, it is the time until there is one.
        """
        each_s = self.each_s
        if due_s < 0.0:  # it has long been full
            due_s = 0.0
        left = int((self.whole_s - due_s + SLACK_S) / each_s)
        if left > 0:
            return left, math.ceil(left * each_s)
        return 0, math.ceil(due_s + each_s - self.whole_s)


class Demand(NamedTuple):
    """What is asked of buckets, by what they hold."""

    needed: Amounts
    taken: Amounts


class Shortage(NamedTuple):
    """Some bucket has too little.

    Args:
        place: which of them has it for the longest time.
        wait_s: seconds until that has enough.
        full_at: when each bucket is full.
    """

    place: int
    wait_s: float
    full_at: Sequence[float]


def take(buckets: Sequence[Bucket], full_at: Sequence[float], now: float, demand: Demand) -> list[float] | Shortage:
    """Take from all buckets, or from none where one has too little; give when each is full.

    Args:
        full_at: when each was full, in seconds by any clock; what is not later than `now` is full.
    """
    needed, taken = demand
    after: list[float] = []
    short, longest_s = -1, SLACK_S
    for bucket, at in zip(buckets, full_at):  # noqa: B905 - as many: this runs for each request
        unit, each_s = bucket.unit, bucket.each_s
        if at < now:
            at = now
        amount = needed[unit]
        if amount and (late_s := at + amount * each_s - bucket.whole_s - now) > longest_s:
            short, longest_s = len(after), late_s
        after.append(at + taken[unit] * each_s)
    return after if short < 0 else Shortage(short, longest_s, full_at)
