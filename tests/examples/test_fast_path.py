"""What both examples are for stays on the fast path: no operation here is answered by the exact one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastapi
import pytest

from benchmarks.posts_data import posts, users
from examples.shop.backends import Backends
from graph import Graph
from graph.explain import explain
from graph.target import load
from tests.serving import running

ROOT = Path(__file__).resolve().parents[2]

SHOP: dict[str, tuple[str, dict[str, Any]]] = {
    "a page with stock and reviews": (
        "{ products(first: 20) { edges { node { name stock { available } reviews { stars } } } } }",
        {},
    ),
    "everything of a page": (
        """query($first: Int!, $search: String) { products(first: $first, search: $search) { totalCount
           pageInfo { hasNextPage endCursor } edges { cursor node { ...all } } } }
           fragment all on Product { id sku name description price { cents currency } priceCents tags discontinued
             createdAt category { name parent { name } }
             stock { onHand reserved available levels { available warehouse { city } } }
             reviews(first: 3) { id stars title text createdAt author { fullName } product { id } } }""",
        {"first": 5, "search": "Lamp"},
    ),
    "one product": ("query($id: ID!) { product(id: $id) { name category { name } } }", {"id": "7"}),
    "a product that does not exist": ("{ product(id: 100000) { name } }", {}),
    "aliases, merged and skipped fields": (
        """query($no: Boolean = false) { a: product(id: 1) { name name id } b: product(id: 2) {
           category { id } category { name } sku @include(if: $no) ... @skip(if: true) { tags } } }""",
        {},
    ),
    "all shelves": ("{ categories { id name parent { id name parent { name } } } __typename }", {}),
    "a customer, orders and reviews": (
        """{ customer(id: "c-0001") { id fullName email phone tier address { street city postalCode country }
             createdAt lastSeenAt orders { id status } reviews { stars product { name } } } }""",
        {},
    ),
    "an order from all five services": (
        """{ order(id: 1) { id status placedAt totalCents note customer { fullName tier }
             items { quantity unitCents product { name category { name } stock { available } } }
             shipment { trackingNumber status service createdAt deliveredAt events { at place text }
               order { id } } } }""",
        {},
    ),
    "the latest orders": (
        "query($status: OrderStatus) { orders(first: 5, status: $status) { id status items { quantity } } }",
        {"status": "SHIPPED"},
    ),
    "warehouses and a level": (
        '{ warehouses { id city } stockLevel(sku: "SKU-0001", warehouseId: "RTM") { onHand warehouse { city } } }',
        {},
    ),
}

POSTS: dict[str, tuple[str, dict[str, Any]]] = {
    "all posts with their users": ("{ posts { id userId title user { id name email } } }", {}),
    "with a variable that nothing uses": ("{ posts { id title user { name } } greet }", {"x": 1}),
    "titles": ("{ posts { title } }", {}),
    "one post": ("query($id: Int!) { post(id: $id) { id title user { name website phone } } }", {"id": 7}),
    "no such post": ("{ post(id: 1000) { id } }", {}),
    "a greeting": ("{ greet }", {}),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Graph, dict[str, str]]]:
    directory = tmp_path_factory.mktemp("shop")
    with Backends(directory=directory, log=lambda line: None) as backends, pytest.MonkeyPatch.context() as patch:
        for name, value in backends.environment().items():
            patch.setenv(name, value)
        graph = load(str(ROOT / "examples/shop/graph.py"))
        yield graph, {"authorization": f"Bearer {backends.token('c-0001')}"}


@pytest.fixture(scope="module")
def blog() -> Iterator[Graph]:
    api = fastapi.FastAPI()

    @api.get("/posts")
    async def all_posts() -> Any:
        return posts()

    @api.get("/users")
    async def some_users(request: fastapi.Request) -> Any:
        wanted = request.query_params.getlist("id")
        return [user for user in users() if str(user["id"]) in wanted]

    @api.get("/posts/{number}")
    async def one_post(number: int, response: fastapi.Response) -> Any:
        response.status_code = 200 if number <= 100 else 404
        return next((post for post in posts() if post["id"] == number), {})

    with running(api) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTS_URL", address)
        yield load(str(ROOT / "examples/posts/graph.py"))


async def answered(graph: Graph, query: str, variables: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    """Execute an operation that the compiled path, and nothing else, must answer."""
    before = graph.engine.compiled_answers, graph.engine.exact_answers
    response = await graph.execute(query, variables, headers=headers)
    assert "errors" not in response
    assert (graph.engine.compiled_answers, graph.engine.exact_answers) == (before[0] + 1, before[1])
    assert explain(graph, query).splitlines()[-2] == "compiled"
    return response["data"]


@pytest.mark.parametrize("name", SHOP)
async def test_the_shops_operations_stay_on_the_fast_path(shop: tuple[Graph, dict[str, str]], name: str) -> None:
    graph, headers = shop
    query, variables = SHOP[name]
    assert await answered(graph, query, variables, headers)


@pytest.mark.parametrize("name", POSTS)
async def test_the_posts_operations_stay_on_the_fast_path(blog: Graph, name: str) -> None:
    query, variables = POSTS[name]
    assert await answered(blog, query, variables)


def test_every_root_field_of_the_examples_is_among_them(shop: tuple[Graph, dict[str, str]], blog: Graph) -> None:
    for graph, operations in ((shop[0], SHOP), (blog, POSTS)):
        query_type = graph.schema.query_type
        assert query_type is not None
        texts = " ".join(query for query, _ in operations.values())
        assert [name for name in query_type.fields if f" {name}" not in texts] == []
