"""A graph with operations of every kind behind a real server, and a client that speaks graphql-transport-ws to it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
import strawberry
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from graph import App, Graph, Trust
from graph.credentials import Authenticate, Authenticator
from resolvers import shared
from tests.serving import running

T = TypeVar("T")


class Stage:
    """What the graph of a test does, and when; written and read from the test's thread."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.open = 0
        self.asked = 0
        self.released = threading.Event()
        self.cancelled = 0

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline, "it never came to that"
            time.sleep(0.002)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the server's event loop."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def tasks(self) -> int:
        """Count the server's tasks."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return self.run(count())


stage = Stage()


@strawberry.type
class Query:
    @strawberry.field
    def number(self) -> int:
        return 1

    @strawberry.field
    def broken(self) -> int | None:
        raise RuntimeError("a secret")

    @strawberry.field
    async def cancels_itself(self) -> int:
        raise asyncio.CancelledError

    @strawberry.field
    async def slow(self) -> int:
        stage.asked += 1
        try:
            while not stage.released.is_set():  # noqa: ASYNC110 - it is set by another thread
                await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            stage.cancelled += 1
            raise
        return 2

    @strawberry.field
    def header(self, info: strawberry.Info, name: str) -> str | None:
        value: str | None = info.context["request"].headers.get(name)
        return value

    @strawberry.field
    def told(self, info: strawberry.Info, name: str) -> str:
        return json.dumps(info.context.get(name))


@strawberry.type
class Mutation:
    @strawberry.mutation
    def add(self, a: int, b: int) -> int:
        return a + b


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int]:
        stage.open += 1
        try:
            for number in range(to):
                yield number
        finally:
            stage.open -= 1

    @strawberry.subscription
    async def ticks(self, size: int = 0) -> AsyncGenerator[str]:
        stage.open += 1
        try:
            while True:
                yield "x" * size
                await asyncio.sleep(0.001)
        finally:
            stage.open -= 1

    @strawberry.subscription
    @shared(overflow="close", buffer=32)
    async def flood(self, size: int) -> AsyncGenerator[str]:
        stage.open += 1
        try:
            while True:
                yield "x" * size
                await asyncio.sleep(0.005)
        finally:
            stage.open -= 1

    @strawberry.subscription
    async def fails(self) -> AsyncGenerator[int]:
        yield 1
        raise RuntimeError("a secret")


GRAPH = Graph(query=Query, mutation=Mutation, subscription=Subscription)


def graph_for(way: Authenticate | Authenticator) -> Graph:
    """Give the same graph for those whom a function knows, or another way to make out clients."""
    trust = Trust(clients=[way], anonymous=False)
    return Graph(query=Query, mutation=Mutation, subscription=Subscription, trust=trust)


class Socket:
    """One client's socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, **message: Any) -> None:
        """Send a message."""
        self.connection.send(json.dumps(message, ensure_ascii=False))

    def hear(self) -> Any:
        """Give the next message that is no ping."""
        while True:
            message = json.loads(self.connection.recv(20))
            if message != {"type": "ping"}:
                return message

    def init(self, **payload: Any) -> None:
        """Connect, as the protocol has it."""
        self.say(type="connection_init", payload=payload)
        assert self.hear() == {"type": "connection_ack"}

    def subscribe(self, query: str, id: str = "1", **more: Any) -> None:
        """Ask for an operation."""
        self.say(type="subscribe", id=id, payload={"query": query, **more})

    def ask(self, query: str, **more: Any) -> Any:
        """Give the one result of an operation."""
        self.subscribe(query, "ask", **more)
        message = self.hear()
        assert message.keys() == {"id", "type", "payload"}
        assert (message["id"], message["type"]) == ("ask", "next")
        assert self.hear() == {"id": "ask", "type": "complete"}
        return message["payload"]

    def closed(self) -> tuple[int, str]:
        """Give code and reason with which the server closes, whatever it sends before."""
        with pytest.raises(ConnectionClosed) as closed:
            self._read_on()
        goodbye = closed.value.rcvd
        assert goodbye is not None, "the server said none"
        return goodbye.code, goodbye.reason

    def _read_on(self) -> None:
        while True:
            self.connection.recv(20)


class Server:
    """A server under test."""

    def __init__(self, app: App, url: str) -> None:
        self.app = app
        self.url = url

    @contextmanager
    def connecting(
        self, *, init: bool = True, subprotocol: str = "graphql-transport-ws", **options: Any
    ) -> Iterator[Socket]:
        """Open a socket, and connect."""
        address = self.url.replace("http://", "ws://") + "/graphql"
        options = {"compression": None, "ping_interval": None, "close_timeout": 1, "proxy": None} | options
        with connect(address, subprotocols=[Subprotocol(subprotocol)], **options) as connection:
            socket = Socket(connection)
            if init:
                socket.init()
            yield socket

    def sockets(self) -> int:
        """Count the sockets that are open."""
        return len(self.app._sockets)

    def subscribers(self) -> int:
        """Count the subscribers of all channels."""
        channels = list(self.app.graph.engine.subscriptions._channels.values())
        return sum(len(channel.subscribers) for channel in channels)

    def drain(self, within_s: float, *, restarts: bool = True) -> None:
        """Stop."""
        stage.run(self.app._sockets.drain(within_s, restarts=restarts))


@contextmanager
def serving(graph: Graph = GRAPH, **options: Any) -> Iterator[Server]:
    """Serve a graph, GRAPH unless another is given, with options of `App`."""
    stage.__init__()  # type: ignore[misc]  # as new
    app = App(graph, **options)

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        stage.loop = asyncio.get_running_loop()
        await app(scope, receive, send)

    with running(noting) as url:
        yield Server(app, url)
