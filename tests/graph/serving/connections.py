"""Clients that speak HTTP byte by byte, for tests of what a server takes from them, and for how long."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

BODY = b'{"query":"{ number }"}'
HEAD = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
ASKED = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
ANSWERED = b'{"data":{"number":1}}'
GONE = (ConnectionResetError, BrokenPipeError)


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """Open a connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        yield connection


def until_closed(connection: socket.socket) -> bytes:
    """Give all that comes until the other end closes or drops the connection; that must be soon."""
    pieces = []
    with contextlib.suppress(*GONE):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Give the next response: status, headers, body."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        assert piece, f"the connection was closed after {head!r}"
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return int(first.split()[1]), headers, body


def refusal(said: bytes) -> tuple[int, str, str]:
    """Give what a response refuses with: status, code and message of its one error."""
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head
    [error] = json.loads(body)["errors"]
    return int(head.split()[1]), error["extensions"]["code"], error["message"]


def drip(connection: socket.socket, data: bytes, pause_s: float) -> bool:
    """Send a byte at a time; tell whether the connection lived through it."""
    for place in range(len(data)):
        try:
            connection.sendall(data[place : place + 1])
        except GONE:
            return False
        time.sleep(pause_s)
    return True


def until(holds: Any, within_s: float = 20) -> None:
    """Wait until something holds."""
    gives_up_at = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < gives_up_at, "it never came to that"
        time.sleep(0.005)
