"""Subscriptions over plain HTTP: an event stream, or the multipart response that Apollo Client reads.

Theory of operation. A client names a stream in `Accept`, and never gets one otherwise. The response to a subscription
begins at once and goes on until the subscription ends, the client leaves or its token expires:

    Subscriber.next ─► framed once per payload, for all who share it ─► send, which waits for the client
    receive ─► the client has left; silence ─► a sign of life; the token has expired

The first line is the request's own task. The second is a task beside it, which ends with it; both write, one at a
time. What a slow client has not taken waits in its Subscriber, which is bounded; nothing is kept here.

`text/event-stream` is the "distinct connections mode" of the npm package graphql-sse. It answers queries too, with one
`next`. What is wrong with a document is a `next` as well, since a client of that protocol takes any other status for a
failing network and tries again. `multipart/mixed; subscriptionSpec=1.0` is Apollo's; there a part counts once the
boundary behind it has come, so each piece ends with one.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import graphql

from graph.answer import Answer
from graph.asgi import Receive, Scope, Send, respond
from graph.channel import Subscriber
from graph.client import Caller, Client
from graph.engine import Context, Engine, Request
from graph.errors import RateLimited, RequestError, report
from graph.request import GRAPHQL_JSON, JSON, liking, parameters
from graph.room import Room
from sources import encode_json

log = logging.getLogger("weft")

Welcomes = Callable[[Scope, Client], Awaitable[bool]]

_PART = b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
_BOUNDARY = b"\r\n--graphql"
_REMEMBERED_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How payloads stand in a stream.

    Args:
        opening: before everything; it makes proxies and browsers pass on that the response has begun.
        payload: what stands before and after a payload.
        failure: what stands before and after the list of errors with which a stream ends.
        idle: a sign of life.
    """

    content_type: bytes
    opening: bytes
    payload: tuple[bytes, bytes]
    failure: tuple[bytes, bytes]
    idle: bytes
    closing: bytes


EVENT_STREAM = Form(
    content_type=b"text/event-stream; charset=utf-8",
    opening=b":\n\n",
    payload=(b"event: next\ndata: ", b"\n\n"),
    failure=(b'event: next\ndata: {"errors":', b"}\n\n"),
    idle=b":\n\n",
    closing=b"event: complete\ndata:\n\n",  # a browser hears of no event without data
)
MULTIPART = Form(
    content_type=b'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
    opening=_BOUNDARY,
    payload=(_PART + b'{"payload":', b"}" + _BOUNDARY),
    failure=(_PART + b'{"payload":null,"errors":', b"}" + _BOUNDARY),
    idle=_PART + b"{}" + _BOUNDARY,
    closing=b"--\r\n",
)


class Streamed(NamedTuple):
    """What a client that names a stream is answered in.

    Args:
        live: for a subscription.
        whole: for anything else; None for an ordinary response.
    """

    live: Form
    whole: Form | None


def accepted_streams(accept: str | None) -> Streamed | None:
    """Give what a client takes streams in; None where it names none (``*/*`` does not).

    A query is answered by an event stream only where the client likes that better than JSON, or as much and first.
    """
    if accept is None or len(accept) < len("text/event-stream"):
        return None
    return _remembered(accept) if len(accept) <= _REMEMBERED_CHARACTERS else _named(accept)


def _named(accept: str) -> Streamed | None:
    if "event-stream" not in (lowered := accept.lower()) and "subscriptionspec" not in lowered:
        return None
    found: list[tuple[float, int, Form]] = []
    for place, entry in enumerate(accept.split(",")):
        media_range, told, quality = parameters(entry)
        is_multipart = media_range == "multipart/mixed" and told.get("subscriptionspec") == "1.0"
        if quality > 0 and (is_multipart or media_range == "text/event-stream"):
            found.append((quality, -place, MULTIPART if is_multipart else EVENT_STREAM))
    if not found:
        return None
    json = max(liking(JSON, accept), liking(GRAPHQL_JSON, accept))
    whole = [named for *how_much, named in found if named is EVENT_STREAM and tuple(how_much) > json]
    return Streamed(max(found, key=lambda named: named[:2])[2], whole[0] if whole else None)


_remembered = functools.lru_cache(maxsize=64)(_named)


