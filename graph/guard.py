"""Permissions and field extensions in front of a backend's call, on the exact path.

Theory of operation. Every object's field runs its own chain (`resolvers.extension`). The chains of one call start
together; each of them either asks for the backend's value or ends without, because it was denied or has an answer of
its own. When the last one has done either, the `Gate` makes one call for all that asked. So permissions, slow ones too,
cost no batching, and what is denied is never asked. Then the chains go on with their values.

Permissions never see the value, so it stays the backend's JSON. An extension that may look at it is given what a
resolver would have: values and objects of Python.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import graphql
import msgspec
from strawberry.types.arguments import convert_arguments

from graph.awaited import in_time
from graph.run import cut_arguments, wire_arguments
from graph.tree import Failure, Slot
from resolvers import FetchInfo, Fetching, wire_object
from sources import Rest

Arguments = Mapping[str, Any]
Member = tuple[Fetching, graphql.GraphQLObjectType, Slot]
Outcome = tuple[Slot, Any]
_UNSEEN: Any = object()


@dataclass(slots=True, eq=False)
class _Question:
    binding: Fetching
    slot: Slot
    arguments: Arguments
    kept: int | None
    answer: asyncio.Future[Any]


class Gate:
    """The chains of one call, on their way to it.

    Args:
        values: gives a field's arguments.
        shown: gives what is selected of a connection.
        info: gives what resolvers are told about a field.
        resolve: starts the chain of a field.
        load: makes the call for fields that ask it the same.
        show: gives the Python value of a backend's.
        over_at: when the chains must be done, on the event loop's clock.
    """

    def __init__(
        self,
        *,
        values: Callable[[Any], Arguments],
        shown: Callable[[list[Any]], set[str]],
        info: Callable[[Any, Slot], graphql.GraphQLResolveInfo[Any]],
        resolve: Callable[[Any, Slot, Any], Any],
        load: Callable[[Sequence[tuple[Fetching, Slot]], Arguments, int | None], Awaitable[list[Outcome]]],
        show: Callable[[Any, Any, Rest], Any],
        over_at: float | None,
    ) -> None:
        self._over_at = over_at
        self._values = values
        self._shown = shown
        self._info = info
        self._resolve = resolve
        self._load = load
        self._show = show
        self._under_way = 0
        self._asked: list[_Question] = []
        self._arrived = asyncio.Event()

    async def pass_through(self, members: Sequence[Member]) -> list[Outcome]:
        """Run the chains of fields of one call; give what each of them came to."""
        self._under_way = len(members)
        chains = asyncio.gather(*(self._chain(*member) for member in members))
        outcomes, _ = await asyncio.gather(chains, self._open())
        return outcomes

    async def _chain(self, binding: Fetching, kind: Any, slot: Slot) -> Outcome:
        info = FetchInfo(*self._info(kind, slot))
        waited_for = True
        raw: Any = None

        async def fetch(kwargs: Arguments) -> Any:
            nonlocal waited_for, raw
            arguments, kept = self._arguments(binding, info, slot, kwargs)
            question = _Question(binding, slot, arguments, kept, asyncio.get_running_loop().create_future())
            if waited_for:
                waited_for = False
                self._asked.append(question)
                self._arrive()
            else:  # an extension that asks again
                await self._answer([question])
            raw = await question.answer
            if isinstance(raw, Failure):
                raise raw.error
            return self._show(slot.selected.field.type, raw, binding.source) if binding.shown else _UNSEEN

        info.fetch = fetch
        try:
            value = await in_time(self._resolve(kind, slot, info), self._over_at, slot.selected.name)
        except Exception as exc:  # permissions and extensions are the author's code; it is that field's error
            value = Failure(exc)
        finally:
            if waited_for:
                waited_for = False
                self._arrive()
        if value is _UNSEEN:
            slot.source, value = binding.source, raw
        return slot, value

    def _arrive(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._arrived.set()

    async def _open(self) -> None:
        await self._arrived.wait()
        await self._answer(self._asked)

    async def _answer(self, asked: Sequence[_Question]) -> None:
        same: dict[object, list[_Question]] = {}
        for question in asked:
            try:
                written: object = msgspec.json.encode(question.arguments, order="sorted")
            except (TypeError, ValueError):  # a file, which is like no other
                written = id(question)
            same.setdefault((written, question.kept), []).append(question)
        await asyncio.gather(*map(self._answer_same, same.values()))

    async def _answer_same(self, asked: Sequence[_Question]) -> None:
        first = asked[0]
        try:
            found = await self._load([(one.binding, one.slot) for one in asked], first.arguments, first.kept)
            values = [value for _, value in found]
        except Exception as exc:  # a fault of ours; whoever waits must not wait for ever
            values = [Failure(exc)] * len(asked)
        for question, value in zip(asked, values, strict=True):
            if not question.answer.done():  # whose time is up has left
                question.answer.set_result(value)

    def _arguments(
        self, binding: Fetching, info: FetchInfo, slot: Slot, kwargs: Arguments
    ) -> tuple[Arguments, int | None]:
        """Give the call's arguments: the client's, unless an extension passed on others."""
        field = slot.selected.field
        values = dict(self._values(slot.selected))
        shown = sorted(self._shown([slot.selected])) if binding.pages else ()
        if binding.shown:
            schema = info.schema.extensions["strawberry-definition"]
            registry = schema.schema_converter.scalar_registry
            declared = field.extensions["strawberry-definition"].arguments
            if convert_arguments(values, declared, registry, schema.config) != kwargs:
                return cut_arguments(
                    {name: wire_object(kwargs[name], binding.source) for name in kwargs}, binding, shown
                )
        return wire_arguments(field, values, binding, shown)
