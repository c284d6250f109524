"""A running application whose graph is replaced: by hand, under requests, subscriptions and many times over."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Graph
from graph.engine import Request
from graph.errors import GraphError
from sources import Bearer, FakeTransport, Reply, Rest, SharedSecret, Unsigned
from sources.transport import Content, Headers


class Held(FakeTransport):
    """A transport that answers one word, when it is let go."""

    def __init__(self, word: str, *, open: bool = True) -> None:
        super().__init__({})
        self.word = word
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.closed = 0
        if open:
            self.open.set()

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        self.asked.set()
        await self.open.wait()
        return Reply(200, f'"{self.word}"'.encode(), lambda name: None)

    async def aclose(self) -> None:
        self.closed += 1


def graph_over(source: Rest, **options: Any) -> Graph:
    @strawberry.type
    class Query:
        @source.get("/word")
        def word(self) -> str: ...

    return Graph(query=Query, **options)


def graph_of(transport: Held, **options: Any) -> Graph:
    return graph_over(Rest("one", "http://one.example", client=transport), **options)


def ticking(name: str = "ticks") -> Graph:
    """Give a graph with one subscription, which says one thing and then nothing."""

    @strawberry.type
    class Query:
        @strawberry.field
        def word(self) -> str:
            return "tick"

    async def ticks() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    made = strawberry.type(type("Subscription", (), {name: strawberry.subscription(ticks)}))
    return Graph(query=Query, subscription=made)


def notified(topic: str) -> Graph:
    """Give a graph with one subscription, which a webhook feeds."""
    source = Rest("post", "http://post.example", client=Held(topic))

    @strawberry.type
    class Query:
        @source.get("/word")
        def word(self) -> str: ...

    @strawberry.type
    class Subscription:
        @source.webhook(topic, signature=SharedSecret(env="WEFT_TEST_SECRET"), items="is")
        def moved(self) -> str: ...

    return Graph(query=Query, subscription=Subscription)


async def deliver(app: App, topic: str) -> int:
    """Deliver an event to a webhook; give the status."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://weft") as client:
        headers = {"x-webhook-token": "s3cret"}
        return (await client.post(f"/webhooks/post/{topic}", json={"is": topic}, headers=headers)).status_code


@strawberry.type
class Parcel:
    id: str

    @strawberry.field
    async def place(self, info: strawberry.Info) -> str:
        info.context.set()
        await asyncio.Event().wait()
        return "nowhere"


async def listening() -> None:
    """Let the tasks begin that listen to what is delivered."""
    for _ in range(5):
        await asyncio.sleep(0)


async def ask(app: App, query: str = "{ word }") -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://weft") as client:
        return (await client.post("/graphql", json={"query": query})).json()


async def settle(app: App) -> None:
    """Wait until every graph that was replaced has been closed."""
    async with asyncio.timeout(20):
        while app._retiring:  # noqa: ASYNC110 - nobody else wants to know
            await asyncio.sleep(0.002)


async def test_requests_after_it_are_answered_by_the_other_graph() -> None:
    before, after = Held("before"), Held("after")
    app = App(graph_of(before))
    assert await ask(app) == {"data": {"word": "before"}}
    other = graph_of(after)
    app.replace(other)
    assert app.graph is other
    assert await ask(app) == {"data": {"word": "after"}}
    await settle(app)
    assert (before.closed, after.closed) == (1, 0)


async def test_a_request_under_way_is_answered_by_the_graph_that_it_began_with() -> None:
    before, after = Held("before", open=False), Held("after")
    app = App(graph_of(before))
    waiting = asyncio.ensure_future(ask(app))
    await before.asked.wait()
    app.replace(graph_of(after))
    assert await ask(app) == {"data": {"word": "after"}}
    assert before.closed == 0
    before.open.set()
    assert await waiting == {"data": {"word": "before"}}
    await settle(app)
    assert before.closed == 1


