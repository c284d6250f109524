"""What has happened in a service, in order, kept for a while: who was away reads on where they were."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

from examples.shop.services.database import Database, Row

TABLE = "create table journal (id integer primary key autoincrement, topic text, body text);"
_KEPT = 500


class Journal:
    """The latest entries, numbered, in the table of that name; any thread may write, any number of tasks follow.

    Args:
        kept: how many entries stay in the database.
    """

    def __init__(self, db: Database, kept: int = _KEPT) -> None:
        self._db = db
        self._kept = kept
        self._following: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._is_closed = False

    def append(self, topic: str, body: dict[str, Any]) -> None:
        """Write an entry, and wake who follows."""
        number = self._db.insert("insert into journal (topic, body) values (?, ?)", [topic, json.dumps(body)])
        self._db.insert("delete from journal where id <= ?", [number - self._kept])
        self._wake()

    def last(self) -> int:
        """Give the number of the latest entry, 0 where there is none."""
        found = self._db.row("select max(id) as last from journal")
        return found["last"] or 0 if found else 0

    async def follow(self, topic: str, after: int) -> AsyncGenerator[Row]:
        """Give a topic's entries behind a number, then each as it is written, until the journal is closed."""
        woken = asyncio.Event()
        follower = (asyncio.get_running_loop(), woken)
        self._following.add(follower)
        try:
            while not self._is_closed:
                woken.clear()
                sql = "select id, body from journal where topic = ? and id > ? order by id"
                for entry in await asyncio.to_thread(self._db.rows, sql, [topic, after]):
                    yield entry
                    after = entry["id"]
                await woken.wait()
        finally:
            self._following.discard(follower)

    def close(self) -> None:
        """End everybody's following: the service stops. A signal handler may call it."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        for loop, woken in tuple(self._following):
            loop.call_soon_threadsafe(woken.set)
