"""A Weft graph as a subgraph of Apollo Federation 2."""

import asyncio
import datetime as dt
import enum
from typing import Any

import graphql
import pytest
import strawberry
from strawberry.federation.schema_directives import Key
from strawberry.schema.config import StrawberryConfig

from graph import Graph, GraphError
from graph.engine import Request
from graph.explain import explain
from resolvers import Node, field, global_id, link
from sources import FakeTransport, Rest

Json = Any


def product(key: str) -> Json:
    return {"id": int(key), "name": f"Product {key}", "maker_id": f"m{key}", "price": {"cents": 100}}


def reply(method: str, target: str, body: bytes | None) -> Json:
    path, _, query = target.partition("?")
    keys = query.rpartition("=")[2].split(",")
    if path == "/products":
        return [product(key) for key in reversed(keys) if key != "404"]
    if path.startswith("/products/"):
        return product(path.removeprefix("/products/"))
    if path == "/makers":
        return [{"id": key, "name": f"Maker {key}"} for key in keys]
    if path == "/stock":
        return [{"sku": key, "count": len(key)} for key in keys]
    if path.startswith("/shipping"):
        return path
    if path.startswith("/shelves/"):
        _, _, room, row = path.split("/")
        return {"room": room, "row": int(row), "books": 7}
    return (500, {})


backend = FakeTransport(reply)
shop = Rest("shop", "http://shop.example", client=backend)


@pytest.fixture(autouse=True)
def no_calls_yet() -> None:
    backend.calls.clear()


@strawberry.enum
class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.type
class Box:
    depth: int
    size: Size


@shop.entity(batch="/makers{?ids}")
class Maker:
    id: strawberry.ID
    name: str


@shop.entity(get="/products/{id}", batch="/products{?ids}")
class Product:
    id: strawberry.ID
    name: str = strawberry.federation.field(shareable=True, tags=["public"])
    price_cents: int = field("price.cents")
    weight: int | None = strawberry.federation.field(external=True)
    box: Box | None = strawberry.federation.field(external=True)
    seen_at: dt.datetime | None = strawberry.federation.field(external=True)
    maker: Maker | None = link("maker_id")

    @strawberry.federation.field(requires=["weight", "box { size }"])
    def parcel(self) -> str:
        size = self.box.size if self.box else None
        return f"{self.name}, {self.weight} g, {size}, {self.seen_at}"

    @strawberry.federation.field(requires=["weight"])
    @shop.get("/shipping/{weight}")
    def shipping(self) -> str | None: ...


@strawberry.federation.type(keys=["sku"])
class Item:
    """An object of another subgraph, to which this one adds its stock."""

    sku: str
    note: str = "none"
    size: Size | None

    @shop.get("/stock/{sku}", batch="/stock{?skus}", key="sku")
    def stock(self) -> "Stock | None": ...

    @strawberry.field
    def shout(self) -> str:
        return f"{self.sku.upper()} {self.note} {self.size}"


@strawberry.type
class Stock:
    count: int


@strawberry.federation.type(keys=["isbnCode", "title author { name }"])
class Book:
    """An object that the author's own function finds."""

    isbn_code: str
    title: str
    author: "Writer"

    @classmethod
    async def resolve_reference(
        cls, info: strawberry.Info, isbn_code: str | None = None, title: str | None = None, author: Json = None
    ) -> "Book | None":
        if isbn_code == "unlucky":
            raise ValueError("a secret")
        if isbn_code == "gone":
            return None
        name = f"{info.field_name} {info.context}" if author is None else author["name"]
        return cls(isbn_code=isbn_code or "", title=title or "Untitled", author=Writer(name=name))


@strawberry.type
class Writer:
    name: str


@shop.entity(get="/shelves/{room}/{row}", key=("room", "row"))
class Shelf:
    room: str
    row: int
    books: int


@strawberry.type
class Query:
    @shop.get("/products/{id}")
    def product(self, id: strawberry.ID) -> Product | None: ...

    @shop.get("/shelves/{room}/{row}")
    def shelf(self, room: str, row: int) -> Shelf | None: ...


subgraph = Graph(query=Query, types=[Item, Book])

ENTITIES = """
query ($it: [_Any!]!) {
  _entities(representations: $it) {
    __typename
    ... on Product { id name maker { name } }
    ... on Item { sku stock { count } }
    ... on Book { isbnCode title author { name } }
    ... on Shelf { books }
  }
}
"""


