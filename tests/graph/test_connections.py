"""Connections in a graph: under objects, with links below, backwards, over real servers; and what a start-up finds."""

import asyncio
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import strawberry
from fastapi import FastAPI, Request, Response

from graph import Graph, GraphError
from graph.explain import explain
from resolvers import Connection, Store, discriminator, link
from sources import Bearer, Cursor, FakeTransport, Header, LinkHeader, NextUrl, Offset, PageNumber, Post, Rest
from tests.serving import running

Json = Any

# -- a shop with shelves ----------------------------------------------------------------------------------------------


class Shop:
    """Shelves with products in pages, and products with makers; it counts how many calls are under way at once."""

    def __init__(self) -> None:
        self.transport = transport = FakeTransport(self.answer)
        self.renamed: dict[int, str] = {}
        self.clock = 100.0
        shop = Rest(
            "shop", "http://shop.example", naming="camel", ttl=30, forward="authorization", client=self.transport
        )
        makers = Rest("makers", "http://makers.example", client=transport)

        @makers.entity(batch="/makers{?id*}")
        class Maker:
            id: int
            name: str

        @shop.entity(get="/products/{id}", ttl=10)
        class Product:
            id: strawberry.ID
            full_name: str
            maker: Maker | None = link("maker_id")

        @shop.entity(get="/shelves/{id}")
        class Shelf:
            id: int

            @shop.get("/shelves/{shelf_id}/products{?page,size}", paging=PAGES, items="rows", total="total")
            def products(
                self,
                first: int | None = None,
                after: str | None = None,
                last: int | None = None,
                before: str | None = None,
            ) -> Connection[Product]: ...

        @strawberry.type
        class Query:
            @shop.get("/shelves")
            def shelves(self) -> list[Shelf]: ...

            @shop.get("/shelves/{id}")
            def shelf(self, id: int) -> Shelf | None: ...

            @shop.get(Post("/search", {"q": "{text}", "from": "{offset}"}), paging=Offset("offset"), items="rows")
            def search(self, text: str, first: int = 2, after: str | None = None) -> Connection[Product] | None: ...

        @strawberry.type
        class Mutation:
            @shop.patch("/products/{id}")
            def rename(self, id: strawberry.ID, full_name: str) -> Product | None: ...

        self.graph = Graph(Query, Mutation, store=Store(clock=lambda: self.clock))

    def product(self, number: int) -> Json:
        return {"id": number, "fullName": self.renamed.get(number, f"n{number}"), "makerId": number % 3}

    def answer(self, method: str, target: str, body: bytes | None) -> Json:
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match method, parts.path.strip("/").split("/"):
            case "GET", ["makers"]:
                return [{"id": int(key), "name": f"m{key}"} for key in parse_qs(parts.query)["id"]]
            case "GET", ["shelves"]:
                return [{"id": 1}, {"id": 2}]
            case "GET", ["shelves", key]:
                return {"id": int(key)}
            case "GET", ["shelves", key, "products"]:
                rows = [self.product(int(key) * 100 + number) for number in range(7 if key == "1" else 3)]
                size = int(asked["size"])
                start = (int(asked["page"]) - 1) * size
                return {"rows": rows[start : start + size], "total": len(rows)}
            case "PATCH", ["products", key]:
                self.renamed[int(key)] = "new"
                return self.product(int(key))
            case "POST", ["search"]:
                begin = int((body or b"").partition(b'"from":')[2].strip(b"}") or 0)
                return {"rows": [self.product(number) for number in range(5)[begin : begin + 2]]}
        return 404, {}

    async def ask(self, query: str, variables: Json = None, headers: dict[str, str] | None = None) -> Json:
        answer = await self.graph.execute(query, variables, headers=headers)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    @property
    def calls(self) -> list[str]:
        found = sorted(self.transport.calls)
        self.transport.calls.clear()
        return found


PAGES = PageNumber("page", size="size", max_size=4)


