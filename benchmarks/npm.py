"""Packages of npm, installed in exact versions in a folder that is named after what was wanted."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

_INSTALL = "install --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error".split()


class NpmError(Exception):
    """Node, npm or what npm needs is missing; the message is one line."""


def program(name: str) -> str:
    """Give the path of a program.

    Raises:
        NpmError: it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise NpmError(f"{name} is not installed")
    return found


def installed(packages: Path, cache: Path, *, timeout_s: float = 240) -> Path:
    """Give the folder ``node_modules`` with the packages of a ``package.json``; whoever comes first installs them.

    Args:
        packages: the ``package.json``, which names exact versions.
        cache: a folder for the packages; it is made where it is missing.

    Raises:
        NpmError: node or npm is missing, or npm could not install them.
    """
    npm = program("npm")
    program("node")
    wanted = packages.read_bytes()
    folder = cache / hashlib.sha256(wanted).hexdigest()[:16]
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        # Renamed when it is whole: an interrupted installation is none, and of two at once the first is kept.
        with tempfile.TemporaryDirectory(dir=cache) as made:
            building = Path(made, "building")
            building.mkdir()
            (building / "package.json").write_bytes(wanted)
            _install(npm, building, timeout_s)
            if not folder.is_dir():
                building.rename(folder)
    return folder / "node_modules"


def _install(npm: str, folder: Path, timeout_s: float) -> None:
    try:
        ended = subprocess.run(
            [npm, *_INSTALL], cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise NpmError(f"npm install took longer than {timeout_s:g} seconds") from None
    if ended.returncode != 0:
        said = [line for line in ended.stderr.splitlines() if line.strip()]
        raise NpmError(f"npm install failed: {said[-1] if said else 'it did not say why'}")
