"""GraphQL over HTTP, as clients and attackers speak it: a real server, real sockets, a real backend behind it."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import fastapi
import httpx
import pytest
import strawberry

from graph import App, Graph
from sources import Rest
from tests.serving import running

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
SECRET = "Traceback"


class Backend:
    """A REST backend that records what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.app = fastapi.FastAPI(openapi_url=None)

        @self.app.get("/{path:path}")
        def anything(path: str, request: fastapi.Request, response: fastapi.Response) -> Any:
            raw = request.scope["raw_path"].decode()
            query = request.scope["query_string"].decode()
            self.asked.append(raw + (f"?{query}" if query else ""))
            if path.startswith("things/"):
                name = path.removeprefix("things/")
                return {"id": name, "owner": request.headers.get("authorization")}
            if path == "slow":
                time.sleep(0.15)
                return [{"id": "a", "owner": None}]
            return [{"id": "a", "owner": None}]


class Gateway:
    """The server under test, and a client for it."""

    def __init__(self, url: str, backend: Backend, graph: Graph) -> None:
        self.url = url
        self.backend = backend
        self.graph = graph
        self.client = httpx.Client(trust_env=False, timeout=10)

    def post(self, body: bytes | dict[str, Any], **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
        response = self.client.post(self.url, content=content, headers=sent)
        assert SECRET not in response.text
        return response

    def get(self, parameters: dict[str, str], **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(self.url, params=parameters, headers=sent)

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are and give what comes back until the server hangs up."""
        host, port = self.url.removeprefix("http://").removesuffix("/graphql").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(data)
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
            return b"".join(pieces)


def make_graph(url: str) -> Graph:
    public = Rest("things", url, ttl=30)
    private = Rest("mine", url, ttl=30, forward=["Authorization"])
    lazy = Rest("slow", url)

    @public.entity(get="/things/{id}", batch="/things{?ids}")
    class Thing:
        id: strawberry.ID
        owner: str | None

    @private.entity(get="/things/{id}")
    class Mine:
        id: strawberry.ID
        owner: str | None

    @strawberry.type
    class Query:
        @public.get("/things/{id}")
        def thing(self, id: str) -> Thing | None: ...

        @public.get("/search{?text}")
        def search(self, text: str) -> list[Thing] | None: ...

        @private.get("/things/{id}")
        def mine(self, id: str) -> Mine | None: ...

        @lazy.get("/slow")
        def slow(self) -> list[Thing] | None: ...

        @strawberry.field
        def sum(self, numbers: list[int]) -> int:
            return sum(numbers)

        @strawberry.field
        def crash(self) -> str | None:
            raise RuntimeError(f"{SECRET}: a password")

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        def count(self) -> int:
            counted.append(1)
            return len(counted)

    return Graph(query=Query, mutation=Mutation)


counted: list[int] = []


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    backend = Backend()
    with running(backend.app) as backend_url:
        graph = make_graph(backend_url)
        with running(App(graph)) as url:
            made = Gateway(f"{url}/graphql", backend, graph)
            yield made
            made.client.close()


@pytest.fixture(autouse=True)
def fresh(gateway: Gateway) -> None:
    gateway.backend.asked.clear()


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


# -- media types and statuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, JSON),
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{JSON};q=0.1, {GRAPHQL};q=0.2", GRAPHQL),
        ("application/*", JSON),
        ("text/plain, */*;q=0.1", JSON),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
    ],
)
def test_the_media_type_is_what_the_client_prefers(gateway: Gateway, accept: str | None, answered: str) -> None:
    headers = {"accept": accept} if accept is not None else {}
    response = gateway.post({"query": "{ __typename }"}, **headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"
    assert response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["text/plain", f"{JSON};q=0", "image/png;q=1"])
def test_a_client_that_accepts_neither_media_type_gets_406(gateway: Gateway, accept: str) -> None:
    assert gateway.post({"query": "{ __typename }"}, accept=accept).status_code == 406


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { __typename } query B { __typename }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "{ __typename }", "operationName": "C"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "fragment F on Query { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query($n: [Int!]!) { sum(numbers: $n) }"}, "BAD_USER_INPUT"),
        ({"query": "query($n: [Int!]!) { sum(numbers: $n) }", "variables": {"n": ["x"]}}, "BAD_USER_INPUT"),
        ({"query": "query($n: [Int!]!) { sum(numbers: $n) }", "variables": {"n": [2**31]}}, "BAD_USER_INPUT"),
    ],
)
def test_request_errors_are_200_in_json_and_400_in_the_graphql_media_type(
    gateway: Gateway, body: dict[str, Any], code: str
) -> None:
    legacy, modern = gateway.post(body), gateway.post(body, accept=GRAPHQL)
    assert (legacy.status_code, modern.status_code) == (200, 400)
    assert legacy.json() == modern.json()
    assert set(codes(legacy)) == {code}
    assert "data" not in legacy.json()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"query": ',
        b"null",
        b"[]",
        b'"{ __typename }"',
        b"7",
        b"{}",
        b'{"query": null}',
        b'{"query": 7}',
        b'{"query": ""}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": "x"}',
        b'{"query": "{ __typename }", "operationName": 7}',
        b'{"query": "{ __typename }", "extensions": 7}',
        b'{"query": "\xff\xfe"}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'[{"query": "{ __typename }"}]',
    ],
)
def test_what_is_no_graphql_request_is_400_in_any_media_type(gateway: Gateway, body: bytes) -> None:
    for accept in (JSON, GRAPHQL):
        response = gateway.post(body, accept=accept)
        assert response.status_code == 400
        assert codes(response) == ["BAD_REQUEST"]
        assert gateway.backend.asked == []


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_another_content_type_is_415_and_nothing_is_executed(gateway: Gateway, content_type: str) -> None:
    before = len(counted)
    response = gateway.post({"query": "mutation { count }"}, content_type=content_type)
    assert response.status_code == 415
    assert len(counted) == before


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
def test_the_content_type_may_be_spelled_freely(gateway: Gateway, content_type: str) -> None:
    assert gateway.post({"query": "{ __typename }"}, content_type=content_type).json()["data"]


def test_a_huge_integer_is_a_wrong_variable_not_a_crash(gateway: Gateway) -> None:
    body = b'{"query": "query($n: [Int!]!) { sum(numbers: $n) }", "variables": {"n": [' + b"9" * 100_000 + b"]}}"
    assert gateway.post(body).status_code in (200, 400)
    assert gateway.post({"query": "{ sum(numbers: [" + "9" * 100_000 + "]) }"}).status_code == 200


def test_a_body_over_the_limit_is_413_before_it_is_read(gateway: Gateway) -> None:
    started = time.monotonic()
    response = gateway.post(json.dumps({"query": "{ __typename } #" + "x" * 5_000_000}).encode())
    assert response.status_code == 413
    assert codes(response) == ["LIMIT_EXCEEDED"]
    assert time.monotonic() - started < 5


def test_a_chunked_body_over_the_limit_is_413(gateway: Gateway) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 50_000

    response = gateway.client.post(gateway.url, content=pieces(), headers={"content-type": JSON})
    assert response.status_code == 413


def test_a_query_string_over_the_limit_is_refused(gateway: Gateway) -> None:
    line = b"GET /graphql?query=" + b"x" * 1_000_100 + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert gateway.raw(line).startswith(b"HTTP/1.1 400")


def test_a_document_of_too_many_tokens_is_refused_before_it_is_parsed(gateway: Gateway) -> None:
    response = gateway.post({"query": "{ " + "a " * 20_000 + "}"}, accept=GRAPHQL)
    assert response.status_code == 400
    assert codes(response) == ["LIMIT_EXCEEDED"]


def test_deep_nesting_in_a_document_is_an_error_not_a_crash(gateway: Gateway) -> None:
    for query in (
        "{ sum(numbers: " + "[" * 3000 + "]" * 3000 + ") }",
        "{ " + "... { " * 3000 + "__typename" + " }" * 3000 + " }",
        "{ " + "thing(id: 1) { " * 3000 + "id" + " }" * 3000 + " }",
    ):
        assert codes(gateway.post({"query": query}, accept=GRAPHQL))


def test_fragments_that_double_cost_bounded_work(gateway: Gateway) -> None:
    fragments = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(25))
    query = "{ ...F0 } " + fragments + " fragment F25 on Query { __typename }"
    started = time.monotonic()
    assert gateway.post({"query": query}).json() == {"data": {"__typename": "Query"}}
    aliased = " ".join(f"fragment G{n} on Thing {{ a{n}: id ...G{n + 1} }}" for n in range(25))
    query = '{ thing(id: "a") { ...G0 } } ' + aliased + " fragment G25 on Thing { id }"
    assert len(gateway.post({"query": query}).json()["data"]["thing"]) == 26
    assert time.monotonic() - started < 5


# -- GET --------------------------------------------------------------------------------------------------------------


def test_get_answers_queries_with_variables_and_an_operation_name(gateway: Gateway) -> None:
    query = "query A($n: [Int!]!) { sum(numbers: $n) } query B { __typename }"
    response = gateway.get({"query": query, "variables": '{"n": [1, 2]}', "operationName": "A"})
    assert response.json() == {"data": {"sum": 3}}


def test_get_never_executes_a_mutation(gateway: Gateway) -> None:
    before = len(counted)
    response = gateway.get({"query": "mutation { count }"})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert len(counted) == before


@pytest.mark.parametrize(
    "parameters", [{}, {"query": ""}, {"query": "{ __typename }", "variables": "7"}, {"variables": "{"}]
)
def test_a_get_that_is_no_graphql_request_is_400(gateway: Gateway, parameters: dict[str, str]) -> None:
    assert gateway.get(parameters, accept=JSON).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405_and_told_which_are_allowed(gateway: Gateway, method: str) -> None:
    response = gateway.client.request(method, gateway.url)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST"


def test_head_answers_like_get_without_a_body(gateway: Gateway) -> None:
    response = gateway.client.head(gateway.url, params={"query": "{ __typename }"})
    assert (response.status_code, response.content) == (200, b"")


def test_browsers_get_graphiql_and_programs_do_not(gateway: Gateway) -> None:
    page = gateway.get({}, accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "GraphiQL" in page.text
    assert gateway.get({"query": "{ __typename }"}, accept="text/html,*/*").json() == {"data": {"__typename": "Query"}}


def test_health_and_readiness(gateway: Gateway) -> None:
    root = gateway.url.removesuffix("/graphql")
    assert gateway.client.get(f"{root}/healthz").status_code == 200
    assert gateway.client.get(f"{root}/readyz").status_code == 200
    assert gateway.client.get(f"{root}/nothing").status_code == 404


# -- values on their way to the backend -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["../admin", "..", ".", "a/b", "a\\b", "", "a\nb", "a\u0000b", "\u007f", "/etc/passwd"]
)
def test_a_value_that_could_change_the_path_reaches_no_backend(gateway: Gateway, value: str) -> None:
    query = "query($id: String!) { thing(id: $id) { id } }"
    response = gateway.post({"query": query, "variables": {"id": value}})
    assert response.json()["data"] == {"thing": None}
    assert codes(response) == ["BAD_USER_INPUT"]
    assert gateway.backend.asked == []


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("1?x=2", "/things/1%3Fx%3D2"),
        ("1#x", "/things/1%23x"),
        ("1;x", "/things/1%3Bx"),
        ("%2e%2e", "/things/%252e%252e"),
        ("é", "/things/%C3%A9"),
        ("a b", "/things/a%20b"),
    ],
)
def test_any_other_value_stays_one_path_segment(gateway: Gateway, value: str, asked: str) -> None:
    query = "query($id: String!) { thing(id: $id) { id } }"
    assert gateway.post({"query": query, "variables": {"id": value}}).json()["data"]["thing"]
    assert gateway.backend.asked == [asked]


@pytest.mark.parametrize("value", ["a&admin=1", "a=b", "a#b", "a\nb", "a+b", "../x", "a%26b"])
def test_a_query_value_never_adds_a_parameter(gateway: Gateway, value: str) -> None:
    query = "query($text: String!) { search(text: $text) { id } }"
    assert gateway.post({"query": query, "variables": {"text": value}}).json()["data"]["search"]
    [asked] = gateway.backend.asked
    assert httpx.URL(f"http://x{asked}").params.multi_items() == [("text", value)]


# -- errors -----------------------------------------------------------------------------------------------------------


def test_what_a_resolver_raises_is_never_shown(gateway: Gateway) -> None:
    response = gateway.post({"query": "{ crash }"})
    assert response.json() == {
        "errors": [
            {
                "message": "Internal server error",
                "locations": [{"line": 1, "column": 3}],
                "path": ["crash"],
                "extensions": {"code": "INTERNAL_SERVER_ERROR"},
            }
        ],
        "data": {"crash": None},
    }
    assert response.headers["cache-control"] == "no-store"


# -- caching ----------------------------------------------------------------------------------------------------------


def test_a_public_answer_says_how_long_it_is_fresh_and_is_revalidated(gateway: Gateway) -> None:
    first = gateway.get({"query": '{ thing(id: "etag") { id } }'})
    assert first.headers["cache-control"] in ("public, max-age=29", "public, max-age=30")
    etag = first.headers["etag"]
    again = gateway.get({"query": '{ thing(id: "etag") { id } }'}, if_none_match=etag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    other = gateway.get({"query": '{ thing(id: "etag") { id } }'}, if_none_match='"other"')
    assert other.status_code == 200
    assert gateway.backend.asked == ["/things/etag"]


def test_a_private_answer_is_private_and_two_clients_never_share_it(gateway: Gateway) -> None:
    query = {"query": '{ mine(id: "p") { owner } }'}
    ada, bob = gateway.post(query, authorization="Bearer ada"), gateway.post(query, authorization="Bearer bob")
    nobody = gateway.post(query)
    assert ada.json()["data"]["mine"]["owner"] == "Bearer ada"
    assert bob.json()["data"]["mine"]["owner"] == "Bearer bob"
    assert nobody.json()["data"]["mine"]["owner"] is None
    assert gateway.post(query, authorization="Bearer ada").json() == ada.json()
    assert len(gateway.backend.asked) == 3
    assert ada.headers["cache-control"].startswith("private")
    assert "authorization" in ada.headers["vary"]


def test_mutations_and_request_errors_are_not_stored(gateway: Gateway) -> None:
    assert gateway.post({"query": "mutation { count }"}).headers["cache-control"] == "no-store"
    assert gateway.post({"query": "{ nothing }"}).headers["cache-control"] == "no-store"


def test_identical_queries_at_the_same_time_are_one_upstream_call(gateway: Gateway) -> None:
    import concurrent.futures

    body = json.dumps({"query": "{ slow { id } }"}).encode()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.post(body).json(), range(8)))
    assert all(answer == {"data": {"slow": [{"id": "a"}]}} for answer in answers)
    assert len(gateway.backend.asked) < 8


# -- the connection ---------------------------------------------------------------------------------------------------


def test_half_a_request_and_a_hang_up_do_no_harm(gateway: Gateway) -> None:
    host, port = gateway.url.removeprefix("http://").removesuffix("/graphql").split(":")
    for data in (
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
        b"POST /gra",
        b"\x00\x01\x02\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(data)
    assert gateway.post({"query": "{ __typename }"}).status_code == 200


def test_what_is_not_http_is_400(gateway: Gateway) -> None:
    assert gateway.raw(b"\x00\x01\x02\r\n\r\n").startswith(b"HTTP/1.1 400")
