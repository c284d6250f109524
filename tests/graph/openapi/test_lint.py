"""What lint finds in a graph."""

from pathlib import Path

import strawberry

from graph import Client, Graph, Trust
from graph.lint import Finding, lint
from resolvers import authenticated, link
from sources import Bearer, Rest
from sources.openapi import OpenAPI
from tests.graph.openapi.market import customers_app, orders_app, written


def found(graph: Graph, *rules: str) -> list[Finding]:
    return [finding for finding in lint(graph) if finding.rule in rules]


def test_a_call_once_per_object_is_a_warning_with_the_batch_of_the_document(tmp_path: Path) -> None:
    customers = OpenAPI("customers", written(customers_app(), tmp_path / "customers.json"), url="http://127.0.0.1:1")
    sold = OpenAPI("orders", written(orders_app(), tmp_path / "orders.json"), url="http://127.0.0.1:1")

    @sold.type
    class Order:
        customer: "Customer" = link("customer_id")

    @customers.type
    class Customer:
        @sold.get("listOrders", inputs={"customer_id": "id"})
        def orders(self) -> list[Order]: ...

    globals()["Customer"] = Customer
    assert sorted(found(Graph(documents=[customers, sold]), "n+1"), key=lambda one: one.place, reverse=True) == [
        Finding(
            "warning",
            "n+1",
            "Order.customer",
            "GET /customers/{customerId} is called once for each Order; the document has one: batch='listCustomers', "
            "key='id' on the entity Customer, or auto_link=True",
        ),
        Finding(
            "warning",
            "n+1",
            "Customer.orders",
            "GET /orders{?customerId} is called once for each Customer; the document has one: batch='listOrders', "
            "group_by='customer_id'",
        ),
    ]


def test_a_call_of_one_object_is_none_per_object() -> None:
    shop = Rest("shop", "http://127.0.0.1:1")

    @strawberry.type
    class Stock:
        free: int

    @strawberry.type
    class Product:
        id: str

        @shop.get("/stock/{id}")
        def stock(self) -> Stock: ...

    @strawberry.type
    class One:
        @shop.get("/products/{id}")
        def product(self, id: str) -> Product: ...

    @strawberry.type
    class Many(One):
        @shop.get("/products")
        def products(self) -> list[Product]: ...

    assert found(Graph(query=One), "n+1") == []
    assert found(Graph(query=Many), "n+1") == [
        Finding(
            "warning",
            "n+1",
            "Product.stock",
            "GET /stock/{id} is called once for each Product; no batch form is declared",
        )
    ]


def test_operations_that_no_field_uses_are_hints(tmp_path: Path) -> None:
    shop = OpenAPI("shop", written(customers_app(), tmp_path / "shop.json"), url="http://127.0.0.1:1")

    @strawberry.type
    class Customer:
        id: str

    @strawberry.type
    class Query:
        @shop.get("getCustomer")
        def customer(self, customer_id: str) -> Customer: ...

    assert found(Graph(query=Query), "unused") == [
        Finding("hint", "unused", "shop", "no field uses 1 operation: listCustomers")
    ]
    assert found(Graph(documents=[shop]), "unused") == []


def test_links_that_are_obvious_and_links_that_were_added_are_hints(tmp_path: Path) -> None:
    path = written(orders_app(), tmp_path / "orders.json")
    others = written(customers_app(), tmp_path / "customers.json")

    def graph(*, auto_link: bool) -> Graph:
        address = "http://127.0.0.1:1"
        return Graph(
            documents=[
                OpenAPI("orders", path, url=address, auto_link=auto_link),
                OpenAPI("customers", others, url=address, auto_link=auto_link),
            ]
        )

    assert found(graph(auto_link=False), "link", "linked") == [
        Finding("hint", "link", "Customer.orders", "could be a link: [Order!], by GET /orders; auto_link=True adds it"),
        Finding("hint", "link", "Order.customer", "could be a link: Customer, by customer_id; auto_link=True adds it"),
    ]
    assert found(graph(auto_link=True), "link", "linked", "n+1") == [
        Finding("hint", "linked", "Order.customer", "was added as an obvious link: Customer"),
        Finding("hint", "linked", "Customer.orders", "was added as an obvious link: [Order!]"),
    ]


def test_secrets_that_are_not_set_are_errors_and_come_first() -> None:
    shop = Rest("shop", "http://127.0.0.1:1", auth=Bearer(env="NO_SUCH_TOKEN_IS_SET"))

    @strawberry.type(description="Where all begins.")
    class Query:
        @shop.get("/name")
        def name(self) -> str:
            """What it is called."""

    assert lint(Graph(query=Query)) == [
        Finding("error", "environment", "shop", "the environment variable NO_SUCH_TOKEN_IS_SET is not set"),
        Finding("hint", "ttl", "shop", "no answer is reused: neither the source nor a field has a ttl"),
    ]


def test_what_is_not_described_is_counted_by_kind() -> None:
    shop = Rest("shop", "http://127.0.0.1:1", ttl=5)

    @strawberry.type
    class Product:
        id: str
        name: str = strawberry.field(description="As it is sold.")

    @strawberry.type
    class Query:
        @shop.get("/products")
        def products(self) -> list[Product]: ...

    assert lint(Graph(query=Query)) == [
        Finding("hint", "description", "schema", "1 type without a description: Product"),
        Finding("hint", "description", "schema", "2 fields without a description: Query.products, Product.id"),
    ]


def test_what_nobody_can_be_given_and_writes_that_anybody_may_call_are_found() -> None:
    shop = Rest("shop", "http://127.0.0.1:1")

    @strawberry.type
    class Query:
        @shop.get("/name")
        def name(self) -> str: ...

    @strawberry.type
    class Mutation:
        @authenticated
        @shop.post("/orders")
        def place(self) -> str | None: ...

        @shop.post("/votes")
        def vote(self) -> str | None: ...

    vote = Finding(
        "hint",
        "requirements",
        "Mutation.vote",
        "anybody may call it, while other mutations need a client: authenticated, or requires(...)",
    )
    assert found(Graph(query=Query, mutation=Mutation), "clients", "requirements") == [
        Finding(
            "warning",
            "clients",
            "Mutation.place",
            "it needs a client; Trust(clients=[...]) says how one is known",
        ),
        vote,
    ]
    trust = Trust(clients=[lambda shown: Client(id="user:ada")])
    assert found(Graph(query=Query, mutation=Mutation, trust=trust), "clients", "requirements") == [vote]
    assert found(Graph(query=Query, trust=trust), "clients", "requirements") == []
