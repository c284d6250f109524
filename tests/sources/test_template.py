"""Generated templates expand as RFC 6570 says, hostile values stay where they stand, and the impossible is a fault."""

from __future__ import annotations

import decimal
import enum
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import uritemplate
from hypothesis import given
from hypothesis import strategies as st

from sources import DeclarationError, RefusedValue, Template

HARMLESS = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\?#%&=.", exclude_categories=["Cc", "Cs"]), min_size=1
)
SCALAR = st.one_of(HARMLESS, st.integers(0, 10**12))
LIST = st.lists(SCALAR, min_size=1, max_size=4)
PATH_PIECES = ["/fixed", "/{a}", "/{a:3}", "/{a,b}", "/{l}", "{/a}", "{/a,b:2}", "{/l*}", "/x{.a}", "/x{.l*}"]
PATH_PIECES += ["/x{;a}", "/x{;a,l}", "/x{;l*}", "/x{+a}", "/x{+a,b:5}", "/a-{a}.json"]
QUERIES = ["", "?fixed=1", "{?a}", "{?a,b,l*}", "{?l}", "{?l*,b:2}", "?x={a}", "?fixed=1{&a}", "?fixed=1{&b,l*}"]


def spelled(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, list) else str(value)


@given(path=st.lists(st.sampled_from(PATH_PIECES), min_size=1, max_size=4), query=st.sampled_from(QUERIES),
       a=SCALAR, b=SCALAR, values=LIST)  # fmt: skip  # one strategy per variable reads best side by side
def test_generated_templates_expand_as_the_reference_does(
    path: list[str], query: str, a: Any, b: Any, values: list[Any]
) -> None:
    text = "".join(path) + query
    given_values = {"a": a, "b": b, "l": values}
    expected = uritemplate.expand(text, {name: spelled(value) for name, value in given_values.items()})
    assert Template(text).expand(given_values) == expected


@given(present=st.sets(st.sampled_from("abc")), query=st.sampled_from(["{?a,b,c}", "?x=1{&a,b,c}", "{?c:2,a,b}"]))
def test_undefined_query_variables_are_left_out_as_the_reference_does(present: set[str], query: str) -> None:
    text = "/list" + query
    values = {name: f"v-{name}" for name in present}
    absent: dict[str, Any] = dict.fromkeys("abc")
    assert Template(text).expand({**absent, **values}) == uritemplate.expand(text, dict(values))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("/{var}", "/value"),
        ("/{hello}", "/Hello%20World%21"),
        ("/{half}", "/50%25"),
        ("/{var:3}", "/val"),
        ("/{var:30}", "/value"),
        ("/{list}", "/red,green,blue"),
        ("/{+hello}", "/Hello%20World!"),
        ("{/var,x}", "/value/1024"),
        ("{/list*}", "/red/green/blue"),
        ("/X{.var}", "/X.value"),
        ("/p{;x,y}", "/p;x=1024;y=768"),
        ("/p{;list*}", "/p;list=red;list=green;list=blue"),
        ("/p{?x,y,empty}", "/p?x=1024&y=768&empty="),
        ("/p{?x,y,undef}", "/p?x=1024&y=768"),
        ("/p{?var:3}", "/p?var=val"),
        ("/p{?list}", "/p?list=red,green,blue"),
        ("/p?fixed=yes{&x}", "/p?fixed=yes&x=1024"),
        ("/p?fixed=yes{&list*}", "/p?fixed=yes&list=red&list=green&list=blue"),
    ],
)
def test_the_examples_of_the_rfc_expand_as_printed_there(text: str, target: str) -> None:
    values = {"var": "value", "hello": "Hello World!", "half": "50%", "x": "1024", "y": "768", "empty": "",
              "list": ["red", "green", "blue"], "undef": None}  # fmt: skip  # the table of RFC 6570, 3.2
    assert Template(text).expand(values) == target


