"""Turns at work that holds the event loop."""

from __future__ import annotations

import asyncio

from graph.turns import Turns


async def test_one_has_a_turn_in_each_round_in_the_order_of_asking() -> None:
    turns, done = Turns(), list[int]()

    async def work(number: int) -> None:
        await turns.take()
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


async def test_who_asks_alone_does_not_wait() -> None:
    turns = Turns()
    taking = turns.take()
    try:
        taking.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")
