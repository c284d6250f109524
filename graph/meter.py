"""What one client may still ask, as it asks: let in or refused, and what the headers of its answers say.

`RateLimit-Policy` and `RateLimit` follow draft-ietf-httpapi-ratelimit-headers (11): the second says how much is left
(`r`), and over how many seconds to spread it (`t`). For a bucket that fills all the time, `t` is how long so much takes
to come back: who keeps to it is never refused, and who has nothing left reads when there is something.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import graphql

from graph.asgi import Message, Send
from graph.bucket import CALLS, COST, REQUESTS, SLACK_S, Bucket, Demand, Shortage, take
from graph.errors import RateLimited
from graph.limits import exceeded
from graph.rates import Rate

_ONE = Demand((1.0, 0.0, 1.0), (1.0, 0.0, 0.0))  # a request, of a client that owes no calls
_NOTHING = (0.0, 0.0, 0.0)
_LOOK = Demand((1.0, 0.0, 1.0), _NOTHING)
_NO_OTHERS: Mapping[Rate, float] = MappingProxyType({})

_Placed = tuple[tuple[int, Bucket], ...]


class Allowance:
    """What clients of one kind may ask: their rates, as buckets and as a header.

    `requests`, `costs` and `calls` are the buckets of these units, with their places.
    """

    __slots__ = ("_told", "buckets", "calls", "costs", "policy", "rates", "requests")

    def __init__(self, rates: Sequence[Rate]) -> None:
        self.rates = tuple(rates)
        self.buckets: tuple[Bucket, ...] = tuple(rate.bucket() for rate in rates)
        self.requests: _Placed
        self.costs: _Placed
        self.calls: _Placed
        self.requests, self.costs, self.calls = (
            tuple((place, bucket) for place, bucket in enumerate(self.buckets) if bucket.unit == unit)
            for unit in (REQUESTS, COST, CALLS)
        )
        self._told = ", ".join(f'"{rate.shown_name}";r=%d;t=%d' for rate in rates).encode()
        self.policy = ", ".join(map(_policy, rates)).encode()

    def state(self, full_at: Sequence[float], now: float) -> bytes:
        """Give what the header says of buckets that are full at these instants."""
        told: list[int] = []
        for bucket, at in zip(self.buckets, full_at):  # noqa: B905 - as many: this runs for each request
            told += bucket.state(at - now)
        return self._told % tuple(told)


def _policy(rate: Rate) -> str:
    unit = "" if rate.unit == "requests" else f';qu="{rate.unit}"'
    return f'"{rate.shown_name}";q={rate.count}{unit};w={rate.per}'


@functools.lru_cache(1_000)
def allowance_of(rates: tuple[Rate, ...]) -> Allowance | None:
    """Give the allowance of rates, the same one for the same rates; None where there are none."""
    return Allowance(rates) if rates else None


Taken = list[float] | Shortage
"""When each bucket is full, after something was taken; or which has too little."""


class Shared(Protocol):
    """Keeps the buckets of all clients for several processes."""

    def take(self, key: bytes, allowance: Allowance, demand: Demand) -> Awaitable[Taken | None] | None:
        """Take from a client's buckets, whose instants are seconds from now; None where this process is to count."""
        ...

    def spend(self, key: bytes, allowance: Allowance, demand: Demand) -> None:
        """Take whatever there is, and more: buckets may owe."""
        ...


