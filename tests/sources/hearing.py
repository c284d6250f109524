"""Listening to Redis in tests: what is heard, gathered in the background, and when the server knows of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any

import redis.asyncio

from sources import Rest
from sources.backoff import Backoff
from sources.bus import MemoryBus
from sources.event import Feed, Gap, Happening, Listening
from sources.redis import Redis
from tests.stores import Store

GAP = Gap("the stream of orders was interrupted; events may be missing")


def quick(url: str) -> Redis:
    return Redis(url, timeout=2, backoff=lambda: Backoff(chance=lambda: 0.05))


def listening(values: Mapping[str, object] | None = None) -> Listening:
    return Listening(Rest("orders", "http://127.0.0.1:1"), values or {}, (), MemoryBus())


@contextlib.asynccontextmanager
async def client(server: Store) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(server.url) as made:
        yield made


@contextlib.asynccontextmanager
async def heard(
    feed: Feed | AsyncGenerator[Happening], values: Mapping[str, object] | None = None
) -> AsyncIterator[list[Happening]]:
    """Listen in the background, and give the list that what is heard is added to."""
    happenings: list[Happening] = []
    generator = feed if isinstance(feed, AsyncGenerator) else feed.listen(listening(values))

    async def listen() -> None:
        async with contextlib.aclosing(generator):
            async for happening in generator:
                happenings.append(happening)  # noqa: PERF401 - each as soon as it is heard

    task = asyncio.create_task(listen())
    try:
        yield happenings
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(holds: Callable[[], Any]) -> None:
    """Wait until something holds; what may be asynchronous."""
    async with asyncio.timeout(20):
        while True:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)


async def subscribers(at: redis.asyncio.Redis, channel: str) -> int:
    [(_, count)] = await at.pubsub_numsub(channel)
    return int(count)


async def subscribed(at: redis.asyncio.Redis, channel: str, count: int = 1) -> None:
    async def holds() -> bool:
        return await subscribers(at, channel) == count

    await until(holds)


async def connections(at: redis.asyncio.Redis) -> int:
    return len(await at.client_list())


async def placed(at: redis.asyncio.Redis) -> None:
    """Wait until a read waits: then what is added is heard."""

    async def holds() -> bool:
        return int((await at.info("clients"))["blocked_clients"]) == 1

    await until(holds)
