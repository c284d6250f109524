"""What fields and types need, laid over a model: some of it the client may have, some it is denied."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import graphql

from graph import Client, Graph
from graph.access import Access
from resolvers import requirements_of, requires
from tests.graph.oracle.choices import Choices
from tests.graph.oracle.model import Field, Kind, Model, Type, graphql_name

DENIED, GRANTED = "denied", "granted"
CLIENT = Client(scopes=frozenset({GRANTED}))
Place = tuple[str, str]


@dataclass(frozen=True)
class Marks:
    """What needs a scope: types and interfaces by name, fields by the names of their type and their own."""

    types: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[Place, str], ...] = ()

    def denies_type(self, model: Model, name: str) -> bool:
        """Tell whether objects of a type are denied: by itself, its interface, or what a map's entry holds."""
        if (name, DENIED) in self.types:
            return True
        found = model.by_name.get(name)
        if not isinstance(found, Type):
            return False
        if found.interface is not None and (found.interface.name, DENIED) in self.types:
            return True
        return found.entry == "generic" and any(self.denies_type(model, held.kind.name) for held in found.fields)

    def denies(self, model: Model, kind: Type, element: Field) -> bool:
        """Tell whether a field is denied: by itself or its interface's, the type it stands in, or the one it gives."""
        above = [kind.name] if kind.interface is None else [kind.name, kind.interface.name]
        if any(((name, graphql_name(element.name)), DENIED) in self.fields for name in above):
            return True
        return self.denies_type(model, kind.name) or self.denies_type(model, named(element.kind))


def named(kind: Kind) -> str:
    """Give the name of the type inside lists."""
    return kind.name if kind.item is None else named(kind.item)


def drawn(choices: Choices, model: Model) -> Marks:
    """Draw a few marks."""
    kinds = [*model.objects.values(), *model.interfaces]
    places = [(kind.name, graphql_name(element.name)) for kind in kinds for element in kind.every_field]
    types = [kind.name for kind in kinds if kind.name not in ("Query", "Mutation", "Subscription") and not kind.entry]
    scope = (DENIED, DENIED, GRANTED)
    return Marks(
        tuple((name, choices.pick(scope)) for name in choices.some(types, 2)),
        tuple((place, choices.pick(scope)) for place in choices.some(places, 4)),
    )


def require(graph: Graph, marks: Marks) -> None:
    """Put the marks on a graph, as if its source said so."""
    types, fields = dict(marks.types), dict(marks.fields)
    for kind in graph.schema.type_map.values():
        if kind.name in types:
            _mark(kind, types[kind.name])
        if isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType):
            for name, element in kind.fields.items():
                if (kind.name, name) in fields:
                    _mark(element, fields[kind.name, name])
    found = graph.engine.bindings.requirements = requirements_of(graph.schema)
    graph.engine.access = Access(found)


def _mark(element: Any, scope: str) -> None:
    definition = copy.copy(element.extensions["strawberry-definition"])  # types share those of their interfaces
    definition.directives = [*(definition.directives or ()), requires(scopes=scope)]
    element.extensions = {**element.extensions, "strawberry-definition": definition}
