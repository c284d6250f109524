"""Taking replies apart: payloads out of envelopes, items by their keys."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import key_text, unwrap, wrapped
from resolvers.envelope import Envelopes

ID = (("id",),)


def test_a_wrapped_type_reads_the_payload_and_skips_the_rest() -> None:
    path = ("data", "count")
    decoder: Any = msgspec.json.Decoder(wrapped(int, path))
    body = b'{"page": [1, {"data": 5}], "data": {"x": null, "count": 3}, "total": 9}'
    assert unwrap(decoder.decode(body), path) == 3


def test_without_a_path_nothing_is_wrapped() -> None:
    assert wrapped(int, ()) is int
    assert unwrap(5, ()) == 5


@pytest.mark.parametrize("name", ["self", "payload", "class", "", "a b", "é", "__struct_fields__"])
def test_any_property_name_may_hold_the_payload(name: str) -> None:
    body = msgspec.json.encode({name: [1]})
    assert Envelopes().payload(body, (name,)) == b"[1]"


@pytest.mark.parametrize(
    ("body", "path", "payload"),
    [
        (None, (), None),
        (None, ("data",), None),
        (b"null", (), None),
        (b" \n null\t", (), None),
        (b'{"data": null}', ("data",), None),
        (b'{"data": null }', ("data",), None),
        (b'{"id": 1}', (), b'{"id": 1}'),
        (b' {"id":1} ', (), b'{"id":1}'),
        (b"0", (), b"0"),
        (b"false", (), b"false"),
        (b'"null"', (), b'"null"'),
        (b"[]", (), b"[]"),
        (b'{"data": {"item": {"id": 1}}}', ("data", "item"), b'{"id": 1}'),
        (b'{"data": 1, "data": 2}', ("data",), b"2"),
    ],
)
def test_the_payload_comes_out_of_its_envelope(
    body: bytes | None, path: tuple[str, ...], payload: bytes | None
) -> None:
    found = Envelopes().payload(body, path)
    assert (None if found is None else found.strip()) == payload


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", ()),
        (b"{", ()),
        (b"<html>", ()),
        (b'{"id": 1} {"id": 2}', ()),
        (b'{"id": 1', ()),
        (b"[]", ("data",)),
        (b"null", ("data",)),
        (b"{}", ("data",)),
        (b'{"data": 3}', ("data", "item")),
        (b'{"Data": 3}', ("data",)),
        (b'\xef\xbb\xbf{"data": 3}', ("data",)),
    ],
)
def test_a_body_without_the_envelope_is_refused(body: bytes, path: tuple[str, ...]) -> None:
    with pytest.raises(msgspec.DecodeError):
        Envelopes().payload(body, path)


def test_items_come_with_their_keys_in_the_order_of_the_reply() -> None:
    body = b'[{"id": 7, "n": 1}, {"n": 2, "id": "x"}]'
    assert list(Envelopes().items(body, (), ID)) == [("7", b'{"id": 7, "n": 1}'), ("x", b'{"n": 2, "id": "x"}')]


def test_items_are_found_inside_an_envelope() -> None:
    body = b'{"data": {"rows": [{"id": 7}]}, "more": true}'
    assert list(Envelopes().items(body, ("data", "rows"), ID)) == [("7", b'{"id": 7}')]


def test_a_key_may_sit_deep_in_the_item() -> None:
    body = b'[{"product": {"ref": {"id": 7}}}]'
    (found,) = Envelopes().items(body, (), (("product", "ref", "id"),))
    assert found[0] == "7"


def test_the_parts_of_a_composite_key_make_one_text() -> None:
    body = b'[{"sku": "A", "site": {"id": 3}}]'
    (found,) = Envelopes().items(body, (), (("site", "id"), ("sku",)))
    assert found[0] == key_text((3, "A"))
    assert found[0] == key_text(("3", "A"))


def test_duplicates_are_all_given() -> None:
    body = b'[{"id": 1, "n": 1}, {"id": 1, "n": 2}]'
    assert [key for key, _ in Envelopes().items(body, (), ID)] == ["1", "1"]


def test_no_body_has_no_items() -> None:
    assert list(Envelopes().items(None, (), ID)) == []
    assert list(Envelopes().items(b"[]", (), ID)) == []


@pytest.mark.parametrize(
    "body",
    [b"null", b"{}", b"3", b'"abc"', b"[3]", b"[null]", b"[[]]", b"[{}]", b'[{"id": null}]', b'[{"id": [1]}]', b"["],
)
def test_what_is_no_list_of_items_with_keys_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        list(Envelopes().items(body, (), ID))


@pytest.mark.parametrize("key", [True, 1.5])
def test_a_key_is_a_text_or_a_whole_number(key: object) -> None:
    with pytest.raises(msgspec.DecodeError):
        list(Envelopes().items(msgspec.json.encode([{"id": key}]), (), ID))


def test_one_reader_serves_many_envelopes() -> None:
    envelopes = Envelopes()
    assert envelopes.payload(b'{"a": 1}', ("a",)) == b"1"
    assert envelopes.payload(b'{"b": {"a": 2}}', ("b", "a")) == b"2"
    assert envelopes.payload(b'{"a": 3}', ("a",)) == b"3"
    assert [key for key, _ in envelopes.items(b'{"a": [{"id": 1}]}', ("a",), ID)] == ["1"]
    assert [key for key, _ in envelopes.items(b'[{"sku": "s"}]', (), (("sku",),))] == ["s"]


def test_numbers_and_texts_are_the_same_key() -> None:
    assert key_text(7) == key_text("7") == "7"
    assert key_text((7, "a")) == key_text(("7", "a"))


scalars = st.one_of(st.integers(), st.text())


@given(st.tuples(scalars, scalars), st.tuples(scalars, scalars))
def test_composite_keys_are_equal_only_where_their_parts_are(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    assert (key_text(one) == key_text(other)) == (tuple(map(str, one)) == tuple(map(str, other)))


@given(st.integers() | st.text())
def test_a_key_is_found_by_the_text_it_was_asked_by(key: int | str) -> None:
    (found,) = Envelopes().items(msgspec.json.encode([{"id": key}]), (), ID)
    assert found[0] == key_text(key)
