"""What stands between the calls to one backend and that backend: turns, a breaker, timeouts, retries, hedges.

Theory of operation. Every attempt takes a turn (`sources.bulkhead`), then a ticket (`sources.breaker`), and gives both
back however it ends. A call is one attempt, or for reads several, one after the other (`sources.retrying`) or a second
one beside the first (hedging). All of it happens within the timeout of the policy, which begins when the call comes,
and within what the operations that wait for it have left.

The usual call (a turn is free, the breaker is closed, there is nothing to repeat) costs no task and no timer: the
transport keeps the time. Where it cannot, or where some of the time is gone already, a timer of the event loop does.

Decisions are made by state machines with injected clocks; here they are only followed.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sources.breaker import NEVER, Circuit, State
from sources.budget import Budget
from sources.bulkhead import Bulkhead
from sources.errors import NotAsked, SourceError, UpstreamTimeout, UpstreamUnavailable
from sources.hedging import first_good, is_good
from sources.latencies import Latencies
from sources.policy import Policy
from sources.retrying import Retrying
from sources.transport import Reply

log = logging.getLogger("weft")

Attempt = Callable[..., Awaitable[Reply]]
Request = tuple[Any, ...]
Left = Callable[[], float]
_LATER = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a source is doing.

    Args:
        state: of its breaker.
        failure_ratio: share of the calls of the breaker's window that failed.
        in_flight: calls under way.
        waiting: calls that wait for their turn.
    """

    state: State
    failure_ratio: float
    in_flight: int
    waiting: int


