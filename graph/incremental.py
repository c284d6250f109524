"""Answer an operation in several payloads: what is there first at once, what is deferred or streamed when it has come.

Theory of operation. Execution is that of the exact path. Where the selection says ``@defer``, an object's later fields
become a *piece*: fields of one object that belong to one or several *groups* (a deferred fragment at a place of the
response). Where it says ``@stream``, the rest of a list becomes a *stream*. When the first payload is complete, all
pieces of the same fragments, whatever objects they belong to, are executed together, so that their calls are batched as
ever; so is the rest of a list, a hundred items at a time. Everything shares the operation's ledger: nothing is asked
twice.

A fragment inside another is announced when the outer one is completed. What ends at about the same time is one payload;
`graph.payloads` writes it.

A consumer that does not ask for payloads stops the streams: at most a few are kept for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import graphql
from graphql.pyutils import Path

from graph.complete import Completion, located
from graph.defer import DeferredSelections, DeferUsage, Fields, StreamUsage, Usages
from graph.errors import report
from graph.exact import Execution
from graph.payloads import Group, Payload, Piece, Writer
from graph.selection import Selected
from graph.tree import Failure, Node, Slot
from resolvers import Ledger

_CHUNK = 100
_WAITING = 8


@dataclass(slots=True, eq=False)
class Stream:
    """The rest of a list."""

    group: Group
    usages: Usages
    slot: Slot
    path: Path
    kind: Any
    items: Any
    index: int


class DeferringExecution(Execution):
    """An execution that leaves out what comes later, and notes it.

    Args:
        within: the deferred fragments that it executes; none for the first payload.
    """

    within: Usages = frozenset()

    def begin(self, selections: DeferredSelections, within: Usages) -> None:
        """Make it ready to run."""
        self.deferred = selections
        self.within = within
        self.pieces: list[Piece] = []
        self.streams: list[Stream] = []

    async def first(self, kind: Any, fields: Fields) -> tuple[dict[str, Any] | None, list[graphql.GraphQLError]]:
        """Execute what comes first of root fields."""
        root = Node(None, None)
        self._note(kind, [root], fields)
        await self._resolve_all()
        completion = Completion()
        data = completion.whole(kind, root)
        self.drop(completion.nulled, everything=data is None)
        return data, completion.errors

    async def later(self, pieces: list[Piece]) -> None:
        """Execute pieces of the same fragments; their data and errors are in them, data None for a failure."""
        nodes: list[Node] = []
        together: dict[tuple[int, int], tuple[Any, list[Node], list[Selected]]] = {}
        for piece in pieces:
            node = Node(piece.node.value, piece.node.path)
            node.groups = piece.node.groups
            nodes.append(node)
            group = together.setdefault((id(piece.kind), id(piece.fields)), (piece.kind, [], piece.fields))
            group[1].append(node)
        self._groups.extend(together.values())
        await self._resolve_all()
        for piece, node in zip(pieces, nodes, strict=True):
            completion = Completion()
            piece.data = completion.whole(piece.kind, node)
            piece.errors = completion.errors
            self.drop(completion.nulled, everything=piece.data is None, below=piece.node.path)

    async def items(self, stream: Stream, values: list[Any]) -> tuple[list[Any] | None, list[graphql.GraphQLError]]:
        """Execute items of a list; None where a null may not stand for one of them."""
        slot, kind = stream.slot, stream.kind
        found: dict[str, list[Node]] = {}
        trees = [
            self._tree(kind, value, slot, Path(stream.path, stream.index + offset, None), found)
            for offset, value in enumerate(values)
        ]
        for name, nodes in found.items():
            self._descend(self._schema.type_map[name], nodes, slot.selected)
        await self._resolve_all()
        completion = Completion()
        completed = completion.items(kind, trees, slot, stream.path, stream.index)
        self.drop(completion.nulled, everything=completed is None)
        stream.index += len(values)
        return completed, completion.errors

    def drop(self, nulled: list[Path], *, everything: bool = False, below: Path | None = None) -> None:
        """Forget what was to come below places that turned out to be null."""
        if not nulled and not everything:
            return
        gone = [tuple(path.as_list()) for path in nulled]
        if everything:
            gone.append(tuple(below.as_list()) if below is not None else ())
        self.pieces = [piece for piece in self.pieces if not _is_below(piece.node.path, gone)]
        self.streams = [stream for stream in self.streams if not _is_below(stream.path, gone)]

    # -- what is left out -----------------------------------------------------------------------------------------

    def _descend(self, kind: Any, nodes: list[Node], selected: Selected) -> None:
        self._note(kind, nodes, self.deferred.fields_below(kind, selected, self.within))

    def _note(self, kind: Any, nodes: list[Node], fields: Fields) -> None:
        for node in nodes if fields.usages else ():
            groups: dict[DeferUsage, Group] = dict(node.groups)
            path = [] if node.path is None else node.path.as_list()
            for usage in fields.usages:
                parent = None if usage.parent is None else groups.get(usage.parent)
                groups[usage] = Group(path, usage.label, parent)
            node.groups = groups
        for usages, later in fields.later:
            for node in nodes:
                self.pieces.append(Piece(usages, [node.groups[usage] for usage in usages], kind, node, later))
        self._groups.append((kind, nodes, fields.now))

    def _node(self, value: Any, slot: Slot, path: Path) -> Node:
        node = super()._node(value, slot, path)
        node.groups = slot.parent.groups
        return node

    async def _await(self, slot: Slot, value: Any) -> None:
        usage: StreamUsage | None = slot.selected.stream
        if usage is None or usage.initial_count < 0 or not isinstance(value, AsyncIterable):
            await super()._await(slot, value)
            return
        iterator, items = aiter(value), list[Any]()
        try:
            async with asyncio.timeout_at(self._ledger.over_at):
                while len(items) < usage.initial_count:
                    items.append(await anext(iterator))
        except StopAsyncIteration:
            self._settle(slot.selected, [(slot, items)])
            return
        except Exception as exc:  # a resolver may raise anything; it is that field's error
            self._settle(slot.selected, [(slot, Failure(exc))])
            return
        self._settle(slot.selected, [(slot, items)])
        kind: Any = graphql.get_nullable_type(slot.selected.field.type)
        path = Path(slot.parent.path, slot.selected.key, None)
        group = Group(path.as_list(), usage.label)
        self.streams.append(Stream(group, self.within, slot, path, kind.of_type, iterator, len(items)))

    def _tree(self, kind: Any, value: Any, slot: Slot, path: Path, found: dict[str, list[Node]]) -> Any:
        usage: StreamUsage | None = slot.selected.stream
        nullable = graphql.get_nullable_type(kind)
        is_whole = usage is not None and path.key == slot.selected.key and isinstance(nullable, graphql.GraphQLList)
        if usage is None or not is_whole or not isinstance(value, list | tuple):
            return super()._tree(kind, value, slot, path, found)
        if usage.initial_count < 0:
            error = graphql.GraphQLError("initialCount must not be negative", extensions={"code": "BAD_USER_INPUT"})
            return Failure(error)
        count = usage.initial_count
        if len(value) > count:
            item: Any = nullable
            group = Group(path.as_list(), usage.label)
            self.streams.append(Stream(group, self.within, slot, path, item.of_type, list(value[count:]), count))
        return super()._tree(kind, list(value[:count]), slot, path, found)


def _is_below(path: Path | None, gone: Iterable[tuple[str | int, ...]]) -> bool:
    own = () if path is None else tuple(path.as_list())
    return any(own[: len(place)] == place for place in gone)


class Delivery:
    """The payloads of one operation.

    Args:
        execution: makes an execution for a set of deferred fragments.
        ledger: what all of them share.
        writer: the form that payloads have.
    """

    def __init__(self, execution: Callable[[Usages], DeferringExecution], ledger: Ledger, writer: Writer) -> None:
        self._execution = execution
        self._writer = writer
        self._ledger = ledger
        self._tasks: set[asyncio.Task[None]] = set()
        self._events: asyncio.Queue[Callable[[Payload], None]] = asyncio.Queue(_WAITING)
        self._open: set[Group] = set()
        self._announced = 0

    async def payloads(self, kind: Any, selections: DeferredSelections) -> AsyncGenerator[Payload]:
        """Give the payloads of an operation, each when it is there; ``hasNext`` tells whether there are others.

        What is under way is cancelled when the consumer stops asking.
        """
        data, errors, executions = await self._first(kind, selections)
        payload: Payload = {"data": data}
        if errors:
            payload = {"errors": [report(error) for error in errors], "data": data}
        try:
            for execution in executions:
                self._take(execution, payload)
            payload["hasNext"] = bool(self._open)
            yield payload
            while self._open:
                payload = await self._next()
                if payload or not self._open:
                    payload["hasNext"] = bool(self._open)
                    yield payload
        finally:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _next(self) -> Payload:
        """Give what has ended in the meantime as one payload."""
        events = [await self._events.get()]
        while not self._events.empty():
            events.append(self._events.get_nowait())
        payload: Payload = {}
        for event in events:
            event(payload)
        return payload

    async def _first(
        self, kind: Any, selections: DeferredSelections
    ) -> tuple[dict[str, Any] | None, list[graphql.GraphQLError], list[DeferringExecution]]:
        fields = selections.root_fields(kind)
        if selections.operation.operation is not graphql.OperationType.MUTATION:
            execution = self._execution(frozenset())
            data, errors = await execution.first(kind, fields)
            return data, errors, [execution]
        # Mutations run one after the other, each with all that is selected from it (specification, 6.2.2).
        whole: dict[str, Any] = {}
        failures: list[graphql.GraphQLError] = []
        executions: list[DeferringExecution] = []
        for selected in fields.now:
            self._ledger.forget()
            executions.append(self._execution(frozenset()))
            data, errors = await executions[-1].first(kind, Fields([selected], [], []))
            failures += errors
            if data is None:
                return None, failures, []
            whole.update(data)
        return whole, failures, executions

    # -- work -----------------------------------------------------------------------------------------------------

    def _take(self, execution: DeferringExecution, payload: Payload) -> None:
        """Take over what an execution left for later: announce it and begin it."""
        together: dict[Usages, list[Piece]] = {}
        for piece in execution.pieces:
            together.setdefault(piece.usages, []).append(piece)
            for group in piece.groups:
                group.pieces.append(piece)
                group.left += 1
        fresh = dict.fromkeys(group for piece in execution.pieces for group in piece.groups)
        for group in fresh:
            parent = group.parent
            while parent is not None and not parent.pieces:
                parent = group.parent = parent.parent  # a fragment that brings nothing of its own is not announced
            if group.ident is not None:
                continue
            if parent is None or parent.is_over:
                if parent is None or parent.failure is None:
                    self._announce(group, payload)
            elif group not in parent.children:
                parent.children.append(group)
        for pieces in together.values():
            self._start(self._run_pieces(pieces))
        for stream in execution.streams:
            self._announce(stream.group, payload)
            self._start(self._run_stream(stream))

    def _announce(self, group: Group, payload: Payload) -> None:
        group.ident = str(self._announced)
        self._announced += 1
        self._open.add(group)
        self._writer.announce(payload, group)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_pieces(self, pieces: list[Piece]) -> None:
        execution = self._execution(pieces[0].usages)
        try:
            await execution.later(pieces)
        except Exception as exc:  # a fault of ours costs the fragments it concerns
            for piece in pieces:
                piece.errors = [graphql.GraphQLError(str(exc), original_error=exc)]
        await self._events.put(lambda payload: self._deliver_pieces(pieces, execution, payload))

    async def _run_stream(self, stream: Stream) -> None:
        items, stream.items = stream.items, []
        if not isinstance(items, list):
            await self._run_iterator(stream, items)
            return
        while items:
            values, items = items[:_CHUNK], items[_CHUNK:]
            if not await self._send_items(stream, values, is_last=not items):
                return

    async def _run_iterator(self, stream: Stream, iterator: AsyncIterator[Any]) -> None:
        failures: list[graphql.GraphQLError] = []
        try:
            async for value in iterator:
                if not await self._send_items(stream, [value], is_last=False):
                    return
        except Exception as exc:  # a resolver may raise anything; it ends its list
            failures = [located(exc, stream.slot, stream.path)]
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
        await self._events.put(lambda payload: self._complete(stream.group, payload, failures))

    async def _send_items(self, stream: Stream, values: list[Any], *, is_last: bool) -> bool:
        execution = self._execution(stream.usages)
        completed: list[Any] | None = None
        begun_at = stream.index
        try:
            completed, errors = await execution.items(stream, values)
        except Exception as exc:  # a fault of ours costs the list
            errors = [graphql.GraphQLError(str(exc), original_error=exc)]

        def deliver(payload: Payload) -> None:
            if completed is None:
                self._complete(stream.group, payload, errors[-1:])
                return
            self._writer.items(payload, stream.group, begun_at, completed, errors)
            if is_last:
                self._complete(stream.group, payload, [])
            self._take(execution, payload)

        await self._events.put(deliver)
        return completed is not None

    # -- payloads -------------------------------------------------------------------------------------------------

    def _deliver_pieces(self, pieces: list[Piece], execution: DeferringExecution, payload: Payload) -> None:
        concerned: dict[Group, None] = {}
        for piece in pieces:
            for group in piece.groups:
                group.left -= 1
                if piece.data is None:
                    group.failure = group.failure or piece.errors[-1]
                concerned[group] = None
        self._take(execution, payload)
        for group in concerned:
            self._close_if_done(group, payload)

    def _close_if_done(self, group: Group, payload: Payload) -> None:
        if group.left or group.ident is None or group.is_over:
            return
        if group.failure is not None:
            self._complete(group, payload, [group.failure])
            return
        for piece in group.pieces:
            if not piece.is_delivered:
                piece.is_delivered = True
                known = [held for held in piece.groups if held in self._open]
                self._writer.fields(payload, max(known, key=lambda held: len(held.path)), piece)
        self._complete(group, payload, [])
        for child in group.children:
            self._announce(child, payload)
            self._close_if_done(child, payload)

    def _complete(self, group: Group, payload: Payload, errors: list[graphql.GraphQLError]) -> None:
        group.is_over = True
        self._open.discard(group)
        self._writer.complete(payload, group, errors)
