"""Objects that a field's arguments name by type and key, on the exact path: one load for each type."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import graphql

from graph.awaited import in_time, is_pending
from graph.replies import answer
from graph.tree import Failure, Row, promised
from resolvers import Fetching, Named

Load = Callable[[Fetching, Sequence[Any]], Awaitable[Mapping[str, Any]]]


async def refer(
    named: Sequence[Named | Exception], load: Load, info: graphql.GraphQLResolveInfo[Any], over_at: float | None
) -> list[Any]:
    """Give the objects in the order in which they are named; what is not there is null.

    Args:
        load: gives the answers of one load by key.
        info: what the author's own functions are told.
        over_at: when they must be done, on the event loop's clock.
    """
    keys: dict[Fetching, dict[Any, None]] = {}
    for one in named:
        if isinstance(one, Named) and one.load is not None:
            keys.setdefault(one.load, {})[one.key] = None
    loads = asyncio.gather(*(load(found, list(wanted)) for found, wanted in keys.items()))
    values, replies = await asyncio.gather(asyncio.gather(*(_found(one, info, over_at) for one in named)), loads)
    answers = dict(zip(keys, replies, strict=True))
    return [
        _row(one, one.load, answers[one.load]) if isinstance(one, Named) and one.load is not None else value
        for one, value in zip(named, values, strict=True)
    ]


async def _found(named: Named | Exception, info: graphql.GraphQLResolveInfo[Any], over_at: float | None) -> Any:
    if isinstance(named, Exception):
        return Failure(named)
    if named.find is None:
        return named.value
    try:
        value = named.find(info)
    except Exception as exc:  # the author's function may raise anything; it is that object's error
        return Failure(exc)
    return await in_time(value, over_at, info.field_name) if is_pending(value) else value


def _row(named: Named, load: Fetching, answers: Mapping[str, Any]) -> Any:
    raw = answer(answers, load, named.key)
    if raw is None or isinstance(raw, Failure):
        return raw
    if not isinstance(raw, dict):
        return Failure(promised(load.source, "an object", raw))
    return Row(_merged(raw, named.given) if named.given else raw, load.source, named.type_name)


def _merged(raw: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(raw)
    for name, value in given.items():
        held = merged.get(name)
        merged[name] = _merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged
