"""Loading: which calls are made for which keys, what is stored, and who may see it. Counted, never timed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
import strawberry

from graph import Graph
from resolvers import Store, field, link
from sources import FakeTransport, Post, Rest, UpstreamError

Json = Any


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Backend:
    """Answers by endpoint; `control` is the Cache-Control that it sends, `down` what it refuses."""

    def __init__(self) -> None:
        self.transport = FakeTransport(self.answer)
        self.control: str | None = None
        self.down: set[str] = set()
        self.rows: list[Json] = [{"id": n, "name": f"n{n}", "price": n * 100} for n in range(1, 8)]
        self.things: list[Json] = [1, 2, 2, 9, None]

    def answer(self, method: str, target: str, body: bytes | None) -> Json:
        parts = urlsplit(target)
        query = parse_qsl(parts.query)
        found = self.found(method, parts.path, query, body)
        if any(mark in target for mark in self.down):
            return 503, {}
        headers = {"cache-control": self.control} if self.control else {}
        return found if isinstance(found, tuple) else (200, found, headers)

    def found(self, method: str, path: str, query: list[tuple[str, str]], body: bytes | None) -> Json:
        wanted = [text for name, value in query if name == "ids" for text in value.split(",")]
        if method == "POST" and path == "/levels":
            keys = msgspec.json.decode(body or b"")["keys"]
            return [{"sku": key["sku"], "house": key["house"], "left": len(key["sku"])} for key in reversed(keys)]
        if method == "POST":
            number = int(path.split("/")[2])
            self.rows = [{**row, "name": "new"} if row["id"] == number else row for row in self.rows]
            return next(row for row in self.rows if row["id"] == number)
        if path == "/things":
            return [{"ref": ref, "sku": f"s{index}", "house": "h"} for index, ref in enumerate(self.things)]
        if path == "/rows" and query:
            return [row for row in reversed(self.rows) if str(row["id"]) in wanted]
        if path == "/rows":
            return self.rows
        if path == "/parts":
            return [{"row": row, "label": f"{row}{letter}"} for letter in "ab" for row in wanted if row != "3"]
        if path.startswith("/rows/"):
            return next((row for row in self.rows if str(row["id"]) == path[6:]), (404, {}))
        return 404, {}

    def asked(self) -> list[str]:
        calls = list(self.transport.calls)
        self.transport.calls.clear()
        return calls


backend = Backend()
shared = Rest("shared", "http://shared.example", ttl=30, client=backend.transport)
bare = Rest("bare", "http://bare.example", max_batch=3, client=backend.transport)
own = Rest("own", "http://own.example", ttl=30, forward=["Authorization"], client=backend.transport)


@shared.entity(get="/rows/{id}", batch="/rows{?ids}")
class Row:
    id: strawberry.ID
    name: str
    price: int = field(ttl=5)


@bare.entity(batch="/rows{?ids}", get="/rows/{id}")
class Bare:
    id: int
    name: str

    @bare.get("/parts?ids={id}", batch="/parts{?ids}", group_by="row")
    def parts(self) -> list[Part]: ...


@bare.entity(get="/rows/{id}")
class Lone:
    id: int
    name: str


@bare.entity(get="/levels/{sku}/{house}", batch=Post("/levels", body={"keys": "{keys}"}), key=("sku", "house"))
class Level:
    sku: str
    house: str
    left: int


@strawberry.type
class Part:
    label: str


@strawberry.type
class Thing:
    ref: int | None
    row: Row | None = link("ref")
    bare: Bare | None = link("ref")
    lone: Lone | None = link("ref")
    level: Level | None = link("sku", "house")


@strawberry.type
class Query:
    @bare.get("/things")
    def things(self) -> list[Thing]: ...

    @shared.get("/rows/{id}")
    def row(self, id: strawberry.ID) -> Row | None: ...

    @shared.get("/rows")
    def rows(self) -> list[Row] | None: ...

    @own.get("/rows/{id}")
    def mine(self, id: int) -> Part2 | None: ...

    @bare.get("/rows")
    def all_bare(self) -> list[Bare]: ...


@strawberry.type
class Part2:
    name: str


@strawberry.type
class Mutation:
    @shared.post("/rows/{id}")
    def rename(self, id: strawberry.ID) -> Row | None: ...

    @bare.post("/rows/{id}", invalidates={Row: "id"})
    def rename_elsewhere(self, id: int) -> Bare | None: ...

    @bare.post("/rows/{id}", invalidates=[Row])
    def rename_all(self, id: int) -> Bare | None: ...


class Trial:
    """A graph with an empty store and a clock that stands still."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.graph = Graph(query=Query, mutation=Mutation, store=Store(clock=self.clock))

    async def ask(self, query: str, headers: Mapping[str, str] | None = None, **variables: Any) -> Json:
        return await self.graph.execute(query, variables, headers=headers)


