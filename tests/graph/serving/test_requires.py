"""What clients may have, over real connections: requests, arrays of them, GET, sockets, streams."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest
import strawberry
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from graph import App, Client, Credentials, Graph, Trust
from resolvers import authenticated, field, requires
from sources import FakeTransport, Rest
from tests.serving import running

Json = Any
backend = FakeTransport(lambda *_: [{"id": 1, "total": 10}])
shop = Rest("shop", "http://shop.example", client=backend, ttl=60)
QUERY = "{ orders { id total } }"
ASKED = {"graphql-require-preflight": "1"}  # no page of another origin sends it unasked
EVERYTHING = {"data": {"orders": [{"id": 1, "total": 10}]}}


@strawberry.type
class Order:
    id: int
    total: int | None = field(directives=[requires(scopes="orders:read")])


@strawberry.type
class Query:
    @shop.get("/orders")
    def orders(self) -> list[Order]: ...


@strawberry.type
class Mutation:
    @requires(scopes="orders:write")
    @shop.post("/orders")
    def place(self, total: int) -> list[Order] | None: ...


@strawberry.type
class Subscription:
    @strawberry.subscription
    @authenticated
    async def ticks(self) -> AsyncGenerator[int]:
        yield 1


def by_scopes(shown: Credentials) -> Client | None:
    scopes = shown.payload.get("scopes") or shown.headers.get("authorization")
    return None if scopes is None else Client(id=f"user:{scopes}", scopes=frozenset(scopes.split()))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    graph = Graph(query=Query, mutation=Mutation, subscription=Subscription, trust=Trust(clients=[by_scopes]))
    with running(App(graph, max_batch=2)) as url:
        yield f"{url}/graphql"


def ask(url: str, query: Json, scopes: str | None = None, **headers: str) -> httpx.Response:
    own = {} if scopes is None else {"authorization": scopes}
    return httpx.post(url, json=query if isinstance(query, list) else {"query": query}, headers={**own, **headers})


def codes(response: Json) -> list[str]:
    return [error["extensions"]["code"] for error in response.get("errors", ())]


def test_identical_requests_are_answered_by_what_each_client_may_have(url: str) -> None:
    found: list[tuple[str | None, Json]] = []

    def run(scopes: str | None) -> None:
        found.append((scopes, ask(url, QUERY, scopes).json()))

    threads = [threading.Thread(target=run, args=(scopes,)) for scopes in (None, "x", "orders:read", "y") * 10]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 40
    for scopes, response in found:
        if scopes == "orders:read":
            assert response == EVERYTHING
        else:
            assert response["data"] == {"orders": [{"id": 1, "total": None}]}
            assert codes(response) == ["UNAUTHENTICATED" if scopes is None else "FORBIDDEN"]


def test_caches_are_told_nothing_that_they_could_give_to_somebody_else(url: str) -> None:
    allowed = ask(url, QUERY, "orders:read")
    assert allowed.headers["cache-control"] == "private, no-cache"
    assert ask(url, "{ orders { id } }", "orders:read").headers["cache-control"].startswith("public, max-age=")
    got = httpx.get(url, params={"query": QUERY}, headers={"authorization": "orders:read", **ASKED})
    assert got.headers["cache-control"] == "private, no-cache"
    again = {**ASKED, "authorization": "x", "if-none-match": got.headers["etag"]}
    other = httpx.get(url, params={"query": QUERY}, headers=again)
    assert other.status_code == 200
    assert codes(other.json()) == ["FORBIDDEN"]
    assert other.headers["cache-control"] == "no-store"
    assert httpx.get(url, params={"query": QUERY}, headers={**again, "authorization": "orders:read"}).status_code == 304


def test_arrays_of_requests_are_answered_alike(url: str) -> None:
    first, second = ask(url, [{"query": QUERY}, {"query": QUERY}], "x").json()
    assert codes(first) == codes(second) == ["FORBIDDEN"]
    assert ask(url, [{"query": QUERY}], "orders:read").json() == [EVERYTHING]


def test_a_denied_mutation_reaches_no_backend(url: str) -> None:
    before = len(backend.calls)
    response = ask(url, "mutation { place(total: 1) { id } }", "orders:read")
    assert response.status_code == 200
    assert response.json()["data"] == {"place": None}
    assert len(backend.calls) == before


def test_sockets_are_answered_by_who_opened_them(url: str) -> None:
    def run(scopes: str | None, query: str) -> Json:
        address = url.replace("http://", "ws://")
        with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            payload = {} if scopes is None else {"scopes": scopes}
            socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            socket.recv(10)
            socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))
            return json.loads(socket.recv(10))

    assert run("orders:read", QUERY)["payload"] == EVERYTHING
    assert codes(run("x", QUERY)["payload"]) == ["FORBIDDEN"]
    assert codes(run(None, QUERY)["payload"]) == ["UNAUTHENTICATED"]
    refused = run(None, "subscription { ticks }")
    assert refused["type"] == "error"
    assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert run("x", "subscription { ticks }")["payload"] == {"data": {"ticks": 1}}


def test_a_denied_stream_is_refused_before_it_begins(url: str) -> None:
    response = ask(url, "subscription { ticks }", accept="text/event-stream")
    assert "needs an authenticated client" in response.text
    assert "UNAUTHENTICATED" in response.text
    assert '"ticks":1' in ask(url, "subscription { ticks }", "x", accept="text/event-stream").text
