"""Loading at the edges: hostile keys and replies, answers under way while something is written, clients that leave.

What every load does is in `test_loading.py`; here is what it must not do.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import strawberry

from graph import Graph
from resolvers import Fetching, Ledger, Store, field, link
from sources import FakeTransport, Post, Reply, Rest
from tests.serving import running

Json = Any
Answers = Mapping[str, Json] | Callable[[str, str, bytes | None], Json]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Gate(FakeTransport):
    """A backend whose answers can be held back after they are made: what they say is then already old."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.held: dict[str, asyncio.Event] = {}

    def hold(self, call: str) -> asyncio.Event:
        self.held[call] = asyncio.Event()
        return self.held[call]

    async def send(self, method: str, url: str, headers: Any, body: Any) -> Reply:
        reply = await super().send(method, url, headers, body)
        parts = urlsplit(url)
        gate = self.held.pop(f"{method} {parts.path}" + (f"?{parts.query}" if parts.query else ""), None)
        if gate is not None:
            await gate.wait()
        return reply


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def ids_of(target: str, name: str = "id") -> list[str]:
    return parse_qs(urlsplit(target).query, keep_blank_values=True).get(name, [])


# -- a small shop -----------------------------------------------------------------------------------------------------


class Shop:
    """Users by id with a batch, a TTL and a write; `rows` is what the backend holds, `refs` whom the cards point to."""

    def __init__(self, *, ttl: float = 0, refs: list[Json] | None = None, answers: Answers | None = None) -> None:
        self.clock = Clock()
        self.transport = Gate(answers or self.answer)
        self.rows = {str(number): {"id": number, "name": f"n{number}", "score": number} for number in range(1, 5)}
        self.refs: list[Json] = refs if refs is not None else [1, 2]
        self.headers: dict[str, str] = {}
        s = Rest("s", "http://s.example", ttl=ttl, max_batch=50, client=self.transport)
        self.source = s

        @s.entity(get="/users/{id}", batch="/users{?id*}")
        class User:
            id: strawberry.ID
            name: str
            score: int = field(ttl=min(ttl, 5))

        @strawberry.type
        class Card:
            ref: str | None
            user: User | None = link("ref")

        @strawberry.type
        class Query:
            @s.get("/cards", ttl=0)
            def cards(self) -> list[Card]: ...

            @s.get("/users/{id}")
            def user(self, id: strawberry.ID) -> User | None: ...

            @s.get("/all")
            def users(self) -> list[User]: ...

        @strawberry.type
        class Mutation:
            @s.patch("/users/{id}")
            def rename(self, id: strawberry.ID, name: str) -> User | None: ...

            @s.post("/forget", invalidates={User: "id"})
            def forget(self, id: strawberry.ID | None = None) -> bool: ...

            @s.post("/forget-all", invalidates={User: "ids"})
            def forget_all(self, ids: list[strawberry.ID]) -> bool: ...

        self.graph = Graph(query=Query, mutation=Mutation, store=Store(clock=self.clock))

    def answer(self, method: str, target: str, body: bytes | None) -> Json:
        path = urlsplit(target).path
        if method == "PATCH":
            row = self.rows[path.removeprefix("/users/")]
            row["name"] = msgspec.json.decode(body or b"")["name"]
            return 200, row, self.headers
        if path in ("/forget", "/forget-all"):
            return True
        if path == "/cards":
            return [{"ref": ref} for ref in self.refs]
        if path == "/all":
            return 200, list(self.rows.values()), self.headers
        if path == "/users":
            return 200, [self.rows[key] for key in ids_of(target) if key in self.rows], self.headers
        found = self.rows.get(path.removeprefix("/users/"))
        return (404, {}, self.headers) if found is None else (200, dict(found), self.headers)

    async def ask(self, query: str, **variables: Any) -> Json:
        return await self.graph.execute(query, variables)

    def asked(self) -> list[str]:
        calls = list(self.transport.calls)
        self.transport.calls.clear()
        return calls


CARDS = "{ cards { user { name } } }"


def names(response: Json) -> list[str | None]:
    return [card["user"] and card["user"]["name"] for card in response["data"]["cards"]]


