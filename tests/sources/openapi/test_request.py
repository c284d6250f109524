"""Operations of a document, asked of a real server: what arrives there, and what comes back."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from resolvers import Ledger
from resolvers.ask import ask_of, send
from sources import DeclarationError, Endpoint, Expands, Reads, Rest
from sources.openapi import Answer, Content, Operation
from sources.openapi.payload import payload_of
from sources.openapi.placed import Placed
from sources.openapi.request import endpoint_for, reading_of
from tests.serving import running

Json = Any


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what was asked, as the path says: its status, then the media type of the answer."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    _, status, kind, *_ = scope["path"].split("/")
    said = {
        "json": json.dumps(
            {
                "call": f"{scope['method']} {scope['raw_path'].decode()}?{scope['query_string'].decode()}",
                "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
                "body": body.decode("latin-1"),
            }
        ).encode(),
        "text": "pläin".encode("latin-1"),
        "bytes": b"\x00\xff",
        "none": b"",
        "html": b"<html>no</html>",
    }[kind]
    content_type = {"json": "application/json", "text": "text/plain; charset=latin-1"}.get(kind, "application/x")
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else said})


def answers(**medias: list[str]) -> dict[str, Answer]:
    return {
        status.removeprefix("s"): Answer(
            status=status.removeprefix("s"), contents={media: Content(None) for media in found}, pointer=""
        )
        for status, found in medias.items()
    }


def operation(path: str, method: str = "GET", **medias: list[str]) -> Operation:
    return Operation(
        id=None, method=method, path=path, pointer="", parameters=(), body=None, answers=answers(**medias)
    )  # fmt: skip  # on one line, as read


async def asked(endpoint: Endpoint, **values: Any) -> Any:
    """Give the JSON that comes back, or the failure."""
    with running(echo) as address:
        source = Rest("s", address)
        part = await send(source, ask_of(source, endpoint, values), Ledger({}))
        await source.aclose()
    if part.failure is not None:
        return str(part.failure)
    return None if part.body is None else json.loads(bytes(part.body))


async def test_every_parameter_arrives_where_it_belongs() -> None:
    endpoint = endpoint_for(
        operation("/200/json/{petId}", s200=["application/json"]),
        [
            Placed(name="petId", variable="pet_id", place="path"),
            Placed(name="filter", variable="filter", place="query", style="deepObject"),
            Placed(name="ids", variable="ids", place="query", style="pipeDelimited", explode=False),
            Placed(name="X-Trace", variable="trace", place="header"),
            Placed(name="sid", variable="sid", place="cookie"),
            Placed(name="seen", variable="seen", place="cookie", explode=False),
        ],
    )
    values = {"pet_id": "a b?", "filter": {"a": [1, 2]}, "ids": [3, 4], "trace": ["x", 1], "sid": "s=", "seen": [5, 6]}
    assert endpoint.variables == values.keys()
    assert str(endpoint) == "GET /200/json/{pet_id}{?filter,ids}"
    found = await asked(endpoint, **values)
    path, _, query = found["call"].partition("?")
    assert path == "GET /200/json/a%20b%3F"
    assert unquote(query) == "filter[a][]=1&filter[a][]=2&ids=3|4"
    assert {name: found["headers"].get(name) for name in ("x-trace", "cookie", "accept")} == {
        "x-trace": "x,1",
        "cookie": "sid=s=; seen=5,6",
        "accept": "application/json",
    }


async def test_parameters_without_values_are_not_sent() -> None:
    endpoint = endpoint_for(
        operation("/200/json", s200=["application/json"]),
        [
            Placed(name="q", variable="q", place="query"),
            Placed(name="X-Trace", variable="trace", place="header"),
            Placed(name="sid", variable="sid", place="cookie"),
        ],
    )
    found = await asked(endpoint, q=None)
    assert found["call"] == "GET /200/json?"
    assert not {"x-trace", "cookie"} & found["headers"].keys()


@pytest.mark.parametrize(
    ("media", "value", "body"),
    [
        ("application/vnd.x+json; charset=utf-8", {"a": 1}, '{"a":1}'),
        ("application/x-www-form-urlencoded", {"a": {"b": 1}}, "a%5Bb%5D=1"),
        ("text/csv", "a,b", "a,b"),
        ("application/octet-stream", "AP8=", "\x00\xff"),
    ],
)
async def test_a_body_arrives_under_its_own_media_type(media: str, value: Json, body: str) -> None:
    endpoint = endpoint_for(
        operation("/200/json", "PUT", s200=["application/json"]), [], body=payload_of(media, "{input}")
    )
    found = await asked(endpoint, input=value)
    assert (found["headers"]["content-type"], found["body"]) == (media, body)
    assert "content-type" not in (await asked(endpoint))["headers"]


@pytest.mark.parametrize(
    ("path", "medias", "expected"),
    [
        ("/200/text", ["text/plain"], "pläin"),
        ("/200/bytes", ["image/png"], "AP8="),
        ("/200/html", ["application/xml"], "<html>no</html>"),
        ("/200/html", [], True),
        ("/204/none", [], True),
        ("/204/none", ["application/json"], None),
        ("/200/none", ["application/json"], None),
        ("/204/none", ["text/plain"], None),
        ("/404/html", ["text/plain"], None),
        ("/500/text", ["text/plain"], "s answered with status 500"),
    ],
)
async def test_a_reply_is_read_as_it_is_documented(path: str, medias: list[str], expected: Json) -> None:
    assert await asked(endpoint_for(operation(path, s200=medias), [])) == expected


async def test_whether_something_is_there_can_be_asked() -> None:
    assert await asked(endpoint_for(operation("/200/json", "HEAD"), [])) is True
    assert await asked(endpoint_for(operation("/404/json", "HEAD"), [])) is None


async def test_documented_failures_are_answers_where_they_are_wanted() -> None:
    medias: dict[str, Any] = {"s200": ["application/json"], "s404": ["application/json"], "default": ["text/plain"]}
    results = (("200", Reads.JSON), ("404", Reads.JSON), ("default", Reads.TEXT))
    for path, status in (("/200/json", 200), ("/404/json", 404)):
        found = await asked(endpoint_for(operation(path, **medias), [], results=results))
        assert (found["@status"], found["call"]) == (status, f"GET {path}?")
    failed = endpoint_for(operation("/500/text", **medias), [], results=results)
    assert await asked(failed) == {"@status": 500, "@body": "pläin"}
    page = endpoint_for(operation("/404/html", **medias), [], results=results)
    assert await asked(page) is None
    write = endpoint_for(operation("/404/html", "POST", **medias), [], results=results)
    assert await asked(write) == "s answered with status 404"


async def test_an_operation_may_have_a_server_of_its_own() -> None:
    with running(echo) as address:
        source = Rest("s", "http://127.0.0.1:9/elsewhere")
        endpoint = endpoint_for(operation("/200/json", s200=["application/json"]), [], url=address)
        part = await send(source, ask_of(source, endpoint, {}), Ledger({}))
        await source.aclose()
    assert part.failure is None


# -- what a document says of replies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "medias", "expected"),
    [
        ("GET", {"s200": ["application/json"], "s404": ["text/html"]}, (Reads.JSON, "application/json")),
        ("GET", {"s200": ["text/html"], "s201": ["application/json"]}, (Reads.JSON, "application/json")),
        ("GET", {"s200": [], "s404": ["application/json"]}, (Reads.NOTHING, "*/*")),
        ("GET", {"s404": ["text/html"]}, (Reads.JSON, "application/json, */*;q=0.5")),
        ("GET", {"default": ["text/plain"]}, (Reads.TEXT, "text/plain")),
        ("GET", {}, (Reads.JSON, "application/json, */*;q=0.5")),
        ("GET", {"s2XX": ["image/png"]}, (Reads.BYTES, "image/png")),
        ("HEAD", {"s200": ["application/json"]}, (Reads.NOTHING, "application/json")),
    ],
)
def test_only_what_success_is_documented_to_be_is_asked_for(
    method: str, medias: dict[str, list[str]], expected: tuple[Reads, str]
) -> None:
    assert reading_of(operation("/a", method, **medias)) == expected


def test_an_operation_in_the_sources_own_way_has_no_manner() -> None:
    assert endpoint_for(operation("/a", s200=["application/json"]), []).manner is None


def test_what_cannot_be_asked_is_a_fault() -> None:
    with pytest.raises(DeclarationError, match="no parameter fills"):
        endpoint_for(operation("/a/{b}"), [])
    with pytest.raises(DeclarationError, match="not a header"):
        endpoint_for(operation("/a"), [Placed(name="Host", variable="v", place="header")])


def test_a_property_takes_the_name_of_no_credential() -> None:
    endpoint = endpoint_for(operation("/a"), [Placed(name="f", variable="f", place="query")], taken=["key"])
    template: Expands = endpoint.template
    assert template.expand({"f": {"other": 1}}) == "/a?other=1"
    with pytest.raises(ValueError, match="'key' is another parameter"):
        template.expand({"f": {"key": 1}})
