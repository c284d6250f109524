"""A backend's event stream is held open: taken up again where it broke, with gaps told, until nobody listens."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx
import pytest

from sources import (
    ApiKey,
    DeclarationError,
    Event,
    FakeTransport,
    Gap,
    Happening,
    InvalidInput,
    OAuth2,
    Rest,
    ServerSent,
    SourceError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from sources.backoff import Backoff
from tests.sources.lines import Line, at_once, get, listening, serving_lines, take, told
from tests.sources.raw import reply

INTERRUPTED = Gap("the stream of orders was interrupted; events may be missing")
EVENT = b"id: 1\nevent: paid\ndata: {}\n\n"


def feed(template: str = "/stream", **options: Any) -> ServerSent:
    return ServerSent(get(template), **{"backoff": at_once, **options})


@contextlib.asynccontextmanager
async def heard(url: str, feed: ServerSent, **options: Any) -> AsyncIterator[AsyncGenerator[Happening]]:
    """Listen until the block ends, and then close the source."""
    source = Rest("orders", url, **options)
    try:
        async with contextlib.aclosing(feed.listen(listening(source))) as happenings:
            yield happenings
    finally:
        await source.aclose()


async def failure_of(url: str, feed: ServerSent, **options: Any) -> SourceError:
    async with heard(url, feed, **options) as happenings:
        with pytest.raises(SourceError) as failed:
            await take(happenings, 1)
    return failed.value


# -- what comes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["built-in", "httpx"])
async def test_events_come_as_the_backend_sends_them(kind: str) -> None:
    said = asyncio.Event()

    async def script(line: Line) -> None:
        await line.say(b": hello\n\nevent: paid\nid: 7\ndata: {", b'"a": "\xc3', b'\xa9"}\n\nda')
        await said.wait()
        await line.write(b"ta: [1,\ndata: 2]\n\n")
        await line.gone()

    client = httpx.AsyncClient(trust_env=False) if kind == "httpx" else None
    async with serving_lines(script) as seen:
        async with heard(seen.url, feed(), client=client) as happenings:
            assert await take(happenings, 1) == [Event('{"a": "é"}'.encode(), "paid", "7")]
            said.set()
            assert await take(happenings, 1) == [Event(b"[1,\n2]")]
        await seen.deserted()


async def test_the_request_is_the_sources_own() -> None:
    async def script(line: Line) -> None:
        await line.say(EVENT)
        await line.gone()

    options: dict[str, Any] = {
        "auth": ApiKey(query="key", value="s&p"),
        "headers": {"X-Shop": "7", "Accept": "application/json"},
        "forward": "x-user",
    }
    asking = ServerSent(get("/orders/{id}/stream{?since}", **{"x-since": "{since}", "x-none": "{none}"}))
    async with serving_lines(script) as seen:
        source = Rest("orders", seen.url + "/v1", **options)
        to = listening(source, (("x-user", "ann"),), id="a b", since=3)
        async with contextlib.aclosing(asking.listen(to)) as happenings:
            await take(happenings, 1)
        await source.aclose()
    (request,) = seen.requests
    assert (request.method, request.target) == ("GET", "/v1/orders/a%20b/stream?since=3&key=s%26p")
    expected = {"x-shop": ["7"], "accept": ["text/event-stream"], "x-since": ["3"], "x-none": [], "x-user": ["ann"]}
    assert {name: request.all(name) for name in expected} == expected
    assert (request.all("accept-encoding"), request.all("last-event-id")) == (["identity"], [])


async def test_only_kinds_that_are_named_count() -> None:
    async def script(line: Line) -> None:
        await line.say(b"event: ping\ndata: no json\n\nevent: paid\ndata: 1\n\ndata: 2\n\nevent: sent\ndata: 3\n\n")
        await line.gone()

    async with serving_lines(script) as seen:
        async with heard(seen.url, feed(events=("paid", "message"))) as happenings:
            assert await take(happenings, 2) == [Event(b"1", "paid"), Event(b"2")]
        async with heard(seen.url, feed(events="sent")) as happenings:
            assert await take(happenings, 1) == [Event(b"3", "sent")]


async def test_data_that_is_not_json_is_told_once_in_a_row() -> None:
    async def script(line: Line) -> None:
        await line.say(b"data: a\n\ndata: {\n\ndata: \xff\n\ndata: 1\n\ndata: " + b"[" * 100_000 + b"\n\ndata: 2\n\n")
        await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed()) as happenings:
        first, second, third, fourth = await take(happenings, 4)
    assert isinstance(first, UpstreamInvalid)
    assert [told(first), told(third)] == ["orders sent an event that is not JSON"] * 2
    assert [second, fourth] == [Event(b"1"), Event(b"2")]


async def test_a_stream_that_is_packed_is_unpacked() -> None:
    async def script(line: Line) -> None:
        await line.begin(200, "content-encoding: gzip")
        await line.write(gzip.compress(EVENT))
        await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed()) as happenings:
        assert await take(happenings, 1) == [Event(b"{}", "paid", "1")]


async def test_a_packed_line_without_end_is_not_unpacked_into_memory() -> None:
    packed = gzip.compress(b"data: " + b"x" * 30_000_000)

    async def script(line: Line) -> None:
        await line.begin(200, "content-encoding: gzip")
        await line.write(packed)
        await line.gone()

    tracemalloc.start()
    try:
        async with serving_lines(script) as seen, heard(seen.url, feed()) as happenings:
            assert await take(happenings, 1) == [Gap("an event of orders was too large and is missing")]
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


async def test_a_stream_in_another_coding_is_refused() -> None:
    async def script(line: Line) -> None:
        await line.begin(200, "content-encoding: br")
        await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed()) as happenings:
        with pytest.raises(UpstreamInvalid, match="orders answered in a content coding"):
            await take(happenings, 1)


async def test_a_fake_backend_streams_from_memory() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"data: 1\n"
        yield b"\ndata: 2\n\n"

    answers = iter([(200, pieces(), {"content-type": "text/event-stream; charset=utf-8"}), (204, b"")])
    fake = FakeTransport(lambda method, target, body: next(answers))
    async with heard("http://orders.example", feed(), client=fake) as happenings:
        assert await take(happenings, 1) == [Event(b"1")]
        assert fake.streaming == 1
        assert [happening async for happening in happenings] == [Event(b"2")]
    assert (fake.calls, fake.streaming) == (["GET /stream"] * 2, 0)


# -- interruptions ----------------------------------------------------------------------------------------------------


async def test_a_stream_is_taken_up_where_it_broke() -> None:
    async def script(line: Line) -> None:
        if line.number == 1:
            await line.say(b"id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: half")
        else:
            await line.say(b"id: 3\ndata: 3\n\n")
            await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed()) as happenings:
        found = await take(happenings, 3)
    assert found == [Event(b"1", None, "1"), Event(b"2", None, "2"), Event(b"3", None, "3")]
    assert [request.all("last-event-id") for request in seen.requests] == [[], ["2"]]


@pytest.mark.parametrize(
    ("resumes", "said", "told_gap", "last_id"),
    [
        (None, b"data: 1\n\n", True, []),
        (None, b"id: \xc3\xa9\ndata: 1\n\n", True, []),
        (None, b"id: " + b"1" * 1001 + b"\ndata: 1\n\n", True, []),
        (None, b"id: 1\ndata: 1\n\n", False, ["1"]),
        (False, b"id: 1\ndata: 1\n\n", True, []),
        (True, b"data: 1\n\n", False, []),
        (True, b"id: 1\ndata: 1\n\n", False, ["1"]),
    ],
)
async def test_what_may_be_missing_is_told(
    resumes: bool | None, said: bytes, told_gap: bool, last_id: list[str]
) -> None:
    async def script(line: Line) -> None:
        await line.say(said)
        if line.number == 2:
            await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed(resumes=resumes)) as happenings:
        first, *others = await take(happenings, 3 if told_gap else 2)
    assert others == ([INTERRUPTED, first] if told_gap else [first])
    assert seen.requests[1].all("last-event-id") == last_id


async def test_a_gap_is_told_once_until_the_next_event() -> None:
    async def script(line: Line) -> None:
        await line.say(*([b"data: 1\n\n"] if line.number in (1, 5, 6) else []))
        if line.number == 6:
            await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed()) as happenings:
        assert await take(happenings, 5) == [Event(b"1"), INTERRUPTED, Event(b"1"), INTERRUPTED, Event(b"1")]
    assert len(seen.requests) == 6


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_backend_that_fails_is_asked_again_and_told_of_once(status: int) -> None:
    async def script(line: Line) -> None:
        if line.number in (3, 9):
            await line.say(b"id: 1\ndata: 1\n\n")
        elif line.number == 10:
            await line.gone()
        else:
            await line.write(reply(b"secret", status))

    async with serving_lines(script) as seen, heard(seen.url, feed()) as happenings:
        first, failure, second = await take(happenings, 3)
    assert (first, second) == (Event(b"1", None, "1"), Event(b"1", None, "1"))
    assert isinstance(failure, UpstreamError)
    assert (told(failure), failure.status) == (f"orders answered with status {status}", status)
    assert len(seen.requests) == 9


async def test_a_backend_that_is_not_there_yet_is_waited_for() -> None:
    async def script(line: Line) -> None:
        await line.say(EVENT)
        await line.gone()

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with heard(f"http://127.0.0.1:{port}", feed()) as happenings:
        (failure,) = await take(happenings, 1)
        assert isinstance(failure, UpstreamUnavailable)
        assert told(failure) == "orders cannot be reached"
        async with serving_lines(script, port):
            assert await take(happenings, 1) == [Event(b"{}", "paid", "1")]


async def test_a_backend_that_restarts_is_found_again() -> None:
    async def script(line: Line) -> None:
        await line.say(EVENT)
        await line.gone()

    async with serving_lines(script) as seen:
        happenings = feed().listen(listening(Rest("orders", seen.url)))
        assert await take(happenings, 1) == [Event(b"{}", "paid", "1")]
        port = int(seen.url.rpartition(":")[2])
    async with serving_lines(script, port) as again:
        while (happening := (await take(happenings, 1))[0]) != Event(b"{}", "paid", "1"):
            assert told(happening) == "orders cannot be reached"
        assert again.requests[-1].all("last-event-id") == ["1"]
        await happenings.aclose()
        await again.deserted()


async def test_the_waits_are_no_shorter_than_the_backend_asks_for() -> None:
    waits: list[float] = []

    async def sleep(wait_s: float) -> None:
        waits.append(wait_s)

    async def script(line: Line) -> None:
        if line.number == 1:
            await line.write(reply(b"", 503, headers=("Retry-After: 7",)))
        elif line.number == 2:
            await line.say(b"retry: 2500\n")
        elif line.number == 3:
            await line.say(b"retry: 999999999\n")
        else:
            await line.say(EVENT)

    async with serving_lines(script) as seen, heard(seen.url, feed(sleep=sleep)) as happenings:
        assert await take(happenings, 2) == [INTERRUPTED, Event(b"{}", "paid", "1")]
    assert waits == [7.0, 2.5, 300.0]


async def test_waits_grow_until_something_comes() -> None:
    waits: list[float] = []
    instants = iter([0.0] * 13 + [30.0] * 3)  # the seventh connection lasts

    async def sleep(wait_s: float) -> None:
        waits.append(wait_s)

    async def script(line: Line) -> None:
        if line.number == 4:
            await line.say(EVENT)
        elif line.number == 9:
            await line.begin(204)
        else:
            await line.say()

    backoff = Backoff(1.0, 30.0, lambda: 1.0)
    growing = feed(resumes=True, backoff=lambda: backoff, sleep=sleep, clock=lambda: next(instants))
    async with serving_lines(script) as seen, heard(seen.url, growing) as happenings:
        assert [happening async for happening in happenings] == [Event(b"{}", "paid", "1")]
    assert waits == [1.0, 2.0, 4.0, 1.0, 2.0, 4.0, 1.0, 2.0]


async def test_a_stream_from_which_nothing_comes_is_taken_for_dead() -> None:
    async def script(line: Line) -> None:
        await line.say(*([EVENT] if line.number == 2 else []))
        await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed(idle_s=0.2)) as happenings:
        assert await take(happenings, 2) == [INTERRUPTED, Event(b"{}", "paid", "1")]


async def test_comments_keep_a_stream_alive() -> None:
    async def script(line: Line) -> None:
        await line.say()
        for _ in range(20):
            await line.write(b":\n")
            await asyncio.sleep(0.1)
        await line.write(EVENT)
        await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed(idle_s=1.5)) as happenings:
        assert await take(happenings, 1) == [Event(b"{}", "paid", "1")]
    assert len(seen.requests) == 1


@pytest.mark.parametrize("endless", [b"data: " + b"x" * 50_000, b"data: x\n" * 5_000, b":" + b" " * 50_000])
async def test_an_event_that_is_too_large_is_a_gap_and_not_asked_for_again(endless: bytes) -> None:
    async def script(line: Line) -> None:
        await line.say(EVENT)
        if line.number == 1:
            while True:
                await line.write(endless)
        await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed(most_bytes=10_000)) as happenings:
        found = await take(happenings, 3)
    event = Event(b"{}", "paid", "1")
    assert found == [event, Gap("an event of orders was too large and is missing"), event]
    assert seen.requests[1].all("last-event-id") == []


# -- ends -------------------------------------------------------------------------------------------------------------


async def test_no_content_ends_the_stream() -> None:
    async def script(line: Line) -> None:
        await (line.say(EVENT) if line.number == 1 else line.begin(204))

    async with serving_lines(script) as seen, heard(seen.url, feed()) as happenings:
        assert [happening async for happening in happenings] == [Event(b"{}", "paid", "1")]
    assert len(seen.requests) == 2


@pytest.mark.parametrize("status", [201, 301, 307, 400, 401, 403, 404, 410, 422])
async def test_a_refusal_is_for_good(status: int) -> None:
    async def script(line: Line) -> None:
        await line.write(reply({"why": "no such shop"}, status, headers=("Location: /elsewhere",)))

    async with serving_lines(script) as seen:
        failure = await failure_of(seen.url, feed(), reason="why")
        await seen.deserted()
    assert failure.status == status
    assert (str(failure) == "orders: no such shop") == (status >= 400)
    assert len(seen.requests) == 1


async def test_a_refusal_that_never_ends_is_a_refusal() -> None:
    async def script(line: Line) -> None:
        await line.begin(403)
        with contextlib.suppress(ConnectionError):
            while True:
                await line.write(b" " * 50_000)

    async with serving_lines(script) as seen:
        assert str(await failure_of(seen.url, feed())) == "orders answered with status 403"
        await seen.deserted()


@pytest.mark.parametrize("media_type", ["application/json", "text/html", "", "text/event-stream2", "text/event_stream"])
async def test_what_is_no_event_stream_is_refused(media_type: str) -> None:
    async def script(line: Line) -> None:
        await line.begin(media_type=media_type)
        await line.write(b"data: 1\n\n")

    async with serving_lines(script) as seen:
        failure = await failure_of(seen.url, feed())
    assert isinstance(failure, UpstreamInvalid)
    assert str(failure) == "orders did not answer with an event stream"
    assert len(seen.requests) == 1


async def test_a_value_that_may_not_enter_the_address_asks_nothing() -> None:
    fake = FakeTransport({})
    source = Rest("orders", "http://orders.example", client=fake)
    for to, template in ((listening(source, id="a/b"), "/{id}"), (listening(source, (("x-a", "\n"),)), "/")):
        with pytest.raises(InvalidInput):
            await take(ServerSent(get(template)).listen(to), 1)
    assert fake.calls == []


class Tokens:
    """An OAuth2 endpoint and an event stream that takes the second token only."""

    def __init__(self) -> None:
        self.given = 0

    async def __call__(self, line: Line) -> None:
        if line.request.method == "POST":
            self.given += 1
            await line.write(reply({"access_token": f"t{self.given}", "expires_in": 3600}))
        elif line.request.all("authorization") == ["Bearer t2"]:
            await line.say(EVENT)
            await line.gone()
        else:
            await line.write(reply(b"", 401))


async def test_a_token_that_is_refused_is_renewed_once() -> None:
    async with serving_lines(Tokens()) as seen:
        auth = OAuth2(f"{seen.url}/token", client_id="weft", client_secret="s")
        async with heard(seen.url, feed(), auth=auth) as happenings:
            assert await take(happenings, 1) == [Event(b"{}", "paid", "1")]
        assert [request.method for request in seen.requests] == ["POST", "GET", "POST", "GET"]
        await seen.deserted()


async def test_a_renewed_token_that_is_refused_as_well_is_for_good() -> None:
    tokens = Tokens()
    tokens.given = 5
    async with serving_lines(tokens) as seen:
        auth = OAuth2(f"{seen.url}/token", client_id="weft", client_secret="s")
        failure = await failure_of(seen.url, feed(), auth=auth)
    assert (failure.status, len(seen.requests)) == (401, 4)


# -- leaving ----------------------------------------------------------------------------------------------------------


async def silent(line: Line) -> None:
    await line.say()
    await line.gone()


async def headless(line: Line) -> None:
    await line.gone()


async def busy(line: Line) -> None:
    await line.begin()
    with contextlib.suppress(ConnectionError):
        while True:
            await line.write(EVENT)


async def failing(line: Line) -> None:
    await line.write(reply(b"", 503))


@pytest.mark.parametrize("script", [silent, headless, busy, failing])
async def test_a_listener_that_is_cancelled_leaves_nothing(script: Any) -> None:
    before = asyncio.all_tasks()
    async with serving_lines(script) as seen:
        source = Rest("orders", seen.url, timeout=30)
        slow = ServerSent(get("/stream"), backoff=lambda: Backoff(1000.0, 1000.0, lambda: 1.0))

        async def listen() -> None:
            async for _ in slow.listen(listening(source)):
                pass

        listener = asyncio.create_task(listen())
        await seen.asked(1)
        for _ in range(20):
            await asyncio.sleep(0)
        listener.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listener
        await seen.deserted()
        await source.aclose()
    await left(before)


async def test_a_listener_that_closes_leaves_nothing() -> None:
    before = asyncio.all_tasks()
    async with serving_lines(busy) as seen:
        source = Rest("orders", seen.url)
        for _ in range(5):
            happenings = feed().listen(listening(source))
            await take(happenings, 3)
            assert seen.open == 1
            await happenings.aclose()
            await seen.deserted()
        await source.aclose()
    await left(before)


async def left(before: set[asyncio.Task[Any]]) -> None:
    """Wait until there are no other tasks than before."""
    async with asyncio.timeout(10):
        while more := asyncio.all_tasks() - before - {asyncio.current_task()}:
            await asyncio.wait(more, timeout=0.01)


async def test_streams_take_no_turn_and_outlast_the_timeout() -> None:
    enough = asyncio.Event()

    async def script(line: Line) -> None:
        if line.request.target == "/call":
            return await line.write(reply({"a": 1}))
        await line.say(b"data: 1\n\n")
        await enough.wait()
        await line.write(b"data: 2\n\n")
        return await line.gone()

    async with serving_lines(script) as seen:
        source = Rest("orders", seen.url, timeout=0.4, read_timeout=0.2, limit=1)
        streams = [feed().listen(listening(source)) for _ in range(5)]
        assert [await take(stream, 1) for stream in streams] == [[Event(b"1")]] * 5
        await asyncio.sleep(0.6)
        assert (await source.send("GET", "/call")).status == 200
        enough.set()
        assert [await take(stream, 1) for stream in streams] == [[Event(b"2")]] * 5
        for stream in streams:
            await stream.aclose()
        await seen.deserted()
        await source.aclose()


async def test_a_backend_that_does_not_begin_in_time_is_asked_again() -> None:
    async def script(line: Line) -> None:
        if line.number > 3:
            await line.say(EVENT)
        await line.gone()

    async with serving_lines(script) as seen, heard(seen.url, feed(), timeout=0.2) as happenings:
        failure, event = await take(happenings, 2)
        assert (told(failure), event) == ("orders did not answer in time", Event(b"{}", "paid", "1"))


# -- declaring --------------------------------------------------------------------------------------------------------


def test_a_feed_says_what_it_is_and_needs() -> None:
    declared = ServerSent(get("/shops/{shop}/stream{?since}", **{"x-user": "{user}", "x-fixed": "1"}))
    assert str(declared) == "SSE /shops/{shop}/stream{?since}"
    assert declared.variables == {"shop", "since", "user"}


@pytest.mark.parametrize("options", [{"idle_s": 0}, {"idle_s": float("nan")}, {"idle_s": -1}, {"events": ("",)}])
def test_an_impossible_option_is_a_fault(options: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError):
        ServerSent(get("/stream"), **options)
