"""The buckets of all clients of this process, bounded in number."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from graph.bucket import Demand, Shortage, take
from graph.meter import Allowance, Owner, Taken

_MOST = 100_000


class _Tally:
    """The buckets of one client: at which instant each is full."""

    __slots__ = ("allowance", "full_at")

    def __init__(self, allowance: Allowance, full_at: Sequence[float]) -> None:
        self.allowance = allowance
        self.full_at = full_at


class ProcessTallies:
    """Keeps buckets in memory.

    Known clients and addresses have separate places, so that nobody can call from many addresses to make buckets of
    known clients be forgotten. Buckets that are full need no place. Where the places are all taken, the buckets that
    nobody has asked for the longest time are forgotten: about 250 bytes each, 25 MB for 100,000.

    Args:
        most: places for known clients, and as many for addresses.
        clock: seconds that never go back.
    """

    def __init__(self, *, most: int = _MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._known: OrderedDict[str, _Tally] = OrderedDict()
        self._places: OrderedDict[str, _Tally] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known) + len(self._places)

    def now(self) -> float:
        """Give the instant by which to read what `take` gives."""
        return self._clock()

    def take(self, owner: Owner, allowance: Allowance, demand: Demand) -> Taken:
        """Take from a client's buckets, or from none of them."""
        now, tallies = self._clock(), self._known if owner.is_known else self._places
        tally = tallies.get(owner.name)
        if tally is None:
            full_at: Sequence[float] = (now,) * len(allowance.buckets)
        elif tally.allowance is allowance:
            full_at = tally.full_at
        else:  # its rates have changed: those that are as before go on
            before = dict(zip(tally.allowance.rates, tally.full_at, strict=True))
            full_at = [before.get(rate, now) for rate in allowance.rates]
        taken = take(allowance.buckets, full_at, now, demand)
        if isinstance(taken, Shortage):
            return taken
        if tally is None:
            self._make_room(tallies, now)
            tallies[owner.name] = _Tally(allowance, taken)
        else:
            tally.allowance, tally.full_at = allowance, taken
            tallies.move_to_end(owner.name)
        return taken

    def spend(self, owner: Owner, allowance: Allowance, demand: Demand) -> Taken:
        """Take whatever there is, and more."""
        return self.take(owner, allowance, demand)  # what needs nothing is not refused

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _make_room(self, tallies: OrderedDict[str, _Tally], now: float) -> None:
        for _ in range(2):  # more than come, so that what a flood has left goes away
            oldest = next(iter(tallies.values()), None)
            if oldest is None or max(oldest.full_at) > now:
                break
            tallies.popitem(last=False)
        while len(tallies) >= self._most:
            tallies.popitem(last=False)
