"""Nodes: global ids, the objects behind them in one call per type, and ids given back as arguments."""

import asyncio
import base64
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import strawberry

from graph import Graph, GraphError
from graph.explain import explain
from resolvers import Connection, GlobalId, Node, Store, field, global_id, key_of, link
from sources import FakeTransport, Offset, Post, Rest

Json = Any


class Library:
    """Books (no batch), authors (a batch and a call for one) and stock (two keys, a JSON batch)."""

    def __init__(self, *, ttl: float = 0, forward: str | tuple[str, ...] = ()) -> None:
        self.transport = transport = FakeTransport(self.answer)
        self.broken: set[str] = set()
        press = Rest("books", "http://books.example", ttl=ttl, client=transport, forward=forward)
        people = Rest("people", "http://people.example", naming="camel", client=transport, ttl=ttl)

        @people.entity(get="/authors/{id}", batch="/authors{?id*}")
        class Author(Node):
            """Somebody who writes."""

            full_name: str

            @strawberry.field
            def badge(self) -> str:
                return f"{self.full_name} #{self.id}"

        @press.entity(get="/books/{isbn}", key="isbn")
        class Book(Node):
            isbn: str
            title: str
            author: Author | None = link("author_id")

        @press.entity(batch=Post("/stock", {"keys": "{keys}"}), key=("isbn", "site"))
        class Stock(Node):
            isbn: str
            site: int
            count: int
            book: Book | None = link("isbn")

        @strawberry.input
        class Note:
            author: Annotated[strawberry.ID, GlobalId(Author)]
            others: list[Annotated[strawberry.ID, GlobalId("Author")]] | None = None
            text: str = ""

        @strawberry.type
        class Query:
            @people.get("/authors/{id}")
            def author(self, id: Annotated[strawberry.ID, GlobalId(Author)]) -> Author | None: ...

            @people.get("/authors{?id*}")
            def authors(self, id: Annotated[list[strawberry.ID], GlobalId(Author)]) -> list[Author]: ...

            @press.get("/books{?from}", paging=Offset("from", max_size=2), items="rows")
            def books(self, first: int = 2, after: str | None = None) -> Connection[Book]: ...

            @press.get("/stock")
            def stock(self) -> list[Stock]: ...

            @strawberry.field
            def number(self, id: strawberry.ID) -> str | None:
                return key_of(Author, id)

            @strawberry.field
            def anonymous(self) -> Author:
                return Author(id=strawberry.ID("0"), full_name="Nobody")  # type: ignore[call-arg]

        @strawberry.type
        class Mutation:
            @people.post("/notes")
            def note(self, note: Note) -> Author | None: ...

            @people.patch("/authors/{id}", invalidates={Author: "id"})
            def rename(self, id: Annotated[strawberry.ID, GlobalId(Author)], full_name: str) -> Author | None: ...

        self.graph = Graph(Query, Mutation, store=Store(clock=lambda: 100.0))

    def answer(self, method: str, target: str, body: bytes | None) -> Json:
        parts = urlsplit(target)
        asked = parse_qs(parts.query)
        path = parts.path.strip("/").split("/")
        if path[0] in self.broken:
            return 500, {}
        match method, path:
            case "GET", ["authors"]:
                return [author(key) for key in reversed(asked["id"]) if int(key) < 10]
            case "GET" | "PATCH", ["authors", key]:
                return author(key) if int(key) < 10 else (404, {})
            case "GET", ["books"]:
                return {"rows": [book("a1"), book("b2")]}
            case "GET", ["books", key]:
                return book(key) if key in ("a1", "b2") else (404, {})
            case "GET", ["stock"]:
                return [{"isbn": "a1", "site": 1, "count": 3}]
            case "POST", ["stock"]:
                assert body is not None
                return [{"isbn": "b2", "site": 2, "count": 4}, {"isbn": "a1", "site": 1, "count": 3}]
            case "POST", ["notes"]:
                return author("1")
        return 404, {}

    async def run(self, query: str, variables: Json = None, headers: dict[str, str] | None = None) -> Json:
        return await self.graph.execute(query, variables, headers=headers)

    async def ask(self, query: str, variables: Json = None) -> Json:
        answer = await self.run(query, variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    @property
    def calls(self) -> list[str]:
        found = sorted(self.transport.calls)
        self.transport.calls.clear()
        return found


def author(key: str) -> Json:
    return {"id": int(key), "fullName": f"Author {key}"}


def book(key: str) -> Json:
    return {"isbn": key, "title": f"Title {key}", "author_id": {"a1": 1, "b2": 2}[key]}


ADA, BOB = global_id("Author", 1), global_id("Author", 2)
FIRST, SECOND = global_id("Book", "a1"), global_id("Book", "b2")
PILE = global_id("Stock", "a1", 1)
NODES = """query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id __typename
  ... on Author { fullName } ... on Book { title author { fullName } } ... on Stock { count } } }"""


# -- ids --------------------------------------------------------------------------------------------------------------


async def test_an_id_is_the_same_wherever_its_object_appears() -> None:
    library = Library()
    query = "{ books { nodes { id isbn author { id } } } stock { id site book { id } } }"
    data = await library.ask(query)
    assert data == {
        "books": {
            "nodes": [
                {"id": FIRST, "isbn": "a1", "author": {"id": ADA}},
                {"id": SECOND, "isbn": "b2", "author": {"id": BOB}},
            ]
        },
        "stock": [{"id": PILE, "site": 1, "book": {"id": FIRST}}],
    }
    assert library.graph.engine.exact_answers == 0


def test_ids_never_change() -> None:
    assert (ADA, FIRST, PILE) == ("AZKmQXV0aG9yAQ", "AZKkQm9va6JhMQ", "AZOlU3RvY2uiYTEB")


async def test_python_sees_the_backends_own_key() -> None:
    library = Library()
    data = await library.ask("query Q($id: ID!) { author(id: $id) { id badge } number(id: $id) }", {"id": ADA})
    assert data == {"author": {"id": ADA, "badge": "Author 1 #1"}, "number": "1"}
    made = await library.ask("{ anonymous { id badge } }")
    assert made == {"anonymous": {"id": global_id("Author", "0"), "badge": "Nobody #0"}}
    assert (key_of(Library, ADA), key_of(Node, "x")) == (None, None)


async def test_an_object_without_its_key_has_no_id() -> None:
    library = Library()
    library.transport._answers = lambda *_: {"rows": [{"title": "t"}, {"isbn": 5.5, "title": "u"}]}
    answer = await library.run("{ books { edges { node { id title } } } }")
    assert answer["data"] is None
    assert answer["errors"][0]["path"] == ["books", "edges", 0, "node", "id"]
    assert answer["errors"][0]["message"] == "books answered nothing for the non-null field id"


# -- node and nodes ---------------------------------------------------------------------------------------------------


async def test_nodes_of_many_types_are_one_call_per_type_in_the_order_of_their_ids() -> None:
    library = Library()
    data = await library.ask(NODES, {"ids": [BOB, PILE, FIRST, "x", ADA, BOB]})
    assert data["nodes"] == [
        {"id": BOB, "__typename": "Author", "fullName": "Author 2"},
        {"id": PILE, "__typename": "Stock", "count": 3},
        {"id": FIRST, "__typename": "Book", "title": "Title a1", "author": {"fullName": "Author 1"}},
        None,
        {"id": ADA, "__typename": "Author", "fullName": "Author 1"},
        {"id": BOB, "__typename": "Author", "fullName": "Author 2"},
    ]
    assert library.calls == ["GET /authors?id=2&id=1", "GET /books/a1", "POST /stock"]
    assert library.transport.bodies.count(b'{"keys":[{"isbn":"a1","site":1}]}') == 1


async def test_aliases_of_node_share_the_call_of_their_type() -> None:
    library = Library()
    query = f'{{ a: node(id: "{ADA}") {{ id ... on Author {{ fullName }} }} b: node(id: "{BOB}") {{ __typename }} }}'
    assert await library.ask(query) == {"a": {"id": ADA, "fullName": "Author 1"}, "b": {"__typename": "Author"}}
    assert library.calls == ["GET /authors?id=1&id=2"]


async def test_one_node_is_asked_for_as_by_its_own_field_and_shares_its_call() -> None:
    library = Library()
    query = "query Q($id: ID!) { node(id: $id) { ... on Author { fullName } } author(id: $id) { fullName } }"
    assert await library.ask(query, {"id": ADA}) == {
        "node": {"fullName": "Author 1"},
        "author": {"fullName": "Author 1"},
    }
    assert library.calls == ["GET /authors/1"]


async def test_a_node_that_is_stored_is_not_asked_for_again_and_a_write_makes_it_stale() -> None:
    library = Library(ttl=60)
    await library.ask("query Q($id: ID!) { author(id: $id) { fullName } }", {"id": ADA})
    await library.ask(NODES, {"ids": [ADA, BOB]})
    assert library.calls == ["GET /authors/1", "GET /authors?id=2"]
    rename = 'mutation Q($id: ID!) { rename(id: $id, fullName: "x") { id } }'
    assert await library.ask(rename, {"id": ADA}) == {"rename": {"id": ADA}}
    await library.ask(NODES, {"ids": [ADA, BOB]})
    assert library.calls == ["GET /authors?id=1", "PATCH /authors/1"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "x" * 10_000,
        "é",
        ADA[:-1],
        ADA + "=",
        f" {ADA}",
        base64.urlsafe_b64encode(b"Author:1").decode(),
        global_id("Nobody", 1),
        global_id("Query", 1),
        global_id("Author", 1, 2),
        global_id("Stock", "a1"),
        global_id("Author", 99),
        global_id("Book", "none"),
        global_id("Book", ""),
        global_id("Book", "../authors/1"),
        global_id("Book", "\x00"),
    ],
)
async def test_an_id_of_nothing_is_null(text: str) -> None:
    library = Library()
    assert await library.ask("query Q($id: ID!) { node(id: $id) { id } }", {"id": text}) == {"node": None}
    assert await library.ask(NODES, {"ids": [text]}) == {"nodes": [None]}
    assert set(library.calls) <= {"GET /authors/99", "GET /books/none"}


