"""What a backend sends by itself, as fields of the subscription type: webhooks, and the callbacks of operations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import graphql

from resolvers import scalars
from resolvers.marks import MARK
from resolvers.openapi.names import Names, field_name, type_name
from resolvers.openapi.outputs import Outputs
from resolvers.openapi.texts import described, outdated
from sources.openapi import Api, Kind, Losses, OpenAPI, Operation, kind_of

_NO_SEGMENT = re.compile(r"[^A-Za-z0-9_-]+")


class Happenings:
    """The subscriptions of one document.

    Args:
        named: its operations that are in the graph, with the names of their fields.
    """

    def __init__(
        self, source: OpenAPI, api: Api, named: Mapping[Operation, str], outputs: Outputs, losses: Losses
    ) -> None:
        self._source = source
        self._api = api
        self._named = named
        self._outputs = outputs
        self._losses = losses

    def fields(self) -> dict[str, graphql.GraphQLField]:
        """Give the fields by their names: ``onOrderPaid`` for the webhook ``order.paid``."""
        found = list(self._told())
        alike = Counter(name for _, name, _ in found)
        names, topics, fields = Names(), Names(), dict[str, graphql.GraphQLField]()
        for whole, name, operation in found:
            own = name if alike[name] == 1 else whole
            kind = self._payload(operation, type_name(f"{own} payload"))
            if kind is None:
                continue
            topic = topics.take(_NO_SEGMENT.sub("-", own).strip("-") or "event")
            fields[names.take(_on(own, self._api.choice.prefix))] = graphql.GraphQLField(
                kind,
                description=described(operation.summary, operation.description),
                deprecation_reason=outdated(operation.deprecated),
                extensions={MARK: self._source.pushed_call(topic)},
            )
        return fields

    def _told(self) -> Iterator[tuple[str, str, Operation]]:
        """Give what is sent, each with a name that is its own and a shorter one."""
        for name, operation in self._api.webhooks.items():
            yield name, name, operation
        for operation, field in self._named.items():
            for name, callback in operation.callbacks.items():
                yield f"{field}-{name}", name, callback

    def _payload(self, operation: Operation, place: str) -> graphql.GraphQLOutputType | None:
        """Give the type of what is sent; None where nothing is, or nothing that a webhook can read."""
        problem = None
        if operation.method not in ("POST", "PUT"):
            problem = f"it is sent with {operation.method}"
        elif operation.body is not None and not any(kind_of(one) is Kind.JSON for one in operation.body.contents):
            problem = f"it is sent as {next(iter(operation.body.contents), 'nothing')}"
        if problem is not None:
            self._losses.add(
                operation.pointer,
                "webhook",
                f"{problem}, and a webhook is JSON that is posted; it is left out",
                "left-out",
            )
            return None
        for media, content in operation.body.contents.items() if operation.body is not None else ():
            if kind_of(media) is Kind.JSON and content.schema is not None:
                kind: graphql.GraphQLOutputType = graphql.get_nullable_type(self._outputs.of(content.schema, place))
                return kind
        self._losses.add(operation.pointer, "no-schema", "nothing is said of what is sent; it is JSON")
        return scalars.ANY


def _on(name: str, prefix: str) -> str:
    found = field_name(name)
    found = found if found[:2] == "on" and found[2:3].isupper() else field_name(f"on {found}")
    return field_name(f"{prefix} {found}") if prefix else found
