"""What is too large or too much is refused at once, before it is read, and the server goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import select
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import strawberry
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from graph import App, Cors, Graph, GraphError, Trust
from graph.door import Door, most_connections, open_more_files
from graph.shedding import Held, Place
from tests.graph.serving.connections import (
    ANSWERED,
    ASKED,
    BODY,
    GONE,
    HEAD,
    answer,
    connected,
    refusal,
    until,
    until_closed,
)
from tests.serving import running

released = threading.Event()
waiting: list[str] = []


@strawberry.type
class Query:
    @strawberry.field
    def number(self) -> int:
        return 1

    @strawberry.field
    async def wait(self, name: str = "a") -> int:
        waiting.append(name)
        while not released.is_set():  # noqa: ASYNC110 - it is set by another thread
            await asyncio.sleep(0.005)
        return 1


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    released.clear()
    waiting.clear()
    yield
    released.set()


@contextlib.contextmanager
def serving(trust: Trust | None = None, **options: Any) -> Iterator[str]:
    with running(App(Graph(query=Query, trust=trust), **options)) as url:
        yield url


def asked(query: str) -> bytes:
    body = json.dumps({"query": query}).encode()
    return HEAD + b"content-length: %d\r\n\r\n" % len(body) + body


def said_to(url: str, *pieces: bytes) -> bytes:
    with connected(url) as connection:
        with contextlib.suppress(*GONE):
            for piece in pieces:
                connection.sendall(piece)
        return until_closed(connection)


# -- heads ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Trust(max_header_bytes=2_000, max_headers=10, max_url_bytes=1_000)) as address:
        yield address


TOO_LONG = (431, "LIMIT_EXCEEDED", "the headers of the request are longer than 2000 bytes")
TOO_MANY = (431, "LIMIT_EXCEEDED", "the request has more than 10 headers")
TOO_FAR = (414, "LIMIT_EXCEEDED", "the address of the request is longer than 1000 bytes")


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        ([b"x: " + b"y" * 2_000], TOO_LONG),
        ([b"x" * 2_000 + b": y"], TOO_LONG),
        ([b"x%d: " % number + b"y" * 400 for number in range(5)], TOO_LONG),
        ([b"x%d:" % number for number in range(10)], TOO_MANY),
        ([b"x: y"] * 10, TOO_MANY),
        ([b"x:"] * 30_000, TOO_MANY),
    ],
)
def test_a_head_that_is_too_large_is_refused(url: str, lines: list[bytes], refused: tuple[int, str, str]) -> None:
    head = HEAD + b"\r\n".join(lines) + b"\r\n\r\n"
    assert refusal(said_to(url, head)) == refused
    assert refusal(said_to(url, *(head[at : at + 100] for at in range(0, min(len(head), 20_000), 100))))[0] == 431


def test_a_head_within_its_bounds_is_taken_however_it_comes(url: str) -> None:
    lines = b"".join(b"x%d: " % number + b"y" * 250 + b"\r\n" for number in range(7))
    head = HEAD + lines + b"content-length: %d\r\n\r\n" % len(BODY)
    with connected(url) as connection:
        for size in (len(head), 500, 7):
            for at in range(0, len(head), size):
                connection.sendall(head[at : at + size])
            connection.sendall(BODY)
            assert answer(connection)[2] == ANSWERED


def test_an_address_that_is_too_long_is_refused(url: str) -> None:
    for target in (b"/graphql?query=" + b"x" * 1_000, b"/" + b"x" * 1_000, b"/healthz?" + b"x" * 100_000):
        assert refusal(said_to(url, b"GET " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n"))[0] in (414, 431)
    assert refusal(said_to(url, b"GET /?" + b"x" * 1_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n")) == TOO_FAR


def test_a_head_without_end_is_refused_before_it_has_taken_much(url: str) -> None:
    with connected(url) as connection:
        sent = 0
        connection.sendall(HEAD)
        with contextlib.suppress(*GONE, TimeoutError):
            connection.settimeout(0.2)
            while sent < 50_000_000:
                sent += connection.send(b"x: " + b"y" * 1_000 + b"\r\n")
        connection.settimeout(10)
        said = until_closed(connection)
    assert said.startswith(b"HTTP/1.1 431") or said == b""  # what is still under way may have taken it back


def test_heads_that_are_not_whole_have_a_bound_together() -> None:
    with serving(Trust(max_held_bytes=50_000)) as url, ExitStack() as stack:
        said = []
        for _ in range(10):
            connection = stack.enter_context(connected(url))
            connection.sendall(HEAD + b"x: " + b"y" * 10_000)
            said.append(connection)
        until(lambda: httpx.get(f"{url}/healthz", trust_env=False).status_code == 200)
        refused = []
        for connection in said:
            connection.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                refused.append(refusal(until_closed(connection)))
        assert {status for status, _, _ in refused} == {503}
        assert 5 <= len(refused) <= 7


def test_what_is_no_http_is_refused_without_a_word_in_the_log(url: str, caplog: pytest.LogCaptureFixture) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        assert refusal(said_to(url, nonsense)) == (400, "BAD_REQUEST", "this is no HTTP request")
    assert caplog.records == []


def test_what_is_wrong_with_a_later_request_waits_for_the_answer_to_the_first() -> None:
    with serving() as url, connected(url) as connection:
        connection.sendall(asked("{ wait }") + b"nonsense\r\n\r\n")
        until(lambda: waiting == ["a"])
        released.set()
        status, _, body = answer(connection)
        assert (status, body) == (200, b'{"data":{"wait":1}}')
        assert until_closed(connection) == b""


def test_a_broken_body_is_refused_and_its_request_forgotten() -> None:
    with serving() as url, connected(url) as connection:
        connection.sendall(HEAD + b'transfer-encoding: chunked\r\n\r\n5\r\n{"que\r\n')
        connection.sendall(b"nonsense\r\n")
        assert refusal(until_closed(connection))[0] == 400


def test_what_follows_a_body_never_becomes_a_header() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            while (await receive()).get("more_body"):
                pass
            seen.append([name for name, _ in scope["headers"]])
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    chunks = b"2\r\n{}\r\n0\r\nauthorization: Bearer x\r\n\r\n"
    with running(app) as url, connected(url) as connection:
        for _ in range(2):
            connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + chunks)
            assert answer(connection)[0] == 204
    assert seen == [[b"host", b"transfer-encoding"]] * 2


def test_an_upgrade_that_is_not_wanted_is_ignored() -> None:
    wanted = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n"
    with serving() as url, connected(url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + wanted + b"\r\n")
        status, headers, body = answer(connection)
        assert (status, body, headers["connection"]) == (200, b'{"status":"ok"}', "close")
        assert until_closed(connection) == b""


def test_requests_that_wait_for_their_turn_have_a_bound() -> None:
    with serving() as url, connected(url) as connection:
        connection.sendall(ASKED * 40 + ASKED.replace(b"host: x", b"host: x\r\nconnection: close"))
        assert until_closed(connection).count(ANSWERED) == 41
    with serving() as url, connected(url) as connection:
        connection.sendall(asked("{ wait }") + ASKED * 500)
        until(lambda: waiting == ["a"])
        released.set()
        assert 1 <= until_closed(connection).count(ANSWERED) <= 64


# -- connections ------------------------------------------------------------------------------------------------------


def test_a_connection_too_many_is_told_so_and_probes_are_answered() -> None:
    with serving(Trust(max_connections=3)) as url, ExitStack() as stack:
        held = [stack.enter_context(connected(url)) for _ in range(3)]
        for connection in held:
            connection.sendall(ASKED)
            assert answer(connection)[0] == 200
        status, code, message = refusal(said := said_to(url, ASKED))
        assert (status, code) == (503, "SERVER_BUSY")
        assert message == "the server has too much to do at the moment"
        assert b"\r\nretry-after: 1\r\n" in said
        assert httpx.get(f"{url}/healthz", trust_env=False).json() == {"status": "ok"}
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        held[0].sendall(ASKED)
        assert answer(held[0])[0] == 200  # who was there first goes on
        held[0].close()
        until(lambda: said_to(url, ASKED.replace(b"host: x", b"host: x\r\nconnection: close")).endswith(ANSWERED))


def test_far_too_many_connections_are_dropped_unheard() -> None:
    with serving(Trust(max_connections=3)) as url, ExitStack() as stack:
        many = [stack.enter_context(connected(url)) for _ in range(150)]
        dropped = []

        def is_over() -> bool:
            for connection in many:
                connection.setblocking(False)
                with contextlib.suppress(BlockingIOError, *GONE):
                    connection.recv(1)
                    dropped.append(connection)
            return len(set(dropped)) >= 150 - 3 - 100

        until(is_over)
        many[0].setblocking(True)
        many[0].sendall(ASKED)
        assert answer(many[0])[2] == ANSWERED


@pytest.mark.parametrize(
    ("wanted", "files", "most"),
    [
        (10_000, 1_024, 768),
        (500, 1_024, 500),
        (10_000, 65_536, 10_000),
        (None, 1_024, 768),
        (None, resource.RLIM_INFINITY, sys.maxsize),
        (10_000, resource.RLIM_INFINITY, 10_000),
        (10_000, 50, 0),
    ],
)
def test_connections_leave_files_for_the_backends(wanted: int | None, files: int, most: int) -> None:
    assert most_connections(wanted, files) == most


def test_a_server_may_open_as_many_files_as_the_system_grants() -> None:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most // 2, most))
    try:
        open_more_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def test_sockets_count_as_connections() -> None:
    socket_url = "ws://{}/graphql"
    with serving(Trust(max_connections=1)) as url:
        address = socket_url.format(url.removeprefix("http://"))
        protocols = [Subprotocol("graphql-transport-ws")]
        with connect(address, subprotocols=protocols, proxy=None):
            assert refusal(said_to(url, ASKED))[0] == 503
            with pytest.raises(InvalidStatus) as refused, connect(address, subprotocols=protocols, proxy=None):
                pass
            assert refused.value.response.status_code == 503
        closing = ASKED.replace(b"host: x", b"host: x\r\nconnection: close")
        until(lambda: said_to(url, closing).endswith(ANSWERED))


def test_connections_of_one_address_are_counted_and_given_back() -> None:
    with serving(Trust(max_connections_per_address=2)) as url:
        address = f"ws://{url.removeprefix('http://')}/graphql"
        closing = ASKED.replace(b"host: x", b"host: x\r\nconnection: close")
        for _ in range(3):
            with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None), connected(url):
                until(lambda: said_to(url, closing).startswith(b"HTTP/1.1 503"))
            until(lambda: said_to(url, closing).endswith(ANSWERED))
        with (
            connected(url),
            connected(url),
            socket.create_connection(
                ("127.0.0.1", int(url.rpartition(":")[2])), source_address=("127.0.0.2", 0)
            ) as other,
        ):
            other.sendall(ASKED)
            assert answer(other)[2] == ANSWERED


class Guest:
    """A connection that does nothing."""

    def look(self, now: float) -> None: ...

    def unread_bytes(self) -> int:
        return 0

    def drop(self) -> None: ...


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield loop


def test_one_that_is_turned_away_takes_no_other_off_the_count_of_its_address(loop: asyncio.AbstractEventLoop) -> None:
    connections: set[Any] = {1, 2}
    door = Door(Trust(max_connections=2, max_connections_per_address=2), connections, loop)
    assert [door.admit(Guest(), "192.0.2.1") for _ in range(2)] == [None, None]
    connections.add(3)
    for _ in range(2):
        assert door.admit(Guest(), "192.0.2.1") == "more connections than there may be"
        door.leave("192.0.2.1")
    connections.remove(3)
    assert door.admit(Guest(), "192.0.2.1") == "more connections of one address than there may be"


def test_addresses_that_one_client_has_whole_are_one(loop: asyncio.AbstractEventLoop) -> None:
    door = Door(Trust(max_connections_per_address=1), set(), loop)
    assert door.admit(Guest(), "2001:db8::1") is None
    assert door.admit(Guest(), "2001:db8::2") == "more connections of one address than there may be"
    assert door.admit(Guest(), "2001:db8:0:1::1") is None
    door.leave("2001:db8::2")
    door.leave("2001:db8::1")
    assert door.admit(Guest(), "2001:db8::3") is None


# -- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_too_many_is_answered_at_once_and_its_body_not_read() -> None:
    cors = Cors(origins=["https://app.example"])
    with serving(Trust(max_requests=2), cors=cors) as url, connected(url) as one, connected(url) as two:
        one.sendall(asked('{ wait(name: "one") }'))
        two.sendall(asked('{ wait(name: "two") }'))
        until(lambda: sorted(waiting) == ["one", "two"])
        with connected(url) as three:
            three.sendall(HEAD + b"origin: https://app.example\r\ncontent-length: 900000\r\n\r\n")
            status, headers, body = answer(three)
            assert (status, headers["retry-after"], headers["cache-control"]) == (503, "1", "no-store")
            assert headers["access-control-allow-origin"] == "https://app.example"
            assert json.loads(body)["errors"][0]["extensions"] == {"code": "SERVER_BUSY"}
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        released.set()
        assert answer(one)[2] == answer(two)[2] == b'{"data":{"wait":1}}'
        one.sendall(ASKED)
        assert answer(one)[2] == ANSWERED


def test_who_only_sends_a_body_takes_no_place() -> None:
    with serving(Trust(max_requests=1)) as url, connected(url) as slow, connected(url) as other:
        slow.sendall(HEAD + b"content-length: 900000\r\n\r\n" + BODY)
        for _ in range(3):
            other.sendall(ASKED)
            assert answer(other)[2] == ANSWERED


def test_those_that_come_together_find_as_many_places_as_there_are() -> None:
    body = json.dumps({"query": "{ wait }"}).encode()
    with serving(Trust(max_requests=2)) as url, ExitStack() as stack:
        many = [stack.enter_context(connected(url)) for _ in range(5)]
        for connection in many:  # all are let in, since none is whole yet
            connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body[:-1])
        threading.Event().wait(0.2)
        for connection in many:
            connection.sendall(body[-1:])
        until(lambda: len(select.select(many, [], [], 0)[0]) == 3)
        refused = select.select(many, [], [], 0)[0]
        assert [answer(connection)[0] for connection in refused] == [503] * 3
        released.set()
        assert [answer(connection)[0] for connection in many if connection not in refused] == [200] * 2


def test_an_operation_of_a_socket_takes_a_place_too() -> None:
    with serving(Trust(max_requests=1)) as url, connected(url) as other:
        address = f"ws://{url.removeprefix('http://')}/graphql"
        with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as client:
            client.send('{"type":"connection_init"}')
            assert json.loads(client.recv(10))["type"] == "connection_ack"
            client.send('{"type":"subscribe","id":"a","payload":{"query":"{ wait }"}}')
            until(lambda: waiting == ["a"])
            other.sendall(ASKED)
            assert answer(other)[0] == 503
            client.send('{"type":"subscribe","id":"b","payload":{"query":"{ number }"}}')
            refused = json.loads(client.recv(10))
            assert (refused["id"], refused["type"]) == ("b", "error")
            assert refused["payload"][0]["extensions"] == {"code": "SERVER_BUSY"}
            released.set()
            assert json.loads(client.recv(10))["payload"] == {"data": {"wait": 1}}
        other.sendall(ASKED)
        assert answer(other)[2] == ANSWERED


def test_bodies_have_a_bound_together() -> None:
    app = App(Graph(query=Query, trust=Trust(max_held_bytes=500_000)))
    held: Held = app._serving._held
    with running(app) as url, ExitStack() as stack:
        large = json.dumps({"query": "{ wait }", "x": "y" * 200_000}).encode()
        head = HEAD + b"content-length: %d\r\n\r\n" % len(large)
        first, second, third = (stack.enter_context(connected(url)) for _ in range(3))
        first.sendall(head + large)
        until(lambda: waiting == ["a"])  # held as long as its operation is under way
        second.sendall(head + large[:-1])
        until(lambda: held.bytes > 400_000)
        third.sendall(head + large[:150_000])
        status, headers, body = answer(third)
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(body)["errors"][0]["message"] == "the server holds as many bodies of requests as it can"
        with connected(url) as small:
            small.sendall(ASKED)
            assert answer(small)[2] == ANSWERED  # what is short is not counted
        released.set()
        assert answer(first)[0] == 200
        second.sendall(large[-1:])
        assert answer(second)[0] == 200


def test_what_a_request_holds_is_given_back_however_it_ends() -> None:
    app = App(Graph(query=Query, trust=Trust(max_held_bytes=500_000)))
    held: Held = app._serving._held
    large = json.dumps({"query": "{ number }", "x": "y" * 200_000}).encode()
    head = HEAD + b"content-length: %d\r\n\r\n" % len(large)
    with running(app) as url:
        for body in (large, b" " * len(large), large[:100_000]):
            with connected(url) as connection:
                connection.sendall(head + body)
                if len(body) == len(large):
                    answer(connection)
        zipped = HEAD + b"content-encoding: gzip\r\ncontent-length: 20000\r\n\r\n" + b"x" * 20_000
        with connected(url) as connection:
            connection.sendall(zipped)
            assert answer(connection)[0] == 400
        until(lambda: held.bytes == 0)


def test_a_place_counts_what_it_refuses_until_it_is_given_up() -> None:
    held = Held(100)
    place, other = Place(held), Place(held)
    place.take(60)
    with pytest.raises(Exception, match="SERVER_BUSY"):
        other.take(60)
    assert held.bytes == 120
    other.give_up()
    other.give_up()
    assert held.bytes == 60


# -- settings ---------------------------------------------------------------------------------------------------------


def test_the_environment_goes_before_what_the_author_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_MAX_REQUESTS", "7")
    monkeypatch.setenv("WEFT_MAX_CONNECTIONS", "none")
    monkeypatch.setenv("WEFT_HEADER_TIMEOUT", "2.5")
    monkeypatch.setenv("WEFT_CSRF", "off")
    trust = Graph(query=Query, trust=Trust(max_requests=5, keep_alive=9)).trusting
    assert (trust.max_requests, trust.max_connections, trust.header_timeout) == (7, None, 2.5)
    assert (trust.csrf, trust.keep_alive) == (False, 9)


def test_settings_that_can_never_be_are_faults_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_MAX_REQUESTS", "many")
    monkeypatch.setenv("WEFT_MAX_HEADERS", "none")
    monkeypatch.setenv("WEFT_BODY_TIMEOUT", "0")
    monkeypatch.setenv("WEFT_KEEP_ALIVE", "inf")
    monkeypatch.setenv("WEFT_PRODUCTION", "perhaps")
    monkeypatch.setenv("WEFT_MAX_DEPTH", "deep")
    monkeypatch.setenv("WEFT_JWT_LEEWAY", "long")
    monkeypatch.setenv("WEFT_JWT_ALGORITHMS", "none")
    monkeypatch.setenv("WEFT_RATES", "many,requests=10/1m,more")
    monkeypatch.setenv("WEFT_PROXIES", "everybody")
    with pytest.raises(GraphError) as caught:
        Graph(query=Query)
    assert caught.value.faults == [
        "WEFT_MAX_DEPTH='deep': expected a whole number of 0 or more, or none",
        "WEFT_PRODUCTION='perhaps': expected true or false",
        "WEFT_MAX_REQUESTS='many': expected a whole number of 0 or more, or none",
        "WEFT_MAX_HEADERS='none': expected a whole number of 0 or more",
        "WEFT_BODY_TIMEOUT='0': expected seconds, more than 0",
        "WEFT_KEEP_ALIVE='inf': expected seconds, more than 0",
        "WEFT_RATES: 'many' is no rate: expected such as requests=100/60s or cost=1000/1h;burst=200",
        "WEFT_RATES: 'more' is no rate: expected such as requests=100/60s or cost=1000/1h;burst=200",
        "WEFT_PROXIES: proxies: 'everybody' is no address and no network",
        "WEFT_JWT_...: leeway: 'long' is no number of seconds",
        "WEFT_JWT_...: give one of jwks, env and file, or an issuer alone: where its keys are",
        "WEFT_JWT_...: algorithms: 'none' is none that keys have",
    ]
    with pytest.raises(ValueError, match="max_connections=-1: expected a whole number of 0 or more, or none") as both:
        Trust(max_connections=-1, header_timeout=0, csrf=None)  # type: ignore[arg-type]
    assert "header_timeout=0: expected seconds, more than 0" in str(both.value)
    assert "csrf=None: expected true or false" in str(both.value)


def test_what_an_application_takes_of_each_client_can_be_set_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEFT_MAX_BODY_BYTES", "100")
    monkeypatch.setenv("WEFT_MAX_SOCKETS", "1")
    monkeypatch.setenv("WEFT_GRAPHIQL", "false")
    with serving(max_body_bytes=50_000) as url:
        post = httpx.post(f"{url}/graphql", json={"query": "{ number }", "x": "y" * 200}, trust_env=False)
        assert post.status_code == 413
        page = httpx.get(f"{url}/graphql", headers={"accept": "text/html, */*"}, trust_env=False)
        assert page.status_code == 403
    monkeypatch.setenv("WEFT_MAX_SOCKETS", "few")
    monkeypatch.setenv("WEFT_PING_INTERVAL", "0")
    with pytest.raises(GraphError) as caught:
        App(Graph(query=Query), max_uploads=-1)
    assert caught.value.faults == [
        "App: max_uploads=-1: expected a whole number of 0 or more",
        "WEFT_MAX_SOCKETS='few': expected a whole number of 0 or more",
        "WEFT_PING_INTERVAL='0': expected seconds, more than 0, or none",
    ]
