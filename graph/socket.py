"""GraphQL over WebSocket: the ASGI side of `protocol`, which decides everything.

A socket is one task, which reads, and one for each operation under way. Whoever has something to say sends it himself,
one after the other: a result costs the turn of its operation's task and no other. Nothing is kept here for a client
that reads slowly; its operations wait until it has read, and their own queues are bounded.

To close, a task notes the close and interrupts the reader, who ends all the others before the close is sent. So
whatever happens, the tasks of a socket are over before its call is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, NoReturn

import msgspec
from fastapi.requests import HTTPConnection

from graph.asgi import Message, Receive, Scope, Send, hang_up
from graph.channel import Subscriber
from graph.client import NOBODY, Caller, Client
from graph.cors import Cors, brought_along
from graph.credentials import Credentials
from graph.engine import Context
from graph.errors import RequestError, report
from graph.login import log_in
from graph.protocol import Accept, Action, Actions, Arm, Close, LogIn, Operation, Protocol, Start, Stop, Terms, Timer
from graph.request import Headers
from graph.room import Room
from graph.serving import Serving
from graph.shedding import busy
from sources import encode_json

log = logging.getLogger("weft")

_LONGEST_TIMER_S = 10.0**9
# Timers of many sockets go off together: a ping and its answer cost 200 µs when the loop wakes for each, 120 so.
_TIMER_STEP_S = 0.1
_INTERNAL = '[{"message":"Internal server error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]'
_RESTARTS = Close(1012, "the server restarts")
_GOES = Close(1001, "the server goes away")
_NOTHING = Credentials({})


class _Failed(msgspec.Struct):
    errors: msgspec.Raw


_decode_failed = msgspec.json.Decoder(_Failed).decode


class Sockets:
    """Answers GraphQL over WebSocket, for one graph.

    Args:
        serving: what is asked from now on belongs to it; to be exchanged when the graph is.
        cors: other origins whose pages may open sockets.
        room: the places for clients that stay.
        patience_s: how long a client may read nothing of what is sent to it; looked at as often as it is pinged.
        close_timeout_s: how long a client may take to read what was sent to it before its socket is closed.
        clock: Unix time in seconds, by which tokens expire.
    """

    def __init__(
        self,
        serving: Serving,
        *,
        cors: Cors | None = None,
        terms: Terms | None = None,
        room: Room | None = None,
        patience_s: float = 60.0,
        close_timeout_s: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.serving = serving
        self.terms = terms or Terms()
        self.patience_s = patience_s
        self.close_timeout_s = close_timeout_s
        self.clock = clock
        self._cors = cors
        self._room = room or Room(20_000)
        self._open: set[_Socket] = set()
        self._is_empty = asyncio.Event()
        self._is_leaving = False

    def __len__(self) -> int:
        return len(self._open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one socket, as ASGI has it."""
        await receive()  # that it would connect
        sent = Headers(scope["headers"]).end_to_end(self.serving.graph.engine.forwards)
        headers = brought_along(self._cors, sent)
        if headers is None:
            await _turn_away(scope, send, 403, b"pages of this origin may not open a socket")
            return
        if self._is_leaving or not self._room.take():
            await _turn_away(scope, send, 503, b"no more sockets at the moment")
            return
        socket = _Socket(self, scope, headers, receive, send)
        self._open.add(socket)
        try:
            await socket.run()
        finally:
            self._open.discard(socket)
            self._room.give_back()
            if not self._open:
                self._is_empty.set()

    async def drain(self, within_s: float, *, restarts: bool = True) -> None:
        """Let no more sockets in, end the subscriptions, let other operations finish for so long, close every socket.

        Args:
            restarts: whether clients may come back soon; they are told so.
        """
        self._is_leaving = True
        self._is_empty.clear()
        if not self._open:
            return
        for socket in self._open:
            socket.leave(_RESTARTS if restarts else _GOES)
        try:
            async with asyncio.timeout(within_s):
                await self._is_empty.wait()
        except TimeoutError:
            for socket in self._open:
                socket.cut()
            await self._is_empty.wait()  # each has its own deadline for that


class _Over(BaseException):
    """The conversation is over. Not an `Exception`: nobody may take it for a fault of an operation.

    Whichever task raises it, the group of the socket's tasks ends all the others.
    """


