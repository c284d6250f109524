"""What leads to each other is found once, however much there is of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolvers.openapi.circles import Circles


def reached(ways: dict[int, list[int]], start: int) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = set(ways[waiting.pop()]) - found
        found |= fresh
        waiting += fresh
    return found


@given(st.lists(st.lists(st.integers(0, 6), max_size=4), min_size=7, max_size=7), st.permutations(range(7)))
def test_things_are_on_one_circle_that_reach_each_other(listed: list[list[int]], order: list[int]) -> None:
    ways = dict(enumerate(listed))
    circles = Circles(ways.__getitem__)
    found = {thing: circles.of(thing) for thing in order}
    for one in ways:
        for other in ways:
            together = other in reached(ways, one) and one in reached(ways, other)
            assert (found[one] == found[other]) is together


def test_a_circle_may_be_long() -> None:
    circles = Circles(lambda number: [(number + 1) % 50_000])
    assert len({circles.of(number) for number in range(50_000)}) == 1
