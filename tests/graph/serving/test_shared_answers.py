"""What requests that share one answer have each for themselves: the headers, in the media type that each accepts."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import httpx
import strawberry

from graph import App, Graph
from graph.asgi import Receive, Scope, Send
from sources import FakeTransport, Rest

QUERY = {"query": "{ thing { name } }"}


async def ask_together(*headers: dict[str, str]) -> tuple[list[httpx.Response], list[str]]:
    """Send one query several times at once; give the answers, and the upstream calls that they took."""
    transport = FakeTransport({"GET /thing": {"name": "Ada"}})
    source = Rest("s", "http://s.example", client=transport)

    @strawberry.type
    class Thing:
        name: str

    class Fields:
        @source.get("/thing")
        def thing(self) -> Thing: ...

    Fields.thing.__annotations__["return"] = Thing
    app = App(Graph(query=strawberry.type(type("Query", (), {"thing": Fields.thing}))))

    async def marking(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-mark", b"here"))  # in place, as middleware does
            await send(message)

        await app(scope, receive, sending)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(marking), base_url="http://gateway.example") as client:
        asking = (client.post("/graphql", json=QUERY, headers=own) for own in headers)
        return await asyncio.gather(*asking), transport.calls


async def test_what_middleware_adds_to_one_answer_is_not_in_those_that_share_it() -> None:
    answers, calls = await ask_together(*[{"accept-encoding": "identity"}] * 3)
    assert calls == ["GET /thing"]
    assert [answer.headers.get_list("x-mark") for answer in answers] == [["here"], ["here"], ["here"]]
    assert [answer.content for answer in answers] == [b'{"data":{"thing":{"name":"Ada"}}}'] * 3


async def test_who_shares_an_answer_still_gets_it_in_the_media_type_that_it_accepts() -> None:
    accepted = ["application/json", "application/graphql-response+json", "application/json;q=0.5, */*;q=0.1"]
    answers, calls = await ask_together(*[{"accept": media_type} for media_type in accepted])
    assert calls == ["GET /thing"]
    assert [answer.headers["content-type"] for answer in answers] == [
        "application/json; charset=utf-8",
        "application/graphql-response+json; charset=utf-8",
        "application/json; charset=utf-8",
    ]
    assert [answer.headers["cache-control"] for answer in answers] == ["no-cache"] * 3
    assert [answer.headers["content-length"] for answer in answers] == ["33"] * 3
