"""Records of API keys in Redis: each a JSON text of its own, looked up when its key is first shown, then remembered.

A record is remembered for ten seconds, and that there is none for five, so a key that is shown again and again costs
Redis nothing; look-ups of different ones share round trips (`sources/redis_texts.py`). While Redis is away, keys that
it was asked for within five minutes stay good, and nobody waits for it; of others nothing can be told.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from datetime import datetime

import msgspec

from graph.apikey import ApiKeyRecord
from graph.errors import GraphError
from graph.keystore import KeyStoreFailed
from sources import lacking
from sources.redis import Redis, RedisTrouble
from sources.redis_texts import Texts, all_texts, read_text, write_text

log = logging.getLogger("weft")

_FRESH_S = 10.0
_UNKNOWN_S = 5.0
_GOOD_S = 300.0
_MOST = 10_000
_MAX_BYTES = 64_000
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_decode = msgspec.json.Decoder(ApiKeyRecord).decode


class RedisKeys:
    """The records in one Redis.

    Args:
        prefix: what the names of records begin with; the id follows.
        clock: seconds, only ever forward.

    Raises:
        GraphError: the prefix may not stand in a name.
    """

    def __init__(self, redis: Redis, prefix: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise GraphError([f"API keys: prefix {prefix!r}: expected up to 100 letters, digits and _ . : -"])
        self._redis = redis
        self._prefix = prefix
        self._clock = clock
        self._texts = Texts(redis)
        self._found: dict[str, tuple[ApiKeyRecord, float]] = {}
        self._unknown: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"RedisKeys({self._redis!r}, {self._prefix!r})"

    def missing(self) -> list[str]:
        """Give the environment variable or file with the address, where it is not there."""
        return [lacking(name) for name in self._redis.missing()]

    async def find(self, id: str) -> ApiKeyRecord | None:
        """Give a record as it was within the last ten seconds, while Redis is away within five minutes.

        Raises:
            KeyStoreFailed: Redis is away, and nothing is known of it.
        """
        now = self._clock()
        record, found_at = self._found.get(id, (None, float("-inf")))
        if record is not None and now < found_at + _FRESH_S:
            return record
        if now < self._unknown.get(id, float("-inf")) + _UNKNOWN_S:
            return None
        trouble = self._texts.trouble
        try:
            asked = self._texts.ask(self._prefix + id)
            if trouble is None:  # else it is asked all the same, which tells whether Redis is back
                found = await asyncio.shield(asked)
                if not isinstance(found, RedisTrouble):
                    return self._note(id, found)
                trouble = found
        except RedisTrouble as exc:
            trouble = exc
        if record is not None and now < found_at + _GOOD_S:
            return record
        raise KeyStoreFailed(f"{self!r}: {trouble}")

    async def all(self) -> list[ApiKeyRecord]:
        """Give all records that can be read, the oldest first.

        Raises:
            KeyStoreFailed: Redis does not give them.
        """
        try:
            texts = await all_texts(self._redis, self._prefix)
        except RedisTrouble as exc:
            raise self._failed(exc) from exc
        found = [self._understood(name.removeprefix(self._prefix), text) for name, text in texts.items()]
        return sorted((record for record in found if record is not None), key=lambda record: record.created)

    async def add(self, record: ApiKeyRecord) -> None:
        """Keep a new record.

        Raises:
            KeyStoreFailed: it cannot be kept, or there is one of this id.
        """
        try:
            is_kept = await write_text(self._redis, self._prefix + record.id, msgspec.json.encode(record), new=True)
        except RedisTrouble as exc:
            raise self._failed(exc) from exc
        if not is_kept:
            raise KeyStoreFailed(f"{self!r}: there is a key {record.id} already")

    async def revoke(self, id: str, at: datetime) -> ApiKeyRecord | None:
        """Mark a record as revoked, unless it is already; give it as it was before, None where there is none.

        Raises:
            KeyStoreFailed: the record cannot be changed.
        """
        try:
            text = await read_text(self._redis, self._prefix + id)
            record = None if text is None else self._understood(id, text)
            if record is not None and record.revoked is None:
                revoked = msgspec.structs.replace(record, revoked=at)
                await write_text(self._redis, self._prefix + id, msgspec.json.encode(revoked), new=False)
        except RedisTrouble as exc:
            raise self._failed(exc) from exc
        return record

    async def aclose(self) -> None:
        """Close the connection."""
        await self._texts.aclose()

    def _note(self, id: str, text: bytes | None) -> ApiKeyRecord | None:
        record, now = None if text is None else self._understood(id, text), self._clock()
        self._found.pop(id, None)
        self._unknown.pop(id, None)
        if record is None:
            _make_room(self._unknown)
            self._unknown[id] = now
        else:
            _make_room(self._found)
            self._found[id] = record, now
        return record

    def _understood(self, id: str, text: bytes) -> ApiKeyRecord | None:
        """Read a record; one that cannot be read is none, and told in the log."""
        try:
            if len(text) > _MAX_BYTES:
                raise ValueError("it is too long")
            record = _decode(text)
            if record.id != id:
                raise ValueError("it is that of another key")
        except (msgspec.DecodeError, RecursionError, ValueError) as exc:
            log.error("%r: the record of the key %.20r cannot be read: %s", self, id, exc)
            return None
        return record

    def _failed(self, trouble: RedisTrouble) -> KeyStoreFailed:
        return KeyStoreFailed(f"{self._redis!r}: {trouble}")


def _make_room(among: dict[str, tuple[ApiKeyRecord, float]] | dict[str, float]) -> None:
    if len(among) >= _MOST:
        del among[next(iter(among))]  # the one that is not asked for the longest