class Streams:
    """The streams of one server.

    Args:
        room: the places that they take.
        heartbeat_s: seconds of silence after which a sign of life is sent; None for none.
        patience_s: seconds in which a client must take something of what waits for it.
        now: gives the time in Unix seconds, for tokens that expire.

    `welcomes` tells whether who has sent a request may stay, with the rights it had; it is exchanged with the graph.
    """

    def __init__(
        self,
        room: Room,
        *,
        heartbeat_s: float | None = 12.0,
        patience_s: float = 60.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.heartbeat_s = float("inf") if heartbeat_s is None else heartbeat_s
        self.patience_s = patience_s
        self.now = now
        self.welcomes: Welcomes = _anybody
        self._room = room
        self._is_open = True
        self._under_way: dict[Stream, asyncio.Task[None]] = {}
        self._framings = {form: _Framing(form) for form in (EVENT_STREAM, MULTIPART)}

    async def open(
        self,
        engine: Engine,
        request: Request,
        headers: Mapping[str, str],
        caller: Caller,
        context: Context,
        form: Form,
        *,
        expires_at: float | None = None,
        scope: Scope | None = None,
    ) -> Stream | Answer | None:
        """Begin the subscription that a request asks for; None where it asks for a query or mutation.

        Args:
            expires_at: instant in Unix seconds at which the stream ends, since the client's token does.
            scope: of the request; `welcomes` is asked about it once the graph is another one, and again and again
                where its client may lose its rights meanwhile.

        Returns:
            The stream, which must then be sent; or an answer that says why there is none.

        Raises:
            RequestError: there is no room for it, or the client has too little left.
        """
        try:
            subscriber = await engine.subscriptions.open(request, headers, context, caller)
        except RateLimited:
            raise
        except RequestError as exc:
            body, malformed = encode_json(exc.report()), exc.code == "BAD_REQUEST"
            return Answer(body, status=exc.status, executed=False, malformed=malformed, no_store=True)
        if subscriber is None:
            return None
        if not self._is_open or not self._room.take():
            subscriber.close()
            retry = ((b"retry-after", b"1"),)
            raise RequestError.of("this server takes no more streams now", "LIMIT_EXCEEDED", 503, headers=retry)
        if expires_at is not None and expires_at <= self.now():
            subscriber.end([_expired()])  # before anything can have happened
        return Stream(self, self._framings[form], subscriber, expires_at, scope, caller.client)

    def begin(self, stream: Stream, task: asyncio.Task[None]) -> None:
        """Note that a task sends a stream."""
        self._under_way[stream] = task

    def end(self, stream: Stream) -> None:
        """Note that a stream is over."""
        del self._under_way[stream]
        self._room.give_back()

    async def drain(self, within_s: float) -> None:
        """Complete all streams, take no more, and return when they have ended.

        Args:
            within_s: seconds for clients to take what they are sent; those that have not by then are dropped.
        """
        self._is_open = False
        for stream in self._under_way:
            stream.complete()
        if self._under_way:
            await asyncio.wait(list(self._under_way.values()), timeout=within_s)
        for stream in list(self._under_way):
            stream.give_up()


async def send_whole(send: Send, form: Form, body: bytes) -> None:
    """Send one response as a stream of it alone."""
    before, after = form.payload
    await respond(send, 200, form.content_type, before + body + after + form.closing, _HEADERS)


_HEADERS = (
    (b"cache-control", b"no-store, no-transform"),
    (b"vary", b"accept"),
    (b"x-accel-buffering", b"no"),  # nginx would collect pieces before it passes them on
)


class _Framing:
    """Payloads framed, each once for all who are sent it one after the other."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._text = ""
        self._framed = b""

    def of(self, text: str) -> bytes:
        if text is not self._text:
            before, after = self.form.payload
            self._text, self._framed = text, before + text.encode() + after
        return self._framed


class Stream:
    """One response that goes on."""

    def __init__(
        self,
        streams: Streams,
        framing: _Framing,
        subscriber: Subscriber,
        expires_at: float | None,
        scope: Scope | None,
        client: Client,
    ) -> None:
        self._streams = streams
        self._framing = framing
        self._subscriber = subscriber
        self._expires_at = expires_at
        self._scope = scope
        self._client = client
        self._asked = streams.welcomes
        self._task: asyncio.Task[None] | None = None
        self._clock = asyncio.get_running_loop().time
        self._written_at = self._clock()
        self._writing = asyncio.Lock()
        self._hang_up: Callable[[], None] = _nothing
        self._has_left = False
        self._is_given_up = False

    async def send(self, receive: Receive, send: Send, hang_up: Callable[[], None]) -> None:
        """Send the payloads of the subscription until it is over or its client has gone; it is closed then.

        Args:
            hang_up: drops the connection of a client that takes nothing.
        """
        self._hang_up = hang_up
        self._task = task = _current_task()
        self._streams.begin(self, task)
        attending = asyncio.create_task(self._attend(receive, send))
        try:
            form, framing, subscriber = self._framing.form, self._framing, self._subscriber
            async with self._writing:
                headers = [(b"content-type", form.content_type), *_HEADERS]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._write(send, form.opening)
            while (text := await subscriber.next()) is not None:
                await self._write(send, framing.of(text))
            if not self._has_left:
                await self._write(send, self._end(), more=False)
        except asyncio.CancelledError:
            if not self._is_given_up or task.uncancel():
                raise
            log.warning("a stream was dropped: its client took nothing of it any more")
            self._hang_up()
        finally:
            self._task = None
            self._subscriber.close()
            self._streams.end(self)
            attending.cancel()
            await asyncio.wait([attending])

    def complete(self) -> None:
        """End the stream as if the subscription had completed."""
        self._subscriber.end()

    def give_up(self) -> None:
        """End the stream without a word: nothing that is sent arrives."""
        if self._task is not None and not self._is_given_up:
            self._is_given_up = True
            self._task.cancel()

    def _end(self) -> bytes:
        form = self._framing.form
        failure = self._subscriber.failure
        if not failure:
            return form.closing
        before, after = form.failure
        return before + encode_json([report(error) for error in failure]) + after + form.closing

    async def _write(self, send: Send, body: bytes, *, more: bool = True) -> None:
        async with self._writing:
            self._written_at = self._clock()
            await send({"type": "http.response.body", "body": body, "more_body": more})

    async def _attend(self, receive: Receive, send: Send) -> None:
        """Notice that the client has left, or takes nothing; break the silence; end with the token."""
        streams, left_s = self._streams, self._lasts_s()
        wait_s = look_s = min(streams.heartbeat_s, streams.patience_s)
        while not await _leaves(receive, min(wait_s, left_s)):
            wait_s = look_s
            silent_s = self._clock() - self._written_at
            if (left_s := self._lasts_s()) <= 0 or not await self._may_stay():
                self._subscriber.end([_expired()])
                self._expires_at, self._scope, left_s = None, None, wait_s
            elif self._writing.locked():
                if silent_s >= streams.patience_s:
                    break
            elif silent_s < streams.heartbeat_s:
                wait_s = min(look_s, streams.heartbeat_s - silent_s)
            elif not await self._shows_life(send):
                break
        else:
            self._has_left = True
            self._subscriber.close()
            return
        self.give_up()

    async def _may_stay(self) -> bool:
        welcomes, scope, client = self._streams.welcomes, self._scope, self._client
        if scope is None or not (client.is_revocable or welcomes is not self._asked):
            return True
        self._asked = welcomes
        return await welcomes(scope, client)

    async def _shows_life(self, send: Send) -> bool:
        try:
            async with asyncio.timeout(self._streams.patience_s):
                await self._write(send, self._framing.form.idle)
        except TimeoutError:
            return False
        return True

    def _lasts_s(self) -> float:
        return float("inf") if self._expires_at is None else self._expires_at - self._streams.now()


async def _leaves(receive: Receive, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            while (await receive())["type"] != "http.disconnect":
                pass  # the end of a body that nobody has asked for
    except TimeoutError:
        return False
    return True


def _current_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a stream is sent from a task")
    return task


def _nothing() -> None:
    pass


async def _anybody(_: Scope, __: Client) -> bool:
    return True


def _expired() -> graphql.GraphQLError:
    return graphql.GraphQLError("the token has expired", extensions={"code": "UNAUTHENTICATED"})
