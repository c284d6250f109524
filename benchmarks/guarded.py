"""The posts graph with everything on: tokens verified, rates counted, scopes required, retries allowed."""

from __future__ import annotations

import os
import time

import jwt
import strawberry

from graph import Graph, Jwt, Rate, Trust
from resolvers import authenticated, link, requires
from sources import Policy, Rest

_SECRET = "only the benchmark signs with this secret"
_PER_S = 1_000_000


def token() -> str:
    """Give a token that the server below takes for some hours."""
    claims = {"sub": "bench", "scope": "posts:read", "exp": int(time.time()) + 36_000}
    return jwt.encode(claims, _SECRET, algorithm="HS256")


backend = Rest(
    "posts",
    os.environ.get("POSTS_URL", "https://jsonplaceholder.typicode.com"),
    naming="camel",
    policy=Policy(retries=2),
)


@backend.entity(get="/users/{id}", batch="/users{?id*}")
class User:
    """Somebody who writes."""

    id: int
    name: str
    email: str


@requires(scopes="posts:read")
@backend.entity(get="/posts/{id}")
class Post:
    """Something written."""

    id: int
    user_id: int
    title: str
    user: User | None = link("user_id")


@strawberry.type
class Query:
    """What the benchmark asks for."""

    @requires(scopes="posts:read")
    @backend.get("/posts")
    def posts(self) -> list[Post]:  # type: ignore[empty-body]  # a stub
        """All posts."""

    @authenticated
    @strawberry.field
    def greet(self) -> str:
        """A constant."""
        return "Hello World!"


graph = Graph(
    query=Query,
    trust=Trust(
        clients=[Jwt(key=_SECRET)],
        rates=[Rate(requests=_PER_S * 60, per=60)],
    ),
)
