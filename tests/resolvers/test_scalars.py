"""The scalars by themselves: what each reads, writes and refuses, whichever side it comes from."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any

import graphql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import scalars
from resolvers.duration import duration_text, parse_duration
from sources import Number

ALL = sorted({definition.implementation.name for definition in scalars.SCALARS.values() if definition.implementation})


def scalar(name: str) -> graphql.GraphQLScalarType:
    (found,) = {
        id(definition.implementation): definition.implementation
        for definition in scalars.SCALARS.values()
        if definition.name == name and definition.implementation is not None
    }.values()
    return found


@pytest.mark.parametrize(
    ("name", "json", "value", "written"),
    [
        ("Int64", 5, 5, "5"),
        ("Int64", "-5", -5, "-5"),
        ("Int64", "0", 0, "0"),
        ("Int64", 4.0, 4, "4"),
        ("Int64", Number("9223372036854775807.0"), 2**63 - 1, "9223372036854775807"),
        ("Decimal", 5, decimal.Decimal(5), "5"),
        ("Decimal", 0.1, decimal.Decimal("0.1"), "0.1"),
        ("Decimal", Number("1.10"), decimal.Decimal("1.10"), "1.10"),
        ("Decimal", "1.10", decimal.Decimal("1.10"), "1.10"),
        ("Decimal", decimal.Decimal("1.10"), decimal.Decimal("1.10"), "1.10"),
        ("Date", "2024-02-29", dt.date(2024, 2, 29), "2024-02-29"),
        ("Time", "12:30", dt.time(12, 30), "12:30:00"),
        ("Time", "12:30:00Z", dt.time(12, 30, tzinfo=dt.UTC), "12:30:00+00:00"),
        ("DateTime", "2024-02-29 12:30Z", dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC), "2024-02-29T12:30:00+00:00"),
        ("UUID", str(uuid.UUID(int=5)), uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ("URL", "ftp://user@[::1]:21/ä%20b", "ftp://user@[::1]:21/ä%20b", "ftp://user@[::1]:21/ä%20b"),
        ("Email", "o'hara+x@mail.example", "o'hara+x@mail.example", "o'hara+x@mail.example"),
        ("Base64", "", b"", ""),
        ("Base64", "AP8=", b"\x00\xff", "AP8="),
        ("Duration", "PT0.5S", dt.timedelta(milliseconds=500), "PT0.5S"),
        ("JSON", {"a": [1, None]}, {"a": [1, None]}, {"a": [1, None]}),
    ],
)
def test_a_scalar_reads_json_and_writes_it(name: str, json: Any, value: Any, written: Any) -> None:
    found = scalar(name)
    assert found.parse_value(json) == value
    assert found.serialize(value) == written


@pytest.mark.parametrize("name", [name for name in ALL if name != "JSON"])
@pytest.mark.parametrize("json", [None, True, False, [], {}, "", " ", "s3cret", "s3cret" * 10_000, 1e308, float("inf")])
def test_what_is_no_value_is_refused_without_being_quoted(name: str, json: Any) -> None:
    if name == "Decimal" and json == 1e308:
        return
    if name == "Base64" and json in ("", "s3cret" * 10_000):
        return  # which is Base64
    with pytest.raises(ValueError, match=r"^expected ") as raised:
        scalar(name).parse_value(json)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("name", ["Int64", "Decimal"])
def test_an_endless_exponent_is_refused_at_once(name: str) -> None:
    for text in ("1e999999999", "-1e999999999", "1e-999999999"):
        if name == "Int64":
            with pytest.raises(ValueError, match="64 bits"):
                scalar(name).parse_value(Number(text))
    with pytest.raises(ValueError, match=r"."):
        scalar(name).parse_value(Number("1e-9999999999999999999"))


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_are_written_as_they_are_read(value: decimal.Decimal) -> None:
    found = scalar("Decimal")
    assert found.parse_value(found.serialize(value)).as_tuple() == value.as_tuple()


# -- durations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("P1W", 604_800, "P7D"),
        ("P1DT2H3M4S", 93_784, "P1DT2H3M4S"),
        ("P0.5D", 43_200, "PT12H"),
        ("PT1.5H", 5_400, "PT1H30M"),
        ("PT0,25M", 15, "PT15S"),
        ("PT90S", 90, "PT1M30S"),
        ("+PT1S", 1, "PT1S"),
        ("-P1DT1S", -86_401, "-P1DT1S"),
        ("PT0S", 0, "PT0S"),
        ("P0D", 0, "PT0S"),
        ("PT0.0000019S", 0.000001, "PT0.000001S"),  # what is shorter than a microsecond is cut
        ("P999999999D", 86_399_999_913_600, "P999999999D"),
    ],
)
def test_durations_are_read_and_written_in_one_form(text: str, seconds: float, written: str) -> None:
    found = parse_duration(text)
    assert found == dt.timedelta(seconds=seconds)
    assert duration_text(found) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "1D",
        "P1",
        "P1Y",
        "P1M",
        "P1Y2M",
        "PT1D",
        "P1H",
        "P1S",
        "PT1S2M",
        "P-1D",
        "P1.D",
        "P1D ",
        "P٣D",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as P1DT2H30M"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["P1000000000D", f"P{'9' * 18}W", f"-PT{'9' * 18}H"])
def test_a_duration_beyond_pythons_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_duration(text)


@given(st.timedeltas(min_value=dt.timedelta(days=-(10**9) + 1)))
def test_durations_round_trip(value: dt.timedelta) -> None:
    assert parse_duration(duration_text(value)) == value


# -- literals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "json"),
    [
        ("1", 1),
        ("-9223372036854775809", -(2**63) - 1),
        ('"a"', "a"),
        ('"""block"""', "block"),
        ("true", True),
        ("null", None),
        ("RED", "RED"),
        ("[1, [2], []]", [1, [2], []]),
        ("{a: {b: null}}", {"a": {"b": None}}),
        ("$given", 7),
        ("[$given, $lacking]", [7, None]),
    ],
)
def test_a_literal_is_json(text: str, json: Any) -> None:
    assert scalars.json_of(graphql.parse_value(text), {"given": 7}) == json


def test_a_literal_keeps_the_digits_of_its_numbers() -> None:
    found = scalars.json_of(graphql.parse_value("1.10"))
    assert (found, found.text) == (1.1, "1.10")
