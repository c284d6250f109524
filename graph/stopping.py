"""Servers that end what they serve before they end themselves, in this process or in several.

    SIGTERM ─► no new connections, idle ones closed ─► the application drains ─► who is left is hung up on ─► the end
                   └── a second signal ────────────────────────────────────────────────┘

A request under way is answered, with ``Connection: close``. The seconds for draining are uvicorn's own setting
`timeout_graceful_shutdown`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any, Protocol, cast

import uvicorn
from uvicorn.supervisors import multiprocess

from graph.door import open_more_files
from graph.garbage import rare_collections

log = logging.getLogger("weft")
_POLL_S = 0.05
_LAST_S = 1
_STOPS = (signal.SIGINT, signal.SIGTERM)


class Draining(Protocol):
    """An application, or a part of one, that can be told to end what is under way."""

    async def drain(self, within_s: float) -> None:
        """Return when all is over, and soon after the time is up."""
        ...


class Server(uvicorn.Server):
    """Serves an application that can drain; then whoever called `run` goes on, and no signal is raised again.

    Args:
        beside: works that go on while it serves, and are cancelled when it is told to stop.
    """

    def __init__(self, config: uvicorn.Config, beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()) -> None:
        super().__init__(config)
        self._beside = beside
        self._works: list[asyncio.Task[None]] = []
        self._while_serving = contextlib.ExitStack()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until SIGINT or SIGTERM comes, and then until what is under way has ended."""
        async with asyncio.TaskGroup() as group:
            self._works += [group.create_task(work()) for work in self._beside]
            try:
                with self._while_serving, self._ending_with_its_parent():
                    await super().serve(sockets)
            finally:
                self._end_works()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve; what is served is loaded by now."""
        self._while_serving.enter_context(rare_collections())
        open_more_files()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at a second signal, at once."""
        # Of several processes the one that started the others counts. systemd sends SIGTERM to all of them, and then
        # the one does so again: that is no second wish.
        self.force_exit = self.should_exit and self.config.workers == 1
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End connections: the idle ones, then those under way, then all."""
        self._end_works()
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in self._http_connections():
            connection.shutdown()  # a WebSocket is the application's to close: it knows what runs over it
        loop, within_s = asyncio.get_running_loop(), self.config.timeout_graceful_shutdown or 0
        ends_at = loop.time() + within_s
        await self._unless_forced(cast(Draining, self.config.loaded_app).drain(within_s))
        await self._unless_forced(self._sent(max(ends_at, loop.time() + _LAST_S)))
        for connection in self._http_connections():
            connection.transport.abort()
        await self._sent(loop.time() + _LAST_S)
        self.config.timeout_graceful_shutdown = _LAST_S
        self.force_exit = False  # the application is closed all the same, unless a third signal comes
        await self._unless_forced(super().shutdown(sockets))

    @contextlib.contextmanager
    def _ending_with_its_parent(self) -> Iterator[None]:
        """Stop when the process that started this one has been killed: nobody else would ever stop it."""
        parent, loop = multiprocessing.parent_process(), asyncio.get_running_loop()
        if parent is None:
            yield
            return

        def stop() -> None:
            loop.remove_reader(parent.sentinel)
            log.warning("the process that started this worker has gone, and the worker stops")
            self.should_exit = True

        loop.add_reader(parent.sentinel, stop)
        try:
            yield
        finally:
            loop.remove_reader(parent.sentinel)

    def _end_works(self) -> None:
        for work in self._works:
            work.cancel()

    def _http_connections(self) -> list[Any]:
        kind = self.config.http_protocol_class
        return [connection for connection in self.server_state.connections if isinstance(connection, kind)]

    async def _sent(self, until: float) -> None:
        """Wait until all answers have been sent, or the time is up."""
        loop = asyncio.get_running_loop()
        state = self.server_state
        while (state.tasks or self._http_connections()) and loop.time() < until:  # noqa: ASYNC110 - uvicorn sets none
            await asyncio.sleep(_POLL_S)

    async def _unless_forced(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work until it is done, or a second signal comes."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done() and not self.force_exit:
                await asyncio.wait([task], timeout=_POLL_S)
        finally:
            task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("a step of stopping failed; the next one follows", exc_info=failure)


class Worker(multiprocess.Process):
    """One of several processes that serve."""

    _was_asked = False
    _has_answered = False

    def start(self) -> None:
        """Start it, deaf to SIGINT: Ctrl-C in a terminal reaches all processes, and the one that starts it decides."""
        resource_tracker.ensure_running()  # which would let SIGINT through again, if it were started below
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def is_alive(self, timeout: float = 5) -> bool:
        """Tell whether it runs and, once it has answered for the first time, whether it answers within the timeout.

        Until then it imports what it serves. Nobody waits for that: signals would wait as well.
        """
        if self._has_answered or not self.process.is_alive():
            return super().is_alive(timeout)
        if not self._was_asked:
            self.parent_conn.send(b"ping")
            self._was_asked = True
        if self.parent_conn.poll():
            self.parent_conn.recv()
            self._has_answered = True
        return True

    @property
    def server(self) -> uvicorn.Server:
        """The server of this process."""
        if self._server is None:
            self._server = Server(self.config)
        return self._server


class Workers(multiprocess.Multiprocess):
    """Starts processes that serve, starts those again that die, and stops them all."""

    def terminate_all(self) -> None:
        """Tell all to stop."""
        for listening in self.sockets:
            listening.close()  # else new connections would wait here for a process that takes them
        super().terminate_all()

    def join_all(self) -> None:
        """Wait until all have stopped; at a second signal, kill them."""
        self.signal_queue.clear()
        for worker in self.processes:
            while worker.process.is_alive():
                worker.process.join(_POLL_S)
                if any(sig in _STOPS for sig in self.signal_queue):
                    for other in self.processes:
                        other.process.kill()


def run_workers(config: uvicorn.Config, listening: socket.socket) -> None:
    """Serve in as many processes as the configuration says, until SIGINT or SIGTERM comes."""
    multiprocess.Process = Worker  # type: ignore[misc]  # uvicorn has no other place to say what its workers are
    Workers(config, [listening]).run()
