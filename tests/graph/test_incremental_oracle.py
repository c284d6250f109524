"""What Weft delivers in parts is what graphql-core does: generated operations, over data that is good or broken.

The oracle is graphql-core's own incremental execution of the same schema with naive resolvers, one key at a time.
Payloads of both are put together by one strict client, which refuses what the draft forbids. Weft may deliver at once
what needs no waiting, where a null then travels further; so operations over broken data ask in each fragment and list
for `mark`, which a resolver gives.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import graphql
import pytest
import strawberry
from graphql.execution import ExperimentalIncrementalExecutionResults, experimental_execute_incrementally
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from graph import Graph
from graph.engine import Request
from graph.payloads import Draft2022
from resolvers import discriminator, link
from sources import FakeTransport, Reply, Rest

Json = Any


class World:
    """Things by their ids; `faults` are the endpoints that fail, `lacking` the ids of which nothing is found."""

    def __init__(
        self, things: dict[int, Json], faults: set[str], lacking: set[int], made: int, ends_badly: bool
    ) -> None:
        self.things = things
        self.faults = faults
        self.lacking = lacking
        self.made = made
        self.ends_badly = ends_badly

    def listed(self) -> list[Json]:
        return list(self.things.values())

    def found(self, key: Any) -> Json:
        return None if key in self.lacking else self.things.get(key)

    def notes(self, key: int) -> list[Json]:
        return self.things[key]["notes"] if key in self.things else []


world = World({}, set(), set(), 0, False)


class Backend(FakeTransport):
    """Answers after a number of turns of the event loop that differs from call to call."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.turns = random.Random(0)

    def answer(self, method: str, target: str, body: bytes | None) -> Json:
        parts = urlsplit(target)
        name, query = parts.path.strip("/"), parse_qs(parts.query)
        keys = [*query.get("id", []), *query.get("thing_id", [])]
        if name in world.faults:
            return 500, {}
        if name == "things":
            return world.listed()
        if name == "by-id":
            return [thing for key in keys if (thing := world.found(int(key))) is not None]
        if name == "notes":
            return [note for key in keys for note in world.notes(int(key))]
        if name.startswith("thing/"):
            return world.found(int(name.removeprefix("thing/"))) or (404, {})
        raise AssertionError(target)

    async def send(self, method: str, url: str, headers: Any, body: Any) -> Reply:
        for _ in range(self.turns.randrange(6)):
            await asyncio.sleep(0)
        return await super().send(method, url, headers, body)


backend = Backend()
source = Rest("s", "http://s.test", client=backend)


@strawberry.type
class Cat:
    lives: int
    thing: Thing | None = link("thing_id")

    @strawberry.field
    async def mark(self) -> str:
        return "cat"


@strawberry.type
class Dog:
    barks: str | None
    thing: Thing = link("thing_id")

    @strawberry.field
    async def mark(self) -> str:
        await asyncio.sleep(0)
        return "dog"


Pet = Annotated[
    Cat | Dog,
    strawberry.union("Pet"),
    discriminator(lambda found: Cat if "lives" in found else Dog),
]


@strawberry.type
class Detail:
    size: int
    thing: Thing | None = link("thing_id")

    @strawberry.field
    def mark(self) -> str:
        return "detail"


@strawberry.type
class Note:
    text: str
    about: Thing | None = link("about_id")

    @strawberry.field
    async def mark(self) -> str | None:
        return "note"


@source.entity(get="/thing/{id}", batch="/by-id{?id*}")
class Thing:
    id: int
    name: str
    hint: str | None
    child: Thing | None = link("child_id")
    sure: Thing = link("child_id")
    kids: list[Thing] = link("kid_ids")
    loose_kids: list[Thing | None] | None = link("kid_ids")
    detail: Detail | None
    sure_detail: Detail
    details: list[Detail]
    grid: list[list[Detail | None]] | None
    pet: Pet | None
    pets: list[Pet]

    @source.get("/notes{?thing_id}", batch="/notes{?thing_id*}", group_by="thing_id")
    def notes(self) -> list[Note]: ...

    @strawberry.field
    async def mark(self) -> str:
        await asyncio.sleep(0)
        return "thing"

    @strawberry.field
    async def slogan(self) -> str:
        if self.name is None:
            raise ValueError("no name")
        return f"come to {self.name}"


