"""Operations: parsed, validated, planned and compiled once, then kept.

The cache is bounded by the memory that documents are estimated to take, so a client that sends a new text with each
request costs time, never memory. One document holds variants of an operation, one for each combination
of values of the variables that @skip and @include use: with those decided, a variant's fields are fixed.

Preparing takes tens of microseconds a token and field. What is large is therefore prepared in a thread, one document
after the other, so that the event loop goes on answering; of what is small, one piece is done in each of its rounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import cachetools
import graphql

from graph.access import Denials, Lack
from graph.compile import Compiler
from graph.cost import Estimate, Estimator
from graph.decode import Uncompilable
from graph.defer import has_incremental
from graph.document import read_document
from graph.errors import RequestError
from graph.leaf import leaf_reader
from graph.limits import Limits, exceeded
from graph.plan import Plan, plan
from graph.program import Program
from graph.run import Resolver, Runner
from graph.scan import scan
from graph.selection import Selected, Selections, TooManyFields, condition_variables, in_burst
from graph.telling import Telling
from graph.turns import Turns
from resolvers import Bindings, Flights, Loader, Python

T = TypeVar("T")
_MAX_VARIANTS = 16
_LARGE = 500  # tokens or fields; about 20 ms


class Variant:
    """An operation with its conditions decided.

    Args:
        fields: the root fields.
        runner: the compiled program; None where only the exact path can answer, and `obstacle` says why.
        has_python: whether any field is an author's resolver, or has a permission of his.
        estimate: what it costs.
        is_subscription: whether it is answered once for each event; its plan is that of several events, and
            `is_required` says that an event without an answer has no data at all.
        shareable: whether two clients that send the same may share one execution: a query in which nothing looks at
            the client. `private` means that forwarded headers must be equal as well.
        needs: what has to be met by a client that is given all of it; `telling` has what one lacks that is not.
    """

    estimate: Estimate

    def __init__(self, operation: Operation, selections: Selections, bindings: Bindings, limits: Limits) -> None:
        schema = selections.schema
        kind = schema.get_root_type(operation.node.operation)
        if kind is None:
            raise RequestError.of(f"the schema has no {operation.node.operation.value}s", "GRAPHQL_VALIDATION_FAILED")
        self.selections = selections
        self.kind = kind
        self.fields: list[Selected] = selections.root(kind)
        self.is_subscription = operation.node.operation is graphql.OperationType.SUBSCRIPTION
        self.is_required = self.is_subscription and graphql.is_non_null_type(self.fields[0].field.type)
        if self.is_subscription:
            self.fields = [in_burst(selected) for selected in self.fields]
        if limits.max_root_fields is not None and len(self.fields) > limits.max_root_fields:
            raise exceeded(f"the operation has more than {limits.max_root_fields} root fields")
        self.is_mutation = operation.node.operation is graphql.OperationType.MUTATION
        self.is_introspection = bool(self.fields) and all(found.name.startswith("__") for found in self.fields)
        self.plan: Plan = plan(schema, bindings, selections, kind, self.fields)
        self.runner: Runner | None = None
        self.obstacle = ""
        self.private = self.plan.private
        self.has_python = self.plan.sees_client or any(
            isinstance(fetch.binding, Python) or fetch.binding.guarded for fetch in self.plan.fetches
        )
        self.shareable = not self.is_mutation and not self.plan.sees_client
        self.needs = frozenset(selections.denials.needs)
        self.telling = Telling(self.plan) if selections.denials.lack is not None else None
        self.introspected: bytes | None = None


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of a validated document.

    Args:
        is_incremental: whether it says ``@defer`` or ``@stream``.
        size: how many fields the document's largest operation selects.
    """

    node: graphql.OperationDefinitionNode
    fragments: dict[str, graphql.FragmentDefinitionNode]
    document: graphql.DocumentNode
    conditions: tuple[str, ...]
    is_incremental: bool
    size: int
    variants: dict[tuple[Any, ...], Variant] = field(default_factory=dict)

    @property
    def cost(self) -> int:
        """The bytes that it takes, estimated."""
        # Measured: a parsed, planned and compiled document takes about a hundred times its text.
        source = self.document.loc.source.body if self.document.loc else ""
        return 20_000 + 100 * len(source)


