"""A proxy between Weft and a backend that breaks what passes through it, in a way that a test chooses.

It speaks HTTP/1.1 over plain sockets, reads each request whole, and then lets a `Fault` decide: what to send, how
slowly, and how the connection ends. Connections are kept alive where the fault leaves them sound, so that what is
poisoned is used again if its reader is not careful. The backend is asked over a connection of its own for each request;
it has done what it was asked when the reply is broken.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

Fault = Callable[["Exchange"], Awaitable[None]]
FAULTS: dict[str, Fault] = {}
_HEAD_END = b"\r\n\r\n"
_HANGS_S = 60.0  # longer than anybody here waits
_MOST_BYTES = 200_000_000  # what an endless reply comes to, if nobody hangs up


class Broken(Exception):
    """The connection is of no more use."""


@dataclass(frozen=True)
class Reply:
    """What a backend answered: its head without the empty line, and its body."""

    head: bytes
    body: bytes

    def with_length(self, length: int) -> bytes:
        """Give the head with this Content-Length, and the empty line."""
        lines = [line for line in self.head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        return b"\r\n".join([*lines, b"content-length: %d" % length]) + _HEAD_END


class Exchange:
    """One request on its way, as faults see it."""

    def __init__(
        self, proxy: Proxy, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.request = request
        self.chance = proxy.chance
        self._proxy = proxy
        self._reader = reader
        self._writer = writer

    async def pass_on(self) -> None:
        """Let the exchange happen as if nobody stood between; a reply without a length is passed on as it comes."""
        async with self._asking() as (reader, head):
            length = _length(head)
            if length is None:
                await self.say(head + _HEAD_END)
                while piece := await reader.read(65536):
                    await self.say(piece)
                raise Broken
            await self.say(head + _HEAD_END + await reader.readexactly(length))

    async def ask(self) -> Reply:
        """Let the backend do what it is asked, and give its reply instead of passing it on."""
        async with self._asking() as (reader, head):
            length = _length(head)
            return Reply(head, await (reader.read() if length is None else reader.readexactly(length)))

    async def say(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)
        await self._writer.drain()

    async def hang(self) -> None:
        """Say nothing more until the other end hangs up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANGS_S):
                while await self._reader.read(65536):
                    pass
        raise Broken

    def reset(self) -> None:
        """End the connection with a reset instead of a farewell."""
        own: socket.socket = self._writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Broken

    def close(self) -> None:
        """End the connection as if all were said."""
        raise Broken

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncGenerator[tuple[asyncio.StreamReader, bytes]]:
        reader, writer = await asyncio.open_connection(*self._proxy.backend)
        try:
            writer.write(self.request)
            head = (await reader.readuntil(_HEAD_END)).removesuffix(_HEAD_END)
            yield reader, head
        finally:
            writer.transport.abort()


