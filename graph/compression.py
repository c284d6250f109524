"""Content codings, both ways: which one a client wants, bodies compressed for it, and its own bodies read.

Out, the fastest levels: an answer is made once and sent once, and on 10 kB of JSON the next level costs twice the time
for 2 % less. In, the length of what comes out is bounded while it comes out: a few bytes can stand for gigabytes.
"""

from __future__ import annotations

import functools
import threading
import zlib
from collections.abc import Callable, Mapping

import brotli
import zstandard

from graph.errors import RequestError
from graph.request import qualities

ACCEPTED = (b"accept-encoding", b"gzip, br, zstd")
# RFC 9659: what is sent over HTTP needs no larger window, and a frame may ask for gigabytes.
_MAX_WINDOW_BYTES = 8 * 1024 * 1024
# A block of zstd is 4 bytes or more and stands for 128 kB or less, so that 256 bytes give 8 MB at most.
_ZSTD_PIECE_BYTES = 256


class _ZstdOfThread(threading.local):
    """A compressor for each thread: it may not be shared, and making one costs more than compressing a small body."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=1).compress


_zstd = _ZstdOfThread()


class Broken(Exception):
    """A compressed body is not what its coding says, or ends early."""


class TooLong(Exception):
    """A body is longer than allowed once it is decompressed."""


@functools.lru_cache(maxsize=64)
def negotiated(accept_encoding: bytes) -> tuple[str | None, bool]:
    """Give the coding to answer in, if any, and whether the client refuses a body without one (RFC 9110, 12.5.3).

    Of codings that the client likes equally well, the fastest is chosen.
    """
    wanted = qualities(accept_encoding[:1_000].decode("latin-1"))
    if "x-gzip" in wanted:
        wanted.setdefault("gzip", wanted["x-gzip"])
    others = wanted.get("*", 0.0)
    best = max(_COMPRESS, key=lambda coding: wanted.get(coding, others))
    refuses_identity = wanted.get("identity", wanted.get("*", 1.0)) == 0
    quality = wanted.get(best, others)
    # Without a word about it, a client takes what is not compressed, but likes best what it named.
    prefers_identity = wanted.get("identity", 0.0) > quality
    return (None if quality == 0 or prefers_identity else best), refuses_identity


def compress(coding: str, body: bytes) -> bytes:
    """Give a body in a coding that `negotiated` chose."""
    return _COMPRESS[coding](body)


def decompress(content_encoding: bytes, body: bytes, max_bytes: int) -> bytes:
    """Give the body of a request as it was before it was compressed.

    Raises:
        RequestError: 415 for another coding, or more than one; 400 for a body that is broken or not whole; 413 for
            one that grows longer than allowed.
    """
    coding = content_encoding.decode("latin-1").strip().lower()
    if coding in ("", "identity"):
        return body
    read = _DECOMPRESS.get(coding)
    if read is None:
        message = "the body may be compressed once, with gzip, br or zstd"
        raise RequestError.of(message, "BAD_REQUEST", 415, headers=(ACCEPTED,))
    try:
        return read(body, max_bytes)
    except TooLong:
        message = f"the body is longer than {max_bytes} bytes when it is decompressed"
        raise RequestError.of(message, "LIMIT_EXCEEDED", 413) from None
    except (Broken, zlib.error, brotli.error, zstandard.ZstdError):
        raise RequestError.of(f"the body is not whole, or not in the coding {coding}", "BAD_REQUEST") from None


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()


def _brotli(body: bytes) -> bytes:
    compressed: bytes = brotli.compress(body, quality=2)
    return compressed


def _from_gzip(body: bytes, max_bytes: int) -> bytes:
    reader = zlib.decompressobj(31)
    whole = reader.decompress(body, max_bytes + 1)
    if len(whole) > max_bytes:
        raise TooLong
    if not reader.eof or reader.unused_data:  # one member: a chain of empty ones would be read in quadratic time
        raise Broken
    return whole


def _from_brotli(body: bytes, max_bytes: int) -> bytes:
    reader = brotli.Decompressor()
    pieces = [reader.process(body, output_buffer_limit=max_bytes + 1)]
    size = len(pieces[0])
    while size <= max_bytes and not reader.is_finished():
        if reader.can_accept_more_data():
            raise Broken
        pieces.append(reader.process(b"", output_buffer_limit=max_bytes + 1 - size))
        size += len(pieces[-1])
    if size > max_bytes:
        raise TooLong
    return b"".join(pieces)


def _from_zstd(body: bytes, max_bytes: int) -> bytes:
    # Not at once: `decompress` makes room for whatever length the frame claims to have.
    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompressobj()
    pieces: list[bytes] = []
    size = 0
    for start in range(0, len(body), _ZSTD_PIECE_BYTES):
        if reader.eof:
            raise Broken
        pieces.append(reader.decompress(body[start : start + _ZSTD_PIECE_BYTES]))
        size += len(pieces[-1])
        if size > max_bytes:
            raise TooLong
    if not reader.eof or reader.unused_data:
        raise Broken
    return b"".join(pieces)


# The fastest first.
_COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: _zstd.compress(body),
    "br": _brotli,
    "gzip": _gzip,
}
_DECOMPRESS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "gzip": _from_gzip,
    "x-gzip": _from_gzip,
    "br": _from_brotli,
    "zstd": _from_zstd,
}
