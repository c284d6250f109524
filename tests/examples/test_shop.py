"""The shop, end to end: five real services in processes of their own, and the graph over them."""

from __future__ import annotations

import contextlib
import queue
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import graphql
import httpx
import pytest

from examples.shop.backends import SERVICES, BackendError, Backends
from graph import Graph
from graph.explain import explain
from graph.target import load
from tests.examples.demo import running_demo
from tests.examples.events import Events

ROOT = Path(__file__).resolve().parents[2]
THREE_CALLS = "{ products(first: 20) { edges { node { name stock { available } reviews { stars } } } } }"


class Shop:
    """The running services, the graph over them, and what the services were asked."""

    def __init__(self, backends: Backends, graph: Graph, log: queue.Queue[str]) -> None:
        self.backends = backends
        self.graph = graph
        self._log = log

    async def ask(self, query: str, variables: dict[str, Any] | None = None, *, shopper: str | None = None) -> Any:
        headers = {"authorization": f"Bearer {self.backends.token(shopper)}"} if shopper else {}
        return await self.graph.execute(query, variables, headers=headers)

    async def asked(self) -> list[str]:
        """Give the requests since the last time, as the services logged them."""
        marker = "GET /openapi.json"
        async with httpx.AsyncClient(trust_env=False) as client:
            for url in self.backends.urls.values():
                await client.get(f"{url}/openapi.json")
        found: list[str] = []
        markers = 0
        while markers < len(SERVICES):
            line = await anyio.to_thread.run_sync(self._log.get, True, 5)
            if marker in line:
                markers += 1
            else:
                found.append(" ".join(line.split()[:3]))
        return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    log: queue.Queue[str] = queue.Queue()
    with Backends(directory=tmp_path_factory.mktemp("shop"), log=log.put) as backends:
        patch = pytest.MonkeyPatch()
        for name, value in backends.environment().items():
            patch.setenv(name, value)
        try:
            yield Shop(backends, load(str(ROOT / "examples/shop/graph.py")), log)
        finally:
            patch.undo()


async def test_a_page_with_stock_and_reviews_is_the_three_calls_that_explain_shows(shop: Shop) -> None:
    await shop.asked()
    shop.graph.engine.store.touch("Product")
    answer = await shop.ask(THREE_CALLS)
    edges = answer["data"]["products"]["edges"]
    assert "errors" not in answer
    assert len(edges) == 20
    assert all(edge["node"]["stock"]["available"] >= 0 for edge in edges)
    plan = explain(shop.graph, THREE_CALLS)
    assert plan.startswith("query: 3 upstream calls in 2 steps\n")
    assert plan.splitlines()[-2] == "compiled"
    calls = await shop.asked()
    assert [re.sub(r"\?.*", "", call) for call in sorted(calls)] == [
        "catalog GET /products",
        "catalog GET /reviews",
        "inventory GET /stock",
    ]


async def test_an_order_is_answered_from_all_five_services(shop: Shop) -> None:
    query = """{ order(id: 1) { id status totalCents customer { id fullName tier address { city } createdAt }
      items { product { name category { name parent { name } } stock { onHand levels { warehouse { city } } } } }
      shipment { status trackingNumber events { text at } order { id } } } }"""
    answer = await shop.ask(query, shopper="c-0001")
    assert "errors" not in answer
    order = answer["data"]["order"]
    assert order["customer"]["id"] == "c-0001"
    assert order["shipment"]["order"]["id"] == "1"
    assert {level["warehouse"]["city"] for level in order["items"][0]["product"]["stock"]["levels"]} <= {
        "Rotterdam",
        "Lyon",
        "Porto",
    }
    assert shop.graph.engine.exact_answers == 0
    assert {call.split()[0] for call in await shop.asked()} >= {"orders", "customers", "catalog", "inventory"}


