"""One policy per source: what an author declares, and that it reaches the wire."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from sources import (
    Breaker,
    FakeTransport,
    Health,
    NotAsked,
    Policy,
    Rest,
    State,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from sources.openapi import OpenAPI
from tests.sources.raw import Request, reply, speaking

pytestmark = pytest.mark.anyio


def test_what_a_source_does_when_nothing_is_said() -> None:
    assert Rest("s", "http://s.example").policy == Policy(
        timeout=10.0,
        connect_timeout=2.0,
        read_timeout=None,
        retries=0,
        retry_budget=0.2,
        limit=100,
        queue=1000,
        breaker=Breaker(ratio=0.5, window=10.0, calls=20, slow=None, open_for=5.0, longest=60.0, probes=3),
        hedge=False,
        stale_if_error=0.0,
        stale_while_revalidate=0.0,
    )


def test_options_of_a_source_take_the_place_of_its_policys() -> None:
    policy = Policy(timeout=1, retries=5, hedge=True)
    source = Rest("s", "http://s.example", policy=policy, timeout=3, connect_timeout=1, read_timeout=2, limit=7)
    assert source.faults == []
    assert source.policy == Policy(timeout=3, connect_timeout=1, read_timeout=2, limit=7, retries=5, hedge=True)
    assert Rest("s", "http://s.example", policy=policy).policy == policy
    assert Rest("s", "http://s.example", policy=policy, retries=0).policy.retries == 0


def test_documents_take_the_same_policy() -> None:
    policy = Policy(retries=2)
    source = OpenAPI("pets", "nowhere.yaml", url="http://pets.example", policy=policy, limit=3)
    assert source.policy == Policy(retries=2, limit=3)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy(timeout=0), "timeout must be more than 0 seconds"),
        (Policy(timeout=float("inf")), "timeout must be more than 0 seconds"),
        (Policy(connect_timeout=-1), "connect_timeout must be more than 0 seconds"),
        (Policy(read_timeout=float("nan")), "read_timeout must be more than 0 seconds"),
        (Policy(retries=-1), "retries is too small"),
        (Policy(limit=0), "limit is too small"),
        (Policy(queue=-1), "queue is too small"),
        (Policy(retry_budget=-0.1), "retry_budget must be 0 or more"),
        (Policy(retry_budget=float("nan")), "retry_budget must be 0 or more"),
        (Policy(stale_if_error=-1), "stale_if_error must be 0 or more"),
        (Policy(stale_while_revalidate=float("inf")), "stale_while_revalidate must be 0 or more"),
        (Policy(breaker=Breaker(ratio=2)), "breaker: ratio is not more than 0 and at most 1"),
    ],
)
def test_a_policy_that_cannot_be_is_a_fault_of_its_source(policy: Policy, said: str) -> None:
    assert Rest("s", "http://s.example", policy=policy).faults == [f"source 's': {said}"]


def test_every_fault_of_a_policy_is_told() -> None:
    policy = Policy(timeout=0, retries=-1, breaker=Breaker(calls=0))
    assert Rest("s", "http://s.example", policy=policy, limit=0).faults == [
        "source 's': limit is too small",
        "source 's': retries is too small",
        "source 's': timeout must be more than 0 seconds",
        "source 's': breaker: calls is too small",
    ]


async def test_a_source_tells_how_it_is_doing() -> None:
    fake = FakeTransport({"GET /well": {}, "GET /badly": (500, {})})
    source = Rest("s", "http://s.example", client=fake, policy=Policy(breaker=Breaker(calls=4)))
    for path in ("/well", "/well", "/badly"):
        await source.send("GET", path)
    assert source.health == Health(state=State.CLOSED, failure_ratio=1 / 3, in_flight=0, waiting=0)
    await source.send("GET", "/badly")
    assert source.health == Health(state=State.OPEN, failure_ratio=0.5, in_flight=0, waiting=0)
    with pytest.raises(NotAsked) as failed:
        await source.send("GET", "/well")
    assert (failed.value.code, failed.value.retryable, failed.value.source, failed.value.status) == (
        "UPSTREAM_UNAVAILABLE",
        True,
        "s",
        None,
    )
    assert len(fake.calls) == 4


async def test_a_backend_that_is_down_is_left_alone() -> None:
    async with speaking(lambda request: asyncio.sleep(0, reply())) as url:
        pass  # and nobody listens there any more
    source = Rest("s", url)
    for _ in range(20):
        with pytest.raises(UpstreamUnavailable, match="s cannot be reached"):
            await source.send("GET", "/")
    with pytest.raises(NotAsked):
        await source.send("GET", "/")
    await source.aclose()


@pytest.mark.parametrize("kind", ["pyreqwest", "httpx"])
async def test_all_attempts_and_waits_share_one_timeout(kind: str) -> None:
    asked = 0

    async def answer(request: Request) -> bytes:
        nonlocal asked
        asked += 1
        if asked == 1:
            return reply(status=503, headers=("Retry-After: 0",))
        await asyncio.Event().wait()
        return b""

    async with speaking(answer) as url:
        client = httpx.AsyncClient(timeout=60, trust_env=False) if kind == "httpx" else None
        source = Rest("s", url, client=client, timeout=0.3, retries=3)
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        with pytest.raises(UpstreamTimeout):
            await source.send("GET", "/")
        assert (asked, loop.time() - began_at < 5) == (2, True)
        await source.aclose()


async def test_writes_are_sent_once_whatever_becomes_of_them() -> None:
    asked: list[str] = []

    async def answer(request: Request) -> bytes:
        asked.append(request.method)
        return b""  # hangs up

    async with speaking(answer) as url:
        source = Rest("s", url, policy=Policy(retries=5, hedge=True))
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(UpstreamUnavailable):
                await source.send(method, "/", body=b"{}")
        await source.aclose()
    assert asked == ["POST", "PUT", "PATCH", "DELETE"]


async def test_a_hedged_read_is_answered_by_the_second_attempt() -> None:
    asked: list[str] = []

    async def answer(request: Request) -> bytes:
        asked.append(request.target)
        if request.target == "/slow" and asked.count("/slow") == 1:
            await asyncio.Event().wait()
        return reply({"asked": len(asked)})

    async with speaking(answer) as url:
        source = Rest("s", url, policy=Policy(hedge=True))
        for _ in range(20):
            await source.send("GET", "/quick")
        got: Any = await source.send("GET", "/slow")
        assert (got.status, asked.count("/slow")) == (200, 2)
        assert source.health == Health(state=State.CLOSED, failure_ratio=0.0, in_flight=0, waiting=0)
        await source.aclose()
