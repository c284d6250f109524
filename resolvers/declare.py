"""Turn declared classes into Strawberry types: entities become types, stubs become fields.

Theory of operation. `sources` marks classes and functions with data and knows nothing of GraphQL. Starting from the
root types, this module follows annotations to every class they name, applies `strawberry.type` to the entities among
them, and appends a Strawberry field for every stub, after the annotated fields, in the order of the class body. It is
idempotent: a class that two graphs share is changed once.
"""

from __future__ import annotations

import builtins
import inspect
import sys
import typing
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import strawberry
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType, StrawberryLazyReference
from strawberry.types.union import StrawberryUnion

from resolvers.directive import directives_of, take_directives
from resolvers.discriminator import Discriminator
from resolvers.extension import guard, name_denials
from resolvers.marks import MARK, SHOWN_AS, LinkMark
from resolvers.node import add_lookups, is_node
from sources import Call, Rest, call_of, entity_of

BLANK = "_blank"  # the field of a class that declares none of its own, until its document's are there


class Declared:
    """The classes of one graph, the sources they use, and what is wrong with them."""

    def __init__(self) -> None:
        self.classes: list[type[Any]] = []
        self.sources: list[Rest] = []
        self.faults: list[str] = []
        self.unions: dict[str | None, Discriminator] = {}

    def add_fault(self, fault: str) -> None:
        """Note a fault once."""
        if fault not in self.faults:
            self.faults.append(fault)

    def add_source(self, source: Rest) -> None:
        """Note a source once; two of one name are a fault."""
        if any(source is known for known in self.sources):
            return
        if any(source.name == known.name for known in self.sources):
            self.faults.append(f"two sources are named {source.name!r}: errors and plans could not tell them apart")
        self.sources.append(source)
        self.faults.extend(source.faults)


def declare(*roots: type[Any]) -> Declared:
    """Make Strawberry types of every class that the root types reach.

    Args:
        roots: the query type first; it gets fields that find nodes, where there are any.
    """
    declared = Declared()
    waiting = list(roots)
    seen: set[type[Any]] = set()
    while waiting:
        python_type = waiting.pop(0)
        if python_type in seen:
            continue
        bases = [base for base in python_type.__bases__ if base not in seen and base is not object]
        if bases:
            waiting[:0] = [*bases, python_type]  # a base's fields become those of its subclasses
            continue
        seen.add(python_type)
        declared.classes.append(python_type)
        waiting.extend(_declare_class(python_type, declared))
    if any(map(is_node, declared.classes)):
        add_lookups(roots[0])
    return declared


def _declare_class(python_type: type[Any], declared: Declared) -> list[type[Any]]:
    entity = entity_of(python_type)
    if entity is not None:
        declared.add_source(entity.call.source)
        if "__strawberry_definition__" not in python_type.__dict__:
            description = inspect.getdoc(python_type) if python_type.__doc__ else None
            strawberry.type(python_type, description=description, directives=directives_of(python_type))
    definition = python_type.__dict__.get("__strawberry_definition__")
    if not isinstance(definition, StrawberryObjectDefinition):
        return []
    take_directives(definition, python_type)
    known = {field.python_name for field in definition.fields}
    reached: list[type[Any]] = []
    members: dict[str, Any] = {}
    for base in reversed(python_type.__mro__):
        members.update(vars(base))
    for name, member in members.items():
        call = call_of(member)
        if call is not None:
            declared.add_source(call.source)
            hints = _hints(member, python_type, declared)
            if name not in known and _has_answer(member, hints, declared):
                definition.fields.append(_stub_field(python_type, name, member))
            reached.extend(_named_classes(hints, member, declared))
        elif directives_of(member) and name not in known and not isinstance(member, type):
            declared.add_fault(f"{python_type.__qualname__}.{name}: a directive stands on it, but it is no field")
        elif isinstance(member, StrawberryField) and member.base_resolver is not None:
            function = member.base_resolver.wrapped_func
            reached.extend(_named_classes(_hints(function, python_type, declared), function, declared))
    for field in definition.fields:
        _adopt(field)
        if field.type_annotation is not None and not isinstance(field.type_annotation.raw_annotation, str):
            reached.extend(_named_classes({"type": field.type_annotation.raw_annotation}, python_type, declared))
        if field.base_resolver is not None and call_of(field.base_resolver.wrapped_func) is None:
            function = field.base_resolver.wrapped_func
            reached.extend(_named_classes(_hints(function, python_type, declared), function, declared))
    if entity is not None and entity.of is not None and not definition.fields:
        blank: Any = strawberry.field(resolver=_blank, name=BLANK)
        definition.fields.append(blank)
    reached.extend(_named_classes(_hints(python_type, python_type, declared), python_type, declared))
    reached.extend(interface.origin for interface in definition.interfaces)
    return reached


def _blank() -> bool:
    return True


