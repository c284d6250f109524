"""The seam to the network: a method that makes one HTTP exchange, and one that holds a reply open.

`Transport` is what `Rest` speaks with. `sources.pyreqwest_transport` (Rust reqwest) is the default: it costs a small
part of what a Python client costs per request. `sources.httpx_transport` is the other implementation, for everything
that httpx can do and that cannot; `sources.fake` answers from memory. A transport never follows redirects (they may
leave the host that the author named), reads no more of a reply than it may hold, however it is packed, and raises
only the exceptions of this module.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

Headers = Sequence[tuple[str, str]]
# The content codings that a reply which is held open may have.
UNPACKED = ("identity", "gzip")
# How large a reply may be, unpacked, where a source does not say otherwise.
MAX_REPLY_BYTES = 16 * 1024 * 1024
Content = bytes | AsyncIterable[bytes] | None


class TransportError(Exception):
    """An exchange that brought no reply."""


class TransportTimeout(TransportError):
    """Connecting, waiting or reading took too long."""


class TransportUnavailable(TransportError):
    """No connection, or it broke before the reply was whole."""


class TransportInvalid(TransportError):
    """The backend's bytes are not HTTP, cannot be unpacked, or the request cannot be sent as HTTP."""


class TransportTooLarge(TransportInvalid):
    """A reply is larger than it may be; it was broken off, and the rest of it never read.

    Args:
        most_bytes: how large it might have been, unpacked.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"more than {most_bytes:,} bytes")


class Reply:
    """What a backend answered: status, body, and headers on demand."""

    __slots__ = ("_header", "body", "status")

    def __init__(self, status: int, body: Any, header: Callable[[str], str | None]) -> None:
        self.status = status
        self.body = body
        self._header = header

    def header(self, name: str) -> str | None:
        """Give a header's value, whatever the case of its name."""
        return self._header(name)


class Streamed:
    """A reply whose body is still coming: status, headers on demand, pieces of the body as they arrive."""

    __slots__ = ("_chunks", "_header", "status")

    def __init__(
        self, status: int, chunks: Callable[[], AsyncGenerator[bytes]], header: Callable[[str], str | None]
    ) -> None:
        self.status = status
        self._chunks = chunks
        self._header = header

    def header(self, name: str) -> str | None:
        """Give a header's value, whatever the case of its name."""
        return self._header(name)

    def chunks(self) -> AsyncGenerator[bytes]:
        """Give the body, once, in pieces of any length; nothing is read ahead of who reads them.

        Raises:
            TransportError: the body breaks off.
        """
        return self._chunks()


class Transport(Protocol):
    """Makes HTTP exchanges."""

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        """Give the backend's reply, of any status, redirects included.

        Args:
            body: pieces that are sent as they come, taken only as fast as the backend takes them; the backend may
                answer before it has them all. What raises among them breaks the request off.

        Raises:
            TransportError: there is no reply.
            TransportTooLarge: there is more of it than the transport was told to read.
        """
        ...

    def stream(self, method: str, url: str, headers: Headers) -> AbstractAsyncContextManager[Streamed]:
        """Give a reply as soon as its headers are there, and hang up at the end of the block, or when cancelled.

        It may last for days: no timeout but that of connecting applies, and it takes nobody's turn.

        Raises:
            TransportError: there is no reply.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open; what is sent afterwards opens it anew, or fails."""
        ...
