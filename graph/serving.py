"""GraphQL over HTTP, of one graph: a request understood, answered by the engine, sent.

What depends on the graph is gathered here, so that the application can exchange it as a whole while requests are under
way: those that have begun are answered by the graph that they began with.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any

import fastapi
import msgspec

from graph import graphiql
from graph.answer import Answer
from graph.answering import Answering, refuse
from graph.asgi import Receive, Scope, Send, hang_up, respond
from graph.batching import answer_batch
from graph.body import Disconnected, read_body
from graph.client import ANONYMOUS, NOBODY, Caller, Client
from graph.cors import Cors, CrossOrigin
from graph.credentials import Credentials
from graph.csrf import check_was_asked_for
from graph.engine import Context, Request
from graph.errors import RateLimited, RequestError
from graph.graph import Graph
from graph.login import expiry
from graph.offer import Offer
from graph.parts import Parts, accepted_parts
from graph.presence import Departed, Presence
from graph.request import (
    GRAPHQL_JSON,
    JSON,
    Headers,
    accepted,
    is_array,
    parse_array,
    parse_body,
    parse_query,
    prefers_html,
)
from graph.room import Room
from graph.shedding import BUSY, BUSY_HEADERS, Held, busy
from graph.stream import Stream, Streamed, Streams, accepted_streams, send_whole
from graph.upload import Uploads
from graph.webhooks import Webhooks
from resolvers import Abandoned

log = logging.getLogger("weft")
_METHODS = (b"allow", b"GET, HEAD, OPTIONS, POST")
_NAMES_A_DOCUMENT = (b"query=", b"documentId=", b"doc_id=", b"extensions=")
_LAST_S = 1.0
_NO_PAYLOAD: dict[str, Any] = {}
_SHORT_BYTES = 16_384  # what bodies may hold without being counted
_LONGEST_ACCEPT = 1_000  # in characters; to take 32 kB of it apart would take a tenth of a second


class Serving:
    """Answers the requests for one graph; most arguments are those of `App`.

    Args:
        streams: the streams of the server, which outlive the graph that they begin with.
        held: what requests hold of bodies, all together.
        room: the places for operations under way.

    `under_way` counts the requests.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        streams: Streams,
        held: Held,
        room: Room,
        cors: Cors | None,
        offer: Offer,
    ) -> None:
        trust = graph.trusting
        self.graph = graph
        self._streams = streams
        streams.welcomes = self._welcomes  # those that are open will outlive the graph before
        self._held = held
        self.room = room
        self._is_guarded = trust.csrf
        self._max_url_bytes = trust.max_url_bytes
        self._max_body_bytes = offer.max_body_bytes
        self._short_bytes = min(_SHORT_BYTES, offer.max_body_bytes)
        self._max_batch = offer.max_batch
        self._compression = offer.compression
        self._graphiql = not trust.production if offer.graphiql is None else offer.graphiql
        self._engine = graph.engine
        self._answering = Answering(graph.engine, compression=offer.compression, clients=graph.clients)
        reads = graph.clients.reads - {"cookie"}
        self._cross_origin = None if cors is None else CrossOrigin(cors, {*graph.engine.forwards, *reads})
        self._clients = graph.clients
        self._asks_nobody = graph.clients.is_open and not graph.metering.is_on
        self._uploads = Uploads(
            graph.engine,
            held,
            Room(trust.max_requests),
            max_body_bytes=offer.max_body_bytes,
            max_upload_bytes=offer.max_upload_bytes,
            max_uploads=offer.max_uploads,
            patience_s=trust.body_timeout,
        )
        self._presence = Presence(self._engine.abandon)
        touch = functools.partial(graph.receiving.touch, graph.engine.store)
        self.webhooks = Webhooks(graph.receiving.webhooks, graph.engine.subscriptions.bus, received=touch)
        self.under_way = 0  # kept by the application: one more coroutine around each request would cost it 5 %
        self._ended: asyncio.Event | None = None

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        own_send = send
        if self._cross_origin is not None:
            send = self._cross_origin.over(scope, send)
        headers = Headers(scope["headers"])
        method = scope["method"]
        accept = headers.get("accept")
        if accept is not None and len(accept) > _LONGEST_ACCEPT:
            accept = accept[:_LONGEST_ACCEPT]
        if method != "POST":
            if method == "OPTIONS":
                await respond(send, 204, None, b"", (_METHODS,))
                return
            if self._shows_graphiql(method, accept, scope["query_string"]):
                await respond(send, 200, b"text/html; charset=utf-8", graphiql.PAGE, ((b"vary", b"accept"),))
                return
        if self.room.is_full:
            await respond(send, 503, b"application/json; charset=utf-8", BUSY, BUSY_HEADERS)
            return
        media_type, parts = accepted(accept), accepted_parts(accept)
        streamed = None if method == "HEAD" else accepted_streams(accept)
        if media_type is None and (parts is not None or streamed is not None):
            media_type = JSON  # of what is whole
        uploading = self._uploads.begin(headers, receive) if method == "POST" else None
        if uploading is not None:
            send = uploading.lingering(send)
        try:
            if media_type is None:
                raise RequestError.of(f"this server answers in {GRAPHQL_JSON} or {JSON}", "BAD_REQUEST", 406)
            headers = headers.end_to_end(self._engine.forwards)
            caller = NOBODY
            if not self._asks_nobody:
                caller = self._known(scope, headers) or await self._found(scope, headers)
                if caller.meter is not None:
                    send = caller.meter.over(send, is_get=method != "POST")
                    admitted = caller.meter.admit()
                    if admitted is not None:
                        await admitted
                if self._clients.writes:
                    headers = headers.without(self._clients.writes)
                if caller.client.headers:
                    headers = headers.with_these(caller.client.headers)
            answer: Answer | Stream
            if uploading is not None:
                answer = await uploading.answer(headers, _context(scope, caller), caller)
            elif method == "POST":
                answer = await self._post(scope, headers, caller, receive, parts, streamed)
            else:
                answer = await self._get(scope, headers, caller, method, receive, parts, streamed)
        except RequestError as exc:
            if isinstance(exc, RateLimited) and streamed is not None and streamed.whole is not None:
                await send_whole(send, streamed.whole, msgspec.json.encode(exc.report()))
            else:
                await refuse(send, exc, media_type)
            return
        except (Disconnected, Departed):
            return
        except Exception:
            log.exception("a request failed")
            await refuse(send, RequestError.of("Internal server error", "INTERNAL_SERVER_ERROR", 500), media_type)
            return
        if isinstance(answer, Stream):
            await self._stream(answer, receive, send, own_send)
        elif answer.payloads is not None and parts is not None:
            await self._deliver(parts, answer.payloads, receive, send)
        elif streamed is not None and streamed.whole is not None and not answer.malformed:
            await send_whole(send, streamed.whole, answer.body)
        else:
            await self._answering.send(send, answer, media_type, headers, is_get=method != "POST")

    def end_one(self) -> None:
        """Note that a request is over."""
        self.under_way -= 1
        if self._ended is not None and not self.under_way:
            self._ended.set()

    async def drain(self, within_s: float) -> None:
        """Wait until no request is under way, and what was delivered to webhooks is published.

        Operations that are not over in time fail then, as if they had taken too long; their answers have a second to
        be sent.
        """
        await asyncio.gather(self._finish(within_s), self.webhooks.aclose(within_s))

    async def aclose(self, keeping: Collection[Graph] = ()) -> None:
        """Close the graph; see `Graph.aclose`."""
        await self.webhooks.aclose()
        await self.graph.aclose(keeping)

    async def _finish(self, within_s: float) -> None:
        if not await self._ends(within_s):
            self._engine.deadlines.expire()
            await self._ends(_LAST_S)

    async def _ends(self, within_s: float) -> bool:
        self._ended = self._ended or asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.under_way:  # one that ends may be followed by another
                    self._ended.clear()
                    await self._ended.wait()
        return not self.under_way

    def _shows_graphiql(self, method: str, accept: str | None, query_string: bytes) -> bool:
        is_page = method in ("GET", "HEAD") and not any(name in query_string for name in _NAMES_A_DOCUMENT)
        return is_page and self._graphiql and prefers_html(accept)

    async def _deliver(
        self, parts: Parts, payloads: AsyncGenerator[dict[str, Any]], receive: Receive, send: Send
    ) -> None:
        presence, task = self._presence, asyncio.current_task()
        presence.enter(task, receive)
        self.room.squeeze_in()  # it has begun
        try:
            await parts.send(send, payloads)
        except asyncio.CancelledError:
            with contextlib.suppress(Departed):
                presence.check(task)
                raise
        finally:
            presence.leave(task)
            self.room.give_back()

    async def _stream(self, stream: Stream, receive: Receive, send: Send, own_send: Send) -> None:
        self.end_one()  # the graph may be replaced while it goes on
        try:
            await stream.send(receive, send, functools.partial(hang_up, own_send))
        finally:
            self.under_way += 1

    def _known(self, scope: Scope, headers: Headers) -> Caller | None:
        """Give who asks, if that needs no waiting."""
        graph, client = self.graph, ANONYMOUS
        address = graph.proxies.address(scope, headers)
        if not self._clients.is_open:
            known = self._clients.known(Credentials(headers, _NO_PAYLOAD, address, scope))
            if known is None:
                return None
            client = known
        return Caller(client, graph.metering.meter(client, address))

    async def _found(self, scope: Scope, headers: Headers) -> Caller:
        """Make out who asks.

        Raises:
            RequestError: nobody who may.
        """
        address = self.graph.proxies.address(scope, headers)
        client = await self._clients.find(Credentials(headers, _NO_PAYLOAD, address, scope))
        return Caller(client, self.graph.metering.meter(client, address))

    async def _post(
        self,
        scope: Scope,
        headers: Headers,
        caller: Caller,
        receive: Receive,
        parts: Parts | None,
        streamed: Streamed | None,
    ) -> Answer | Stream:
        message = await receive()
        body: bytes = message.get("body", b"")
        is_plain = body and not message.get("more_body") and b"content-encoding" not in headers.raw
        if is_plain and len(body) <= self._short_bytes:
            return await self._execute(scope, headers, caller, receive, body, parts, streamed)
        place, is_compressed = self._held.place(), self._compression
        try:
            body = await read_body(
                message, receive, headers, self._max_body_bytes, compression=is_compressed, place=place
            )
            return await self._execute(scope, headers, caller, receive, body, parts, streamed)
        finally:
            place.give_up()

    async def _execute(
        self,
        scope: Scope,
        headers: Headers,
        caller: Caller,
        receive: Receive,
        body: bytes,
        parts: Parts | None,
        streamed: Streamed | None,
    ) -> Answer | Stream:
        is_json = headers.raw.get(b"content-type") == b"application/json"
        presence, task = self._presence, asyncio.current_task()
        if not self.room.take():
            raise busy()
        presence.enter(task, receive)
        try:
            # Parsing is needless where an identical request was parsed already.
            while is_json and (shared := self._engine.shared(body, headers, caller)) is not None:
                try:
                    return shared if isinstance(shared, Answer) else await shared
                except Abandoned:
                    continue
            if body[:1] != b"{" and is_array(body):
                return await self._batch(scope, headers, caller, body)
            request = parse_body(body, JSON if is_json else headers.get("content-type", ""))
            context = _context(scope, caller)
            if streamed is not None:
                opened = await self._open(scope, request, headers, caller, context, streamed)
                if opened is not None:
                    return opened
            writer = None if parts is None else parts.writer
            return await self._engine.answer(request, headers, context, key=body, caller=caller, writer=writer)
        except asyncio.CancelledError:
            presence.check(task)
            raise
        finally:
            presence.leave(task)
            self.room.give_back()

    async def _open(
        self,
        scope: Scope,
        request: Request,
        headers: Headers,
        caller: Caller,
        context: Context,
        streamed: Streamed,
    ) -> Stream | Answer | None:
        """Begin a stream, which lasts no longer than the client's token, or than the client is welcome."""
        client = caller.client
        expires_at = client.expires_at if client.is_authenticated else expiry(headers.get("authorization", ""))
        return await self._streams.open(
            self._engine,
            request,
            headers,
            caller,
            context,
            streamed.live,
            expires_at=expires_at,
            scope=scope,
        )

    async def _welcomes(self, scope: Scope, client: Client) -> bool:
        """Tell whether who has sent a request may still stay; that nobody can tell is no reason to go."""
        try:
            headers = Headers(scope["headers"])
            shown = Credentials(headers, _NO_PAYLOAD, self.graph.proxies.address(scope, headers), scope)
            return (self._clients.known(shown) or await self._clients.find(shown, again=True)).keeps(client)
        except RequestError as exc:
            return exc.status not in (401, 403)
        except Exception:
            log.exception("a login failed")
        return True

    async def _batch(self, scope: Scope, headers: Headers, caller: Caller, body: bytes) -> Answer:
        try:
            entries = parse_array(body, headers.get("content-type", ""), self._max_batch)
        except RequestError as exc:
            # In JSON, as a batch would be answered. Apollo's link takes `application/graphql-response+json` of any
            # status for answers, counts them, and tells its user that some are missing instead of what is wrong.
            report = msgspec.json.encode(exc.report())
            return Answer(report, exc.status, executed=False, malformed=True, no_store=True, media_type=JSON)
        return await answer_batch(self._engine, entries, headers, caller, _context(scope, caller))

    async def _get(
        self,
        scope: Scope,
        headers: Headers,
        caller: Caller,
        method: str,
        receive: Receive,
        parts: Parts | None,
        streamed: Streamed | None,
    ) -> Answer | Stream:
        if method not in ("GET", "HEAD"):
            raise RequestError.of("GraphQL is spoken with GET and POST", "BAD_REQUEST", 405, headers=(_METHODS,))
        query_string: bytes = scope["query_string"]
        if len(query_string) > self._max_url_bytes:
            raise RequestError.of("the query string is too long", "LIMIT_EXCEEDED", 414)
        if self._is_guarded:
            check_was_asked_for(headers)
        request = parse_query(query_string)
        key = ("GET", query_string)
        presence, task = self._presence, asyncio.current_task()
        if not self.room.take():
            raise busy()
        presence.enter(task, receive)
        try:
            context = _context(scope, caller)
            if streamed is not None:
                opened = await self._open(scope, request, headers, caller, context, streamed)
                if opened is not None:
                    return opened
            writer = None if parts is None else parts.writer
            answer = self._engine.answer
            return await answer(request, headers, context, key=key, caller=caller, writes=False, writer=writer)
        except asyncio.CancelledError:
            presence.check(task)
            raise
        finally:
            presence.leave(task)
            self.room.give_back()


def _context(scope: Scope, caller: Caller) -> Context:
    client = caller.client
    added = client.context
    if added is not None and not isinstance(added, Mapping):
        return lambda: added
    return lambda: {"request": fastapi.Request(scope), "client": client, **(added or {})}
