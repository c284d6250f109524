"""Templates expand as RFC 6570 says, and no value leaves the place where it stands."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import uritemplate
from hypothesis import given
from hypothesis import strategies as st

from sources import DeclarationError, RefusedValue, Template

NAMES = ("id", "ids", "page")
EXPRESSIONS = [
    "/{id}",
    "/{id:3}",
    "{/id}",
    "{/ids*}",
    "/x{.id}",
    "/x{;id,page}",
    "/{+id}",
    "{?id}",
    "{?ids}",
    "{?ids*}",
    "{?id,ids*,page}",
    "/fixed?a=1{&id,page}",
    "/a{?id:2}",
]
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="/\\?#%", exclude_categories=["Cc", "Cs"]), min_size=1)


def is_ordinary(value: str) -> bool:
    return value not in (".", "..") and value[:2] not in (".", "..") and value[:3] not in (".", "..")


VALUES = st.one_of(PLAIN.filter(is_ordinary), st.integers())


@given(template=st.sampled_from(EXPRESSIONS), id=VALUES, ids=st.lists(VALUES, min_size=1), page=st.none() | VALUES)
def test_expansion_is_that_of_the_rfc(template: str, id: Any, ids: list[Any], page: Any) -> None:
    values = {"id": id, "ids": ids, "page": page}
    text = "/base" + template if template.startswith("{") else template
    expected = uritemplate.expand(text, {name: as_text(value) for name, value in values.items() if value is not None})
    assert Template(text).expand(values) == expected


def as_text(value: Any) -> Any:
    return list(map(str, value)) if isinstance(value, list) else str(value)


@given(value=st.text(min_size=1))
def test_a_path_value_stays_one_segment_or_is_refused(value: str) -> None:
    try:
        path = Template("/things/{id}/parts").expand({"id": value})
    except RefusedValue:
        return
    assert re.fullmatch(r"/things/[A-Za-z0-9\-._~%]+/parts", path)
    assert unquote(path.split("/")[2]) == value
    assert not {".", "..", ""} & set(unquote(path).split("/")[1:])


@given(value=st.text())
def test_a_query_value_stays_one_parameter_or_is_refused(value: str) -> None:
    try:
        target = Template("/things{?text}&last=1").expand({"text": value})
    except RefusedValue:
        return
    parts = urlsplit(target)
    assert parts.path == "/things"
    assert parse_qsl(parts.query, keep_blank_values=True) == [("text", value), ("last", "1")]


@pytest.mark.parametrize("value", ["../admin", "..", ".", "a/b", "a\\b", "", "a\nb", "a\0b", "\ud800", "\x7f", "\x85"])
def test_what_could_add_a_segment_is_refused_by_name(value: str) -> None:
    with pytest.raises(RefusedValue, match=r"^id: "):
        Template("/things/{id}").expand({"id": value})


@pytest.mark.parametrize("value", ["a/../b", "../b", "a?b", "a#b", "a//b", "a\\b", "a%2fb", "a\nb"])
def test_a_reserved_expansion_still_refuses_what_changes_more_than_the_path(value: str) -> None:
    assert Template("/files/{+path}").expand({"path": "a/b c"}) == "/files/a/b%20c"
    with pytest.raises(RefusedValue):
        Template("/files/{+path}").expand({"path": value})


@pytest.mark.parametrize("values", [{}, {"id": None}, {"id": []}])
def test_a_path_without_its_value_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(RefusedValue, match=r"^id: a path needs a value"):
        Template("/things/{id}").expand(values)


@pytest.mark.parametrize("value", [{"a": 1}, object(), float("nan"), float("inf"), b"x"])
def test_what_is_no_scalar_is_refused(value: object) -> None:
    with pytest.raises(RefusedValue):
        Template("/things{?id}").expand({"id": value})


def test_scalars_are_written_as_json_writes_them() -> None:
    template = Template("/x{?a,b,c,d}")
    assert template.expand({"a": True, "b": False, "c": 2.5, "d": -7}) == "/x?a=true&b=false&c=2.5&d=-7"


def test_absent_values_leave_their_parameter_out() -> None:
    template = Template("/x{?a,b*}")
    assert template.expand({}) == "/x"
    assert template.expand({"a": None, "b": []}) == "/x"
    assert template.expand({"a": "", "b": [None, 1]}) == "/x?a=&b=1"


@pytest.mark.parametrize(
    "text",
    "|x|http://evil.example/|//evil.example|/a{|/a}|/a{}|/a{id|/{i d}|/{id:}|/{id:0}|/a#b|/a b|/a\n|/{id,}|/{=id}"
    "|/{a.b}|/é|/a{{id}}|/<x>".split("|"),
)
def test_an_impossible_template_is_a_fault_that_quotes_it(text: str) -> None:
    with pytest.raises(DeclarationError, match=re.escape(repr(text))):
        Template(text)


def test_variables_are_listed_in_their_order_once() -> None:
    assert Template("/{b}/{a}{?b,c*}").variables == ("b", "a", "c")