@strawberry.type
class Query:
    @source.get("/things")
    def things(self) -> list[Thing | None] | None: ...

    @source.get("/things")
    def sure_things(self) -> list[Thing]: ...

    @source.get("/thing/{id}")
    def thing(self, id: int) -> Thing | None: ...

    @strawberry.field
    async def made(self) -> strawberry.Streamable[Detail | None]:
        async for size in made():
            yield detail_of(size)

    @strawberry.field
    async def surely_made(self) -> strawberry.Streamable[Detail]:
        async for size in made():
            yield detail_of(size)

    @strawberry.field
    async def mark(self) -> str | None:
        return "root"


def detail_of(size: int | None) -> Detail:
    found = object.__new__(Detail)
    found.size = size  # type: ignore[assignment]
    return found


async def made() -> AsyncIterator[int | None]:
    for size in range(world.made):
        await asyncio.sleep(0)
        yield None if world.ends_badly and size == 2 else size
    if world.ends_badly:
        raise ValueError("no more")


weft = Graph(query=Query)

# -- the oracle -------------------------------------------------------------------------------------------------------

ORACLE = graphql.build_schema(weft.sdl())


def looked_up(key: Any) -> Json:
    if key is None:
        return None
    if "by-id" in world.faults:
        raise ValueError("by-id")
    return world.found(key)


def listed(_: Any, info: Any) -> Json:
    if "things" in world.faults:
        raise ValueError("things")
    return world.listed()


def one(_: Any, info: Any, id: int) -> Json:
    if f"thing/{id}" in world.faults:
        raise ValueError("thing")
    return world.found(id)


def notes(thing: Json, info: Any) -> Json:
    if "notes" in world.faults:
        raise ValueError("notes")
    return world.notes(thing["id"])


def kids(thing: Json, info: Any) -> Json:
    failed = ValueError("by-id") if "by-id" in world.faults else None
    return [failed or looked_up(key) for key in thing["kid_ids"]]


def slogan(thing: Json, info: Any) -> str:
    if thing["name"] is None:
        raise ValueError("no name")
    return f"come to {thing['name']}"


async def sizes(_: Any, info: Any) -> AsyncIterator[Json]:
    async for size in made():
        yield {"size": size, "thing_id": None}


RESOLVERS: dict[str, dict[str, Any]] = {
    "Query": {
        "things": listed,
        "sureThings": listed,
        "thing": one,
        "made": sizes,
        "surelyMade": sizes,
        "mark": lambda *_: "root",
    },
    "Thing": {
        "child": lambda thing, _: looked_up(thing["child_id"]),
        "sure": lambda thing, _: looked_up(thing["child_id"]),
        "kids": kids,
        "looseKids": kids,
        "sureDetail": lambda thing, _: thing["sure_detail"],
        "notes": notes,
        "mark": lambda *_: "thing",
        "slogan": slogan,
    },
    "Detail": {"thing": lambda detail, _: looked_up(detail["thing_id"]), "mark": lambda *_: "detail"},
    "Note": {"about": lambda note, _: looked_up(note["about_id"]), "mark": lambda *_: "note"},
    "Cat": {"thing": lambda pet, _: looked_up(pet["thing_id"]), "mark": lambda *_: "cat"},
    "Dog": {"thing": lambda pet, _: looked_up(pet["thing_id"]), "mark": lambda *_: "dog"},
}
for kind_name, resolvers in RESOLVERS.items():
    kind: Any = ORACLE.type_map[kind_name]
    for field_name, resolver in resolvers.items():
        kind.fields[field_name].resolve = resolver
pet_kind: Any = ORACLE.type_map["Pet"]
pet_kind.resolve_type = lambda value, *_: "Cat" if "lives" in value else "Dog"

