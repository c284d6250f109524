"""WebSocket connections below the level of messages: what a client can make them do, and what is kept for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from graph.frames import Frames
from tests.graph.serving.sockets import Server, Socket, serving, stage

INIT = b'{"type":"connection_init"}'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def send(client: Socket, data: bytes) -> None:
    """Send bytes as they are; the server may hang up meanwhile."""
    with contextlib.suppress(OSError):
        client.connection.socket.sendall(data)


def test_pings_are_answered(server: Server) -> None:
    with server.connecting() as client:
        assert all(client.connection.ping().wait(10) for _ in range(20))
        assert client.ask("{ number }") == {"data": {"number": 1}}


def test_who_sends_nothing_but_pings_is_closed(server: Server) -> None:
    with server.connecting() as client:
        send(client, frame(Opcode.PING) * 1_500)
        assert client.closed() == (1008, "too many frames")
    stage.until(lambda: server.sockets() == 0)


def test_a_message_may_come_in_many_frames(server: Server) -> None:
    text = json.dumps({"type": "subscribe", "id": "ask", "payload": {"query": "{ number }"}}).encode()
    with server.connecting() as client:
        rest = b"".join(frame(Opcode.CONT, bytes([byte]), fin=False) for byte in text[1:])
        send(client, frame(Opcode.TEXT, text[:1], fin=False) + rest + frame(Opcode.CONT))
        assert client.hear() == {"id": "ask", "type": "next", "payload": {"data": {"number": 1}}}


@pytest.mark.parametrize("piece", [b"", b" "])
def test_a_message_that_never_ends_is_closed(server: Server, piece: bytes) -> None:
    with server.connecting() as client:
        send(client, frame(Opcode.TEXT, b" ", fin=False) + frame(Opcode.CONT, piece, fin=False) * 1_000)
        assert client.closed() == (1009, "a message may have 1000 frames")


def test_what_is_not_utf_8_is_closed(server: Server) -> None:
    with server.connecting() as client:
        send(client, frame(Opcode.TEXT, b'{"type":', fin=False) + frame(Opcode.CONT, b'"\xff"}'))
        assert client.closed() == (1007, "invalid UTF-8")


def test_messages_that_come_in_one_packet_are_all_taken(server: Server) -> None:
    with server.connecting(init=False) as client:
        query = "#" + "x" * 6_000 + "\n{ number }"
        asked = [{"type": "subscribe", "id": str(number), "payload": {"query": query}} for number in range(20)]
        packet = b"".join(frame(Opcode.TEXT, json.dumps(message).encode()) for message in asked)
        send(client, frame(Opcode.TEXT, INIT) + frame(Opcode.TEXT, b'{"type":"ping"}'))
        assert sorted(client.hear()["type"] for _ in range(2)) == ["connection_ack", "pong"]
        send(client, packet)
        heard = [client.hear() for _ in range(40)]
        # Operations are answered in any order: those that wait for another's answer may be sent it before that one is.
        assert {message["id"] for message in heard if message["type"] == "next"} == {str(n) for n in range(20)}
        assert {message["id"] for message in heard if message["type"] == "complete"} == {str(n) for n in range(20)}


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_reading_now = True
        self.is_closed = self.is_aborted = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def pause_reading(self) -> None:
        self.is_reading_now = False

    def resume_reading(self) -> None:
        self.is_reading_now = True

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


class Quick(Frames):
    lingers_s = 0.01


def begun(app: Any, wire: Wire) -> Frames:
    """Give a connection whose client asks for a WebSocket."""
    config = Config(app, ws=Quick, lifespan="off", log_config=None)
    config.load()
    connection = Quick(config=config, server_state=ServerState(), app_state={})
    connection.connection_made(wire)
    head = "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    connection.data_received(f"{head}sec-websocket-key: {'A' * 22}==\r\n\r\n".encode())
    return connection


async def accepted(wire: Wire, received: list[Any]) -> Frames:
    """Give a connection that is open; `received` has the messages that the application took."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            received.append(message["text"])
            if message["text"] == "over":
                return

    connection = begun(app, wire)
    await rounds(5)
    assert wire.written.pop(0).startswith(b"HTTP/1.1 101")
    return connection


async def rounds(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_packet_is_taken_apart_in_pieces_and_nothing_is_read_meanwhile() -> None:
    wire, received = Wire(), list[Any]()
    connection = await accepted(wire, received)
    connection.data_received(frame(Opcode.PING) * 10 + frame(Opcode.TEXT, b"a" * 12_000) + frame(Opcode.TEXT, b"b"))
    assert b"".join(wire.written) == b"\x8a\x00" * 10
    assert (received, wire.is_reading_now) == ([], False)
    await rounds(10)
    assert (received, wire.is_reading_now) == (["a" * 12_000, "b"], True)
    connection.connection_lost(None)
    await rounds(5)


async def test_nothing_is_kept_for_who_does_not_read_the_answers_to_its_pings() -> None:
    wire = Wire()
    connection = await accepted(wire, [])
    connection.pause_writing()
    connection.data_received(frame(Opcode.PING, b"1") * 3)
    assert b"".join(wire.written) == b""
    connection.resume_writing()
    connection.data_received(frame(Opcode.PING, b"2"))
    assert b"".join(wire.written) == b"\x8a\x012"
    connection.connection_lost(None)
    await rounds(5)


async def test_a_refusal_is_no_fault_of_the_application(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})

    wire = Wire()
    connection = begun(app, wire)
    await rounds(5)
    assert wire.written[0].startswith(b"HTTP/1.1 403 ")
    assert caplog.text == ""
    connection.connection_lost(None)


async def test_a_connection_that_is_told_to_close_is_dropped_though_nothing_of_it_is_read() -> None:
    wire, received = Wire(), list[Any]()
    connection = await accepted(wire, received)
    connection.data_received(frame(Opcode.TEXT, b"over"))
    async with asyncio.timeout(10):
        while not wire.is_aborted:  # noqa: ASYNC110 - a transport tells nobody
            await asyncio.sleep(0.001)
    assert received == ["over"]
    connection.connection_lost(None)
