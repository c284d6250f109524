"""Webhooks of a graph: what is posted reaches subscribers, and makes stale what is stored, with them or without."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Graph, GraphError
from sources import FakeTransport, Rest, SharedSecret, Signature

SHIPMENT = {"id": "7", "order_id": "o1", "status": "sent"}


def shop(signature: Signature, *more: Signature) -> tuple[Graph, FakeTransport]:
    fake = FakeTransport({"GET /shipments/7": SHIPMENT})
    shipping = Rest("shipping", "http://s.example", client=fake, ttl=60)

    def tracking(signature: Signature) -> Callable[[Any], Any]:
        return shipping.webhook("tracking", signature=signature)

    @shipping.entity(get="/shipments/{id}")
    class Shipment:
        id: strawberry.ID
        order_id: str
        status: str

    @strawberry.type
    class Query:
        @shipping.get("/shipments/{id}")
        def shipment(self, id: strawberry.ID) -> Shipment | None: ...

    @strawberry.type
    class Subscription:
        @tracking(signature)
        def shipment_updated(self, order_id: str | None = None) -> Shipment: ...

        @tracking(more[0] if more else signature)
        def any_shipment(self) -> Shipment: ...

    return Graph(query=Query, subscription=Subscription), fake


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.delenv("UNSET", raising=False)


async def post(app: App, body: dict[str, Any]) -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://weft.example") as client:
        answer = await client.post("/webhooks/shipping/tracking", json=body, headers={"X-Webhook-Token": "s3cret"})
    return answer.status_code


async def test_what_a_backend_posts_reaches_the_subscribers_who_asked_for_it() -> None:
    graph, fake = shop(SharedSecret(env="SECRET"))
    app, found = App(graph), list[Any]()

    async def subscribe() -> None:
        async for response in graph.subscribe('subscription { shipmentUpdated(orderId: "o1") { id status } }'):
            found.append(response)
            return

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(subscribe())
        while not graph.engine.subscriptions.topics:  # noqa: ASYNC110 - it is another task's work
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # the topic's own task begins
        assert await post(app, {"id": "8", "order_id": "o2"}) == 202
        assert await post(app, {"id": "7", "order_id": "o1"}) == 202
        await listening
    assert found == [{"data": {"shipmentUpdated": {"id": "7", "status": "sent"}}}]
    assert fake.calls == ["GET /shipments/7"]
    await graph.aclose()


async def test_what_is_posted_makes_stored_answers_stale_although_nobody_is_subscribed() -> None:
    graph, fake = shop(SharedSecret(env="SECRET"))
    app, query = App(graph), '{ shipment(id: "7") { status } }'
    for _ in range(2):
        await graph.execute(query)
    assert fake.calls == ["GET /shipments/7"]
    assert await post(app, {"id": "7"}) == 202
    await app._serving.webhooks.aclose()
    await graph.execute(query)
    assert fake.calls == ["GET /shipments/7"] * 2
    await graph.aclose()


def test_two_ways_to_sign_at_one_address_are_a_fault_at_start_up() -> None:
    with pytest.raises(GraphError, match="source 'shipping': the webhook 'tracking' is declared in two ways"):
        shop(SharedSecret(env="SECRET"), SharedSecret("X-Other", env="SECRET"))


def test_a_secret_that_is_not_set_is_found_before_serving() -> None:
    graph, _ = shop(SharedSecret(env="UNSET"))
    with pytest.raises(GraphError) as caught:
        graph.check_environment()
    assert caught.value.faults == ["source 'shipping': the environment variable UNSET is not set"]
