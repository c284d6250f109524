"""GraphQL over HTTP against a real server: statuses and media types, hostile input, caching, sharing."""

import asyncio
import functools
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import graphql
import httpx
import pytest
import strawberry

from graph import App, Graph, Limits, RequestError
from graph.engine import Engine, Request
from resolvers import link
from sources import FakeTransport, Post, Rest
from tests.graph.serving.backend import GRAPHQL, JSON, Backend, Counted, Gateway, codes, sound, until, until_closed
from tests.serving import running

counted: list[int] = []
chain = Rest(
    "chain",
    "http://chain.example",
    client=FakeTransport(lambda method, target, body: [{"id": "1", "next_id": "1"}]),
)


@chain.entity(get="/ring/{id}", batch="/ring{?id*}")
class Ring:
    """A thing that leads to itself."""

    id: strawberry.ID
    next: "Ring | None" = link("next_id")


def make_graph(url: str) -> Graph:
    plain = Rest("plain", url)
    public = Rest("public", url, ttl=30)
    private = Rest("private", url, forward=["Authorization"])
    private_kept = Rest("private_kept", url, forward=["Authorization"], ttl=30)

    @plain.entity(get="/names/{id}", batch="/names{?id*}")
    class Named:
        id: strawberry.ID
        name: str

    @strawberry.type
    class Thing:
        id: strawberry.ID
        name: str
        next: Named | None = link("next_id")

    @strawberry.type
    class Query:
        @chain.get("/rings")
        def rings(self) -> list[Ring]: ...

        @plain.get("/things/{id}")
        def thing(self, id: strawberry.ID) -> Thing | None: ...

        @plain.get("/search{?text,tags*}")
        def search(self, text: str | None = None, tags: list[str] | None = None) -> Named | None: ...

        @plain.get(Post("/find", body={"text": "{text}"}))
        def find(self, text: str) -> Named | None: ...

        @plain.get("/region", headers={"X-Region": "{region}"})
        def region(self, region: str) -> Named | None: ...

        @public.get("/kept/{id}")
        def kept(self, id: strawberry.ID) -> Named | None: ...

        @private.get("/mine")
        def mine(self) -> Named | None: ...

        @private_kept.get("/mine-kept")
        def mine_kept(self) -> Named | None: ...

        @strawberry.field
        def sum(self, numbers: list[int]) -> int:
            return sum(numbers)

        @strawberry.field
        def half(self, of: float) -> float:
            return of / 2

        @strawberry.field
        def fails(self) -> str | None:
            raise RuntimeError('Traceback: File "secret.py" at 127.0.0.1')

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        def count(self) -> int:
            counted.append(1)
            return len(counted)

    return Graph(query=Query, mutation=Mutation)


def answer(target: str, headers: dict[bytes, bytes]) -> Any:
    name = target.partition("?")[0].rsplit("/", 1)[1]
    thing = {"id": name, "name": f"the {name}", "next_id": "1"}
    return [thing | {"id": "1"}] if target.startswith("/names?") else thing


class Served(Gateway):
    """The gateway under test; `counter` counts what has reached it."""

    graph: Graph
    counter: Counted


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    backend = Backend(answer)
    with running(backend) as backend_url:
        graph = make_graph(backend_url)
        counter = Counted(App(graph))
        with running(counter) as root:
            made = Served(root, backend)
            made.graph, made.counter = graph, counter
            with made.client:
                yield made


@pytest.fixture
def gateway(served: Served) -> Iterator[Served]:
    served.backend.forget()
    counted.clear()
    yield served
    served.backend.held.clear()


def both(gateway: Gateway, body: bytes | dict[str, Any]) -> tuple[httpx.Response, httpx.Response]:
    """Send a body once for each media type."""
    return gateway.post(body, accept=JSON), gateway.post(body, accept=GRAPHQL)


def query_string(query: str, **parameters: str) -> str:
    return "&".join(f"{name}={quote(text)}" for name, text in {"query": query, **parameters}.items())


# -- bytes on a connection --------------------------------------------------------------------------------------------


def request_bytes(body: bytes, *headers: str, line: str = "POST /graphql HTTP/1.1") -> bytes:
    lines = [line, "host: gateway", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


TYPENAME = b'{"query": "{ __typename }"}'
ANSWERED = b'{"data":{"__typename":"Query"}}'


def test_a_request_may_come_in_many_pieces(gateway: Gateway) -> None:
    whole = request_bytes(TYPENAME, "connection: close")
    middle = len(whole) - 10
    answered = gateway.raw(whole[:20], whole[20:middle], whole[middle:-1], whole[-1:])
    assert answered.startswith(b"HTTP/1.1 200 ")
    assert answered.endswith(ANSWERED)


def test_a_chunked_body_is_put_together(gateway: Gateway) -> None:
    head = b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\n"
    head += b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (TYPENAME[:3], TYPENAME[3:])]
    assert gateway.raw(head, *chunks, b"0\r\n\r\n").endswith(ANSWERED)


