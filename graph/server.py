"""The ASGI application: ``/graphql`` by hand, everything else by FastAPI.

A FastAPI route costs three times as much per request as the raw protocol, so the one path that is hot is answered
directly. Health, readiness and their documentation are ordinary routes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import fastapi
import msgspec
import uvicorn

from graph import graphiql
from graph.engine import Answer
from graph.errors import RequestError
from graph.graph import Graph
from graph.presence import Departed, Presence
from graph.request import GRAPHQL_JSON, JSON, Headers, accepted, parse_body, parse_query, prefers_html
from resolvers import Abandoned

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger("weft")
_encode = msgspec.json.encode
_CONTENT_TYPES = {
    JSON: b"application/json; charset=utf-8",
    GRAPHQL_JSON: b"application/graphql-response+json; charset=utf-8",
}

_NO_STORE = (b"cache-control", b"no-store")
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
        graphiql: whether browsers that open the path get GraphiQL.
    """

    def __init__(
        self, graph: Graph, *, path: str = "/graphql", max_body_bytes: int = 1_000_000, graphiql: bool = True
    ) -> None:
        self.graph = graph
        self._path = path
        self._max_body_bytes = max_body_bytes
        self._graphiql = graphiql
        self._engine = graph.engine
        self._vary = ", ".join(("accept", *self._engine.forwards)).encode("latin-1")
        self._ready = False
        self._presence = Presence(self._engine.abandon)
        self.api = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI has it."""
        if scope["type"] == "http" and scope["path"] == self._path:
            await self._graphql(scope, receive, send)
        else:
            await self.api(scope, receive, send)

    def _routes(self) -> fastapi.FastAPI:
        @contextlib.asynccontextmanager
        async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
            self._ready = True
            yield
            self._ready = False
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
        if method != "POST" and self._shows_graphiql(method, accept, scope["query_string"]):
            await _respond(send, 200, b"text/html; charset=utf-8", graphiql.PAGE, ((b"vary", b"accept"),))
            return
        media_type = accepted(accept)
        try:
            if media_type is None:
                media_type = JSON
                raise RequestError.of(f"this server answers in {GRAPHQL_JSON} or {JSON}", "BAD_REQUEST", 406)
            if method == "POST":
                answer = await self._post(scope, headers, receive)
            else:
                answer = await self._get(scope, headers, method, receive)
        except RequestError as exc:
            extra = [_NO_STORE, *([(b"allow", b"GET, HEAD, POST")] if exc.status == 405 else [])]
            await _respond(send, exc.status, _CONTENT_TYPES[media_type or JSON], _encode(exc.report()), extra)
            return
        except (_Disconnected, Departed):
            return
        except Exception:
            log.exception("a request failed")
            failed = RequestError.of("Internal server error", "INTERNAL_SERVER_ERROR", 500)
            await _respond(send, 500, _CONTENT_TYPES[media_type or JSON], _encode(failed.report()), [_NO_STORE])
            return
        await self._send(send, answer, media_type, headers if method != "POST" else None)

    def _shows_graphiql(self, method: str, accept: str | None, query_string: bytes) -> bool:
        is_page = method in ("GET", "HEAD") and b"query=" not in query_string
        return is_page and self._graphiql and prefers_html(accept)

    async def _post(self, scope: Scope, headers: Headers, receive: Receive) -> Answer:
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body") or len(body) > self._max_body_bytes or message["type"] != "http.request":
            body = await self._whole_body(message, headers, receive)
        content_type = headers.get("content-type", "")
        presence, task = self._presence, asyncio.current_task()
        presence.present[task] = receive
        if presence.is_idle:
            presence.sweep()
        try:
            # Parsing is needless where an identical request was parsed already.
            while content_type == JSON and (shared := self._engine.shared(body, headers)) is not None:
                try:
                    return shared if isinstance(shared, Answer) else await shared
                except Abandoned:
                    continue
            return await self._engine.answer(parse_body(body, content_type), headers, _context(scope), key=body)
        except asyncio.CancelledError:
            presence.check(task)
            raise
        finally:
            del presence.present[task]
            if presence.watchers:
                presence.leave(task)

    async def _whole_body(self, message: Message, headers: Headers, receive: Receive) -> bytes:
        limit = self._max_body_bytes
        declared = headers.get("content-length", "")
        announced = int(declared) if declared.isdigit() and len(declared) < 20 else 0
        pieces: list[bytes] = []
        size = 0
        while True:
            if message["type"] != "http.request":
                raise _Disconnected
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if max(size, announced) > limit:
                raise RequestError.of(f"the body is longer than {limit} bytes", "LIMIT_EXCEEDED", 413)
            if not message.get("more_body"):
                return b"".join(pieces)
            message = await receive()

    async def _get(self, scope: Scope, headers: Headers, method: str, receive: Receive) -> Answer:
        if method not in ("GET", "HEAD"):
            raise RequestError.of("GraphQL is spoken with GET and POST", "BAD_REQUEST", 405)
        query_string: bytes = scope["query_string"]
        if len(query_string) > self._max_body_bytes:
            raise RequestError.of("the query string is too long", "LIMIT_EXCEEDED", 414)
        request = parse_query(query_string)
        key = ("GET", query_string)
        presence, task = self._presence, asyncio.current_task()
        presence.present[task] = receive
        if presence.is_idle:
            presence.sweep()
        try:
            return await self._engine.answer(request, headers, _context(scope), key=key, writes=False)
        except asyncio.CancelledError:
            presence.check(task)
            raise
        finally:
            del presence.present[task]
            if presence.watchers:
                presence.leave(task)

    async def _send(self, send: Send, answer: Answer, media_type: str, get_headers: Headers | None) -> None:
        extra = [(b"cache-control", self._cache_control(answer))]
        status = answer.status
        if status == 405:
            extra.append((b"allow", b"POST"))
        elif not answer.executed and media_type == JSON and not answer.malformed:
            status = 200
        body = answer.body
        if answer.executed and (get_headers is not None or answer.fresh_until is not None):
            if answer.etag is None:
                answer.etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            extra.append((b"etag", answer.etag.encode()))
            if answer.private or get_headers is not None:
                extra.append((b"vary", self._vary if answer.private else b"accept"))
            if get_headers is not None and _matches(get_headers.get("if-none-match"), answer.etag):
                await _respond(send, 304, None, b"", extra)
                return
        await _respond(send, status, _CONTENT_TYPES[media_type], body, extra)

    def _cache_control(self, answer: Answer) -> bytes:
        if answer.no_store:
            return b"no-store"
        scope = b"private" if answer.private else b"public"
        if answer.fresh_until is None:
            return b"no-cache" if scope == b"public" else b"private, no-cache"
        remaining = max(0, int(answer.fresh_until - self._engine.store.clock()))
        return scope + b", max-age=%d" % remaining


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


def serve(graph: Graph, *, host: str = "127.0.0.1", port: int = 8000, socket: socket.socket | None = None) -> None:
    """Serve a graph in this process until it is told to stop, by SIGINT or SIGTERM.

    Args:
        socket: a listening socket, instead of host and port.

    Raises:
        GraphError: environment variables that the sources need are missing.
        OSError: the address is taken, or not this machine's.
    """
    graph.check_environment()
    with contextlib.closing(socket or listen(host, port)) as listening, contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(App(graph), **SERVER_OPTIONS)).run([listening])


class _Disconnected(Exception):
    """The client went away before its request was whole."""


def _context(scope: Scope) -> Callable[[], Any]:
    return lambda: {"request": fastapi.Request(scope)}


def _matches(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    candidates = [candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")]
    return etag in candidates or "*" in candidates


async def _respond(send: Send, status: int, content_type: bytes | None, body: bytes, extra: Any = ()) -> None:
    headers = [(b"content-length", b"%d" % len(body)), *extra]
    if content_type is not None:
        headers.append((b"content-type", content_type))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
