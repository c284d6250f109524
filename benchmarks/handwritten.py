"""The server that Weft is compared with: what a competent Python developer writes by hand for the same graph.

Strawberry types with resolvers, Strawberry's own router in FastAPI, one shared httpx client with a large
enough pool, and an aiodataloader per request that turns the authors of 100 posts into one call.
``CACHED_DOCUMENTS=1`` adds Strawberry's parser and validation caches.

Run alone: ``POSTS_URL=http://127.0.0.1:9000 python -m uvicorn benchmarks.handwritten:app``.
"""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
import strawberry
from aiodataloader import DataLoader
from fastapi import FastAPI, Request
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import GraphQLRouter

from benchmarks.posts_data import GREETING


@strawberry.type
class User:
    """The author of posts."""

    id: int
    name: str
    username: str
    email: str
    phone: str | None
    website: str | None

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Build a user from the backend's row."""
        return cls(
            id=row["id"],
            name=row["name"],
            username=row["username"],
            email=row["email"],
            phone=row["phone"],
            website=row["website"],
        )


Info = strawberry.Info[dict[str, Any], None]


@strawberry.type
class Post:
    """An article by one user."""

    id: int
    user_id: int
    title: str
    body: str

    @strawberry.field
    async def user(self, info: Info) -> User | None:
        """Give the author."""
        users: DataLoader[int, User | None] = info.context["users"]
        return await users.load(self.user_id)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Build a post from the backend's row."""
        return cls(id=row["id"], user_id=row["userId"], title=row["title"], body=row["body"])


@strawberry.type
class Query:
    """What a client may ask for."""

    @strawberry.field
    async def posts(self, info: Info) -> list[Post]:
        """Give all posts."""
        return [Post.from_row(row) for row in await _get(info.context["client"], "/posts")]

    @strawberry.field
    async def post(self, info: Info, id: int) -> Post | None:
        """Give one post."""
        return Post.from_row(await _get(info.context["client"], f"/posts/{id}"))

    @strawberry.field
    def greet(self) -> str:
        """Give a constant."""
        return GREETING


async def _get(client: httpx.AsyncClient, path: str, params: Mapping[str, Sequence[int]] | None = None) -> Any:
    response = await client.get(path, params=params)
    response.raise_for_status()
    return response.json()


async def _context(request: Request) -> dict[str, Any]:
    client: httpx.AsyncClient = request.app.state.client

    async def load_users(ids: list[int]) -> list[User | None]:
        rows = await _get(client, "/users", {"id": ids})
        by_id = {row["id"]: User.from_row(row) for row in rows}
        return [by_id.get(id) for id in ids]

    return {"client": client, "users": DataLoader(load_users)}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200, keepalive_expiry=60)
    async with httpx.AsyncClient(base_url=os.environ["POSTS_URL"], limits=limits, timeout=10) as client:
        app.state.client = client
        yield


def _application() -> FastAPI:
    cached = os.environ.get("CACHED_DOCUMENTS") == "1"
    caches = [lambda: ParserCache(maxsize=128), lambda: ValidationCache(maxsize=128)] if cached else []
    router = GraphQLRouter(strawberry.Schema(Query, extensions=caches), context_getter=_context)
    app = FastAPI(lifespan=_lifespan)
    app.include_router(router, prefix="/graphql")
    return app


app = _application()
