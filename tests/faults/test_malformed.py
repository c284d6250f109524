"""Malformed bytes for the HTTP and WebSocket endpoints: refused or hung up on, in time; nobody else is disturbed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.load import Operation
from tests.faults.malformed import KNOWN, VALID, changed
from tests.faults.stage import Stage, staged

FUZZ = os.environ.get("FUZZ_EXAMPLES")  # `make fuzz-bytes`: many more, other ones each time
_EXAMPLES = int(FUZZ or 600)
_AT_ONCE = 16
_ROUND = 100
_LISTENS_S = 0.05
_ENDS_S = 20.0
_GROWS_BYTES = 16 * 1024 * 1024
_STATUS = re.compile(rb"(?:^|(?<=[\r\n}>]))HTTP/1\.1 (\d{3}) ")

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="a process is looked at through /proc")


async def said(stage: Stage, sent: bytes) -> bytes:
    """Send bytes, listen, say goodbye, and give what the server said until it hung up, which it must."""
    host, port = stage.root.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    heard = b""
    try:
        async with asyncio.timeout(_ENDS_S):
            with contextlib.suppress(ConnectionError):
                writer.write(sent)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LISTENS_S):
                        while piece := await reader.read(65536):
                            heard += piece
                writer.write_eof()
                while piece := await reader.read(65536):
                    heard += piece
    finally:
        writer.transport.abort()
    return heard


def faults(sent: bytes, heard: bytes) -> list[str]:
    """Say what was wrong with what the server said."""
    statuses = [int(status) for status in _STATUS.findall(heard)]
    found = [f"status {status}" for status in statuses if status >= 500]
    found += ["INTERNAL_SERVER_ERROR"] if b"INTERNAL_SERVER_ERROR" in heard else []
    found += ["a traceback"] if b"Traceback" in heard or b".py" in heard else []
    return [f"{fault} for {sent[:2000]!r}: {heard[-500:]!r}" for fault in found]


async def feed(stage: Stage, inputs: Iterator[bytes]) -> list[str]:
    """Send each of them over a connection of its own, some at once; say what was wrong."""
    found: list[str] = []

    async def client() -> None:
        for sent in inputs:
            try:
                found.extend(faults(sent, await said(stage, sent)))
            except TimeoutError:
                found.append(f"the connection was still open for {sent[:2000]!r}")

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(client())
    return found


async def test_what_is_valid_is_answered(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        for sent in VALID:
            heard = await said(stage, sent)
            statuses = {int(status) for status in _STATUS.findall(heard)}
            # A batch is refused, no document has the hash, and nobody listens to the origin.
            assert statuses & {101, 200, 202, 204, 400}, (sent, heard)
            assert faults(sent, heard) == []
        assert b'"echo":"1"' in await said(stage, VALID[0])
        assert b'"length":12' in await said(stage, VALID[5])


@pytest.mark.timeout(0 if FUZZ else 120)
async def test_malformed_bytes_are_refused_and_disturb_nobody(tmp_path: Path) -> None:
    chance = random.Random(None if FUZZ else 5)
    control = Operation('{ thing(id: "7") { name } }', {}, {})
    async with staged(tmp_path) as stage:
        await stage.recovered()  # what the first call of each backend takes is taken
        await feed(stage, iter([*VALID, *KNOWN]))
        at_rest = await stage.settled()
        inputs = iter([*KNOWN, *(changed(chance) for _ in range(_EXAMPLES))])
        while some := [sent for _, sent in zip(range(_ROUND), inputs, strict=False)]:
            feeding = asyncio.create_task(feed(stage, iter(some)))
            while not feeding.done():
                async with asyncio.timeout(_ENDS_S):
                    assert await stage.clients.ask(control) == (200, {"data": {"thing": {"name": "Thing 7"}}})
                await asyncio.wait([feeding], timeout=0.05)
            assert await feeding == []
        left = await stage.settled(at_rest)
        assert left["tasks"] <= at_rest["tasks"]
        assert left["descriptors"] <= at_rest["descriptors"]
        assert (left["underWay"], left["subscriptions"]) == (at_rest["underWay"], 0)
        assert left["bytes"] - at_rest["bytes"] < _GROWS_BYTES
    for trace in ("Traceback", "Error", "Exception", "never"):
        before, found, after = stage.gateway.logged().partition(trace)
        assert not found, before[-1000:] + found + after[:4000]
