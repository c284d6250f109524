"""Channels of Redis, over real servers that are killed, restarted, locked and flooded."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from sources import InvalidInput, UpstreamError, UpstreamInvalid, UpstreamUnavailable
from sources.backoff import Backoff
from sources.event import Event, Gap
from sources.redis import Redis
from sources.redis_feed import RedisChannel, RedisStream
from tests.sources.hearing import GAP, client, connections, heard, listening, quick, subscribed, until
from tests.stores import Store, store

pytestmark = pytest.mark.usefixtures("nothing_is_left")


async def test_a_message_of_a_channel_is_an_event(redis_server: Store) -> None:
    async with (
        client(redis_server) as at,
        heard(RedisChannel("orders.{id}", quick(redis_server.url)), {"id": 7}) as happenings,
    ):
        await subscribed(at, "orders.7")
        await at.publish("orders.8", b'{"id": 8}')
        await at.publish("orders.7", '{"id": 7, "name": "Zoë"}')
        await until(lambda: happenings)
        assert happenings == [Event('{"id": 7, "name": "Zoë"}'.encode())]


async def test_a_thousand_listeners_are_one_subscription(own_redis_server: Store) -> None:
    at_redis = quick(own_redis_server.url)
    feed = RedisChannel("orders", at_redis)
    async with client(own_redis_server) as at:
        async with contextlib.AsyncExitStack() as stack:
            lists = [await stack.enter_async_context(heard(feed)) for _ in range(1_000)]
            await subscribed(at, "orders")
            assert await connections(at) == 2
            await at.publish("orders", b"1")
            await until(lambda: all(lists))
            assert lists == [[Event(b"1")]] * 1_000
        await subscribed(at, "orders", 0)

        async def closed() -> bool:
            return await connections(at) == 1

        await until(closed)


async def test_a_channel_is_left_by_its_last_listener_while_others_go_on(redis_server: Store) -> None:
    at_redis = quick(redis_server.url)
    async with client(redis_server) as at, heard(RedisChannel("kept", at_redis)) as kept:
        async with heard(RedisChannel("left", at_redis)), heard(RedisChannel("left", at_redis)) as second:
            await subscribed(at, "left")
            await at.publish("left", b"1")
            await until(lambda: second)
        await subscribed(at, "left", 0)
        await subscribed(at, "kept")
        async with heard(RedisChannel("left", at_redis)) as again:
            await subscribed(at, "left")
            await at.publish("left", b"2")
            await at.publish("kept", b"3")
            await until(lambda: again and kept)
            assert (again, kept) == ([Event(b"2")], [Event(b"3")])


async def test_a_server_that_comes_back_is_a_gap(own_redis_server: Store) -> None:
    async with heard(RedisChannel("orders", quick(own_redis_server.url))) as happenings:
        async with client(own_redis_server) as at:
            await subscribed(at, "orders")
            await at.publish("orders", b"1")
            await until(lambda: happenings)
        own_redis_server.kill()
        await until(lambda: len(happenings) == 2)
        own_redis_server.start()
        await until(lambda: len(happenings) == 3)
        async with client(own_redis_server) as at:
            await at.publish("orders", b"2")
            await until(lambda: len(happenings) == 4)
    first, failure, *rest = happenings
    assert first == Event(b"1")
    assert isinstance(failure, UpstreamUnavailable)
    assert (str(failure), failure.source) == ("orders: Redis cannot be reached", "orders")
    assert rest == [GAP, Event(b"2")]


async def test_a_connection_that_is_lost_for_a_moment_is_only_a_gap(redis_server: Store) -> None:
    async with client(redis_server) as at, heard(RedisChannel("orders", quick(redis_server.url))) as happenings:
        await subscribed(at, "orders")
        await at.client_kill_filter(_type="pubsub")
        await until(lambda: happenings)
        await at.publish("orders", b"1")
        await until(lambda: len(happenings) == 2)
        assert happenings == [GAP, Event(b"1")]


async def test_who_comes_while_redis_is_away_is_told_at_once_and_of_a_gap_later(own_redis_server: Store) -> None:
    at_redis = quick(own_redis_server.url)
    own_redis_server.kill()
    async with heard(RedisChannel("a", at_redis)) as early:
        await until(lambda: early)
        async with heard(RedisChannel("b", at_redis)) as late:
            await until(lambda: late)
            own_redis_server.start()
            await until(lambda: len(early) == len(late) == 2)
            assert [type(happening) for happening in early] == [UpstreamUnavailable, Gap]
            assert [type(happening) for happening in late] == [UpstreamUnavailable, Gap]


async def test_messages_that_are_not_json_are_skipped_and_told_once_in_a_row(redis_server: Store) -> None:
    wrong = [b"", b"{", b"nan", b'"\xff"', b"[" * 100_000, b"1 2"]
    async with client(redis_server) as at, heard(RedisChannel("orders", quick(redis_server.url))) as happenings:
        await subscribed(at, "orders")
        for message in [*wrong, b"1", b"x", b"2"]:
            await at.publish("orders", message)
        await until(lambda: Event(b"2") in happenings)
        assert [happening for happening in happenings if isinstance(happening, Event)] == [Event(b"1"), Event(b"2")]
        assert [type(happening) for happening in happenings] == [UpstreamInvalid, Event, UpstreamInvalid, Event]


async def test_messages_of_a_megabyte_arrive_whole(redis_server: Store) -> None:
    large = json.dumps({"text": "é" * 500_000}, ensure_ascii=False).encode()
    async with client(redis_server) as at, heard(RedisChannel("orders", quick(redis_server.url))) as happenings:
        await subscribed(at, "orders")
        for _ in range(3):
            await at.publish("orders", large)
        await until(lambda: len(happenings) == 3)
        assert happenings == [Event(large)] * 3


async def test_a_listener_that_takes_nothing_loses_the_oldest_and_others_lose_nothing(redis_server: Store) -> None:
    feed = RedisChannel("orders", quick(redis_server.url))
    async with client(redis_server) as at, heard(feed) as others:
        slow = feed.listen(listening())
        async with contextlib.aclosing(slow):
            begun = asyncio.ensure_future(anext(slow))
            await subscribed(at, "orders")
            for start in range(0, 10_500, 500):
                async with at.pipeline(transaction=False) as pipe:
                    for number in range(start, start + 500):
                        pipe.publish("orders", str(number))
                    await pipe.execute()
            await until(lambda: len(others) == 10_500)
            assert others == [Event(str(number).encode()) for number in range(10_500)]
            assert await begun == Event(b"0")
            assert await anext(slow) == Gap("events were dropped: they came faster than they could be read")
            assert await anext(slow) == Event(b"501")


async def test_a_wrong_password_ends_the_feed_and_is_not_shown() -> None:
    with store("--requirepass", "right") as locked:
        wrong = f"redis://:hidden@127.0.0.1:{locked.port}"
        for url in (wrong, locked.url):
            for feed in (RedisChannel("orders", quick(url)), RedisStream("orders", quick(url))):
                with pytest.raises(UpstreamError, match=r"^orders: Redis refuses the gateway$") as refused:
                    await anext(feed.listen(listening()))
                assert not refused.value.retryable
        assert "hidden" not in repr(quick(wrong))
        right = quick(f"redis://:right@127.0.0.1:{locked.port}/1")
        knows = redis.asyncio.Redis(port=locked.port, password="right")
        async with knows as at, heard(RedisChannel("orders", right)) as happenings:
            await subscribed(at, "orders")
            await at.publish("orders", b"1")
            await until(lambda: happenings)


async def test_a_channel_that_is_refused_costs_no_other(own_redis_server: Store) -> None:
    rights: dict[str, Any] = {"enabled": True, "passwords": "+pass", "categories": ["+@all"], "keys": ["*"]}
    async with client(own_redis_server) as at:
        await at.acl_setuser("weft", channels=["open.*"], **rights)
        at_redis = quick(f"redis://weft:pass@127.0.0.1:{own_redis_server.port}")
        async with heard(RedisChannel("open.1", at_redis)) as happenings:
            await subscribed(at, "open.1")
            for _ in range(2):
                with pytest.raises(UpstreamError, match=r"^orders: Redis refuses the gateway$"):
                    await anext(RedisChannel("secret", at_redis).listen(listening()))
            await at.publish("open.1", b"1")
            await until(lambda: happenings)
            assert happenings == [Event(b"1")]
            await at.acl_setuser("weft", channels=["secret"], **rights)
            async with heard(RedisChannel("secret", at_redis)) as secret:
                await subscribed(at, "secret")
                await at.publish("secret", b"2")
                await until(lambda: secret)


async def test_a_connection_without_a_sign_of_life_is_opened_again() -> None:
    accepted = 0

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        writer.close()

    listener = await asyncio.start_server(deaf, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    at_redis = Redis(f"redis://127.0.0.1:{port}", timeout=0.05, backoff=lambda: Backoff(chance=lambda: 0.01))
    async with listener, heard(RedisChannel("orders", at_redis)) as happenings:
        await until(lambda: happenings)
        assert [str(happening) for happening in happenings] == ["orders: Redis does not answer in time"]
        assert accepted >= 3


async def test_an_address_from_the_environment_is_read_when_it_is_needed(
    redis_server: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_redis = Redis(env="ORDERS_REDIS", timeout=2)
    assert repr(at_redis) == "Redis(env='ORDERS_REDIS')"
    monkeypatch.delenv("ORDERS_REDIS", raising=False)
    assert at_redis.missing() == ["ORDERS_REDIS"]
    for wrong in (None, "http://user:secret@h"):
        if wrong is not None:
            monkeypatch.setenv("ORDERS_REDIS", wrong)
        with pytest.raises(UpstreamUnavailable, match=r"^orders: Redis has no usable address$"):
            await anext(RedisChannel("orders", at_redis).listen(listening()))
    monkeypatch.setenv("ORDERS_REDIS", redis_server.url)
    assert at_redis.missing() == []
    async with client(redis_server) as at, heard(RedisChannel("orders", at_redis)) as happenings:
        await subscribed(at, "orders")
        await at.publish("orders", b"1")
        await until(lambda: happenings)


async def test_a_server_is_reached_by_its_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "r.sock"
    with store("--unixsocket", str(path)) as running:
        async with client(running) as at, heard(RedisChannel("orders", quick(f"unix://{path}"))) as happenings:
            await subscribed(at, "orders")
            await at.publish("orders", b"1")
            await until(lambda: happenings)


async def test_a_value_that_may_not_stand_in_a_name_is_the_clients_fault() -> None:
    for feed in (RedisChannel("orders.{id}", Redis("redis://h")), RedisStream("orders.{id}", Redis("redis://h"))):
        with pytest.raises(InvalidInput, match=r"^id: a separator may not stand") as refused:
            await anext(feed.listen(listening({"id": "1.secret"})))
        assert refused.value.source == "orders"
