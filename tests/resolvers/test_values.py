"""Values between the wire and Python: what resolvers see of a reply, and what backends see of an argument."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid
from collections.abc import Callable
from typing import Annotated, Any

import graphql
import pytest
import strawberry
from strawberry.scalars import JSON

from graph import Graph
from resolvers import decoder, python_name, wire_value
from sources import FakeTransport, Rest, Timestamps


@strawberry.enum
class Tier(enum.Enum):
    LOW = "low-tier"
    HIGH = 2


@strawberry.enum
class Swapped(enum.Enum):
    ONE = "TWO"
    TWO = "ONE"


@strawberry.enum
class Described(enum.Enum):
    BIG = strawberry.enum_value("big", description="More than ten.")
    SMALL = strawberry.enum_value("small", name="TINY")


@strawberry.input
class Range:
    at_least: int | None = strawberry.UNSET
    at_most: int | None = strawberry.UNSET


@strawberry.input
class Filter:
    name_contains: str | None = strawberry.UNSET
    tiers: list[Tier] | None = strawberry.UNSET
    price_range: Range | None = strawberry.UNSET
    ranges: list[list[Range | None]] | None = strawberry.UNSET
    since: dt.datetime | None = strawberry.UNSET
    renamed: Annotated[int | None, strawberry.argument(name="ignored")] = strawberry.field(
        default=strawberry.UNSET, name="otherName"
    )


@strawberry.type
class Query:
    @strawberry.field
    def everything(
        self,
        tier: Tier,
        swapped: Swapped,
        described: Described,
        instant: dt.datetime,
        date: dt.date,
        time: dt.time,
        uuid: uuid.UUID,
        decimal: decimal.Decimal,
        json: JSON,
        filter: Filter,
        whole: int,
        real: float,
        text: str,
        truth: bool,
        id: strawberry.ID,
        filters: list[Filter | None] | None = None,
    ) -> int:
        return 0


ARGUMENTS = Graph(query=Query).schema.query_type.fields["everything"].args  # type: ignore[union-attr]  # there is one


def leaf(name: str) -> graphql.GraphQLLeafType:
    found = graphql.get_named_type(ARGUMENTS[name].type)
    assert isinstance(found, graphql.GraphQLScalarType | graphql.GraphQLEnumType)
    return found


def decode(name: str, value: object, timestamps: Timestamps = "iso") -> Any:
    found = decoder(leaf(name), timestamps)
    assert found is not None
    return found(value)


def sent(name: str, value: Any, *, naming: Any = "same", timestamps: Timestamps = "iso") -> Any:
    source = Rest("s", "http://s.example", naming=naming, timestamps=timestamps, client=FakeTransport({}))
    return wire_value(value, ARGUMENTS[name].type, source)


def given(name: str, value: Any) -> Any:
    """Give a variable's value as graphql-core hands it on."""
    return graphql.coerce_input_value(value, ARGUMENTS[name].type)


# -- decoding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["whole", "real", "text", "truth", "id", "json"])
def test_plain_scalars_need_no_decoding(name: str) -> None:
    assert decoder(leaf(name), "iso") is None


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2024-02-29T12:30:00+00:00", dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)),
        ("2024-02-29T12:30:00Z", dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)),
        ("2024-02-29T12:30:00.25Z", dt.datetime(2024, 2, 29, 12, 30, 0, 250_000, tzinfo=dt.UTC)),
        ("2024-02-29T12:30:00", dt.datetime(2024, 2, 29, 12, 30)),  # the backend named no zone
    ],
)
def test_iso_instants_are_read(value: str, instant: dt.datetime) -> None:
    assert decode("instant", value) == instant


@pytest.mark.parametrize(
    ("value", "timestamps", "instant"),
    [
        (0, "unix", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        (1_700_000_000, "unix", dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)),
        (1.5, "unix", dt.datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=dt.UTC)),
        (-1, "unix", dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        (1_700_000_000_123, "unix_ms", dt.datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=dt.UTC)),
    ],
)
def test_unix_instants_are_read_as_utc(value: float, timestamps: Timestamps, instant: dt.datetime) -> None:
    assert decode("instant", value, timestamps) == instant


@pytest.mark.parametrize(
    ("value", "timestamps"),
    [
        (0, "iso"),
        (True, "iso"),
        ("", "iso"),
        ("yesterday", "iso"),
        (["2024-02-29T12:30:00Z"], "iso"),
        ("2024-02-30T12:30:00Z", "iso"),
        ("1700000000", "unix"),
        ("2024-02-29T12:30:00Z", "unix_ms"),
        (True, "unix"),
        ({}, "unix"),
        (math.nan, "unix"),
        (math.inf, "unix"),
        (10**18, "unix"),
        (10**18, "unix_ms"),
        (-(10**18), "unix"),
        pytest.param(10**400, "unix", id="a number beyond floats"),
    ],
)
def test_what_is_no_instant_in_the_sources_convention_is_refused(value: object, timestamps: Timestamps) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # which one is the library's
        decode("instant", value, timestamps)


