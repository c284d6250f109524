"""Endpoints that are spoken to in a manner of their own, as a graph's fields."""

from __future__ import annotations

from typing import Any

import strawberry

from graph import Graph
from resolvers import field
from sources import Call, Endpoint, FakeTransport, Manner, Reads, Rest, Template
from sources.endpoint import CALL_MARK

Json = Any


@strawberry.type
class Thing:
    status: int | None = field("@status")
    name: str | None
    reason: str | None


def graph_of(transport: FakeTransport, manner: Manner, ttl: float = 60) -> Graph:
    source = Rest("s", "http://s.example", client=transport, ttl=ttl)

    def thing(self: Any) -> Thing | None: ...
    def text(self: Any) -> str | None: ...

    for stub, path in ((thing, "/thing"), (text, "/text")):
        setattr(stub, CALL_MARK, Call(source=source, single=Endpoint("GET", Template(path), manner=manner)))
    query = strawberry.type(type("Query", (), {"thing": thing, "text": text}))
    return Graph(query=query)


async def test_a_text_is_a_string_of_the_graph() -> None:
    fake = FakeTransport({"GET /text": b'a "text"\n'})
    graph = graph_of(fake, Manner(reads=Reads.TEXT))
    for _ in range(2):
        assert (await graph.execute("{ text }"))["data"] == {"text": 'a "text"\n'}
    assert fake.calls == ["GET /text"]


async def test_documented_failures_are_objects_and_are_not_kept() -> None:
    results = Manner(results=(("200", Reads.JSON), ("409", Reads.JSON)))
    said: list[Any] = [(409, {"reason": "busy"}, {"cache-control": "max-age=60"}), {"name": "n"}, (500, {})]
    fake = FakeTransport(lambda *_: said.pop(0))
    graph = graph_of(fake, results)
    query = "{ thing { status name reason } }"
    first, second, third = [await graph.execute(query) for _ in range(3)]
    assert first["data"] == {"thing": {"status": 409, "name": None, "reason": "busy"}}
    assert second["data"] == third["data"] == {"thing": {"status": 200, "name": "n", "reason": None}}
    assert len(fake.calls) == 2


async def test_what_is_not_documented_is_still_a_failure() -> None:
    fake = FakeTransport({"GET /thing": (500, {"reason": "secret"})})
    response = await graph_of(fake, Manner(results=(("200", Reads.JSON),))).execute("{ thing { reason } }")
    assert response["data"] == {"thing": None}
    assert [error["message"] for error in response["errors"]] == ["s answered with status 500"]
