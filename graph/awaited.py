"""What a resolver in Python may give instead of a value: awaitables, lists of them, and async iterators."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable
from typing import Any

from graph.errors import overdue
from graph.tree import Failure


def is_pending(value: Any) -> bool:
    """Tell whether a value has to be waited for."""
    if isinstance(value, list | tuple):
        return any(map(inspect.isawaitable, value))
    return inspect.isawaitable(value) or isinstance(value, AsyncIterable)


async def settled(value: Any) -> Any:
    """Wait for a value, and for what it gives in turn; an item of a list that raises is a `Failure`."""
    if inspect.isawaitable(value):
        return await settled(await value)
    if isinstance(value, AsyncIterable):
        return [await settled(item) async for item in value]
    if isinstance(value, list | tuple) and any(map(inspect.isawaitable, value)):
        return await asyncio.gather(*map(_settled_item, value))
    return value


async def in_time(value: Any, over_at: float | None, name: str) -> Any:
    """Wait for a value of a field as long as its operation may take; one that is late, or raises, is a `Failure`.

    Args:
        over_at: instant on the event loop's clock when the operation's time is up; None sets no bound.
        name: the field's.
    """
    try:
        async with asyncio.timeout_at(over_at) as timeout:
            return await settled(value)
    except TimeoutError as exc:
        return Failure(overdue(name) if timeout.expired() else exc)
    except asyncio.CancelledError:
        return cancelled()
    except Exception as exc:  # a resolver may raise anything; it is that field's error
        return Failure(exc)


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
