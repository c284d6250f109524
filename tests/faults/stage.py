"""Everything on its place: backends, proxies before them, the gateway, clients."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import uvicorn

from graph.server import SERVER_OPTIONS, listen
from tests.faults.backends import Backends
from tests.faults.gateway import Gateway, gateway_of
from tests.faults.load import Clients, Figures, differences
from tests.faults.proxy import FAULTS, Proxy
from tests.faults.served import STALE_S, TTL_S

RECOVERS_S = 20.0
SETTLES_S = 20.0
# Phases in which nothing is done to a request: the backends are not there, or are killed and started again.
DOWN, RESTARTS, ANY = "down", "restarts", "any of these"
SILENT = {"status 204"}
PHASES = (*FAULTS, DOWN, RESTARTS, ANY)


class Stage:
    """A gateway under fire, and what is known of it."""

    def __init__(self, gateway: Gateway, backends: Backends, proxies: list[Proxy]) -> None:
        self.gateway = gateway
        self.root = gateway.root
        self.backends = backends
        self.proxies = proxies
        self.clients = Clients(gateway.root)

    async def phase(self, name: str, operations: int, *, share: float = 0.5) -> Figures:
        """Send operations while this share of what passes the proxies is broken in this way."""
        before = self._injected()
        for proxy in self.proxies:
            proxy.share, proxy.faults = share, (name,) if name in FAULTS else ()
            if name == ANY:
                proxy.faults = tuple(sorted(FAULTS.keys() - SILENT))
            # Streams are to be opened again, under the fault.
            await (proxy.go_away() if name == DOWN else proxy.hang_up())
        restarting = asyncio.create_task(self._restart()) if name == RESTARTS else None
        try:
            figures = await self.clients.run(operations, name, silent=name in SILENT)
        finally:
            if restarting is not None:
                await cancelled(restarting)
        for proxy in self.proxies:
            proxy.faults = ()
            await proxy.go_away()
            await proxy.listen()
        # Where nobody is there to count, each answer that is not whole had a fault.
        figures.injected = figures.partial if name in (DOWN, RESTARTS) else self._injected() - before
        return figures

    async def recovered(self) -> float:
        """Wait until every kind of operation is answered whole; give the seconds that it took."""
        began_at = time.monotonic()
        whole = 0
        while whole < len(kinds := self.clients.kinds()):
            operation = kinds[whole]  # a new one each time, since what is written is written once
            _, response = await self.clients.ask(operation)
            assert differences(operation, response, silent=True) == []
            if differences(operation, response) == [] and "errors" not in response:
                whole += 1
                continue
            assert time.monotonic() - began_at < RECOVERS_S, f"not answered again: {operation.query} {response}"
            await asyncio.sleep(0.05)
        took_s = time.monotonic() - began_at
        await asyncio.sleep(TTL_S + STALE_S)  # until nothing is stored of what the backends said under the fault
        return took_s

    async def settled(self, at_rest: dict[str, int] | None = None) -> dict[str, int]:
        """Give what the gateway holds when it has come to rest.

        Args:
            at_rest: what it held before; wait until it holds no more tasks, descriptors and operations, as long as may
                be.
        """
        gives_up_at = time.monotonic() + SETTLES_S
        while True:
            for proxy in self.proxies:
                await proxy.hang_up()  # connections that the gateway keeps for later
            await asyncio.sleep(0.2)
            held = {
                **await self.clients.inside(),
                "descriptors": self.gateway.descriptors(),
                "bytes": self.gateway.resident_bytes(),
            }
            more = [name for name, count in held.items() if name != "bytes" and at_rest and count > at_rest[name]]
            if not more or time.monotonic() > gives_up_at:
                return held

    async def _restart(self) -> None:
        while True:
            for proxy in self.proxies:
                await proxy.go_away()
            await asyncio.sleep(0.15)
            for proxy in self.proxies:
                await proxy.listen()
            await asyncio.sleep(0.15)

    def _injected(self) -> int:
        return sum(proxy.injected.total() for proxy in self.proxies)


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is over."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.asynccontextmanager
async def staged(folder: Path) -> AsyncGenerator[Stage]:
    """Start it all; at the end the gateway is told to stop, and must do so without a complaint."""
    backends = Backends()
    async with contextlib.AsyncExitStack() as stack:
        address = await stack.enter_async_context(served(backends))
        proxies = [Proxy(address, seed=number) for number in range(3)]
        for proxy in proxies:
            await proxy.listen()
            stack.push_async_callback(proxy.go_away)
        shaky, private, book = (proxy.url for proxy in proxies)
        urls = {"STEADY_URL": address, "SHAKY_URL": shaky, "PRIVATE_URL": private, "BOOK_URL": book}
        gateway = await stack.enter_async_context(gateway_of("tests/faults/served.py", folder, **urls))
        stage = Stage(gateway, backends, proxies)
        stack.push_async_callback(stage.clients.aclose)
        yield stage


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncGenerator[str]:
    """Serve in this event loop: two threads would wait for each other's turns, and that would be measured."""
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, **{**SERVER_OPTIONS, "loop": "asyncio"}))
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await serving
