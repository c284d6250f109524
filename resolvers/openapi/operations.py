"""Operations of a document by the names of their fields, each in the root type where it belongs.

A name depends on its operation, and on those that would have the same name: whatever else a document holds, and
whichever of its operations are wanted, it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from resolvers.openapi.names import Names, field_name
from sources.openapi import Losses, Operation

_READS = frozenset({"GET", "HEAD"})
_UNKNOWN = frozenset({"OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True)
class Named:
    """The operations of a document by the names of their fields."""

    query: Mapping[str, Operation]
    mutation: Mapping[str, Operation]


def named(
    operations: Iterable[Operation],
    losses: Losses,
    *,
    reads: frozenset[Operation] = frozenset(),
    prefix: str = "",
    rename: Mapping[str, str] | None = None,
) -> Named:
    """Give names to operations: their ``operationId``, else their method and path.

    ``pets.list`` becomes ``petsList``, and ``GET /users/{id}/posts`` becomes ``getUsersByIdPosts``. Of several
    operations with one name, that whose ``operationId`` is spelled so keeps it, and the others are called by method and
    path.

    Args:
        reads: those that change nothing, whatever their method.
        prefix: words in front of each name.
        rename: names for single operations, by ``operationId`` or ``GET /path``; these stand as they are.
    """
    query, mutation = list[Operation](), list[Operation]()
    for operation in operations:
        if operation.method in _UNKNOWN:
            losses.add(operation.pointer, "method", f"{operation} is left out: it is about the connection", "left-out")
        else:
            (query if operation.method in _READS or operation in reads else mutation).append(operation)
    return Named(*(_named(found, prefix, rename or {}) for found in (query, mutation)))


def _named(operations: list[Operation], prefix: str, rename: Mapping[str, str]) -> dict[str, Operation]:
    given: dict[Operation, str] = {}
    alike: dict[str, list[Operation]] = {}
    for operation in operations:
        own = rename.get(operation.id or "") or rename.get(str(operation))
        if own is not None:
            given[operation] = own
        else:
            alike.setdefault(_prefixed(prefix, operation.id or _described(operation)), []).append(operation)
    names = Names(given.values())
    others: list[Operation] = []
    for name, group in alike.items():
        exact = group if len(group) == 1 else [one for one in group if one.id == name]
        if len(exact) == 1:
            given[exact[0]] = names.take(name)
        others.extend(one for one in group if one not in given)
    for operation in sorted(others, key=lambda one: (one.path, one.method)):
        given[operation] = names.take(_prefixed(prefix, _described(operation)))
    return {given[operation]: operation for operation in operations}


def _prefixed(prefix: str, text: str) -> str:
    name = field_name(text)
    return field_name(f"{prefix} {name}") if prefix else name


def _described(operation: Operation) -> str:
    """Give words for an operation: ``get users by id posts``."""
    return f"{operation.method.lower()} {operation.path.replace('{', ' by ').replace('}', ' ')}"