# -- matching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ([{"id": 2, "name": "b"}, {"id": 1, "name": "a"}], ["a", "b"]),
        ([{"id": "1", "name": "a"}, {"id": 2, "name": "b"}], ["a", "b"]),
        ([{"id": 1, "name": "a"}, {"id": 99, "name": "z"}, {"id": 2, "name": "b"}], ["a", "b"]),
        ([{"id": 2, "name": "b"}], [None, "b"]),
        ([{"id": 2, "name": "b"}, {"id": 2, "name": "b"}], [None, "b"]),
        ([], [None, None]),
        ((204, b""), [None, None]),
    ],
)
async def test_answers_find_their_keys_whatever_their_order_and_number(items: Json, found: list[Json]) -> None:
    shop = Shop(answers={"GET /cards": [{"ref": 1}, {"ref": 2}], "GET /users?id=1&id=2": items})
    response = await shop.ask(CARDS)
    assert "errors" not in response
    assert names(response) == found


@pytest.mark.parametrize("ttl", [0, 60])
async def test_of_two_items_of_one_key_every_path_takes_the_same(ttl: float) -> None:
    items = [{"id": 1, "name": "first", "score": 1}, {"id": 1, "name": "second", "score": 2}]
    shop = Shop(ttl=ttl, answers={"GET /cards": [{"ref": 1}], "GET /users?id=1": items})
    first = await shop.ask(CARDS)
    assert await shop.ask(CARDS) == first
    exact = await shop.ask("{ cards { user { name ...on User { name } __typename } } }")
    assert names(exact) == names(first)


async def test_keys_that_are_equal_as_text_are_asked_for_once() -> None:
    shop = Shop(refs=[1, "1", 1, "2"])
    response = await shop.ask("{ cards { user { name } } }")
    assert [card["user"]["name"] for card in response["data"]["cards"]] == ["n1", "n1", "n1", "n2"]
    (_, batch) = shop.asked()
    assert ids_of(batch) == ["1", "2"]


async def test_composite_keys_whose_parts_are_equal_as_text_are_asked_for_once() -> None:
    def answer(method: str, target: str, body: bytes | None) -> Json:
        if target == "/cards":
            return [{"region": "n", "number": 1}, {"region": "n", "number": "1"}]
        return [{"region": "n", "number": 1, "label": "a"}]

    transport = FakeTransport(answer)
    s = Rest("s", "http://s.example", client=transport)

    @s.entity(batch="/shelves{?region*,number*}", key=("region", "number"))
    class Shelf:
        region: str
        number: int
        label: str

    @strawberry.type
    class Card:
        shelf: Shelf = link("region", "number")

    @strawberry.type
    class Query:
        @s.get("/cards")
        def cards(self) -> list[Card]: ...

    response = await Graph(query=Query).execute("{ cards { shelf { label } } }")
    assert response == {"data": {"cards": [{"shelf": {"label": "a"}}, {"shelf": {"label": "a"}}]}}
    assert transport.calls == ["GET /cards", "GET /shelves?region=n&number=1"]


nodes = Rest(
    "nodes",
    "http://nodes.example",
    client=FakeTransport({"GET /first": {"next_id": "1"}, "GET /nodes/1": {"id": 1, "name": "a"}}),
)


@nodes.entity(get="/nodes/{id}")
class Node:
    id: int
    name: str
    itself: "Node | None" = link("id")


async def test_a_single_call_that_two_hops_share_answers_both_whatever_form_their_keys_have() -> None:
    @strawberry.type
    class First:
        next: Node | None = link("next_id")

    @strawberry.type
    class Query:
        @nodes.get("/first")
        def first(self) -> First: ...

    response = await Graph(query=Query).execute("{ first { next { name itself { name } } } }")
    assert response == {"data": {"first": {"next": {"name": "a", "itself": {"name": "a"}}}}}


tree_rows = {"1": {"id": 1, "up_id": 2}, "2": {"id": 2, "up_id": 1}, "3": {"id": 3, "up_id": 4}}
tree_transport = FakeTransport(
    lambda method, target, body: (
        {"one_id": 1, "other_id": 3}
        if target == "/pair"
        else [tree_rows[key] for key in ids_of(target) if key in tree_rows]
    )
)
tree = Rest("tree", "http://tree.example", client=tree_transport)


@tree.entity(batch="/leaves{?id*}")
class Leaf:
    id: int
    up: "Leaf | None" = link("up_id")


@strawberry.type
class Pair:
    one: Leaf | None = link("one_id")
    other: Leaf | None = link("other_id")


