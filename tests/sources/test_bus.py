"""The bus inside one process, and the waits between attempts."""

import asyncio

from sources import Event, Gap, MemoryBus
from sources.backoff import Backoff


async def test_everybody_who_listens_hears_it_and_nobody_else() -> None:
    bus = MemoryBus()
    first, second, other = bus.listen("a"), bus.listen("a"), bus.listen("b")
    waiting = [asyncio.ensure_future(anext(listener)) for listener in (first, second, other)]
    await asyncio.sleep(0)
    await bus.publish("a", b"1")
    await bus.publish("b", b"2")
    await bus.publish("nobody", b"3")
    assert await asyncio.gather(*waiting) == [Event(b"1"), Event(b"1"), Event(b"2")]
    for listener in (first, second, other):
        await listener.aclose()
    assert bus._listeners == {}


async def test_who_is_far_behind_loses_the_oldest_and_is_told() -> None:
    bus = MemoryBus(most_waiting=3)
    listener = bus.listen("a")
    first = asyncio.ensure_future(anext(listener))
    await asyncio.sleep(0)
    await bus.publish("a", b"0")
    assert await first == Event(b"0")
    for number in range(1, 7):
        await bus.publish("a", b"%d" % number)
    heard = [await anext(listener) for _ in range(3)]
    assert [type(happening) for happening in heard] == [Gap, Event, Event]
    assert heard[1:] == [Event(b"5"), Event(b"6")]
    await listener.aclose()


def test_waits_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(1.0, 5.0, chance=lambda: 1.0)
    assert [backoff.next_s() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    backoff.reset()
    assert backoff.next_s() == 1.0
    assert [backoff.next_s(said) for said in ("7", "-1", "soon", "1" * 99, "400")] == [7.0, 4.0, 5.0, 300.0, 300.0]


def test_waits_are_of_full_jitter() -> None:
    assert Backoff(1.0, 5.0, chance=lambda: 0.25).next_s() == 0.25
