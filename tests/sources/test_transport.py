"""Both transports give the same answers of the same real servers, honest, slow, broken and hostile ones."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from sources import (
    HttpxTransport,
    InvalidInput,
    PyreqwestTransport,
    Rest,
    SourceError,
    Transport,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from sources.transport import TransportError, TransportTimeout
from tests.serving import running
from tests.sources.lines import Line, serving_lines
from tests.sources.raw import Request, always, reply, speaking

BOTH = pytest.mark.parametrize("kind", ["pyreqwest", "httpx"])
BIG = b'{"rows": [' + b",".join([b'{"id": 123456789}'] * 50_000) + b"]}"


class Shop:
    """An ASGI application with one path per behaviour; it counts how many requests it holds at once."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.inside = self.most_inside = 0
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        with self._lock:
            self.paths.append(scope["path"])
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        body += message.get("body", b"")
        status, headers, content = await self.answer(scope, body)
        with self._lock:
            self.inside -= 1
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    async def answer(self, scope: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        match scope["path"].split("/")[1:]:
            case ["status", status]:
                return int(status), {}, b""
            case ["echo"]:
                target = scope["raw_path"] + b"?" + scope["query_string"]
                return 200, {"X-Method": scope["method"], "x-target": target.decode()}, body
            case ["gzip"]:
                return 200, {"Content-Encoding": "gzip"}, gzip.compress(BIG)
            case ["deflate"]:
                return 200, {"content-encoding": "deflate"}, zlib.compress(BIG)
            case ["big"]:
                return 200, {}, BIG
            case ["moved", status]:
                return int(status), {"location": "/echo"}, b""
            case ["wait", _]:
                await asyncio.sleep(0.02)
        return 200, {}, scope["path"].encode()


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[Shop, str]]:
    shop = Shop()
    with running(shop) as address:
        yield shop, address


@pytest.fixture
def shop(serving: tuple[Shop, str]) -> Shop:
    served, _ = serving
    served.paths.clear()
    served.most_inside = 0
    return served


@pytest.fixture
def url(serving: tuple[Shop, str]) -> str:
    return serving[1]


@asynccontextmanager
async def opened(kind: str, **options: Any) -> AsyncIterator[Transport]:
    settings = {"timeout_s": 5, "connect_timeout_s": 2, **options}
    transport: Transport
    if kind == "pyreqwest":
        transport = PyreqwestTransport(**settings)
    else:
        transport = HttpxTransport(httpx.AsyncClient(timeout=settings["timeout_s"], trust_env=False))
    try:
        yield transport
    finally:
        await transport.aclose()


@asynccontextmanager
async def source_at(kind: str, url: str, timeout: float = 5, limit: int = 100) -> AsyncIterator[Rest]:
    client = httpx.AsyncClient(timeout=timeout, trust_env=False) if kind == "httpx" else None
    source = Rest("shop", url, timeout=timeout, limit=limit, client=client)
    try:
        yield source
    finally:
        await source.aclose()


# -- honest servers ---------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 401, 404, 418, 429, 500, 503, 599])
async def test_every_status_is_a_reply(kind: str, url: str, status: int) -> None:
    async with opened(kind) as transport:
        got = await transport.send("GET", f"{url}/status/{status}", (), None)
    assert (got.status, bytes(got.body)) == (status, b"")


@BOTH
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [None, b"", b'{"a": "\xc3\xa9"}', b"\x00\xff" * 100_000])
async def test_method_target_and_body_arrive_untouched(kind: str, url: str, method: str, body: bytes | None) -> None:
    async with opened(kind) as transport:
        got = await transport.send(method, f"{url}/echo?a=%2F%20&b=c%26d", (), body)
    assert bytes(got.body) == (body or b"")
    assert (got.header("x-method"), got.header("x-target")) == (method, "/echo?a=%2F%20&b=c%26d")


@BOTH
async def test_headers_are_found_in_any_case(kind: str, url: str) -> None:
    async with opened(kind) as transport:
        got = await transport.send("GET", f"{url}/echo", (), None)
    assert [got.header(name) for name in ("x-method", "X-METHOD", "X-Method")] == ["GET"] * 3
    assert got.header("x-nothing") is None


