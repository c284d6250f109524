"""Orders. Needs the shopper's own token (JWT), shows a shopper nothing but her own, camelCase.

Batches repeat a parameter: ``?id=1&id=2``, or by foreign key ``?customerId=c-0001``. ``GET /orders/stream`` tells a
shopper how her orders proceed, as server-sent events; ``Last-Event-ID`` goes on where she was.
"""

import os
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Any, Literal

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from examples.shop.services import journal
from examples.shop.services.database import (
    CUSTOMERS,
    OPENED_AT,
    ORDERS,
    PRODUCTS,
    Database,
    Row,
    chance,
    customer_id,
    marks,
    moment,
    price_of,
    sku_of,
)
from examples.shop.services.documented import Instant, Refusal
from examples.shop.services.life import living

DEFAULT_SECRET = "orders-dev-secret-orders-dev-secret"
Status = Literal["placed", "paid", "shipped", "cancelled"]
_NEXT = {"placed": "paid", "paid": "shipped"}
_NEWEST = 1000  # of the orders placed since the shop was seeded, so many stay


def shopper_token(customer: str, secret: str | None = None, *, lasts_s: float | None = None) -> str:
    """Give the token of a shopper, as a login service would.

    Args:
        lasts_s: after how many seconds it expires; None for never.
    """
    expiry = {} if lasts_s is None else {"exp": int(time.time() + lasts_s)}
    return jwt.encode({"sub": customer} | expiry, secret or os.environ.get("ORDERS_SECRET", DEFAULT_SECRET), "HS256")


class NewItem(BaseModel):
    """A line of an order to place."""

    productId: int = Field(ge=1)
    quantity: int = Field(ge=1, le=100)


class NewOrder(BaseModel):
    """An order to place."""

    items: list[NewItem] = Field(min_length=1, max_length=50)
    note: str | None = Field(None, max_length=500)


class Item(BaseModel):
    """A line of an order."""

    productId: int
    sku: str
    quantity: int
    unitCents: int


class Order(BaseModel):
    """What a shopper bought at once."""

    id: int
    customerId: str
    status: Status
    placedAt: Instant
    note: str | None
    totalCents: int
    items: list[Item]