@strawberry.type
class PairQuery:
    @tree.get("/pair")
    def pair(self) -> Pair: ...


async def test_a_reply_that_holds_items_for_others_asks_nothing_below_these() -> None:
    response = await Graph(query=PairQuery).execute("{ pair { one { up { up { up { id } } } } other { id } } }")
    assert response["data"]["pair"]["one"] == {"up": {"up": {"up": {"id": 2}}}}
    assert tree_transport.calls == ["GET /pair", "GET /leaves?id=1&id=3", "GET /leaves?id=2"]


async def test_a_question_that_comes_up_as_its_reply_lands_is_not_asked_again() -> None:
    transport = FakeTransport({"GET /first": {"next_id": 1}, "GET /nodes/1": {"id": 1}})
    s = Rest("s", "http://s.example", client=transport)

    @s.entity(get="/nodes/{id}")
    class Found:
        id: int

    @strawberry.type
    class First:
        next: Found | None = link("next_id")

    @strawberry.type
    class Query:
        @Rest("other", "http://other.example", ttl=60, client=transport).get("/first")
        def first(self) -> First: ...

        @s.get("/nodes/{id}")
        def node(self, id: int) -> Found | None: ...

    await Graph(query=Query).execute("{ first { next { id } } node(id: 1) { id } }")
    assert transport.calls == ["GET /first", "GET /nodes/1"]


async def test_no_keys_make_no_call() -> None:
    shop = Shop(refs=[None, None])
    assert names(await shop.ask(CARDS)) == [None, None]
    assert shop.asked() == ["GET /cards"]


@pytest.mark.parametrize(
    "hostile", ["a&id=2", "1,2", "../admin", "%2e%2e", "a b", "é", '"', "{id}", "x" * 3000, "?", "#", "\n"]
)
async def test_a_strange_key_stays_one_value(hostile: str) -> None:
    shop = Shop(refs=["1", hostile])
    assert names(await shop.ask(CARDS)) == ["n1", None]
    (_, batch) = shop.asked()
    assert ids_of(batch) == ["1", hostile]


@pytest.mark.parametrize("position", [0, 1, 4])
async def test_a_key_that_may_not_enter_a_url_costs_only_itself(position: int) -> None:
    refs: list[Json] = ["1", "2", "3", "4"]
    refs.insert(position, "a\x00b")
    shop = Shop(refs=refs)
    response = await shop.ask(CARDS)
    assert [error["path"] for error in response["errors"]] == [["cards", position, "user"]]
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert [name for name in names(response) if name] == ["n1", "n2", "n3", "n4"]
    assert not any("00" in call for call in shop.asked())


# -- splitting --------------------------------------------------------------------------------------------------------


async def test_every_key_of_a_split_batch_is_asked_for_once() -> None:
    refs = [f"{number:04}{'k' * 400}" for number in range(120)]
    shop = Shop(refs=refs)
    await shop.ask(CARDS)
    _, *batches = shop.asked()
    assert all(len(call) <= 8000 + len("GET ") for call in batches)
    assert [key for call in batches for key in ids_of(call)] == refs


async def test_one_key_longer_than_a_url_should_be_is_asked_for_alone() -> None:
    shop = Shop(refs=["1", "x" * 9000, "2"])
    assert names(await shop.ask(CARDS)) == ["n1", None, "n2"]
    _, *batches = shop.asked()
    assert ["x" * 9000] in [ids_of(call) for call in batches]


def searching(answer: Callable[[str, str, bytes | None], Json]) -> tuple[FakeTransport, Graph]:
    transport = FakeTransport(answer)
    s = Rest("s", "http://s.example/search", max_batch=2, client=transport)

    @strawberry.type
    class Label:
        text: str

    @s.entity(get="/items/{id}")
    class Item:
        id: int

        @s.get(
            Post("{?lang}", body={"ids": ["{id}"]}),
            batch=Post("{?lang}", body={"ids": "{ids}"}, items="found"),
            key="id",
        )
        def label(self, lang: str | None = strawberry.UNSET) -> Label | None: ...

    @strawberry.type
    class Query:
        @s.get("/items")
        def items(self) -> list[Item]: ...

    return transport, Graph(query=Query)


