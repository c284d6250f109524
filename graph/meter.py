"""What one client may still ask, as it asks: let in or refused, and what the headers of its answers say.

`RateLimit-Policy` and `RateLimit` follow draft-ietf-httpapi-ratelimit-headers (11): the second says how much is left
(`r`), and over how many seconds to spread it (`t`). For a bucket that fills all the time, `t` is how long so much takes
to come back: who keeps to it is never refused, and who has nothing left reads when there is something.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol

import graphql

from graph.asgi import Message, Send
from graph.bucket import CALLS, COST, REQUESTS, Bucket, Demand, Shortage
from graph.errors import RateLimited
from graph.limits import exceeded
from graph.rates import Rate

_ONE = Demand((1.0, 0.0, 1.0), (1.0, 0.0, 0.0))  # a request, of a client that owes no calls
_LOOK = Demand((1.0, 0.0, 1.0), (0.0, 0.0, 0.0))


class Allowance:
    """What clients of one kind may ask: their rates, as buckets and as a header."""

    __slots__ = ("_names", "buckets", "policy", "rates", "units")

    def __init__(self, rates: Sequence[Rate]) -> None:
        self.rates = tuple(rates)
        self.buckets: tuple[Bucket, ...] = tuple(rate.bucket() for rate in rates)
        self.units = frozenset(bucket.unit for bucket in self.buckets)
        self._names = tuple(f'"{rate.shown_name}"'.encode() for rate in rates)
        self.policy = ", ".join(map(_policy, rates)).encode()

    def state(self, full_at: Sequence[float], now: float) -> bytes:
        """Give what the header says of buckets that are full at these instants."""
        if len(full_at) == 1:
            return b"%b;r=%d;t=%d" % (self._names[0], *self.buckets[0].state(full_at[0] - now))
        states = zip(self._names, self.buckets, full_at, strict=True)
        return b", ".join(b"%b;r=%d;t=%d" % (name, *bucket.state(at - now)) for name, bucket, at in states)


def _policy(rate: Rate) -> str:
    unit = "" if rate.unit == "requests" else f';qu="{rate.unit}"'
    return f'"{rate.shown_name}";q={rate.count}{unit};w={rate.per}'


@functools.lru_cache(1_000)
def allowance_of(rates: tuple[Rate, ...]) -> Allowance | None:
    """Give the allowance of rates, the same one for the same rates; None where there are none."""
    return Allowance(rates) if rates else None


class Owner(NamedTuple):
    """Whose buckets they are.

    Args:
        is_known: whether the name is a client's own, rather than where it calls from.
    """

    name: str
    is_known: bool


Taken = list[float] | Shortage
"""When each bucket is full, after something was taken; or which has too little."""


class Tallies(Protocol):
    """Keeps the buckets of all clients."""

    def now(self) -> float:
        """Give the instant by which to read what `take` gives."""
        ...

    def take(self, owner: Owner, allowance: Allowance, demand: Demand) -> Taken | Awaitable[Taken]:
        """Take from a client's buckets, or from none of them."""
        ...

    def spend(self, owner: Owner, allowance: Allowance, demand: Demand) -> Taken | None:
        """Take whatever there is, and more: buckets may owe. What is left then is given where it is known at once."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


class Meter:
    """Counts what one client asks, with one request or on one socket."""

    __slots__ = ("_allowance", "_full_at", "_owner", "_tallies")

    def __init__(self, tallies: Tallies, owner: Owner, allowance: Allowance) -> None:
        self._tallies = tallies
        self._owner = owner
        self._allowance = allowance
        self._full_at: Sequence[float] | None = None

    async def admit(self) -> None:
        """Count a request.

        Raises:
            RateLimited: there have been too many, or too many calls of backends.
        """
        taken = self._tallies.take(self._owner, self._allowance, _ONE)  # as `_take`: one coroutine less
        if isinstance(taken, list):
            self._full_at = taken
        else:
            self._note(taken if isinstance(taken, Shortage) else await taken)

    async def look(self) -> None:
        """Check that a request would be let in; for what `admit` raises."""
        await self._take(_LOOK)

    async def pay(self, cost: float) -> None:
        """Count the estimated cost of an operation that is to be executed.

        Raises:
            RateLimited: too little is left.
            RequestError: it can never be executed, since it costs more than there may be at once.
        """
        if not cost or COST not in self._allowance.units:
            return
        for rate, bucket in zip(self._allowance.rates, self._allowance.buckets, strict=True):
            most = rate.burst or rate.count
            if bucket.unit == COST and cost > most:
                raise exceeded(f"the operation's estimated cost is {cost:.15g}, more than this client's {most} at once")
        await self._take(Demand((0.0, cost, 0.0), (0.0, cost, 0.0)))

    def note_request(self) -> None:
        """Count a request that was answered without being let in."""
        self._spend(REQUESTS, 1)

    def note_calls(self, calls: int) -> None:
        """Count the calls of backends that an operation has made."""
        self._spend(CALLS, calls)

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Give what answers say of what is left; nothing while nothing was counted."""
        if self._full_at is None:
            return ()
        state = self._allowance.state(self._full_at, self._tallies.now())
        return (b"ratelimit-policy", self._allowance.policy), (b"ratelimit", state)

    def over(self, send: Send, *, is_get: bool) -> Send:
        """Give a `send` that adds the headers to an answer, unless caches give the same one to other clients."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if not (is_get and any(name == b"cache-control" and _is_shared(value) for name, value in headers)):
                    message["headers"] = [*headers, *self.headers()]
            await send(message)

        return sending

    async def _take(self, demand: Demand) -> None:
        taken = self._tallies.take(self._owner, self._allowance, demand)
        if not isinstance(taken, list):
            taken = taken if isinstance(taken, Shortage) else await taken
        self._note(taken)

    def _spend(self, unit: int, count: int) -> None:
        if not count or unit not in self._allowance.units:
            return
        amounts = tuple(float(count) if unit == wanted else 0.0 for wanted in (REQUESTS, COST, CALLS))
        taken = self._tallies.spend(self._owner, self._allowance, Demand((0.0, 0.0, 0.0), amounts))  # type: ignore[arg-type]  # three
        if taken is not None:
            self._note(taken)

    def _note(self, taken: Taken) -> None:
        if isinstance(taken, list):
            self._full_at = taken
            return
        self._full_at = taken.full_at
        raise _refusal(self._allowance.rates[taken.place], taken.wait_s)


def _is_shared(cache_control: bytes) -> bool:
    return cache_control.startswith(b"public, max-age")


def _refusal(rate: Rate, wait_s: float) -> RateLimited:
    retry_s = max(1, math.ceil(wait_s))
    message = f"the limit of {rate} is reached: try again in {retry_s} s"
    error = graphql.GraphQLError(message, extensions={"retryAfter": retry_s})
    return RateLimited([error], "RATE_LIMITED", 429, headers=((b"retry-after", b"%d" % retry_s),))
