"""Identical subscriptions: each burst of events is answered once, and every subscriber gets the same text.

Theory of operation. A `Channel` stands for an operation with its variables and whatever of the client it may depend on.
Events wait in its backlog; its task takes all that wait, has them answered together, and gives each answer to every
subscriber. Meanwhile more may come, and wait. Nobody waits for a subscriber: an answer that it cannot take at once
waits in its own backlog, which is bounded, and the field's overflow says what happens when that is full.

A channel ends when its last subscriber leaves, or when there will be no more events; then each subscriber still gets
what waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import graphql
import msgspec

from graph.errors import log, report
from graph.holding import SUBSCRIBER, Answer, Holding
from resolvers import Backlog, Occasion, Told
from sources import Gap, Overflow, SourceError

_MOST_TOGETHER = 100
_AT_ONCE = 200
_NOTICE = "\0"  # the key of what is told of events; no object has it
Perform = Callable[[list[Occasion]], Awaitable[list[str]]]
Failure = list[graphql.GraphQLError]


class Subscriber:
    """One client's subscription: answers, one after the other.

    Args:
        again: subscribes it anew, where the graph is replaced.
        size_bytes: what it holds besides answers, estimated.

    `failure` says why it is over, where it did not simply complete.
    """

    __slots__ = ("_overflow", "_taken", "_waiting", "_woken", "again", "channel", "failure", "is_over", "size_bytes")

    def __init__(
        self,
        buffer: int,
        overflow: Overflow,
        again: Callable[[Any], Awaitable[None]] | None = None,
        size_bytes: int = SUBSCRIBER,
    ) -> None:
        self.again = again
        self.size_bytes = size_bytes
        self._overflow: Overflow = overflow
        self.channel: Channel | None = None
        self.failure: Failure | None = None
        self.is_over = False
        self._waiting: Backlog[Answer] = Backlog(buffer, overflow)
        self._woken: asyncio.Future[None] | None = None
        self._taken: asyncio.Future[None] | None = None

    async def next(self) -> str | None:
        """Give the next answer, an execution result as JSON text; None when there will be no more."""
        while not self._waiting:
            if self.is_over:
                return None
            self._woken = asyncio.get_running_loop().create_future()
            await self._woken
        return self.take()

    def take(self) -> str | None:
        """Give the next answer if it is there."""
        if not self._waiting:
            return None
        answer = self._waiting.take()
        if self._taken is not None and not self._waiting:
            _wake(self._taken)
        return answer.text

    def close(self) -> None:
        """Leave: the client wants no more. It may be called at any time, and again."""
        self._waiting.clear()
        self.end()

    def put(self, key: str | None, answer: Answer) -> None:
        """Give it an answer, which waits until it is taken."""
        if self.is_over:
            return
        if self._waiting.put(key, answer):
            _wake(self._woken)
            return
        self._waiting.clear()
        self.end([overflow("the client took the answers more slowly than the events came")])

    def shed(self) -> None:
        """Lose what waits: there is too much of it in the whole server."""
        if not self._waiting:
            return
        self._waiting.clear()
        if self._overflow == "close":
            self.end([overflow("the client took the answers slowly, and too much waits for slow clients")])

    def end(self, failure: Failure | None = None) -> None:
        """Say that no more will come; what waits may still be taken."""
        if self.is_over:
            return
        self.is_over, self.failure = True, failure
        self.again = None  # which refers to this
        channel, self.channel = self.channel, None
        if channel is not None:
            channel.leave(self)
        _wake(self._woken)
        _wake(self._taken)

    async def taken(self) -> None:
        """Wait until it has taken everything."""
        while self._waiting and not self.is_over:
            self._taken = asyncio.get_running_loop().create_future()
            await self._taken


class Channel:
    """Answers the events of identical subscriptions.

    Args:
        perform: answers events, each with the JSON text of an execution result.
        ended: is told once that it has ended.
        holding: the account of what it and its subscribers hold.

    `carrier` is what carries its events where that outlives a graph; None where every graph listens for itself.
    """

    def __init__(
        self, perform: Perform, buffer: int, overflow: Overflow, ended: Callable[[], None], holding: Holding
    ) -> None:
        self._holding = holding
        self.subscribers: dict[Subscriber, None] = {}
        self.buffer = buffer
        self.overflow: Overflow = overflow
        self.leave_topic: Callable[[], None] | None = None
        self.carrier: object = None
        self._is_answering = False
        self._perform = perform
        self._ended = ended
        self._backlog: Backlog[Occasion | Gap | SourceError] = Backlog(buffer, overflow)
        self._woken: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._end: Failure | None = None
        self._is_ending = False

    def enter(self, subscriber: Subscriber) -> None:
        """Let a subscriber have all answers from now on."""
        subscriber.channel = self
        self.subscribers[subscriber] = None
        self._holding.held_bytes += subscriber.size_bytes

    def leave(self, subscriber: Subscriber) -> None:
        """Let a subscriber go; with the last one, the channel ends."""
        if subscriber in self.subscribers:
            del self.subscribers[subscriber]
            self._holding.held_bytes -= subscriber.size_bytes
        if not self.subscribers:
            self.stop()

    def warn(self, subscriber: Subscriber, gap: Gap) -> None:
        """Tell one subscriber that events may be missing."""
        subscriber.put(_NOTICE, Answer(_told(gap), self._holding))

    def hands_over(self, after: Channel) -> bool:
        """Tell whether who goes on with another channel from now on misses nothing."""
        is_behind = self._is_answering or bool(self._backlog)
        return self.carrier is not None and self.carrier is after.carrier and not is_behind

    def stop(self) -> None:
        """End at once: nobody is left."""
        ended, self._ended = self._ended, _nothing
        ended()
        leave, self.leave_topic = self.leave_topic, None
        if leave is not None:
            leave()
        if self._task is not None:  # perhaps the one that runs: it goes no further than to its next wait
            self._task.cancel()

    # -- events of a topic ----------------------------------------------------------------------------------------

    def start(self) -> asyncio.Task[None]:
        """Begin to answer what is heard."""
        self._task = asyncio.get_running_loop().create_task(self._answer())
        return self._task

    def hear(self, told: Told) -> None:
        """Take occasions, or tell the subscribers why some may be missing."""
        heard = [told] if isinstance(told, Gap | SourceError) else told
        for one in heard:
            if not self._backlog.put(one.key if isinstance(one, Occasion) else _NOTICE, one):
                self._finish([overflow("events came faster than they could be answered")])
                return
        _wake(self._woken)

    def end(self, failure: SourceError | None) -> None:
        """Take that nothing more will come; what waits is still answered."""
        self._end = None if failure is None else [graphql.GraphQLError(str(failure), original_error=failure)]
        self._is_ending = True
        _wake(self._woken)

    async def _answer(self) -> None:
        backlog = self._backlog
        while True:
            while not backlog:
                if self._is_ending:
                    self._finish(self._end)
                    return
                self._woken = asyncio.get_running_loop().create_future()
                await self._woken
            burst = [backlog.take() for _ in range(min(len(backlog), _MOST_TOGETHER))]
            self._is_answering = True
            for is_event, together in itertools.groupby(burst, lambda one: isinstance(one, Occasion)):
                if is_event:
                    await self._answer_together([one for one in together if isinstance(one, Occasion)])
                    continue
                for notice in together:
                    await self._deliver(_NOTICE, _told(notice))
            self._is_answering = False

    # -- values of a generator ------------------------------------------------------------------------------------

    def follow(self, stream: Any, perform: Callable[[Any], Awaitable[str]], *, is_shared: bool) -> asyncio.Task[None]:
        """Begin to answer the values of an author's generator.

        Args:
            is_shared: whether it runs for all who subscribe alike; else it is asked for a value when the last answer
                has been taken.
        """
        self._task = asyncio.get_running_loop().create_task(self._follow(stream, perform, is_shared))
        return self._task

    async def _follow(self, stream: Any, perform: Callable[[Any], Awaitable[str]], is_shared: bool) -> None:
        failure: Failure | None = None
        try:
            async for value in stream:
                await self._deliver(None, await perform(value))
                if not is_shared:
                    for subscriber in tuple(self.subscribers):
                        await subscriber.taken()
        except (Exception, asyncio.CancelledError) as exc:  # the author's code may raise anything
            task = asyncio.current_task()
            if isinstance(exc, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            cause = exc if isinstance(exc, Exception) else RuntimeError("a generator cancelled itself")
            failure = [exc if isinstance(exc, graphql.GraphQLError) else _raised(cause)]
        finally:
            await close_stream(stream)
        self._finish(failure)

    # -- subscribers ----------------------------------------------------------------------------------------------

    async def _answer_together(self, burst: list[Occasion]) -> None:
        try:
            texts = await self._perform(burst)
        except Exception:  # a fault of ours costs these events their answers, not the subscription
            if len(burst) > 1:  # nor does it cost those that came with the one concerned
                for occasion in burst:
                    await self._answer_together([occasion])
                return
            log.exception("an event could not be answered")
            texts = [_text(report(failed()))] * len(burst)
        for occasion, text in zip(burst, texts, strict=True):
            await self._deliver(occasion.key, text)

    async def _deliver(self, key: str | None, text: str) -> None:
        answer = Answer(text, self._holding)
        for number, subscriber in enumerate(tuple(self.subscribers), 1):
            if subscriber.channel is self:
                if self._holding.is_short:
                    subscriber.shed()
                subscriber.put(key, answer)
            if not number % _AT_ONCE:
                await asyncio.sleep(0)  # let those send it; in one round, ten thousand would hold the event loop

    def _finish(self, failure: Failure | None) -> None:
        subscribers: Sequence[Subscriber] = tuple(self.subscribers)
        for subscriber in subscribers:
            subscriber.end(failure)
        self.stop()


def overflow(message: str) -> graphql.GraphQLError:
    """Give the error of a subscription that cannot keep up."""
    return graphql.GraphQLError(message, extensions={"code": "SUBSCRIPTION_OVERFLOW"})


async def close_stream(stream: Any) -> None:
    """Close an author's generator, or whatever stands for one."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        with contextlib.suppress(Exception):  # the author's own clearing up
            await close()


def _raised(exc: Exception) -> graphql.GraphQLError:
    return graphql.GraphQLError(str(exc), original_error=exc)


def _told(notice: Any) -> str:
    """Give the answer that says why events may be missing, or why none come."""
    if isinstance(notice, Gap):
        return _text(report(graphql.GraphQLError(notice.reason, extensions={"code": "EVENTS_LOST"})))
    return _text(report(graphql.GraphQLError(str(notice), original_error=notice)))


def _text(error: dict[str, Any]) -> str:
    return msgspec.json.encode({"errors": [error], "data": None}).decode()


def failed() -> graphql.GraphQLError:
    """Give the error of what failed by a fault of ours; the log says more."""
    return graphql.GraphQLError("Internal server error", extensions={"code": "INTERNAL_SERVER_ERROR"})


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


def _nothing() -> None:
    pass
