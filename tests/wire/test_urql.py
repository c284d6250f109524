"""urql, as applications use it, against the running shop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.shop import Outcomes, Shop, run

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed

JSON_200 = "200 application/graphql-response+json"
STARS = {"__typename": "Review", "stars": 3}


@pytest.fixture(scope="module")
def urql(scripts: Path, shop: Shop) -> Outcomes:
    return run("urql.mjs", scripts, shop)


def test_a_query_with_variables_fragments_and_aliases_is_answered_and_then_cached(urql: Outcomes) -> None:
    product = {"__typename": "Product", "id": "7", "name": "Oak Kettle 7", "priceCents": 6032}
    assert urql["query"] == {
        "data": {"product": {**product, "latest": [STARS], "reviews": [STARS, STARS]}},
        "kept": "Oak Kettle 7",
        "stale": False,
        "sent": [f"POST operationName,query,variables: {JSON_200}"],
    }


def test_a_mutation_makes_the_client_ask_again_and_see_what_changed(urql: Outcomes) -> None:
    assert urql["mutation"] == {
        "placed": {"__typename": "Order", "status": "PLACED", "totalCents": 12064},
        "served": True,
        "note": "By urql",
        "sent": [
            f"GET operationName,query,variables: {JSON_200}",
            f"POST operationName,query,variables: {JSON_200}",
            f"GET operationName,query,variables: {JSON_200}",
        ],
    }


def test_an_error_of_a_field_is_a_combined_error_with_its_code_and_its_path(urql: Outcomes) -> None:
    assert urql["fieldErrors"] == {
        "data": {"orders": None},
        "error": {
            "message": "orders: a shopper's token is needed",
            "path": ["orders"],
            "extensions": {"code": "UPSTREAM_ERROR", "source": "orders", "status": 401},
        },
        "text": "[GraphQL] orders: a shopper's token is needed",
        "status": 200,
    }


def test_a_backend_that_is_down_leaves_partial_data(urql: Outcomes) -> None:
    assert urql["partial"] == {
        "data": {"product": {"__typename": "Product", "name": "Oak Kettle 7", "stock": None}},
        "errors": [
            {
                "path": ["product", "stock"],
                "extensions": {"code": "UPSTREAM_UNAVAILABLE", "source": "inventory", "retryable": True},
            }
        ],
    }


def test_a_query_that_does_not_fit_the_schema_is_400_and_reads_as_graphql_errors(urql: Outcomes) -> None:
    assert urql["invalid"] == {
        "data": None,
        "message": "Cannot query field 'weight' on type 'Product'.",
        "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
        "network": False,
        "sent": ["GET operationName,query,variables: 400 application/graphql-response+json"],
    }


def test_a_refused_media_type_reads_as_an_error_with_a_code(urql: Outcomes) -> None:
    assert urql["refused"] == {
        "errors": ["BAD_REQUEST"],
        "sent": ["GET operationName,query,variables: 406 application/json"],
    }


def test_a_persisted_query_is_missed_once_and_then_found_by_another_client(urql: Outcomes) -> None:
    product = {"id": "7", "name": "Oak Kettle 7"}
    assert urql["persisted"] == {
        "missed": {"product": product},
        "hit": {"product": product},
        "first": [
            f"GET extensions,operationName,variables: {JSON_200}",
            f"GET extensions,operationName,query,variables: {JSON_200}",
        ],
        "second": [f"GET extensions,operationName,variables: {JSON_200}"],
    }


def test_queries_go_by_get_as_long_as_their_address_is_short(urql: Outcomes) -> None:
    assert urql["get"] == {
        "short": "Oak Kettle 7",
        "long": "Oak Kettle 7",
        "sent": [
            f"GET operationName,query,variables: {JSON_200}",
            f"POST operationName,query,variables: {JSON_200}",
        ],
    }


def test_a_query_is_aborted_and_the_next_one_answered(urql: Outcomes) -> None:
    assert urql["abort"] == {"answered": False, "afterwards": "Oak Kettle 7"}
