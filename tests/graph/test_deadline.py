"""An operation's time, and clients that leave: what is not there in time fails alone, what nobody waits for ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import strawberry

from graph import Graph
from graph.errors import GraphError
from resolvers import link
from sources import FakeTransport, Reply, Rest

Json = Any


class Slow(FakeTransport):
    """A backend whose named paths answer only when they are let go; notes what was cancelled."""

    def __init__(self) -> None:
        super().__init__(lambda method, target, body: {"id": 1, "name": target, "author_id": 7})
        self.gates: dict[str, asyncio.Event] = {}
        self.cancelled: list[str] = []

    async def send(self, method: str, url: str, headers: Any, body: Any) -> Reply:
        reply = await super().send(method, url, headers, body)
        path = url.removeprefix("http://s.test")
        if path in self.gates:
            try:
                await self.gates[path].wait()
            except asyncio.CancelledError:
                self.cancelled.append(path)
                raise
        return reply


backend = Slow()
source = Rest("s", "http://s.test", client=backend)
started: list[asyncio.Event] = []


@source.entity(get="/people/{id}")
class Person:
    id: int
    name: str


@strawberry.type
class Thing:
    id: int
    name: str
    author: Person | None = link("author_id")

    @strawberry.field
    async def thought(self) -> str | None:
        await asyncio.sleep(3600)
        return "late"


@strawberry.type
class Query:
    @source.get("/quick")
    def quick(self) -> Thing | None: ...

    @source.get("/slow")
    def slow(self) -> Thing | None: ...

    @strawberry.field
    async def pondered(self) -> int | None:
        await asyncio.sleep(3600)
        return 1

    @strawberry.field
    async def impatient(self) -> int | None:
        raise TimeoutError("its own")


@strawberry.type
class Mutation:
    @source.post("/writes")
    def write(self) -> Thing | None: ...

    @source.post("/again")
    def again(self) -> Thing | None: ...


@asynccontextmanager
async def held(*paths: str) -> AsyncIterator[None]:
    backend.gates = {path: asyncio.Event() for path in paths}
    backend.cancelled.clear()
    backend.calls.clear()
    try:
        yield
    finally:
        for gate in backend.gates.values():
            gate.set()
        await settle()
        backend.gates = {}


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


hasty = Graph(query=Query, mutation=Mutation, timeout=0.3)
patient = Graph(query=Query, mutation=Mutation)


async def test_what_is_not_there_in_time_fails_and_the_rest_stands() -> None:
    async with held("/slow"):
        answered = await hasty.execute("{ quick { name } slow { name } }")
    assert answered["data"] == {"quick": {"name": "/quick"}, "slow": None}
    [error] = answered["errors"]
    assert error["path"] == ["slow"]
    assert error["message"] == "s did not answer before the operation's time was up"
    assert error["extensions"] == {"code": "UPSTREAM_TIMEOUT", "source": "s", "retryable": True}
    assert backend.cancelled == ["/slow"]


async def test_nothing_is_asked_once_the_time_is_up() -> None:
    async with held("/slow"):
        answered = await hasty.execute("{ slow { id } quick { author { name } again: author { id } } }")
        assert answered["data"] == {"slow": None, "quick": {"author": {"name": "/people/7"}, "again": {"id": 1}}}
    async with held("/quick"):
        answered = await hasty.execute("{ quick { author { name } } }")
    assert answered["data"] == {"quick": None}
    assert backend.calls == ["GET /quick"]


@pytest.mark.parametrize("query", ["{ pondered }", "{ pondered quick { name } }"])
async def test_a_resolver_that_takes_too_long_is_an_error_of_its_own(query: str) -> None:
    async with held():
        answered = await hasty.execute(query)
    assert answered["data"]["pondered"] is None
    [error] = answered["errors"]
    assert error["message"] == "'pondered' had no value before the operation's time was up."
    assert error["extensions"] == {"code": "DEADLINE_EXCEEDED"}


async def test_a_resolver_below_takes_no_longer_either() -> None:
    async with held():
        answered = await hasty.execute("{ quick { name thought } }")
    assert answered["data"] == {"quick": {"name": "/quick", "thought": None}}
    assert [error["path"] for error in answered["errors"]] == [["quick", "thought"]]


async def test_a_timeout_of_the_resolvers_own_is_not_the_operations() -> None:
    answered = await hasty.execute("{ impatient }")
    assert [error["extensions"] for error in answered["errors"]] == [{"code": "INTERNAL_SERVER_ERROR"}]


async def test_a_call_that_others_share_outlives_one_operations_time() -> None:
    async with held("/slow"):
        waiting = asyncio.create_task(patient.execute("{ slow { name } }"))
        await settle()
        both = Graph(query=Query, timeout=0.3)
        both.engine.loader = patient.engine.loader
        both.engine.operations._loader = patient.engine.loader
        answered = await both.execute("{ slow { id } }")
        assert answered["data"] == {"slow": None}
        assert backend.cancelled == []
        backend.gates["/slow"].set()
        assert await waiting == {"data": {"slow": {"name": "/slow"}}}
    assert backend.calls == ["GET /slow"]


async def test_when_a_client_leaves_its_calls_are_cancelled() -> None:
    async with held("/slow", "/quick"):
        asking = asyncio.create_task(patient.execute("{ slow { name } quick { name } }"))
        await settle()
        asking.cancel()
        await settle()
        assert sorted(backend.cancelled) == ["/quick", "/slow"]


async def test_calls_that_others_share_are_not_cancelled() -> None:
    async with held("/slow", "/quick"):
        leaving = asyncio.create_task(patient.execute("{ slow { name } quick { name } }"))
        staying = asyncio.create_task(patient.execute("{ slow { id } }"))
        await settle()
        leaving.cancel()
        await settle()
        assert backend.cancelled == ["/quick"]
        backend.gates["/slow"].set()
        assert await staying == {"data": {"slow": {"id": 1}}}
    assert sorted(backend.calls) == ["GET /quick", "GET /slow"]


async def test_a_write_is_finished_although_its_client_has_left() -> None:
    async with held("/writes"):
        writing = asyncio.create_task(patient.execute("mutation { write { name } again { name } }"))
        await settle()
        writing.cancel()
        await settle()
        assert backend.cancelled == []
    assert backend.calls == ["POST /writes"]


async def test_a_write_that_takes_too_long_is_finished_without_its_client() -> None:
    async with held("/writes"):
        answered = await hasty.execute("mutation { write { name } again { name } }")
        assert backend.cancelled == []
    assert answered["data"] == {"write": None, "again": None}
    assert [error["extensions"]["code"] for error in answered["errors"]] == ["UPSTREAM_TIMEOUT"] * 2
    assert backend.calls == ["POST /writes"]


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_more_than_nothing(timeout: float) -> None:
    with pytest.raises(GraphError, match="timeout must be more than 0 seconds"):
        Graph(query=Query, timeout=timeout)


async def test_without_a_timeout_an_operation_may_take_as_long_as_it_likes() -> None:
    endless = Graph(query=Query, timeout=None)
    assert await endless.execute("{ quick { name } }") == {"data": {"quick": {"name": "/quick"}}}