async def test_pages_follow_each_other_without_gap_or_repetition(shop: Shop) -> None:
    query = """query Page($after: ID) { products(first: 40, after: $after, search: "Lamp") {
      totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id name } } } }"""
    seen: list[str] = []
    after = None
    while True:
        page = (await shop.ask(query, {"after": after}))["data"]["products"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        assert all("Lamp" in edge["node"]["name"] for edge in page["edges"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == page["totalCount"]


async def test_a_shopper_sees_own_orders_only(shop: Shop) -> None:
    query = "{ orders(first: 5) { id customer { id } } }"
    mine = await shop.ask(query, shopper="c-0001")
    other = await shop.ask(query, shopper="c-0002")
    assert {order["customer"]["id"] for order in mine["data"]["orders"]} == {"c-0001"}
    assert {order["customer"]["id"] for order in other["data"]["orders"]} == {"c-0002"}
    nobody = await shop.ask(query)
    assert nobody["data"] == {"orders": None}
    assert nobody["errors"][0]["extensions"] == {"code": "UPSTREAM_ERROR", "source": "orders", "status": 401}


async def test_an_order_is_placed_labelled_and_then_not_cancelled(shop: Shop) -> None:
    place = """mutation Place($order: OrderInput!) { placeOrder(order: $order) {
      id status totalCents items { quantity product { priceCents } } customer { id } } }"""
    answer = await shop.ask(place, {"order": {"items": [{"productId": 7, "quantity": 3}]}}, shopper="c-0003")
    placed = answer["data"]["placeOrder"]
    assert placed["status"] == "PLACED"
    assert placed["customer"]["id"] == "c-0003"
    assert placed["totalCents"] == 3 * placed["items"][0]["product"]["priceCents"]
    label = "mutation Label($id: Int!) { createLabel(orderId: $id, service: EXPRESS) { trackingNumber service } }"
    answer = await shop.ask(label, {"id": int(placed["id"])}, shopper="c-0003")
    number = answer["data"]["createLabel"]["trackingNumber"]
    order = "query Order($id: ID!) { order(id: $id) { status shipment { trackingNumber service } } }"
    answer = await shop.ask(order, {"id": placed["id"]}, shopper="c-0003")
    assert answer["data"]["order"]["shipment"] == {"trackingNumber": number, "service": "express"}
    again = await shop.ask(label, {"id": int(placed["id"])}, shopper="c-0003")
    assert again["data"] == {"createLabel": None}
    assert again["errors"][0]["message"] == "shipping: the order has a label already"
    assert again["errors"][0]["extensions"] == {"code": "UPSTREAM_ERROR", "source": "shipping", "status": 422}


async def test_a_cancelled_order_is_seen_at_once(shop: Shop) -> None:
    place = "mutation { placeOrder(order: { items: [{ productId: 9 }] }) { id } }"
    number = (await shop.ask(place, shopper="c-0004"))["data"]["placeOrder"]["id"]
    mine = '{ customer(id: "c-0004") { orders { id status } } }'
    before = (await shop.ask(mine, shopper="c-0004"))["data"]["customer"]["orders"]
    assert {"id": number, "status": "PLACED"} in before
    cancel = "mutation Cancel($id: ID!) { cancelOrder(id: $id) { id status } }"
    answer = await shop.ask(cancel, {"id": number}, shopper="c-0004")
    assert answer["data"]["cancelOrder"] == {"id": number, "status": "CANCELLED"}
    after = (await shop.ask(mine, shopper="c-0004"))["data"]["customer"]["orders"]
    assert {"id": number, "status": "CANCELLED"} in after


async def test_composite_keys_find_their_stock_level(shop: Shop) -> None:
    sku = (await shop.ask("{ product(id: 7) { sku } }"))["data"]["product"]["sku"]
    query = """query Level($sku: String!) { stockLevel(sku: $sku, warehouseId: "W2") {
      sku warehouseId available onHand reserved updatedAt warehouse { city } } }"""
    level = (await shop.ask(query, {"sku": sku}))["data"]["stockLevel"]
    assert (level["sku"], level["warehouseId"], level["warehouse"]["city"]) == (sku, "W2", "Lyon")
    assert level["available"] == level["onHand"] - level["reserved"]


async def test_a_service_that_is_down_costs_its_own_fields(shop: Shop) -> None:
    with Backends() as others:
        patch = pytest.MonkeyPatch()
        for name, value in others.environment().items():
            patch.setenv(name, value)
        patch.setenv("INVENTORY_URL", "http://127.0.0.1:9")
        graph = load(str(ROOT / "examples/shop/graph.py"))
        answer = await graph.execute("{ product(id: 1) { name stock { available } reviews(first: 1) { stars } } }")
        await graph.aclose()
        patch.undo()
    assert answer["data"]["product"]["name"]
    assert answer["data"]["product"]["stock"] is None
    assert answer["data"]["product"]["reviews"] is not None
    [error] = answer["errors"]
    assert error["path"] == ["product", "stock"]
    assert error["extensions"] == {"code": "UPSTREAM_UNAVAILABLE", "source": "inventory", "retryable": True}


def test_the_graph_has_at_least_twelve_types_and_the_exported_schema_is_current(shop: Shop) -> None:
    types = [
        kind
        for name, kind in shop.graph.schema.type_map.items()
        if isinstance(kind, graphql.GraphQLObjectType) and not name.startswith("__")
    ]
    assert len(types) >= 12
    assert (ROOT / "schema.graphql").read_text(encoding="utf-8") == shop.graph.sdl()


def test_every_service_refuses_who_does_not_authenticate(shop: Shop) -> None:
    paths = {
        "catalog": "/products",
        "inventory": "/warehouses",
        "customers": "/customers/c-0001",
        "orders": "/orders",
        "shipping": "/shipments?order_id=1",
    }
    with httpx.Client(trust_env=False) as client:
        for name, url in shop.backends.urls.items():
            assert client.get(url + paths[name]).status_code == 401
            assert client.get(f"{url}/openapi.json").json()["paths"]


def test_the_services_are_seeded_as_announced(shop: Shop) -> None:
    with httpx.Client(trust_env=False, headers={"X-API-Key": "catalog-dev-key"}) as client:
        assert client.get(f"{shop.backends.urls['catalog']}/products").json()["meta"]["total"] == 1000


def test_a_taken_port_is_named(shop: Shop) -> None:
    port = int(shop.backends.urls["catalog"].rpartition(":")[2])
    with pytest.raises(BackendError, match=f"catalog: port {port} is taken"), Backends({"catalog": port}):
        pass


def test_the_demo_starts_answers_and_stops() -> None:
    with running_demo() as demo, contextlib.ExitStack() as stack:
        headers = {"authorization": f"Bearer {demo.token}"}
        client = stack.enter_context(httpx.Client(trust_env=False, headers=headers, timeout=20))
        assert (len(demo.operations), len(demo.subscriptions), len(demo.services)) == (3, 3, 5)
        for operation in demo.operations:
            answer = client.post(demo.url, json={"query": operation}).json()
            assert "errors" not in answer
            assert answer["data"]
        for subscription in demo.subscriptions:
            body, accepted = {"query": subscription}, {"accept": "text/event-stream"}
            events = stack.enter_context(Events(client, "POST", demo.url, json=body, headers=accepted))
            answer = events.body()
            assert "errors" not in answer
            assert answer["data"]
        demo.process.send_signal(signal.SIGINT)
        while last := events.event():
            ending = last
        assert ending["event"] == "complete"
        _, errors = demo.process.communicate(timeout=20)
        assert demo.process.returncode == 0
        assert "Traceback" not in errors
        for service in demo.services:
            with pytest.raises(httpx.ConnectError):
                client.get(f"{service}/health")
