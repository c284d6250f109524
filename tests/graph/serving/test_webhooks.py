"""Deliveries to webhooks over real sockets: each status, repetitions, bounds, and what shutting down does."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from graph.webhooks import Webhooks
from sources import (
    Event,
    GitHub,
    Happening,
    MemoryBus,
    SharedSecret,
    Stripe,
    Unsigned,
    UpstreamUnavailable,
    Webhook,
)
from tests.serving import running

NOW = 1_700_000_000.0
BODY = b'{"id": "evt_1", "type": "moved", "parcel": 7}'


class NotedBus:
    """A bus that notes what is published, while it is open, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Any]] = []
        self.failures: list[Exception] = []
        self.open = True
        self.changed = threading.Condition()

    async def publish(self, topic: str, body: bytes) -> None:
        while not self.open:  # noqa: ASYNC110 - opened from another thread
            await asyncio.sleep(0.005)
        with self.changed:
            if self.failures:
                raise self.failures.pop(0)
            self.published.append((topic, json.loads(body)[0]))
            self.changed.notify_all()

    def listen(self, topic: str) -> AsyncGenerator[Happening]:
        return MemoryBus().listen(topic)  # where nothing comes

    async def aclose(self) -> None: ...

    def wait(self, *expected: tuple[str, Any]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.published == list(expected), timeout=20), self.published


class Served:
    """An application that serves webhooks and nothing else, and stops as `App` does."""

    def __init__(self, webhooks: Webhooks) -> None:
        self.webhooks = webhooks

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self.webhooks(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.webhooks.aclose()
        await send({"type": "lifespan.shutdown.complete"})


TOKEN = SharedSecret(env="SECRET", delivery="X-Id")
WEBHOOKS = {
    ("shipping", "tracking"): Webhook(
        "tracking", SharedSecret(env="SECRET", delivery="X-Id"), max_body_bytes=2_000_000
    ),
    ("shipping", "batches"): Webhook("batches", Unsigned(), each=True),
    ("shop", "payments"): Webhook("payments", Stripe(env="SECRET")),
    ("shop", "refunds"): Webhook("refunds", Stripe(env="SECRET"), events=("refunded",)),
    ("code", "pushes"): Webhook("pushes", GitHub(env="SECRET"), max_body_bytes=100),
    ("open", "door"): Webhook("door", Unsigned()),
    ("no", "secret"): Webhook("secret", GitHub(env="UNSET")),
}


class Door:
    """A client of served webhooks."""

    def __init__(self, client: httpx.Client, webhooks: Webhooks, bus: NotedBus) -> None:
        self.client = client
        self.webhooks = webhooks
        self.bus = bus

    def post(self, path: str, body: bytes | Iterator[bytes] = BODY, /, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/webhooks/{path}", content=body, headers=named)

    def tracking(self, body: bytes = BODY, **headers: str) -> httpx.Response:
        return self.post("shipping/tracking", body, x_webhook_token="s3cret", **headers)

    def request(self, method: str, path: str) -> httpx.Response:
        return self.client.request(method, path)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)


@contextmanager
def door(bus: NotedBus | None = None, **options: Any) -> Iterator[Door]:
    bus = bus or NotedBus()
    webhooks = Webhooks(WEBHOOKS, bus, clock=options.pop("clock", lambda: NOW), **options)
    with running(Served(webhooks)) as address:
        with httpx.Client(base_url=address, trust_env=False, timeout=20) as client:
            yield Door(client, webhooks, bus)
        bus.open = True


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.delenv("UNSET", raising=False)


def signed(content: bytes) -> str:
    return hmac.new(b"s3cret", content, hashlib.sha256).hexdigest()


def stripe(body: bytes = BODY, at: float = NOW) -> dict[str, str]:
    return {"stripe_signature": f"t={at:.0f},v1={signed(f'{at:.0f}.'.encode() + body)}"}


def said(response: httpx.Response) -> tuple[int, dict[str, str]]:
    assert response.headers["content-type"] == "application/json"
    return response.status_code, response.json()


ACCEPTED = (202, {"status": "accepted"})
REPEATED = (200, {"status": "repeated"})
IGNORED = (200, {"status": "ignored"})
TRACKED = ("shipping/tracking", json.loads(BODY))


# -- each answer ------------------------------------------------------------------------------------------------------


def test_a_delivery_is_accepted_and_published() -> None:
    with door() as at:
        assert said(at.tracking()) == ACCEPTED
        assert said(at.post("shop/payments", **stripe())) == ACCEPTED
        assert said(at.post("open/door", b'"key"')) == ACCEPTED
        at.bus.wait(TRACKED, ("shop/payments", json.loads(BODY)), ("open/door", "key"))


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/shipping/unknown",
        "/webhooks/unknown/tracking",
        "/webhooks/shipping",
        "/webhooks/shipping/",
        "/webhooks/",
        "/webhooks/shipping/tracking/",
        "/webhooks/shipping/tracking/more",
        "/webhooks//shipping/tracking",
        "/webhooks/shipping%2Ftracking/more",
        "/webhooks/SHIPPING/tracking",
        "/webhooks/%F0%9F%93%A6/%00",
    ],
)
def test_what_is_not_there_is_not_found_whatever_of_it_is_known(path: str) -> None:
    with door() as at:
        for method in ("POST", "GET"):
            assert said(at.request(method, path)) == (404, {"error": "there is no such webhook"})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_webhooks_are_spoken_to_with_post(method: str) -> None:
    with door() as at:
        response = at.request(method, "/webhooks/shipping/tracking")
        assert said(response) == (405, {"error": "webhooks are spoken to with POST"})
        assert response.headers["allow"] == "POST"


