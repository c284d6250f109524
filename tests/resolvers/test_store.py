"""Stored answers: how old they may be, what makes them stale, and that they stay bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import Entry, Store
from resolvers.store import freshness_limit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(clock=clock)


def entry(at: float, *, limit: float | None = None, key: str | None = None, body: bytes | None = b"{}") -> Entry:
    return Entry(body, at, limit, ("Product", "Price"), None if key is None else ("Product", key))


@pytest.mark.parametrize(
    ("field", "private", "limit"),
    [
        (None, False, None),
        ("", False, None),
        ("public", False, None),
        ("max-age=60", False, 60),
        ("Max-Age=60, must-revalidate", False, 60),
        ("max-age=60, s-maxage=5", False, 5),
        ('max-age="60"', False, 60),
        ("max-age=0", False, 0),
        ("max-age=-1", False, 0),
        ("max-age=soon", False, 0),
        ("max-age", False, 0),
        ("max-age=99999999999999", False, 2**31),
        ("no-store", False, 0),
        ("max-age=60, no-cache", False, 0),
        ("private, max-age=60", False, 0),
        ("private, max-age=60", True, 60),
        ("stale-while-revalidate=5", False, None),
    ],
)
def test_a_backend_limits_how_long_its_answer_may_be_reused(
    field: str | None, private: bool, limit: float | None
) -> None:
    assert freshness_limit(field, private=private) == limit


def test_an_entry_serves_the_patient_and_not_the_impatient(store: Store, clock: Clock) -> None:
    store.write("k", entry(clock.now))
    clock.now += 20
    assert store.read("k", 30) is not None
    assert store.read("k", 10) is None
    assert store.read("k", 20) is None
    assert store.read("other", 30) is None


def test_the_backends_limit_holds_for_everybody(store: Store, clock: Clock) -> None:
    store.write("k", entry(clock.now, limit=5))
    clock.now += 4
    assert store.read("k", 30) is not None
    clock.now += 1
    assert store.read("k", 30) is None


def test_a_touched_type_makes_its_entries_stale_nested_ones_too(store: Store, clock: Clock) -> None:
    for touched in ("Product", "Price"):
        store.write("k", entry(clock.now))
        clock.now += 1
        store.touch(touched)
        assert store.read("k", 30) is None
    store.write("k", entry(clock.now + 1))
    store.touch("Other")
    assert store.read("k", 30) is not None


def test_a_touched_object_leaves_other_objects_of_its_type_and_takes_lists(store: Store, clock: Clock) -> None:
    store.write("seven", entry(clock.now, key="7"))
    store.write("eight", entry(clock.now, key="8"))
    store.write("list", entry(clock.now))
    clock.now += 1
    store.touch("Product", "7")
    assert store.read("seven", 30) is None
    assert store.read("eight", 30) is not None
    assert store.read("list", 30) is None


def test_an_answer_that_was_under_way_during_the_write_is_stale(store: Store, clock: Clock) -> None:
    asked_at = clock.now
    clock.now += 1
    store.touch("Product", "7")
    clock.now += 1
    store.write("seven", entry(asked_at, key="7"))
    assert store.read("seven", 30) is None


def test_old_bodies_go_when_the_store_is_full() -> None:
    store = Store(max_bytes=10_000)
    for number in range(100):
        store.write(number, entry(store.clock(), body=b"x" * 1000))
    assert 1 <= len(store) <= 10
    assert store.read(99, 30) is not None
    store.write("huge", entry(store.clock(), body=b"x" * 100_000))
    assert store.read("huge", 30) is None
    assert store.read(99, 30) is not None


def test_more_touched_objects_than_are_remembered_never_revive_one(clock: Clock) -> None:
    store = Store(clock=clock)
    store.write("first", entry(clock.now, key="first"))
    clock.now += 1
    store.touch("Product", "first")
    for number in range(100_001):
        store.touch("Product", str(number))
    assert store.read("first", 1e9) is None


steps = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 5)),
    st.tuples(st.just("write"), st.sampled_from("789")),
    st.tuples(st.just("touch"), st.sampled_from("789")),
    st.tuples(st.just("touch all"), st.none()),
)


@given(st.lists(steps, max_size=20), st.sampled_from("789"), st.integers(1, 10))
def test_what_is_read_is_never_older_than_asked_nor_than_a_write(
    done: list[tuple[str, int | str | None]], key: str, max_age: int
) -> None:
    clock = Clock()
    store = Store(clock=clock)
    touched: dict[str, float] = {}
    for step, value in done:
        clock.now += 0.001
        if step == "wait" and isinstance(value, int):
            clock.now += value
        elif step == "write" and isinstance(value, str):
            store.write(value, entry(clock.now, key=value))
        elif step == "touch" and isinstance(value, str):
            store.touch("Product", value)
            touched[value] = clock.now
        elif step == "touch all":
            store.touch("Product")
            touched.update(dict.fromkeys("789", clock.now))
    found = store.read(key, max_age)
    if found is not None:
        assert clock.now - found.asked_at < max_age
        assert found.asked_at > touched.get(key, 0)
