"""The ceiling: an ASGI application that speaks just enough ``graphql-transport-ws`` and sends ready-made text.

What it costs is what uvicorn, its WebSocket implementation and the kernel cost. Two ways of writing are measured:

- ``step``: whoever publishes runs each socket's ``send`` at once, and leaves to a task only what has to wait;
- ``task``: each socket has a task, which each event wakes.

Run alone: ``python -m benchmarks.ticks_ceiling --port 8000 --ws wsproto --writer step``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import types
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any

import uvicorn

from benchmarks.ticks import TEXT, ticks
from graph.asgi import Receive, Scope, Send

IMPLEMENTATIONS = ("websockets-sansio", "wsproto", "websockets")
WRITERS = ("step", "task")


class Reader:
    """The one subscription of a socket, and what is still to be sent to it."""

    def __init__(self, id: str, send: Send) -> None:
        self._head = f'{{"id":{json.dumps(id)},"type":"next","payload":'
        self._send = send
        self._waiting: deque[str] = deque()
        self._woken: asyncio.Future[None] | None = None
        self._rest: asyncio.Task[None] | None = None

    def wake(self, payload: str) -> None:
        """Leave the payload to the task that runs `write`."""
        self._waiting.append(payload)
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def write(self) -> None:
        """Send what `wake` is given, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            while self._waiting:
                await self._send_next()
            self._woken = loop.create_future()
            await self._woken

    def step(self, payload: str) -> None:
        """Send the payload at once; if the socket's buffers are full, a task sends it and those that follow."""
        self._waiting.append(payload)
        if self._rest is not None:
            return
        sending = self._send_next()
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        self._rest = asyncio.create_task(self._send_rest(_resumed(sending, waits_for)))

    async def _send_next(self) -> None:
        await self._send({"type": "websocket.send", "text": f"{self._head}{self._waiting.popleft()}}}"})

    async def _send_rest(self, sending: Any) -> None:
        try:
            await sending
            while self._waiting:
                await self._send_next()
        finally:
            self._rest = None


@types.coroutine
def _resumed(begun: Coroutine[Any, None, None], waits_for: Any) -> Generator[Any, None, None]:
    try:
        yield waits_for
    except BaseException as exc:
        begun.throw(exc)
        raise
    yield from begun


class Ceiling:
    """The application."""

    def __init__(self, writer: str) -> None:
        self._steps = writer == "step"
        self._readers: set[Reader] = set()
        self._publishing: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            with contextlib.suppress(OSError):  # the client has left while something was being sent
                await self._socket(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        publishing = asyncio.create_task(self._publish())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        publishing.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _publish(self) -> None:
        async for n, at in ticks():
            payload = json.dumps({"data": {"tick": {"n": n, "at": at, "text": TEXT}}}, separators=(",", ":"))
            for reader in tuple(self._readers):
                if self._steps:
                    reader.step(payload)
                else:
                    reader.wake(payload)

    async def _socket(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        reader, writing = None, None
        try:
            while (message := await receive())["type"] == "websocket.receive":
                said = json.loads(message["text"])
                if said["type"] == "connection_init":
                    await send({"type": "websocket.send", "text": '{"type":"connection_ack"}'})
                elif said["type"] == "subscribe":
                    reader = Reader(said["id"], send)
                    self._readers.add(reader)
                    writing = None if self._steps else asyncio.create_task(reader.write())
        finally:
            if reader is not None:
                self._readers.discard(reader)
            if writing is not None:
                writing.cancel()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ws", choices=IMPLEMENTATIONS, default=IMPLEMENTATIONS[0])
    parser.add_argument("--writer", choices=WRITERS, default=WRITERS[0])
    given = parser.parse_args()
    config = uvicorn.Config(
        Ceiling(given.writer),
        port=given.port,
        ws=given.ws,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        backlog=4_096,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
