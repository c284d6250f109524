"""The fast `Transport`: a connection pool of Rust's reqwest."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import functools
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
from pyreqwest import exceptions as reqwest
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.response import Response

from sources.errors import DeclarationError
from sources.httpx_transport import HttpxTransport, Pinned
from sources.tls import Tls
from sources.transport import (
    MAX_REPLY_BYTES,
    Content,
    Headers,
    Reply,
    Streamed,
    TransportInvalid,
    TransportTimeout,
    TransportTooLarge,
    TransportUnavailable,
)


class PyreqwestTransport:
    """A connection pool of Rust's reqwest, and connections of httpx for replies that are held open.

    The pool is made in the event loop that first sends, so a graph may be declared before a server forks.

    Args:
        timeout_s: seconds for the whole exchange, the body included. While a body is sent in pieces: seconds that the
            backend may take for each piece, and for its reply after the last one.
        connect_timeout_s: seconds for connecting.
        read_timeout_s: seconds between two pieces of the reply.
        max_reply_bytes: of a reply's body, unpacked; of a larger one no more than this is read.
        idle_s: seconds after which an idle connection is not used again. Many servers (uvicorn and node among them)
            hang up after 5, and a request that is sent at that moment is lost.
        tls: certificates besides those of this machine.
        pin: a host and the address that is connected to for it, without any proxy; None for what its name says.
        headers: sent with each request.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        connect_timeout_s: float,
        read_timeout_s: float | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        idle_s: float = 4.0,
        tls: Tls | None = None,
        pin: tuple[str, str, int] | None = None,
        headers: Headers = (),
    ) -> None:
        self._timeout_s = timeout_s
        self.connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._max_reply_bytes = max_reply_bytes
        self._idle_s = idle_s
        self._tls = tls
        self._pin = pin
        self._headers = tuple(headers)
        self._client: Client | None = None
        self._streams: Client | None = None
        self._held: asyncio.Future[HttpxTransport] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def pinned(self, url: str, address: str) -> PyreqwestTransport:
        """Give one like this whose connections to the host of a URL go to an address."""
        parts = urlsplit(url)
        return PyreqwestTransport(
            timeout_s=self._timeout_s,
            connect_timeout_s=self.connect_timeout_s,
            read_timeout_s=self._read_timeout_s,
            max_reply_bytes=self._max_reply_bytes,
            idle_s=self._idle_s,
            tls=self._tls,
            pin=(parts.hostname or "", address, parts.port or (443 if parts.scheme == "https" else 80)),
            headers=self._headers,
        )

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        """Give the backend's reply; see `Transport.send`."""
        if self._client is None or self._loop is not asyncio.get_running_loop():
            self._begin()
        if body is None or isinstance(body, bytes):
            return await self._exchange(self._client, method, url, headers, body)
        return await self._upload(method, url, headers, body)

    async def _upload(self, method: str, url: str, headers: Headers, body: AsyncIterable[bytes]) -> Reply:
        """Send a body in pieces. The clock stands still while the next piece has yet to come: that is not the backend.

        The pool's own clocks would end an upload that is merely long, so this is another pool, without them.
        """
        if self._streams is None:
            self._streams = self._builder().build()
        try:
            async with asyncio.timeout(self._timeout_s) as clock:
                sending = self._timed(body, clock)
                return await self._exchange(self._streams, method, url, headers, sending)
        except TimeoutError as exc:
            raise TransportTimeout from exc

    async def _timed(self, body: AsyncIterable[bytes], clock: asyncio.Timeout) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        pieces = aiter(body)
        while True:
            _set(clock, None)
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return
            finally:
                _set(clock, loop.time() + self._timeout_s)
            yield piece

    async def _exchange(self, client: Client | None, method: str, url: str, headers: Headers, body: Content) -> Reply:
        if client is None:
            raise TransportUnavailable
        try:
            builder = client.get(url) if method == "GET" else client.request(method, url)
            for name, value in headers:
                builder = builder.header(name, value)
            if isinstance(body, bytes):
                builder = builder.body_bytes(body)
            elif body is not None:
                builder = builder.body_stream(body)
            async with builder.build_streamed() as response:
                # Unpacked a little at a time, beside the event loop, up to the first byte that is too many. What
                # Content-Length says is not asked: with Transfer-Encoding beside it, it bounds nothing.
                content = await response.body_reader.read(self._max_reply_bytes + 1) or b""
                if len(content) > self._max_reply_bytes:
                    del content  # else it would live as long as the exception, which knows this frame
                    raise TransportTooLarge(self._max_reply_bytes)
                return Reply(response.status, content, functools.partial(_header, response))
        except _TIMEOUTS as exc:
            raise TransportTimeout from _unaddressed(exc)
        except reqwest.DecodeError as exc:
            # One exception for a body that was cut, one that cannot be unpacked, and bytes that are no HTTP.
            is_cut = "end of file" in str(exc) or "incomplete" in str(exc)
            raise (TransportUnavailable if is_cut else TransportInvalid) from _unaddressed(exc)
        except reqwest.TransportError as exc:
            raise TransportUnavailable from _unaddressed(exc)
        except _INVALID as exc:
            raise TransportInvalid from _unaddressed(exc)

    @contextlib.asynccontextmanager
    async def stream(self, method: str, url: str, headers: Headers) -> AsyncGenerator[Streamed]:
        """Hold a reply open; see `Transport.stream`. This library could not hang up while it waits for a reply."""
        if self._client is None or self._loop is not asyncio.get_running_loop():
            self._begin()
        if self._held is None:  # made aside, since it reads the certificates that this machine trusts
            self._held = asyncio.get_running_loop().run_in_executor(None, self._holding)
        held = await asyncio.shield(self._held)
        async with held.stream(method, url, headers) as streamed:
            yield streamed

    async def aclose(self) -> None:
        """Close the pool."""
        clients, held = (self._client, self._streams), self._held
        self._client = self._streams = self._held = None
        if self._loop is not asyncio.get_running_loop():
            return
        for client in clients:
            if client is not None:
                await client.close()
        if held is not None:
            await (await held).aclose()

    def _begin(self) -> None:
        # The pool has no limit: there, an exchange whose client went away keeps its place until it times out, and
        # clients that hang up could keep everybody out. Turns are given by `sources.bulkhead`.
        builder = self._builder().timeout(dt.timedelta(seconds=self._timeout_s))
        if self._read_timeout_s is not None:
            builder = builder.read_timeout(dt.timedelta(seconds=self._read_timeout_s))
        self._client = builder.build()
        self._streams = self._held = None
        self._loop = asyncio.get_running_loop()

    def _holding(self) -> HttpxTransport:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        timeout = httpx.Timeout(None, connect=self.connect_timeout_s)
        with _usable():
            verify = True if self._tls is None else self._tls.context()
        options: dict[str, Any] = {"headers": list(self._headers), "limits": limits, "timeout": timeout}
        if self._pin is not None:
            options["transport"] = Pinned(httpx.AsyncHTTPTransport(verify=verify, limits=limits), self._pin[1])
        return HttpxTransport(httpx.AsyncClient(**options, verify=verify))

    def _builder(self) -> ClientBuilder:
        builder = ClientBuilder().connect_timeout(dt.timedelta(seconds=self.connect_timeout_s)).follow_redirects(False)
        builder = builder.pool_idle_timeout(dt.timedelta(seconds=self._idle_s))
        if self._pin is not None:
            builder = builder.resolve(*self._pin).no_proxy()
        if self._tls is not None:
            with _usable():
                for authority in self._tls.authorities():
                    builder = builder.add_root_certificate_der(authority)
                if identity := self._tls.identity():
                    builder = builder.identity_pem(identity)
        return builder.default_headers(list(self._headers)) if self._headers else builder