class _Socket:
    """One socket."""

    __slots__ = (
        "_asked",
        "_began_at",
        "_caller",
        "_close",
        "_context",
        "_conversation",
        "_headers",
        "_is_gone",
        "_now",
        "_receive",
        "_scope",
        "_send",
        "_shown",
        "_sockets",
        "_tasks",
        "_timers",
        "_under_way",
        "_writing",
    )

    def __init__(
        self, sockets: Sockets, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        self._sockets = sockets
        self._scope = scope
        self._headers = headers
        self._receive = receive
        self._send = send
        self._conversation = Protocol(sockets.terms)
        self._context: Context = dict
        self._caller = NOBODY
        self._asked = sockets.serving.graph.clients
        self._shown = _NOTHING
        self._writing = asyncio.Lock()
        self._now = asyncio.get_running_loop().time
        self._began_at = 0.0
        self._tasks = asyncio.TaskGroup()
        self._under_way: dict[Operation, asyncio.Task[None]] = {}
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._close: Close | None = None
        self._is_gone = False

    async def run(self) -> None:
        """Converse until one of the two closes the socket."""
        try:
            async with self._tasks:
                try:
                    await self._read()
                finally:
                    for timer in self._timers.values():
                        timer.cancel()
        except* _Over:
            pass
        if self._close is not None and not self._is_gone:
            await self._say_goodbye(self._close)

    def leave(self, farewell: Close) -> None:
        """Begin to end what is under way."""
        self._later(self._conversation.drain(farewell))

    def cut(self) -> None:
        """End what is still under way."""
        self._later(self._conversation.cut())

    async def _read(self) -> None:
        conversation, receive, now = self._conversation, self._receive, self._now
        await self._apply(conversation.opened(self._scope["subprotocols"]))
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                self._lose()
            text = message.get("text")
            await self._apply(conversation.received_bytes() if text is None else conversation.received(text, now()))

    async def _apply(self, actions: Actions) -> None:
        for action in actions:
            if isinstance(action, str):
                await self._say(action)
            else:
                await self._do(action)

    async def _do(self, action: Action) -> None:
        match action:
            case Start(operation):
                self._under_way[operation] = self._tasks.create_task(self._operate(operation))
            case Stop(operation):
                task = self._under_way.pop(operation, None)
                if task is not None:
                    task.cancel()
            case Arm(timer, after_s):
                if timer in self._timers:
                    self._timers[timer].cancel()
                loop = asyncio.get_running_loop()
                due_at = loop.time() + min(after_s, _LONGEST_TIMER_S)
                self._timers[timer] = loop.call_at(math.ceil(due_at / _TIMER_STEP_S) * _TIMER_STEP_S, self._fire, timer)
            case LogIn(payload):
                self._tasks.create_task(self._log_in(payload))
            case Accept(subprotocol):
                await self._transmit({"type": "websocket.accept", "subprotocol": subprotocol})
            case Close():
                self._close = action
                raise _Over

    def _fire(self, timer: Timer) -> None:
        if self._writing.locked() and self._now() - self._began_at >= self._sockets.patience_s:
            log.warning("a socket was dropped: its client read nothing any more")
            hang_up(self._send)
        if timer is Timer.PING and self._is_in_doubt():
            self._tasks.create_task(self._look_again())
        self._later(self._conversation.fired(timer))

    def _later(self, actions: Actions) -> None:
        if actions:
            self._tasks.create_task(self._apply(actions))

    async def _say(self, text: str) -> None:
        async with self._writing:
            self._began_at = self._now()
            await self._transmit({"type": "websocket.send", "text": text})

    async def _say_result(self, operation: Operation, payload: str) -> None:
        async with self._writing:  # first: each operation that waits here would hold a text of its own
            text = self._conversation.produced(operation, payload)
            if text is not None:
                self._began_at = self._now()
                await self._transmit({"type": "websocket.send", "text": text})

    async def _transmit(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:
            self._lose()

    def _lose(self) -> NoReturn:
        """Take note that the client has left."""
        self._is_gone = True
        self._conversation.gone()
        raise _Over

    async def _say_goodbye(self, close: Close) -> None:
        try:
            async with asyncio.timeout(self._sockets.close_timeout_s):
                await self._send({"type": "websocket.close", "code": close.code, "reason": close.reason})
        except TimeoutError:
            hang_up(self._send)
        except OSError:
            pass  # the client was faster

    # -- the client ---------------------------------------------------------------------------------------------------

    async def _log_in(self, payload: dict[str, Any]) -> None:
        sockets, conversation = self._sockets, self._conversation
        try:
            graph = sockets.serving.graph
            address = graph.proxies.address(self._scope, self._headers)
            self._shown = Credentials(self._headers, payload, address, self._scope)
            self._asked = graph.clients
            found = await log_in(self._shown, graph.clients, graph.engine.forwards)
        except RequestError as exc:
            actions = conversation.refused("; ".join(error.message for error in exc.errors))
        except Exception:
            log.exception("a login failed")
            actions = conversation.broken()
        else:
            self._welcome(found)
            expires_at = found.expires_at
            actions = conversation.admitted(None if expires_at is None else expires_at - sockets.clock())
        await self._apply(actions)

    def _is_in_doubt(self) -> bool:
        """Tell whether the client may have lost its rights: they can be revoked, or another graph decides now."""
        return self._caller.client.is_revocable or self._asked is not self._sockets.serving.graph.clients

    async def _log_in_again(self) -> None:
        """Make out anew who the client is, by what it has shown; for what it raises, see `log_in`.

        Where it may do less than before, the socket ends: what goes on there was begun with more.
        """
        graph, before = self._sockets.serving.graph, self._caller.client
        found = await log_in(self._shown, graph.clients, graph.engine.forwards, again=True)
        if not found.keeps(before):
            await self._apply(self._conversation.fired(Timer.EXPIRY))
        self._asked = graph.clients
        self._welcome(found)

    async def _look_again(self) -> None:
        """End the socket of a client who is not welcome any more; that nobody can tell is no reason to."""
        try:
            await self._log_in_again()
        except RequestError as exc:
            if exc.status in (401, 403):
                await self._apply(self._conversation.fired(Timer.EXPIRY))
        except Exception:
            log.exception("a login failed")

    def _welcome(self, client: Client) -> None:
        graph = self._sockets.serving.graph
        scope, payload, added = self._scope, self._shown.payload, client.context
        said_by_us = graph.clients.writes
        own = {name: value for name, value in self._shown.headers.items() if name not in said_by_us}
        headers = {**own, **client.headers}

        def context() -> Any:
            if added is not None and not isinstance(added, Mapping):
                return added
            lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
            request = HTTPConnection({**scope, "headers": lines})
            return {"request": request, "client": client, "connection_params": payload, **(added or {})}

        self._headers, self._context, self._caller = headers, context, Caller(client)

    # -- operations ---------------------------------------------------------------------------------------------------

    async def _operate(self, operation: Operation) -> None:
        conversation = self._conversation
        try:
            if self._is_in_doubt():
                await self._log_in_again()
            actions = await self._answer(operation)
        except RequestError as exc:
            actions = conversation.failed(operation, encode_json(exc.report()["errors"]).decode())
        except (Exception, asyncio.CancelledError) as exc:
            task = asyncio.current_task()
            if isinstance(exc, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            log.exception("an operation failed")  # perhaps by cancelling itself, which its client must hear of
            actions = conversation.failed(operation, _INTERNAL)
        finally:
            self._under_way.pop(operation, None)
        await self._apply(actions)

    async def _answer(self, operation: Operation) -> Actions:
        """Send the results of an operation, and give what is to be said of its end."""
        conversation, request, serving = self._conversation, operation.request, self._sockets.serving
        engine, client = serving.graph.engine, self._caller.client
        caller = Caller(client, serving.graph.metering.meter(client, self._shown.address))
        await caller.admit()
        subscriber = await engine.subscriptions.open(request, self._headers, self._context, caller)
        if subscriber is not None:
            with closing(subscriber):
                return await self._deliver(operation, subscriber)
        if not serving.room.take():
            raise busy()
        serving.under_way += 1  # its graph is not closed meanwhile
        try:
            answer = await engine.answer(request, self._headers, self._context, key=operation.key, caller=caller)
        finally:
            serving.end_one()
            serving.room.give_back()
        if not answer.executed:
            return conversation.failed(operation, bytes(_decode_failed(answer.body).errors).decode())
        await self._say_result(operation, answer.body.decode())
        return conversation.ended(operation)

    async def _deliver(self, operation: Operation, subscriber: Subscriber) -> Actions:
        conversation = self._conversation
        await self._apply(conversation.streams(operation))
        while not operation.is_over and (payload := await subscriber.next()) is not None:
            await self._say_result(operation, payload)
        if subscriber.failure is None:
            return conversation.ended(operation)
        return conversation.failed(operation, encode_json([report(error) for error in subscriber.failure]).decode())


async def _turn_away(scope: Scope, send: Send, status: int, reason: bytes) -> None:
    """Refuse a socket by an HTTP response, where the server can send one."""
    extensions = scope.get("extensions") or {}
    with contextlib.suppress(OSError):
        if "websocket.http.response" in extensions:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(reason))]
            await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": reason})
        elif status == 403:
            await send({"type": "websocket.close"})  # which servers answer with 403
        else:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 1013, "reason": reason.decode()})
