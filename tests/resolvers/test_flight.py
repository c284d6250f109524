"""Single flight: one answer for all who ask the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from resolvers import Abandoned, Flights


class Work:
    """Work that is done when the test says so, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> str:
        self.begun += 1
        number = self.begun
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return f"answer {number}"


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def shares(flights: Flights[str], work: Callable[[], Awaitable[str]], count: int) -> list[asyncio.Task[str]]:
    async def share() -> str:
        return await flights.share("question", work)

    return [asyncio.create_task(share()) for _ in range(count)]


async def test_who_asks_the_same_at_the_same_time_shares_one_answer() -> None:
    flights, work = Flights[str](), Work()
    tasks = shares(flights, work, 5)
    await settle()
    assert len(flights) == 1
    work.gate.set()
    assert await asyncio.gather(*tasks) == ["answer 1"] * 5
    assert work.begun == 1
    assert len(flights) == 0


async def test_different_questions_do_not_share() -> None:
    flights, work = Flights[str](), Work()
    work.gate.set()
    answers = await asyncio.gather(*(flights.share(key, work) for key in ("a", "b", ("a", "b"))))
    assert sorted(answers) == ["answer 1", "answer 2", "answer 3"]


async def test_who_asks_after_the_answer_asks_again() -> None:
    flights, work = Flights[str](), Work()
    work.gate.set()
    assert await flights.share("question", work) == "answer 1"
    assert await flights.share("question", work) == "answer 2"


async def test_a_failure_reaches_all_who_waited_and_is_not_remembered() -> None:
    flights, work = Flights[str](), Work()
    work.failure = ValueError("broken")
    tasks = shares(flights, work, 3)
    await settle()
    work.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["broken"] * 3
    assert all(isinstance(outcome, ValueError) for outcome in outcomes)
    assert work.begun == 1
    work.failure = None
    assert await flights.share("question", work) == "answer 2"


async def test_work_that_fails_at_once_leaves_nothing_behind() -> None:
    flights = Flights[str]()

    def broken() -> Awaitable[str]:
        raise ValueError("no coroutine")

    with pytest.raises(ValueError, match="no coroutine"):
        await flights.share("question", broken)
    assert len(flights) == 0


async def test_a_waiter_that_is_cancelled_costs_nobody_else() -> None:
    flights, work = Flights[str](), Work()
    first, second, third = shares(flights, work, 3)
    await settle()
    second.cancel()
    await settle()
    assert second.cancelled()
    work.gate.set()
    assert [await first, await third] == ["answer 1", "answer 1"]
    assert work.begun == 1


async def test_a_cancelled_waiter_does_not_disturb_a_failure() -> None:
    flights, work = Flights[str](), Work()
    work.failure = ValueError("broken")
    first, second, third = shares(flights, work, 3)
    await settle()
    second.cancel()
    await settle()
    work.gate.set()
    outcomes = await asyncio.gather(first, third, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["broken"] * 2


async def test_nobody_can_join_what_is_not_under_way() -> None:
    assert Flights[str]().join("question") is None


async def test_joining_gives_the_outcome_of_the_one_at_work() -> None:
    flights, work = Flights[str](), Work()
    (first,) = shares(flights, work, 1)
    await settle()
    landing = flights.join("question")
    assert landing is not None
    work.gate.set()
    assert await landing == "answer 1"
    await first


async def test_an_answer_of_none_is_an_answer() -> None:
    flights = Flights[None]()
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)
        await asyncio.sleep(0)

    await asyncio.gather(*(flights.share("question", work) for _ in range(3)))
    assert len(begun) == 1


async def test_when_the_first_leaves_the_work_goes_on_for_the_others() -> None:
    flights, work = Flights[str](), Work()
    first, *others = shares(flights, work, 4)
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    work.gate.set()
    assert await asyncio.gather(*others) == ["answer 1"] * 3
    assert work.begun == 1
    assert len(flights) == 0


async def test_when_the_last_one_leaves_the_work_is_cancelled() -> None:
    flights, work = Flights[str](), Work()
    ended: list[BaseException] = []

    async def watched() -> str:
        try:
            return await work()
        except BaseException as exc:
            ended.append(exc)
            raise

    tasks = shares(flights, watched, 3)
    await settle()
    for task in tasks[:2]:
        task.cancel()
    await settle()
    assert ended == []
    tasks[2].cancel()
    await settle()
    assert all(task.cancelled() for task in tasks)
    assert [type(exc) for exc in ended] == [asyncio.CancelledError]
    assert len(flights) == 0


