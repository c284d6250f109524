"""Schema extensions of Strawberry around an operation.

Theory of operation. Weft keeps parsed and validated documents, so of an extension's hooks `on_parse` runs around the
look-up, which parses and validates at most once, and `on_validate` around the rules that extensions add, which are
checked for every request. `on_operation`, `on_execute` and `get_results` mean what they mean in Strawberry. `resolve`
runs around what Python resolves: no resolver stands behind a property of a backend's object, nor behind a call, unless
the field has permissions or extensions of its own.

What an extension does may depend on the client, and it may change the answer: such answers are never shared or kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import graphql
import msgspec
import strawberry
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from graph.errors import RequestError, log, report
from graph.operation import Operation

Outcome = tuple[dict[str, Any] | None, list[graphql.GraphQLError]]
Wrap = Callable[[Any], Any]


class Extended:
    """One operation, with the extensions of its schema.

    Args:
        text: the document that the client sent; extensions may replace it.
        writes: whether it may be a mutation.
        subscribes: whether it must be a subscription.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        text: str | None,
        name: str | None,
        variables: Mapping[str, Any] | None,
        sent: Mapping[str, Any] | None,
        context: Any,
        *,
        writes: bool = False,
        subscribes: bool = False,
    ) -> None:
        allowed = {OperationType.QUERY, *([OperationType.MUTATION] if writes else [])}
        if subscribes:
            allowed = {OperationType.SUBSCRIPTION}
        extensions = schema.get_extensions()
        self.under_way = ExecutionContext(
            query=text,
            schema=schema,
            allowed_operations=allowed,
            context=context,
            variables=None if variables is None else dict(variables),
            provided_operation_name=name,
            operation_extensions=None if sent is None else dict(sent),
        )
        for extension in extensions:
            extension.execution_context = self.under_way
        self._runner = SchemaExtensionsRunner(self.under_way, extensions)
        self._errors: list[graphql.GraphQLError] = []
        self._wrapping = [extension for extension in extensions if extension._implements_resolve()]

    @property
    def wrap(self) -> Wrap | None:
        """What goes around each resolver; None where no extension asks for it."""
        return graphql.MiddlewareManager(*self._wrapping).get_field_resolver if self._wrapping else None

    async def run(
        self, look_up: Callable[[str | None], Awaitable[Operation]], execute: Callable[[Operation], Awaitable[Outcome]]
    ) -> tuple[dict[str, Any], RequestError | None]:
        """Give the response, and why it is no more than errors where the operation was not executed.

        Args:
            look_up: gives the operation of a document; raises RequestError.
            execute: gives data and errors; raises RequestError.
        """
        refused: RequestError | None = None
        try:
            async with self._runner.operation():
                try:
                    operation = await self._prepared(look_up)
                    await self._executed(operation, execute)
                except RequestError as exc:
                    refused = exc
                    self.under_way.result = PreExecutionError(data=None, errors=exc.errors)
        except Exception as exc:  # extensions are the author's code
            refused = _failed(exc)
            self.under_way.result = PreExecutionError(data=None, errors=refused.errors)
        return await self._response(refused), refused

    async def _prepared(self, look_up: Callable[[str | None], Awaitable[Operation]]) -> Operation:
        under_way = self.under_way
        operation, refused = None, None
        async with self._runner.parsing():
            document = under_way.graphql_document
            try:
                operation = await look_up(under_way.query if document is None else graphql.print_ast(document))
            except RequestError as exc:
                refused = exc
            else:
                under_way.graphql_document = operation.document
                self._count_tokens(operation.document)
        if refused is not None and refused.code != "GRAPHQL_VALIDATION_FAILED":
            raise refused
        async with self._runner.validation():
            if under_way.pre_execution_errors is None:
                found = refused.errors if refused is not None else self._added_errors(operation)
                under_way.pre_execution_errors = found
        if under_way.pre_execution_errors or operation is None:
            raise RequestError(under_way.pre_execution_errors or [], "GRAPHQL_VALIDATION_FAILED")
        return operation

    def _count_tokens(self, document: graphql.DocumentNode) -> None:
        limit = self.under_way.parse_options.get("max_tokens")
        if limit is not None and document.token_count > limit:
            raise RequestError.of(f"the document has more than {limit} tokens", "LIMIT_EXCEEDED")

    def _added_errors(self, operation: Operation | None) -> list[graphql.GraphQLError] | None:
        """Check the rules that extensions added; the others hold for every document that is kept."""
        added = [rule for rule in self.under_way.validation_rules if rule not in graphql.specified_rules]
        if not added or operation is None:
            return None
        return graphql.validate(self.under_way.schema._schema, operation.document, added) or None

    async def _executed(self, operation: Operation, execute: Callable[[Operation], Awaitable[Outcome]]) -> None:
        refused: RequestError | None = None
        async with self._runner.executing():
            if self.under_way.result is None:  # an extension may have the answer already
                try:
                    data, errors = await execute(operation)
                except RequestError as exc:
                    refused = exc
                else:
                    self._errors = list(errors)
                    self.under_way.result = ExecutionResult(msgspec.to_builtins(data), errors or None)
        if refused is not None:
            raise refused

    async def _response(self, refused: RequestError | None) -> dict[str, Any]:
        result = self.under_way.result
        found = list(getattr(result, "errors", None) or ())
        for error in self._errors:
            if not any(error is shown for shown in found):
                report(error)  # an extension hides it from the client, not from the log
        response: dict[str, Any] = {}
        if refused is not None:
            response = RequestError(found, refused.code).report()
        else:
            if found:
                response["errors"] = [report(error) for error in found]
            response["data"] = getattr(result, "data", None)
        try:
            added = await self._runner.get_extensions_results(self.under_way)
        except Exception:  # extensions are the author's code; the answer is there without theirs
            log.exception("get_results of an extension failed")
            added = {}
        if added:
            response["extensions"] = added
        return response


def _failed(exc: Exception) -> RequestError:
    if isinstance(exc, graphql.GraphQLError):
        return RequestError([exc], "FORBIDDEN")
    log.error("a schema extension failed", exc_info=exc)
    return RequestError.of("Internal server error", "INTERNAL_SERVER_ERROR", 500)
