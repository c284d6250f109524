"""Turns at work that holds the event loop."""

from __future__ import annotations

import asyncio

from graph.turns import Turns


async def test_long_works_have_a_turn_in_each_round_in_the_order_of_asking() -> None:
    now, done = 0.0, list[int]()
    turns = Turns(clock=lambda: now)

    async def work(number: int) -> None:
        nonlocal now
        await turns.take()
        now += 0.02
        done.append(number)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(number)) for number in range(4)]
        tasks[2].cancel()
        seen = []
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            seen.append(len(done))
    assert done == [0, 1, 3]
    assert all(later - before <= 1 for before, later in zip([0, *seen], seen, strict=False))


async def test_short_works_share_a_round() -> None:
    now, done = 0.0, list[int]()
    turns = Turns(clock=lambda: now)

    async def work(number: int) -> None:
        nonlocal now
        await turns.take()
        now += 0.004
        done.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(work(number))
        await asyncio.sleep(0)
        assert done == [0, 1, 2]
    assert done == [0, 1, 2, 3, 4]


async def test_who_asks_alone_does_not_wait() -> None:
    turns = Turns()
    taking = turns.take()
    try:
        taking.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")
