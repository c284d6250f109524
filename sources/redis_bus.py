"""The bus over all replicas of a gateway that share a Redis: what is published at one reaches the listeners of all."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from sources.event import Event, Happening
from sources.redis import Redis, RedisTrouble
from sources.redis_channels import MARK, Channels
from sources.redis_outbox import Outbox

_SOURCE = "bus"


class RedisBus:
    """Carries events over Redis: ``Graph(bus=RedisBus(Redis(env="REDIS_URL")))``.

    Those who listen in this process hear an event at once, whether Redis is there or not; its echo is known by the mark
    before it, and ignored. The other replicas hear it by way of Redis, later if it has to wait, and are told of a gap
    where their own connection was lost.

    Args:
        prefix: what the names of its channels begin with; replicas of one gateway have the same.
    """

    def __init__(self, redis: Redis, *, prefix: str = "weft:") -> None:
        self.redis = redis
        self._prefix = prefix.encode()

    def missing(self) -> list[str]:
        """Give the environment variables that are needed and not set."""
        return self.redis.missing()

    async def publish(self, topic: str, body: bytes) -> None:
        """Give a JSON text to everybody who listens to the topic, here and at the other replicas.

        Raises:
            SourceError: too much waits for Redis already; nobody heard it.
        """
        channels, outbox, channel = self.redis.shared(Channels), self.redis.shared(Outbox), self._channel(topic)
        try:
            outbox.check()
        except RedisTrouble as trouble:
            raise trouble.failure(_SOURCE) from trouble
        channels.say(channel, Event(body))
        outbox.put(channel, channels.mark + body)

    async def listen(self, topic: str) -> AsyncGenerator[Happening]:
        """Give what is published from now on, here and at the other replicas.

        Raises:
            SourceError: Redis refuses the gateway.
        """
        channels = self.redis.shared(Channels)

        def read(message: bytes) -> Event | None:
            mark, body = message[: len(channels.mark)], message[len(channels.mark) :]
            return Event(body) if mark.startswith(MARK) and mark != channels.mark else None

        listening = channels.listen(self._channel(topic), _SOURCE, read)
        async with contextlib.aclosing(listening):
            async for happening in listening:
                yield happening

    async def aclose(self) -> None:
        """Give what waits for Redis a last chance, and stop publishing; whoever listens leaves by itself."""
        await self.redis.shared(Outbox).aclose()

    def _channel(self, topic: str) -> bytes:
        return self._prefix + topic.encode()
