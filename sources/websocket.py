"""A backend's own WebSocket, held open: what it sends are the events (RFC 6455)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import websockets.asyncio.client as client
import websockets.exceptions as closing

from sources.backoff import Backoff
from sources.body import Body, Json
from sources.endpoint import Endpoint, headers_of, split_path
from sources.errors import (
    DeclarationError,
    InvalidInput,
    SourceError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from sources.event import Event, Gap, Happening, Listening
from sources.exchange import Opening
from sources.outage import Clock, Outage, Over, Sleep, lasting
from sources.sieve import NotJson, Sieve, kinds_of
from sources.template import RefusedValue
from sources.tls import Tls
from sources.transport import Reply

if TYPE_CHECKING:
    from sources.rest import Rest


class _Discreet(logging.LoggerAdapter[logging.Logger]):
    """What the library logs, but not each line that is sent: credentials are among those."""

    def isEnabledFor(self, level: int) -> bool:
        return level > logging.DEBUG and super().isEnabledFor(level)


MOST_BYTES = 1_000_000
_CLOSE_S = 1.0
_DONE, _TOO_LARGE = 1000, 1009
_LOG = _Discreet(logging.getLogger("websockets.client"))
# What a close code that refuses means in the words of HTTP. 1008 is the one of RFC 6455, the others are customary.
_REFUSALS = {1008: 403, 4401: 401, 4403: 403}
_Pairs = Sequence[tuple[str, str]]


class WebSocketStream:
    """A feed that keeps a WebSocket open; each text message is an event, and is JSON.

    A WebSocket does not say what was missed, so every interruption is a gap. The stream ends when the backend closes
    it with code 1000; 1008, 4401 and 4403 refuse it; any other end is an interruption. Redirects are not followed.

    Args:
        send: a JSON skeleton with ``{argument}`` holes, sent once the connection is there; a list is several messages.
        names: dotted path to what names a message's kind.
        events: kinds that count; empty takes all of them.
        answers: for kinds of messages that want one, the JSON skeleton of the answer; they are no events.
        ping_s: seconds between two pings; a backend that has not answered one by the next is taken for dead. None
            sends none.
        most_bytes: of one message. A larger one is not held: it is a gap, and the stream is opened again.

    Raises:
        DeclarationError: an option is impossible.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        send: Json = None,
        *,
        names: str | None = None,
        events: str | Sequence[str] = (),
        answers: Mapping[str, Json] | None = None,
        ping_s: float | None = 20.0,
        most_bytes: int = MOST_BYTES,
        backoff: Callable[[], Backoff] = Backoff,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
    ) -> None:
        if endpoint.method != "GET":
            raise DeclarationError(f"{endpoint}: a WebSocket is asked for with GET")
        if ping_s is not None and not (math.isfinite(ping_s) and ping_s > 0):
            raise DeclarationError(f"ping={ping_s!r}: expected more than 0 seconds, or None")
        if names is None and (events or answers):
            raise DeclarationError("events and answers need names=, the dotted path to what names a message's kind")
        self._endpoint = endpoint
        self._send = [Body(skeleton) for skeleton in _messages(send)]
        self._names = split_path(names)
        self._events = kinds_of(events)
        self._answers = {kind: Body(skeleton) for kind, skeleton in (answers or {}).items()}
        self._ping_s = ping_s
        self._most_bytes = most_bytes
        self._backoff = backoff
        self._sleep = sleep
        self._clock = clock
        self._tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"WS {self._endpoint.template.text}"

    @property
    def variables(self) -> frozenset[str]:
        """The names that the endpoint and the messages need values of."""
        bodies = (*self._send, *self._answers.values())
        return self._endpoint.variables.union(*(body.variables for body in bodies))

    async def listen(self, to: Listening) -> AsyncGenerator[Happening]:
        """Give the messages that come; see `Feed.listen`.

        Messages that are not JSON are told once, until there is one that is.

        Raises:
            SourceError: the backend refuses the WebSocket.
        """
        source, endpoint = to.source, self._endpoint
        target = source.target(endpoint, to.values)
        headers = (*headers_of(source, endpoint, to.values), *to.client)
        greeting = [_text(source, body, to.values) for body in self._send]
        answers = {kind: _text(source, body, to.values) for kind, body in self._answers.items()}
        outage = Outage(source.name, self._backoff(), self._clock)
        sieve = Sieve(source.name)

        async def connect() -> AsyncGenerator[Happening]:
            async with self._open(source, target, headers, outage) as connection:
                try:
                    for text in greeting:
                        await connection.send(text)
                    if (gap := outage.opened(resumed=False)) is not None:
                        yield gap
                    while True:
                        message = await connection.recv()
                        if (happening := await self._read(message, sieve, connection, answers)) is not None:
                            outage.received()
                            yield happening
                except closing.ConnectionClosed as exc:
                    if (gap := _closed(exc, source, outage)) is not None:
                        yield gap

        async with contextlib.aclosing(lasting(connect, outage, self._sleep)) as happenings:
            async for happening in happenings:
                yield happening

    async def _read(
        self, message: str | bytes, sieve: Sieve, connection: client.ClientConnection, answers: Mapping[str, str]
    ) -> Event | SourceError | None:
        """Give the event that a message is, if it is one; answer it, if it wants that."""
        if isinstance(message, bytes):
            return sieve.refuse()
        try:
            if not self._names:
                sieve.check(message)
                return Event(message.encode())
            kind = _kind(sieve.decode(message), self._names)
        except NotJson:
            return sieve.refuse()
        if kind is not None and kind in answers:
            await connection.send(answers[kind])
            return None
        if self._events and kind not in self._events:
            return None
        return Event(message.encode(), kind)

    @contextlib.asynccontextmanager
    async def _open(
        self, source: Rest, target: str, headers: _Pairs, outage: Outage
    ) -> AsyncGenerator[client.ClientConnection]:
        """Give a connection, closed at the end of the block.

        Raises:
            SourceError: there is none.
        """
        name = source.name
        try:
            connection = await self._dial(source, target, headers)
        except closing.InvalidStatus as exc:
            reply = exc.response
            outage.retry_after = reply.headers.get("retry-after")
            if 200 <= reply.status_code < 300:
                message = f"{name} did not answer with a WebSocket"
                raise UpstreamInvalid(message, source=name, status=reply.status_code) from exc
            raise source.failure(Reply(reply.status_code, bytes(reply.body), reply.headers.get)) from exc
        except TimeoutError as exc:
            raise UpstreamTimeout(f"{name} did not answer in time", source=name) from exc
        except (OSError, DeclarationError, closing.WebSocketException) as exc:
            raise UpstreamUnavailable(f"{name} cannot be reached", source=name) from exc
        try:
            yield connection
        finally:
            await connection.close()

    async def _dial(self, source: Rest, target: str, headers: _Pairs) -> client.ClientConnection:
        opening = await source.exchange.opening(target, headers)
        try:
            return await self._connect(opening, source.tls)
        except closing.InvalidStatus as exc:
            if exc.response.status_code != 401 or opening.token is None:
                raise
        return await self._connect(await source.exchange.opening(target, headers, refused=opening.token), source.tls)

    async def _connect(self, opening: Opening, tls: Tls | None) -> client.ClientConnection:
        address = "ws" + opening.url.removeprefix("http")
        options: dict[str, Any] = {}
        if address.startswith("wss:"):
            if self._tls is None:  # aside, since it reads the certificates that this machine trusts
                self._tls = await asyncio.to_thread(tls.context if tls is not None else ssl.create_default_context)
            options["ssl"] = self._tls
        if opening.address is not None:
            options |= {"host": opening.address, "proxy": None}
        return await _Dialling(
            address,
            additional_headers=opening.headers,
            open_timeout=opening.timeout_s,
            ping_interval=self._ping_s,
            ping_timeout=self._ping_s,
            close_timeout=_CLOSE_S,
            max_size=self._most_bytes,
            logger=_LOG,
            **options,
        )


