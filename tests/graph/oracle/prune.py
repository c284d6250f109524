"""Leave out of a model what an operation does not reach, so that the case to read is small."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from tests.graph.oracle.model import (
    LACKING,
    Argument,
    Endpoint,
    Field,
    Kind,
    Link,
    Model,
    Property,
    Push,
    Resolver,
    Stub,
    Type,
    graphql_name,
)


def pruned(model: Model, text: str, *, optional: bool) -> Model:
    """Give the model with only the types and fields that the operation names, and those that hold their keys.

    Args:
        optional: whether optional arguments that the operation does not name are kept.
    """
    return _Pruning(model, text, optional=optional).model()


class _Pruning:
    def __init__(self, model: Model, text: str, *, optional: bool) -> None:
        self.whole = model
        self.words = set(re.findall(r"\w+", text))
        self.optional = optional
        roots = ("Mutation", "Subscription")
        self.root = next((root for root in roots if text.startswith(root.lower())), "Query")
        self.kept: dict[str, set[str]] = {}
        self.linked: set[str] = set()
        self.reached: set[str] = set()
        self.entities = {kind.name for kind in model.types if kind.entity is not None}

    def model(self) -> Model:
        self._reach(self.whole.objects[self.root])
        for name in set(self.whole.composites()) & self.words:  # fragments may be on types that no field names
            self._reach_named(name)
        query: tuple[Field, ...] = (Resolver("nothing", Kind("Int", nullable=True), None),)
        mutation: tuple[Any, ...] = ()
        subscription: tuple[Any, ...] = ()
        if self.root == "Mutation":
            mutation = self._fields("Mutation", self.whole.mutation)
        elif self.root == "Subscription":
            subscription = self._fields("Subscription", self.whole.subscription)
        else:
            query = self._fields("Query", self.whole.query) or query
        interfaces = {kind.name: self._type(kind, {}) for kind in self.whole.interfaces if kind.name in self.kept}
        return dataclasses.replace(
            self.whole,
            types=tuple(self._type(kind, interfaces) for kind in self.whole.types if kind.name in self.kept),
            query=query,
            mutation=mutation,
            subscription=subscription,
            interfaces=tuple(interfaces.values()),
            unions=tuple(union for union in self.whole.unions if union.name in self.kept),
            by_name={},
        )

    # -- what is reached ------------------------------------------------------------------------------------------

    def _reach(self, kind: Type) -> None:
        self.kept.setdefault(kind.name, set())
        for element in kind.every_field:
            if graphql_name(element.name) in self.words or kind.entry == "generic":
                self._keep(kind, element)

    def _keep(self, kind: Type, element: Field) -> None:
        names = self.kept.setdefault(kind.name, set())
        if element.name in names:
            return
        names.add(element.name)
        if kind.interface is not None and element.name in {one.name for one in kind.interface.fields}:
            self._keep(kind.interface, element)
        if isinstance(element, Link | Stub):
            self._keep_attributes(kind, element.keys)
        if isinstance(element, Link | Push) and element.kind.name in self.entities:
            self.linked.add(element.kind.name)
            target: Type = self.whole.by_name[element.kind.name]
            self._keep_attributes(target, target.key)
        if element.kind.name not in self.whole.composites():
            return
        self._reach_named(element.kind.name)
        if isinstance(element, Stub):
            for name in self.whole.possible(element.kind.name):
                self._keep_match(self.whole.by_name[name], element.endpoint)

    def _reach_named(self, name: str) -> None:
        self.kept.setdefault(name, set())
        for possible in self.whole.possible(name):
            if possible not in self.reached:
                self.reached.add(possible)
                self._reach(self.whole.by_name[possible])

    def _keep_attributes(self, kind: Type, names: tuple[str, ...]) -> None:
        for found in kind.every_field:
            if isinstance(found, Property) and found.name in names:
                self._keep(kind, found)

    def _keep_match(self, kind: Type, endpoint: Endpoint) -> None:
        for found in kind.every_field:
            if isinstance(found, Property) and ".".join(found.where(endpoint.source)) in endpoint.match:
                self._keep(kind, found)

    # -- what is left ---------------------------------------------------------------------------------------------

    def _type(self, kind: Type, interfaces: dict[str, Type]) -> Type:
        fields = self._fields(kind.name, kind.fields)
        interface = interfaces.get(kind.interface.name) if kind.interface is not None else None
        if not fields and interface is None:  # a type needs a field
            fields = tuple(found for found in kind.fields if isinstance(found, Property | Resolver))[:1]
        entity = kind.entity if kind.name in self.linked else None
        return dataclasses.replace(kind, fields=fields, interface=interface, entity=entity)

    def _fields(self, name: str, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        names = self.kept.get(name, set())
        return tuple(self._slim(found) for found in fields if found.name in names)

    def _slim(self, element: Field) -> Field:
        if not isinstance(element, Stub):
            return element
        endpoint = element.endpoint
        if not element.key_arguments:
            endpoint = dataclasses.replace(endpoint, arguments=tuple(filter(self._is_needed, endpoint.arguments)))
        cut = element.cut if element.cut is not None and self._is_needed(element.cut) else None
        return dataclasses.replace(element, endpoint=endpoint, cut=cut)

    def _is_needed(self, taken: Argument) -> bool:
        is_optional = taken.kind.nullable or taken.default is not LACKING
        return self.optional or not is_optional or graphql_name(taken.name) in self.words
