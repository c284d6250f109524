"""An answer as an HTTP response: status and media type, what caches are told, validators, compression."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec

from graph.answer import Answer
from graph.asgi import Send, respond
from graph.clients import Clients
from graph.compression import compress, negotiated
from graph.engine import Engine
from graph.errors import RequestError
from graph.request import GRAPHQL_JSON, JSON, Headers
from resolvers import Flights

_CONTENT_TYPES = {
    JSON: b"application/json; charset=utf-8",
    GRAPHQL_JSON: b"application/graphql-response+json; charset=utf-8",
}
_NO_STORE = (b"cache-control", b"no-store")
# Below it, compressing saves no packet.
_COMPRESSED_BYTES = 1_000
# From here on compressing takes milliseconds, during which nobody else would be answered.
_LONG_BYTES = 128_000


async def refuse(send: Send, error: RequestError, media_type: str | None) -> None:
    """Send that a request was not executed, in JSON where the client accepts neither media type."""
    body = msgspec.json.encode(error.report())
    await respond(send, error.status, _CONTENT_TYPES[media_type or JSON], body, (_NO_STORE, *error.headers))


class Answering:
    """Sends the answers of one engine.

    Args:
        compression: whether long answers are compressed for clients that take it.
        clients: who may ask; where not everybody may, no cache that others share may keep an answer.
    """

    def __init__(self, engine: Engine, *, compression: bool, clients: Clients) -> None:
        self._engine = engine
        self._compression = compression
        public = ("accept", "accept-encoding") if compression else ("accept",)
        self._vary = ", ".join(public).encode()
        self._vary_private = ", ".join((*public, *sorted({*engine.forwards, *clients.reads}))).encode("latin-1")
        self._is_for_all = clients.anonymous
        self._compressing: Flights[bytes] = Flights()

    async def send(self, send: Send, answer: Answer, media_type: str, headers: Headers, *, is_get: bool) -> None:
        """Send an answer to a request with these headers; to a GET perhaps only that it has not changed."""
        body = answer.body
        coding = self._coding(headers, len(body), is_get=is_get) if self._compression else None
        if answer.executed and answer.fresh_until is None and not is_get and coding is None:
            await self._send_plainly(send, answer, media_type)
            return
        extra = [(b"cache-control", self._cache_control(answer))]
        status = answer.status
        if answer.media_type is not None:
            media_type = answer.media_type
        if status == 405:
            extra.append((b"allow", b"POST"))
        elif not answer.executed and media_type == JSON and not answer.malformed:
            status = 200
        if answer.executed and (is_get or answer.fresh_until is not None):
            if answer.etag is None:
                answer.etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            # Weak, where the same answer reads differently byte for byte (RFC 9110, 8.8.3.3).
            extra.append((b"etag", (answer.etag if coding is None else f"W/{answer.etag}").encode()))
            if is_get or self._is_private(answer) or (self._compression and len(body) >= _COMPRESSED_BYTES):
                extra.append((b"vary", self._vary_private if self._is_private(answer) else self._vary))
            if is_get and _matches(headers.get("if-none-match"), answer.etag):
                await respond(send, 304, None, b"", extra)
                return
        if coding is not None:
            body = await self._compressed(answer, coding)
            extra.append((b"content-encoding", coding.encode()))
        await respond(send, status, _CONTENT_TYPES[media_type], body, extra)

    async def _send_plainly(self, send: Send, answer: Answer, media_type: str) -> None:
        """Send an answer as it stands, with headers that are made once for all who share it."""
        head = answer.heads.get(media_type)
        if head is None:
            head = answer.heads[media_type] = (
                (b"content-length", b"%d" % len(answer.body)),
                (b"cache-control", self._cache_control(answer)),
                (b"content-type", _CONTENT_TYPES[answer.media_type or media_type]),
            )
        # A copy: middleware adds to it.
        await send({"type": "http.response.start", "status": answer.status, "headers": [*head]})
        await send({"type": "http.response.body", "body": answer.body})

    def _coding(self, headers: Headers, length: int, *, is_get: bool) -> str | None:
        wanted = headers.raw.get(b"accept-encoding")
        if wanted is None:
            return None
        coding, refuses_identity = negotiated(wanted)
        if length < _COMPRESSED_BYTES and not refuses_identity:
            return None
        # A page of another origin can have a browser send a GET with cookies and text of its choice; how much shorter
        # that text makes a compressed answer would tell what else stands in it (BREACH).
        return None if is_get and b"cookie" in headers.raw else coding

    async def _compressed(self, answer: Answer, coding: str) -> bytes:
        known = answer.compressed.get(coding) if answer.compressed is not None else None
        if known is not None:
            return known
        if len(answer.body) < _LONG_BYTES:
            body = compress(coding, answer.body)
        else:
            # Many may wait for one answer; the first of them compresses it for all.
            flight = (id(answer), coding)
            body = await self._compressing.share(flight, lambda: asyncio.to_thread(compress, coding, answer.body))
        answer.keep_compressed(coding, body)
        return body

    def _is_private(self, answer: Answer) -> bool:
        return answer.private or not self._is_for_all

    def _cache_control(self, answer: Answer) -> bytes:
        if answer.no_store:
            return b"no-store"
        if answer.granted:
            return b"private, no-cache"  # whoever asks next, over the same cache, may be somebody else
        scope = b"private" if self._is_private(answer) else b"public"
        if answer.fresh_until is None:
            return b"no-cache" if scope == b"public" else b"private, no-cache"
        remaining = max(0, int(answer.fresh_until - self._engine.store.clock()))
        return scope + b", max-age=%d" % remaining


def _matches(if_none_match: str | None, etag: str) -> bool:
    if if_none_match is None:
        return False
    candidates = [candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")]
    return etag in candidates or "*" in candidates