async def test_lists_of_several_parents_have_pages_of_their_own_and_links_below_are_one_batch() -> None:
    shop = Shop()
    query = "{ shelves { id products(first: 5) { totalCount edges { node { fullName maker { name } } } } } }"
    shelves = (await shop.ask(query))["shelves"]
    assert [(shelf["id"], shelf["products"]["totalCount"]) for shelf in shelves] == [(1, 7), (2, 3)]
    names = [[edge["node"]["fullName"] for edge in shelf["products"]["edges"]] for shelf in shelves]
    assert names == [["n100", "n101", "n102", "n103", "n104"], ["n200", "n201", "n202"]]
    assert shelves[0]["products"]["edges"][0]["node"]["maker"] == {"name": "m1"}
    calls = shop.calls
    assert [call for call in calls if "makers" not in call] == [
        "GET /shelves",
        "GET /shelves/1/products?page=1&size=4",
        "GET /shelves/1/products?page=5&size=1",
        "GET /shelves/2/products?page=1&size=4",
    ]
    assert len(calls) == 5
    assert (shop.graph.engine.compiled_answers, shop.graph.engine.exact_answers) == (1, 0)


async def test_both_paths_answer_the_same_and_ask_the_same() -> None:
    shop = Shop()
    fields = "edges { cursor node { id fullName maker { name } } } nodes { id } pageInfo { hasNextPage endCursor }"
    query = f"{{ shelves {{ products(first: 5) {{ {fields} totalCount }} }} }}"
    compiled, calls = await shop.ask(query), shop.calls
    operations = shop.graph.engine.operations
    operations.variant(operations.get(query, None), operations.variables(operations.get(query, None), {})).runner = None
    shop.clock += 100
    assert await shop.ask(query) == compiled
    assert shop.calls == calls
    assert (shop.graph.engine.compiled_answers, shop.graph.engine.exact_answers) == (1, 1)


async def test_explain_says_how_long_pages_are() -> None:
    assert explain(Shop().graph, "{ shelf(id: 1) { products { nodes { id } } } }").splitlines()[3:5] == [
        "   -> shop  GET /shelves/{shelf_id}/products{?page,size}  [one call per key (id): no batch is declared; "
        "in pages of at most 4; reused for 10 s; private (forwards authorization)]",
        "        for Shelf.products",
    ]


async def test_the_estimate_counts_pages() -> None:
    graph = Shop().graph
    text = explain(graph, "{ shelves { products(first: 9) { edges { node { fullName } } } } }")
    assert "cost: 111 for fields, 201 for types; at most 31 upstream calls" in text.splitlines()
    query = "query Q($first: Int) { shelf(id: 1) { products(first: $first) { totalCount } } }"
    answer = await graph.execute(query, {"first": 2_000_000_000})
    assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_pages_are_stored_for_who_asked_and_as_long_as_their_items_may_be() -> None:
    shop = Shop()
    query = "{ shelf(id: 1) { products(first: 2) { nodes { fullName } } } }"
    ada, bob = {"authorization": "ada"}, {"authorization": "bob"}
    await shop.ask(query, headers=ada)
    assert len(shop.calls) == 2
    await shop.ask(query, headers=ada)
    assert shop.calls == []
    await shop.ask(query, headers=bob)
    assert len(shop.calls) == 2
    shop.clock += 11
    await shop.ask(query, headers=ada)
    assert shop.calls == ["GET /shelves/1/products?page=1&size=2"]


async def test_a_write_makes_the_pages_stale_that_may_hold_the_object() -> None:
    shop = Shop()
    query = "{ shelf(id: 1) { products(first: 1) { nodes { fullName } } } }"
    await shop.ask(query)
    await shop.ask('mutation { rename(id: 100, fullName: "new") { id } }')
    assert (await shop.ask(query))["shelf"]["products"]["nodes"] == [{"fullName": "new"}]


async def test_identical_pages_under_way_are_one_call() -> None:
    shop = Shop()
    query = "{ shelf(id: 1) { products(first: 2) { nodes { id } } } }"
    other = "{ shelf(id: 1) { products(first: 2) { nodes { fullName } } } }"
    await asyncio.gather(shop.ask(query), shop.ask(other))
    assert shop.calls == ["GET /shelves/1", "GET /shelves/1/products?page=1&size=2"]


