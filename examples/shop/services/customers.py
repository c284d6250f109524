"""The CRM: customers. OAuth2 client credentials with tokens that expire, snake_case, Unix seconds.

Batches are a ``POST /customers/search`` with the ids in a JSON body, or ``GET /customers?id=c-0001&id=c-0002``.
"""

import base64
import binascii
import os
import secrets
import sqlite3
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Form, Header, HTTPException, Query
from fastapi.security import OAuth2
from pydantic import BaseModel, Field

from examples.shop.services.database import CUSTOMERS, Database, Row, chance, customer_id, marks, moment
from examples.shop.services.documented import Refusal, UnixSeconds

CLIENT_ID = "weft"
DEFAULT_SECRET = "crm-dev-secret"

_FIRST = "Ada Bram Chloe Dario Elif Femke Gus Hana Ivo Jade Kofi Lena Milan Nora Otto Pia".split()
_LAST = "Achterberg Bianchi Costa Dubois Eriksen Ferreira Groen Hoffmann Ito Jansen Kaya Lopes".split()
_CITIES = (("Rotterdam", "NL"), ("Lyon", "FR"), ("Porto", "PT"), ("Gent", "BE"), ("Bremen", "DE"))


class Address(BaseModel):
    """Where somebody lives."""

    street: str
    city: str
    postal_code: str
    country: str


class Customer(BaseModel):
    """Somebody who buys."""

    id: str
    full_name: str
    email: str
    phone: str | None
    tier: Literal["bronze", "silver", "gold"]
    created_at: UnixSeconds
    last_seen_at: UnixSeconds | None
    address: Address


class Customers(BaseModel):
    """Customers that were found."""

    results: list[Customer]


class Search(BaseModel):
    """The customers that are wanted."""

    ids: list[str] = Field(max_length=500)


def create_app(database: Path, token_lifetime_s: int = 60) -> FastAPI:
    """Make the service over a database file, which is seeded when it does not exist."""
    db = Database(database, _seed)
    secret = os.environ.get("CRM_SECRET", DEFAULT_SECRET)
    expiries: dict[str, float] = {}

    scheme = OAuth2(scheme_name="oauth", flows={"clientCredentials": {"tokenUrl": "oauth/token"}}, auto_error=False)

    def authorize(authorization: Annotated[str | None, Depends(scheme)]) -> None:
        token = (authorization or "").removeprefix("Bearer ")
        if expiries.get(token, 0.0) < time.monotonic():
            raise HTTPException(401, "missing or expired token", {"WWW-Authenticate": "Bearer"})

    app = FastAPI(title="Customers", version="2.1", summary="The customer register")
    guarded: Any = {"dependencies": [Depends(authorize)]}

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/oauth/token", include_in_schema=False)  # it is told by the security scheme
    def token(
        grant_type: Annotated[str, Form()], authorization: Annotated[str | None, Header()] = None
    ) -> dict[str, Any]:
        if grant_type != "client_credentials":
            raise HTTPException(400, "unsupported_grant_type")
        if not _is_client(authorization, secret):
            raise HTTPException(401, "invalid_client", {"WWW-Authenticate": "Basic"})
        now = time.monotonic()
        for old in [known for known, expires_at in expiries.items() if expires_at < now]:
            del expiries[old]
        fresh = secrets.token_urlsafe(24)
        expiries[fresh] = now + token_lifetime_s
        return {"access_token": fresh, "token_type": "Bearer", "expires_in": token_lifetime_s}

    @app.get(
        "/customers/{customer}",
        operation_id="getCustomer",
        tags=["customers"],
        response_model=Customer,
        responses={404: {"model": Refusal}},
        **guarded,
    )
    def one(customer: str) -> dict[str, Any]:
        """Give one customer."""
        found = db.row("select * from customers where id = ?", [customer])
        if found is None:
            raise HTTPException(404, "no such customer")
        return _customer(found)

    @app.post(
        "/customers/search", operation_id="searchCustomers", tags=["customers"], response_model=Customers, **guarded
    )
    def search(wanted: Search) -> dict[str, Any]:
        """Find the customers with some ids."""
        found = db.rows(f"select * from customers where id in ({marks(wanted.ids)}) order by email", wanted.ids)
        return {"results": [_customer(row) for row in found]}

    @app.get("/customers", operation_id="listCustomers", tags=["customers"], response_model=Customers, **guarded)
    def listed(
        id: Annotated[list[str] | None, Query(max_length=500)] = None, email: str | None = None
    ) -> dict[str, Any]:
        """List the customers with some ids, the one with an address, or the first ones."""
        conditions, values = ["1"], list[str]()
        for column, wanted in (("id", id), ("email", email and [email])):
            if wanted is not None:
                conditions.append(f"{column} in ({marks(wanted)})")
                values.extend(wanted)
        limit = 50 if id is None else len(id)
        where = " and ".join(conditions)
        found = db.rows(f"select * from customers where {where} order by id limit ?", [*values, limit])
        return {"results": [_customer(row) for row in found]}

    return app


def _is_client(authorization: str | None, secret: str) -> bool:
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and secrets.compare_digest(given, f"{CLIENT_ID}:{secret}".encode())


def _customer(row: Row) -> dict[str, Any]:
    address = {name: row[name] for name in ("street", "city", "postal_code", "country")}
    plain = ("id", "full_name", "email", "phone", "tier", "created_at", "last_seen_at")
    return {**{name: row[name] for name in plain}, "address": address}


def _seed(db: sqlite3.Connection) -> None:
    rnd = chance("customers")
    db.execute(
        "create table customers (id text primary key, full_name text, email text, phone text, tier text, street text,"
        " city text, postal_code text, country text, created_at integer, last_seen_at integer)"
    )
    customers = []
    for number in range(1, CUSTOMERS + 1):
        first, last = rnd.choice(_FIRST), rnd.choice(_LAST)
        city, country = rnd.choice(_CITIES)
        since = int(moment(rnd, 30).timestamp())
        customers.append(
            (
                customer_id(number),
                f"{first} {last}",
                f"{first}.{last}.{number}@example.com".lower(),
                None if rnd.random() < 0.3 else f"+31 10 {rnd.randint(1000000, 9999999)}",
                rnd.choices(("bronze", "silver", "gold"), (6, 3, 1))[0],
                f"Kade {rnd.randint(1, 300)}",
                city,
                f"{rnd.randint(1000, 9999)}",
                country,
                since,
                None if rnd.random() < 0.2 else since + rnd.randrange(100 * 86400),
            )
        )
    db.executemany(f"insert into customers values ({marks(customers[0])})", customers)
