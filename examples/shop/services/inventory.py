"""The ERP: stock by SKU in three warehouses, and reservations. HTTP basic, camelCase, bare lists.

Batches repeat a parameter, ``?sku=A&sku=B``; levels, which have a composite key, are searched with a JSON body. The
stock of one SKU has an ETag: who asks for it again and again is told when nothing has changed.
"""

import datetime as dt
import hashlib
import json
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field

from examples.shop.services.database import PRODUCTS, WAREHOUSES, Database, Row, chance, marks, moment, sku_of
from examples.shop.services.documented import Instant, Refusal
from examples.shop.services.life import living

USERNAME = "erp"
DEFAULT_PASSWORD = "inventory-dev-password"


class LevelKey(BaseModel):
    """Which product in which warehouse."""

    sku: str
    warehouseId: str


class LevelSearch(BaseModel):
    """The levels that are wanted."""

    keys: list[LevelKey] = Field(max_length=500)


class WarehouseLevel(BaseModel):
    """How much of a product lies in one warehouse."""

    warehouseId: str
    onHand: int
    reserved: int
    available: int
    updatedAt: Instant


class Level(WarehouseLevel):
    """How much of one product lies in one warehouse."""

    sku: str


class Stock(BaseModel):
    """How much of a product there is, all warehouses together."""

    sku: str
    onHand: int
    reserved: int
    available: int
    levels: list[WarehouseLevel]


class Warehouse(BaseModel):
    """A place where goods lie."""

    id: str
    city: str


class Reservation(BaseModel):
    """Goods that are kept back."""

    id: int
    sku: str
    warehouseId: str
    quantity: int


class NewReservation(BaseModel):
    """Goods to keep back for an order."""

    sku: str
    quantity: int = Field(ge=1)


class Adjustment(BaseModel):
    """Goods that arrive, or are gone."""

    by: int = Field(ge=-10_000, le=10_000)
    warehouseId: str = "W1"


