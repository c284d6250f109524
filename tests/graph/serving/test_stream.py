"""Subscriptions over plain HTTP, byte for byte, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import graphql
import httpx
import httpx_sse
import pytest
import strawberry

from graph import App, Cors, Graph
from graph.client import NOBODY
from graph.engine import Request
from graph.errors import RequestError
from graph.room import Room
from graph.stream import EVENT_STREAM, MULTIPART, Form, Stream, Streams, accepted_streams
from resolvers import shared
from tests.serving import ASKED_FOR, running

SSE = "text/event-stream"
BY_GET = {"accept": SSE, **ASKED_FOR}
APOLLO = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/graphql-response+json,application/json'
TICKS = "subscription { ticks }"
PART = b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"


class Tap:
    """What subscriptions are told, from the test's thread; and how many of them there are."""

    def __init__(self) -> None:
        self.queues: list[asyncio.Queue[int | Exception | None]] = []
        self.begun = 0
        self.loop: asyncio.AbstractEventLoop | None = None

    def say(self, told: int | Exception | None) -> None:
        """Tell a number, or a failure; or with None that there will be no more."""
        until(lambda: self.queues != [])
        assert self.loop is not None
        for queue in self.queues:
            self.loop.call_soon_threadsafe(queue.put_nowait, told)

    async def listen(self) -> AsyncGenerator[int, None]:
        queue: asyncio.Queue[int | Exception | None] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()
        self.queues.append(queue)
        self.begun += 1
        try:
            while (told := await queue.get()) is not None:
                if isinstance(told, Exception):
                    raise told
                yield told
        finally:
            self.queues.remove(queue)


@strawberry.type
class Query:
    @strawberry.field
    def here(self) -> bool:
        return True


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> bool:
        return True


def graph_over(tap: Tap) -> Graph:
    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def ticks(self) -> AsyncGenerator[int, None]:
            async with contextlib.aclosing(tap.listen()) as told:
                async for number in told:
                    yield number

        @strawberry.subscription
        @shared()
        async def together(self) -> AsyncGenerator[int, None]:
            async with contextlib.aclosing(tap.listen()) as told:
                async for number in told:
                    yield number

    return Graph(query=Query, mutation=Mutation, subscription=Subscription)


