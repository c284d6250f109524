"""Every style of OpenAPI gives the text of its table, and no value leaves the place of its parameter."""

from __future__ import annotations

import decimal
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import DeclarationError, RefusedValue, Template
from sources.openapi.operation_template import OperationTemplate
from sources.openapi.placed import Placed, places

LIST, OBJECT = ["blue", "black", "brown"], {"R": 100, "G": 200, "B": 150}


def in_path(path: str = "/x/{color}", **options: Any) -> OperationTemplate:
    return OperationTemplate(path, [Placed(name="color", variable="color", place="path", **options)])


def in_query(name: str = "color", **options: Any) -> OperationTemplate:
    return OperationTemplate("/x", [Placed(name=name, variable="color", place="query", **options)])


# -- the tables of the specification ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "explode", "value", "target"),
    [
        ("simple", False, "blue", "/x/blue"),
        ("simple", False, LIST, "/x/blue,black,brown"),
        ("simple", False, OBJECT, "/x/R,100,G,200,B,150"),
        ("simple", True, LIST, "/x/blue,black,brown"),
        ("simple", True, OBJECT, "/x/R=100,G=200,B=150"),
        ("label", False, "blue", "/x/.blue"),
        ("label", False, LIST, "/x/.blue,black,brown"),
        ("label", False, OBJECT, "/x/.R,100,G,200,B,150"),
        ("label", True, LIST, "/x/.blue.black.brown"),
        ("label", True, OBJECT, "/x/.R=100.G=200.B=150"),
        ("matrix", False, "blue", "/x/;color=blue"),
        ("matrix", False, LIST, "/x/;color=blue,black,brown"),
        ("matrix", False, OBJECT, "/x/;color=R,100,G,200,B,150"),
        ("matrix", True, LIST, "/x/;color=blue;color=black;color=brown"),
        ("matrix", True, OBJECT, "/x/;R=100;G=200;B=150"),
        ("matrix", True, 7, "/x/;color=7"),
    ],
)
def test_a_value_in_the_path_is_written_in_its_style(style: str, explode: bool, value: Any, target: str) -> None:
    assert in_path(style=style, explode=explode).expand({"color": value}) == target


@pytest.mark.parametrize(
    ("style", "explode", "value", "target"),
    [
        ("form", True, "", "/x?color="),
        ("form", True, "blue", "/x?color=blue"),
        ("form", False, LIST, "/x?color=blue,black,brown"),
        ("form", True, LIST, "/x?color=blue&color=black&color=brown"),
        ("form", False, OBJECT, "/x?color=R,100,G,200,B,150"),
        ("form", True, OBJECT, "/x?R=100&G=200&B=150"),
        ("spaceDelimited", False, LIST, "/x?color=blue%20black%20brown"),
        ("spaceDelimited", False, OBJECT, "/x?color=R%20100%20G%20200%20B%20150"),
        ("spaceDelimited", True, LIST, "/x?color=blue&color=black&color=brown"),
        ("pipeDelimited", False, LIST, "/x?color=blue%7Cblack%7Cbrown"),
        ("pipeDelimited", False, OBJECT, "/x?color=R%7C100%7CG%7C200%7CB%7C150"),
        ("tabDelimited", False, LIST, "/x?color=blue%09black%09brown"),
        ("deepObject", True, OBJECT, "/x?color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
        ("deepObject", None, "plain", "/x?color=plain"),
        ("unheard", None, LIST, "/x?color=blue&color=black&color=brown"),
    ],
)
def test_a_value_in_the_query_is_written_in_its_style(
    style: str, explode: bool | None, value: Any, target: str
) -> None:
    assert in_query(style=style, explode=explode).expand({"color": value}) == target


# -- what the styles leave open ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        ({"a": {"b": {"c": 1}}}, [("f[a][b][c]", "1")]),
        ({"a": [1, None, "x"]}, [("f[a][]", "1"), ("f[a][]", "x")]),
        ({"a": [{"b": 1}, {"b": 2, "c": 3}]}, [("f[a][0][b]", "1"), ("f[a][1][b]", "2"), ("f[a][1][c]", "3")]),
        (["customer", "invoice"], [("f[]", "customer"), ("f[]", "invoice")]),
        ([{"price": "p1"}, {"price": "p2"}], [("f[0][price]", "p1"), ("f[1][price]", "p2")]),
        ({"a]=1&b[c": "x&y"}, [("f[a]=1&b[c]", "x&y")]),
        ({"a": None}, []),
        ({}, []),
    ],
)
def test_a_deep_object_goes_as_deep_as_its_value(value: Any, pairs: list[tuple[str, str]]) -> None:
    target = in_query("f", style="deepObject").expand({"color": value})
    assert parse_qsl(urlsplit(target).query, keep_blank_values=True) == pairs


