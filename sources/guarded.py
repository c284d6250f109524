"""The seam to the network for URLs that come from data: each connection goes where a `Guard` has looked."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sources.private import Guard, PrivateAddress
from sources.pyreqwest_transport import PyreqwestTransport
from sources.transport import Content, Headers, Reply, Streamed, Transport, TransportTimeout, TransportUnavailable

log = logging.getLogger("weft")
_LOOKED_AT_S = 30.0


@dataclass(slots=True)
class _Place:
    """One address of a host, and when it was looked at."""

    address: str
    transport: Transport
    good_until: float


class Guarded:
    """A `Transport` that goes to hosts which its guard trusts like any other, and to all others by a checked address.

    A name is resolved again every 30 seconds; an address that it still has is kept.
    """

    def __init__(
        self, guard: Guard, transport: PyreqwestTransport, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._guard = guard
        self._transport = transport
        self._clock = clock
        self._places: dict[tuple[str, int | None], _Place] = {}  # as many as a document names hosts
        self._told: set[str] = set()

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        """Give the backend's reply; see `Transport.send`."""
        return await (await self._reach(url)).send(method, url, headers, body)

    @contextlib.asynccontextmanager
    async def stream(self, method: str, url: str, headers: Headers) -> AsyncGenerator[Streamed]:
        """Hold a reply open; see `Transport.stream`."""
        async with (await self._reach(url)).stream(method, url, headers) as streamed:
            yield streamed

    async def aclose(self) -> None:
        """Close the pools."""
        places = list(self._places.values())
        self._places.clear()
        for transport in (self._transport, *(place.transport for place in places)):
            await transport.aclose()

    async def place(self, url: str) -> str | None:
        """Give the address to connect to for a URL; None where its host may be anywhere.

        Raises:
            TransportError: it may not be gone to, or there is none.
        """
        try:
            async with asyncio.timeout(self._transport.connect_timeout_s):
                return await self._guard.place(url)
        except TimeoutError as exc:
            raise TransportTimeout from exc
        except PrivateAddress as exc:
            if str(exc) not in self._told:
                self._told.add(str(exc))
                log.warning("not connected, since a document from the network names it: %s", exc)
            raise TransportUnavailable from exc
        except (OSError, ValueError) as exc:
            raise TransportUnavailable from exc

    async def _reach(self, url: str) -> Transport:
        if self._guard.trusts(url):
            return self._transport
        parts = urlsplit(url)
        key = (parts.hostname or "", parts.port)
        known, now = self._places.get(key), self._clock()
        if known is not None and now < known.good_until:
            return known.transport
        if known is not None:
            known.good_until = now + _LOOKED_AT_S  # who else comes meanwhile goes where it was good to go
        address = await self.place(url) or ""
        if known is None or known.address != address:
            place = _Place(address, self._transport.pinned(url, address), now + _LOOKED_AT_S)
            self._places[key] = known = place
        return known.transport
