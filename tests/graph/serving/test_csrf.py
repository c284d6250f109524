"""No page of another origin can have a browser execute anything: not with a request that browsers send unasked."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import strawberry

from graph import App, Cors, Graph, Trust
from graph.cors import PREFLIGHT
from tests.serving import running

counted: list[str] = []
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
QUERY = {"query": "{ count }"}
# What fetch, forms and sendBeacon can put on a request without asking first (Fetch, "CORS-safelisted").
SIMPLE = [
    None,
    "",
    "text/plain",
    "TEXT/PLAIN;charset=utf-8",
    "text/plain; application/json",
    "text/plain;charset=application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-8",
    "multipart/form-data; boundary=x",
]


@strawberry.type
class Query:
    @strawberry.field
    def count(self) -> int:
        counted.append("query")
        return len(counted)


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> int:
        counted.append("mutation")
        return len(counted)


def graph(trust: Trust | None = None) -> Graph:
    return Graph(query=Query, mutation=Mutation, trust=trust)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    cors = Cors(origins=["https://app.example"])
    with running(App(graph(), cors=cors, max_batch=2)) as url, httpx.Client(base_url=url, trust_env=False) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    counted.clear()


def headers(content_type: str | None) -> dict[str, str]:
    return {} if content_type is None else {"content-type": content_type}


# -- POST -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [*SIMPLE, "application/json, text/plain", "text/plain, application/json"])
@pytest.mark.parametrize("body", [b'{"query":"mutation { change }"}', b'[{"query":"mutation { change }"}]'])
def test_a_post_of_another_media_type_than_json_executes_nothing(
    client: httpx.Client, content_type: str | None, body: bytes
) -> None:
    for origin in ({}, {"origin": "https://evil.example"}, {"origin": "https://app.example"}):
        answer = client.post("/graphql", content=body, headers={**headers(content_type), **origin})
        assert answer.status_code == 415
    assert counted == []


def test_two_media_types_are_not_json(client: httpx.Client) -> None:
    lines = [("content-type", "text/plain"), ("content-type", "application/json")]
    for order in (lines, lines[::-1]):
        assert client.post("/graphql", content=b'{"query":"mutation { change }"}', headers=order).status_code == 415
    assert counted == []


def test_the_body_of_a_form_executes_nothing(client: httpx.Client) -> None:
    assert client.post("/graphql", data={"query": "mutation { change }"}).status_code == 415
    assert client.post("/graphql", files={"query": b"mutation { change }"}).status_code == 415
    assert counted == []


# -- GET --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [*SIMPLE, "nonsense", "application/json, text/plain", "text/plain, a/b", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_get_that_a_page_can_send_unasked_executes_nothing(
    client: httpx.Client, method: str, content_type: str | None
) -> None:
    for more in ({}, {"cookie": "session=1"}, {"sec-fetch-site": "cross-site"}):
        answer = client.request(method, "/graphql", params=QUERY, headers={**headers(content_type), **more})
        assert answer.status_code == 403
    assert counted == []


def test_an_event_source_of_another_origin_hears_nothing(client: httpx.Client) -> None:
    accept = {"accept": "text/event-stream"}
    assert client.get("/graphql", params=QUERY, headers=accept).status_code == 403
    assert counted == []
    at_home = client.get("/graphql", params=QUERY, headers={**accept, "sec-fetch-site": "same-origin"})
    assert at_home.text.startswith('event: next\ndata: {"data":{"count":1}}')


def test_the_refusal_says_which_header_is_missing(client: httpx.Client) -> None:
    answer = client.get("/graphql", params=QUERY)
    assert answer.json() == {
        "errors": [
            {
                "message": "a page of any origin may have sent this: add a header that none may, "
                "such as GraphQL-Preflight: 1",
                "extensions": {"code": "PREFLIGHT_REQUIRED"},
            }
        ]
    }
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "more",
    [
        *({name: "1"} for name in PREFLIGHT),
        {"content-type": "application/json"},
        {"content-type": "application/graphql-response+json; charset=utf-8"},
        {"sec-fetch-site": "same-origin"},
        {"authorization": "Bearer abc"},
    ],
)
def test_a_get_that_no_page_can_have_sent_unasked_is_executed(client: httpx.Client, more: dict[str, str]) -> None:
    assert client.get("/graphql", params=QUERY, headers=more).json() == {"data": {"count": 1}}


@pytest.mark.parametrize(
    "more",
    [
        {"graphql-preflight": ""},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin, cross-site"},
        {"authorization": "Basic dTpw"},
        {"authorization": "Bearer"},
        {"origin": "https://app.example"},
    ],
)
def test_what_browsers_add_by_themselves_shows_nothing(client: httpx.Client, more: dict[str, str]) -> None:
    assert client.get("/graphql", params=QUERY, headers=more).status_code == 403
    assert counted == []


def test_a_page_of_an_origin_that_may_call_may_say_so(client: httpx.Client) -> None:
    asked = {"origin": "https://app.example", "access-control-request-method": "GET"}
    preflight = client.options("/graphql", headers={**asked, "access-control-request-headers": "graphql-preflight"})
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert "graphql-preflight" in preflight.headers["access-control-allow-headers"].split(", ")
    refused = client.get("/graphql", params=QUERY, headers={"origin": "https://app.example"})
    assert refused.headers["access-control-allow-origin"] == "https://app.example"  # so the page can read why


def test_the_page_for_browsers_and_probes_are_there_as_ever(client: httpx.Client) -> None:
    page = client.get("/graphql", headers={"accept": BROWSER})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert client.head("/graphql", headers={"accept": BROWSER}).status_code == 200
    assert client.options("/graphql").status_code == 204
    assert client.get("/readyz").status_code == 200


def test_it_can_be_switched_off() -> None:
    with running(App(graph(Trust(csrf=False)))) as url:
        assert httpx.get(f"{url}/graphql", params=QUERY, trust_env=False).json() == {"data": {"count": 1}}
