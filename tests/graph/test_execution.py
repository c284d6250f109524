"""Execution as the GraphQL specification says it, in literal examples; `test_oracle` has the generated ones."""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import Callable
from typing import Any

import graphql
import pytest
import strawberry
from aiodataloader import DataLoader

from graph import Graph
from resolvers import batched, field, link
from sources import FakeTransport, Rest

Json = Any
Answers = dict[str, Json]

# A small library: books with authors, each on an endpoint of its own. Tests say what the backend answers.


class Replies:
    """The backend: what a test says it answers, by method and target; it records the calls."""

    def __init__(self) -> None:
        self.answers: Answers | Callable[[str, str, bytes | None], Json] = {}
        self.transport = FakeTransport(self._answer)

    def _answer(self, method: str, target: str, body: bytes | None) -> Json:
        if callable(self.answers):
            return self.answers(method, target, body)
        return self.answers.get(f"{method} {target}", (404, {}))

    @property
    def calls(self) -> list[str]:
        return self.transport.calls


replies = Replies()
source = Rest("library", "http://library.example", client=replies.transport)


@pytest.fixture(autouse=True)
def fresh_replies() -> None:
    replies.answers = {}
    replies.calls.clear()
    events.clear()


events: list[str] = []


@strawberry.enum
class Genre(enum.Enum):
    NOVEL = "novel"
    ESSAY = "essay"


@strawberry.enum
class Rank(enum.Enum):
    FIRST = 1
    SECOND = 2


@source.entity(get="/authors/{id}", batch="/authors{?id*}")
class Author:
    id: int
    name: str
    born: int | None
    rank: Rank | None
    rival: Author | None = link("rival_id")
    mentor: Author = link("mentor_id")

    @source.get("/authors/{id}/score")
    def score(self) -> float | None: ...


@strawberry.type
class Shelf:
    room: str
    row: int


@strawberry.type
class Cover:
    """The same object of the backend, shown once more."""

    title: str


@strawberry.interface
class Entry:
    title: str


@source.entity(get="/books/{id}", batch="/books{?id*}")
class Book(Entry):
    id: strawberry.ID
    title: str
    pages: int
    isbn: str | None
    genre: Genre | None
    tags: list[str]
    shelf: Shelf | None
    shelves: list[Shelf | None] | None
    room: str | None = field("shelf.room")
    raw_shelf: strawberry.scalars.JSON | None = field("shelf")
    cover: Cover = field(".")
    author: Author = link("author_id")
    editor: Author | None = link("editor_id")
    judges: list[Author] = link("judge_ids")

    @strawberry.field
    def length(self) -> int | None:
        return self.isbn  # type: ignore[return-value]  # an author's mistake

    @strawberry.field
    def label(self, mark: str = ".") -> str:
        events.append(f"label {self.id}")
        return self.title + mark

    @strawberry.field
    async def stars(self) -> int | None:
        events.append(f"stars {self.id}")
        return await ratings.load(str(self.id))

    @strawberry.field
    async def heavy(self, info: strawberry.Info) -> int:
        loaders: dict[str, DataLoader[str, int]] = info.context
        if "weights" not in loaders:
            loaders["weights"] = DataLoader(weigh)
        return await loaders["weights"].load(str(self.id))


@strawberry.type
class Journal(Entry):
    title: str
    issue: int


@batched
async def ratings(ids: list[str]) -> dict[str, int]:
    events.append(f"ratings of {','.join(ids)}")
    return {key: int(key) * 10 for key in ids if key != "3"}


async def weigh(ids: list[str]) -> list[int]:
    events.append(f"weigh {','.join(ids)}")
    return [int(key) * 100 for key in ids]


@strawberry.input
class Filter:
    genre: Genre | None = None
    pages: list[int] | None = None


