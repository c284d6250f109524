"""The fake backend answers like a real one, in memory, and records what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sources import FakeTransport, Rest, UpstreamError, UpstreamInvalid, UpstreamTimeout, UpstreamUnavailable
from sources.transport import TransportError, TransportInvalid, TransportTimeout, TransportUnavailable


async def ask(answer: Any) -> tuple[int, bytes]:
    reply = await FakeTransport({"GET /a": answer}).send("GET", "http://s.example/a", (), None)
    return reply.status, bytes(reply.body)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ({"a": [1]}, 200, b'{"a":[1]}'),
        ([], 200, b"[]"),
        (None, 200, b"null"),
        ("text", 200, b'"text"'),
        (b"{broken", 200, b"{broken"),
        ((201, {"a": 1}), 201, b'{"a":1}'),
        ((204, b""), 204, b""),
        ((503, None), 503, b"null"),
        ((200, {}, {}), 200, b"{}"),
    ],
)
async def test_an_answer_is_json_bytes_or_a_status_with_one(answer: Any, status: int, body: bytes) -> None:
    assert await ask(answer) == (status, body)


async def test_what_is_not_in_the_mapping_is_not_found() -> None:
    fake = FakeTransport({"GET /a": 1, "GET /a?b=1": 2})
    asked = [
        ("GET", "/a", 200),
        ("GET", "/a?b=1", 200),
        ("POST", "/a", 404),
        ("GET", "/a?b=2", 404),
        ("GET", "/a/", 404),
    ]
    for method, target, status in asked:
        assert (await fake.send(method, f"http://s.example{target}", (), None)).status == status
    assert fake.calls == ["GET /a", "GET /a?b=1", "POST /a", "GET /a?b=2", "GET /a/"]


async def test_a_function_sees_method_target_and_body() -> None:
    seen: list[tuple[str, str, bytes | None]] = []

    def answer(method: str, target: str, body: bytes | None) -> Any:
        seen.append((method, target, body))
        return 202, {"n": len(seen)}

    fake = FakeTransport(answer)
    replies = [await fake.send("PUT", "http://s.example/v1/x?a=%2F", (), b"{}") for _ in range(2)]
    assert seen == [("PUT", "/v1/x?a=%2F", b"{}")] * 2
    assert [(reply.status, bytes(reply.body)) for reply in replies] == [(202, b'{"n":1}'), (202, b'{"n":2}')]


async def test_headers_of_an_answer_are_found_in_any_case() -> None:
    reply = await FakeTransport({"GET /a": (200, {}, {"Cache-Control": "no-store"})}).send(
        "GET", "http://s/a", (), None
    )
    assert [reply.header(name) for name in ("cache-control", "CACHE-CONTROL", "Cache-Control", "etag")] == [
        "no-store",
        "no-store",
        "no-store",
        None,
    ]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (TransportTimeout(), UpstreamTimeout),
        (TransportUnavailable(), UpstreamUnavailable),
        (TransportInvalid(), UpstreamInvalid),
        (TransportError(), UpstreamInvalid),
    ],
)
async def test_an_exception_is_raised_as_a_network_would(raised: Exception, expected: type[Exception]) -> None:
    fake = FakeTransport({"GET /a": raised})
    with pytest.raises(expected):
        await Rest("s", "http://s.example", client=fake).send("GET", "/a")
    assert fake.calls == ["GET /a"]


async def test_an_error_of_the_test_itself_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await Rest("s", "http://s.example", client=FakeTransport({"GET /a": ZeroDivisionError()})).send("GET", "/a")


async def test_calls_are_recorded_before_their_answers_in_order() -> None:
    fake = FakeTransport(lambda method, target, body: {"target": target})
    replies = await asyncio.gather(*(fake.send("GET", f"http://s/{n}", [("x-n", str(n))], None) for n in range(5)))
    assert fake.calls == [f"GET /{n}" for n in range(5)]
    assert fake.headers == [{"x-n": str(n)} for n in range(5)]
    assert [bytes(reply.body) for reply in replies] == [b'{"target":"/%d"}' % n for n in range(5)]


async def test_a_path_prefix_of_the_source_is_part_of_what_is_asked() -> None:
    fake = FakeTransport({"GET /v1/a": 1})
    source = Rest("s", "http://s.example/v1/", client=fake)
    assert (await source.send("GET", "/a")).status == 200
    await source.aclose()
    assert fake.calls == ["GET /v1/a"]


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (404, False), (429, True), (500, False), (503, True)])
async def test_a_status_is_a_reply_and_its_failure_says_whether_later_may_help(status: int, retryable: bool) -> None:
    source = Rest("s", "http://s.example", client=FakeTransport({"GET /a": (status, {"secret": "inside"})}))
    reply = await source.send("GET", "/a")
    failure = source.failure(reply)
    assert isinstance(failure, UpstreamError)
    assert (failure.status, failure.source, failure.retryable, str(failure)) == (
        status,
        "s",
        retryable,
        f"s answered with status {status}",
    )


async def test_a_reply_that_is_held_open_comes_in_pieces() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    fake = FakeTransport({"GET /a": (200, pieces(), {"x-a": "1"}), "GET /b": {"b": 1}})
    for path, expected in (("/a", [b"a", b"b"]), ("/b", [b'{"b":1}']), ("/c", [b"{}"])):
        async with fake.stream("GET", f"http://s.example{path}", [("x-b", "2")]) as streamed:
            assert fake.streaming == 1
            assert [chunk async for chunk in streamed.chunks()] == expected
            assert (streamed.status, streamed.header("X-A")) == {"/a": (200, "1"), "/c": (404, None)}.get(
                path, (200, None)
            )
    assert fake.streaming == 0
    assert (fake.calls, fake.headers[0]) == (["GET /a", "GET /b", "GET /c"], {"x-b": "2"})


async def test_an_exception_is_raised_where_a_held_reply_would_begin() -> None:
    with pytest.raises(TransportTimeout):
        async with FakeTransport({"GET /a": TransportTimeout()}).stream("GET", "http://s.example/a", ()):
            pass
