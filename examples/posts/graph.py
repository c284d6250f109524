"""Posts and their authors, over any JSONPlaceholder-like backend at POSTS_URL."""

import os

import strawberry

from graph import Graph
from resolvers import link
from sources import Rest

backend = Rest("posts", os.environ.get("POSTS_URL", "https://jsonplaceholder.typicode.com"), naming="camel")


@backend.entity(get="/users/{id}", batch="/users{?id*}")
class User:
    id: int
    name: str
    username: str
    email: str
    phone: str | None
    website: str | None


@backend.entity(get="/posts/{id}")
class Post:
    id: int
    user_id: int
    title: str
    body: str
    user: User | None = link("user_id")


@strawberry.type
class Query:
    @backend.get("/posts")
    def posts(self) -> list[Post]: ...

    @backend.get("/posts/{id}")
    def post(self, id: int) -> Post | None: ...

    @strawberry.field
    def greet(self) -> str:
        return "Hello World!"


graph = Graph(query=Query)