class _Dialling(client.connect):
    """Stays with the host that the author named."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Follow no redirect."""
        return exc


def _closed(exc: closing.ConnectionClosed, source: Rest, outage: Outage) -> Gap | None:
    """Give the gap that the end of a connection is by itself, if it is one.

    Raises:
        Over: nothing will follow.
        UpstreamError: the backend refuses.
    """
    if exc.sent is not None and exc.sent.code == _TOO_LARGE and not exc.rcvd_then_sent:
        return outage.missed(f"a message of {source.name} was too large and is missing")
    code = exc.rcvd.code if exc.rcvd is not None else None
    if code == _DONE:
        raise Over
    if code in _REFUSALS:
        message = f"{source.name} closed its WebSocket with code {code}"
        raise UpstreamError(message, source=source.name, status=_REFUSALS[code])
    return None


def _messages(send: Json) -> Sequence[Json]:
    if send is None:
        return ()
    return send if isinstance(send, list | tuple) else (send,)


def _text(source: Rest, body: Body, values: Mapping[str, object]) -> str:
    """Give a message with its holes filled.

    Raises:
        InvalidInput: a value may not stand in it.
    """
    try:
        encoded = body.encode(values)
    except RefusedValue as exc:
        raise InvalidInput(str(exc), source=source.name) from exc
    if not isinstance(encoded, bytes):
        raise InvalidInput("a file may not stand in a message", source=source.name)
    return encoded.decode()


def _kind(value: Any, path: tuple[str, ...]) -> str | None:
    """Give what names a message's kind, where something does."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None
