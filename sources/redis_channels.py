"""All channels of a Redis that somebody listens to, on one connection (SUBSCRIBE)."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import deque
from typing import Any

import redis.exceptions

from sources.event import Happening
from sources.redis import Redis, trouble_of
from sources.redis_connection import SharedConnection

MARK = b"weft"
_TURN = 100


class Channels(SharedConnection[bytes]):
    """Messages by channel. Redis keeps none, so who was interrupted is told of a gap."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.mark = MARK + uuid.uuid4().bytes
        """What tells messages that were published here from those of other processes."""

    async def serve(self) -> None:
        """Hold one connection and read from it, while another task subscribes to what is listened to."""
        async with self.redis.subscribing() as pubsub, asyncio.TaskGroup() as tasks:
            subscribed: set[bytes] = set()
            asked: deque[bytes] = deque()
            tasks.create_task(self._follow(pubsub, subscribed, asked))
            await self._read(pubsub, subscribed, asked)

    def say(self, channel: bytes, happening: Happening) -> None:
        """Let those who listen here hear something, without Redis."""
        for hearer in self.hearers.get(channel, ()):
            hearer.waiting.put(happening)

    async def _follow(self, pubsub: Any, subscribed: set[bytes], asked: deque[bytes]) -> None:
        while True:
            self.changed.clear()
            wanted = set(self.hearers)
            # One command for each, since a refusal does not say which of several channels it means.
            for channel in wanted - subscribed:
                subscribed.add(channel)
                asked.append(channel)
                await pubsub.subscribe(channel)
            if left := subscribed - wanted:
                subscribed -= left
                await pubsub.unsubscribe(*left)
            await self.changed.wait()

    async def _read(self, pubsub: Any, subscribed: set[bytes], asked: deque[bytes]) -> None:
        pinged = False
        for turn in itertools.count(1):
            if turn % _TURN == 0:
                await asyncio.sleep(0)  # messages that are here already are read without ever waiting
            try:
                message = await pubsub.get_message(timeout=self.redis.timeout_s)
            except redis.exceptions.NoPermissionError as exc:
                if not asked:
                    raise
                subscribed.discard(asked[0])
                self.refuse(asked.popleft(), trouble_of(exc))
                continue
            if message is None:
                if pinged:
                    raise redis.exceptions.TimeoutError
                await pubsub.ping()
                pinged = True
                continue
            pinged = False
            self.works()
            if message["type"] == "message":
                for hearer in self.hearers.get(message["channel"], ()):
                    hearer.hear(message["data"])
            elif message["type"] == "subscribe":
                asked.popleft()
                for hearer in self.hearers.get(message["channel"], ()):
                    hearer.resume(gap=hearer.interrupted)
