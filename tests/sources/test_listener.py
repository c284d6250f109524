"""What waits for a listener: in order, bounded in number and bytes, and over when it is over."""

from __future__ import annotations

import asyncio

import pytest

from sources import Event, Gap, UpstreamUnavailable
from sources.listener import Listener

DROPPED = Gap("events were dropped: they came faster than they could be read")


async def taken(listener: Listener, count: int) -> list[object]:
    return [await listener.take() for _ in range(count)]


async def test_the_oldest_is_taken_first_and_the_next_is_waited_for() -> None:
    listener = Listener()
    listener.put(Event(b"1"))
    listener.put(Event(b"2"))
    assert await taken(listener, 2) == [Event(b"1"), Event(b"2")]
    waiting = asyncio.ensure_future(listener.take())
    await asyncio.sleep(0)
    listener.put(Event(b"3"))
    assert await waiting == Event(b"3")


async def test_more_bytes_than_may_wait_push_out_the_oldest() -> None:
    listener = Listener(most_bytes=10)
    for number in range(5):
        listener.put(Event(b"%d" % number * 4))
    assert await taken(listener, 3) == [DROPPED, Event(b"3333"), Event(b"4444")]
    listener.put(Event(b"5" * 100))
    assert await taken(listener, 1) == [Event(b"5" * 100)]


@pytest.mark.parametrize("most", [0, 1, 2])
async def test_the_newest_always_waits(most: int) -> None:
    listener = Listener(most)
    for number in range(5):
        listener.put(Event(b"%d" % number))
    assert await taken(listener, 2) == [DROPPED, Event(b"4")]


async def test_what_waits_is_taken_before_the_end() -> None:
    listener = Listener()
    listener.put(Event(b"1"))
    listener.end()
    listener.put(Event(b"2"))
    listener.end(UpstreamUnavailable("late", source="a"))
    assert await taken(listener, 3) == [Event(b"1"), None, None]


async def test_a_failure_ends_who_waits() -> None:
    listener = Listener()
    waiting = asyncio.ensure_future(listener.take())
    await asyncio.sleep(0)
    listener.end(UpstreamUnavailable("gone", source="a"))
    with pytest.raises(UpstreamUnavailable, match="gone"):
        await waiting


async def test_who_gave_up_waiting_can_wait_again() -> None:
    listener = Listener()
    waiting = asyncio.ensure_future(listener.take())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    listener.put(Event(b"1"))
    assert await listener.take() == Event(b"1")