def test_what_is_not_signed_as_agreed_is_refused() -> None:
    with door() as at:
        response = at.post("shipping/tracking")
        assert said(response) == (401, {"error": "the header X-Webhook-Token is missing"})
        assert response.headers["www-authenticate"] == "Signature"
        assert at.post("shipping/tracking", x_webhook_token="other").status_code == 401
        beyond_ascii = [(b"x-webhook-token", b"caf\xe9\xff")]
        assert at.client.post("/webhooks/shipping/tracking", content=BODY, headers=beyond_ascii).status_code == 401
        assert at.post("shop/payments", b"{}", **stripe()).status_code == 401
        assert said(at.post("shop/payments", **stripe(at=NOW - 301))) == (401, {"error": "the delivery is too old"})
        assert said(at.post("shop/payments", stripe_signature="t=soon,v1=ab")) == (
            400,
            {"error": "the time of the delivery cannot be read"},
        )
        assert said(at.tracking(b'"last"')) == ACCEPTED
        at.bus.wait(("shipping/tracking", "last"))


def test_a_large_body_is_checked_like_any_other() -> None:
    body = json.dumps({"text": "a" * 1_000_000}).encode()
    with door() as at:
        assert said(at.tracking(body)) == ACCEPTED
        assert at.post("shipping/tracking", body, x_webhook_token="other").status_code == 401
        at.bus.wait(("shipping/tracking", json.loads(body)))


