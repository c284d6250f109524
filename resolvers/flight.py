"""Single flight: identical questions that are under way share one answer.

Theory of operation. Whoever asks what is being worked on already waits for the same outcome. Everybody may leave before
the end (a client goes away, an operation's time is over) without harm to the others; when the last one leaves, the
work is cancelled. There are two ways to do the work:

    share   in a task of its own, which belongs to nobody; 2 to 4 µs
    lead    inline, in the task of the first to ask, at no cost. Who wants to end such a task calls `abandon`, which
            lets it go on while others wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Waits = set["asyncio.Future[Any]"]


class Abandoned(Exception):
    """Who worked on the answer was cancelled; ask again."""


class _Flight(Generic[T]):
    """Work under way, and who waits for it; `ends_alone` says that it is cancelled when nobody does.

    `over_at` is when the last of them gives up, on the event loop's clock.
    """

    __slots__ = ("ends_alone", "over_at", "task", "waiting")

    def __init__(self, ends_alone: bool) -> None:
        self.ends_alone = ends_alone
        self.over_at = float("-inf")
        self.task: asyncio.Task[Any] | None = None
        self.waiting: list[asyncio.Future[T]] = []


class Flights(Generic[T]):
    """The questions under way, by what identifies them."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}
        self._led: dict[asyncio.Task[Any], _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._flights

    def join(self, key: Hashable) -> asyncio.Future[T] | None:
        """Give what to wait for when somebody is at work on the question; None at once when nobody is.

        Awaiting it may raise `Abandoned`. Who no longer waits cancels it, and calls `abandon` if nobody else may know.
        """
        flight = self._flights.get(key)
        if flight is None:
            return None
        landed: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        flight.waiting.append(landed)
        return landed

    def left_s(self, key: Hashable) -> float:
        """Give the seconds until everybody who shares a question has given up."""
        flight = self._flights.get(key)
        return 0.0 if flight is None else flight.over_at - asyncio.get_running_loop().time()

    async def share(
        self,
        key: Hashable,
        work: Callable[[], Awaitable[T]],
        waits: Waits | None = None,
        *,
        over_at: float | None = None,
        keep: bool = False,
    ) -> T:
        """Give the outcome of ``work``, done once for all who share the key at the same time.

        Args:
            waits: holds, meanwhile, the future that is waited for; who sets an exception on it ends this wait alone.
            over_at: when this wait will be ended, on the event loop's clock; None for never.
            keep: whether the work is finished even when nobody waits for it any more.

        Raises:
            Exception: what ``work`` raised, to everybody who waited for it; or what ended this wait.
        """
        loop = asyncio.get_running_loop()
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(not keep)
            flight.task = loop.create_task(self._fly(key, flight, work))
        flight.over_at = max(flight.over_at, float("inf") if over_at is None else over_at)
        landed: asyncio.Future[T] = loop.create_future()
        flight.waiting.append(landed)
        if waits is not None:
            waits.add(landed)
        try:
            return await landed
        except BaseException:
            if landed in flight.waiting:
                self._leave(key, flight, landed)
            raise
        finally:
            if waits is not None:
                waits.discard(landed)

    async def lead(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Give the outcome of ``work`` like `share`, but do it here and now."""
        while (landing := self.join(key)) is not None:
            try:
                return await landing
            except Abandoned:
                continue
        flight = self._flights[key] = _Flight(ends_alone=False)
        flight.task = task = asyncio.current_task()
        if task is None:
            raise RuntimeError("work is done in tasks")
        self._led[task] = flight
        try:
            result = await work()
        except BaseException as exc:
            failure = exc if isinstance(exc, Exception) else Abandoned()
            for landed in self._land(key, flight):
                landed.set_exception(failure)
            raise
        finally:
            del self._led[task]
        if flight.waiting:
            for landed in self._land(key, flight):
                landed.set_result(result)
        else:
            del self._flights[key]
        return result

    def abandon(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task: at once, or as soon as nobody waits any more for what it leads."""
        flight = self._led.get(task)
        if flight is not None:
            flight.ends_alone = True
        else:
            task.cancel()
        asyncio.get_running_loop().call_soon(self._end_lonely)

    def _end_lonely(self) -> None:
        for task, flight in self._led.items():
            if flight.ends_alone and all(landed.done() for landed in flight.waiting):
                flight.ends_alone = False  # it is cancelled once: who counts cancellations must find one
                task.cancel()

    async def _fly(self, key: Hashable, flight: _Flight[T], work: Callable[[], Awaitable[T]]) -> None:
        try:
            result = await work()
        except Exception as exc:
            for landed in self._land(key, flight):
                landed.set_exception(exc)
        except BaseException as exc:
            # Work that says it was cancelled, although nobody cancelled it, has failed; whoever waits must hear of it.
            is_own = (
                isinstance(exc, asyncio.CancelledError) and flight.task is not None and not flight.task.cancelling()
            )
            for landed in self._land(key, flight):
                if is_own:
                    landed.set_exception(RuntimeError("the work was cancelled from inside"))
                else:
                    landed.cancel()
            raise
        else:
            for landed in self._land(key, flight):
                landed.set_result(result)

    def _land(self, key: Hashable, flight: _Flight[T]) -> list[asyncio.Future[T]]:
        if self._flights.get(key) is flight:
            del self._flights[key]
        waiting, flight.waiting = flight.waiting, []
        return [landed for landed in waiting if not landed.done()]

    def _leave(self, key: Hashable, flight: _Flight[T], landed: asyncio.Future[T]) -> None:
        flight.waiting.remove(landed)
        if flight.waiting or not flight.ends_alone or flight.task is None:
            return
        if self._flights.get(key) is flight:
            del self._flights[key]  # who asks now is not given an answer that nobody works on
        flight.task.cancel()
