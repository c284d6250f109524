"""Two backends that describe themselves: customers, and their orders; each notes the calls it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import fastapi
import pydantic
import pytest

from graph import Graph, GraphError
from sources.openapi import OpenAPI
from tests.serving import running


class Customer(pydantic.BaseModel):
    """Somebody who buys."""

    id: str
    firstName: str
    age: int
    email: Annotated[str, pydantic.Field(json_schema_extra={"nullable": True})] = ""


class Order(pydantic.BaseModel):
    id: int
    customerId: str
    total_cents: int


class NewOrder(pydantic.BaseModel):
    customerId: str
    total_cents: int
    note: str = ""


class Customers(pydantic.BaseModel):
    data: list[Customer]


CUSTOMERS = {
    "c1": {"id": "c1", "firstName": "Ada", "age": 36, "email": "ada@example.org"},
    "c2": {"id": "c2", "firstName": "Grace", "age": 45, "email": None},
}
ORDERS = [
    {"id": 1, "customerId": "c1", "total_cents": 500},
    {"id": 2, "customerId": "c2", "total_cents": 700},
    {"id": 3, "customerId": "c1", "total_cents": 900},
]
Many = Annotated[list[str], fastapi.Query(default_factory=list)]


def customers_app() -> fastapi.FastAPI:
    """Give the backend of customers."""
    app = fastapi.FastAPI(title="Customers")

    @app.get("/customers/{customerId}", operation_id="getCustomer", responses={200: {"model": Customer}})
    def one(customerId: str) -> Any:
        if customerId not in CUSTOMERS:
            raise fastapi.HTTPException(404)
        return CUSTOMERS[customerId]

    @app.get("/customers", operation_id="listCustomers", responses={200: {"model": Customers}})
    def many(ids: Many, name: str = "") -> Any:
        return {"data": [found for key, found in CUSTOMERS.items() if not ids or key in ids]}

    return app


def orders_app() -> fastapi.FastAPI:
    """Give the backend of orders."""
    app = fastapi.FastAPI(title="Orders")

    @app.get("/orders/{id}", operation_id="getOrder", response_model=Order)
    def one(id: int) -> Any:
        return next((order for order in ORDERS if order["id"] == id), None) or fastapi.Response(status_code=404)

    @app.get("/orders", operation_id="listOrders", response_model=list[Order])
    def many(customerId: Many) -> Any:
        return [order for order in ORDERS if not customerId or order["customerId"] in customerId]

    @app.post("/orders", operation_id="createOrder", response_model=Order, status_code=201)
    def create(order: NewOrder) -> Any:
        return {"id": 9, **order.model_dump(exclude={"note"})}

    return app


def written(app: fastapi.FastAPI, path: Path) -> str:
    """Write the document of a backend; give its path."""
    path.write_text(json.dumps(app.openapi()))
    return str(path)


def answer(graph: Graph, query: str) -> Any:
    """Execute one operation, and close the graph."""

    async def ask() -> Any:
        try:
            return await graph.execute(query)
        finally:
            await graph.aclose()

    return asyncio.run(ask())


def faults(**options: Any) -> list[str]:
    """Give what is wrong with a graph that cannot be."""
    with pytest.raises(GraphError) as caught:
        Graph(**options)
    return caught.value.faults


@dataclass
class Market:
    """Both backends, started.

    Attributes:
        calls: what they are asked, in order.
    """

    customers_url: str
    orders_url: str
    folder: Path
    calls: list[str]

    def customers(self, **options: Any) -> OpenAPI:
        """Give the source of customers."""
        return OpenAPI("customers", self.folder / "customers.json", url=self.customers_url, **options)

    def orders(self, **options: Any) -> OpenAPI:
        """Give the source of orders."""
        return OpenAPI("orders", self.folder / "orders.json", url=self.orders_url, **options)


@contextmanager
def market(folder: Path) -> Iterator[Market]:
    """Start both backends."""
    calls: list[str] = []

    def noting(app: fastapi.FastAPI) -> Any:
        async def called(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                query = scope["query_string"].decode()
                calls.append(f"{scope['method']} {scope['path']}" + (f"?{query}" if query else ""))
            await app(scope, receive, send)

        return called

    customers, orders = customers_app(), orders_app()
    written(customers, folder / "customers.json")
    written(orders, folder / "orders.json")
    with running(noting(customers)) as customers_url, running(noting(orders)) as orders_url:
        yield Market(customers_url, orders_url, folder, calls)
