"""In production a server shows nothing of itself but its answers, and never does it show its inside."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from graph import App, Credentials, Graph, GraphError, Limits, Trust
from graph.main import _is_loopback
from tests.graph.serving.backend import until
from tests.graph.serving.command import POSTS, here, refused, serving
from tests.serving import ASKED_FOR, running

SECRET = "the password is hunter2"
PRODUCTION = Trust(production=True)
INTROSPECTION = {"query": "{ __schema { queryType { name } } }"}
WRONG = {"query": "{ nam }"}
PAGE = {"accept": "text/html"}


@strawberry.type
class Query:
    @strawberry.field
    def name(self) -> str:
        return "Ada"

    @strawberry.field
    def fails(self) -> str:
        raise RuntimeError(SECRET)


def shown(app: App) -> dict[str, bool]:
    """Tell what a server shows of itself."""
    with running(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        return {
            "introspection": "data" in client.post("/graphql", json=INTROSPECTION).json(),
            "suggestions": "Did you mean" in client.post("/graphql", json=WRONG).text,
            "graphiql": client.get("/graphql", headers=PAGE).headers["content-type"].startswith("text/html"),
            "routes": client.get("/docs").status_code == client.get("/openapi.json").status_code == 200,
        }


def test_a_server_shows_all_of_itself_to_who_writes_it() -> None:
    everything = {"introspection": True, "suggestions": True, "graphiql": True, "routes": True}
    assert shown(App(Graph(query=Query))) == everything


def test_in_production_it_shows_nothing() -> None:
    nothing = {"introspection": False, "suggestions": False, "graphiql": False, "routes": False}
    assert shown(App(Graph(query=Query, trust=PRODUCTION))) == nothing


def test_in_production_each_can_be_shown_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(introspection=True)
    some = {"introspection": True, "suggestions": False, "graphiql": True, "routes": False}
    assert shown(App(Graph(query=Query, trust=PRODUCTION, limits=limits), graphiql=True)) == some
    monkeypatch.setenv("WEFT_PRODUCTION", "true")
    monkeypatch.setenv("WEFT_SUGGESTIONS", "true")
    monkeypatch.setenv("WEFT_GRAPHIQL", "true")
    others = {"introspection": False, "suggestions": True, "graphiql": True, "routes": False}
    assert shown(App(Graph(query=Query))) == others


def test_what_is_off_stays_off_outside_of_production() -> None:
    some = {"introspection": False, "suggestions": True, "graphiql": False, "routes": True}
    assert shown(App(Graph(query=Query, limits=Limits(introspection=False)), graphiql=False)) == some


def test_probes_and_operations_are_answered_in_production() -> None:
    app = App(Graph(query=Query, trust=PRODUCTION))
    with running(app) as url, httpx.Client(base_url=url, trust_env=False, headers=ASKED_FOR) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ready"}
        assert client.get("/graphql", params={"query": "{ name }"}).json() == {"data": {"name": "Ada"}}
        [error] = client.post("/graphql", json=WRONG).json()["errors"]
        assert error["message"] == "Cannot query field 'nam' on type 'Query'."


# -- as a command -----------------------------------------------------------------------------------------------------


def test_the_command_has_an_option_for_it_and_for_each_part() -> None:
    with serving(POSTS, "--production", "--suggestions") as (gateway, _):
        assert gateway.post(INTROSPECTION).json()["errors"][0]["extensions"]["code"] == "INTROSPECTION_DISABLED"
        assert "Did you mean" in gateway.post({"query": "{ gree }"}).text
        assert gateway.client.get(f"{gateway.root}/docs").status_code == 404


def test_the_workers_are_in_production_too() -> None:
    with serving(POSTS, "--workers", "2", WEFT_PRODUCTION="true", WEFT_MAX_URL_BYTES="100") as (gateway, _):
        until(lambda: _is_up(gateway.root), 40)
        assert gateway.post(INTROSPECTION).json()["errors"][0]["extensions"]["code"] == "INTROSPECTION_DISABLED"
        assert gateway.client.get(f"{gateway.root}/docs").status_code == 404
        assert gateway.client.get(f"{gateway.root}/healthz?{'x' * 100}").status_code == 414


def _is_up(root: str) -> bool:
    try:
        return httpx.get(f"{root}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_graph_is_not_loaded_again_in_production() -> None:
    assert refused("serve", POSTS, "--production", "--reload") == (
        "weft: --reload is for who writes a graph, and not for --production"
    )


def test_options_that_cannot_be_are_told_before_anything_is_served() -> None:
    assert here("serve", POSTS, "--max-requests", "-1").status == 2
    assert (
        "WEFT_KEYS: API keys: the environment variable a place is not set"
        in here("serve", POSTS, "--keys", "env:a place").err
    )
    both = here("serve", POSTS, "--jwt-leeway", "long", WEFT_MAX_CONNECTIONS="many")
    assert both.status == 2
    assert "WEFT_MAX_CONNECTIONS='many': expected a whole number of 0 or more, or none" in both.err
    assert "leeway: 'long' is no number of seconds" in both.err
    assert "WEFT_MAX_SOCKETS='few'" in here("serve", POSTS, WEFT_MAX_SOCKETS="few").err
    assert [name for name in os.environ if name.startswith(("WEFT_JWT", "WEFT_KEYS", "WEFT_MAX"))] == []


def test_who_listens_to_others_is_told_that_this_is_not_production() -> None:
    for host, is_loopback in (("127.0.0.1", True), ("127.0.0.2", True), ("0.0.0.0", False)):
        with socket.socket() as bound:
            bound.bind((host, 0))
            assert _is_loopback(bound) is is_loopback


def test_a_document_is_served_to_who_has_a_key_without_any_python(tmp_path: Path) -> None:
    document = tmp_path / "words.yaml"
    document.write_text(
        "openapi: 3.0.0\ninfo: {title: words, version: '1'}\nservers: [{url: 'http://127.0.0.1:9'}]\n"
        "paths: {/word: {get: {operationId: word, responses: {'200': {description: a word, "
        "content: {application/json: {schema: {type: string}}}}}}}}\n"
    )
    keys = str(tmp_path / "keys.json")
    made = here("keys", "create", "--store", keys, "--name", "ada")
    told: list[str] = []
    with serving(str(document), "--keys", keys, told=told) as (gateway, _):
        assert told[-1] == "weft: who shows no credentials may ask everything; --no-anonymous refuses them"
        assert gateway.ask("{ __typename }") == {"data": {"__typename": "Query"}}
    told.clear()
    with serving(str(document), "--keys", keys, "--no-anonymous", told=told) as (gateway, _):
        assert not any("credentials" in line for line in told)
        nobody = gateway.post({"query": "{ __typename }"})
        assert (nobody.status_code, nobody.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
        assert gateway.ask("{ __typename }", x_api_key=made.out.strip()) == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("option", ["--keys", "--jwt-issuer", "--proxies", "--rate"])
def test_an_option_that_says_nothing_is_no_defence_and_a_fault(option: str) -> None:
    ended = here("serve", "anything.py", option, "")
    assert ended.status == 2
    assert f"Invalid value for {option}: nothing is said" in ended.err


def test_a_graph_that_nobody_could_ask_is_a_fault() -> None:
    graph = Graph(query=Query, trust=Trust(anonymous=False))
    with pytest.raises(GraphError) as caught:
        graph.check_environment()
    assert caught.value.faults == ["anonymous is off, and no clients= can be known: nobody could ask anything"]


# -- what goes wrong inside -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("production", [True, False])
def test_what_an_exception_says_never_reaches_a_client(monkeypatch: pytest.MonkeyPatch, *, production: bool) -> None:
    for name in ("DEBUG", "WEFT_DEBUG", "FASTAPI_DEBUG", "STARLETTE_DEBUG", "PYTHONASYNCIODEBUG", "PYTHONDEBUG"):
        monkeypatch.setenv(name, "1")

    async def fails(shown: Credentials) -> None:
        if "x-fail" in shown.headers or shown.payload:
            raise RuntimeError(SECRET)

    app = App(Graph(query=Query, trust=Trust(production=production, clients=[fails])))

    @app.api.get("/route")
    async def route() -> Any:
        raise RuntimeError(SECRET)

    once = {"connection": "close"}  # uvicorn hangs up where an application has failed
    with running(app) as url, httpx.Client(base_url=url, trust_env=False, headers=once) as client:
        answers = [
            client.get("/route"),
            client.post("/graphql", json={"query": "{ fails }"}),
            client.post("/graphql", json={"query": "{ name }"}, headers={"x-fail": "1"}),
            client.post("/graphql", json={"query": "{ fails }"}, headers={"accept": "text/event-stream"}),
        ]
        protocols = [Subprotocol("graphql-transport-ws")]
        with connect(url.replace("http", "ws") + "/graphql", subprotocols=protocols, proxy=None) as client_socket:
            client_socket.send('{"type":"connection_init","payload":{"token":"x"}}')
            with pytest.raises(ConnectionClosed) as closed:
                client_socket.recv(10)
    assert [answer.status_code for answer in answers] == [500, 200, 500, 200]
    assert answers[0].text == "Internal Server Error"
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4500, "Internal server error")
    for answer in answers:
        assert "hunter2" not in answer.text
        assert "RuntimeError" not in answer.text
        assert "Traceback" not in answer.text


def test_what_a_server_answers_by_itself_says_nothing_either() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError(SECRET)

    with running(app) as url:
        answer = httpx.get(url, trust_env=False)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
