"""Asking again and again, for backends that offer nothing but a GET.

Every `every_s` seconds the call is made anew; a reply whose bytes differ from the last one's is an event, the first one
included. What has changed in it is for the listener to find out. A backend that answers with an ``ETag`` is asked
whether it still holds (RFC 9110, 13.1.2); one that fails is asked less often.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from sources.backoff import Backoff
from sources.endpoint import Endpoint, headers_of
from sources.errors import DeclarationError, SourceError
from sources.event import Event, Happening, Listening
from sources.outage import TOLD_AFTER, is_final
from sources.transport import Reply

SHORTEST_S = 0.1
_LONGEST_WAIT_S = 300.0
_MISSING = b"null"


class Poll:
    """A feed that asks for the same thing again and again.

    Args:
        every_s: seconds between two calls.

    Raises:
        DeclarationError: that is no time to wait.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        every_s: float,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not SHORTEST_S <= every_s < float("inf"):
            raise DeclarationError(f"every={every_s!r}: expected {SHORTEST_S} seconds or more")
        self._endpoint = endpoint
        self._every_s = every_s
        self._sleep = sleep

    def __str__(self) -> str:
        return f"{self._endpoint} every {self._every_s:g} s"

    @property
    def variables(self) -> frozenset[str]:
        """The names that the endpoint needs values of."""
        return self._endpoint.variables

    async def listen(self, to: Listening) -> AsyncGenerator[Happening]:
        """Give each reply that differs from the one before; see `Feed.listen`.

        A failure is given once it has lasted for three calls, and once only.

        Raises:
            SourceError: the backend refuses the call for good.
        """
        source, endpoint = to.source, self._endpoint
        target = source.target(endpoint, to.values)
        headers = (*headers_of(source, endpoint, to.values), *to.client)
        backoff = Backoff(self._every_s, max(_LONGEST_WAIT_S, self._every_s))
        digest: bytes | None = None
        etag: str | None = None
        while True:
            condition = (("if-none-match", etag),) if etag is not None else ()
            wait_s, reply = self._every_s, None
            try:
                reply = await source.send(endpoint.method, target, (*headers, *condition), manner=endpoint.manner)
                body = _read(source.failure, reply)
            except SourceError as exc:
                if is_final(exc):
                    raise
                wait_s += backoff.next_s(None if reply is None else reply.header("retry-after"))
                if backoff.attempts == TOLD_AFTER:
                    yield exc
            else:
                backoff.reset()
                if body is not None:
                    etag = reply.header("etag")
                    known, digest = digest, hashlib.blake2b(body, digest_size=16).digest()
                    if known != digest:
                        yield Event(body)
            await self._sleep(wait_s)


def _read(failure: Callable[[Reply], SourceError], reply: Reply) -> bytes | None:
    """Give the body; None where it is what it was."""
    if reply.status == 304:
        return None
    if reply.status == 404:
        return _MISSING
    if not 200 <= reply.status < 300:
        raise failure(reply)
    return bytes(reply.body) or _MISSING
