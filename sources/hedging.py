"""A second attempt beside a first one that takes long; the first good answer counts, the other attempt is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sources.transport import Reply

Making = Callable[[], Coroutine[Any, Any, Reply]]


def is_good(reply: Reply) -> bool:
    """Tell whether a backend has dealt with a request: neither failed nor put it off."""
    return reply.status != 429 and (reply.status < 500 or reply.status == 501)


async def first_good(first: Making, second: Making, after_s: float, may_begin: Callable[[], bool]) -> Reply:
    """Give the reply of the first attempt, or of a second one that is quicker; where neither is good, the first's.

    Args:
        after_s: seconds after which the second begins.
        may_begin: asked then whether it may.
    """
    tasks = [asyncio.create_task(first())]
    try:
        await asyncio.wait(tasks, timeout=after_s)
        if not tasks[0].done() and may_begin():
            tasks.append(asyncio.create_task(second()))
        pending = set(tasks)
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled() and task.exception() is None and is_good(task.result()):
                    return task.result()
        return tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
