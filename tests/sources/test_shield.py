"""What stands between calls and a backend: the order of things, with a clock that only waits move."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from sources import NotAsked, Policy, Reply, SourceError, State, UpstreamInvalid, UpstreamTimeout, UpstreamUnavailable
from sources.breaker import Breaker
from sources.shield import Shield

pytestmark = pytest.mark.anyio

TIMEOUT = UpstreamTimeout("s did not answer in time", source="s")
GONE = UpstreamUnavailable("s cannot be reached", source="s")
NONSENSE = UpstreamInvalid("s did not answer in HTTP", source="s")


class Wire:
    """A shield over answers in order, the last one for ever; `waits` are its waits between attempts."""

    def __init__(self, *answers: Any, takes_s: float = 0.0, chance: float = 1.0, **policy: Any) -> None:
        self.now = 1000.0
        self.calls = 0
        self.waits: list[float] = []
        self._answers = list(answers)
        self._takes_s = takes_s
        self.shield = Shield(
            "s",
            Policy(**policy),
            clock=lambda: self.now,
            sleep=self.sleep,
            chance=lambda: chance,
            wall=lambda: 0.0,
        )

    async def sleep(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        self.now += wait_s

    async def attempt(self) -> Reply:
        self.calls += 1
        self.now += self._takes_s
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Exception):
            raise answer
        status, asked = answer if isinstance(answer, tuple) else (answer, None)
        return Reply(status, b"{}", lambda name: asked if name == "retry-after" else None)

    async def send(self, *, reads: bool = True, left: Callable[[], float] | None = None) -> int | str:
        """Give the status, or the failure's text."""
        try:
            reply = await self.shield.send(self.attempt, (), reads=reads, keeps_time=True, left=left)
        except SourceError as exc:
            return str(exc)
        return reply.status


# -- retries ----------------------------------------------------------------------------------------------------------


async def test_a_read_that_fails_for_the_moment_is_made_again() -> None:
    wire = Wire(503, TIMEOUT, GONE, 429, 200, retries=4)
    assert (await wire.send(), wire.calls, wire.waits) == (200, 5, [0.1, 0.2, 0.4, 0.8])


async def test_a_write_is_made_once() -> None:
    for failure in (503, TIMEOUT, GONE):
        wire = Wire(failure, 200, retries=4, hedge=True)
        await wire.send(reads=False)
        assert wire.calls == 1


async def test_what_time_does_not_change_is_not_asked_again() -> None:
    for failure in (400, 404, 500, 501, NONSENSE):
        wire = Wire(failure, 200, retries=4)
        await wire.send()
        assert wire.calls == 1


async def test_the_last_outcome_counts() -> None:
    assert await Wire(TIMEOUT, 503, retries=1).send() == 503
    assert await Wire(503, TIMEOUT, retries=1).send() == "s did not answer in time"


async def test_no_attempt_begins_after_the_time_of_the_policy() -> None:
    wire = Wire(503, retries=9, timeout=10.0, takes_s=3.0)
    assert (await wire.send(), wire.calls) == (503, 4)
    assert wire.now <= 1000.0 + 10.0 + 3.0


async def test_no_attempt_begins_after_the_time_of_who_waits_for_it() -> None:
    wire = Wire(503, retries=9, timeout=100.0, takes_s=3.0)
    assert (await wire.send(left=lambda: 1010.0 - wire.now), wire.calls) == (503, 4)


async def test_a_backend_that_asks_for_more_time_than_there_is_gets_no_second_attempt() -> None:
    wire = Wire((503, "11"), 200, retries=3, timeout=10.0)
    assert (await wire.send(), wire.calls, wire.waits) == (503, 1, [])
    wire = Wire((503, "9"), 200, retries=3, timeout=10.0)
    assert (await wire.send(), wire.calls, wire.waits) == (200, 2, [9.0])
    wire = Wire((503, "Thu, 01 Jan 1970 00:00:07 GMT"), 200, retries=3, timeout=10.0)
    assert (await wire.send(), wire.calls, wire.waits) == (200, 2, [7.0])


async def test_a_dead_backend_is_not_hammered_with_retries() -> None:
    wire = Wire(503, chance=0.0, retries=3, retry_budget=0.1, breaker=None)
    for _ in range(100):
        assert await wire.send() == 503
    assert wire.calls == 100 + 10 + 10  # a tenth of the calls, and those that are always granted


# -- the breaker ------------------------------------------------------------------------------------------------------


