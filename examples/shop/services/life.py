"""Things happen by themselves, so that there is something to watch: parcels move, stock changes, orders proceed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any


@contextlib.asynccontextmanager
async def living(step: Callable[[], None]) -> AsyncGenerator[None]:
    """Take a step every ``SHOP_LIFE`` seconds until the block ends; none at all where that is 0 or not set."""
    every_s = float(os.environ.get("SHOP_LIFE", "0"))
    if every_s <= 0:
        yield
        return
    async with beside(_live(step, every_s)):
        yield


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Run work in a task of its own until the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _live(step: Callable[[], None], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await asyncio.to_thread(step)
        except Exception:
            logging.getLogger("uvicorn.error").exception("a step of the shop's life has failed")
