"""gql, the GraphQL client for Python, against the running shop: over HTTPX, with the schema that it fetched."""

from __future__ import annotations

import datetime as dt
import re

import graphql
import pytest
from gql import Client, GraphQLRequest, gql
from gql.dsl import DSLFragment, DSLMutation, DSLQuery, DSLSchema, DSLVariableDefinitions, dsl_gql
from gql.transport.exceptions import TransportQueryError, TransportServerError
from gql.transport.httpx import HTTPXAsyncTransport, HTTPXTransport
from gql.utilities import update_schema_scalar

from tests.wire.shop import Shop, types_of

PRODUCT = """
  query GqlProduct($id: ID!, $reviews: Int = 2) {
    product(id: $id) { ...Card latest: reviews(first: 1) { stars } reviews(first: $reviews) { stars } }
  }
  fragment Card on Product { id name priceCents }
"""
ORDERS = "query GqlOrders { orders(first: 1) { id status note } }"
CREATED_AT = dt.datetime(2026, 1, 9, 9, 2, 39, tzinfo=dt.UTC)
KETTLE = {"id": "7", "name": "Oak Kettle 7", "priceCents": 6032}


def connect(url: str, *, fetch_schema: bool = True, **headers: str) -> Client:
    transport = HTTPXTransport(url=url, headers=headers, trust_env=False)
    return Client(transport=transport, fetch_schema_from_transport=fetch_schema)


@pytest.mark.parametrize("fetch_schema", [True, False])
def test_a_query_with_variables_fragments_and_aliases_is_answered(shop: Shop, fetch_schema: bool) -> None:
    query = gql(PRODUCT)
    query.variable_values = {"id": "7"}
    with connect(shop.url, fetch_schema=fetch_schema) as session:
        data = session.execute(query)
    assert data == {"product": {**KETTLE, "latest": [{"stars": 3}], "reviews": [{"stars": 3}, {"stars": 3}]}}


async def test_async_sessions_answer_the_same(shop: Shop) -> None:
    transport = HTTPXAsyncTransport(url=shop.url, trust_env=False)
    query = gql(PRODUCT)
    query.variable_values = {"id": "7", "reviews": 1}
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        data = await session.execute(query)
    assert data == {"product": {**KETTLE, "latest": [{"stars": 3}], "reviews": [{"stars": 3}]}}


def test_the_schema_that_is_fetched_is_the_one_that_is_served(shop: Shop) -> None:
    client = connect(shop.url)
    with client:
        assert client.schema is not None
        fetched = types_of(graphql.print_schema(client.schema))
    assert fetched == re.sub(r" @specifiedBy\(url: [^)]*\)", "", types_of(shop.sdl))  # which gql does not ask for


def test_a_query_that_does_not_fit_is_refused_by_the_client_that_has_the_schema(shop: Shop) -> None:
    with connect(shop.url) as session, pytest.raises(graphql.GraphQLError, match="Cannot query field 'weight'"):
        session.execute(gql("{ product(id: 7) { weight } }"))


def test_a_query_is_made_with_the_dsl(shop: Shop) -> None:
    client = connect(shop.url)
    with client as session:
        assert client.schema is not None
        schema = DSLSchema(client.schema)
        variables = DSLVariableDefinitions()  # type: ignore[no-untyped-call]  # gql declares no types here
        card = DSLFragment("Card").on(schema.Product).select(schema.Product.name, schema.Product.priceCents)
        product = schema.Query.product(id=variables.id).select(card, key=schema.Product.id)
        operation = DSLQuery(product)
        operation.variable_definitions = variables
        query = dsl_gql(card, operation)
        query.variable_values = {"id": 7}
        data = session.execute(query)
    assert data == {"product": {"name": "Oak Kettle 7", "priceCents": 6032, "key": "7"}}


def test_a_mutation_made_with_the_dsl_changes_what_the_next_query_sees(shop: Shop) -> None:
    client = connect(shop.url, authorization=f"Bearer {shop.token}")
    with client as session:
        assert client.schema is not None
        schema = DSLSchema(client.schema)
        order = {"items": [{"productId": 7, "quantity": 5}], "note": "By gql"}
        place = schema.Mutation.placeOrder(order=order)
        mutation = DSLMutation(place.select(schema.Order.id, schema.Order.status, schema.Order.totalCents))
        placed = session.execute(dsl_gql(mutation))["placeOrder"]
        [newest] = session.execute(gql(ORDERS))["orders"]
    assert newest == {"id": placed["id"], "status": "PLACED", "note": "By gql"}
    assert placed["totalCents"] == 5 * 6032


def test_an_error_of_a_field_is_a_query_error_with_code_path_and_data(shop: Shop) -> None:
    with connect(shop.url) as session, pytest.raises(TransportQueryError) as caught:
        session.execute(gql(ORDERS))
    assert caught.value.data == {"orders": None}
    [error] = caught.value.errors or []
    assert error["message"] == "orders: a shopper's token is needed"
    assert error["path"] == ["orders"]
    assert error["extensions"] == {"code": "UPSTREAM_ERROR", "source": "orders", "status": 401}


def test_a_backend_that_is_down_leaves_partial_data(shop: Shop) -> None:
    with connect(shop.partial) as session, pytest.raises(TransportQueryError) as caught:
        session.execute(gql("query GqlPartial { product(id: 7) { name stock { available } } }"))
    assert caught.value.data == {"product": {"name": "Oak Kettle 7", "stock": None}}
    [error] = caught.value.errors or []
    assert error["path"] == ["product", "stock"]
    assert error["extensions"] == {"code": "UPSTREAM_UNAVAILABLE", "source": "inventory", "retryable": True}


@pytest.mark.parametrize("accept", ["*/*", "application/graphql-response+json, application/json;q=0.9"])
def test_a_query_that_does_not_fit_the_schema_is_a_query_error_whatever_its_status(shop: Shop, accept: str) -> None:
    with connect(shop.url, fetch_schema=False, accept=accept) as session, pytest.raises(TransportQueryError) as caught:
        session.execute(gql("query GqlInvalid { product(id: 7) { weight } }"))
    assert caught.value.data is None
    [error] = caught.value.errors or []
    assert error["message"] == "Cannot query field 'weight' on type 'Product'."
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


def test_a_batch_is_answered_in_order_where_batching_is_on(shop: Shop) -> None:
    with connect(shop.batched, fetch_schema=False) as session:
        other = GraphQLRequest("query Other($id: ID!) { product(id: $id) { name } }", variable_values={"id": 8})
        found = session.execute_batch([GraphQLRequest("{ product(id: 7) { name } }"), other])
    assert found == [{"product": {"name": "Oak Kettle 7"}}, {"product": {"name": "Cork Shelf 8"}}]


def test_a_batch_is_refused_where_batching_is_off(shop: Shop) -> None:
    with connect(shop.url, fetch_schema=False) as session, pytest.raises(TransportServerError) as caught:
        session.execute_batch([GraphQLRequest(ORDERS), GraphQLRequest("{ categories { name } }")])
    assert caught.value.code == 400


def test_results_are_parsed_by_the_scalars_of_the_fetched_schema(shop: Shop) -> None:
    client = connect(shop.url)
    with client as session:
        assert client.schema is not None
        moment = graphql.GraphQLScalarType("DateTime", parse_value=dt.datetime.fromisoformat)
        update_schema_scalar(client.schema, "DateTime", moment)
        data = session.execute(gql("{ product(id: 7) { createdAt } }"), parse_result=True)
    assert data == {"product": {"createdAt": CREATED_AT}}
