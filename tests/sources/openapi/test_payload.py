"""A media type decides how a body is written, and the request names exactly that type."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import Encoded, FakeTransport, File, RefusedValue, Rest
from sources.manner import Reads
from sources.openapi.media import Kind, accept_of, kind_of, reads_of
from sources.openapi.payload import payload_of

FORM = "application/x-www-form-urlencoded"


async def sent(media: str, value: Any, **options: Any) -> tuple[str | None, bytes | None]:
    """Give media type and text of what is sent for the value of ``{input}``."""
    fake = FakeTransport({"POST /a": {}})
    body = payload_of(media, "{input}", **options).encode({} if value is ... else {"input": value})
    await Rest("s", "http://s.example", client=fake).send("POST", "/a", (), body)
    return fake.headers[0].get("content-type"), fake.bodies[0]


def form(value: Any, **encoding: Any) -> str:
    found = payload_of(FORM, "{input}", encoding=encoding).encode({"input": value})
    assert isinstance(found, Encoded)
    return found.content.decode()


# -- media types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "kind"),
    [
        ("application/json", Kind.JSON),
        ("Application/JSON; charset=utf-8", Kind.JSON),
        ("application/vnd.x.v2+json", Kind.JSON),
        ("application/problem+json;q=1", Kind.JSON),
        ("text/json", Kind.JSON),
        ("application/x-json", Kind.JSON),
        ("*/*", Kind.JSON),
        ("application/*", Kind.JSON),
        ("", Kind.JSON),
        ("json", Kind.JSON),
        ("application/x-www-form-urlencoded", Kind.FORM),
        ("multipart/form-data", Kind.PARTS),
        ("multipart/*", Kind.PARTS),
        ("application/form-data", Kind.PARTS),
        ("text/plain", Kind.TEXT),
        ("text/*", Kind.TEXT),
        ("application/xml", Kind.TEXT),
        ("application/atom+xml", Kind.TEXT),
        ("image/svg+xml", Kind.TEXT),
        ("application/x-ndjson", Kind.TEXT),
        ("application/yaml", Kind.TEXT),
        ("application/octet-stream", Kind.BYTES),
        ("image/*", Kind.BYTES),
        ("application/pdf", Kind.BYTES),
    ],
)
def test_every_media_type_is_made_of_something(media: str, kind: Kind) -> None:
    assert kind_of(media) is kind


@pytest.mark.parametrize(
    ("medias", "reads", "accept"),
    [
        (["application/json"], Reads.JSON, "application/json"),
        (["application/xml", "application/json"], Reads.JSON, "application/json"),
        (["application/hal+json", "application/json"], Reads.JSON, "application/hal+json, application/json"),
        (["application/vnd.x+json; version=1"], Reads.JSON, "application/vnd.x+json; version=1"),
        (["*/*"], Reads.JSON, "application/json, */*;q=0.5"),
        (["text/html", "text/plain", "image/png"], Reads.TEXT, "text/html, text/plain"),
        (["image/*", "application/pdf"], Reads.BYTES, "application/pdf, image/*;q=0.5"),
        (["bad\r\nx: y/z"], Reads.JSON, "application/json"),
        ([], Reads.NOTHING, "*/*"),
    ],
)
def test_the_media_types_that_are_read_are_those_that_are_asked_for(
    medias: list[str], reads: Reads, accept: str
) -> None:
    assert (reads_of(medias), accept_of(medias)) == (reads, accept)


# -- JSON -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "content_type"),
    [
        ("application/json", "application/json"),
        ("application/vnd.x+json; charset=utf-8", "application/vnd.x+json; charset=utf-8"),
        ("*/*", "application/json"),
        ("a/b\r\nx-evil: 1", "application/json"),
    ],
)
async def test_json_goes_under_the_media_type_that_is_documented(media: str, content_type: str) -> None:
    assert await sent(media, {"a": [1, None]}) == (content_type, b'{"a":[1,null]}')


async def test_a_body_of_several_values_holds_those_that_are_given() -> None:
    body = payload_of("application/json", {"first-name": "{first_name}", "age": "{age}"})
    assert body.variables == ("first_name", "age")
    assert body.encode({"first_name": "A"}) == b'{"first-name":"A"}'
    assert body.encode({"age": None}) == b'{"age":null}'
    assert body.encode({}) is None
    assert payload_of("application/json", {"a": "{a}"}, required=True).encode({}) == b"{}"


@pytest.mark.parametrize("media", ["application/json", FORM, "multipart/form-data", "text/plain", "image/png"])
async def test_without_a_value_there_is_no_body_unless_it_is_required(media: str) -> None:
    for value in (..., None):
        assert await sent(media, value) == (None, None)
    content_type, body = await sent(media, ..., required=True)
    assert content_type is not None
    assert body is not None


async def test_a_required_body_of_null_is_null() -> None:
    assert await sent("application/json", None, required=True) == ("application/json", b"null")


def test_a_body_that_is_nested_without_end_is_refused() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(RefusedValue, match="nested too deeply"):
        payload_of("application/json", "{input}").encode({"input": value})


# -- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        ({"a": "x y&z", "b": 1, "c": True, "e": None}, [("a", "x y&z"), ("b", "1"), ("c", "true")]),
        ({"a": Decimal("1.50")}, [("a", "1.50")]),
        ({"a": [1, 2]}, [("a", "1"), ("a", "2")]),
        ({"a": {"b": {"c": 1}}}, [("a[b][c]", "1")]),
        ({"a": [{"b": 1}, {"b": 2}]}, [("a[0][b]", "1"), ("a[1][b]", "2")]),
        ({"$odd[name]": "v"}, [("$odd[name]", "v")]),
    ],
)
def test_a_form_is_written_as_most_backends_read_it(value: Any, pairs: list[tuple[str, str]]) -> None:
    assert parse_qsl(form(value)) == pairs


def test_the_encoding_of_a_property_is_kept() -> None:
    assert form({"a": [1, 2]}, a={"style": "form", "explode": False}) == "a=1,2"
    assert form({"a": [1, 2]}, a={"style": "deepObject", "explode": True}) == "a%5B%5D=1&a%5B%5D=2"
    assert form({"a": ["x", "y"]}, a={"style": "pipeDelimited", "explode": False}) == "a=x%7Cy"
    assert form({"a": {"x": 1}}, a={"style": "form"}) == "x=1"
    assert form({"a": {"x": 1}}, a={"contentType": "application/json"}) == "a=%7B%22x%22%3A1%7D"
    assert form({"a": "b/c"}, a={"allowReserved": True}) == "a=b/c"
    assert form({"a": 1}, a="nonsense", b={"style": 7}) == "a=1"


async def test_a_form_is_sent_as_one() -> None:
    assert await sent(FORM, {"a": "é"}) == (FORM, b"a=%C3%A9")
    assert await sent(FORM, {}) == (FORM, b"")


@pytest.mark.parametrize("media", [FORM, "multipart/form-data"])
def test_a_form_needs_an_object(media: str) -> None:
    with pytest.raises(RefusedValue, match="needs an object"):
        payload_of(media, "{input}").encode({"input": [1]})


@given(st.dictionaries(st.text(min_size=1), st.text() | st.integers(), max_size=4))
def test_a_form_is_read_back_as_it_was(value: dict[str, Any]) -> None:
    try:
        text = form(value)
    except RefusedValue:
        assert any("\0" in str(part) for pair in value.items() for part in pair)
        return
    assert dict(parse_qsl(text, keep_blank_values=True)) == {name: str(item) for name, item in value.items()}


async def parts(value: Any, **encoding: Any) -> list[tuple[str, str | None, bytes]]:
    content_type, text = await sent("multipart/form-data", value, encoding=encoding)
    message = email.message_from_bytes(
        f"content-type: {content_type}\r\n\r\n".encode() + (text or b""), policy=email.policy.HTTP
    )
    found = []
    for part in message.walk():
        if part is not message:
            content: Any = part.get_payload(decode=True)
            found.append((str(part.get_param("name", header="content-disposition")), part.get("content-type"), content))
    return found


async def test_the_parts_of_a_form_have_the_media_types_of_their_encoding() -> None:
    assert await parts(
        {"a": "1,2", "b": {"x": 1}, "c": "t", "d": File(b"F", content_type="image/png"), "e": File(b"E")},
        a={"contentType": "text/csv"},
        c={"contentType": "application/json"},
        d={"contentType": "image/png, image/jpeg"},
        e={"contentType": "application/pdf"},
    ) == [
        ("a", "text/csv", b"1,2"),
        ("b", "application/json", b'{"x":1}'),
        ("c", "application/json", b'"t"'),
        ("d", "image/png", b"F"),
        ("e", "application/pdf", b"E"),
    ]


async def test_a_range_of_media_types_leaves_a_file_its_own() -> None:
    def png() -> File:
        return File(b"F", content_type="image/png")

    assert await parts({"a": png()}, a={"contentType": "image/*"}) == [("a", "image/png", b"F")]
    assert await parts({"a": png()}, a={"contentType": "audio/*"}) == [("a", "image/png", b"F")]
    assert await parts({"a": png()}, a={"contentType": "bad\r\nx: y"}) == [("a", "image/png", b"F")]
    assert await parts({"a": "t"}, a={"contentType": "text/*"}) == [("a", None, b"t")]


# -- text and bytes ---------------------------------------------------------------------------------------------------


async def test_a_text_is_sent_as_it_is() -> None:
    assert await sent("text/plain", "é") == ("text/plain", "é".encode())
    assert await sent("text/plain; charset=iso-8859-1", "é") == ("text/plain; charset=iso-8859-1", b"\xe9")
    assert await sent("application/xml", "<a/>") == ("application/xml", b"<a/>")
    assert await sent("text/plain", 5) == ("text/plain", b"5")
    assert await sent("text/*", "x") == ("text/plain", b"x")


@pytest.mark.parametrize(
    ("media", "value"),
    [
        ("text/plain", {"a": 1}),
        ("text/plain", "\ud800"),
        ("text/plain; charset=ascii", "é"),
        ("text/plain; charset=unheard", "e"),
        ("text/plain; charset=base64", "e"),
        ("image/png", "not base64!"),
        ("image/png", "é"),
        ("image/png", {"a": 1}),
    ],
)
def test_what_is_no_such_text_is_refused(media: str, value: Any) -> None:
    with pytest.raises(RefusedValue):
        payload_of(media, "{input}").encode({"input": value})


async def test_bytes_are_base64_or_a_file() -> None:
    assert await sent("image/png", "aGk=") == ("image/png", b"hi")
    assert await sent("image/png", File(b"hi", content_type="image/gif")) == ("image/png", b"hi")
    assert await sent("image/*", File(b"hi", content_type="image/gif")) == ("image/gif", b"hi")
    assert await sent("image/*", "aGk=") == ("application/octet-stream", b"hi")


async def test_a_long_file_is_sent_in_pieces_under_the_documented_media_type() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 50_000

    content_type, body = await sent("application/pdf", File(pieces()))
    assert (content_type, len(body or b"")) == ("application/pdf", 150_000)