def test_http_1_0_without_a_host_is_answered(gateway: Gateway) -> None:
    head = b"GET /graphql?query=%7B__typename%7D HTTP/1.0\r\ngraphql-preflight: 1\r\n\r\n"
    assert gateway.raw(head).endswith(ANSWERED)


def test_pipelined_requests_are_answered_in_order(gateway: Gateway) -> None:
    first = request_bytes(b'{"query": "{ sum(numbers: [1]) }"}')
    second = request_bytes(b"null")
    third = request_bytes(b'{"query": "{ sum(numbers: [1, 2]) }"}', "connection: close")
    answered = gateway.raw(first + second + third)
    assert re.findall(rb"HTTP/1.1 (\d+)", answered) == [b"200", b"400", b"200"]
    assert re.findall(rb'"sum":(\d)', answered) == [b"1", b"3"]


@pytest.mark.parametrize(
    "refused",
    [
        request_bytes(b"{"),
        request_bytes(b"[" * 100_000),
        request_bytes(TYPENAME, line="PUT /graphql HTTP/1.1"),
        request_bytes(TYPENAME, "accept: image/png"),
        request_bytes(b'{"query": "{"}'),
    ],
)
def test_a_refused_request_leaves_the_connection_usable(gateway: Gateway, refused: bytes) -> None:
    answered = gateway.raw(refused, request_bytes(TYPENAME, "connection: close"))
    assert answered.count(b"HTTP/1.1 ") == 2
    assert answered.endswith(ANSWERED)


def test_five_announced_megabytes_are_refused_at_the_first_byte(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        head = b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: 5000000\r\n\r\n"
        connection.sendall(head + b"{")
        answered = connection.recv(65536)
    assert answered.startswith(b"HTTP/1.1 413 ")
    assert b'"LIMIT_EXCEEDED"' in answered


def test_an_endless_body_is_refused_at_the_limit(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        head = (
            b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        connection.sendall(head + b"f4241\r\n" + b" " * 1_000_001)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_exactly_the_limit_is_read(gateway: Gateway) -> None:
    padding = b" " * (1_000_000 - len(TYPENAME))
    assert gateway.post(TYPENAME + padding).status_code == 200
    assert gateway.post(TYPENAME + padding + b" ").status_code == 413


def test_a_content_length_of_nonsense_is_no_crash(gateway: Gateway) -> None:
    for length in (b"-1", b"x", b"9" * 30, b"1, 2"):
        head = b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: "
        with gateway.connect() as connection:
            connection.sendall(head + length + b"\r\n\r\n{")
            assert connection.recv(65536)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 413")
    assert gateway.post(TYPENAME).status_code == 200


def test_head_has_the_headers_of_get_and_no_body(gateway: Gateway) -> None:
    target = f"/graphql?{query_string('{ sum(numbers: [7]) }')}".encode()
    found = []
    for method in (b"GET", b"HEAD"):
        lines = b"\r\nhost: g\r\nconnection: close\r\ngraphql-preflight: 1\r\n\r\n"
        answered = gateway.raw(method + b" " + target + b" HTTP/1.1" + lines)
        head, _, body = answered.partition(b"\r\n\r\n")
        found.append((re.sub(rb"\r\ndate: [^\r]*", b"", head), body))
    assert found[0] == (found[1][0], b'{"data":{"sum":7}}')
    assert found[1][1] == b""


def test_many_connections_that_say_nothing_stop_nobody(gateway: Gateway) -> None:
    idle = [gateway.connect() for _ in range(50)]
    for connection in idle[:25]:
        connection.sendall(b"POST /graphql HTTP/1.1\r\ncontent-length: 100\r\n\r\n{")
    assert gateway.post(TYPENAME).content == ANSWERED
    for connection in idle:
        connection.close()


# -- media types and statuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL};q=0.3, {JSON};q=0.4", JSON),
        (f"text/html, {GRAPHQL};q=0.5, */*;q=0.4", GRAPHQL),
    ],
)
def test_get_and_post_answer_in_the_preferred_media_type(
    gateway: Gateway, accept: str | None, content_type: str
) -> None:
    headers = {} if accept is None else {"accept": accept}
    for response in (
        gateway.post({"query": "{ __typename }"}, **headers),
        gateway.get({"query": "{ __typename }"}, **headers),
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{content_type}; charset=utf-8"
        assert response.content == ANSWERED


def test_of_what_a_client_accepts_the_first_thousand_characters_count(gateway: Gateway) -> None:
    for padding, status in ((",a/b" * 200, 200), (",a/b" * 300, 406)):
        accept = {"accept": f"text/html{padding},application/json"}
        assert gateway.post({"query": "{ __typename }"}, **accept).status_code == status


def test_a_client_that_accepts_nothing_we_speak_gets_406_and_nothing_runs(gateway: Gateway) -> None:
    response = gateway.post({"query": "mutation { count }"}, accept="text/plain, image/*")
    assert response.status_code == 406
    assert codes(response.json()) == ["BAD_REQUEST"]
    assert counted == []


def test_several_accept_lines_are_one_list(gateway: Gateway) -> None:
    headers = [("content-type", JSON), ("accept", GRAPHQL), ("accept", "text/plain")]
    response = gateway.client.post(gateway.url, content=TYPENAME, headers=headers)
    assert response.status_code == 200


SUM = "query Sum($n: [Int!]!) { sum(numbers: $n) }"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "}"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "\u0000"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "# nothing"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": '{ thing(id: "'}, "GRAPHQL_PARSE_FAILED"),
        ({"query": '{ thing(id: "\\uD800") { id } }'}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ thing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ thing(id: 1) { id name { x } } }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { a }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "type A { b: Int }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ ...A } fragment A on Query { ...A }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ __typename @nonsense }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { __typename } query B { __typename }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { __typename }", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "{ __typename }", "operationName": "x" * 100_000}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": SUM}, "BAD_USER_INPUT"),
        ({"query": SUM, "variables": {"n": None}}, "BAD_USER_INPUT"),
        ({"query": SUM, "variables": {"n": [1, None]}}, "BAD_USER_INPUT"),
        ({"query": SUM, "variables": {"n": "1"}}, "BAD_USER_INPUT"),
        ({"query": SUM, "variables": {"n": [1.5]}}, "BAD_USER_INPUT"),
        ({"query": SUM, "variables": {"n": [2**31]}}, "BAD_USER_INPUT"),
        ({"query": SUM, "variables": {"n": [True]}}, "BAD_USER_INPUT"),
        ({"query": SUM, "variables": {"n": {"a": 1}}}, "BAD_USER_INPUT"),
    ],
)
def test_a_request_error_is_200_in_json_and_400_in_the_graphql_type(
    gateway: Gateway, body: dict[str, Any], code: str
) -> None:
    legacy, modern = both(gateway, body)
    assert (legacy.status_code, modern.status_code) == (200, 400)
    assert legacy.content == modern.content
    assert legacy.json().keys() == {"errors"}
    assert set(codes(legacy.json())) == {code}
    assert legacy.headers["cache-control"] == modern.headers["cache-control"] == "no-store"
    assert len(legacy.content) < 5_000


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b'"x"',
        b"0",
        b"",
        b"{",
        b'{"query": "{ __typename }"',
        b'{"query": "\xc3\x28"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"query":' * 100_000,
        b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 90_000 + b"}}",
        b"{}",
        b'{"variables": {}}',
        b'{"query": ""}',
        b'{"query": null}',
    ],
)
def test_what_is_no_graphql_request_is_400_in_both_media_types(gateway: Gateway, body: bytes) -> None:
    for response in both(gateway, body):
        assert response.status_code == 400
        assert codes(response.json()) == ["BAD_REQUEST"]
        assert "data" not in response.json()