def test_what_is_nested_elsewhere_is_json() -> None:
    assert in_query().expand({"color": [{"a": 1}, [2]]}) == "/x?color=%7B%22a%22%3A1%7D&color=%5B2%5D"
    assert in_query(explode=False).expand({"color": [{"a": [1, 2]}]}) == "/x?color=%7B%22a%22%3A%5B1%2C2%5D%7D"
    assert in_query().expand({"color": {"tags": ["a", "b"], "o": {"x": 1}}}) == "/x?tags=a&tags=b&o=%7B%22x%22%3A1%7D"
    assert in_path().expand({"color": [{"a": 1}]}) == "/x/%7B%22a%22%3A1%7D"


def test_a_parameter_whose_content_is_json_is_one_text() -> None:
    template = in_query(media="application/json")
    assert template.expand({"color": {"a": [1, "x"]}}) == "/x?color=%7B%22a%22%3A%5B1%2C%22x%22%5D%7D"
    assert template.expand({"color": "plain"}) == "/x?color=%22plain%22"
    assert template.expand({}) == "/x"
    assert in_path(media="application/json").expand({"color": [1]}) == "/x/%5B1%5D"
    assert in_query(media="text/plain").expand({"color": "plain"}) == "/x?color=plain"


def test_numbers_and_truth_are_spelled_as_json_does() -> None:
    values = [True, 1.5, decimal.Decimal("1.10"), 3]
    assert in_query().expand({"color": values}) == "/x?color=true&color=1.5&color=1.10&color=3"
    assert in_query().expand({"color": False}) == "/x?color=false"


def test_names_that_are_no_identifiers_are_kept() -> None:
    named = [("filter[name]", "filter_name"), ("$top", "top"), ("a b&c=d#", "odd"), ("X-Id", "x_id")]
    template = OperationTemplate(
        "/x", [Placed(name=name, variable=variable, place="query") for name, variable in named]
    )
    target = template.expand({"filter_name": "n", "top": 5, "odd": "o", "x_id": 1})
    assert target == "/x?filter%5Bname%5D=n&$top=5&a%20b%26c%3Dd%23=o&X-Id=1"
    assert parse_qsl(urlsplit(target).query)[2] == ("a b&c=d#", "o")


def test_reserved_marks_are_kept_where_they_cannot_end_a_value() -> None:
    template = in_query(allow_reserved=True)
    assert template.expand({"color": "a/b:c,d?e@f"}) == "/x?color=a/b:c,d?e@f"
    assert template.expand({"color": "a&b=c#d+e%"}) == "/x?color=a%26b%3Dc%23d%2Be%25"
    assert in_query(allow_reserved=True, explode=False).expand({"color": ["a,b", "c/d"]}) == "/x?color=a%2Cb,c/d"
    assert in_path(allow_reserved=True).expand({"color": "projects/p/topics/t"}) == "/x/projects/p/topics/t"


def test_absent_null_and_empty_values_of_the_query_are_left_out() -> None:
    template = OperationTemplate("/x", [Placed(name=name, variable=name, place="query") for name in "abcd"])
    assert template.expand({"a": None, "b": [], "c": {}}) == "/x"
    assert template.expand({"a": [None], "d": 1}) == "/x?d=1"


