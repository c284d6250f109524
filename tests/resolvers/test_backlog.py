"""What waits for somebody slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import Backlog
from sources import Overflow


def taken(backlog: Backlog[int]) -> list[int]:
    return [backlog.take() for _ in range(len(backlog))]


def test_what_does_not_fit_is_refused_or_drops_the_oldest() -> None:
    strict: Backlog[int] = Backlog(2, "close")
    assert [strict.put(None, number) for number in range(3)] == [True, True, False]
    assert taken(strict) == [0, 1]
    loose: Backlog[int] = Backlog(2, "drop_oldest")
    assert [loose.put(None, number) for number in range(3)] == [True, True, True]
    assert taken(loose) == [1, 2]
    assert loose.dropped == 1


def test_the_newest_of_each_key_is_kept() -> None:
    latest: Backlog[int] = Backlog(2, "latest")
    for key, number in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        latest.put(key, number)
    assert taken(latest) == [3, 4]
    assert latest.dropped == 2


@pytest.mark.parametrize("overflow", ["close", "drop_oldest", "latest"])
def test_nothing_is_taken_from_nothing(overflow: Overflow) -> None:
    backlog: Backlog[int] = Backlog(1, overflow)
    backlog.put(None, 1)
    backlog.clear()
    with pytest.raises((IndexError, StopIteration)):
        backlog.take()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40), st.integers(1, 4))
def test_it_never_holds_more_than_it_may_and_keeps_the_order(steps: list[tuple[str, bool]], most: int) -> None:
    overflows: list[Overflow] = ["close", "drop_oldest", "latest"]
    for overflow in overflows:
        backlog: Backlog[int] = Backlog(most, overflow)
        last = -1
        for number, (key, takes) in enumerate(steps):
            if takes and backlog:
                found = backlog.take()
                assert found > last
                last = found
            backlog.put(key, number)
            assert len(backlog) <= most
