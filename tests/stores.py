"""Redis servers for tests: started on a free port of this machine, in a folder of their own, and keeping nothing."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.required import without


class Store:
    """A redis-server, which can be killed and started again on the same port."""

    def __init__(self, folder: str, *options: str) -> None:
        self._program = shutil.which("redis-server") or without("redis", "redis-server is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        fixed = f"--port {self.port} --bind 127.0.0.1 --appendonly no --daemonize no --loglevel warning".split()
        command = [self._program, *fixed, "--dir", self._folder, "--save", "", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it: what it held is lost, and connections break."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as asking:
                asking.sendall(b"PING\r\n")
                return asking.recv(1) in (b"+", b"-")
        except OSError:
            return False


@contextmanager
def store(*options: str) -> Iterator[Store]:
    """Run a redis-server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="weft-redis-") as folder:
        server = Store(folder, *options)
        try:
            server.start()
            yield server
        finally:
            server.kill()
