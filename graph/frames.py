"""WebSocket connections of uvicorn, with bounds on what a client can make them do below the level of messages.

A frame costs its sender six bytes and us 20 µs, so a packet of frames could hold the event loop for a second. What has
arrived is therefore taken apart piece by piece, one in each round of the loop, and frames that are no message of their
own are counted. Nothing is kept for those who do not read: a ping that cannot be answered now is not answered (RFC
6455, 5.5.3), and a connection that was told to close is dropped some time later, whatever still waits in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

_PIECE_BYTES = 4_096
_MOST_FRAMES = 1_000
_POLICY, _NO_TEXT, _TOO_LARGE = 1008, 1007, 1009


class Frames(WebSocketsSansIOProtocol):
    """One connection.

    A message may come in 1,000 frames. Pings, pongs and the frames of messages in several have a token bucket besides:
    1,000 at once, and as many a second. A connection is dropped `lingers_s` after the application is done with it.
    """

    lingers_s = 15.0  # more than the closing handshake may take

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._application, self.app = self.app, self._serve
        self._unread = bytearray()
        self._is_scheduled = False
        self._tokens = float(_MOST_FRAMES)
        self._counted_at = self.loop.time()
        self._dropping: asyncio.TimerHandle | None = None
        self.left: Callable[[], None] | None = None  # called when it is over

    # -- what arrives -------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take what has arrived, or its beginning, and leave the rest for later rounds."""
        self._unread += data
        if not self._is_scheduled:
            self._go_on()

    def _go_on(self) -> None:
        self._is_scheduled = False
        if self.transport.is_closing():
            self._unread.clear()
        if not self._unread:
            return
        piece = bytes(self._unread[:_PIECE_BYTES])
        del self._unread[:_PIECE_BYTES]
        super().data_received(piece)
        if self._unread and not self.transport.is_closing():
            self.transport.pause_reading()
            if not self.read_paused:
                self._schedule()
        elif not self.read_paused:
            self.transport.resume_reading()

    def _schedule(self) -> None:
        self._is_scheduled = True
        self.loop.call_soon(self._go_on)

    async def receive(self) -> Any:
        """Give the next message, and read on once the application has had all."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if not self._unread:
                self.transport.resume_reading()
            elif not self._is_scheduled:
                self._schedule()
        return message

    def handle_cont(self, event: Frame) -> None:
        """Take a further frame of a message."""
        if not self._may_go_on():
            return
        if len(self.frames) >= _MOST_FRAMES:
            self._fail(_TOO_LARGE, f"a message may have {_MOST_FRAMES} frames")
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, if its sender reads answers."""
        if not self._may_go_on():
            return
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_pong(self, event: Frame) -> None:
        """Take a pong."""
        if self._may_go_on():
            super().handle_pong(event)

    def send_receive_event_to_app(self) -> None:
        """Hand a message on; one that is not UTF-8 closes the connection, and that is no error of the server's."""
        if self.curr_msg_data_type == "text":
            data = b"".join(self.frames)
            try:
                data.decode()
            except UnicodeDecodeError:
                self._fail(_NO_TEXT, "invalid UTF-8")
                return
            self.frames = [data]
        super().send_receive_event_to_app()

    def _may_go_on(self) -> bool:
        """Count a frame; tell whether the connection still takes any."""
        if self.transport.is_closing():
            return False
        now = self.loop.time()
        self._tokens = min(_MOST_FRAMES, self._tokens + (now - self._counted_at) * _MOST_FRAMES)
        self._counted_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return True
        self._fail(_POLICY, "too many frames")
        return False

    def _fail(self, code: int, reason: str) -> None:
        self.frames = []
        if self.close_sent:  # the closing handshake is under way, and its time is limited
            self.transport.close()
            return
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    # -- the end ------------------------------------------------------------------------------------------------------

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await self._application(scope, receive, send)
        if self.initial_response is not None:  # a refusal is whole, and no fault of the application's to be logged
            self.handshake_complete = True

    async def run_asgi(self) -> None:
        """Let the application have the connection; some time after it is done, drop what is left of it."""
        await super().run_asgi()
        if not self.disconnected:
            self._dropping = self.loop.call_later(self.lingers_s, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is over."""
        if self._dropping is not None:
            self._dropping.cancel()
        if self.left is not None:
            self.left()
        super().connection_lost(exc)
