"""Redis behind a graph: its channels and streams as subscriptions, and webhooks over replicas that share it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis.asyncio
import strawberry

from graph import App, Graph, GraphError
from sources import FakeTransport, Redis, RedisBus, RedisChannel, RedisStream, Rest, Unsigned, Webhook
from tests.graph.feeds import until
from tests.stores import Store

pytestmark = pytest.mark.usefixtures("no_address_is_set")


@pytest.fixture
def no_address_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORDERS_REDIS", "BUS_REDIS"):
        monkeypatch.delenv(name, raising=False)


def shop(url: str | None, bus: RedisBus | None = None) -> Graph:
    fake = FakeTransport({"GET /orders/7": {"id": "7", "status": "sent", "total": 3}})
    orders = Rest("orders", "http://s.example", client=fake)
    at_redis = Redis(env="ORDERS_REDIS") if url is None else Redis(url)

    @orders.entity(get="/orders/{id}")
    class Order:
        id: strawberry.ID
        status: str
        total: int

    @strawberry.type
    class Query:
        @orders.get("/orders/{id}")
        def order(self, id: strawberry.ID) -> Order | None: ...

    @strawberry.type
    class Subscription:
        @orders.feed(RedisChannel("orders.{id}", at_redis))
        def order_changed(self, id: strawberry.ID) -> Order: ...

        @orders.feed(RedisStream("orders", at_redis))
        def order_logged(self, status: str | None = None) -> Order: ...

        @orders.feed(Webhook("changed", Unsigned()))
        def order_posted(self) -> Order: ...

    return Graph(query=Query, subscription=Subscription, bus=bus)


@contextlib.asynccontextmanager
async def subscribed(graph: Graph, query: str) -> AsyncIterator[list[Any]]:
    answers: list[Any] = []

    async def listen() -> None:
        async with contextlib.aclosing(graph.subscribe(query)) as given:
            async for answer in given:
                answers.append(answer)  # noqa: PERF401 - each as soon as it is given

    task = asyncio.create_task(listen())
    try:
        yield answers
    finally:
        task.cancel()
        await asyncio.wait([task])


async def saying(answers: list[Any], say: Any) -> None:
    """Say it until it is heard: when a listener is there, only Redis knows."""
    async with asyncio.timeout(10):
        while not answers:
            await say()
            await asyncio.sleep(0.02)


async def test_a_message_is_an_event_whose_rest_is_loaded(redis_server: Store) -> None:
    query = 'subscription { orderChanged(id: "7") { status total } }'
    async with contextlib.aclosing(shop(redis_server.url)) as graph, redis.asyncio.Redis(port=redis_server.port) as at:
        async with subscribed(graph, query) as answers:
            await saying(answers, lambda: at.publish("orders.7", b'{"id": "7", "status": "paid"}'))
        assert answers[0] == {"data": {"orderChanged": {"status": "paid", "total": 3}}}


async def test_entries_of_a_stream_are_filtered_by_arguments(redis_server: Store) -> None:
    async with contextlib.aclosing(shop(redis_server.url)) as graph, redis.asyncio.Redis(port=redis_server.port) as at:

        async def add() -> None:
            await at.xadd("orders", {"id": "7", "status": "sent"})
            await at.xadd("orders", {"id": "7", "status": "paid"})

        async with subscribed(graph, 'subscription { orderLogged(status: "paid") { id status } }') as answers:
            await saying(answers, add)
        assert answers[0] == {"data": {"orderLogged": {"id": "7", "status": "paid"}}}


async def test_what_is_posted_to_one_replica_reaches_subscribers_of_another(redis_server: Store) -> None:
    query = "subscription { orderPosted { id total } }"
    async with (
        contextlib.aclosing(shop(redis_server.url, RedisBus(Redis(redis_server.url)))) as here,
        contextlib.aclosing(shop(redis_server.url, RedisBus(Redis(redis_server.url)))) as there,
        subscribed(there, query) as answers,
        httpx.AsyncClient(transport=httpx.ASGITransport(App(here)), base_url="http://weft.example") as backend,
    ):
        await saying(answers, lambda: backend.post("/webhooks/orders/changed", json={"id": "7"}))
        assert answers[0] == {"data": {"orderPosted": {"id": "7", "total": 3}}}


async def test_a_value_that_would_name_another_channel_is_refused(redis_server: Store) -> None:
    async with contextlib.aclosing(shop(redis_server.url)) as graph:
        async with subscribed(graph, 'subscription { orderChanged(id: "7.secret") { status } }') as answers:
            await until(lambda: bool(answers))
        [error] = answers[0]["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_the_addresses_that_are_not_set_are_all_named_before_serving() -> None:
    graph = shop(None, RedisBus(Redis(env="BUS_REDIS")))
    with pytest.raises(GraphError) as refused:
        graph.check_environment()
    assert refused.value.faults == [
        "source 'orders': the environment variable ORDERS_REDIS is not set",
        "the bus: the environment variable BUS_REDIS is not set",
    ]
