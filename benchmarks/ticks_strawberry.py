"""The server that Weft's subscriptions are compared with: Strawberry's own ``graphql-transport-ws`` in FastAPI.

Each subscriber has a queue; a task puts every event into all of them.
Run alone: ``python -m uvicorn benchmarks.ticks_strawberry:app``.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import strawberry
from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from benchmarks.ticks import TEXT, ticks


@strawberry.type
class Tick:
    """One event."""

    n: int
    at: float
    text: str


_queues: set[asyncio.Queue[Tick]] = set()


@strawberry.type
class Query:
    """Something, since a schema needs a query."""

    ok: bool = True


@strawberry.type
class Subscription:
    """The topic."""

    @strawberry.subscription
    async def tick(self) -> AsyncGenerator[Tick, None]:
        """Give the events from now on."""
        queue: asyncio.Queue[Tick] = asyncio.Queue()
        _queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            _queues.discard(queue)


async def _publish() -> None:
    async for n, at in ticks():
        event = Tick(n=n, at=at, text=TEXT)
        for queue in _queues:
            queue.put_nowait(event)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    publishing = asyncio.create_task(_publish())
    yield
    publishing.cancel()


def _application() -> FastAPI:
    schema = strawberry.Schema(Query, subscription=Subscription)
    app = FastAPI(lifespan=_lifespan)
    app.include_router(GraphQLRouter(schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL]), prefix="/graphql")
    return app


app = _application()