class Shield:
    """Makes the calls to one source, as its policy says.

    Args:
        source: the backend's name, for failures and logs.
        chance: gives a number from 0 to 1.
        wall: gives the Unix time.
    """

    def __init__(
        self,
        source: str,
        policy: Policy,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._wall = wall
        self._repeats = policy.retries > 0 or policy.hedge
        self._bulkhead = Bulkhead(policy.limit, policy.queue)
        self._lasting = Bulkhead(max(1, policy.limit // 2), policy.queue)
        self._circuit = Circuit(policy.breaker or NEVER, clock=clock, chance=chance, told=self._tell)
        self._budget = Budget(policy.retry_budget)
        self._latencies = Latencies()

    @property
    def health(self) -> Health:
        """How the source is doing now."""
        return Health(
            state=self._circuit.state,
            failure_ratio=self._circuit.failure_ratio(),
            in_flight=self._bulkhead.taken,
            waiting=self._bulkhead.waiting,
        )

    async def send(
        self, attempt: Attempt, request: Request, *, reads: bool, keeps_time: bool, left: Left | None = None
    ) -> Reply:
        """Give the reply to a call, whatever its status.

        Args:
            attempt: makes the call once; raises only a `SourceError` when the backend did not answer.
            request: what it is given.
            reads: whether it may be made more than once.
            keeps_time: whether the attempt itself ends within the policy's timeout.
            left: gives the seconds for which anybody waits for it; None where that has no end.

        Raises:
            NotAsked: the backend was not asked, since it fails too often or too many wait for it.
            SourceError: it did not answer.
        """
        if reads and self._repeats:
            return await self._repeat(attempt, request, keeps_time, left)
        return await self._once(attempt, request, None, keeps_time)

    async def send_lasting(self, attempt: Attempt, request: Request) -> Reply:
        """Give the reply to a call that may take any time, since its body comes from a client; see `send`.

        It is made once; only its wait for a turn is bounded here. Such calls have half of the turns: clients that send
        slowly keep nobody out but each other.
        """
        ends_at = self._clock() + self._policy.timeout
        if not self._lasting.take():
            await self._wait_for_turn(self._lasting, ends_at)
        try:
            return await self._once(attempt, request, ends_at, True, lasts=True)
        finally:
            self._lasting.release()

    async def _once(
        self, attempt: Attempt, request: Request, ends_at: float | None, keeps_time: bool, *, lasts: bool = False
    ) -> Reply:
        bulkhead, circuit, clock = self._bulkhead, self._circuit, self._clock
        began_at = clock()
        if not bulkhead.take():
            ends_at = began_at + self._policy.timeout if ends_at is None else ends_at
            await self._wait_for_turn(bulkhead, ends_at)
            began_at, keeps_time = clock(), lasts
        ticket: int | None = None
        is_bad: bool | None = None
        try:
            ticket = circuit.admit()
            if ticket is None:
                raise self._left_alone()
            if keeps_time:
                reply = await attempt(*request)
            else:
                left_s = self._policy.timeout if ends_at is None else ends_at - began_at
                reply = await self._timed(attempt, request, left_s)
            is_bad = reply.status >= 500 and reply.status != 501
            return reply
        except (UpstreamTimeout, UpstreamUnavailable):
            is_bad = True
            raise
        finally:
            if ticket is not None:
                circuit.settle(ticket, is_bad, 0.0 if lasts else clock() - began_at)
            bulkhead.release()

    async def _timed(self, attempt: Attempt, request: Request, left_s: float) -> Reply:
        try:
            async with asyncio.timeout(left_s) as timeout:
                return await attempt(*request)
        except TimeoutError as exc:
            if not timeout.expired():
                raise
            raise self._too_late() from exc

    async def _wait_for_turn(self, bulkhead: Bulkhead, ends_at: float) -> None:
        if not self._circuit.admits():
            raise self._left_alone()
        if bulkhead.is_crowded:
            raise NotAsked(f"{self._source} is busy: too many calls wait for it already", source=self._source)
        try:
            async with asyncio.timeout(ends_at - self._clock()):
                await bulkhead.wait()
        except TimeoutError as exc:
            raise self._too_late() from exc

    async def _repeat(self, attempt: Attempt, request: Request, keeps_time: bool, left: Left | None) -> Reply:
        """Make attempts until one succeeds, or retries, budget or time run out; then its last outcome counts."""
        began_at = self._clock()
        ends_at = began_at + self._policy.timeout
        self._budget.note_call(began_at)
        retrying = Retrying(self._policy.retries, self._budget, chance=self._chance, wall=self._wall)
        reply: Reply | None = None
        failure: SourceError | None = None
        while True:
            try:
                reply = await self._attempt(attempt, request, ends_at, keeps_time)
                if reply.status not in _LATER:
                    return reply
            except NotAsked as exc:
                failure = failure or exc
                break
            except SourceError as exc:
                if not exc.retryable:
                    raise
                reply, failure = None, exc
            now = self._clock()
            left_s = ends_at - now if left is None else min(ends_at - now, left())
            asked = reply.header("retry-after") if reply is not None else None
            wait_s = retrying.wait_s(now, left_s, asked) if self._circuit.admits() else None
            if wait_s is None:
                break
            await self._sleep(wait_s)
            keeps_time = False
        if reply is not None:
            return reply
        raise failure or self._too_late()

    async def _attempt(self, attempt: Attempt, request: Request, ends_at: float, keeps_time: bool) -> Reply:
        """Make one attempt; where the policy hedges and it takes longer than most, a second one beside it."""
        if not self._policy.hedge:
            return await self._once(attempt, request, ends_at, keeps_time)
        began_at, p95_s = self._clock(), self._latencies.p95_s()
        first = functools.partial(self._once, attempt, request, ends_at, keeps_time)
        second = functools.partial(self._once, attempt, request, ends_at, False)
        reply = await (first() if p95_s is None else first_good(first, second, p95_s, self._may_hedge))
        if is_good(reply):
            self._latencies.add(self._clock() - began_at)
        return reply

    def _may_hedge(self) -> bool:
        is_sound = self._circuit.state is State.CLOSED and not self._bulkhead.is_full
        return is_sound and self._budget.take(self._clock())

    def _too_late(self) -> UpstreamTimeout:
        return UpstreamTimeout(f"{self._source} did not answer in time", source=self._source)

    def _left_alone(self) -> NotAsked:
        message = f"{self._source} is not asked for the moment: too many of its answers failed"
        return NotAsked(message, source=self._source)

    def _tell(self, circuit: Circuit) -> None:
        if circuit.state is State.OPEN:
            log.warning("source %r fails too often; it is not asked for %.1f s", self._source, circuit.open_s)
        elif circuit.state is State.HALF_OPEN:
            log.info("source %r is tried again", self._source)
        else:
            log.warning("source %r answers again", self._source)