async def entities(*representations: Json, query: str = ENTITIES) -> tuple[Json, list[str]]:
    """Give the entities, and the errors as path, code and message."""
    response = await subgraph.execute(query, {"it": list(representations)}, context="here")
    return response["data"]["_entities"], [
        f"{'.'.join(map(str, error['path'][1:]))} {error['extensions']['code']}: {error['message']}"
        for error in response.get("errors", ())
    ]


# -- the schema -------------------------------------------------------------------------------------------------------


async def test_the_sdl_has_every_directive_as_declared() -> None:
    response = await subgraph.execute("{ _service { sdl } }")
    sdl = response["data"]["_service"]["sdl"]
    assert sdl == subgraph.sdl()
    assert (
        'schema @link(url: "https://specs.apollo.dev/federation/v2.11", '
        'import: ["@external", "@key", "@requires", "@shareable", "@tag"])'
    ) in sdl
    assert 'type Product @key(fields: "id") {' in sdl
    assert 'name: String! @shareable @tag(name: "public")' in sdl
    assert "weight: Int @external" in sdl
    assert 'parcel: String! @requires(fields: "weight box { size }")' in sdl
    assert 'shipping: String @requires(fields: "weight")' in sdl
    assert 'type Maker @key(fields: "id") {' in sdl
    assert 'type Shelf @key(fields: "room row") {' in sdl
    assert 'type Book @key(fields: "isbnCode") @key(fields: "title author { name }") {' in sdl
    assert "union _Entity = Book | Item | Maker | Product | Shelf" in sdl


def test_federation_is_on_where_it_is_asked_for_and_may_have_a_version() -> None:
    @strawberry.type
    class Root:
        @shop.get("/makers/{id}")
        def maker(self, id: strawberry.ID) -> Maker | None: ...

    plain = Graph(query=Root).sdl()
    assert "_service" not in plain
    assert "@key" not in plain
    asked = Graph(query=Root, federation="2.3").sdl()
    assert 'schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])' in asked
    assert 'type Maker @key(fields: "id") {' in asked
    assert Graph(query=Root).sdl() == plain
    with pytest.raises(GraphError, match=r"federation: '1\.9' is none of its versions, 2\.0 to 2\.11"):
        Graph(query=Root, federation="1.9")


def test_a_subgraph_needs_no_query_and_no_entities() -> None:
    extending = Graph(types=[Item])
    assert (
        "type Query {\n  _entities(representations: [_Any!]!): [_Entity]!\n  _service: _Service!\n}" in extending.sdl()
    )

    @strawberry.type
    class Root:
        @shop.get("/stock/{sku}")
        def stock(self, sku: str) -> Stock | None: ...

    assert "_entities" not in Graph(query=Root, federation=True).sdl()


def test_keys_that_an_author_declares_replace_the_sources_own() -> None:
    source = Rest("other", "http://other.example", client=backend)

    @source.entity(get="/a/{id}")
    @strawberry.federation.type(keys=["id sku", Key(fields="sku", resolvable=False)])  # type: ignore[arg-type]
    class Thing:
        id: strawberry.ID
        sku: str

    @strawberry.type
    class Root:
        @source.get("/a/{id}")
        def thing(self, id: strawberry.ID) -> Thing | None: ...

    sdl = Graph(query=Root).sdl()
    assert 'type Thing @key(fields: "id sku") @key(fields: "sku", resolvable: false) {' in sdl


def test_keys_that_nobody_can_use_are_faults_and_reported_together() -> None:
    source = Rest("other", "http://other.example", client=backend)

    @source.entity(get="/a/{id}")
    @strawberry.federation.type(keys=["sku"])
    class Lost:
        id: strawberry.ID
        sku: str

    @strawberry.federation.type(keys=["id maker { nme }", "id {"])
    class Wrong:
        id: strawberry.ID
        maker: Maker

    @strawberry.type
    class Root:
        @source.get("/a/{id}")
        def lost(self, id: strawberry.ID) -> Lost | None: ...

    with pytest.raises(GraphError) as caught:
        Graph(query=Root, types=[Wrong])
    assert caught.value.faults == [
        "Lost: @key(fields: 'sku') does not hold the key ('id',) by which other gives it; "
        "declare resolve_reference, or a Key with resolvable=False",
        "Wrong: @key(fields: 'id maker { nme }') names Maker.nme, which the graph does not have",
        "Wrong: @key(fields: 'id {') is no selection of fields",
    ]


