"""Single flight: identical questions that are under way share one answer.

The first to ask does the work inline, at no extra cost; who asks the same meanwhile waits for its outcome. When the
one at work is cancelled (its client went away), the others do not fail with it: one of them starts again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class GaveUp:
    """What those who wait for an answer get instead when the one at work went away."""


GAVE_UP = GaveUp()


class Flights(Generic[T]):
    """The questions under way, by what identifies them."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[asyncio.Future[T | GaveUp]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, key: Hashable) -> asyncio.Future[T | GaveUp] | None:
        """Give what to wait for: the outcome of who is at work on the question, or `GAVE_UP` when they go away.

        None at once when nobody is at work on it.
        """
        waiting = self._waiting.get(key)
        if waiting is None:
            return None
        landed: asyncio.Future[T | GaveUp] = asyncio.get_running_loop().create_future()
        waiting.append(landed)
        return landed

    async def share(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Give the outcome of ``work``, done once for all who share the key at the same time.

        Raises:
            Exception: what ``work`` raised, to everybody who waited for it.
        """
        while (landing := self.join(key)) is not None:
            outcome = await landing
            if not isinstance(outcome, GaveUp):
                return outcome
        self._waiting[key] = []
        try:
            result = await work()
        except Exception as exc:
            for landed in self._waiting.pop(key):
                if not landed.done():
                    landed.set_exception(exc)
            raise
        except BaseException:
            for landed in self._waiting.pop(key):
                if not landed.done():
                    landed.set_result(GAVE_UP)
            raise
        for landed in self._waiting.pop(key):
            if not landed.done():
                landed.set_result(result)
        return result