class Served:
    """A running server with its tap."""

    def __init__(self, url: str, app: App, tap: Tap) -> None:
        self.url = url
        self.app = app
        self.tap = tap

    @property
    def taken(self) -> int:
        return self.app._streams._room.taken

    def ask(self, query: str, accept: str, **headers: str) -> httpx.Response:
        return httpx.post(self.url, json={"query": query}, headers={"accept": accept, **headers}, timeout=20)

    @contextlib.contextmanager
    def streaming(self, accept: str, query: str = TICKS) -> Iterator[httpx.Response]:
        headers = {"accept": accept}
        with httpx.stream("POST", self.url, json={"query": query}, headers=headers, timeout=20) as response:
            yield response

    def connect(self, accept: str = SSE) -> socket.socket:
        """Send a subscription and leave the answer unread."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        body = json.dumps({"query": TICKS}).encode()
        client = socket.create_connection((parts.hostname, parts.port))
        head = f"POST /graphql HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\ncontent-type: application/json\r\n"
        client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        return client


@contextlib.contextmanager
def serving(**options: Any) -> Iterator[Served]:
    tap = Tap()
    app = App(graph_over(tap), **options)
    with running(app) as address:
        yield Served(f"{address}/graphql", app, tap)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as found:
        yield found


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def read_until(pieces: Iterator[bytes], end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        received += next(pieces)
    return received


# -- the forms ----------------------------------------------------------------------------------------------------


def test_an_event_stream_is_next_for_each_payload_and_then_complete(served: Served) -> None:
    with served.streaming(SSE) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["vary"] == "accept"
        assert response.headers["transfer-encoding"] == "chunked"
        assert "content-encoding" not in response.headers
        pieces = response.iter_raw()
        assert read_until(pieces, b"\n\n") == b":\n\n"
        served.tap.say(1)
        assert read_until(pieces, b"\n\n") == b'event: next\ndata: {"data":{"ticks":1}}\n\n'
        served.tap.say(2)
        assert read_until(pieces, b"\n\n") == b'event: next\ndata: {"data":{"ticks":2}}\n\n'
        served.tap.say(None)
        assert b"".join(pieces) == b"event: complete\ndata:\n\n"


def test_a_multipart_response_ends_each_part_with_the_boundary_that_makes_it_readable(served: Served) -> None:
    with served.streaming(APOLLO) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'
        pieces = response.iter_raw()
        assert read_until(pieces, b"graphql") == b"\r\n--graphql"
        served.tap.say(1)
        assert read_until(pieces, b"--graphql") == PART + b'{"payload":{"data":{"ticks":1}}}\r\n--graphql'
        served.tap.say(None)
        assert b"".join(pieces) == b"--\r\n"


def test_an_event_stream_that_fails_says_so_in_a_last_payload(served: Served) -> None:
    with served.streaming(SSE) as response:
        pieces = response.iter_raw()
        read_until(pieces, b":\n\n")
        served.tap.say(graphql.GraphQLError("too slow", extensions={"code": "LIMIT_EXCEEDED"}))
        errors = b'{"errors":[{"message":"too slow","extensions":{"code":"LIMIT_EXCEEDED"}}]}'
        assert b"".join(pieces) == b"event: next\ndata: " + errors + b"\n\nevent: complete\ndata:\n\n"


def test_a_multipart_response_that_fails_has_errors_beside_a_payload_of_null(served: Served) -> None:
    with served.streaming(APOLLO) as response:
        pieces = response.iter_raw()
        read_until(pieces, b"--graphql")
        served.tap.say(graphql.GraphQLError("too slow", extensions={"code": "LIMIT_EXCEEDED"}))
        errors = b'"errors":[{"message":"too slow","extensions":{"code":"LIMIT_EXCEEDED"}}]'
        assert b"".join(pieces) == PART + b'{"payload":null,' + errors + b"}\r\n--graphql--\r\n"


def test_a_library_for_event_streams_reads_what_is_sent(served: Served) -> None:
    with (
        httpx.Client(timeout=20) as client,
        httpx_sse.connect_sse(client, "POST", served.url, json={"query": TICKS}) as source,
    ):
        until(lambda: served.tap.begun == 1)
        served.tap.say(1)
        served.tap.say(None)
        assert [(event.event, event.data) for event in source.iter_sse()] == [
            ("next", '{"data":{"ticks":1}}'),
            ("complete", ""),
        ]


def test_a_subscription_by_get_is_streamed_too(served: Served) -> None:
    with httpx.stream("GET", served.url, params={"query": TICKS}, headers=BY_GET, timeout=20) as response:
        pieces = response.iter_raw()
        read_until(pieces, b":\n\n")
        served.tap.say(1)
        served.tap.say(None)
        assert b"".join(pieces) == b'event: next\ndata: {"data":{"ticks":1}}\n\nevent: complete\ndata:\n\n'


def test_a_query_is_one_next_and_complete(served: Served) -> None:
    expected = 'event: next\ndata: {"data":{"here":true}}\n\nevent: complete\ndata:\n\n'
    response = served.ask("{ here }", SSE)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store, no-transform"
    assert response.text == expected
    by_get = httpx.get(served.url, params={"query": "{ here }"}, headers=BY_GET, timeout=20)
    assert by_get.text == expected


def test_a_mutation_is_one_next_and_complete_by_post_and_refused_by_get(served: Served) -> None:
    response = served.ask("mutation { change }", SSE)
    assert response.text == 'event: next\ndata: {"data":{"change":true}}\n\nevent: complete\ndata:\n\n'
    by_get = httpx.get(served.url, params={"query": "mutation { change }"}, headers=BY_GET, timeout=20)
    assert by_get.status_code == 405
    assert by_get.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("query", ["{ nothing }", "{", "subscription { nothing }"])
def test_what_is_wrong_with_a_document_is_a_payload_so_that_clients_do_not_try_again(
    served: Served, query: str
) -> None:
    response = served.ask(query, SSE)
    assert response.status_code == 200
    head, data, end = response.text.partition("\n\nevent: complete\ndata:\n\n")[0], "", ""
    kind, _, data = head.partition("\ndata: ")
    assert kind == "event: next"
    assert [*json.loads(data)] == ["errors"]
    assert end == ""
    assert response.text.endswith("\n\nevent: complete\ndata:\n\n")


@pytest.mark.parametrize("accept", [SSE, APOLLO])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"null", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'[{"query": "{ here }"}]', "application/json", 400),
        (b"{ here }", "application/graphql", 415),
        (b'{"query": "' + b" " * 1_000_000 + b'"}', "application/json", 413),
    ],
)
def test_what_is_no_request_is_refused_with_its_status(
    served: Served, accept: str, body: bytes, content_type: str, status: int
) -> None:
    headers = {"accept": accept, "content-type": content_type}
    response = httpx.post(served.url, content=body, headers=headers, timeout=20)
    assert response.status_code == status
    assert "json" in response.headers["content-type"]
    assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_REQUEST", "LIMIT_EXCEEDED")


def test_apollo_reads_what_is_wrong_with_a_document_in_json(served: Served) -> None:
    response = served.ask("subscription { nothing }", APOLLO)
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/graphql-response+json", "text/*"])
def test_a_subscription_for_who_takes_no_stream_is_not_acceptable(served: Served, accept: str) -> None:
    response = served.ask(TICKS, accept)
    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_head_never_begins_a_stream(served: Served) -> None:
    response = httpx.head(served.url, params={"query": TICKS}, headers=BY_GET | {"accept": f"{SSE}, */*"}, timeout=20)
    assert response.status_code == 406
    assert served.tap.begun == 0


def test_pages_of_other_origins_are_told_that_they_may_read_a_stream() -> None:
    origin = "https://app.example"
    with serving(cors=Cors(origins=[origin])) as served:
        headers = {"accept": SSE, "origin": origin}
        with httpx.stream("POST", served.url, json={"query": TICKS}, headers=headers, timeout=20) as response:
            assert response.headers["access-control-allow-origin"] == origin


# -- Accept -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "live", "whole"),
    [
        (None, None, None),
        ("*/*", None, None),
        ("text/*", None, None),
        ("application/json", None, None),
        ("multipart/mixed, application/json", None, None),
        ("multipart/mixed;subscriptionSpec=2.0, application/json", None, None),
        ("text/event-stream;q=0", None, None),
        ("text/event-stream;q=0, application/json", None, None),
        ("text/event-stream", EVENT_STREAM, EVENT_STREAM),
        ("Text/Event-Stream", EVENT_STREAM, EVENT_STREAM),
        ("text/event-stream;q=0.1", EVENT_STREAM, EVENT_STREAM),
        ("text/event-stream, application/json", EVENT_STREAM, EVENT_STREAM),
        ("text/event-stream, */*", EVENT_STREAM, EVENT_STREAM),
        ("application/json;q=0.5, text/event-stream", EVENT_STREAM, EVENT_STREAM),
        ("application/json, text/event-stream", EVENT_STREAM, None),
        ("text/event-stream;q=0.9, application/json", EVENT_STREAM, None),
        ("text/event-stream;q=0.9, application/graphql-response+json", EVENT_STREAM, None),
        ("application/graphql-response+json, application/json, text/event-stream, multipart/mixed", EVENT_STREAM, None),
        (APOLLO, MULTIPART, None),
        ('Multipart/Mixed; SubscriptionSpec="1.0"', MULTIPART, None),
        ("multipart/mixed;subscriptionSpec=1.0, text/event-stream", MULTIPART, EVENT_STREAM),
        ("multipart/mixed;subscriptionSpec=1.0;q=0.5, text/event-stream", EVENT_STREAM, EVENT_STREAM),
        ("multipart/mixed;subscriptionSpec=1.0;q=0, application/json", None, None),
        ("text/event-stream" + ", application/json" * 100, EVENT_STREAM, EVENT_STREAM),
    ],
)
def test_the_form_is_what_accept_names(accept: str | None, live: Form | None, whole: Form | None) -> None:
    found = accepted_streams(accept)
    assert (None if found is None else found.live) is live
    assert (None if found is None else found.whole) is whole


def test_who_likes_json_better_gets_it_for_queries_and_streams_for_subscriptions(served: Served) -> None:
    accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
    response = served.ask("{ here }", accept)
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    with served.streaming(accept) as streamed:
        assert streamed.headers["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.parametrize("accept", [APOLLO, "multipart/mixed;subscriptionSpec=1.0"])
def test_a_query_of_who_takes_multipart_subscriptions_is_one_answer(served: Served, accept: str) -> None:
    response = served.ask("{ here }", accept)
    assert "json" in response.headers["content-type"]
    assert response.json() == {"data": {"here": True}}


# -- coming and going ---------------------------------------------------------------------------------------------


def test_when_a_client_hangs_up_its_subscription_is_closed_at_once(served: Served) -> None:
    client = served.connect()
    until(lambda: len(served.tap.queues) == 1)
    client.close()
    until(lambda: served.tap.queues == [] and served.taken == 0)


def test_a_client_that_hangs_up_half_way_through_its_request_begins_nothing(served: Served) -> None:
    parts = urlsplit(served.url)
    assert parts.hostname is not None
    assert parts.port is not None
    client = socket.create_connection((parts.hostname, parts.port))
    client.sendall(
        b"POST /graphql HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n"
        b"content-type: application/json\r\ncontent-length: 40\r\n\r\n" + b'{"query": "subscr'
    )
    client.close()
    assert served.ask("{ here }", SSE).status_code == 200
    assert served.tap.begun == 0


def test_after_a_stream_its_connection_serves_the_next_request(served: Served) -> None:
    with httpx.Client(timeout=20) as client:
        with client.stream("POST", served.url, json={"query": TICKS}, headers={"accept": SSE}) as response:
            until(lambda: served.tap.begun == 1)
            served.tap.say(None)
            response.read()
        again = client.post(served.url, json={"query": "{ here }"})
        assert again.json() == {"data": {"here": True}}
    until(lambda: served.taken == 0)


def test_a_client_that_reads_nothing_holds_up_nobody(served: Served) -> None:
    idle = served.connect()
    until(lambda: served.tap.begun == 1)
    for number in range(10_000):
        served.tap.say(number)
    with served.streaming(SSE) as response:
        until(lambda: served.tap.begun == 2)
        served.tap.say(-1)
        assert b'{"ticks":-1}' in read_until(response.iter_raw(), b"}\n\n")
    idle.close()
    until(lambda: served.tap.queues == [])


@pytest.mark.parametrize(
    ("accept", "opening", "idle"),
    [(SSE, b":\n\n", b":\n\n"), (APOLLO, b"\r\n--graphql", PART + b"{}\r\n--graphql")],
)
def test_a_silent_stream_shows_signs_of_life(accept: str, opening: bytes, idle: bytes) -> None:
    with serving(ping_interval=0.02) as served, served.streaming(accept) as response:
        pieces = response.iter_raw()
        assert read_until(pieces, opening) == opening
        assert read_until(pieces, idle) == idle
        assert read_until(pieces, idle) == idle


def test_streams_over_the_limit_are_told_to_come_again(served: Served) -> None:
    with serving(max_sockets=1) as served:
        with served.streaming(SSE):
            refused = served.ask(TICKS, SSE)
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
            assert len(served.tap.queues) == 1
            assert served.ask("{ here }", SSE).status_code == 200
        until(lambda: served.taken == 0)
        with served.streaming(SSE) as response:
            assert response.status_code == 200


# -- inside, with a client in memory ------------------------------------------------------------------------------


class Client:
    """An ASGI client that reads as far as it is let."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.left = asyncio.Event()
        self.dropped = False

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        self.sent.append(message.get("body", b""))

    def drop(self) -> None:
        self.dropped = True


