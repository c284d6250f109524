"""All streams of a Redis that somebody listens to, read by one task (XREAD).

Theory of operation. A stream's *position* is the id of the last entry that was heard, and how many entries had ever
been added up to it. A new stream is placed at its newest entry; one XREAD then waits for whatever follows on any of
them. When another stream is listened to, a second connection unblocks the waiting read (CLIENT UNBLOCK), and the next
one covers the new stream too; where that is not allowed, it waits until the read ends by itself.

Positions survive a lost connection, so reading goes on where it stopped. Entries can be missing nevertheless: trimmed
before they were read, or deleted. After each reconnect, and whenever a read gave as many entries as it may, so that
more are waiting, the counts tell (see `Position.misses`), and the listeners hear of a gap. Redis before version 7
does not count; there, a stream that was trimmed beyond the position is a gap.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
import redis.exceptions

from sources.errors import UpstreamError
from sources.redis import Redis, RedisTrouble, trouble_of
from sources.redis_connection import SharedConnection

Fields = dict[bytes, bytes]
Entry = tuple[bytes, Fields]

_MOST_ENTRIES = 100
_UNBLOCKED_AGAIN_S = 0.01
_BEGINNING = b"0-0"


@dataclass(slots=True)
class Position:
    """How far a stream has been heard.

    Args:
        last: the id of the last entry.
        added: how many entries had been added up to it, ever.
    """

    last: bytes = _BEGINNING
    added: int = 0

    def advance(self, entries: Sequence[Entry]) -> None:
        """Move behind the entries that were heard."""
        if entries:
            self.last = entries[-1][0]
            self.added += len(entries)

    def misses(self, stream: Mapping[str, Any], entries: Sequence[Entry] = ()) -> bool:
        """Tell whether entries after this position are gone without having been heard, and correct the count.

        Args:
            stream: what Redis says of the stream; nothing when there is none.
            entries: read from this position, and not heard yet.
        """
        newest, added, length = _counts(stream)
        if _parts(newest) < _parts(self.last):  # another stream by the same name, of which nothing was heard
            self.last, self.added = _BEGINNING, 0
            return True
        oldest = stream.get("first-entry")
        if oldest is not None and _parts(oldest[0]) <= _parts(self.last):
            return _parts(stream.get("max-deleted-entry-id", _BEGINNING)) > _parts(self.last)
        # All that the stream holds follows this position: it, and what was read and then trimmed, is what must be new.
        trimmed = sum(1 for id, _ in entries if oldest is None or _parts(id) < _parts(oldest[0]))
        expected, self.added = self.added, added - length - trimmed
        return expected != self.added


def position_at_end(stream: Mapping[str, Any]) -> Position:
    """Give the position behind all that a stream holds; nothing is a stream that does not exist yet."""
    newest, added, _ = _counts(stream)
    return Position(newest, added)


def _counts(stream: Mapping[str, Any]) -> tuple[bytes, int, int]:
    return stream.get("last-generated-id", _BEGINNING), stream.get("entries-added", 0), stream.get("length", 0)


def _parts(id: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = id.partition(b"-")
    return int(milliseconds), int(sequence or 0)


class Streams(SharedConnection[Entry]):
    """Entries by key. Redis keeps them, so an interruption is a gap only where some are gone."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self._positions: dict[bytes, Position] = {}

    def forget(self, name: bytes) -> None:
        """Forget how far a stream was heard: who listens to it next begins at its end."""
        self._positions.pop(name, None)

    async def serve(self) -> None:
        """Read on one connection, while another makes the read end when it has to cover more streams."""
        async with (
            self.redis.alone() as reading,
            self.redis.alone() as unblocking,
            asyncio.TaskGroup() as tasks,
        ):
            with contextlib.suppress(redis.exceptions.ResponseError):  # not allowed, or unknown
                async with self.redis.in_time():
                    reader = await reading.client_id()
                tasks.create_task(self._unblock(unblocking, reader))
            await self._read(reading)

    async def _read(self, client: redis.asyncio.Redis) -> None:
        for key in list(self._positions):
            await self._check(client, key)
        while True:
            self.changed.clear()
            for key in self.hearers.keys() - self._positions.keys():
                await self._place(client, key)
            if not self._positions:
                await self.changed.wait()
                continue
            try:
                async with self.redis.in_time():
                    read: Any = await client.xread(
                        {key: at.last for key, at in self._positions.items()},
                        count=_MOST_ENTRIES,
                        block=int(self.redis.timeout_s * 500),
                    )
            except redis.exceptions.ResponseError:
                # It does not say which of the streams it means: asking about each does.
                before = len(self._positions)
                for key in list(self._positions):
                    await self._check(client, key)
                if len(self._positions) == before:
                    raise
                continue
            self.works()
            for key, entries in read or ():
                if len(entries) >= _MOST_ENTRIES:
                    await self._check(client, key, entries)
                self._hear(key, entries)

    def _hear(self, key: bytes, entries: Sequence[Entry]) -> None:
        position = self._positions.get(key)
        if position is not None:
            position.advance(entries)
            for hearer in self.hearers.get(key, ()):
                for entry in entries:
                    hearer.hear(entry)

    async def _place(self, client: redis.asyncio.Redis, key: bytes) -> None:
        """Begin to hear a stream, at its end."""
        stream = await self._ask(client, key)
        if stream is not None and key in self.hearers:
            self._positions[key] = position_at_end(stream)
            for hearer in self.hearers[key]:
                hearer.resume(gap=hearer.interrupted)

    async def _check(self, client: redis.asyncio.Redis, key: bytes, entries: Sequence[Entry] = ()) -> None:
        """Tell those who hear a stream where entries after its position are gone."""
        stream = await self._ask(client, key)
        position = self._positions.get(key)
        if stream is not None and position is not None:
            misses = position.misses(stream, entries)
            for hearer in self.hearers[key]:
                hearer.resume(gap=misses)

    async def _ask(self, client: redis.asyncio.Redis, key: bytes) -> Mapping[str, Any] | None:
        """Ask what Redis knows of a stream: nothing where there is none yet; None where it may not be read."""
        try:
            async with self.redis.in_time():
                stream: Mapping[str, Any] = await client.xinfo_stream(key)
        except redis.exceptions.NoPermissionError as exc:
            self.refuse(key, trouble_of(exc))
        except redis.exceptions.ResponseError as exc:
            if str(exc).startswith("no such key"):
                self.works()
                return {}
            if not str(exc).startswith("WRONGTYPE"):
                raise
            self.refuse(key, RedisTrouble(UpstreamError, "Redis holds no stream by this name", lasting=True))
        else:
            self.works()
            return stream
        return None

    async def _unblock(self, client: redis.asyncio.Redis, reader: int) -> None:
        """End the read that waits, again and again until the streams that it lacks have been seen."""
        while True:
            await self.changed.wait()
            try:
                async with self.redis.in_time():
                    await client.client_unblock(reader)
            except redis.exceptions.ResponseError:
                return
            await asyncio.sleep(_UNBLOCKED_AGAIN_S)
