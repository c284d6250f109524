"""A backend's WebSocket is held open: asked what the author declares, opened again with a gap, until nobody listens."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from sources import (
    ApiKey,
    DeclarationError,
    Event,
    File,
    Gap,
    Happening,
    InvalidInput,
    OAuth2,
    Rest,
    SourceError,
    UpstreamError,
    UpstreamInvalid,
    WebSocketStream,
)
from tests.sources.lines import at_once, get, listening, serving_lines, take, told
from tests.sources.raw import reply

INTERRUPTED = Gap("the stream of prices was interrupted; events may be missing")
Script = Callable[[ServerConnection, int], Awaitable[None]]


class Backend:
    """A WebSocket server whose connections follow a script, after refusals."""

    def __init__(self, script: Script, *refusals: Response) -> None:
        self._script = script
        self._refusals = list(refusals)
        self.requests: list[Request] = []
        self.open = 0
        self.url = ""

    def refuse(self, _: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return self._refusals.pop(0) if self._refusals else None

    async def __call__(self, connection: ServerConnection) -> None:
        self.open += 1
        try:
            await self._script(connection, len(self.requests))
        except ConnectionClosed:
            return
        finally:
            self.open -= 1


@contextlib.asynccontextmanager
async def serving(script: Script, *refusals: Response, port: int = 0, **options: Any) -> AsyncIterator[Backend]:
    backend = Backend(script, *refusals)
    options = {"process_request": backend.refuse, "close_timeout": 1, **options}
    async with serve(backend, "127.0.0.1", port, **options) as server:
        backend.url = f"http://127.0.0.1:{port_of(server)}"
        yield backend


def port_of(server: Server) -> int:
    port = next(iter(server.sockets)).getsockname()[1]
    return int(port)


def refusal(status: int, body: bytes = b"", **headers: str) -> Response:
    fields = {**{name.replace("_", "-"): value for name, value in headers.items()}, "content-length": str(len(body))}
    return Response(status, "X", Headers(fields), body)


def feed(template: str = "/live", send: Any = None, **options: Any) -> WebSocketStream:
    return WebSocketStream(get(template), send, **{"backoff": at_once, **options})


@contextlib.asynccontextmanager
async def heard(
    url: str, feed: WebSocketStream, *, values: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[AsyncGenerator[Happening]]:
    """Listen until the block ends, and then close the source."""
    source = Rest("prices", url, **options)
    try:
        async with contextlib.aclosing(feed.listen(listening(source, **(values or {})))) as happenings:
            yield happenings
    finally:
        await source.aclose()


def saying(*messages: str | bytes) -> Script:
    async def script(connection: ServerConnection, number: int) -> None:
        for message in messages:
            await connection.send(message)
        await connection.wait_closed()

    return script


# -- what comes -------------------------------------------------------------------------------------------------------


async def test_each_text_is_an_event() -> None:
    async with serving(saying('{"a": "é"}', "[1]", "null")) as backend, heard(backend.url, feed()) as happenings:
        assert await take(happenings, 3) == [Event('{"a": "é"}'.encode()), Event(b"[1]"), Event(b"null")]


async def test_the_request_is_the_sources_own() -> None:
    asking = WebSocketStream(get("/live/{room}{?since}", **{"x-since": "{since}"}))
    async with serving(saying("1")) as backend:
        source = Rest(
            "prices", backend.url + "/v1", auth=ApiKey("X-Key", value="s"), headers={"X-Shop": "7"}, forward="x-user"
        )
        to = listening(source, (("x-user", "ann"),), room="a b", since=3)
        async with contextlib.aclosing(asking.listen(to)) as happenings:
            assert await take(happenings, 1) == [Event(b"1")]
        await source.aclose()
    (request,) = backend.requests
    assert request.path == "/v1/live/a%20b?since=3"
    expected = {"x-key": "s", "x-shop": "7", "x-user": "ann", "x-since": "3"}
    assert {name: request.headers.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("send", "sent"),
    [
        ({"subscribe": "{channel}", "from": "{none}"}, ['{"subscribe":"a\\"b"}']),
        ([{"login": 1}, {"subscribe": ["{channel}"]}], ['{"login":1}', '{"subscribe":["a\\"b"]}']),
        ("{channel}", ['"a\\"b"']),
    ],
)
async def test_messages_are_sent_on_each_connection(send: Any, sent: list[str]) -> None:
    heard_of: list[list[Any]] = []

    async def script(connection: ServerConnection, number: int) -> None:
        heard_of.append([await connection.recv() for _ in sent])
        await connection.send("1")
        if number == 2:
            await connection.wait_closed()
        else:
            await connection.close(1001)

    asking = feed(send=send)
    async with serving(script) as backend, heard(backend.url, asking, values={"channel": 'a"b'}) as happenings:
        assert await take(happenings, 3) == [Event(b"1"), INTERRUPTED, Event(b"1")]
    assert heard_of == [sent, sent]


async def test_only_kinds_that_are_named_count() -> None:
    texts = [
        '{"meta": {"type": "ack"}}',
        '{"meta": {"type": "price"}, "a": 1}',
        "[]",
        '{"meta": 3}',
        '{"meta": {"type": 7}}',
    ]
    async with serving(saying(*texts)) as backend:
        async with heard(backend.url, feed(names="meta.type", events=("price", "7"))) as happenings:
            assert await take(happenings, 2) == [Event(texts[1].encode(), "price"), Event(texts[4].encode(), "7")]
        async with heard(backend.url, feed(names="meta.type")) as happenings:
            names = [event.name for event in await take(happenings, 5) if isinstance(event, Event)]
    assert names == ["ack", "price", None, None, "7"]


async def test_what_wants_an_answer_gets_one_and_is_no_event() -> None:
    async def script(connection: ServerConnection, number: int) -> None:
        await connection.send('{"op": "ping"}')
        await connection.send(json.dumps({"op": "echo", "said": await connection.recv()}))
        await connection.wait_closed()

    asking = feed(names="op", answers={"ping": {"op": "pong", "room": "{room}"}})
    assert asking.variables == {"room"}
    async with serving(script) as backend, heard(backend.url, asking, values={"room": 5}) as happenings:
        (event,) = await take(happenings, 1)
    assert isinstance(event, Event)
    assert json.loads(event.body) == {"op": "echo", "said": '{"op":"pong","room":5}'}


async def test_what_is_not_json_is_told_once_in_a_row() -> None:
    texts: list[str | bytes] = [b"\x00", "no", b"1", "[" * 100_000, "1", "{", "2"]
    async with serving(saying(*texts)) as backend, heard(backend.url, feed()) as happenings:
        first, second, third, fourth = await take(happenings, 4)
    assert isinstance(first, UpstreamInvalid)
    assert [told(first), told(third)] == ["prices sent an event that is not JSON"] * 2
    assert [second, fourth] == [Event(b"1"), Event(b"2")]


# -- interruptions and ends -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1001, 1002, 1003, 1011, 1012, 1013, 3000, 4000, 4404, 4500, None])
async def test_an_interruption_is_a_gap(code: int | None) -> None:
    heard_one = asyncio.Event()

    async def script(connection: ServerConnection, number: int) -> None:
        await connection.send(str(number))
        await heard_one.wait()
        if number == 2:
            await connection.wait_closed()
        elif code is None:
            connection.transport.abort()
        else:
            await connection.close(code)

    async with serving(script) as backend, heard(backend.url, feed()) as happenings:
        assert await take(happenings, 1) == [Event(b"1")]
        heard_one.set()
        assert await take(happenings, 2) == [INTERRUPTED, Event(b"2")]


async def test_a_normal_close_ends_the_feed_after_what_came_before() -> None:
    async def script(connection: ServerConnection, number: int) -> None:
        for text in ("1", "2"):
            await connection.send(text)

    async with serving(script) as backend, heard(backend.url, feed()) as happenings:
        assert [happening async for happening in happenings] == [Event(b"1"), Event(b"2")]
    assert len(backend.requests) == 1


@pytest.mark.parametrize(("code", "status"), [(1008, 403), (4401, 401), (4403, 403)])
async def test_a_close_that_refuses_is_for_good(code: int, status: int) -> None:
    async def script(connection: ServerConnection, number: int) -> None:
        await connection.close(code, "secret")

    async with serving(script) as backend, heard(backend.url, feed()) as happenings:
        with pytest.raises(UpstreamError, match=rf"^prices closed its WebSocket with code {code}$") as failed:
            await take(happenings, 1)
    assert (failed.value.status, len(backend.requests)) == (status, 1)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404])
async def test_a_refused_handshake_is_for_good(status: int) -> None:
    refused = refusal(status, b'{"why": "no such room"}', location="/elsewhere")
    async with serving(saying("1"), refused) as backend, heard(backend.url, feed(), reason="why") as happenings:
        with pytest.raises(SourceError) as failed:
            await take(happenings, 1)
    assert failed.value.status == status
    assert (str(failed.value) == "prices: no such room") == (status >= 400)
    assert len(backend.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_backend_that_fails_is_asked_again_and_told_of_once(status: int) -> None:
    waits: list[float] = []

    async def sleep(wait_s: float) -> None:
        waits.append(wait_s)

    refusals = [refusal(status, retry_after="3"), *[refusal(status)] * 4]
    async with serving(saying("1"), *refusals) as backend, heard(backend.url, feed(sleep=sleep)) as happenings:
        failure, event = await take(happenings, 2)
    assert (told(failure), event) == (f"prices answered with status {status}", Event(b"1"))
    assert waits == [3.0, 0.0, 0.0, 0.0, 0.0]


async def test_a_backend_that_restarts_is_found_again() -> None:
    async with serving(saying("1")) as backend:
        port = int(backend.url.rpartition(":")[2])
        happenings = feed().listen(listening(Rest("prices", backend.url)))
        assert await take(happenings, 1) == [Event(b"1")]
    failing = asyncio.create_task(take(happenings, 1))
    assert [told(failure) for failure in await failing] == ["prices cannot be reached"]
    async with serving(saying("2"), port=port):
        assert await take(happenings, 2) == [INTERRUPTED, Event(b"2")]
        await happenings.aclose()


async def test_a_message_that_is_too_large_is_a_gap() -> None:
    async def script(connection: ServerConnection, number: int) -> None:
        await connection.send("1")
        if number == 1:
            await connection.send("1" * 1001)
        await connection.wait_closed()

    async with serving(script) as backend, heard(backend.url, feed(most_bytes=1000)) as happenings:
        found = await take(happenings, 3)
    assert found == [Event(b"1"), Gap("a message of prices was too large and is missing"), Event(b"1")]


async def test_a_backend_that_answers_no_ping_is_taken_for_dead() -> None:
    over = asyncio.Event()

    async def script(connection: ServerConnection, number: int) -> None:
        await connection.send("1")
        if number == 1:
            connection.transport.pause_reading()
        await over.wait()
        connection.transport.abort()

    async with serving(script, ping_interval=None) as backend:
        async with heard(backend.url, feed(ping_s=0.2)) as happenings:
            assert await take(happenings, 3) == [Event(b"1"), INTERRUPTED, Event(b"1")]
        over.set()


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.0\r\n\r\n", b"", b"HTTP/1.1 101 X\r\n\r\n"])
async def test_what_does_not_speak_websocket_is_tried_again(answer: bytes) -> None:
    async with serving_lines(lambda line: line.write(answer)) as seen, heard(seen.url, feed()) as happenings:
        (failure,) = await take(happenings, 1)
    assert told(failure) == "prices cannot be reached"


async def test_a_token_that_is_refused_is_renewed_once() -> None:
    given = 0

    async def tokens(line: Any) -> None:
        nonlocal given
        given += 1
        await line.write(reply({"access_token": f"t{given}", "expires_in": 3600}))

    async with serving_lines(tokens) as issuer, serving(saying("1"), refusal(401)) as backend:
        auth = OAuth2(f"{issuer.url}/token", client_id="weft", client_secret="s")
        async with heard(backend.url, feed(), auth=auth) as happenings:
            assert await take(happenings, 1) == [Event(b"1")]
    assert [request.headers["authorization"] for request in backend.requests] == ["Bearer t1", "Bearer t2"]


# -- leaving ----------------------------------------------------------------------------------------------------------


async def test_whoever_leaves_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    async with serving(saying("1")) as backend:
        for _ in range(3):
            async with heard(backend.url, feed()) as happenings:
                await take(happenings, 1)
                assert backend.open == 1
                waiting = asyncio.ensure_future(anext(happenings))
                await asyncio.sleep(0.01)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            await until(lambda: backend.open == 0)
        async with heard(backend.url, feed()) as happenings:
            await take(happenings, 1)
        await until(lambda: backend.open == 0)
    await until(lambda: asyncio.all_tasks() <= before | {current()})


async def test_whoever_leaves_before_the_handshake_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    async with serving_lines(lambda line: line.gone()) as seen, heard(seen.url, feed(), timeout=30) as happenings:
        waiting = asyncio.ensure_future(anext(happenings))
        await seen.asked(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await seen.deserted()
    await until(lambda: asyncio.all_tasks() <= before | {current()})


async def test_a_handshake_that_takes_too_long_is_given_up() -> None:
    async with serving_lines(lambda line: line.gone()) as seen, heard(seen.url, feed(), timeout=0.1) as happenings:
        (failure,) = await take(happenings, 1)
        assert told(failure) == "prices did not answer in time"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError
    return task


# -- declaring --------------------------------------------------------------------------------------------------------


def test_a_feed_says_what_it_is_and_needs() -> None:
    declared = WebSocketStream(get("/live{?room}", **{"x-user": "{user}"}), [{"a": "{a}"}, {"b": ["{b}"]}])
    assert str(declared) == "WS /live{?room}"
    assert declared.variables == {"room", "user", "a", "b"}


@pytest.mark.parametrize(
    "options",
    [
        {"ping_s": 0},
        {"ping_s": float("inf")},
        {"events": ("a",)},
        {"answers": {"a": 1}},
        {"names": "a..b"},
        {"names": "a", "events": [""]},
    ],
)
def test_an_impossible_option_is_a_fault(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        WebSocketStream(get("/live"), **options)


@pytest.mark.parametrize("value", ["\ud800", File(b"x")])
async def test_a_value_that_may_not_stand_in_a_message_asks_nothing(value: object) -> None:
    asking = feed(send="{value}")
    async with serving(saying("1")) as backend, heard(backend.url, asking, values={"value": value}) as happenings:
        with pytest.raises(InvalidInput):
            await take(happenings, 1)
    assert backend.requests == []


async def test_an_https_address_is_a_websocket_over_tls() -> None:
    greetings: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greetings.put_nowait(await reader.readexactly(1))
        writer.close()

    server = await asyncio.start_server(serve_bytes, "127.0.0.1", 0)
    address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with heard(address, feed()) as happenings:
        assert told((await take(happenings, 1))[0]) == "prices cannot be reached"
        assert greetings.get_nowait() == b"\x16"  # the type of a TLS handshake (RFC 8446, 5.1)
    server.close()
    await server.wait_closed()
