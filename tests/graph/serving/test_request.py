"""What a client sent, understood: pure functions over bodies, query strings and Accept fields."""

from __future__ import annotations

import pytest

from graph import RequestError
from graph.engine import Request
from graph.request import GRAPHQL_JSON, JSON, Headers, accepted, parse_body, parse_query, prefers_html


def refusal_of_body(body: bytes, content_type: str = JSON) -> tuple[int, str, str]:
    with pytest.raises(RequestError) as caught:
        parse_body(body, content_type)
    return caught.value.status, caught.value.code, caught.value.errors[0].message


def refusal_of_query(query_string: bytes) -> tuple[int, str, str]:
    with pytest.raises(RequestError) as caught:
        parse_query(query_string)
    return caught.value.status, caught.value.code, caught.value.errors[0].message


# -- bodies -----------------------------------------------------------------------------------------------------------


def test_a_body_becomes_a_request() -> None:
    body = b'{"query": "{ a }", "operationName": "A", "variables": {"x": [1, null]}, "extensions": {"y": {}}}'
    assert parse_body(body, JSON) == Request("{ a }", "A", {"x": [1, None]}, {"y": {}})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", Request()),
        (b'{"query": null, "operationName": null, "variables": null, "extensions": null}', Request()),
        (b'{"query": "{ a }", "id": 7, "doc": [1]}', Request("{ a }")),
        (b' \n\t{"query": "{ a }"}\r\n', Request("{ a }")),
        (b'{"query": ""}', Request("")),
        (b'{"query": "\\u007b a \\u007D"}', Request("{ a }")),
        (b'{"query": "\\ud83d\\ude00"}', Request("\N{GRINNING FACE}")),
        (b'{"query": "a\\u0000"}', Request("a\0")),
        (b'{"query": "first", "query": "last"}', Request("last")),
        (b'{"query": "{ a }", "variables": {"x": -0.5e2}}', Request("{ a }", None, {"x": -50.0})),
    ],
)
def test_absent_null_and_unknown_entries_are_no_fault(body: bytes, expected: Request) -> None:
    assert parse_body(body, JSON) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"query": "{ a }"',
        b'{"query": "{ a }"} {}',
        b"{'query': '{ a }'}",
        b'{"query": "{ a }",}',
        b'{"query": "\xff"}',
        b'{"query": "\\ud800"}',
        b'{"query": "a\nb"}',
        b'\xef\xbb\xbf{"query": "{ a }"}',
        '{"query": "{ a }"}'.encode("utf-16"),
        b'{"variables": {"x": NaN}}',
        b'{"variables": {"x": Infinity}}',
        b"[" * 100_000,
        b'{"variables": {"x": ' + b'{"y": ' * 100_000 + b"1" + b"}" * 100_000 + b"}}",
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    status, code, message = refusal_of_body(body)
    assert (status, code) == (400, "BAD_REQUEST")
    assert len(message) < 200


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"null", "object"),
        (b"[]", "object"),
        (b'"x"', "object"),
        (b"true", "object"),
        (b"7", "object"),
        (b'[{"query": "{ a }"}]', "object"),
        (b'{"query": 7}', "$.query"),
        (b'{"query": ["{ a }"]}', "$.query"),
        (b'{"operationName": {}}', "$.operationName"),
        (b'{"variables": []}', "$.variables"),
        (b'{"variables": "{}"}', "$.variables"),
        (b'{"extensions": false}', "$.extensions"),
    ],
)
def test_json_of_another_shape_is_refused_by_its_place(body: bytes, place: str) -> None:
    status, code, message = refusal_of_body(body)
    assert (status, code) == (400, "BAD_REQUEST")
    assert message.startswith("the body is not a GraphQL request: ")
    assert place in message


def test_an_integer_of_100_000_digits_is_refused() -> None:
    assert refusal_of_body(b'{"variables": {"x": ' + b"9" * 100_000 + b"}}")[:2] == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json;charset=utf-8",
        'Application/JSON ; Charset="UTF-8"',
        "application/json;",
        "application/json; charset=utf8",
        "application/json; charset=utf-8; version=1",
        "application/json; version=1; charset=utf-8",
    ],
)
def test_json_may_be_named_with_parameters(content_type: str) -> None:
    assert parse_body(b'{"query": "{ a }"}', content_type) == Request("{ a }")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        ";",
        "text/plain",
        "application/jsonp",
        "application/json5",
        "application/graphql",
        "application/graphql-response+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "text/plain; application/json",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/json;charset=latin-1",
        "application/json; version=1; charset=utf-16",
    ],
)
def test_another_media_type_or_charset_is_415_before_the_body_is_looked_at(content_type: str) -> None:
    assert refusal_of_body(b"not even JSON", content_type)[:2] == (415, "BAD_REQUEST")


# -- query strings ----------------------------------------------------------------------------------------------------


def test_a_query_string_becomes_a_request() -> None:
    query_string = b"query=%7B+a%20%7D&operationName=A&variables=%7B%22x%22%3A+%5B1%5D%7D&extensions=%7B%7D&other=1"
    assert parse_query(query_string) == Request("{ a }", "A", {"x": [1]}, {})


