"""Subgraphs and Apollo's own composition and gateway (npm), which say what a valid subgraph is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import strawberry

from examples.shop import graph as shop
from graph import App, Graph
from resolvers import link
from sources import FakeTransport, Rest
from tests.npm import node
from tests.serving import running

FOLDER = Path(__file__).parent
Json = Any

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed


# -- one subgraph: products and who makes them ------------------------------------------------------------------------


def catalogue(method: str, target: str, body: bytes | None) -> Json:
    path, _, query = target.partition("?")
    if path == "/latest":
        return [{"id": str(key), "name": f"Product {key}", "weight": key * 10, "maker_id": "m"} for key in (1, 2, 3)]
    if path == "/products":
        keys = query.removeprefix("ids=").split(",")
        return [{"id": key, "name": f"Product {key}", "weight": int(key) * 10, "maker_id": "m"} for key in keys]
    if path == "/makers":
        return [{"id": "m", "name": "Maker"}]
    return (404, {})


products = FakeTransport(catalogue)
catalog = Rest("catalog", "http://catalog.example", client=products)


@catalog.entity(batch="/makers{?ids}")
class Maker:
    id: strawberry.ID
    name: str


@catalog.entity(batch="/products{?ids}")
class Product:
    id: strawberry.ID
    name: str
    weight: int
    maker: Maker = link("maker_id")


@strawberry.type
class CatalogQuery:
    @catalog.get("/latest")
    def latest(self) -> list[Product]: ...


# -- another: what parcels cost, and which products are wished for ----------------------------------------------------


def parcels(method: str, target: str, body: bytes | None) -> Json:
    path, _, query = target.partition("?")
    if path == "/costs":
        return [{"weight": int(key), "cents": int(key) * 3} for key in query.removeprefix("weights=").split(",")]
    if path == "/wishes":
        return [{"id": "w1", "product_id": "2"}, {"id": "w2", "product_id": "1"}, {"id": "w3", "product_id": "2"}]
    return (404, {})


posts = FakeTransport(parcels)
post = Rest("post", "http://post.example", client=posts)


@strawberry.type
class Cost:
    cents: int


@strawberry.federation.type(name="Product", keys=["id"])
class Parcel:
    """A product, as it is sent."""

    id: strawberry.ID
    weight: int = strawberry.federation.field(external=True)

    @strawberry.federation.field(requires=["weight"])
    @post.get("/costs{?weight}", batch="/costs{?weights}", key="weight")
    def shipping(self) -> Cost | None: ...


@strawberry.type
class Wish:
    id: strawberry.ID
    product_id: strawberry.Private[strawberry.ID]

    @strawberry.field
    def product(self) -> Parcel:
        return Parcel(id=self.product_id, weight=0)


@strawberry.type
class PostQuery:
    @post.get("/wishes")
    def wishes(self) -> list[Wish]: ...


def composed(**subgraphs: str) -> Json:
    return json.loads(node(FOLDER / "compose.mjs", json.dumps(subgraphs), timeout_s=120))


def test_the_shop_composes_with_another_subgraph() -> None:
    @strawberry.federation.type(name="Product", keys=["id"])
    class Advertised:
        id: strawberry.ID
        sku: str = strawberry.federation.field(external=True)

        @strawberry.federation.field(requires=["sku"])
        def slogan(self) -> str:
            return f"Buy {self.sku}!"

    advertising = Graph(types=[Advertised], federation="2.5").sdl()
    whole_shop = Graph(query=shop.Query, mutation=shop.Mutation, federation=True).sdl()
    result = composed(advertising=advertising, shop=whole_shop)
    assert result["errors"] == []
    joined = [line.strip() for line in result["supergraph"].splitlines() if "@join__type" in line and "key:" in line]
    assert '@join__type(graph: ADVERTISING, key: "id")' in joined
    assert '@join__type(graph: SHOP, key: "trackingNumber")' in joined
    result = composed(advertising=advertising.replace("sku: String!", "sku: Int!"), shop=whole_shop)
    assert "Product.sku" in result["errors"][0]  # so it does look


def test_apollos_gateway_answers_from_two_subgraphs_with_one_call_for_each_type() -> None:
    queries = [
        "{ latest { name maker { name } shipping { cents } } }",
        "{ wishes { id product { name shipping { cents } } } }",
    ]
    with (
        running(App(Graph(query=CatalogQuery, federation=True))) as catalog_address,
        running(App(Graph(query=PostQuery))) as post_address,
    ):
        addresses = {"catalog": f"{catalog_address}/graphql", "post": f"{post_address}/graphql"}
        latest, wishes = json.loads(
            node(FOLDER / "route.mjs", json.dumps(addresses), json.dumps(queries), timeout_s=120)
        )
    assert latest == {
        "data": {
            "latest": [
                {"name": "Product 1", "maker": {"name": "Maker"}, "shipping": {"cents": 30}},
                {"name": "Product 2", "maker": {"name": "Maker"}, "shipping": {"cents": 60}},
                {"name": "Product 3", "maker": {"name": "Maker"}, "shipping": {"cents": 90}},
            ]
        }
    }
    assert wishes == {
        "data": {
            "wishes": [
                {"id": "w1", "product": {"name": "Product 2", "shipping": {"cents": 60}}},
                {"id": "w2", "product": {"name": "Product 1", "shipping": {"cents": 30}}},
                {"id": "w3", "product": {"name": "Product 2", "shipping": {"cents": 60}}},
            ]
        }
    }
    assert products.calls == ["GET /latest", "GET /makers?ids=m", "GET /products?ids=2,1"]
    assert posts.calls == ["GET /costs?weights=10,20,30", "GET /wishes", "GET /costs?weights=20,10"]
