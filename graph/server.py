"""The ASGI application: ``/graphql`` by hand, everything else by FastAPI.

A FastAPI route costs three times as much per request as the raw protocol, so the one path that is hot is answered
directly. Health, readiness and their documentation are ordinary routes.
"""

from __future__ import annotations

import hashlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import fastapi
import msgspec
import uvicorn

from graph import graphiql
from graph.engine import Answer, Request
from graph.errors import RequestError
from graph.graph import Graph
from graph.request import GRAPHQL_JSON, JSON, accepted, parse_body, parse_query, prefers_html

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = dict[str, str]

log = logging.getLogger("weft")
_encode = msgspec.json.encode
_CONTENT_TYPES = {
    JSON: b"application/json; charset=utf-8",
    GRAPHQL_JSON: b"application/graphql-response+json; charset=utf-8",
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
        self._ready = False
        self.api = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI has it."""
        if scope["type"] == "http" and scope["path"] == self._path:
            await self._graphql(scope, receive, send)
        else:
            await self.api(scope, receive, send)

    def _routes(self) -> fastapi.FastAPI:
        @asynccontextmanager
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
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = scope["method"]
        accept = headers.get("accept")
        if (
            method in ("GET", "HEAD")
            and self._graphiql
            and prefers_html(accept)
            and b"query=" not in scope["query_string"]
        ):
            await _respond(send, 200, b"text/html; charset=utf-8", graphiql.PAGE)
            return
        media_type = accepted(accept)
        try:
            if media_type is None:
                media_type = JSON
                raise RequestError.of(f"this server answers in {GRAPHQL_JSON} or {JSON}", "BAD_REQUEST", 406)
            key, request = await self._request(method, headers, scope, receive)
            answer = await self._answer(scope, headers, method, key, request)
        except RequestError as exc:
            extra = ((b"allow", b"GET, POST"),) if exc.status == 405 else ()
            await _respond(send, exc.status, _CONTENT_TYPES[media_type or JSON], _encode(exc.report()), extra)
            return
        except _Disconnected:
            return
        except Exception:
            log.exception("a request failed")
            failed = RequestError.of("Internal server error", "INTERNAL_SERVER_ERROR", 500)
            await _respond(send, 500, _CONTENT_TYPES[media_type or JSON], _encode(failed.report()))
            return
        await self._send(send, answer, media_type, headers if method != "POST" else None)

    async def _request(
        self, method: str, headers: Headers, scope: Scope, receive: Receive
    ) -> tuple[bytes, Request | None]:
        """Give what identifies the request, and the request; of a POST it is parsed only when that is needed."""
        if method == "POST":
            content_type = headers.get("content-type", "")
            body = await self._body(headers, receive)
            if content_type != JSON or not self._engine.knows(body):
                return body, parse_body(body, content_type)
            return body, None
        if method in ("GET", "HEAD"):
            query_string: bytes = scope["query_string"]
            if len(query_string) > self._max_body_bytes:
                raise RequestError.of("the query string is too long", "LIMIT_EXCEEDED", 414)
            return b"?" + query_string, parse_query(query_string)
        raise RequestError.of("GraphQL is spoken with GET and POST", "BAD_REQUEST", 405)

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        limit = self._max_body_bytes
        declared = headers.get("content-length")
        if declared is not None and len(declared) < 20 and declared.isdigit() and int(declared) > limit:
            raise RequestError.of(f"the body is longer than {limit} bytes", "LIMIT_EXCEEDED", 413)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            if len(body) > limit:
                raise RequestError.of(f"the body is longer than {limit} bytes", "LIMIT_EXCEEDED", 413)
            return body
        pieces = [body]
        size = len(body)
        while message.get("more_body"):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Disconnected
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > limit:
                raise RequestError.of(f"the body is longer than {limit} bytes", "LIMIT_EXCEEDED", 413)
        return b"".join(pieces)

    async def _answer(self, scope: Scope, headers: Headers, method: str, key: bytes, request: Request | None) -> Answer:
        if request is None:
            joined = await self._engine.join(key, headers)
            if joined is not None:
                return joined
            request = parse_body(key, JSON)
        return await self._engine.answer(
            request,
            headers,
            lambda: {"request": fastapi.Request(scope)},
            key=key,
            writes=method == "POST",
        )

    async def _send(self, send: Send, answer: Answer, media_type: str, get_headers: Headers | None) -> None:
        extra = [(b"cache-control", self._cache_control(answer))]
        status = answer.status
        if status != 405 and not answer.executed and media_type == JSON:
            status = 200
        body = answer.body
        if answer.executed and (get_headers is not None or answer.fresh_until is not None):
            if answer.etag is None:
                answer.etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            extra.append((b"etag", answer.etag.encode()))
            if answer.private or get_headers is not None:
                extra.append((b"vary", b"accept, authorization, cookie" if answer.private else b"accept"))
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


def serve(
    graph: Graph,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    socket: socket.socket | None = None,
) -> None:
    """Serve a graph in this process until it is told to stop.

    Args:
        socket: a bound socket to listen on, instead of host and port.

    Raises:
        GraphError: environment variables that the sources need are missing.
    """
    graph.check_environment()
    config = uvicorn.Config(
        App(graph), host=host, port=port, access_log=False, log_level="warning", loop="uvloop", http="httptools"
    )
    uvicorn.Server(config).run(None if socket is None else [socket])


class _Disconnected(Exception):
    """The client went away before its request was whole."""


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
