"""Clients that hang up: over real sockets, what only they waited for is cancelled at the backend.

The backend is spoken to with httpx, which hangs up when it is cancelled; the built-in transport only stops waiting.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import strawberry

from graph import App, Graph
from sources import Rest
from tests.serving import running


class Backend:
    """An ASGI application that answers when it is let go, and notes who hung up on it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.left: list[str] = []
        self.changed = threading.Condition()
        self.open = False
        self.graph: Graph | None = None

    def wait_for_sharing(self, count: int) -> None:
        """Wait until so many requests wait for what another one does."""
        assert self.graph is not None
        flights = self.graph.engine._flights._flights
        deadline = time.monotonic() + 20
        while sum(len(flight.waiting) for flight in tuple(flights.values())) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def wait_for_calls(self, shared: int, *, of: int) -> None:
        """Wait until as many upstream calls are under way, some of them shared by two operations."""
        assert self.graph is not None
        flights = self.graph.engine.loader._flights._flights
        deadline = time.monotonic() + 20
        while sorted(len(flight.waiting) for flight in tuple(flights.values())) != [1] * (of - shared) + [2] * shared:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        await receive()
        self._note(self.asked, path)
        gone = asyncio.ensure_future(receive())
        while not self.open and not gone.done():  # noqa: ASYNC110 - opened from another thread
            await asyncio.sleep(0.005)
        if not self.open:
            self._note(self.left, path)
            return
        gone.cancel()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"name": "here"}'})

    def _note(self, notes: list[str], path: str) -> None:
        with self.changed:
            notes.append(path)
            self.changed.notify_all()

    def wait(self, notes: list[str], expected: list[str]) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: sorted(notes) == expected, timeout=20), notes


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def gateway(backend: Backend) -> Iterator[str]:
    with running(backend) as address:
        source = Rest("s", address, client=httpx.AsyncClient())

        @strawberry.type
        class Thing:
            name: str

        class Fields:
            def slow(self) -> Thing | None: ...
            def other(self) -> Thing | None: ...
            def change(self) -> Thing | None: ...

        for name, function in vars(Fields).items():
            if callable(function):
                function.__annotations__["return"] = Thing | None
                source.post(f"/{name}")(function) if name == "change" else source.get(f"/{name}")(function)
        query = strawberry.type(type("Query", (), {"slow": Fields.slow, "other": Fields.other}))
        mutation = strawberry.type(type("Mutation", (), {"change": Fields.change}))
        backend.graph = Graph(query=query, mutation=mutation)
        with running(App(backend.graph)) as url:
            yield url + "/graphql"
            backend.open = True


def ask(url: str, query: str) -> socket.socket:
    """Send a query and leave the answer unread."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    body = json.dumps({"query": query}).encode()
    client = socket.create_connection((parts.hostname, parts.port))
    head = f"POST {parts.path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    return client


def test_when_a_client_hangs_up_its_calls_are_cancelled(backend: Backend, gateway: str) -> None:
    client = ask(gateway, "{ slow { name } other { name } }")
    backend.wait(backend.asked, ["/other", "/slow"])
    client.close()
    backend.wait(backend.left, ["/other", "/slow"])


def test_what_others_wait_for_goes_on(backend: Backend, gateway: str) -> None:
    leaving = ask(gateway, "{ slow { name } other { name } }")
    staying = ask(gateway, "{ slow { name } }")
    backend.wait(backend.asked, ["/other", "/slow"])
    backend.wait_for_calls(1, of=2)
    leaving.close()
    backend.wait(backend.left, ["/other"])
    backend.open = True
    received = b""
    while not received.endswith(b'{"data":{"slow":{"name":"here"}}}'):
        piece = staying.recv(10_000)
        assert piece, received
        received += piece
    assert sorted(backend.asked) == ["/other", "/slow"]
    staying.close()


def test_an_operation_that_others_share_goes_on_without_who_began_it(backend: Backend, gateway: str) -> None:
    first = ask(gateway, "{ slow { name } }")
    backend.wait(backend.asked, ["/slow"])
    second = ask(gateway, "{ slow { name } }")
    answers: list[httpx.Response] = []
    same: dict[str, Any] = {
        "content": json.dumps({"query": "{ slow { name } }"}),
        "headers": {"content-type": "application/json"},
    }
    third = threading.Thread(target=lambda: answers.append(httpx.post(gateway, timeout=20, **same)))
    third.start()
    backend.wait_for_sharing(2)
    first.close()
    second.close()
    left = ask(gateway, "{ other { name } }")
    backend.wait(backend.asked, ["/other", "/slow"])
    left.close()
    backend.wait(backend.left, ["/other"])  # by now the others' departure has been noticed too
    backend.open = True
    third.join(20)
    assert [answer.json() for answer in answers] == [{"data": {"slow": {"name": "here"}}}]
    assert sorted(backend.asked) == ["/other", "/slow"]


def test_when_all_who_share_an_operation_hang_up_it_is_cancelled(backend: Backend, gateway: str) -> None:
    clients = [ask(gateway, "{ slow { name } }") for _ in range(3)]
    backend.wait(backend.asked, ["/slow"])
    backend.wait_for_sharing(2)
    for client in clients:
        client.close()
    backend.wait(backend.left, ["/slow"])


def test_a_get_is_watched_as_well(backend: Backend, gateway: str) -> None:
    parts = urlsplit(gateway)
    assert parts.hostname is not None
    assert parts.port is not None
    client = socket.create_connection((parts.hostname, parts.port))
    target = b"/graphql?query=%7B%20slow%20%7B%20name%20%7D%20%7D"
    client.sendall(b"GET " + target + b" HTTP/1.1\r\nhost: x\r\ngraphql-preflight: 1\r\n\r\n")
    backend.wait(backend.asked, ["/slow"])
    client.close()
    backend.wait(backend.left, ["/slow"])


def test_a_write_is_finished_without_its_client(backend: Backend, gateway: str) -> None:
    client = ask(gateway, "mutation { change { name } }")
    other = ask(gateway, "{ slow { name } }")
    backend.wait(backend.asked, ["/change", "/slow"])
    client.close()
    other.close()
    backend.wait(backend.left, ["/slow"])
    assert backend.left == ["/slow"]


def test_the_server_answers_others_meanwhile_and_afterwards(backend: Backend, gateway: str) -> None:
    client = ask(gateway, "{ slow { name } }")
    backend.wait(backend.asked, ["/slow"])
    client.close()
    backend.wait(backend.left, ["/slow"])
    backend.open = True
    answer = httpx.post(gateway, json={"query": "{ slow { name } }"}, timeout=20)
    assert answer.json() == {"data": {"slow": {"name": "here"}}}


class Line:
    """What uvicorn and uvloop are to an application in the moment in which a client hangs up."""

    def __init__(self, *, is_closing: bool) -> None:
        self.transport = self
        self.is_closing = lambda: is_closing

    async def receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"query": "{ __typename }"}'}

    async def send(self, message: Any) -> None:
        raise RuntimeError("the handler is closed")


@strawberry.type
class Little:
    here: bool = True


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/webhooks/no/such"])
async def test_a_client_that_hangs_up_as_it_is_answered_is_no_failure_to_be_logged(path: str) -> None:
    app = App(Graph(query=Little))
    headers = [(b"content-type", b"application/json")]
    method = "GET" if path == "/healthz" else "POST"
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    line = Line(is_closing=True)
    await app({**scope}, line.receive, line.send)
    line = Line(is_closing=False)
    with pytest.raises(RuntimeError, match="the handler is closed"):
        await app({**scope}, line.receive, line.send)
