"""What a topic makes of its feed's events: what has changed, by which key, and what is stale by then."""

import datetime as dt
import decimal
import enum
from typing import Any

import msgspec
import pytest
import strawberry

from graph import Graph, GraphError
from resolvers import Fetching, Store, Wanted
from resolvers.envelope import Envelopes
from resolvers.topic import Reader
from sources import Event, FakeTransport, Rest, SourceError
from tests.graph.feeds import Hand

Json = Any
source = Rest("src", "http://src.example", client=FakeTransport({}), naming="camel", timestamps="unix")
hand = Hand()


@strawberry.enum
class Mode(enum.Enum):
    FAST = "f"
    SLOW = 2


@source.entity(get="/things/{id}")
class Thing:
    id: strawberry.ID
    sku: str


@strawberry.type
class Tick:
    n: int


@strawberry.type
class Query:
    @source.get("/things/{id}")
    def thing(self, id: strawberry.ID) -> Thing: ...


@strawberry.type
class Subscription:
    @source.poll("/things", every=1.0, items="data")
    def thing(self) -> Thing: ...

    @source.poll("/ticks", every=1.0)
    def tick(self) -> Tick: ...

    @source.feed(hand, key="sku")
    def by_sku(self) -> Thing: ...

    @source.feed(hand, where={"deep": "a.b"})
    def filtered(
        self,
        mode: Mode | None = None,
        made_at: dt.datetime | None = None,
        price: decimal.Decimal | None = None,
        n: float | None = None,
        deep: list[strawberry.ID] | None = None,
        is_new: bool | None = None,
    ) -> Tick: ...


graph = Graph(Query, subscription=Subscription)


def binding(name: str) -> Fetching:
    found = graph.engine.bindings.of("Subscription", name)
    assert isinstance(found, Fetching)
    return found


def reader(name: str, store: Store | None = None) -> Reader:
    fetching = binding(name)
    assert fetching.feeding is not None
    return Reader(fetching, fetching.feeding, Store() if store is None else store, Envelopes())


def told(by: Reader, payload: Json) -> list[Json]:
    found = by.read(Event(msgspec.json.encode(payload)))
    assert isinstance(found, list)
    return [occasion.payload for occasion in found]


def test_objects_of_a_list_that_are_new_or_other_are_events() -> None:
    by = reader("thing")
    assert told(by, {"data": [{"id": 1, "sku": "a"}, {"id": 2, "sku": "b"}]}) == []
    assert told(by, {"data": [{"id": 2, "sku": "b"}, {"id": "1", "sku": "A"}, {"id": 3}]}) == [
        {"id": "1", "sku": "A"},
        {"id": 3},
    ]


def test_an_answer_of_another_kind_is_no_state_to_compare_with() -> None:
    by = reader("thing")
    assert told(by, {"error": "busy"}) == []
    assert told(by, {"data": [{"id": 1}]}) == []
    assert told(by, {"error": "busy"}) == []
    assert told(by, {"data": [{"id": 1}]}) == []
    assert told(by, {"data": []}) == []
    assert told(by, {"data": [{"id": 1}]}) == [{"id": 1}]


def test_of_several_objects_with_one_key_the_last_counts() -> None:
    by = reader("thing")
    twice = [{"id": 1, "sku": "a"}, {"id": 1, "sku": "b"}]
    assert told(by, {"data": twice}) == []
    assert told(by, {"data": [*twice, {"id": 2}]}) == [{"id": 2}]
    assert told(by, {"data": [*twice, {"id": 1, "sku": "c"}]}) == [{"id": 1, "sku": "c"}]


def test_objects_without_a_key_are_told_apart_by_what_they_are() -> None:
    by = reader("tick")
    assert told(by, [{"n": 1}, {"n": 2}]) == []
    assert told(by, [{"n": 1}]) == []
    assert told(by, [{"n": 1}, {"n": 3}, None]) == [{"n": 3}, None]


def test_a_single_object_is_compared_with_itself() -> None:
    by = reader("tick")
    assert [told(by, payload) for payload in ({"n": 1}, {"n": 1}, {"n": 2}, None, {"n": 2})] == [
        [],
        [],
        [{"n": 2}],
        [None],
        [{"n": 2}],
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"data": ' + b"[" * 100_000, b'{"data": NaN}'])
def test_what_cannot_be_read_is_told(body: bytes) -> None:
    assert isinstance(reader("thing").read(Event(body)), SourceError)


def test_an_entity_is_stale_by_its_own_key_whatever_tells_events_apart() -> None:
    touched: list[Any] = []

    class Noting(Store):
        def touch(self, type_name: str, key: Any = None) -> None:
            touched.append((type_name, key))

    by = reader("bySku", Noting())
    found = by.read(Event(b'{"id": 7, "sku": "a"}'))
    assert isinstance(found, list)
    assert [occasion.key for occasion in found] == ["a"]
    by.read(Event(b'{"sku": "a"}'))
    assert touched == [("Thing", "7"), ("Thing", None)]


@pytest.mark.parametrize(
    ("arguments", "payload"),
    [
        ({"mode": "f"}, {"mode": "FAST"}),
        ({"mode": 2}, {"mode": "SLOW"}),
        ({"made_at": 1767225600}, {"madeAt": 1767225600.0}),
        ({"price": "1.50"}, {"price": 1.5}),
        ({"n": 1.0}, {"n": 1}),
        ({"n": 1}, {"n": [3, 1]}),
        ({"deep": ["x", "7"]}, {"a": {"b": 7}}),
        ({"is_new": False}, {"isNew": False}),
        ({"mode": None, "deep": None}, {}),
        ({}, None),
    ],
)
def test_an_event_passes_that_means_what_is_asked_for(arguments: Json, payload: Json) -> None:
    feeding = binding("filtered").feeding
    assert feeding is not None
    assert Wanted(feeding.filters, arguments).has(payload)


@pytest.mark.parametrize(
    ("arguments", "payload"),
    [
        ({"mode": "f"}, {"mode": 2}),
        ({"mode": "f"}, {"mode": "fast"}),
        ({"mode": "f"}, {}),
        ({"made_at": 1767225600}, {"madeAt": "2026-01-01T00:00:00Z"}),
        ({"n": 1}, {"n": True}),
        ({"is_new": True}, {"isNew": 1}),
        ({"deep": []}, {"a": {"b": 7}}),
        ({"deep": ["7"]}, {"a": [{"b": 7}]}),
        ({"deep": ["None"]}, {"a": {"b": None}}),
        ({"n": 1}, None),
        ({"n": 1}, [1]),
    ],
)
def test_an_event_that_means_something_else_does_not_pass(arguments: Json, payload: Json) -> None:
    feeding = binding("filtered").feeding
    assert feeding is not None
    assert not Wanted(feeding.filters, arguments).has(payload)


def test_an_argument_cannot_filter_lists() -> None:
    @strawberry.type
    class Wrong:
        @source.feed(hand, where={"n": "n"})
        def ticks(self, n: int, first: int = 1) -> list[Tick]: ...

    with pytest.raises(GraphError) as found:
        Graph(Query, subscription=Wrong)
    assert found.value.faults == [
        "Wrong.ticks: the argument 'first' filters events by a property, but the field is [Tick!]!",
        "Wrong.ticks: the argument 'n' filters events by a property, but the field is [Tick!]!",
    ]
