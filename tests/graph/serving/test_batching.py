"""Several requests in one JSON array: off unless switched on, then bounded, and as if they had come in order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Graph, GraphError
from sources import Rest
from tests.graph.serving.backend import GRAPHQL, JSON, Backend, Gateway, codes, until
from tests.serving import running

NUMBER = {"query": "{ number }"}
done: list[str] = []


def make_graph(url: str) -> Graph:
    plain = Rest("plain", url)

    @strawberry.type
    class Query:
        @plain.get("/words/{name}")
        def word(self, name: str) -> str: ...

        @strawberry.field
        def number(self) -> int:
            return 1

        @strawberry.field
        def done(self) -> list[str]:
            return list(done)

        @strawberry.field
        def fails(self) -> int:
            raise RuntimeError("inside")

    @strawberry.type
    class Mutation:
        @plain.post("/words/{name}")
        def write(self, name: str) -> str: ...

        @strawberry.mutation
        def note(self, name: str) -> str:
            done.append(name)
            return name

    return Graph(query=Query, mutation=Mutation)


@pytest.fixture(scope="module")
def served() -> Iterator[Gateway]:
    backend = Backend(lambda target, headers: target.rsplit("/", 1)[1])
    with running(backend) as url, running(App(make_graph(url), max_batch=10)) as root:
        gateway = Gateway(root, backend)
        with gateway.client:
            yield gateway


@pytest.fixture
def gateway(served: Gateway) -> Iterator[Gateway]:
    served.backend.forget()
    done.clear()
    yield served
    served.backend.held.clear()


def batch(gateway: Gateway, *requests: Any, **headers: str) -> httpx.Response:
    return gateway.post(json.dumps(requests).encode(), **headers)


def word(name: str) -> dict[str, Any]:
    return {"query": "query($name: String!) { word(name: $name) }", "variables": {"name": name}}


def test_responses_stand_in_the_order_of_their_requests(gateway: Gateway) -> None:
    response = batch(gateway, word("a"), NUMBER, word("b"), word("a"))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers
    assert response.json() == [
        {"data": {"word": "a"}},
        {"data": {"number": 1}},
        {"data": {"word": "b"}},
        {"data": {"word": "a"}},
    ]


@pytest.mark.parametrize("accept", [GRAPHQL, f"{GRAPHQL}, {JSON};q=0.9", "*/*"])
def test_a_batch_is_answered_in_json(gateway: Gateway, accept: str) -> None:
    response = batch(gateway, NUMBER, accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert response.json() == [{"data": {"number": 1}}]


def test_queries_run_at_once_and_equal_ones_are_one(gateway: Gateway) -> None:
    gateway.backend.held.set()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(batch, gateway, word("c"), word("d"), word("c"))
        until(lambda: len(gateway.backend.asked) == 2)
        gateway.backend.held.clear()
        answers = waiting.result(10).json()
    assert answers == [{"data": {"word": "c"}}, {"data": {"word": "d"}}, {"data": {"word": "c"}}]
    assert sorted(gateway.backend.asked) == ["GET /words/c", "GET /words/d"]


def test_what_is_wrong_with_one_request_stands_in_its_place(gateway: Gateway) -> None:
    response = batch(
        gateway,
        NUMBER,
        None,
        7,
        [],
        {},
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": 7},
        {"query": "{ fails }"},
        word("e"),
        accept=GRAPHQL,
    )
    assert response.status_code == 200
    answers = response.json()
    assert (answers[0], answers[9]) == ({"data": {"number": 1}}, {"data": {"word": "e"}})
    assert [codes(answer) for answer in answers[1:9]] == [
        ["BAD_REQUEST"],
        ["BAD_REQUEST"],
        ["BAD_REQUEST"],
        ["BAD_REQUEST"],
        ["GRAPHQL_PARSE_FAILED"],
        ["GRAPHQL_VALIDATION_FAILED"],
        ["BAD_REQUEST"],
        ["INTERNAL_SERVER_ERROR"],
    ]
    assert ["data" in answer for answer in answers[1:9]] == [False] * 7 + [True]


def test_the_outcome_is_as_if_the_requests_had_come_in_order(gateway: Gateway) -> None:
    seen = {"query": "{ done }"}
    answers = batch(
        gateway,
        seen,
        {"query": 'mutation { note(name: "a") }'},
        seen,
        {"query": 'mutation { note(name: "b") }'},
        {"query": 'mutation { note(name: "c") }'},
        seen,
    ).json()
    assert [answer["data"].get("done") for answer in answers] == [[], None, ["a"], None, None, ["a", "b", "c"]]


def test_a_mutation_waits_for_what_stands_before_it(gateway: Gateway) -> None:
    write = {"query": 'mutation { write(name: "w") }'}
    assert batch(gateway, word("f"), write, write, word("f")).json() == [
        {"data": {"word": "f"}},
        {"data": {"write": "w"}},
        {"data": {"write": "w"}},
        {"data": {"word": "f"}},
    ]
    assert gateway.backend.asked == ["GET /words/f", "POST /words/w", "POST /words/w", "GET /words/f"]


def test_a_batch_holds_one_request_to_as_many_as_allowed(gateway: Gateway) -> None:
    assert batch(gateway, *[NUMBER] * 10).json() == [{"data": {"number": 1}}] * 10
    too_many = batch(gateway, *[NUMBER] * 11)
    assert (too_many.status_code, codes(too_many.json())) == (400, ["LIMIT_EXCEEDED"])
    assert batch(gateway, *[{"query": 'mutation { note(name: "x") }'}] * 11).status_code == 400
    assert done == []
    nothing = gateway.post(b" \n[ ]")
    assert (nothing.status_code, codes(nothing.json())) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize("body", [b"[", b"[{}", b"[{}]]", b"[{},]", b"[{]}", b"[" * 100_000, b"[\x00]"])
def test_a_broken_array_is_400(gateway: Gateway, body: bytes) -> None:
    response = gateway.post(body)
    assert response.status_code == 400
    assert codes(response.json()) == ["BAD_REQUEST"]


def test_a_batch_must_be_json_and_is_bounded_like_any_body(gateway: Gateway) -> None:
    body = json.dumps([NUMBER]).encode()
    assert gateway.post(body, content_type="text/plain").status_code == 415
    assert gateway.post(body, content_type="application/json; charset=utf-16").status_code == 415
    assert gateway.post(body, content_type="application/json; charset=utf-8").json() == [{"data": {"number": 1}}]
    assert gateway.post(body + b" " * 1_000_000).status_code == 413


def test_one_request_is_answered_as_ever(gateway: Gateway) -> None:
    assert gateway.post(NUMBER).json() == {"data": {"number": 1}}
    assert gateway.post(b" \t\r\n" + json.dumps(NUMBER).encode()).json() == {"data": {"number": 1}}


def test_batching_is_off_and_says_so() -> None:
    with running(App(make_graph("http://backend.example"))) as root:
        gateway = Gateway(root, Backend(lambda target, headers: None))
        with gateway.client:
            for requests in ([NUMBER], [{"query": 'mutation { note(name: "x") }'}], []):
                response = batch(gateway, *requests, accept=GRAPHQL)
                assert response.status_code == 400
                assert response.json() == {
                    "errors": [
                        {
                            "message": "batching is off here: send one request, not an array",
                            "extensions": {"code": "BAD_REQUEST"},
                        }
                    ]
                }
    assert "x" not in done


def test_a_negative_bound_is_a_fault() -> None:
    with pytest.raises(GraphError, match="max_batch=-1: expected a whole number of 0 or more"):
        App(make_graph("http://backend.example"), max_batch=-1)


def test_who_shares_with_a_batch_is_answered_although_its_client_goes_away(gateway: Gateway) -> None:
    one = json.dumps(word("g")).encode()
    body = b"[" + one + b"]"
    gateway.backend.held.set()
    with ThreadPoolExecutor(1) as pool:
        with gateway.connect() as connection:
            head = f"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-type: {JSON}\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            until(lambda: gateway.backend.asked == ["GET /words/g"])
            waiting = pool.submit(gateway.post, one)
            time.sleep(0.1)  # for it to arrive
        time.sleep(0.5)  # for the server to notice
        gateway.backend.held.clear()
        assert waiting.result(10).json() == {"data": {"word": "g"}}
    assert gateway.post(one).json() == {"data": {"word": "g"}}
