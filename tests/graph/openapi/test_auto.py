"""Obvious links between types of documents."""

from pathlib import Path
from typing import Annotated, Any

import fastapi
import pydantic
import pytest

from graph import Graph
from resolvers.openapi.batches import names_key, plural, words_of
from sources.openapi import OpenAPI
from tests.graph.openapi.market import Many, Market, answer, written


def links(app: fastapi.FastAPI, folder: Path) -> list[str]:
    source = OpenAPI("shop", written(app, folder / "shop.json"), url="http://127.0.0.1:1", auto_link=True)
    Graph(documents=[source])
    return list(source.links)


class Tag(pydantic.BaseModel):
    id: int
    name: str


class Category(pydantic.BaseModel):
    code: str
    title: str


class Product(pydantic.BaseModel):
    id: str
    category_code: str
    tagIds: list[int]
    category: str = ""
    name: str


def products_app() -> fastapi.FastAPI:
    app = fastapi.FastAPI(title="Products")
    app.get("/products/{id}", responses={200: {"model": Product}})(lambda id: {})
    app.get("/tags/{tag_id}", responses={200: {"model": Tag}})(_tag)
    app.get("/categories/{code}", responses={200: {"model": Category}})(_category)

    @app.get("/categories/{code}/products", response_model=list[Product])
    def of_category(code: str, sort: str = "name") -> Any:
        return []

    return app


def _tag(tag_id: int) -> Any:
    return {}


def _category(code: str) -> Any:
    return {}


def test_documents_are_linked_and_nothing_is_asked_once_per_object(shops: Market) -> None:
    customers, orders = shops.customers(auto_link=True), shops.orders(auto_link=True)
    graph = Graph(documents=[customers, orders])

    assert (customers.links, orders.links) == (
        ("Customer.orders: [Order!], by GET /orders",),
        ("Order.customer: Customer, by customer_id",),
    )
    assert answer(graph, "{ listOrders { id customer { firstName orders { id } } } }") == {
        "data": {
            "listOrders": [
                {"id": "1", "customer": {"firstName": "Ada", "orders": [{"id": "1"}, {"id": "3"}]}},
                {"id": "2", "customer": {"firstName": "Grace", "orders": [{"id": "2"}]}},
                {"id": "3", "customer": {"firstName": "Ada", "orders": [{"id": "1"}, {"id": "3"}]}},
            ]
        }
    }
    assert shops.calls == [
        "GET /orders",
        "GET /customers?ids=c1&ids=c2",
        "GET /orders?customerId=c1&customerId=c2",
    ]


def test_nothing_is_linked_unless_it_is_wished(shops: Market) -> None:
    customers, orders = shops.customers(), shops.orders(auto_link=True)
    graph = Graph(documents=[customers, orders])
    assert (customers.links, orders.links) == (
        (),
        ("Customer.orders: [Order!], by GET /orders", "Order.customer: Customer, by customer_id"),
    )
    assert answer(graph, "{ listOrders { customer { id } } }")["data"]["listOrders"][0] == {"customer": {"id": "c1"}}
    assert sorted(shops.calls) == ["GET /customers/c1", "GET /customers/c2", "GET /orders"]


def test_properties_lists_of_keys_and_paths_below_an_object_are_links(tmp_path: Path) -> None:
    assert links(products_app(), tmp_path) == [
        "Category.products: [Product!], by GET /categories/{code}/products",
        "Product.linkedCategory: Category, by category",
        "Product.tags: [Tag], by tag_ids",
    ]


def test_arguments_of_a_linked_operation_stay(tmp_path: Path) -> None:
    source = OpenAPI("shop", written(products_app(), tmp_path / "shop.json"), url="http://127.0.0.1:1", auto_link=True)
    kinds: Any = Graph(documents=[source]).schema.type_map
    assert sorted(kinds["Category"].fields["products"].args) == ["sort"]


def test_what_could_mean_two_things_is_not_linked(tmp_path: Path) -> None:
    app = products_app()

    @app.get("/v2/categories/{code}/products/all", response_model=list[Product])
    def other(code: str) -> Any:
        return []

    class Member(pydantic.BaseModel):
        id: int
        tag_id: str  # while the key of a tag is a number

    @app.get("/members/{id}", response_model=Member)
    def member(id: int) -> Any:
        return {}

    assert [found for found in links(app, tmp_path) if "Member" in found] == []


def test_a_list_in_pages_is_no_batch(tmp_path: Path) -> None:
    class Order(pydantic.BaseModel):
        id: int
        customer_id: str

    class Customer(pydantic.BaseModel):
        id: str

    app = fastapi.FastAPI(title="Pages")

    @app.get("/customers/{id}", responses={200: {"model": Customer}})
    def customer(id: str) -> Any:
        return {}

    @app.get("/customers", response_model=list[Customer])
    def customers(id: Many, limit: Annotated[int, fastapi.Query()] = 20) -> Any:
        return []

    @app.get("/orders", response_model=list[Order])
    def orders(customer_id: Many, page: Annotated[int, fastapi.Query()] = 1) -> Any:
        return []

    source = OpenAPI("shop", written(app, tmp_path / "shop.json"), url="http://127.0.0.1:1", auto_link=True)
    graph = Graph(documents=[source])
    found: Any = graph.engine.bindings.fields["Customer"]["orders"]
    assert (found.batch, [str(found.single)]) == (None, ["GET /orders{?customerId,page}"])
    entity: Any = graph.schema.type_map["Customer"].extensions["weft"]
    assert (entity.key, entity.max_batch) == (("id",), 20)


@pytest.mark.parametrize(
    "name", ["id", "ids", "id[]", "filter[id]", "filter[ids]", "customer_ids", "customerId", "CustomerIDs", "id__in"]
)
def test_parameters_are_named_like_a_key(name: str) -> None:
    assert names_key(name, "Customer", "id")
    assert names_key(name, "Customer", "customer_id")


@pytest.mark.parametrize("name", ["order_ids", "name", "idle", "", "[]", "filter"])
def test_other_parameters_are_not(name: str) -> None:
    assert not names_key(name, "Customer", "id")


def test_words_are_compared_in_the_singular() -> None:
    assert [words_of(name) for name in ("categoryIds", "statuses", "addresses", "address", "bus")] == [
        ("category", "id"),
        ("statuse",),
        ("address",),
        ("address",),
        ("bus",),
    ]
    assert [plural(word) for word in ("tag", "category", "box", "day", "address")] == [
        "tags",
        "categories",
        "boxes",
        "days",
        "addresses",
    ]