@strawberry.type
class Query:
    @source.get("/books")
    def books(self) -> list[Book]: ...

    @source.get("/books")
    def loose_books(self) -> list[Book | None] | None: ...

    @source.get("/books/{id}")
    def book(self, id: strawberry.ID) -> Book | None: ...

    @source.get("/books/{id}")
    def must_book(self, id: strawberry.ID) -> Book: ...

    @source.get("/search{?text,limit,ids,genre}")
    def search(
        self,
        text: str | None = "all",
        limit: int = 5,
        ids: list[int] | None = None,
        genre: Genre | None = None,
    ) -> list[Book]: ...

    @source.get("/authors/{id}")
    def author(self, id: int) -> Author | None: ...

    @source.get("/latest")
    def latest(self) -> Entry | None: ...

    @strawberry.field
    def echo(self, filter: Filter) -> str:
        return repr((filter.genre, filter.pages))

    @strawberry.field
    def hello(self) -> str:
        return "hello"

    @strawberry.field
    def unlucky(self) -> str | None:
        raise ValueError("never shown")

    @strawberry.field
    def must_fail(self) -> str:
        raise ValueError("never shown")


@strawberry.type
class Mutation:
    @source.post("/books")
    def add_book(self, title: str) -> Book | None: ...

    @source.post("/books")
    def must_add_book(self, title: str) -> Book: ...

    @source.delete("/books/{id}")
    def remove_book(self, id: strawberry.ID) -> bool | None: ...

    @strawberry.mutation
    async def slow(self, name: str) -> str:
        events.append(f"{name} begins")
        await asyncio.sleep(0.01)
        events.append(f"{name} ends")
        return name


graph = Graph(query=Query, mutation=Mutation, types=[Journal])


def book(number: int, **other: Json) -> Json:
    row = {"id": number, "title": f"Book {number}", "pages": 100, "tags": [], "author_id": 1}
    return {**row, **other}


def author(number: int, **other: Json) -> Json:
    return {"id": number, "name": f"Author {number}", **other}


def paths(response: Json) -> list[str]:
    """Give each error's path and code, in order of the paths."""
    return sorted(
        f"{'.'.join(map(str, error['path']))} {error['extensions']['code']}" for error in response.get("errors", ())
    )


async def both(query: str, variables: dict[str, Json] | None = None) -> Json:
    """Execute on the compiled path and on the exact one; give the response, which must be the same."""
    engine = graph.engine
    response = await graph.execute(query, variables)
    operation = engine.operations.get(query, None)
    variant = engine.operations.variant(operation, engine.operations.variables(operation, variables))
    runner, variant.runner = variant.runner, None
    calls = list(replies.calls)
    try:
        assert await graph.execute(query, variables) == response
    finally:
        variant.runner = runner
        replies.calls[:] = calls
    return response


# -- null propagation -------------------------------------------------------------------------------------------------


async def test_a_null_in_a_nullable_field_is_no_error() -> None:
    replies.answers = {"GET /books/1": book(1, isbn=None)}
    assert await both("{ book(id: 1) { title isbn genre } }") == {
        "data": {"book": {"title": "Book 1", "isbn": None, "genre": None}}
    }


async def test_a_null_in_a_non_null_field_nulls_the_nearest_object_that_may_be_null() -> None:
    replies.answers = {"GET /books/1": book(1, shelf={"room": "A", "row": None})}
    response = await both("{ book(id: 1) { title shelf { room row } } }")
    assert response["data"] == {"book": {"title": "Book 1", "shelf": None}}
    assert paths(response) == ["book.shelf.row UPSTREAM_INVALID"]


async def test_a_null_travels_through_every_non_null_parent_to_the_root() -> None:
    replies.answers = {"GET /books/1": book(1), "GET /authors?id=1": [author(1, mentor_id=7)], "GET /authors?id=7": []}
    response = await both("{ hello mustBook(id: 1) { title author { name mentor { name } } } }")
    assert response["data"] is None
    assert paths(response) == ["mustBook.author.mentor UPSTREAM_INVALID"]


async def test_an_item_that_may_be_null_costs_only_itself() -> None:
    replies.answers = {"GET /books": [book(1), book(2, pages=None), None, book(4, pages="many")]}
    response = await both("{ looseBooks { id pages } }")
    assert response["data"] == {"looseBooks": [{"id": "1", "pages": 100}, None, None, None]}
    assert paths(response) == ["looseBooks.1.pages UPSTREAM_INVALID", "looseBooks.3.pages UPSTREAM_INVALID"]