def test_a_refusal_is_not_stored(gateway: Gateway) -> None:
    for response in (
        gateway.post(b"null"),
        gateway.post({"query": "{ __typename }"}, content_type="text/plain"),
        gateway.get({"query": "{ __typename }", "variables": "7"}),
        gateway.post({"query": "{ __typename }"}, accept="image/png"),
    ):
        assert response.headers.get("cache-control") == "no-store"


def test_a_field_error_is_200_in_both_media_types(gateway: Gateway) -> None:
    for response in both(gateway, {"query": "{ fails }"}):
        assert response.status_code == 200
        assert response.json()["data"] == {"fails": None}
        assert response.json()["errors"][0]["message"] == "Internal server error"
        assert response.headers["cache-control"] == "no-store"


def test_a_body_without_a_content_type_is_415(gateway: Gateway) -> None:
    head = b"POST /graphql HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(TYPENAME)
    assert gateway.raw(head + TYPENAME).startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b'{"query": "mutation { count }"}'),
        ("application/x-www-form-urlencoded", b"query=mutation+%7B+count+%7D"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="query"\r\n\r\nmutation { count }',
        ),
        ("application/graphql", b"mutation { count }"),
    ],
)
def test_what_a_form_can_send_is_never_executed(gateway: Gateway, content_type: str, body: bytes) -> None:
    response = gateway.post(body, content_type=content_type)
    assert response.status_code == 415
    assert counted == []