class Proxy:
    """Listens on a port of its own, before the backend at an address of this machine.

    One of `faults` happens to a `share` of all requests; the others pass. `injected` counts by fault.
    """

    def __init__(self, address: str, *, seed: int = 0) -> None:
        host, port = address.removeprefix("http://").split(":")
        self.backend = (host, int(port))
        self.chance = random.Random(seed)
        self.faults: Sequence[str] = ()
        self.share = 1.0
        self.injected: Counter[str] = Counter()
        self.asked = 0
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        """The address to ask instead of the backend's."""
        return f"http://127.0.0.1:{self._port}"

    async def listen(self) -> None:
        """Take connections, again on the port that was taken first."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, backlog=1024)
        self._port = self._server.sockets[0].getsockname()[1]

    async def go_away(self) -> None:
        """Take no connections, and reset those that are open, like a process that is killed."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.hang_up()

    async def hang_up(self) -> None:
        """Reset all connections."""
        for writer in self._open.values():
            writer.transport.abort()
        for task in (tasks := list(self._open)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(lambda task: self._open.pop(task))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await _read_request(reader)
                self.asked += 1
                exchange = Exchange(self, request, reader, writer)
                if not self.faults or self.chance.random() >= self.share:
                    await exchange.pass_on()
                    continue
                name = self.chance.choice(self.faults)
                self.injected[name] += 1
                await FAULTS[name](exchange)
        except (Broken, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(_HEAD_END)
    return head + await reader.readexactly(_length(head) or 0)


def _length(head: bytes) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return None


# -- the faults -------------------------------------------------------------------------------------------------------


def fault(name: str) -> Callable[[Fault], Fault]:
    """Keep a fault under its name."""

    def keep(breaks: Fault) -> Fault:
        FAULTS[name] = breaks
        return breaks

    return keep


def _says(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode() + _HEAD_END + body


@fault("delay")
async def _(exchange: Exchange) -> None:
    await asyncio.sleep(0.3)
    await exchange.pass_on()


@fault("jitter")
async def _(exchange: Exchange) -> None:
    await asyncio.sleep(exchange.chance.uniform(0, 0.1))
    reply = await exchange.ask()
    whole = reply.with_length(len(reply.body)) + reply.body
    middle = exchange.chance.randrange(len(whole))
    await exchange.say(whole[:middle])
    await asyncio.sleep(exchange.chance.uniform(0, 0.2))
    await exchange.say(whole[middle:])


@fault("closed at once")
async def _(exchange: Exchange) -> None:
    exchange.close()


@fault("reset before the request is done")
async def _(exchange: Exchange) -> None:
    exchange.reset()


@fault("reset after the request is done")
async def _(exchange: Exchange) -> None:
    await exchange.ask()
    exchange.reset()


@fault("reset in the body")
async def _(exchange: Exchange) -> None:
    reply = await exchange.ask()
    await exchange.say(reply.with_length(len(reply.body)) + reply.body[: len(reply.body) // 2])
    exchange.reset()


@fault("half of the body")
async def _(exchange: Exchange) -> None:
    reply = await exchange.ask()
    await exchange.say(reply.with_length(len(reply.body)) + reply.body[: len(reply.body) // 2])
    exchange.close()


@fault("length too long")
async def _(exchange: Exchange) -> None:
    reply = await exchange.ask()
    await exchange.say(reply.with_length(len(reply.body) + 10) + reply.body)
    await exchange.hang()


@fault("length too short")
async def _(exchange: Exchange) -> None:
    reply = await exchange.ask()
    await exchange.say(reply.with_length(len(reply.body) - 3) + reply.body)


@fault("one reply too many")
async def _(exchange: Exchange) -> None:
    reply = await exchange.ask()
    planted = _says("200 OK", b'{"id": "1", "name": "planted"}', "content-type: application/json")
    await exchange.say(reply.with_length(len(reply.body)) + reply.body + planted)


@fault("chunks cut")
async def _(exchange: Exchange) -> None:
    body = (await exchange.ask()).body
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    await exchange.say(head + b"%x\r\n" % len(body) + body + b"\r\n")
    exchange.close()


@fault("no chunks")
async def _(exchange: Exchange) -> None:
    body = (await exchange.ask()).body
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    await exchange.say(head + b"zz\r\n" + body)
    exchange.close()


@fault("status 500")
async def _(exchange: Exchange) -> None:
    await exchange.say(_says("500 Internal Server Error", b"Traceback (most recent call last): secret.py"))


@fault("status 503")
async def _(exchange: Exchange) -> None:
    await exchange.say(_says("503 Service Unavailable", b'{"error": "busy"}', "retry-after: 1"))


@fault("status 429")
async def _(exchange: Exchange) -> None:
    await exchange.say(_says("429 Too Many Requests", b"{}", "retry-after: 1"))


@fault("status 204")
async def _(exchange: Exchange) -> None:
    await exchange.say(b"HTTP/1.1 204 No Content\r\n\r\n")


@fault("redirect elsewhere")
async def _(exchange: Exchange) -> None:
    await exchange.say(_says("307 Temporary Redirect", b"", "location: http://elsewhere.invalid/planted"))


@fault("slow drip")
async def _(exchange: Exchange) -> None:
    reply = await exchange.ask()
    for byte in reply.with_length(len(reply.body)) + reply.body:
        await exchange.say(bytes((byte,)))
        await asyncio.sleep(0.02)


@fault("HTML")
async def _(exchange: Exchange) -> None:
    await exchange.say(_says("200 OK", b"<!doctype html><title>Welcome</title>", "content-type: text/html"))


@fault("other JSON")
async def _(exchange: Exchange) -> None:
    body = exchange.chance.choice([b"[7]", b"{}", b"7", b'"text"', b'{"name": 7}', b"[[[[", b'{"name": "\xff"}'])
    await exchange.say(_says("200 OK", body, "content-type: application/json"))


@fault("garbage")
async def _(exchange: Exchange) -> None:
    await exchange.say(exchange.chance.randbytes(2000))
    exchange.close()


@fault("endless headers")
async def _(exchange: Exchange) -> None:
    await exchange.say(b"HTTP/1.1 200 OK\r\n")
    for number in range(100_000):
        await exchange.say(b"x-%d: " % number + b"x" * 1000 + b"\r\n")
    exchange.close()


@fault("endless interim replies")
async def _(exchange: Exchange) -> None:
    for _ in range(10_000):
        await exchange.say(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 10)
        await asyncio.sleep(0.01)
    exchange.close()


@fault("hang before the reply")
async def _(exchange: Exchange) -> None:
    await exchange.hang()


@fault("hang after the headers")
async def _(exchange: Exchange) -> None:
    reply = await exchange.ask()
    await exchange.say(reply.with_length(len(reply.body)))
    await exchange.hang()


@fault("gzip bomb")
async def _(exchange: Exchange) -> None:
    headers = ("content-type: application/json", "content-encoding: gzip")
    await exchange.say(_says("200 OK", _bomb(), *headers))


@fault("huge body")
async def _(exchange: Exchange) -> None:
    await exchange.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    for _ in range(_MOST_BYTES // 65536):
        await exchange.say(piece)
    exchange.close()


_BOMBS: list[bytes] = []


def _bomb() -> bytes:
    """Give 200 kB that unpack to 200 MB."""
    if not _BOMBS:
        _BOMBS.append(gzip.compress(b" " * _MOST_BYTES, 9))
    return _BOMBS[0]