# -- a client ---------------------------------------------------------------------------------------------------------

Outcome = tuple[Json, Counter[str]]


class Client:
    """Puts payloads together as the draft of today says, and refuses what it forbids."""

    def __init__(self) -> None:
        self.data: Json = None
        self.errors: Counter[str] = Counter()
        self.pending: dict[str, Json] = {}
        self.seen: set[str] = set()

    def take(self, payload: Json, *, is_first: bool) -> None:
        assert payload.keys() <= {"data", "errors", "pending", "incremental", "completed", "hasNext"}
        assert ("data" in payload) == is_first
        if is_first:
            self.data = payload["data"]
        self._note(payload.get("errors", []))
        for entry in payload.get("pending", []):
            assert entry["id"] not in self.seen, "an id is announced once"
            self.seen.add(entry["id"])
            self.pending[entry["id"]] = entry
        for entry in payload.get("incremental", []):
            place = self._at([*self.pending[entry["id"]]["path"], *entry.get("subPath", [])])
            self._note(entry.get("errors", []))
            if "items" in entry:
                place.extend(entry["items"])
            else:
                merge(place, entry["data"])
        for entry in payload.get("completed", []):
            ended = self.pending.pop(entry["id"])["path"]
            if "errors" in entry:  # which of several errors ended it depends on which came first
                assert all(error["path"][: len(ended)] == ended for error in entry["errors"])
                self.errors[f"ended {ended}"] += 1
        for entry in self.pending.values():
            assert isinstance(self._at(entry["path"]), dict | list), "what is to come has a place"

    def _note(self, errors: list[Json]) -> None:
        self.errors.update(str(error.get("path")) for error in errors)

    def _at(self, path: list[Any]) -> Json:
        place = self.data
        for step in path:
            place = place[step]
        return place


def merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            assert key not in into, "nothing is sent twice"
            into[key] = value


def outcome(payloads: list[Json]) -> Outcome:
    payloads = json.loads(json.dumps(payloads))
    client = Client()
    for index, payload in enumerate(payloads):
        assert payload.get("hasNext", False) == (index < len(payloads) - 1)
        client.take(payload, is_first=index == 0)
        assert bool(client.pending) == payload.get("hasNext", False)
    return client.data, client.errors


def outcome_2022(payloads: list[Json]) -> Outcome:
    """Put payloads together as clients of 2022 do: by path."""
    payloads = json.loads(json.dumps(payloads))
    errors: Counter[str] = Counter(str(error["path"]) for error in payloads[0].get("errors", []))
    data = payloads[0]["data"]
    for index, payload in enumerate(payloads):
        assert payload.get("hasNext", False) == (index < len(payloads) - 1)
        for entry in payload.get("incremental", []):
            assert entry.keys() <= {"data", "items", "path", "label", "errors"}
            place = data
            steps = entry["path"] if "data" in entry else entry["path"][:-1]
            if entry.get("data", entry.get("items")) is None:
                assert entry["errors"]
                errors[f"ended {steps}"] += 1
            else:
                errors.update(str(error["path"]) for error in entry.get("errors", []))
            for step in steps:
                place = place[step]
            if "data" in entry:
                assert isinstance(place, dict)
                merge(place, entry["data"] or {})
            else:
                assert entry["path"][-1] == len(place)
                place.extend(entry["items"] or [])
    return data, errors


async def expected(text: str, variables: dict[str, Json]) -> Outcome:
    result = experimental_execute_incrementally(ORACLE, graphql.parse(text), variable_values=variables)
    if inspect.isawaitable(result):
        result = await result
    if not isinstance(result, ExperimentalIncrementalExecutionResults):
        return outcome([result.formatted])
    later = [payload.formatted async for payload in result.subsequent_results]
    return outcome([result.initial_result.formatted, *later])


async def delivered(text: str, variables: dict[str, Json]) -> list[Json]:
    return [payload async for payload in weft.execute_incrementally(text, variables)]


