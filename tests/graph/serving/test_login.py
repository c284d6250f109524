"""Who the client of a socket is: by a function of the author's, or by the headers that `connection_init` tells."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import strawberry

from graph import Client, Credentials, Graph
from graph.protocol import Terms
from sources import FakeTransport, Rest
from tests.graph.serving.sockets import Server, graph_for, serving, stage


def greet(shown: Credentials) -> Client | None:
    match shown.payload:
        case {"token": "good"}:
            return Client(headers={"X-User": "ada"}, context={"user": "ada"})
        case {"token": "old"}:
            return Client(expires_at=time.time() - 1)
        case {"token": "short"}:
            return Client(expires_at=time.time() + 0.05)
        case {"token": "evil"}:
            return Client(headers={"X-User": "ada\r\nX-Admin: yes"})
        case {"token": "denied"}:
            raise PermissionError("a secret path")
        case {"token": "fault"}:
            raise RuntimeError("a secret")
    return None


async def greet_later(shown: Credentials) -> Client | None:
    await asyncio.sleep(0)
    return greet(shown)


@pytest.fixture(scope="module", params=[greet, greet_later])
def door(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(graph_for(request.param)) as server:
        yield server


def test_who_is_known_has_headers_and_context_of_their_own(door: Server) -> None:
    with door.connecting(init=False, additional_headers={"X-User": "eve", "X-Other": "o"}) as client:
        client.init(token="good", more=[1])
        headers = client.ask('{ user: header(name: "X-User") other: header(name: "X-Other") }')
        assert headers == {"data": {"user": "ada", "other": "o"}}
        context = client.ask('{ user: told(name: "user") params: told(name: "connection_params") }')
        assert context == {"data": {"user": '"ada"', "params": '{"token": "good", "more": [1]}'}}


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        ({"token": "unknown"}, 4403, "credentials are needed"),
        ({}, 4403, "credentials are needed"),
        (None, 4403, "credentials are needed"),
        ({"token": "denied"}, 4403, "Forbidden"),
        ({"token": "old"}, 4403, "the token has expired"),
        ({"token": "evil"}, 4403, "what is said of the client is no value of the header x-user"),
    ],
)
def test_who_is_not_welcome_is_closed_with_4403(door: Server, payload: Any, code: int, reason: str) -> None:
    with door.connecting(init=False) as client:
        client.say(type="connection_init", payload=payload)
        assert client.closed() == (code, reason)


def test_a_login_that_breaks_is_4500_and_only_the_log_says_why(door: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "weft"), door.connecting(init=False) as client:
        client.say(type="connection_init", payload={"token": "fault"})
        assert client.closed() == (4500, "Internal server error")
    assert [record.message for record in caplog.records] == ["a login failed"]


def test_a_socket_is_closed_when_its_token_expires(door: Server) -> None:
    with door.connecting(init=False) as client:
        client.init(token="short")
        client.subscribe("subscription { ticks }")
        assert client.closed() == (4403, "the token has expired")
    stage.until(lambda: stage.open == 0)


def test_a_login_that_takes_too_long_is_cancelled_with_4408() -> None:
    cancelled: list[bool] = []

    async def never(shown: Credentials) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    with serving(graph_for(never)) as server:
        server.app._sockets.terms = Terms(login_timeout_s=0.02)
        with server.connecting(init=False) as client:
            client.say(type="connection_init")
            assert client.closed() == (4408, "Connection initialisation timeout: the login took too long")
        stage.until(lambda: cancelled == [True])


def test_a_client_that_leaves_during_its_login_leaves_nothing() -> None:
    begun: list[str] = []

    async def never(shown: Credentials) -> None:
        begun.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            begun.append("ended")

    with serving(graph_for(never)) as server:
        with server.connecting(init=False) as client:
            client.say(type="connection_init")
            stage.until(lambda: begun == ["begun"])
        stage.until(lambda: begun == ["begun", "ended"] and server.sockets() == 0)


def test_anything_may_be_the_context() -> None:
    class Context:
        def get(self, name: str) -> str:
            return f"{name} of my own"

    with serving(graph_for(lambda shown: Client(context=Context()))) as server, server.connecting() as client:
        assert client.ask('{ told(name: "x") }') == {"data": {"told": '"x of my own"'}}


echo = FakeTransport(lambda *_: "word")
source = Rest("echo", "http://echo.test", forward=["Authorization", "X-Tenant"], client=echo)


@strawberry.type
class EchoQuery:
    @source.get("/")
    def word(self) -> str: ...


ECHO = Graph(query=EchoQuery)
SECRET = "a key of no less than thirty-two bytes"


def bearer(**claims: Any) -> str:
    return "Bearer " + jwt.encode(claims, SECRET, algorithm="HS256")


@pytest.mark.parametrize(
    ("upgrade", "payload", "sent"),
    [
        ({}, {"Authorization": "Bearer t"}, {"authorization": "Bearer t"}),
        ({}, {"authorization": "Bearer t", "X-Tenant": "a"}, {"authorization": "Bearer t", "x-tenant": "a"}),
        ({}, {"headers": {"Authorization": "Bearer t"}}, {"authorization": "Bearer t"}),
        (
            {"authorization": "Bearer u", "x-tenant": "b"},
            {"x-tenant": "a"},
            {"authorization": "Bearer u", "x-tenant": "a"},
        ),
        ({"authorization": "Bearer u"}, {}, {"authorization": "Bearer u"}),
        ({}, {"X-Other": "o", "Authorization": 7, "headers": ["Authorization"]}, {}),
    ],
)
def test_without_a_login_forwarded_headers_may_be_told_in_connection_init(
    upgrade: dict[str, str], payload: dict[str, Any], sent: dict[str, str]
) -> None:
    with serving(ECHO) as server, server.connecting(init=False, additional_headers=upgrade) as client:
        client.init(**payload)
        assert client.ask("{ word }") == {"data": {"word": "word"}}
    assert {name: value for name, value in echo.headers[-1].items() if name in ("authorization", "x-tenant")} == sent


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "\x00", "é", "x" * 16_385])
def test_what_is_no_headers_value_is_refused(value: str) -> None:
    with serving(ECHO) as server, server.connecting(init=False) as client:
        client.say(type="connection_init", payload={"X-Tenant": value})
        assert client.closed() == (4403, "what is said of the client is no value of the header x-tenant")


@pytest.mark.parametrize("where", ["payload", "upgrade"])
def test_a_jwt_bounds_the_life_of_its_socket(where: str) -> None:
    with serving(ECHO) as server:
        headers = {"authorization": bearer(exp=time.time() - 1)}
        upgrade, payload = (headers, {}) if where == "upgrade" else ({}, headers)
        with server.connecting(init=False, additional_headers=upgrade) as client:
            client.say(type="connection_init", payload=payload)
            assert client.closed() == (4403, "the token has expired")


@pytest.mark.parametrize("token", ["opaque", "a.b.c", bearer(sub="ada")[7:], bearer(exp=time.time() + 3600)[7:]])
def test_other_tokens_bound_nothing(token: str) -> None:
    with serving(ECHO) as server, server.connecting(init=False) as client:
        client.init(Authorization=f"Bearer {token}")
        assert client.ask("{ word }") == {"data": {"word": "word"}}