class Meter:
    """Counts what one client asks, with all of its requests and on all of its sockets.

    Args:
        key: names the client where buckets are shared.
        clock: seconds that never go back.
        shared: where they are; what is known here is then what was heard last, and counts when nothing is heard.
    """

    __slots__ = ("_clock", "_full_at", "_key", "_others", "_shared", "allowance")

    def __init__(
        self, allowance: Allowance, key: bytes, clock: Callable[[], float], shared: Shared | None = None
    ) -> None:
        self.allowance = allowance
        self._key = key
        self._clock = clock
        self._shared = shared
        self._full_at = [clock()] * len(allowance.buckets)
        self._others = _NO_OTHERS  # when buckets are full by which it did not go last

    def is_full(self, at: float) -> bool:
        """Tell whether it was full at an instant, and nothing has been asked since."""
        return max(self._full_at) <= at and all(other <= at for other in self._others.values())

    def change(self, allowance: Allowance) -> None:
        """Go by other rates; those that are as ever before go on: who goes by two in turn has no more of either."""
        now = self._clock()
        before = {**self._others, **dict(zip(self.allowance.rates, self._full_at, strict=True))}
        self._full_at = [before.pop(rate, 0.0) for rate in allowance.rates]
        self._others = {rate: at for rate, at in before.items() if at > now}
        self.allowance = allowance

    def admit(self) -> Awaitable[None] | None:
        """Count a request: at once, or once what is given was awaited.

        Raises:
            RateLimited: there have been too many, or too many calls of backends.
        """
        if self._shared is not None:
            return self._take(_ONE)
        allowance, now = self.allowance, self._clock()
        if self._lacks(allowance.calls, 1.0, now) or self._lacks(allowance.requests, 1.0, now):
            self._take_here(_ONE)  # which says what is missing for the longest time
        else:
            self._note(allowance.requests, 1.0, now)
            self._note(allowance.calls, 0.0, now)  # so that it is not forgotten before they are known; see `Meters`
        return None

    async def look(self) -> None:
        """Check that a request would be let in; for what it raises, see `admit`."""
        await self._take(_LOOK)

    @property
    def weighs(self) -> bool:
        """Whether it counts costs."""
        return bool(self.allowance.costs)

    def pay(self, cost: float) -> Awaitable[None] | None:
        """Count the estimated cost of an operation that is to be executed: at once, or once what is given was awaited.

        Raises:
            RateLimited: too little is left.
            RequestError: it can never be executed, since it costs more than there may be at once.
        """
        costs = self.allowance.costs
        for _, bucket in costs:
            if cost > bucket.most:
                most = f"more than this client's {bucket.most} at once"
                raise exceeded(f"the operation's estimated cost is {cost:.15g}, {most}")
        if not cost or not costs:
            return None
        if self._shared is not None:
            return self._take(_cost(cost))
        now = self._clock()
        if self._lacks(costs, cost, now):
            self._take_here(_cost(cost))
        else:
            self._note(costs, cost, now)
        return None

    def note_request(self) -> None:
        """Count a request that was answered without being let in."""
        self._spend(self.allowance.requests, 1, Demand(_NOTHING, (1.0, 0.0, 0.0)))

    def note_calls(self, calls: int) -> None:
        """Count the calls of backends that an operation has made."""
        if calls and self.allowance.calls:
            self._spend(self.allowance.calls, calls, Demand(_NOTHING, (0.0, 0.0, float(calls))))

    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Give what answers say of what is left."""
        allowance = self.allowance
        state = allowance.state(self._full_at, self._clock())
        return (b"ratelimit-policy", allowance.policy), (b"ratelimit", state)

    def over(self, send: Send, *, is_get: bool) -> Send:
        """Give a `send` that adds the headers to an answer, unless caches give the same one to other clients."""

        def sending(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if not (is_get and any(name == b"cache-control" and _is_shared(value) for name, value in headers)):
                    message["headers"] = [*headers, *self.headers()]
            return send(message)

        return sending

    async def _take(self, demand: Demand) -> None:
        allowance = self.allowance
        if self._shared is not None and (asked := self._shared.take(self._key, allowance, demand)) is not None:
            heard = await asked
            if heard is not None and allowance is self.allowance:
                now = self._clock()
                self._full_at = [now + due_s for due_s in (heard if isinstance(heard, list) else heard.full_at)]
                if not isinstance(heard, list):
                    raise _refusal(allowance.rates[heard.place], heard.wait_s)
                return
        self._take_here(demand)

    def _take_here(self, demand: Demand) -> None:
        allowance = self.allowance
        taken = take(allowance.buckets, self._full_at, self._clock(), demand)
        if not isinstance(taken, list):
            raise _refusal(allowance.rates[taken.place], taken.wait_s)
        self._full_at = taken

    def _spend(self, buckets: _Placed, count: int, demand: Demand) -> None:
        if self._shared is not None:
            self._shared.spend(self._key, self.allowance, demand)
        self._note(buckets, count, self._clock())

    # As `take` has it, for buckets of one unit: this runs for each request.

    def _lacks(self, buckets: _Placed, amount: float, now: float) -> bool:
        full_at = self._full_at
        for place, bucket in buckets:
            at = full_at[place]
            if (at if at > now else now) + amount * bucket.each_s - bucket.whole_s - now > SLACK_S:
                return True
        return False

    def _note(self, buckets: _Placed, amount: float, now: float) -> None:
        full_at = self._full_at
        for place, bucket in buckets:
            at = full_at[place]
            full_at[place] = (at if at > now else now) + amount * bucket.each_s


def _cost(amount: float) -> Demand:
    return Demand((0.0, amount, 0.0), (0.0, amount, 0.0))


def _is_shared(cache_control: bytes) -> bool:
    return cache_control.startswith(b"public, max-age")


def _refusal(rate: Rate, wait_s: float) -> RateLimited:
    retry_s = max(1, math.ceil(wait_s))
    message = f"the limit of {rate} is reached: try again in {retry_s} s"
    error = graphql.GraphQLError(message, extensions={"retryAfter": retry_s})
    return RateLimited([error], "RATE_LIMITED", 429, headers=((b"retry-after", b"%d" % retry_s),))
