"""Operations: parsed, validated, planned and compiled once, then kept.

The cache is bounded by the memory that documents are estimated to take, so a client that sends a new text with each
request costs time, never memory. One document holds variants of an operation, one for each combination
of values of the variables that @skip and @include use: with those decided, a variant's fields are fixed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cachetools
import graphql

from graph.compile import Compiler
from graph.defer import has_incremental
from graph.errors import RequestError
from graph.leaf import leaf_reader
from graph.plan import Plan, plan
from graph.program import Program
from graph.run import Resolver, Runner
from graph.selection import Selected, Selections, TooManyFields, condition_variables
from resolvers import Bindings, Loader, Python

_MAX_VARIANTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a document may cost before anything is executed, and how many pages while it is.

    Args:
        max_tokens: lexical tokens of a document.
        max_fields: fields of an operation after its fragments are spread.
        max_values: JSON values in the variables of a request, however they are nested.
        max_pages: pages of connections that one operation may ask for, all its fields together.
        max_document_bytes: memory that kept documents may take, estimated from the length of their texts.
    """

    max_tokens: int = 10_000
    max_fields: int = 10_000
    max_values: int = 10_000
    max_pages: int = 200
    max_document_bytes: int = 24_000_000


class Variant:
    """An operation with its conditions decided.

    Args:
        fields: the root fields.
        runner: the compiled program; None where only the exact path can answer.
        has_python: whether any field is an author's resolver.
        shareable: whether two clients that send the same may share one execution: a query in which nothing looks at
            the client. `private` means that forwarded headers must be equal as well.
    """

    def __init__(self, operation: Operation, selections: Selections, bindings: Bindings) -> None:
        schema = selections.schema
        kind = schema.get_root_type(operation.node.operation)
        if kind is None:
            raise RequestError.of(f"the schema has no {operation.node.operation.value}s", "GRAPHQL_VALIDATION_FAILED")
        self.selections = selections
        self.kind = kind
        self.fields: list[Selected] = selections.root(kind)
        self.is_mutation = operation.node.operation is graphql.OperationType.MUTATION
        self.is_introspection = bool(self.fields) and all(found.name.startswith("__") for found in self.fields)
        self.plan: Plan = plan(schema, bindings, selections, kind, self.fields)
        self.runner: Runner | None = None
        self.private = self.plan.private
        self.has_python = any(isinstance(fetch.binding, Python) for fetch in self.plan.fetches)
        self.shareable = not self.is_mutation and not self.plan.sees_client
        self.introspected: bytes | None = None


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of a validated document; `is_incremental` tells whether it says ``@defer`` or ``@stream``."""

    node: graphql.OperationDefinitionNode
    fragments: dict[str, graphql.FragmentDefinitionNode]
    document: graphql.DocumentNode
    conditions: tuple[str, ...]
    is_incremental: bool = False
    variants: dict[tuple[Any, ...], Variant] = field(default_factory=dict)


class Operations:
    """The operations of one graph, by text and name."""

    def __init__(
        self, schema: graphql.GraphQLSchema, bindings: Bindings, loader: Loader, limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._schema = schema
        self._bindings = bindings
        self._loader = loader
        self._compiler = Compiler(bindings.kinds)
        self._known: cachetools.LRUCache[tuple[str, str | None], Operation] = cachetools.LRUCache(
            self.limits.max_document_bytes, getsizeof=self._cost
        )

    def _cost(self, operation: Operation) -> int:
        # Measured: a parsed, planned and compiled document takes about a hundred times its text.
        source = operation.document.loc.source.body if operation.document.loc else ""
        return 20_000 + 100 * len(source)

    def get(self, text: str, name: str | None) -> Operation:
        """Give the operation, from the cache or freshly parsed and validated.

        Raises:
            RequestError: the text is not GraphQL, does not fit the schema, or does not have the operation.
        """
        known = self._known.get((text, name))
        if known is None:
            known = self._prepare(text, name)
            with contextlib.suppress(ValueError):  # larger than all that may be kept
                self._known[text, name] = known
        return known

    def variables(self, operation: Operation, inputs: Mapping[str, Any] | None) -> Any:
        """Coerce the variables of a request.

        Raises:
            RequestError: a variable is missing or has a value that its type does not take.
        """
        definitions = operation.node.variable_definitions
        if not definitions:
            return _NO_VARIABLES
        if inputs:
            self._count_values(inputs)
        values = graphql.execution.values.get_variable_values(
            self._schema, definitions, dict(inputs or {}), max_errors=20
        )
        if isinstance(values, list):
            raise RequestError(values, "BAD_USER_INPUT")
        return values

    def _count_values(self, inputs: Mapping[str, Any]) -> None:
        left = self.limits.max_values
        waiting: list[Any] = [inputs]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict | list):
                left -= len(value)
                if left < 0:
                    message = f"the variables hold more than {self.limits.max_values} values"
                    raise RequestError.of(message, "LIMIT_EXCEEDED")
                waiting.extend(value.values() if isinstance(value, dict) else value)

    def variant(self, operation: Operation, variables: Any) -> Variant:
        """Give the operation with its @skip and @include decided by the variables.

        Raises:
            RequestError: its fragments multiply to more fields than allowed.
        """
        names = operation.conditions
        coerced = variables.coerced
        identity = tuple([coerced.get(name) for name in names]) if names else ()
        known = operation.variants.get(identity)
        if known is None:
            known = self._variant(operation, variables)
            if len(operation.variants) >= _MAX_VARIANTS:
                operation.variants.pop(next(iter(operation.variants)))
            operation.variants[identity] = known
        return known

    def variant_without_variables(self, operation: Operation) -> Variant:
        """Give the operation with everything that @skip and @include decide in it: to be planned, not to be run."""
        return self.variant(operation, _NO_VARIABLES) if not operation.conditions else self._variant(operation, None)

    def _variant(self, operation: Operation, variables: Any) -> Variant:
        selections = Selections(
            self._schema, operation.node, operation.fragments, variables, max_fields=self.limits.max_fields
        )
        try:
            variant = Variant(operation, selections, self._bindings)
        except TooManyFields:
            raise RequestError.of(
                f"the operation selects more than {self.limits.max_fields} fields", "LIMIT_EXCEEDED"
            ) from None
        if not variant.is_mutation:
            program = self._compiler.compile(variant.plan)
            if program is not None:
                with contextlib.suppress(graphql.GraphQLError):  # arguments that cannot be: the exact path says why
                    variant.runner = _runner(variant.plan, program, self._loader)
        return variant

    def _prepare(self, text: str, name: str | None) -> Operation:
        try:
            document = graphql.parse(text, max_tokens=self.limits.max_tokens)
        except graphql.GraphQLError as exc:
            too_long = "more than" in exc.message and "tokens" in exc.message
            raise RequestError([exc], "LIMIT_EXCEEDED" if too_long else "GRAPHQL_PARSE_FAILED") from exc
        except RecursionError:
            raise RequestError.of("the document is nested too deeply", "GRAPHQL_PARSE_FAILED") from None
        try:
            errors = graphql.validate(self._schema, document, max_errors=20)
        except RecursionError:
            raise RequestError.of("the document is nested too deeply", "GRAPHQL_VALIDATION_FAILED") from None
        if errors:
            raise RequestError(errors, "GRAPHQL_VALIDATION_FAILED")
        node = _named(document, name)
        if node.operation is graphql.OperationType.SUBSCRIPTION:
            raise RequestError.of("subscriptions are not served over this transport", "BAD_REQUEST")
        fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, graphql.FragmentDefinitionNode)
        }
        return Operation(node, fragments, document, condition_variables(document), has_incremental(document))


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


def _runner(plan: Plan, program: Program, loader: Loader) -> Runner | None:
    """Give the runner, or None where a root resolver needs more than the compiled path gives it."""
    resolvers: dict[int, Resolver] = {}
    for fetch in plan.fetches:
        if isinstance(fetch.binding, Python):
            selected = fetch.sites[0].selected
            kind: Any = selected.field.type
            if fetch.binding.bare is None or not graphql.is_leaf_type(graphql.get_nullable_type(kind)):
                return None
            resolvers[fetch.number] = Resolver(selected.key, fetch.binding.bare, leaf_reader(kind, None))
    return Runner(program, loader, resolvers)


_NO_VARIABLES: Any = graphql.execution.values.VariableValues({}, {})
