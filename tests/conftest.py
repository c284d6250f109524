"""What every test may use: the asyncio backend, and generated examples that are the same on every machine."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A slow machine is no failure, and a run that fails must fail again.
settings.register_profile("weft", deadline=None, derandomize=True)
settings.load_profile("weft")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"
