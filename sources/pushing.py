"""What an author declares about events: the decorators of a subscription's fields.

`Pushing` is the part of `Rest` that declares how a backend pushes: it is asked again and again, streams events itself,
calls the gateway, or writes to Redis.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar, Unpack, cast, get_args

from sources.endpoint import Call, Endpoint, Overflow, Pushed, declared_headers, split_path, stale_types
from sources.errors import DeclarationError
from sources.event import Feed
from sources.poll import Poll
from sources.template import Template

F = TypeVar("F", bound=Callable[..., Any])
_MOST_BUFFERED = 100_000


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

        def feed() -> tuple[Feed, Endpoint]:
            endpoint = Endpoint("GET", Template(template), headers=declared_headers(headers))
            return Poll(endpoint, every), endpoint

        return self._pushed(feed, options, compares=True)

    def _pushed(
        self, feed: Callable[[], tuple[Feed, Endpoint]], options: PushOptions, *, compares: bool = False
    ) -> Callable[[F], F]:
        def build(where: str) -> Call:
            made, endpoint = feed()
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
                single=endpoint,
                key=paths,
                inputs=dict(options.get("inputs") or {}),
                invalidates=stale_types(options.get("invalidates", ())),
                ttl=0.0,
                deprecation_reason=options.get("deprecation_reason"),
                pushed=Pushed(
                    feed=made,
                    items=split_path(options.get("items")),
                    where=dict(options.get("where", {})),
                    key=paths,
                    overflow=overflow,
                    buffer=buffer,
                    compares=compares,
                ),
            )

        return self._marks(build)