async def test_a_request_that_takes_longer_than_it_may_does_not_keep_its_graph_open() -> None:
    before = Held("before", open=False)
    app = App(graph_of(before, timeout=0.05))
    waiting = asyncio.ensure_future(ask(app))
    await before.asked.wait()
    app.replace(graph_of(Held("after")))
    await settle(app)
    assert (await waiting)["errors"][0]["extensions"]["code"] == "UPSTREAM_TIMEOUT"
    assert before.closed == 1


async def test_what_two_graphs_share_stays_open() -> None:
    transport = Held("shared")
    source = Rest("one", "http://one.example", client=transport)
    app = App(graph_over(source))
    app.replace(graph_over(source))
    await settle(app)
    assert transport.closed == 0
    assert await ask(app) == {"data": {"word": "shared"}}


async def test_the_last_graph_that_uses_a_source_closes_it() -> None:
    transport = Held("shared", open=False)
    source = Rest("one", "http://one.example", client=transport)
    app = App(graph_over(source))
    waiting = asyncio.ensure_future(ask(app))
    await transport.asked.wait()
    app.replace(graph_over(source))
    app.replace(graph_of(Held("another")))
    while len(app._retiring) > 1:  # noqa: ASYNC110 - nobody else wants to know
        await asyncio.sleep(0.002)
    assert transport.closed == 0
    transport.open.set()
    assert await waiting == {"data": {"word": "shared"}}
    await settle(app)
    assert transport.closed == 1


async def test_the_same_graph_is_no_other() -> None:
    transport = Held("same")
    graph = graph_of(transport)
    app = App(graph)
    app.replace(graph)
    await settle(app)
    assert await ask(app) == {"data": {"word": "same"}}
    assert transport.closed == 0


async def test_a_graph_that_is_put_back_at_once_stays_open() -> None:
    first, second = Held("first", open=False), Held("second")
    graph = graph_of(first)
    app = App(graph)
    waiting = asyncio.ensure_future(ask(app))
    await first.asked.wait()
    app.replace(graph_of(second))
    app.replace(graph)
    first.open.set()
    assert await waiting == await ask(app) == {"data": {"word": "first"}}
    await settle(app)
    assert (first.closed, second.closed) == (0, 1)


async def test_a_graph_without_its_secrets_takes_nobodys_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEFT_TEST_TOKEN", raising=False)
    app = App(graph_of(Held("before")))
    without = Rest("two", "http://two.example", auth=Bearer(env="WEFT_TEST_TOKEN"), client=Held("after"))
    with pytest.raises(GraphError, match="WEFT_TEST_TOKEN is not set"):
        app.replace(graph_over(without))
    assert await ask(app) == {"data": {"word": "before"}}


async def test_an_application_that_stops_waits_for_the_graphs_before_as_well() -> None:
    before = Held("before", open=False)
    app = App(graph_of(before))
    waiting = asyncio.ensure_future(ask(app))
    await before.asked.wait()
    app.replace(graph_of(Held("after")))
    draining = asyncio.ensure_future(app.drain(20))
    await asyncio.sleep(0)
    assert not draining.done()
    before.open.set()
    await draining
    assert await waiting == {"data": {"word": "before"}}


async def test_a_subscription_goes_on_over_the_other_graph() -> None:
    app = App(ticking())
    subscriptions = app.graph.engine.subscriptions
    subscriber = await subscriptions.open(Request("subscription { ticks }"), {}, lambda: None)
    assert subscriber is not None
    assert await subscriber.next() == '{"data":{"ticks":1}}'
    app.replace(ticking())
    await settle(app)
    assert not subscriber.is_over
    assert len(subscriptions) == 0
    assert len(app.graph.engine.subscriptions) == 1
    assert await subscriber.next() == '{"data":{"ticks":1}}'
    subscriber.close()
    await app.graph.aclose()