async def test_batches_in_bodies_are_split_by_number_and_read_out_of_their_envelope() -> None:
    def answer(method: str, target: str, body: bytes | None) -> Json:
        if method == "GET":
            return [{"id": number} for number in (1, 2, 3)]
        ids = msgspec.json.decode(body or b"")["ids"]
        return {"found": [{"id": number, "text": f"t{number}"} for number in reversed(ids)]}

    transport, graph = searching(answer)
    response = await graph.execute('{ items { label(lang: "de") { text } } }')
    assert response == {"data": {"items": [{"label": {"text": f"t{number}"}} for number in (1, 2, 3)]}}
    assert transport.calls == ["GET /search/items", "POST /search?lang=de", "POST /search?lang=de"]
    assert transport.bodies == [None, b'{"ids":[1,2]}', b'{"ids":[3]}']


async def test_a_template_may_expand_to_nothing() -> None:
    def answer(method: str, target: str, body: bytes | None) -> Json:
        return [{"id": 1}, {"id": 2}] if method == "GET" else {"found": [{"id": 1, "text": "t1"}]}

    transport, graph = searching(answer)
    response = await graph.execute("{ items { label { text } } }")
    assert response == {"data": {"items": [{"label": {"text": "t1"}}, {"label": None}]}}
    assert transport.calls == ["GET /search/items", "POST /search"]


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ((404, {}), "UPSTREAM_ERROR"),
        ((500, {}), "UPSTREAM_ERROR"),
        ((301, {}), "UPSTREAM_ERROR"),
        (b"<html>", "UPSTREAM_INVALID"),
        (b'[{"id": 1, "name": "n1"}', "UPSTREAM_INVALID"),
        ({"error": "no"}, "UPSTREAM_INVALID"),
    ],
)
@pytest.mark.parametrize("ttl", [0, 60])
async def test_a_batch_without_answer_is_an_error_of_its_keys_and_is_not_kept(
    ttl: float, reply: Json, code: str
) -> None:
    shop = Shop(ttl=ttl, answers={"GET /cards": [{"ref": 1}, {"ref": 2}], "GET /users?id=1&id=2": reply})
    for _ in range(2):
        response = await shop.ask(CARDS)
        assert names(response) == [None, None]
        assert [error["extensions"]["code"] for error in response["errors"]] == [code, code]
        assert shop.asked() == ["GET /cards", "GET /users?id=1&id=2"]


@pytest.mark.parametrize("ttl", [0, 60])
async def test_a_missing_object_is_null_and_that_is_kept(ttl: float) -> None:
    shop = Shop(ttl=ttl)
    for _ in range(2):
        assert await shop.ask('{ user(id: "99") { name } }') == {"data": {"user": None}}
    assert len(shop.asked()) == (1 if ttl else 2)


@pytest.mark.parametrize(
    "header",
    [
        "max-age=\xb2",
        "max-age=,",
        "=",
        ",,;",
        "max-age=" + "9" * 5000,
        'private="',
        "\xff\xfe",
    ],
)
async def test_a_strange_cache_control_costs_nothing_but_the_keeping(header: str) -> None:
    shop = Shop(ttl=60)
    shop.headers = {"cache-control": header}
    assert await shop.ask('{ user(id: "1") { name } }') == {"data": {"user": {"name": "n1"}}}
    assert names(await shop.ask(CARDS)) == ["n1", "n2"]


# -- the store --------------------------------------------------------------------------------------------------------


async def test_single_and_batched_answers_are_one_store() -> None:
    shop = Shop(ttl=60)
    await shop.ask('{ user(id: "1") { name } }')
    shop.asked()
    assert names(await shop.ask(CARDS)) == ["n1", "n2"]
    assert shop.asked() == ["GET /cards", "GET /users?id=2"]
    assert await shop.ask('{ user(id: "2") { name score } }') == {"data": {"user": {"name": "n2", "score": 2}}}
    assert shop.asked() == []


async def test_an_answer_that_the_backend_dated_is_as_old_as_it_says() -> None:
    # RFC 9111, 4.2.3: an answer that waited in a cache on its way has that age already.
    shop = Shop(ttl=600)
    shop.headers = {"cache-control": "max-age=60", "age": "59"}
    await shop.ask('{ user(id: "1") { name } }')
    shop.clock.now += 10
    await shop.ask('{ user(id: "1") { name } }')
    assert len(shop.asked()) == 2


