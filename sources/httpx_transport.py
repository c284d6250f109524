"""Send with an `httpx.AsyncClient`: custom transports, auth flows, ASGI apps in this process, mocks."""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import cast

import httpx

from sources.transport import (
    MAX_REPLY_BYTES,
    UNPACKED,
    Content,
    Headers,
    Reply,
    Streamed,
    Transport,
    TransportInvalid,
    TransportTimeout,
    TransportTooLarge,
    TransportUnavailable,
)

_PIECE_BYTES = 65_536
# httpx unpacks more, but each piece that arrives at once, whatever is in it.
_CODINGS = ("identity", "gzip", "x-gzip", "deflate")
_ASKED_FOR = "gzip, deflate"
# A peer that is gone without a word is noticed after about a minute and a half.
_KEEP_ALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
]


class HttpxTransport:
    """A `Transport` over a client that the caller configured; its timeouts hold, redirects are not followed.

    Cookies are neither kept nor sent: one client's session would go out with the next client's request. A reply that
    is held open takes one of the client's connections.

    Args:
        max_reply_bytes: of a reply's body, unpacked; of a larger one little more than this is read.
    """

    def __init__(self, client: httpx.AsyncClient, *, max_reply_bytes: int = MAX_REPLY_BYTES) -> None:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "request": [*hooks["request"], _hide_query]}
        self._client = client
        self._max_reply_bytes = max_reply_bytes

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        """Give the backend's reply; see `Transport.send`."""
        sent = httpx.Headers([("accept-encoding", _ASKED_FOR)])
        sent.update(httpx.Headers(list(headers)))
        with _translating():
            request = self._client.build_request(method, url, headers=sent, content=body)
            response = await self._client.send(request, stream=True, follow_redirects=False)
            try:
                whole = await self._whole(response)
            finally:
                await response.aclose()
        return Reply(response.status_code, whole, response.headers.get)

    async def _whole(self, response: httpx.Response) -> bytes:
        if response.is_stream_consumed:  # by what the client is made of: an auth flow, a hook, a mock
            body = [response.content]
        else:
            body, left = [], self._max_reply_bytes
            async with aclosing(_chunks(response, _CODINGS)) as chunks:
                async for chunk in chunks:
                    body.append(chunk)
                    left -= len(chunk)
                    if left < 0:
                        break
        whole = b"".join(body)
        if len(whole) > self._max_reply_bytes:
            raise TransportTooLarge(self._max_reply_bytes)
        return whole

    @asynccontextmanager
    async def stream(self, method: str, url: str, headers: Headers) -> AsyncGenerator[Streamed]:
        """Hold a reply open; see `Transport.stream`."""
        configured = self._client.timeout
        timeout = httpx.Timeout(None, connect=configured.connect, pool=configured.pool)
        with _translating():
            request = self._client.build_request(method, url, headers=list(headers), timeout=timeout)
            response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            _keep_alive(response)
            yield Streamed(response.status_code, lambda: _chunks(response, UNPACKED), response.headers.get)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()


class Pinned(httpx.AsyncBaseTransport):
    """Connects to one address, whatever a request's host is; certificates are still those of the host."""

    def __init__(self, transport: httpx.AsyncBaseTransport, address: str) -> None:
        self._transport = transport
        self._address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request there; its ``Host`` stays what it is."""
        return await self._transport.handle_async_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=self._address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": request.url.host},
            )
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class _WithoutQuery(httpx.URL):
    """An address whose text has no query."""

    def __str__(self) -> str:
        return str(httpx.URL(self).copy_with(query=None))


async def _hide_query(request: httpx.Request) -> None:
    """Keep what httpx logs of a request free of its query, in which a key may stand; what is sent stays the same."""
    request.url = _WithoutQuery(request.url)


def transport_of(
    client: httpx.AsyncClient | Transport | None, *, max_reply_bytes: int = MAX_REPLY_BYTES
) -> Transport | None:
    """Give what an author names as the client of a source as a `Transport`."""
    if isinstance(client, httpx.AsyncClient):
        return HttpxTransport(client, max_reply_bytes=max_reply_bytes)
    return client


async def _chunks(response: httpx.Response, codings: tuple[str, ...]) -> AsyncGenerator[bytes]:
    with _translating():
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in codings:
            raise TransportInvalid
        async with aclosing(cast(AsyncGenerator[bytes], response.aiter_raw())) as chunks:
            if coding == "identity":
                async for chunk in chunks:
                    yield chunk
            else:
                async for chunk in _unpacked(chunks):
                    yield chunk


async def _unpacked(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """Give what is in gzip or deflate, no more at once than `_PIECE_BYTES`: a few bytes may hold more than memory does.

    Raises:
        TransportInvalid: it is neither.
        TransportUnavailable: it ends too early.
    """
    unpacking: zlib._Decompress | None = None
    try:
        async for chunk in chunks:
            if unpacking is None and chunk:
                unpacking = zlib.decompressobj(_window_of(chunk))
            while unpacking is not None and not unpacking.eof:
                piece = unpacking.decompress(chunk, _PIECE_BYTES)
                chunk = unpacking.unconsumed_tail
                if piece:
                    yield piece
                await asyncio.sleep(0)
                if not chunk and len(piece) < _PIECE_BYTES:
                    break
    except zlib.error as exc:
        raise TransportInvalid from exc
    if unpacking is not None and not unpacking.eof:
        raise TransportUnavailable


def _window_of(begin: bytes) -> int:
    """Give zlib's word for how a body is packed: servers that say deflate mean it with its frame, or without."""
    has_frame = begin[0] & 0x0F == 8 or begin[0] == 0x1F
    return 32 + zlib.MAX_WBITS if has_frame else -zlib.MAX_WBITS


def _keep_alive(response: httpx.Response) -> None:
    stream = response.extensions.get("network_stream")
    connection = stream.get_extra_info("socket") if stream is not None else None
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        for level, option, value in _KEEP_ALIVE:
            connection.setsockopt(level, option, value)


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as exc:
        raise TransportTimeout from exc
    except (
        httpx.InvalidURL,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
        httpx.DecodingError,
        UnicodeError,
    ) as exc:
        raise TransportInvalid from exc
    except RuntimeError as exc:  # a connection of an event loop that is gone
        raise TransportUnavailable from exc
    except httpx.RemoteProtocolError as exc:
        is_cut = "disconnected" in str(exc) or "closed" in str(exc)
        raise (TransportUnavailable if is_cut else TransportInvalid) from exc
    except httpx.HTTPError as exc:
        raise TransportUnavailable from exc
