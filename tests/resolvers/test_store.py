"""Stored answers: how long they may be used, by whom, and what makes them stale."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from resolvers import Store, Stored
from resolvers.store import freshness_limit


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def entry(
    asked_at: float,
    *,
    body: bytes | None = b"{}",
    limit_s: float | None = None,
    types: tuple[str, ...] = ("Product",),
    entity: tuple[str, str] | None = None,
) -> Stored:
    return Stored(body, asked_at, limit_s, types, entity)


# -- Cache-Control ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        (None, None),
        ("", None),
        (",", None),
        ("public", None),
        ("must-revalidate, immutable", None),
        ("max-age=60", 60.0),
        ("Max-Age=60", 60.0),
        ("  max-age=60  ", 60.0),
        (",,max-age=60,", 60.0),
        ('max-age="60"', 60.0),
        ("max-age=0", 0.0),
        ("max-age=007", 7.0),
        ("public, max-age=60, must-revalidate", 60.0),
        ("max-age=60,s-maxage=10", 10.0),
        ("s-maxage=600, max-age=10", 600.0),
        ("s-maxage=0, max-age=600", 0.0),
        ("no-store", 0.0),
        ("NO-STORE", 0.0),
        ("no-cache", 0.0),
        ('no-cache="set-cookie"', 0.0),
        ("no-store, max-age=60", 0.0),
        ("max-age=60, no-store", 0.0),
        ("xmax-age=60", None),
        ("max-stale=60", None),
        ("stale-while-revalidate=60", None),
    ],
)
def test_cache_control_says_how_old_an_answer_may_grow(field: str | None, limit: float | None) -> None:
    assert freshness_limit(field, private=False) == limit


@pytest.mark.parametrize("field", ["max-age", "max-age=", "max-age=x", "max-age=-1", "max-age=1.5", "max-age= ,public"])
def test_an_age_that_is_no_number_lets_nothing_be_kept(field: str) -> None:
    assert freshness_limit(field, private=False) == 0.0


@pytest.mark.parametrize("field", ["private", "Private, max-age=60", 'private="set-cookie", max-age=60'])
def test_private_forbids_keeping_for_everybody(field: str) -> None:
    assert freshness_limit(field, private=False) == 0.0


def test_private_allows_keeping_for_one_client() -> None:
    assert freshness_limit("private, max-age=60", private=True) == 60.0
    assert freshness_limit("private", private=True) is None


@pytest.mark.parametrize("digits", ["\xb2", "1\xb3", "\u0663\u0660"])
def test_digits_that_are_not_ascii_are_no_age(digits: str) -> None:
    # What a header's bytes 0xB2 and 0xB3 are in latin-1: str.isdigit takes them, float does not.
    assert freshness_limit(f"max-age={digits}", private=False) == 0.0


def test_an_age_beyond_every_clock_counts_as_very_long() -> None:
    # RFC 9111, 1.2.2: what is too great to represent MUST be taken for 2^31 or the greatest number that can be.
    limit = freshness_limit("max-age=99999999999999999999", private=False)
    assert limit is not None
    assert limit >= 2**31


def test_of_two_ages_the_longer_one_never_wins() -> None:
    # RFC 9111, 4.2.1: the first occurrence counts, or the answer is stale.
    limit = freshness_limit("max-age=5, max-age=500", private=False)
    assert limit is not None
    assert limit <= 5


def test_commas_inside_quotes_do_not_end_a_directive() -> None:
    assert freshness_limit('max-age=5, note="max-age=500, x"', private=False) == 5.0


# -- ages -------------------------------------------------------------------------------------------------------------


def test_an_entry_is_read_until_it_reaches_the_readers_age() -> None:
    clock = Clock()
    store = Store(clock=clock)
    kept = entry(clock.now)
    store.write("a", kept)
    clock.now += 9.5
    assert store.read("a", 10) is kept
    clock.now += 0.5
    assert store.read("a", 10) is None


def test_one_entry_serves_the_patient_and_not_the_impatient() -> None:
    clock = Clock()
    store = Store(clock=clock)
    kept = entry(clock.now)
    store.write("a", kept)
    clock.now += 20
    assert store.read("a", 5) is None
    assert store.read("a", 30) is kept


def test_a_reader_without_patience_reads_nothing() -> None:
    store = Store(clock=Clock())
    store.write("a", entry(1000.0))
    assert store.read("a", 0) is None


def test_the_backends_limit_wins_over_a_longer_ttl() -> None:
    clock = Clock()
    store = Store(clock=clock)
    kept = entry(clock.now, limit_s=3)
    store.write("a", kept)
    clock.now += 2
    assert store.read("a", 60) is kept
    assert store.remaining_s(kept, 60) == 1
    clock.now += 1
    assert store.read("a", 60) is None


def test_the_age_counts_from_asking_not_from_storing() -> None:
    clock = Clock()
    store = Store(clock=clock)
    asked_at = clock.now
    clock.now += 8
    store.write("a", entry(asked_at))
    assert store.read("a", 8) is None
    assert store.read("a", 9) is not None


def test_what_nobody_wrote_is_not_read() -> None:
    assert Store(clock=Clock()).read("a", 60) is None


def test_that_an_object_is_missing_is_an_answer_too() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.write("a", entry(clock.now, body=None))
    found = store.read("a", 60)
    assert found is not None
    assert found.body is None


# -- touching ---------------------------------------------------------------------------------------------------------


def test_touching_a_type_makes_its_answers_stale() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.write("one", entry(clock.now, entity=("Product", "1")))
    store.write("list", entry(clock.now))
    store.write("other", entry(clock.now, types=("Review",)))
    clock.now += 1
    store.touch("Product")
    assert store.read("one", 60) is None
    assert store.read("list", 60) is None
    assert store.read("other", 60) is not None


def test_touching_one_entity_leaves_the_others_of_its_type() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.write("one", entry(clock.now, entity=("Product", "1")))
    store.write("two", entry(clock.now, entity=("Product", "2")))
    store.write("list", entry(clock.now))
    clock.now += 1
    store.touch("Product", "1")
    assert store.read("one", 60) is None
    assert store.read("two", 60) is not None
    assert store.read("list", 60) is None, "a list may hold the entity"


def test_an_entity_that_holds_a_touched_type_is_stale() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.write("order", entry(clock.now, types=("Order", "Product"), entity=("Order", "7")))
    clock.now += 1
    store.touch("Product", "1")
    assert store.read("order", 60) is None


def test_an_answer_asked_for_before_the_touch_is_stale_however_late_it_arrives() -> None:
    clock = Clock()
    store = Store(clock=clock)
    asked_at = clock.now
    clock.now += 1
    store.touch("Product")
    clock.now += 1
    store.write("a", entry(asked_at))
    assert store.read("a", 60) is None
    assert len(store) == 0


def test_an_answer_asked_for_in_the_instant_of_the_touch_is_stale() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.touch("Product")
    store.write("a", entry(clock.now))
    assert store.read("a", 60) is None


def test_an_answer_asked_for_after_the_touch_is_good() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.touch("Product")
    store.touch("Product", "1")
    clock.now += 1
    store.write("a", entry(clock.now, entity=("Product", "1")))
    assert store.read("a", 60) is not None


def test_touches_are_told_since_an_instant() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.touch("Product", "1")
    assert store.is_touched_since(["Review", "Product"], clock.now)
    assert not store.is_touched_since(["Review"], clock.now)
    assert not store.is_touched_since(["Product"], clock.now + 1)
    assert not store.is_touched_since([], clock.now)


# -- bounds -----------------------------------------------------------------------------------------------------------


def test_the_least_recently_read_entry_goes_first() -> None:
    clock = Clock()
    store = Store(max_bytes=3000, clock=clock)
    for name in "abc":
        store.write(name, entry(clock.now, body=b"x" * 600))
    assert store.read("a", 60) is not None
    store.write("d", entry(clock.now, body=b"x" * 600))
    assert store.read("b", 60) is None
    assert store.read("a", 60) is not None
    assert store.read("d", 60) is not None


def test_bodies_stay_within_the_bound() -> None:
    clock = Clock()
    store = Store(max_bytes=10_000, clock=clock)
    for number in range(1000):
        store.write(number, entry(clock.now, body=b"x" * 700))
    assert 1 <= len(store) <= 10


def test_long_keys_count_towards_the_bound() -> None:
    clock = Clock()
    store = Store(max_bytes=10_000, clock=clock)
    for number in range(100):
        store.write(f"/search?text={'x' * 5000}{number}", entry(clock.now))
    assert len(store) <= 2


def test_an_entry_larger_than_the_store_is_not_kept_and_costs_no_other() -> None:
    clock = Clock()
    store = Store(max_bytes=1000, clock=clock)
    store.write("small", entry(clock.now))
    store.write("huge", entry(clock.now, body=b"x" * 1000))
    assert store.read("huge", 60) is None
    assert store.read("small", 60) is not None


def test_touches_beyond_the_bound_revive_nothing() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.write("first", entry(clock.now, entity=("Product", "first")))
    clock.now += 1
    store.touch("Product", "first")
    clock.now += 1
    for number in range(100_001):
        store.touch("Product", str(number))
    assert store.read("first", 1000) is None


def test_touches_that_were_read_meanwhile_revive_nothing() -> None:
    clock = Clock()
    store = Store(clock=clock)
    store.write("old", entry(clock.now, entity=("Product", "old")))
    clock.now += 1
    store.touch("Product", "old")
    clock.now += 1
    store.write("young", entry(clock.now, entity=("Product", "young")))
    clock.now += 1
    store.touch("Product", "young")
    assert store.read("old", 1000) is None
    clock.now += 1
    for number in range(100_000):
        store.touch("Product", str(number))
    assert store.read("young", 1000) is None


# -- model ------------------------------------------------------------------------------------------------------------

_TYPES = ("A", "B")
_IDS = ("1", "2")


class Reads(RuleBasedStateMachine):
    """The model keeps everything for ever and decides from its history; the store must never say more than it."""

    answers = Bundle("answers")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = Store(max_bytes=3000, clock=self.clock)
        self.touches: list[tuple[float, str, str | None]] = []
        self.written: dict[str, Stored] = {}

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 7.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(
        target=answers,
        types=st.sampled_from([("A",), ("B",), ("A", "B")]),
        single=st.booleans(),
        key=st.sampled_from(_IDS),
        limit=st.sampled_from([None, 1.0, 5.0]),
        size=st.sampled_from([0, 10, 900]),
    )
    def ask(self, types: tuple[str, ...], single: bool, key: str, limit: float | None, size: int) -> Stored:
        return Stored(b"x" * size, self.clock.now, limit, types, (types[0], key) if single else None)

    @rule(asked=answers, place=st.sampled_from("abcdef"))
    def arrive(self, asked: Stored, place: str) -> None:
        self.store.write(place, asked)
        self.written[place] = asked

    @rule(kind=st.sampled_from(_TYPES), key=st.sampled_from([None, *_IDS]))
    def touch(self, kind: str, key: str | None) -> None:
        self.store.touch(kind, key)
        self.touches.append((self.clock.now, kind, key))

    @precondition(lambda self: self.written)
    @rule(place=st.sampled_from("abcdef"), max_age_s=st.sampled_from([0.0, 1.0, 3.0, 60.0]))
    def read(self, place: str, max_age_s: float) -> None:
        found = self.store.read(place, max_age_s)
        if found is None:
            return
        age_s = self.clock.now - found.asked_at
        assert age_s < max_age_s
        assert found.limit_s is None or age_s < found.limit_s
        assert not any(self._concerns(touch, found) for touch in self.touches)

    @invariant()
    def fresh_answers_are_found_unless_they_were_evicted(self) -> None:
        for place, written in self.written.items():
            found = self.store.read(place, 0.25)
            fresh = self.clock.now == written.asked_at and not any(
                self._concerns(touch, written) for touch in self.touches
            )
            if fresh and sum(300 + len(kept.body or b"") for kept in self.written.values()) <= 1700:
                assert found is written

    @staticmethod
    def _concerns(touch: tuple[float, str, str | None], answer: Stored) -> bool:
        touched_at, kind, key = touch
        if touched_at < answer.asked_at or kind not in answer.types:
            return False
        own = answer.entity is not None and answer.entity[0] == kind
        return key is None or not own or answer.entity == (kind, key)


TestReads = Reads.TestCase
TestReads.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
