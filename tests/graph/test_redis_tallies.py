"""Buckets in Redis: the same arithmetic as in the process, one count for all processes, and no harm when it is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import redis.asyncio
import strawberry
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import App, Client, Graph, Rate, Trust
from graph.bucket import Demand, Shortage
from graph.meter import Allowance, Owner, Taken, allowance_of
from graph.metering import Metering
from graph.redis_tallies import TAKE, RedisTallies
from graph.tallies import ProcessTallies
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
    made = RedisTallies(quick(url), ProcessTallies(), timeout_s=timeout_s)
    try:
        yield made
    finally:
        await made.aclose()


async def taken(tallies: RedisTallies, owner: Owner, rates: Allowance, demand: Demand) -> Taken:
    outcome = tallies.take(owner, rates, demand)
    assert isinstance(outcome, Awaitable)  # it went to Redis
    return await outcome


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
        owner = Owner(f"user:{next(numbers)}", True)
        near = ProcessTallies(clock=lambda: 7.0)
        for taken, is_needed in demands:
            needed = taken if is_needed else (0, 0, 0)
            demand = Demand(needed, taken)
            expected = near.take(owner, allowance(*rates), demand)
            reply = asyncio.run_coroutine_threadsafe(run(owner, allowance(*rates), demand), loop).result(20)
            assert isinstance(reply, Shortage) == isinstance(expected, Shortage), demand
            if isinstance(reply, Shortage) and isinstance(expected, Shortage):
                assert reply.place == expected.place
                assert abs(reply.wait_s - expected.wait_s) < 20  # meanwhile Redis' clock goes on
                assert len(reply.full_at) == len(rates)
            elif isinstance(reply, list) and isinstance(expected, list):
                for ours, theirs in zip(expected, reply, strict=True):
                    assert abs((ours - 7.0) - theirs) < 20

    async with at(redis_server), tallies(redis_server.url) as shared:
        numbers, loop = iter(range(10_000)), asyncio.get_running_loop()

        async def run(owner: Owner, rates: Allowance, demand: Demand) -> Taken:
            return await taken(shared, owner, rates, demand)

        await asyncio.to_thread(same)


async def test_processes_count_together_and_never_let_more_in(redis_server: Store) -> None:
    rates = allowance(RATES[0])
    async with at(redis_server), tallies(redis_server.url) as one, tallies(redis_server.url) as other:
        asked = [taken(shared, Owner("user:ada", True), rates, ONE) for shared in (one, other) for _ in range(30)]
        outcomes = await asyncio.gather(*asked)
        assert sum(isinstance(outcome, list) for outcome in outcomes) == 10
        shortages = [outcome for outcome in outcomes if isinstance(outcome, Shortage)]
        assert len(shortages) == 50
        assert all(340 < shortage.wait_s <= 360 for shortage in shortages)
        assert isinstance(await taken(one, Owner("user:ada", False), rates, ONE), list)  # an address of that name


async def test_many_demands_take_one_round_trip_together(redis_server: Store) -> None:
    async with at(redis_server) as client, tallies(redis_server.url) as shared:
        await taken(shared, Owner("user:0", True), allowance(*RATES), ONE)
        before = await client.info("stats")
        asked = [taken(shared, Owner(f"user:{number}", True), allowance(*RATES), ONE) for number in range(100)]
        await asyncio.gather(*asked)
        after = await client.info("stats")
        assert after["total_reads_processed"] - before["total_reads_processed"] <= 4


async def test_names_of_clients_are_not_in_redis_and_keys_go_when_buckets_are_full(redis_server: Store) -> None:
    async with at(redis_server) as client, tallies(redis_server.url) as shared:
        await taken(shared, Owner("user:ada\ud800", True), allowance(Rate(requests=10, per=100)), ONE)
        [key] = await client.keys("*")
        assert key.startswith(b"weft:rates:")
        assert b"ada" not in key
        assert 9_000 < await client.pttl(key) <= 11_001
        shared.spend(Owner("user:ada\ud800", True), allowance(Rate(calls=10, per=100)), Demand((0, 0, 0), (0, 0, 50)))
        await taken(shared, Owner("user:bob", True), allowance(Rate(requests=10, per=100)), ONE)
        assert 490_000 < await client.pttl(key) <= 501_001


async def test_rates_that_have_changed_begin_anew(redis_server: Store) -> None:
    owner = Owner("user:ada", True)
    async with at(redis_server), tallies(redis_server.url) as shared:
        await taken(shared, owner, allowance(Rate(requests=1, per=60)), ONE)
        assert isinstance(await taken(shared, owner, allowance(Rate(requests=1, per=60)), ONE), Shortage)
        assert isinstance(await taken(shared, owner, allowance(Rate(requests=2, per=60)), ONE), list)


async def test_while_redis_is_away_the_process_counts_and_says_so_once(
    own_redis_server: Store, caplog: pytest.LogCaptureFixture
) -> None:
    metering = Metering([Rate(requests=3, per=3600)])
    shared = RedisTallies(quick(own_redis_server.url), metering._near, timeout_s=5)
    metering._tallies = shared

    async def ask() -> bytes:
        meter = metering.meter(Client(id="ada"), None)
        assert meter is not None
        await meter.admit()
        return dict(meter.headers())[b"ratelimit"]

    with caplog.at_level(logging.WARNING, "weft"):
        assert (await ask()).startswith(b'"requests";r=2;')
        own_redis_server.kill()
        assert (await ask()).startswith(b'"requests";r=2;')  # this process knew nothing of the one before
        await until(lambda: shared._is_away)
        assert (await ask()).startswith(b'"requests";r=1;')
        own_redis_server.start()
        await until(lambda: not shared._is_away)
        assert (await ask()).startswith(b'"requests";r=2;')  # it forgot, as it was started anew
    await metering._tallies.aclose()
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
        first = shared.take(Owner("user:ada", True), allowance(*RATES), ONE)
        assert isinstance(first, Awaitable)
        assert isinstance(await first, list)
        assert isinstance(shared.take(Owner("user:ada", True), allowance(*RATES), ONE), list)  # and nobody waits again


async def test_a_script_that_redis_has_forgotten_is_given_to_it_again(redis_server: Store) -> None:
    async with at(redis_server) as client, tallies(redis_server.url) as shared:
        await taken(shared, Owner("user:ada", True), allowance(*RATES), ONE)
        await client.script_flush()
        assert isinstance(await taken(shared, Owner("user:ada", True), allowance(*RATES), ONE), list)
        await until(lambda: not shared._is_away)
        assert isinstance(await taken(shared, Owner("user:ada", True), allowance(*RATES), ONE), list)


async def test_what_waits_when_it_is_closed_is_counted_in_the_process(redis_server: Store) -> None:
    async with tallies(redis_server.url) as shared:
        waiting = shared.take(Owner("user:ada", True), allowance(*RATES), ONE)
        assert isinstance(waiting, Awaitable)
        await shared.aclose()
        assert isinstance(await waiting, list)


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
        assert isinstance(graph.metering._tallies, RedisTallies)
        graph.metering._tallies._timeout_s = 5  # this machine may be busy
        return App(graph)

    def ada(_: Any) -> Client:
        return Client(id="user:ada of two servers")

    with running(app()) as first, running(app()) as second:
        answers = [httpx.post(f"{(first, second)[n % 2]}/graphql", json={"query": "{ number }"}) for n in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert answers[0].headers["ratelimit"].startswith('"requests";r=4;')
    assert ', "cost";r=99;' in answers[0].headers["ratelimit"]