@pytest.fixture
def trial() -> Trial:
    fresh = Backend()
    backend.__dict__.update({name: value for name, value in fresh.__dict__.items() if name != "transport"})
    backend.transport.calls.clear()
    return Trial()


# -- batches ----------------------------------------------------------------------------------------------------------


async def test_answers_match_by_key_and_a_missing_key_is_null(trial: Trial) -> None:
    answer = await trial.ask("{ things { bare { name } } }")
    assert [thing["bare"] for thing in answer["data"]["things"]] == [
        {"name": "n1"},
        {"name": "n2"},
        {"name": "n2"},
        None,
        None,
    ]
    assert backend.asked() == ["GET /things", "GET /rows?ids=1,2,9"]


async def test_aliases_and_siblings_share_one_call(trial: Trial) -> None:
    await trial.ask("{ a: things { bare { name } other: bare { id } } b: things { bare { id name } } }")
    assert backend.asked() == ["GET /things", "GET /rows?ids=1,2,9"]


async def test_more_keys_than_max_batch_are_several_calls(trial: Trial) -> None:
    backend.things = [1, 2, 3, 4, 5, 6, 7]
    answer = await trial.ask("{ things { bare { id } } }")
    assert [thing["bare"]["id"] for thing in answer["data"]["things"]] == [1, 2, 3, 4, 5, 6, 7]
    assert backend.asked() == ["GET /things", "GET /rows?ids=1,2,3", "GET /rows?ids=4,5,6", "GET /rows?ids=7"]


async def test_a_url_that_would_grow_too_long_is_split(trial: Trial) -> None:
    backend.things = [f"{letter * 3000}" for letter in "abc"]
    answer = await trial.ask("{ things { bare { id } } }")
    assert answer["data"]["things"] == [{"bare": None}] * 3
    calls = backend.asked()[1:]
    assert len(calls) == 2
    assert max(map(len, calls)) < 8100


async def test_one_failing_chunk_costs_its_own_keys(trial: Trial) -> None:
    backend.things = [1, 2, 3, 4]
    backend.down = {"ids=4"}
    answer = await trial.ask("{ things { bare { id } } }")
    assert answer["data"]["things"] == [{"bare": {"id": 1}}, {"bare": {"id": 2}}, {"bare": {"id": 3}}, {"bare": None}]
    assert [error["path"] for error in answer["errors"]] == [["things", 3, "bare"]]


async def test_a_key_that_may_not_enter_a_url_fails_alone(trial: Trial) -> None:
    backend.things = [1, "a\0b", 2]
    answer = await trial.ask("{ things { bare { id } } }")
    assert answer["data"]["things"] == [{"bare": {"id": 1}}, {"bare": None}, {"bare": {"id": 2}}]
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_without_a_batch_each_key_is_asked_once(trial: Trial) -> None:
    answer = await trial.ask("{ things { lone { name } again: lone { id } } }")
    assert answer["data"]["things"][3] == {"lone": None, "again": None}
    assert backend.asked() == ["GET /things", "GET /rows/1", "GET /rows/2", "GET /rows/9"]


async def test_one_to_many_keeps_order_and_gives_an_empty_list_for_none(trial: Trial) -> None:
    answer = await trial.ask("{ allBare { id parts { label } } }")
    rows = {row["id"]: [part["label"] for part in row["parts"]] for row in answer["data"]["allBare"]}
    assert rows[1] == ["1a", "1b"]
    assert rows[3] == []
    assert backend.asked() == ["GET /rows", "GET /parts?ids=1,2,3", "GET /parts?ids=4,5,6", "GET /parts?ids=7"]


async def test_composite_keys_go_in_a_body_and_match_by_all_parts(trial: Trial) -> None:
    answer = await trial.ask("{ things { level { sku house left } } }")
    assert answer["data"]["things"][1]["level"] == {"sku": "s1", "house": "h", "left": 2}
    assert [call for call in backend.asked() if "levels" in call] == ["POST /levels"] * 2


