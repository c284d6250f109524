"""Pages of other origins, as browsers ask for them: who is allowed is told so, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Cors, Graph, GraphError
from sources import FakeTransport, Rest
from tests.serving import asking, running

EXPOSED = "etag, ratelimit, ratelimit-policy, retry-after"
APP = "https://app.example"
OTHER = "https://app.example.evil.example"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
backend = Rest(
    "backend",
    "http://backend.example",
    forward=["X-Tenant"],
    client=FakeTransport(lambda method, target, body: "word"),
)


@strawberry.type
class Query:
    @strawberry.field
    def number(self) -> int:
        return 1

    @backend.get("/word")
    def word(self) -> str: ...


GRAPH = Graph(query=Query)


@contextmanager
def served(cors: Cors | None) -> Iterator[httpx.Client]:
    with (
        running(App(GRAPH, cors=cors)) as url,
        asking(url) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with served(Cors(origins=[APP, "http://localhost:3000"], headers=["X-Trace"])) as made:
        yield made


def control(response: httpx.Response) -> dict[str, str]:
    """Give what a response says to a browser, by the names' last parts."""
    start = "access-control-"
    return {name[len(start) :]: value for name, value in response.headers.items() if name.startswith(start)}


def post(client: httpx.Client, **headers: str) -> httpx.Response:
    return client.post("/graphql", json={"query": "{ number }"}, headers=headers)


def test_a_preflight_of_a_listed_origin_is_allowed_what_graphql_clients_send(client: httpx.Client) -> None:
    response = client.options("/graphql", headers={"origin": APP, **PREFLIGHT})
    assert (response.status_code, response.content) == (204, b"")
    assert control(response) == {
        "allow-origin": APP,
        "allow-methods": "GET, HEAD, POST",
        "allow-headers": "apollo-require-preflight, authorization, content-encoding, content-type, "
        "graphql-preflight, graphql-require-preflight, x-apollo-operation-name, x-tenant, x-trace",
        "max-age": "600",
    }
    assert response.headers["vary"] == "origin"


@pytest.mark.parametrize("origin", [OTHER, "null", "*", "", "https://APP.example", APP + "/", f"{APP}, {APP}"])
def test_an_origin_that_is_not_listed_is_told_nothing(client: httpx.Client, origin: str) -> None:
    for response in (
        client.options("/graphql", headers={"origin": origin, **PREFLIGHT}),
        post(client, origin=origin),
        client.get("/graphql?query={number}", headers={"origin": origin}),
    ):
        assert control(response) == {}
        assert "origin" in response.headers["vary"]


@pytest.mark.parametrize("origin", [APP, "http://localhost:3000"])
def test_an_answer_to_a_listed_origin_may_be_read_by_it(client: httpx.Client, origin: str) -> None:
    response = post(client, origin=origin)
    assert response.json() == {"data": {"number": 1}}
    assert control(response) == {"allow-origin": origin, "expose-headers": EXPOSED}
    assert response.headers["vary"] == "origin"


def test_refusals_pages_and_not_modified_may_be_read_too(client: httpx.Client) -> None:
    etag = client.get("/graphql?query={number}").headers["etag"]
    answers = [
        client.post("/graphql", json=None, headers={"origin": APP}),
        client.post("/graphql", json={"query": "{"}, headers={"origin": APP}),
        client.put("/graphql", headers={"origin": APP}),
        client.get("/graphql?query={number}", headers={"origin": APP, "accept": "image/png"}),
        client.get("/graphql?query={number}", headers={"origin": APP, "if-none-match": etag}),
        client.get("/graphql", headers={"origin": APP, "accept": "text/html"}),
    ]
    assert [answer.status_code for answer in answers] == [415, 200, 405, 406, 304, 200]
    assert {answer.headers.get("access-control-allow-origin") for answer in answers} == {APP}


def test_caches_learn_of_the_origin_also_from_a_request_without_one(client: httpx.Client) -> None:
    response = client.get("/graphql?query={number}")
    assert control(response) == {}
    assert response.headers["vary"] == "accept, accept-encoding, origin"


def test_options_that_are_no_preflight_say_what_is_allowed(client: httpx.Client) -> None:
    response = client.options("/graphql", headers={"origin": APP})
    assert response.status_code == 204
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert control(response) == {"allow-origin": APP, "expose-headers": EXPOSED}


def test_other_paths_are_not_opened(client: httpx.Client) -> None:
    assert control(client.get("/healthz", headers={"origin": APP})) == {}


def test_without_cors_no_header_speaks_of_origins() -> None:
    with served(None) as client:
        for response in (post(client, origin=APP), client.options("/graphql", headers={"origin": APP, **PREFLIGHT})):
            assert control(response) == {}
            assert "vary" not in response.headers


def test_credentials_are_allowed_to_origins_by_name() -> None:
    with served(Cors(origins=[APP], credentials=True, max_age=5)) as client:
        preflight = control(client.options("/graphql", headers={"origin": APP, **PREFLIGHT}))
        assert (preflight["allow-credentials"], preflight["max-age"]) == ("true", "5")
        assert control(post(client, origin=APP))["allow-credentials"] == "true"
        assert control(post(client, origin=OTHER)) == {}


def test_every_origin_is_a_star_that_is_the_same_for_all() -> None:
    with served(Cors(origins=["*"])) as client:
        for headers in ({"origin": APP}, {"origin": OTHER}, {}):
            response = post(client, **headers)
            assert control(response) == {"allow-origin": "*", "expose-headers": EXPOSED}
            assert "vary" not in response.headers


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"origins": ["https://app.example/"]}, "is no origin"),
        ({"origins": ["https://app.example/path"]}, "is no origin"),
        ({"origins": ["app.example"]}, "is no origin"),
        ({"origins": ["null"]}, "is no origin"),
        ({"origins": [""]}, "is no origin"),
        ({"origins": ["https://*.example"]}, "is no origin"),
        ({"origins": ["https://user@app.example"]}, "is no origin"),
        ({"origins": ["https://app.example:port"]}, "is no origin"),
        ({"origins": ["https://bücher.example"]}, "is no origin"),
        ({"origins": ["https://app.example:443"]}, "leave the port out"),
        ({"origins": ["http://app.example:80"]}, "leave the port out"),
        ({"origins": ["https://App.example"]}, "lower case"),
        ({"origins": ["https://app.example "]}, "spaces"),
        ({"origins": ["*"], "credentials": True}, "credentials need origins"),
        ({"origins": ["*", APP]}, "stands alone"),
        ({"origins": []}, "origins is empty"),
        ({"origins": APP}, "origins is a list"),
        ({"origins": [APP], "max_age": -1}, "max_age is negative"),
        ({"origins": [APP], "headers": ["x y"]}, "no name of a header"),
        ({"origins": [APP], "headers": ["x\r\ny"]}, "no name of a header"),
        ({"origins": [APP], "headers": [""]}, "no name of a header"),
    ],
)
def test_what_no_browser_could_use_is_a_fault(declared: dict[str, Any], fault: str) -> None:
    with pytest.raises(GraphError) as caught:
        Cors(**declared)
    assert len(caught.value.faults) == 1
    assert fault in caught.value.faults[0]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(GraphError) as caught:
        Cors(origins=["app.example", "*"], credentials=True, max_age=-1)
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize("origin", ["http://[::1]:3000", "capacitor://localhost", "https://xn--bcher-kva.example"])
def test_unusual_origins_are_origins(origin: str) -> None:
    with served(Cors(origins=[origin])) as client:
        assert control(post(client, origin=origin))["allow-origin"] == origin
