"""What every test may use: the asyncio backend, and real HTTP servers on free ports."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"