@pytest.mark.parametrize(
    ("query_string", "expected"),
    [
        (b"", Request()),
        (b"query=", Request("")),
        (b"query=a&operationName=", Request("a")),
        (b"query=a&variables=", Request("a")),
        (b"query=a&variables=null&extensions=null", Request("a")),
        (b"query=a;b", Request("a;b")),
        (b"query=a&query=b", Request("b")),
        (b"query=%C3%A9", Request("é")),
        (b"query=%00", Request("\0")),
        (b"query", Request("")),
        (b"&&=&query=a", Request("a")),
        (b"query=%zz", Request("%zz")),
    ],
)
def test_odd_query_strings_are_read_as_they_stand(query_string: bytes, expected: Request) -> None:
    assert parse_query(query_string) == expected


@pytest.mark.parametrize("query_string", [b"query=%ff", b"query=%ed%a0%80", b"query=\xc3\xa9", b"%ff=1&query=a"])
def test_a_query_string_that_is_not_utf_8_is_refused(query_string: bytes) -> None:
    assert refusal_of_query(query_string) == (400, "BAD_REQUEST", "the query string is not UTF-8")


def test_a_query_string_of_many_parameters_is_refused_before_it_is_decoded() -> None:
    assert parse_query(b"query=a" + b"&a=b" * 99) == Request("a")
    expected = (400, "BAD_REQUEST", "the query string has more than 100 parameters")
    assert refusal_of_query(b"query=a" + b"&a=b" * 100) == expected


@pytest.mark.parametrize("name", ["variables", "extensions"])
@pytest.mark.parametrize("text", [b"7", b"[]", b"%22x%22", b"%7B", b"x", b"%5B" * 50_000, b"%7B%22a%22:" * 50_000])
def test_variables_and_extensions_must_be_json_objects(name: str, text: bytes) -> None:
    expected = (400, "BAD_REQUEST", f"{name} must be a JSON object")
    assert refusal_of_query(b"query=a&" + name.encode() + b"=" + text) == expected


# -- Accept -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (GRAPHQL_JSON.upper(), GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON}", GRAPHQL_JSON),
        (f"{JSON}, {GRAPHQL_JSON}", JSON),
        (f"{JSON};q=0.9, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.9,{JSON};q=0.91", JSON),
        (f"{GRAPHQL_JSON};charset=utf-8;q=0.5, {JSON};q=0.4", GRAPHQL_JSON),
        (f"{JSON} ; q = 0.1 , {GRAPHQL_JSON};Q=0.2", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, */*;q=0.1", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0, {JSON}", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        ("text/html, image/png;q=1", None),
        (f"{JSON};q=0", None),
        (f"{JSON};q=0.0, {GRAPHQL_JSON};q=0", None),
        ("*/*;q=0", None),
        (f"{JSON};q=x", None),
        ("application/jsonp", None),
        ("json", None),
        (f'text/plain;x=", {JSON}', JSON),
        (",", None),
        (";;,;", None),
    ],
)
def test_the_media_type_with_the_highest_quality_is_chosen(accept: str | None, expected: str | None) -> None:
    assert accepted(accept) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{JSON};q=0, */*", GRAPHQL_JSON),
        (f"{JSON};q=0, application/*;q=0.5", GRAPHQL_JSON),
        ("application/*;q=0, */*", None),
    ],
)
def test_a_type_that_is_refused_by_name_is_not_chosen_through_a_wildcard(accept: str, expected: str | None) -> None:
    assert accepted(accept) == expected


@pytest.mark.parametrize("quality", ["nan", "inf", "7", "1_0"])
def test_a_quality_that_is_no_number_up_to_1_does_not_win(quality: str) -> None:
    assert accepted(f"{GRAPHQL_JSON}, {JSON};q={quality}") == GRAPHQL_JSON
    assert accepted(f"{JSON};q={quality}, {GRAPHQL_JSON};q=0.9") == GRAPHQL_JSON


def test_a_long_accept_field_is_read_once() -> None:
    assert accepted("text/plain," * 5_000 + GRAPHQL_JSON) == GRAPHQL_JSON


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        (JSON, False),
        ("text/html", True),
        ("TEXT/HTML;charset=utf-8", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", True),
    ],
)
def test_a_browser_is_known_by_what_it_accepts(accept: str | None, expected: bool) -> None:
    assert prefers_html(accept) is expected


@pytest.mark.parametrize("accept", ["text/html;q=0", f"{JSON}, text/html;q=0.1", "application/x-text/html"])
def test_html_that_comes_second_is_not_preferred(accept: str) -> None:
    assert prefers_html(accept) is False


# -- headers ----------------------------------------------------------------------------------------------------------


def test_headers_are_found_by_lower_case_name() -> None:
    headers = Headers([(b"accept", b"a"), (b"x-name", b"caf\xe9")])
    assert headers["accept"] == "a"
    assert headers.get("x-name") == "café"
    assert headers.get("missing") is None
    assert headers.get("missing", "else") == "else"
    assert "accept" in headers
    assert "Accept" not in headers
    assert dict(headers) == {"accept": "a", "x-name": "café"}
    assert len(headers) == 2


def test_headers_of_one_name_are_one_list() -> None:
    headers = Headers([(b"accept", b"a"), (b"cookie", b"x=1"), (b"accept", b"b"), (b"cookie", b"y=2")])
    assert dict(headers) == {"accept": "a, b", "cookie": "x=1; y=2"}
