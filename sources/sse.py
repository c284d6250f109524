"""A backend's own stream of server-sent events, held open (HTML Standard, 9.2)."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING

from sources.address import is_header_value
from sources.backoff import Backoff
from sources.endpoint import Endpoint, headers_of
from sources.errors import DeclarationError, UpstreamInvalid
from sources.event import Event, Happening, Listening
from sources.eventstream import EventStream, TooLarge
from sources.outage import Clock, Outage, Over, Sleep, lasting
from sources.sieve import NotJson, Sieve, kinds_of
from sources.transport import UNPACKED, Reply, Streamed, TransportError

if TYPE_CHECKING:
    from sources.rest import Rest

MOST_BYTES = 1_000_000
_UNNAMED = "message"
_LONGEST_ID = 1000
_REASON_BYTES, _REASON_S = 64 * 1024, 2.0


class ServerSent:
    """A feed that keeps an event stream open, and takes up where it was when the connection breaks.

    An event's data is JSON; events without data are nothing. The stream ends when the backend answers 204. Redirects
    are not followed.

    Args:
        events: kinds that count; ``"message"`` is the kind of those without a name. Empty takes all of them.
        resumes: whether the backend sends what was missed when it is told the last event's id. None: yes, where its
            events have ids. True: it makes up for what was missed in any case, for example by beginning with the
            present state. False: it does not, and every interruption is a gap.
        idle_s: seconds without a single byte, comments included, after which the stream is taken for dead and opened
            again; None leaves that to TCP.
        most_bytes: of one event. A larger one is not held: it is a gap, and the stream is opened again.

    Raises:
        DeclarationError: an option is impossible.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        events: str | Sequence[str] = (),
        resumes: bool | None = None,
        idle_s: float | None = None,
        *,
        most_bytes: int = MOST_BYTES,
        backoff: Callable[[], Backoff] = Backoff,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
    ) -> None:
        if endpoint.method != "GET":
            raise DeclarationError(f"{endpoint}: an event stream is asked for with GET")
        if idle_s is not None and not (math.isfinite(idle_s) and idle_s > 0):
            raise DeclarationError(f"idle={idle_s!r}: expected more than 0 seconds, or None")
        self._endpoint = endpoint
        self._events = kinds_of(events)
        self._resumes = resumes
        self._idle_s = idle_s
        self._most_bytes = most_bytes
        self._backoff = backoff
        self._sleep = sleep
        self._clock = clock

    def __str__(self) -> str:
        return f"SSE {self._endpoint.template.text}"

    @property
    def variables(self) -> frozenset[str]:
        """The names that the endpoint needs values of."""
        return self._endpoint.variables

    async def listen(self, to: Listening) -> AsyncGenerator[Happening]:
        """Give the stream's events; see `Feed.listen`.

        Data that is not JSON is told once, until there is some that is.

        Raises:
            SourceError: the backend refuses the stream, or answers with something else.
        """
        source, endpoint = to.source, self._endpoint
        target = source.target(endpoint, to.values)
        headers = {name.lower(): value for name, value in (*headers_of(source, endpoint, to.values), *to.client)}
        headers |= {"accept": "text/event-stream", "accept-encoding": "identity", "cache-control": "no-store"}
        outage = Outage(source.name, self._backoff(), self._clock)
        stream = EventStream(self._most_bytes)
        sieve = Sieve(source.name)

        def connect() -> AsyncGenerator[Happening]:
            return self._connect(source, target, headers, stream, sieve, outage)

        async with contextlib.aclosing(lasting(connect, outage, self._sleep)) as happenings:
            async for happening in happenings:
                yield happening

    async def _connect(
        self,
        source: Rest,
        target: str,
        headers: dict[str, str],
        stream: EventStream,
        sieve: Sieve,
        outage: Outage,
    ) -> AsyncGenerator[Happening]:
        resuming = self._resumes is not False and _is_known(stream.last_id)
        if resuming:
            headers = {**headers, "last-event-id": stream.last_id}
        try:
            async with source.exchange.stream(target, tuple(headers.items())) as streamed:
                outage.retry_after = streamed.header("retry-after")
                await _check(streamed, source)
                if (gap := outage.opened(resumed=resuming or self._resumes is True)) is not None:
                    yield gap
                async with contextlib.aclosing(self._events_of(streamed, stream)) as events:
                    async for event in events:
                        outage.received()
                        try:
                            sieve.check(event.body)
                        except NotJson:
                            if (failure := sieve.refuse()) is not None:
                                yield failure
                        else:
                            yield event
        except TooLarge:
            stream.last_id = ""  # the event would come again: the backend is not asked to take up where it was
            if (gap := outage.missed(f"an event of {source.name} was too large and is missing")) is not None:
                yield gap
        finally:
            outage.least_s = stream.retry_s

    async def _events_of(self, streamed: Streamed, stream: EventStream) -> AsyncGenerator[Event]:
        """Give the events of one connection that count, until it ends."""
        stream.begin()
        async with contextlib.aclosing(streamed.chunks()) as chunks:
            while (chunk := await self._next(chunks)) is not None:
                for event in stream.feed(chunk):
                    if not self._events or (event.name or _UNNAMED) in self._events:
                        yield event

    async def _next(self, chunks: AsyncGenerator[bytes]) -> bytes | None:
        """Give the next piece; None at the stream's end, and where it is taken for dead."""
        try:
            async with asyncio.timeout(self._idle_s):
                return await anext(chunks, None)
        except TimeoutError:
            return None


def _is_known(last_id: str) -> bool:
    """Tell whether there is an id that may be sent back."""
    return 0 < len(last_id) <= _LONGEST_ID and is_header_value(last_id)


async def _check(streamed: Streamed, source: Rest) -> None:
    """Check that a reply is an event stream.

    Raises:
        Over: the backend says that there is nothing more (204).
        SourceError: it is something else.
    """
    if streamed.status == 204:
        raise Over
    if streamed.status != 200:
        raise source.failure(Reply(streamed.status, await _start(streamed), streamed.header))
    media_type = (streamed.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "text/event-stream":
        raise UpstreamInvalid(f"{source.name} did not answer with an event stream", source=source.name, status=200)
    if (streamed.header("content-encoding") or "identity").strip().lower() not in UNPACKED:
        raise UpstreamInvalid(f"{source.name} answered in a content coding", source=source.name, status=200)


async def _start(streamed: Streamed) -> bytes:
    """Read what a refusal says, as far as it comes soon and is short."""
    body = bytearray()
    with contextlib.suppress(TransportError, TimeoutError):
        async with asyncio.timeout(_REASON_S), contextlib.aclosing(streamed.chunks()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > _REASON_BYTES:
                    break
    return bytes(body)