# -- methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_mutation_is_never_executed_by_reading(gateway: Gateway, method: str, accept: str) -> None:
    document = "query A { __typename } mutation B { count }"
    for parameters in ({"query": "mutation { count }"}, {"query": document, "operationName": "B"}):
        response = gateway.client.request(method, gateway.url, params=parameters, headers={"accept": accept})
        assert response.status_code == 405
        assert response.headers["allow"] == "POST"
    assert counted == []
    assert gateway.get({"query": document, "operationName": "A"}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_other_methods_are_405_with_the_allowed_ones(gateway: Gateway, method: str) -> None:
    response = sound(gateway.client.request(method, gateway.url, content=TYPENAME, headers={"content-type": JSON}))
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert codes(response.json()) == ["BAD_REQUEST"]


def test_options_says_what_is_allowed_and_nothing_of_other_origins(gateway: Gateway) -> None:
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    for headers in ({}, asked):
        response = gateway.client.options(gateway.url, headers=headers)
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_a_get_takes_variables_and_an_operation_name(gateway: Gateway) -> None:
    document = SUM + " query Other { __typename }"
    parameters = {"query": document, "variables": '{"n": [1, 2]}', "operationName": "Sum"}
    assert gateway.get(parameters).content == b'{"data":{"sum":3}}'


@pytest.mark.parametrize(
    "parameters", [{}, {"query": ""}, {"operationName": "A"}, {"query": "{ a }", "variables": "["}]
)
def test_a_get_that_is_no_graphql_request_is_400(gateway: Gateway, parameters: dict[str, str]) -> None:
    for accept in (JSON, GRAPHQL):
        response = gateway.get(parameters, accept=accept)
        assert response.status_code == 400
        assert codes(response.json()) == ["BAD_REQUEST"]


def test_introspection_stands_beside_data(gateway: Gateway) -> None:
    answered = gateway.ask('{ __type(name: "Named") { fields { name } } thing(id: 1) { __typename } __typename }')
    assert answered["data"] == {
        "__type": {"fields": [{"name": "id"}, {"name": "name"}]},
        "thing": {"__typename": "Thing"},
        "__typename": "Query",
    }
    assert gateway.ask("mutation { __typename }") == {"data": {"__typename": "Mutation"}}
    assert graphql.build_client_schema(gateway.ask(graphql.get_introspection_query())["data"]).query_type


# -- documents and values that cost -----------------------------------------------------------------------------------


def test_a_document_of_many_tokens_is_refused(gateway: Gateway) -> None:
    for response in both(gateway, {"query": "{ " + "a " * 20_000 + "}"}):
        assert codes(response.json()) == ["LIMIT_EXCEEDED"]


@pytest.mark.parametrize("depth", [50, 100, 150, 180, 190, 200, 250, 500, 3000])
def test_deep_documents_are_answered_or_refused_and_never_crash(gateway: Gateway, depth: int) -> None:
    for query in (
        "{ rings { " + "next { " * depth + "id" + " }" * depth + " } }",
        "{ " + "... { " * depth + "__typename" + " }" * depth + " }",
        "{ sum(numbers: " + "[" * depth + "1" + "]" * depth + ") }",
        "{ sum(numbers: " + "{a: " * depth + "1" + "}" * depth + ") }",
        "query($n: " + "[" * depth + "Int" + "]" * depth + ") { sum(numbers: $n) }",
        "{ ...F0 } "
        + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(depth))
        + f" fragment F{depth} on Query {{ __typename }}",
    ):
        response = gateway.post({"query": query}, accept=GRAPHQL)
        assert response.status_code in (200, 400)
        assert "INTERNAL_SERVER_ERROR" not in response.text


@pytest.mark.parametrize("depth", [500, 900, 1000, 1100, 2000])
def test_deep_variables_are_refused_and_never_crash(gateway: Gateway, depth: int) -> None:
    for value in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        body = json.dumps({"query": SUM})[:-1] + ', "variables": {"n": ' + value + "}}"
        assert gateway.post(body.encode(), accept=GRAPHQL).status_code == 400


def test_huge_values_are_answered_or_refused(gateway: Gateway) -> None:
    half = "query($x: Float!) { half(of: $x) }"
    assert gateway.ask(half, {"x": 1e308}) == {"data": {"half": 5e307}}
    assert len(codes(gateway.ask("{ half(of: 1e999) }"))) == 1
    assert codes(gateway.ask(half, {"x": 10**400})) in (["BAD_USER_INPUT"], ["BAD_REQUEST"])
    assert codes(gateway.ask("{ sum(numbers: [" + "9" * 90_000 + "]) }")) == ["GRAPHQL_VALIDATION_FAILED"]
    assert gateway.ask(SUM, {"n": [1] * 9_000}) == {"data": {"sum": 9_000}}
    assert len(gateway.post({"query": SUM, "variables": {"n": ["x"] * 9_000}}).content) < 10_000
    assert gateway.ask("{ __typename }", {f"v{n}": n for n in range(20_000)}) == {"data": {"__typename": "Query"}}


def test_a_huge_id_costs_its_field_only(gateway: Gateway) -> None:
    answered = gateway.ask("query($id: ID!) { thing(id: $id) { id } __typename }", {"id": "x" * 900_000})
    assert answered["data"] == {"thing": None, "__typename": "Query"}
    assert answered["errors"][0]["path"] == ["thing"]
    assert len(json.dumps(answered)) < 1_000


def calls_of(work: Callable[[], object]) -> int:
    """Count the Python calls that something makes."""
    counter = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal counter
        counter += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counter


def work_of(graph: Graph, query: str) -> int:
    """Count the calls of preparing a document, refused or not."""

    def prepare() -> None:
        try:
            operations = graph.engine.operations
            operations.variant_without_variables(operations.get(query, None))
        except RequestError:
            pass

    return calls_of(prepare)


