"""The body of a request: read whole, decompressed, and never longer than allowed."""

from __future__ import annotations

import asyncio

from graph.asgi import Message, Receive
from graph.compression import decompress
from graph.errors import RequestError
from graph.request import Headers
from graph.shedding import Place


class Disconnected(Exception):
    """The client went away before its request was whole."""


async def read_body(
    message: Message, receive: Receive, headers: Headers, max_bytes: int, *, compression: bool, place: Place
) -> bytes:
    """Give the body of a request, of which this message is the first piece.

    Args:
        max_bytes: longest body, as it comes and once it is decompressed.
        compression: whether the body may be compressed.
        place: the account of the request, which says what it holds.

    Raises:
        RequestError: 413 for a longer body; 415 for a coding that is not read, 400 for a body that is not in it; 503
            where there is no room for it.
        Disconnected: the client went away.
    """

    async def taken() -> Message:
        message = await receive()
        place.take(len(message.get("body", b"")))
        return message

    place.take(len(message.get("body", b"")))
    body = await read_whole(message, taken, headers, max_bytes)
    coding = headers.raw.get(b"content-encoding")
    if coding is None:
        return body
    if not compression:
        uncompressed = ((b"accept-encoding", b"identity"),)
        raise RequestError.of("this server does not read compressed bodies", "BAD_REQUEST", 415, headers=uncompressed)
    # In a thread: what a few bytes stand for may take long, and they are the client's choice.
    plain = await asyncio.to_thread(decompress, coding, body, max_bytes)
    place.take(len(plain))
    return plain


async def read_whole(message: Message, receive: Receive, headers: Headers, max_bytes: int) -> bytes:
    """Give the body of a request as it comes, of which this message is the first piece.

    Raises:
        RequestError: 413 for a longer body, or one that says it will be.
        Disconnected: the client went away.
    """
    declared = headers.get("content-length", "")
    announced = int(declared) if declared.isdigit() and len(declared) < 20 else 0
    pieces: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise Disconnected
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if max(size, announced) > max_bytes:
            raise RequestError.of(f"the body is longer than {max_bytes} bytes", "LIMIT_EXCEEDED", 413)
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()
