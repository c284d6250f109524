"""What tests of sources share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    """When all listeners of a test have gone, so have the tasks."""
    yield
    assert [task for task in asyncio.all_tasks() if "sources/redis_" in repr(task)] == []
