"""Buckets in Redis: the same arithmetic as in the process, one count for all processes, and no harm when it is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import redis.asyncio
import strawberry
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import App, Client, Graph, Rate, Trust
from graph.bucket import Demand, Shortage, take
from graph.client import ANONYMOUS, Caller
from graph.errors import RateLimited
from graph.meter import Allowance, Meter, Taken, allowance_of
from graph.metering import Metering
from graph.redis_tallies import TAKE, RedisTallies
from sources import Backoff, Redis
from tests.graph.feeds import until
from tests.serving import running
from tests.stores import Store

ONE = Demand((1.0, 0.0, 1.0), (1.0, 0.0, 0.0))
RATES = (Rate(requests=10, per=3600), Rate(cost=50, per=3600), Rate(calls=20, per=3600))


def quick(url: str) -> Redis:
    """Give a Redis that is tried again at once."""
    return Redis(url, backoff=lambda: Backoff(0.01, 0.02))


def allowance(*rates: Rate) -> Allowance:
    found = allowance_of(rates)
    assert found is not None
    return found


@asynccontextmanager
async def tallies(url: str, *, timeout_s: float = 5.0) -> AsyncIterator[RedisTallies]:
    """Give buckets in Redis that wait longer than a busy machine may need."""
    made = RedisTallies(quick(url), timeout_s=timeout_s)
    try:
        yield made
    finally:
        await made.aclose()


async def taken(tallies: RedisTallies, key: bytes, rates: Allowance, demand: Demand) -> Taken:
    asked = tallies.take(key, rates, demand)
    assert asked is not None  # it went to Redis
    found = await asked
    assert found is not None
    return found


def metered(shared: RedisTallies) -> Metering:
    """Give a gateway that counts three requests an hour there."""
    metering = Metering([Rate(requests=3, per=3600)])
    metering.shared = metering._known._shared = shared
    return metering


async def ask(metering: Metering, name: str = "ada") -> str:
    """Let a client ask once, and give what the header says then."""
    meter = metering.meter(Client(id=name), None)
    assert isinstance(meter, Meter)
    await Caller(ANONYMOUS, meter).admit()
    return dict(meter.headers())[b"ratelimit"].decode().partition(";t=")[0]


@asynccontextmanager
async def at(server: Store) -> AsyncIterator[Any]:
    client = redis.asyncio.Redis.from_url(server.url)
    try:
        await client.flushall()
        yield client
    finally:
        await client.aclose()


amounts = st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 15))


async def test_redis_counts_as_the_process_does(redis_server: Store) -> None:
    @settings(max_examples=40)
    @given(st.lists(st.tuples(amounts, st.booleans()), max_size=15), st.sampled_from([RATES, RATES[:1], RATES[1:]]))
    def same(demands: Any, rates: tuple[Rate, ...]) -> None:
        key, full_at = f"user:{next(numbers)}".encode(), [0.0] * len(rates)
        for amount, is_needed in demands:
            demand = Demand(amount if is_needed else (0, 0, 0), amount)
            expected = take(allowance(*rates).buckets, full_at, 0.0, demand)
            asked = taken(shared, key, allowance(*rates), demand)
            found = asyncio.run_coroutine_threadsafe(asked, loop).result(20)
            if isinstance(expected, Shortage):
                assert isinstance(found, Shortage)
                assert found.place == expected.place
                assert abs(found.wait_s - expected.wait_s) < 20  # meanwhile the clock of Redis goes on
            else:
                full_at = expected
            there = found.full_at if isinstance(found, Shortage) else found
            assert all(abs(ours - theirs) < 20 for ours, theirs in zip(full_at, there, strict=True))

    async with at(redis_server), tallies(redis_server.url) as shared:
        numbers, loop = iter(range(10_000)), asyncio.get_running_loop()
        await asyncio.to_thread(same)


async def test_processes_count_together_and_never_let_more_in(redis_server: Store) -> None:
    rates = allowance(RATES[0])
    async with at(redis_server), tallies(redis_server.url) as one, tallies(redis_server.url) as other:
        asked = [taken(shared, b"ada", rates, ONE) for shared in (one, other) for _ in range(30)]
        outcomes = await asyncio.gather(*asked)
        assert sum(isinstance(outcome, list) for outcome in outcomes) == 10
        shortages = [outcome for outcome in outcomes if isinstance(outcome, Shortage)]
        assert len(shortages) == 50
        assert all(340 < shortage.wait_s <= 360 for shortage in shortages)
        assert isinstance(await taken(one, b"bob", rates, ONE), list)


async def test_many_demands_take_one_round_trip_together(redis_server: Store) -> None:
    async with at(redis_server) as client, tallies(redis_server.url) as shared:
        await taken(shared, b"0", allowance(*RATES), ONE)
        before = await client.info("stats")
        asked = [taken(shared, b"%d" % number, allowance(*RATES), ONE) for number in range(100)]
        await asyncio.gather(*asked)
        after = await client.info("stats")
        assert after["total_reads_processed"] - before["total_reads_processed"] <= 4


async def test_names_of_clients_are_not_in_redis_and_keys_go_when_buckets_are_full(redis_server: Store) -> None:
    async with at(redis_server) as client, tallies(redis_server.url) as shared:
        metering = metered(shared)
        assert await ask(metering, "192.0.2.1") == '"requests";r=2'
        await ask(metering, "ada\ud800")
        first, second = await client.keys("*")
        assert first != second
        for key in (first, second):
            assert key.startswith(b"weft:rates:")
            assert b"192.0.2.1" not in key
            assert b"ada" not in key
            assert 1_190_000 < await client.pttl(key) <= 1_201_001
        shared.spend(first, allowance(Rate(calls=10, per=10_000)), Demand((0, 0, 0), (0, 0, 50)))
        await ask(metering, "bob")
        assert 49_000_000 < await client.pttl(first) <= 50_001_000


async def test_rates_that_have_changed_begin_anew(redis_server: Store) -> None:
    owner = b"ada"
    async with at(redis_server), tallies(redis_server.url) as shared:
        await taken(shared, owner, allowance(Rate(requests=1, per=60)), ONE)
        assert isinstance(await taken(shared, owner, allowance(Rate(requests=1, per=60)), ONE), Shortage)
        assert isinstance(await taken(shared, owner, allowance(Rate(requests=2, per=60)), ONE), list)


async def test_while_redis_is_away_the_process_goes_on_with_what_it_heard_and_says_so_once(
    own_redis_server: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with tallies(own_redis_server.url) as shared:
        metering = metered(shared)
        with caplog.at_level(logging.WARNING, "weft"):
            assert await ask(metering) == '"requests";r=2'
            own_redis_server.kill()
            assert await ask(metering) == '"requests";r=1'
            await until(lambda: shared.is_away)
            assert await ask(metering) == '"requests";r=0'
            with pytest.raises(RateLimited):
                await ask(metering)
            own_redis_server.start()
            await until(lambda: not shared.is_away)
            assert await ask(metering) == '"requests";r=2'  # it was started anew, and knows of nothing
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2, told
    assert "rates are counted in this process: Redis cannot be reached" in told[0]
    assert told[1].endswith("rates are counted there again")


async def test_who_waits_for_a_redis_that_says_nothing_is_let_in_by_the_process() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent, tallies(f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}", timeout_s=0.05) as shared:
        metering = metered(shared)
        assert await ask(metering) == '"requests";r=2'
        assert shared.take(b"ada", allowance(*RATES), ONE) is None  # and nobody waits again
        assert await ask(metering) == '"requests";r=1'


async def test_a_script_that_redis_has_forgotten_is_given_to_it_again(redis_server: Store) -> None:
    async with at(redis_server) as client, tallies(redis_server.url) as shared:
        await taken(shared, b"ada", allowance(*RATES), ONE)
        await client.script_flush()
        waiting = shared.take(b"ada", allowance(*RATES), ONE)
        assert waiting is not None
        assert await waiting is None
        await until(lambda: not shared.is_away)
        assert isinstance(await taken(shared, b"ada", allowance(*RATES), ONE), list)


async def test_who_waits_when_it_is_closed_is_let_go(redis_server: Store) -> None:
    async with tallies(redis_server.url) as shared:
        waiting = shared.take(b"ada", allowance(*RATES), ONE)
        assert waiting is not None
        await shared.aclose()
        assert await waiting is None


def test_the_script_is_plain_ascii() -> None:
    assert TAKE.isascii()


def test_two_servers_that_share_a_redis_let_in_as_much_as_one(redis_server: Store) -> None:
    @strawberry.type
    class Query:
        number: int = strawberry.field(resolver=lambda: 1)

    def app() -> App:
        rates = [Rate(requests=5, per=3600), Rate(cost=100, per=3600), Rate(calls=5, per=3600)]
        trust = Trust(clients=[ada], rates=rates, rates_store=Redis(redis_server.url))
        graph = Graph(query=Query, trust=trust)
        assert graph.metering.shared is not None
        graph.metering.shared.timeout_s = 5  # this machine may be busy
        return App(graph)

    def ada(_: Any) -> Client:
        return Client(id="user:ada of two servers")

    with running(app()) as first, running(app()) as second:
        answers = [httpx.post(f"{(first, second)[n % 2]}/graphql", json={"query": "{ number }"}) for n in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert answers[0].headers["ratelimit"].startswith('"requests";r=4;')
    assert ', "cost";r=99;' in answers[0].headers["ratelimit"]


def test_what_was_closed_in_one_event_loop_is_opened_again_in_another(redis_server: Store) -> None:
    shared = RedisTallies(quick(redis_server.url), timeout_s=5)

    async def ask() -> None:
        assert isinstance(await taken(shared, b"ada", allowance(*RATES), ONE), list)
        await shared.aclose()

    for _ in range(2):
        asyncio.run(ask())
