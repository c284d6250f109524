"""The clients: a closed loop over keep-alive connections that checks every answer.

Each connection sends its next request when it has the answer to the last one, until the time is over or all
requests are sent; what is in flight then is waited for, so every request that is paid for is counted. Plain
`asyncio.Protocol` and no HTTP library, since the load shares its core with the backend.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

_HEAD_END = b"\r\n\r\n"
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_DRAIN_S = 60.0


class LoadError(Exception):
    """The server gave a wrong answer, none in time, or closed a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send, and how to tell a good answer.

    Args:
        limit: stop after so many requests; None means that only the time counts.
        seconds: stop sending after so long; None means that only the number counts.
        body: the body of request ``number``; all bodies of one load have the same length.
        accepts: whether a body answers request ``number``. It runs for every answer: it must be cheap.
        first: the number of the first request.
        headers: further headers of each request.
    """

    port: int
    connections: int
    body: Callable[[int], bytes]
    accepts: Callable[[int, bytes], bool]
    first: int
    seconds: float | None = None
    limit: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How many requests were answered, and in how long."""

    requests: int
    elapsed_s: float


async def drive(load: Load) -> Outcome:
    """Send the load and wait for the last answer.

    Raises:
        LoadError: an answer was wrong, a connection broke, or answers were still missing long after the end.
        ValueError: the load has no end.
    """
    if load.seconds is None and load.limit is None:
        raise ValueError("a load needs seconds or a limit")
    loop = asyncio.get_running_loop()
    clients = _Clients(load, loop)
    try:
        for _ in range(load.connections):
            await loop.create_connection(clients.connection, "127.0.0.1", load.port)
        started_at = loop.time()
        clients.start()
        async with asyncio.timeout(None if load.seconds is None else load.seconds + _DRAIN_S):
            await clients.finished
    except TimeoutError as exc:
        raise LoadError(f"answers are missing {_DRAIN_S:g} s after the end") from exc
    except OSError as exc:
        raise LoadError(f"cannot connect to port {load.port}: {exc}") from exc
    finally:
        clients.close()
    return Outcome(requests=clients.answered, elapsed_s=loop.time() - started_at)


class _Clients:
    """The state that the connections of one load share."""

    def __init__(self, load: Load, loop: asyncio.AbstractEventLoop) -> None:
        self.accepts = load.accepts
        self.answered = 0
        self.finished: asyncio.Future[None] = loop.create_future()
        self._load = load
        self._loop = loop
        self._numbers = itertools.count(load.first)
        self._after_last = None if load.limit is None else load.first + load.limit
        self._ends_at = float("inf")
        self._connections: list[_Connection] = []
        self._busy = 0
        head = (
            "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(load.body(load.first))}"
        )
        head += "".join(f"\r\n{name}: {value}" for name, value in load.headers.items())
        self._head = head.encode() + _HEAD_END

    def connection(self) -> _Connection:
        connection = _Connection(self)
        self._connections.append(connection)
        return connection

    def start(self) -> None:
        if self._load.seconds is not None:
            self._ends_at = self._loop.time() + self._load.seconds
        self._busy = len(self._connections)
        for connection in self._connections:
            connection.send()

    def next_request(self) -> tuple[int, bytes] | None:
        """Give the next number and its request, or None once the load is over."""
        if self._loop.time() >= self._ends_at:
            return None
        number = next(self._numbers)
        if number == self._after_last:
            self._ends_at = 0.0
            return None
        return number, self._head + self._load.body(number)

    def done(self) -> None:
        """Note that a connection has its last answer."""
        self._busy -= 1
        if self._busy == 0 and not self.finished.done():
            self.finished.set_result(None)

    def fail(self, message: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(LoadError(message))

    def close(self) -> None:
        self.finished.cancel()
        for connection in self._connections:
            connection.close()


class _Connection(asyncio.Protocol):
    """One client: at any time one request without its answer."""

    _transport: asyncio.Transport | None = None

    def __init__(self, clients: _Clients) -> None:
        self._clients = clients
        self._number = -1
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        following = self._clients.next_request()
        if following is None:
            self._clients.done()
        elif self._transport is not None:
            self._number, request = following
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head_end = received.find(_HEAD_END)
        if head_end < 0:
            self._received = received
            return
        length = _CONTENT_LENGTH.search(received, 0, head_end)
        if length is None or not received.startswith(b"HTTP/1.1 200 "):
            self._clients.fail(f"expected 200 with a Content-Length, received {received[:200]!r}")
            return
        body_start = head_end + len(_HEAD_END)
        if len(received) < body_start + int(length[1]):
            self._received = received
            return
        self._received = b""
        body = received[body_start:]
        if not self._clients.accepts(self._number, body):
            self._clients.fail(f"request {self._number} has a wrong answer: {body[:200]!r}")
            return
        self._clients.answered += 1
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.fail(f"the server closed a connection: {exc or 'no reason given'}")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