@BOTH
@pytest.mark.parametrize("path", ["gzip", "deflate", "big"])
async def test_a_packed_or_large_reply_is_given_unpacked_and_whole(kind: str, url: str, path: str) -> None:
    async with opened(kind) as transport:
        got = await transport.send("GET", f"{url}/{path}", (), None)
    assert bytes(got.body) == BIG


@BOTH
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(kind: str, url: str, shop: Shop, status: int) -> None:
    async with opened(kind) as transport:
        for method in ("GET", "POST"):
            got = await transport.send(method, f"{url}/moved/{status}", (), None)
            assert (got.status, got.header("location")) == (status, "/echo")
    assert shop.paths == [f"/moved/{status}"] * 2


@BOTH
async def test_calls_beyond_the_limit_wait_for_their_turn(kind: str, url: str, shop: Shop) -> None:
    async with source_at(kind, url, limit=3) as source:
        got = await asyncio.gather(*(source.send("GET", f"/wait/{n}") for n in range(30)))
    assert [bytes(each.body) for each in got] == [f"/wait/{n}".encode() for n in range(30)]
    assert shop.most_inside <= 3


def test_a_pool_serves_one_event_loop_after_another(url: str) -> None:
    transport = PyreqwestTransport(timeout_s=5, connect_timeout_s=1)

    async def ask(closing: bool) -> int:
        status = (await transport.send("GET", f"{url}/status/200", (), None)).status
        if closing:
            await transport.aclose()
        return status

    assert [asyncio.run(ask(closing)) for closing in (False, False, True, False, True)] == [200] * 5


def test_two_event_loops_may_take_turns(url: str) -> None:
    transport = PyreqwestTransport(timeout_s=5, connect_timeout_s=1)
    with asyncio.Runner() as one, asyncio.Runner() as two:
        for runner in (one, two, one, two):
            assert runner.run(transport.send("GET", f"{url}/status/204", (), None)).status == 204
        two.run(transport.aclose())


async def test_closing_what_never_sent_is_fine() -> None:
    transport = PyreqwestTransport(timeout_s=1, connect_timeout_s=1)
    await transport.aclose()
    await transport.aclose()


@pytest.mark.parametrize(("idle_s", "connections"), [(0.05, 2), (60.0, 1)])
async def test_a_connection_that_was_idle_for_long_is_not_used_again(idle_s: float, connections: int) -> None:
    callers: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            callers.append(scope["client"])
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})

    with running(app) as address:
        transport = PyreqwestTransport(timeout_s=5, connect_timeout_s=5, idle_s=idle_s)
        await transport.send("GET", f"{address}/", (), None)
        await asyncio.sleep(0.15)
        await transport.send("GET", f"{address}/", (), None)
        await transport.aclose()
    assert len(set(callers)) == connections


async def test_default_headers_are_in_every_request() -> None:
    seen: list[Request] = []

    async def answer(request: Request) -> bytes:
        seen.append(request)
        return reply()

    async with speaking(answer) as url, opened("pyreqwest", headers=[("x-app", "weft")]) as transport:
        for _ in range(2):
            await transport.send("GET", url, [("x-one", "1")], None)
    assert [(request.all("x-app"), request.all("x-one")) for request in seen] == [(["weft"], ["1"])] * 2


async def test_an_application_in_this_process_is_a_backend(shop: Shop) -> None:
    source = Rest("shop", "http://in.process/", client=httpx.AsyncClient(transport=httpx.ASGITransport(shop)))
    got = await source.send("POST", "/echo?a=1", body=b'{"x": 1}')
    assert (got.status, bytes(got.body), got.header("X-Target")) == (200, b'{"x": 1}', "/echo?a=1")
    assert (await source.send("GET", "/status/404")).status == 404
    await source.aclose()


async def test_an_application_in_this_process_that_fails_is_not_hidden() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    source = Rest("shop", "http://in.process", client=httpx.AsyncClient(transport=httpx.ASGITransport(broken)))
    with pytest.raises(ZeroDivisionError):
        await source.send("GET", "/")
    await source.aclose()


# -- slow, broken and hostile servers ---------------------------------------------------------------------------------


async def never(_: Request) -> bytes:
    await asyncio.Event().wait()
    return b""


@BOTH
async def test_a_server_that_does_not_answer_is_a_timeout(kind: str) -> None:
    async with speaking(never) as url, source_at(kind, url, timeout=0.2) as source:
        with pytest.raises(UpstreamTimeout, match=r"^shop did not answer in time$") as failed:
            await source.send("GET", "/")
    assert failed.value.retryable