# -- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/a/{color}.json", "/a/v.json"),
        ("/users('{color}')/m", "/users('v')/m"),
        ("/a/{color}/{color}", "/a/v/v"),
        ("/a b/é/{color}", "/a%20b/%C3%A9/v"),
        ("/a%20b/{color}", "/a%20b/v"),
        ("/100%/{color}", "/100%25/v"),
        ("/a/{color", "/a/%7Bcolor"),
        ("/a/{color+}", "/a/v"),
        ("/a/{+color}", "/a/v"),
        ("a/{color}", "/a/v"),
        ("/a/{color}#action", "/a/v"),
        ("/a/{color}:cancel", "/a/v:cancel"),
        ("/a?x={color}", "/a?x=v"),
        ("/a/{color}?", "/a/v"),
    ],
)
def test_paths_are_those_that_documents_write(path: str, target: str) -> None:
    assert in_path(path).expand({"color": "v"}) == target


def test_a_query_of_the_path_comes_before_the_parameters() -> None:
    template = OperationTemplate(
        "/?Action=List&v={v}",
        [Placed(name="v", variable="v", place="path"), Placed(name="q", variable="q", place="query")],
    )
    assert template.expand({"v": "1&2", "q": "x"}) == "/?Action=List&v=1%262&q=x"
    assert (template.text, template.variables) == ("/?Action=List&v={v}{&q}", ("v", "q"))


def test_the_text_of_a_template_shows_its_variables() -> None:
    template = OperationTemplate(
        "/pets/{petId}.json",
        [
            Placed(name="page[size]", variable="page_size", place="query", explode=False),
            Placed(name="petId", variable="pet_id", place="path"),
            Placed(name="X-Id", variable="x_id", place="header"),
            Placed(name="ids", variable="ids", place="query"),
        ],
    )
    assert template.text == "/pets/{pet_id}.json{?page_size,ids}"
    assert template.variables == ("pet_id", "page_size", "ids")
    assert repr(template) == "OperationTemplate('/pets/{pet_id}.json{?page_size,ids}')"


def test_a_place_that_nothing_fills_is_a_fault() -> None:
    assert places("/a/{b}/{c}?d={e}#{f}") == ["b", "c", "e"]
    with pytest.raises(DeclarationError, match=r"^path '/a/\{b\}': no parameter fills \{b\}$"):
        OperationTemplate("/a/{b}", [Placed(name="b", variable="b", place="query")])


# -- values stay values -----------------------------------------------------------------------------------------------


