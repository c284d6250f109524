"""Clients made out by a FastAPI dependency, for requests and for sockets."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Iterator
from typing import Annotated, Any

import fastapi
import httpx
import pytest
import strawberry
from fastapi import Cookie, Depends, Header, HTTPException, Request, Security
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer, SecurityScopes

from graph import App, Client, Credentials, Dependency, Graph, RequestError, Trust
from graph.clients import Clients
from tests.graph.serving.sockets import graph_for, serving
from tests.serving import running

oauth = OAuth2PasswordBearer("token", auto_error=False)
closed: list[str] = []


async def session() -> AsyncGenerator[dict[str, str]]:
    closed.append("open")
    yield {"ada-token": "ada"}
    closed.append("closed")


Session = Annotated[dict[str, str], Depends(session)]
Token = Annotated[str | None, Depends(oauth)]


async def current_user(token: Token, users: Session, x_tenant: Annotated[str, Header()] = "none") -> Client | None:
    match token:
        case None:
            return None
        case "banned":
            raise HTTPException(403, "a secret reason")
        case "away":
            raise HTTPException(503, "a secret reason", {"Retry-After": "7"})
        case "teapot":
            raise HTTPException(418, "a secret reason")
        case "broken":
            raise RuntimeError("a secret fault")
        case "odd":
            return "ada"  # type: ignore[return-value]  # which is the point
    if token not in users:
        raise HTTPException(401, "no such session", {"WWW-Authenticate": 'Bearer realm="x"'})
    return Client(id=f"user:{users[token]}", context={"tenant": x_tenant})


@strawberry.type
class Query:
    @strawberry.field
    def me(self, info: strawberry.Info) -> str | None:
        client: Client = info.context["client"]
        return client.id

    @strawberry.field
    def tenant(self, info: strawberry.Info) -> str | None:
        return str(info.context.get("tenant"))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(App(Graph(query=Query, trust=Trust(clients=[fastapi.Depends(current_user)])))) as url:
        yield f"{url}/graphql"


def ask(url: str, token: str | None = None, **headers: str) -> httpx.Response:
    bearer = {} if token is None else {"authorization": f"Bearer {token}"}
    accept = {"accept": "application/graphql-response+json"}
    return httpx.post(url, json={"query": "{ me tenant }"}, headers={**accept, **bearer, **headers})


def test_a_dependency_with_dependencies_says_who_asks(url: str) -> None:
    closed.clear()
    assert ask(url, "ada-token", **{"x-tenant": "t1"}).json() == {"data": {"me": "user:ada", "tenant": "t1"}}
    assert closed == ["open", "closed"]
    assert ask(url).json() == {"data": {"me": None, "tenant": "None"}}


def test_a_get_is_asked_about_as_well(url: str) -> None:
    headers = {"authorization": "Bearer ada-token", "x-csrf": "1", "content-type": "application/json"}
    assert httpx.get(url, params={"query": "{ me }"}, headers=headers).json() == {"data": {"me": "user:ada"}}


@pytest.mark.parametrize(
    ("token", "status", "message", "code", "header"),
    [
        ("unknown", 401, "no such session", "UNAUTHENTICATED", ("www-authenticate", 'Bearer realm="x"')),
        ("banned", 403, "Forbidden", "FORBIDDEN", None),
        ("away", 503, "it cannot be found out now who asks", "SERVER_BUSY", ("retry-after", "7")),
        ("teapot", 500, "Internal server error", "INTERNAL_SERVER_ERROR", None),
        ("broken", 500, "Internal server error", "INTERNAL_SERVER_ERROR", None),
        ("odd", 500, "Internal server error", "INTERNAL_SERVER_ERROR", None),
    ],
)
def test_what_a_dependency_raises_is_answered(
    url: str, token: str, status: int, message: str, code: str, header: tuple[str, str] | None
) -> None:
    answer = ask(url, token)
    assert answer.status_code == status
    assert answer.json() == {"errors": [{"message": message, "extensions": {"code": code}}]}
    if header is not None:
        assert answer.headers[header[0]] == header[1]


def test_the_log_says_what_was_wrong_with_a_dependency(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "weft"):
        ask(url, "odd")
    assert "the dependency 'current_user' gives a str: a Client is wanted, or None" in caplog.text


def test_a_socket_shows_what_it_has_in_connection_init() -> None:
    with serving(graph_for(fastapi.Depends(current_user))) as server:
        with server.connecting(init=False) as client:
            client.init(Authorization="Bearer ada-token", **{"X-Tenant": "t2"})
            assert client.ask('{ told(name: "tenant") }') == {"data": {"told": '"t2"'}}
        for payload, said in (
            ({}, (4403, "credentials are needed")),
            ({"Authorization": "Bearer unknown"}, (4403, "no such session")),
            ({"Authorization": "Bearer banned"}, (4403, "Forbidden")),
            ({"Authorization": "Bearer broken"}, (4500, "Internal server error")),
        ):
            with server.connecting(init=False) as client:
                client.say(type="connection_init", payload=payload)
                assert client.closed() == said


SHOWN = Credentials(
    {"authorization": "Bearer ada-token", "cookie": "sid=s1", "x-key": "k1", "content-length": "7"},
    {},
    "127.0.0.1",
    {
        "type": "websocket",
        "scheme": "wss",
        "path": "/graphql",
        "query_string": b"a=1",
        "client": ("127.0.0.1", 9),
        "server": ("graph.test", 443),
        "headers": [],
        "subprotocols": ["x"],
        "app": "another",
        "path_params": {"x": 1},
        "state": {"pool": "p"},
    },
)


async def found(dependency: Any) -> Any:
    client = await Dependency(dependency).find(SHOWN)
    return None if client is None else client.context


key = APIKeyHeader(name="X-Key")


def plain(sid: Annotated[str, Cookie()]) -> Client:
    return Client(context=(sid, threading.current_thread() is threading.main_thread()))


class Made:
    def __init__(self, x_key: Annotated[str, Header()]) -> None:
        self.x_key = x_key


def of_class(made: Annotated[Made, Depends()]) -> Client:
    return Client(context=made.x_key)


def scoped(scopes: SecurityScopes, shown: Annotated[str, Security(key)]) -> Client:
    return Client(context=(scopes.scopes, shown))


async def generator() -> AsyncGenerator[Client]:
    yield Client(context="yielded")


class Callable:
    def __call__(self) -> Client:
        return Client(context="called")


async def test_dependencies_of_every_kind_are_asked() -> None:
    assert await found(plain) == ("s1", False)
    assert await found(of_class) == "k1"
    assert await found(Security(scoped, scopes=["read"])) == (["read"], "k1")
    assert await found(generator) == "yielded"
    assert await found(Callable()) == "called"
    assert await found(Depends(lambda: None)) is None


async def test_a_dependency_sees_the_connection_and_never_the_body() -> None:
    async def seen(request: Request) -> Client:
        return Client(
            context={
                "url": str(request.url),
                "method": request.method,
                "client": request.client and request.client.host,
                "body": await request.body(),
                "length": request.headers.get("content-length"),
                "gone": await request.is_disconnected(),
                "pool": request.state.pool,
                "parameters": request.path_params,
            }
        )

    assert await found(seen) == {
        "url": "https://graph.test/graphql?a=1",
        "method": "GET",
        "client": "127.0.0.1",
        "body": b"",
        "length": None,
        "gone": False,
        "pool": "p",
        "parameters": {"path": "graphql"},
    }


async def test_what_a_dependency_must_have_and_is_not_shown_are_credentials() -> None:
    def needs(x_other: Annotated[str, Header()]) -> Client:
        return Client(id=x_other)

    clients = Trust(clients=[Depends(needs)]).all_clients()
    with pytest.raises(RequestError) as refused:
        await clients.find(SHOWN)
    assert (refused.value.status, refused.value.errors[0].message) == (401, "credentials are needed")


def test_headers_that_a_dependency_reads_may_be_said_by_sockets() -> None:
    def reads(
        x_one: Annotated[str, Header()],
        other: Annotated[str, Header(alias="X-Two")],
        sid: Annotated[str, Cookie()],
        key: Annotated[str, Security(APIKeyHeader(name="X-Three"))],
    ) -> Client:
        return Client()

    assert Dependency(reads, reads=["X-Four"], writes=["X-User"]).reads == (
        "authorization",
        "cookie",
        "x-four",
        "x-one",
        "x-three",
        "x-two",
    )
    assert Dependency(reads, writes=["X-User"]).writes == ("x-user",)


def wants_a_body(body: dict[str, str]) -> Client:
    return Client()


def wants_a_form(name: Annotated[str, fastapi.Form()]) -> Client:
    return Client()


def wants_what_cannot_be(thing: threading.Thread) -> Client:
    return Client()


@pytest.mark.parametrize(
    ("dependency", "fault"),
    [
        (wants_a_body, "the dependency 'wants_a_body' wants a body, and who asks is made out before there is one"),
        (wants_a_form, "the dependency 'wants_a_form' wants a body, and who asks is made out before there is one"),
        (wants_what_cannot_be, "the dependency 'wants_what_cannot_be' cannot be: "),
    ],
)
def test_a_dependency_that_cannot_be_is_a_fault_at_start_up(dependency: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^clients: {fault}"):
        Trust(clients=[Depends(dependency)])


async def test_who_takes_too_long_to_be_found_out_is_told_to_come_again() -> None:
    cancelled: list[bool] = []
    released = threading.Event()

    async def slow() -> Client:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)
        return Client()

    def blocking() -> Client:
        released.wait(20)
        return Client()

    try:
        for dependency in (slow, blocking):
            with pytest.raises(RequestError) as refused:
                await Clients([Dependency(dependency)], anonymous=True, timeout_s=0.05).find(SHOWN)
            assert (refused.value.status, refused.value.code) == (503, "SERVER_BUSY")
            assert refused.value.errors[0].message == "it takes too long to find out who asks"
    finally:
        released.set()
    assert cancelled == [True]


async def test_a_time_out_of_the_authors_own_is_his_fault() -> None:
    async def fails() -> Client:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await Clients([Dependency(fails)], anonymous=True).find(SHOWN)
