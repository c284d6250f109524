"""A REST backend of raw ASGI that does as it is told and writes down what it was asked; a gateway in front of it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from tests.serving import ASKED_FOR

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


class Backend:
    """Answers with ``answer(target, headers)``: a JSON value, or a status with raw bytes and headers.

    While `held` is set, requests are written down and then wait.
    """

    def __init__(self, answer: Callable[[str, dict[bytes, bytes]], Any]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.headers: list[dict[bytes, bytes]] = []
        self.held = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("this backend has no lifespan")  # which tells the server to go on without
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        self.asked.append(f"{scope['method']} {target}")
        headers = dict(scope["headers"])
        self.headers.append(headers)
        while self.held.is_set():  # noqa: ASYNC110 - it is cleared by another thread
            await asyncio.sleep(0.002)
        answer = self.answer(target, headers)
        status, body, extra = answer if isinstance(answer, tuple) else (200, json.dumps(answer).encode(), {})
        raw = [(name.encode(), value.encode()) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    def forget(self) -> None:
        """Forget what was asked."""
        self.asked.clear()
        self.headers.clear()


@contextmanager
def speaking(*pieces: bytes, pause_s: float = 0.0, hang: bool = False) -> Iterator[str]:
    """Answer each connection's first request with these pieces, then hang up (or hang); give the address."""
    stopped = threading.Event()
    held: list[socket.socket] = []

    def speak(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)
                stopped.wait(pause_s)
        if hang:
            held.append(connection)
        else:
            connection.close()

    def accept(listening: socket.socket) -> None:
        while not stopped.is_set():
            with suppress(TimeoutError):
                connection, _ = listening.accept()
                connection.settimeout(5)
                speak(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.02)
        thread = threading.Thread(target=accept, args=(listening,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stopped.set()
            thread.join()
            for connection in held:
                connection.close()


class Counted:
    """An ASGI application that counts the requests which have reached it."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.arrived = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.arrived += scope["type"] == "http"
        await self._app(scope, receive, send)


class Gateway:
    """A client of a running gateway: by httpx, and byte by byte."""

    def __init__(self, root: str, backend: Backend) -> None:
        self.root = root
        self.url = f"{root}/graphql"
        self.backend = backend
        self.client = httpx.Client(trust_env=False, timeout=10, headers=ASKED_FOR)

    def post(self, body: bytes | dict[str, Any], *, content_type: str = JSON, **headers: str) -> httpx.Response:
        """Send a POST, and check that the answer gives nothing of the inside away."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return sound(self.client.post(self.url, content=content, headers=sent))

    def ask(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> Any:
        """Send a query and give the response's JSON."""
        return self.post({"query": query, "variables": variables}, **headers).json()

    def get(self, parameters: dict[str, str], **headers: str) -> httpx.Response:
        """Send a GET, and check the answer like `post`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return sound(self.client.get(self.url, params=parameters, headers=sent))

    def connect(self) -> socket.socket:
        """Open a connection."""
        host, port = self.root.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=5)

    def raw(self, *pieces: bytes) -> bytes:
        """Send pieces as they are, and give what comes until the server hangs up."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.01)
            return until_closed(connection)


def sound(response: httpx.Response) -> httpx.Response:
    """Check that a response holds no trace of the inside."""
    for inside in ("Traceback", 'File "', "127.0.0.1", "Error("):
        assert inside not in response.text
    return response


def until_closed(connection: socket.socket) -> bytes:
    """Give what comes from a connection until its other end closes it."""
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    """Wait until something is so; it must be so soon."""
    gives_up_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < gives_up_at
        time.sleep(0.002)


def codes(answer: Any) -> list[str]:
    """Give the codes of a response's errors."""
    return [error["extensions"]["code"] for error in answer["errors"]]
