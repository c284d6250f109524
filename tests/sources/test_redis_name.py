"""Names of channels: what an author may write, and what a client's values may not do to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import DeclarationError, RefusedValue
from sources.redis_name import RedisName


@pytest.mark.parametrize(
    ("text", "values", "name"),
    [
        ("orders", {}, "orders"),
        ("orders.{id}", {"id": 7}, "orders.7"),
        ("orders.{id}", {"id": "a:b*?[x]{y}"}, "orders.a:b*?[x]{y}"),
        ("{shop}:orders:{id}", {"shop": "Zoë 1", "id": True, "more": 1}, "Zoë 1:orders:true"),
        ("mail-{address}", {"address": "a.b-c@d"}, "mail-a.b-c@d"),
    ],
)
def test_values_stand_in_the_name_as_they_are(text: str, values: dict[str, object], name: str) -> None:
    assert RedisName(text).expand(values) == name


@pytest.mark.parametrize(
    "text",
    ["", "{id}", "{a}{b}:c", "x{a}{b}", "orders {id}", "orders\n", "orders.{}", "orders.{a-b}", "a{", "}", "\ud800"],
)
def test_a_text_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError, match=r"^name '"):
        RedisName(text)


@pytest.mark.parametrize(
    "value", [None, "", "1.2", ".", "a\r\nb", "\x00", "\x85", "\ud800", "x" * 1_000, [1], {}, float("nan"), object()]
)
def test_a_value_that_could_make_it_another_name_is_refused(value: object) -> None:
    with pytest.raises(RefusedValue):
        RedisName("orders.{id}").expand({"id": value})
    with pytest.raises(RefusedValue):
        RedisName("orders.{id}").expand({})


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_different_values_never_make_the_same_name(a: str, b: str, c: str, d: str) -> None:
    name = RedisName("orders.{first}:{second}")
    try:
        one, other = name.expand({"first": a, "second": b}), name.expand({"first": c, "second": d})
    except RefusedValue:
        return
    assert (one == other) is ((a, b) == (c, d))
