"""A backend's reply takes no more memory than it may, however long it is and however it is packed."""

from __future__ import annotations

import asyncio
import gzip
import resource
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import brotli
import httpx
import pytest
import zstandard

from sources import FakeTransport, OAuth2, Rest, SourceError, UpstreamInvalid, UpstreamTimeout
from sources.transport import TransportTooLarge
from tests.sources.raw import Answer, Request, always, reply, speaking

BOTH = pytest.mark.parametrize("kind", ["pyreqwest", "httpx"])
# Reqwest takes deflate with its frame only, as the specification has it.
UNPACKING = [("pyreqwest", "gzip"), ("pyreqwest", "deflate")] + [
    ("httpx", coding) for coding in ("gzip", "deflate", "raw deflate")
]
LIMIT = 100_000
TOO_LARGE = r"^shop answered with more than 100,000 bytes$"
MOST_GROWTH = 50_000_000


@asynccontextmanager
async def shop(kind: str, url: str, **options: Any) -> AsyncIterator[Rest]:
    client = httpx.AsyncClient(trust_env=False) if kind == "httpx" else None
    source = Rest("shop", url, client=client, **{"max_reply_bytes": LIMIT, **options})
    assert source.faults == []
    try:
        yield source
    finally:
        await source.aclose()


def packed(coding: str, size: int) -> bytes:
    """Pack so many zeros, without ever holding them."""
    kinds: dict[str, Any] = {
        "gzip": lambda: zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS),
        "deflate": lambda: zlib.compressobj(1),
        "raw deflate": lambda: zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS),
        "br": lambda: brotli.Compressor(quality=2),
        "zstd": lambda: zstandard.ZstdCompressor().compressobj(),
    }
    packing: Any = kinds[coding]()
    add = packing.process if coding == "br" else packing.compress
    end = packing.finish if coding == "br" else packing.flush
    whole, rest = divmod(size, 1_000_000)
    return b"".join([*(add(bytes(1_000_000)) for _ in range(whole)), add(bytes(rest)), end()])


