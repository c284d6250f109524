"""JavaScript for tests: the packages of a package.json, installed once, and node to run scripts with them.

Without node, npm or their registry such tests are skipped and say why, or fail: see tests/required.py.
"""

from __future__ import annotations

import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from benchmarks.npm import NpmError, installed, program
from tests.required import without

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "tests" / "wire" / "package.json"


def node_modules(packages: Path = PACKAGES, cache: Path = ROOT / ".npm") -> Path:
    """Give the folder ``node_modules`` with the packages; whoever comes first installs them, which takes a while."""
    try:
        return installed(packages, cache)
    except NpmError as exc:
        _without(str(exc))


def node(script: Path, *arguments: str, timeout_s: float = 60) -> str:
    """Run a module with the packages at hand, and give what it prints; it must end well."""
    folder = node_modules().parent
    # Read from stdin, a module finds the packages of the folder it runs in, wherever its own file is.
    command = [program("node"), "--input-type=module", "-", *arguments]
    text = script.read_text(encoding="utf-8")
    ended = subprocess.run(
        command, input=text, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@contextmanager
def node_serving(script: Path, *arguments: str, packages: Path, timeout_s: float = 60) -> Iterator[str]:
    """Run a script that serves until its input ends, and give the first line that it prints."""
    command = [program("node"), str(script), *arguments]
    folder = node_modules(packages).parent
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], timeout_s)
            line = process.stdout.readline() if ready else ""
            assert line, f"{script.name} did not start"
            yield line
        finally:
            process.kill()


def _without(reason: str) -> NoReturn:
    without("node", reason)
