"""Find every fault of a schema that cannot be built, where Strawberry names one and stops."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import graphql

from resolvers import Declared, bind

_INVALID = "Invalid Schema."  # what Strawberry says before all that graphql-core finds


def schema_faults(
    declared: Declared,
    build: Callable[[], graphql.GraphQLSchema],
    weave: Callable[[graphql.GraphQLSchema], graphql.GraphQLSchema],
) -> list[str]:
    """Give why the schema cannot be built, and what is wrong with the rest of it.

    Strawberry names one fault and stops. So fields are left out one by one, to find which of them it is about, until
    what remains is a schema whose bindings can be looked at. It takes many attempts, and gives up after some seconds.

    Args:
        weave: puts documents into a schema that was built; what it finds is added to what is declared.
    """
    faults: list[str] = []
    kept: list[tuple[Any, Any, int]] = []
    gives_up_at = time.monotonic() + 5
    try:
        while True:
            try:
                schema = build()
            except Exception as exc:
                invalid = _lines(exc)[1:] if str(exc).startswith(_INVALID) else []
                faults += [fault for line in invalid if (fault := f"the schema: {line}") not in faults]
                culprit = _culprit(declared, build, str(exc), gives_up_at)
                if culprit is None:
                    return faults if invalid else [*faults, f"the schema: {_first_line(exc)}"]
                definition, field, place = culprit
                kept.append(culprit)
                if not invalid:
                    faults.append(f"{definition.name}.{field.python_name}: {_first_line(exc)}")
            else:
                found = bind(weave(schema), declared).faults
                return [*faults, *(fault for fault in found if fault not in declared.faults)]
    finally:
        for definition, field, place in reversed(kept):
            definition.fields.insert(place, field)


def _culprit(
    declared: Declared, build: Callable[[], graphql.GraphQLSchema], said: str, gives_up_at: float
) -> tuple[Any, Any, int] | None:
    """Leave out the field without which another fault, or none, comes first; give it and where it was."""
    for python_type in declared.classes:
        definition = python_type.__dict__.get("__strawberry_definition__")
        for place, field in enumerate(list(getattr(definition, "fields", ()))):
            if definition is None or time.monotonic() > gives_up_at:
                return None
            del definition.fields[place]
            try:
                build()
            except Exception as exc:
                if str(exc) == said or len(definition.fields) == 0:
                    definition.fields.insert(place, field)
                    continue
            return definition, field, place
    return None


def _first_line(exc: Exception) -> str:
    return (_lines(exc) or [type(exc).__name__])[0]


def _lines(exc: Exception) -> list[str]:
    lines = (line.strip(" \t\N{CROSS MARK}") for line in str(exc).splitlines())
    return [line for line in lines if line]
