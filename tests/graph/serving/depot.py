"""A backend that keeps files, a graph over it, and clients that send files as a whole, by hand or bit by bit."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import strawberry
from starlette.requests import Request

from graph import App, Graph
from graph.arrival import PIECE_BYTES
from resolvers import JSON, Upload
from sources import Form, Rest, Transport
from tests.serving import running

MB = 1_000_000
ASKED = {"Apollo-Require-Preflight": "true"}
FORM = "multipart/form-data; boundary=cut"
STORE = 'mutation($file: Upload!) { store(name: "a", file: $file) { id } }'
DESCRIBE = "mutation($file: Upload!) { describe(file: $file) }"
HELLO = ("a.txt", b"hello", "text/plain")
ONE = {"0": ["variables.file"]}
END = b"--cut--\r\n"


class Depot:
    """A backend that keeps what it is sent; with `early` it answers that status before it reads anything."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget everything."""
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.received_bytes = 0
        self.digests: list[str] = []
        self.forms: list[list[tuple[str, Any]]] = []
        self.broken = 0
        self.early = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("this backend has no lifespan")  # which tells the server to go on without
        request = Request(scope, self._counting(receive))
        self.asked.append(f"{request.method} {request.url.path}")
        self.headers.append(dict(request.headers))
        body = json.dumps({"id": len(self.asked)}).encode()
        if not self.early:
            try:
                await self._take(request)
            except ConnectionError:
                self.broken += 1
                return
        await send({"type": "http.response.start", "status": self.early or 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def _take(self, request: Request) -> None:
        if request.headers["content-type"].startswith("multipart/"):
            async with request.form() as form:
                self.forms.append([(name, await _read(value)) for name, value in form.multi_items()])
            return
        digest = hashlib.sha256()
        async for piece in request.stream():
            digest.update(piece)
        self.digests.append(digest.hexdigest())

    def _counting(self, receive: Any) -> Any:
        async def count() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            self.received_bytes += len(message.get("body", b""))
            return message

        return count


async def _read(value: Any) -> Any:
    return value if isinstance(value, str) else (value.filename, value.content_type, await value.read())


@strawberry.type
class Kept:
    id: int


@strawberry.type
class Words:
    text: str


@strawberry.input
class Paper:
    title: str
    scan: Upload | None = None
    pages: list[Upload] | None = None


def graph_over(address: str, client: Transport | None = None, timeout: float = 30, limit: int = 100) -> Graph:
    """Give a graph whose files go to a depot."""
    depot = Rest("depot", address, client=client, limit=limit)

    @strawberry.type
    class Query:
        @strawberry.field
        async def length(self, file: Upload) -> int:
            return len(await file.read())

        @depot.post("/words", body="{file}")
        def words(self, file: Upload) -> Words: ...

    @strawberry.type
    class Mutation:
        @depot.put("/files/{name}", body="{file}")
        def store(self, name: str, file: Upload) -> Kept: ...

        @depot.post("/documents", body=Form({"title": "{title}", "kind": "scan", "file": "{file}"}))
        def upload(self, file: Upload | None, title: str | None = None) -> Kept: ...

        @depot.post("/priced", body=Form({"price": "{price}", "more": "{more}", "file": "{file}"}))
        def offer(self, file: Upload, price: Decimal, more: JSON) -> Kept: ...

        @depot.post("/papers", body=Form("{paper}"))
        def publish(self, paper: Paper) -> Kept: ...

        @depot.post("/albums", body=Form({"photos": "{files}"}))
        def album(self, files: list[Upload]) -> Kept: ...

        @strawberry.mutation
        async def describe(self, file: Upload) -> str:
            name = f"{file.filename} {file.content_type}"
            sizes = [len(piece) async for piece in file]
            return f"{name} {sum(sizes)}"

        @strawberry.mutation
        async def hang(self, file: Upload) -> str:
            await file.read()
            await asyncio.Event().wait()
            return "never"

        @strawberry.mutation
        def ignore(self, file: Upload | None = None) -> str:
            return "nothing read"

    return Graph(query=Query, mutation=Mutation, timeout=timeout)


class Client:
    """A gateway before a depot, and a client of it."""

    def __init__(self, root: str, depot: Depot) -> None:
        self.root = root
        self.url = f"{root}/graphql"
        self.depot = depot
        self.http = httpx.Client(trust_env=False, timeout=20)

    def send(
        self,
        query: str,
        variables: dict[str, Any],
        files: dict[str, Any],
        *,
        map: Any = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a multipart request; a map that is left out puts the file ``x`` at ``variables.x``."""
        places = {name: [f"variables.{name}"] for name in files} if map is None else map
        operations = json.dumps({"query": query, "variables": variables})
        fields = {"operations": (None, operations), "map": (None, json.dumps(places)), **files}
        return self.http.post(self.url, files=fields, headers=headers or ASKED)

    def ask(self, query: str, variables: dict[str, Any], files: dict[str, Any], **options: Any) -> Any:
        """Send a multipart request, and give the response's JSON."""
        return self.send(query, variables, files, **options).json()

    def form(self, body: bytes) -> httpx.Response:
        """Send a form that was written by hand."""
        return self.http.post(self.url, content=body, headers={"content-type": FORM, **ASKED})


@contextmanager
def gateway(**options: Any) -> Iterator[Client]:
    """Serve a depot and a gateway before it."""
    depot = Depot()
    with running(depot) as address, running(App(graph_over(address), **options)) as root:
        client = Client(root, depot)
        with client.http:
            yield client


def refused(client: Client, body: bytes, status: int = 400) -> str:
    """Send a form by hand, check that it is refused and that no backend was called, and give the message."""
    answer = client.form(body)
    assert answer.status_code == status
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == ("LIMIT_EXCEEDED" if status == 413 else "BAD_REQUEST")
    assert client.depot.asked == []
    message: str = error["message"]
    return message


def sha(body: bytes) -> str:
    """Give the SHA-256 of bytes."""
    return hashlib.sha256(body).hexdigest()


def part(name: str, body: bytes, extra: str = "") -> bytes:
    """Write a part of a form by hand."""
    return f'--cut\r\ncontent-disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + body + b"\r\n"


def opening(query: str, variables: Any, map: Any) -> bytes:
    """Write the parts before the files."""
    operations = json.dumps({"query": query, "variables": variables}).encode()
    return part("operations", operations) + part("map", json.dumps(map).encode())


def head(*more: str, length: int | None = None) -> bytes:
    """Write the head of a request; without a length its body comes in chunks."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    lines = ["POST /graphql HTTP/1.1", "host: gateway", f"content-type: {FORM}", "apollo-require-preflight: 1"]
    return "\r\n".join([*lines, framing, *more, "", ""]).encode()


def chunk(body: bytes) -> bytes:
    """Write a chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(body), body)


@contextmanager
def connected(client: Client) -> Iterator[socket.socket]:
    """Open a connection to the gateway."""
    host, port = client.root.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        yield connection


class Script:
    """A client of the application itself, which counts how many messages of its body were taken."""

    def __init__(self, *bodies: bytes, ends: bool = True, pause_s: float = 0.0) -> None:
        self.leaves = asyncio.Event()
        self._bodies = list(bodies)
        self._ends = ends
        self._pause_s = pause_s
        self.taken = 0
        self.answer: list[Any] = []

    async def receive(self) -> Any:
        if self.taken == len(self._bodies):
            await self.leaves.wait()
            return {"type": "http.disconnect"}
        await asyncio.sleep(self._pause_s)
        self.taken += 1
        more = not self._ends or self.taken < len(self._bodies)
        return {"type": "http.request", "body": self._bodies[self.taken - 1], "more_body": more}

    async def send(self, message: Any) -> None:
        self.answer.append(message)

    async def ask(self, app: App) -> Any:
        """Send the request and give the response's JSON; None where the client left before."""
        raw = [(b"content-type", FORM.encode()), (b"apollo-require-preflight", b"1")]
        scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": raw}
        await app(scope, self.receive, self.send)
        return json.loads(self.answer[1]["body"]) if self.answer else None


def scripted(pieces: int, query: str, **options: Any) -> Script:
    """Make a client that sends a file in pieces of 64 KB; one that does not end stops before the file's end."""
    begun = opening(query, {"file": None}, ONE) + part("0", b"", '; filename="a"')[:-2]
    last = [b"\r\n" + END] if options.get("ends", True) else []
    return Script(begun, *([b"x" * PIECE_BYTES] * pieces), *last, **options)


async def settled(steps: int = 50) -> None:
    """Let everything run that can."""
    for _ in range(steps):
        await asyncio.sleep(0)
