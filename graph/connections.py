"""HTTP connections of uvicorn, with bounds on what a client can make them hold, and on the time that it may take.

Theory of operation. At each moment a connection awaits something of its client, or nothing:

    HEAD ─► BODY ─► NOTHING, while its answer is under way ─► REQUEST ─► HEAD ...

`Door` looks at all connections from time to time. `look` notes what it finds awaited, and ends what it has found
awaited for too long: so a request costs no clock and no timer. A head or a body is awaited as a whole, and one byte a
second is no progress. While the server itself does not read, nothing is late. What is written is looked at likewise: a
client that takes nothing of what waits for it, or next to nothing, is dropped.

The parser keeps no bound on heads, so they are measured here; it is fed in pieces, so that none is much over its bound
before that is seen. What follows a body (trailers, RFC 9112, 7.1.2) is dropped: nobody asks for it, and uvicorn would
add it to the headers that have been checked.

A refusal is an answer in JSON. Then nothing more is sent, and what comes is dropped for a while: to close at once, with
unread bytes, would take the answer back from the client. What was sent before is answered first.
"""

from __future__ import annotations

import asyncio
import enum
from typing import Any

import httptools
import msgspec
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from graph.door import Door
from graph.errors import RequestError
from graph.frames import Frames
from graph.shedding import busy

_PIECE_BYTES = 65_536
_MOST_PIPELINED = 64
_SLOWEST_BYTES_PER_S = 1_000
_LINGER_S = 2.0
_LINE_BYTES = 4  # what stands around name and value of a header


class _Awaited(enum.Enum):
    """What is to come of a client."""

    HEAD = enum.auto()
    BODY = enum.auto()
    NOTHING = enum.auto()
    REQUEST = enum.auto()


class _Trailers(list[tuple[bytes, bytes]]):
    """Takes what follows a body, and keeps nothing of it."""

    def append(self, line: tuple[bytes, bytes]) -> None:
        """Drop a line."""


_NO_TRAILERS = _Trailers()