async def begin(
    streams: Streams,
    tap: Tap,
    client: Client,
    form: Form = EVENT_STREAM,
    query: str = TICKS,
    expires_at: float | None = None,
) -> asyncio.Task[None]:
    engine = graph_over(tap).engine
    stream = await streams.open(engine, Request(query), {}, NOBODY, lambda: None, form, expires_at=expires_at)
    assert isinstance(stream, Stream)
    return asyncio.create_task(stream.send(client.receive, client.send, client.drop))


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("form", "end"),
    [
        (
            EVENT_STREAM,
            b'event: next\ndata: {"errors":[{"message":"the token has expired",'
            b'"extensions":{"code":"UNAUTHENTICATED"}}]}\n\nevent: complete\ndata:\n\n',
        ),
        (
            MULTIPART,
            PART + b'{"payload":null,"errors":[{"message":"the token has expired",'
            b'"extensions":{"code":"UNAUTHENTICATED"}}]}\r\n--graphql--\r\n',
        ),
    ],
)
async def test_a_stream_ends_with_its_clients_token(form: Form, end: bytes) -> None:
    room, tap, client = Room(5), Tap(), Client()
    now = 1_000.0
    streams = Streams(room, heartbeat_s=0.01, now=lambda: now)
    task = await begin(streams, tap, client, form, expires_at=1_060.0)
    await eventually(lambda: client.sent[-1:] == [form.idle])
    assert not task.done()
    now = 1_060.0
    await asyncio.wait_for(task, 20)
    assert client.sent[-1] == end
    assert room.taken == 0
    await eventually(lambda: tap.queues == [])