async def test_pages_may_be_asked_for_in_a_body() -> None:
    shop = Shop()
    data = await shop.ask('{ search(text: "x", first: 4) { nodes { id } pageInfo { hasNextPage } totalCount } }')
    assert [node["id"] for node in data["search"]["nodes"]] == ["0", "1", "2", "3"]
    assert (data["search"]["pageInfo"]["hasNextPage"], data["search"]["totalCount"]) == (True, None)
    assert shop.transport.bodies == [b'{"q":"x","from":0}', b'{"q":"x","from":2}', b'{"q":"x","from":4}']


async def test_a_backend_may_call_its_own_parameters_as_the_connection_does() -> None:
    transport = FakeTransport(lambda *_: {"rows": [1, 2], "next": "t"})
    source = Rest("s", "http://s.example", client=transport)

    @strawberry.type
    class Query:
        @source.get("/x{?after,first}", paging=Cursor("after", size="first", next="next"), items="rows")
        def numbers(self, first: int, after: str | None = None) -> Connection[int]: ...

    graph = Graph(Query)
    query = "query Q($after: String) { numbers(first: 2, after: $after) { pageInfo { endCursor } } }"
    end = (await graph.execute(query))["data"]["numbers"]["pageInfo"]["endCursor"]
    await graph.execute(query, {"after": end})
    assert transport.calls == ["GET /x?first=2", "GET /x?after=t&first=2"]


async def test_the_items_may_be_of_several_types() -> None:
    rows = [{"kind": "book", "id": 1, "pages": 9}, {"kind": "film", "id": 2, "minutes": 90}]
    source = Rest("s", "http://s.example", client=FakeTransport(lambda *_: {"rows": rows, "total": 2}))

    @strawberry.type
    class Book:
        pages: int

        @strawberry.field
        def label(self) -> str:
            return f"{self.pages} pages"

    @strawberry.type
    class Film:
        minutes: int

    @strawberry.type
    class Query:
        @source.get("/media{?n}", paging=Offset("n"), items="rows", total="total")
        def media(
            self, first: int = 9, after: str | None = None
        ) -> Connection[Annotated[Book | Film, strawberry.union("Media"), discriminator("kind")]]: ...

    graph = Graph(Query)
    query = "{ media { edges { node { __typename ... on Book { pages } ... on Film { minutes } } } } }"
    assert (await graph.execute(query))["data"]["media"]["edges"] == [
        {"node": {"__typename": "Book", "pages": 9}},
        {"node": {"__typename": "Film", "minutes": 90}},
    ]
    assert graph.engine.exact_answers == 0
    query = "{ media(first: 1) { nodes { ... on Book { label } } } }"
    assert (await graph.execute(query))["data"]["media"]["nodes"] == [{"label": "9 pages"}]


# -- backwards --------------------------------------------------------------------------------------------------------


async def window(shop: Shop, shelf: int = 1, **arguments: Json) -> tuple[list[int], bool, bool]:
    """Give the numbers of the items in a window of a shelf of seven, and whether more lies before and after."""
    query = """query W($shelf: Int!, $first: Int, $after: String, $last: Int, $before: String) { shelf(id: $shelf) {
      products(first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { id } pageInfo { hasPreviousPage hasNextPage } } } }"""
    found = (await shop.ask(query, {"shelf": shelf, **arguments}))["shelf"]["products"]
    info = found["pageInfo"]
    assert found["totalCount"] == (7 if shelf == 1 else 3)
    numbers = [int(node["id"]) - 100 * shelf for node in found["nodes"]]
    return numbers, info["hasPreviousPage"], info["hasNextPage"]


async def test_last_and_before_give_the_windows_that_relay_says() -> None:
    shop = Shop()
    query = "{ shelf(id: 1) { products(first: 7) { edges { cursor } } } }"
    cursors = [edge["cursor"] for edge in (await shop.ask(query))["shelf"]["products"]["edges"]]
    assert await window(shop, last=2) == ([5, 6], True, False)
    assert await window(shop, last=100) == ([0, 1, 2, 3, 4, 5, 6], False, False)
    assert await window(shop, last=0) == ([], True, False)
    assert await window(shop, last=2, before=cursors[5]) == ([3, 4], True, True)
    assert await window(shop, last=9, before=cursors[2]) == ([0, 1], False, True)
    assert await window(shop, before=cursors[3]) == ([0, 1, 2], False, True)
    assert await window(shop, last=5, before=cursors[0]) == ([], False, True)
    assert await window(shop, last=5, after=cursors[3]) == ([4, 5, 6], True, False)
    assert await window(shop, first=3, last=2) == ([1, 2], True, True)
    assert await window(shop, first=2, after=cursors[1], before=cursors[6]) == ([2, 3], True, True)
    assert await window(shop, last=5, after=cursors[4], before=cursors[2]) == ([], True, True)
    assert await window(shop, shelf=2, last=2) == ([1, 2], True, False)