async def test_a_type_that_fails_costs_its_own_nodes() -> None:
    library = Library()
    library.broken = {"books"}
    answer = await library.run(NODES, {"ids": [ADA, FIRST, SECOND]})
    assert answer["data"]["nodes"] == [{"id": ADA, "__typename": "Author", "fullName": "Author 1"}, None, None]
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["nodes", 1], "UPSTREAM_ERROR"),
        (["nodes", 2], "UPSTREAM_ERROR"),
    ]


async def test_nodes_of_a_source_that_is_sent_the_clients_headers_are_each_clients_own() -> None:
    library = Library(ttl=60, forward="authorization")
    query = f'{{ node(id: "{FIRST}") {{ ... on Book {{ title }} }} }}'
    who = [{"authorization": "ada"}, {"authorization": "bob"}]
    answers = await asyncio.gather(*(library.run(query, headers=headers) for headers in who))
    assert [answer["data"]["node"] for answer in answers] == [{"title": "Title a1"}] * 2
    assert sorted(headers["authorization"] for headers in library.transport.headers) == ["ada", "bob"]
    assert explain(library.graph, query).splitlines()[-1] == "answer: private, fresh for 60 s"


async def test_explain_shows_the_calls_of_the_types_that_something_is_selected_of() -> None:
    text = explain(Library().graph, '{ node(id: "x") { id ... on Book { title author { fullName } } } }')
    assert text.splitlines() == [
        "query: 2 upstream calls in 2 steps",
        "-> books  GET /books/{isbn}  [one call per key (isbn): no batch is declared; not cached; exact path]",
        "     for Query.node",
        "   -> people  GET /authors{?id*}  [one call per 100 keys, one per id; not cached; exact path]",
        "        for Book.author",
        "cost: 2 for fields, 3 for types; at most 2 upstream calls",
        "exact path: Query.node names objects in its arguments",
        "answer: public, not cacheable",
    ]


