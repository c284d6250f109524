"""`weft serve` in a process of its own, whose log and belongings can be looked at."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from tests.graph.serving.command import ROOT, environment

_STARTS_S, _ENDS_S = 40.0, 40.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Gateway:
    """A gateway that serves."""

    root: str
    log: Path
    process: subprocess.Popen[bytes]

    async def is_ready(self) -> bool:
        """Tell whether it serves."""
        assert self.process.poll() is None, self.logged()
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"{self.root}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

    def logged(self) -> str:
        """Give what it has said on stdout and stderr."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def resident_bytes(self) -> int:
        """Give how much memory it has."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES

    def descriptors(self) -> int:
        """Count its open files and sockets."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextlib.asynccontextmanager
async def gateway_of(target: str, folder: Path, **more: str) -> AsyncGenerator[Gateway]:
    """Serve a graph; at the end the process is told to stop, and must do so by itself.

    Args:
        folder: where its log is put.
        more: its environment variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "weft.log"
    with log.open("wb") as out:
        process = _started(target, port, out, more)
    try:
        gateway = Gateway(f"http://127.0.0.1:{port}", log, process)
        async with asyncio.timeout(_STARTS_S):
            while not await gateway.is_ready():  # noqa: ASYNC110 - another process has no event
                await asyncio.sleep(0.05)
        yield gateway
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, _ENDS_S) == 0, gateway.logged()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _started(target: str, port: int, out: IO[bytes], more: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "graph.main", "serve", target, "--port", str(port)]
    # The allocator of the HTTP client keeps what it may need again; here it gives back, so that a leak would be seen.
    variables = environment(MIMALLOC_PURGE_DELAY="0", **more)
    return subprocess.Popen(
        command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env=variables, start_new_session=True
    )
