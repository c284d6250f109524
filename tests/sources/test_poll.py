"""Backends that are asked again and again."""

import asyncio
from typing import Any

import pytest

from sources import Event, FakeTransport, InvalidInput, Listening, MemoryBus, Rest, UpstreamError, UpstreamUnavailable
from sources.endpoint import Endpoint
from sources.errors import DeclarationError
from sources.poll import Poll
from sources.template import Template
from sources.transport import TransportUnavailable


class Steps:
    """Waits that a test sees instead of waiting; after so many, the poll is over."""

    def __init__(self, most: int) -> None:
        self.waits: list[float] = []
        self._most = most

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self._most:
            raise EndOfTest


class EndOfTest(Exception):
    pass


async def heard(
    answers: list[Any], template: str = "/stock", values: dict[str, object] | None = None, every_s: float = 2.0
) -> tuple[list[Any], list[float], FakeTransport]:
    left = iter(answers)
    transport = FakeTransport(lambda *_: next(left))
    source = Rest("erp", "http://erp.example", client=transport)
    steps = Steps(len(answers))
    poll = Poll(Endpoint("GET", Template(template), headers=(("x-room", "{room}"),)), every_s, sleep=steps)
    found: list[Any] = []

    async def listen() -> None:
        async for happening in poll.listen(Listening(source, values or {}, (("authorization", "me"),), MemoryBus())):
            found.append(happening)  # noqa: PERF401 - what was found before the end counts

    with pytest.raises(EndOfTest):
        await listen()
    return found, steps.waits, transport


async def test_only_another_answer_is_an_event() -> None:
    found, waits, _ = await heard([{"n": 1}, {"n": 1}, {"n": 2}, {"n": 1}])
    assert found == [Event(b'{"n":1}'), Event(b'{"n":2}'), Event(b'{"n":1}')]
    assert waits == [2.0] * 4


async def test_values_and_headers_are_those_of_the_call_and_the_client() -> None:
    _, _, transport = await heard([{}], "/stock/{sku}", {"sku": "a b", "room": 7})
    assert transport.calls == ["GET /stock/a%20b"]
    assert transport.headers[0]["x-room"] == "7"
    assert transport.headers[0]["authorization"] == "me"


async def test_a_backend_with_an_etag_is_asked_whether_it_still_holds() -> None:
    found, _, transport = await heard([(200, {"n": 1}, {"ETag": '"1"'}), (304, b""), (200, {"n": 2}), (200, {"n": 2})])
    assert found == [Event(b'{"n":1}'), Event(b'{"n":2}')]
    assert [sent.get("if-none-match") for sent in transport.headers] == [None, '"1"', '"1"', None]


async def test_what_is_not_there_is_null() -> None:
    found, _, _ = await heard([(404, {}), {"n": 1}, (200, b""), (404, {})])
    assert found == [Event(b"null"), Event(b'{"n":1}'), Event(b"null")]


async def test_failures_slow_it_down_and_are_told_once_when_they_last() -> None:
    down = TransportUnavailable()
    found, waits, _ = await heard([{"n": 1}, down, down, down, down, {"n": 1}, {"n": 2}])
    assert [type(happening) for happening in found] == [Event, UpstreamUnavailable, Event]
    assert waits[0] == waits[5] == 2.0
    assert all(2.0 <= wait <= 2.0 + 2.0 * 2**number for number, wait in enumerate(waits[1:5]))


async def test_it_waits_as_long_as_the_backend_asks_but_not_for_ever() -> None:
    found, waits, _ = await heard([(429, {}, {"Retry-After": "40"}), (503, {}, {"Retry-After": "999999"})])
    assert found == []
    assert waits[0] == 42.0
    assert waits[1] == 302.0


@pytest.mark.parametrize("status", [400, 401, 403, 410])
async def test_what_the_backend_refuses_is_over(status: int) -> None:
    source = Rest("erp", "http://erp.example", client=FakeTransport(lambda *_: (status, {})))
    poll = Poll(Endpoint("GET", Template("/stock")), 1.0)
    with pytest.raises(UpstreamError, match=f"erp answered with status {status}"):
        await anext(poll.listen(Listening(source, {}, (), MemoryBus())))


async def test_a_value_that_may_not_enter_the_address_is_the_clients_fault() -> None:
    source = Rest("erp", "http://erp.example", client=FakeTransport({}))
    poll = Poll(Endpoint("GET", Template("/stock/{sku}")), 1.0)
    with pytest.raises(InvalidInput):
        await anext(poll.listen(Listening(source, {"sku": "../x"}, (), MemoryBus())))


@pytest.mark.parametrize("every_s", [0, 0.05, -1, float("inf"), float("nan")])
def test_a_poll_waits_between_calls(every_s: float) -> None:
    with pytest.raises(DeclarationError, match="every="):
        Poll(Endpoint("GET", Template("/stock")), every_s)


async def test_whoever_closes_it_ends_it() -> None:
    source = Rest("erp", "http://erp.example", client=FakeTransport({"GET /stock": {}}))
    tasks = len(asyncio.all_tasks())
    events = Poll(Endpoint("GET", Template("/stock")), 3600).listen(Listening(source, {}, (), MemoryBus()))
    await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await events.aclose()
    assert len(asyncio.all_tasks()) == tasks
