"""Turns at one backend."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.bulkhead import Bulkhead

pytestmark = pytest.mark.anyio


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_turns_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    bulkhead = Bulkhead(1, 10)
    assert (bulkhead.take(), bulkhead.take(), bulkhead.is_full) == (True, False, True)
    had: list[int] = []

    async def wait(number: int) -> None:
        await bulkhead.wait()
        had.append(number)
        bulkhead.release()

    waiting = [asyncio.create_task(wait(number)) for number in range(3)]
    await settle()
    assert (had, bulkhead.waiting) == ([], 3)
    bulkhead.release()
    await asyncio.gather(*waiting)
    assert (had, bulkhead.taken, bulkhead.waiting) == ([0, 1, 2], 0, 0)


async def test_the_queue_has_an_end() -> None:
    bulkhead = Bulkhead(1, 1)
    bulkhead.take()
    crowded = [bulkhead.is_crowded]
    waiting = asyncio.create_task(bulkhead.wait())
    await settle()
    crowded.append(bulkhead.is_crowded)
    waiting.cancel()
    await asyncio.wait([waiting])
    crowded.append(bulkhead.is_crowded)
    assert (crowded, bulkhead.waiting) == ([False, True, False], 0)


async def test_a_turn_that_comes_while_its_waiter_is_cancelled_goes_to_the_next() -> None:
    bulkhead = Bulkhead(1, 10)
    bulkhead.take()
    first, second = asyncio.create_task(bulkhead.wait()), asyncio.create_task(bulkhead.wait())
    await settle()
    bulkhead.release()  # the first has it, and does not know yet
    first.cancel()
    await asyncio.wait([first, second])
    assert (first.cancelled(), second.cancelled(), bulkhead.taken) == (True, False, 1)


async def test_a_waiter_that_was_cancelled_just_before_is_passed_over() -> None:
    bulkhead = Bulkhead(1, 10)
    bulkhead.take()
    first, second = asyncio.create_task(bulkhead.wait()), asyncio.create_task(bulkhead.wait())
    await settle()
    first.cancel()
    bulkhead.release()
    await asyncio.wait([first, second])
    assert (first.cancelled(), second.cancelled(), bulkhead.taken, bulkhead.waiting) == (True, False, 1, 0)


@given(st.integers(1, 3), st.lists(st.sampled_from(["ask", "end", "leave", "turn"]), max_size=60), st.integers(0, 99))
def test_turns_are_neither_lost_nor_doubled(limit: int, steps: list[str], picked: int) -> None:
    async def run() -> None:
        bulkhead = Bulkhead(limit, 100)
        tasks: list[asyncio.Task[None]] = []
        inside = 0
        leaving = asyncio.Event()

        async def call() -> None:
            nonlocal inside
            if not bulkhead.take():
                await bulkhead.wait()
            inside += 1
            try:
                assert inside <= limit
                await leaving.wait()
            finally:
                inside -= 1
                bulkhead.release()

        for step in steps:
            if step == "ask":
                tasks.append(asyncio.create_task(call()))
            elif step == "leave" and tasks:
                tasks[picked % len(tasks)].cancel()
            elif step == "end":
                leaving.set()
                leaving = asyncio.Event()
            else:
                await settle()
        leaving.set()
        while not all(task.done() for task in tasks):
            leaving.set()
            await asyncio.sleep(0)
        assert all(task.cancelled() or task.exception() is None for task in tasks)
        assert (bulkhead.taken, bulkhead.waiting, inside) == (0, 0, 0)

    asyncio.run(run())
