"""A document's server may be slow, large or wrong: nothing of it costs more than was asked for."""

from __future__ import annotations

import gzip
import socketserver
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sources.openapi import DocumentError
from sources.openapi.remote import fetch
from tests.serving import running

TEXT = b'{"openapi": "3.0.3"}'
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"


def app(content: bytes, *codings: str) -> Starlette:
    async def answer(request: Request) -> Response:
        assert request.headers["accept-encoding"] == "gzip"
        return Response(content, headers={"Content-Encoding": ", ".join(codings)} if codings else {})

    return Starlette(routes=[Route("/", answer)])


@contextmanager
def dripping(begin: bytes) -> Iterator[str]:
    """Serve a reply that goes on for ever, a few bytes at a time."""
    ended = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):
                self.request.sendall(begin)
                while not ended.wait(0.01):
                    self.request.sendall(b"X-A: b\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            ended.set()
            server.shutdown()
            thread.join(10)


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\n", ENDLESS], ids=["headers", "body"])
def test_a_server_that_drips_ends_with_the_whole_time(begin: bytes) -> None:
    with dripping(begin) as address, pytest.raises(DocumentError, match=r"not here after 0\.3 s$"):
        fetch(address, 1_000_000_000, within_s=0.3)


def test_what_is_compressed_comes_whole() -> None:
    with running(app(gzip.compress(TEXT), "gzip")) as address:
        assert fetch(f"{address}/", 100).body == TEXT


def test_what_is_compressed_takes_no_more_room_than_was_asked_for() -> None:
    with running(app(gzip.compress(bytes(200_000_000)), "gzip")) as address:
        tracemalloc.start()
        try:
            assert len(fetch(f"{address}/", 1_000_000).body) == 1_000_001
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "codings", "problem"),
    [
        (gzip.compress(gzip.compress(TEXT)), ("gzip", "gzip"), "came in a coding that was not asked for: gzip, gzip"),
        (TEXT, ("br",), "came in a coding that was not asked for: br"),
        (TEXT, ("gzip",), "is not compressed as the server says"),
    ],
)
def test_other_codings_are_refused(content: bytes, codings: tuple[str, ...], problem: str) -> None:
    with running(app(content, *codings)) as address, pytest.raises(DocumentError) as caught:
        fetch(f"{address}/", 100)
    assert str(caught.value) == f"{address}/: {problem}"


async def test_a_document_can_be_fetched_where_a_loop_runs() -> None:
    with running(app(TEXT)) as address:
        assert fetch(f"{address}/", 100).body == TEXT


def test_of_what_is_too_large_no_more_is_read() -> None:
    with dripping(ENDLESS) as address:
        assert len(fetch(address, 1_000).body) == 1_001
