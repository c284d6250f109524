"""Turn declared classes into Strawberry types: entities become types, stubs become fields.

Theory of operation. `sources` marks classes and functions with data and knows nothing of GraphQL. Starting from the
root types, this module follows annotations to every class they name, applies `strawberry.type` to the entities among
them, and appends a Strawberry field for every stub, after the annotated fields, in the order of the class body. It is
idempotent: a class that two graphs share is changed once.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Iterator
from typing import Any

import strawberry
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from resolvers.marks import MARK
from sources import Rest, call_of, entity_of


class Declared:
    """The classes of one graph, the sources they use, and what is wrong with them."""

    def __init__(self) -> None:
        self.classes: list[type[Any]] = []
        self.sources: list[Rest] = []
        self.faults: list[str] = []

    def add_source(self, source: Rest) -> None:
        """Note a source once; two of one name are a fault."""
        if any(source is known for known in self.sources):
            return
        if any(source.name == known.name for known in self.sources):
            self.faults.append(f"two sources are named {source.name!r}: errors and plans could not tell them apart")
        self.sources.append(source)
        self.faults.extend(source.faults)


def declare(*roots: type[Any]) -> Declared:
    """Make Strawberry types of every class that the root types reach."""
    declared = Declared()
    waiting = list(roots)
    seen: set[type[Any]] = set()
    while waiting:
        python_type = waiting.pop(0)
        if python_type in seen:
            continue
        seen.add(python_type)
        declared.classes.append(python_type)
        waiting.extend(_declare_class(python_type, declared))
    return declared


def _declare_class(python_type: type[Any], declared: Declared) -> list[type[Any]]:
    entity = entity_of(python_type)
    if entity is not None:
        declared.add_source(entity.call.source)
        if "__strawberry_definition__" not in python_type.__dict__:
            strawberry.type(python_type, description=inspect.getdoc(python_type) if python_type.__doc__ else None)
    definition = python_type.__dict__.get("__strawberry_definition__")
    if not isinstance(definition, StrawberryObjectDefinition):
        return []
    known = {field.python_name for field in definition.fields}
    reached: list[type[Any]] = []
    for name, member in list(vars(python_type).items()):
        call = call_of(member)
        if call is not None:
            declared.add_source(call.source)
            hints = _hints(member, python_type, declared)
            if name not in known and _has_answer(member, hints, declared):
                definition.fields.append(_stub_field(python_type, name, member))
            reached.extend(_named_classes(hints))
        elif isinstance(member, StrawberryField) and member.base_resolver is not None:
            reached.extend(_named_classes(_hints(member.base_resolver.wrapped_func, python_type, declared)))
    for field in definition.fields:
        if field.base_resolver is not None and call_of(field.base_resolver.wrapped_func) is None:
            reached.extend(_named_classes(_hints(field.base_resolver.wrapped_func, python_type, declared)))
    reached.extend(_named_classes(_hints(python_type, python_type, declared)))
    reached.extend(interface.origin for interface in definition.interfaces)
    return reached


def _has_answer(function: Any, hints: dict[str, Any], declared: Declared) -> bool:
    """Tell whether a stub says what it gives; one that does not is left out, so that other faults show as well."""
    if hints.get("return") not in (None, type(None)):
        return True
    if "return" not in function.__annotations__:
        declared.faults.append(f"{function.__qualname__}: the type that it gives is not annotated (-> Type)")
    elif hints:
        declared.faults.append(f"{function.__qualname__}: it is annotated to give None")
    return False


def _stub_field(python_type: type[Any], name: str, function: Any) -> StrawberryField:
    field = strawberry.field(
        resolver=function, description=inspect.getdoc(function) or None, metadata={MARK: call_of(function)}
    )
    field.python_name = name
    field.origin = python_type
    stub: StrawberryField = field
    return stub


def _hints(element: Any, owner: type[Any], declared: Declared) -> dict[str, Any]:
    module = sys.modules.get(getattr(element, "__module__", owner.__module__))
    names = dict(vars(module)) if module is not None else {}
    try:
        return typing.get_type_hints(element, globalns=names, localns={owner.__name__: owner}, include_extras=True)
    except NameError as exc:
        where = owner.__qualname__ if element is owner else f"{owner.__qualname__}.{element.__name__}"
        declared.faults.append(
            f"{where}: the annotation names {exc.name!r}, which is not defined in {owner.__module__}"
        )
        return {}


def _named_classes(hints: dict[str, Any]) -> list[type[Any]]:
    return [found for hint in hints.values() for found in _classes_in(hint)]


def _classes_in(hint: Any) -> Iterator[type[Any]]:
    lazy = [extra for extra in getattr(hint, "__metadata__", ()) if hasattr(extra, "resolve_type")]
    for reference in lazy:
        yield from _classes_in(reference.resolve_type())
    if isinstance(hint, type) and not typing.get_args(hint):
        if entity_of(hint) is not None or "__strawberry_definition__" in hint.__dict__:
            yield hint
        return
    for argument in typing.get_args(hint):
        yield from _classes_in(argument)