async def test_who_asks_after_everybody_left_starts_anew() -> None:
    flights, work = Flights[str](), Work()
    (first,) = shares(flights, work, 1)
    await settle()
    first.cancel()
    (second,) = shares(flights, work, 1)
    await settle()
    work.gate.set()
    assert await second == "answer 2"


async def test_work_that_is_kept_is_finished_for_nobody() -> None:
    flights, work = Flights[str](), Work()
    done: list[str] = []

    async def kept() -> str:
        done.append(await work())
        return done[0]

    waiting = asyncio.create_task(flights.share("question", kept, keep=True))
    await settle()
    waiting.cancel()
    await settle()
    work.gate.set()
    await settle()
    assert done == ["answer 1"]
    assert len(flights) == 0


async def test_one_wait_can_be_ended_without_the_others() -> None:
    flights, work = Flights[str](), Work()
    waits: set[asyncio.Future[str]] = set()
    impatient = asyncio.create_task(flights.share("question", work, waits))
    (patient,) = shares(flights, work, 1)
    await settle()
    (landed,) = waits
    landed.set_exception(TimeoutError("enough"))
    with pytest.raises(TimeoutError, match="enough"):
        await impatient
    assert waits == set()
    work.gate.set()
    assert await patient == "answer 1"


async def test_who_works_inline_goes_on_for_those_who_wait() -> None:
    flights, work = Flights[str](), Work()
    leader = asyncio.create_task(flights.lead("question", work))
    await settle()
    joined, other = flights.join("question"), flights.join("question")
    assert joined is not None
    assert other is not None
    flights.abandon(leader)
    other.cancel()
    await settle()
    work.gate.set()
    assert await joined == "answer 1"
    assert await leader == "answer 1"
    assert len(flights) == 0


async def test_who_works_inline_is_cancelled_when_the_last_one_leaves() -> None:
    flights, work = Flights[str](), Work()
    leader = asyncio.create_task(flights.lead("question", work))
    await settle()
    waiting = [asyncio.create_task(flights.lead("question", work)) for _ in range(2)]
    await settle()
    for task in (leader, *waiting):
        assert not leader.done()
        flights.abandon(task)
        await settle()
    assert all(task.cancelled() for task in (leader, *waiting))
    assert work.begun == 1
    assert len(flights) == 0


async def test_who_works_inline_for_nobody_else_is_cancelled_at_once() -> None:
    flights, work = Flights[str](), Work()
    leader = asyncio.create_task(flights.lead("question", work))
    await settle()
    flights.abandon(leader)
    await settle()
    assert leader.cancelled()
    assert len(flights) == 0


async def test_when_inline_work_is_cancelled_from_outside_another_starts_again_for_all() -> None:
    flights, work = Flights[str](), Work()
    leader, *others = [asyncio.create_task(flights.lead("question", work)) for _ in range(3)]
    await settle()
    joined = flights.join("question")
    assert joined is not None
    leader.cancel()
    await settle()
    work.gate.set()
    assert await asyncio.gather(*others) == ["answer 2"] * 2
    with pytest.raises(Abandoned):
        await joined
    assert len(flights) == 0


async def test_work_that_cancels_itself_has_failed_for_all_who_wait() -> None:
    flights = Flights[str]()

    async def work() -> str:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    outcomes = await asyncio.gather(*shares(flights, work, 2), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["the work was cancelled from inside"] * 2
    assert len(flights) == 0


async def test_a_flight_has_the_time_of_the_one_who_waits_longest() -> None:
    flights: Flights[str] = Flights()
    landing = asyncio.Event()
    now = asyncio.get_running_loop().time()

    async def work() -> str:
        await landing.wait()
        return "done"

    left: list[float] = [flights.left_s("key")]
    waiting: list[asyncio.Task[str]] = []
    for over_at in (now + 100, now + 50, now + 1000, None):
        waiting.append(asyncio.create_task(flights.share("key", work, over_at=over_at)))
        await asyncio.sleep(0)
        left.append(flights.left_s("key"))
    landing.set()
    await asyncio.gather(*waiting)
    assert left[0] == 0.0
    assert [0 <= most - seconds < 50 for most, seconds in zip((100, 100, 1000), left[1:4], strict=True)] == [True] * 3
    assert left[4] == float("inf")
