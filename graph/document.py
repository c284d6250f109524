"""A document's text made a sound document: scanned, parsed, measured, validated, each step bounded by the one before.

The order matters: parsing costs ten times as much as scanning, validating several times as much as parsing.
"""

from __future__ import annotations

from typing import Any

import graphql
from graphql.validation.validate import ValidationAbortedError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from graph.errors import RequestError
from graph.limits import Limits, exceeded
from graph.measure import measure
from graph.scan import scan

_MAX_COMPARISONS = 100_000
_MAX_ERRORS = 20
_TOO_INTRICATE = "the document repeats fields, or nests fragments, too often to be checked"


class _OverlappingFields(graphql.OverlappingFieldsCanBeMergedRule):
    """The one rule whose work grows with the square of a document, with a smaller budget: about 30 ms."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = _MAX_COMPARISONS


_RULES = [
    *(
        _OverlappingFields if rule is graphql.OverlappingFieldsCanBeMergedRule else rule
        for rule in graphql.specified_rules
    ),
    MaybeNullValidationRule,
]


def read_document(text: str, schema: graphql.GraphQLSchema, limits: Limits) -> tuple[graphql.DocumentNode, int]:
    """Give the document, and how many fields its largest operation selects.

    Raises:
        RequestError: the text is over a limit, is not GraphQL, or does not fit the schema.
    """
    scan(text, limits)
    try:
        document = graphql.parse(text)
    except graphql.GraphQLError as exc:
        raise RequestError([exc], "GRAPHQL_PARSE_FAILED") from exc
    fields = measure(document, limits)
    hides = limits.suggestions is False
    errors = graphql.validate(schema, document, _RULES, max_errors=_MAX_ERRORS, hide_suggestions=hides)
    if len(errors) <= _MAX_ERRORS and any(isinstance(error, ValidationAbortedError) for error in errors):
        raise exceeded(_TOO_INTRICATE)
    if errors:
        raise RequestError(errors, "GRAPHQL_VALIDATION_FAILED")
    return document, fields