async def delivered_2022(text: str, variables: dict[str, Json]) -> list[Json]:
    request = Request(text, None, dict(variables))
    answer = await weft.engine.answer(request, {}, lambda: None, key=object(), writer=Draft2022())
    if answer.payloads is None:
        return [json.loads(answer.body)]
    return [payload async for payload in answer.payloads]


# -- generated worlds and operations ----------------------------------------------------------------------------------


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, bool]:
    """Make a world; tell whether it is good."""
    rnd = random.Random(draw(st.integers(0, 2**16)))
    count = draw(st.integers(1, 4))
    is_good = draw(st.booleans())

    def broken(value: Json, share: float) -> Json:
        return None if not is_good and rnd.random() < share else value

    def key() -> int:
        return rnd.randint(1, count)

    def detail() -> Json:
        return {"size": broken(rnd.randint(0, 9), 0.2), "thing_id": rnd.choice([None, key()])}

    def pet() -> Json:
        known = {"lives": broken(9, 0.2)} if rnd.random() < 0.5 else {"barks": rnd.choice([None, "wow"])}
        return {**known, "thing_id": broken(key(), 0.1)}

    def some(most: int) -> range:
        return range(rnd.randint(0, most))

    def thing(number: int) -> Json:
        return {
            "id": number,
            "name": broken(f"thing {number}", 0.2),
            "hint": rnd.choice([None, "hint"]),
            "child_id": broken(key(), 0.1),
            "kid_ids": [key() for _ in some(3)],
            "detail": rnd.choice([None, detail()]),
            "sure_detail": broken(detail(), 0.1),
            "details": [broken(detail(), 0.1) for _ in some(3)],
            "grid": [[broken(detail(), 0.1) for _ in some(2)] for _ in some(2)],
            "pet": rnd.choice([None, pet()]),
            "pets": [broken(pet(), 0.1) for _ in some(2)],
            "notes": [
                {"thing_id": number, "text": broken("text", 0.2), "about_id": rnd.choice([None, key()])}
                for _ in some(3)
            ],
        }

    things = {number: thing(number) for number in range(1, count + 1)}
    faults: set[str] = set()
    lacking: set[int] = set()
    if not is_good:
        faults = {name for name in ("things", "by-id", "notes", "thing/1") if rnd.random() < 0.1}
        lacking = {number for number in things if rnd.random() < 0.1}
    made = rnd.randint(0, 4)
    return World(things, faults, lacking, made, not is_good and rnd.random() < 0.3), is_good