def create_app(database: Path) -> FastAPI:
    """Make the service over a database file, which is seeded when it does not exist."""
    db = Database(database, _seed)
    changes = journal.Journal(db)
    changing = threading.Lock()  # so that the journal has changes in the order in which they were made
    rnd = chance("orders life")
    secret = os.environ.get("ORDERS_SECRET", DEFAULT_SECRET)

    scheme = HTTPBearer(scheme_name="shopper", auto_error=False)

    def shopper(given: Annotated[HTTPAuthorizationCredentials | None, Depends(scheme)]) -> str:
        try:
            claims = jwt.decode(given.credentials if given else "", secret, algorithms=["HS256"])
            return str(claims["sub"])
        except (jwt.InvalidTokenError, KeyError):
            raise HTTPException(401, "a shopper's token is needed", {"WWW-Authenticate": "Bearer"}) from None

    Shopper = Annotated[str, Depends(shopper)]

    def became(number: int, customer: str, status: str) -> None:
        changes.append(customer, {"id": number, "customerId": customer, "status": status})

    def bought(new: NewOrder, customer: str) -> int:
        with changing:
            number = db.insert(
                "insert into orders (customer_id, status, placed_at, note) values (?, 'placed', ?, ?)",
                [customer, OPENED_AT.isoformat(), new.note],
            )
            for line, item in enumerate(new.items):
                price = price_of(item.productId)
                values = [number, line, item.productId, item.quantity, price]
                db.insert("insert into items values (?, ?, ?, ?, ?)", values)
            became(number, customer, "placed")
        return number

    def changed(order: Row, status: str) -> bool:
        """Change an order's status, unless somebody else has done so since it was read."""
        with changing:
            changed = db.rows(
                "update orders set status = ? where id = ? and status = ? returning 1",
                [status, order["id"], order["status"]],
            )
            if changed:
                became(order["id"], order["customer_id"], status)
        return bool(changed)

    def step() -> None:
        """Go on with the oldest new order; where all of them are done, the first shopper places another one."""
        found = db.row("select * from orders where id > ? and status in ('placed', 'paid') order by id", [ORDERS])
        if found is not None:
            changed(found, _NEXT[found["status"]])
            return
        item = NewItem(productId=rnd.randint(1, PRODUCTS), quantity=rnd.randint(1, 3))
        newest = bought(NewOrder(items=[item], note=None), customer_id(1))
        for table, column in (("items", "order_id"), ("orders", "id")):
            db.insert(f"delete from {table} where {column} between ? and ?", [ORDERS + 1, newest - _NEWEST])

    app = FastAPI(title="Orders", version="3.2", summary="A shopper's orders", lifespan=lambda _: living(step))
    app.state.journal = changes

    found_by_key: Any = {"response_model": Order, "responses": {404: {"model": Refusal}}}

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    def whole(orders: list[Row]) -> list[dict[str, Any]]:
        numbers = [order["id"] for order in orders]
        items: dict[int, list[Row]] = {}
        for item in db.rows(f"select * from items where order_id in ({marks(numbers)}) order by line", numbers):
            items.setdefault(item["order_id"], []).append(item)
        return [_order(order, items.get(order["id"], [])) for order in orders]

    def own(number: int, customer: str) -> Row:
        found = db.row("select * from orders where id = ? and customer_id = ?", [number, customer])
        if found is None:
            raise HTTPException(404, "no such order")
        return found

    def position(last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None) -> int:
        return changes.last() if last_event_id is None else last_event_id

    @app.get(
        "/orders/stream", operation_id="streamOrders", tags=["orders"], response_class=EventSourceResponse
    )  # it says something every 15 seconds: FastAPI adds comments
    async def stream(customer: Shopper, after: Annotated[int, Depends(position)]) -> AsyncGenerator[ServerSentEvent]:
        """Tell how a shopper's orders proceed, as it happens."""
        async for entry in changes.follow(customer, after):
            yield ServerSentEvent(raw_data=entry["body"], event="status", id=str(entry["id"]))

    @app.get("/orders/{number}", operation_id="getOrder", tags=["orders"], **found_by_key)
    def one(number: int, customer: Shopper) -> dict[str, Any]:
        """Give one of the shopper's orders."""
        return whole([own(number, customer)])[0]

    @app.get("/orders", operation_id="listOrders", tags=["orders"], response_model=list[Order])
    def listed(
        customer: Shopper,
        id: Annotated[list[int] | None, Query()] = None,
        customerId: Annotated[list[str] | None, Query()] = None,
        status: Status | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> list[dict[str, Any]]:
        """List the shopper's orders, newest first."""
        conditions, values = ["customer_id = ?"], [customer]
        for column, wanted in (("id", id), ("customer_id", customerId), ("status", status and [status])):
            if wanted is not None:
                conditions.append(f"{column} in ({marks(wanted)})")
                values.extend(wanted)  # type: ignore[arg-type]  # ids are numbers, the others text
        where = " and ".join(conditions)
        return whole(db.rows(f"select * from orders where {where} order by id desc limit ?", [*values, limit]))

    @app.post("/orders", operation_id="placeOrder", tags=["orders"], status_code=201, response_model=Order)
    def place(new: NewOrder, customer: Shopper) -> dict[str, Any]:
        """Buy."""
        if any(item.productId > PRODUCTS for item in new.items):
            raise HTTPException(422, "unknown product")
        return whole([own(bought(new, customer), customer)])[0]

    @app.post("/orders/{number}/cancel", operation_id="cancelOrder", tags=["orders"], **found_by_key)
    def cancel(number: int, customer: Shopper) -> dict[str, Any]:
        """Change one's mind, before the parcel leaves."""
        order = own(number, customer)
        if order["status"] not in ("placed", "paid") or not changed(order, "cancelled"):
            raise HTTPException(409, f"an order that is {order['status']} cannot be cancelled")
        return whole([own(number, customer)])[0]

    @app.post("/orders/{number}/advance", operation_id="advanceOrder", tags=["orders"], **found_by_key)
    def advance(number: int, customer: Shopper) -> dict[str, Any]:
        """Let an order proceed: it is paid, then shipped."""
        order = own(number, customer)
        if order["status"] not in _NEXT or not changed(order, _NEXT[order["status"]]):
            raise HTTPException(409, f"an order that is {order['status']} goes no further")
        return whole([own(number, customer)])[0]

    return app


def _order(order: Row, items: list[Row]) -> dict[str, Any]:
    return {
        "id": order["id"],
        "customerId": order["customer_id"],
        "status": order["status"],
        "placedAt": order["placed_at"],
        "note": order["note"],
        "totalCents": sum(item["quantity"] * item["unit_cents"] for item in items),
        "items": [
            {
                "productId": item["product_id"],
                "sku": sku_of(item["product_id"]),
                "quantity": item["quantity"],
                "unitCents": item["unit_cents"],
            }
            for item in items
        ],
    }


def _seed(db: sqlite3.Connection) -> None:
    rnd = chance("orders")
    db.executescript(
        journal.TABLE
        + """
        create table orders (id integer primary key, customer_id text, status text, placed_at text, note text);
        create table items (order_id integer, line integer, product_id integer, quantity integer, unit_cents integer,
            primary key (order_id, line));
        create index orders_of_customer on orders (customer_id);
        """
    )
    orders, items = [], []
    for number in range(1, ORDERS + 1):
        status = rnd.choices(("placed", "paid", "shipped", "cancelled"), (2, 3, 8, 1))[0]
        note = "Please ring twice." if rnd.random() < 0.1 else None
        buyer = customer_id(1 if number <= 12 else rnd.randint(1, CUSTOMERS))
        orders.append((number, buyer, status, moment(rnd).isoformat(), note))
        for line in range(rnd.randint(1, 4)):
            product = rnd.randint(1, PRODUCTS)
            items.append((number, line, product, rnd.randint(1, 3), price_of(product)))
    db.executemany("insert into orders values (?, ?, ?, ?, ?)", orders)
    db.executemany("insert into items values (?, ?, ?, ?, ?)", items)