class Operations:
    """The operations of one graph, by text and name."""

    def __init__(
        self, schema: graphql.GraphQLSchema, bindings: Bindings, loader: Loader, limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._schema = schema
        self._bindings = bindings
        self._loader = loader
        self._compiler = Compiler(bindings)
        self._compiler_aside = Compiler(bindings)
        self._estimator = Estimator(schema, self.limits)
        self._documents: Flights[Operation] = Flights()
        self._plans: Flights[Variant] = Flights()
        self.turns = Turns()
        self._thread = ThreadPoolExecutor(1, "weft-prepare")
        self._known: cachetools.LRUCache[tuple[str, str | None], Operation] = cachetools.LRUCache(
            self.limits.max_document_bytes, getsizeof=lambda operation: operation.cost
        )

    def known(self, text: str, name: str | None) -> Operation | None:
        """Give the operation if it is kept."""
        return self._known.get((text, name))

    def get(self, text: str, name: str | None) -> Operation:
        """Give the operation, from the cache or freshly parsed and validated.

        Raises:
            RequestError: the text is over a limit, is not GraphQL, does not fit the schema, or does not have the
                operation.
        """
        return self.known(text, name) or self._keep(text, name, self._prepare(text, name))

    async def prepare(self, text: str, name: str | None) -> Operation:
        """Give an operation that is not kept; a large one is prepared aside, once for all who ask for it.

        Raises:
            RequestError: see `get`.
        """
        if scan(text, self.limits) <= _LARGE:
            await self.turns.take()
            return self.get(text, name)

        async def work() -> Operation:
            return self._keep(text, name, await self.aside(lambda: self._prepare(text, name)))

        return await self._documents.share((text, name), work)

    def aside(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do what takes long in a thread, after all that was given before."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _keep(self, text: str, name: str | None, operation: Operation) -> Operation:
        with contextlib.suppress(ValueError):  # larger than all that may be kept
            self._known[text, name] = operation
        return operation

    def variables(self, operation: Operation, inputs: Mapping[str, Any] | None) -> Any:
        """Coerce the variables of a request.

        Raises:
            RequestError: a variable is missing or has a value that its type does not take; or there are too many.
        """
        definitions = operation.node.variable_definitions
        if not definitions:
            return _NO_VARIABLES
        if inputs:
            self._count_values(inputs)
        values = graphql.execution.values.get_variable_values(
            self._schema,
            definitions,
            dict(inputs or {}),
            max_errors=20,
            hide_suggestions=self.limits.suggestions is False,
        )
        if isinstance(values, list):
            raise RequestError(values, "BAD_USER_INPUT")
        return values

    def _count_values(self, inputs: Mapping[str, Any]) -> None:
        most = self.limits.max_values
        if most is None:
            return
        left = most
        waiting: list[Any] = [inputs]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict | list):
                left -= len(value)
                if left < 0:
                    raise exceeded(f"the variables hold more than {most} values")
                waiting.extend(value.values() if isinstance(value, dict) else value)

    def variant(self, operation: Operation, variables: Any, lack: Lack | None = None) -> Variant:
        """Give the operation with its @skip and @include decided by the variables.

        Args:
            lack: what the client lacks of what the operation needs; fields that need it are denied.

        Raises:
            RequestError: it has too many fields, costs too much, or may need too many upstream calls.
        """
        known = self.known_variant(operation, variables, lack)
        if known is None:
            planned = self._variant(operation, variables, self._compiler, lack)
            known = self._keep_variant(operation, _identity(operation, variables, lack), planned)
        return self._checked(known, variables)

    def known_variant(self, operation: Operation, variables: Any, lack: Lack | None = None) -> Variant | None:
        """Give the variant if it is kept.

        Raises:
            RequestError: with these variables, it costs too much, or may need too many upstream calls.
        """
        plain = lack is None and not operation.conditions
        known = operation.variants.get(() if plain else _identity(operation, variables, lack))
        if known is not None and not known.estimate.is_fixed:
            self._checked(known, variables)
        return known

    async def allowed_variant(self, operation: Operation, variables: Any, lack: Lack | None) -> Variant:
        """Give the variant for a client: with what it is denied left out of the plan.

        Args:
            lack: what the client lacks of all that the graph requires.

        Raises:
            RequestError: see `variant`.
        """
        whole = self.known_variant(operation, variables) or await self.prepare_variant(operation, variables)
        lacking = None if lack is None else lack.among(whole.needs)
        if lacking is None:
            return whole
        known = self.known_variant(operation, variables, lacking)
        return known or await self.prepare_variant(operation, variables, lacking)

    async def prepare_variant(self, operation: Operation, variables: Any, lack: Lack | None = None) -> Variant:
        """Give a variant that is not kept; a large one is planned aside, once for all who ask for it.

        Raises:
            RequestError: see `variant`.
        """
        if operation.size <= _LARGE:
            await self.turns.take()
            return self.variant(operation, variables, lack)

        identity = _identity(operation, variables, lack)

        async def work() -> Variant:
            planned = await self.aside(lambda: self._variant(operation, variables, self._compiler_aside, lack))
            return self._keep_variant(operation, identity, planned)

        return self._checked(await self._plans.share((id(operation), identity), work), variables)

    def variant_without_variables(self, operation: Operation, lack: Lack | None = None) -> Variant:
        """Give the operation with everything that @skip and @include decide in it: to be planned, not to be run."""
        if not operation.conditions:
            return self.variant(operation, _NO_VARIABLES, lack)
        return self._variant(operation, None, self._compiler, lack)

    def _checked(self, variant: Variant, variables: Any) -> Variant:
        if not variant.estimate.is_fixed:
            self._estimator.check(variant.estimate.at(variables.coerced))
        return variant

    def _keep_variant(self, operation: Operation, identity: tuple[Any, ...], variant: Variant) -> Variant:
        if len(operation.variants) >= _MAX_VARIANTS:
            operation.variants.pop(next(iter(operation.variants)))
        operation.variants[identity] = variant
        return variant

    def _variant(self, operation: Operation, variables: Any, compiler: Compiler, lack: Lack | None = None) -> Variant:
        most = sys.maxsize if self.limits.max_fields is None else self.limits.max_fields
        denials = Denials(self._bindings.requirements, lack)
        selections = Selections(
            self._schema, operation.node, operation.fragments, variables, max_fields=most, denials=denials
        )
        try:
            variant = Variant(operation, selections, self._bindings, self.limits)
            variant.estimate = self._estimator.estimate(variant.plan)
        except TooManyFields:
            raise exceeded(f"the operation selects more than {most} fields") from None
        except graphql.GraphQLError as exc:  # a null for a variable with a default, where @skip or @include use it
            raise RequestError([exc], "BAD_USER_INPUT") from exc
        if variant.estimate.is_fixed:
            self._estimator.check(variant.estimate.at())
        if variant.is_mutation:
            variant.obstacle = "the fields of a mutation run one after the other"
            return variant
        if variant.is_subscription and variant.fields[0].denied is not None:
            variant.obstacle = "it is denied"
            return variant
        if variant.is_subscription and isinstance(variant.plan.fetches[0].binding, Python):
            variant.obstacle = "a Python generator gives the events"
            return variant
        try:
            variant.runner = _runner(variant.plan, compiler.compile(variant.plan), self._loader)
        except Uncompilable as exc:
            variant.obstacle = str(exc)
        except graphql.GraphQLError:
            variant.obstacle = "an argument has a value that cannot be"
        return variant

    def _prepare(self, text: str, name: str | None) -> Operation:
        document, size = read_document(text, self._schema, self.limits)
        node = _named(document, name)
        fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, graphql.FragmentDefinitionNode)
        }
        return Operation(node, fragments, document, condition_variables(document), has_incremental(document), size)