async def test_two_fields_of_one_object_each_get_the_freshness_they_ask_for() -> None:
    shop = Shop(ttl=60)
    await shop.ask('{ user(id: "1") { name score } }')
    shop.rows["1"]["score"] = 100
    shop.clock.now += 20
    shop.asked()
    query = 'query ($id: ID!) { one: user(id: "1") { name } other: user(id: $id) { score } }'
    response = await shop.ask(query, id="1")
    assert response["data"]["other"] == {"score": 100}


async def test_a_links_key_is_as_fresh_as_its_own_ttl() -> None:
    author = {"name": "a"}
    post = {"id": 1, "title": "t", "author_id": 1}
    transport = FakeTransport(lambda method, target, body: dict(post) if "posts" in target else author)
    s = Rest("s", "http://s.example", ttl=10, client=transport)

    @s.entity(get="/users/{id}", key="name")
    class Author:
        name: str

    @s.entity(get="/posts/{id}")
    class Article:
        id: int
        title: str = field(ttl=100)
        author: Author | None = link("author_id")

    @strawberry.type
    class Query:
        @s.get("/posts/{id}")
        def post(self, id: int) -> Article: ...

    clock = Clock()
    graph = Graph(query=Query, store=Store(clock=clock))
    await graph.execute("{ post(id: 1) { title author { name } } }")
    post["author_id"] = 2
    clock.now += 50
    await graph.execute("{ post(id: 1) { title author { name } } }")
    assert "GET /users/2" in transport.calls


async def test_a_types_ttl_holds_for_every_endpoint_that_gives_it() -> None:
    transport = FakeTransport({"GET /users/1": {"id": 1}})
    s = Rest("s", "http://s.example", client=transport)

    @s.entity(get="/users/{id}", ttl=30)
    class User:
        id: int

    @strawberry.type
    class Query:
        @s.get("/users/{id}")
        def user(self, id: int) -> User | None: ...

    graph = Graph(query=Query)
    for _ in range(2):
        assert await graph.execute("{ user(id: 1) { id } }") == {"data": {"user": {"id": 1}}}
    assert transport.calls == ["GET /users/1"]


async def test_absent_and_the_text_none_are_different_keys() -> None:
    transport = FakeTransport(lambda method, target, body: {"site": "x", "sku": "y", "name": target})
    s = Rest("s", "http://s.example", ttl=60, client=transport)

    @s.entity(get="/stock{?site,sku}", key=("site", "sku"))
    class Stock:
        site: str
        sku: str
        name: str

    @strawberry.type
    class Query:
        @s.get("/stock{?site,sku}")
        def stock(self, site: str | None, sku: str) -> Stock | None: ...

    graph = Graph(query=Query)
    absent = await graph.execute('{ stock(site: null, sku: "y") { name } }')
    text = await graph.execute('{ stock(site: "None", sku: "y") { name } }')
    assert absent["data"]["stock"]["name"] == "/stock?sku=y"
    assert text["data"]["stock"]["name"] == "/stock?site=None&sku=y"


def numbered(host: str, number: int, store: Store) -> Graph:
    s = Rest("s", f"http://{host}", ttl=60, client=FakeTransport({"GET /n": number}))

    @strawberry.type
    class Query:
        @s.get("/n")
        def n(self) -> int: ...

    return Graph(query=Query, store=store)


async def test_graphs_that_share_a_store_do_not_mix_their_backends() -> None:
    store = Store()
    one, other = numbered("one.example", 1, store), numbered("other.example", 2, store)
    assert await one.execute("{ n }") == {"data": {"n": 1}}
    assert await other.execute("{ n }") == {"data": {"n": 2}}


