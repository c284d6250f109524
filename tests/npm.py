"""JavaScript for tests: the packages of tests/wire/package.json, installed once, and node to run scripts with them.

Without node, npm or their registry such tests are skipped and say why, or fail: see tests/required.py.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tests.required import without

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "tests" / "wire" / "package.json"
_INSTALL = "install --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error".split()


def node_modules(cache: Path = ROOT / ".npm") -> Path:
    """Give the folder ``node_modules`` with the packages; whoever comes first installs them, which takes a while."""
    npm = _program("npm")
    _program("node")
    wanted = PACKAGES.read_bytes()
    folder = cache / hashlib.sha256(wanted).hexdigest()[:16]
    if not folder.is_dir():
        cache.mkdir(exist_ok=True)
        # Renamed when it is whole: an interrupted installation is none, and of two at once the first is kept.
        with tempfile.TemporaryDirectory(dir=cache) as made:
            building = Path(made, "building")
            building.mkdir()
            (building / "package.json").write_bytes(wanted)
            _install(npm, building)
            if not folder.is_dir():
                building.rename(folder)
    return folder / "node_modules"


def node(script: Path, *arguments: str, timeout_s: float = 60) -> str:
    """Run a module with the packages at hand, and give what it prints; it must end well."""
    folder = node_modules().parent
    # Read from stdin, a module finds the packages of the folder it runs in, wherever its own file is.
    command = [_program("node"), "--input-type=module", "-", *arguments]
    text = script.read_text(encoding="utf-8")
    ended = subprocess.run(
        command, input=text, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def _program(name: str) -> str:
    return shutil.which(name) or _without(f"{name} is not installed")


def _install(npm: str, folder: Path) -> None:
    try:
        ended = subprocess.run([npm, *_INSTALL], cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        _without("npm install took longer than four minutes")
    if ended.returncode != 0:
        _without(f"npm install failed: {_last_line(ended.stderr.splitlines())}")


def _last_line(lines: Sequence[str]) -> str:
    return next((line for line in reversed(lines) if line.strip()), "it did not say why")


def _without(reason: str) -> NoReturn:
    without("node", reason)
