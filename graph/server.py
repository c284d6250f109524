"""The ASGI application: ``/graphql`` and ``/webhooks/`` by hand, everything else by FastAPI.

A FastAPI route costs three times as much per request as the raw protocol, so the one path that is hot is answered
directly. Health, readiness and their documentation are ordinary routes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import fastapi
import msgspec
import uvicorn

from graph import graphiql
from graph.answering import Answering, refuse
from graph.asgi import Receive, Scope, Send, respond
from graph.batching import answer_batch
from graph.body import Disconnected, read_body
from graph.cors import Cors, CrossOrigin
from graph.engine import Answer
from graph.errors import GraphError, RequestError
from graph.graph import Graph
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
from graph.stream import Stream, Streamed, Streams, accepted_streams, send_whole
from graph.upload import Uploads
from graph.webhooks import PREFIX, Webhooks
from resolvers import Abandoned

log = logging.getLogger("weft")
_METHODS = (b"allow", b"GET, HEAD, OPTIONS, POST")
_NAMES_A_DOCUMENT = (b"query=", b"documentId=", b"doc_id=", b"extensions=")
SERVER_OPTIONS: dict[str, Any] = {
    "access_log": False,
    "log_level": "warning",
    "loop": "uvloop",
    "http": "httptools",
    "ws": "none",
    "interface": "asgi3",
    "proxy_headers": False,  # nothing here looks at the client's address, and the middleware costs each request 2 µs
    "server_header": False,
}


class App:
    """Serves a graph over HTTP.

    Args:
        path: where GraphQL is spoken.
        max_body_bytes: longest request body that is read; a longer one is answered with 413.
        max_batch: how many requests one JSON array may hold; 0 refuses arrays.
        cors: other origins whose pages may call the graph; None for no other.
        compression: whether long answers are compressed, and compressed requests read.
        max_upload_bytes: what the files of one request may hold together, where the graph takes files.
        max_uploads: how many files one request may bring.
        max_sockets: how many clients may hold sockets or streams at once.
        ping_interval: seconds of silence after which a stream is sent a sign of life; None for none.
        graphiql: whether browsers that open the path get GraphiQL.

    Raises:
        GraphError: `max_batch`, `max_upload_bytes` or `max_uploads` is negative.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        path: str = "/graphql",
        max_body_bytes: int = 1_000_000,
        max_batch: int = 0,
        cors: Cors | None = None,
        compression: bool = True,
        max_upload_bytes: int = 20_000_000,
        max_uploads: int = 10,
        max_sockets: int = 20_000,
        ping_interval: float | None = 12.0,
        graphiql: bool = True,
    ) -> None:
        limits = {"max_upload_bytes": max_upload_bytes, "max_uploads": max_uploads}
        faults = [f"App: {name} is negative" for name, value in limits.items() if value < 0]
        if max_batch < 0:
            faults.append("App: max_batch is negative; 0 refuses arrays")
        if faults:
            raise GraphError(faults)
        self.graph = graph
        self._path = path
        self._max_body_bytes = max_body_bytes
        self._max_batch = max_batch
        self._compression = compression
        self._graphiql = graphiql
        self._engine = graph.engine
        self._answering = Answering(graph.engine, compression=compression)
        self._cross_origin = None if cors is None else CrossOrigin(cors, graph.engine.forwards)
        self._uploads = Uploads(
            graph.engine,
            max_body_bytes=max_body_bytes,
            max_upload_bytes=max_upload_bytes,
            max_uploads=max_uploads,
        )
        self._streams = Streams(Room(max_sockets), heartbeat_s=ping_interval)
        subscriptions, receiving = graph.engine.subscriptions, graph.receiving
        touch = functools.partial(receiving.touch, graph.engine.store)
        self._webhooks = Webhooks(receiving.webhooks, subscriptions.bus, received=touch)
        self._ready = False
        self._presence = Presence(self._engine.abandon)
        self.api = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI has it."""
        if scope["type"] == "http" and scope["path"] == self._path:
            if self._cross_origin is not None:
                send = self._cross_origin.over(scope, send)
            await self._graphql(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._webhooks(scope, receive, send)
        else:
            await self.api(scope, receive, send)

    def _routes(self) -> fastapi.FastAPI:
        @contextlib.asynccontextmanager
        async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
            self._ready = True
            yield
            self._ready = False
            await self._webhooks.aclose()
            await self.graph.aclose()

        api = fastapi.FastAPI(title="Weft", lifespan=lifespan, redoc_url=None)

        @api.get("/healthz", tags=["operating"], summary="Whether the process lives")
        async def healthz() -> dict[str, str]:
            return {"status": "ok"}

        @api.get("/readyz", tags=["operating"], summary="Whether the graph is being served")
        async def readyz(response: fastapi.Response) -> dict[str, str]:
            if not self._ready:
                response.status_code = 503
                return {"status": "starting"}
            return {"status": "ready"}

        return api

    # -- GraphQL over HTTP ----------------------------------------------------------------------------------------

    async def _graphql(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope["headers"])
        method = scope["method"]
        accept = headers.get("accept")
        if method != "POST":
            if method == "OPTIONS":
                await respond(send, 204, None, b"", (_METHODS,))
                return
            if self._shows_graphiql(method, accept, scope["query_string"]):
                await respond(send, 200, b"text/html; charset=utf-8", graphiql.PAGE, ((b"vary", b"accept"),))
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
            answer: Answer | Stream
            if uploading is not None:
                answer = await uploading.answer(_context(scope))
            elif method == "POST":
                answer = await self._post(scope, headers, receive, parts, streamed)
            else:
                answer = await self._get(scope, headers, method, receive, parts, streamed)
        except RequestError as exc:
            await refuse(send, exc, media_type)
            return
        except (Disconnected, Departed):
            return
        except Exception:
            log.exception("a request failed")
            await refuse(send, RequestError.of("Internal server error", "INTERNAL_SERVER_ERROR", 500), media_type)
            return
        if isinstance(answer, Stream):
            await answer.send(receive, send)
        elif answer.payloads is not None and parts is not None:
            await self._deliver(parts, answer.payloads, receive, send)
        elif streamed is not None and streamed.whole is not None and not answer.malformed:
            await send_whole(send, streamed.whole, answer.body)
        else:
            await self._answering.send(send, answer, media_type, headers, is_get=method != "POST")

    def _shows_graphiql(self, method: str, accept: str | None, query_string: bytes) -> bool:
        is_page = method in ("GET", "HEAD") and not any(name in query_string for name in _NAMES_A_DOCUMENT)
        return is_page and self._graphiql and prefers_html(accept)

    async def _deliver(
        self, parts: Parts, payloads: AsyncGenerator[dict[str, Any]], receive: Receive, send: Send
    ) -> None:
        presence, task = self._presence, asyncio.current_task()
        presence.enter(task, receive)
        try:
            await parts.send(send, payloads)
        except asyncio.CancelledError:
            with contextlib.suppress(Departed):
                presence.check(task)
                raise
        finally:
            presence.leave(task)

    async def _post(
        self, scope: Scope, headers: Headers, receive: Receive, parts: Parts | None, streamed: Streamed | None
    ) -> Answer | Stream:
        message = await receive()
        body: bytes = message.get("body", b"")
        is_plain = body and not message.get("more_body") and b"content-encoding" not in headers.raw
        if not is_plain or len(body) > self._max_body_bytes:
            body = await read_body(message, receive, headers, self._max_body_bytes, compression=self._compression)
        is_json = headers.raw.get(b"content-type") == b"application/json"
        presence, task = self._presence, asyncio.current_task()
        presence.enter(task, receive)
        try:
            # Parsing is needless where an identical request was parsed already.
            while is_json and (shared := self._engine.shared(body, headers)) is not None:
                try:
                    return shared if isinstance(shared, Answer) else await shared
                except Abandoned:
                    continue
            if body[:1] != b"{" and is_array(body):
                return await self._batch(scope, headers, body)
            request = parse_body(body, JSON if is_json else headers.get("content-type", ""))
            context = _context(scope)
            if streamed is not None:
                opened = await self._streams.open(self._engine, request, headers, context, streamed.live)
                if opened is not None:
                    return opened
            writer = None if parts is None else parts.writer
            return await self._engine.answer(request, headers, context, key=body, writer=writer)
        except asyncio.CancelledError:
            presence.check(task)
            raise
        finally:
            presence.leave(task)

    async def _batch(self, scope: Scope, headers: Headers, body: bytes) -> Answer:
        try:
            entries = parse_array(body, headers.get("content-type", ""), self._max_batch)
        except RequestError as exc:
            # In JSON, as a batch would be answered. Apollo's link takes `application/graphql-response+json` of any
            # status for answers, counts them, and tells its user that some are missing instead of what is wrong.
            report = msgspec.json.encode(exc.report())
            return Answer(report, exc.status, executed=False, malformed=True, no_store=True, media_type=JSON)
        return await answer_batch(self._engine, entries, headers, _context(scope))

    async def _get(
        self,
        scope: Scope,
        headers: Headers,
        method: str,
        receive: Receive,
        parts: Parts | None,
        streamed: Streamed | None,
    ) -> Answer | Stream:
        if method not in ("GET", "HEAD"):
            raise RequestError.of("GraphQL is spoken with GET and POST", "BAD_REQUEST", 405, headers=(_METHODS,))
        query_string: bytes = scope["query_string"]
        if len(query_string) > self._max_body_bytes:
            raise RequestError.of("the query string is too long", "LIMIT_EXCEEDED", 414)
        request = parse_query(query_string)
        key = ("GET", query_string)
        presence, task = self._presence, asyncio.current_task()
        presence.enter(task, receive)
        try:
            context = _context(scope)
            if streamed is not None:
                opened = await self._streams.open(self._engine, request, headers, context, streamed.live)
                if opened is not None:
                    return opened
            writer = None if parts is None else parts.writer
            return await self._engine.answer(request, headers, context, key=key, writes=False, writer=writer)
        except asyncio.CancelledError:
            presence.check(task)
            raise
        finally:
            presence.leave(task)


def listen(host: str, port: int) -> socket.socket:
    """Give a socket that listens on an address of this machine; port 0 is any free port.

    Raises:
        OSError: the address is taken, or not this machine's.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    listening.set_inheritable(True)  # worker processes share it
    return listening


def serve(
    served: Graph | App, *, host: str = "127.0.0.1", port: int = 8000, socket: socket.socket | None = None
) -> None:
    """Serve a graph in this process until it is told to stop, by SIGINT or SIGTERM.

    Args:
        served: the graph, or an `App` that says how to serve it.
        socket: a listening socket, instead of host and port.

    Raises:
        GraphError: environment variables that the sources need are missing.
        OSError: the address is taken, or not this machine's.
    """
    app = served if isinstance(served, App) else App(served)
    app.graph.check_environment()
    with contextlib.closing(socket or listen(host, port)) as listening, contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(app, **SERVER_OPTIONS)).run([listening])


def _context(scope: Scope) -> Callable[[], Any]:
    return lambda: {"request": fastapi.Request(scope)}
