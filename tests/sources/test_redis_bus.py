"""Events over replicas that share a Redis, which is there or not."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from sources import UpstreamUnavailable
from sources.event import Event, Gap
from sources.redis_bus import RedisBus
from sources.redis_feed import RedisStream
from tests.sources.hearing import client, connections, heard, listening, placed, quick, subscribed, until
from tests.stores import Store

pytestmark = pytest.mark.usefixtures("nothing_is_left")


async def test_what_is_published_at_one_replica_reaches_all_once(redis_server: Store) -> None:
    async with (
        client(redis_server) as at,
        contextlib.aclosing(RedisBus(quick(redis_server.url))) as one,
        contextlib.aclosing(RedisBus(quick(redis_server.url))) as other,
        heard(one.listen("a/b")) as here,
        heard(other.listen("a/b")) as there,
    ):
        await subscribed(at, "weft:a/b", 2)
        for number in range(100):
            await one.publish("a/b", str(number).encode())
        await until(lambda: len(there) == 100)
        await other.publish("a/b", b"100")
        await until(lambda: len(here) == len(there) == 101)
        assert here == there == [Event(str(number).encode()) for number in range(101)]
        await at.publish("weft:a/b", "short")
        await at.publish("weft:a/b", "somebody else wrote this, which has no mark")
        await one.publish("other", b"0")
        await one.publish("a/b", b"1")
        await until(lambda: there[-1] == Event(b"1"))
        assert here[-1] == Event(b"1")


async def test_while_redis_is_away_events_reach_who_is_here(own_redis_server: Store) -> None:
    async with (
        contextlib.aclosing(RedisBus(quick(own_redis_server.url))) as one,
        contextlib.aclosing(RedisBus(quick(own_redis_server.url))) as other,
        heard(one.listen("a")) as here,
        heard(other.listen("a")) as there,
    ):
        async with client(own_redis_server) as at:
            await subscribed(at, "weft:a", 2)
        own_redis_server.kill()
        await until(lambda: here and there)
        with pytest.raises(UpstreamUnavailable, match=r"^bus: Redis cannot be reached$"):
            await one.publish("a", b"1")
        own_redis_server.start()
        await until(lambda: len(here) == 3 and len(there) == 2)
        await one.publish("a", b"2")
        await until(lambda: len(there) == 3)
        gap = Gap("bus: events from Redis may be missing")
        assert here[1:] == [Event(b"1"), gap, Event(b"2")]
        assert there[1:] == [gap, Event(b"2")]


async def test_closing_ends_what_is_listened_to_and_leaves_no_connection(own_redis_server: Store) -> None:
    async with client(own_redis_server) as at:
        at_redis = quick(own_redis_server.url)
        bus = RedisBus(at_redis)
        feeds = [bus.listen("a"), RedisStream("b", at_redis).listen(listening())]
        waiting = [asyncio.create_task(anext(feed, None)) for feed in feeds]
        await subscribed(at, "weft:a")
        await placed(at)
        await bus.publish("c", b"1")
        await bus.aclose()
        assert [await task for task in waiting] == [None, None]
        await bus.aclose()

        async def closed() -> bool:
            return await connections(at) == 1

        await until(closed)
        await bus.publish("c", b"1")
        await bus.aclose()


async def test_many_publish_at_once_over_few_connections(own_redis_server: Store) -> None:
    async with (
        client(own_redis_server) as at,
        contextlib.aclosing(RedisBus(quick(own_redis_server.url))) as bus,
        heard(bus.listen("a")),
        heard(RedisBus(quick(own_redis_server.url)).listen("a")) as there,
    ):
        await subscribed(at, "weft:a", 2)
        await asyncio.gather(*[bus.publish("a", b"1") for _ in range(500)])
        await until(lambda: len(there) == 500)
        assert await connections(at) <= 13
