"""Counts of a window that slides."""

from hypothesis import given
from hypothesis import strategies as st

from sources.tally import Tally


def test_what_was_counted_is_forgotten_slice_by_slice() -> None:
    tally = Tally(10.0)
    for now in (100.0, 100.5, 104.0):
        tally.count(now)
    tally.mark(104.0)
    assert (tally.counted, tally.marked) == (3, 1)
    tally.slide(110.0)
    assert (tally.counted, tally.marked) == (1, 1)
    tally.slide(114.0)
    assert (tally.counted, tally.marked) == (0, 0)


def test_a_pause_of_any_length_leaves_nothing() -> None:
    tally = Tally(0.5)
    tally.count(0.0)
    tally.count(1e9)
    assert tally.counted == 1


@given(
    st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=60),
    st.sampled_from([0.1, 1.0, 10.0]),
    st.floats(0, 1e6),
)
def test_the_counts_are_those_of_nine_tenths_to_all_of_the_window(
    happened: list[tuple[float, bool]], window_s: float, now: float
) -> None:
    tally = Tally(window_s)
    counted: list[float] = []
    marked: list[float] = []
    for pause_s, is_marked in happened:
        now += pause_s
        tally.count(now)
        counted.append(now)
        if is_marked:
            tally.mark(now)
            marked.append(now)
        for seen, found in ((tally.counted, counted), (tally.marked, marked)):
            assert sum(at > now - window_s * 0.899 for at in found) <= seen
            assert seen <= sum(at >= now - window_s * 1.001 for at in found)