class Operation:
    """Writes an operation out of hypothesis' choices.

    Args:
        marks: whether all that comes later has a `mark`.
    """

    def __init__(self, draw: st.DrawFn, *, marks: bool) -> None:
        self.draw = draw
        self.marks = marks
        self.count = 0
        self.fragments: dict[str, tuple[str, str]] = {}

    def pick(self, choices: list[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def label(self) -> str:
        self.count += 1
        return f"L{self.count}"

    def deferred(self) -> str:
        condition = self.pick(["", "", "", "if: $yes", "if: $no", "if: true"])
        arguments = ", ".join(filter(None, [condition, self.pick(["", f'label: "{self.label()}"'])]))
        return f" @defer({arguments})" if arguments else " @defer"

    def streamed(self) -> str:
        condition = self.pick(["", "", "", "if: $yes", "if: $no"])
        count = self.pick(["", "initialCount: 0", "initialCount: 1", "initialCount: 2"])
        label = self.pick(["", f'label: "{self.label()}"'])
        arguments = ", ".join(filter(None, [condition, count, label]))
        return f" @stream({arguments})" if arguments else " @stream"

    def marked(self, text: str) -> str:
        return f"mark {text}" if self.marks else text

    def selection(self, kind: Any, depth: int) -> str:
        if isinstance(kind, graphql.GraphQLUnionType):
            parts = []
            for one in kind.types:
                defer = self.pick(["", self.deferred()])
                below = self.selection(one, depth)
                parts.append(f"... on {one.name}{defer} {{ {self.marked(below) if defer else below} }}")
            return " ".join(parts)
        parts = []
        for _ in range(self.pick([1, 2, 2, 3])):
            choice = self.pick(list(range(10)))
            if choice < 3 and depth:
                below = self.selection(kind, depth - 1)
                parts.append(f"...{self.deferred()} {{ {self.marked(below)} }}")
            elif choice == 3 and depth:
                parts.append(self.spread(kind, depth))
            elif choice == 4:
                parts.append("__typename")
            else:
                parts.append(self.field(kind, depth))
        return " ".join(parts)

    def spread(self, kind: Any, depth: int) -> str:
        known = [name for name, (on, text) in self.fragments.items() if on == kind.name and text]
        if known and self.pick([True, False]):
            name = self.pick(known)
        else:
            name = f"F{len(self.fragments)}"
            self.fragments[name] = (kind.name, "")
            self.fragments[name] = (kind.name, self.marked(self.selection(kind, depth - 1)))
        return f"...{name}{self.pick(['', self.deferred()])}"

    def field(self, kind: Any, depth: int) -> str:
        named = {name: graphql.get_named_type(one.type) for name, one in kind.fields.items() if name != "mark"}
        if not depth:
            named = {name: below for name, below in named.items() if graphql.is_leaf_type(below)} or {"mark": None}
        elif self.pick([True, True, False]):
            named = {name: below for name, below in named.items() if not graphql.is_leaf_type(below)} or named
        name = self.pick(list(named))
        if graphql.is_leaf_type(named[name]) or named[name] is None:
            return str(name)
        is_list = isinstance(graphql.get_nullable_type(kind.fields[name].type), graphql.GraphQLList)
        below = self.selection(named[name], depth - 1)
        if is_list and self.pick([True, False]):
            if self.marks:
                on_pets = "... on Cat { mark } ... on Dog { mark }"
                below = f"{on_pets if isinstance(named[name], graphql.GraphQLUnionType) else 'mark'} {below}"
            self.count += 1  # streams of one list do not merge
            return f"s{self.count}: {name}{self.streamed()} {{ {below} }}"
        argument = "(id: 1)" if (kind.name, name) == ("Query", "thing") else ""
        return f"{name}{argument} {{ {below} }}"

    def operation(self) -> tuple[str, dict[str, Json]]:
        text = f"{{ {self.field(ORACLE.query_type, 3)} {self.selection(ORACLE.query_type, 3)} }}"
        fragments = "".join(f" fragment {name} on {on} {{ {below} }}" for name, (on, below) in self.fragments.items())
        whole = text + fragments
        used = [name for name in ("yes", "no") if f"${name}" in whole]
        if used:
            whole = f"query ({', '.join(f'${name}: Boolean!' for name in used)}) {whole}"
        return whole, {name: name == "yes" for name in used}


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, dict[str, Json], World]:
    made, is_good = draw(worlds())
    marks = not is_good or draw(st.booleans())
    text, variables = Operation(draw, marks=marks).operation()
    return text, variables, made


FUZZ = os.environ.get("FUZZ_EXAMPLES")


@settings(
    max_examples=int(FUZZ or 250),
    derandomize=not FUZZ,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(case=cases(), seed=st.integers(0, 2**16))
def test_what_comes_in_parts_is_what_graphql_core_gives(case: tuple[str, dict[str, Json], World], seed: int) -> None:
    global world
    text, variables, world = case
    backend.turns = random.Random(seed)
    if graphql.validate(weft.schema, graphql.parse(text), [*graphql.specified_rules]):
        event("invalid")
        return
    wanted = asyncio.run(expected(text, variables))
    payloads = asyncio.run(asyncio.wait_for(delivered(text, variables), 10))
    if "data" not in payloads[0]:
        event("refused")
        return
    found = outcome(payloads)
    event(f"{min(len(payloads), 5)} payloads")
    if wanted[0] is None:  # which of several errors ended it depends on who was first
        assert found[0] is None
        return
    assert found == wanted
    old = asyncio.run(asyncio.wait_for(delivered_2022(text, variables), 10))
    assert outcome_2022(old) == wanted


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "weft")