async def test_concurrent_operations_share_calls_under_way(trial: Trial) -> None:
    await asyncio.gather(*(trial.ask("{ things { bare { name } } }") for _ in range(5)))
    assert backend.asked() == ["GET /things", "GET /rows?ids=1,2,9"]


# -- the store --------------------------------------------------------------------------------------------------------


async def test_a_batch_asks_only_for_what_is_not_stored(trial: Trial) -> None:
    await trial.ask("{ row(id: 2) { name } }")
    backend.asked()
    answer = await trial.ask("{ things { row { name } } }")
    assert [thing["row"] for thing in answer["data"]["things"][:3]] == [{"name": "n1"}, {"name": "n2"}, {"name": "n2"}]
    assert backend.asked() == ["GET /things", "GET /rows?ids=1,9"]
    await trial.ask("{ a: row(id: 1) { name } b: row(id: 9) { name } }")
    assert backend.asked() == []


async def test_the_smallest_ttl_of_a_selection_decides(trial: Trial) -> None:
    await trial.ask("{ row(id: 1) { name price } }")
    trial.clock.now += 20
    backend.asked()
    assert await trial.ask("{ row(id: 1) { name } }") == {"data": {"row": {"name": "n1"}}}
    assert backend.asked() == []
    assert await trial.ask("{ row(id: 1) { price } }") == {"data": {"row": {"price": 100}}}
    assert backend.asked() == ["GET /rows/1"]
    trial.clock.now += 29
    await trial.ask("{ row(id: 1) { name } }")
    assert backend.asked() == []


@pytest.mark.parametrize(
    ("control", "calls"), [("no-store", 2), ("max-age=0", 2), ("private", 2), ("max-age=1000", 1), ("max-age=9", 2)]
)
async def test_the_backends_cache_control_is_honoured(trial: Trial, control: str, calls: int) -> None:
    backend.control = control
    for _ in range(2):
        await trial.ask("{ row(id: 1) { name } }")
        trial.clock.now += 10
    assert len(backend.asked()) == calls


async def test_failures_and_nonsense_are_not_stored(trial: Trial) -> None:
    backend.down = {"/rows/1"}
    assert "errors" in await trial.ask("{ row(id: 1) { name } }")
    backend.down = set()
    assert await trial.ask("{ row(id: 1) { name } }") == {"data": {"row": {"name": "n1"}}}


async def test_what_depends_on_a_forwarded_header_is_stored_for_that_client_only(trial: Trial) -> None:
    ada, bob = {"Authorization": "ada"}, {"authorization": "bob"}
    for headers in (ada, bob, ada, bob, {}):
        await trial.ask("{ mine(id: 1) { name } }", headers)
    assert backend.asked() == ["GET /rows/1"] * 3
    assert [sent.get("authorization") for sent in backend.transport.headers[-3:]] == ["ada", "bob", None]


@pytest.mark.parametrize(
    ("mutation", "stale"),
    [
        ("mutation { rename(id: 2) { name } }", ["GET /rows/2"]),
        ("mutation { renameElsewhere(id: 2) { name } }", ["GET /rows/2"]),
        ("mutation { renameAll(id: 2) { name } }", ["GET /rows/1", "GET /rows/2"]),
    ],
)
async def test_a_mutation_makes_stale_what_it_changed(trial: Trial, mutation: str, stale: list[str]) -> None:
    both = "{ a: row(id: 1) { name } b: row(id: 2) { name } rows { id } }"
    await trial.ask(both)
    assert (await trial.ask(mutation))["data"]
    backend.asked()
    answer = await trial.ask(both)
    assert answer["data"]["b"] == {"name": "new"}
    assert sorted(backend.asked()) == ["GET /rows", *stale]


async def test_a_mutation_is_sent_once_even_when_its_reply_is_nonsense(trial: Trial) -> None:
    backend.rows = [{"id": 1, "name": ["not a name"]}]
    answer = await trial.ask("mutation { rename(id: 1) { id name price } }")
    assert backend.asked() == ["POST /rows/1"]
    assert answer["errors"]


async def test_mutations_run_one_after_the_other(trial: Trial) -> None:
    await trial.ask("mutation { a: rename(id: 1) { name } b: rename(id: 1) { name } c: rename(id: 2) { id } }")
    assert backend.asked() == ["POST /rows/1", "POST /rows/1", "POST /rows/2"]


def test_errors_of_a_backend_say_when_to_try_again() -> None:
    assert UpstreamError("x", source="s", status=503).retryable
    assert not UpstreamError("x", source="s", status=500).retryable
