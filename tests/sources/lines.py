"""A server whose replies last: a test scripts what goes over each connection, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sources import Bus, Endpoint, Happening, Listening, MemoryBus, Rest, SourceError, Template
from sources.backoff import Backoff
from tests.sources.raw import Request, read_request


@dataclass
class Line:
    """One connection: its request, its place in the order of connections, and what may be said over it."""

    request: Request
    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def begin(self, status: int = 200, *headers: str, media_type: str = "text/event-stream") -> None:
        head = (f"HTTP/1.1 {status} X", f"content-type: {media_type}", "connection: close", *headers, "", "")
        await self.write("\r\n".join(head).encode())

    async def write(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()
        await asyncio.sleep(0)  # draining alone need not let anybody else run

    async def say(self, *events: bytes) -> None:
        """Begin an event stream and send texts."""
        await self.begin()
        for text in events:
            await self.write(text)

    async def gone(self) -> None:
        """Wait until the client has hung up."""
        await self.reader.read()


class Seen:
    """What a server has seen."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.open = 0
        self._changed = asyncio.Event()

    def change(self, request: Request | None = None, *, open: int = 0) -> None:
        if request is not None:
            self.requests.append(request)
        self.open += open
        self._changed.set()

    async def deserted(self) -> None:
        """Wait until no connection is open."""
        await self._until(lambda: not self.open)

    async def asked(self, times: int) -> None:
        """Wait until there were as many requests."""
        await self._until(lambda: len(self.requests) >= times)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


Script = Callable[[Line], Awaitable[None]]


@asynccontextmanager
async def serving_lines(script: Script, port: int = 0) -> AsyncIterator[Seen]:
    """Serve until the block ends. A connection is closed when its script is over."""
    seen = Seen()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.change(open=1)
        try:
            request = await read_request(reader)
            seen.change(request)
            await script(Line(request, len(seen.requests), reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            seen.change(open=-1)
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def get(template: str, **headers: str) -> Endpoint:
    return Endpoint("GET", Template(template), headers=tuple(headers.items()))


def listening(source: Rest, client: tuple[tuple[str, str], ...] = (), **values: object) -> Listening:
    bus: Bus = MemoryBus()
    return Listening(source, values, client, bus)


def at_once() -> Backoff:
    """A backoff without waits."""
    return Backoff(0.0, 0.0)


async def take(happenings: AsyncGenerator[Happening], count: int) -> list[Happening]:
    """Give what happens next; failures as their texts, for comparison."""
    async with asyncio.timeout(10):
        return [await anext(happenings) for _ in range(count)]


def told(happening: Happening) -> str:
    """Give what a failure says."""
    return str(happening) if isinstance(happening, SourceError) else f"no failure: {happening}"