async def test_every_cache_control_line_of_a_reply_counts() -> None:
    served: list[str] = []

    async def backend(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        served.append(scope["path"])
        lines = [(b"cache-control", b"max-age=60"), (b"cache-control", b"private")]
        await send({"type": "http.response.start", "status": 200, "headers": lines})
        await send({"type": "http.response.body", "body": b"1"})

    with running(backend) as address:
        s = Rest("s", address, ttl=60)

        @strawberry.type
        class Query:
            @s.get("/n")
            def n(self) -> int: ...

        graph = Graph(query=Query)
        for _ in range(2):
            assert await graph.execute("{ n }") == {"data": {"n": 1}}
        await graph.aclose()
    assert served == ["/n", "/n"]


# -- scopes -----------------------------------------------------------------------------------------------------------


class Private:
    """A source that sees who asks, and says so in its answer."""

    def __init__(self, *, control: str | None = None) -> None:
        self.transport = FakeTransport(self.answer)
        self.control = control
        s = Rest("s", "http://s.example", ttl=60, forward=["Authorization", "X-Team"], client=self.transport)

        @s.entity(get="/me/{id}", batch="/me{?id*}")
        class Me:
            id: strawberry.ID
            name: str

        @strawberry.type
        class Query:
            @s.get("/me/{id}")
            def me(self, id: strawberry.ID) -> Me | None: ...

        self.graph = Graph(query=Query, store=Store(clock=Clock()))

    def answer(self, method: str, target: str, body: bytes | None) -> Json:
        seen = self.transport.headers[-1]
        who = f"{seen.get('authorization')}/{seen.get('x-team')}"
        return 200, {"id": 1, "name": who}, {"cache-control": self.control} if self.control else {}

    async def name(self, **headers: str) -> Json:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.graph.execute('{ me(id: "1") { name } }', headers=given)
        return response["data"]["me"]["name"]


async def test_no_client_reads_what_another_was_told() -> None:
    private = Private()
    clients: list[dict[str, str]] = [
        {},
        {"authorization": "a"},
        {"authorization": "b"},
        {"x_team": "a"},
        {"authorization": "a", "x_team": "b"},
        {"authorization": "", "x_team": ""},
        {"authorization": "a', 'x-team', 'b"},
    ]
    told = [await private.name(**client) for client in clients]
    assert len(set(told)) == len(clients)
    assert [await private.name(**client) for client in clients] == told
    assert len(private.transport.calls) == len(clients)


async def test_headers_that_are_not_forwarded_make_no_scope() -> None:
    private = Private()
    assert await private.name(authorization="a", cookie="1") == "a/None"
    assert await private.name(Authorization="a", cookie="2") == "a/None"
    assert len(private.transport.calls) == 1
    assert "cookie" not in private.transport.headers[0]


@pytest.mark.parametrize(("client", "calls"), [({}, 2), ({"authorization": "a"}, 1)])
async def test_a_private_answer_is_kept_only_for_a_client_that_is_known(client: dict[str, str], calls: int) -> None:
    private = Private(control="private, max-age=60")
    for _ in range(2):
        await private.name(**client)
    assert len(private.transport.calls) == calls


@pytest.mark.parametrize("value", ["a\nb", "a\r\nx-team: b", "a\x00", "\u20ac"])
async def test_a_header_that_cannot_be_sent_is_the_clients_error(value: str) -> None:
    private = Private()
    response = await private.graph.execute('{ me(id: "1") { name } }', headers={"authorization": value})
    assert response["data"] == {"me": None}
    assert response["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert private.transport.calls == []


async def test_a_header_spells_truth_as_a_url_does() -> None:
    transport = FakeTransport(lambda method, target, body: 1)
    s = Rest("s", "http://s.example", client=transport)

    @strawberry.type
    class Query:
        @s.get("/n{?deep}", headers={"X-Deep": "{deep}"})
        def n(self, deep: bool) -> int: ...

    await Graph(query=Query).execute("{ n(deep: true) }")
    assert transport.calls == ["GET /n?deep=true"]
    assert transport.headers == [{"x-deep": "true"}]


# -- writing ----------------------------------------------------------------------------------------------------------


async def test_two_aliases_of_one_mutation_are_two_writes() -> None:
    shop = Shop()
    query = 'mutation { a: rename(id: "1", name: "x") { name } b: rename(id: "1", name: "x") { name } }'
    assert await shop.ask(query) == {"data": {"a": {"name": "x"}, "b": {"name": "x"}}}
    assert shop.asked() == ["PATCH /users/1", "PATCH /users/1"]


async def test_a_write_of_one_object_leaves_the_others() -> None:
    shop = Shop(ttl=60)
    await shop.ask(CARDS)
    shop.clock.now += 1
    await shop.ask('mutation { rename(id: "1", name: "new") { name } }')
    shop.clock.now += 1
    shop.asked()
    assert names(await shop.ask(CARDS)) == ["new", "n2"]
    assert shop.asked() == ["GET /cards", "GET /users?id=1"]


async def test_an_answer_under_way_during_a_write_is_not_kept() -> None:
    shop = Shop(ttl=60)
    gate = shop.transport.hold("GET /users/1")
    reading = asyncio.create_task(shop.ask('{ user(id: "1") { name } }'))
    await settle()
    shop.clock.now += 1
    await shop.ask('mutation { rename(id: "1", name: "new") { name } }')
    shop.clock.now += 1
    gate.set()
    await reading
    assert await shop.ask('{ user(id: "1") { name } }') == {"data": {"user": {"name": "new"}}}


@pytest.mark.parametrize("ttl", [0, 60])
async def test_who_asks_after_a_write_is_not_given_an_answer_from_before(ttl: float) -> None:
    shop = Shop(ttl=ttl)
    gate = shop.transport.hold("GET /users/1")
    before = asyncio.create_task(shop.ask('{ user(id: "1") { name } }'))
    await settle()
    shop.clock.now += 1
    await shop.ask('mutation { rename(id: "1", name: "new") { name } }')
    shop.clock.now += 1
    after = asyncio.create_task(shop.ask('{ user(id: "1") { name } }'))
    await settle()
    gate.set()
    await before
    assert await after == {"data": {"user": {"name": "new"}}}


async def test_an_answer_from_before_a_write_is_not_kept_by_who_joined_it() -> None:
    shop = Shop(ttl=60)
    gate = shop.transport.hold("GET /users/1")
    before = asyncio.create_task(shop.ask('{ user(id: "1") { name } }'))
    await settle()
    shop.clock.now += 1
    await shop.ask('mutation { rename(id: "1", name: "new") { name } }')
    shop.clock.now += 1
    after = asyncio.create_task(shop.ask('{ user(id: "1") { name id } }'))
    await settle()
    gate.set()
    await asyncio.gather(before, after)
    assert await shop.ask('{ user(id: "1") { name } }') == {"data": {"user": {"name": "new"}}}


async def test_a_client_that_leaves_during_its_write_leaves_nothing_stale() -> None:
    shop = Shop(ttl=60)
    await shop.ask('{ user(id: "1") { name } }')
    shop.clock.now += 1
    shop.transport.hold("PATCH /users/1")
    writing = asyncio.create_task(shop.ask('mutation { rename(id: "1", name: "new") { name } }'))
    await settle()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    shop.clock.now += 1
    assert await shop.ask('{ user(id: "1") { name } }') == {"data": {"user": {"name": "new"}}}


@pytest.mark.parametrize(
    "mutation",
    [
        'mutation { forget(id: "1") }',
        "mutation { forget(id: null) }",
        "mutation { forget }",
        'mutation { forgetAll(ids: ["1", "2"]) }',
    ],
)
async def test_a_write_makes_stale_whatever_it_may_concern(mutation: str) -> None:
    shop = Shop(ttl=60)
    await shop.ask('{ user(id: "1") { name } }')
    shop.rows["1"]["name"] = "new"
    shop.clock.now += 1
    assert "errors" not in await shop.ask(mutation)
    shop.clock.now += 1
    assert await shop.ask('{ user(id: "1") { name } }') == {"data": {"user": {"name": "new"}}}


@strawberry.interface
class Named:
    name: str


async def test_a_write_that_gives_an_interface_makes_its_types_stale() -> None:
    row = {"__typename": "Person", "id": 1, "name": "old"}

    def answer(method: str, target: str, body: bytes | None) -> Json:
        if method == "POST":
            row["name"] = "new"
        return dict(row)

    s = Rest("s", "http://s.example", ttl=60, client=FakeTransport(answer))

    @s.entity(get="/people/{id}")
    class Person(Named):
        id: int

    @strawberry.type
    class Query:
        @s.get("/people/{id}")
        def person(self, id: int) -> Person | None: ...

    @strawberry.type
    class Mutation:
        @s.post("/rename")
        def rename(self) -> Named: ...

    clock = Clock()
    graph = Graph(query=Query, mutation=Mutation, store=Store(clock=clock))
    await graph.execute("{ person(id: 1) { name } }")
    clock.now += 1
    assert await graph.execute("mutation { rename { name } }") == {"data": {"rename": {"name": "new"}}}
    clock.now += 1
    assert await graph.execute("{ person(id: 1) { name } }") == {"data": {"person": {"name": "new"}}}


# -- at the same time -------------------------------------------------------------------------------------------------


async def test_clients_that_ask_the_same_at_the_same_time_share_all_calls() -> None:
    shop = Shop()
    gate = shop.transport.hold("GET /cards")
    asking = [asyncio.create_task(shop.ask(CARDS)) for _ in range(5)]
    await settle()
    gate.set()
    responses = await asyncio.gather(*asking)
    assert [names(response) for response in responses] == [["n1", "n2"]] * 5
    assert shop.asked() == ["GET /cards", "GET /users?id=1&id=2"]


async def test_a_client_that_leaves_costs_the_others_nothing() -> None:
    shop = Shop()
    gate = shop.transport.hold("GET /users/1")
    first, *others = (asyncio.create_task(shop.ask('{ user(id: "1") { name } }')) for _ in range(4))
    await settle()
    first.cancel()
    await settle()
    gate.set()
    assert await asyncio.gather(*others) == [{"data": {"user": {"name": "n1"}}}] * 3
    assert shop.asked() == ["GET /users/1"]


def link_of(shop: Shop) -> Fetching:
    found = shop.graph.engine.bindings.of("Card", "user")
    assert isinstance(found, Fetching)
    return found


async def test_loads_of_one_operation_ask_for_a_key_once_however_they_overlap() -> None:
    shop = Shop()
    loader, ledger, binding = shop.graph.engine.loader, Ledger({}), link_of(shop)
    await asyncio.gather(
        loader.load_many(binding, {}, ["1", "2"], ledger, 0),
        loader.load_many(binding, {}, ["2", "3"], ledger, 0),
        loader.load_many(binding, {}, ["1", "3"], ledger, 0),
    )
    assert sorted(key for call in shop.asked() for key in ids_of(call)) == ["1", "2", "3"]


async def test_a_load_that_is_cancelled_while_it_waits_costs_the_other_nothing() -> None:
    shop = Shop()
    loader, ledger, binding = shop.graph.engine.loader, Ledger({}), link_of(shop)
    gate = shop.transport.hold("GET /users?id=1")
    working = asyncio.create_task(loader.load_many(binding, {}, ["1"], ledger, 0))
    await settle()
    waiting = asyncio.create_task(loader.load_many(binding, {}, ["1"], ledger, 0))
    await settle()
    waiting.cancel()
    await settle()
    assert waiting.cancelled()
    gate.set()
    (part,) = await working
    assert part.keys == ["1"]


async def test_a_load_takes_over_when_the_one_at_work_is_cancelled() -> None:
    shop = Shop()
    loader, ledger, binding = shop.graph.engine.loader, Ledger({}), link_of(shop)
    shop.transport.hold("GET /users?id=1")
    working = asyncio.create_task(loader.load_many(binding, {}, ["1"], ledger, 0))
    await settle()
    waiting = asyncio.create_task(loader.load_many(binding, {}, ["1"], ledger, 0))
    await settle()
    working.cancel()
    (part,) = await waiting
    assert part.keys == ["1"]
    assert part.failure is None
    assert shop.asked() == ["GET /users?id=1", "GET /users?id=1"]


async def test_a_stored_answer_that_is_nonsense_is_not_kept_from_a_backend_that_has_recovered() -> None:
    answers: dict[str, object] = {
        "GET /a": {"name": {}},
        "GET /list": [{"key": 1}],
        "GET /b?ids=1": [{"id": 1, "name": []}],
    }
    source = Rest("s", "http://s.example", ttl=600, client=FakeTransport(answers))

    @strawberry.type
    class Named:
        name: str

    @source.entity(get="/b/{id}", batch="/b{?ids}")
    class Linked:
        id: int
        name: str

    @strawberry.type
    class Holder:
        linked: Linked | None = link("key")

    @strawberry.type
    class Query:
        @source.get("/a")
        def a(self) -> Named | None: ...

        @source.get("/list")
        def held(self) -> list[Holder] | None: ...

    graph = Graph(query=Query)
    for query in ("{ a { name } }", "{ held { linked { name } } }"):
        assert (await graph.execute(query))["errors"]
    answers["GET /a"] = {"name": "well again"}
    answers["GET /b?ids=1"] = [{"id": 1, "name": "well again"}]
    assert await graph.execute("{ a { name } }") == {"data": {"a": {"name": "well again"}}}
    assert await graph.execute("{ held { linked { name } } }") == {
        "data": {"held": [{"linked": {"name": "well again"}}]}
    }
