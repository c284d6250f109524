"""graphql-request, as applications use it, against the running shop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.shop import Outcomes, Shop, run

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed

JSON_200 = "200 application/graphql-response+json"


@pytest.fixture(scope="module")
def requested(scripts: Path, shop: Shop) -> Outcomes:
    return run("graphql_request.mjs", scripts, shop)


def test_a_query_with_variables_fragments_and_aliases_is_answered_from_text_and_document(requested: Outcomes) -> None:
    product = {"id": "7", "name": "Oak Kettle 7", "priceCents": 6032}
    assert requested["query"] == {
        "text": {"product": {**product, "latest": [{"stars": 3}], "reviews": [{"stars": 3}, {"stars": 3}]}},
        "same": True,
    }


def test_a_raw_request_shows_status_and_headers(requested: Outcomes) -> None:
    assert requested["raw"] == {
        "first": {"name": "Home"},
        "status": 200,
        "type": "application/graphql-response+json; charset=utf-8",
        "control": "public, max-age=N",
    }


def test_a_mutation_changes_what_the_next_query_sees(requested: Outcomes) -> None:
    assert requested["mutation"] == {
        "placed": {"status": "PLACED", "totalCents": 6032},
        "served": True,
        "note": "By graphql-request",
    }


def test_an_error_of_a_field_is_a_client_error_with_code_path_and_data(requested: Outcomes) -> None:
    assert requested["fieldErrors"] == {
        "kind": True,
        "status": 200,
        "error": {
            "message": "orders: a shopper's token is needed",
            "path": ["orders"],
            "extensions": {"code": "UPSTREAM_ERROR", "source": "orders", "status": 401},
        },
        "data": {"orders": None},
        "kept": [{"orders": None}, 1],
    }


def test_a_backend_that_is_down_leaves_partial_data(requested: Outcomes) -> None:
    assert requested["partial"] == {
        "data": {"product": {"name": "Oak Kettle 7", "stock": None}},
        "errors": [
            {
                "path": ["product", "stock"],
                "extensions": {"code": "UPSTREAM_UNAVAILABLE", "source": "inventory", "retryable": True},
            }
        ],
    }


def test_a_query_that_does_not_fit_the_schema_is_400_and_reads_as_a_client_error(requested: Outcomes) -> None:
    assert requested["invalid"] == {
        "kind": True,
        "status": 400,
        "message": "Cannot query field 'weight' on type 'Product'.",
        "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
        "sent": ["POST operationName,query: 400 application/graphql-response+json"],
    }


def test_queries_may_go_by_get_and_mutations_then_still_by_post(requested: Outcomes) -> None:
    assert requested["get"] == {
        "name": "Oak Kettle 7",
        "status": "PLACED",
        "sent": [
            f"GET operationName,query,variables: {JSON_200}",
            f"POST operationName,query,variables: {JSON_200}",
        ],
    }


def test_a_batch_is_answered_in_order_where_batching_is_on(requested: Outcomes) -> None:
    assert requested["batch"] == {
        "code": "GRAPHQL_VALIDATION_FAILED",
        "first": {"name": "Home"},
        "sent": ["POST batch of 2: 200 application/json"],
    }


def test_a_batch_is_refused_with_the_reason_where_batching_is_off(requested: Outcomes) -> None:
    message = "batching is off here: send one request, not an array"
    assert requested["refusedBatch"] == {
        "kind": True,
        "status": 400,
        "errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}],
        "sent": ["POST batch of 2: 400 application/json"],
    }


def test_a_query_is_aborted_and_the_next_one_answered(requested: Outcomes) -> None:
    assert requested["abort"] == {"error": "AbortError", "afterwards": "Oak Kettle 7"}
