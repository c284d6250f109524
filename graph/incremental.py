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
import contextlib
import contextvars
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import graphql
from graphql.pyutils import Path

from graph.awaited import cancelled
from graph.complete import Completion, located
from graph.defer import DeferredSelections, DeferUsage, Fields, StreamUsage, Usages
from graph.errors import overdue, report
from graph.exact import Execution
from graph.payloads import Group, Payload, Piece, Writer
from graph.selection import Selected
from graph.tree import Failure, Node, Slot
from resolvers import Entries, Ledger, entries_of

T = TypeVar("T")
_CHUNK = 100
_WAITING = 8


@dataclass(slots=True, eq=False)
class Stream:
    """The rest of a list."""

    group: Group
    slot: Slot
    path: Path
    kind: Any
    items: Any


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
        self.iterators: dict[int, AsyncIterator[Any]] = {}

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
            node.groups, node.piece = piece.node.groups, piece
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
        for stream in self.streams:
            stream.slot.parent.piece.streams.append(stream)
        self.streams = []

    async def items(
        self, stream: Stream, values: list[Any]
    ) -> tuple[list[Any], graphql.GraphQLError | None, list[graphql.GraphQLError]]:
        """Execute items of a list: give those before one that may not be null but is, why, and other errors."""
        slot, kind, begun_at = stream.slot, stream.kind, stream.group.index
        found: dict[str, list[Node]] = {}
        trees = [
            self._tree(kind, value, slot, Path(stream.path, begun_at + offset, None), found)
            for offset, value in enumerate(values)
        ]
        for name, nodes in found.items():
            # Whatever a field of it was deferred with, an item comes whole (as in graphql-core).
            self._note(self._schema.type_map[name], nodes, self.deferred.fields_of_item(name, slot.selected))
        await self._resolve_all()
        completion = Completion()
        completed, failure = completion.items(kind, trees, slot, stream.path, begun_at)
        stream.group.index += len(completed)
        lost = range(begun_at + len(completed), begun_at + len(values))
        self.drop([*completion.nulled, *(Path(stream.path, index, None) for index in lost)])
        return completed, failure, completion.errors

    def drop(self, nulled: list[Path], *, everything: bool = False, below: Path | None = None) -> None:
        """Forget what was to come below places that turned out to be null."""
        if not nulled and not everything:
            return
        gone = {tuple(path.as_list()) for path in nulled}
        if everything:
            gone.add(tuple(below.as_list()) if below is not None else ())
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

    def _node(self, kind: Any, value: Any, slot: Slot, path: Path) -> Node:
        node = super()._node(kind, value, slot, path)
        node.groups, node.piece = slot.parent.groups, slot.parent.piece
        return node

    async def _await(self, slot: Slot, value: Any) -> None:
        usage: StreamUsage | None = slot.selected.stream
        if usage is None:
            await super()._await(slot, value)
            return
        items = list[Any]()
        try:
            async with asyncio.timeout_at(self._ledger.over_at) as timeout:
                while inspect.isawaitable(value):  # Strawberry's generators come out of coroutines
                    value = await value
                if isinstance(value, AsyncIterable):
                    iterator = aiter(value)
                    self.iterators[id(iterator)] = iterator
                    while len(items) < usage.initial_count:
                        items.append(await anext(iterator))
        except StopAsyncIteration:
            value = items
        except TimeoutError as exc:
            value = Failure(overdue(slot.selected.name) if timeout.expired() else exc)
        except asyncio.CancelledError:
            value = cancelled()
        except Exception as exc:  # a resolver may raise anything; it is that field's error
            value = Failure(exc)
        if not isinstance(value, AsyncIterable):
            await super()._await(slot, value)
            return
        self._settle(slot.selected, [(slot, items)])
        if usage.initial_count < 0:
            return
        kind: Any = graphql.get_nullable_type(slot.selected.field.type)
        path = Path(slot.parent.path, slot.selected.key, None)
        group = Group(path.as_list(), usage.label, index=len(items))
        self.streams.append(Stream(group, slot, path, kind.of_type, iterator))

    def _tree(self, kind: Any, value: Any, slot: Slot, path: Path, found: dict[str, list[Node]]) -> Any:
        usage: StreamUsage | None = slot.selected.stream
        nullable: Any = graphql.get_nullable_type(kind)
        is_whole = usage is not None and path.key == slot.selected.key and isinstance(nullable, graphql.GraphQLList)
        if is_whole and isinstance(nullable, Entries) and isinstance(value, dict):
            kind, value = graphql.GraphQLList(nullable.of_type), entries_of(value)
        if usage is None or not is_whole or isinstance(value, Failure) or not isinstance(value, list | tuple):
            return super()._tree(kind, value, slot, path, found)
        if usage.initial_count < 0:
            error = graphql.GraphQLError("initialCount must not be negative", extensions={"code": "BAD_USER_INPUT"})
            return Failure(error)
        count = usage.initial_count
        if len(value) > count:
            group = Group(path.as_list(), usage.label, index=count)
            self.streams.append(Stream(group, slot, path, nullable.of_type, list(value[count:])))
        return super()._tree(kind, list(value[:count]), slot, path, found)


