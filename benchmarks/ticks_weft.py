"""Weft's graph of the subscription benchmark: ``weft serve benchmarks/ticks_weft.py``."""

from collections.abc import AsyncGenerator

import strawberry

from benchmarks.ticks import TEXT, ticks
from graph import Graph
from resolvers import shared


@strawberry.type
class Tick:
    """One event."""

    n: int
    at: float
    text: str


@strawberry.type
class Query:
    """Something, since a schema needs a query."""

    ok: bool = True


@strawberry.type
class Subscription:
    """The topic."""

    @strawberry.subscription
    @shared()
    async def tick(self) -> AsyncGenerator[Tick, None]:
        """Give the events from now on; once for all who subscribe."""
        async for n, at in ticks():
            yield Tick(n=n, at=at, text=TEXT)


graph = Graph(query=Query, subscription=Subscription)
