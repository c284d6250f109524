"""Interfaces and unions whose objects come from backends: told apart by a property, a value map or a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
import strawberry

from graph import Graph
from graph.errors import GraphError
from resolvers import discriminator, link
from sources import FakeTransport, Get, Rest

Json = Any

people = {"1": {"id": 1, "name": "Ada"}, "2": {"id": 2, "name": "Joseph"}}
media: list[Json] = []


def answer(method: str, target: str, body: bytes | None) -> Json:
    if target.startswith("/people?"):
        return [people[key.removeprefix("id=")] for key in target.partition("?")[2].split("&")]
    if target.startswith("/media?id="):
        keys = [key.removeprefix("id=") for key in target.partition("?")[2].split("&")]
        return [item for item in media if str(item["id"]) in keys]
    if target.startswith("/media/"):
        return next((item for item in media if str(item["id"]) == target.rpartition("/")[2]), None)
    return media


transport = FakeTransport(answer)
shelf = Rest("shelf", "http://shelf.test", client=transport)
crowd = Rest("crowd", "http://crowd.test", client=transport)
grand = Rest("grand", "http://grand.test", naming="pascal", client=transport)


@crowd.entity(batch="/people{?id*}")
class Person:
    id: int
    name: str


@discriminator("kind", {"b": "Book", "f": "Film", 3: "Game"})
@strawberry.interface
class Medium:
    id: strawberry.ID
    title: str


@strawberry.type
class Book(Medium):
    pages: int | None
    author: Person | None = link("author_id")


@strawberry.type
class Film(Medium):
    minutes: int
    director: Person | None = link("director_id")
    sequel: Medium | None


@strawberry.type
class Game(Medium):
    players: list[int]


Judged = Annotated[
    Book | Film,
    strawberry.union("Judged"),
    discriminator(lambda found: Book if "pages" in found else Film if "minutes" in found else None),
]


@strawberry.type
class Dog:
    barks: bool


@strawberry.type
class HouseCat:
    lives: int


Pet = Annotated[Dog | HouseCat, strawberry.union("Pet"), discriminator("is.what")]
Named = Annotated[Dog | HouseCat, strawberry.union("Named")]
Beast = Annotated[Dog | HouseCat, strawberry.union("Beast"), discriminator("what", {True: Dog}, otherwise=HouseCat)]


@strawberry.type
class Box:
    best: Medium
    rows: list[list[Medium | None]]


@strawberry.type
class Holder:
    best: Medium

    @strawberry.field
    def described(self) -> str:
        return f"{type(self.best).__name__} {self.best.title}"


@strawberry.type
class Shelf:
    id: int

    @shelf.get("/media/{shelf_id}", batch="/media{?id*}", key="id")
    def medium(self) -> Medium | None: ...

    @shelf.get("/media?of={shelf_id}", batch=Get("/media{?id*}"), group_by="id")
    def every(self) -> list[Medium]: ...


@strawberry.type
class Query:
    @shelf.get("/media")
    def media(self) -> list[Medium]: ...

    @shelf.get("/media/{id}")
    def medium(self, id: int) -> Medium | None: ...

    @shelf.get("/media")
    def judged(self) -> list[Judged | None]: ...

    @shelf.get("/media")
    def pets(self) -> list[Pet]: ...

    @grand.get("/media")
    def named(self) -> list[Named]: ...

    @shelf.get("/media")
    def beasts(self) -> list[Beast]: ...

    @shelf.get("/media")
    def boxes(self) -> list[Box]: ...

    @shelf.get("/media")
    def holders(self) -> list[Holder]: ...

    @shelf.get("/media")
    def shelves(self) -> list[Shelf]: ...


graph = Graph(query=Query, types=[Book, Film, Game])

BOOK = {"id": 7, "kind": "b", "title": "Looms", "pages": 90, "author_id": 1}
FILM = {"id": 8, "kind": "f", "title": "Threads", "minutes": 112, "director_id": 2, "sequel": BOOK}
GAME = {"id": 9, "kind": 3, "title": "Knots", "players": [2, 4]}


async def execute(query: str, *items: Json, compiled: bool = True) -> Json:
    """Execute a query over these items; whether the compiled path answers is part of the expectation."""
    media[:] = items
    before = graph.engine.compiled_answers
    answered = await graph.execute(query)
    assert graph.engine.compiled_answers - before == (1 if compiled else 0)
    return answered


async def test_objects_are_told_apart_by_a_property_and_a_value_map() -> None:
    query = """{ media { __typename title ... on Book { pages } ... on Film { minutes sequel { id __typename } }
                 ...game } } fragment game on Game { players }"""
    assert await execute(query, BOOK, FILM, GAME) == {
        "data": {
            "media": [
                {"__typename": "Book", "title": "Looms", "pages": 90},
                {
                    "__typename": "Film",
                    "title": "Threads",
                    "minutes": 112,
                    "sequel": {"id": "7", "__typename": "Book"},
                },
                {"__typename": "Game", "title": "Knots", "players": [2, 4]},
            ]
        }
    }


async def test_the_property_that_tells_may_be_selected_and_aliased_like_any_other() -> None:
    assert await execute("{ media { a: title title b: id } }", GAME) == {
        "data": {"media": [{"a": "Knots", "title": "Knots", "b": "9"}]}
    }


async def test_links_of_several_object_types_are_one_batch() -> None:
    transport.calls.clear()
    query = "{ media { ... on Book { author { name } } ... on Film { director { name } } } }"
    assert await execute(query, BOOK, FILM, GAME, BOOK) == {
        "data": {
            "media": [{"author": {"name": "Ada"}}, {"director": {"name": "Joseph"}}, {}, {"author": {"name": "Ada"}}]
        }
    }
    assert transport.calls == ["GET /media", "GET /people?id=1&id=2"]


async def test_links_below_a_nested_interface_are_followed() -> None:
    query = "{ media { ... on Film { sequel { ... on Book { author { name } } } } } }"
    assert await execute(query, FILM, GAME) == {"data": {"media": [{"sequel": {"author": {"name": "Ada"}}}, {}]}}


async def test_a_single_object_may_lack() -> None:
    assert await execute("{ medium(id: 8) { __typename } }", FILM) == {"data": {"medium": {"__typename": "Film"}}}
    assert await execute("{ medium(id: 4) { __typename } }", FILM) == {"data": {"medium": None}}
    lonely = {**FILM, "sequel": None}
    query = "{ media { ... on Film { sequel { title } } } }"
    assert await execute(query, lonely) == {"data": {"media": [{"sequel": None}]}}


async def test_a_function_judges_the_whole_object() -> None:
    query = "{ judged { __typename ... on Book { title } ... on Film { minutes } } }"
    assert await execute(query, BOOK, FILM, None) == {
        "data": {
            "judged": [{"__typename": "Book", "title": "Looms"}, {"__typename": "Film", "minutes": 112}, None],
        }
    }


async def test_type_names_are_known_in_any_spelling() -> None:
    items = [
        {"is": {"what": spelled}, "barks": True, "lives": 9} for spelled in ("dog", "house_cat", "HOUSE-CAT", "Dog")
    ]
    assert await execute("{ pets { __typename } }", *items) == {
        "data": {"pets": [{"__typename": name} for name in ("Dog", "HouseCat", "HouseCat", "Dog")]}
    }


async def test_without_a_discriminator_typename_tells_however_a_source_spells_names() -> None:
    items = [{"__typename": "Dog", "Barks": True}, {"__typename": "HouseCat", "Lives": 9}]
    assert await execute("{ named { ... on Dog { barks } ... on HouseCat { lives } } }", *items) == {
        "data": {"named": [{"barks": True}, {"lives": 9}]}
    }


async def test_otherwise_takes_whatever_is_not_known() -> None:
    items = [{"what": what, "barks": True, "lives": 9} for what in (True, 1, "x", None, False)]
    assert await execute("{ beasts { __typename } }", *items) == {
        "data": {"beasts": [{"__typename": name} for name in ("Dog", "HouseCat", "HouseCat", "HouseCat", "HouseCat")]}
    }


async def test_lists_in_lists_and_nested_objects_hold_several_types() -> None:
    box = {"best": GAME, "rows": [[BOOK, None], [], [FILM]]}
    assert await execute("{ boxes { best { title } rows { __typename } } }", box) == {
        "data": {
            "boxes": [
                {"best": {"title": "Knots"}, "rows": [[{"__typename": "Book"}, None], [], [{"__typename": "Film"}]]}
            ]
        }
    }


async def test_batches_of_an_interface_match_by_key() -> None:
    transport.calls.clear()
    query = "{ shelves { medium { title ... on Film { minutes } ... on Book { id } } every { __typename } } }"
    assert await execute(query, BOOK, FILM) == {
        "data": {
            "shelves": [
                {"medium": {"title": "Looms", "id": "7"}, "every": [{"__typename": "Book"}]},
                {"medium": {"title": "Threads", "minutes": 112}, "every": [{"__typename": "Film"}]},
            ]
        }
    }
    assert len(transport.calls) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "x"},
        {"kind": None},
        {"kind": ["b"]},
        {"kind": True},
        {"kind": 3.5},
        {"kind": "B"},
    ],
)
async def test_an_object_of_no_known_type_is_an_error_at_its_place(change: Json) -> None:
    box = {"best": GAME, "rows": [[{**BOOK, **change}, BOOK]]}
    answered = await execute("{ boxes { rows { title } } }", box, compiled=False)
    assert answered["data"] == {"boxes": [{"rows": [[None, {"title": "Looms"}]]}]}
    [error] = answered["errors"]
    assert error["path"] == ["boxes", 0, "rows", 0, 0]
    assert error["message"] == "shelf answered an object of no known type where the schema promises Medium"
    assert error["extensions"] == {"code": "UPSTREAM_INVALID", "source": "shelf"}


async def test_a_number_may_be_written_with_a_point() -> None:
    assert await execute("{ media { __typename } }", {**GAME, "kind": 3.0}, compiled=False) == {
        "data": {"media": [{"__typename": "Game"}]}
    }


async def test_a_deviation_inside_one_option_is_that_fields_error() -> None:
    broken = {**BOOK, "pages": "many"}
    answered = await execute("{ media { title ... on Book { pages } } }", broken, GAME, compiled=False)
    assert answered["data"] == {"media": [{"title": "Looms", "pages": None}, {"title": "Knots"}]}
    assert [error["path"] for error in answered["errors"]] == [["media", 0, "pages"]]


async def test_a_function_that_raises_costs_its_object() -> None:
    answered = await execute("{ judged { __typename } }", BOOK, {"id": 1}, compiled=False)
    assert answered["data"] == {"judged": [{"__typename": "Book"}, None]}
    assert [error["path"] for error in answered["errors"]] == [["judged", 1]]


def faults_of(make: Callable[[], object]) -> list[str]:
    with pytest.raises(GraphError) as caught:
        make()
    return caught.value.faults


def test_faults_of_discriminators_are_found_at_start_up() -> None:
    union = Annotated[Dog | HouseCat, strawberry.union("Odd"), discriminator("kind", {"d": Dog, "b": Book, (): Dog})]
    doubled = Annotated[Dog | HouseCat, strawberry.union("Both"), discriminator(lambda it: Dog, {"d": Dog})]
    nameless = Annotated[Dog | HouseCat, strawberry.union("None_"), discriminator("", otherwise="Bird")]

    def make() -> object:
        def odd(self: object) -> union: ...
        def both(self: object) -> doubled: ...
        def none(self: object) -> nameless: ...

        for function, given in ((odd, union), (both, doubled), (none, nameless)):
            function.__annotations__["return"] = given
        stubs = {stub.__name__: shelf.get(f"/{stub.__name__}")(stub) for stub in (odd, both, none)}
        return Graph(query=strawberry.type(type("Query", (), stubs)))

    assert faults_of(make) == [
        "Odd: the discriminator names 'Book'; its types are: Dog, HouseCat",
        "Odd: the discriminator maps (): a property that tells is a text, a number or a boolean",
        "Both: the discriminator has a function and values: the function alone decides",
        "None_: the discriminator names 'Bird'; its types are: Dog, HouseCat",
        "None_: the discriminator names no property",
    ]


async def test_a_resolver_sees_nested_objects_as_their_own_classes() -> None:
    answered = await execute("{ holders { described } }", {"best": FILM}, {"best": GAME}, compiled=False)
    assert answered == {"data": {"holders": [{"described": "Film Threads"}, {"described": "Game Knots"}]}}
