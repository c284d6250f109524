"""The circuit breaker: its transitions one by one, and what holds whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sources.breaker import NEVER, Breaker, Circuit, State


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Wire:
    """A circuit with a clock that stands still, without jitter, and the states that it told of."""

    def __init__(self, breaker: Breaker | None = None, chance: float = 1.0) -> None:
        self.clock = Clock()
        self.told: list[State] = []
        breaker = breaker or Breaker(calls=4, window=10, open_for=5, longest=15, probes=2)
        self.circuit = Circuit(
            breaker, clock=self.clock, chance=lambda: chance, told=lambda circuit: self.told.append(circuit.state)
        )

    def call(self, is_bad: bool | None, took_s: float = 0.0) -> bool:
        """Make a call that ends at once; tell whether it was admitted."""
        ticket = self.circuit.admit()
        if ticket is None:
            return False
        self.circuit.settle(ticket, is_bad, took_s)
        return True

    def trip(self) -> None:
        for _ in range(4):
            self.call(True)
        assert self.circuit.state is State.OPEN


def test_it_opens_when_the_share_of_bad_calls_is_reached() -> None:
    wire = Wire()
    for is_bad in (True, False, False):
        wire.call(is_bad)
    assert (wire.circuit.state, wire.circuit.failure_ratio()) == (State.CLOSED, 1 / 3)
    wire.call(True)
    assert (wire.circuit.state, wire.told) == (State.OPEN, [State.OPEN])
    assert not wire.call(False)


def test_too_few_calls_say_nothing() -> None:
    wire = Wire()
    for _ in range(3):
        wire.call(True)
    assert wire.circuit.state is State.CLOSED


def test_a_good_call_may_be_the_one_that_makes_them_enough() -> None:
    wire = Wire()
    for is_bad in (True, True, True, False):
        wire.call(is_bad)
    assert wire.circuit.state is State.OPEN


def test_what_lies_before_the_window_is_forgotten() -> None:
    wire = Wire()
    for _ in range(3):
        wire.call(True)
    wire.clock.now += 11
    wire.call(True)
    assert (wire.circuit.state, wire.circuit.failure_ratio()) == (State.CLOSED, 1.0)


def test_calls_that_were_cancelled_count_as_nothing() -> None:
    wire = Wire()
    for _ in range(20):
        wire.call(None)
    assert (wire.circuit.state, wire.circuit.failure_ratio()) == (State.CLOSED, 0.0)


def test_slow_calls_are_bad_where_that_is_said() -> None:
    patient, impatient = Wire(), Wire(Breaker(calls=4, slow=2.0))
    for wire in (patient, impatient):
        for took_s in (2.0, 3.0, 1.9, 1.9):
            wire.call(False, took_s)
    assert (patient.circuit.state, impatient.circuit.state) == (State.CLOSED, State.OPEN)


def test_after_its_time_it_lets_a_few_through_and_closes_when_they_go_well() -> None:
    wire = Wire()
    wire.trip()
    wire.clock.now += 4.9
    assert not wire.circuit.admits()
    wire.clock.now += 0.1
    first, second = wire.circuit.admit(), wire.circuit.admit()
    assert first is not None
    assert second is not None
    assert (wire.circuit.state, wire.circuit.admit()) == (State.HALF_OPEN, None)
    wire.circuit.settle(first, False)
    assert wire.circuit.admit() is None
    wire.circuit.settle(second, False)
    assert wire.told == [State.OPEN, State.HALF_OPEN, State.CLOSED]
    assert wire.circuit.failure_ratio() == 0.0


def test_it_stays_open_for_longer_each_time_that_a_probe_goes_badly() -> None:
    wire = Wire()
    wire.trip()
    waits = [wire.circuit.open_s]
    for _ in range(3):
        wire.clock.now += waits[-1]
        assert wire.call(True)
        waits.append(wire.circuit.open_s)
    assert waits == [5.0, 10.0, 15.0, 15.0]
    wire.clock.now += 15
    assert (wire.call(False), wire.call(False), wire.circuit.state) == (True, True, State.CLOSED)
    wire.trip()
    assert wire.circuit.open_s == 5.0


@pytest.mark.parametrize(("chance", "open_s"), [(0.0, 2.5), (0.5, 3.75), (1.0, 5.0)])
def test_the_time_for_which_it_is_open_is_by_chance_half_to_all_of_it(chance: float, open_s: float) -> None:
    wire = Wire(chance=chance)
    wire.trip()
    assert wire.circuit.open_s == open_s


def test_a_probe_that_is_cancelled_gives_its_place_back() -> None:
    wire = Wire()
    wire.trip()
    wire.clock.now += 5
    for _ in range(10):
        assert wire.call(None)
    assert wire.circuit.state is State.HALF_OPEN


def test_a_call_that_began_before_says_nothing_about_the_state_after() -> None:
    wire = Wire()
    early = [wire.circuit.admit() for _ in range(4)]
    wire.trip()
    wire.clock.now += 5
    probe = wire.circuit.admit()
    for ticket in early:
        assert ticket is not None
        wire.circuit.settle(ticket, True)
    assert wire.circuit.state is State.HALF_OPEN
    assert probe is not None
    wire.circuit.settle(probe, False)
    assert (wire.call(False), wire.circuit.state) == (True, State.CLOSED)


def test_a_source_without_a_breaker_is_always_asked() -> None:
    wire = Wire(NEVER)
    assert all(wire.call(True) for _ in range(1000))


@pytest.mark.parametrize(
    ("breaker", "said"),
    [
        (Breaker(ratio=0), "breaker: ratio is not more than 0 and at most 1"),
        (Breaker(ratio=1.1), "breaker: ratio is not more than 0 and at most 1"),
        (Breaker(ratio=float("nan")), "breaker: ratio is not more than 0 and at most 1"),
        (Breaker(window=0), "breaker: window must be more than 0 seconds"),
        (Breaker(slow=0), "breaker: slow must be more than 0 seconds"),
        (Breaker(open_for=float("inf")), "breaker: open_for must be more than 0 seconds"),
        (Breaker(longest=-1), "breaker: longest must be more than 0 seconds"),
        (Breaker(calls=0), "breaker: calls is too small"),
        (Breaker(probes=0), "breaker: probes is too small"),
    ],
)
def test_a_breaker_that_cannot_be_is_a_fault(breaker: Breaker, said: str) -> None:
    assert list(breaker.faults()) == [said]


class CircuitMachine(RuleBasedStateMachine):
    """Calls begin and end in any order, while time passes; `settled` are the ends that count, since it last closed."""

    @initialize(
        ratio=st.sampled_from([0.1, 0.5, 1.0]),
        calls=st.integers(1, 6),
        probes=st.integers(1, 3),
        chance=st.floats(0, 1),
    )
    def begin(self, ratio: float, calls: int, probes: int, chance: float) -> None:
        self.breaker = Breaker(ratio=ratio, window=4.0, calls=calls, open_for=2.0, longest=5.0, probes=probes)
        self.clock = Clock()
        self.circuit = Circuit(self.breaker, clock=self.clock, chance=lambda: chance, told=self.changed)
        self.out: list[tuple[int, State]] = []
        self.settled: list[tuple[float, bool]] = []
        self.probed_well = 0
        self.before = State.CLOSED
        self.opened_at = 0.0
        self.reasons: list[bool] = []

    def changed(self, circuit: Circuit) -> None:
        before, self.before = self.before, circuit.state
        if circuit.state is State.OPEN and before is State.CLOSED:
            within = [is_bad for at, is_bad in self.settled if at >= self.clock.now - 4.001]
            self.reasons.append(len(within) >= self.breaker.calls and any(within))
        elif circuit.state is State.OPEN:
            self.reasons.append(before is State.HALF_OPEN)
        elif circuit.state is State.HALF_OPEN:
            self.reasons.append(before is State.OPEN and self.clock.now - self.opened_at >= 0.999)
        else:
            self.reasons.append(before is State.HALF_OPEN and self.probed_well >= self.breaker.probes - 1)
            self.settled = []
        if circuit.state is State.OPEN:
            self.opened_at = self.clock.now
        self.probed_well = 0

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 2.5, 6.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def admit(self) -> None:
        would = self.circuit.admits()
        ticket = self.circuit.admit()
        assert (ticket is not None) == would
        if ticket is not None:
            self.out.append((ticket, self.circuit.state))

    @precondition(lambda self: self.out)
    @rule(number=st.integers(0, 50), is_bad=st.sampled_from([True, True, False, None]))
    def settle(self, number: int, is_bad: bool | None) -> None:
        ticket, state = self.out.pop(number % len(self.out))
        counts = ticket == self.circuit._epoch and is_bad is not None
        if counts and state is State.CLOSED:
            self.settled.append((self.clock.now, bool(is_bad)))
        self.circuit.settle(ticket, is_bad)
        if counts and state is State.HALF_OPEN and is_bad is False and self.circuit.state is State.HALF_OPEN:
            self.probed_well += 1

    @invariant()
    def no_change_is_without_its_reason(self) -> None:
        assert all(self.reasons)

    @invariant()
    def no_more_probes_than_said_are_under_way(self) -> None:
        if self.circuit.state is State.HALF_OPEN:
            probes = sum(ticket == self.circuit._epoch for ticket, _ in self.out)
            assert probes <= self.breaker.probes

    @invariant()
    def it_is_tried_in_the_end(self) -> None:
        if self.circuit.state is State.OPEN and self.clock.now - self.opened_at >= self.breaker.longest:
            assert self.circuit.admits()
        if self.circuit.state is State.HALF_OPEN and not any(ticket == self.circuit._epoch for ticket, _ in self.out):
            assert self.circuit.admits()


TestCircuitMachine = CircuitMachine.TestCase
TestCircuitMachine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
