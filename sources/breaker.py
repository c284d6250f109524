"""A circuit breaker: a backend that mostly fails is left alone for a while, then asked again with care.

Theory of operation. Each call asks to be admitted, gets a *ticket* and settles it with how it went: well, badly, or
nothing (it was cancelled, or was refused before it reached the backend). Tickets are numbered by the state that gave
them; what was admitted in an earlier state says nothing about the present one.

    state       what happens                                                        next
    closed      all calls are admitted, and counted over a sliding window
                of at least `calls` settled, the share of bad ones is `ratio`       open
    open        no call is admitted
                its time is up, and a call asks                                     half-open
    half-open   `probes` calls are admitted: under way and gone well, together
                one of them goes badly                                              open, for longer
                `probes` of them have gone well                                     closed, counting from nothing

It stays open for `open_for` seconds, twice as long each time that the probes go badly, up to `longest`; of that, half
to all, by chance, so that many gateways do not come back at the same instant. A probe that is cancelled gives its
place back, so an open breaker is always tried in the end.

Cost: one read of the clock and two additions per call.
"""

from __future__ import annotations

import enum
import math
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sources.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """When a source is left alone.

    Bad are calls without an answer in time or at all, and answers of status 5xx except 501.

    Args:
        ratio: share of bad calls, of those in the window, from which on it is: more than 0, at most 1.
        window: seconds over which calls are counted.
        calls: how many there must be before the share says anything.
        slow: seconds from which on a call is bad however it ends; None for none.
        open_for: seconds for which no call is made; doubled each time that the probes fail.
        longest: seconds beyond which that does not grow.
        probes: calls that are let through afterwards, and must all go well.
    """

    ratio: float = 0.5
    window: float = 10.0
    calls: int = 20
    slow: float | None = None
    open_for: float = 5.0
    longest: float = 60.0
    probes: int = 3

    def faults(self) -> Iterator[str]:
        """Give what is impossible about it, in a sentence each."""
        if not 0 < self.ratio <= 1:
            yield "breaker: ratio is not more than 0 and at most 1"
        for name in ("window", "slow", "open_for", "longest"):
            seconds = getattr(self, name)
            if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
                yield f"breaker: {name} must be more than 0 seconds"
        for name in ("calls", "probes"):
            if not getattr(self, name) >= 1:
                yield f"breaker: {name} is too small"


# What a source without a breaker has.
NEVER = Breaker(calls=sys.maxsize)


class State(enum.Enum):
    """Whether calls are made: all, none, or a few to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Circuit:
    """The breaker of one source at work.

    Args:
        chance: gives a number from 0 to 1.
        told: is called after each change of the state, with this.

    `open_s` is how long it stays open, since it last opened.
    """

    __slots__ = (
        "_breaker",
        "_chance",
        "_clock",
        "_epoch",
        "_out",
        "_reopens_at",
        "_told",
        "_trips",
        "_well",
        "open_s",
        "state",
        "tally",
    )

    def __init__(
        self,
        breaker: Breaker,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        told: Callable[[Circuit], None] = lambda circuit: None,
    ) -> None:
        self.state = State.CLOSED
        self.tally = Tally(breaker.window)
        self.open_s = 0.0
        self._breaker = breaker
        self._clock = clock
        self._chance = chance
        self._told = told
        self._epoch = 0
        self._trips = 0
        self._reopens_at = 0.0
        self._out = self._well = 0

    def admits(self) -> bool:
        """Tell whether a call would be admitted now."""
        if self.state is State.CLOSED:
            return True
        if self.state is State.OPEN:
            return self._clock() >= self._reopens_at
        return self._out + self._well < self._breaker.probes

    def admit(self) -> int | None:
        """Give a ticket, which must be settled; None when the call may not be made."""
        if self.state is not State.CLOSED:
            if not self.admits():
                return None
            if self.state is State.OPEN:
                self._change(State.HALF_OPEN)
            self._out += 1
        return self._epoch

    def settle(self, ticket: int, is_bad: bool | None, took_s: float = 0.0) -> None:
        """Say how a call has gone: badly, well, or None for neither."""
        if ticket != self._epoch:
            return
        breaker = self._breaker
        if breaker.slow is not None and is_bad is False:
            is_bad = took_s >= breaker.slow
        if self.state is State.CLOSED:
            if is_bad is not None:
                self._count(is_bad)
            return
        self._out -= 1
        if is_bad:
            self._open()
        elif is_bad is not None:
            self._well += 1
            if self._well >= breaker.probes:
                self._trips = 0
                self.tally = Tally(breaker.window)
                self._change(State.CLOSED)

    def failure_ratio(self) -> float:
        """Give the share of bad calls among those of the window; 0 where there are none."""
        self.tally.slide(self._clock())
        return self.tally.marked / self.tally.counted if self.tally.counted else 0.0

    def _count(self, is_bad: bool) -> None:
        tally, now = self.tally, self._clock()
        tally.count(now)
        if is_bad:
            tally.mark(now)
        if tally.marked:
            breaker = self._breaker
            if tally.counted >= breaker.calls and tally.marked >= breaker.ratio * tally.counted:
                self._open()

    def _open(self) -> None:
        breaker = self._breaker
        bound_s = min(breaker.open_for * 2.0 ** min(self._trips, 30), max(breaker.longest, breaker.open_for))
        self._trips += 1
        self.open_s = bound_s * (0.5 + self._chance() / 2)
        self._reopens_at = self._clock() + self.open_s
        self._change(State.OPEN)

    def _change(self, state: State) -> None:
        self.state = state
        self._epoch += 1
        self._out = self._well = 0
        self._told(self)