def doubling(count: int) -> str:
    fragments = [f"fragment F{n} on Thing {{ a{n}: id ...F{n + 1} ...F{n + 1} }}" for n in range(count)]
    return "{ thing(id: 1) { ...F0 } } " + " ".join(fragments) + f" fragment F{count} on Thing {{ id }}"


def test_fragments_that_double_cost_work_for_each_once(gateway: Served) -> None:
    data = gateway.ask(doubling(25))["data"]["thing"]
    assert data == {**{f"a{n}": "1" for n in range(25)}, "id": "1"}
    assert work_of(gateway.graph, doubling(24)) < 4 * work_of(gateway.graph, doubling(12))


def branching(depth: int) -> str:
    """Give a document of ``2 ** (depth + 1)`` fields in a few lines for each level."""
    fragments = [
        f"fragment F{n} on Ring {{ a: next {{ ...F{n + 1} }} b: next {{ ...F{n + 1} }} }}" for n in range(depth)
    ]
    return "{ rings { ...F0 } } " + " ".join(fragments) + f" fragment F{depth} on Ring {{ id }}"


def test_fragments_that_branch_count_as_the_fields_they_become() -> None:
    @strawberry.type
    class Query:
        @chain.get("/rings")
        def rings(self) -> list[Ring]: ...

    operations = Graph(query=Query, limits=Limits(max_fields=100)).engine.operations
    with pytest.raises(RequestError) as caught:
        operations.variant_without_variables(operations.get(branching(7), None))
    assert caught.value.code == "LIMIT_EXCEEDED"


def test_four_times_the_links_cost_about_four_times_the_work(gateway: Served) -> None:
    def links(count: int) -> str:
        return "{ rings { " + " ".join(f"a{n}: next {{ id }}" for n in range(count)) + " } }"

    work_of(gateway.graph, links(5))
    assert work_of(gateway.graph, links(200)) < 6 * work_of(gateway.graph, links(50))


@pytest.mark.parametrize(
    "query",
    [
        "{ thing(id: 1) { " + "name " * 4_500 + "} }",
        "{ " + "__typename " * 9_000 + "}",
        "{ " + " ".join(f"a{n}: __typename" for n in range(3_000)) + " }",
        "{ " + "...A " * 3_000 + "} fragment A on Query { __typename }",
        "query(" + " ".join(f"$v{n}: Int" for n in range(2_000)) + ") { __typename }",
        "{ rings { " + "next { " * 60 + "id id id " + "} " * 60 + "} } ",
        "{ __typename } " + "#\n" * 400_000,
        "{ __typename " + "@skip(if: false) " * 1_500 + "}",
    ],
)
def test_a_document_of_ten_thousand_tokens_costs_bounded_work(gateway: Served, query: str) -> None:
    assert work_of(gateway.graph, query) < 2_000_000


def test_the_limits_are_the_authors(gateway: Served) -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def a(self) -> int:
            return 1

    graph = Graph(query=Query, limits=Limits(max_tokens=10, max_fields=3))
    with running(App(graph, path="/api", max_body_bytes=200)) as root, httpx.Client(trust_env=False) as client:

        def ask(query: str) -> Any:
            return client.post(f"{root}/api", json={"query": query}).json()

        assert ask("{ a b: a c: a }") == {"data": {"a": 1, "b": 1, "c": 1}}
        assert codes(ask("{ a a a a a a a a a }")) == ["LIMIT_EXCEEDED"]
        assert client.post(f"{root}/api", json={"query": "{ a " + " " * 200 + "}"}).status_code == 413
        assert client.post(f"{root}/graphql", json={"query": "{ a }"}).status_code == 404


# -- values on their way to a backend ---------------------------------------------------------------------------------

HOSTILE = ["../admin", "..", ".", "a/b", "a\\b", "a\nb", "a\r\nx: y", "a\0b", "", "\x7f", "//evil.example/x", "\x85"]


@pytest.mark.parametrize("value", HOSTILE)
def test_an_id_that_could_leave_its_segment_reaches_no_backend(gateway: Gateway, value: str) -> None:
    for query, variables in (
        ("query($id: ID!) { thing(id: $id) { id } }", {"id": value}),
        (f"{{ thing(id: {json.dumps(value)}) {{ id }} }}", None),
    ):
        answered = gateway.ask(query, variables)
        if "data" in answered:
            assert answered["data"] == {"thing": None}
            assert codes(answered) == ["BAD_USER_INPUT"]
            assert answered["errors"][0]["path"] == ["thing"]
    assert gateway.backend.asked == []


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("1?x=2", "/things/1%3Fx%3D2"),
        ("1&x=2", "/things/1%26x%3D2"),
        ("1#x", "/things/1%23x"),
        ("%2e%2e%2fadmin", "/things/%252e%252e%252fadmin"),
        ("...", "/things/..."),
        ("a b", "/things/a%20b"),
        ("{id}", "/things/%7Bid%7D"),
        ("user@host:1", "/things/user%40host%3A1"),
        ("é", "/things/%C3%A9"),
        ("\N{FULLWIDTH SOLIDUS}", "/things/%EF%BC%8F"),
        (7, "/things/7"),
        (-0, "/things/0"),
    ],
)
def test_any_other_id_is_one_segment(gateway: Gateway, value: str | int, asked: str) -> None:
    answered = gateway.ask("query($id: ID!) { thing(id: $id) { id } }", {"id": value})
    assert answered["data"]["thing"]
    assert gateway.backend.asked == [f"GET {asked}"]