# -- entities ---------------------------------------------------------------------------------------------------------


async def test_entities_of_a_type_are_one_call_in_order_each_key_once() -> None:
    found, errors = await entities(
        {"__typename": "Product", "id": "2"},
        {"__typename": "Item", "sku": "abc"},
        {"__typename": "Product", "id": "1"},
        {"__typename": "Product", "id": "404"},
        {"__typename": "Item", "sku": "a"},
        {"__typename": "Product", "id": 2},
    )
    second = {"__typename": "Product", "id": "2", "name": "Product 2", "maker": {"name": "Maker m2"}}
    assert found == [
        second,
        {"__typename": "Item", "sku": "abc", "stock": {"count": 3}},
        {"__typename": "Product", "id": "1", "name": "Product 1", "maker": {"name": "Maker m1"}},
        None,
        {"__typename": "Item", "sku": "a", "stock": {"count": 1}},
        second,
    ]
    assert errors == []
    assert sorted(backend.calls) == [
        "GET /makers?ids=m2,m1",
        "GET /products?ids=2,1,404",
        "GET /stock?skus=abc,a",
    ]


async def test_no_representations_are_no_calls() -> None:
    assert await entities() == ([], [])
    assert backend.calls == []


@pytest.mark.parametrize(
    ("representation", "message"),
    [
        ({"__typename": "Nobody", "id": "1"}, "'Nobody' is no entity of this graph"),
        ({"__typename": "Stock", "count": 1}, "'Stock' is no entity of this graph"),
        ({"__typename": "Query"}, "'Query' is no entity of this graph"),
        ({"__typename": "x" * 1000}, f"'{'x' * 100}' is no entity of this graph"),
        ({"__typename": 3}, "a representation is an object with a __typename"),
        ({"id": "1"}, "a representation is an object with a __typename"),
        ("Product", "a representation is an object with a __typename"),
        ([], "a representation is an object with a __typename"),
        ({"__typename": "Product"}, "the representation of Product lacks id"),
        ({"__typename": "Product", "id": None}, "the representation of Product lacks id"),
        ({"__typename": "Product", "id": {}}, "Product.id is not what its type says: ID cannot represent value: {}"),
        (
            {"__typename": "Product", "id": ["1"]},
            "Product.id is not what its type says: ID cannot represent value: ['1']",
        ),
        (
            {"__typename": "Product", "id": True},
            "Product.id is not what its type says: ID cannot represent value: True",
        ),
        ({"__typename": "Shelf", "room": "a"}, "the representation of Shelf lacks room and row"),
        ({"__typename": "Item"}, "the representation of Item lacks sku"),
        ({"__typename": "Item", "sku": "a", "size": "HUGE"}, "Item.size is not what its type says"),
        ({"__typename": "Product", "id": "1", "box": {"depth": "deep"}}, "Box.depth is not what its type says"),
        ({"__typename": "Product", "id": "1", "box": 7}, "Product.box is not what its type says"),
    ],
)
async def test_a_representation_that_names_nothing_costs_only_itself(representation: Json, message: str) -> None:
    found, errors = await entities({"__typename": "Item", "sku": "a"}, representation)
    assert found == [{"__typename": "Item", "sku": "a", "stock": {"count": 1}}, None]
    assert len(errors) == 1
    assert errors[0].startswith(f"1 BAD_USER_INPUT: {message}")


async def test_a_key_may_not_change_the_address() -> None:
    found, errors = await entities({"__typename": "Shelf", "room": "..", "row": 1})
    assert found == [None]
    assert errors[0].startswith("0 BAD_USER_INPUT: ")
    assert backend.calls == []


async def test_a_key_of_several_parts() -> None:
    found, errors = await entities(
        {"__typename": "Shelf", "row": 2, "room": "b"}, {"__typename": "Shelf", "room": "a", "row": 1}
    )
    assert (found, errors) == ([{"__typename": "Shelf", "books": 7}] * 2, [])
    assert backend.calls == ["GET /shelves/b/2", "GET /shelves/a/1"]


