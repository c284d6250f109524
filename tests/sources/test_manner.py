"""Replies of every kind are JSON for those who read them, and documented failures are answers that say their status."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import DeclarationError, FakeTransport, Manner, Reads, Reply, Rest, UpstreamInvalid


def replied(status: int, body: bytes, **headers: str) -> Reply:
    return Reply(status, body, lambda name: headers.get(name.lower().replace("-", "_")))


def read(manner: Manner, body: bytes, status: int = 200, **headers: str) -> tuple[int, bytes]:
    found = manner.read(replied(status, body, **headers), "s")
    return found.status, bytes(found.body)


# -- what a reply is --------------------------------------------------------------------------------------------------


def test_json_is_left_as_it_is() -> None:
    reply = replied(200, b'{"a": 1}')
    assert Manner().read(reply, "s") is reply


@pytest.mark.parametrize("reads", list(Reads))
def test_a_failure_is_left_as_it_is(reads: Reads) -> None:
    reply = replied(404, b"gone")
    assert Manner(reads=reads).read(reply, "s") is reply


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"plain", "text/plain", "plain"),
        ("é".encode(), "text/plain", "é"),
        (b"\xef\xbb\xbfmarked", "text/csv", "marked"),
        (b"\xe9", "text/plain", "é"),
        (b"\xe9", "text/plain; charset=ISO-8859-1", "é"),
        ("é".encode("utf-16"), 'text/plain; charset="UTF-16"; x=y', "é"),
        (b"\xef\xbb\xbfx", "text/plain;charset=utf-8", "x"),
        (b'"<a>\n"', "application/xml", '"<a>\n"'),
        (b"", "text/plain", ""),
    ],
)
def test_a_text_becomes_a_string_in_the_encoding_that_it_names(body: bytes, content_type: str, text: str) -> None:
    status, found = read(Manner(reads=Reads.TEXT), body, content_type=content_type)
    assert (status, msgspec.json.decode(found)) == (200, text)


@pytest.mark.parametrize("charset", ["unheard", "base64", "idna", "punycode", "undefined", "\0", "utf-8", "ascii"])
def test_a_text_that_is_not_in_the_encoding_that_it_names_is_invalid(charset: str) -> None:
    with pytest.raises(UpstreamInvalid, match=r"^s answered with a text that cannot be decoded$"):
        read(Manner(reads=Reads.TEXT), b"\xff", content_type=f"text/plain; charset={charset}")


@given(st.binary())
def test_any_text_without_an_encoding_becomes_json(body: bytes) -> None:
    assert isinstance(msgspec.json.decode(read(Manner(reads=Reads.TEXT), body)[1]), str)


@given(st.binary())
def test_bytes_become_a_string_of_base64(body: bytes) -> None:
    found = msgspec.json.decode(read(Manner(reads=Reads.BYTES), body)[1])
    assert base64.b64decode(found, validate=True) == body


def test_nothing_becomes_true() -> None:
    assert read(Manner(reads=Reads.NOTHING), b"<ok/>") == (200, b"true")
    assert read(Manner(reads=Reads.NOTHING), b"", 204) == (204, b"true")


@pytest.mark.parametrize("reads", [Reads.JSON, Reads.TEXT, Reads.BYTES])
@pytest.mark.parametrize("status", [204, 205])
def test_no_content_is_no_answer(reads: Reads, status: int) -> None:
    assert read(Manner(reads=reads), b"", status) == (status, b"")


# -- documented failures ----------------------------------------------------------------------------------------------


RESULTS = Manner(
    results=(("200", Reads.JSON), ("204", Reads.NOTHING), ("404", Reads.JSON), ("4xx", Reads.TEXT), ("503", Reads.JSON))
)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"a":1}', (200, b'{"@status":200,"a":1}')),
        (200, b' \n{ "a" : 1 } ', (200, b'{"@status":200,"a" : 1 }')),
        (200, b"{}", (200, b'{"@status":200}')),
        (200, b"{ }", (200, b'{"@status":200}')),
        (200, b"[1, 2]", (200, b'{"@status":200,"@body":[1, 2]}')),
        (200, b"", (200, b'{"@status":200,"@body":null}')),
        (204, b"", (204, b'{"@status":204,"@body":true}')),
        (201, b'{"a":1}', (201, b'{"@status":201,"a":1}')),
        (404, b'{"reason":"gone"}', (200, b'{"@status":404,"reason":"gone"}')),
        (404, b'"gone"', (200, b'{"@status":404,"@body":"gone"}')),
        (404, b"", (200, b'{"@status":404,"@body":null}')),
        (409, b"no <b>", (200, b'{"@status":409,"@body":"no <b>"}')),
        (404, b"<html>", (404, b"<html>")),
        (404, b'{"a":', (404, b'{"a":')),
        (404, b'1,"x":2', (404, b'1,"x":2')),
        (500, b'{"a":1}', (500, b'{"a":1}')),
        (302, b"", (302, b"")),
    ],
)
def test_a_documented_reply_is_an_object_that_says_its_status(
    status: int, body: bytes, expected: tuple[int, bytes]
) -> None:
    assert read(RESULTS, body, status) == expected


def test_the_default_stands_for_failures_and_successes_but_not_for_redirects() -> None:
    manner = Manner(reads=Reads.BYTES, results=(("default", Reads.JSON),))
    assert read(manner, b"{}", 500) == (200, b'{"@status":500}')
    assert read(manner, b"{}", 200) == (200, b'{"@status":200}')
    assert read(manner, b"", 302) == (302, b"")
    assert read(Manner(results=(("3XX", Reads.JSON),)), b"", 302) == (200, b'{"@status":302,"@body":null}')


def test_a_failure_that_is_an_answer_is_kept_by_nobody() -> None:
    headers = {"cache_control": "max-age=60", "x_id": "7"}
    failed = RESULTS.read(replied(404, b"{}", **headers), "s")
    assert (failed.header("Cache-Control"), failed.header("X-Id")) == ("no-store", "7")
    assert RESULTS.read(replied(200, b"{}", **headers), "s").header("cache-control") == "max-age=60"


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_is_still_json_beside_its_status(value: Any) -> None:
    found = msgspec.json.decode(read(RESULTS, msgspec.json.encode(value), 404)[1])
    expected = value if isinstance(value, dict) else {"@body": value}
    assert found == {"@status": 404, **expected}


# -- how a source takes it --------------------------------------------------------------------------------------------


async def test_a_failure_for_the_moment_is_tried_again_before_it_is_an_answer() -> None:
    replies = iter([(503, {"n": 1}, {"retry-after": "0"}), (503, {"n": 2}, {"retry-after": "0"}), {"n": 3}])
    source = Rest("s", "http://s.example", retries=2, client=FakeTransport(lambda *_: next(replies)))
    assert (await source.send("GET", "/a", manner=RESULTS)).body == b'{"@status":200,"n":3}'
    replies = iter([(503, {"n": 1}, {"retry-after": "0"})] * 3)
    assert (await source.send("GET", "/a", manner=RESULTS)).body == b'{"@status":503,"n":1}'


async def test_an_endpoint_may_have_an_address_of_its_own() -> None:
    asked: list[str] = []

    class Noting(FakeTransport):
        async def send(self, method: str, url: str, headers: Any, body: Any) -> Reply:
            asked.append(url)
            return await super().send(method, url, headers, body)

    source = Rest("s", "http://s.example/v1", client=Noting({}))
    await source.send("GET", "/a", manner=Manner(url="https://files.example/up/"))
    await source.send("GET", "/a", manner=Manner())
    assert asked == ["https://files.example/up/a", "http://s.example/v1/a"]


@pytest.mark.parametrize("url", ["ftp://x.example", "//x.example", "http://u:p@x.example", "http://x.example?q"])
def test_an_address_that_is_none_is_a_fault(url: str) -> None:
    with pytest.raises(DeclarationError):
        Manner(url=url)


def test_equal_manners_are_one_question() -> None:
    assert Manner(reads=Reads.TEXT) == Manner(reads=Reads.TEXT)
    assert hash(RESULTS) == hash(Manner(results=RESULTS.results))
