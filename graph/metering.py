"""How much clients may ask of one graph: whose buckets a request takes from, and which those are."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from graph.client import Client
from graph.errors import RequestError
from graph.meter import Meter, Owner, Tallies, allowance_of
from graph.proxies import place_of
from graph.rates import Rate
from graph.tallies import ProcessTallies

if TYPE_CHECKING:
    from sources import Redis

_LONGEST_NAME = 200
_NOBODY_KNOWS = "unknown"


class Metering:
    """Gives each request the meter of its client.

    Args:
        rates: of every client that has none of its own.
        redis: where the buckets are, for all processes together; None for the memory of this one.
        clock: seconds that never go back.
    """

    def __init__(
        self, rates: Sequence[Rate] = (), redis: Redis | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._known = allowance_of(tuple(rate for rate in rates if rate.of != "anonymous"))
        self._anonymous = allowance_of(tuple(rate for rate in rates if rate.of != "known"))
        self._redis = redis
        self._near = ProcessTallies(clock=clock)
        self._tallies: Tallies = self._near
        if redis is not None:
            from graph.redis_tallies import RedisTallies  # redis-py takes 0.1 s and 6 MB to load

            self._tallies = RedisTallies(redis, self._near)
        self.is_on = bool(rates)

    @property
    def is_for_all(self) -> bool:
        """Whether all processes count together."""
        return self._redis is not None

    def missing(self) -> list[str]:
        """Give the environment variable that is needed and not set."""
        return [] if self._redis is None else self._redis.missing()

    def meter(self, client: Client, address: str | None) -> Meter | None:
        """Give the meter of a client that calls from an address; None where it may ask as much as it likes."""
        if client.rates is not None:
            allowance = allowance_of(tuple(client.rates))
        else:
            allowance = self._known if client.is_authenticated else self._anonymous
        if allowance is None:
            return None
        owner = _place(address) if client.id is None else Owner(_bounded(client.id), True)
        return Meter(self._tallies, owner, allowance)

    @contextlib.asynccontextmanager
    async def guarding(self, address: str | None) -> AsyncIterator[None]:
        """Count credentials that turn out not to be good as requests of their address, in this process.

        Raises:
            RateLimited: there have been too many from there; whatever is shown now is not looked at.
        """
        if self._anonymous is None:
            yield
            return
        meter = Meter(self._near, _place(address), self._anonymous)
        await meter.look()
        try:
            yield
        except RequestError as exc:
            if exc.status in (401, 403):
                meter.note_request()
            raise

    def take_over(self, before: Metering) -> None:
        """Go on with what was counted for a graph that this one takes the place of."""
        if self._redis is None and before._redis is None:
            self._near = self._tallies = before._near

    async def aclose(self) -> None:
        """Close what is open."""
        await self._tallies.aclose()


def _place(address: str | None) -> Owner:
    return Owner(_NOBODY_KNOWS if address is None else place_of(address), False)


def _bounded(name: str) -> str:
    """Give a name that takes little memory, however long a token's subject is."""
    if len(name) <= _LONGEST_NAME:
        return name
    return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=24).hexdigest()
