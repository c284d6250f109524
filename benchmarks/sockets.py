"""The clients of the subscription benchmark: many ``graphql-transport-ws`` sockets with one subscription each.

Plain `asyncio.Protocol` with a frame reader of its own, so that ten thousand sockets fit on one core beside the
figures that are taken of every message: its number, which must follow the one before, and its lag.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import time
import uuid
from array import array
from dataclasses import dataclass, field
from typing import Any, cast

from benchmarks.ticks import QUERY

_HEAD_END = b"\r\n\r\n"
_AT_A_TIME = 50
_STEP_S = 120.0
_TEXT, _PING, _PONG = 0x1, 0x9, 0xA
_EVENT = re.compile(rb'"n": ?(\d+), ?"at": ?([\d.]+)')
_IS_PING = re.compile(rb'^\{"type": ?"ping"')


class SocketError(Exception):
    """A server refused a socket, closed it, or said something unexpected."""


@dataclass(slots=True)
class Received:
    """What all sockets together have received since it was made.

    Args:
        lags_s: of each message, in the order of arrival.
        lost: numbers that were left out between two messages of a socket.
    """

    messages: int = 0
    lost: int = 0
    lags_s: array[float] = field(default_factory=lambda: array("d"))


class Sockets:
    """Opens sockets, subscribes on each, and counts what arrives."""

    def __init__(self, port: int) -> None:
        self.received = Received()
        self.newest = 0
        self._port = port
        self._sockets: list[_Socket] = []
        self._absent = 0
        self._complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, count: int) -> None:
        """Open so many more sockets and wait until each is acknowledged.

        Raises:
            SocketError: the server refused one, or some were not acknowledged in time.
        """
        loop = asyncio.get_running_loop()
        for begin in range(0, count, _AT_A_TIME):
            some = min(_AT_A_TIME, count - begin)
            self._expect(some)
            try:
                for _ in range(some):
                    await loop.create_connection(self._socket, "127.0.0.1", self._port)
            except OSError as exc:
                raise SocketError(f"cannot connect: {exc}") from exc
            await self._expected("acknowledged")

    async def subscribe(self) -> None:
        """Subscribe on each socket and wait until each has had an event.

        Raises:
            SocketError: the server refused one, or some had no event in time.
        """
        self._expect(len(self._sockets))
        for number, socket in enumerate(self._sockets, 1):
            socket.subscribe()
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
        await self._expected("sent an event")

    async def listen(self, seconds: float) -> None:
        """Count for so long.

        Raises:
            SocketError: a socket was closed, or received something else than an event.
        """
        await asyncio.wait([self._failed], timeout=seconds)
        self.check()

    def check(self) -> None:
        """Raise the first failure of any socket.

        Raises:
            SocketError: there was one.
        """
        if self._failed.done():
            self._failed.result()

    def behind(self, number: int) -> int:
        """Count the messages up to ``number`` that are still missing."""
        return sum(max(0, number - socket.last) for socket in self._sockets)

    def close(self) -> None:
        """Close all sockets without a farewell."""
        self._failed.cancel()
        for socket in self._sockets:
            socket.abort()

    def fail(self, message: str) -> None:
        """Note the first failure."""
        if not self._failed.done():
            self._failed.set_exception(SocketError(message))

    def arrive(self) -> None:
        """Note that one more socket is where all are expected."""
        self._absent -= 1
        if self._absent == 0:
            self._complete.set_result(None)

    def _socket(self) -> _Socket:
        socket = _Socket(self)
        self._sockets.append(socket)
        return socket

    def _expect(self, count: int) -> None:
        self._absent = count
        self._complete = asyncio.get_running_loop().create_future()

    async def _expected(self, what: str) -> None:
        await asyncio.wait([self._complete, self._failed], timeout=_STEP_S, return_when=asyncio.FIRST_COMPLETED)
        self.check()
        if self._absent:
            raise SocketError(f"{self._absent:,} sockets were not {what} within {_STEP_S:g} s")


class _Socket(asyncio.Protocol):
    """One client."""

    _transport: asyncio.Transport | None = None

    def __init__(self, sockets: Sockets) -> None:
        self.last = 0
        self._sockets = sockets
        self._partial = b""
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def subscribe(self) -> None:
        # As clients do, each has an id of its own.
        self._say({"id": str(uuid.uuid4()), "type": "subscribe", "payload": {"query": QUERY}})

    def data_received(self, data: bytes) -> None:
        received = self._partial + data if self._partial else data
        place = 0
        if not self._upgraded:
            head_end = received.find(_HEAD_END)
            if head_end < 0:
                self._partial = received
                return
            if not received.startswith(b"HTTP/1.1 101 "):
                self._sockets.fail(f"refused: {received[:200]!r}")
                return
            self._upgraded = True
            place = head_end + len(_HEAD_END)
            self._say({"type": "connection_init"})
        end = len(received)
        while end - place >= 2:
            opcode, length, begin = received[place] & 0x0F, received[place + 1], place + 2
            if length == 126:
                begin += 2
                length = int.from_bytes(received[place + 2 : begin], "big")
            if end < begin + length or begin > end:
                break
            place = begin + length
            if opcode == _TEXT:
                self._take(received[begin:place])
            elif opcode == _PING:
                self._frame(_PONG, received[begin:place])
            else:
                self._sockets.fail(f"a frame of kind {opcode}: {received[begin:place][:200]!r}")
        self._partial = received[place:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._sockets.fail(f"the server closed a socket: {exc or 'no reason given'}")

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _take(self, text: bytes) -> None:
        event = _EVENT.search(text)
        if event is None:
            self._take_other(text)
            return
        number, received = int(event[1]), self._sockets.received
        received.messages += 1
        received.lags_s.append(time.time() - float(event[2]))
        if not self.last:
            self._sockets.arrive()
        elif number != self.last + 1:
            if number <= self.last:
                self._sockets.fail(f"event {number} came after {self.last}")
            received.lost += number - self.last - 1
        self.last = number
        if number > self._sockets.newest:
            self._sockets.newest = number

    def _take_other(self, text: bytes) -> None:
        if _IS_PING.match(text):
            self._say({"type": "pong"})
        elif b"connection_ack" in text:
            self._sockets.arrive()
        else:
            self._sockets.fail(f"unexpected: {text[:200]!r}")

    def _say(self, message: dict[str, Any]) -> None:
        self._frame(_TEXT, json.dumps(message).encode())

    def _frame(self, opcode: int, payload: bytes) -> None:
        # The mask is zero, which leaves the payload as it is.
        if self._transport is not None:
            length = len(payload)
            size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
            self._transport.write(bytes([0x80 | opcode]) + size + bytes(4) + payload)
