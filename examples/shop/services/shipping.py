"""A carrier: labels and shipments. API key in the query, snake_case, Unix seconds, refusals with a reason.

Whoever registers an address is told of each move of a parcel: a POST, signed as Stripe signs.
"""

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Security
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyQuery
from pydantic import AnyHttpUrl, BaseModel, Field

from examples.shop.services import journal
from examples.shop.services.database import OPENED_AT, ORDERS, Database, Row, chance, marks, moment
from examples.shop.services.delivery import deliver
from examples.shop.services.documented import Refusal, UnixSeconds
from examples.shop.services.life import beside, living

DEFAULT_KEY = "shipping-dev-key"
DEFAULT_WEBHOOK_SECRET = "whsec-shipping-dev"
MOVED = "shipment.moved"
_ROUTE = (
    ("Rotterdam", "Label created"),
    ("Rotterdam", "Picked up"),
    ("Lyon", "Sorted"),
    ("Porto", "Out for delivery"),
    ("At the door", "Delivered"),
)


class NewLabel(BaseModel):
    """A parcel to announce."""

    order_id: int = Field(ge=1)
    service: Literal["standard", "express"] = "standard"


class TrackingEvent(BaseModel):
    """Something that happened to a parcel."""

    at: UnixSeconds
    place: str
    text: str


class Shipment(BaseModel):
    """A parcel under way."""

    tracking_number: str
    order_id: int
    status: Literal["label_created", "in_transit", "delivered"]
    service: Literal["standard", "express"]
    created_at: UnixSeconds
    delivered_at: UnixSeconds | None
    events: list[TrackingEvent]


class Reason(BaseModel):
    """Why a parcel is not taken."""

    code: str
    reason: str


class Refused(BaseModel):
    """The carrier does not take a parcel."""

    error: Reason


class Registered(BaseModel):
    """Where moves of parcels are posted to from now on."""

    url: str


class Registration(BaseModel):
    """Where moves of parcels are posted to."""

    url: AnyHttpUrl


