"""Errors of the graph itself, and the shape every error has in a response.

    Exception
    ├── GraphError        the author's: faults found at start-up, all of them
    └── RequestError      the client's: the request cannot be executed at all
        └── RateLimited   not now: the client has asked too much

Field errors are `graphql.GraphQLError`; `report` gives each one its code. What an exception of a resolver or a library
says stays in the log: clients read "Internal server error".
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import graphql
from strawberry.exceptions import StrawberryInputCoercionError

from sources import SourceError

log = logging.getLogger("weft")

CODES = {
    "GRAPHQL_PARSE_FAILED": "the document is not GraphQL",
    "GRAPHQL_VALIDATION_FAILED": "the document does not fit the schema",
    "BAD_REQUEST": "the HTTP request is not a GraphQL request",
    "PREFLIGHT_REQUIRED": "a page of another origin may have had it sent; it lacks a header that none can set unasked",
    "BAD_USER_INPUT": "a variable or argument has a value that is not allowed",
    "OPERATION_RESOLUTION_FAILURE": "the operation to run is not in the document, or not clear",
    "PERSISTED_QUERY_NOT_FOUND": "no document has this hash yet; send the query with it",
    "DOCUMENT_NOT_TRUSTED": "only listed documents run here, named by their ids; this is none",
    "INTROSPECTION_DISABLED": "this server does not show its schema",
    "UNAUTHENTICATED": "the client shows no credentials that are good, or they have expired",
    "FORBIDDEN": "the client lacks a scope, or a permission or an extension of the graph denies it",
    "LIMIT_EXCEEDED": "the request is larger than this server accepts",
    "SERVER_BUSY": "the server cannot take the request at the moment; `Retry-After` says when to come again",
    "RATE_LIMITED": "the client has asked too much; `retryAfter` says in how many seconds it may again",
    "UPSTREAM_TIMEOUT": "a backend did not answer in time",
    "UPSTREAM_UNAVAILABLE": "a backend cannot be reached, or is left alone since it fails or is busy",
    "UPSTREAM_ERROR": "a backend answered with an error status",
    "UPSTREAM_INVALID": "a backend answered something other than the schema promises",
    "EVENTS_LOST": "events may be missing: the stream of a backend was interrupted, or the graph replaced",
    "SUBSCRIPTION_OVERFLOW": "events came faster than they were taken, and the subscription has ended",
    "DEADLINE_EXCEEDED": "a resolver took longer than an operation may",
    "INTERNAL_SERVER_ERROR": "a fault in the server; its log says more",
}


class GraphError(Exception):
    """What is wrong with a graph, found at start-up: every fault, in `faults`."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        count = len(self.faults)
        super().__init__(
            "\n".join([f"the graph has {count} fault{'s' * (count > 1)}:", *(f"  {f}" for f in self.faults)])
        )


class RequestError(Exception):
    """A request that cannot be executed; nothing was run.

    Args:
        status: HTTP status where the client speaks ``application/graphql-response+json``.
        headers: what an HTTP response adds, such as Allow.
    """

    def __init__(
        self,
        errors: Sequence[graphql.GraphQLError],
        code: str,
        status: int = 400,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(code)
        self.errors = list(errors)
        self.code = code
        self.status = status
        self.headers = headers

    @classmethod
    def of(
        cls, message: str, code: str, status: int = 400, *, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> RequestError:
        """Give the error with one message."""
        return cls([graphql.GraphQLError(message)], code, status, headers=headers)

    def report(self) -> dict[str, Any]:
        """Give the response: errors and no data."""
        return {"errors": [_with_code(error, self.code) for error in self.errors]}


class RateLimited(RequestError):
    """A request that comes too soon. Whatever the client speaks, it is told so by the HTTP status."""


def report(error: graphql.GraphQLError) -> dict[str, Any]:
    """Give an error of a field as it stands in a response: message, locations, path, code and facts."""
    cause = error.original_error
    if isinstance(cause, SourceError):
        formatted: dict[str, Any] = {**error.formatted, "message": str(cause)}
        facts: dict[str, Any] = {"code": cause.code, "source": cause.source}
        if cause.status is not None:
            facts["status"] = cause.status
        if cause.retryable:
            facts["retryable"] = True
        formatted["extensions"] = facts
        return formatted
    if cause is None or isinstance(cause, graphql.GraphQLError):
        formatted = dict(error.formatted)
        if "code" not in (error.extensions or {}):
            is_input = isinstance(cause or error, StrawberryInputCoercionError)
            code = "BAD_USER_INPUT" if is_input else "INTERNAL_SERVER_ERROR"
            formatted["extensions"] = {**(error.extensions or {}), "code": code}
        return formatted
    log.error("a resolver failed at %s", error.path, exc_info=cause)
    formatted = {**error.formatted, "message": "Internal server error"}
    formatted["extensions"] = {"code": "INTERNAL_SERVER_ERROR"}
    return formatted


def overdue(name: str) -> graphql.GraphQLError:
    """Give the error of a field whose resolver was not done when the operation's time was up."""
    message = f"'{name}' had no value before the operation's time was up."
    return graphql.GraphQLError(message, extensions={"code": "DEADLINE_EXCEEDED"})


def _with_code(error: graphql.GraphQLError, code: str) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    formatted["extensions"] = {"code": code, **(error.extensions or {})}
    return formatted