async def test_every_window_backwards_is_the_list_in_order() -> None:
    shop = Shop()
    for last in range(1, 9):
        seen: list[str] = []
        before: str | None = None
        goes_on = True
        while goes_on:
            query = """query W($last: Int, $before: String) { shelf(id: 1) { products(last: $last, before: $before) {
              nodes { id } pageInfo { hasPreviousPage startCursor } } } }"""
            found = (await shop.ask(query, {"last": last, "before": before}))["shelf"]["products"]
            seen = [node["id"] for node in found["nodes"]] + seen
            goes_on, before = found["pageInfo"]["hasPreviousPage"], found["pageInfo"]["startCursor"]
        assert seen == [str(number) for number in range(100, 107)]


async def test_a_last_page_of_a_list_that_does_not_say_its_length_is_an_error() -> None:
    source = Rest("s", "http://s.example", client=FakeTransport(lambda *_: {"rows": [1, 2]}))

    @strawberry.type
    class Query:
        @source.get("/x{?o}", paging=Offset("o"), items="rows", total="total")
        def numbers(
            self, first: int | None = None, after: str | None = None, last: int | None = None
        ) -> Connection[int]: ...

    answer = await Graph(Query).execute("{ numbers(last: 1) { nodes } }")
    assert answer["data"] is None
    assert answer["errors"][0]["message"] == "s did not say how many items there are, so there is no last one"
    assert answer["errors"][0]["extensions"] == {"code": "UPSTREAM_INVALID", "source": "s"}


# -- real servers -----------------------------------------------------------------------------------------------------


def forge(asked: list[str]) -> FastAPI:
    """Issues as forges give them: links whose path is not the one that was asked for, and a total in a header."""
    app = FastAPI()

    @app.get("/api/repos/{name}/issues")
    @app.get("/api/repositories/{name}/issues")
    def issues(request: Request, response: Response, page: int = 1, per_page: int = 3) -> list[Json]:
        asked.append(f"{request.url.path}?{request.url.query} {request.headers['authorization']}")
        rows = [{"number": number} for number in range(1, 9)][(page - 1) * per_page : page * per_page]
        if page * per_page < 8:
            target = f"{request.base_url}api/repositories/7/issues?per_page={per_page}&page={page + 1}"
            last = f"{request.base_url}api/repositories/7/issues?page=9"
            response.headers["Link"] = f'<{target}>; rel="next", <{last}>; rel="last"'
        response.headers["X-Total-Count"] = "8"
        return rows

    @app.get("/api/feed")
    def feed(request: Request, cursor: int = 0) -> Json:
        asked.append(f"/api/feed?{request.url.query}")
        following = f"feed?cursor={cursor + 2}" if cursor + 2 < 5 else None
        return {"data": [{"number": cursor + 1}, {"number": cursor + 2}][: 5 - cursor], "links": {"next": following}}

    return app


@strawberry.type
class Issue:
    number: int


