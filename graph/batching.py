"""Several requests in one: a JSON array of them, answered by the array of their responses, in order.

The outcome is as if they had come one after the other: a mutation waits for what stands before it, and what stands
after it waits for the mutation. Queries in between run at once, and share with everybody what they have in common.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from graph.answer import Answer
from graph.client import Caller
from graph.engine import Context, Engine, Request
from graph.errors import RateLimited, RequestError
from graph.request import JSON, Headers, parse_body

log = logging.getLogger("weft")
_encode = msgspec.json.encode


async def answer_batch(
    engine: Engine, entries: Sequence[bytes], headers: Headers, caller: Caller, context: Context
) -> Answer:
    """Execute requests and give one answer for all; what is wrong with one stands in its place.

    Args:
        entries: bodies of requests.
        caller: who asks; the first of them has been counted already.
    """
    requests = [_read(entry) for entry in entries]
    bodies = [b""] * len(entries)

    async def execute(position: int) -> None:
        try:
            if position:
                await caller.admit()
            bodies[position] = await _execute(engine, requests[position], headers, caller, context, entries[position])
        except RateLimited as exc:
            bodies[position] = _encode(exc.report())

    async def execute_at_once(positions: Sequence[int]) -> None:
        async with asyncio.TaskGroup() as group:
            for position in positions:
                group.create_task(execute(position))

    waiting: list[int] = []
    for position, request in enumerate(requests):
        await asyncio.sleep(0)  # looking at a document may take a while, and others wait
        if isinstance(request, Request) and await engine.is_mutation(request):
            await execute_at_once(waiting)
            await execute(position)
            waiting = []
        else:
            waiting.append(position)
    await execute_at_once(waiting)
    return Answer(b"[" + b",".join(bodies) + b"]", no_store=True, media_type=JSON)


def _read(entry: bytes) -> Request | RequestError:
    try:
        return parse_body(entry, JSON)
    except RequestError as exc:
        return exc


async def _execute(
    engine: Engine,
    request: Request | RequestError,
    headers: Headers,
    caller: Caller,
    context: Context,
    key: bytes,
) -> bytes:
    if isinstance(request, RequestError):
        return _encode(request.report())
    try:
        answer = await engine.answer(request, headers, context, key=key, caller=caller)
    except RateLimited:
        raise
    except Exception:
        log.exception("a request of a batch failed")
        return _encode(RequestError.of("Internal server error", "INTERNAL_SERVER_ERROR", 500).report())
    return answer.body