@pytest.mark.parametrize("value", ["a&admin=1", "a#b", "a\nb", "a\r\nx: y", "../x", "a+b", "a%26b", "", "a;b=1", "é"])
def test_a_query_value_is_one_parameter(gateway: Gateway, value: str) -> None:
    query = "query($t: String, $l: [String!]) { search(text: $t, tags: $l) { id } }"
    assert gateway.ask(query, {"t": value, "l": [value, "z"]})["data"]["search"]
    [asked] = gateway.backend.asked
    parameters = httpx.URL("http://backend" + asked.removeprefix("GET ")).params.multi_items()
    assert parameters == [("text", value), ("tags", value), ("tags", "z")]


def test_a_nul_reaches_no_query_string(gateway: Gateway) -> None:
    answered = gateway.ask("query($t: String) { search(text: $t) { id } }", {"t": "a\0b"})
    assert codes(answered) == ["BAD_USER_INPUT"]
    assert gateway.backend.asked == []


@pytest.mark.parametrize("value", ["eu\r\nx-admin: 1", "eu\nx", "eu\0", "\x1b[31m"])
def test_a_value_never_ends_its_header(gateway: Gateway, value: str) -> None:
    answered = gateway.ask("query($r: String!) { region(region: $r) { id } }", {"r": value})
    assert codes(answered) == ["BAD_USER_INPUT"]
    assert gateway.backend.asked == []


def test_a_body_holds_any_value(gateway: Gateway) -> None:
    answered = gateway.ask("query($t: String!) { find(text: $t) { id } }", {"t": '"}, "admin": true, "\0'})
    assert answered == {"data": {"find": {"id": "find"}}}
    assert gateway.backend.asked == ["POST /find"]


@pytest.mark.parametrize("key", ["../admin", "1?x=2", "1&id=2", "a\nb"])
def test_a_key_that_a_backend_answered_is_a_value_too(gateway: Gateway, key: str) -> None:
    gateway.backend.answer = lambda target, headers: [] if "?" in target else {"id": "1", "name": "a", "next_id": key}
    try:
        assert gateway.ask("{ thing(id: 1) { next { id } } }")["data"] == {"thing": {"next": None}}
    finally:
        gateway.backend.answer = answer
    assert gateway.backend.asked[0] == "GET /things/1"
    [asked] = gateway.backend.asked[1:]
    assert httpx.URL("http://backend" + asked.removeprefix("GET ")).params.multi_items() == [("id", key)]
    assert asked.startswith("GET /names?")


# -- caching ----------------------------------------------------------------------------------------------------------


