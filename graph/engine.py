"""The engine: from a request to the bytes of its response.

    request ─► operation cache ─► plan ─► run ─► bytes
               │ miss: parse, limits, validate (graphql-core), plan, compile

Every operation has an exact path; most queries also have a compiled one, tried first. Requests that are equal down to
the last byte, at the same time, share one execution where nothing in it looks at the client; public answers that may
be reused are kept as bytes until they are no longer fresh.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from typing import Any

import cachetools
import graphql
import msgspec

from graph.access import Access, Lack
from graph.answer import Answer
from graph.client import NOBODY, Caller
from graph.deadline import Deadlines
from graph.defer import DeferredSelections, Usages
from graph.errors import RateLimited, RequestError, report
from graph.exact import Execution
from graph.extended import Extended, Outcome, Wrap
from graph.incremental import DeferringExecution, Delivery
from graph.limits import Limits
from graph.operation import Operation, Operations, Variant
from graph.payloads import Writer
from graph.persisted import PersistedQueries
from graph.subscription import Subscriptions
from graph.trusted import TrustedDocuments
from resolvers import Bindings, Flights, Ledger, Loader, Store, operation_loaders
from sources import Bus, UpstreamInvalid
from sources import encode_json as _encode

Context = Callable[[], Any]


class Request(msgspec.Struct):
    """A GraphQL request as a client sends it (GraphQL over HTTP, 5.1).

    Args:
        document_id: names a trusted document instead of the query; `doc_id` is how clients of Relay spell it.
    """

    query: str | None = None
    operation_name: str | None = msgspec.field(name="operationName", default=None)
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = msgspec.field(name="documentId", default=None)
    doc_id: str | None = None


class Engine:
    """Executes the requests of one graph.

    Args:
        max_response_bytes: how much of the store may be whole responses.
        timeout_s: seconds that an operation may take; what is not there by then fails. None sets no bound.
        extended: whether the schema has extensions, which see every operation.
        bus: carries the events that are sent to the gateway; None keeps them inside this process.
    """

    def __init__(
        self,
        schema: graphql.GraphQLSchema,
        bindings: Bindings,
        *,
        store: Store | None = None,
        limits: Limits | None = None,
        max_response_bytes: int = 32 * 1024 * 1024,
        timeout_s: float | None = None,
        extended: bool = False,
        bus: Bus | None = None,
    ) -> None:
        self.extended = extended
        self.schema = schema
        self.bindings = bindings
        self.store = Store() if store is None else store
        self.loader = Loader(self.store)
        self.operations = Operations(schema, bindings, self.loader, limits)
        self.timeout_s = timeout_s
        self.deadlines = Deadlines(timeout_s)
        self.documents: PersistedQueries | TrustedDocuments = PersistedQueries()
        self.compiled_answers = 0
        self.exact_answers = 0
        self._flights: Flights[Answer] = Flights()
        self._under_way: dict[Hashable, bool] = {}
        self._responses: cachetools.LRUCache[Hashable, Answer] = cachetools.LRUCache(
            # Twice the body, for what it takes compressed.
            max_response_bytes,
            getsizeof=lambda answer: len(answer.body) * 2 + answer.asked_bytes + 500,
        )
        self.subscriptions = Subscriptions(self, bus)
        self.access = Access(bindings.requirements) if bindings.requirements.all else None
        self.forwards = tuple(sorted({name for source in bindings.sources for name in source.forward}))

    def kept(self, key: Hashable) -> Answer | None:
        """Give the stored response to an identical public request, while it is fresh."""
        answer = self._responses.get(key)
        if answer is None:
            return None
        fresh = answer.fresh_until is not None and answer.fresh_until > self.store.clock()
        if fresh and not self.store.is_touched_since(answer.types, answer.asked_at):
            return answer
        del self._responses[key]
        return None

    def lack(self, caller: Caller) -> Lack | None:
        """Give what a client lacks of what the graph requires; None where it meets all of it."""
        return None if self.access is None else self.access.lack(caller.client)

    def shared(
        self, key: Hashable, headers: Mapping[str, str], caller: Caller = NOBODY
    ) -> Answer | Awaitable[Answer] | None:
        """Give the answer of an identical request: kept, or to wait for; None when there is none to share."""
        if self.access is not None and (lack := self.access.lack(caller.client)) is not None:
            key = (key, lack)
        private = self._under_way.get(key)
        if private is None:
            return self.kept(key)
        return self._flights.join(self._flight(key, headers, private=private))

    def abandon(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task that awaits `answer`, unless others wait for the same answer; then once they have gone."""
        self._flights.abandon(task)

    def _flight(self, key: Hashable, headers: Mapping[str, str], *, private: bool) -> Hashable:
        # Who asks after a write is not given what was read before it.
        asked = (key, self.store.touches)
        return (asked, tuple(map(headers.get, self.forwards))) if private else asked

    async def answer(
        self,
        request: Request,
        headers: Mapping[str, str],
        context: Context,
        *,
        key: Hashable,
        caller: Caller = NOBODY,
        writes: bool = True,
        writer: Writer | None = None,
        timed: bool = True,
    ) -> Answer:
        """Execute a request.

        Args:
            headers: the client's, by lower-case name.
            context: makes what resolvers see as ``info.context``; called only when one runs.
            key: equal for requests that are equal.
            caller: who asks; it pays for what is executed.
            writes: whether a mutation may be executed; not so for GET.
            writer: the form in which the client takes an answer in several payloads; to others, what ``@defer`` and
                ``@stream`` say is nothing.
            timed: whether the operation is over after `timeout_s`; not so where the caller sees to it.

        Raises:
            RateLimited: the client has too little left for it.
        """
        lack = None
        if self.access is not None and (lack := self.access.lack(caller.client)) is not None:
            key = (key, lack)
        kept = self.kept(key)
        if kept is not None:
            return kept
        try:
            text, operations, name = self.text(request), self.operations, request.operation_name
            if self.extended:
                return await self._execute_extended(text, request, headers, context, caller, lack, writes=writes)
            operation = await self._operation(text, name, writes=writes)
            variables = operations.variables(operation, request.variables)
            variant = operations.known_variant(operation, variables)
            if variant is None or (lack is not None and variant.needs):
                variant = await operations.allowed_variant(operation, variables, lack)
            if caller.meter is not None and caller.meter.weighs and not self._joins(key, headers):
                await caller.pay(variant.estimate.at(variables.coerced).weight)
        except RateLimited:
            raise
        except RequestError as exc:
            body, malformed = _encode(exc.report()), exc.code == "BAD_REQUEST"
            return Answer(body, status=exc.status, executed=False, malformed=malformed, no_store=True)
        inputs = request.variables or {}
        if writer is not None and operation.is_incremental:
            return await self._deliver(variant, variables, headers, context, caller, writer)
        if not variant.shareable:
            return await self._execute(operation, variant, inputs, variables, headers, context, caller, timed)

        async def execute() -> Answer:
            answer = await self._execute(operation, variant, inputs, variables, headers, context, caller, timed)
            if answer.fresh_until is not None and not answer.private and not answer.no_store:
                answer.asked_bytes = _length(key)
                with contextlib.suppress(ValueError):  # larger than all that may be kept
                    self._responses[key] = answer
            return answer

        flight = self._flight(key, headers, private=variant.private)
        self._under_way[key] = variant.private
        try:
            return await self._flights.lead(flight, execute)
        finally:
            self._under_way.pop(key, None)

    def _joins(self, key: Hashable, headers: Mapping[str, str]) -> bool:
        private = self._under_way.get(key)
        return private is not None and self._flight(key, headers, private=private) in self._flights

    async def is_mutation(self, request: Request) -> bool:
        """Tell whether a request would execute a mutation; one that cannot be executed would not."""
        try:
            operation = await self.operation(request)
        except RequestError:
            return False
        return operation.node.operation is graphql.OperationType.MUTATION

    async def operation(self, request: Request) -> Operation:
        """Give the operation that a request names.

        Raises:
            RequestError: it names none that is known, or one that cannot be.
        """
        text, operations, name = self.text(request), self.operations, request.operation_name
        return operations.known(text, name) or await operations.prepare(text, name)

    def text(self, request: Request) -> str:
        """Give the document that a request holds or names."""
        return self.documents.text(request.query, request.extensions, request.document_id or request.doc_id)

    async def _operation(self, text: str | None, name: str | None, *, writes: bool) -> Operation:
        if not text:
            raise RequestError.of("the request has no query", "BAD_REQUEST")
        operation = self.operations.known(text, name) or await self.operations.prepare(text, name)
        kind = operation.node.operation
        if not writes and kind is graphql.OperationType.MUTATION:
            raise RequestError.of("GET may not execute a mutation", "BAD_REQUEST", 405)
        if kind is graphql.OperationType.SUBSCRIPTION:
            forms = "text/event-stream or multipart/mixed;subscriptionSpec=1.0"
            raise RequestError.of(f"a subscription is a stream: use WebSocket, or accept {forms}", "BAD_REQUEST", 406)
        return operation

    async def _execute_extended(
        self,
        query: str | None,
        request: Request,
        headers: Mapping[str, str],
        context: Context,
        caller: Caller,
        lack: Lack | None,
        *,
        writes: bool,
    ) -> Answer:
        """Execute a request inside the schema's extensions; its answer is the client's own."""
        made, inputs = context(), request.variables
        schema = self.schema.extensions["strawberry-definition"]
        extended = Extended(schema, query, request.operation_name, inputs, request.extensions, made, writes=writes)

        async def execute(operation: Operation) -> Outcome:
            inputs = extended.under_way.variables
            variables = self.operations.variables(operation, inputs)
            variant = await self.operations.allowed_variant(operation, variables, lack)
            if variant.is_introspection and not variant.is_mutation:
                introspected = msgspec.json.decode((await self._introspect(operation, variant, inputs or {})).body)
                return introspected["data"], []
            if caller.meter is not None and caller.meter.weighs:
                await caller.pay(variant.estimate.at(variables.coerced).weight)
            ledger = self.ledger(headers)
            self.deadlines.add(ledger)
            try:
                with operation_loaders():
                    return await self.outcome(variant, ledger, variables, lambda: made, extended.wrap)
            finally:
                self._end(ledger, caller)

        response, refused = await extended.run(
            lambda text: self._operation(text, request.operation_name, writes=writes), execute
        )
        if isinstance(refused, RateLimited):
            raise refused
        answer = Answer(_encode(response), private=True, no_store=True)
        if refused is not None:
            answer.status, answer.executed = refused.status, False
            answer.malformed = refused.code == "BAD_REQUEST"
        return answer

    async def _execute(
        self,
        operation: Operation,
        variant: Variant,
        inputs: Mapping[str, Any],
        variables: Any,
        headers: Mapping[str, str],
        context: Context,
        caller: Caller,
        timed: bool,
    ) -> Answer:
        if variant.is_introspection and not variant.is_mutation:
            return await self._introspect(operation, variant, inputs)
        ledger = self.ledger(headers)
        if timed:
            self.deadlines.add(ledger)
        try:
            if not variant.has_python:
                return await self._run(variant, ledger, variables, context)
            with operation_loaders():
                return await self._run(variant, ledger, variables, context)
        finally:
            self._end(ledger, caller)

    def _end(self, ledger: Ledger, caller: Caller) -> None:
        self.deadlines.discard(ledger)
        if caller.meter is not None:
            caller.meter.note_calls(ledger.calls)

    def ledger(self, headers: Mapping[str, str]) -> Ledger:
        """Give the ledger of an operation that begins."""
        return Ledger(headers, self.store.clock(), self.operations.limits.max_pages)

    async def _run(self, variant: Variant, ledger: Ledger, variables: Any, context: Context) -> Answer:
        data, errors = await self.outcome(variant, ledger, variables, context)
        response: dict[str, Any] = {"data": data}
        if errors:
            response = {"errors": [report(error) for error in errors], "data": data}
        answer = self._finish(_encode(response), variant, ledger)
        answer.no_store = bool(errors) or variant.is_mutation
        return answer

    async def outcome(
        self, variant: Variant, ledger: Ledger, variables: Any, context: Context, wrap: Wrap | None = None
    ) -> Outcome:
        """Give data and errors, by the compiled path where that can answer."""
        if variant.runner is not None and (wrap is None or not variant.has_python):
            data = await variant.runner.run(ledger, variables)
            if data is not None:
                self.compiled_answers += 1
                return data, [] if variant.telling is None else variant.telling.errors(data)
        self.exact_answers += 1
        data, errors = await self._execute_exactly(variant, ledger, variables, context, wrap)
        if any(isinstance(error.original_error, UpstreamInvalid) for error in errors):
            self.store.discard(ledger.kept)
        return data, errors

    async def _execute_exactly(
        self, variant: Variant, ledger: Ledger, variables: Any, context: Context, wrap: Wrap | None
    ) -> Outcome:
        made = context()

        def execution() -> Execution:
            return Execution(self.schema, self.bindings, variant.selections, self.loader, ledger, variables, made, wrap)

        if not variant.is_mutation:
            return await execution().execute(variant.kind, variant.fields)
        # Mutations run one after the other, each with all that is selected from it (specification, 6.2.2).
        whole: dict[str, Any] = {}
        errors: list[graphql.GraphQLError] = []
        for selected in variant.fields:
            ledger.forget()
            data, found = await execution().execute(variant.kind, [selected])
            errors += found
            if data is None:
                return None, errors
            whole.update(data)
        return whole, errors

    async def _deliver(
        self,
        variant: Variant,
        variables: Any,
        headers: Mapping[str, str],
        context: Context,
        caller: Caller,
        writer: Writer,
    ) -> Answer:
        """Answer in several payloads, or in one where nothing comes later."""
        ledger, made = self.ledger(headers), context()
        selections = DeferredSelections(variant.selections, self.bindings, variables)

        def execution(within: Usages = frozenset()) -> DeferringExecution:
            begun = DeferringExecution(self.schema, self.bindings, selections, self.loader, ledger, variables, made)
            begun.begin(selections, within)
            return begun

        with operation_loaders():
            loaders = contextvars.copy_context()

        async def payloads() -> AsyncGenerator[dict[str, Any]]:
            self.deadlines.add(ledger)
            try:
                delivery = Delivery(execution, ledger, writer, loaders)
                async with contextlib.aclosing(delivery.payloads(variant.kind, selections)) as delivered:
                    first = await anext(delivered)
                    yield first  # to be looked at
                    yield first  # to be sent: whoever closes what has begun closes all of it
                    async for payload in delivered:
                        yield payload
            finally:
                self._end(ledger, caller)

        self.exact_answers += 1
        answers = payloads()
        first = await anext(answers)
        if first["hasNext"]:
            return Answer(b"", no_store=True, payloads=answers)
        await answers.aclose()
        del first["hasNext"]
        answer = self._finish(_encode(first), variant, ledger)
        answer.no_store = "errors" in first or variant.is_mutation
        return answer

    def _finish(self, body: bytes, variant: Variant, ledger: Ledger) -> Answer:
        fresh_s = ledger.fresh_s
        private = ledger.private or variant.plan.sees_client
        answer = Answer(body, private=private, types=frozenset(ledger.types), asked_at=ledger.now)
        answer.granted = bool(variant.needs)
        if 0 < fresh_s < float("inf") and not variant.has_python:
            answer.fresh_until = self.store.clock() + fresh_s
        return answer

    async def _introspect(self, operation: Operation, variant: Variant, inputs: Mapping[str, Any]) -> Answer:
        if variant.introspected is not None:
            return Answer(variant.introspected)
        name = operation.node.name.value if operation.node.name else None

        def introspect() -> graphql.ExecutionResult:
            return graphql.execute_sync(
                self.schema, operation.document, variable_values=dict(inputs), operation_name=name
            )

        result = await self.operations.aside(introspect)
        body = _encode(result.formatted)
        if not operation.node.variable_definitions:
            variant.introspected = body
        return Answer(body)


def _length(key: Hashable) -> int:
    return len(key) if isinstance(key, bytes) else sum(map(_length, key)) if isinstance(key, tuple) else 0