async def test_an_item_that_may_not_be_null_costs_its_list() -> None:
    replies.answers = {"GET /books/1": book(1, tags=["a", None, "c"])}
    response = await both("{ book(id: 1) { title tags } }")
    assert response["data"] == {"book": None}
    assert paths(response) == ["book.tags.1 UPSTREAM_INVALID"]


async def test_a_list_inside_a_list_item_loses_only_that_item() -> None:
    replies.answers = {"GET /books/1": book(1, shelves=[{"room": "A", "row": 1}, {"room": "B"}, None])}
    response = await both("{ book(id: 1) { shelves { room row } } }")
    assert response["data"] == {"book": {"shelves": [{"room": "A", "row": 1}, None, None]}}
    assert paths(response) == ["book.shelves.1.row UPSTREAM_INVALID"]


async def test_two_failures_in_two_places_are_two_errors() -> None:
    replies.answers = {
        "GET /books/1": book(1, shelf={"room": 5, "row": "x"}, editor_id=3),
        "GET /authors?id=3": (500, {}),
    }
    response = await both("{ book(id: 1) { title shelf { row } editor { name } } hello }")
    assert response["data"] == {"book": {"title": "Book 1", "shelf": None, "editor": None}, "hello": "hello"}
    assert paths(response) == ["book.editor UPSTREAM_ERROR", "book.shelf.row UPSTREAM_INVALID"]


async def test_a_link_to_an_object_that_does_not_exist_is_null_or_an_error_where_it_may_not_be() -> None:
    replies.answers = {"GET /books": [book(1, editor_id=9), book(2)], "GET /authors?id=9&id=1": [author(1)]}
    response = await both("{ looseBooks { editor { name } author { name } } }")
    assert response["data"] == {
        "looseBooks": [
            {"editor": None, "author": {"name": "Author 1"}},
            {"editor": None, "author": {"name": "Author 1"}},
        ]
    }
    assert paths(response) == []
    replies.answers = {"GET /books": [book(1, author_id=9), book(2)], "GET /authors?id=9&id=1": [author(1)]}
    response = await both("{ looseBooks { author { name } } }")
    assert response["data"] == {"looseBooks": [None, {"author": {"name": "Author 1"}}]}
    assert paths(response) == ["looseBooks.0.author UPSTREAM_INVALID"]


async def test_a_missing_object_in_a_list_of_links_costs_the_list_where_items_may_not_be_null() -> None:
    replies.answers = {"GET /books/1": book(1, judge_ids=[1, 2]), "GET /authors?id=1&id=2": [author(2)]}
    response = await both("{ book(id: 1) { judges { name } } }")
    assert response["data"] == {"book": None}
    assert paths(response) == ["book.judges.0 UPSTREAM_INVALID"]


async def test_an_error_says_where_in_the_document_every_field_of_its_key_stands() -> None:
    replies.answers = {"GET /books/1": book(1, pages=None)}
    response = await both("{\n book(id: 1) { pages\n  pages }\n}")
    assert response["errors"][0]["locations"] == [{"line": 2, "column": 16}, {"line": 3, "column": 3}]


async def test_what_a_resolver_raises_is_not_shown() -> None:
    response = await both("{ unlucky hello }")
    assert response["data"] == {"unlucky": None, "hello": "hello"}
    assert "never shown" not in json.dumps(response)
    assert paths(response) == ["unlucky INTERNAL_SERVER_ERROR"]
    assert await both("{ hello mustFail }") == {
        "data": None,
        "errors": [
            {
                "message": "Internal server error",
                "locations": [{"line": 1, "column": 9}],
                "path": ["mustFail"],
                "extensions": {"code": "INTERNAL_SERVER_ERROR"},
            }
        ],
    }


# -- mutations --------------------------------------------------------------------------------------------------------