def test_a_public_answer_is_fresh_for_its_ttl_and_revalidated_by_its_etag(gateway: Gateway) -> None:
    parameters = {"query": '{ kept(id: "etag") { id } }'}
    first = gateway.get(parameters)
    assert re.fullmatch(r"public, max-age=(29|30)", first.headers["cache-control"])
    assert first.headers["vary"] == "accept, accept-encoding"
    etag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]+"', etag)
    for known in (etag, f'"x", {etag}', f"W/{etag}", "*", f"{etag} ,"):
        again = gateway.get(parameters, if_none_match=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["vary"] == "accept, accept-encoding"
        assert again.headers["cache-control"].startswith("public, max-age=")
    for other in ('"x"', etag.strip('"'), "", '"'):
        assert gateway.get(parameters, if_none_match=other).content == first.content
    assert gateway.backend.asked == ["GET /kept/etag"]


def test_get_and_post_of_one_query_share_the_stored_body_of_the_backend(gateway: Gateway) -> None:
    query = '{ kept(id: "shared") { name } }'
    assert gateway.get({"query": query}).json() == gateway.ask(query) == {"data": {"kept": {"name": "the shared"}}}
    assert gateway.ask('{ again: kept(id: "shared") { id } }') == {"data": {"again": {"id": "shared"}}}
    assert gateway.backend.asked == ["GET /kept/shared"]


def test_if_none_match_means_nothing_to_a_post(gateway: Gateway) -> None:
    body = {"query": '{ kept(id: "post") { id } }'}
    response = gateway.post(body)
    assert gateway.post(body, if_none_match=response.headers["etag"]).status_code == 200


def test_what_has_no_ttl_must_be_asked_again(gateway: Gateway) -> None:
    for _ in range(2):
        response = gateway.get({"query": "{ thing(id: 5) { id } }"})
        assert response.headers["cache-control"] == "no-cache"
    assert gateway.backend.asked == ["GET /things/5"] * 2


@pytest.mark.parametrize("query", ["{ fails }", "{ kept(id: 5) { id } fails }"])
def test_an_answer_with_errors_is_not_stored(gateway: Gateway, query: str) -> None:
    assert gateway.get({"query": query}).headers["cache-control"] == "no-store"


def test_a_mutation_is_not_stored(gateway: Gateway) -> None:
    body = {"query": "mutation { count }"}
    responses = [gateway.post(body) for _ in range(2)]
    assert [response.json()["data"]["count"] for response in responses] == [1, 2]
    assert {response.headers["cache-control"] for response in responses} == {"no-store"}
    assert all("etag" not in response.headers for response in responses)


def test_a_post_never_gets_the_stored_answer_of_a_get(gateway: Gateway) -> None:
    text = query_string('{ kept(id: "disguised") { id } }')
    assert sound(gateway.client.get(f"{gateway.url}?{text}")).json()["data"]
    assert gateway.post(f"?{text}".encode()).status_code == 400


async def test_an_answer_too_large_to_keep_is_answered_all_the_same() -> None:
    source = Rest("large", "http://large.example", ttl=30, client=FakeTransport({"GET /a": "x" * 17_000_000}))

    @strawberry.type
    class Query:
        @source.get("/a")
        def a(self) -> str: ...

    answered = await Graph(query=Query).execute("{ a }")
    assert len(answered["data"]["a"]) == 17_000_000


# -- sharing ----------------------------------------------------------------------------------------------------------


def held(gateway: Served, requests: Sequence[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    """Make requests at the same time: none is answered by the backend before all have reached the gateway."""
    gateway.backend.held.set()
    before = gateway.counter.arrived
    with ThreadPoolExecutor(len(requests)) as pool:
        futures = [pool.submit(request) for request in requests]
        until(lambda: gateway.counter.arrived == before + len(requests) and bool(gateway.backend.asked))
        threading.Event().wait(0.1)
        gateway.backend.held.clear()
        return [future.result(10) for future in futures]


def test_identical_queries_at_the_same_time_are_one_call(gateway: Served) -> None:
    answers = held(gateway, [functools.partial(gateway.post, {"query": "{ thing(id: 8) { id name } }"})] * 10)
    assert {response.content for response in answers} == {b'{"data":{"thing":{"id":"8","name":"the 8"}}}'}
    assert gateway.backend.asked == ["GET /things/8"]


def test_different_queries_at_the_same_time_share_the_call_they_have_in_common(gateway: Served) -> None:
    queries = [f"{{ a{n}: thing(id: 9) {{ id }} }}" for n in range(5)]
    answers = held(gateway, [functools.partial(gateway.post, {"query": query}) for query in queries])
    assert [response.text for response in answers] == [f'{{"data":{{"a{n}":{{"id":"9"}}}}}}' for n in range(5)]
    assert gateway.backend.asked == ["GET /things/9"]


def test_identical_mutations_at_the_same_time_are_each_executed(gateway: Served) -> None:
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: gateway.ask("mutation { count }"), range(5)))
    assert sorted(each["data"]["count"] for each in answers) == [1, 2, 3, 4, 5]


def owner(target: str, headers: dict[bytes, bytes]) -> Any:
    """Answer each credential its own."""
    name = headers.get(b"authorization", b"nobody").decode("latin-1")
    return {"id": name, "name": name}


@pytest.mark.parametrize("field", ["mine", "mineKept"])
def test_clients_with_different_credentials_never_share_a_call_under_way(gateway: Served, field: str) -> None:
    query = f"{{ {field} {{ name }} other: {field} {{ id }} }}"
    names = ["Bearer ada", "Bearer bob", "Bearer eve"] * 3
    requests = [functools.partial(gateway.post, {"query": query}, authorization=name) for name in names]
    gateway.backend.answer = owner
    try:
        found = [response.json()["data"] for response in held(gateway, requests)]
    finally:
        gateway.backend.answer = answer
    assert found == [{field: {"name": name}, "other": {"id": name}} for name in names]
    asked = [headers[b"authorization"] for headers in gateway.backend.headers]
    assert sorted(asked) == [b"Bearer ada", b"Bearer bob", b"Bearer eve"]


@pytest.mark.parametrize("field", ["mine", "mineKept"])
def test_a_private_answer_is_given_to_nobody_else_afterwards(gateway: Gateway, field: str) -> None:
    gateway.backend.answer = owner
    query = f"{{ {field} {{ name }} }}"
    try:
        found = []
        for headers in ({"authorization": "Bearer ann"}, {"authorization": "Bearer ben"}, {"authorization": ""}, {}):
            response = gateway.post({"query": query}, **headers)
            assert response.headers["cache-control"].startswith("private")
            found.append(response.json()["data"][field]["name"])
            read = gateway.get({"query": query}, **headers)
            assert read.json() == response.json()
            assert read.headers["vary"] == "accept, accept-encoding, authorization"
            assert read.headers["cache-control"].startswith("private")
    finally:
        gateway.backend.answer = answer
    assert found == ["Bearer ann", "Bearer ben", "", "nobody"]


async def test_kept_answers_are_bounded_with_the_requests_that_they_answer() -> None:
    @strawberry.type
    class Query:
        @Rest("kept", "http://kept.example", ttl=60, client=FakeTransport({"GET /word": "x"})).get("/word")
        def word(self) -> str: ...

    graph = Graph(query=Query)
    engine = Engine(graph.schema, graph.engine.bindings, max_response_bytes=10_000)
    for longer in (lambda text: text, lambda text: ("GET", text)):
        first, second = (longer(letter * 8_000) for letter in (b"a", b"b"))
        for key in (first, second):
            await engine.answer(Request("{ word }"), {}, lambda: None, key=key)
        assert engine.kept(first) is None
        assert engine.kept(second) is not None


@pytest.mark.parametrize("credential", [b"caf\xe9", b"caf\xc3\xa9", b"Bearer a.b-c_d=", b"\x80\xff"])
def test_a_credential_is_passed_on_byte_for_byte_or_not_at_all(gateway: Gateway, credential: bytes) -> None:
    body = json.dumps({"query": "{ mine { id } }"}).encode()
    header = b"\r\nauthorization: " + credential + b"\r\n\r\n"
    answered = gateway.raw(request_bytes(body, "connection: close").replace(b"\r\n\r\n", header, 1))
    passed = [headers[b"authorization"] for headers in gateway.backend.headers]
    assert passed == [credential] or (passed == [] and b"BAD_USER_INPUT" in answered)


def test_only_the_allowed_headers_are_passed_on(gateway: Gateway) -> None:
    gateway.post({"query": "{ mine { id } thing(id: 3) { id } }"}, authorization="Bearer a", cookie="b=c", x_other="d")
    passed = dict(zip(gateway.backend.asked, gateway.backend.headers, strict=True))
    assert passed["GET /mine"][b"authorization"] == b"Bearer a"
    assert b"authorization" not in passed["GET /things/3"]
    for headers in passed.values():
        assert not {b"cookie", b"x-other"} & headers.keys()


# -- pages and probes -------------------------------------------------------------------------------------------------

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


def test_a_browser_gets_graphiql_and_its_queries_get_json(gateway: Gateway) -> None:
    page = gateway.get({}, accept=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Weft</title>" in page.text
    assert gateway.client.head(gateway.url, headers={"accept": BROWSER}).headers["content-type"].startswith("text/html")
    assert gateway.get({"query": "{ __typename }"}, accept=BROWSER).content == ANSWERED
    assert gateway.post({"query": "{ __typename }"}, accept=BROWSER).content == ANSWERED
    assert gateway.get({}, accept="*/*").status_code == 400


def test_caches_are_told_that_the_page_depends_on_accept(gateway: Gateway) -> None:
    assert gateway.get({}, accept=BROWSER).headers.get("vary") == "accept"


def test_graphiql_can_be_switched_off() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def a(self) -> int:
            return 1

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app=App(Graph(query=Query), graphiql=False))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.get("/graphql", headers={"accept": BROWSER})

    assert asyncio.run(get()).status_code == 403


def test_probes_answer_while_a_backend_hangs(gateway: Served) -> None:
    body = {"query": "{ thing(id: 11) { id } }"}
    gateway.backend.held.set()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(gateway.post, body)
        until(lambda: bool(gateway.backend.asked))
        assert gateway.client.get(f"{gateway.root}/healthz").json() == {"status": "ok"}
        assert gateway.client.get(f"{gateway.root}/readyz").json() == {"status": "ready"}
        gateway.backend.held.clear()
        assert waiting.result(10).status_code == 200


async def test_readiness_is_503_until_the_server_has_started() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def a(self) -> int:
            return 1

    transport = httpx.ASGITransport(app=App(Graph(query=Query)))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.get("/healthz")).status_code == 200
        response = await client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "starting"})


def test_a_client_that_goes_away_while_its_query_runs_does_no_harm(gateway: Served) -> None:
    body = json.dumps({"query": "{ thing(id: 12) { id } }"}).encode()
    gateway.backend.held.set()
    with gateway.connect() as connection:
        connection.sendall(request_bytes(body))
        until(lambda: bool(gateway.backend.asked))
    gateway.backend.held.clear()
    assert gateway.post(body).json() == {"data": {"thing": {"id": "12"}}}


def test_a_server_closes_a_connection_that_speaks_no_http(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 400 ")


def test_more_variables_than_the_limit_are_refused_before_they_are_coerced(gateway: Gateway) -> None:
    for numbers in ([1] * 10_001, [[1] * 200] * 60):
        response = gateway.post({"query": SUM, "variables": {"n": numbers}}, accept=GRAPHQL)
        assert response.status_code == 400
        assert codes(response.json()) == ["LIMIT_EXCEEDED"]
