"""Events over replicas that share a Redis, which is there or not."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
import redis.asyncio

from sources import UpstreamUnavailable
from sources.event import Event, Gap
from sources.redis import Redis
from sources.redis_bus import RedisBus
from tests.sources.hearing import client, connections, heard, quick, subscribed, until
from tests.stores import Store, store

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


async def test_while_redis_is_away_who_is_here_hears_at_once_and_others_later(own_redis_server: Store) -> None:
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
        await one.publish("a", b"1")
        await until(lambda: len(here) == 2)
        own_redis_server.start()
        await until(lambda: len(here) == 3 and len(there) >= 2)
        await one.publish("a", b"2")
        await until(lambda: Event(b"2") in there and Event(b"2") in here)
        gap = Gap("the stream of bus was interrupted; events may be missing")
        assert isinstance(here[0], UpstreamUnavailable)
        assert here[1:] == [Event(b"1"), gap, Event(b"2")]
        # The first was published as soon as Redis was there: before the other replica was, or after.
        assert there[1:] in ([gap, Event(b"2")], [gap, Event(b"1"), Event(b"2")])


async def test_what_cannot_be_published_yet_is_published_in_order_later(own_redis_server: Store) -> None:
    async def publishing(at: redis.asyncio.Redis) -> list[str]:
        return [each["id"] for each in await at.client_list() if each["cmd"] == "publish"]

    async with (
        client(own_redis_server) as at,
        contextlib.aclosing(RedisBus(quick(own_redis_server.url))) as one,
        heard(RedisBus(quick(own_redis_server.url)).listen("a")) as there,
    ):
        await subscribed(at, "weft:a")
        await at.client_pause(60_000, all=False)  # nothing is published until it ends
        for number in range(250):
            await one.publish("a", str(number).encode())
        await until(lambda: publishing(at))
        [first] = await publishing(at)
        await at.client_kill_filter(_id=first)
        await until(lambda: publishing(at))
        assert there == []
        await at.client_unpause()
        await until(lambda: len(there) == 250)
        assert there == [Event(str(number).encode()) for number in range(250)]


async def test_more_than_may_wait_is_refused_and_heard_by_nobody() -> None:
    with store() as gone:
        url = gone.url
    large = b"1" * 10_000_000
    bus = RedisBus(Redis(url, timeout=0.01))
    async with contextlib.aclosing(bus), heard(bus.listen("a")) as here:
        await until(lambda: here)
        for _ in range(7):
            await bus.publish("a", large)
            await asyncio.sleep(0)  # it is heard, so a listener's own bound plays no part
        await until(lambda: here.count(Event(large)) == 7)
        full = r"^bus: Redis cannot be reached, and too many events wait for it$"
        with pytest.raises(UpstreamUnavailable, match=full):
            await bus.publish("a", b"2")
        assert Event(b"2") not in here


async def test_closing_publishes_what_waits_and_leaves_no_connection(own_redis_server: Store) -> None:
    bus = RedisBus(quick(own_redis_server.url))
    async with client(own_redis_server) as at:
        async with heard(RedisBus(quick(own_redis_server.url)).listen("a")) as there, heard(bus.listen("a")) as here:
            await subscribed(at, "weft:a", 2)
            for _ in range(2):  # a bus that was closed can be used again
                for number in range(500):
                    await bus.publish("a", str(number).encode())
                await bus.aclose()
            await until(lambda: len(here) == len(there) == 1_000)
        await bus.aclose()

        async def closed() -> bool:
            return await connections(at) == 1

        await until(closed)


async def test_closing_waits_no_longer_than_a_command_may_take() -> None:
    with store() as gone:
        url = gone.url
    bus = RedisBus(Redis(url, timeout=0.05))
    await bus.publish("a", b"1")
    await asyncio.wait_for(bus.aclose(), 20)


async def test_many_publish_over_one_connection(own_redis_server: Store) -> None:
    async with (
        client(own_redis_server) as at,
        contextlib.aclosing(RedisBus(quick(own_redis_server.url))) as bus,
        heard(bus.listen("a")),
        heard(RedisBus(quick(own_redis_server.url)).listen("a")) as there,
    ):
        await subscribed(at, "weft:a", 2)
        await asyncio.gather(*[bus.publish("a", b"1") for _ in range(500)])
        await until(lambda: len(there) == 500)
        assert await connections(at) == 4
