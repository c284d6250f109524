"""Apollo Client, as applications use it, against the running shop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.shop import Outcomes, Shop, run

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed

JSON_200 = "200 application/graphql-response+json"
KETTLE = {"__typename": "Product", "id": "7", "name": "Oak Kettle 7"}
STARS = {"__typename": "Review", "stars": 3}


@pytest.fixture(scope="module")
def apollo(scripts: Path, shop: Shop) -> Outcomes:
    return run("apollo.mjs", scripts, shop)


def test_a_query_with_variables_fragments_and_aliases_fills_the_normalized_cache(apollo: Outcomes) -> None:
    assert apollo["query"] == {
        "data": {"product": {**KETTLE, "priceCents": 6032, "latest": [STARS], "reviews": [STARS, STARS]}},
        "sent": [f"POST extensions,operationName,query,variables: {JSON_200}"],
        "keys": ["Product:7", "ROOT_QUERY"],
    }


def test_another_query_of_a_cached_object_needs_no_request(apollo: Outcomes) -> None:
    assert apollo["cache"] == {
        "data": {"product": KETTLE},
        "sent": [f"POST extensions,operationName,query,variables: {JSON_200}"],
    }


def test_a_mutation_is_sent_once_and_updates_the_cache(apollo: Outcomes) -> None:
    assert apollo["mutation"] == {
        "status": "PLACED",
        "totalCents": 18096,
        "cached": True,
        "others": 1,
        "served": True,
        "posts": 3,
    }


def test_an_error_of_a_field_has_its_code_and_its_path_under_both_error_policies(apollo: Outcomes) -> None:
    assert apollo["fieldErrors"] == {
        "data": {"orders": None},
        "errors": [
            {
                "message": "orders: a shopper's token is needed",
                "path": ["orders"],
                "extensions": {"code": "UPSTREAM_ERROR", "source": "orders", "status": 401},
            }
        ],
        "kinds": [True, True],
        "sent": [f"POST extensions,operationName,query,variables: {JSON_200}"],
    }


def test_a_backend_that_is_down_leaves_partial_data(apollo: Outcomes) -> None:
    assert apollo["partial"] == {
        "data": {"product": {**KETTLE, "stock": None}},
        "errors": [
            {
                "path": ["product", "stock"],
                "extensions": {"code": "UPSTREAM_UNAVAILABLE", "source": "inventory", "retryable": True},
            }
        ],
    }


def test_a_query_that_does_not_fit_the_schema_is_400_and_reads_as_graphql_errors(apollo: Outcomes) -> None:
    assert apollo["invalid"] == {
        "message": "Cannot query field 'weight' on type 'Product'.",
        "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
        "kind": True,
        "sent": ["POST extensions,operationName,query,variables: 400 application/graphql-response+json"],
    }


def test_a_refused_media_type_is_a_server_error_with_the_reason(apollo: Outcomes) -> None:
    message = "this server answers in application/graphql-response+json or application/json"
    assert apollo["refused"] == {
        "status": 406,
        "body": {"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]},
        "kind": True,
        "sent": ["POST extensions,operationName,query,variables: 406 application/json"],
    }


def test_a_persisted_query_is_missed_once_and_then_found_by_another_client(apollo: Outcomes) -> None:
    assert apollo["persisted"] == {
        "missed": {"product": KETTLE},
        "hit": {"product": KETTLE},
        "first": [
            f"GET extensions,operationName,variables: {JSON_200}",
            f"POST extensions,operationName,query,variables: {JSON_200}",
        ],
        "second": [f"GET extensions,operationName,variables: {JSON_200}"],
    }


def test_a_mutation_that_is_not_found_by_its_hash_is_executed_once(apollo: Outcomes) -> None:
    missed = f"POST extensions,operationName,variables: {JSON_200}"
    registered = f"POST extensions,operationName,query,variables: {JSON_200}"
    assert apollo["persistedMutation"] == {"placed": 1, "sent": [missed, registered, missed, registered, missed]}


def test_queries_may_go_by_get_and_mutations_then_still_by_post(apollo: Outcomes) -> None:
    assert apollo["get"] == {
        "name": "Oak Kettle 7",
        "status": "PLACED",
        "sent": [
            f"GET extensions,operationName,query,variables: {JSON_200}",
            f"POST extensions,operationName,query,variables: {JSON_200}",
        ],
    }


def test_queries_of_one_moment_go_as_a_batch_where_batching_is_on(apollo: Outcomes) -> None:
    assert apollo["batch"] == {
        "results": ["Oak Kettle 7", "Cork Shelf 8"],
        "sent": ["POST batch of 2: 200 application/json"],
    }


def test_a_batch_is_refused_where_batching_is_off(apollo: Outcomes) -> None:
    assert apollo["refusedBatch"] == {
        "results": ["ServerError", "ServerError"],
        "sent": ["POST batch of 2: 400 application/json"],
    }


def test_a_query_is_aborted_and_the_next_one_answered(apollo: Outcomes) -> None:
    assert apollo["abort"] == {"error": "AbortError", "afterwards": "Oak Kettle 7"}