async def test_mutations_run_one_after_the_other_each_with_its_selection() -> None:
    made = iter([book(1), book(2, author_id=2)])
    replies.answers = lambda method, target, body: (
        next(made) if method == "POST" else [author(int(target.rpartition("=")[2]))]
    )
    response = await graph.execute(
        'mutation { b: addBook(title: "B") { title author { name } } a: addBook(title: "A") { title author { name } } }'
    )
    assert json.dumps(response["data"]) == json.dumps(
        {
            "b": {"title": "Book 1", "author": {"name": "Author 1"}},
            "a": {"title": "Book 2", "author": {"name": "Author 2"}},
        }
    )
    assert replies.calls == ["POST /books", "GET /authors?id=1", "POST /books", "GET /authors?id=2"]
    assert replies.transport.bodies[-4] == b'{"title":"B"}'
    assert replies.transport.bodies[-2] == b'{"title":"A"}'


async def test_mutations_in_python_run_one_after_the_other() -> None:
    response = await graph.execute('mutation { x: slow(name: "x") y: slow(name: "y") }')
    assert response == {"data": {"x": "x", "y": "y"}}
    assert events == ["x begins", "x ends", "y begins", "y ends"]


async def test_the_same_mutation_under_two_keys_is_done_twice_and_under_one_key_once() -> None:
    replies.answers = {"POST /books": book(1)}
    await graph.execute('mutation { a: addBook(title: "T") { id } b: addBook(title: "T") { id } }')
    assert replies.calls == ["POST /books", "POST /books"]
    replies.calls.clear()
    response = await graph.execute('mutation { addBook(title: "T") { id } addBook(title: "T") { title } }')
    assert replies.calls == ["POST /books"]
    assert response == {"data": {"addBook": {"id": "1", "title": "Book 1"}}}


async def test_a_mutation_reads_again_what_the_one_before_it_may_have_changed() -> None:
    names = iter(["before", "after"])
    replies.answers = lambda method, target, body: book(1) if method == "POST" else [author(1, name=next(names))]
    response = await graph.execute(
        'mutation { a: addBook(title: "T") { author { name } } b: addBook(title: "T") { author { name } } }'
    )
    assert response["data"] == {"a": {"author": {"name": "before"}}, "b": {"author": {"name": "after"}}}


async def test_a_mutation_that_fails_leaves_those_after_it_to_run_unless_its_null_reaches_the_root() -> None:
    replies.answers = {"POST /books": (503, {}), "DELETE /books/1": True}
    response = await graph.execute('mutation { addBook(title: "T") { id } removeBook(id: 1) }')
    assert response["data"] == {"addBook": None, "removeBook": True}
    assert response["errors"][0]["extensions"] == {
        "code": "UPSTREAM_ERROR",
        "source": "library",
        "status": 503,
        "retryable": True,
    }
    assert replies.calls == ["POST /books", "DELETE /books/1"]
    replies.calls.clear()
    response = await graph.execute('mutation { mustAddBook(title: "T") { id } removeBook(id: 1) }')
    assert response["data"] is None
    assert paths(response) == ["mustAddBook UPSTREAM_ERROR"]
    assert replies.calls == ["POST /books"]


# -- documents --------------------------------------------------------------------------------------------------------


async def test_fragments_give_keys_in_the_order_in_which_they_are_met() -> None:
    replies.answers = {"GET /books/1": book(1), "GET /authors?id=1": [author(1, born=1900)]}
    response = await both(
        """
        query { book(id: 1) { ...Parts title author { born } ... on Book { pages } } }
        fragment Parts on Book { id author { name ...Name } ...Parts2 }
        fragment Parts2 on Book { __typename pages }
        fragment Name on Author { name known: name }
        """
    )
    assert json.dumps(response) == json.dumps(
        {
            "data": {
                "book": {
                    "id": "1",
                    "author": {"name": "Author 1", "known": "Author 1", "born": 1900},
                    "__typename": "Book",
                    "pages": 100,
                    "title": "Book 1",
                }
            }
        }
    )
    assert replies.calls == ["GET /books/1", "GET /authors?id=1"]


async def test_one_field_under_several_keys_and_arguments_is_asked_once_for_each_question() -> None:
    replies.answers = {"GET /books/1": book(1), "GET /books/2": book(2)}
    response = await both("{ a: book(id: 1) { id } b: book(id: 2) { id } c: book(id: 1) { title } }")
    assert response == {"data": {"a": {"id": "1"}, "b": {"id": "2"}, "c": {"title": "Book 1"}}}
    assert sorted(replies.calls) == ["GET /books/1", "GET /books/2"]