async def test_a_backend_that_mostly_fails_is_left_alone_and_tried_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "weft")
    wire = Wire(*[500] * 20, 200)
    for _ in range(20):
        assert await wire.send() == 500
    for reads in (True, False):
        assert await wire.send(reads=reads) == "s is not asked for the moment: too many of its answers failed"
    assert (wire.calls, wire.shield.health.state, wire.shield.health.failure_ratio) == (20, State.OPEN, 1.0)
    wire.now += 5
    assert [await wire.send() for _ in range(3)] == [200] * 3
    assert (wire.calls, wire.shield.health.state) == (23, State.CLOSED)
    assert [record.getMessage() for record in caplog.records] == [
        "source 's' fails too often; it is not asked for 5.0 s",
        "source 's' is tried again",
        "source 's' answers again",
    ]


@pytest.mark.parametrize("answer", [400, 404, 429, 501, 301, NONSENSE])
async def test_what_is_no_failure_of_the_backend_leaves_the_breaker_closed(answer: Any) -> None:
    wire = Wire(answer)
    for _ in range(50):
        await wire.send()
    assert (wire.calls, wire.shield.health.failure_ratio) == (50, 0.0)


async def test_calls_that_were_cancelled_leave_the_breaker_closed_and_their_turns() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    wire = Wire(hang)
    sending = [asyncio.create_task(wire.send()) for _ in range(50)]
    await asyncio.sleep(0)
    assert wire.shield.health.in_flight == 50
    for task in sending:
        task.cancel()
    await asyncio.wait(sending)
    health = wire.shield.health
    assert (health.state, health.failure_ratio, health.in_flight) == (State.CLOSED, 0.0, 0)


async def test_a_breaker_that_opens_between_attempts_leaves_the_failure_at_hand() -> None:
    wire = Wire(503, retries=5, retry_budget=9.0, breaker=Breaker(calls=3))
    assert (await wire.send(), wire.calls) == (503, 3)


async def test_who_waits_for_a_turn_does_not_ask_a_backend_that_is_left_alone_by_then() -> None:
    opening = asyncio.Event()

    async def fail() -> int:
        await opening.wait()
        return 503

    wire = Wire(fail, limit=4, breaker=Breaker(calls=4))
    sending = [asyncio.create_task(wire.send()) for _ in range(100)]
    await asyncio.sleep(0)
    opening.set()
    outcomes = await asyncio.gather(*sending)
    assert (wire.calls, outcomes.count(503)) == (4, 4)
    assert set(outcomes[4:]) == {"s is not asked for the moment: too many of its answers failed"}
    assert (wire.shield.health.in_flight, wire.shield.health.waiting) == (0, 0)


# -- turns ------------------------------------------------------------------------------------------------------------


