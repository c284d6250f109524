"""Automatic persisted queries over real HTTP: registered once, asked for by hash, never mixed up."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Graph
from graph.persisted import PersistedQueries
from tests.serving import asking, running

QUERY = "query Twice($number: Int!) { twice(number: $number) }"


@strawberry.type
class Query:
    @strawberry.field
    def twice(self, number: int) -> int:
        return number * 2


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with (
        running(App(Graph(query=Query))) as url,
        asking(url) as made,
    ):
        yield made


def sha256(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()


def persisted(query: str, **changes: Any) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(query), **changes}}


def post(client: httpx.Client, **request: Any) -> httpx.Response:
    return client.post("/graphql", json=request)


def test_a_query_is_registered_once_and_then_asked_for_by_its_hash(client: httpx.Client) -> None:
    unknown = post(client, extensions=persisted(QUERY), variables={"number": 1})
    assert unknown.status_code == 200
    assert unknown.json()["errors"] == [
        {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
    ]
    assert unknown.headers["cache-control"] == "no-store"
    both = post(client, query=QUERY, extensions=persisted(QUERY), variables={"number": 2})
    assert both.json() == {"data": {"twice": 4}}
    assert post(client, extensions=persisted(QUERY), variables={"number": 3}).json() == {"data": {"twice": 6}}
    parameters = {"extensions": json.dumps(persisted(QUERY)), "variables": '{"number": 4}'}
    assert client.get("/graphql", params=parameters).json() == {"data": {"twice": 8}}
    first = client.get("/graphql", params=parameters)
    again = client.get("/graphql", params=parameters, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    browser = client.get("/graphql", params=parameters, headers={"accept": "text/html, */*;q=0.8"})
    assert browser.json() == {"data": {"twice": 8}}
    upper = persisted(QUERY, sha256Hash=sha256(QUERY).upper())
    assert post(client, extensions=upper, variables={"number": 5}).json() == {"data": {"twice": 10}}


def test_a_hash_of_another_query_registers_nothing(client: httpx.Client) -> None:
    other = "{ __typename }"
    refused = post(client, query=QUERY, extensions=persisted(other))
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert post(client, extensions=persisted(other)).json()["errors"][0]["message"] == "PersistedQueryNotFound"


@pytest.mark.parametrize(
    "given", [7, None, [], {}, {"version": 1}, {"version": 2, "sha256Hash": "x"}, {"version": 1, "sha256Hash": 7}]
)
def test_another_protocol_is_refused(client: httpx.Client, given: Any) -> None:
    refused = post(client, query=QUERY, variables={"number": 1}, extensions={"persistedQuery": given})
    assert refused.status_code == 400


def test_other_extensions_change_nothing(client: httpx.Client) -> None:
    answer = post(client, query=QUERY, variables={"number": 1}, extensions={"tracing": {"on": True}})
    assert answer.json() == {"data": {"twice": 2}}


def test_registered_documents_are_bounded() -> None:
    queries = PersistedQueries(max_bytes=1000)
    texts = [f"{{ a{number} }}".ljust(100) for number in range(20)]
    for text in texts:
        queries.text(text, persisted(text))
    assert queries.text(None, persisted(texts[-1])) == texts[-1]
    with pytest.raises(Exception, match="PERSISTED_QUERY_NOT_FOUND"):
        queries.text(None, persisted(texts[0]))
    assert queries.text("x" * 2000, persisted("x" * 2000)) == "x" * 2000
