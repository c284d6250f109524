"""Which events are whole: what an operation reads of an event's object, and what is loaded where it lacks any."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

import pytest
import strawberry
from strawberry.permission import BasePermission

from graph import Graph
from resolvers import discriminator, link
from sources import Event, FakeTransport, Listening, Rest

Json = Any


class Told:
    """A feed that gives what is in it, and ends."""

    variables = frozenset[str]()

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def listen(self, to: Listening) -> AsyncGenerator[Event]:
        for body in self.bodies:
            yield Event(body)


WHOLE = {
    "id": 1,
    "name": "whole",
    "size": {"width": 1, "depth": {"top": 2, "bottom": 3}},
    "rows": [[{"x": 1, "y": 2}]],
    "shop": {"kind": "Shop", "city": "Ghent", "orderId": 7},
    "secret": "loaded",
}


def reply(method: str, target: str, body: bytes | None) -> Json:
    keys = target.partition("ids=")[2].split(",")
    return [{**WHOLE, "id": int(key)} for key in keys if key in ("1", "2")]


told, backend = Told(), FakeTransport(reply)
source = Rest("src", "http://src.example", client=backend, naming="camel", ttl=60)


class Allowed(BasePermission):
    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return bool(source.secret == "loaded")


@strawberry.type
class Depth:
    top: int
    bottom: int


@strawberry.type
class Size:
    width: int
    depth: Depth


@strawberry.type
class Corner:
    x: int
    y: int


@strawberry.type
class Shop:
    city: str
    street: str | None


@strawberry.type
class Depot:
    dock: int | None


Place = Annotated[Shop | Depot, strawberry.union("Place"), discriminator("kind")]


@source.entity(batch="/things{?ids}")
class Thing:
    id: strawberry.ID
    name: str
    size: Size
    rows: list[list[Corner]]
    shop: Place
    secret: strawberry.Private[str | None]
    same: Thing | None = link("id", permission_classes=[Allowed])

    @strawberry.field
    def label(self) -> str:
        return f"{self.name}!"


@strawberry.type
class Query:
    @source.get("/things?ids={id}")
    def things(self, id: int) -> list[Thing]: ...


@strawberry.type
class Subscription:
    @source.feed(told)
    def thing(self) -> Thing: ...

    @source.feed(told)
    def things(self) -> list[Thing | None]: ...


graph = Graph(Query, subscription=Subscription)


async def answered(query: str, *bodies: bytes) -> list[Json]:
    backend.calls.clear()
    told.bodies = list(bodies)
    return [response async for response in graph.subscribe(f"subscription {{ {query} }}")]


@pytest.mark.parametrize(
    ("query", "event"),
    [
        ("thing { name }", b'{"id": 1, "name": null}'),
        ("thing { size { width } }", b'{"id": 1, "size": {"width": 4}}'),
        ("thing { rows { x } }", b'{"id": 1, "rows": [[], [{"x": 4}]]}'),
        (
            "thing { shop { ... on Shop { city } ... on Depot { dock } } }",
            b'{"id": 1, "shop": {"kind": "Shop", "city": ""}}',
        ),
        ("thing { shop { ... on Depot { dock } } }", b'{"id": 1, "shop": {"kind": "Shop"}}'),
        ("thing { __typename }", b"{}"),
        ("thing { name }", b'{"name": "no key"}'),
        ("things { name }", b'[{"id": 1, "name": "n"}, null]'),
    ],
)
async def test_an_event_that_holds_what_is_read_of_it_is_answered_without_a_call(query: str, event: bytes) -> None:
    await answered(query, event)
    assert backend.calls == []


@pytest.mark.parametrize(
    ("query", "event", "found"),
    [
        ("thing { name }", b"1", {"name": "whole"}),
        (
            "thing { size { depth { top } } }",
            b'{"id": 1, "size": {"depth": {"bottom": 9}}}',
            {"size": {"depth": {"top": 2}}},
        ),
        (
            "thing { a: size { depth { top } } b: size { depth { bottom } } }",
            b'{"id": 1, "size": {"depth": {"bottom": 9}}}',
            {"a": {"depth": {"top": 2}}, "b": {"depth": {"bottom": 9}}},
        ),
        ("thing { label }", b'{"id": 1}', {"label": "whole!"}),
        (
            "thing { shop { ... on Shop { city } } }",
            b'{"id": 1, "shop": {"kind": "Shop"}}',
            {"shop": {"city": "Ghent"}},
        ),
        ("thing { shop { ... on Shop { city } } }", b'{"id": 1, "shop": {"city": "Oslo"}}', {"shop": {"city": "Oslo"}}),
        ("thing { same { name } }", b'{"id": 1}', {"same": {"name": "whole"}}),
    ],
)
async def test_an_event_that_lacks_anything_that_is_read_is_completed(query: str, event: bytes, found: Json) -> None:
    assert await answered(query, event) == [{"data": {"thing": found}}]
    assert backend.calls[:1] == ["GET /things?ids=1"]


async def test_objects_in_a_list_are_completed_together() -> None:
    events = b'[1, {"id": 2, "name": "told"}, {"id": 3}, null]', b"[2]"
    assert await answered("things { name size { width } }", *events) == [
        {
            "data": {
                "things": [{"name": "whole", "size": {"width": 1}}, {"name": "told", "size": {"width": 1}}, None, None]
            }
        },
        {"data": {"things": [{"name": "whole", "size": {"width": 1}}]}},
    ]
    assert backend.calls == ["GET /things?ids=1,2,3"]