async def test_a_backend_that_fails_costs_the_entities_of_its_type() -> None:
    source = Rest("other", "http://other.example", client=backend)

    @source.entity(batch="/broken{?ids}")
    class Thing:
        id: strawberry.ID

    broken = Graph(types=[Thing, Item], federation=True)
    query = "query ($it: [_Any!]!) { _entities(representations: $it) { ... on Thing { id } ... on Item { sku } } }"
    response = await broken.execute(
        query, {"it": [{"__typename": "Thing", "id": "1"}, {"__typename": "Item", "sku": "a"}]}
    )
    assert response["data"] == {"_entities": [None, {"sku": "a"}]}
    assert [(error["path"], error["extensions"]["code"]) for error in response["errors"]] == [
        (["_entities", 0], "UPSTREAM_ERROR")
    ]


async def test_required_fields_come_with_the_representation() -> None:
    query = (
        "query ($it: [_Any!]!) { _entities(representations: $it) { ... on Product { parcel shipping box { depth } } } }"
    )
    found, errors = await entities(
        {
            "__typename": "Product",
            "id": "1",
            "weight": 70,
            "box": {"size": "LARGE", "depth": 4},
            "seenAt": "2024-01-02T03:04:05Z",
        },
        {"__typename": "Product", "id": "1"},
        {"__typename": "Product", "id": "2", "name": "not theirs to say", "weight": None},
        query=query,
    )
    assert errors == []
    assert found == [
        {
            "parcel": "Product 1, 70 g, Size.LARGE, 2024-01-02 03:04:05+00:00",
            "shipping": "/shipping/70",
            "box": {"depth": 4},
        },
        {"parcel": "Product 1, None g, None, None", "shipping": None, "box": None},
        {"parcel": "Product 2, None g, None, None", "shipping": None, "box": None},
    ]
    assert backend.calls == ["GET /products?ids=1,2", "GET /shipping/70"]


async def test_a_class_that_no_source_gives_is_what_its_representation_says() -> None:
    query = "query ($it: [_Any!]!) { _entities(representations: $it) { ... on Item { shout note size } } }"
    found, errors = await entities(
        {"__typename": "Item", "sku": "a", "note": "new", "size": "SMALL", "other": 1},
        {"__typename": "Item", "sku": "b"},
        query=query,
    )
    assert errors == []
    assert found == [
        {"shout": "A new Size.SMALL", "note": "new", "size": "SMALL"},
        {"shout": "B none None", "note": "none", "size": None},
    ]


async def test_resolve_reference_finds_what_no_source_gives() -> None:
    found, errors = await entities(
        {"__typename": "Book", "isbnCode": "1", "extra": True},
        {"__typename": "Book", "isbnCode": "unlucky"},
        {"__typename": "Book", "title": "Emma", "author": {"name": "Jane"}},
        {"__typename": "Book", "isbnCode": "gone"},
    )
    assert found == [
        {"__typename": "Book", "isbnCode": "1", "title": "Untitled", "author": {"name": "_entities here"}},
        None,
        {"__typename": "Book", "isbnCode": "", "title": "Emma", "author": {"name": "Jane"}},
        None,
    ]
    assert errors == ["1 INTERNAL_SERVER_ERROR: Internal server error"]


async def test_resolve_reference_is_called_where_the_sources_key_lacks() -> None:
    source = Rest("other", "http://other.example", client=backend)

    @source.entity(batch="/products{?ids}")
    @strawberry.federation.type(keys=["id", "name"])
    class Thing:
        id: strawberry.ID
        name: str

        @classmethod
        def resolve_reference(cls, name: str) -> "Thing":
            return cls(id=strawberry.ID("0"), name=f"by name: {name}")

    both = Graph(types=[Thing])
    response = await both.execute(
        "query ($it: [_Any!]!) { _entities(representations: $it) { ... on Thing { id name } } }",
        {
            "it": [
                {"__typename": "Thing", "id": "1", "name": "a"},
                {"__typename": "Thing", "name": "a"},
                {"__typename": "Thing"},
            ]
        },
    )
    assert response["data"]["_entities"] == [
        {"id": "1", "name": "Product 1"},
        {"id": "0", "name": "by name: a"},
        None,
    ]
    assert [error["message"] for error in response["errors"]] == ["the representation of Thing lacks name"]


