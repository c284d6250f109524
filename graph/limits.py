"""`Limits`: what a request may cost, set by the author and, over that, by the environment."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from graph.errors import RequestError
from graph.settings import SettingsError, faults_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may cost; whatever is over a limit is refused before any backend is called.

    Each `max_` but `max_document_bytes` may be None, which switches that limit off.

    Args:
        max_length: characters of a document.
        max_tokens: tokens of a document, comments among them.
        max_operations: operations of a document, of which one is executed.
        max_depth: levels of fields, fragments spread; a scalar at the root is one level.
        max_aliases: aliases of a document as it is written; likewise `max_directives`.
        max_root_fields: root fields of an operation.
        max_fields: fields of an operation after its fragments are spread.
        max_cost: estimated cost of an operation; see `graph.cost`.
        assumed_list_size: items of a list about which nothing is known, for the estimates.
        max_upstream_calls: calls of backends that an operation makes at worst, estimated.
        max_pages: pages of connections that an operation fetches, all its fields together. What would go further is
            refused while it runs, as an error of the field.
        max_values: JSON values in the variables of a request, however they are nested.
        max_document_bytes: memory that kept documents may take, estimated from the length of their texts.
        max_subscription_bytes: memory that open subscriptions may take, estimated; further ones are refused.
        max_waiting_bytes: answers that wait for clients. When there are more, subscriptions that are behind lose all
            that waits for them, or end where their overflow is ``"close"``.
        max_feeds: streams, pollers and other feeds of backends that subscriptions keep open at once.
        introspection: whether clients may ask for the schema; None for: not in production.
        suggestions: whether errors name fields, types and values that resemble a wrong one; None likewise.

    Raises:
        ValueError: a limit is negative or not a number, a switch not a bool; it names all of them.
    """

    max_length: int | None = 100_000
    max_tokens: int | None = 5_000
    max_operations: int | None = 50
    max_depth: int | None = 20
    max_aliases: int | None = 200
    max_directives: int | None = 200
    max_root_fields: int | None = 50
    max_fields: int | None = 5_000
    max_cost: float | None = 100_000
    assumed_list_size: int = 10
    max_upstream_calls: int | None = 1_000
    max_pages: int | None = 200
    max_values: int | None = 10_000
    max_document_bytes: int = 24_000_000
    max_subscription_bytes: int | None = 128_000_000
    max_waiting_bytes: int | None = 128_000_000
    max_feeds: int | None = 2_000
    introspection: bool | None = None
    suggestions: bool | None = None

    def __post_init__(self) -> None:
        faults = faults_of(self)
        if faults:
            raise SettingsError(faults)

    def settled(self, *, production: bool) -> Limits:
        """Give these limits with what nobody has decided: in production neither introspection nor suggestions."""
        if not production:
            return self
        introspection, suggestions = bool(self.introspection), bool(self.suggestions)
        return dataclasses.replace(self, introspection=introspection, suggestions=suggestions)


def exceeded(message: str) -> RequestError:
    """Give the error of a request that is over a limit."""
    return RequestError.of(message, "LIMIT_EXCEEDED")