@pytest.mark.parametrize("query", [TICKS, "subscription { together }"])
async def test_a_token_that_has_expired_begins_nothing(query: str) -> None:
    tap, client = Tap(), Client()
    task = await begin(Streams(Room(5), now=lambda: 2_000.0), tap, client, query=query, expires_at=1_000.0)
    await asyncio.wait_for(task, 20)
    assert client.sent[1] == EVENT_STREAM.opening
    assert b"the token has expired" in client.sent[2]
    assert tap.begun == 0


async def test_those_who_share_a_payload_are_sent_the_same_bytes() -> None:
    tap, clients, streams = Tap(), [Client() for _ in range(3)], Streams(Room(5))
    engine = graph_over(tap).engine
    tasks = []
    for client in clients:
        stream = await streams.open(
            engine, Request("subscription { together }"), {}, NOBODY, lambda: None, EVENT_STREAM
        )
        assert isinstance(stream, Stream)
        tasks.append(asyncio.create_task(stream.send(client.receive, client.send, client.drop)))
    await eventually(lambda: tap.begun == 1)
    tap.say(1)
    await eventually(lambda: [len(client.sent) for client in clients] == [3, 3, 3])
    assert clients[0].sent[2] == b'event: next\ndata: {"data":{"together":1}}\n\n'
    assert clients[1].sent[2] is clients[0].sent[2]
    assert clients[2].sent[2] is clients[0].sent[2]
    for client in clients:
        client.left.set()
    await asyncio.wait(tasks, timeout=20)
    await eventually(lambda: tap.queues == [])


