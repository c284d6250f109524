"""The protocol ``graphql-transport-ws``, without a socket: what arrives goes in, what is to be done comes out.

Theory of operation. A socket is in one of six states, and `TABLE` says for each state what an event means there: a
`Close`, which ends it, or a step of `Protocol` and the state after it. What is not in the table means nothing. (The
specification is PROTOCOL.md of npm's `graphql-ws`; what it leaves open is decided as that package does.)

    NEW ──opened──► WAITING ──connection_init──► GREETING ──admitted──► READY ──drain──► LEAVING
                       └──────────────┴────────────────────────┴──────────────────┴────► CLOSED

Methods of `Protocol` are the events. Each returns actions, to be carried out in their order: texts to send, and
`Accept`, `LogIn`, `Start`, `Stop`, `Arm`, `Close`. The protocol decides at once and knows neither tasks nor clocks, so
what holds here holds whatever the network does:

- there is one acknowledgement at most, and nothing after a close;
- an operation that was started either ends by itself or is stopped, once; nothing is said of it afterwards;
- so an id is free again as soon as its client or the server has said `complete`.

A message is judged by its length first, then by how many came before it, then by its form. Messages have a token
bucket: as many a second as allowed, and besides as many at once as it takes to stop all operations and start them
again, which is what a page does that reconnects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from graph import message
from graph.engine import Request

_MAX_REASON_BYTES = 123


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one socket may do, and for how long.

    Args:
        max_message_bytes: longest message.
        max_init_bytes: longest message of a client that is not known yet.
        max_operations: how many may be under way at once.
        max_messages_per_s: how many messages a client may send in the long run.
        init_timeout_s: until `connection_init` is there.
        login_timeout_s: from there until the client is known.
        ping_interval_s: between two pings. A client that says nothing within two of these intervals after one is taken
            to be gone; None never pings.
    """

    max_message_bytes: int = 1_000_000
    max_init_bytes: int = 20_000
    max_operations: int = 100
    max_messages_per_s: float = 50
    init_timeout_s: float = 3.0
    login_timeout_s: float = 10.0
    ping_interval_s: float | None = 12.0


class State(Enum):
    """Where a socket stands."""

    NEW = "not accepted yet"
    WAITING = "for connection_init"
    GREETING = "it is being found out who the client is"
    READY = "acknowledged"
    LEAVING = "what is under way may finish"
    CLOSED = "over"


class On(Enum):
    """What happens to a socket, other than to one of its operations."""

    OPENED = "opened"
    INIT = "connection_init"
    PING = "ping"
    PONG = "pong"
    SUBSCRIBE = "subscribe"
    COMPLETE = "complete"
    ADMITTED = "admitted"
    REFUSED = "refused"
    BROKEN = "broken"
    LATE = "late"
    QUIET = "quiet"
    EXPIRED = "expired"
    DRAIN = "drain"