async def test_a_subscription_that_the_other_graph_does_not_know_ends_and_says_why() -> None:
    app = App(ticking())
    subscriber = await app.graph.engine.subscriptions.open(Request("subscription { ticks }"), {}, lambda: None)
    assert subscriber is not None
    assert await subscriber.next() == '{"data":{"ticks":1}}'
    app.replace(ticking("tocks"))
    assert await subscriber.next() is None
    assert subscriber.failure is not None
    first, second = (error.message for error in subscriber.failure)
    assert first == "the graph has changed, and the subscription does not fit it any more"
    assert second.startswith("Cannot query field 'ticks' on type 'Subscription'.")
    await settle(app)


async def test_deliveries_to_webhooks_are_for_the_graph_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_TEST_SECRET", "s3cret")
    app = App(notified("parcels"))
    subscriptions = app.graph.engine.subscriptions
    subscriber = await subscriptions.open(Request("subscription { moved }"), {}, lambda: None)
    assert subscriber is not None
    app.replace(notified("letters"))
    await settle(app)
    await listening()
    assert [await deliver(app, topic) for topic in ("parcels", "letters")] == [404, 202]
    assert await subscriber.next() == '{"data":{"moved":"letters"}}'
    subscriber.close()
    await app.graph.aclose()


async def test_who_hears_of_deliveries_misses_none_and_is_told_of_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_TEST_SECRET", "s3cret")
    app = App(notified("parcels"))
    subscriber = await app.graph.engine.subscriptions.open(Request("subscription { moved }"), {}, lambda: None)
    assert subscriber is not None
    await listening()
    for _ in range(3):
        assert await deliver(app, "parcels") == 202
        app.replace(notified("parcels"))
        await settle(app)
        await listening()
        assert await subscriber.next() == '{"data":{"moved":"parcels"}}'
    subscriber.close()
    await app.graph.aclose()


async def test_an_event_that_the_graph_before_was_still_answering_may_be_missing() -> None:
    asked = asyncio.Event()
    source = Rest("post", "http://post.example", client=Held("word"))

    @strawberry.type
    class Subscription:
        @source.webhook("parcels", signature=Unsigned())
        def moved(self) -> Parcel: ...

    app = App(graph_over(source, subscription=Subscription))
    subscriptions = app.graph.engine.subscriptions
    subscriber = await subscriptions.open(Request("subscription { moved { place } }"), {}, lambda: asked)
    assert subscriber is not None
    await listening()
    assert await deliver(app, "parcels") == 202
    await asyncio.wait_for(asked.wait(), 20)
    app.replace(graph_over(source, subscription=Subscription))
    told = await asyncio.wait_for(subscriber.next(), 20)
    assert told is not None
    assert '"the graph was replaced; events may be missing"' in told
    subscriber.close()
    await settle(app)
    await app.graph.aclose()


async def test_what_a_webhook_has_accepted_is_published_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_TEST_SECRET", "s3cret")
    app = App(notified("parcels"))
    subscriber = await app.graph.engine.subscriptions.open(Request("subscription { moved }"), {}, lambda: None)
    assert subscriber is not None
    await listening()
    assert await deliver(app, "parcels") == 202
    await app.drain(20)
    assert await subscriber.next() == '{"data":{"moved":"parcels"}}'
    subscriber.close()
    await app.graph.aclose()


async def test_nothing_is_left_of_many_graphs() -> None:
    app = App(graph_of(Held("0")))
    seen: list[weakref.ref[Graph]] = []
    tasks = len(asyncio.all_tasks())
    for number in range(1, 51):
        assert await ask(app) == {"data": {"word": f"{number - 1}"}}
        seen.append(weakref.ref(app.graph))
        app.replace(graph_of(Held(f"{number}")))
    await settle(app)
    gc.collect()
    assert [reference() for reference in seen if reference() is not None] == []
    assert len(asyncio.all_tasks()) == tasks
