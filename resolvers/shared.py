"""`shared`: an async generator that runs once for all clients that subscribe alike."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from sources import DeclarationError, Overflow

G = TypeVar("G", bound=Callable[..., AsyncGenerator[Any]])
_MARK = "__weft_shared__"


@dataclass(frozen=True, slots=True)
class Shared:
    """How a shared generator's values wait for each subscriber; see `sources.Pushed`."""

    overflow: Overflow = "close"
    buffer: int = 64


def shared(*, overflow: Overflow = "close", buffer: int = 64) -> Callable[[G], G]:
    """Run an async generator once for all clients that subscribe alike, instead of once for each.

        @strawberry.subscription
        @shared()
        async def ticks(self) -> AsyncGenerator[Tick]: ...

    Who subscribes later gets what is given from then on. The generator ends when the last of them has gone. It must not
    look at ``info``, which is another client's.

    Args:
        overflow: what becomes of values that a subscriber takes too slowly: ``"close"`` ends its subscription with an
            error, ``"latest"`` keeps only the newest value, ``"drop_oldest"`` drops the oldest ones.
        buffer: how many values a subscriber may be behind.

    Raises:
        DeclarationError: there is no such overflow, or the buffer holds nothing.
    """
    if overflow not in get_args(Overflow):
        raise DeclarationError(f"overflow={overflow!r}: expected one of {', '.join(get_args(Overflow))}")
    if buffer < 1:
        raise DeclarationError(f"buffer={buffer!r}: expected one value or more")

    def mark(function: G) -> G:
        setattr(function, _MARK, Shared(overflow, buffer))
        return function

    return mark


def shared_of(function: object) -> Shared | None:
    """Give what `shared` attached to a generator, if anything."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, Shared) else None
