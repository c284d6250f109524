"""Ask whether any pinned version of constraints.txt has a known vulnerability.

Exits with 1 where one has. What cannot be found out, for lack of a network or of data, is told and is no failure: this
must not decide on other days than those on which something was found.

`pip-audit` is installed into a virtual environment that is thrown away: it is no part of the project.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TOOL = "pip-audit==2.10.1"
PINNED = Path(__file__).resolve().parent.parent / "constraints.txt"
INSTALLS_S, ASKS_S = 180, 180


class Skipped(Exception):
    """It could not be found out; the text says why."""


def report(folder: Path) -> Any:
    """Give what the tool says about the pinned versions, as JSON.

    Raises:
        Skipped: it could not be installed, or does not answer.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    if run([*pip, "install", "--quiet", TOOL], INSTALLS_S).returncode != 0:
        raise Skipped(f"{TOOL} could not be installed")
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "--format", "json"]
    cache = ["--cache-dir", str(folder / "cache")]
    ended = run([str(python), "-m", "pip_audit", "--requirement", str(PINNED), *options, *cache], ASKS_S)
    try:
        return json.loads(ended.stdout)
    except ValueError:
        last = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Skipped(f"the tool could not ask: {last}") from None


def run(command: list[str], within_s: float) -> subprocess.CompletedProcess[str]:
    """Run a command.

    Raises:
        Skipped: it takes too long, or cannot be run.
    """
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Skipped(f"{Path(command[0]).name} did not end: {type(exc).__name__}") from exc


def findings(told: Any) -> tuple[list[str], str]:
    """Give a line for each vulnerability, and one about how many versions were looked at.

    Raises:
        Skipped: none was.
    """
    versions = told["dependencies"]
    audited = [version for version in versions if "skip_reason" not in version]
    if not audited:
        reasons = sorted({version["skip_reason"].partition(":")[0] for version in versions})
        raise Skipped(f"there is no data about any of {len(versions)} versions: {'; '.join(reasons)}")
    return [line for version in audited for line in _lines(version)], f"{len(audited)} of {len(versions)} versions"


def _lines(version: Any) -> Iterator[str]:
    for found in version["vulns"]:
        fixed = ", ".join(found["fix_versions"]) or "no version yet"
        yield f"{version['name']} {version['version']}: {found['id']}, mended in {fixed}"


def judged(ask: Callable[[Path], Any]) -> int:
    """Tell what was found; give the exit status."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            lines, looked_at = findings(ask(Path(folder)))
    except Skipped as exc:
        sys.stdout.write(f"audit skipped: {exc}\n")
        return 0
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"audit: {len(lines)} known vulnerabilities in {looked_at}\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(judged(report))
