"""Messages on their way to Redis: they wait while it is away, and are published in order, many in one round trip."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from typing import Any

from sources.errors import UpstreamUnavailable
from sources.redis import Redis, RedisTrouble, translated

log = logging.getLogger("weft")

_MOST = 10_000
_MOST_BYTES = 64_000_000
_MOST_AT_ONCE = 100


class Outbox:
    """Publishes what is put into it; what may or may not have been, since a connection broke, is published again."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Check that there is room.

        Raises:
            RedisTrouble: there is none.
        """
        if len(self._waiting) >= _MOST or self._bytes >= _MOST_BYTES:
            raise RedisTrouble(UpstreamUnavailable, "Redis cannot be reached, and too many events wait for it")

    def put(self, channel: bytes, message: bytes) -> None:
        """Let a message be published, as soon as Redis is there."""
        self._waiting.append((channel, message))
        self._bytes += len(message)
        self._filled.set()
        self._emptied.clear()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def aclose(self) -> None:
        """Give what waits a last chance, for as long as a command may take, and close the connection."""
        task = self._task
        if task is None:
            return
        try:
            async with self._redis.in_time():
                await self._emptied.wait()
        except TimeoutError:
            log.warning("%r: %d events were never published", self._redis, len(self._waiting))
        finally:
            self._task = None
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        backoff = self._redis.backoff()
        while True:
            try:
                with translated():
                    async with self._redis.client() as client:
                        while True:
                            await self._filled.wait()
                            await self._publish(client)
                            backoff.reset()
            except RedisTrouble as trouble:
                if backoff.attempts == 0:
                    log.warning("%r: events wait: %s: %s", self._redis, trouble, trouble.__cause__)
            except Exception:
                log.exception("%r: a fault while publishing", self._redis)
            await asyncio.sleep(backoff.next_s())

    async def _publish(self, client: Any) -> None:
        messages = list(itertools.islice(self._waiting, _MOST_AT_ONCE))
        async with self._redis.in_time(), client.pipeline(transaction=False) as pipe:
            for channel, message in messages:
                pipe.publish(channel, message)
            await pipe.execute()
        for _, message in messages:
            self._waiting.popleft()
            self._bytes -= len(message)
        if not self._waiting:
            self._filled.clear()
            self._emptied.set()