def _has_answer(function: Any, hints: dict[str, Any], declared: Declared) -> bool:
    """Tell whether a stub says what it gives; one that does not is left out, so that other faults show as well."""
    if hints.get("return") not in (None, type(None)):
        return True
    if "return" not in function.__annotations__:
        declared.add_fault(f"{function.__qualname__}: the type that it gives is not annotated (-> Type)")
    elif hints:
        declared.add_fault(f"{function.__qualname__}: it is annotated to give None")
    return False


def _stub_field(python_type: type[Any], name: str, function: Any) -> StrawberryField:
    call = call_of(function)
    shown, told = getattr(function, SHOWN_AS, (None, None))
    field = strawberry.field(
        resolver=function,
        name=shown,
        description=told or inspect.getdoc(function) or None,
        deprecation_reason=None if call is None else call.deprecation_reason,
        metadata={MARK: call},
        directives=directives_of(function),
    )
    field.python_name = name
    field.origin = python_type
    stub: StrawberryField = field
    return stub


def _adopt(field: StrawberryField) -> None:
    """Bind what the author made of a stub with `strawberry.field`, and let permissions run before its call."""
    function = field.base_resolver.wrapped_func if field.base_resolver is not None else None
    call = call_of(function)
    if call is not None and MARK not in field.metadata:
        field.metadata = MappingProxyType({**field.metadata, MARK: call})
        field.description = field.description or inspect.getdoc(function)
        field.deprecation_reason = field.deprecation_reason or call.deprecation_reason
    if function is not None:
        take_directives(field, function)
    if isinstance(field.metadata.get(MARK), Call | LinkMark):
        guard(field)
    name_denials(field)


class _Undefined:
    """Stands for a name that is not defined where an annotation is read."""

    name: str


class _Names(dict[str, Any]):
    """A namespace in which every name is defined: what lacks is an `_Undefined` of that name."""

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return type(name, (_Undefined,), {"name": name})


def _hints(element: Any, owner: type[Any], declared: Declared) -> dict[str, Any]:
    """Give the annotations of a class or function, evaluated where they were written; what cannot be is a fault."""
    where = owner.__qualname__ if element is owner else f"{owner.__qualname__}.{element.__name__}"
    found: dict[str, Any] = {}
    for part in reversed(element.__mro__) if isinstance(element, type) else [element]:
        module = sys.modules.get(getattr(part, "__module__", owner.__module__))
        space = getattr(part, "__globals__", None) or (vars(module) if module is not None else {})
        for name, written in inspect.get_annotations(part).items():
            try:
                found[name] = _evaluated(written, space, {owner.__name__: owner})
            except Exception as exc:  # whatever an annotation's expression raises
                declared.add_fault(f"{where}: the annotation of {name} cannot be read: {exc}")
                continue
            for undefined in _undefined_in(found[name]):
                declared.add_fault(
                    f"{where}: the annotation names {undefined!r}, which is not defined in {part.__module__}"
                )
                found.pop(name, None)
    return found


def _evaluated(written: Any, space: Mapping[str, Any], local: dict[str, Any]) -> Any:
    names = _Names({**space, **local})

    # A class rather than a function: for these, names may come from any mapping.
    holder = type("Holder", (), {"__annotations__": {"it": written}})
    return typing.get_type_hints(holder, globalns={}, localns=names, include_extras=True)["it"]


def _undefined_in(hint: Any) -> Iterator[str]:
    """Give the undefined names in a hint, but those that are lazy and so need not be defined here."""
    if any(isinstance(extra, StrawberryLazyReference) for extra in getattr(hint, "__metadata__", ())):
        return
    if isinstance(hint, type) and issubclass(hint, _Undefined):
        yield hint.name
    for argument in typing.get_args(hint):
        yield from _undefined_in(argument)


def _named_classes(hints: dict[str, Any], element: Any, declared: Declared) -> list[type[Any]]:
    return [found for hint in hints.values() for found in _classes_in(hint, element, declared)]


def _classes_in(hint: Any, element: Any, declared: Declared) -> Iterator[type[Any]]:
    extras = getattr(hint, "__metadata__", ())
    for union in extras:
        if isinstance(union, StrawberryUnion):
            for found in extras:
                if isinstance(found, Discriminator):
                    declared.unions[union.graphql_name] = found
    for extra in extras:
        if isinstance(extra, StrawberryLazyReference):
            named = typing.get_args(hint)[0]
            name = getattr(named, "__forward_arg__", None) or getattr(named, "type_name", None) or named.__name__
            lazy: LazyType[Any, Any] = LazyType(name, extra.module, extra.package)
            yield from _classes_in(lazy.resolve_type(), element, declared)
            return
    origin = typing.get_origin(hint) or hint
    if isinstance(origin, type) and (entity_of(origin) is not None or "__strawberry_definition__" in origin.__dict__):
        yield origin
    for argument in typing.get_args(hint):
        yield from _classes_in(argument, element, declared)
