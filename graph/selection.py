"""Selection sets, flattened: which fields an object of a given type is asked for, in response order.

CollectFields of the GraphQL specification (October 2021, 6.3.2), over an operation whose @skip and @include are
decided already: their variables are part of the operation's identity, so the result is computed once per operation.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import graphql

from graph.access import Denial, Denials
from resolvers import Requirements

_SKIP = graphql.GraphQLSkipDirective
_INCLUDE = graphql.GraphQLIncludeDirective


class TooManyFields(Exception):
    """The operation's fragments multiply to more fields than the server accepts."""


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """One response key of a selection set: the field, and the nodes that ask for it (several where they merge).

    Args:
        usages: of fields that may be deferred, each node's usage; see `graph.defer`.
        stream: how its list is streamed, if it is.
        denied: why it is denied, if it is.
    """

    key: str
    name: str
    nodes: tuple[graphql.FieldNode, ...]
    field: graphql.GraphQLField
    usages: tuple[Any, ...] = ()
    stream: Any = None
    denied: Denial | None = None


class Burst(graphql.GraphQLList[Any]):
    """The type of events that are answered together: a list of what the field of a subscription gives for each."""


def in_burst(selected: Selected) -> Selected:
    """Give a subscription's field as that of several events: one that has no answer costs the others nothing."""
    field = copy.copy(selected.field)
    field.type = Burst(graphql.get_nullable_type(field.type))
    return dataclasses.replace(selected, field=field)


class Selections:
    """The collected fields of one operation, remembered per type and nodes.

    Args:
        conditions: coerced values of the variables that @skip and @include use; None, for a plan that nobody runs,
            includes whatever they decide.
        max_fields: how many collected fields an operation may have in all.
        denials: what is denied; None for nothing.
    """

    def __init__(
        self,
        schema: graphql.GraphQLSchema,
        operation: graphql.OperationDefinitionNode,
        fragments: Mapping[str, graphql.FragmentDefinitionNode],
        conditions: Mapping[str, Any] | None,
        *,
        max_fields: int = 10_000,
        denials: Denials | None = None,
    ) -> None:
        self.denials = denials or Denials(Requirements(), None)
        self.schema = schema
        self.operation = operation
        self.fragments = fragments
        self._conditions = conditions
        self.max_fields = max_fields
        self._left = max_fields
        self._known: dict[tuple[str, tuple[int, ...]], list[Selected]] = {}

    def root(self, kind: graphql.GraphQLObjectType) -> list[Selected]:
        """Give the operation's root fields."""
        return self._collected(kind, (self.operation.selection_set,))

    def below(self, kind: graphql.GraphQLObjectType, nodes: Sequence[graphql.FieldNode]) -> list[Selected]:
        """Give the fields asked of an object of type ``kind`` that the field ``nodes`` gave.

        Raises:
            TooManyFields: see the class.
        """
        return self._collected(kind, tuple(node.selection_set for node in nodes if node.selection_set is not None))

    def shown(self, connections: Iterable[Selected]) -> set[str]:
        """Give the names of the fields that are selected from connections, and from their edges."""
        found: set[str] = set()
        for selected in {id(selected): selected for selected in connections}.values():
            kind = graphql.get_named_type(selected.field.type)
            if isinstance(kind, graphql.GraphQLObjectType):
                fields = self.below(kind, selected.nodes)
                fields = [below for below in fields if below.name != "__typename" and below.denied is None]
                found.update(below.name for below in fields)
                found |= self.shown(below for below in fields if below.name == "edges")
        return found

    def _collected(self, kind: graphql.GraphQLObjectType, sets: tuple[graphql.SelectionSetNode, ...]) -> list[Selected]:
        identity = (kind.name, tuple(map(id, sets)))
        known = self._known.get(identity)
        if known is None:
            self.denials.see(kind.name)
            grouped: dict[str, list[graphql.FieldNode]] = {}
            seen: set[str] = set()
            for selection_set in sets:
                self._collect(kind, selection_set, grouped, seen)
            known = self._known[identity] = [self._selected(kind, key, nodes) for key, nodes in grouped.items()]
            self._left -= len(known)
            if self._left < 0:
                raise TooManyFields
        return known

    def _selected(self, kind: graphql.GraphQLObjectType, key: str, nodes: list[graphql.FieldNode]) -> Selected:
        name = nodes[0].name.value
        field = self.schema.get_field(kind, name)
        if field is None:
            raise LookupError(f"{kind.name}.{name} passed validation but does not exist")
        return Selected(key, name, tuple(nodes), field, denied=self.denials.of_field(kind.name, name))

    def _collect(
        self,
        kind: graphql.GraphQLObjectType,
        selection_set: graphql.SelectionSetNode,
        grouped: dict[str, list[graphql.FieldNode]],
        seen: set[str],
    ) -> None:
        for selection in selection_set.selections:
            if selection.directives and not self._is_included(selection):
                continue
            if isinstance(selection, graphql.FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                grouped.setdefault(key, []).append(selection)
            elif isinstance(selection, graphql.InlineFragmentNode):
                if selection.type_condition is None or self._applies(kind, selection.type_condition):
                    self._collect(kind, selection.selection_set, grouped, seen)
            elif isinstance(selection, graphql.FragmentSpreadNode):
                name = selection.name.value
                if name not in seen:
                    seen.add(name)
                    fragment = self.fragments[name]
                    if self._applies(kind, fragment.type_condition):
                        self._collect(kind, fragment.selection_set, grouped, seen)

    def _applies(self, kind: graphql.GraphQLObjectType, condition: graphql.NamedTypeNode) -> bool:
        named = self.schema.get_type(condition.name.value)
        return named is kind or (graphql.is_abstract_type(named) and self.schema.is_sub_type(named, kind))

    def _is_included(self, selection: graphql.SelectionNode) -> bool:
        if self._conditions is None:
            return True
        skip = graphql.get_directive_values(_SKIP, selection, self._variables())
        if skip is not None and skip["if"] is True:
            return False
        include = graphql.get_directive_values(_INCLUDE, selection, self._variables())
        return include is None or include["if"] is not False

    def _variables(self) -> Any:
        return self._conditions


def condition_variables(document: graphql.DocumentNode) -> tuple[str, ...]:
    """Give the names of the variables that @skip and @include use anywhere in the document."""
    found: dict[str, None] = {}

    class Conditions(graphql.Visitor):
        def enter_directive(self, node: graphql.DirectiveNode, *_: Any) -> None:
            if node.name.value in ("skip", "include"):
                for argument in node.arguments or ():
                    if isinstance(argument.value, graphql.VariableNode):
                        found[argument.value.name.value] = None

    graphql.visit(document, Conditions())
    return tuple(found)