async def test_looking_up_costs_as_many_calls_as_there_may_be_at_worst() -> None:
    graph = Library().graph
    text = explain(graph, f'{{ nodes(ids: ["{ADA}", "{BOB}", "{FIRST}"]) {{ ... on Author {{ fullName }} }} }}')
    assert "cost: 1 for fields, 4 for types; at most 3 upstream calls" in text.splitlines()
    many = await graph.execute("query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [ADA] * 1001})
    assert many["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


# -- ids as arguments -------------------------------------------------------------------------------------------------


async def test_arguments_and_inputs_take_global_ids_and_send_keys() -> None:
    library = Library()
    query = "query Q($ids: [ID!]!) { authors(id: $ids) { fullName } }"
    assert await library.ask(query, {"ids": [BOB, ADA]}) == {
        "authors": [{"fullName": "Author 1"}, {"fullName": "Author 2"}]
    }
    await library.ask(
        "mutation Q($note: Note!) { note(note: $note) { id } }",
        {"note": {"author": ADA, "others": [BOB, ADA], "text": "hi"}},
    )
    assert library.calls == ["GET /authors?id=2&id=1", "POST /notes"]
    assert library.transport.bodies[-1] == b'{"note":{"author":1,"others":[2,1],"text":"hi"}}'


@pytest.mark.parametrize("text", ["1", "", FIRST, PILE, ADA + "A"])
async def test_an_id_of_another_type_is_the_clients_error_before_any_call(text: str) -> None:
    library = Library()
    for query in (
        "query Q($id: ID!) { author(id: $id) { id } }",
        "mutation Q($id: ID!) { note(note: { author: $id }) { id } }",
        f'{{ author(id: "{text}") {{ id }} }}',
    ):
        answer = await library.run(query, {"id": text} if "$" in query else None)
        [error] = answer["errors"]
        assert (error["message"], error["extensions"]["code"]) == ("Expected an id of Author.", "BAD_USER_INPUT")
    assert library.calls == []


# -- declarations -----------------------------------------------------------------------------------------------------


def test_a_graph_without_nodes_has_no_fields_for_them() -> None:
    source = Rest("s", "http://s.example", client=FakeTransport({}))

    @strawberry.type
    class Query:
        @source.get("/x")
        def x(self) -> str: ...

    assert "type Query {\n  x: String!\n}\n" in Graph(Query).sdl()
    assert "Node" not in Graph(Query).sdl()


def test_an_author_s_own_lookup_stays() -> None:
    source = Rest("s", "http://s.example", client=FakeTransport({}))

    @source.entity(get="/x/{id}")
    class Thing(Node):
        number: int = field("id")

    @strawberry.type
    class Query:
        @source.get("/x/{id}")
        def node(self, id: str) -> Thing | None: ...

    for _ in range(2):  # a class may serve in two graphs
        fields = Graph(Query).sdl().splitlines()
        assert "  node(id: String!): Thing" in fields
        assert fields.count("  nodes(ids: [ID!]!): [Node]!") == 1


def test_faults_of_nodes_are_found_at_start_up() -> None:
    source = Rest("s", "http://s.example", client=FakeTransport({}))

    @strawberry.type
    class Plain(Node):
        x: int

    @source.entity()
    class Ungiven(Node):
        x: int

    @source.entity(batch="/pairs{?a*,b*}", key=("a", "b"))
    class Pair(Node):
        a: int
        b: int

    @strawberry.type
    class Query:
        @source.get("/x")
        def x(self) -> Plain: ...

        @source.get("/y")
        def y(self) -> Ungiven: ...

        @source.get("/z{?id,other}")
        def z(
            self, id: Annotated[strawberry.ID, GlobalId(Pair)], other: Annotated[strawberry.ID, GlobalId("Nobody")]
        ) -> Pair: ...

        @strawberry.field
        def own(self, id: Annotated[strawberry.ID, GlobalId(Pair)]) -> str:
            return id

    with pytest.raises(GraphError) as caught:
        Graph(Query)
    assert caught.value.faults == [
        "Query.own: the argument 'id' reaches no source: read it with key_of",
        "Query.z: id takes ids of Pair, which is not a Node with a key of one part",
        "Query.z: other takes ids of Nobody, which is not a Node with a key of one part",
        "Plain: it is a Node, but no source gives it by key: declare an entity with get or batch",
        "Ungiven: it is a Node, but no source gives it by key: declare an entity with get or batch",
    ]
