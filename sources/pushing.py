"""What an author declares about events: the decorators of a subscription's fields.

`Pushing` is the part of `Rest` that declares how a backend pushes: it is asked again and again, streams events itself,
calls the gateway, or writes to Redis.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, cast, get_args

from sources.body import Json
from sources.delivery import Signature
from sources.endpoint import Call, Endpoint, Overflow, Pushed, declared_headers, split_path, stale_types
from sources.errors import DeclarationError
from sources.event import Feed
from sources.poll import Poll
from sources.sse import ServerSent
from sources.template import Template
from sources.webhook import Webhook
from sources.websocket import WebSocketStream

if TYPE_CHECKING:
    from sources.redis import Redis

F = TypeVar("F", bound=Callable[..., Any])
_MOST_BUFFERED = 100_000
_ANSWERED = Endpoint("GET", Template("/"))  # stands where a call has an endpoint; an event is there without asking


class PushOptions(TypedDict, total=False):
    """What every way to push can be told.

    Args:
        items: dotted path to the payload inside an event.
        where: for an argument that filters events, the dotted path to what it must equal. An argument that no
            template takes filters by the property of its own name, as the source spells it.
        key: dotted path, or paths, to what tells an event's objects apart; left out, it is the key of the field's type.
        overflow: what becomes of events that a subscriber takes too slowly: ``"close"`` ends the subscription with an
            error, ``"latest"`` keeps the newest event of each key, ``"drop_oldest"`` drops the oldest ones.
        buffer: how many events a subscriber may be behind.
        invalidates: types whose stored answers an event makes stale, besides the object that it tells of; as a
            mapping, each type with the dotted path to the key of the one object concerned.
        inputs: template variable to the argument that supplies it, where the names differ.
        deprecation_reason: why clients should no longer use the field.
    """

    items: str | None
    where: Mapping[str, str]
    key: str | Sequence[str]
    overflow: Overflow
    buffer: int
    invalidates: Sequence[str | type] | Mapping[str | type, str | None]
    inputs: Mapping[str, str] | None
    deprecation_reason: str | None


class Pushing(abc.ABC):
    """The decorators of `Rest` for fields of a subscription."""

    @abc.abstractmethod
    def _marks(self, build: Callable[[str], Call]) -> Callable[[F], F]:
        """Give the decorator that attaches a call to a stub; what building it raises is a fault of the source."""

    def poll(
        self, template: str, *, every: float, headers: Mapping[str, str] | None = None, **options: Unpack[PushOptions]
    ) -> Callable[[F], F]:
        """Declare that ``GET template`` is asked again and again, and that what has changed in its answer is an event.

        An answer that is a list, for a field that is none, is compared object by object, by their keys.

        Args:
            every: seconds between two calls, of which there is one for all who subscribe alike.
            headers: header name to a fixed text or ``{variable}``.
        """

        def made() -> Feed:
            return Poll(Endpoint("GET", Template(template), headers=declared_headers(headers)), every)

        return self._pushed(made, options, compares=True)

    def sse(
        self,
        template: str,
        *,
        events: str | Sequence[str] = (),
        resumes: bool | None = None,
        idle: float | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Unpack[PushOptions],
    ) -> Callable[[F], F]:
        """Declare that the backend streams its events, as ``text/event-stream``, at ``GET template``.

        The stream is opened again when it breaks, from the last event on.

        Args:
            events: the kinds that count; ``"message"`` is the kind of those without a name. Without any, all do.
            resumes: whether the backend sends what was missed; None: where its events have ids. Where it does not,
                subscribers are told of every interruption.
            idle: seconds without a byte after which the stream is taken for dead.
            headers: header name to a fixed text or ``{variable}``.
        """

        def made() -> Feed:
            endpoint = Endpoint("GET", Template(template), headers=declared_headers(headers))
            return ServerSent(endpoint, events, resumes, idle)

        return self._pushed(made, options)

    def websocket(
        self,
        template: str,
        *,
        send: Json = None,
        names: str | None = None,
        events: str | Sequence[str] = (),
        answers: Mapping[str, Json] | None = None,
        ping: float | None = 20.0,
        headers: Mapping[str, str] | None = None,
        **options: Unpack[PushOptions],
    ) -> Callable[[F], F]:
        """Declare that the backend sends its events, as JSON texts, over a WebSocket at this path.

        Args:
            send: a JSON skeleton with ``{argument}`` holes, sent when the connection is there; a list is several
                messages.
            names: dotted path to what names a message's kind.
            events: the kinds that count; without any, all do.
            answers: for kinds of messages that want one, the JSON skeleton of the answer; they are no events.
            ping: seconds between two pings, by which a dead connection is noticed; None sends none.
            headers: header name to a fixed text or ``{variable}``.
        """

        def made() -> Feed:
            endpoint = Endpoint("GET", Template(template), headers=declared_headers(headers))
            return WebSocketStream(endpoint, send, names=names, events=events, answers=answers, ping_s=ping)

        return self._pushed(made, options)

    def webhook(
        self,
        topic: str,
        *,
        signature: Signature | None = None,
        events: Sequence[str] = (),
        each: bool = False,
        max_body_bytes: int = 1_000_000,
        **options: Unpack[PushOptions],
    ) -> Callable[[F], F]:
        """Declare that the backend posts its events to ``/webhooks/{name of the source}/{topic}``.

        Args:
            signature: how a delivery proves that it is the backend's: `Stripe`, `GitHub`, `Shopify`, `Hmac`,
                `SharedSecret`; `Unsigned()` where it need not.
            events: the kinds that are taken; without any, all but those that only try out the address.
            each: whether a delivery is an array of which each item is an event.
            max_body_bytes: longest body that is read.
        """
        return self._pushed(lambda: Webhook(topic, signature, events, each, max_body_bytes), options)

    def channel(self, name: str, redis: Redis, **options: Unpack[PushOptions]) -> Callable[[F], F]:
        """Declare that the backend publishes its events, as JSON texts, on a channel of Redis.

        Args:
            name: with variables: ``orders.{id}``.
        """
        from sources.redis_feed import RedisChannel  # which loads redis-py: only for those who use it

        return self._pushed(lambda: RedisChannel(name, redis), options)

    def stream(
        self, name: str, redis: Redis, *, field: str | None = None, **options: Unpack[PushOptions]
    ) -> Callable[[F], F]:
        """Declare that the backend adds its events to a stream of Redis.

        Args:
            name: the stream's key, with variables.
            field: the field of an entry that holds the JSON text; when left out it is ``data`` where there is one, and
                else the entry itself is the event, an object of texts.
        """
        from sources.redis_feed import RedisStream  # see above

        return self._pushed(lambda: RedisStream(name, redis, field), options)

    def feed(self, feed: Feed, **options: Unpack[PushOptions]) -> Callable[[F], F]:
        """Declare that a feed of the author's own gives the events, as the source spells them.

        Args:
            feed: any object with the attributes of `Feed`.
        """
        return self._pushed(lambda: feed, options)

    def _pushed(self, made: Callable[[], Feed], options: PushOptions, *, compares: bool = False) -> Callable[[F], F]:
        def build(where: str) -> Call:
            feed = made()
            key = options.get("key", ())
            paths = (key,) if isinstance(key, str) else tuple(key)
            for path in (*paths, *options.get("where", {}).values()):
                split_path(path)
            overflow, buffer = options.get("overflow", "close"), options.get("buffer", 64)
            if overflow not in get_args(Overflow):
                raise DeclarationError(f"overflow={overflow!r}: expected one of {', '.join(get_args(Overflow))}")
            if not 1 <= buffer <= _MOST_BUFFERED:
                raise DeclarationError(f"buffer={buffer!r}: expected a number of events from 1 to {_MOST_BUFFERED}")
            return Call(
                source=cast(Any, self),
                single=_ANSWERED,
                key=paths,
                inputs=dict(options.get("inputs") or {}),
                invalidates=stale_types(options.get("invalidates", ())),
                ttl=0.0,
                deprecation_reason=options.get("deprecation_reason"),
                pushed=Pushed(
                    feed=feed,
                    items=split_path(options.get("items")),
                    where=dict(options.get("where", {})),
                    key=paths,
                    overflow=overflow,
                    buffer=buffer,
                    compares=compares,
                ),
            )

        return self._marks(build)
