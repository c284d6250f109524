"""The graph that is served under fire: a steady backend, and others that a proxy breaks."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncGenerator

import strawberry
from strawberry.types import Info

from graph import Graph
from resolvers import Upload, link
from sources import Breaker, Policy, Rest, Unsigned

TIMEOUT_S = 0.5  # of each backend that is broken
DEADLINE_S = 3.0  # of each operation
TTL_S, STALE_S = 0.2, 0.3  # of what is private


def _url(name: str) -> str:
    return os.environ.get(f"{name}_URL", "http://127.0.0.1:9")  # which is for those who only look


LEFT_ALONE = Breaker(open_for=0.2, longest=0.5)  # what is asked again soon can fail in more ways
steady = Rest("steady", _url("STEADY"))
shaky = Rest("shaky", _url("SHAKY"), policy=Policy(timeout=TIMEOUT_S, breaker=LEFT_ALONE))
again = Rest("again", _url("SHAKY"), policy=Policy(timeout=TIMEOUT_S, breaker=LEFT_ALONE, retries=2, hedge=True))
private = Rest(
    "private",
    _url("PRIVATE"),
    policy=Policy(timeout=TIMEOUT_S, breaker=LEFT_ALONE, stale_if_error=STALE_S),
    forward="Authorization",
    ttl=TTL_S,
)
patient = Rest("patient", _url("SHAKY"), policy=Policy(timeout=60, breaker=None))
book = Rest("book", _url("BOOK"), policy=Policy(timeout=TIMEOUT_S, breaker=LEFT_ALONE, retries=2))
nowhere = Rest("nowhere", "http://nowhere.invalid", timeout=TIMEOUT_S)


@strawberry.type
class Note:
    """What the shaky backend says of a thing of the steady one."""

    id: strawberry.ID
    text: str


@steady.entity(get="/things/{id}", batch="/things{?ids}")
class Thing:
    """A thing of the steady backend."""

    id: strawberry.ID
    name: str

    @shaky.get("/notes/{id}", batch="/notes{?ids}", key="id")
    def note(self) -> Note | None: ...


@shaky.entity(get="/items/{id}", batch="/items{?ids}")
class Item:
    """An item of the shaky backend."""

    id: strawberry.ID
    name: str
    thing: Thing | None = link("thing_id")


@again.entity(get="/items/{id}")
class SameItem:
    """The same, asked for again when it fails."""

    id: strawberry.ID
    name: str


@patient.entity(get="/items/{id}")
class AwaitedItem:
    """The same, waited for as long as the operation may take."""

    id: strawberry.ID
    name: str


@strawberry.type
class Person:
    """Who asks."""

    name: str
    words: list[str]


@strawberry.type
class Entry:
    """Something written."""

    id: strawberry.ID
    times: int


@strawberry.type
class Inside:
    """What the process holds."""

    tasks: int
    under_way: int
    subscriptions: int


@strawberry.type
class Query:
    """The root."""

    @steady.get("/things/{id}")
    def thing(self, id: strawberry.ID) -> Thing | None: ...

    @steady.get("/things")
    def things(self) -> list[Thing] | None: ...

    @shaky.get("/items/{id}")
    def item(self, id: strawberry.ID) -> Item | None: ...

    @shaky.get("/items{?ids}")
    def items(self, ids: list[strawberry.ID]) -> list[Item] | None: ...

    @again.get("/items/{id}")
    def same_item(self, id: strawberry.ID) -> SameItem | None: ...

    @patient.get("/items/{id}")
    def awaited_item(self, id: strawberry.ID) -> AwaitedItem | None: ...

    @private.get("/me")
    def me(self) -> Person | None: ...

    @nowhere.get("/things/{id}")
    def gone(self, id: strawberry.ID) -> Note | None: ...

    @strawberry.field
    def echo(self, text: str) -> str:
        return text

    @strawberry.field
    def inside(self, info: Info) -> Inside:
        gc.collect()
        engine = graph.engine
        held = (
            len(engine._flights) + len(engine.loader._flights) + len(engine._under_way) + len(engine.deadlines._ledgers)
        )
        return Inside(tasks=len(asyncio.all_tasks()), under_way=held, subscriptions=len(engine.subscriptions))


@strawberry.type
class Mutation:
    """The writes."""

    @book.post("/entries", body={"id": "{id}"})
    def add(self, id: strawberry.ID) -> Entry | None: ...

    @book.put("/entries/{id}", body={"id": "{id}"})
    def set(self, id: strawberry.ID) -> Entry | None: ...

    @book.delete("/entries/{id}")
    def remove(self, id: strawberry.ID) -> Entry | None: ...

    @strawberry.mutation
    async def length(self, file: Upload) -> int:
        return len(await file.read())


@strawberry.type
class Subscription:
    """The events."""

    @steady.sse("/stream")
    def calm(self) -> Thing: ...

    @shaky.sse("/stream")
    def stormy(self) -> Thing: ...

    @steady.webhook("told", signature=Unsigned())
    def told(self) -> Thing: ...

    @strawberry.subscription
    async def count(self) -> AsyncGenerator[int, None]:
        for number in range(1_000_000):
            yield number
            await asyncio.sleep(0.05)


graph = Graph(query=Query, mutation=Mutation, subscription=Subscription, timeout=DEADLINE_S)