@pytest.mark.parametrize("body", [b"", b"{", b"payload=%7B%7D", b'"\xff"', b"[" * 100_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with door() as at:
        assert said(at.tracking(body, x_id="1")) == (400, {"error": "the body is not JSON"})
        assert said(at.tracking(x_id="1")) == ACCEPTED


def test_compressed_bodies_are_refused() -> None:
    with door() as at:
        response = at.tracking(content_encoding="gzip")
        assert said(response) == (415, {"error": "webhooks take no compressed bodies"})
        assert response.headers["accept-encoding"] == "identity"
        assert said(at.tracking(content_encoding="Identity")) == ACCEPTED


def test_each_item_of_an_array_is_published() -> None:
    with door() as at:
        assert said(at.post("shipping/batches", b'[{"a": 1}, 2]')) == ACCEPTED
        assert said(at.post("shipping/batches", b"[]")) == ACCEPTED
        assert said(at.post("shipping/batches", b"{}")) == (400, {"error": "the body is not an array of events"})
        at.bus.wait(("shipping/batches", {"a": 1}), ("shipping/batches", 2))


def test_kinds_that_nobody_takes_are_answered_and_not_published() -> None:
    refund = b'{"id": "evt_2", "type": "refunded"}'
    ping = {"x_github_event": "ping", "x_hub_signature_256": f"sha256={signed(b'{}')}"}
    with door() as at:
        assert said(at.post("shop/refunds", **stripe())) == IGNORED
        assert said(at.post("code/pushes", b"{}", **ping)) == IGNORED
        assert said(at.post("shop/refunds", refund, **stripe(refund))) == ACCEPTED
        at.bus.wait(("shop/refunds", json.loads(refund)))


def test_without_its_secret_a_webhook_takes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with door() as at:
        for _ in range(3):
            assert said(at.post("no/secret", x_hub_signature_256="sha256=")) == (
                500,
                {"error": "Internal server error"},
            )
    assert caplog.messages == ["webhook no/secret: refused a delivery: the environment variable UNSET is not set"]


# -- repetitions ------------------------------------------------------------------------------------------------------


def test_a_delivery_is_published_once() -> None:
    with door() as at:
        assert said(at.tracking(x_id="1")) == ACCEPTED
        assert said(at.tracking(x_id="1")) == REPEATED
        assert said(at.tracking(b"2", x_id="1")) == REPEATED
        assert said(at.tracking(b"2", x_id="2")) == ACCEPTED
        assert said(at.tracking(b"2")) == ACCEPTED  # it has no id by which to know it
        at.bus.wait(TRACKED, ("shipping/tracking", 2), ("shipping/tracking", 2))


def test_another_id_does_not_make_a_captured_delivery_new() -> None:
    proof = {"x_hub_signature_256": f"sha256={signed(b'{}')}", "x_github_event": "push"}
    with door() as at:
        assert said(at.post("code/pushes", b"{}", **proof, x_github_delivery="a")) == ACCEPTED
        assert said(at.post("code/pushes", b"{}", **proof, x_github_delivery="b")) == REPEATED
        assert said(at.post("code/pushes", b"{}", **proof)) == REPEATED
        at.bus.wait(("code/pushes", {}))


def test_one_id_at_two_addresses_is_two_deliveries() -> None:
    body = b'{"id": "evt_1", "type": "refunded"}'
    with door() as at:
        assert said(at.post("shop/payments", body, **stripe(body))) == ACCEPTED
        assert said(at.post("shop/refunds", body, **stripe(body))) == ACCEPTED


def test_what_was_refused_may_come_again() -> None:
    with door() as at:
        assert at.post("shipping/tracking", x_webhook_token="other", x_id="1").status_code == 401
        assert at.tracking(b"{", x_id="1").status_code == 400
        assert said(at.tracking(x_id="1")) == ACCEPTED


def test_a_delivery_is_remembered_for_as_long_as_it_could_be_sent_again() -> None:
    now = [NOW]
    with door(clock=lambda: now[0]) as at:
        ahead = stripe(at=NOW + 300)  # of a sender whose clock is ahead
        assert said(at.post("shop/payments", **ahead)) == ACCEPTED
        now[0] = NOW + 599
        assert said(at.post("shop/payments", **ahead)) == REPEATED
        now[0] = NOW + 601
        assert said(at.post("shop/payments", **ahead)) == (401, {"error": "the delivery is too old"})
        assert said(at.post("shop/payments", **stripe(at=NOW + 601))) == ACCEPTED  # sent anew, much later


def test_of_copies_that_come_together_one_is_accepted() -> None:
    with door() as at, ThreadPoolExecutor(16) as pool:
        answers = [said(answer) for answer in pool.map(lambda _: at.tracking(x_id="1"), range(64))]
        assert sorted(answers, key=str) == [REPEATED] * 63 + [ACCEPTED]
        at.bus.wait(TRACKED)


def test_large_copies_that_come_together_are_one_too() -> None:
    body = json.dumps("a" * 600_000).encode()  # checked in threads
    with door() as at, ThreadPoolExecutor(8) as pool:
        answers = [said(answer) for answer in pool.map(lambda _: at.tracking(body, x_id="1"), range(8))]
        assert sorted(answers, key=str) == [REPEATED] * 7 + [ACCEPTED]


def test_the_memory_of_deliveries_is_bounded() -> None:
    with door(max_marks=2) as at:
        for id in ("1", "2", "3"):
            assert said(at.tracking(x_id=id)) == ACCEPTED
        assert said(at.tracking(x_id="3")) == REPEATED
        assert said(at.tracking(x_id="2")) == REPEATED
        assert said(at.tracking(x_id="1")) == ACCEPTED


# -- bodies -----------------------------------------------------------------------------------------------------------


def connect(at: Door, head: str, body: bytes = b"") -> socket.socket:
    address = at.client.base_url
    connection = socket.create_connection((address.host, address.port or 0), timeout=20)
    connection.sendall(f"POST /webhooks/open/door HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
    return connection


def status_of(connection: socket.socket) -> int:
    with connection.makefile("rb") as answer:
        return int(answer.readline().split()[1])


def test_a_body_that_is_too_long_is_refused() -> None:
    with door() as at:
        assert said(at.post("code/pushes", b"a" * 101)) == (413, {"error": "the body is longer than 100 bytes"})
        assert at.post("code/pushes", iter([b"a" * 60, b"a" * 60])).status_code == 413
        assert at.post("code/pushes", b"a" * 100).status_code == 401
        assert at.webhooks.held_bytes == 0


@pytest.mark.parametrize("length", ["1000001", "9" * 18])
def test_a_body_that_says_it_will_be_too_long_is_not_read(length: str) -> None:
    with door() as at, connect(at, f"Content-Length: {length}") as connection:
        assert status_of(connection) == 413


def test_a_body_that_does_not_come_in_time_is_given_up() -> None:
    with door(body_timeout_s=0.1) as at:
        for head in ("Content-Length: 10", "Transfer-Encoding: chunked"):
            with connect(at, head, b"") as connection:
                assert status_of(connection) == 408
                assert connection.recv(1) == b""  # and is closed
        with connect(at, "Content-Length: 10", b"{") as connection:
            assert status_of(connection) == 408
        assert said(at.post("open/door")) == ACCEPTED
        at.wait(lambda: at.webhooks.held_bytes == 0)


def test_half_a_body_is_no_delivery() -> None:
    with door() as at:
        connect(at, "Content-Length: 10", b'{"a"').close()
        connect(at, "Transfer-Encoding: chunked", b"2\r\n{}\r\n").close()
        assert said(at.post("open/door", b"1")) == ACCEPTED
        at.bus.wait(("open/door", 1))
        at.wait(lambda: at.webhooks.held_bytes == 0)


def test_the_bytes_of_all_bodies_are_bounded() -> None:
    with door(max_held_bytes=1_000) as at:
        with connect(at, "Content-Length: 901", b"a" * 900) as connection:
            at.wait(lambda: at.webhooks.held_bytes == 900)
            response = at.post("open/door", b'"' + b"a" * 199 + b'"')
            assert said(response) == (503, {"error": "too many deliveries are being received"})
            assert response.headers["retry-after"] == "5"
            assert said(at.post("open/door", b"1")) == ACCEPTED
            assert at.webhooks.held_bytes >= 900
            connection.sendall(b"a")
            assert status_of(connection) == 400
        at.wait(lambda: at.webhooks.held_bytes == 0)


# -- the queue --------------------------------------------------------------------------------------------------------


def test_stored_answers_are_stale_before_the_event_is_published() -> None:
    bus = NotedBus()
    noted: list[tuple[tuple[str, str], Event, int]] = []

    def received(address: tuple[str, str], event: Event) -> None:
        noted.append((address, event, len(bus.published)))

    with door(bus, received=received) as at:
        assert said(at.post("shop/payments", **stripe())) == ACCEPTED
        at.bus.wait(("shop/payments", json.loads(BODY)))
    assert noted == [(("shop", "payments"), Event(BODY, "moved", "evt_1"), 0)]


def test_what_fails_to_become_stale_is_published_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    def received(address: tuple[str, str], event: Event) -> None:
        raise RuntimeError("a fault of the callback")

    with door(received=received) as at:
        assert said(at.tracking()) == ACCEPTED
        at.bus.wait(TRACKED)
    assert caplog.messages == ["webhook shipping/tracking: stored answers were not made stale"]


def test_a_full_queue_sends_deliveries_away_and_loses_none_that_it_took() -> None:
    with door(max_waiting=5) as at, ThreadPoolExecutor(8) as pool:
        at.bus.open = False
        first = list(pool.map(lambda number: at.tracking(b"%d" % number, x_id=str(number)), range(40)))
        taken = [number for number, answer in enumerate(first) if answer.status_code == 202]
        assert len(taken) == 5
        assert [said(answer) for answer in first if answer.status_code != 202] == [
            (503, {"error": "too many deliveries wait to be published"})
        ] * 35
        at.bus.open = True
        at.wait(lambda: len(at.bus.published) == 5)
        assert sorted(number for _, number in at.bus.published) == taken
        again = next(number for number in range(40) if number not in taken)
        assert said(at.tracking(b"%d" % again, x_id=str(again))) == ACCEPTED
        at.wait(lambda: len(at.bus.published) == 6 and at.webhooks.held_bytes == 0)


def test_while_the_bus_fails_events_wait_in_their_order(caplog: pytest.LogCaptureFixture) -> None:
    bus, waits = NotedBus(), list[float]()
    bus.failures = [UpstreamUnavailable("the bus cannot be reached", source="bus") for _ in range(4)]

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with door(bus, sleep=sleep) as at:
        for number in range(3):
            assert said(at.tracking(b"%d" % number)) == ACCEPTED
        bus.wait(*(("shipping/tracking", number) for number in range(3)))
    assert len(waits) == 4
    assert caplog.messages == [
        "webhook shipping/tracking: an event could not be published yet: the bus cannot be reached"
    ]


def test_a_fault_of_the_bus_costs_one_event(caplog: pytest.LogCaptureFixture) -> None:
    bus = NotedBus()
    bus.failures = [RuntimeError("a fault of the bus")]
    with door(bus) as at:
        assert said(at.tracking(b"1")) == ACCEPTED
        assert said(at.tracking(b"2")) == ACCEPTED
        bus.wait(("shipping/tracking", 2))
    assert caplog.messages == ["webhook shipping/tracking: an event was lost"]


def test_shutting_down_publishes_what_was_accepted() -> None:
    bus = NotedBus()
    bus.open = False
    with door(bus) as at:
        for number in range(10):
            assert said(at.tracking(b"%d" % number)) == ACCEPTED
        assert bus.published == []
    assert bus.published == [("shipping/tracking", number) for number in range(10)]


def test_shutting_down_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    class Closed(NotedBus):
        async def publish(self, topic: str, body: bytes) -> None:
            await asyncio.Event().wait()

    with door(Closed(), drain_s=0.05) as at:
        for number in range(3):
            assert said(at.tracking(b"%d" % number)) == ACCEPTED
    assert caplog.messages == ["3 deliveries to webhooks were accepted but could not be published"]
    assert at.webhooks.held_bytes == 0


async def test_no_task_is_left_once_the_queue_is_empty() -> None:
    bus = NotedBus()
    webhooks = Webhooks(WEBHOOKS, bus)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"1"}

    async def send(message: Any) -> None:
        sent.append(message.get("status"))

    before = asyncio.all_tasks()
    await webhooks({"path": "/webhooks/open/door", "method": "POST", "headers": []}, receive, send)
    assert sent[0] == 202
    (worker,) = asyncio.all_tasks() - before
    await asyncio.wait_for(worker, 10)
    assert bus.published == [("open/door", 1)]
    assert asyncio.all_tasks() == before
    await webhooks.aclose()


async def test_a_server_that_stops_takes_nothing_more() -> None:
    bus = NotedBus()
    bus.open = False
    webhooks = Webhooks(WEBHOOKS, bus)
    sent: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"1"}

    async def send(message: Any) -> None:
        sent.extend(value for name, value in message.items() if name == "status")

    scope = {"path": "/webhooks/open/door", "method": "POST", "headers": []}
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        await webhooks(scope, receive, send)
        tasks.create_task(webhooks.aclose())
        await asyncio.sleep(0)
        await webhooks(scope, receive, send)
        bus.open = True
    assert sent == [202, 503]
    assert bus.published == [("open/door", 1)]


# -- the log ----------------------------------------------------------------------------------------------------------


def test_refusals_are_logged_once_a_minute_without_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    with door() as at:
        for _ in range(5):
            at.post("shipping/tracking", b'"body of a stranger"', x_webhook_token="token-of-a-stranger")
        at.post("shop/payments")
        at.post("unknown/address")
    assert caplog.messages == [
        "webhook shipping/tracking: refused a delivery: the secret is not the one that was agreed on",
        "webhook shop/payments: refused a delivery: the header Stripe-Signature is missing",
    ]
    assert all(record.levelno == logging.WARNING for record in caplog.records)
