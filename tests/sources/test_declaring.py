"""What an author declares: endpoints, bodies, spellings; a decorator attaches data and raises nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from sources import (
    Body,
    DeclarationError,
    Get,
    Post,
    Rest,
    call_of,
    entity_of,
    format_instant,
    parse_instant,
    snake_case,
    split_path,
    variable_of,
)


@pytest.mark.parametrize(
    ("skeleton", "values", "sent"),
    [
        ("{order}", {"order": {"a": [1]}}, {"a": [1]}),
        ({"ids": "{ids}", "limit": 5}, {"ids": [1, 2]}, {"ids": [1, 2], "limit": 5}),
        ({"a": "{a}", "b": "{b}"}, {"a": None}, {"a": None}),
        ({"deep": [{"x": "{x}"}, "{y}", "text {x}"]}, {"x": True}, {"deep": [{"x": True}, "text {x}"]}),
        ("{nothing}", {}, None),
        ({}, {}, {}),
    ],
)
def test_a_body_fills_its_holes_with_json_values(skeleton: Any, values: dict[str, Any], sent: Any) -> None:
    assert msgspec.json.decode(Body(skeleton).encode(values)) == sent


def test_a_body_lists_its_variables_once() -> None:
    assert Body({"a": "{x}", "b": ["{y}", {"c": "{x}"}], "d": "{no hole}"}).variables == ("x", "y")


@pytest.mark.parametrize(
    ("text", "name"), [("{a}", "a"), ("{a", None), ("a", None), ("{}", None), ("{a b}", None), (7, None)]
)
def test_a_hole_is_a_whole_string(text: object, name: str | None) -> None:
    assert variable_of(text) == name


def test_paths_are_property_names_with_dots() -> None:
    assert split_path("data.rows") == ("data", "rows")
    assert split_path(None) == split_path(".") == ()
    for text in ("", "a..b", ".a", "a."):
        with pytest.raises(DeclarationError, match="empty part"):
            split_path(text)


def test_decorators_attach_data_and_give_back_what_they_decorate() -> None:
    source = Rest("s", "http://s.example")

    def stub() -> None: ...

    class Thing:
        id: int

    assert source.get("/a")(stub) is stub
    assert source.entity(get="/a/{id}")(Thing) is Thing
    call, entity = call_of(stub), entity_of(Thing)
    assert call is not None
    assert str(call.single) == "GET /a"
    assert entity is not None
    assert entity.call.key == ("id",)
    assert entity_of(type("Sub", (Thing,), {})) is None


def test_a_post_that_reads_takes_a_body() -> None:
    source = Rest("s", "http://s.example")

    def stub() -> None: ...

    source.get(Post("/find", body={"q": "{q}"}, items="rows"), batch=Get("/all{?ids}"), key="id")(stub)
    call = call_of(stub)
    assert call is not None
    assert call.single is not None
    assert call.single.body is not None
    assert (str(call.single), call.single.items, call.single.variables) == (
        "POST /find",
        ("rows",),
        frozenset({"q"}),
    )
    assert call.reads


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "ftp://x"}, "not an http or https address"),
        ({"url": "http://"}, "not an http or https address"),
        ({"url": "http://x:99999"}, "not an address"),
        ({"url": "http://user:password@x"}, "no query, fragment or credentials"),
        ({"url": "http://x/?a=1"}, "no query, fragment or credentials"),
        ({"naming": "shouting"}, "naming='shouting'"),
        ({"timestamps": "stardate"}, "timestamps='stardate'"),
        ({"forward": ["Host"]}, "'Host' is not a header"),
        ({"headers": {"bad name": "x"}}, "'bad name' is not a header"),
        ({"timeout": 0}, "timeout must be more than 0"),
        ({"ttl": -1}, "ttl is too small"),
        ({"max_batch": 0}, "max_batch is too small"),
        ({"retries": -1}, "retries is too small"),
        ({"reason": "a..b"}, "empty part"),
        ({"name": ""}, "needs a name"),
    ],
)
def test_an_impossible_source_is_a_fault_that_is_kept_for_later(options: dict[str, Any], said: str) -> None:
    source = Rest(**{"name": "s", "url": "http://s.example", **options})
    assert any(said in fault for fault in source.faults)


def test_faults_of_calls_name_the_function() -> None:
    source = Rest("s", "http://s.example")

    class Query:
        @source.get("no-slash")
        def one(self) -> None: ...

        @source.get("/two", batch="/twos{?ids}")
        def two(self) -> None: ...

        @source.post("/three", items="a..b")
        def three(self) -> None: ...

    assert [fault.split(": ")[1].rpartition(".")[2] for fault in source.faults] == ["one", "two", "three"]


def test_instants_are_read_and_written_as_the_source_spells_them() -> None:
    instant = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    for spelled, convention in (("2026-01-02T03:04:05+00:00", "iso"), (1767323045, "unix"), (1767323045000, "unix_ms")):
        assert parse_instant(spelled, convention) == instant  # type: ignore[arg-type]  # the three words, one by one
        assert format_instant(instant, convention) == spelled  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize(
    ("value", "convention"), [(7, "iso"), ("x", "iso"), ("7", "unix"), (True, "unix"), (1e20, "unix")]
)
def test_what_is_no_instant_is_a_value_error(value: object, convention: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(value, convention)


@pytest.mark.parametrize(
    ("naming", "spelled"),
    [("same", "order_line_id"), ("camel", "orderLineId"), ("pascal", "OrderLineId"), ("kebab", "order-line-id")],
)
def test_names_are_spelled_as_the_source_does(naming: Any, spelled: str) -> None:
    assert Rest("s", "http://s.example", naming=naming).property_name("order_line_id") == spelled


def test_a_naming_may_be_a_function() -> None:
    assert Rest("s", "http://s.example", naming=str.upper).property_name("a_b") == "A_B"
    assert snake_case("OrderLine") == "order_line"