def test_a_number_of_milliseconds_beyond_floats_is_refused() -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # which one is the library's
        decode("instant", 10**400, "unix_ms")


def test_dates_are_read() -> None:
    assert decode("date", "2024-02-29") == dt.date(2024, 2, 29)
    assert decode("date", 1_700_000_000, "unix") == dt.date(2023, 11, 14)
    assert decode("date", 1_700_000_000_000, "unix_ms") == dt.date(2023, 11, 14)


def test_times_are_read() -> None:
    assert decode("time", "12:30:00") == dt.time(12, 30)


def test_uuids_are_read() -> None:
    text = "12345678-1234-5678-1234-567812345678"
    assert decode("uuid", text) == uuid.UUID(text)


@pytest.mark.parametrize(("name", "value"), [("date", "2024-02-30"), ("date", 5), ("time", "25:00"), ("uuid", "x")])
def test_what_is_no_value_of_the_scalar_is_refused(name: str, value: object) -> None:
    with pytest.raises((ValueError, TypeError, graphql.GraphQLError)):
        decode(name, value)


@pytest.mark.parametrize(("value", "number"), [("1.10", "1.10"), (3, "3"), (0.1, "0.1"), ("-2e3", "-2E+3")])
def test_decimals_are_read_as_written(value: object, number: str) -> None:
    assert str(decode("decimal", value)) == number


@pytest.mark.parametrize("value", [True, False, None, "", "one", [], {}, "1,5"])
def test_what_is_no_decimal_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        decode("decimal", value)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-inf"])
def test_a_decimal_is_finite(value: str) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        decode("decimal", value)


@pytest.mark.parametrize(("value", "member"), [("low-tier", Tier.LOW), (2, Tier.HIGH), ("LOW", Tier.LOW)])
def test_enum_values_are_read_by_value_and_by_name(value: object, member: Tier) -> None:
    assert decode("tier", value) is member


def test_where_names_and_values_disagree_the_value_decides() -> None:
    assert decode("swapped", "TWO") is Swapped.ONE
    assert decode("swapped", "ONE") is Swapped.TWO


@pytest.mark.parametrize("value", ["", "low", "2", 3, None, [], {}, ["low-tier"]])
def test_what_is_no_enum_value_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a value of Tier"):
        decode("tier", value)


def test_described_enum_values_are_read_by_their_value() -> None:
    found = [decode("described", value) for value in ("big", "small", "BIG", "TINY")]
    assert found == [Described.BIG, Described.SMALL, Described.BIG, Described.SMALL]


# -- encoding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "wire"),
    [
        ("whole", 3, 3),
        ("real", 0.5, 0.5),
        ("text", "ä", "ä"),
        ("truth", False, False),
        ("id", "7", "7"),
        ("json", {"a_b": [1, None]}, {"a_b": [1, None]}),
        ("date", dt.date(2024, 2, 29), "2024-02-29"),
        ("time", dt.time(12, 30), "12:30:00"),
        ("uuid", uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ("decimal", decimal.Decimal("1.10"), "1.10"),
        ("tier", Tier.LOW, "low-tier"),
        ("tier", Tier.HIGH, 2),
        ("text", None, None),
    ],
)
def test_scalars_are_spelled_for_the_wire(name: str, value: object, wire: object) -> None:
    assert sent(name, value) == wire


def test_described_enum_values_are_sent_by_their_value() -> None:
    assert sent("described", given("described", "BIG")) == "big"
    assert sent("described", given("described", "TINY")) == "small"


@pytest.mark.parametrize(
    ("timestamps", "wire"),
    [("iso", "2023-11-14T22:13:20.500000+00:00"), ("unix", 1_700_000_000.5), ("unix_ms", 1_700_000_000_500)],
)
def test_instants_are_spelled_by_the_sources_convention(timestamps: Timestamps, wire: object) -> None:
    instant = dt.datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=dt.UTC)
    assert sent("instant", instant, timestamps=timestamps) == wire


def test_instants_keep_their_zone_in_iso_and_are_the_same_instant_in_unix() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    instant = dt.datetime(1970, 1, 1, 2, 0, 1, tzinfo=zone)
    assert sent("instant", instant) == "1970-01-01T02:00:01+02:00"
    assert sent("instant", instant, timestamps="unix") == 1


@pytest.mark.parametrize("timestamps", ["unix", "unix_ms"])
def test_a_naive_instant_counts_as_utc(timestamps: Timestamps) -> None:
    naive = dt.datetime(1970, 1, 1, 0, 0, 1)  # what this is about
    assert sent("instant", naive, timestamps=timestamps) in (1, 1000)


