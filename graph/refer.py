"""Objects that the arguments of fields name by type and key, on the exact path: one load for each type."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import graphql

from graph.access import Denial
from graph.awaited import in_time, is_pending
from graph.replies import answer
from graph.selection import Selected
from graph.tree import Failure, Row, Slot, promised
from resolvers import Fetching, Named, References, key_text
from sources import InvalidInput

Info = graphql.GraphQLResolveInfo[Any]
Member = tuple[References, Info, Slot]
Answers = Mapping[str, Any]
Load = Callable[[Fetching, Sequence[Any], Sequence[Slot]], Awaitable[Answers]]


async def refer(
    members: Sequence[Member],
    arguments: Callable[[Selected], Mapping[str, Any]],
    load: Load,
    over_at: float | None,
    denied: Mapping[str, Denial],
) -> list[tuple[Slot, Any]]:
    """Give for each field the object, or the objects in order, that it names: null where there is none.

    Args:
        load: gives answers by key, for those fields.
        over_at: when the author's own functions must be done, on the event loop's clock.
        denied: types whose objects the client may not have; nothing is loaded of them.
    """
    settled: list[tuple[Slot, Any]] = []
    named: list[tuple[Member, list[Named | Exception]]] = []
    for member in members:
        try:
            ones = member[0].read(arguments(member[2].selected))
            named.append((member, [_allowed(one, denied) for one in ones]))
        except Exception as exc:  # arguments that cannot be are that field's error
            settled.append((member[2], Failure(exc)))
    wanted: dict[str, tuple[References, dict[Any, None]]] = {}
    for (references, _, _), ones in named:
        for one in ones:
            if isinstance(one, Named) and one.key is not None:
                wanted.setdefault(one.type_name, (references, {}))[1][one.key] = None
    slots = [slot for (_, _, slot), _ in named]
    loads = asyncio.gather(*(_load(name, *found, load, slots) for name, found in wanted.items()))
    finds = asyncio.gather(*(_find(one, info, over_at) for (_, info, _), ones in named for one in ones))
    loaded, found = await asyncio.gather(loads, finds)
    answers, values = dict(zip(wanted, loaded, strict=True)), iter(found)
    for (references, _, slot), ones in named:
        objects = [_object(one, next(values), references, answers) for one in ones]
        is_list = graphql.is_list_type(graphql.get_nullable_type(slot.selected.field.type))
        settled.append((slot, objects if is_list else objects[0]))
    return settled


def _allowed(named: Named | Exception, denied: Mapping[str, Denial]) -> Named | Exception:
    denial = denied.get(named.type_name) if isinstance(named, Named) else None
    return named if denial is None else denial.error()


async def _load(name: str, references: References, keys: Mapping[Any, None], load: Load, slots: list[Slot]) -> Answers:
    many = references.loads[name]
    try:
        return await load(references.singles.get(name, many) if len(keys) == 1 else many, list(keys), slots)
    except Exception as exc:  # a fault of ours costs the objects of this type
        return dict.fromkeys(map(key_text, keys), Failure(exc))


async def _find(named: Named | Exception, info: Info, over_at: float | None) -> Any:
    if isinstance(named, Exception):
        return Failure(named)
    if named.find is None:
        return named.value
    try:
        value = named.find(info)
    except Exception as exc:  # the author's function may raise anything; it is that object's error
        return Failure(exc)
    return await in_time(value, over_at, info.field_name) if is_pending(value) else value


def _object(named: Named | Exception, value: Any, references: References, answers: Mapping[str, Answers]) -> Any:
    if isinstance(named, Exception) or named.key is None:
        return value
    load = references.loads[named.type_name]
    raw = answer(answers[named.type_name], load, named.key)
    if isinstance(raw, Failure):
        return None if references.forgives and isinstance(raw.error, InvalidInput) else raw
    if raw is None:
        return None
    if not isinstance(raw, dict):
        return Failure(promised(load.source, "an object", raw))
    return Row(merged(raw, named.given) if named.given else raw, load.source, named.type_name)


def merged(raw: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Give a backend's object with properties that are known better; objects in it are merged as well."""
    whole = dict(raw)
    for name, value in given.items():
        held = whole.get(name)
        whole[name] = merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return whole
