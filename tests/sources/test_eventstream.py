"""An event stream means the same however it is cut, and holds no more than one event."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st

from sources import Event
from sources.eventstream import EventStream, TooLarge


def events(stream: EventStream, *chunks: bytes) -> list[Event]:
    return [event for chunk in chunks for event in stream.feed(chunk)]


def read(*chunks: bytes, most_bytes: int = 1000) -> list[Event]:
    return events(EventStream(most_bytes), *chunks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"data: 1\n\n", [Event(b"1")]),
        (b"data:1\n\n", [Event(b"1")]),
        (b"data:  1\n\n", [Event(b" 1")]),
        (b"event: paid\nid: 7\ndata: {}\n\n", [Event(b"{}", "paid", "7")]),
        (b"data: {\ndata: }\n\n", [Event(b"{\n}")]),
        (b": hello\n\n:\n\ndata: 1\n\n", [Event(b"1")]),
        (b"data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", [Event(b"1"), Event(b"2"), Event(b"3")]),
        (b"\xef\xbb\xbfdata: 1\n\n", [Event(b"1")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: 1\n\n", []),
        (b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [Event(b"1")]),
        (b"event: ping\ndata\n\nevent: ping\n\n", []),
        (b"data: 1\nevent: half", []),
        (b"data: 1\n", []),
        (b"colour: red\ndata: 1\n\n", [Event(b"1")]),
        (b"event: a\n\ndata: 1\n\n", [Event(b"1")]),
        (b"id: 1\ndata: 1\n\ndata: 2\n\n", [Event(b"1", None, "1"), Event(b"2")]),
        (b"event:\ndata: 1\n\n", [Event(b"1")]),
        (b"event: \xff\ndata: \xff\n\n", [Event(b"\xff", "\ufffd")]),
        (b"\n\n\r\r\r\n", []),
    ],
)
def test_lines_are_events(text: bytes, expected: list[Event]) -> None:
    assert read(text) == expected
    assert read(*(text[n : n + 1] for n in range(len(text)))) == expected


def test_the_last_id_outlives_events_without_one_and_connections() -> None:
    stream = EventStream(100)
    assert events(stream, b"id: 1\ndata: 1\n\ndata: 2\n\nid: 3\ndata: 3\n") == [Event(b"1", None, "1"), Event(b"2")]
    assert stream.last_id == "1"
    stream.begin()
    assert events(stream, b"\ndata: 4\n\n") == [Event(b"4")]
    assert stream.last_id == "1"
    events(stream, b"id: 5\n\n")
    assert stream.last_id == "5"
    events(stream, b"id: 6\0\ndata: 1\n\n")
    assert stream.last_id == "5"
    events(stream, b"id\n\n")
    assert stream.last_id == ""


@pytest.mark.parametrize("large", [b"data: " + b"2" * 1000, b":" + b" " * 1000])
def test_what_comes_before_a_large_beginning_is_given(large: bytes) -> None:
    coming = EventStream(100).feed(b"id: 1\ndata: 1\n\n" + large)
    assert next(coming) == Event(b"1", None, "1")
    with pytest.raises(TooLarge):
        next(coming)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"1500", 1.5), (b"0", 0.0), (b"-5", 9.0), (b"1_0", 9.0), (b"1.5", 9.0), (b"", 9.0), (b"9" * 5000, 9.0)],
)
def test_a_retry_time_is_digits(value: bytes, seconds: float) -> None:
    stream = EventStream(10_000)
    events(stream, b"retry: 9000\nretry: " + value + b"\n")
    assert stream.retry_s == seconds


@pytest.mark.parametrize(
    "endless",
    [b"data: " + b"x" * 10, b"x" * 10, b": comment", b"data: x\n", b"data\n", b"event: name\n", b"id: 12\n", b"\xff"],
)
def test_an_event_or_a_line_without_end_is_not_held(endless: bytes) -> None:
    stream = EventStream(1000)
    assert events(stream, b"data: 1\n\n") == [Event(b"1")]
    with pytest.raises(TooLarge):
        events(stream, *[endless] * 1001)


def test_an_event_as_large_as_may_be_is_given() -> None:
    largest = b"data: " + b"1" * 994
    assert read(largest + b"\n\n", b"data: 2\n\n", largest, b"\n\n") == [
        Event(b"1" * 994),
        Event(b"2"),
        Event(b"1" * 994),
    ]
    with pytest.raises(TooLarge):
        read(largest + b"1\n\n")


def test_what_comes_before_a_large_event_is_given() -> None:
    coming = EventStream(10).feed(b"data: 1\n\ndata: 22222222\n\n")
    assert next(coming) == Event(b"1")
    with pytest.raises(TooLarge):
        next(coming)


def test_comments_do_not_add_up() -> None:
    stream = EventStream(100)
    for _ in range(1000):
        assert events(stream, b": still there\n") == []
    assert events(stream, b"data: 1\n\n") == [Event(b"1")]


TEXT = st.text(st.sampled_from("a1 :é\u2028\ufeff"), max_size=6)
LINES = st.builds(
    "{}{}{}".format, st.sampled_from(["data", "event", "id", "retry", "x", ""]), st.sampled_from([":", ": ", ""]), TEXT
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
STREAMS = st.lists(st.tuples(st.one_of(st.just(""), LINES), ENDS), max_size=12).map(
    lambda lines: "".join(line + end for line, end in lines).encode()
)


@given(STREAMS, st.lists(st.integers(0, 80)))
def test_where_a_stream_is_cut_does_not_matter(text: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    chunks = [text[start:end] for start, end in itertools.pairwise(places)]
    whole, cut = EventStream(1000), EventStream(1000)
    assert events(whole, text) == events(cut, *chunks)
    assert (whole.last_id, whole.retry_s) == (cut.last_id, cut.retry_s)


async def parsed_by_httpx_sse(text: bytes) -> list[tuple[str, str, str]]:
    async def body() -> AsyncIterator[bytes]:
        yield text

    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body())
    # It also gives events without data, which are none.
    return [(event.data, event.event, event.id) async for event in EventSource(response).aiter_sse() if event.data]


@given(STREAMS)
def test_the_events_are_those_of_httpx_sse(text: bytes) -> None:
    text = b"data: 0\n\n" + text  # it knows no byte order mark
    stream = EventStream(1000)
    ours = [(event.body.decode(), event.name or "message", stream.last_id) for event in stream.feed(text)]
    assert ours == asyncio.run(parsed_by_httpx_sse(text))
