"""Complete a resolved tree into response data: leaves coerced, errors placed, nulls propagated.

CompleteValue and HandleFieldError of the GraphQL specification (October 2021, 6.4.3 and 6.4.4), depth-first in response
order. It does no I/O and stops at the first error of a selection set that may not be null, as sequential execution
would.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import graphql
from graphql.pyutils import Path

from graph.access import MOST_TOLD, Denied
from graph.leaf import SLOW, Read, leaf_reader
from graph.selection import Burst, Selected
from graph.tree import Failure, Node, Row, Slot, decoded, promised
from resolvers import PropertyMark, mark_of
from sources import Rest, UpstreamInvalid


class Completion:
    """Turns a resolved tree into response data; `nulled` are the places that an error made null."""

    def __init__(self) -> None:
        self.errors: list[graphql.GraphQLError] = []
        self.nulled: list[Path] = []
        self._told = 0  # of what the client is denied
        self._readers: dict[tuple[int, int], list[tuple[Selected, Read]]] = {}

    def whole(self, kind: Any, node: Node) -> dict[str, Any] | None:
        """Give the data of a node under which every error stays; None where a null reached it."""
        try:
            return self.node(kind, node)
        except graphql.GraphQLError as error:
            if not isinstance(error, Denied):
                self.errors.append(error)
            return None

    def node(self, kind: Any, node: Node) -> dict[str, Any]:
        """Give the response's object for a node.

        Raises:
            GraphQLError: a null reached it that may not be there; the node's parent decides what to do.
        """
        source = node.value.source if isinstance(node.value, Row) else None
        completed: dict[str, Any] = {}
        held = node.held
        for selected, read in self._readers_of(node.fields, source):
            key = selected.key
            value = held[key]
            if type(value) is Slot:
                completed[key] = self._slot(value)
                continue
            found = read(value)
            if found is SLOW:
                leaf = Slot(selected, node)
                leaf.tree, leaf.source = value, source
                found = self._slot(leaf)
            completed[key] = found
        return completed

    def items(
        self, kind: Any, trees: list[Any], slot: Slot, path: Path, index: int
    ) -> tuple[list[Any], graphql.GraphQLError | None]:
        """Give the data of items of a list, from an index on, up to one that may not be null but is, and why."""
        completed: list[Any] = []
        for at, tree in enumerate(trees, index):
            before = len(self.errors)
            try:
                completed.append(self._value(kind, tree, slot, Path(path, at, None)))
            except graphql.GraphQLError as error:
                del self.errors[before:]  # what else was wrong with the item that is not there
                return completed, error
        return completed, None

    def _readers_of(self, fields: Sequence[Selected], source: Rest | None) -> list[tuple[Selected, Read]]:
        identity = (id(fields), id(source))
        known = self._readers.get(identity)
        if known is None:
            known = self._readers[identity] = [
                (selected, leaf_reader(selected.field.type, source, mark_of(selected.field))) for selected in fields
            ]
        return known

    def _slot(self, slot: Slot) -> Any:
        path = Path(slot.parent.path, slot.selected.key, None)
        return self._value(slot.selected.field.type, slot.tree, slot, path)

    def _value(self, kind: Any, value: Any, slot: Slot, path: Path) -> Any:
        try:
            return self._complete(kind, value, slot, path)
        except Exception as exc:  # serializers are the author's code
            is_nullable = not isinstance(kind, graphql.GraphQLNonNull)
            if isinstance(exc, Denied) and self._told >= MOST_TOLD:  # the answer says enough of that
                if not is_nullable:
                    raise
            else:
                error = located(exc, slot, path)
                if not is_nullable:
                    raise error from exc
                self.errors.append(error)
                self._told += isinstance(error.original_error, Denied)
            self.nulled.append(path)
            return None

    def _event(self, kind: Any, value: Any, slot: Slot, path: Path) -> Any:
        """Complete one of several events, each of which is an answer of its own."""
        self._told = 0
        return self._value(kind, value, slot, path)

    def _complete(self, kind: Any, value: Any, slot: Slot, path: Path) -> Any:
        if isinstance(value, Failure):
            raise value.error
        if isinstance(kind, graphql.GraphQLNonNull):
            completed = self._complete(kind.of_type, value, slot, path)
            if completed is None:
                raise _null_in_non_null(slot)
            return completed
        if value is None:
            return None
        if isinstance(kind, graphql.GraphQLList):
            if slot.source is not None and not isinstance(value, list):
                raise promised(slot.source, "a list", value)
            if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
                raise graphql.GraphQLError(f"Expected Iterable, but did not find one for field '{slot.selected.name}'.")
            complete = self._event if isinstance(kind, Burst) else self._value
            return [complete(kind.of_type, item, slot, Path(path, index, None)) for index, item in enumerate(value)]
        if isinstance(value, Node):
            return self.node(kind, value)
        if isinstance(value, Exception):
            raise value
        return _leaf(kind, value, slot.source, mark_of(slot.selected.field))


def located(exc: Exception, slot: Slot, path: Path) -> graphql.GraphQLError:
    """Give the error of a field at its place in the response."""
    nodes = list(slot.selected.nodes)
    if isinstance(exc, graphql.GraphQLError):
        return graphql.located_error(exc, nodes, path.as_list())
    return graphql.GraphQLError(str(exc), nodes, path=path.as_list(), original_error=exc)


def _leaf(kind: Any, value: Any, source: Rest | None, mark: PropertyMark | None) -> Any:
    if source is None:
        try:
            completed = kind.coerce_output_value(value)
        except graphql.GraphQLError as exc:
            # Its message quotes the value, which is the server's own affair.
            raise TypeError(str(exc)) from exc
        if completed is None:
            raise graphql.GraphQLError(f"Expected a value of type '{kind.name}' but got null.")
        return completed
    try:
        completed = kind.coerce_output_value(decoded(kind, value, source, mark))
    except UpstreamInvalid:
        raise
    except Exception as exc:  # scalars are the author's code
        raise promised(source, f"a value of type {kind.name}", value) from exc
    if completed is None:
        raise promised(source, f"a value of type {kind.name}", value)
    return completed


def _null_in_non_null(slot: Slot) -> Exception:
    if slot.source is not None:
        return UpstreamInvalid(
            f"{slot.source.name} answered nothing for the non-null field {slot.selected.name}",
            source=slot.source.name,
        )
    return graphql.GraphQLError(f"Cannot return null for non-nullable field {slot.selected.name}.")
