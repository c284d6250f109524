"""``POST /webhooks/{source}/{topic}``: deliveries checked, acknowledged at once, and published afterwards.

Theory of operation. A delivery goes through these steps, and the first that it fails is the answer:

    404 405 415     known address, POST, not compressed
    503             there is room for its bytes; it comes while the server takes deliveries
    413 408         the body is read, within its bound and in time
    401 400         its signature holds, its time lies within the window, it is JSON
    200             it is of a kind that nobody takes, or has been accepted before: nothing is done
    503             the queue has a free place
    202             its marks are remembered, it waits to be published

From the last check of the marks to their being remembered nothing is awaited: of two copies that arrive together one is
accepted. What was refused for lack of room is not remembered, so that the sender's next attempt is welcome.

One task empties the queue, in order: stored answers become stale first, then the event goes to the bus, so that who
hears of it fetches anew. While the bus fails, the event waits; the queue fills, and senders are told to come again. The
task ends when the queue is empty. `aclose` waits for that, within bounds.

Everything is bounded: the bytes of all bodies that are being read or wait (one account for both), the deliveries that
wait, the marks that are remembered for each address. Bodies are never logged; refusals are, once a minute per address.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec
from cachetools import TTLCache

from graph.asgi import Message, Receive, Scope, Send, respond
from graph.body import Disconnected, read_whole
from graph.errors import RequestError
from graph.request import Headers
from sources import Backoff, Bus, DeclarationError, Delivery, Event, Refused, SourceError, Webhook, publish_event

PREFIX = "/webhooks/"

log = logging.getLogger("weft")
_JSON = b"application/json"
_LARGE_BYTES = 256_000  # hashing that many takes about half a millisecond
_LOG_EVERY_S = 60.0
_EXTRA = {
    401: ((b"www-authenticate", b"Signature"),),
    405: ((b"allow", b"POST"),),
    408: ((b"connection", b"close"),),
    415: ((b"accept-encoding", b"identity"),),
    503: ((b"retry-after", b"5"),),
}

Address = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Accepted:
    address: Address
    events: list[Event]
    size_bytes: int


class Webhooks:
    """Receives deliveries; an ASGI application for the paths below `PREFIX`.

    Args:
        webhooks: what is received, by the names of source and topic.
        bus: where the events go.
        received: called with each event before it is published, to make stored answers stale.
        max_waiting: deliveries that may wait to be published.
        max_held_bytes: what all bodies that are being read or wait may hold together.
        max_marks: deliveries of one address that are remembered; the one seen longest ago is forgotten first.
        body_timeout_s: how long a body may take to arrive.
        drain_s: how long `aclose` waits for what was accepted to be published.
        clock: Unix time in seconds.
        sleep: waits between attempts to publish.
    """

    def __init__(
        self,
        webhooks: Mapping[Address, Webhook],
        bus: Bus,
        *,
        received: Callable[[Address, Event], None] | None = None,
        max_waiting: int = 1_000,
        max_held_bytes: int = 64_000_000,
        max_marks: int = 50_000,
        body_timeout_s: float = 10.0,
        drain_s: float = 10.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.held_bytes = 0
        self._webhooks = dict(webhooks)
        self._bus = bus
        self._received = received
        self._max_waiting = max_waiting
        self._max_held_bytes = max_held_bytes
        self._body_timeout_s = body_timeout_s
        self._drain_s = drain_s
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[_Accepted] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._is_closing = False
        self._refusals = {address: _Refusals(address) for address in self._webhooks}
        self._marks: dict[Address, TTLCache[bytes, None]] = {
            address: TTLCache(max_marks, webhook.signature.remembered_s, clock)
            for address, webhook in self._webhooks.items()
            if webhook.signature is not None
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        address = _address(scope["path"])
        try:
            status, said = await self._answer(address, scope, receive)
        except Disconnected:
            return
        except (Refused, RequestError) as exc:
            status, said = exc.status, {"error": _reason(exc)}
            if address in self._refusals:
                self._refusals[address].note(said["error"])
        except DeclarationError as exc:  # a secret is not set: the sender may come again when it is
            self._refusals[address].note(str(exc))
            status, said = 500, {"error": "Internal server error"}
        except Exception:
            log.exception("webhook %s/%s: a delivery failed", *address)
            status, said = 500, {"error": "Internal server error"}
        await respond(send, status, _JSON, msgspec.json.encode(said), _EXTRA.get(status, ()))

    async def aclose(self, within_s: float | None = None) -> None:
        """Take nothing more, and wait until what was accepted is published, or the time for that is up.

        Args:
            within_s: the time, instead of `drain_s`.
        """
        worker = self._worker
        if worker is None or worker.done():
            return
        self._is_closing = True
        try:
            await asyncio.wait([worker], timeout=self._drain_s if within_s is None else within_s)
        finally:
            worker.cancel()
            self._is_closing = False
        await asyncio.wait([worker])
        if self._waiting:
            log.error("%d deliveries to webhooks were accepted but could not be published", len(self._waiting))
            self.held_bytes -= sum(accepted.size_bytes for accepted in self._waiting)
            self._waiting.clear()

    # -- receiving ------------------------------------------------------------------------------------------------

    async def _answer(self, address: Address, scope: Scope, receive: Receive) -> tuple[int, dict[str, str]]:
        webhook = self._webhooks.get(address)
        if webhook is None or webhook.signature is None:
            raise Refused("there is no such webhook", 404)
        if scope["method"] != "POST":
            raise Refused("webhooks are spoken to with POST", 405)
        headers = Headers(scope["headers"])
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Refused("webhooks take no compressed bodies", 415)
        body = _Body(receive, self._hold, self._body_timeout_s)
        try:
            content = await body.read(headers, webhook.max_body_bytes)
            if len(content) > _LARGE_BYTES:
                now = self._clock()
                delivery = await asyncio.to_thread(webhook.signature.check, headers, content, now)
            else:
                delivery = webhook.signature.check(headers, content, self._clock())
            events = webhook.check(delivery, content)
            if not webhook.takes(delivery.kind, is_trial=delivery.is_trial):
                return 200, {"status": "ignored"}
            if not self._is_new(address, delivery):
                return 200, {"status": "repeated"}
            self._accept(address, delivery, _Accepted(address, events, body.size_bytes))
            body.size_bytes = 0  # now held by what waits
            return 202, {"status": "accepted"}
        finally:
            self.held_bytes -= body.size_bytes

    def _is_new(self, address: Address, delivery: Delivery) -> bool:
        marks = self._marks[address]
        return not any(mark in marks for mark in delivery.marks)

    def _accept(self, address: Address, delivery: Delivery, accepted: _Accepted) -> None:
        if self._is_closing:
            raise Refused("the server is stopping", 503)
        if len(self._waiting) >= self._max_waiting:
            raise Refused("too many deliveries wait to be published", 503)
        for mark in delivery.marks:
            self._marks[address][mark] = None
        self._waiting.append(accepted)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def _hold(self, size_bytes: int) -> None:
        self.held_bytes += size_bytes
        if self.held_bytes > self._max_held_bytes:
            raise Refused("too many deliveries are being received", 503)

    # -- publishing -----------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while self._waiting:
            accepted = self._waiting[0]  # it waits until it is published as a whole
            for event in accepted.events:
                await self._publish(accepted.address, event)
            self._waiting.popleft()
            self.held_bytes -= accepted.size_bytes

    async def _publish(self, address: Address, event: Event) -> None:
        await asyncio.sleep(0)  # a bus inside the process never waits, and others have work too
        if self._received is not None:
            try:
                self._received(address, event)
            except Exception:
                log.exception("webhook %s/%s: stored answers were not made stale", *address)
        backoff = Backoff()
        while True:
            try:
                await publish_event(self._bus, address, event)
                return
            except SourceError as exc:
                if not backoff.attempts:
                    log.warning("webhook %s/%s: an event could not be published yet: %s", *address, exc)
            except Exception:
                log.exception("webhook %s/%s: an event was lost", *address)
                return
            await self._sleep(backoff.next_s())


class _Body:
    """The body of one request; `hold` is told of each piece, and may raise where there is no room."""

    def __init__(self, receive: Receive, hold: Callable[[int], None], timeout_s: float) -> None:
        self._receive = receive
        self._hold = hold
        self._timeout_s = timeout_s
        self.size_bytes = 0

    async def read(self, headers: Headers, max_bytes: int) -> bytes:
        """Give it whole.

        Raises:
            RequestError: 413, it is too long, or says that it will be.
            Refused: 408, it took too long; 503, there is no room for it.
            Disconnected: the sender went away before it was whole.
        """
        nothing_yet: Message = {"type": "http.request", "more_body": True}
        try:
            async with asyncio.timeout(self._timeout_s):
                return await read_whole(nothing_yet, self._next, headers, max_bytes)
        except TimeoutError:
            raise Refused(f"the body was not there after {self._timeout_s:g} seconds", 408) from None

    async def _next(self) -> Message:
        message = await self._receive()
        size_bytes = len(message.get("body", b""))
        self.size_bytes += size_bytes
        self._hold(size_bytes)
        return message


class _Refusals:
    """What is refused at one address: it is logged once a minute."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._count = 0
        self._next_at = 0.0

    def note(self, reason: str) -> None:
        self._count += 1
        now = time.monotonic()
        if now >= self._next_at:
            many = "a delivery" if self._count == 1 else f"{self._count} deliveries, the last one"
            log.warning("webhook %s/%s: refused %s: %s", *self._address, many, reason)
            self._count, self._next_at = 0, now + _LOG_EVERY_S


def _address(path: str) -> Address:
    source, _, topic = path.removeprefix(PREFIX).partition("/")
    return source, topic


def _reason(exc: Refused | RequestError) -> str:
    return exc.reason if isinstance(exc, Refused) else exc.errors[0].message
