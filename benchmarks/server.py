"""One child process: started on a core of its own, measured from ``/proc``, stopped with all it started."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_START_S = 30.0
_STOP_S = 10.0


class ServerError(Exception):
    """A server did not start, or is gone; the message ends with what it printed last."""


class Server:
    """A running server and its port; make one with `running`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self._process = process
        self._log = log

    def cpu_s(self) -> float:
        """Give the user and system time so far, of all threads of the process and of its descendants."""
        return sum(_cpu_ticks(pid) for pid in self._pids()) / _TICKS_PER_S

    def memory_bytes(self, *, peak: bool) -> int:
        """Give the resident memory, now or at its peak, summed over the process and its descendants."""
        return sum(_resident_bytes(pid, b"VmHWM:" if peak else b"VmRSS:") for pid in self._pids())

    def wait_until_listening(self) -> None:
        """Return once the port accepts connections.

        Raises:
            ServerError: the process ended, or 30 seconds went by.
        """
        gives_up_at = time.monotonic() + _START_S
        while time.monotonic() < gives_up_at:
            if self._process.poll() is not None:
                raise ServerError(f"{self.name} ended with {self._process.returncode}:\n{self.last_words()}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise ServerError(f"{self.name} does not listen after {_START_S:g} s:\n{self.last_words()}")

    def last_words(self) -> str:
        """Give the last lines that the process printed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])

    def stop(self) -> None:
        """End the process, then whatever is left of its group."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_S)
        # It leads a session of its own, so the group holds what it started and nothing else.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _pids(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (fields := _stat(int(entry.name))):
                children.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self._process.pid]
        for pid in found:  # grows while it is read
            found += children.get(pid, [])
        return found


@contextmanager
def running(
    name: str, command: Sequence[str], *, port: int, core: int, env: Mapping[str, str], logs: Path
) -> Iterator[Server]:
    """Run ``command`` from the repository's root on ``core`` while the block runs.

    Raises:
        ServerError: see `Server.wait_until_listening`.
    """
    log = logs / f"{name}.log"
    with log.open("wb") as output, pinned(core):
        # A child inherits the core. In a session of its own, a terminal's Ctrl-C passes it by: we stop it.
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(name, process, port, log)
    try:
        server.wait_until_listening()
        yield server
    finally:
        server.stop()


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this process on ``core`` while the block runs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """Find a TCP port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stat(pid: int) -> list[bytes]:
    """Give the fields of ``/proc/PID/stat`` after the command's name; nothing if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []


def _cpu_ticks(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[11]) + int(fields[12]) if fields else 0


def _resident_bytes(pid: int, label: bytes) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(label)), 0)