HOSTILE = ["../admin", "..", ".", "a/b", "a\\b", "\\..\\", "a\nb", "\n", "a\rb", "a\0b", "\0", "", "\ud800", "a\udfff"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "text", ["/p/{v}/q", "/p/{v:9}", "{/v}", "{/v*}", "/p{.v}", "/p{;v}", "/p/{w,v}", "/p/{v}?x=1", "/p/{v}{?w}"]
)
def test_every_form_of_path_expression_refuses_hostile_values(text: str, value: str) -> None:
    with pytest.raises(RefusedValue, match=r"^v: "):
        Template(text).expand({"v": value, "w": "w"})


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("text", ["/p/{v}", "{/v}", "{/v*}", "/p{.v*}", "/p{;v*}"])
def test_one_hostile_item_refuses_its_whole_list(text: str, value: str) -> None:
    with pytest.raises(RefusedValue, match=r"^v: "):
        Template(text).expand({"v": ["fine", value]})


def test_a_prefix_that_leaves_a_dot_segment_is_refused() -> None:
    for text, value in (("/{v:1}", ".x"), ("/{v:2}", "..x"), ("/{+v:2}", "..x")):
        with pytest.raises(RefusedValue, match="dot segment"):
            Template(text).expand({"v": value})


def test_encoded_dots_and_slashes_are_encoded_once_more() -> None:
    assert Template("/p/{v}").expand({"v": "%2e%2e%2fadmin"}) == "/p/%252e%252e%252fadmin"


@pytest.mark.parametrize(
    "value",
    [
        "1?x=2",
        "&",
        "&admin=1",
        "#",
        "1#x",
        "a\nb",
        "\r\n",
        "=",
        "a=b&c=d",
        ";x=1",
        "+",
        "%26x=1",
        "a b",
        "é",
        ".",
        "..",
    ],
)
@pytest.mark.parametrize("text", ["/p{?v}", "/p?v={v}", "/p{?v*}", "/p{?v:99}"])
def test_a_query_value_arrives_whole_and_adds_no_parameter(text: str, value: str) -> None:
    parts = urlsplit(Template(text).expand({"v": value}))
    assert (parts.path, parts.fragment) == ("/p", "")
    assert parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) == [("v", value)]


@given(values=st.lists(st.text(min_size=1).filter(lambda text: not any(0xD800 <= ord(c) < 0xE000 for c in text))))
def test_exploded_query_values_arrive_one_by_one(values: list[str]) -> None:
    try:
        parts = urlsplit(Template("/p?last=1{&v*}").expand({"v": values}))
    except RefusedValue:
        assert any("\0" in value for value in values)
        return
    assert parse_qsl(parts.query, keep_blank_values=True) == [("last", "1"), *(("v", value) for value in values)]


@given(a=st.text(min_size=1), b=st.text(min_size=1))
def test_segments_that_stand_together_stay_apart(a: str, b: str) -> None:
    try:
        target = Template("/{a}/x/{b}").expand({"a": a, "b": b})
    except RefusedValue:
        return
    assert [unquote(segment) for segment in target.split("/")] == ["", a, "x", b]


@pytest.mark.parametrize("value", ["\0", "a\0b", "\ud800", "a\udfff"])
def test_what_has_no_spelling_is_refused_in_queries_too(value: str) -> None:
    with pytest.raises(RefusedValue, match=r"^v: "):
        Template("/p{?v}").expand({"v": value})


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "spelled_as"),
    [(Colour.RED, "red"), (Level.HIGH, "3"), (decimal.Decimal("1.50"), "1.50"), (1e22, "1e%2B22"), (-0.5, "-0.5")],
)
def test_enums_and_numbers_are_spelled_by_their_value(value: object, spelled_as: str) -> None:
    assert Template("/{v}{?v}").expand({"v": value}) == f"/{spelled_as}?v={spelled_as}"


