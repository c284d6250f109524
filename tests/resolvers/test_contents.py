"""What types may hold, found in one walk over a schema: right for every graph of types, and linear in its size."""

from __future__ import annotations

import sys
from typing import Any

import graphql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.sdl import print_sdl
from resolvers import Bindings, Declared, Fetching, PropertyMark, bind
from resolvers.contents import Contents, connected
from resolvers.marks import MARK
from sources import Call, Endpoint, Rest, Template

source = Rest("s", "http://s.example", ttl=1)


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9)), max_size=10))
def test_groups_are_those_that_lead_to_each_other_each_after_what_it_leads_to(drawn: dict[int, list[int]]) -> None:
    below = {str(name): [str(other) for other in others if other in drawn] for name, others in drawn.items()}
    ways = {name: reached(below, name) for name in below}
    groups = connected(below)
    assert sorted(name for group in groups for name in group) == sorted(below)
    for group in groups:
        for name in group:
            assert set(group) == {name, *(other for other in ways[name] if name in ways[other])}
    place = {name: number for number, group in enumerate(groups) for name in group}
    assert all(place[other] <= place[name] for name, others in below.items() for other in others)


def reached(below: dict[str, list[str]], name: str) -> set[str]:
    found: set[str] = set()
    waiting = list(below[name])
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting.extend(below[other])
    return found


def schema_of(below: dict[int, list[int]], calls: int, fields: int = 0) -> graphql.GraphQLSchema:
    """Make a schema of types that hold each other, with a call for the first of them."""

    def fields_of(number: int) -> dict[str, graphql.GraphQLField]:
        ttl = 60.0 if number == len(below) - 1 else None
        own = {"id": property_of(graphql.GraphQLInt, "id", ttl)}
        own |= {f"f{index}": property_of(graphql.GraphQLString, f"f{index}") for index in range(fields)}
        return own | {f"to{other}": property_of(kinds[other], f"to{other}") for other in below[number]}

    def kind_of(number: int) -> graphql.GraphQLObjectType:
        return graphql.GraphQLObjectType(f"T{number}", lambda: fields_of(number))

    kinds = {number: kind_of(number) for number in below}
    gets = {
        f"t{number}": Call(source=source, single=Endpoint("GET", Template(f"/t{number}"))) for number in range(calls)
    }
    root = {name: graphql.GraphQLField(kinds[int(name[1:])], extensions={MARK: call}) for name, call in gets.items()}
    return graphql.GraphQLSchema(graphql.GraphQLObjectType("Query", root))


def property_of(kind: Any, name: str, ttl: float | None = None) -> graphql.GraphQLField:
    return graphql.GraphQLField(kind, extensions={MARK: PropertyMark((name,), ttl)})


@given(st.lists(st.lists(st.integers(0, 5), max_size=3), min_size=1, max_size=6))
def test_a_type_holds_itself_and_all_that_is_in_it_and_is_kept_as_long_as_any_of_that(drawn: list[list[int]]) -> None:
    below = {number: sorted({other for other in others if other < len(drawn)}) for number, others in enumerate(drawn)}
    found = bind(schema_of(below, len(drawn)), Declared())
    assert not found.faults
    named = {str(number): list(map(str, others)) for number, others in below.items()}
    for number in below:
        call = found.of("Query", f"t{number}")
        assert isinstance(call, Fetching)
        inside = {str(number), *reached(named, str(number))}
        assert call.holds == {f"T{name}" for name in inside}
        assert call.keep_s == (60 if str(len(drawn) - 1) in inside else 1)


class Counting(dict[str, Any]):
    """Attributes by type that count how often those of any are looked at."""

    looks = 0

    def get(self, *given: Any) -> Any:
        self.looks += 1
        return super().get(*given)

    def __getitem__(self, name: str) -> Any:
        self.looks += 1
        return super().__getitem__(name)


@pytest.mark.parametrize("is_cycle", [False, True])
def test_asking_of_every_type_looks_at_each_a_fixed_number_of_times(*, is_cycle: bool) -> None:
    looks = [looks_at(count, is_cycle=is_cycle) for count in (50, 100, 200)]
    assert looks[2] - looks[1] == 2 * (looks[1] - looks[0])
    assert looks[2] < 200 * 8


def looks_at(count: int, *, is_cycle: bool) -> int:
    below = {number: [number + 1] for number in range(count - 1)} | {count - 1: [0] if is_cycle else []}
    schema = schema_of(below, count)
    attributes = Counting(bind(schema, Declared()).attributes)
    contents = Contents(schema, Bindings(attributes=attributes))
    call = Call(source=source, single=None)
    for number in below:
        kind = schema.type_map[f"T{number}"]
        assert contents.keep_s(call, kind.name, 1.0) == 60
        assert len(contents.holds(kind.name)) == (count if is_cycle else count - number)
        assert contents.keeps_digits(kind, source) is False
    return attributes.looks


@pytest.fixture
def deep_schema() -> graphql.GraphQLSchema:
    """Give a chain of types that is longer than Python's stack; graphql-core follows it frame by frame."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        schema = schema_of({number: [number + 1] for number in range(2999)} | {2999: []}, 3, fields=1)
    finally:
        sys.setrecursionlimit(before)
    return schema


def test_a_chain_of_types_may_be_longer_than_the_stack(deep_schema: graphql.GraphQLSchema) -> None:
    found = bind(deep_schema, Declared())
    assert not found.faults
    call = found.of("Query", "t1")
    assert isinstance(call, Fetching)
    assert len(call.holds) == 2999
    assert "type T2999 {" in print_sdl(deep_schema)
