"""Short texts in Redis, by name: looked up many in one round trip, and written by commands."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sources.errors import UpstreamUnavailable
from sources.redis import Redis, RedisTrouble, translated

log = logging.getLogger("weft")

_MOST_WAITING = 1_000
_MOST_AT_ONCE = 100
_LONGEST_PAUSE_S = 2.0  # somebody waits to be let in
_PAGE = 500

_Found = bytes | None | RedisTrouble


class Texts:
    """Looks texts up, over one connection that is open from the first look-up on.

    Theory of operation. A name that is asked for waits; a task takes all that wait, at most 100, in one ``MGET``, and
    then those that have come meanwhile. So however many names are asked for, one command is under way, and names that
    are asked for together, or twice, cost one. While Redis is away the task tries again after pauses of full jitter;
    whoever asks meanwhile is told so at the next attempt, or at once by `trouble`.

    `trouble` is why nothing can be looked up at the moment; None where the last attempt went well.
    """

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.trouble: RedisTrouble | None = None
        self._waiting: dict[str, asyncio.Future[_Found]] = {}
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def ask(self, name: str) -> asyncio.Future[_Found]:
        """Let a name be looked up; the future gives its text, None for none, or why it cannot be told.

        It may be left alone. It is shared by all who ask for the name, so that nobody may cancel it.

        Raises:
            RedisTrouble: too many wait already.
        """
        if (asked := self._waiting.get(name)) is not None:
            return asked
        if self._task is None or self._task.done():
            self._waiting.clear()  # of an event loop that is over, if there are any
            self._filled = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._run())
        if len(self._waiting) >= _MOST_WAITING:
            raise RedisTrouble(UpstreamUnavailable, "too much is asked of Redis")
        self._waiting[name] = found = asyncio.get_running_loop().create_future()
        self._filled.set()
        return found

    async def aclose(self) -> None:
        """Close the connection; whoever still waits is told that there is none."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            self._answer(list(self._waiting), RedisTrouble(UpstreamUnavailable, "the connection to Redis is closed"))

    async def _run(self) -> None:
        backoff = self.redis.backoff()
        while True:
            try:
                with translated():
                    async with self.redis.client() as client:
                        while True:
                            await self._filled.wait()
                            await self._look_up(client)
                            backoff.reset()
                            self._note(None)
            except RedisTrouble as trouble:
                self._note(trouble)
            except Exception:
                log.exception("%r: a fault while looking up", self.redis)
                self._note(RedisTrouble(UpstreamUnavailable, "Redis cannot be asked"))
            self._answer(list(self._waiting), self.trouble)
            await asyncio.sleep(min(backoff.next_s(), _LONGEST_PAUSE_S))

    async def _look_up(self, client: Any) -> None:
        names = list(self._waiting)[:_MOST_AT_ONCE]
        async with self.redis.in_time():
            texts: list[bytes | None] = await client.mget(names)
        for name, text in zip(names, texts, strict=True):
            self._answer([name], text)

    def _answer(self, names: list[str], found: _Found) -> None:
        for name in names:
            asked = self._waiting.pop(name)
            if not asked.done():
                asked.set_result(found)
        if not self._waiting:
            self._filled.clear()

    def _note(self, trouble: RedisTrouble | None) -> None:
        if trouble is not None and self.trouble is None:
            log.warning("%r: %s: %s", self.redis, trouble, trouble.__cause__)
        self.trouble = trouble


async def read_text(redis: Redis, name: str) -> bytes | None:
    """Give a text, over a connection of its own; None where there is none.

    Raises:
        RedisTrouble: Redis does not do it.
    """
    with translated():
        async with redis.client() as client, redis.in_time():
            text: Any = await client.get(name)  # redis-py's types know nothing of `decode_responses`
            found: bytes | None = text
            return found


async def write_text(redis: Redis, name: str, text: bytes, *, new: bool) -> bool:
    """Write a text; give False, and leave everything as it is, where there is one already, or none if not `new`.

    Raises:
        RedisTrouble: Redis does not do it.
    """
    with translated():
        async with redis.client() as client, redis.in_time():
            return bool(await client.set(name, text, nx=new, xx=not new))


async def all_texts(redis: Redis, prefix: str) -> dict[str, bytes]:
    """Give all texts whose names begin so; the prefix is not a pattern of Redis.

    Raises:
        RedisTrouble: Redis does not do it.
    """
    found: dict[str, bytes] = {}
    with translated():
        async with redis.client() as client:
            position: Any = 0
            names: Any
            texts: Any
            while True:
                async with redis.in_time():
                    position, names = await client.scan(position, match=f"{prefix}*", count=_PAGE)
                    texts = await client.mget(names) if names else []
                found |= {name.decode(): text for name, text in zip(names, texts, strict=True) if text is not None}
                if position == 0:
                    return found