def create_app(database: Path) -> FastAPI:
    """Make the service over a database file, which is seeded when it does not exist."""
    db = Database(database, _seed)
    rnd = chance("inventory life")
    password = os.environ.get("INVENTORY_PASSWORD", DEFAULT_PASSWORD)

    def authorize(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic(scheme_name="login"))]) -> None:
        right = secrets.compare_digest(given.password.encode(), password.encode()) and given.username == USERNAME
        if not right:
            raise HTTPException(401, "wrong user or password", {"WWW-Authenticate": "Basic"})

    def adjusted(sku: str, by: int, warehouse: str) -> bool:
        """Change what a warehouse holds, unless less would be left than is reserved there."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        changed = db.rows(
            "update levels set on_hand = on_hand + ?, updated_at = ?"
            " where sku = ? and warehouse_id = ? and on_hand + ? between reserved and 1000000 returning 1",
            [by, now, sku, warehouse, by],
        )
        return bool(changed)

    def step() -> None:
        """Change the stock of the first product, and of another one: goods arrive until there are plenty."""
        for sku in (sku_of(1), sku_of(rnd.randint(2, 20))):
            [level] = db.rows("select on_hand from levels where sku = ? and warehouse_id = 'W1'", [sku])
            by = rnd.randint(1, 9) if level["on_hand"] < 100 else -rnd.randint(20, 60)
            if not adjusted(sku, by, "W1"):
                adjusted(sku, 5, "W1")  # so much is reserved that none may go

    app = FastAPI(
        title="Inventory",
        version="9.0",
        summary="Stock levels and reservations",
        lifespan=lambda _: living(step),
    )
    guarded: Any = {"dependencies": [Depends(authorize)]}
    found_by_key: Any = {**guarded, "responses": {404: {"model": Refusal}}}

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    def summaries(skus: list[str]) -> list[dict[str, Any]]:
        found = db.rows(f"select * from levels where sku in ({marks(skus)}) order by sku desc, warehouse_id", skus)
        by_sku: dict[str, list[Row]] = {}
        for row in found:
            by_sku.setdefault(row["sku"], []).append(row)
        return [_summary(sku, rows) for sku, rows in by_sku.items()]

    @app.get("/stock/{sku}", operation_id="getStock", tags=["stock"], response_model=Stock, **found_by_key)
    def stock(sku: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        """Give the stock of one product."""
        found = summaries([sku])
        if not found:
            raise HTTPException(404, "no such SKU")
        body = json.dumps(found[0]).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        known = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
        if tag in known or "*" in known:
            return Response(status_code=304, headers={"etag": tag})
        return Response(body, media_type="application/json", headers={"etag": tag})

    @app.post("/stock/{sku}/adjust", operation_id="adjustStock", tags=["stock"], response_model=Stock, **found_by_key)
    def adjust(sku: str, adjustment: Adjustment) -> dict[str, Any]:
        """Tell that goods arrived, or are gone."""
        if not db.rows("select 1 from levels where sku = ? and warehouse_id = ?", [sku, adjustment.warehouseId]):
            raise HTTPException(404, "no such SKU in this warehouse")
        if not adjusted(sku, adjustment.by, adjustment.warehouseId):
            raise HTTPException(409, "less would be left than is reserved")
        return summaries([sku])[0]

    @app.get("/stock", operation_id="listStock", tags=["stock"], response_model=list[Stock], **guarded)
    def stocks(sku: Annotated[list[str], Query(max_length=500)]) -> list[dict[str, Any]]:
        """List the stock of some products."""
        return summaries(sku)

    @app.get(
        "/levels/{sku}/{warehouse_id}", operation_id="getLevel", tags=["stock"], response_model=Level, **found_by_key
    )
    def level(sku: str, warehouse_id: str) -> dict[str, Any]:
        """Give how much of a product lies in a warehouse."""
        found = db.row("select * from levels where sku = ? and warehouse_id = ?", [sku, warehouse_id])
        if found is None:
            raise HTTPException(404, "no such level")
        return {"sku": sku, **_level(found)}

    @app.post("/levels/search", operation_id="searchLevels", tags=["stock"], response_model=list[Level], **guarded)
    def levels(search: LevelSearch) -> list[dict[str, Any]]:
        """Find several levels at once."""
        wanted = {(key.sku, key.warehouseId) for key in search.keys}
        skus = sorted({sku for sku, _ in wanted})
        found = db.rows(f"select * from levels where sku in ({marks(skus)})", skus)
        return [{"sku": row["sku"], **_level(row)} for row in found if (row["sku"], row["warehouse_id"]) in wanted]

    @app.get(
        "/warehouses/{warehouse_id}",
        operation_id="getWarehouse",
        tags=["warehouses"],
        response_model=Warehouse,
        **found_by_key,
    )
    def warehouse(warehouse_id: str) -> Row:
        """Give one warehouse."""
        found = db.row("select * from warehouses where id = ?", [warehouse_id])
        if found is None:
            raise HTTPException(404, "no such warehouse")
        return found

    @app.get(
        "/warehouses", operation_id="listWarehouses", tags=["warehouses"], response_model=list[Warehouse], **guarded
    )
    def warehouses(id: Annotated[list[str] | None, Query()] = None) -> list[Row]:
        """List all warehouses, or those with some ids."""
        if id is None:
            return db.rows("select * from warehouses order by id")
        return db.rows(f"select * from warehouses where id in ({marks(id)}) order by id desc", id)

    @app.post(
        "/reservations",
        operation_id="reserve",
        tags=["reservations"],
        status_code=201,
        response_model=Reservation,
        **guarded,
    )
    def reserve(new: NewReservation) -> dict[str, Any]:
        """Keep goods back."""
        free = "on_hand - reserved"
        place = db.row(f"select * from levels where sku = ? order by {free} desc", [new.sku])
        if place is None or place["on_hand"] - place["reserved"] < new.quantity:
            raise HTTPException(409, "not enough in any warehouse")
        db.insert(
            "update levels set reserved = reserved + ? where sku = ? and warehouse_id = ?",
            [new.quantity, new.sku, place["warehouse_id"]],
        )
        number = db.insert(
            "insert into reservations (sku, warehouse_id, quantity) values (?, ?, ?)",
            [new.sku, place["warehouse_id"], new.quantity],
        )
        return {"id": number, "sku": new.sku, "warehouseId": place["warehouse_id"], "quantity": new.quantity}

    @app.delete(
        "/reservations/{number}", operation_id="release", tags=["reservations"], status_code=204, **found_by_key
    )
    def release(number: int) -> Response:
        """Give goods free again."""
        found = db.row("select * from reservations where id = ?", [number])
        if found is None:
            raise HTTPException(404, "no such reservation")
        db.insert("delete from reservations where id = ?", [number])
        db.insert(
            "update levels set reserved = reserved - ? where sku = ? and warehouse_id = ?",
            [found["quantity"], found["sku"], found["warehouse_id"]],
        )
        return Response(status_code=204)

    return app


def _level(row: Row) -> dict[str, Any]:
    return {
        "warehouseId": row["warehouse_id"],
        "onHand": row["on_hand"],
        "reserved": row["reserved"],
        "available": row["on_hand"] - row["reserved"],
        "updatedAt": row["updated_at"],
    }


def _summary(sku: str, rows: list[Row]) -> dict[str, Any]:
    levels = [_level(row) for row in rows]
    totals = {name: sum(level[name] for level in levels) for name in ("onHand", "reserved", "available")}
    return {"sku": sku, **totals, "levels": levels}


def _seed(db: sqlite3.Connection) -> None:
    rnd = chance("inventory")
    db.executescript(
        """
        create table warehouses (id text primary key, city text);
        create table levels (sku text, warehouse_id text, on_hand integer, reserved integer, updated_at text,
            primary key (sku, warehouse_id));
        create table reservations (id integer primary key, sku text, warehouse_id text, quantity integer);
        """
    )
    db.executemany("insert into warehouses values (?, ?)", WAREHOUSES)
    levels = []
    for number in range(1, PRODUCTS + 1):
        for warehouse, _ in WAREHOUSES:
            on_hand = 0 if rnd.random() < 0.15 else rnd.randint(1, 90)
            levels.append((sku_of(number), warehouse, on_hand, rnd.randint(0, on_hand // 3), moment(rnd).isoformat()))
    db.executemany("insert into levels values (?, ?, ?, ?, ?)", levels)