def _identity(operation: Operation, variables: Any, lack: Lack | None) -> tuple[Any, ...]:
    decided = [variables.coerced.get(name) for name in operation.conditions]
    return tuple(decided) if lack is None else (*decided, lack)


def _named(document: graphql.DocumentNode, name: str | None) -> graphql.OperationDefinitionNode:
    found = [
        definition for definition in document.definitions if isinstance(definition, graphql.OperationDefinitionNode)
    ]
    if name is None:
        if len(found) == 1:
            return found[0]
        message = "the document holds no operation" if not found else "the document holds several operations: name one"
        raise RequestError.of(message, "OPERATION_RESOLUTION_FAILURE")
    for definition in found:
        if definition.name is not None and definition.name.value == name:
            return definition
    raise RequestError.of(f"the document holds no operation named {name[:100]!r}", "OPERATION_RESOLUTION_FAILURE")


def _runner(plan: Plan, program: Program, loader: Loader) -> Runner:
    """Give the runner.

    Raises:
        Uncompilable: a root resolver needs more than the compiled path gives it.
    """
    resolvers: dict[int, Resolver] = {}
    for fetch in plan.fetches:
        if isinstance(fetch.binding, Python):
            selected = fetch.sites[0].selected
            kind: Any = selected.field.type
            if fetch.binding.bare is None or not graphql.is_leaf_type(graphql.get_nullable_type(kind)):
                name = f"{fetch.sites[0].owner.type.name}.{selected.name}"
                raise Uncompilable(f"{name} is a Python resolver that takes arguments or looks at the request")
            resolvers[fetch.number] = Resolver(selected.key, fetch.binding.bare, leaf_reader(kind, None))
    return Runner(program, loader, resolvers)


_NO_VARIABLES: Any = graphql.execution.values.VariableValues({}, {})
