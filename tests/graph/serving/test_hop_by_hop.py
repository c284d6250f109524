"""Headers that are for one connection only stop at the gateway; what is not forwarded by name stops there as well."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import strawberry
import websockets.sync.client as sockets

from graph import App, Graph
from sources import FakeTransport, Rest
from tests.serving import running

echo = FakeTransport(lambda *_: "word")
source = Rest("echo", "http://echo.test", forward=["Authorization", "X-Team"], client=echo)


@strawberry.type
class Query:
    @source.get("/")
    def word(self) -> str: ...


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(App(Graph(query=Query))) as url:
        yield f"{url}/graphql"


def sent_on(url: str, **headers: str) -> dict[str, str]:
    """Ask with headers; give those that the backend is sent."""
    answer = httpx.post(url, json={"query": "{ word }"}, headers=headers)
    assert answer.json() == {"data": {"word": "word"}}
    return echo.headers[-1]


SHOWN = {"authorization": "Bearer t", "x-team": "a"}


@pytest.mark.parametrize(
    ("connection", "passed"),
    [
        ("keep-alive", SHOWN),
        ("close", SHOWN),
        ("x-other", SHOWN),
        ("authorization", {"x-team": "a"}),
        ("keep-alive, Authorization", {"x-team": "a"}),
        ("close,X-TEAM ,authorization", {}),
        (", ,x-team,", {"authorization": "Bearer t"}),
    ],
)
def test_what_connection_names_is_not_passed_on(url: str, connection: str, passed: dict[str, str]) -> None:
    assert sent_on(url, connection=connection, **SHOWN) == passed


def test_only_what_is_forwarded_by_name_is_passed_on(url: str) -> None:
    others = {"cookie": "a=b", "user-agent": "Browser", "te": "trailers", "x-forwarded-for": "10.0.0.1", "via": "1.1 a"}
    assert sent_on(url, **others, **{"proxy-authorization": "Basic x", "x-team": "a"}) == {"x-team": "a"}


def test_a_socket_passes_on_no_more(url: str) -> None:
    headers = {**SHOWN, "connection": "Upgrade, x-team"}
    address = f"ws{url.removeprefix('http')}"
    with sockets.connect(address, subprotocols=["graphql-transport-ws"], additional_headers=headers) as socket:  # type: ignore[list-item]
        socket.send('{"type": "connection_init", "payload": {"Connection": "authorization", "TE": "trailers"}}')
        assert socket.recv() == '{"type":"connection_ack"}'
        socket.send('{"type": "subscribe", "id": "1", "payload": {"query": "{ word }"}}')
        assert '"word":"word"' in str(socket.recv())
    assert echo.headers[-1] == {"authorization": "Bearer t"}
