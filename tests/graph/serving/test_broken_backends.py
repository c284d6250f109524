"""A backend that is down, slow, or answers nonsense costs its own fields only, and says so by code, source and path."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Graph
from sources import FakeTransport, Rest
from tests.serving import running

SECRET = "hunter2"


@contextmanager
def bytes_server(reply: Callable[[], bytes] | bytes, *, hang: bool = False) -> Iterator[str]:
    """Answer every connection with these bytes, then hang up, or never."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)

        def serve() -> None:
            held = []
            while not stopped.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                connection.recv(65536)
                if hang:
                    held.append(connection)
                    continue
                connection.sendall(reply() if callable(reply) else reply)
                connection.close()
            for connection in held:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join()


def reply(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def graph_over(url: str, **options: Any) -> Graph:
    """Make a graph of a sound backend, and of one that is under suspicion."""
    sound = Rest("sound", "http://sound.example", client=FakeTransport({"GET /a": {"name": "a"}}))
    suspect = Rest("suspect", url, **{"timeout": 5.0, **options})

    @strawberry.type
    class Sound:
        name: str

    @strawberry.type
    class Suspect:
        name: str
        size: int | None

    @strawberry.type
    class Query:
        @sound.get("/a")
        def a(self) -> Sound | None: ...

        @suspect.get("/b")
        def b(self) -> Suspect | None: ...

        @suspect.get("/c")
        def c(self) -> list[Suspect] | None: ...

    return Graph(query=Query)


def ask(graph: Graph) -> Any:
    with running(App(graph)) as url, httpx.Client(trust_env=False, timeout=10) as client:
        response = client.post(f"{url}/graphql", json={"query": "{ a { name } b { name } }"})
    assert response.status_code == 200
    assert SECRET not in response.text
    assert "127.0.0.1" not in response.text
    return response.json()


def failure(answer: Any) -> Any:
    """Check that only the suspect's field is gone; give its error's extensions."""
    assert answer["data"] == {"a": {"name": "a"}, "b": None}
    [error] = answer["errors"]
    assert error["path"][0] == "b"
    return error["extensions"]


HTML = f"<html><body>{SECRET}</body></html>".encode()


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (reply("200 OK", HTML, "content-type: text/html"), {"code": "UPSTREAM_INVALID"}),
        (reply("200 OK", b'{"name": "hun'), {"code": "UPSTREAM_INVALID"}),
        (reply("200 OK", b'["hunter2"]'), {"code": "UPSTREAM_INVALID"}),
        (reply("200 OK", b'"hunter2"'), {"code": "UPSTREAM_INVALID"}),
        (reply("200 OK", b'{"name": ["hunter2"]}'), {"code": "UPSTREAM_INVALID"}),
        (reply("200 OK", b'{"nom": "hunter2"}'), {"code": "UPSTREAM_INVALID"}),
        (reply("200 OK", b"\xff\xfe"), {"code": "UPSTREAM_INVALID"}),
        (reply("200 OK", b"[" * 100_000), {"code": "UPSTREAM_INVALID"}),
        (reply("500 Oops", HTML), {"code": "UPSTREAM_ERROR", "status": 500}),
        (reply("503 Later", b'{"error": "hunter2"}'), {"code": "UPSTREAM_ERROR", "status": 503, "retryable": True}),
        (reply("429 Slow down", b""), {"code": "UPSTREAM_ERROR", "status": 429, "retryable": True}),
        (reply("401 No", b""), {"code": "UPSTREAM_ERROR", "status": 401}),
        (reply("400 No", b'{"detail": "hunter2"}'), {"code": "UPSTREAM_ERROR", "status": 400}),
        (reply("302 There", b"", "location: http://127.0.0.1/hunter2"), {"code": "UPSTREAM_ERROR", "status": 302}),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", {"code": "UPSTREAM_UNAVAILABLE", "retryable": True}),
        (b"", {"code": "UPSTREAM_UNAVAILABLE", "retryable": True}),
        (b"SSH-2.0-hunter2\r\n", {"code": "UPSTREAM_INVALID"}),
    ],
)
def test_nonsense_costs_its_own_field_only(answered: bytes, expected: dict[str, Any]) -> None:
    with bytes_server(answered) as url:
        assert failure(ask(graph_over(url))) == {"source": "suspect", **expected}


def test_a_backend_that_is_down_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    expected = {"code": "UPSTREAM_UNAVAILABLE", "source": "suspect", "retryable": True}
    assert failure(ask(graph_over(url))) == expected


def test_a_backend_that_does_not_answer_in_time_is_timed_out() -> None:
    with bytes_server(b"", hang=True) as url:
        expected = {"code": "UPSTREAM_TIMEOUT", "source": "suspect", "retryable": True}
        assert failure(ask(graph_over(url, timeout=0.2))) == expected


@pytest.mark.parametrize("answered", [reply("404 Not here", HTML), reply("204 Empty", b""), reply("200 OK", b"null")])
def test_nothing_there_is_null_and_no_error(answered: bytes) -> None:
    with bytes_server(answered) as url:
        assert ask(graph_over(url)) == {"data": {"a": {"name": "a"}, "b": None}}


def test_one_bad_item_of_a_list_is_placed_by_its_path() -> None:
    body = b'[{"name": "x", "size": 1}, {"name": "y", "size": "big"}, {"name": "z", "size": null}]'
    with bytes_server(reply("200 OK", body)) as url:
        graph = graph_over(url)
        answer = asyncio.run(graph.execute("{ c { name size } }"))
    assert answer["data"] == {"c": [{"name": "x", "size": 1}, {"name": "y", "size": None}, {"name": "z", "size": None}]}
    [error] = answer["errors"]
    assert error["path"] == ["c", 1, "size"]
    assert error["extensions"] == {"code": "UPSTREAM_INVALID", "source": "suspect"}


def test_a_read_is_repeated_when_its_failure_may_pass() -> None:
    replies = [reply("503 Later", b""), reply("200 OK", b'{"name": "b"}')]
    with bytes_server(lambda: replies.pop(0)) as url:
        answer = asyncio.run(graph_over(url, retries=2).execute("{ b { name } }"))
    assert answer == {"data": {"b": {"name": "b"}}}
    assert replies == []


def test_retries_end_with_the_last_failure() -> None:
    with bytes_server(reply("503 Later", b"")) as url:
        answer = asyncio.run(graph_over(url, retries=1).execute("{ b { name } }"))
    assert answer["errors"][0]["extensions"]["status"] == 503