class Timer(Enum):
    """What a socket waits for, and what it means when the time is up."""

    INIT = On.LATE
    PING = On.QUIET
    EXPIRY = On.EXPIRED


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket; nothing follows.

    Args:
        reason: at most 123 bytes (RFC 6455, 5.5); what is longer is cut.
    """

    code: int
    reason: str

    def __post_init__(self) -> None:
        encoded = self.reason.encode("utf-8", "replace")[:_MAX_REASON_BYTES]
        object.__setattr__(self, "reason", encoded.decode("utf-8", "ignore"))


@dataclass(frozen=True, slots=True)
class Accept:
    """Accept the socket, under this subprotocol or under none."""

    subprotocol: str | None


@dataclass(frozen=True, slots=True)
class LogIn:
    """Find out who the client is, then say `admitted`, `refused` or `broken`."""

    payload: dict[str, Any]


@dataclass(slots=True, eq=False)
class Operation:
    """An operation of a client.

    Args:
        key: the request as it was sent; equal for requests that are equal.
        head: what stands before a result in the message that brings it, with the client's id.
        is_stream: whether it may have any number of results.
        is_over: whether all is said of it.
    """

    id: str
    request: Request
    key: bytes
    head: str
    is_stream: bool = False
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an operation; then say `streams`, `produced`, `ended` or `failed` of it."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Stop:
    """End an operation: nobody waits for it any more."""

    operation: Operation


@dataclass(frozen=True, slots=True)
class Arm:
    """Say `fired` after so many seconds, and not at the time that was set for this timer before."""

    timer: Timer
    after_s: float


# A text is a message to send.
Action = str | Accept | LogIn | Start | Stop | Arm | Close
Actions = Sequence[Action]

_UNAUTHORIZED = Close(4401, "Unauthorized: no operation before connection_ack")
_TWICE = Close(4429, "Too many initialisation requests")
_EXPIRED = Close(4403, "the token has expired")
_AS_SAID = Close(0, "as the event says")

TABLE: dict[State, dict[On, Close | tuple[str, State]]] = {
    State.NEW: {
        On.OPENED: ("accept", State.WAITING),
        On.DRAIN: _AS_SAID,
    },
    State.WAITING: {
        On.INIT: ("log_in", State.GREETING),
        On.PING: ("pong", State.WAITING),
        On.SUBSCRIBE: _UNAUTHORIZED,
        On.LATE: Close(4408, "Connection initialisation timeout"),
        On.DRAIN: _AS_SAID,
    },
    State.GREETING: {
        On.INIT: _TWICE,
        On.PING: ("pong", State.GREETING),
        On.SUBSCRIBE: _UNAUTHORIZED,
        On.ADMITTED: ("acknowledge", State.READY),
        On.REFUSED: _AS_SAID,
        On.BROKEN: Close(4500, "Internal server error"),
        On.LATE: Close(4408, "Connection initialisation timeout: the login took too long"),
        On.DRAIN: _AS_SAID,
    },
    State.READY: {
        On.INIT: _TWICE,
        On.PING: ("pong", State.READY),
        On.SUBSCRIBE: ("start", State.READY),
        On.COMPLETE: ("stop", State.READY),
        On.QUIET: ("ping", State.READY),
        On.EXPIRED: _EXPIRED,
        On.DRAIN: ("leave", State.LEAVING),
    },
    State.LEAVING: {
        On.INIT: _TWICE,
        On.PING: ("pong", State.LEAVING),
        # On.SUBSCRIBE means nothing: what was never answered, clients repeat once they are connected again.
        On.COMPLETE: ("stop", State.LEAVING),
        On.QUIET: ("ping", State.LEAVING),
        On.EXPIRED: _EXPIRED,
        On.DRAIN: ("leave", State.LEAVING),
    },
    State.CLOSED: {},
}


_UNKNOWN = (State.WAITING, State.GREETING)
_EVENTS: dict[type[Any], On] = {
    message.Init: On.INIT,
    message.Ping: On.PING,
    message.Pong: On.PONG,
    message.Subscribe: On.SUBSCRIBE,
    message.Complete: On.COMPLETE,
}


class Protocol:
    """One socket's side of the conversation; each method is an event and gives what is to be done."""

    __slots__ = ("_farewell", "_heard_at", "_operations", "_silences", "_terms", "_tokens", "state")

    def __init__(self, terms: Terms) -> None:
        self.state = State.NEW
        self._terms = terms
        self._operations: dict[str, Operation] = {}
        self._heard_at = 0.0
        self._tokens = float("inf")
        self._silences = 0
        self._farewell: Close | None = None

    # -- what happens to the socket ---------------------------------------------------------------------------------

    def opened(self, subprotocols: Sequence[str]) -> Actions:
        """A client asks for a socket, and would speak these subprotocols."""
        return self._on(On.OPENED, subprotocols)

    def received(self, text: str, now: float) -> Actions:
        """A message arrived, at an instant on any clock that only goes forward."""
        self._silences = 0
        terms = self._terms
        most = terms.max_message_bytes
        if self.state in _UNKNOWN:
            most = min(most, terms.max_init_bytes)
        if len(text) > most or len(text.encode("utf-8", "replace")) > most:
            return self._close(Close(1009, f"a message may have {most} bytes"))
        if not self._may_speak(now):
            return self._close(Close(4429, "Too many messages"))
        try:
            read = message.read(text)
        except message.Invalid as exc:
            return self._close(Close(4400, str(exc)))
        return self._on(_EVENTS[type(read)], read)

    def received_bytes(self) -> Actions:
        """A binary message arrived; the protocol has none."""
        return self._close(Close(4400, "Invalid message: it is not text"))

    def admitted(self, expires_in_s: float | None = None) -> Actions:
        """The client is known, for so long."""
        if expires_in_s is not None and expires_in_s <= 0:
            return self.refused(_EXPIRED.reason)
        return self._on(On.ADMITTED, expires_in_s)

    def refused(self, reason: str = "Forbidden") -> Actions:
        """The client may not be here."""
        return self._on(On.REFUSED, Close(4403, reason))

    def broken(self) -> Actions:
        """Finding out who the client is went wrong, which is no fault of the client's."""
        return self._on(On.BROKEN)

    def fired(self, timer: Timer) -> Actions:
        """The time of a timer is up."""
        return self._on(timer.value)

    def drain(self, farewell: Close) -> Actions:
        """The server is to stop: streams are complete, what else is under way may finish, then the socket closes."""
        return self._on(On.DRAIN, farewell)

    def cut(self) -> Actions:
        """What was still under way while the socket was `drained` has no more time."""
        return self._close(self._farewell) if self._farewell is not None else ()

    def gone(self) -> Actions:
        """The client has left; there is nobody to tell anything."""
        self.state = State.CLOSED
        return self._stop_all()

    # -- what happens to an operation -------------------------------------------------------------------------------

    def streams(self, operation: Operation) -> Actions:
        """An operation turns out to be a subscription."""
        operation.is_stream = True
        return self.ended(operation) if self.state is State.LEAVING else ()

    def produced(self, operation: Operation, text: str) -> str | None:
        """An operation has a result, in JSON; give the message that brings it, None where nobody is to have it.

        The one event that happens often: it costs a look and one new text.
        """
        return None if operation.is_over else f"{operation.head}{text}}}"

    def ended(self, operation: Operation) -> Actions:
        """An operation has given all its results."""
        return self._finish(operation, message.complete(operation.id))

    def failed(self, operation: Operation, errors: str) -> Actions:
        """An operation cannot be executed, or not any further; the errors are a JSON array."""
        return self._finish(operation, message.error(operation.id, errors))

    def _finish(self, operation: Operation, text: str) -> Actions:
        if operation.is_over:
            return ()
        self._forget(operation)
        if self.state is State.LEAVING and not self._operations:
            return (text, *self.cut())
        return (text,)

    def _forget(self, operation: Operation) -> None:
        operation.is_over = True
        del self._operations[operation.id]

    # -- the steps of the table -------------------------------------------------------------------------------------

    def _on(self, event: On, *given: Any) -> Actions:
        cell = TABLE[self.state].get(event)
        if cell is None:
            return ()
        if isinstance(cell, Close):
            return self._close(given[0] if cell is _AS_SAID else cell)
        step, self.state = cell
        actions: Actions = getattr(self, f"_{step}")(*given)
        return actions

    def _accept(self, subprotocols: Sequence[str]) -> Actions:
        if message.SUBPROTOCOL not in subprotocols:
            # A socket that is not accepted has no close code, and its client could not tell why.
            return (Accept(None), *self._close(Close(4406, "Subprotocol not acceptable")))
        return Accept(message.SUBPROTOCOL), Arm(Timer.INIT, self._terms.init_timeout_s)

    def _log_in(self, init: message.Init) -> Actions:
        return Arm(Timer.INIT, self._terms.login_timeout_s), LogIn(init.payload or {})

    def _acknowledge(self, expires_in_s: float | None) -> Actions:
        actions: list[Action] = [message.ACK]
        if self._terms.ping_interval_s is not None:
            actions.append(Arm(Timer.PING, self._terms.ping_interval_s))
        if expires_in_s is not None:
            actions.append(Arm(Timer.EXPIRY, expires_in_s))
        return actions

    def _ping(self) -> Actions:
        interval_s = self._terms.ping_interval_s
        if interval_s is None:
            return ()
        if self._silences == 2:
            return self._close(Close(1001, "no answer to a ping"))
        self._silences += 1
        return Arm(Timer.PING, interval_s), message.PING  # first the timer: who reads nothing keeps the text waiting

    def _pong(self, ping: message.Ping) -> Actions:
        return (message.pong(ping),)

    def _start(self, subscribe: message.Subscribe) -> Actions:
        id = subscribe.id
        try:
            request = message.read_request(subscribe)
        except message.Invalid as exc:
            return self._close(Close(4400, str(exc)))
        if id in self._operations:
            return self._close(Close(4409, f"Subscriber for {id} already exists"))
        if len(self._operations) >= self._terms.max_operations:
            text = f"a socket may have {self._terms.max_operations} operations at once"
            return (message.error(id, f'[{{"message":"{text}","extensions":{{"code":"LIMIT_EXCEEDED"}}}}]'),)
        operation = Operation(id, request, bytes(subscribe.payload), message.head(id))
        self._operations[id] = operation
        return (Start(operation),)

    def _stop(self, complete: message.Complete) -> Actions:
        operation = self._operations.get(complete.id)
        if operation is None:
            return ()
        self._forget(operation)
        if self.state is State.LEAVING and not self._operations:
            return (Stop(operation), *self.cut())
        return (Stop(operation),)

    def _leave(self, farewell: Close) -> Actions:
        self._farewell = farewell
        actions: list[Action] = []
        for operation in tuple(self._operations.values()):
            if operation.is_stream:
                actions += (Stop(operation), *self.ended(operation))
        return actions if self._operations or self.state is State.CLOSED else [*actions, *self.cut()]

    def _close(self, close: Close) -> Actions:
        if self.state is State.CLOSED:
            return ()
        self.state = State.CLOSED
        return (*self._stop_all(), close)

    def _stop_all(self) -> list[Action]:
        stopped = list(self._operations.values())
        for operation in stopped:
            self._forget(operation)
        return [Stop(operation) for operation in stopped]

    def _may_speak(self, now: float) -> bool:
        terms = self._terms
        most = terms.max_messages_per_s + 2 * terms.max_operations
        self._tokens = min(most, self._tokens + (now - self._heard_at) * terms.max_messages_per_s)
        self._heard_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