async def test_skip_and_include_decide_with_variables_and_their_defaults() -> None:
    replies.answers = {"GET /books/1": book(1)}
    query = """
        query ($a: Boolean!, $b: Boolean! = true) {
          book(id: 1) { id @skip(if: $a) title @include(if: $b) pages @include(if: $a) @skip(if: $b) }
        }
    """
    assert (await both(query, {"a": False}))["data"] == {"book": {"id": "1", "title": "Book 1"}}
    assert (await both(query, {"a": True}))["data"] == {"book": {"title": "Book 1"}}
    assert (await both(query, {"a": True, "b": False}))["data"] == {"book": {"pages": 100}}
    assert replies.calls == ["GET /books/1"] * 3


@pytest.mark.parametrize(
    "text", ["book(id: 1) @skip(if: $a) { id }", "book(id: 1) { id author { id @include(if: $a) } }"]
)
async def test_a_null_cannot_decide_what_is_skipped(text: str) -> None:
    response = await graph.execute(f"query ($a: Boolean = true) {{ {text} }}", {"a": None})
    assert response.keys() == {"errors"}
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert replies.calls == []


async def test_a_selection_that_is_skipped_asks_nothing() -> None:
    query = "query ($no: Boolean!) { book(id: 1) @include(if: $no) { id author { name } } }"
    assert await both(query, {"no": False}) == {"data": {}}
    assert replies.calls == []


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        ("", "/search?text=all&limit=5"),
        ('text: "a b&c", limit: 2', "/search?text=a%20b%26c&limit=2"),
        ("text: null", "/search?limit=5"),
        ("ids: 3", "/search?text=all&limit=5&ids=3"),
        ("ids: [3, 4]", "/search?text=all&limit=5&ids=3,4"),
        ("ids: []", "/search?text=all&limit=5"),
        ("genre: ESSAY", "/search?text=all&limit=5&genre=essay"),
    ],
)
async def test_arguments_reach_the_backend_as_written_or_by_default(arguments: str, target: str) -> None:
    replies.answers = {f"GET {target}": [book(1)]}
    assert await both(f"{{ search{f'({arguments})' if arguments else ''} {{ id }} }}") == {
        "data": {"search": [{"id": "1"}]}
    }
    assert replies.calls == [f"GET {target}"]


@pytest.mark.parametrize(
    ("variables", "target"),
    [
        ({}, "/search?text=all&limit=3&ids=7"),
        ({"text": None}, "/search?limit=3&ids=7"),
        ({"text": "x", "limit": 1}, "/search?text=x&limit=1&ids=7"),
        ({"ids": 2}, "/search?text=all&limit=3&ids=2"),
        ({"ids": [1, 2]}, "/search?text=all&limit=3&ids=1,2"),
        ({"ids": None}, "/search?text=all&limit=3"),
    ],
)
async def test_variables_have_defaults_and_an_absent_one_leaves_the_arguments_default(
    variables: dict[str, Json], target: str
) -> None:
    replies.answers = {f"GET {target}": [book(1)]}
    definitions = "$text: String, $limit: Int = 3, $ids: [Int!] = 7"
    query = f"query ({definitions}) {{ search(text: $text, limit: $limit, ids: $ids) {{ id }} }}"
    assert await both(query, variables) == {"data": {"search": [{"id": "1"}]}}
    assert replies.calls == [f"GET {target}"]


async def test_a_variable_inside_a_list_and_an_input_object_takes_its_value() -> None:
    replies.answers = {"GET /search?text=all&limit=5&ids=1,8": []}
    assert await both("query ($n: Int!) { search(ids: [1, $n]) { id } }", {"n": 8}) == {"data": {"search": []}}
    query = "query ($g: Genre, $n: Int!) { echo(filter: {genre: $g, pages: [1, $n]}) }"
    response = await both(query, {"g": "ESSAY", "n": 2})
    assert response == {"data": {"echo": "(<Genre.ESSAY: 'essay'>, [1, 2])"}}
    assert await both("{ echo(filter: {pages: 4}) }") == {"data": {"echo": "(None, [4])"}}