@pytest.mark.parametrize("timestamps", ["iso", "unix", "unix_ms"])
def test_an_instant_that_was_read_is_written_as_it_was(timestamps: Timestamps) -> None:
    written = {"iso": "2023-11-14T22:13:20+00:00", "unix": 1_700_000_000, "unix_ms": 1_700_000_000_123}[timestamps]
    assert sent("instant", decode("instant", written, timestamps), timestamps=timestamps) == written


@pytest.mark.parametrize(
    ("naming", "spelled"),
    [
        ("same", ["name_contains", "price_range", "at_least"]),
        ("snake", ["name_contains", "price_range", "at_least"]),
        ("camel", ["nameContains", "priceRange", "atLeast"]),
        ("pascal", ["NameContains", "PriceRange", "AtLeast"]),
        ("kebab", ["name-contains", "price-range", "at-least"]),
        (str.upper, ["NAME_CONTAINS", "PRICE_RANGE", "AT_LEAST"]),
    ],
)
def test_input_objects_are_spelled_by_the_sources_naming(
    naming: str | Callable[[str], str], spelled: list[str]
) -> None:
    value = given("filter", {"nameContains": "x", "priceRange": {"atLeast": 5}})
    assert sent("filter", value, naming=naming) == {spelled[0]: "x", spelled[1]: {spelled[2]: 5}}


def test_what_a_client_leaves_out_of_an_input_object_stays_out() -> None:
    assert sent("filter", given("filter", {})) == {}
    assert sent("filter", given("filter", {"nameContains": None})) == {"name_contains": None}


def test_a_field_of_another_name_in_the_schema_has_its_python_name_on_the_wire() -> None:
    assert sent("filter", given("filter", {"otherName": 1}), naming="camel") == {"renamed": 1}


def test_lists_and_what_is_in_them_are_spelled() -> None:
    value = given("filter", {"tiers": ["HIGH", "LOW"], "ranges": [[{"atMost": 1}, None], []]})
    assert sent("filter", value) == {"tiers": [2, "low-tier"], "ranges": [[{"at_most": 1}, None], []]}
    assert sent("filters", given("filters", [{"nameContains": "x"}, None]), naming="camel") == [
        {"nameContains": "x"},
        None,
    ]


def test_a_lone_value_for_a_list_is_a_list_on_the_wire() -> None:
    assert sent("filter", given("filter", {"tiers": "HIGH"})) == {"tiers": [2]}


def test_instants_inside_input_objects_are_spelled_too() -> None:
    value = given("filter", {"since": "1970-01-01T00:00:05Z"})
    assert sent("filter", value, timestamps="unix_ms") == {"since": 5000}


# -- defaults, through a graph ----------------------------------------------------------------------------------------


async def test_defaults_of_arguments_are_spelled_for_the_wire() -> None:
    transport = FakeTransport(lambda method, target, body: 1)
    source = Rest("s", "http://s.example", client=transport)

    @strawberry.type
    class Query:
        @source.get("/n{?tier,since}")
        def n(self, tier: Tier = Tier.LOW, since: dt.date = dt.date(2024, 2, 29)) -> int: ...

    assert await Graph(query=Query).execute("{ n }") == {"data": {"n": 1}}
    assert transport.calls == ["GET /n?tier=low-tier&since=2024-02-29"]


async def test_an_input_object_as_default_is_spelled_for_the_wire() -> None:
    transport = FakeTransport(lambda method, target, body: 1)
    source = Rest("s", "http://s.example", naming="camel", client=transport)

    @strawberry.type
    class Query:
        @source.get("/m")
        def m(self) -> int: ...

    @strawberry.type
    class Mutation:
        @source.post("/n")
        def n(self, filter: Filter = Filter(name_contains="x", price_range=Range(at_least=5))) -> int: ...  # noqa: B008

    assert await Graph(query=Query, mutation=Mutation).execute("mutation { n }") == {"data": {"n": 1}}
    assert transport.bodies == [b'{"filter":{"nameContains":"x","priceRange":{"atLeast":5}}}']


async def test_an_argument_without_default_that_is_not_given_is_left_out() -> None:
    transport = FakeTransport(lambda method, target, body: 1)
    source = Rest("s", "http://s.example", client=transport)

    @strawberry.type
    class Query:
        @source.get("/n{?search,limit}")
        def n(self, search: str | None = strawberry.UNSET, limit: int = 3) -> int: ...

    assert await Graph(query=Query).execute("{ n }") == {"data": {"n": 1}}
    assert transport.calls == ["GET /n?limit=3"]


def test_python_names_come_from_the_declaration() -> None:
    kind = graphql.get_named_type(ARGUMENTS["filter"].type)
    assert isinstance(kind, graphql.GraphQLInputObjectType)
    assert {name: python_name(field, name) for name, field in kind.fields.items()} == {
        "nameContains": "name_contains",
        "tiers": "tiers",
        "priceRange": "price_range",
        "ranges": "ranges",
        "since": "since",
        "otherName": "renamed",
    }
    plain = graphql.GraphQLField(graphql.GraphQLString)
    assert python_name(plain, "someName") == "someName"
