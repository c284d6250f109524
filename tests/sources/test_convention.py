"""Names and instants cross between Python's spelling and the backend's without loss."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import (
    DeclarationError,
    Number,
    Rest,
    Timestamps,
    encode_json,
    format_date,
    format_instant,
    parse_date,
    parse_instant,
    snake_case,
)
from sources.convention import naming_function

UTC = dt.UTC
INSTANTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("naming", "name", "spelled"),
    [
        ("same", "order_line", "order_line"),
        ("snake", "order_line", "order_line"),
        ("camel", "order_line_id", "orderLineId"),
        ("camel", "id", "id"),
        ("camel", "line_2_total", "line2Total"),
        ("pascal", "order_line", "OrderLine"),
        ("pascal", "id", "Id"),
        ("kebab", "order_line_id", "order-line-id"),
    ],
)
def test_names_are_spelled_in_the_backends_convention(naming: Any, name: str, spelled: str) -> None:
    assert naming_function(naming)(name) == spelled


def test_a_function_is_its_own_convention() -> None:
    assert naming_function(lambda name: f"x-{name}")("a") == "x-a"


@pytest.mark.parametrize("naming", ["Camel", "", "screaming", None, 7])
def test_an_unknown_convention_lists_the_known_ones(naming: Any) -> None:
    with pytest.raises(DeclarationError, match="expected one of same, snake, camel, pascal, kebab or a function"):
        naming_function(naming)


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("OrderLine", "order_line"),
        ("orderLine", "order_line"),
        ("order-line", "order_line"),
        ("order_line", "order_line"),
        ("Order2Line", "order2_line"),
        ("userID", "user_id"),
        ("", ""),
    ],
)
def test_snake_case_separates_words(name: str, spelled: str) -> None:
    assert snake_case(name) == spelled


@given(words=st.lists(st.from_regex(r"[a-z][a-z0-9]{1,5}", fullmatch=True), min_size=1, max_size=4))
def test_snake_case_reads_back_what_camel_and_pascal_wrote(words: list[str]) -> None:
    name = "_".join(words)
    assert snake_case(naming_function("camel")(name)) == name
    assert snake_case(naming_function("pascal")(name)) == name


@given(instant=INSTANTS)
def test_iso_instants_come_back_exactly(instant: dt.datetime) -> None:
    assert parse_instant(format_instant(instant, "iso"), "iso") == instant


@given(instant=INSTANTS)
def test_unix_instants_come_back_to_their_precision(instant: dt.datetime) -> None:
    second = instant.replace(microsecond=0)
    assert parse_instant(format_instant(second, "unix"), "unix") == second
    milli = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    written = format_instant(milli, "unix_ms")
    assert isinstance(written, int)
    assert abs(parse_instant(written, "unix_ms") - milli) <= dt.timedelta(microseconds=20)


@pytest.mark.parametrize(
    ("value", "convention", "instant"),
    [
        ("2026-01-02T03:04:05Z", "iso", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.678+02:00", "iso", dt.datetime(2026, 1, 2, 1, 4, 5, 678000, tzinfo=UTC)),
        (0, "unix", dt.datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, "unix", dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (1.5, "unix", dt.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC)),
        (1767323045123, "unix_ms", dt.datetime(2026, 1, 2, 3, 4, 5, 123000, tzinfo=UTC)),
        (-1, "unix_ms", dt.datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ],
)
def test_instants_are_read(value: object, convention: Timestamps, instant: dt.datetime) -> None:
    assert parse_instant(value, convention) == instant


@pytest.mark.parametrize(
    "value", ["", "now", "2026-13-01", "2026-01-02T25:00:00", 1767323045, None, True, {}, b"2026-01-02"]
)
def test_what_is_no_iso_instant_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(value, "iso")


@pytest.mark.parametrize("convention", ["unix", "unix_ms"])
@pytest.mark.parametrize(
    "value", ["0", None, True, False, [], 1e300, -1e300, float("inf"), float("nan"), 10**17, -(10**17), 10**300]
)
def test_what_is_no_unix_instant_is_a_value_error(value: object, convention: Timestamps) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(value, convention)


def test_milliseconds_beyond_a_float_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="out of range"):
        parse_instant(10**400, "unix_ms")


def test_a_naive_instant_counts_as_utc() -> None:
    naive = dt.datetime(1970, 1, 1, 0, 0, 1)
    assert (format_instant(naive, "unix"), format_instant(naive, "unix_ms")) == (1, 1000)


def test_other_time_zones_are_converted_for_unix() -> None:
    there = dt.datetime(1970, 1, 1, 2, 0, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert (format_instant(there, "unix"), format_instant(there, "iso")) == (1, "1970-01-01T02:00:01+02:00")


@pytest.mark.parametrize(
    ("instant", "unix", "unix_ms"),
    [
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), "0", "0"),
        (dt.datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=dt.UTC), "1.5", "1500"),
        (dt.datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=dt.UTC), "-1.5", "-1500"),
        (dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC), "-0.000001", "-0.001"),
        (dt.datetime.max.replace(tzinfo=dt.UTC), "253402300799.999999", "253402300799999.999"),
        (dt.datetime.min.replace(tzinfo=dt.UTC), "-62135596800", "-62135596800000"),
    ],
)
def test_unix_times_have_the_digits_they_need(instant: dt.datetime, unix: str, unix_ms: str) -> None:
    for timestamps, text in (("unix", unix), ("unix_ms", unix_ms)):
        assert encode_json(format_instant(instant, timestamps)).decode() == text  # type: ignore[arg-type]
        assert parse_instant(msgspec.json.Decoder(float_hook=Number).decode(text), timestamps) == instant  # type: ignore[arg-type]


def test_a_unix_time_is_cut_to_the_microsecond() -> None:
    assert parse_instant(Number("1.99999999999999999999"), "unix") == dt.datetime(
        1970, 1, 1, 0, 0, 1, 999_999, tzinfo=dt.UTC
    )
    with pytest.raises(ValueError, match="out of range"):
        parse_instant(253402300800, "unix")


@pytest.mark.parametrize(
    ("timestamps", "said"), [("iso", "2026-01-31"), ("unix", 1769817600), ("unix_ms", 1769817600000)]
)
def test_dates_are_spelled_as_instants_are(timestamps: Timestamps, said: Any) -> None:
    assert format_date(dt.date(2026, 1, 31), timestamps) == said
    assert parse_date(said, timestamps) == dt.date(2026, 1, 31)


@pytest.mark.parametrize(
    ("timestamps", "said"), [("iso", 1769817600), ("iso", "x"), ("unix", "2026-01-31"), ("unix", None)]
)
def test_what_is_no_date_is_a_value_error(timestamps: Timestamps, said: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_date(said, timestamps)


# -- known faults -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("naming", "spelled"), [("camel", "_id"), ("kebab", "_id")])
def test_a_leading_underscore_is_part_of_the_name(naming: Any, spelled: str) -> None:
    assert naming_function(naming)("_id") == spelled


def test_a_naming_of_the_wrong_type_is_a_fault() -> None:
    naming: Any = ["camel"]
    assert any("naming=" in fault for fault in Rest("s", "http://s.example", naming=naming).faults)


@pytest.mark.parametrize(("name", "spelled"), [("HTTPServer", "http_server"), ("APIKey", "api_key")])
def test_an_abbreviation_is_a_word(name: str, spelled: str) -> None:
    assert snake_case(name) == spelled
