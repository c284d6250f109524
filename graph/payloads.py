"""The payloads of an incremental answer, in the two forms that clients read.

The draft of today, as graphql-core 3.3 has it: ``pending`` announces what will come, ``incremental`` brings it by its
id, ``completed`` ends it, with errors where a null reached the fragment itself. And the draft of August 2022, which the
clients of then ask for by name: what comes is told by its path and label.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import graphql

from graph.defer import Usages
from graph.errors import report
from graph.selection import Selected
from graph.tree import Node

Payload = dict[str, Any]


@dataclass(slots=True, eq=False)
class Group:
    """A deferred fragment, or a streamed list, at one place of the response.

    Args:
        parent: the fragment that holds it; it is announced only when that is completed.
        ident: its id in payloads, once it is announced.
        left: the pieces that are not there yet.
        index: of a streamed list, where its next item stands; -1 for a fragment.
    """

    path: list[str | int]
    label: str | None
    parent: Group | None = None
    ident: str | None = None
    index: int = -1
    left: int = 0
    pieces: list[Piece] = field(default_factory=list)
    children: list[Group] = field(default_factory=list)
    failure: graphql.GraphQLError | None = None
    is_over: bool = False


@dataclass(slots=True, eq=False)
class Piece:
    """Fields of one object that are delivered together, with whichever of their groups is complete first.

    `streams` are the lists in them of which the rest comes after them.
    """

    usages: Usages
    groups: list[Group]
    kind: Any
    node: Node
    fields: list[Selected]
    data: dict[str, Any] | None = None
    errors: list[graphql.GraphQLError] = field(default_factory=list)
    is_delivered: bool = False
    streams: list[Any] = field(default_factory=list)

    @property
    def path(self) -> list[str | int]:
        """Where its object is in the response."""
        return [] if self.node.path is None else self.node.path.as_list()


class Writer(Protocol):
    """A form of payloads: each method adds to the payload under way."""

    def announce(self, payload: Payload, group: Group) -> None:
        """Say that something will come."""
        ...

    def fields(self, payload: Payload, group: Group, piece: Piece) -> None:
        """Bring the fields of an object; the group is the deepest that was announced."""
        ...

    def items(
        self, payload: Payload, group: Group, index: int, items: list[Any], errors: list[graphql.GraphQLError]
    ) -> None:
        """Bring items of a list, from an index on."""
        ...

    def complete(self, payload: Payload, group: Group, errors: list[graphql.GraphQLError]) -> None:
        """Say that nothing more comes of it; with errors, that it failed."""
        ...


class Draft:
    """The incremental delivery draft of today."""

    def announce(self, payload: Payload, group: Group) -> None:
        """See `Writer`."""
        entry: Payload = {"id": group.ident, "path": group.path}
        if group.label is not None:
            entry["label"] = group.label
        payload.setdefault("pending", []).append(entry)

    def fields(self, payload: Payload, group: Group, piece: Piece) -> None:
        """See `Writer`."""
        entry: Payload = {"data": piece.data, "id": group.ident}
        if len(piece.path) > len(group.path):
            entry["subPath"] = piece.path[len(group.path) :]
        _bring(payload, entry, piece.errors)

    def items(
        self, payload: Payload, group: Group, index: int, items: list[Any], errors: list[graphql.GraphQLError]
    ) -> None:
        """See `Writer`."""
        _bring(payload, {"items": items, "id": group.ident}, errors)

    def complete(self, payload: Payload, group: Group, errors: list[graphql.GraphQLError]) -> None:
        """See `Writer`."""
        entry: Payload = {"id": group.ident}
        if errors:
            entry["errors"] = _reports(errors)
        payload.setdefault("completed", []).append(entry)


class Draft2022:
    """The draft of August 2022 (``deferSpec=20220824``)."""

    def announce(self, payload: Payload, group: Group) -> None:
        """See `Writer`; nothing is announced in this form."""

    def fields(self, payload: Payload, group: Group, piece: Piece) -> None:
        """See `Writer`."""
        _bring(payload, _labelled({"data": piece.data, "path": piece.path}, group), piece.errors)

    def items(
        self, payload: Payload, group: Group, index: int, items: list[Any], errors: list[graphql.GraphQLError]
    ) -> None:
        """See `Writer`."""
        _bring(payload, _labelled({"items": items, "path": [*group.path, index]}, group), errors)

    def complete(self, payload: Payload, group: Group, errors: list[graphql.GraphQLError]) -> None:
        """See `Writer`; only a failure is told."""
        if errors and group.index < 0:
            _bring(payload, _labelled({"data": None, "path": group.path}, group), errors)
        elif errors:
            _bring(payload, _labelled({"items": None, "path": [*group.path, group.index]}, group), errors)


def _labelled(entry: Payload, group: Group) -> Payload:
    return entry if group.label is None else {**entry, "label": group.label}


def _bring(payload: Payload, entry: Payload, errors: list[graphql.GraphQLError]) -> None:
    if errors:
        entry["errors"] = _reports(errors)
    payload.setdefault("incremental", []).append(entry)


def _reports(errors: Iterable[graphql.GraphQLError]) -> list[Payload]:
    return [report(error) for error in errors]