async def test_the_timeout_bounds_the_whole_exchange_of_a_dripping_server() -> None:
    stopped = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            pass
        finally:
            writer.close()
            stopped.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with source_at("pyreqwest", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=0.2) as source:
        with pytest.raises(UpstreamTimeout):
            await source.send("GET", "/")
    await stopped.wait()
    server.close()
    await server.wait_closed()


@BOTH
async def test_a_port_that_nobody_serves_is_unavailable(kind: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        async with source_at(kind, f"http://127.0.0.1:{port}") as source:
            with pytest.raises(UpstreamUnavailable, match=r"^shop cannot be reached$") as failed:
                await source.send("GET", "/")
    assert failed.value.retryable


@BOTH
@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b'{"half":',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
async def test_a_server_that_hangs_up_half_way_is_unavailable(kind: str, written: bytes) -> None:
    async with speaking(always(written)) as url, source_at(kind, url) as source:
        with pytest.raises(UpstreamUnavailable, match=r"^shop cannot be reached$"):
            await source.send("GET", "/")


GARBAGE = [
    b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
    b"<html>no status line</html>\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    b"\x00" * 1000,
]


@BOTH
@pytest.mark.parametrize("written", GARBAGE)
async def test_garbage_instead_of_http_is_the_sources_failure(kind: str, written: bytes) -> None:
    async with speaking(always(written)) as url, source_at(kind, url) as source:
        with pytest.raises(SourceError) as failed:
            await source.send("GET", "/")
    assert failed.value.source == "shop"
    assert str(failed.value) in ("shop cannot be reached", "shop did not answer in HTTP")


@BOTH
@pytest.mark.parametrize("size", [1_000_000, 3_000_000])
async def test_headers_without_end_are_the_sources_failure(kind: str, size: int) -> None:
    async with speaking(always(reply(headers=("X-Long: " + "a" * size,)))) as url, source_at(kind, url) as source:
        with pytest.raises(SourceError):
            await source.send("GET", "/")


@BOTH
async def test_a_body_that_is_not_packed_as_promised_is_the_sources_failure(kind: str) -> None:
    answer = always(reply(b"not gzip", headers=("Content-Encoding: gzip",)))
    async with speaking(answer) as url, source_at(kind, url) as source:
        with pytest.raises(SourceError):
            await source.send("GET", "/")


@BOTH
async def test_a_broken_exchange_leaves_the_source_usable(kind: str) -> None:
    answers = iter([b"", b"garbage\r\n\r\n", reply(b"whole")])

    async def answer(_: Request) -> bytes:
        return next(answers)

    async with speaking(answer) as url, source_at(kind, url) as source:
        for _ in range(2):
            with pytest.raises(SourceError):
                await source.send("GET", "/")
        assert bytes((await source.send("GET", "/")).body) == b"whole"


@BOTH
@pytest.mark.parametrize("first", [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_interim_replies_are_skipped(kind: str, first: bytes) -> None:
    async with speaking(always(first + reply(b"final"))) as url, source_at(kind, url) as source:
        got = await source.send("GET", "/")
    assert (got.status, bytes(got.body)) == (200, b"final")


@BOTH
async def test_a_body_without_a_length_ends_with_the_connection(kind: str) -> None:
    async with speaking(always(b"HTTP/1.0 200 OK\r\n\r\n{}")) as url, source_at(kind, url) as source:
        assert bytes((await source.send("GET", "/")).body) == b"{}"


@BOTH
@pytest.mark.parametrize("url", ["http://", "nowhere", "ftp://127.0.0.1/", "http://[::1/"])
async def test_an_address_that_cannot_be_asked_is_a_transport_error(kind: str, url: str) -> None:
    async with opened(kind) as transport:
        with pytest.raises(TransportError):
            await transport.send("GET", url, (), None)


# -- known faults -----------------------------------------------------------------------------------------------------


@BOTH
async def test_what_is_no_http_is_not_worth_another_try(kind: str) -> None:
    async with speaking(always(b"SSH-2.0-OpenSSH_9.0\r\n\r\n")) as url, source_at(kind, url) as source:
        with pytest.raises(UpstreamInvalid, match="did not answer in HTTP"):
            await source.send("GET", "/")


@BOTH
async def test_a_body_that_cannot_be_unpacked_is_invalid(kind: str) -> None:
    answer = always(reply(b"not gzip", headers=("Content-Encoding: gzip",)))
    async with speaking(answer) as url, source_at(kind, url) as source:
        with pytest.raises(UpstreamInvalid):
            await source.send("GET", "/")


@BOTH
@pytest.mark.parametrize("name", ["Cache-Control", "Retry-After", "ETag"])
async def test_a_header_beyond_ascii_can_be_asked_for(kind: str, name: str) -> None:
    answer = always(reply(headers=(f"{name}: \xb2\xff",)))
    async with speaking(answer) as url, source_at(kind, url) as source:
        got = await source.send("GET", "/")
        assert got.header(name) in (None, "\xb2\xff")


@BOTH
async def test_a_header_on_several_lines_is_one_list(kind: str) -> None:
    answer = always(reply(headers=("Cache-Control: max-age=60", "Cache-Control: private, no-store")))
    async with speaking(answer) as url, source_at(kind, url) as source:
        got = await source.send("GET", "/")
        assert got.header("cache-control") == "max-age=60, private, no-store"


@BOTH
async def test_a_header_value_beyond_ascii_is_sent_or_is_the_clients_fault(kind: str) -> None:
    async with speaking(always(reply())) as url, source_at(kind, url) as source:
        with suppress(InvalidInput):
            assert (await source.send("GET", "/", [("x-a", "caf\xe9")])).status == 200


@BOTH
async def test_a_cookie_of_one_reply_is_not_in_the_next_request(kind: str) -> None:
    seen: list[list[str]] = []

    async def answer(request: Request) -> bytes:
        seen.append(request.all("cookie"))
        return reply(headers=("Set-Cookie: session=of-one-client; Path=/",))

    async with speaking(answer) as url, source_at(kind, url) as source:
        await source.send("GET", "/")
        await source.send("GET", "/")
    assert seen == [[], []]


@BOTH
async def test_a_cancelled_call_gives_its_turn_back(kind: str) -> None:
    arrived = asyncio.Event()

    async def answer(request: Request) -> bytes:
        arrived.set()
        return await never(request) if request.target == "/hang" else reply()

    async with speaking(answer) as url, source_at(kind, url, limit=1) as source:
        sending = asyncio.create_task(source.send("GET", "/hang"))
        await arrived.wait()
        sending.cancel()
        await asyncio.wait([sending])
        async with asyncio.timeout(1):
            assert (await source.send("GET", "/")).status == 200


async def coming(*pieces: bytes, pause_s: float = 0.0) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(pause_s)
        yield piece


@BOTH
async def test_a_body_in_pieces_arrives_as_one(kind: str, url: str) -> None:
    async with opened(kind) as transport:
        found = await transport.send("PUT", f"{url}/echo", (), coming(b"a", b"", b"b" * 200_000, b"c"))
    assert bytes(found.body) == b"a" + b"b" * 200_000 + b"c"


@BOTH
async def test_a_body_that_breaks_off_breaks_the_request_off(kind: str, url: str, shop: Shop) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        raise LookupError("no more")

    async with opened(kind) as transport:
        with pytest.raises(LookupError, match="no more"):
            await transport.send("POST", f"{url}/echo", (), broken())
        assert (await transport.send("GET", f"{url}/echo", (), None)).status == 200


async def test_an_upload_may_take_longer_than_the_timeout(url: str) -> None:
    async with opened("pyreqwest", timeout_s=0.5, read_timeout_s=0.5) as transport:
        found = await transport.send("POST", f"{url}/echo", (), coming(*[b"x" * 100_000] * 4, pause_s=0.2))
    assert len(found.body) == 400_000


@pytest.mark.parametrize("pieces", [1, 100])
async def test_a_backend_that_takes_or_answers_nothing_is_a_timeout(pieces: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # it accepts no connection
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        async with opened("pyreqwest", timeout_s=0.2) as transport:
            with pytest.raises(TransportTimeout):
                await transport.send("POST", address, (), coming(*[b"x" * 1_000_000] * pieces))


async def test_a_reply_before_the_body_is_whole_is_the_reply() -> None:
    never = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        await never.wait()

    async with speaking(always(reply(status=413))) as address, opened("pyreqwest") as transport:
        assert (await transport.send("POST", address, (), endless())).status == 413
        never.set()


# -- replies that are held open ---------------------------------------------------------------------------------------


@BOTH
async def test_a_held_reply_gives_its_pieces_as_they_come(kind: str) -> None:
    more = asyncio.Event()

    async def script(line: Line) -> None:
        await line.say(b"one")
        await more.wait()
        await line.write(b"two")

    async with serving_lines(script) as seen, opened(kind, timeout_s=0.3) as transport:
        async with transport.stream("GET", f"{seen.url}/a?b=1", [("x-a", "1")]) as streamed:
            chunks = streamed.chunks()
            assert (streamed.status, streamed.header("Content-Type")) == (200, "text/event-stream")
            assert await anext(chunks) == b"one"
            await asyncio.sleep(0.4)  # longer than a reply may take
            more.set()
            assert [chunk async for chunk in chunks] == [b"two"]
        await seen.deserted()
    (request,) = seen.requests
    assert (request.method, request.target, request.all("x-a")) == ("GET", "/a?b=1", ["1"])


@BOTH
async def test_a_held_reply_is_hung_up_on_wherever_its_reader_is(kind: str) -> None:
    async def script(line: Line) -> None:
        if line.request.target != "/silent":
            await line.say(b"one")
        await line.gone()

    async with serving_lines(script) as seen, opened(kind) as transport:
        async with transport.stream("GET", f"{seen.url}/unread", ()):
            pass
        await seen.deserted()
        async with transport.stream("GET", f"{seen.url}/read", ()) as streamed:
            assert await anext(streamed.chunks()) == b"one"
        await seen.deserted()

        async def read(target: str) -> None:
            async with transport.stream("GET", f"{seen.url}{target}", ()) as streamed:
                async for _ in streamed.chunks():
                    pass

        for number, target in enumerate(("/silent", "/waiting"), start=3):
            reading = asyncio.create_task(read(target))
            await seen.asked(number)
            reading.cancel()
            await asyncio.wait([reading])
            assert reading.cancelled()
            await seen.deserted()


@BOTH
@pytest.mark.parametrize("status", [204, 302, 401, 503])
async def test_a_held_reply_may_have_any_status(kind: str, url: str, status: int) -> None:
    async with opened(kind) as transport, transport.stream("GET", f"{url}/status/{status}", ()) as streamed:
        assert streamed.status == status
        assert [chunk async for chunk in streamed.chunks()] == []


@BOTH
@pytest.mark.parametrize(
    "written",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        *GARBAGE,
        b"",
    ],
)
async def test_a_held_reply_that_breaks_is_a_transport_error(kind: str, written: bytes) -> None:
    async def read(transport: Transport, url: str) -> None:
        async with transport.stream("GET", url, ()) as streamed:
            async for _ in streamed.chunks():
                pass

    async with speaking(always(written)) as url, opened(kind) as transport:
        with pytest.raises(TransportError):
            await read(transport, url)


async def test_held_replies_are_not_bounded_in_number(url: str) -> None:
    async with serving_lines(hold) as seen, opened("pyreqwest") as transport:
        async with AsyncExitStack() as stack:
            for _ in range(150):
                await stack.enter_async_context(transport.stream("GET", seen.url, ()))
            assert (await transport.send("GET", f"{url}/status/200", (), None)).status == 200
        await seen.deserted()


async def hold(line: Line) -> None:
    await line.say()
    await line.gone()


def test_replies_are_held_in_one_event_loop_after_another(url: str) -> None:
    transport = PyreqwestTransport(timeout_s=5, connect_timeout_s=1, headers=[("x-method", "1")])

    async def ask(closing: bool) -> int:
        async with transport.stream("GET", f"{url}/status/200", ()) as streamed:
            status = streamed.status
        if closing:
            await transport.aclose()
        return status

    assert [asyncio.run(ask(closing)) for closing in (False, False, True, False, True)] == [200] * 5


async def test_a_peer_that_is_gone_without_a_word_is_looked_for() -> None:
    async with serving_lines(hold) as seen, httpx.AsyncClient(trust_env=False) as client:
        responses: list[httpx.Response] = []

        async def keep(response: httpx.Response) -> None:
            responses.append(response)

        client.event_hooks = {"response": [keep]}
        async with HttpxTransport(client).stream("GET", seen.url, ()):
            connection = responses[0].extensions["network_stream"].get_extra_info("socket")
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
