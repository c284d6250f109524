"""How much clients may ask of one graph: whose buckets a request takes from, and which those are."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from graph.client import Client
from graph.errors import RequestError
from graph.meter import Meter, allowance_of
from graph.meters import Meters
from graph.proxies import place_of
from graph.rates import Rate
from sources import lacking

if TYPE_CHECKING:
    from graph.redis_tallies import RedisTallies
    from sources import Redis

_LONGEST_NAME = 200
_NOWHERE = "unknown"


class Metering:
    """Gives each request the meter of its client.

    Known clients and addresses have separate places, so that nobody can call from many addresses to have what a known
    client owes forgotten.

    Args:
        rates: of every client that has none of its own.
        redis: where the buckets are, for all processes together; None for the memory of this one.
        clock: seconds that never go back.
    """

    def __init__(
        self, rates: Sequence[Rate] = (), redis: Redis | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._of_known = allowance_of(tuple(rate for rate in rates if rate.of != "anonymous"))
        self._of_anonymous = allowance_of(tuple(rate for rate in rates if rate.of != "known"))
        self._redis = redis
        self.shared: RedisTallies | None = None
        if redis is not None:
            from graph.redis_tallies import RedisTallies  # redis-py takes 0.1 s and 6 MB to load

            self.shared = RedisTallies(redis)
        self._known = Meters(_key_of_client, clock, self.shared)
        self._places = Meters(_key_of_place, clock, self.shared)
        self._guarded = self._places if redis is None else Meters(_key_of_place, clock)
        self.is_on = bool(rates)

    @property
    def is_for_all(self) -> bool:
        """Whether all processes count together."""
        return self._redis is not None

    def missing(self) -> list[str]:
        """Say which environment variable or file is needed and not there."""
        return [] if self._redis is None else [f"rates_store: {lacking(name)}" for name in self._redis.missing()]

    def meter(self, client: Client, address: str | None) -> Meter | None:
        """Give the meter of a client that calls from an address; None where it may ask as much as it likes."""
        if client.rates is not None:
            allowance = allowance_of(tuple(client.rates))
        else:
            allowance = self._of_known if client.is_authenticated else self._of_anonymous
        if allowance is None:
            return None
        if client.id is None:
            return self._places.meter(_place(address), allowance)
        return self._known.meter(client.id if len(client.id) <= _LONGEST_NAME else _digest(client.id), allowance)

    @contextlib.asynccontextmanager
    async def guarding(self, address: str | None) -> AsyncIterator[None]:
        """Count credentials that turn out not to be good as requests of their address, in this process.

        Raises:
            RateLimited: there have been too many from there; whatever is shown now is not looked at.
        """
        if self._of_anonymous is None:
            yield
            return
        meter = self._guarded.meter(_place(address), self._of_anonymous)
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
            self._known, self._places, self._guarded = before._known, before._places, before._guarded

    async def aclose(self) -> None:
        """Close the connection to Redis."""
        if self.shared is not None:
            await self.shared.aclose()


def _place(address: str | None) -> str:
    return _NOWHERE if address is None else place_of(address)


def _key_of_client(name: str) -> bytes:
    return b"weft:rates:" + _digest(f"client {name}").encode()


def _key_of_place(name: str) -> bytes:
    return b"weft:rates:" + _digest(f"address {name}").encode()


def _digest(name: str) -> str:
    return hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=20).hexdigest()
