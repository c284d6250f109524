"""Other importers of OpenAPI documents: IBM's openapi-to-graphql, and the loader of GraphQL Mesh.

They are measured as they are published, never used; `make corpus-peers` installs them outside of the tree.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.corpus.outcome import Measures
from benchmarks.npm import program

HERE = Path(__file__).parent
PACKAGES = HERE / "package.json"
PEERS = ("openapi-to-graphql", "mesh")
CHECK_S = 60.0
_BUSY = 10  # a second of CPU takes no longer than so many
_HEAP_MB = 4096


class _Line(msgspec.Struct):
    """What `measured.mjs` says: first of the import, then of the check; in a failure only what it is."""

    measures: Measures | None = None
    check_s: float = 0.0
    failure: str | None = None
    message: str = ""


def measured(peer: str, path: Path, modules: Path, *, limit_s: float) -> tuple[Measures | None, float, str | None, str]:
    """Import a document under node; give the measures, the seconds of the check, and what went wrong."""
    command = [program("node"), f"--max-old-space-size={_HEAP_MB}", str(HERE / f"{peer}.mjs"), str(path)]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=modules.parent, **options) as process:
        out, err = _output(process, limit_s)
    lines = [msgspec.json.decode(line[2:], type=_Line) for line in out.splitlines() if line.startswith(b"@ ")]
    measures = lines[0].measures if lines else None
    if measures is not None and measures.import_s > limit_s:
        return None, 0.0, "timeout", f"imported after {measures.import_s:.0f} s"
    if measures is None:
        late = process.returncode == -signal.SIGKILL
        failure = (lines[0].failure if lines else None) or ("timeout" if late else "crash")
        told = f"not imported within {limit_s:g} s" if late else err.decode(errors="replace")[-500:]
        return None, 0.0, failure, lines[0].message if lines else told
    if len(lines) < 2:
        return measures, 0.0, "not checked", "the process ended while the schema was checked"
    return measures, lines[1].check_s, lines[1].failure, lines[1].message


def _output(process: subprocess.Popen[bytes], limit_s: float) -> tuple[bytes, bytes]:
    """Wait for the end; kill it when the import takes too much CPU, or the check, or both too long all the same."""
    gives_up_at = time.monotonic() + (limit_s + CHECK_S) * _BUSY
    while True:
        try:
            return process.communicate(timeout=1)
        except subprocess.TimeoutExpired as waiting:
            imported = waiting.stdout is not None and b"\n@ " in waiting.stdout
        allowed_s = limit_s + CHECK_S if imported else limit_s
        if _cpu_s(process.pid) > allowed_s or time.monotonic() > gives_up_at:
            process.kill()


def _cpu_s(pid: int) -> float:
    """Give the CPU seconds of a process so far, of all its threads; 0 when it has ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
