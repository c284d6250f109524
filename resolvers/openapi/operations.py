"""What the fields of a document's operations are called, and in which root type they are.

A name depends on its operation, and on those that would have the same name: whatever else a document holds, and
whichever of its operations are wanted, it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from resolvers.openapi.names import Names, field_name
from sources.openapi import Choice, Operation, Outline

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_safe(operation: Outline | Operation) -> bool:
    """Tell whether an operation only reads, by its method."""
    return operation.method in _SAFE


def named(
    operations: Iterable[Outline], choice: Choice, reads: Iterable[Outline] = ()
) -> tuple[Mapping[Outline, str], Mapping[Outline, str]]:
    """Give the names of the fields for reading, and of those for writing.

    An operation is called by its ``operationId``: ``pets.list`` is ``petsList``. One without is called by method and
    path: ``GET /users/{id}/posts`` is ``getUsersByIdPosts``. Of several that would have one name, that which spells
    it exactly so has it, and the others are called by method and path.

    Args:
        operations: all of a document.
        choice: names that were chosen, which stand as they are, and words in front of all others.
        reads: those that change nothing, whatever their method.
    """
    reading, writing, quiet = list[Outline](), list[Outline](), frozenset(reads)
    for operation in operations:
        (reading if is_safe(operation) or operation in quiet else writing).append(operation)
    return _named(reading, choice), _named(writing, choice)


def _named(operations: list[Outline], choice: Choice) -> dict[Outline, str]:
    names, given = Names(), dict[Outline, str]()
    alike: dict[str, list[Outline]] = {}
    for operation in operations:
        chosen = choice.name_of(operation)
        if chosen is not None:
            given[operation] = names.take(chosen)
        else:
            alike.setdefault(_called(operation.id or _described(operation), choice), []).append(operation)
    others: list[Outline] = []
    for name, group in alike.items():
        exact = group if len(group) == 1 else [one for one in group if one.id == name]
        if len(exact) == 1:
            given[exact[0]] = names.take(name)
        others.extend(one for one in group if one not in given)
    for operation in sorted(others, key=lambda one: (one.path, one.method)):
        given[operation] = names.take(_called(_described(operation), choice))
    return {operation: given[operation] for operation in operations}


def _called(text: str, choice: Choice) -> str:
    name = field_name(text)
    return field_name(f"{choice.prefix} {name}") if choice.prefix else name


def _described(operation: Outline) -> str:
    """Give words for an operation: ``get users by id posts``."""
    return f"{operation.method.lower()} {operation.path.replace('{', ' by ').replace('}', ' ')}"
