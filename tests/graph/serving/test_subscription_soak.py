"""Twenty thousand subscriptions opened and dropped, in every way there is: nothing of them is left."""

import asyncio
import json
import os
import random
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import strawberry
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from graph import App, Graph
from graph.server import SERVER_OPTIONS, listen
from resolvers import shared
from sources import FakeTransport, Rest
from tests.graph.feeds import Hand, until

WAVES, SOCKETS, OPERATIONS = 20, 100, 10
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
hand = Hand()
polled = 0


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b'id: 1\ndata: {"n": 1}\n\n'
        await asyncio.sleep(0.01)


def reply(method: str, target: str, body: bytes | None) -> Any:
    global polled
    if target.startswith("/stream"):
        return (200, endless(), {"content-type": "text/event-stream"})
    if target.startswith("/things"):
        return [{"id": key, "name": f"Thing {key}"} for key in target.partition("=")[2].split(",")]
    polled += 1
    return {"n": polled}


backend = FakeTransport(reply)
source = Rest("src", "http://src.example", client=backend)


@source.entity(batch="/things{?ids}")
class Thing:
    id: strawberry.ID
    name: str


@strawberry.type
class Tick:
    n: int


running_generators = 0


@strawberry.type
class Query:
    here: bool = True


@strawberry.type
class Subscription:
    @source.poll("/poll/{n}", every=0.1)
    def polled(self, n: int) -> Tick: ...

    @source.sse("/stream/{n}", overflow="latest")
    def streamed(self, n: int) -> Tick: ...

    @source.feed(hand, overflow="drop_oldest")
    def handed(self, id: strawberry.ID | None = None) -> Thing: ...

    @strawberry.subscription
    async def own(self) -> AsyncGenerator[int, None]:
        global running_generators
        running_generators += 1
        try:
            for number in range(1_000_000):
                yield number
                await asyncio.sleep(0.01)
        finally:
            running_generators -= 1

    @strawberry.subscription
    @shared(overflow="latest")
    async def common(self) -> AsyncGenerator[int, None]:
        global running_generators
        running_generators += 1
        try:
            for number in range(1_000_000):
                yield number
                await asyncio.sleep(0.01)
        finally:
            running_generators -= 1


def query(chance: random.Random) -> str:
    number = chance.randrange(5)
    fields = [
        f"polled(n: {number}) {{ n }}",
        f"streamed(n: {number}) {{ n }}",
        "handed { id name }",
        f'handed(id: "{number}") {{ id name }}',
        "own",
        "common",
        "wrong",
    ]
    return f"subscription {{ {chance.choice(fields)} }}"


async def one_client(address: str, seed: int) -> None:
    chance = random.Random(seed)
    async with asyncio.timeout(120):
        socket = await connect(address, subprotocols=["graphql-transport-ws"], compression=None, max_queue=None)  # type: ignore[list-item]  # a str will do
        await socket.send('{"type":"connection_init"}')
        await socket.recv()
        for number in range(OPERATIONS):
            payload = {"query": query(chance)}
            await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
        for _ in range(chance.randrange(4)):
            await socket.recv()
        for number in range(chance.randrange(OPERATIONS)):
            await socket.send(json.dumps({"id": str(number), "type": "complete"}))
        await leave(socket, chance)


async def leave(socket: ClientConnection, chance: random.Random) -> None:
    if chance.random() < 0.5:
        socket.transport.abort()
    else:
        await socket.close(chance.choice([1000, 1001, 4400]))
    await socket.wait_closed()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from /proc")
@pytest.mark.timeout(600)
async def test_twenty_thousand_dropped_subscriptions_leave_nothing() -> None:
    graph = Graph(Query, subscription=Subscription)
    app = App(graph, max_messages_per_s=10_000)
    listening = listen("127.0.0.1", 0)
    address = f"ws://127.0.0.1:{listening.getsockname()[1]}/graphql"
    before = len(asyncio.all_tasks())
    server = uvicorn.Server(uvicorn.Config(app, **{**SERVER_OPTIONS, "loop": "asyncio"}))
    serving = asyncio.create_task(server.serve([listening]))
    await until(lambda: server.started)
    idle = len(asyncio.all_tasks())
    seen: list[int] = []
    for wave in range(WAVES):
        clients = [asyncio.create_task(one_client(address, wave * SOCKETS + number)) for number in range(SOCKETS)]
        while not all(client.done() for client in clients):
            hand.say({"id": random.Random(wave).randrange(5)})
            await asyncio.sleep(0.01)
        await asyncio.gather(*clients)
        await until(lambda: len(asyncio.all_tasks()) == idle)
        assert len(graph.engine.subscriptions) == len(graph.engine.subscriptions.topics) == 0
        assert (running_generators, backend.streaming, hand.opened - hand.closed) == (0, 0, 0)
        seen.append(resident_bytes())
        backend.calls.clear()
        backend.headers.clear()
        backend.bodies.clear()
        hand.asked.clear()
        hand.clients.clear()
    # What the first waves take, for code and caches, is taken once.
    assert seen[-1] - seen[WAVES // 4] < 8 * 1024 * 1024, seen
    server.should_exit = True
    await serving
    await until(lambda: len(asyncio.all_tasks()) == before)