class Connection(HttpToolsProtocol):
    """One connection."""

    # Python finds only so many attributes fast, and uvicorn has almost as many: without this, a request cost 4 µs more.
    __slots__ = (
        "_door",
        "_fault",
        "_found",
        "_found_at",
        "_found_bytes",
        "_found_scope",
        "_hangs_up_at",
        "_head",
        "_head_bytes",
        "_heard_bytes",
        "_is_deaf",
        "_is_turned_away",
        "_most_head_bytes",
        "_most_headers",
        "_piece_bytes",
        "_short_bytes",
        "_unread",
        "_whole",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._door = Door.of(config, server_state, self.loop)
        trust = self._door.trust
        self._most_headers = trust.max_headers
        self._short_bytes = min(trust.max_header_bytes, trust.max_url_bytes)
        self._most_head_bytes = trust.max_header_bytes + trust.max_url_bytes + _PIECE_BYTES
        self._head = self._door.heads.place()
        self._is_turned_away = False
        self._is_deaf = False
        self._hangs_up_at: float | None = None
        self._whole: object = None  # the scope of the last request of which the head was whole
        self._head_bytes = 0  # of a head that did not come in one piece
        self._piece_bytes = 0
        self._heard_bytes = 0
        self._found = _Awaited.HEAD
        self._found_scope: object = None
        self._found_at = 0.0
        self._found_bytes = 0
        self._unread: tuple[float, int] | None = None
        self._fault: RequestError | None = None

    # -- what arrives -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Let a client in, or prepare to tell it that it is one too many."""
        super().connection_made(transport)
        self._found_at = self.loop.time()
        reason = self._door.admit(self, self._address())
        if reason is not None:
            self._door.note(reason)
            self._is_turned_away = True
            self.app = self._door.turning_away(self.app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is over."""
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        if self._is_deaf:
            return
        self._heard_bytes += len(data)
        try:
            if len(data) <= _PIECE_BYTES:
                self._piece_bytes = len(data)
                self.parser.feed_data(data)
                if self.scope is not self._whole:
                    self._hold_head(data)
            else:
                self._feed_in_pieces(data)
        except httptools.HttpParserUpgrade:
            self._upgrade()
        except httptools.HttpParserError:
            self._refuse(self._fault or RequestError.of("this is no HTTP request", "BAD_REQUEST"))
        except RequestError as exc:
            self._refuse(exc)

    def _feed_in_pieces(self, data: bytes) -> None:
        self._piece_bytes = _PIECE_BYTES
        for start in range(0, len(data), _PIECE_BYTES):
            piece = data[start : start + _PIECE_BYTES]
            self.parser.feed_data(piece)
            if self.scope is not self._whole:
                self._hold_head(piece)

    def _hold_head(self, piece: bytes) -> None:
        """Count what came of a head that is not whole."""
        self._head_bytes += len(piece)
        if len(self.headers) > self._most_headers or self._head_bytes > self._most_head_bytes:
            self._check_head()
            raise _too_many_header_bytes(self._door.trust.max_header_bytes)
        self._head.take(len(piece))

    def on_headers_complete(self) -> None:
        """Measure a head, and begin to answer it."""
        if self._head_bytes or self._piece_bytes > self._short_bytes or len(self.headers) > self._most_headers:
            try:
                self._check_head()
            except RequestError as exc:
                self._fault = exc
                raise
            self._head_bytes = 0
            self._head.give_up()
        if len(self.pipeline) >= _MOST_PIPELINED:
            self._fault = RequestError.of("too many requests wait for their answers", "LIMIT_EXCEEDED")
            raise self._fault
        HttpToolsProtocol.on_headers_complete(self)
        self._whole = self.scope
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            self.headers = _NO_TRAILERS

    def on_response_complete(self) -> None:
        """Begin with the next request, as uvicorn does; a timer of its own for who sends none is not needed."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.cycle.body:  # nobody has read it, and the connection may stay open for a while
            self.cycle.body = bytearray()

    def _check_head(self) -> None:
        """Measure the head, as far as it is there.

        Raises:
            RequestError: it is too large.
        """
        trust = self._door.trust
        if len(self.url) > trust.max_url_bytes:
            message = f"the address of the request is longer than {trust.max_url_bytes} bytes"
            raise RequestError.of(message, "LIMIT_EXCEEDED", 414)
        if len(self.headers) > trust.max_headers:
            message = f"the request has more than {trust.max_headers} headers"
            raise RequestError.of(message, "LIMIT_EXCEEDED", 431)
        if sum(len(name) + len(value) + _LINE_BYTES for name, value in self.headers) > trust.max_header_bytes:
            raise _too_many_header_bytes(trust.max_header_bytes)

    def _upgrade(self) -> None:
        """Let a WebSocket begin; any other upgrade was not wanted, and its request is answered as it is."""
        if self._should_upgrade():
            if self._is_turned_away:
                self._refuse(busy())
            elif self._is_answering():
                self.drop()  # else the answer would be written into the socket
            else:
                self.handle_websocket_upgrade()
        else:
            self.cycle.keep_alive = False  # what follows may be of the other protocol
            self._is_deaf = True

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        super().handle_websocket_upgrade()
        self._door.forget(self)
        socket: object = self.transport.get_protocol()
        if isinstance(socket, Frames):
            socket.left = self._leave

    # -- what takes too long ------------------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """End what takes too long."""
        self._look_at_writing(now)
        if self.transport.is_closing():
            return
        if self._hangs_up_at is not None:
            if now > self._hangs_up_at:
                self.drop()
            return
        awaited = self._awaited()
        is_new = awaited is not self._found or self.scope is not self._found_scope
        if is_new or self.flow.read_paused or self._is_deaf:
            self._found, self._found_scope = awaited, self.scope
            self._found_at, self._found_bytes = now, self._heard_bytes
            return
        trust, waited_s = self._door.trust, now - self._found_at
        if awaited is _Awaited.HEAD and waited_s > trust.header_timeout:
            self._give_up("the headers of the request were not there in time", has_begun=self._head_bytes > 0)
        elif awaited is _Awaited.BODY and waited_s > trust.body_timeout and not self._goes_on(now):
            self._give_up("the body of the request was not there in time", has_begun=True)
        elif awaited is _Awaited.REQUEST and waited_s > trust.keep_alive:
            self.transport.close()

    def _awaited(self) -> _Awaited:
        """Tell what is to come of the client."""
        if self.scope is not self._whole or self._whole is None:
            return _Awaited.HEAD
        cycle: Any = self.cycle  # None until there is a request, whatever its type says
        if cycle is not None and cycle.more_body:  # also where it was answered early, and what comes is dropped
            return _Awaited.BODY
        return _Awaited.NOTHING if self._is_answering() else _Awaited.REQUEST

    def unread_bytes(self) -> int:
        """Give how much of its answers waits for the client, where that is too much for one write."""
        return self.transport.get_write_buffer_size() if self.flow.write_paused else 0

    def drop(self) -> None:
        """Hang up at once."""
        self.transport.abort()

    def _goes_on(self, now: float) -> bool:
        """Tell whether files are coming, and have done so all the time: they have the time that they need."""
        came = self._heard_bytes - self._found_bytes
        if not self._brings_files() or came < _SLOWEST_BYTES_PER_S * (now - self._found_at):
            return False
        self._found_at, self._found_bytes = now, self._heard_bytes
        return True

    def _brings_files(self) -> bool:
        content_type = dict(self.scope["headers"]).get(b"content-type", b"")
        return content_type.lstrip()[:10].lower() == b"multipart/"

    def _look_at_writing(self, now: float) -> None:
        if not (self.flow.write_paused or self.transport.is_closing()):
            self._unread = None
            return
        size = self.transport.get_write_buffer_size()
        if self._unread is None:
            self._unread = (now, size)
            return
        since, before = self._unread
        if now - since > self._door.trust.write_timeout:
            if before - size < _SLOWEST_BYTES_PER_S * (now - since):
                self._door.note("they took nothing of their answers")
                self.drop()
            self._unread = (now, size)

    def _give_up(self, message: str, *, has_begun: bool) -> None:
        self._door.note("their requests came too slowly")
        if has_begun:
            self._refuse(RequestError.of(message, "BAD_REQUEST", 408))
        else:
            self.transport.close()

    # -- the end ------------------------------------------------------------------------------------------------------

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None until there is a request, whatever its type says
        return cycle is not None and not cycle.response_complete

    def _refuse(self, error: RequestError) -> None:
        """Answer what cannot be a request, unless what came before it is not answered yet; then hang up."""
        self._is_deaf = True
        if self._awaited() is _Awaited.BODY:
            if not self._is_answering():  # it has been
                self.transport.close()
                return
            if self.cycle.response_started or self.pipeline:
                self.drop()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        elif self._is_answering():
            self.cycle.keep_alive = False
            return
        body = msgspec.json.encode(error.report())
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *error.headers,
        ]
        lines = b"".join(b"%b: %b\r\n" % line for line in headers)
        self.transport.write(STATUS_LINE[error.status] + lines + b"\r\n" + body)
        self._hangs_up_at = self.loop.time() + _LINGER_S
        self._head.give_up()
        self.parser = self.headers = None  # type: ignore[assignment]  # with what they hold of a head that was too much
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()

    def _leave(self) -> None:
        self._head.give_up()
        self._door.forget(self)
        self._door.leave(self._address())

    def _address(self) -> str | None:
        return self.client[0] if self.client else None


def _too_many_header_bytes(most: int) -> RequestError:
    return RequestError.of(f"the headers of the request are longer than {most} bytes", "LIMIT_EXCEEDED", 431)