def largest_yet() -> int:
    """Give the most memory that this process has ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@BOTH
@pytest.mark.parametrize("header", ["Content-Length", "Transfer-Encoding", "Connection"])
async def test_a_reply_of_just_the_limit_is_whole_and_one_byte_more_is_a_failure(kind: str, header: str) -> None:
    def written(size: int) -> bytes:
        body = b"x" * size
        if header == "Content-Length":
            return reply(body)
        if header == "Transfer-Encoding":
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, body)
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body

    answers = iter([written(LIMIT), written(LIMIT + 1)])

    async def answer(_: Request) -> bytes:
        return next(answers)

    async with speaking(answer) as url, shop(kind, url) as source:
        assert bytes((await source.send("GET", "/")).body) == b"x" * LIMIT
        with pytest.raises(UpstreamInvalid, match=TOO_LARGE) as failed:
            await source.send("GET", "/")
    assert not failed.value.retryable


@BOTH
@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_failure_may_be_no_larger_than_an_answer(kind: str, status: int) -> None:
    async with speaking(always(reply(b"x" * (LIMIT + 1), status))) as url, shop(kind, url) as source:
        with pytest.raises(UpstreamInvalid, match=TOO_LARGE):
            await source.send("GET", "/")


@BOTH
async def test_a_reply_without_end_is_broken_off(kind: str) -> None:
    gone = asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except ConnectionError:
            gone.set()
        finally:
            writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    async with shop(kind, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as source:
        with pytest.raises(UpstreamInvalid, match=TOO_LARGE):
            await source.send("GET", "/")
        async with asyncio.timeout(5):
            await gone.wait()
    server.close()
    await server.wait_closed()


@BOTH
async def test_a_length_beside_chunks_bounds_nothing(kind: str) -> None:
    lying = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"%x\r\n%s\r\n" % (LIMIT, b"x" * LIMIT) * 3 + b"0\r\n\r\n"
    async with speaking(always(lying + chunks)) as url, shop(kind, url) as source:
        with pytest.raises(UpstreamInvalid):
            await source.send("GET", "/")


@pytest.mark.parametrize(("kind", "coding"), [*UNPACKING, ("pyreqwest", "br"), ("pyreqwest", "zstd")])
async def test_a_bomb_ends_at_the_limit_and_takes_no_memory(kind: str, coding: str) -> None:
    bomb = packed(coding, 200_000_000)
    before = largest_yet()
    answer = always(reply(bomb, headers=(f"Content-Encoding: {coding.removeprefix('raw ')}",)))
    async with speaking(answer) as url, shop(kind, url) as source:
        with pytest.raises(UpstreamInvalid, match=TOO_LARGE):
            await source.send("GET", "/")
    assert largest_yet() - before < MOST_GROWTH


@BOTH
async def test_the_event_loop_goes_on_while_a_bomb_is_unpacked(kind: str) -> None:
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    answer = always(reply(packed("gzip", 20_000_000), headers=("Content-Encoding: gzip",)))
    async with speaking(answer) as url, shop(kind, url, max_reply_bytes=20_000_000) as source:
        counting = asyncio.create_task(count())
        got = await source.send("GET", "/")
        counting.cancel()
    assert len(got.body) == 20_000_000
    assert rounds > 300  # of 64 KiB each


@pytest.mark.parametrize(("kind", "coding"), UNPACKING)
@pytest.mark.parametrize("size", [0, 1, 65_536, LIMIT])
async def test_what_is_packed_is_given_whole(kind: str, coding: str, size: int) -> None:
    answer = always(reply(packed(coding, size), headers=(f"Content-Encoding: {coding.removeprefix('raw ')}",)))
    async with speaking(answer) as url, shop(kind, url) as source:
        assert bytes((await source.send("GET", "/")).body) == bytes(size)


@BOTH
async def test_what_is_packed_and_cut_is_no_reply(kind: str) -> None:
    answer = always(reply(gzip.compress(bytes(range(256)) * 100)[:-30], headers=("Content-Encoding: gzip",)))
    async with speaking(answer) as url, shop(kind, url) as source:
        with pytest.raises(SourceError):
            await source.send("GET", "/")


@BOTH
async def test_an_empty_reply_that_claims_to_be_packed_is_empty(kind: str) -> None:
    async with speaking(always(reply(b"", 204, ("Content-Encoding: gzip",)))) as url, shop(kind, url) as source:
        assert bytes((await source.send("GET", "/")).body) == b""


async def test_a_client_of_httpx_asks_only_for_what_can_be_unpacked_within_a_limit() -> None:
    seen: list[str] = []

    async def answer(request: Request) -> bytes:
        seen.extend(request.all("accept-encoding"))
        return reply(brotli.compress(b"{}"), headers=("Content-Encoding: br",)) if len(seen) == 1 else reply()

    async with speaking(answer) as url, shop("httpx", url) as source:
        with pytest.raises(UpstreamInvalid, match=r"^shop did not answer in HTTP$"):
            await source.send("GET", "/")
        await source.send("GET", "/", [("accept-encoding", "identity")])
    assert seen == ["gzip, deflate", "identity"]


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
async def test_a_client_that_has_read_a_reply_already_is_held_to_the_limit(size: int) -> None:
    mock = httpx.MockTransport(lambda _: httpx.Response(200, content=b"x" * size))
    source = Rest("shop", "http://in.process", client=httpx.AsyncClient(transport=mock), max_reply_bytes=LIMIT)
    if size > LIMIT:
        with pytest.raises(UpstreamInvalid, match=TOO_LARGE):
            await source.send("GET", "/")
    else:
        assert len((await source.send("GET", "/")).body) == LIMIT
    await source.aclose()


@BOTH
@pytest.mark.parametrize(
    "written",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + b"a" * 1_000_000 + b"\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 200_000 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"T: 1\r\n" * 200_000 + b"\r\n",
    ],
    ids=["huge length", "negative length", "short body", "huge chunk", "long extension", "many headers", "trailers"],
)
async def test_lengths_and_heads_that_lie_are_the_sources_failure(kind: str, written: bytes) -> None:
    async with speaking(always(written)) as url, shop(kind, url) as source:
        with pytest.raises(SourceError):
            await source.send("GET", "/")


@BOTH
async def test_interim_replies_without_end_are_a_timeout(kind: str) -> None:
    gone = asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            while True:
                writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
            gone.set()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with shop(kind, url, timeout=0.3) as source:
        with pytest.raises(UpstreamTimeout):
            await source.send("GET", "/")
        async with asyncio.timeout(10):
            await gone.wait()
    server.close()
    await server.wait_closed()


@BOTH
async def test_a_token_endpoint_may_not_answer_more_either(kind: str) -> None:
    answer: Answer = always(reply(b'{"access_token": "' + b"x" * LIMIT + b'"}'))
    async with speaking(answer) as url:
        auth = OAuth2(f"{url}/token", client_id="weft", client_secret="hidden")
        async with shop(kind, url, auth=auth) as source:
            with pytest.raises(SourceError, match=r"^shop: the token endpoint cannot be reached$"):
                await source.send("GET", "/")


async def test_a_transport_of_ones_own_may_say_that_a_reply_is_too_large() -> None:
    source = Rest("shop", "http://shop", client=FakeTransport({"GET /": TransportTooLarge(7)}))
    with pytest.raises(UpstreamInvalid, match=r"^shop answered with more than 7 bytes$"):
        await source.send("GET", "/")


@pytest.mark.parametrize("size", [0, -1])
def test_a_limit_is_at_least_one_byte(size: int) -> None:
    assert Rest("shop", "http://shop", max_reply_bytes=size).faults == ["source 'shop': max_reply_bytes is too small"]
