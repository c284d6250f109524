"""What an author declares about a call is data: bodies with holes, paths, the variables of an endpoint, forms."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import (
    Body,
    DeclarationError,
    Endpoint,
    Get,
    InvalidInput,
    Post,
    RefusedValue,
    Rest,
    Template,
    call_of,
    entity_of,
    split_path,
    variable_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def sent(skeleton: Any, values: dict[str, Any]) -> Any:
    body: Any = Body(skeleton).encode(values)
    return msgspec.json.decode(body)


@given(value=JSON)
def test_any_json_value_fills_a_hole_unchanged(value: Any) -> None:
    assert sent({"a": ["{x}"], "b": {"c": "{x}"}}, {"x": value}) == {"a": [value], "b": {"c": value}}


@given(value=JSON)
def test_a_value_is_never_read_as_a_skeleton(value: Any) -> None:
    assert sent("{x}", {"x": {"stolen": "{secret}", "v": value}, "secret": "s"}) == {"stolen": "{secret}", "v": value}


def test_an_absent_value_is_left_out_and_none_is_null() -> None:
    skeleton = {"a": "{a}", "list": ["{a}", "{b}", 1], "deep": {"a": "{a}"}}
    assert sent(skeleton, {}) == {"list": [1], "deep": {}}
    assert sent(skeleton, {"a": None}) == {"a": None, "list": [None, 1], "deep": {"a": None}}


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_empty_values_are_sent_since_they_were_given(value: Any) -> None:
    assert sent({"a": "{a}"}, {"a": value}) == {"a": value}


def test_values_that_no_hole_names_are_not_sent() -> None:
    assert sent({"a": "{a}"}, {"a": 1, "admin": True}) == {"a": 1}


def test_property_names_are_never_holes() -> None:
    body = Body({"{a}": 1})
    assert body.variables == ()
    assert sent({"{a}": 1}, {"a": "x"}) == {"{a}": 1}


@pytest.mark.parametrize(
    "text", ["{a}{b}", " {a}", "{a} ", "x{a}", "{{a}}", "{a.b}", "{1}", "{}", "{a-b}", "{?a}", "{a*}"]
)
def test_text_around_a_hole_makes_it_plain_text(text: str) -> None:
    assert variable_of(text) is None
    assert Body([text]).variables == ()
    assert sent([text], {"a": 1, "b": 2}) == [text]


def test_a_skeleton_is_not_changed_by_encoding() -> None:
    skeleton = {"a": "{a}", "b": ["{a}", "{b}"]}
    body = Body(skeleton)
    assert [body.encode({"a": 1}), body.encode({"b": 2}), body.encode({"a": 1})] == [
        b'{"a":1,"b":[1]}',
        b'{"b":[2]}',
        b'{"a":1,"b":[1]}',
    ]
    assert skeleton == {"a": "{a}", "b": ["{a}", "{b}"]}


def test_tuples_count_as_lists_in_a_skeleton() -> None:
    assert Body(("{a}", ("{b}",))).variables == ("a", "b")
    assert sent(("{a}", ("{b}",)), {"a": 1, "b": 2}) == [1, [2]]


@pytest.mark.parametrize("skeleton", [None, True, 0, 1.5, "text", [], {}])
def test_a_body_without_holes_is_sent_as_it_stands(skeleton: Any) -> None:
    assert Body(skeleton).variables == ()
    assert sent(skeleton, {"text": 1}) == skeleton


@pytest.mark.parametrize(
    ("text", "path"), [("a", ("a",)), ("a.b.c", ("a", "b", "c")), (".", ()), (None, ()), ("é.x-y", ("é", "x-y"))]
)
def test_a_dotted_path_is_split_into_names(text: str | None, path: tuple[str, ...]) -> None:
    assert split_path(text) == path


@pytest.mark.parametrize("text", ["", "..", "a.", ".a", "a..b"])
def test_a_path_with_an_empty_part_is_quoted_in_its_fault(text: str) -> None:
    with pytest.raises(DeclarationError, match=f"^{text!r} is not a path"):
        split_path(text)


def test_an_endpoint_names_the_variables_of_url_body_and_headers() -> None:
    endpoint = Endpoint(
        "POST",
        Template("/{tenant}/search{?page,tags*}"),
        body=Body({"ids": "{ids}", "deep": [{"tenant": "{tenant}"}]}),
        headers=(("x-trace", "{trace}"), ("x-fixed", "fixed"), ("x-part", "Bearer {token}")),
    )
    assert endpoint.variables == {"tenant", "page", "tags", "ids", "trace"}
    assert str(endpoint) == "POST /{tenant}/search{?page,tags*}"


def test_an_endpoint_without_variables_has_none() -> None:
    assert Endpoint("GET", Template("/fixed?a=1")).variables == frozenset()


def test_declarations_cannot_be_changed() -> None:
    endpoint = Get("/a").endpoint()
    for declared, name in (
        (Get("/a"), "template"),
        (Post("/a", {}), "body"),
        (endpoint, "method"),
        (endpoint, "variables"),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(declared, name, "other")


def test_a_get_form_is_a_read_without_body() -> None:
    endpoint = Get("/products{?ids*}", items="data.rows").endpoint()
    assert (endpoint.method, endpoint.template.text, endpoint.items, endpoint.body) == (
        "GET",
        "/products{?ids*}",
        ("data", "rows"),
        None,
    )


def test_a_post_form_carries_its_keys_in_the_body() -> None:
    endpoint = Post("/search{?page}", body={"ids": "{ids}"}, items="rows").endpoint()
    assert (endpoint.method, endpoint.items, endpoint.variables) == ("POST", ("rows",), frozenset({"page", "ids"}))
    assert endpoint.body is not None
    assert endpoint.body.encode({"ids": [1, 2]}) == b'{"ids":[1,2]}'


@pytest.mark.parametrize("form", [Get("no-slash"), Get("/a", items="a..b"), Post("/{", {}), Post("/a", {}, items="")])
def test_an_impossible_form_is_a_declaration_error_when_it_is_made_an_endpoint(form: Get | Post) -> None:
    with pytest.raises(DeclarationError):
        form.endpoint()


def test_what_is_not_declared_has_neither_call_nor_entity() -> None:
    class Plain:
        __weft_call__ = "not a call"
        __weft_entity__ = "not an entity"

    assert call_of(Plain) is None
    assert call_of(None) is None
    assert entity_of(Plain) is None


# -- known faults -----------------------------------------------------------------------------------------------------


def test_a_form_may_say_that_its_reply_is_the_payload_where_the_call_has_an_envelope() -> None:
    source = Rest("s", "http://s.example")

    def stub() -> None: ...

    source.get("/a/{id}", batch=Get("/all{?ids*}", items="."), key="id", items="data")(stub)
    call = call_of(stub)
    assert call is not None
    assert call.single is not None
    assert call.batch is not None
    assert (call.single.items, call.batch.items) == (("data",), ())


def test_half_a_character_in_a_body_is_the_clients_fault() -> None:
    with pytest.raises((InvalidInput, RefusedValue)):
        Body({"a": "{a}"}).encode({"a": "\ud800"})
