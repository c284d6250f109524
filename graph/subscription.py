"""Subscriptions: a request becomes a subscriber of a channel, new or shared with whoever asks the same.

    request ─► operation, variant ─► channel ─► topic (resolvers) ─► feed (sources)
                                        │
                                        └─► subscriber ─► a socket or a stream

Two subscriptions are the same when their documents, operations and variables are, and the client's headers as far as
any source is sent them. Where anything looks at the client's request itself, or an author's generator is not `shared`,
nothing is the same, and each has a channel of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import graphql

from graph.access import Lack
from graph.channel import Channel, Subscriber, close_stream, failed
from graph.client import NOBODY, Caller
from graph.errors import RequestError, log
from graph.exact import Execution
from graph.extended import Extended, Outcome, Wrap
from graph.happening import Completing, apart
from graph.holding import SUBSCRIBER, Holding
from graph.limits import exceeded
from graph.operation import Operation, Variant
from graph.run import wire_arguments
from resolvers import Fetching, Ledger, Listener, Occasion, Part, Python, Topics, Wanted, operation_loaders
from sources import Bus, Gap, MemoryBus, Webhook, encode_json, encode_sorted_json

if TYPE_CHECKING:
    from graph.engine import Context, Engine, Request

_REPLACED = Gap("the graph was replaced; events may be missing")
_NOT_SHARED = 1  # values that wait for a subscriber of an author's own generator


class Subscriptions:
    """The subscriptions of one engine.

    Args:
        bus: carries the events that are sent to the gateway.
    """

    def __init__(self, engine: Engine, bus: Bus | None = None) -> None:
        self._engine = engine
        self._has_own_bus = bus is None
        self.bus = bus or MemoryBus()
        self.topics = Topics(engine.store, self.bus)
        self.holding = Holding(engine.operations.limits)
        self._channels: dict[Hashable, Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._channels)

    async def open(
        self, request: Request, headers: Mapping[str, str], context: Context, caller: Caller = NOBODY
    ) -> Subscriber | None:
        """Subscribe; None where the request's operation is a query or a mutation.

        Args:
            headers: the client's, by lower-case name.
            context: makes what resolvers see as ``info.context``.
            caller: who asks; to begin costs what one event is estimated to cost, and events nothing more.

        Raises:
            RequestError: the operation cannot be executed.
            RateLimited: the client has too little left for it.
        """
        opened = await self._open(request, headers, context, caller)
        if opened is None:
            return None
        channel = opened

        async def again(engine: Engine) -> None:
            moved = await engine.subscriptions._open(request, headers, context, Caller(caller.client))
            if moved is None:
                raise RequestError.of("the operation is no subscription any more", "OPERATION_RESOLUTION_FAILURE")
            if subscriber.is_over:
                if not moved.subscribers:
                    moved.stop()
                return
            old = subscriber.channel
            moved.enter(subscriber)
            if old is None:
                return
            if old.leave_topic is not None and moved.leave_topic is not None and not old.hands_over(moved):
                moved.warn(subscriber, _REPLACED)
            old.leave(subscriber)

        size_bytes = SUBSCRIBER + len(self._engine.text(request)) + _size(request.variables)
        subscriber = Subscriber(channel.buffer, channel.overflow, again, size_bytes)
        channel.enter(subscriber)
        return subscriber

    async def move_to(self, engine: Engine) -> None:
        """Let every subscriber go on over a new graph; those whose operations do not fit it end with an error."""
        for channel in tuple(self._channels.values()):
            for subscriber in tuple(channel.subscribers):
                if subscriber.again is None:
                    continue
                try:
                    await subscriber.again(engine)
                except RequestError as exc:
                    changed = "the graph has changed, and the subscription does not fit it any more"
                    first = graphql.GraphQLError(changed, extensions={"code": exc.code})
                    subscriber.end([first, *(_coded(error, exc.code) for error in exc.errors)])
                except Exception:  # a fault of ours ends one subscription, not all that come after it
                    log.exception("a subscription could not be moved to another graph")
                    subscriber.end([failed()])

    def take_over(self, before: Subscriptions) -> None:
        """Go on with the bus of a graph that this one takes the place of, unless the author gave it one of its own."""
        if self._has_own_bus and before._has_own_bus:
            self.bus = self.topics.bus = before.bus

    async def aclose(self, *, keeping: Collection[Bus] = ()) -> None:
        """End all subscriptions: each is complete.

        Args:
            keeping: buses that others go on with.
        """
        for channel in tuple(self._channels.values()):
            for subscriber in tuple(channel.subscribers):
                subscriber.end()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.topics.aclose()
        if self.bus not in keeping:
            await self.bus.aclose()

    # -- opening --------------------------------------------------------------------------------------------------

    async def _open(
        self, request: Request, headers: Mapping[str, str], context: Context, caller: Caller
    ) -> Channel | None:
        """Give the channel of a subscription, new or known; whoever opens it must enter it at once."""
        engine = self._engine
        operation = await engine.operation(request)
        if operation.node.operation is not graphql.OperationType.SUBSCRIPTION:
            return None
        self.holding.check()
        await engine.operations.turns.take()
        made, inputs, wrap = context(), request.variables, None
        if engine.extended:
            extended = await self._extend(operation, request, made)
            inputs, wrap = extended.under_way.variables, extended.wrap
        variables = engine.operations.variables(operation, inputs)
        lack = engine.lack(caller)
        variant = await engine.operations.allowed_variant(operation, variables, lack)
        denied = variant.fields[0].denied
        if denied is not None:
            raise RequestError([_located(denied.error(), variant.fields[0])], denied.code)
        if caller.meter is not None and caller.meter.weighs:
            await caller.pay(variant.estimate.at(variables.coerced).weight)
        identity = self._identity(variant, request, headers, lack)
        known = self._channels.get(identity)
        if known is not None:
            return known
        binding = variant.plan.fetches[0].binding
        performance = _Performance(engine, variant, variables, headers, made, wrap)
        if isinstance(binding, Python):
            stream = await performance.source_stream()
            known = self._channels.get(identity)  # somebody may have been faster
            if known is not None:
                await close_stream(stream)
                return known
            return self._follow(identity, operation, binding, performance, stream)
        arguments = performance.arguments(binding)
        if binding.guarded:
            await performance.check()
            known = self._channels.get(identity)
        return known or self._listen(identity, operation, binding, performance, arguments)

    async def _extend(self, operation: Operation, request: Request, context: Any) -> Extended:
        """Let the schema's extensions see a subscription that begins.

        Raises:
            RequestError: one of them refuses it.
        """
        engine = self._engine
        schema = engine.schema.extensions["strawberry-definition"]
        text, name = engine.text(request), request.operation_name
        extended = Extended(schema, text, name, request.variables, request.extensions, context, subscribes=True)

        async def look_up(text: str | None) -> Operation:
            return operation

        async def begin(operation: Operation) -> Outcome:
            return {}, []

        _, refused = await extended.run(look_up, begin)
        errors: Any = getattr(extended.under_way.result, "errors", None)
        if refused is not None or errors:
            raise refused or RequestError(errors, "FORBIDDEN")
        return extended

    def _identity(self, variant: Variant, request: Request, headers: Mapping[str, str], lack: Lack | None) -> Hashable:
        binding = variant.plan.fetches[0].binding
        if self._engine.extended or not variant.shareable:
            return object()
        if isinstance(binding, Python) and binding.shared is None:
            return object()
        try:
            variables = encode_sorted_json(request.variables or {})
        except TypeError:  # values that only Python has
            return object()
        client = tuple(map(headers.get, self._engine.forwards)) if variant.private else ()
        return (self._engine.text(request), request.operation_name, variables, client, lack)

    def _listen(
        self,
        identity: Hashable,
        operation: Operation,
        fetching: Fetching,
        performance: _Performance,
        arguments: Mapping[str, Any],
    ) -> Channel:
        feeding = fetching.feeding
        if feeding is None:
            raise RuntimeError("a subscription's field without a feed is found at start-up")
        pushed, inputs = feeding.pushed, fetching.call.inputs
        engine = self._engine
        values = {name: arguments.get(inputs.get(name, name)) for name in pushed.feed.variables}
        client = tuple((name, performance.headers[name]) for name in _forwarded(fetching, performance.headers))
        most = engine.operations.limits.max_feeds
        if most is not None and len(self.topics) >= most and not self.topics.knows(fetching, values, client):
            raise exceeded(f"subscriptions may keep {most} feeds of backends open at once")
        completing = Completing(performance.variant, fetching, feeding, engine.bindings, engine.loader)
        channel = Channel(
            lambda burst: performance.perform(burst, completing),
            pushed.buffer,
            pushed.overflow,
            lambda: self._forget(identity, operation),
            self.holding,
        )
        if isinstance(pushed.feed, Webhook):
            channel.carrier = self.bus
        self._keep(identity, operation, channel, channel.start())
        wanted = Wanted(feeding.filters, arguments)

        def hear(told: Any) -> None:
            if isinstance(told, list):
                told = [occasion for occasion in told if wanted.has(occasion.payload)]
            channel.hear(told)

        channel.leave_topic = self.topics.join(fetching, feeding, values, client, Listener(hear, channel.end))
        return channel

    def _follow(
        self, identity: Hashable, operation: Operation, binding: Python, performance: _Performance, stream: Any
    ) -> Channel:
        shared = binding.shared
        channel = Channel(
            performance.perform_nothing,
            _NOT_SHARED if shared is None else shared.buffer,
            "drop_oldest" if shared is None else shared.overflow,
            lambda: self._forget(identity, operation),
            self.holding,
        )
        task = channel.follow(stream, performance.perform_value, is_shared=shared is not None)
        self._keep(identity, operation, channel, task)
        return channel

    def _keep(self, identity: Hashable, operation: Operation, channel: Channel, task: asyncio.Task[None]) -> None:
        self._channels[identity] = channel
        self.holding.begin(operation)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, identity: Hashable, operation: Operation) -> None:
        del self._channels[identity]
        self.holding.end(operation)


class _Performance:
    """Executes one subscription's operation, for whatever happens."""

    def __init__(
        self,
        engine: Engine,
        variant: Variant,
        variables: Any,
        headers: Mapping[str, str],
        context: Any,
        wrap: Wrap | None,
    ) -> None:
        self._wrap = wrap
        self.variant = variant
        self.headers = headers
        self._engine = engine
        self._variables = variables
        self._context = context
        self._selected = variant.fields[0]

    def arguments(self, fetching: Fetching) -> Mapping[str, Any]:
        """Give the arguments of the field, as the backend reads them.

        Raises:
            RequestError: one of them has a value that cannot be.
        """
        field, node = self._selected.field, self._selected.nodes[0]
        try:
            return wire_arguments(field, graphql.get_argument_values(field, node, self._variables), fetching)[0]
        except graphql.GraphQLError as exc:
            raise RequestError([exc], "BAD_USER_INPUT") from exc

    async def check(self) -> None:
        """Let the permissions of the field decide, before anything happens.

        Raises:
            RequestError: they deny it.
        """

        async def nothing(ledger: Ledger) -> None:
            ledger.happened = Part((), b"[]", enveloped=False)

        _, errors = await self._outcome(nothing)
        if errors:
            raise RequestError(errors, "FORBIDDEN")

    async def perform(self, burst: list[Occasion], completing: Completing) -> list[str]:
        """Give the execution result of each of some events, as JSON text."""
        data, errors = await self._outcome(lambda ledger: completing.seed(burst, ledger))
        return [encode_json(result).decode() for result in apart(self.variant, len(burst), data, errors)]

    async def perform_nothing(self, burst: list[Occasion]) -> list[str]:
        """Answer no events: a generator gives values."""
        return []

    async def perform_value(self, value: Any) -> str:
        """Give the execution result of a value of a generator, as JSON text."""

        async def seed(ledger: Ledger) -> None:
            ledger.outcomes[self._selected.key] = [value]

        data, errors = await self._outcome(seed)
        [result] = apart(self.variant, 1, data, errors)
        return encode_json(result).decode()

    async def source_stream(self) -> Any:
        """Call the author's generator (specification, 6.2.3.1).

        Raises:
            RequestError: it gives none.
        """
        engine = self._engine
        ledger = engine.ledger(self.headers)
        selections = self.variant.selections
        execution = Execution(
            engine.schema, engine.bindings, selections, engine.loader, ledger, self._variables, self._context
        )
        try:
            stream = execution.source_stream(self.variant.kind, self._selected)
            if hasattr(stream, "__await__"):
                async with asyncio.timeout(engine.timeout_s):
                    stream = await stream
        except graphql.GraphQLError as exc:
            raise RequestError([_located(exc, self._selected)], "INTERNAL_SERVER_ERROR") from exc
        except Exception as exc:  # the author's code may raise anything
            error = graphql.GraphQLError(str(exc), list(self._selected.nodes), original_error=exc)
            raise RequestError([error], "INTERNAL_SERVER_ERROR") from exc
        if not hasattr(stream, "__aiter__"):
            raise RequestError.of("the subscription's field gave no stream of values", "INTERNAL_SERVER_ERROR")
        return stream

    async def _outcome(self, seed: Callable[[Ledger], Any]) -> Any:
        engine = self._engine
        ledger = engine.ledger(self.headers)
        engine.deadlines.add(ledger)
        try:
            await seed(ledger)
            with operation_loaders():
                return await engine.outcome(self.variant, ledger, self._variables, lambda: self._context, self._wrap)
        finally:
            engine.deadlines.discard(ledger)


def _size(variables: Mapping[str, Any] | None) -> int:
    """Give the bytes that variables take, estimated."""
    try:
        return 4 * len(encode_json(variables)) if variables else 0
    except TypeError:  # values that only Python has
        return 0


def _forwarded(fetching: Fetching, headers: Mapping[str, str]) -> list[str]:
    return [name for name in fetching.source.forward if name in headers]


def _coded(error: graphql.GraphQLError, code: str) -> graphql.GraphQLError:
    extensions = {"code": code, **(error.extensions or {})}
    return graphql.GraphQLError(error.message, error.nodes, path=error.path, extensions=extensions)


def _located(error: graphql.GraphQLError, selected: Any) -> graphql.GraphQLError:
    return graphql.located_error(error, list(selected.nodes), [selected.key])
