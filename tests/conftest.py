"""What every test may use: asyncio, Redis, and generated examples that are the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.stores import Store, store

# A slow machine is no failure, and a run that fails must fail again.
settings.register_profile("weft", deadline=None, derandomize=True)
settings.load_profile("weft")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Store]:
    """A Redis for all tests that need one and leave it running."""
    with store() as running:
        yield running


@pytest.fixture
def own_redis_server() -> Iterator[Store]:
    """A Redis that a test may kill."""
    with store() as running:
        yield running
