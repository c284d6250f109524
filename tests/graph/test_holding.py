"""What open subscriptions may hold, and what happens when they would hold more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import strawberry

from graph import Graph, Limits
from graph.channel import Subscriber
from graph.engine import Request
from graph.errors import RequestError
from sources import Rest
from tests.graph.feeds import Hand, until

hand, numbered = Hand(), Hand("n")
backend = Rest("backend", "http://127.0.0.1:9")


@strawberry.type
class Tick:
    n: str


@strawberry.type
class Query:
    here: bool = True


@strawberry.type
class Subscription:
    @backend.feed(hand)
    def strict(self) -> Tick: ...

    @backend.feed(hand, overflow="drop_oldest")
    def newest(self) -> Tick: ...

    @backend.feed(numbered)
    def numbered(self, n: int) -> Tick: ...


@asynccontextmanager
async def graph_with(**limits: Any) -> AsyncIterator[Graph]:
    graph = Graph(Query, subscription=Subscription, limits=Limits(**limits))
    yield graph
    await graph.aclose()
    for feed in (hand, numbered):
        await feed.is_closed()


async def subscribe(graph: Graph, selection: str, variables: dict[str, Any] | None = None) -> Subscriber:
    head = "subscription ($n: Int!)" if variables else "subscription"
    request = Request(f"{head} {{ {selection} }}", variables=variables)
    found = await graph.engine.subscriptions.open(request, {}, dict)
    assert found is not None
    return found


async def refused(graph: Graph, selection: str) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        await subscribe(graph, selection)
    return caught.value.code, caught.value.errors[0].message


async def answers(subscriber: Subscriber) -> list[str]:
    """Give the numbers that wait for a subscriber."""
    found = []
    while (text := subscriber.take()) is not None:
        found.append(json.loads(text)["data"]["strict" if "strict" in text else "newest"]["n"][-1])
    return found


async def say(payload: Any, heard: Callable[[], bool]) -> None:
    hand.say(payload)
    await until(heard)


async def test_no_more_subscriptions_are_opened_than_memory_was_set_aside_for() -> None:
    async with graph_with(max_subscription_bytes=1) as graph:
        first = await subscribe(graph, "numbered(n: 1) { n }")
        message = "this server holds as many subscriptions as it can"
        assert await refused(graph, "numbered(n: 2) { n }") == ("LIMIT_EXCEEDED", message)
        assert await refused(graph, "numbered(n: 1) { n }") == ("LIMIT_EXCEEDED", message)
        first.close()
        (await subscribe(graph, "numbered(n: 2) { n }")).close()


async def test_a_subscription_is_charged_with_its_request_and_each_operation_once() -> None:
    async with graph_with() as graph:
        holding = graph.engine.subscriptions.holding
        opened, sizes = list[Subscriber](), list[int]()
        for n in (1, 1, 2):
            before = holding.held_bytes
            opened.append(await subscribe(graph, "numbered(n: $n) { n }", {"n": n}))
            sizes.append(holding.held_bytes - before)
        text = len("subscription ($n: Int!) { numbered(n: $n) { n } }")
        subscriber = 1_500 + text + 4 * len('{"n":1}')
        assert sizes == [subscriber + 9_000 + 20_000 + 100 * text, subscriber, subscriber + 9_000]
        for one in opened:
            one.close()
            one.close()
        assert holding.held_bytes == 0


async def test_no_more_feeds_are_opened_than_allowed_but_open_ones_may_be_shared() -> None:
    async with graph_with(max_feeds=1) as graph:
        first = await subscribe(graph, "numbered(n: 1) { n }")
        code, message = await refused(graph, "numbered(n: 2) { n }")
        assert (code, message) == ("LIMIT_EXCEEDED", "subscriptions may keep 1 feeds of backends open at once")
        other = await subscribe(graph, "other: numbered(n: 1) { n }")
        assert (len(graph.engine.subscriptions), len(graph.engine.subscriptions.topics)) == (2, 1)
        first.close()
        other.close()
        await until(lambda: len(graph.engine.subscriptions.topics) == 0)
        (await subscribe(graph, "numbered(n: 2) { n }")).close()


async def test_who_is_behind_loses_what_waits_when_there_is_too_much_of_it() -> None:
    async with graph_with(max_waiting_bytes=10_000) as graph:
        holding = graph.engine.subscriptions.holding
        strict = await subscribe(graph, "strict { n }")
        newest, quick = await subscribe(graph, "newest { n }"), await subscribe(graph, "newest { n }")
        await hand.is_open(2)
        taken = []
        for n in range(4):
            hand.say({"n": "x" * 2_000 + str(n)})
            async with asyncio.timeout(10):
                taken.append(json.loads(await quick.next() or "")["data"]["newest"]["n"][-1])
            await until(lambda: strict.is_over or len(strict._waiting) == len(newest._waiting))
        assert taken == ["0", "1", "2", "3"]
        assert strict.failure is not None
        assert strict.failure[0].extensions == {"code": "SUBSCRIPTION_OVERFLOW"}
        assert await answers(strict) == []
        assert (await answers(newest))[-1] == "3"
        assert holding.answer_bytes == 0
        newest.close()
        quick.close()
