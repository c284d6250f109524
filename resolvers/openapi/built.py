"""An operation as a field, before it stands anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import graphql

from resolvers.marks import MARK, OPERATION
from sources import Call
from sources.openapi import Operation, Placed


@dataclass(frozen=True, slots=True)
class Built:
    """What becomes of an operation.

    Args:
        kind: the type of what it answers, null among its values.
        arguments: by their names, which are their variables as well.
        placed: the parameters among them, as they are sent.
    """

    operation: Operation
    call: Call
    kind: Any
    arguments: Mapping[str, graphql.GraphQLArgument]
    placed: Sequence[Placed]
    description: str | None = None
    deprecation_reason: str | None = None

    def field(self) -> graphql.GraphQLField:
        """Give the field of a root type."""
        return graphql.GraphQLField(
            self.kind,
            dict(self.arguments),
            description=self.description,
            deprecation_reason=self.deprecation_reason,
            extensions={MARK: self.call, OPERATION: self.operation},
        )