async def test_draining_completes_what_streams_and_takes_no_more() -> None:
    room, tap, client = Room(5), Tap(), Client()
    streams = Streams(room)
    task = await begin(streams, tap, client)
    await eventually(lambda: len(client.sent) == 2)
    await streams.drain(20)
    assert task.done()
    assert client.sent[-1] == b"event: complete\ndata:\n\n"
    assert room.taken == 0
    with pytest.raises(RequestError) as refused:
        await begin(streams, tap, client)
    assert refused.value.status == 503
    await eventually(lambda: tap.queues == [])


async def test_draining_drops_who_takes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    tap, client, streams = Tap(), Client(), Streams(Room(5))
    task = await begin(streams, tap, client)
    await eventually(lambda: tap.begun == 1)
    client.reads.clear()
    tap.say(1)
    await streams.drain(0.01)
    await asyncio.wait_for(task, 20)
    assert "a stream was dropped: its client took nothing of it any more" in caplog.text


async def test_who_takes_nothing_for_long_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    room, tap, client = Room(5), Tap(), Client()
    task = await begin(Streams(room, heartbeat_s=0.005, patience_s=0.02), tap, client)
    await eventually(lambda: tap.begun == 1)
    client.reads.clear()
    await asyncio.wait_for(task, 20)
    assert room.taken == 0
    assert client.dropped
    assert "a stream was dropped" in caplog.text
    await eventually(lambda: tap.queues == [])


async def test_a_cancelled_stream_is_closed_and_its_cancellation_goes_on() -> None:
    room, tap, client = Room(5), Tap(), Client()
    before = asyncio.all_tasks()
    task = await begin(Streams(room), tap, client)
    await eventually(lambda: tap.begun == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert room.taken == 0
    await eventually(lambda: tap.queues == [] and asyncio.all_tasks() == before)


async def test_a_client_that_leaves_leaves_no_task() -> None:
    room, tap, client = Room(5), Tap(), Client()
    before = asyncio.all_tasks()
    task = await begin(Streams(room), tap, client)
    await eventually(lambda: tap.begun == 1 and len(client.sent) == 2)
    client.left.set()
    await asyncio.wait_for(task, 20)
    assert client.sent == [b"", b":\n\n"]
    assert room.taken == 0
    await eventually(lambda: tap.queues == [] and asyncio.all_tasks() == before)


@pytest.mark.parametrize("ending", ["leaves", "is cancelled", "drains"])
async def test_a_stream_may_end_at_any_instant(ending: str) -> None:
    tap = Tap()
    engine = graph_over(tap).engine
    before = asyncio.all_tasks()
    for steps in range(25):
        room, client = Room(5), Client()
        streams = Streams(room, heartbeat_s=0.0005)
        stream = await streams.open(engine, Request(TICKS), {}, NOBODY, lambda: None, EVENT_STREAM)
        assert isinstance(stream, Stream)
        task = asyncio.create_task(stream.send(client.receive, client.send, client.drop))
        for step in range(steps):
            if step == 8:
                tap.say(1)
            await asyncio.sleep(0)
        if ending == "leaves":
            client.left.set()
        elif ending == "is cancelled" and steps:
            task.cancel()
        else:
            await asyncio.sleep(0)
            await streams.drain(20)
        await asyncio.wait([task], timeout=20)
        assert task.done()
        assert room.taken == 0
        await eventually(lambda: tap.queues == [] and asyncio.all_tasks() == before)
