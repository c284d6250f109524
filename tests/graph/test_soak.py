"""Clients that leave at any moment leave nothing behind: no task, flight, deadline, watched request, generator."""

from __future__ import annotations

import asyncio
import gc
import json
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import httpx
import strawberry

from graph import App, Graph
from resolvers import batched, link
from sources import FakeTransport, Reply, Rest
from tests.serving import running

Json = Any

open_generators: list[str] = []


class Backend(FakeTransport):
    """Answers after some turns of the event loop, a different number each time."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.turns = random.Random(7)

    def answer(self, method: str, target: str, body: bytes | None) -> Json:
        if target.startswith("/owners"):
            return [{"id": int(key), "name": f"owner {key}"} for key in target.partition("?id=")[2].split("&id=")]
        if target == "/renamed":
            return {"id": 1, "name": "renamed", "owner_id": 2}
        return [{"id": number, "name": f"shop {number}", "owner_id": number % 5} for number in range(250)]

    async def send(self, method: str, url: str, headers: Any, body: Any) -> Reply:
        for _ in range(self.turns.randrange(12)):
            await asyncio.sleep(0)
        return await super().send(method, url, headers, body)


backend = Backend()
source = Rest("s", "http://s.test", client=backend)


@source.entity(batch="/owners{?id*}")
class Owner:
    id: int
    name: str


@source.entity(get="/shop/{id}")
class Shop:
    id: int
    name: str
    owner: Owner | None = link("owner_id")

    @strawberry.field
    async def slogan(self) -> str:
        await asyncio.sleep(0)
        return f"come to {self.name}"


@batched
async def doubles(keys: list[int]) -> list[int]:
    return [key * 2 for key in keys]


@strawberry.type
class Query:
    @strawberry.field
    async def cancelled(self) -> int | None:
        raise asyncio.CancelledError

    @strawberry.field
    async def doubled(self, number: int) -> int | None:
        return await doubles.load(number)

    @source.get("/shops")
    def shops(self) -> list[Shop]: ...

    @strawberry.field
    async def endless(self) -> strawberry.Streamable[int]:
        async with aclosing(numbers(0.0)) as found:
            async for number in found:
                yield number

    @strawberry.field
    async def stuck(self) -> strawberry.Streamable[Shop]:
        async with aclosing(numbers(3600.0)) as found:
            async for number in found:
                yield made(number)

    @strawberry.field
    async def flood(self) -> strawberry.Streamable[Shop]:
        async with aclosing(numbers(0.0)) as found:
            async for number in found:
                yield made(number)


@strawberry.type
class Mutation:
    @source.post("/renamed")
    def rename(self) -> Shop | None: ...


async def numbers(pause_s: float) -> AsyncGenerator[int]:
    name = f"generator {len(open_generators)}"
    open_generators.append(name)
    try:
        number = 0
        while True:
            yield number
            number += 1
            counted[0] += 1
            await asyncio.sleep(pause_s if number % 3 == 2 else 0)
    finally:
        open_generators.remove(name)


counted = [0]


def made(number: int) -> Shop:
    shop = object.__new__(Shop)
    shop.id, shop.name = number, f"made {number}"
    return shop


QUERIES = [
    "{ shops { id ... @defer { owner { name } slogan } } }",
    '{ shops @stream(initialCount: 3) { name owner { name } ... @defer(label: "x") { slogan } } }',
    "{ ... @defer { shops { name ... @defer { owner { id } } } } }",
    "{ flood @stream(initialCount: 2) { slogan ... @defer { name slogan } } }",
    "{ stuck @stream { id slogan } }",
    "{ stuck @stream(initialCount: 2) { slogan } shops { ... @defer { owner { name } } } }",
    "{ stuck @stream(initialCount: 50) { slogan } }",
    "{ ... @defer { flood @stream(initialCount: 1) { slogan } } }",
    "mutation { rename { name ... @defer { owner { name } slogan } } }",
    "{ shops { owner { name } } }",
    "{ shops { slogan } }",
]


class Client:
    """An ASGI client from a script: it takes so many messages, after so many turns of the loop each, and leaves."""

    def __init__(self, query: str, takes: int, turns: int) -> None:
        self.body = json.dumps({"query": query}).encode()
        self.takes = takes
        self.turns = turns
        self.taken = 0
        self.gone = asyncio.Event()
        self.is_read = False

    async def receive(self) -> dict[str, Any]:
        if not self.is_read:
            self.is_read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self.gone.is_set():
            return  # as uvicorn has it
        self.taken += 1
        for _ in range(self.turns):
            await asyncio.sleep(0)
        if self.taken >= self.takes:
            self.gone.set()

    async def ask(self, app: App, *, leaves_after: float | None = None) -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), (b"accept", b"multipart/mixed, application/json")],
        }
        if leaves_after is not None:
            asyncio.get_running_loop().call_later(leaves_after, self.gone.set)
        await app(scope, self.receive, self.send)


def leavings(app: App) -> dict[str, int]:
    """Count what is still there."""
    engine, presence = app.graph.engine, app._serving._presence
    return {
        "flights": len(engine._flights) + len(engine._flights._led),
        "calls": len(engine.loader._flights),
        "under way": len(engine._under_way),
        "deadlines": len(engine.deadlines._ledgers),
        "present": len(presence._present) + len(presence._watchers) + len(presence._gone),
        "generators": len(open_generators),
    }


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)


NOTHING = {"flights": 0, "calls": 0, "under way": 0, "deadlines": 0, "present": 0, "generators": 0}


async def test_clients_that_leave_at_any_moment_leave_nothing_behind() -> None:
    before = asyncio.all_tasks()
    app = App(Graph(query=Query, mutation=Mutation, timeout=20))
    app._serving._presence._patience_s = 0.002
    rnd = random.Random(3)
    for _ in range(20):
        clients = [Client(rnd.choice(QUERIES), rnd.randint(1, 9), rnd.choice([0, 0, 1, 3])) for _ in range(20)]
        asking = [client.ask(app, leaves_after=rnd.choice([0.0, 0.001, 0.01, 0.03])) for client in clients]
        async with asyncio.timeout(20):
            await asyncio.gather(*asking)
    await settle()
    assert leavings(app) == NOTHING
    assert asyncio.all_tasks() <= before


async def test_requests_that_are_cancelled_leave_nothing_behind() -> None:
    before = asyncio.all_tasks()
    app = App(Graph(query=Query, mutation=Mutation, timeout=20))
    rnd = random.Random(4)
    for _ in range(20):
        clients = [Client(rnd.choice(QUERIES), 10_000, 0) for _ in range(20)]
        tasks = [asyncio.create_task(client.ask(app)) for client in clients]
        for task in rnd.sample(tasks, len(tasks)):
            for _ in range(rnd.randrange(8)):
                await asyncio.sleep(0)
            task.cancel()
        async with asyncio.timeout(20):
            await asyncio.gather(*tasks, return_exceptions=True)
    await settle()
    assert leavings(app) == NOTHING
    assert asyncio.all_tasks() <= before


async def test_a_consumer_that_closes_leaves_nothing_behind_once_it_has() -> None:
    before = asyncio.all_tasks()
    graph = Graph(query=Query, mutation=Mutation)
    for query in QUERIES:
        for taken in range(1, 4):
            payloads = graph.execute_incrementally(query)
            async with asyncio.timeout(5):
                with suppress(TimeoutError, StopAsyncIteration):
                    for _ in range(taken):
                        await asyncio.wait_for(anext(payloads), 0.1)
                await payloads.aclose()
            assert open_generators == []
            assert asyncio.all_tasks() <= before


async def test_a_slow_reader_holds_the_generator_back() -> None:
    graph = Graph(query=Query)
    payloads = graph.execute_incrementally("{ flood @stream { slogan } }")
    await anext(payloads)
    counted[0] = 0
    for _ in range(2000):
        await asyncio.sleep(0)
    assert 0 < counted[0] < 20
    await payloads.aclose()


async def test_an_endless_generator_ends_when_the_time_is_up() -> None:
    graph = Graph(query=Query, timeout=0.2)
    for query in ("{ flood @stream { slogan } }", "{ stuck @stream { slogan } }"):
        async with asyncio.timeout(10):
            found = [payload async for payload in graph.execute_incrementally(query)]
        [ended] = found[-1]["completed"]
        assert ended["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
    async with asyncio.timeout(10):
        [only] = [
            payload async for payload in graph.execute_incrementally("{ stuck @stream(initialCount: 9) { slogan } }")
        ]
    assert only["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
    assert open_generators == []


async def test_real_connections_that_break_leave_nothing_behind() -> None:
    app = App(Graph(query=Query, mutation=Mutation, timeout=20))
    app._serving._presence._patience_s = 0.01
    rnd = random.Random(5)
    with running(app) as address:
        async with asyncio.timeout(60):

            async def ask() -> None:
                async with httpx.AsyncClient() as client:
                    body = {"query": rnd.choice(QUERIES)}
                    headers = {"accept": "multipart/mixed, application/json"}
                    try:
                        async with client.stream(
                            "POST", f"{address}/graphql", json=body, headers=headers, timeout=rnd.choice([0.01, 0.05])
                        ) as reply:
                            left = rnd.randint(0, 5)
                            async for _ in reply.aiter_raw():
                                left -= 1
                                if left < 0:
                                    break
                    except httpx.TimeoutException:
                        pass

            for _ in range(6):
                await asyncio.gather(*(ask() for _ in range(10)))
            while leavings(app) != NOTHING:  # noqa: ASYNC110 - it goes on in the server's thread
                await asyncio.sleep(0.02)
    assert leavings(app) == NOTHING


async def test_a_resolver_that_was_cancelled_is_an_error_of_its_field() -> None:
    graph = Graph(query=Query)
    async with asyncio.timeout(10):
        found = [payload async for payload in graph.execute_incrementally("{ ... @defer { cancelled } }")]
    assert found[1]["incremental"][0]["data"] == {"cancelled": None}


async def test_payloads_may_be_asked_for_from_any_task() -> None:
    graph = Graph(query=Query)
    payloads = graph.execute_incrementally("{ ... @defer { doubled(number: 4) } }")
    await asyncio.create_task(anext(payloads))
    found = await asyncio.create_task(anext(payloads))
    assert found["incremental"][0]["data"] == {"doubled": 8}
    await payloads.aclose()
