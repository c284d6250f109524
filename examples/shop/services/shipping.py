"""A carrier: labels and shipments. API key in the query, snake_case, Unix seconds, refusals with a reason."""

import os
import secrets
import sqlite3
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Security
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyQuery
from pydantic import BaseModel, Field

from examples.shop.services.database import OPENED_AT, ORDERS, Database, Row, chance, marks, moment

DEFAULT_KEY = "shipping-dev-key"


class NewLabel(BaseModel):
    """A parcel to announce."""

    order_id: int = Field(ge=1)
    service: Literal["standard", "express"] = "standard"


def create_app(database: Path) -> FastAPI:
    """Make the service over a database file, which is seeded when it does not exist."""
    db = Database(database, _seed)
    key = os.environ.get("SHIPPING_KEY", DEFAULT_KEY)
    parameter = APIKeyQuery(name="api_key", auto_error=False)

    def authorize(given: Annotated[str | None, Security(parameter)]) -> None:
        if given is None or not secrets.compare_digest(given, key):
            raise HTTPException(401, "missing or wrong api_key")

    app = FastAPI(title="Shipping", version="0.7", summary="Labels and tracking")
    guarded: Any = [Depends(authorize)]

    @app.get("/health", tags=["operating"])
    def health() -> dict[str, str]:
        return {"status": "ok"}

    def whole(shipments: list[Row]) -> list[dict[str, Any]]:
        numbers = [shipment["tracking_number"] for shipment in shipments]
        events: dict[str, list[Row]] = {}
        for event in db.rows(f"select * from events where tracking_number in ({marks(numbers)}) order by at", numbers):
            events.setdefault(event.pop("tracking_number"), []).append(event)
        return [{**shipment, "events": events.get(shipment["tracking_number"], [])} for shipment in shipments]

    @app.post("/labels", operation_id="createLabel", tags=["labels"], status_code=201, dependencies=guarded)
    def label(new: NewLabel) -> JSONResponse:
        if db.row("select 1 from shipments where order_id = ?", [new.order_id]) is not None:
            return _refusal("already_shipped", "the order has a label already")
        if new.order_id % 13 == 0:
            return _refusal("undeliverable", "the carrier does not deliver to this address")
        number = f"WX{new.order_id:08d}"
        db.insert(
            "insert into shipments values (?, ?, 'label_created', ?, ?, null)",
            [number, new.order_id, new.service, int(OPENED_AT.timestamp())],
        )
        found = whole(db.rows("select * from shipments where tracking_number = ?", [number]))
        return JSONResponse(found[0], 201)

    @app.get("/shipments/{tracking_number}", operation_id="getShipment", tags=["shipments"], dependencies=guarded)
    def shipment(tracking_number: str) -> dict[str, Any]:
        found = whole(db.rows("select * from shipments where tracking_number = ?", [tracking_number]))
        if not found:
            raise HTTPException(404, "no such shipment")
        return found[0]

    @app.get("/shipments", operation_id="listShipments", tags=["shipments"], dependencies=guarded)
    def shipments(order_id: Annotated[list[int], Query(max_length=500)]) -> list[dict[str, Any]]:
        return whole(db.rows(f"select * from shipments where order_id in ({marks(order_id)})", order_id))

    return app


def _refusal(code: str, reason: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "reason": reason}}, 422)


def _seed(db: sqlite3.Connection) -> None:
    rnd = chance("shipping")
    db.executescript(
        """
        create table shipments (tracking_number text primary key, order_id integer, status text, service text,
            created_at integer, delivered_at integer);
        create table events (tracking_number text, at integer, place text, text text);
        create index shipments_of_order on shipments (order_id);
        create index events_of_shipment on events (tracking_number);
        """
    )
    shipments, events = [], []
    for order in range(1, ORDERS + 1):
        if rnd.random() < 0.5:
            continue
        number, created = f"WX{order:08d}", int(moment(rnd).timestamp())
        delivered = created + rnd.randrange(86400, 5 * 86400) if rnd.random() < 0.7 else None
        status = "in_transit" if delivered is None else "delivered"
        shipments.append((number, order, status, rnd.choice(("standard", "express")), created, delivered))
        events.append((number, created, "Rotterdam", "Label created"))
        events.append((number, created + 7200, "Rotterdam", "Picked up"))
        if delivered is not None:
            events.append((number, delivered, "At the door", "Delivered"))
    db.executemany("insert into shipments values (?, ?, ?, ?, ?, ?)", shipments)
    db.executemany("insert into events values (?, ?, ?, ?)", events)