async def test_a_function_that_takes_too_long_costs_its_own_entity() -> None:
    @strawberry.federation.type(keys=["id"])
    class Slow:
        id: strawberry.ID

        @classmethod
        async def resolve_reference(cls, id: strawberry.ID) -> "Slow":
            await asyncio.sleep(30 if id == "1" else 0)
            return cls(id=id)

    response = await Graph(types=[Slow], timeout=0.1).execute(
        "query ($it: [_Any!]!) { _entities(representations: $it) { ... on Slow { id } } }",
        {"it": [{"__typename": "Slow", "id": "1"}, {"__typename": "Slow", "id": "2"}]},
    )
    assert response["data"] == {"_entities": [None, {"id": "2"}]}
    assert [error["extensions"]["code"] for error in response["errors"]] == ["DEADLINE_EXCEEDED"]


async def test_an_entity_with_a_global_id_is_named_by_it() -> None:
    @shop.entity(batch="/makers{?ids}")
    class Company(Node):
        id: strawberry.ID
        name: str

    @strawberry.type
    class Root:
        @shop.get("/makers/{id}")
        def company(self, id: strawberry.ID) -> Company | None: ...

    both = Graph(query=Root, federation=True)
    assert 'type Company implements Node @key(fields: "id") {' in both.sdl()
    identity = global_id("Company", "m1")
    response = await both.execute(
        "query ($id: ID!, $it: [_Any!]!) { node(id: $id) { ...all } _entities(representations: $it) { ...all } }"
        " fragment all on Company { id name }",
        {
            "id": identity,
            "it": [
                {"__typename": "Company", "id": identity},
                {"__typename": "Company", "id": "m1"},
                {"__typename": "Company", "id": global_id("Product", "m1")},
            ],
        },
    )
    found = {"id": identity, "name": "Maker m1"}
    assert response["data"] == {"node": found, "_entities": [found, None, None]}
    assert [error["message"] for error in response["errors"]] == ["Company.id is no global id of its type"] * 2
    assert backend.calls == ["GET /makers?ids=m1"]


async def test_names_of_fields_follow_the_configuration() -> None:
    source = Rest("other", "http://other.example", client=backend)

    @source.entity(batch="/makers{?ids}", key="maker_code")
    class Coded:
        maker_code: strawberry.ID = field("id")

    plain = Graph(types=[Coded], federation=True)
    assert '@key(fields: "makerCode")' in plain.sdl()
    snake = Graph(types=[Coded], federation=True, config=StrawberryConfig(auto_camel_case=False))
    assert '@key(fields: "maker_code")' in snake.sdl()
    for found, name in ((plain, "makerCode"), (snake, "maker_code")):
        response = await found.execute(
            f"query ($it: [_Any!]!) {{ _entities(representations: $it) {{ ... on Coded {{ {name} }} }} }}",
            {"it": [{"__typename": "Coded", name: "m1"}]},
        )
        assert response == {"data": {"_entities": [{name: "m1"}]}}


async def test_entities_of_a_source_that_forwards_headers_are_the_clients_own() -> None:
    source = Rest("own", "http://own.example", client=backend, forward=["authorization"])

    @source.entity(batch="/makers{?ids}")
    class Owned:
        id: strawberry.ID

    own = Graph(types=[Owned], federation=True)
    query = '{ _entities(representations: [{__typename: "Owned", id: "m1"}]) { ... on Owned { id } } }'
    answer = await own.engine.answer(Request(query), {"authorization": "me"}, lambda: None, key="same")
    assert answer.private
    assert answer.body == b'{"data":{"_entities":[{"id":"m1"}]}}'


def test_the_plan_shows_a_load_for_each_type_from_which_something_is_selected() -> None:
    query = (
        "query ($it: [_Any!]!) { _entities(representations: $it) {"
        " __typename ... on Product { name maker { name } } ... on Item { stock { count } } } }"
    )
    told = explain(subgraph, query)
    assert told.startswith("query: 3 upstream calls in 2 steps\n")
    assert "-> shop  GET /products{?ids}  [one call per 100 keys, one per id; " in told
    assert "   -> shop  GET /makers{?ids}  [one call per 100 keys, one per id; " in told
    assert "   -> shop  GET /stock{?skus}  [one call per 100 keys, one per sku; " in told
    assert "cost: 11 for fields, 21 for types; at most 12 upstream calls" in told
    assert "exact path: Query._entities names objects in its arguments" in told


def test_directives_of_federation_in_the_schema_are_valid() -> None:
    assert graphql.validate_schema(subgraph.schema) == []
