"""Token buckets as arithmetic: never more than was promised, and what is told of them holds."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from graph.bucket import CALLS, COST, REQUESTS, SLACK_S, Bucket, Demand, Shortage, take

ONE = Demand((1.0, 0.0, 1.0), (1.0, 0.0, 0.0))
counts, periods, bursts = st.integers(1, 50), st.integers(1, 100), st.integers(1, 60)
pauses = st.lists(st.floats(0, 20), max_size=150)


def asked(bucket: Bucket, pauses_s: list[float], amounts: list[float] | None = None) -> list[tuple[float, float]]:
    """Ask after each pause for so much, and give when how much was let through."""
    let: list[tuple[float, float]] = []
    now, full_at = 1000.0, [1000.0]
    for place, pause_s in enumerate(pauses_s):
        now += pause_s
        amount = 1.0 if amounts is None else amounts[place % len(amounts)]
        taken = take([bucket], full_at, now, Demand((amount, 0, 0), (amount, 0, 0)))
        if not isinstance(taken, Shortage):
            let.append((now, amount))
            full_at = taken
    return let


@given(counts, periods, bursts, pauses, st.lists(st.floats(0.25, 60), min_size=1, max_size=5))
def test_no_window_lets_more_through_than_a_burst_and_what_comes_back_meanwhile(
    count: int, per_s: int, burst: int, pauses_s: list[float], amounts: list[float]
) -> None:
    let = asked(Bucket.of(REQUESTS, count, per_s, burst), pauses_s, amounts)
    for begin in range(len(let)):
        through = 0.0
        for at, amount in let[begin:]:
            through += amount
            window_s = at - let[begin][0]
            assert through <= burst + (window_s + 2 * SLACK_S) * count / per_s + 1e-6


@given(counts, periods, bursts)
def test_a_full_bucket_lets_exactly_its_burst_through_at_once(count: int, per_s: int, burst: int) -> None:
    assert len(asked(Bucket.of(REQUESTS, count, per_s, burst), [0.0] * (burst + 5))) == burst


@given(counts, periods, bursts, pauses)
def test_who_waits_as_long_as_it_is_told_is_let_through(
    count: int, per_s: int, burst: int, pauses_s: list[float]
) -> None:
    bucket = Bucket.of(REQUESTS, count, per_s, burst)
    now, full_at = 0.0, [0.0]
    for pause_s in pauses_s:
        now += pause_s
        taken = take([bucket], full_at, now, ONE)
        if isinstance(taken, Shortage):
            assert taken.wait_s > 0
            assert isinstance(take([bucket], full_at, now + taken.wait_s * 0.99 - 1e-5, ONE), Shortage)
            now += taken.wait_s + SLACK_S
            taken = take([bucket], full_at, now, ONE)
        assert isinstance(taken, list)
        full_at = taken


@given(counts, periods, bursts, st.integers(0, 60))
def test_who_spreads_what_is_left_as_the_header_says_is_never_refused(
    count: int, per_s: int, burst: int, used: int
) -> None:
    bucket = Bucket.of(REQUESTS, count, per_s, burst)
    now, full_at = 0.0, [0.0]
    for _ in range(used):
        taken = take([bucket], full_at, now, ONE)
        full_at = full_at if isinstance(taken, Shortage) else taken
    for _ in range(30):
        left, spread_s = bucket.state(full_at[0] - now)
        assert left <= burst
        assert left <= math.ceil(spread_s) * count / per_s + 1e-6  # never faster than it comes back
        now += spread_s / left if left else spread_s
        taken = take([bucket], full_at, now, ONE)
        assert isinstance(taken, list)
        full_at = taken


@given(counts, periods, bursts, st.integers(1, 500))
def test_a_debt_is_paid_off_by_waiting(count: int, per_s: int, burst: int, calls: int) -> None:
    bucket = Bucket.of(CALLS, count, per_s, burst)
    spent = take([bucket], [0.0], 0.0, Demand((0, 0, 0), (0, 0, float(calls))))
    assert isinstance(spent, list)  # whatever there is
    owed = max(0, calls - burst)
    asking = take([bucket], spent, 0.0, ONE)
    assert isinstance(asking, Shortage) == (calls > burst - 1)
    if isinstance(asking, Shortage):
        assert math.isclose(asking.wait_s, (calls - burst + 1) * per_s / count, abs_tol=1e-6)
        assert asking.wait_s >= owed * per_s / count
        assert isinstance(take([bucket], spent, asking.wait_s + SLACK_S, ONE), list)


def test_where_one_bucket_has_too_little_nothing_is_taken_from_any() -> None:
    requests, cost = Bucket.of(REQUESTS, 10, 10, 10), Bucket.of(COST, 10, 10, 10)
    dear = Demand((1.0, 8.0, 0.0), (1.0, 8.0, 0.0))
    after = take([requests, cost], [0.0, 0.0], 0.0, dear)
    assert after == [1.0, 8.0]
    assert take([requests, cost], after, 0.0, dear) == Shortage(1, 6.0, [1.0, 8.0])


def test_of_several_that_have_too_little_the_one_that_takes_longest_is_told() -> None:
    buckets = [Bucket.of(REQUESTS, 1, 10, 1), Bucket.of(REQUESTS, 1, 60, 1)]
    after = take(buckets, [0.0, 0.0], 0.0, ONE)
    assert isinstance(after, list)
    assert take(buckets, after, 4.0, ONE) == Shortage(1, 56.0, [10.0, 60.0])


def test_what_is_left_grows_one_by_one() -> None:
    bucket = Bucket.of(REQUESTS, 6, 60, 6)
    states = [bucket.state(60.0 - now) for now in range(0, 61, 5)]
    assert states[:4] == [(0, 10), (0, 5), (1, 10), (1, 10)]
    assert states[-1] == (6, 60)
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(states))
