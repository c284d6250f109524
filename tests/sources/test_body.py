"""Forms: what becomes of values, and that none of them can end its field."""

from __future__ import annotations

import asyncio
import email
import email.policy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import Body, DeclarationError, FakeTransport, File, Form, InvalidInput, RefusedValue, Rest

NAMES = st.text(min_size=1, max_size=8)  # hypothesis gives no half characters


async def written(form: Form, values: dict[str, Any]) -> tuple[str, bytes]:
    """Give the media type and the text of a form."""
    stream = form.encode(values)
    text = b"".join([piece async for piece in await stream.open()])
    return stream.content_type, text


def fields(form: Form, values: dict[str, Any]) -> list[tuple[str, str | None, str | None, bytes]]:
    """Give name, file name, media type and value of each field, as a library reads them."""
    content_type, text = asyncio.run(written(form, values))
    message = email.message_from_bytes(
        f"content-type: {content_type}\r\n\r\n".encode() + text, policy=email.policy.HTTP
    )
    found = []
    for part in message.walk():
        if part is not message:
            value: Any = part.get_payload(decode=True)
            name = part.get_param("name", header="content-disposition")
            found.append((str(name), part.get_filename(), part.get("content-type"), value))
    return found


def test_scalars_are_text_and_objects_are_json() -> None:
    form = Form({"a": "{a}", "b": "{b}", "c": "{c}", "d": 1, "e": {"x": "{a}", "y": "{gone}"}})
    assert fields(form, {"a": "x", "b": True, "c": Decimal("1.50")}) == [
        ("a", None, None, b"x"),
        ("b", None, None, b"true"),
        ("c", None, None, b"1.50"),
        ("d", None, None, b"1"),
        ("e", None, "application/json", b'{"x":"x"}'),
    ]


def test_a_list_is_a_field_per_item_and_null_is_none() -> None:
    assert fields(Form({"a": "{a}", "b": "{b}"}), {"a": [1, None, "x"], "b": None}) == [
        ("a", None, None, b"1"),
        ("a", None, None, b"x"),
    ]


def test_a_file_has_a_name_and_a_media_type() -> None:
    file = File(b"hello", filename="a.txt", content_type="text/plain")
    assert fields(Form({"file": "{file}"}), {"file": file}) == [("file", "a.txt", "text/plain", b"hello")]


def test_a_file_without_a_name_is_a_file() -> None:
    assert fields(Form({"file": "{file}"}), {"file": File(b"x")}) == [
        ("file", "blob", "application/octet-stream", b"x")
    ]


def test_the_properties_of_an_object_may_be_the_fields() -> None:
    form = Form("{input}")
    assert form.variables == ("input",)
    assert fields(form, {"input": {"a": 1, "b": [2, 3]}}) == [
        ("a", None, None, b"1"),
        ("b", None, None, b"2"),
        ("b", None, None, b"3"),
    ]
    assert asyncio.run(written(form, {}))[1].count(b"\r\n") == 1


@given(name=NAMES, filename=NAMES, value=st.binary(max_size=20))
def test_no_name_or_value_ends_its_field(name: str, filename: str, value: bytes) -> None:
    file = File(value, filename=filename)
    content_type, text = asyncio.run(written(Form("{input}"), {"input": {name: file}}))
    boundary = content_type.partition("boundary=")[2].encode()
    start, form_head, *rest = text.split(b"\r\n", 2)
    assert start == b"--" + boundary
    assert form_head.startswith(b'content-disposition: form-data; name="')
    assert form_head.count(b'"') == 4
    assert b"\r" not in form_head
    assert b"\n" not in form_head
    assert rest == [
        b"content-type: application/octet-stream\r\n\r\n" + value + b"\r\n--" + boundary + b"--\r\n",
    ]


@pytest.mark.parametrize("value", ["\ud800", ["\ud800"], {"x": "\ud800"}])
def test_half_a_character_may_not_stand_in_a_form(value: Any) -> None:
    with pytest.raises(RefusedValue, match="half a character"):
        Form({"a": "{a}"}).encode({"a": value})


def test_half_a_character_may_not_stand_in_a_name() -> None:
    with pytest.raises(RefusedValue, match="half a character"):
        Form("{a}").encode({"a": {"\ud800": 1}})


@pytest.mark.anyio
async def test_a_file_may_not_stand_twice_in_a_form() -> None:
    file = File(b"x")
    with pytest.raises(RefusedValue, match="read already"):
        await Form({"a": "{file}", "b": "{file}"}).encode({"file": file}).open()


def test_forms_of_the_same_fields_are_the_same_question() -> None:
    form, file = Form({"a": "{a}", "file": "{file}"}), File(b"x")
    assert form.encode({"a": 1, "file": file}) == form.encode({"a": 1, "file": file})
    assert form.encode({"a": 1, "file": file}) != form.encode({"a": 1, "file": File(b"x")})
    assert hash(form.encode({"file": file})) == hash(form.encode({"file": file}))


def test_a_body_that_is_nothing_but_a_file_is_the_file() -> None:
    file = File(b"x")
    assert Body("{file}").encode({"file": file}) is file


@pytest.mark.parametrize("skeleton", [["{a}"], "a", 1, None])
def test_a_form_must_say_its_fields(skeleton: Any) -> None:
    with pytest.raises(DeclarationError, match="expected a mapping of fields"):
        Form(skeleton).check()
    rest = Rest("depot", "http://depot", client=FakeTransport({}))

    @rest.post("/x", body=Form(skeleton))
    def stub() -> None: ...

    assert len(rest.faults) == 1
    assert "stub: Form(" in rest.faults[0]


@pytest.mark.anyio
async def test_a_file_is_sent_by_any_transport_and_only_once() -> None:
    transport = FakeTransport({"PUT /x": {}})
    rest = Rest("depot", "http://depot", client=transport, retries=2)
    file = File(b"x" * 100_000, content_type="text/plain")
    assert (await rest.send("PUT", "/x", (), file)).status == 200
    assert transport.bodies == [b"x" * 100_000]
    assert transport.headers[0]["content-type"] == "text/plain"
    with pytest.raises(InvalidInput, match="read already"):
        await rest.send("PUT", "/x", (), file)
    assert transport.calls == ["PUT /x"]


@pytest.mark.anyio
async def test_a_file_is_not_sent_again_when_the_backend_is_busy() -> None:
    transport = FakeTransport({"PUT /x": (503, {})})
    rest = Rest("depot", "http://depot", client=transport, retries=2)
    assert (await rest.send("PUT", "/x", (), File(b"x"))).status == 503
    assert transport.calls == ["PUT /x"]
