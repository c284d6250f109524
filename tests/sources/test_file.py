"""A file is read once, in pieces, and its name and type can harm nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import File, RefusedValue


async def coming(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


@given(pieces=st.lists(st.binary(max_size=5), max_size=6), sizes=st.lists(st.integers(0, 7), max_size=8))
def test_reading_gives_the_bytes_in_order_whatever_the_sizes(pieces: list[bytes], sizes: list[int]) -> None:
    async def read() -> None:
        file, whole = File(coming(*pieces)), b"".join(pieces)
        for size in sizes:
            expected, whole = whole[:size], whole[size:]
            assert await file.read(size) == expected
        assert b"".join([piece async for piece in file]) == whole
        assert await file.read() == b""

    asyncio.run(read())


@pytest.mark.anyio
async def test_a_file_of_bytes_is_one_piece() -> None:
    assert [piece async for piece in File(b"hello")] == [b"hello"]
    assert [piece async for piece in File(b"")] == []


@pytest.mark.anyio
async def test_a_file_that_somebody_has_begun_to_read_is_not_sent() -> None:
    file = File(b"hello")
    await file.read(1)
    with pytest.raises(RefusedValue, match="read already"):
        await file.open()


@pytest.mark.anyio
async def test_a_closed_file_is_not_read_on() -> None:
    file = File(b"hello")
    await file.read(1)
    file.close()
    with pytest.raises(RuntimeError, match="the file is closed"):
        await file.read()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a.txt", "a.txt"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\a.txt", "a.txt"),
        ("..", ""),
        (".\0.", ""),
        ("...", "..."),
        ("a/", ""),
        ("a\r\nx-evil: 1\0.txt", "ax-evil: 1.txt"),
        ("a\u2028\x85\ud800b", "ab"),
        ("日本.txt", "日本.txt"),
    ],
)
def test_a_name_loses_folders_and_control_characters(said: str, kept: str) -> None:
    assert File(b"", filename=said).filename == kept


@pytest.mark.parametrize("said", ["", "text", "a/b\r\nx: y", "a/b;", "a/b; c", "a/b; c=\r", "ä/b", "a/b\n", "a /b"])
def test_a_media_type_that_is_none_is_bytes(said: str) -> None:
    assert File(b"", content_type=said).content_type == "application/octet-stream"


def test_what_quotes_a_file_says_nothing_of_the_client() -> None:
    assert repr(File(b"secret", filename="secret")) == "<File>"