HOSTILE = [
    "../admin",
    "..",
    ".",
    "a/b",
    "a\\b",
    "a\nb",
    "a\0b",
    "",
    "\ud800",
    None,
    [],
    {},
    [""],
    ["a", ".."],
    {"k": "/"},
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("style", ["simple", "label", "matrix"])
@pytest.mark.parametrize("explode", [False, True])
def test_every_style_of_the_path_refuses_hostile_values(style: str, explode: bool, value: Any) -> None:
    with pytest.raises(RefusedValue, match=r"^color: "):
        in_path(style=style, explode=explode).expand({"color": value})


def test_a_name_in_an_object_may_not_lead_out_of_the_path_either() -> None:
    with pytest.raises(RefusedValue, match="slash"):
        in_path(explode=True).expand({"color": {"../x": 1}})


@pytest.mark.parametrize("value", ["a\0b", "\ud800", ["\ud800"], {"k": "\0"}, {"\ud800": 1}, {"\0é": 1}])
@pytest.mark.parametrize("style", ["form", "deepObject"])
def test_nul_and_half_characters_enter_no_query(style: str, value: Any) -> None:
    with pytest.raises(RefusedValue):
        in_query(style=style).expand({"color": value})


@pytest.mark.parametrize(("style", "mark"), [("spaceDelimited", " "), ("pipeDelimited", "|"), ("tabDelimited", "\t")])
def test_the_mark_between_parts_stands_in_none_of_them(style: str, mark: str) -> None:
    with pytest.raises(RefusedValue, match="separates its parts"):
        in_query(style=style, explode=False).expand({"color": ["a", f"b{mark}c"]})


def test_a_property_takes_no_other_parameter_and_no_credential() -> None:
    template = OperationTemplate(
        "/x",
        [Placed(name=name, variable=name, place="query") for name in ("filter", "limit")],
        taken=["api_key"],
    )
    assert template.expand({"filter": {"a": 1, "filter": 2}, "limit": 3}) == "/x?a=1&filter=2&limit=3"
    for name in ("limit", "api_key"):
        with pytest.raises(RefusedValue, match=f"^filter: '{name}' is another parameter$"):
            template.expand({"filter": {name: 1}})


def test_a_value_that_is_nested_without_end_is_refused() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = {"a": value}
    for template in (in_query(style="deepObject"), in_query(media="application/json"), in_query(), in_path()):
        with pytest.raises(RefusedValue, match="nested too deeply"):
            template.expand({"color": [value]})


def test_an_integer_without_end_is_refused() -> None:
    for template in (in_query(), in_path()):
        with pytest.raises(RefusedValue, match="too long"):
            template.expand({"color": 10**5000})


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NAME = st.text(min_size=1, max_size=8).filter(lambda text: "\0" not in text)


@given(name=NAME, value=TEXT, allow_reserved=st.booleans())
def test_a_text_in_the_query_is_read_back_as_it_was(name: str, value: str, allow_reserved: bool) -> None:
    target = in_query(name, allow_reserved=allow_reserved).expand({"color": value})
    assert parse_qsl(urlsplit(f"http://h{target}").query, keep_blank_values=True) == [(name, value)]


@given(name=NAME, values=st.lists(TEXT, min_size=1, max_size=4), style=st.sampled_from(["form", "deepObject"]))
def test_items_of_an_array_are_read_back_as_they_were(name: str, values: list[str], style: str) -> None:
    target = in_query(name, style=style).expand({"color": values})
    own = f"{name}[]" if style == "deepObject" else name
    assert parse_qsl(urlsplit(f"http://h{target}").query, keep_blank_values=True) == [(own, value) for value in values]


@given(value=st.dictionaries(NAME, TEXT, min_size=1, max_size=4), deep=st.booleans())
def test_properties_of_an_object_are_read_back_as_they_were(value: dict[str, str], deep: bool) -> None:
    target = in_query("f", style="deepObject" if deep else "form").expand({"color": value})
    found = parse_qsl(urlsplit(f"http://h{target}").query, keep_blank_values=True)
    assert found == [(f"f[{name}]" if deep else name, text) for name, text in value.items()]


@given(value=TEXT, style=st.sampled_from(["simple", "label", "matrix"]))
def test_a_text_in_the_path_is_one_segment_or_refused(value: str, style: str) -> None:
    begin = {"simple": "", "label": ".", "matrix": ";color="}[style]
    try:
        target = in_path("/a/{color}/z", style=style).expand({"color": value})
    except RefusedValue:
        return
    assert target.split("/") == ["", "a", target.split("/")[2], "z"]
    assert unquote(target.split("/")[2]) == begin + value
    assert urlsplit(f"http://h{target}").query == ""


SIMPLE = st.one_of(st.text("abc é&=", min_size=1, max_size=5), st.integers(-5, 10**12))


@given(a=SIMPLE, b=SIMPLE, items=st.lists(SIMPLE, min_size=1, max_size=3))
def test_the_usual_forms_are_those_of_a_hand_written_template(a: Any, b: Any, items: list[Any]) -> None:
    template = OperationTemplate(
        "/x/{a}",
        [
            Placed(name="a", variable="a", place="path"),
            Placed(name="b", variable="b", place="query"),
            Placed(name="items", variable="items", place="query"),
        ],
    )
    values = {"a": a, "b": b, "items": items}
    assert template.expand(values) == Template("/x/{a}{?b,items*}").expand(values)
    assert template.text == "/x/{a}{?b,items}"