async def test_link_headers_and_next_urls_of_a_real_server_are_walked() -> None:
    asked: list[str] = []
    with running(forge(asked)) as address:
        source = Rest("forge", f"{address}/api/", auth=Bearer("t"))

        @strawberry.type
        class Query:
            @source.get(
                "/repos/{name}/issues{?page,per_page}",
                paging=LinkHeader("page", size="per_page", max_size=3),
                total=Header("X-Total-Count"),
            )
            def issues(self, name: str, first: int = 5, after: str | None = None) -> Connection[Issue]: ...

            @source.get("/feed{?cursor}", paging=NextUrl("links.next", "cursor"), items="data")
            def feed(self, first: int = 3, after: str | None = None) -> Connection[Issue]: ...

        graph = Graph(Query)
        query = """query Both($after: String, $then: String) {
          issues(name: "weft", after: $after) { totalCount nodes { number } pageInfo { hasNextPage endCursor } }
          feed(after: $then) { totalCount nodes { number } pageInfo { hasNextPage endCursor } } }"""
        one = (await graph.execute(query))["data"]
        assert [issue["number"] for issue in one["issues"]["nodes"]] == [1, 2, 3, 4, 5]
        assert [issue["number"] for issue in one["feed"]["nodes"]] == [1, 2, 3]
        assert (one["issues"]["totalCount"], one["feed"]["totalCount"]) == (8, None)
        ends = {"after": one["issues"]["pageInfo"]["endCursor"], "then": one["feed"]["pageInfo"]["endCursor"]}
        two = (await graph.execute(query, ends))["data"]
        assert [issue["number"] for issue in two["issues"]["nodes"]] == [6, 7, 8]
        assert [issue["number"] for issue in two["feed"]["nodes"]] == [4, 5]
        assert [found["pageInfo"]["hasNextPage"] for found in (*one.values(), *two.values())] == [
            True,
            True,
            False,
            False,
        ]
        await graph.aclose()
    assert sorted(asked) == [
        "/api/feed?",
        "/api/feed?cursor=2",
        "/api/feed?cursor=2",
        "/api/feed?cursor=4",
        "/api/repos/weft/issues?page=2&per_page=3 Bearer t",
        "/api/repos/weft/issues?page=2&per_page=3 Bearer t",
        "/api/repos/weft/issues?page=3&per_page=3 Bearer t",
        "/api/repos/weft/issues?per_page=3 Bearer t",
    ]


# -- faults at start-up -----------------------------------------------------------------------------------------------


def test_every_fault_of_a_connection_is_found_at_start_up() -> None:
    source = Rest("s", "http://s.example", client=FakeTransport({}))
    led, even = Cursor("c", next="next"), PageNumber("p", size="n", max_size=9)

    @strawberry.type
    class Thing:
        id: int

    @strawberry.type
    class Query:
        @source.get("/a{?p}", paging=PageNumber("p"))
        def a(self, first: int = 9, after: str | None = None) -> list[Thing]: ...

        @source.get("/b")
        def b(self, first: int = 9, after: str | None = None) -> Connection[Thing]: ...

        @source.get("/c{?c}", paging=led)
        def c(self) -> Connection[Thing]: ...

        @source.get("/d{?c}", paging=led, total="total")
        def d(self, after: str, first: int | None = None, last: int | None = None) -> Connection[Thing]: ...

        @source.get("/e{?p}", paging=even, total="t")
        def e(self, after: int, p: int, first: str = "9") -> Connection[Thing]: ...

        @source.get("/f{?p,n}", paging=even)
        def f(self, after: str, first: int | None = None, before: str | None = None) -> Connection[Thing]: ...

        @source.get("/g{?p,n}", paging=even, total="t")
        def g(self, after: str, first: int = 9, last: int | None = None) -> Connection[Thing]: ...

        @source.get("/h{?p,n,first}", paging=even, total="t")
        def h(self, after: str, first: int = 9, q: str | None = None) -> Connection[Thing]: ...

    with pytest.raises(GraphError) as caught:
        Graph(Query)
    back = "needs pages that can be asked for by number: an Offset, or a PageNumber with max_size, and total"
    assert caught.value.faults == [
        "Query.a: it is paged, so it gives a Connection[...], but the field is [Thing!]!",
        "Query.b: the argument 'after' is not used by GET /b",
        "Query.b: the argument 'first' is not used by GET /b",
        "Query.b: it gives ThingConnection!, but its call has no paging",
        "Query.c: a connection takes the arguments first and after; first is missing",
        "Query.c: a connection takes the arguments first and after; after is missing",
        f"Query.d: the argument 'last' {back}",
        "Query.e: the argument 'p' is what the paging sets",
        "Query.e: paging names {n}, which GET /e{?p} does not have",
        "Query.e: the argument first of a connection is Int, not String!",
        "Query.e: the argument after of a connection is String or ID, not Int!",
        f"Query.f: the argument 'before' {back}",
        "Query.g: last would count within the first items: give the argument first no default but None",
        "Query.h: the argument 'q' is not used by GET /h{?p,n,first}",
        "Query.h: {first} of GET /h{?p,n,first} is set by no paging, and the argument 'first' is the connection's own",
    ]
