"""Trusted documents over real HTTP: what is listed runs by its id, and nothing else does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Graph, GraphError
from tests.graph.serving.backend import codes
from tests.serving import asking, running

GRAPHQL = "application/graphql-response+json"
TWICE = "query Twice($number: Int!) { twice(number: $number) }"
TWO = "query One { __typename } query Two { twice(number: 2) }"
COUNT = "mutation Count { count }"
counted: list[int] = []


@strawberry.type
class Query:
    @strawberry.field
    def twice(self, number: int) -> int:
        return number * 2


@strawberry.type
class Mutation:
    @strawberry.mutation
    def count(self) -> int:
        counted.append(1)
        return len(counted)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apollo(**documents: str) -> dict[str, Any]:
    """Give Apollo's manifest of documents by their ids."""
    operations = [{"id": key, "body": body, "name": "Name", "type": "query"} for key, body in documents.items()]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


def trusting(path: Path, manifest: Any) -> Graph:
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest), encoding="utf-8")
    graph = Graph(query=Query, mutation=Mutation)
    graph.trust(path)
    return graph


def faults(path: Path, manifest: Any) -> list[str]:
    with pytest.raises(GraphError) as caught:
        trusting(path, manifest)
    return [fault.replace(str(path), "FILE") for fault in caught.value.faults]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    listed = {sha256(TWICE): TWICE, "two": TWO, "count": COUNT, "sha256:whole": TWICE}
    graph = trusting(tmp_path_factory.mktemp("trusted") / "manifest.json", listed)
    with (
        running(App(graph, max_batch=5)) as url,
        asking(url) as made,
    ):
        yield made


def post(client: httpx.Client, **request: Any) -> Any:
    return client.post("/graphql", json=request).json()