@pytest.mark.parametrize("value", [["a", ["b"]], [{"a": 1}], [object()], {"a"}, (n for n in "ab"), Template])
def test_nested_values_are_refused(value: object) -> None:
    for text in ("/{v}", "/p{?v*}"):
        with pytest.raises(RefusedValue):
            Template(text).expand({"v": value})


def test_a_long_value_is_expanded_whole() -> None:
    assert len(Template("/p{?v}").expand({"v": "é" * 100_000})) == len("/p?v=") + 600_000


@pytest.mark.parametrize(
    "text",
    '|?|a{?x}|/{a}}|/{|/}|/{?}|/{a b}|/{a,,b}|/{a-b}|/{!a}|/{a*:3}|/{a:3*}|/{a:-1}|/{a:99999}|/{+}|/\\x|/a\tb|/\0|/a"b'
    "|/`|/^|{#a}|{+a}|{&a}|{;a}|{.a}|///|//{host}|http://x/{a}".split("|"),
)
def test_an_impossible_template_is_a_declaration_error(text: str) -> None:
    with pytest.raises(DeclarationError, match="template"):
        Template(text)


def test_variables_within_one_expression_and_across_are_listed_once() -> None:
    assert Template("/{a,b}/{a}{?c*,b:3}").variables == ("a", "b", "c")
    assert Template("/fixed").variables == ()


# -- known faults -----------------------------------------------------------------------------------------------------


def test_a_reserved_expansion_in_a_query_adds_no_parameter() -> None:
    try:
        parts = urlsplit(Template("/p?v={+v}").expand({"v": "1&role=admin"}))
    except RefusedValue:
        return
    assert parse_qsl(parts.query) == [("v", "1&role=admin")]


@pytest.mark.parametrize("text", ["/p{?x}/{id}", "/p{&x}/{id}"])
def test_no_value_moves_the_path_when_an_optional_query_is_left_out(text: str) -> None:
    with pytest.raises((DeclarationError, RefusedValue)):
        Template(text).expand({"id": ".."})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("/p{&a}", {"a": "1"}),
        ("/p{?b}{&a}", {"a": "1"}),
        ("/p?x=1{?a}", {"a": "1"}),
        ("/p{?b}{?a}", {"a": "1", "b": "2"}),
    ],
)
def test_a_parameter_is_in_the_query_or_the_template_is_impossible(text: str, values: dict[str, str]) -> None:
    try:
        parts = urlsplit(Template(text).expand(values))
    except DeclarationError:
        return
    assert parts.path == "/p"
    assert values.items() <= dict(parse_qsl(parts.query)).items()


def test_a_fragment_expression_is_impossible() -> None:
    with pytest.raises(DeclarationError):
        Template("/p{#x}")


@pytest.mark.parametrize("text", ["/100%", "/%zz", "/%2"])
def test_a_percent_sign_that_escapes_nothing_is_impossible(text: str) -> None:
    with pytest.raises(DeclarationError):
        Template(text)


@pytest.mark.parametrize("text", ["/{v}", "/p{?v}", "/p{?v*}"])
def test_an_integer_too_long_to_write_is_refused(text: str) -> None:
    with pytest.raises(RefusedValue):
        Template(text).expand({"v": 10**5000})


@pytest.mark.parametrize("value", ["NaN", "Infinity", "sNaN"])
def test_a_decimal_that_is_not_finite_is_refused(value: str) -> None:
    with pytest.raises(RefusedValue):
        Template("/p{?v}").expand({"v": decimal.Decimal(value)})


@pytest.mark.parametrize("text", ["/p/{a,b}/q", "/p/{+a}/q", "/p/{.a}/q"])
def test_a_path_never_loses_a_segment_to_an_absent_value(text: str) -> None:
    with pytest.raises(RefusedValue):
        Template(text).expand({})


@pytest.mark.parametrize("value", ["", "/evil.example/x"])
def test_a_reserved_value_makes_no_empty_segment(value: str) -> None:
    with pytest.raises(RefusedValue):
        Template("/{+v}/q").expand({"v": value})
