"""What the five services share: a seeded SQLite file and the vocabulary of the shop."""

from __future__ import annotations

import datetime as dt
import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

PRODUCTS, CUSTOMERS, ORDERS, REVIEWS = 1000, 200, 2000, 5000
WAREHOUSES = (("W1", "Rotterdam"), ("W2", "Lyon"), ("W3", "Porto"))
OPENED_AT = dt.datetime(2026, 1, 5, 8, 0, tzinfo=dt.UTC)

Row = dict[str, Any]


class Database:
    """A SQLite file, made and seeded when it does not exist yet.

    Every query opens its own connection, so any thread of the service may ask.

    Args:
        seed: creates the tables and fills them.
    """

    def __init__(self, path: Path, seed: Callable[[sqlite3.Connection], None]) -> None:
        self._path = path
        if not path.exists():
            unfinished = path.with_suffix(".part")
            unfinished.unlink(missing_ok=True)
            connection = sqlite3.connect(unfinished)
            connection.execute("pragma synchronous = off")
            with connection:
                seed(connection)
            connection.close()
            unfinished.rename(path)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Give the rows of a query as dictionaries."""
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            connection.row_factory = sqlite3.Row
            with connection:
                return [dict(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()

    def row(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        """Give the first row of a query."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """Run one insert and give the new row's id."""
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            with connection:
                return connection.execute(sql, values).lastrowid or 0
        finally:
            connection.close()


def marks(values: Iterable[Any]) -> str:
    """Give the question marks of an ``in (...)``."""
    return ",".join("?" for _ in values)


def chance(name: str) -> random.Random:
    """Give the source of chance for one service's data: the same on every machine."""
    return random.Random(f"weft shop: {name}")


def sku_of(product_id: int) -> str:
    """Give a product's stock keeping unit."""
    return f"SKU-{product_id:05d}"


def customer_id(number: int) -> str:
    """Give the id of the n-th customer, counted from 1."""
    return f"c-{number:04d}"


def price_of(product_id: int) -> int:
    """Give a product's price in cents."""
    return 199 + (product_id * 7919) % 24800


def moment(rnd: random.Random, days: int = 150) -> dt.datetime:
    """Give an instant within the days after the shop opened."""
    return OPENED_AT + dt.timedelta(seconds=rnd.randrange(days * 86400))
