"""Files between the socket and their readers: in whatever order they are read, every byte arrives, once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.arrival import HELD_BYTES, PIECE_BYTES, Arrival, Arrivals

SIZES = st.lists(
    st.sampled_from([0, 1, PIECE_BYTES, HELD_BYTES, HELD_BYTES + 1, 7 * PIECE_BYTES]), min_size=1, max_size=4
)


async def arrive(files: Sequence[Arrival], bodies: Sequence[bytes]) -> None:
    for file, body in zip(files, bodies, strict=True):
        file.begin()
        await file.put(body)
        file.end()


async def all_of(file: Arrival) -> bytes:
    return b"".join([piece async for piece in file])


@given(sizes=SIZES, chosen=st.lists(st.integers(0, 3), max_size=40))
@settings(max_examples=60)
def test_no_order_of_reading_stands_still_or_loses_a_byte(sizes: list[int], chosen: list[int]) -> None:
    async def read() -> None:
        arrivals = Arrivals()
        files = [Arrival(arrivals) for _ in sizes]
        bodies = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
        found = [b"" for _ in sizes]
        arriving = asyncio.ensure_future(arrive(files, bodies))
        for number in chosen:  # one piece of this file, then one of that
            with contextlib.suppress(StopAsyncIteration, IndexError):
                found[number] += await anext(files[number])
        for number in reversed(range(len(sizes))):
            found[number] += await all_of(files[number])
        await arriving
        for file in files:
            file.drop()
        assert found == bodies

    asyncio.run(asyncio.wait_for(read(), 20))


@given(sizes=SIZES)
@settings(max_examples=20)
def test_files_may_be_read_all_at_once(sizes: list[int]) -> None:
    async def read() -> None:
        arrivals = Arrivals()
        files = [Arrival(arrivals) for _ in sizes]
        bodies = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
        arriving = asyncio.ensure_future(arrive(files, bodies))
        assert await asyncio.gather(*map(all_of, files)) == bodies
        await arriving
        for file in files:
            file.drop()

    asyncio.run(asyncio.wait_for(read(), 20))


@pytest.mark.anyio
async def test_a_file_that_is_dropped_is_passed_over() -> None:
    arrivals = Arrivals()
    first, second = Arrival(arrivals), Arrival(arrivals)
    arriving = asyncio.ensure_future(arrive([first, second], [b"a" * 3 * HELD_BYTES, b"b"]))
    assert await anext(first) == b"a" * PIECE_BYTES
    first.drop()
    assert await all_of(second) == b"b"
    await arriving
    with pytest.raises(RuntimeError, match="is over"):
        await anext(first)


@pytest.mark.anyio
async def test_who_waits_for_a_file_that_is_dropped_is_told() -> None:
    file = Arrival(Arrivals())
    waiting = [asyncio.ensure_future(file.started()), asyncio.ensure_future(all_of(file))]
    await asyncio.sleep(0)
    file.drop()
    for task in waiting:
        with pytest.raises(RuntimeError, match="is over"):
            await task


@pytest.mark.anyio
async def test_who_gives_up_waiting_for_a_later_file_lets_the_present_one_wait_again() -> None:
    arrivals = Arrivals()
    first, second = Arrival(arrivals), Arrival(arrivals)
    waiting = asyncio.ensure_future(second.started())
    await asyncio.sleep(0)
    assert arrivals.awaited == {second}
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert arrivals.awaited == set()
    arriving = asyncio.ensure_future(arrive([first], [b"a" * (HELD_BYTES + 1)]))
    await asyncio.sleep(0.01)
    assert not arriving.done()
    assert await all_of(first) == b"a" * (HELD_BYTES + 1)
    await arriving
