"""Streams of Redis, over real servers whose streams are trimmed, deleted and forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis.asyncio

from sources import UpstreamError, UpstreamInvalid, UpstreamUnavailable
from sources.event import Event, Happening
from sources.redis import Redis
from sources.redis_feed import RedisStream
from tests.sources.hearing import GAP, client, connections, heard, listening, placed, quick, until
from tests.stores import Store

pytestmark = pytest.mark.usefixtures("nothing_is_left")


@contextlib.asynccontextmanager
async def reading(redis_server: Store) -> AsyncIterator[redis.asyncio.Redis]:
    """Give a client of a server whose streams are all gone."""
    async with client(redis_server) as at:
        await at.flushall()
        yield at


async def test_entries_that_are_added_are_events_with_their_ids(redis_server: Store) -> None:
    async with reading(redis_server) as at:
        await at.xadd("orders:7", {"data": "0"})
        async with heard(RedisStream("orders:{id}", quick(redis_server.url)), {"id": 7}) as happenings:
            await placed(at)
            await at.xadd("orders:7", {"data": '{"status": "sent"}'}, id="9999999999999-1")
            await at.xadd("orders:7", {"status": "paid", "by": "Zoë"}, id="9999999999999-2")
            await until(lambda: len(happenings) == 2)
            assert happenings == [
                Event(b'{"status": "sent"}', id="9999999999999-1"),
                Event('{"status":"paid","by":"Zoë"}'.encode(), id="9999999999999-2"),
            ]


async def test_a_field_that_is_named_holds_the_text(redis_server: Store) -> None:
    async with (
        reading(redis_server) as at,
        heard(RedisStream("orders", quick(redis_server.url), field="body")) as happenings,
    ):
        await placed(at)
        await at.xadd("orders", {"data": "1"})
        await at.xadd("orders", {"data": "2"})
        await at.xadd("orders", {"data": "3", "body": "[4]"}, id="9999999999999-0")
        await until(lambda: len(happenings) == 2)
        assert isinstance(happenings[0], UpstreamInvalid)
        assert happenings[1] == Event(b"[4]", id="9999999999999-0")


async def test_fields_that_are_no_text_are_skipped(redis_server: Store) -> None:
    async with reading(redis_server) as at, heard(RedisStream("orders", quick(redis_server.url))) as happenings:
        await placed(at)
        await at.xadd("orders", {"name": b"\xff"})
        await at.xadd("orders", {"data": "1"}, id="9999999999999-0")
        await until(lambda: len(happenings) == 2)
        assert isinstance(happenings[0], UpstreamInvalid)
        assert happenings[1] == Event(b"1", id="9999999999999-0")


async def test_many_streams_are_read_together_as_listeners_come_and_go(own_redis_server: Store) -> None:
    # A read waits for half a minute here, so a stream that is heard earlier has unblocked it.
    feed = RedisStream("orders:{id}", Redis(own_redis_server.url, timeout=60))
    async with client(own_redis_server) as at:
        async with heard(feed, {"id": 1}) as first:
            await placed(at)
            async with heard(feed, {"id": 2}) as second, heard(feed, {"id": 2}) as third:
                await adding_until(at, "orders:2", lambda: second and third)
                await at.xadd("orders:1", {"data": "1"}, id="9999999999999-0")
                await until(lambda: first)
                assert await connections(at) == 3
            async with heard(feed, {"id": 2}) as again:
                await adding_until(at, "orders:2", lambda: again)
            assert first == [Event(b"1", id="9999999999999-0")]

        async def closed() -> bool:
            return await connections(at) == 1

        await until(closed)


async def adding_until(at: redis.asyncio.Redis, key: str, holds: Callable[[], Any]) -> None:
    """Add entries until they are heard: a stream that is read beside others is not seen to be placed."""
    async with asyncio.timeout(15):
        while not holds():
            await at.xadd(key, {"data": "1"})
            await asyncio.sleep(0.01)


async def test_a_stream_goes_on_where_it_stopped_without_a_gap(redis_server: Store) -> None:
    async with reading(redis_server) as at, heard(RedisStream("orders", quick(redis_server.url))) as happenings:
        await placed(at)
        await at.xadd("orders", {"data": "0"}, id="1-0")
        await until(lambda: happenings)
        async with at.pipeline(transaction=True) as pipe:
            for each in await at.client_list():
                if each["cmd"] == "xread":
                    pipe.client_kill_filter(_id=each["id"])
            for number in range(1, 250):
                pipe.xadd("orders", {"data": str(number)}, id=f"1-{number}")
            await pipe.execute()
        await until(lambda: len(happenings) == 250)
        assert happenings == [Event(str(number).encode(), id=f"1-{number}") for number in range(250)]


async def test_a_stream_trimmed_while_nobody_read_is_a_gap(redis_server: Store) -> None:
    async with reading(redis_server) as at, heard(RedisStream("orders", quick(redis_server.url))) as happenings:
        await placed(at)
        await at.xadd("orders", {"data": "0"}, id="1-0")
        await until(lambda: happenings)
        async with at.pipeline(transaction=True) as pipe:
            for each in await at.client_list():
                if each["cmd"] == "xread":
                    pipe.client_kill_filter(_id=each["id"])
            for number in range(1, 6):
                pipe.xadd("orders", {"data": str(number)}, id=f"1-{number}", maxlen=2, approximate=False)
            await pipe.execute()
        await until(lambda: len(happenings) == 4)
        assert happenings == [Event(b"0", id="1-0"), GAP, Event(b"4", id="1-4"), Event(b"5", id="1-5")]


async def test_a_stream_trimmed_faster_than_it_is_read_is_a_gap(redis_server: Store) -> None:
    async with reading(redis_server) as at, heard(RedisStream("orders", quick(redis_server.url))) as happenings:
        await placed(at)
        async with at.pipeline(transaction=True) as pipe:
            for number in range(1, 501):
                pipe.xadd("orders", {"data": str(number)}, id=f"1-{number}", maxlen=300, approximate=False)
            await pipe.execute()
        await until(lambda: len(happenings) == 301)
        assert happenings == [GAP, *[Event(str(number).encode(), id=f"1-{number}") for number in range(201, 501)]]


async def test_a_server_that_forgot_a_stream_is_a_gap_and_the_new_one_is_heard_whole(own_redis_server: Store) -> None:
    async with heard(RedisStream("orders", quick(own_redis_server.url))) as happenings:
        async with client(own_redis_server) as at:
            await placed(at)
            await at.xadd("orders", {"data": "1"}, id="5-0")
            await until(lambda: happenings)
        own_redis_server.kill()
        await until(lambda: len(happenings) == 2)
        own_redis_server.start()
        async with client(own_redis_server) as at:
            await until(lambda: len(happenings) == 3)
            await at.xadd("orders", {"data": "2"}, id="1-0")
            await until(lambda: len(happenings) == 4)
    assert isinstance(happenings[1], UpstreamUnavailable)
    assert [happenings[0], *happenings[2:]] == [Event(b"1", id="5-0"), GAP, Event(b"2", id="1-0")]


async def test_a_key_that_holds_no_stream_costs_no_other(redis_server: Store) -> None:
    at_redis = quick(redis_server.url)
    async with reading(redis_server) as at, heard(RedisStream("good", at_redis)) as good:
        await placed(at)
        await at.set("bad", "text")
        with pytest.raises(UpstreamError, match=r"^orders: Redis holds no stream by this name$"):
            await anext(RedisStream("bad", at_redis).listen(listening()))
        later = RedisStream("later", at_redis).listen(listening())
        async with contextlib.aclosing(later):
            begun = asyncio.ensure_future(anext(later))
            while not begun.done():
                await at.xadd("later", {"data": "1"})
                await asyncio.sleep(0.01)
            await at.set("later", "text")
            with pytest.raises(UpstreamError, match=r"^orders: Redis holds no stream by this name$"):
                await asyncio.wait_for(_all_of(later), 10)
        await at.xadd("good", {"data": "1"}, id="1-0")
        await until(lambda: good)
        assert good == [Event(b"1", id="1-0")]


@pytest.mark.parametrize("denied", ["-client|unblock", "-client|id"])
async def test_where_unblocking_is_not_allowed_a_new_stream_is_heard_a_little_later(
    own_redis_server: Store, denied: str
) -> None:
    async with client(own_redis_server) as at:
        allowed: dict[str, Any] = {
            "categories": ["+@all"],
            "commands": [denied],
            "keys": ["*"],
            "channels": ["*"],
        }
        await at.acl_setuser("weft", enabled=True, passwords="+pass", **allowed)
        at_redis = quick(f"redis://weft:pass@127.0.0.1:{own_redis_server.port}")
        async with heard(RedisStream("a", at_redis)):
            await placed(at)
            async with heard(RedisStream("b", at_redis)) as happenings:
                async with asyncio.timeout(10):
                    while not happenings:
                        await at.xadd("b", {"data": "1"})
                        await asyncio.sleep(0.02)


async def _all_of(happenings: AsyncIterator[Happening]) -> list[Happening]:
    return [happening async for happening in happenings]
