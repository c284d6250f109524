"""Send with an `httpx.AsyncClient`: custom transports, auth flows, ASGI apps in this process, mocks."""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import cast

import httpx

from sources.transport import (
    UNPACKED,
    Content,
    Headers,
    Reply,
    Streamed,
    Transport,
    TransportInvalid,
    TransportTimeout,
    TransportUnavailable,
)

_PIECE_BYTES = 65_536
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
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "request": [*hooks["request"], _hide_query]}
        self._client = client

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        """Give the backend's reply; see `Transport.send`."""
        with _translating():
            response = await self._client.request(
                method, url, headers=list(headers), content=body, follow_redirects=False
            )
        return Reply(response.status_code, response.content, response.headers.get)

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
            yield Streamed(response.status_code, lambda: _chunks(response), response.headers.get)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()


class _WithoutQuery(httpx.URL):
    """An address whose text has no query."""

    def __str__(self) -> str:
        return str(httpx.URL(self).copy_with(query=None))


async def _hide_query(request: httpx.Request) -> None:
    """Keep what httpx logs of a request free of its query, in which a key may stand; what is sent stays the same."""
    request.url = _WithoutQuery(request.url)


def transport_of(client: httpx.AsyncClient | Transport | None) -> Transport | None:
    """Give what an author names as the client of a source as a `Transport`."""
    return HttpxTransport(client) if isinstance(client, httpx.AsyncClient) else client


async def _chunks(response: httpx.Response) -> AsyncGenerator[bytes]:
    with _translating():
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in UNPACKED:
            raise TransportInvalid
        async with aclosing(cast(AsyncGenerator[bytes], response.aiter_raw())) as chunks:
            if coding == "identity":
                async for chunk in chunks:
                    yield chunk
            else:
                async for chunk in _unpacked(chunks):
                    yield chunk


async def _unpacked(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Give what is in gzip, no more at once than `_PIECE_BYTES`: a few bytes may hold more than memory does."""
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    async for chunk in chunks:
        while chunk:
            try:
                piece = unpacking.decompress(chunk, _PIECE_BYTES)
            except zlib.error as exc:
                raise TransportInvalid from exc
            chunk = unpacking.unconsumed_tail
            if piece:
                yield piece
            await asyncio.sleep(0)


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
