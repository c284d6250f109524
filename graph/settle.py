"""What resolvers give, waited for: awaitables, generators, lists of either; closed where nobody waits."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable
from typing import Any

from graph.tree import Failure


async def settled(value: Any) -> Any:
    """Give what a resolver's value comes to; in a list, a failure costs one item.

    Raises:
        Exception: what the awaitable or generator raised.
    """
    if inspect.isawaitable(value):
        return await settled(await value)
    if isinstance(value, AsyncIterable):
        return [await settled(item) async for item in value]
    if isinstance(value, list | tuple) and any(map(inspect.isawaitable, value)):
        return await asyncio.gather(*map(_settled_item, value))
    return value


async def _settled_item(value: Any) -> Any:
    try:
        return await settled(value)
    except Exception as exc:  # one item's failure is that item's error
        return Failure(exc)


def forgo(value: Any) -> None:
    """Close coroutines that nobody has begun to await."""
    for one in value if isinstance(value, list | tuple) else (value,):
        if inspect.iscoroutine(one) and inspect.getcoroutinestate(one) == inspect.CORO_CREATED:
            one.close()


def cancelled() -> Failure:
    """Give the failure of a resolver that raises `CancelledError` by itself, as what it waited for was cancelled.

    Raises:
        CancelledError: it is this task that is cancelled.
    """
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise asyncio.CancelledError
    return Failure(RuntimeError("what a resolver waited for was cancelled"))
