"""The shop without Python: its five services are started, and `weft serve` is told nothing but their documents."""

from __future__ import annotations

import queue
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from examples.shop.backends import SERVICES, Backends
from tests.graph.serving.backend import Gateway, until
from tests.graph.serving.command import is_ready, serving

KEYS = {
    "CATALOG_KEY": "catalog-dev-key",
    "INVENTORY_LOGIN_USERNAME": "erp",
    "INVENTORY_LOGIN_PASSWORD": "inventory-dev-password",
    "CUSTOMERS_OAUTH_CLIENT_ID": "weft",
    "CUSTOMERS_OAUTH_CLIENT_SECRET": "crm-dev-secret",
    "SHIPPING_KEY": "shipping-dev-key",
}


class Shop:
    """The gateway over the documents, and what the services were asked."""

    def __init__(self, backends: Backends, gateway: Gateway, told: list[str], log: queue.Queue[str]) -> None:
        self.backends = backends
        self.gateway = gateway
        self.told = told
        self._log = log

    def ask(self, query: str) -> Any:
        answer = self.gateway.ask(query)
        assert "errors" not in answer, answer
        return answer["data"]

    def asked(self) -> list[str]:
        """Give the requests since the last time, without what stands in their queries."""
        with httpx.Client(trust_env=False) as client:
            for url in self.backends.urls.values():
                client.get(f"{url}/docs")
        found: list[str] = []
        markers, deadline = 0, time.monotonic() + 20
        while markers < len(SERVICES):
            line = self._log.get(timeout=max(0.0, deadline - time.monotonic()))
            if "GET /docs" in line:
                markers += 1
            elif "/oauth/token" not in line:
                found.append(re.sub(r"\?.*", "", " ".join(line.split()[:3])))
        return sorted(found)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    log: queue.Queue[str] = queue.Queue()
    with Backends(directory=tmp_path_factory.mktemp("shop"), log=log.put) as backends:
        first, *others = (f"{backends.urls[name]}/openapi.json" for name in SERVICES)
        told: list[str] = []
        keys = {**KEYS, "ORDERS_SHOPPER": backends.token("c-0001")}
        with serving(first, *others, "--auto-link", told=told, **keys) as (gateway, process):
            until(lambda: is_ready(gateway), 40)
            found = Shop(backends, gateway, told, log)
            found.asked()
            yield found
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)


def test_each_document_is_told_with_its_address_and_links(shop: Shop) -> None:
    assert [line.split(",")[0] for line in shop.told if not line.startswith("weft:   ")] == [
        "weft: catalog (Catalog 1.4): 6 operations",
        "weft: inventory (Inventory 9.0): 9 operations",
        "weft: customers (Customers 2.1): 3 operations",
        "weft: orders (Orders 3.2): 6 operations",
        "weft: shipping (Shipping 0.7): 5 operations",
    ]
    assert f"weft:   at {shop.backends.urls['catalog']}" in shop.told
    assert "weft:   link Order.customer: Customer, by customer_id" in shop.told
    assert not [line for line in shop.told if ": set " in line]  # every variable is there


def test_orders_their_customer_and_products_are_one_call_of_each_service(shop: Shop) -> None:
    shop.asked()
    data = shop.ask(
        "{ listOrders(limit: 5) { id status customer { fullName tier }"
        " items { quantity product { name category { name } } } } }"
    )
    orders = data["listOrders"]
    assert len(orders) == 5
    assert all(order["customer"]["fullName"] for order in orders)
    assert all(item["product"]["category"]["name"] for order in orders for item in order["items"])
    assert shop.asked() == [
        "catalog GET /categories",
        "catalog GET /products",
        "customers GET /customers",
        "orders GET /orders",
    ]


def test_reviews_of_a_page_of_products_and_who_wrote_them_are_batched(shop: Shop) -> None:
    shop.asked()
    data = shop.ask("{ listProducts(limit: 20) { data { id name reviews { stars customer { id fullName } } } } }")
    products = data["listProducts"]["data"]
    assert len(products) == 20
    assert sum(len(product["reviews"]) for product in products) > 20
    assert shop.asked() == ["catalog GET /products", "catalog GET /reviews", "customers GET /customers"]


def test_what_lies_where_is_answered_with_its_warehouses(shop: Shop) -> None:
    shop.asked()
    data = shop.ask('{ listStock(sku: ["SKU-00001", "SKU-00002"]) { sku levels { available warehouse { city } } } }')
    assert {stock["sku"] for stock in data["listStock"]} == {"SKU-00001", "SKU-00002"}
    cities = {level["warehouse"]["city"] for stock in data["listStock"] for level in stock["levels"]}
    assert cities == {"Rotterdam", "Lyon", "Porto"}
    assert shop.asked() == ["inventory GET /stock", "inventory GET /warehouses"]


def test_somebody_buys(shop: Shop) -> None:
    placed = shop.ask(
        'mutation { placeOrder(input: { items: [{ productId: 7, quantity: 2 }], note: "Ring twice." })'
        " { id status note totalCents items { sku } customer { id } } }"
    )["placeOrder"]
    assert placed["status"] == "PLACED"
    assert placed["note"] == "Ring twice."
    assert placed["items"] == [{"sku": "SKU-00007"}]
    assert placed["customer"] == {"id": "c-0001"}
    again = shop.ask(f"{{ getOrder(number: {placed['id']}) {{ totalCents }} }}")
    assert again == {"getOrder": {"totalCents": placed["totalCents"]}}


def test_instants_are_instants_however_a_service_spells_them(shop: Shop) -> None:
    data = shop.ask('{ getCustomer(customer: "c-0001") { createdAt } getProduct(productId: 1) { data { createdAt } } }')
    for instant in (data["getCustomer"]["createdAt"], data["getProduct"]["data"]["createdAt"]):
        assert re.fullmatch(r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", instant)


def test_what_is_not_there_is_null(shop: Shop) -> None:
    assert shop.ask("{ getProduct(productId: 999999) { data { name } } }") == {"getProduct": None}


def test_the_documents_lose_nothing(shop: Shop) -> None:
    assert not [line for line in shop.told if "loss" in line]
