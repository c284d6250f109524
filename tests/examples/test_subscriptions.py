"""The shop's subscriptions, end to end: what happens at its services reaches who subscribed at the gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from examples.shop.backends import Backends
from graph import App, Graph
from graph.target import load
from tests.examples.events import Events
from tests.graph.serving.backend import until
from tests.serving import running

GRAPH = Path(__file__).resolve().parents[2] / "examples/shop/graph.py"
PROTOCOL = Subprotocol("graphql-transport-ws")
SKU, PARCEL = "SKU-00042", "WX00000001"
STOCK = f'subscription {{ stockChanged(sku: "{SKU}") {{ onHand levels {{ warehouse {{ city }} }} }} }}'
ORDERS = "subscription { orderStatusChanged { id status items { quantity product { sku } } } }"


class Shop:
    """The running services, the gateway in front of them, and what the services were asked."""

    def __init__(self, backends: Backends, graph: Graph, gateway: str, client: httpx.Client, log: list[str]) -> None:
        self.backends = backends
        self.graph = graph
        self.gateway = gateway
        self._client = client
        self._log = log

    def asked(self, call: str) -> int:
        """Count the requests of a kind so far: ``inventory GET /stock``."""
        return sum(" ".join(line.split()).startswith(call) for line in tuple(self._log))

    def subscribed(self, query: str, shopper: str | None = None) -> Events:
        """Subscribe by a stream of events."""
        headers = {"accept": "text/event-stream", **self.header(shopper)}
        return Events(self._client, "POST", f"{self.gateway}/graphql", json={"query": query}, headers=headers)

    def header(self, shopper: str | None) -> dict[str, str]:
        return {"authorization": f"Bearer {self.backends.token(shopper)}"} if shopper else {}

    # -- what happens at the services -------------------------------------------------------------------------------

    def adjust(self, by: int) -> int:
        """Change what the first warehouse holds; give how much there is in all of them."""
        url = f"{self.backends.urls['inventory']}/stock/{SKU}/adjust"
        answer = self._client.post(url, json={"by": by}, auth=("erp", "inventory-dev-password"))
        found: int = answer.raise_for_status().json()["onHand"]
        return found

    def move(self, parcel: str) -> dict[str, Any]:
        url = f"{self.backends.urls['shipping']}/shipments/{parcel}/advance?api_key=shipping-dev-key"
        found: dict[str, Any] = self._client.post(url).raise_for_status().json()
        return found

    def place(self, shopper: str) -> int:
        url, order = f"{self.backends.urls['orders']}/orders", {"items": [{"productId": 7, "quantity": 2}]}
        answer = self._client.post(url, json=order, headers=self.header(shopper))
        found: int = answer.raise_for_status().json()["id"]
        return found

    def proceed(self, order: int, shopper: str) -> None:
        url = f"{self.backends.urls['orders']}/orders/{order}/advance"
        self._client.post(url, headers=self.header(shopper)).raise_for_status()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Backends, list[str]]]:
    log: list[str] = []
    with Backends(directory=tmp_path_factory.mktemp("shop"), log=log.append) as backends:
        yield backends, log


@pytest.fixture
def shop(services: tuple[Backends, list[str]]) -> Iterator[Shop]:
    backends, log = services
    log.clear()
    with pytest.MonkeyPatch.context() as patch, httpx.Client(trust_env=False, timeout=10) as client:
        for name, value in backends.environment().items():
            patch.setenv(name, value)
        graph = load(str(GRAPH))
        with running(App(graph)) as gateway:
            backends.report_to(gateway)
            yield Shop(backends, graph, gateway, client, log)
            until(lambda: not len(graph.engine.subscriptions.topics))


# -- stock, which is asked for again and again ------------------------------------------------------------------------


def test_stock_is_asked_for_once_for_all_who_subscribe(shop: Shop) -> None:
    with shop.subscribed(STOCK) as one, shop.subscribed(STOCK) as other:
        until(lambda: shop.asked(f"inventory GET /stock/{SKU} 200") > 0)
        on_hand = shop.adjust(3)
        seen = one.body()
        assert other.body() == seen
    assert seen["data"]["stockChanged"]["onHand"] == on_hand
    cities = {level["warehouse"]["city"] for level in seen["data"]["stockChanged"]["levels"]}
    assert cities == {"Rotterdam", "Lyon", "Porto"}
    # A poller begins without an ETag, so that two of them would have been told the first state twice.
    assert shop.asked(f"inventory GET /stock/{SKU} 200") == 2
    assert shop.asked("inventory GET /warehouses") == 1


async def test_a_graph_without_a_server_gives_what_changes(shop: Shop) -> None:
    graph = load(str(GRAPH))
    responses = graph.subscribe(STOCK)
    first = asyncio.ensure_future(anext(responses))
    await asyncio.to_thread(until, lambda: shop.asked(f"inventory GET /stock/{SKU} 200") > 0)
    on_hand = shop.adjust(-1)
    async with asyncio.timeout(10):
        assert (await first)["data"]["stockChanged"]["onHand"] == on_hand
    await responses.aclose()
    await graph.aclose()


# -- parcels, of which the carrier tells ------------------------------------------------------------------------------


def test_the_move_of_a_parcel_reaches_who_waits_for_its_order(shop: Shop) -> None:
    query = "subscription { shipmentUpdated(orderId: 1) { trackingNumber status events { place text } } }"
    label = f"{shop.backends.urls['shipping']}/labels?api_key=shipping-dev-key"
    other = httpx.post(label, json={"order_id": 5010}, trust_env=False).json()["tracking_number"]
    with shop.subscribed(query) as events:
        until(lambda: len(shop.graph.engine.subscriptions.topics) == 1)
        for _ in range(2):
            shop.move(other)
            moved = shop.move(PARCEL)
            assert events.body() == {
                "data": {
                    "shipmentUpdated": {
                        "trackingNumber": PARCEL,
                        "status": moved["status"].upper(),
                        "events": [{"place": event["place"], "text": event["text"]} for event in moved["events"]],
                    }
                }
            }
    assert shop.asked(f"shipping GET /shipments/{PARCEL}") == 2  # an event tells of the latest move only
    assert shop.asked(f"shipping GET /shipments/{other}") == 0


def test_what_an_event_says_is_not_asked_for(shop: Shop) -> None:
    with shop.subscribed("subscription { shipmentUpdated(orderId: 1) { trackingNumber status } }") as events:
        until(lambda: len(shop.graph.engine.subscriptions.topics) == 1)
        status = shop.move(PARCEL)["status"]
        assert events.body()["data"]["shipmentUpdated"] == {"trackingNumber": PARCEL, "status": status.upper()}
    assert shop.asked("shipping GET /shipments") == 0


# -- orders, whose service streams events -----------------------------------------------------------------------------


def test_a_shopper_sees_own_orders_proceed(shop: Shop) -> None:
    with shop.subscribed(ORDERS, "c-0020") as mine, shop.subscribed(ORDERS, "c-0021") as others:
        until(lambda: shop.asked("orders GET /orders/stream 200") == 2)
        other = shop.place("c-0021")
        order = shop.place("c-0020")
        shop.proceed(order, "c-0020")
        items = [{"quantity": 2, "product": {"sku": "SKU-00007"}}]
        for status in ("PLACED", "PAID"):
            expected = {"id": str(order), "status": status, "items": items}
            assert mine.body()["data"]["orderStatusChanged"] == expected
        assert others.body()["data"]["orderStatusChanged"]["id"] == str(other)


def test_the_same_shopper_on_two_devices_is_one_stream(shop: Shop) -> None:
    with shop.subscribed(ORDERS, "c-0022") as one, shop.subscribed(ORDERS, "c-0022") as other:
        until(lambda: shop.asked("orders GET /orders/stream 200") == 1)
        shop.place("c-0022")
        assert one.event() == other.event()
    assert shop.asked("orders GET /orders/stream") == 1
    assert shop.asked("catalog GET /products") == 1


def test_who_has_no_token_is_told_that_there_is_no_stream(shop: Shop) -> None:
    with shop.subscribed(ORDERS) as events:
        [error] = events.body()["errors"]
    assert error["extensions"] == {"code": "UPSTREAM_ERROR", "source": "orders", "status": 401}


# -- all of them over one socket --------------------------------------------------------------------------------------


def test_all_three_arrive_over_one_socket(shop: Shop) -> None:
    queries = {
        "stock": STOCK,
        "parcel": "subscription { shipmentUpdated(orderId: 1) { status } }",
        "order": "subscription { orderStatusChanged { id status } }",
    }
    with connect(f"{shop.gateway.replace('http', 'ws')}/graphql", subprotocols=[PROTOCOL], proxy=None) as socket:
        tell(socket, {"type": "connection_init", "payload": shop.header("c-0023")})
        assert hear(socket)["type"] == "connection_ack"
        for id, query in queries.items():
            tell(socket, {"id": id, "type": "subscribe", "payload": {"query": query}})
        until(lambda: len(shop.graph.engine.subscriptions.topics) == 3)
        until(lambda: shop.asked(f"inventory GET /stock/{SKU} 200") == 1 == shop.asked("orders GET /orders/stream 200"))
        on_hand, status, order = shop.adjust(1), shop.move(PARCEL)["status"], shop.place("c-0023")
        seen = {message["id"]: message["payload"]["data"] for message in (hear(socket) for _ in range(3))}
        assert seen["stock"]["stockChanged"]["onHand"] == on_hand
        assert seen["parcel"] == {"shipmentUpdated": {"status": status.upper()}}
        assert seen["order"] == {"orderStatusChanged": {"id": str(order), "status": "PLACED"}}


def tell(socket: ClientConnection, message: dict[str, Any]) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection) -> dict[str, Any]:
    """Give the next message that is not about the connection."""
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=10))
        if message["type"] not in ("ping", "pong"):
            return message
