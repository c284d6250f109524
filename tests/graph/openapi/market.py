"""Two backends that describe themselves: customers, and their orders; each notes the calls it gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import fastapi
from pydantic import BaseModel

from tests.serving import running


class Customer(BaseModel):
    """Somebody who buys."""

    id: str
    firstName: str
    age: int
    email: str | None = None


class Order(BaseModel):
    id: int
    customerId: str
    total_cents: int


class NewOrder(BaseModel):
    customerId: str
    total_cents: int
    note: str | None = None


class Customers(BaseModel):
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

    @app.get("/customers/{customerId}", operation_id="getCustomer", response_model=Customer)
    def one(customerId: str) -> Any:
        if customerId not in CUSTOMERS:
            raise fastapi.HTTPException(404)
        return CUSTOMERS[customerId]

    @app.get("/customers", operation_id="listCustomers", response_model=Customers)
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


@contextmanager
def served(app: fastapi.FastAPI, folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Serve a backend; give its address, the path of its document, and the calls that it gets."""
    document = folder / f"{app.title.lower()}.json"
    document.write_text(json.dumps(app.openapi()))
    calls: list[str] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            query = scope["query_string"].decode()
            calls.append(f"{scope['method']} {scope['path']}" + (f"?{query}" if query else ""))
        await app(scope, receive, send)

    with running(noting) as url:
        yield url, str(document), calls