@contextlib.contextmanager
def _usable() -> Iterator[None]:
    """Turn what is wrong with the files of certificates, though it was not at the start, into a failure to connect."""
    try:
        yield
    except (DeclarationError, OSError, ValueError, reqwest.PyreqwestError) as exc:
        raise TransportUnavailable from exc


def _set(clock: asyncio.Timeout, ends_at: float | None) -> None:
    with contextlib.suppress(RuntimeError):  # the exchange is over, and its body is still being read
        clock.reschedule(ends_at)


def _unaddressed(exc: Exception) -> Exception:
    """Take the address out of what an exception says of itself: a key may stand in its query."""
    if isinstance(exc, reqwest.DetailedPyreqwestError):
        causes = exc.details["causes"] or []
        exc.details["causes"] = [cause for cause in causes if "://" not in cause["message"]]
        exc.args = (exc.message, exc.details)
    return exc


def _header(response: Response, name: str) -> str | None:
    """Give a header's value; the lines of a repeated one are one list (RFC 9110, 5.3)."""
    try:
        lines = response.get_header_all(name)
    except ValueError:  # bytes that are no ASCII
        return None
    return ", ".join(lines) if lines else None


_TIMEOUTS = (reqwest.RequestTimeoutError,)
_INVALID = (reqwest.PyreqwestError, ValueError, TypeError)
