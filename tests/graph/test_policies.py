"""Policies of sources, as operations feel them: retries in their time, writes once, a bad backend beside a good one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import strawberry

from graph import Graph
from sources import Breaker, FakeTransport, Policy, Post, Rest, State
from tests.sources.raw import Request, reply, speaking

pytestmark = pytest.mark.anyio


class Shop:
    """Things to read and to write; the backend answers these in order, the last one for ever."""

    def __init__(self, *answers: Any, within: float | None = None, **policy: Any) -> None:
        left = list(answers)
        self.transport = FakeTransport(lambda *_: left.pop(0) if len(left) > 1 else left[0])
        s = Rest("s", "http://s.example", policy=Policy(**policy), client=self.transport)

        @strawberry.type
        class Query:
            @s.get("/thing")
            def thing(self) -> str | None: ...

            @s.get(Post("/search", body={"text": "{text}"}))
            def search(self, text: str) -> str | None: ...

        @strawberry.type
        class Mutation:
            @s.put("/thing")
            def put(self, text: str) -> str | None: ...

            @s.delete("/thing")
            def delete(self) -> str | None: ...

            @s.post("/thing")
            def post(self, text: str) -> str | None: ...

        self.graph = Graph(query=Query, mutation=Mutation, timeout=within)

    async def ask(self, query: str) -> Any:
        response = await self.graph.execute(query)
        return response["data"], [error["extensions"]["code"] for error in response.get("errors", [])]


LATER: Any = (503, {}, {"Retry-After": "0"})


async def test_a_read_that_takes_a_body_is_repeated_like_any_other() -> None:
    shop = Shop(LATER, "found", retries=1)
    assert await shop.ask('{ search(text: "a") }') == ({"search": "found"}, [])
    assert shop.transport.calls == ["POST /search"] * 2


@pytest.mark.parametrize("write", ['put(text: "a")', "delete", 'post(text: "a")'])
async def test_a_write_is_sent_once(write: str) -> None:
    shop = Shop(LATER, "written", retries=5, hedge=True)
    _, codes = await shop.ask(f"mutation {{ {write} }}")
    assert (codes, len(shop.transport.calls)) == (["UPSTREAM_ERROR"], 1)


async def test_a_backend_that_asks_for_more_time_than_the_operation_has_is_not_waited_for() -> None:
    shop = Shop((503, {}, {"Retry-After": "3600"}), "late", retries=1, timeout=7200, within=60)
    assert await shop.ask("{ thing }") == ({"thing": None}, ["UPSTREAM_ERROR"])
    assert len(shop.transport.calls) == 1


# -- one bad backend beside a good one --------------------------------------------------------------------------------


@asynccontextmanager
async def two_backends(hangs: bool) -> AsyncIterator[tuple[Graph, Rest, list[str]]]:
    asked: list[str] = []

    async def bad(request: Request) -> bytes:
        asked.append("bad")
        if hangs:
            await asyncio.Event().wait()
        return reply(status=500)

    async def good(request: Request) -> bytes:
        asked.append("good")
        return reply(str(asked.count("good")))

    async with speaking(bad) as bad_url, speaking(good) as good_url:
        limits = Policy(limit=2, queue=2, timeout=20, breaker=Breaker(calls=5))
        one, two = Rest("bad", bad_url, policy=limits), Rest("good", good_url, policy=limits)

        @strawberry.type
        class Query:
            @one.get("/thing{?n}")
            def bad(self, n: int) -> str | None: ...

            @two.get("/thing{?n}")
            def good(self, n: int) -> str | None: ...

        graph = Graph(query=Query, timeout=20)
        try:
            yield graph, one, asked
        finally:
            await graph.aclose()


async def test_a_backend_that_hangs_slows_no_operation_that_does_not_touch_it() -> None:
    async with two_backends(hangs=True) as (graph, source, asked):
        stuck = [asyncio.create_task(graph.execute(f"{{ bad(n: {n}) }}")) for n in range(10)]
        async with asyncio.timeout(10):
            while asked.count("bad") < 2 or source.health.waiting < 2:  # noqa: ASYNC110  # what servers do
                await asyncio.sleep(0.001)
            for n in range(50):
                response = await graph.execute(f"{{ good(n: {n}) }}")
                assert response == {"data": {"good": str(n + 1)}}
            # Of ten, two are under way and two wait; the others were told at once that the backend is busy.
            busy = [task.result()["errors"][0]["extensions"]["code"] for task in stuck if task.done()]
        assert (busy, asked.count("bad"), asked.count("good")) == (["UPSTREAM_UNAVAILABLE"] * 6, 2, 50)
        for task in stuck:
            task.cancel()
        await asyncio.wait(stuck)
        assert (source.health.in_flight, source.health.waiting) == (0, 0)


async def test_a_field_of_a_backend_that_is_left_alone_costs_only_itself() -> None:
    async with two_backends(hangs=False) as (graph, source, asked):
        for n in range(20):
            response = await graph.execute(f"{{ bad(n: {n}) good(n: {n}) }}")
            assert response["data"] == {"bad": None, "good": str(n + 1)}
        assert response["errors"][0] == {
            "message": "bad is not asked for the moment: too many of its answers failed",
            "locations": [{"line": 1, "column": 3}],
            "path": ["bad"],
            "extensions": {"code": "UPSTREAM_UNAVAILABLE", "source": "bad", "retryable": True},
        }
        assert (asked.count("bad"), asked.count("good"), source.health.state) == (5, 20, State.OPEN)
