"""The ASGI application: ``/graphql`` and ``/webhooks/`` by hand, everything else by FastAPI.

A FastAPI route costs three times as much per request as the raw protocol, so the one path that is hot is answered
directly. Health, readiness and their documentation are ordinary routes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import fastapi
import uvicorn

from graph.asgi import Receive, Scope, Send, has_hung_up
from graph.connections import Connection
from graph.cors import Cors
from graph.frames import Frames
from graph.graph import Graph
from graph.offer import Offer
from graph.protocol import Terms
from graph.room import Room
from graph.serving import Serving
from graph.shedding import Held
from graph.socket import Sockets
from graph.stopping import Draining, Server
from graph.stream import Streams
from graph.trust import Trust
from graph.webhooks import PREFIX

log = logging.getLogger("weft")
_LONGEST_S = 30.0
SERVER_OPTIONS: dict[str, Any] = {
    "access_log": False,
    "log_level": "warning",
    "loop": "uvloop",
    "http": Connection,
    "ws": Frames,
    "ws_ping_interval": None,  # the protocol has its own ping
    "ws_per_message_deflate": False,  # 40 kB for each socket, and the same bytes compressed again for each
    "interface": "asgi3",
    "proxy_headers": False,  # `Trust(proxies=...)` says whom to believe, where anything asks for an address at all
    "server_header": False,
}


class App:
    """Serves a graph over HTTP.

    Numbers and switches can be set by the environment, which goes before: ``WEFT_MAX_SOCKETS=500``.

    Args:
        path: where GraphQL is spoken.
        max_body_bytes: longest request body that is read; a longer one is answered with 413.
        max_batch: how many requests one JSON array may hold; 0 refuses arrays.
        cors: other origins whose pages may call the graph; None for no other.
        compression: whether long answers are compressed, and compressed requests read.
        max_upload_bytes: what the files of one request may hold together, where the graph takes files.
        max_uploads: how many files one request may bring.
        graphiql: whether browsers that open the path get GraphiQL; None for: not in production.
        max_sockets: how many clients may hold sockets or streams at once.
        max_operations_per_socket: how many operations of one socket may be under way.
        max_messages_per_s: how many messages one socket may send in the long run.
        init_timeout: seconds for which a new socket may say nothing.
        ping_interval: seconds between two pings of a socket, and of silence after which a stream is sent a sign of
            life; None for none.

    Raises:
        GraphError: a setting has a value that it cannot have; it lists all of them.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        path: str = "/graphql",
        max_body_bytes: int = 1_000_000,
        max_batch: int = 0,
        cors: Cors | None = None,
        compression: bool = True,
        max_upload_bytes: int = 20_000_000,
        max_uploads: int = 10,
        graphiql: bool | None = None,
        max_sockets: int = 20_000,
        max_operations_per_socket: int = 100,
        max_messages_per_s: float = 50,
        init_timeout: float = 3.0,
        ping_interval: float | None = 12.0,
    ) -> None:
        offer = Offer(
            max_body_bytes=max_body_bytes,
            max_batch=max_batch,
            compression=compression,
            max_upload_bytes=max_upload_bytes,
            max_uploads=max_uploads,
            graphiql=graphiql,
            max_sockets=max_sockets,
            max_operations_per_socket=max_operations_per_socket,
            max_messages_per_s=max_messages_per_s,
            init_timeout=init_timeout,
            ping_interval=ping_interval,
        ).settled()
        trust = graph.trusting
        self._path = path
        self.max_body_bytes = offer.max_body_bytes
        room = Room(offer.max_sockets)
        self._streams = Streams(room, heartbeat_s=offer.ping_interval, patience_s=trust.write_timeout)
        held = Held(trust.max_held_bytes)
        self._serving_of = functools.partial(
            Serving, streams=self._streams, held=held, room=Room(trust.max_requests), cors=cors, offer=offer
        )
        self._serving = self._serving_of(graph)
        self._sockets = Sockets(
            self._serving,
            cors=cors,
            room=room,
            terms=Terms(
                max_message_bytes=offer.max_body_bytes,
                max_operations=offer.max_operations_per_socket,
                max_messages_per_s=offer.max_messages_per_s,
                init_timeout_s=offer.init_timeout,
                ping_interval_s=offer.ping_interval,
            ),
            patience_s=trust.write_timeout,
        )
        self._retiring: dict[Serving, asyncio.Task[None]] = {}
        self._moving = asyncio.Lock()
        self._state = "starting"
        self.api = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI has it."""
        try:
            if scope["type"] == "http" and scope["path"] == self._path:
                serving = self._serving
                serving.under_way += 1
                try:
                    await serving.answer(scope, receive, send)
                finally:
                    serving.end_one()
            elif scope["type"] == "websocket" and scope["path"] == self._path:
                await self._sockets(scope, receive, send)
            elif scope["type"] == "http" and scope["path"].startswith(PREFIX):
                await self._serving.webhooks(scope, receive, send)
            else:
                await self.api(scope, receive, send)
        except RuntimeError:
            if not has_hung_up(send):
                raise

    @property
    def graph(self) -> Graph:
        """The graph that is served."""
        return self._serving.graph

    @property
    def trusting(self) -> Trust:
        """Who may ask, and how much."""
        return self.graph.trusting

    def replace(self, graph: Graph) -> None:
        """Serve another graph from now on; to be called in the event loop that serves.

        Requests under way are answered by the graph that they began with; subscriptions go on over the other one, or
        end with an error where they do not fit it. The graph before is closed when its requests are over, or when
        their time is up; a source that it shares with the other one stays open.

        Raises:
            GraphError: environment variables that the sources need are missing; the graph before is served on.
        """
        if graph is self.graph:
            return
        graph.check_environment()
        graph.engine.subscriptions.take_over(self.graph.engine.subscriptions)
        graph.metering.take_over(self.graph.metering)
        before, self._serving = self._serving, self._serving_of(graph)
        self._sockets.serving = self._serving
        self._retiring[before] = asyncio.get_running_loop().create_task(self._retire(before))

    async def drain(self, within_s: float = 10.0) -> None:
        """Let what is under way end; readiness is denied from now on, and what comes nevertheless is still answered.

        Subscriptions are complete at once, no others begin, and sockets are closed when their queries are over.

        Args:
            within_s: seconds after which operations that are still under way fail, as if they had taken too long.
        """
        self._state = "stopping"
        parts: tuple[Draining, ...] = (self._streams, self._sockets, self._serving, *self._retiring)
        await asyncio.gather(*(part.drain(within_s) for part in parts))

    async def _retire(self, serving: Serving) -> None:
        await serving.webhooks.aclose()  # its events are for those who still subscribe to this graph
        await self._move_subscriptions(serving)
        await serving.drain(serving.graph.engine.timeout_s or _LONGEST_S)
        await self._move_subscriptions(serving)  # those that were being opened
        others = {other.graph for other in (self._serving, *self._retiring) if other is not serving}
        if serving.graph not in others:  # as it is when it was put back
            try:
                await serving.aclose(keeping=others)
            except Exception:
                log.exception("a graph that was replaced could not be closed")
        del self._retiring[serving]

    async def _move_subscriptions(self, serving: Serving) -> None:
        async with self._moving:  # else what has just been moved to a graph could stay there when that is replaced
            if serving.graph is self.graph:
                return
            try:
                await serving.graph.engine.subscriptions.move_to(self.graph.engine)
            except Exception:
                log.exception("subscriptions could not be moved to another graph")

    async def _close(self) -> None:
        for task in (retiring := tuple(self._retiring.values())):
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)
        for serving in (*self._retiring, self._serving):
            await serving.aclose()
        self._retiring.clear()

    def _routes(self) -> fastapi.FastAPI:
        @contextlib.asynccontextmanager
        async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
            self._state = "ready"
            yield
            if self._state != "stopping":
                await self.drain()
            await self._close()

        documented: dict[str, Any] = {"docs_url": None, "openapi_url": None} if self.trusting.production else {}
        api = fastapi.FastAPI(title="Weft", lifespan=lifespan, redoc_url=None, **documented)

        @api.get("/healthz", tags=["operating"], summary="Whether the process lives")
        async def healthz() -> dict[str, str]:
            return {"status": "ok"}

        @api.get("/readyz", tags=["operating"], summary="Whether the graph is being served")
        async def readyz(response: fastapi.Response) -> dict[str, str]:
            if self._state != "ready":
                response.status_code = 503
            return {"status": self._state}

        return api


def listen(host: str, port: int) -> socket.socket:
    """Give a socket that listens on an address of this machine; port 0 is any free port.

    Raises:
        OSError: the address is taken, or not this machine's.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    listening.set_inheritable(True)  # worker processes share it
    return listening


def configured(app: App, drain_seconds: int, factory: str | None = None, **options: Any) -> uvicorn.Config:
    """Give uvicorn's settings for an application.

    Args:
        factory: names the function that makes such an application in each worker process.
    """
    return uvicorn.Config(
        factory or app,
        factory=factory is not None,
        timeout_graceful_shutdown=drain_seconds,
        ws_max_size=app.max_body_bytes,
        **SERVER_OPTIONS,
        **options,
    )


def serve(
    served: Graph | App,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    socket: socket.socket | None = None,
    drain_seconds: int = 10,
) -> None:
    """Serve a graph in this process until it is told to stop, by SIGINT or SIGTERM.

    Args:
        served: the graph, or an `App` that says how to serve it.
        socket: a listening socket, instead of host and port.
        drain_seconds: how long what is under way may go on when it is told to stop.

    Raises:
        GraphError: environment variables that the sources need are missing.
        OSError: the address is taken, or not this machine's.
    """
    app = served if isinstance(served, App) else App(served)
    app.graph.check_environment()
    with contextlib.closing(socket or listen(host, port)) as listening, contextlib.suppress(KeyboardInterrupt):
        Server(configured(app, drain_seconds)).run([listening])