@pytest.mark.parametrize(
    "variables", [{}, {"id": None}, {"id": [1]}, {"id": {}}, {"id": 1.5}, {"id": True}, {"id": 2**31}, {"id": "1"}]
)
async def test_a_variable_that_does_not_fit_executes_nothing(variables: dict[str, Json]) -> None:
    response = await graph.execute("query ($id: Int!) { author(id: $id) { name } }", variables)
    assert list(response) == ["errors"]
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert replies.calls == []


async def test_a_null_variable_for_an_argument_that_may_not_be_null_is_the_clients_fault() -> None:
    replies.answers = {"GET /books": [book(1)]}
    response = await both("query ($limit: Int = 3) { search(limit: $limit) { id } looseBooks { id } }", {"limit": None})
    assert response["data"] is None
    assert paths(response) == ["search BAD_USER_INPUT"]


# -- introspection ----------------------------------------------------------------------------------------------------


async def test_introspection_is_that_of_graphql_core() -> None:
    query = graphql.get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        experimental_directive_deprecation=True,
        one_of=True,
    )
    expected = graphql.introspection_from_schema(graph.schema)
    assert (await graph.execute(query))["data"] == expected
    assert (await graph.execute(query))["data"] == expected
    built = graphql.build_client_schema(expected)
    assert [found.name for found in built.directives[-2:]] == ["defer", "stream"]  # which the printed schema leaves out
    built.directives = built.directives[:-2]
    assert graphql.print_schema(built) + "\n" == graph.sdl()
    assert replies.calls == []


async def test_introspection_stands_beside_other_fields() -> None:
    replies.answers = {"GET /books/1": book(1)}
    response = await both(
        '{ book(id: 1) { id __typename } __typename __type(name: "Shelf") { fields { name } } hello }'
    )
    assert response == {
        "data": {
            "book": {"id": "1", "__typename": "Book"},
            "__typename": "Query",
            "__type": {"fields": [{"name": "room"}, {"name": "row"}]},
            "hello": "hello",
        }
    }


async def test_introspection_takes_variables() -> None:
    query = "query ($name: String!) { __type(name: $name) { kind } }"
    assert await both(query, {"name": "Book"}) == {"data": {"__type": {"kind": "OBJECT"}}}
    assert await both(query, {"name": "Genre"}) == {"data": {"__type": {"kind": "ENUM"}}}
    assert await both(query, {"name": "None"}) == {"data": {"__type": None}}


async def test_an_enum_variable_of_a_skipped_field_does_not_stop_introspection() -> None:
    query = "query ($g: Genre, $all: Boolean!) { __typename search(genre: $g) @include(if: $all) { id } }"
    assert await graph.execute(query, {"g": "ESSAY", "all": False}) == {"data": {"__typename": "Query"}}


# -- resolvers in Python ----------------------------------------------------------------------------------------------


async def test_a_resolver_is_called_once_for_each_object_and_key() -> None:
    replies.answers = {"GET /books": [book(1), book(2)]}
    response = await graph.execute('{ books { label label other: label(mark: "!") } }')
    assert response["data"] == {
        "books": [{"label": "Book 1.", "other": "Book 1!"}, {"label": "Book 2.", "other": "Book 2!"}]
    }
    assert sorted(events) == ["label 1", "label 1", "label 2", "label 2"]


async def test_an_object_that_several_parents_share_is_loaded_once() -> None:
    replies.answers = {"GET /books": [book(number) for number in range(1, 6)], "GET /authors?id=1": [author(1)]}
    response = await both("{ books { author { name } } }")
    assert response == {"data": {"books": [{"author": {"name": "Author 1"}}] * 5}}
    assert replies.calls == ["GET /books", "GET /authors?id=1"]


