"""Identical questions share one answer, whoever gives up meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from resolvers import Flights


class Work:
    """Counts how often it is done; `go` lets it end."""

    def __init__(self) -> None:
        self.done = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.done += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return self.done


async def start(flights: Flights[int], work: Work, count: int, key: str = "k") -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flights.share(key, work)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_all_who_ask_at_the_same_time_get_one_answer() -> None:
    flights, work = Flights[int](), Work()
    tasks = await start(flights, work, 5)
    other = await start(flights, work, 1, "other")
    work.go.set()
    assert await asyncio.gather(*tasks) == [1 + 1] * 5
    assert await asyncio.gather(*other) == [2]
    assert work.done == 2
    assert len(flights) == 0


async def test_who_asks_afterwards_asks_anew() -> None:
    flights, work = Flights[int](), Work()
    work.go.set()
    assert await flights.share("k", work) == 1
    assert await flights.share("k", work) == 2


async def test_a_failure_reaches_everybody_who_waited() -> None:
    flights, work = Flights[int](), Work()
    tasks = await start(flights, work, 3)
    work.error = ValueError("no")
    work.go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no"] * 3
    assert work.done == 1
    assert len(flights) == 0


async def test_when_the_one_at_work_goes_away_another_starts_again() -> None:
    flights, work = Flights[int](), Work()
    tasks = await start(flights, work, 3)
    tasks[0].cancel()
    for _ in range(4):
        await asyncio.sleep(0)
    work.go.set()
    assert await asyncio.gather(*tasks[1:]) == [2, 2]
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert work.done == 2


async def test_who_waits_may_go_away() -> None:
    flights, work = Flights[int](), Work()
    tasks = await start(flights, work, 3)
    tasks[1].cancel()
    await asyncio.sleep(0)
    work.go.set()
    assert await tasks[0] == await tasks[2] == 1
    assert tasks[1].cancelled()


async def test_joining_gives_nothing_when_nobody_is_at_work() -> None:
    flights, work = Flights[int](), Work()
    assert flights.join("k") is None
    [task] = await start(flights, work, 1)
    joined = flights.join("k")
    assert joined is not None
    work.go.set()
    assert await joined == await task == 1