def by_hash(digest: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


@pytest.mark.parametrize(
    "named",
    [
        {"documentId": sha256(TWICE)},
        {"documentId": f"sha256:{sha256(TWICE)}"},
        {"documentId": "sha256:whole"},
        {"doc_id": sha256(TWICE)},
        {"extensions": by_hash(sha256(TWICE))},
        {"documentId": sha256(TWICE), "query": None},
        {"documentId": sha256(TWICE), "query": ""},
    ],
)
def test_a_listed_document_runs_by_its_id_with_post_and_get(client: httpx.Client, named: dict[str, Any]) -> None:
    assert post(client, **named, variables={"number": 21}) == {"data": {"twice": 42}}
    parameters = {key: json.dumps(value) if isinstance(value, dict) else value or "" for key, value in named.items()}
    got = client.get(
        "/graphql", params={**parameters, "variables": '{"number": 4}'}, headers={"accept": "text/html, */*"}
    )
    assert got.json() == {"data": {"twice": 8}}
    assert got.headers["etag"]


def test_a_document_of_several_operations_needs_the_name_of_one(client: httpx.Client) -> None:
    assert post(client, documentId="two", operationName="Two") == {"data": {"twice": 4}}
    assert codes(post(client, documentId="two")) == ["OPERATION_RESOLUTION_FAILURE"]
    assert codes(post(client, documentId="two", operationName="Three")) == ["OPERATION_RESOLUTION_FAILURE"]


def test_a_listed_mutation_runs_with_post_only(client: httpx.Client) -> None:
    counted.clear()
    assert client.get("/graphql?documentId=count", headers={"accept": GRAPHQL}).status_code == 405
    assert counted == []
    assert post(client, documentId="count") == {"data": {"count": 1}}


@pytest.mark.parametrize(
    "request_",
    [
        {"query": "{ twice(number: 1) }"},
        {"query": TWICE, "variables": {"number": 1}},
        {"query": TWICE, "documentId": sha256(TWICE), "variables": {"number": 1}},
        {"query": TWICE, "extensions": by_hash(sha256(TWICE)), "variables": {"number": 1}},
        {"query": "{"},
        {"query": "{ __schema { types { name } } }"},
        {},
        {"documentId": ""},
        {"documentId": "unknown"},
        {"documentId": "sha256:"},
        {"documentId": "TWO"},
        {"doc_id": "x" * 100_000},
        {"extensions": by_hash(sha256("{ other }"))},
        {"extensions": {}},
    ],
)
def test_nothing_else_runs(client: httpx.Client, request_: dict[str, Any]) -> None:
    response = client.post("/graphql", json=request_, headers={"accept": GRAPHQL})
    assert response.status_code == 400
    assert codes(response.json()) == ["DOCUMENT_NOT_TRUSTED"]
    assert "data" not in response.json()
    assert response.headers["cache-control"] == "no-store"
    assert len(response.content) < 300


def test_a_query_cannot_be_registered_by_its_hash(client: httpx.Client) -> None:
    other = "{ __typename }"
    for _ in range(2):
        assert codes(post(client, query=other, extensions=by_hash(sha256(other)))) == ["DOCUMENT_NOT_TRUSTED"]
        assert codes(post(client, extensions=by_hash(sha256(other)))) == ["DOCUMENT_NOT_TRUSTED"]


@pytest.mark.parametrize("given", [7, None, {}, {"version": 2, "sha256Hash": "x"}])
def test_another_protocol_is_refused(client: httpx.Client, given: Any) -> None:
    assert codes(post(client, extensions={"persistedQuery": given})) == ["BAD_REQUEST"]


@pytest.mark.parametrize("given", [7, [], {}])
def test_an_id_that_is_no_text_is_refused(client: httpx.Client, given: Any) -> None:
    for spelling in ("documentId", "doc_id"):
        response = client.post("/graphql", json={spelling: given})
        assert (response.status_code, codes(response.json())) == (400, ["BAD_REQUEST"])


def test_the_list_holds_within_a_batch(client: httpx.Client) -> None:
    batch = [{"documentId": "two", "operationName": "One"}, {"query": "{ __typename }"}]
    first, second = client.post("/graphql", json=batch).json()
    assert first == {"data": {"__typename": "Query"}}
    assert codes(second) == ["DOCUMENT_NOT_TRUSTED"]


async def test_the_list_holds_without_a_server(tmp_path: Path) -> None:
    graph = trusting(tmp_path / "manifest.json", {"two": TWO})
    assert codes(await graph.execute("{ twice(number: 1) }")) == ["DOCUMENT_NOT_TRUSTED"]


def test_without_a_list_an_id_says_what_is_missing() -> None:
    with (
        running(App(Graph(query=Query))) as url,
        asking(url) as client,
    ):
        refused = post(client, documentId="two")
        assert codes(refused) == ["BAD_REQUEST"]
        assert refused["errors"][0]["message"] == "the request has no query and this server has no list of documents"


# -- lists ------------------------------------------------------------------------------------------------------------


def test_apollos_manifest_is_read(tmp_path: Path) -> None:
    graph = trusting(tmp_path / "manifest.json", apollo(a=TWICE, b=TWO))
    with running(App(graph)) as url, asking(url) as client:
        assert post(client, extensions=by_hash("a"), variables={"number": 3}) == {"data": {"twice": 6}}


def test_the_whole_list_is_checked_and_every_fault_told_by_id_and_name(tmp_path: Path) -> None:
    listed = {
        "good": TWICE,
        "wrong": "query Wrong { nothing twice(number: 1.5) }",
        "half": "query Half {",
        "empty": "",
        "nameless": "{ nothing }",
        "second": "query One { __typename } query Two { nothing }",
        "bomb": "query Bomb { ...A } fragment A on Query { ...A }",
        "fragment": "fragment A on Query { __typename }",
    }
    assert faults(tmp_path / "manifest.json", listed) == [
        "document 'wrong' (Wrong): Cannot query field 'nothing' on type 'Query'.",
        "document 'wrong' (Wrong): Int cannot represent non-integer value: 1.5",
        "document 'half' (Half): Syntax Error: Expected Name, found <EOF>.",
        "document 'empty': Syntax Error: Unexpected <EOF>.",
        "document 'nameless': Cannot query field 'nothing' on type 'Query'.",
        "document 'second' (One): Cannot query field 'nothing' on type 'Query'.",
        "document 'bomb' (Bomb): Cannot spread fragment 'A' within itself.",
        "document 'fragment': Fragment 'A' is never used.",
    ]


def test_an_id_stands_for_one_document(tmp_path: Path) -> None:
    manifest = apollo(a=TWICE)
    manifest["operations"] += [manifest["operations"][0], {"id": "a", "body": TWO, "name": "One", "type": "query"}]
    assert faults(tmp_path / "manifest.json", manifest) == ["document 'a' (One): two documents have this id"]


@pytest.mark.parametrize(
    ("manifest", "fault"),
    [
        ("", "FILE: not JSON: "),
        ("{", "FILE: not JSON: "),
        ("\ufeff{}", "FILE: not JSON: "),
        ("[" * 100_000, "FILE: not JSON: "),
        ("null", "FILE: neither ids with documents nor Apollo's manifest: "),
        ("[]", "FILE: neither"),
        ({"a": 7}, "FILE: neither"),
        ({"a": {"query": TWICE}}, "FILE: neither"),
        ({"format": "another", "version": 1, "operations": []}, "FILE: neither"),
        ({**apollo(a=TWICE), "version": 2}, "FILE: neither"),
        ({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a"}]}, "FILE: neither"),
        ({}, "FILE: no document is listed, so nothing could run"),
        (apollo(), "FILE: no document is listed, so nothing could run"),
        ({"": TWICE}, "document '' (Twice): the id is empty"),
    ],
)
def test_what_is_no_list_is_one_fault(tmp_path: Path, manifest: Any, fault: str) -> None:
    [found] = faults(tmp_path / "manifest.json", manifest)
    assert found.startswith(fault)


def test_a_list_that_cannot_be_read_is_one_fault(tmp_path: Path) -> None:
    graph = Graph(query=Query)
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(GraphError) as caught:
            graph.trust(path)
        assert [fault.startswith(f"{path}: ") for fault in caught.value.faults] == [True]
