"""One running shop, and one folder of scripts, for all client libraries."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.npm import node_modules
from tests.wire.shop import HERE, Shop, running_shop


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    with running_shop() as found:
        yield found


@pytest.fixture(scope="package")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the scripts, where node finds their packages."""
    folder = tmp_path_factory.mktemp("wire")
    (folder / "node_modules").symlink_to(node_modules())
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, folder)
    shutil.copytree(HERE / "relay", folder / "relay")
    return folder