async def test_more_calls_than_may_wait_fail_at_once() -> None:
    leaving = asyncio.Event()

    async def answer() -> int:
        await leaving.wait()
        return 200

    wire = Wire(answer, limit=2, queue=3, retries=5)
    sending = [asyncio.create_task(wire.send()) for _ in range(8)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert (wire.shield.health.in_flight, wire.shield.health.waiting) == (2, 3)
    refused = [task.result() for task in sending if task.done()]
    assert refused == ["s is busy: too many calls wait for it already"] * 3
    leaving.set()
    assert [await task for task in sending] == [200] * 5 + refused


async def test_calls_that_last_as_long_as_their_clients_like_keep_nobody_else_out() -> None:
    leaving = asyncio.Event()

    async def answer() -> int:
        await leaving.wait()
        return 200

    async def upload() -> str | int:
        try:
            return (await wire.shield.send_lasting(wire.attempt, ())).status
        except SourceError as exc:
            return str(exc)

    wire = Wire(answer, limit=4, queue=3)
    uploads = [asyncio.create_task(upload()) for _ in range(6)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert wire.shield.health.in_flight == 2
    assert [task.result() for task in uploads if task.done()] == ["s is busy: too many calls wait for it already"]
    others = [asyncio.create_task(wire.send()) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert (wire.shield.health.in_flight, wire.shield.health.waiting) == (4, 0)
    leaving.set()
    assert [await task for task in (*others, *uploads[:5])] == [200] * 7
    assert wire.shield.health.in_flight == 0


async def test_who_waits_long_to_send_what_lasts_is_too_late() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    wire = Wire(hang, limit=3, timeout=0.02)
    first = asyncio.create_task(wire.shield.send_lasting(wire.attempt, ()))
    await asyncio.sleep(0)
    with pytest.raises(UpstreamTimeout):
        await wire.shield.send_lasting(wire.attempt, ())
    assert (wire.calls, wire.shield.health.in_flight) == (1, 1)
    first.cancel()
    await asyncio.wait([first])


async def test_the_wait_for_a_turn_counts() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    wire = Wire(hang, limit=1, timeout=0.02)
    first = asyncio.create_task(wire.send())
    await asyncio.sleep(0)
    assert await wire.send() == "s did not answer in time"
    assert (wire.calls, wire.shield.health.waiting) == (1, 0)
    first.cancel()
    await asyncio.wait([first])


async def test_a_call_whose_transport_keeps_no_time_is_timed_here() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    wire = Wire(hang, timeout=0.02)
    with pytest.raises(UpstreamTimeout, match="s did not answer in time"):
        await wire.shield.send(wire.attempt, (), reads=False, keeps_time=False)
    assert wire.shield.health.failure_ratio == 1.0


async def test_a_timeout_that_is_not_ours_is_not_taken_for_one() -> None:
    async def fail() -> None:
        raise TimeoutError("of the application itself")

    wire = Wire(fail)
    with pytest.raises(TimeoutError, match="of the application itself"):
        await wire.shield.send(wire.attempt, (), reads=True, keeps_time=False)


# -- hedging ----------------------------------------------------------------------------------------------------------


class Hedged(Wire):
    """Twenty calls have been answered at once; those that follow are held until they are released."""

    def __init__(self, *answers: Any, **policy: Any) -> None:
        super().__init__(*[200] * 20, *(self.held(answer) for answer in answers), hedge=True, **policy)
        self.releases: list[asyncio.Event] = []
        self.ended = 0

    def held(self, answer: Any) -> Callable[[], Any]:
        async def wait() -> Any:
            released = asyncio.Event()
            self.releases.append(released)
            try:
                await released.wait()
            finally:
                self.ended += 1
            return answer

        return wait

    async def begin(self, *, calls: int) -> asyncio.Task[int | str]:
        """Begin the call that is held, once so many attempts of it are under way."""
        for _ in range(20):
            assert await self.send() == 200
        sending = asyncio.create_task(self.send())
        async with asyncio.timeout(5):
            while len(self.releases) < calls:  # noqa: ASYNC110  # a timer begins the second
                await asyncio.sleep(0.001)
        return sending


async def test_a_read_that_takes_longer_than_most_is_sent_again_and_the_first_good_answer_counts() -> None:
    wire = Hedged(200, 204)
    sending = await wire.begin(calls=2)
    wire.releases[1].set()
    assert (await sending, wire.calls, wire.ended) == (204, 22, 2)
    assert wire.shield.health.in_flight == 0


async def test_the_first_attempt_may_still_win() -> None:
    wire = Hedged(200, 204)
    sending = await wire.begin(calls=2)
    wire.releases[0].set()
    assert (await sending, wire.ended) == (200, 2)


async def test_a_bad_answer_waits_for_the_other_attempt() -> None:
    for bad in (503, 429, GONE):
        wire = Hedged(bad, 200)
        sending = await wire.begin(calls=2)
        wire.releases[0].set()
        for _ in range(5):
            await asyncio.sleep(0)
        wire.releases[1].set()
        assert await sending == 200


async def test_of_two_bad_answers_the_first_attempts_counts() -> None:
    wire = Hedged(503, GONE)
    sending = await wire.begin(calls=2)
    wire.releases[1].set()
    wire.releases[0].set()
    assert await sending == 503


async def test_a_client_that_leaves_ends_both_attempts() -> None:
    wire = Hedged(200, 200)
    sending = await wire.begin(calls=2)
    sending.cancel()
    await asyncio.wait([sending])
    assert (wire.ended, wire.shield.health.in_flight) == (2, 0)


async def test_second_attempts_come_out_of_the_budget() -> None:
    wire = Hedged(*[200] * 40, retry_budget=0.0, breaker=None, limit=100)
    first = await wire.begin(calls=2)
    others = [asyncio.create_task(wire.send()) for _ in range(19)]
    for _ in range(60):
        await asyncio.sleep(0.001)
    assert len(wire.releases) == 20 + 10
    for released in wire.releases:
        released.set()
    assert await asyncio.gather(first, *others) == [200] * 20


async def test_no_second_attempt_is_made_where_no_turn_is_free() -> None:
    wire = Hedged(200, 200, limit=1)
    sending = await wire.begin(calls=1)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert len(wire.releases) == 1
    wire.releases[0].set()
    assert await sending == 200


async def test_a_second_attempt_that_is_refused_leaves_the_first() -> None:
    assert issubclass(NotAsked, UpstreamUnavailable)
    wire = Hedged(200, NotAsked("s is busy", source="s"))
    sending = await wire.begin(calls=2)
    wire.releases[1].set()
    for _ in range(5):
        await asyncio.sleep(0)
    wire.releases[0].set()
    assert await sending == 200