async def test_a_batched_function_is_called_once_for_all_parents() -> None:
    replies.answers = {"GET /books": [book(1), book(2), book(3)]}
    response = await graph.execute("{ books { stars more: stars } }")
    assert response["data"] == {
        "books": [{"stars": 10, "more": 10}, {"stars": 20, "more": 20}, {"stars": None, "more": None}]
    }
    assert [event for event in events if event.startswith("ratings")] == ["ratings of 1,2,3"]


async def test_a_loader_that_a_resolver_makes_for_the_operation_gets_all_parents_in_one_batch() -> None:
    replies.answers = {"GET /books": [book(1), book(2), book(3)]}
    response = await graph.execute("{ a: books { heavy } b: books { id heavy } }", context={})
    assert response["data"]["b"] == [{"id": "1", "heavy": 100}, {"id": "2", "heavy": 200}, {"id": "3", "heavy": 300}]
    assert events == ["weigh 1,2,3"]


async def test_loaders_are_of_one_operation_only() -> None:
    replies.answers = {"GET /books/1": book(1)}
    first, second = await asyncio.gather(
        graph.execute("{ book(id: 1) { stars } }"), graph.execute("{ book(id: 1) { stars again: stars } }")
    )
    assert first["data"] == {"book": {"stars": 10}}
    assert second["data"] == {"book": {"stars": 10, "again": 10}}
    assert events.count("ratings of 1") == 2


# -- what cannot be compiled ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "{ book(id: 1) { label } }",
        "{ book(id: 1) { rawShelf shelf { row } } }",
        "{ book(id: 1) { rawShelf room } }",
        "{ echo(filter: {}) }",
        "{ book(id: 1) { id } __typename __schema { queryType { name } } }",
    ],
)
async def test_what_cannot_be_compiled_is_answered_exactly(query: str) -> None:
    replies.answers = {
        "GET /books/1": book(1, shelf={"room": "A", "row": 3}),
    }
    before = graph.engine.compiled_answers, graph.engine.exact_answers
    response = await graph.execute(query)
    assert (graph.engine.compiled_answers, graph.engine.exact_answers) == (before[0], before[1] + 1)
    assert list(response) == ["data"]
    assert None not in response["data"].values()


async def test_a_property_read_as_object_and_as_a_scalar_is_both() -> None:
    replies.answers = {"GET /books/1": book(1, shelf={"room": "A", "row": 3, "more": [None]})}
    assert await both("{ book(id: 1) { shelf { row } room rawShelf cover { title } } }") == {
        "data": {
            "book": {
                "shelf": {"row": 3},
                "room": "A",
                "rawShelf": {"room": "A", "row": 3, "more": [None]},
                "cover": {"title": "Book 1"},
            }
        }
    }


async def test_an_interface_takes_the_type_that_the_backend_names() -> None:
    query = "{ latest { __typename title ... on Journal { issue } ... on Book { pages label } } }"
    replies.answers = {"GET /latest": {"__typename": "Journal", "title": "J", "issue": 7}}
    assert await both(query) == {"data": {"latest": {"__typename": "Journal", "title": "J", "issue": 7}}}
    replies.answers = {"GET /latest": book(1, __typename="Book")}
    assert await both(query) == {
        "data": {"latest": {"__typename": "Book", "title": "Book 1", "pages": 100, "label": "Book 1."}}
    }
    for name in ("Shelf", "Entry", None, 5, "__Schema"):
        replies.answers = {"GET /latest": book(1, __typename=name)}
        assert (await both(query))["data"] == {"latest": None}


async def test_sound_queries_are_answered_by_the_compiled_path() -> None:
    replies.answers = {"GET /books": [book(1, genre="novel", editor_id=1)], "GET /authors?id=1": [author(1)]}
    before = graph.engine.compiled_answers, graph.engine.exact_answers
    response = await graph.execute("{ hello books { id genre cover { title } author { name } editor { id } } }")
    assert response == {
        "data": {
            "hello": "hello",
            "books": [
                {
                    "id": "1",
                    "genre": "NOVEL",
                    "cover": {"title": "Book 1"},
                    "author": {"name": "Author 1"},
                    "editor": {"id": 1},
                }
            ],
        }
    }
    assert (graph.engine.compiled_answers, graph.engine.exact_answers) == (before[0] + 1, before[1])


