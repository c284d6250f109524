"""What an author declares of Redis, and how far a stream was heard."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import DeclarationError
from sources.redis import Redis
from sources.redis_feed import RedisChannel, RedisStream
from sources.redis_streams import Entry, Position


@pytest.mark.parametrize(
    "url", ["", "http://127.0.0.1", "redis://h:port", "redis://h?db=x", "redis://h?frobnicate=1", "redis://h:99999"]
)
def test_an_address_that_is_none_is_refused_without_quoting_its_password(url: str) -> None:
    with pytest.raises(DeclarationError, match=r"^Redis\(.*\): expected redis://, rediss:// or unix://") as refused:
        Redis(url)
    assert "secret" not in str(refused.value)
    with pytest.raises(DeclarationError) as refused:
        Redis(url.replace("://", "://user:secret@") + "?password=secret&x=1")
    assert "secret" not in str(refused.value) + repr(refused.value.__cause__)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:secret@h:1/2?password=secret", "Redis('redis://h:1')"),
        ("redis://:sec/ret@h", "Redis('...')"),
        ("redis://:sec?ret@h", "Redis('...')"),
        ("rediss://h", "Redis('rediss://h')"),
        ("unix:///run/redis.sock?password=secret", "Redis('unix://')"),
    ],
)
def test_what_is_shown_holds_no_password(url: str, shown: str) -> None:
    with contextlib.suppress(DeclarationError):
        assert repr(Redis(url)) == shown


def test_feeds_say_what_they_listen_to() -> None:
    at_redis = Redis("redis://127.0.0.1")
    channel, stream = RedisChannel("orders.{id}", at_redis), RedisStream("{shop}:orders", at_redis)
    assert (str(channel), channel.variables) == ("SUBSCRIBE orders.{id}", frozenset({"id"}))
    assert (str(stream), stream.variables) == ("XREAD {shop}:orders", frozenset({"shop"}))


@pytest.mark.parametrize(
    ("at", "stream", "misses"),
    [
        (("0-0", 0), None, False),
        (("5-0", 3), None, True),  # gone
        (("5-0", 3), ("5-0", 3, 3, "1-0"), False),
        (("5-0", 3), ("9-0", 7, 7, "1-0"), False),
        (("5-0", 3), ("9-0", 7, 4, "6-0"), False),  # trimmed exactly up to the position
        (("5-0", 3), ("9-0", 7, 3, "7-0"), True),
        (("5-0", 3), ("9-0", 7, 0, None), True),
        (("5-0", 3), ("5-0", 3, 0, None), False),
        (("5-0", 3), ("4-0", 9, 9, "1-0"), True),  # another stream
        (("5-0", 3), ("9-0", 2, 2, "8-0"), True),  # another stream
        (("9-10", 3), ("10-1", 4, 1, "10-1"), False),  # ids are numbers
    ],
)
def test_counts_say_whether_entries_are_missing(
    at: tuple[str, int], stream: tuple[str, int, int, str | None] | None, misses: bool
) -> None:
    position = Position(at[0].encode(), at[1])
    assert position.misses(stream_of(*stream) if stream else {}) is misses
    assert position.misses(stream_of(*stream) if stream else {}) is False  # a gap is told once


def stream_of(newest: str, added: int, length: int, oldest: str | None, deleted: str = "0-0") -> dict[str, Any]:
    return {
        "last-generated-id": newest.encode(),
        "entries-added": added,
        "length": length,
        "first-entry": oldest and (oldest.encode(), {}),
        "max-deleted-entry-id": deleted.encode(),
    }


def test_an_entry_deleted_before_it_was_read_is_missing() -> None:
    position = Position(b"5-0", 3)
    assert position.misses(stream_of("9-0", 7, 6, "1-0", deleted="8-0"))
    assert not position.misses(stream_of("9-0", 7, 6, "1-0", deleted="4-0"))


def test_entries_read_and_then_trimmed_are_not_missing() -> None:
    position = Position(b"5-0", 3)
    read: list[Entry] = [(b"6-0", {}), (b"7-0", {}), (b"8-0", {})]
    assert not position.misses(stream_of("9-0", 7, 2, "8-0"), read)
    position.advance(read)
    assert position == Position(b"8-0", 6)
    assert not position.misses(stream_of("9-0", 7, 1, "9-0"))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_a_gap_is_told_exactly_when_entries_were_trimmed_unheard(
    rounds: list[tuple[int, int, int, int]],
) -> None:
    """Each round adds and trims, reads at most three entries, and adds and trims before the stream is asked about."""
    position, kept, added, unheard = Position(), list[Entry](), 0, set[bytes]()

    def change(more: int, length: int) -> None:
        nonlocal added
        for _ in range(more):
            added += 1
            kept.append((f"{added}-0".encode(), {}))
            unheard.add(kept[-1][0])
        del kept[: max(len(kept) - length, 0)]

    for more, length, meanwhile, shortened in rounds:
        change(more, length)
        entries = [entry for entry in kept if entry[0] in unheard][:3]
        change(meanwhile, shortened)
        heard = {id for id, _ in entries}
        lost = unheard - heard - {id for id, _ in kept}
        oldest = kept[0][0].decode() if kept else None
        stream = stream_of(f"{added}-0", added, len(kept), oldest) if added else {}
        assert position.misses(stream, entries) is bool(lost)
        position.advance(entries)
        unheard -= heard | lost


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(DeclarationError, match=r"^Redis: timeout="):
        Redis("redis://h", timeout=timeout)