def create_app(database: Path) -> FastAPI:
    """Make the service over a database file, which is seeded when it does not exist."""
    db = Database(database, _seed)
    moves = journal.Journal(db)
    moving = threading.Lock()
    rnd = chance("shipping life")
    key = os.environ.get("SHIPPING_KEY", DEFAULT_KEY)
    secret = os.environ.get("SHIPPING_WEBHOOK_SECRET", DEFAULT_WEBHOOK_SECRET)
    parameter = APIKeyQuery(name="api_key", scheme_name="key", auto_error=False)

    def authorize(given: Annotated[str | None, Security(parameter)]) -> None:
        if given is None or not secrets.compare_digest(given, key):
            raise HTTPException(401, "missing or wrong api_key")

    def registered() -> str | None:
        found = db.row("select url from webhooks")
        return str(found["url"]) if found else None

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with beside(deliver(moves, MOVED, registered, secret)), living(step):
            yield

    app = FastAPI(title="Shipping", version="0.7", summary="Labels and tracking", lifespan=lifespan)
    app.state.journal = moves
    guarded: Any = {"dependencies": [Depends(authorize)]}
    found_by_key: Any = {**guarded, "responses": {404: {"model": Refusal}}}

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    def whole(shipments: list[Row]) -> list[dict[str, Any]]:
        numbers = [shipment["tracking_number"] for shipment in shipments]
        events: dict[str, list[Row]] = {}
        for event in db.rows(
            f"select * from events where tracking_number in ({marks(numbers)}) order by rowid", numbers
        ):
            events.setdefault(event.pop("tracking_number"), []).append(event)
        return [{**shipment, "events": events.get(shipment["tracking_number"], [])} for shipment in shipments]

    def note(shipment: Row, status: str, event: Row) -> None:
        number = shipment["tracking_number"]
        db.insert("insert into events values (?, ?, ?, ?)", [number, event["at"], event["place"], event["text"]])
        moved = {"tracking_number": number, "order_id": shipment["order_id"], "status": status, "event": event}
        delivery = f"evt_{secrets.token_hex(8)}"  # not counted up: nobody takes it for one of an earlier database
        moves.append(MOVED, {"id": delivery, "type": MOVED, "created": event["at"], "data": moved})

    def move(shipment: Row) -> None:
        number = shipment["tracking_number"]
        [count] = db.rows("select count(*) as events from events where tracking_number = ?", [number])
        place, text = _ROUTE[min(count["events"], len(_ROUTE) - 1)]
        status, now = "in_transit", int(time.time())
        if shipment["status"] == "delivered":  # the buyer sends it back: a journey of its own
            db.insert("delete from events where tracking_number = ?", [number])
            (place, text), status = _ROUTE[0], "label_created"
        elif text == "Delivered":
            status = "delivered"
        arrived = now if status == "delivered" else None
        db.insert(
            "update shipments set status = ?, delivered_at = ? where tracking_number = ?", [status, arrived, number]
        )
        note(shipment, status, {"at": now, "place": place, "text": text})

    def step() -> None:
        """Move the parcel of order 1, and another one."""
        others = db.rows("select tracking_number from shipments where order_id > 1 order by order_id limit 50")
        chosen = [rnd.choice(others)["tracking_number"]] if others else []
        with moving:
            for shipment in db.rows(
                f"select * from shipments where order_id = 1 or tracking_number in ({marks(chosen)})", chosen
            ):
                move(shipment)

    @app.post(
        "/labels",
        operation_id="createLabel",
        tags=["labels"],
        status_code=201,
        response_model=Shipment,
        responses={422: {"model": Refused}},
        **guarded,
    )
    def label(new: NewLabel) -> JSONResponse:
        """Announce a parcel, which the carrier may refuse."""
        if db.row("select 1 from shipments where order_id = ?", [new.order_id]) is not None:
            return _refusal("already_shipped", "the order has a label already")
        if new.order_id % 13 == 0:
            return _refusal("undeliverable", "the carrier does not deliver to this address")
        number = f"WX{new.order_id:08d}"
        db.insert(
            "insert into shipments values (?, ?, 'label_created', ?, ?, null)",
            [number, new.order_id, new.service, int(OPENED_AT.timestamp())],
        )
        found = db.rows("select * from shipments where tracking_number = ?", [number])
        place, text = _ROUTE[0]
        note(found[0], "label_created", {"at": found[0]["created_at"], "place": place, "text": text})
        return JSONResponse(whole(found)[0], 201)

    @app.get(
        "/shipments/{tracking_number}",
        operation_id="getShipment",
        tags=["shipments"],
        response_model=Shipment,
        **found_by_key,
    )
    def shipment(tracking_number: str) -> dict[str, Any]:
        """Give one parcel."""
        found = whole(db.rows("select * from shipments where tracking_number = ?", [tracking_number]))
        if not found:
            raise HTTPException(404, "no such shipment")
        return found[0]

    @app.post(
        "/shipments/{tracking_number}/advance",
        operation_id="advance",
        tags=["shipments"],
        response_model=Shipment,
        **found_by_key,
    )
    def advance(tracking_number: str) -> dict[str, Any]:
        """Let a parcel move on."""
        with moving:
            found = db.row("select * from shipments where tracking_number = ?", [tracking_number])
            if found is None:
                raise HTTPException(404, "no such shipment")
            move(found)
        return shipment(tracking_number)

    @app.put("/webhooks", operation_id="register", tags=["webhooks"], response_model=Registered, **guarded)
    def register(wanted: Registration) -> dict[str, str]:
        """Say where moves of parcels are to be posted to."""
        db.insert("insert or replace into webhooks (id, url) values (1, ?)", [str(wanted.url)])
        return {"url": str(wanted.url)}

    @app.get("/shipments", operation_id="listShipments", tags=["shipments"], response_model=list[Shipment], **guarded)
    def shipments(order_id: Annotated[list[int], Query(max_length=500)]) -> list[dict[str, Any]]:
        """List the parcels of some orders."""
        return whole(db.rows(f"select * from shipments where order_id in ({marks(order_id)})", order_id))

    return app


def _refusal(code: str, reason: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "reason": reason}}, 422)


def _seed(db: sqlite3.Connection) -> None:
    rnd = chance("shipping")
    db.executescript(
        journal.TABLE
        + """
        create table webhooks (id integer primary key, url text);
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