def _is_below(path: Path | None, gone: set[tuple[str | int, ...]]) -> bool:
    own = () if path is None else tuple(path.as_list())
    return any(own[:length] in gone for length in range(len(own) + 1))


Make = Callable[[Usages], DeferringExecution]


class Delivery:
    """The payloads of one operation.

    Args:
        execution: makes an execution for a set of deferred fragments.
        ledger: what all of them share.
        writer: the form that payloads have.
        context: the context variables that resolvers see, whoever asks for the payloads.
    """

    def __init__(self, execution: Make, ledger: Ledger, writer: Writer, context: contextvars.Context) -> None:
        self._make = execution
        self._context = context
        self._iterators: dict[int, AsyncIterator[Any]] = {}
        self._writer = writer
        self._ledger = ledger
        self._tasks: set[asyncio.Task[Any]] = set()
        self._events: asyncio.Queue[Callable[[Payload], None]] = asyncio.Queue(_WAITING)
        self._open: set[Group] = set()
        self._announced = 0

    async def payloads(self, kind: Any, selections: DeferredSelections) -> AsyncGenerator[Payload]:
        """Give the payloads of an operation, each when it is there; ``hasNext`` tells whether there are others.

        What is under way is cancelled when the consumer stops asking.
        """
        try:
            data, errors, executions = await self._start(self._first(kind, selections))
            payload: Payload = {"data": data}
            if errors:
                payload = {"errors": [report(error) for error in errors], "data": data}
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
            for iterator in tuple(self._iterators.values()):
                await self._close(iterator)

    def _execution(self, within: Usages) -> DeferringExecution:
        execution = self._make(within)
        execution.iterators = self._iterators
        return execution

    async def _close(self, iterator: AsyncIterator[Any]) -> None:
        """Let an author's generator clean up; what it raises then has no place in a response."""
        self._iterators.pop(id(iterator), None)
        close = getattr(iterator, "aclose", None)
        if close is not None:
            with contextlib.suppress(Exception):
                await close()

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
        self._take_streams(execution.streams, payload)

    def _take_streams(self, streams: list[Stream], payload: Payload) -> None:
        for stream in streams:
            self._announce(stream.group, payload)
            self._start(self._run_stream(stream))

    def _announce(self, group: Group, payload: Payload) -> None:
        group.ident = str(self._announced)
        self._announced += 1
        self._open.add(group)
        self._writer.announce(payload, group)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, context=self._context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

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
        failure: Exception | None = None
        try:
            while True:
                async with asyncio.timeout_at(self._ledger.over_at) as timeout:
                    value = await anext(iterator)
                if self._ledger.is_over:  # it may never have waited
                    failure = overdue(stream.slot.selected.name)
                    break
                if not await self._send_items(stream, [value], is_last=False):
                    await self._close(iterator)
                    return
        except StopAsyncIteration:
            pass
        except TimeoutError as exc:
            failure = overdue(stream.slot.selected.name) if timeout.expired() else exc
        except asyncio.CancelledError:
            failure = cancelled().error
        except Exception as exc:  # a resolver may raise anything; it ends its list
            failure = exc
        await self._close(iterator)
        failures = [] if failure is None else [located(failure, stream.slot, stream.path)]
        await self._events.put(lambda payload: self._complete(stream.group, payload, failures))

    async def _send_items(self, stream: Stream, values: list[Any], *, is_last: bool) -> bool:
        """Execute items and send them; tell whether more may follow."""
        execution = self._execution(frozenset())
        begun_at = stream.group.index
        try:
            completed, failure, errors = await execution.items(stream, values)
        except Exception as exc:  # a fault of ours costs the list
            completed, failure, errors = [], graphql.GraphQLError(str(exc), original_error=exc), []

        def deliver(payload: Payload) -> None:
            if completed:
                self._writer.items(payload, stream.group, begun_at, completed, errors)
            if failure is not None or is_last:
                self._complete(stream.group, payload, [] if failure is None else [failure])
            self._take(execution, payload)

        await self._events.put(deliver)
        return failure is None

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
                self._take_streams(piece.streams, payload)
        self._complete(group, payload, [])
        for child in group.children:
            self._announce(child, payload)
            self._close_if_done(child, payload)

    def _complete(self, group: Group, payload: Payload, errors: list[graphql.GraphQLError]) -> None:
        group.is_over = True
        self._open.discard(group)
        self._writer.complete(payload, group, errors)
