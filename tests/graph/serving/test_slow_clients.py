"""Clients that are slow, or say nothing, or read nothing, hold a connection for a bounded time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import strawberry

from graph import App, Graph, Trust
from resolvers import Upload
from tests.graph.serving.connections import (
    ANSWERED,
    ASKED,
    BODY,
    HEAD,
    answer,
    connected,
    drip,
    refusal,
    until_closed,
)
from tests.serving import running

QUICK = Trust(header_timeout=0.15, body_timeout=0.3, write_timeout=0.3, keep_alive=0.2)
BOUNDARY = b"multipart/form-data; boundary=b"
PREFLIGHT = b"graphql-preflight: 1\r\n"


@strawberry.type
class Query:
    @strawberry.field
    def number(self) -> int:
        return 1

    @strawberry.field
    def much(self) -> str:
        return "x" * 20_000_000

    @strawberry.field
    async def length(self, file: Upload) -> int:
        return len(await file.read())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(App(Graph(query=Query, trust=QUICK))) as address:
        yield address


def test_a_connection_that_says_nothing_is_closed(url: str) -> None:
    with connected(url) as connection:
        assert until_closed(connection) == b""


def test_a_head_that_comes_byte_by_byte_is_refused(url: str) -> None:
    with connected(url) as connection:
        drip(connection, HEAD, 0.01)
        said = until_closed(connection)
    assert refusal(said) == (408, "BAD_REQUEST", "the headers of the request were not there in time")


def test_empty_lines_are_no_sign_of_life(url: str) -> None:
    with connected(url) as connection:
        assert not drip(connection, b"\r\n" * 1_000, 0.01)


def test_empty_lines_between_requests_are_none_either(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(ASKED)
        assert answer(connection)[2] == ANSWERED
        assert not drip(connection, b"\r\n" * 1_000, 0.01)


def test_a_body_that_comes_byte_by_byte_is_refused(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(HEAD + b"content-length: 1000\r\n\r\n")
        drip(connection, BODY + b" " * 100, 0.01)
        said = until_closed(connection)
    assert refusal(said) == (408, "BAD_REQUEST", "the body of the request was not there in time")


def test_chunks_of_one_byte_are_no_way_around(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        drip(connection, b"1\r\n \r\n" * 100, 0.005)
        assert refusal(until_closed(connection))[0] == 408


def test_trailers_are_no_way_around(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n16\r\n" + BODY + b"\r\n0\r\n")
        drip(connection, b"a: b\r\n" * 100, 0.005)
        assert refusal(until_closed(connection))[0] == 408


def test_a_body_that_nobody_reads_is_no_way_around(url: str) -> None:
    with connected(url) as connection:
        connection.sendall(b"PUT /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        assert answer(connection)[0] == 405
        assert not drip(connection, b" " * 1_000, 0.01)


def test_files_may_take_as_long_as_something_comes_all_the_time(url: str) -> None:
    parts = [
        b'--b\r\ncontent-disposition: form-data; name="operations"\r\n\r\n'
        b'{"query":"query($f: Upload!) { length(file: $f) }","variables":{"f":null}}\r\n',
        b'--b\r\ncontent-disposition: form-data; name="map"\r\n\r\n{"0":["variables.f"]}\r\n',
        b'--b\r\ncontent-disposition: form-data; name="0"; filename="a"\r\n\r\n',
        *[b"x" * 3_000] * 10,
        b"\r\n--b--\r\n",
    ]
    head = HEAD.replace(b"application/json", BOUNDARY) + PREFLIGHT
    with connected(url) as connection:
        connection.sendall(head + b"content-length: %d\r\n\r\n" % sum(map(len, parts)))
        for part in parts:
            connection.sendall(part)
            threading.Event().wait(0.06)
        assert answer(connection)[2] == b'{"data":{"length":30000}}'


def test_files_that_hardly_come_are_refused(url: str) -> None:
    head = HEAD.replace(b"application/json", BOUNDARY) + PREFLIGHT
    with connected(url) as connection:
        connection.sendall(head + b"content-length: 100000\r\n\r\n")
        connection.sendall(b'--b\r\ncontent-disposition: form-data; name="operations"\r\n\r\n')
        drip(connection, b" " * 300, 0.01)
        assert refusal(until_closed(connection))[0] == 408


def test_a_connection_may_wait_for_its_next_request_for_a_while(url: str) -> None:
    with connected(url) as connection:
        for _ in range(3):
            connection.sendall(ASKED)
            assert answer(connection)[2] == ANSWERED
            threading.Event().wait(0.05)
        assert until_closed(connection) == b""


def test_a_connection_lasts_as_long_as_requests_come(url: str) -> None:
    with connected(url) as connection:
        for _ in range(30):  # three times as long as it may wait for one, and each is like the one before
            connection.sendall(ASKED)
            assert answer(connection)[2] == ANSWERED
            threading.Event().wait(0.02)


def test_who_reads_nothing_of_an_answer_is_dropped(url: str) -> None:
    body = b'{"query":"{ much }"}'
    with connected(url) as connection:
        connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        threading.Event().wait(1.0)  # more than write_timeout, and not a byte is read
        assert len(until_closed(connection)) < 20_000_000


def test_who_reads_an_answer_slowly_gets_all_of_it() -> None:
    body = b'{"query":"{ much }"}'
    with running(App(Graph(query=Query, trust=QUICK))) as url, connected(url) as connection:
        connection.sendall(HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        received = 0
        while piece := connection.recv(2_000_000):
            received += len(piece)
            threading.Event().wait(0.02)
        assert received > 20_000_000


def test_who_has_most_unread_is_dropped_when_the_memory_is_needed() -> None:
    trust = Trust(max_unread_bytes=25_000_000, header_timeout=0.1)
    body = b'{"query":"{ much }"}'
    asked = HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    with running(App(Graph(query=Query, trust=trust))) as url, connected(url) as one, connected(url) as other:
        for connection in (one, other):
            connection.sendall(asked)
        threading.Event().wait(1.0)
        received = sorted(len(until_closed(connection)) for connection in (one, other))
    assert received[0] < 20_000_000 < received[1]


def test_one_slow_client_slows_nobody(url: str) -> None:
    with connected(url) as slow, connected(url) as quick:
        slow.sendall(HEAD)
        quick.sendall(ASKED)
        assert answer(quick)[2] == ANSWERED