async def test_a_reply_that_deviates_is_answered_without_asking_again() -> None:
    replies.answers = {"GET /books": [book(1), book(2, pages="many")], "GET /authors?id=1": [author(1)]}
    before = graph.engine.exact_answers
    response = await graph.execute("{ looseBooks { pages author { name } } hello }")
    assert response["data"]["looseBooks"] == [{"pages": 100, "author": {"name": "Author 1"}}, None]
    assert graph.engine.exact_answers == before + 1
    assert replies.calls == ["GET /books", "GET /authors?id=1"]


# -- faults that the generated examples found -------------------------------------------------------------------------


async def test_a_key_as_number_and_as_text_is_asked_for_once() -> None:
    replies.answers = {"GET /books": [book(1, author_id=1), book(2, author_id="1")], "GET /authors?id=1": [author(1)]}
    response = await both("{ books { author { name } } }")
    assert replies.calls == ["GET /books", "GET /authors?id=1"]
    assert response["data"] == {"books": [{"author": {"name": "Author 1"}}] * 2}


async def test_what_one_place_selects_is_not_asked_for_the_objects_of_another() -> None:
    replies.answers = {
        "GET /books/1": book(1, author_id=1, editor_id=2),
        "GET /authors?id=1&id=2": [author(1), author(2)],
        "GET /authors/1/score": 1.5,
        "GET /authors/2/score": 2.5,
    }
    response = await both("{ book(id: 1) { author { name } editor { score } } }")
    assert response == {"data": {"book": {"author": {"name": "Author 1"}, "editor": {"score": 2.5}}}}
    assert "GET /authors/1/score" not in replies.calls


async def test_a_number_out_of_range_in_a_property_that_nobody_selects_costs_nothing() -> None:
    replies.answers = {"GET /books/1": b'{"id": 1, "title": "T", "weight": 1e400}'}
    assert (await both("{ book(id: 1) { title } }")) == {"data": {"book": {"title": "T"}}}


async def test_a_key_that_is_no_scalar_is_not_what_the_schema_promises() -> None:
    replies.answers = {"GET /books/1": book(1, editor_id={"id": 2})}
    response = await both("{ book(id: 1) { title editor { name } } }")
    assert response["data"] == {"book": {"title": "Book 1", "editor": None}}
    assert paths(response) == ["book.editor UPSTREAM_INVALID"]
    assert replies.calls == ["GET /books/1"]


async def test_the_value_of_a_resolver_that_does_not_fit_is_not_shown() -> None:
    replies.answers = {"GET /books/1": book(1, isbn="s3cret")}
    response = await both("{ book(id: 1) { length } }")
    assert response["data"] == {"book": {"length": None}}
    assert paths(response) == ["book.length INTERNAL_SERVER_ERROR"]
    assert "s3cret" not in json.dumps(response)


async def test_true_is_not_the_enum_value_1() -> None:
    replies.answers = {"GET /authors/1": author(1, rank=True)}
    response = await both("{ author(id: 1) { rank } }")
    assert response["data"] == {"author": {"rank": None}}
    assert paths(response) == ["author.rank UPSTREAM_INVALID"]


# Chains that lead back to the same object: a resolver's `self` must not follow them for ever.


@source.entity(get="/rings/{id}")
class Ring:
    id: int
    name: str
    stone: Stone = field(".")

    @strawberry.field
    def engraving(self) -> str:
        return self.name.upper()


@strawberry.type
class Stone:
    name: str
    ring: Ring = field(".")


@strawberry.type
class RingQuery:
    @source.get("/rings/{id}")
    def ring(self, id: int) -> Ring | None: ...


async def test_a_resolver_reads_an_object_that_is_shown_as_another_and_back() -> None:
    rings = Graph(query=RingQuery)
    replies.answers = {"GET /rings/1": {"id": 1, "name": "one"}}
    assert await rings.execute("{ ring(id: 1) { stone { ring { name } } } }") == {
        "data": {"ring": {"stone": {"ring": {"name": "one"}}}}
    }
    assert await rings.execute("{ ring(id: 1) { engraving } }") == {"data": {"ring": {"engraving": "ONE"}}}
