"""Whether and when a call is made again: budget, waits, what backends ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.backoff import retry_after_s
from sources.budget import FLOOR, Budget
from sources.latencies import Latencies
from sources.retrying import Retrying

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("0", 0.0),
        ("7", 7.0),
        ("000120", 120.0),
        ("9" * 400, float("inf")),
        ("-7", 0.0),
        ("1.5", 0.0),
        ("\xb2", 0.0),
        ("soon", 0.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Sun, 06 Nov 1994 10:50:37 +0200", 60.0),
        ("Sun, 06 Nov 1994 08:50:37 -0000", 60.0),
        ("Sun, 06 Nov 1994 08:48:37 GMT", 0.0),
        ("Sun, 06 Nov 99999 08:48:37 GMT", 0.0),
        ("Sun, 99 Nov 1994 08:48:37 GMT", 0.0),
        ("x" * 10_000, 0.0),
    ],
)
def test_a_backend_may_ask_for_seconds_or_name_an_instant(text: str | None, seconds: float) -> None:
    assert retry_after_s(text, NOW) == seconds


@given(st.text(max_size=80))
def test_no_text_of_a_backend_breaks_it(text: str) -> None:
    assert retry_after_s(text, NOW) >= 0


def retrying(retries: int, budget: Budget | None = None, chance: float = 1.0) -> Retrying:
    return Retrying(retries, budget or Budget(10.0), chance=lambda: chance, wall=lambda: NOW)


def test_waits_grow_and_end_with_the_retries() -> None:
    one = retrying(6)
    waits = [one.wait_s(0.0, 100.0, None) for _ in range(7)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, None]


def test_waits_are_of_full_jitter() -> None:
    assert [retrying(1, chance=chance).wait_s(0.0, 9.0, None) for chance in (0.0, 0.5)] == [0.0, 0.05]


def test_a_wait_is_as_long_as_the_backend_asks() -> None:
    assert retrying(1).wait_s(0.0, 100.0, "61") == 61.0
    assert retrying(1).wait_s(0.0, 100.0, "Sun, 06 Nov 1994 08:50:37 GMT") == 60.0


@pytest.mark.parametrize(
    ("left_s", "asked"), [(1.0, "1"), (1.0, "2"), (59.0, "Sun, 06 Nov 1994 08:50:37 GMT"), (0.1, None), (-3.0, None)]
)
def test_an_attempt_that_could_not_begin_in_time_is_not_made(left_s: float, asked: str | None) -> None:
    budget = Budget(0.0)
    assert retrying(3, budget).wait_s(0.0, left_s, asked) is None
    assert all(budget.take(0.0) for _ in range(FLOOR))  # and takes nothing out of the budget


def test_without_calls_a_few_retries_are_granted() -> None:
    budget = Budget(0.2)
    assert [budget.take(0.0) for _ in range(FLOOR + 1)] == [True] * FLOOR + [False]
    assert budget.take(11.0)


def test_a_share_of_the_calls_is_granted_on_top() -> None:
    budget = Budget(0.2)
    for _ in range(50):
        budget.note_call(0.0)
    assert sum(budget.take(0.0) for _ in range(100)) == FLOOR + 10


@given(
    st.floats(0, 1),
    st.lists(st.tuples(st.sampled_from(["call", "retry"]), st.floats(0, 2)), max_size=300),
)
def test_retries_never_exceed_the_budget(ratio: float, happened: list[tuple[str, float]]) -> None:
    budget, now = Budget(ratio), 0.0
    calls: list[float] = []
    retries: list[float] = []
    for what, pause_s in happened:
        now += pause_s
        if what == "call":
            budget.note_call(now)
            calls.append(now)
        elif budget.take(now):
            retries.append(now)
            within = sum(at > now - 8.99 for at in retries)
            assert within <= FLOOR + ratio * sum(at >= now - 10.01 for at in calls) + 1


@given(
    st.integers(0, 5),
    st.lists(st.tuples(st.floats(-1, 30), st.sampled_from([None, "0", "1", "5", "60", "x"])), max_size=10),
    st.floats(0, 1),
)
def test_waits_never_exceed_the_time_left_nor_attempts_the_retries(
    retries: int, failures: list[tuple[float, str | None]], chance: float
) -> None:
    one = retrying(retries, chance=chance)
    waits = [(one.wait_s(0.0, left_s, asked), left_s, asked) for left_s, asked in failures]
    granted = [(wait_s, left_s, asked) for wait_s, left_s, asked in waits if wait_s is not None]
    assert len(granted) <= retries
    for wait_s, left_s, asked in granted:
        assert 0 <= wait_s < left_s
        assert asked is None or not asked.isdigit() or wait_s >= float(asked)


def test_few_answers_say_nothing_about_how_long_they_take() -> None:
    latencies = Latencies()
    for _ in range(19):
        latencies.add(1.0)
    assert latencies.p95_s() is None
    latencies.add(1.0)
    assert latencies.p95_s() == 1.0


def test_nineteen_of_twenty_answers_take_no_longer() -> None:
    latencies = Latencies()
    for hundredths in range(1, 101):
        latencies.add(hundredths / 100)
    assert latencies.p95_s() == 0.96
    for _ in range(100):  # only the last hundred count
        latencies.add(5.0)
    assert latencies.p95_s() == 5.0
