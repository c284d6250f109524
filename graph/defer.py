"""Selection sets with ``@defer`` and ``@stream``: which fields of an object come now, and which later, with whom.

CollectFields and BuildExecutionPlan of the incremental delivery draft, as graphql-core 3.3 has them. A fragment is
deferred, and a list streamed, only where something in it has to be fetched or resolved: what has come with the parent
anyway is delivered with the parent, as the draft allows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import graphql

from graph.selection import Selected, Selections
from resolvers import Bindings, Property

_DEFER = graphql.GraphQLDeferDirective
_STREAM = graphql.GraphQLStreamDirective


@dataclass(frozen=True, slots=True, eq=False)
class DeferUsage:
    """One deferred fragment, inside another one perhaps; `directive` is where the document says so."""

    directive: graphql.DirectiveNode
    label: str | None
    parent: DeferUsage | None


@dataclass(frozen=True, slots=True, eq=False)
class StreamUsage:
    """A list of which the first items come with their parent; their number may be negative, which is an error."""

    label: str | None
    initial_count: int


Usages = frozenset[DeferUsage]


class Fields(NamedTuple):
    """The fields of an object: those that come now, and those that come later with each set of deferred fragments."""

    now: list[Selected]
    later: list[tuple[Usages, list[Selected]]]
    usages: list[DeferUsage]


class DeferredSelections(Selections):
    """The collected fields of one request, with what is deferred in them."""

    def __init__(self, selections: Selections, bindings: Bindings, variables: Any) -> None:
        super().__init__(
            selections.schema,
            selections.operation,
            selections.fragments,
            variables,
            max_fields=selections.max_fields,
            denials=selections.denials,
        )
        self._bindings = bindings
        self._split: dict[tuple[str, tuple[int, ...], tuple[int, ...], Usages], Fields] = {}
        self._leading: dict[tuple[str, int], bool] = {}

    def root_fields(self, kind: graphql.GraphQLObjectType) -> Fields:
        """Give the operation's root fields."""
        return self._fields(kind, [(self.operation.selection_set, None)], frozenset())

    def fields_below(self, kind: graphql.GraphQLObjectType, selected: Selected, within: Usages) -> Fields:
        """Give the fields asked of an object of type ``kind`` that a field gave.

        Args:
            within: the deferred fragments with which the object itself is delivered.
        """
        usages = selected.usages or (None,) * len(selected.nodes)
        sets = [
            (node.selection_set, usage)
            for node, usage in zip(selected.nodes, usages, strict=True)
            if node.selection_set is not None
        ]
        return self._fields(kind, sets, within)

    def fields_of_item(self, name: str, selected: Selected) -> Fields:
        """Give the fields of an item, of the type that is named, of a list that a field streams."""
        kind: Any = self.schema.type_map[name]
        sets = [(node.selection_set, None) for node in selected.nodes if node.selection_set is not None]
        return self._fields(kind, sets, frozenset())

    def _fields(
        self,
        kind: graphql.GraphQLObjectType,
        sets: Sequence[tuple[graphql.SelectionSetNode, DeferUsage | None]],
        within: Usages,
    ) -> Fields:
        identity = (kind.name, tuple(id(one) for one, _ in sets), tuple(id(usage) for _, usage in sets), within)
        known = self._split.get(identity)
        if known is None:
            known = self._split[identity] = self._collect_deferred(kind, sets, within)
        return known

    def _collect_deferred(
        self,
        kind: graphql.GraphQLObjectType,
        sets: Iterable[tuple[graphql.SelectionSetNode, DeferUsage | None]],
        within: Usages,
    ) -> Fields:
        grouped: dict[str, list[tuple[graphql.FieldNode, DeferUsage | None]]] = {}
        fresh: list[DeferUsage] = []
        seen: dict[str, set[int | None]] = {}
        for selection_set, usage in sets:
            self._visit(kind, selection_set, usage, grouped, fresh, seen)
        now: list[Selected] = []
        later: dict[Usages, list[Selected]] = {}
        for key, found in grouped.items():
            selected = self._merged(kind, key, found)
            own = _outermost([usage for _, usage in found])
            (now if own == within else later.setdefault(own, [])).append(selected)
        return Fields(now, list(later.items()), fresh)

    def _merged(
        self,
        kind: graphql.GraphQLObjectType,
        key: str,
        found: list[tuple[graphql.FieldNode, DeferUsage | None]],
    ) -> Selected:
        plain = self._selected(kind, key, [node for node, _ in found])
        usages = tuple(usage for _, usage in found)
        return dataclasses.replace(plain, usages=usages, stream=self._stream(plain))

    def _visit(
        self,
        kind: graphql.GraphQLObjectType,
        selection_set: graphql.SelectionSetNode,
        usage: DeferUsage | None,
        grouped: dict[str, list[tuple[graphql.FieldNode, DeferUsage | None]]],
        fresh: list[DeferUsage],
        seen: dict[str, set[int | None]],
    ) -> None:
        for selection in selection_set.selections:
            if selection.directives and not self._is_included(selection):
                continue
            if isinstance(selection, graphql.FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                grouped.setdefault(key, []).append((selection, usage))
                continue
            below = self._fragment(kind, selection)
            if below is None:
                continue
            own = self._usage(kind, selection, below, usage)
            if isinstance(selection, graphql.FragmentSpreadNode):
                visited, mark = seen.setdefault(selection.name.value, set()), id(own.directive) if own else None
                if None in visited or mark in visited:
                    continue
                visited.add(mark)
            if own is not usage and own is not None:
                fresh.append(own)
            self._visit(kind, below, own, grouped, fresh, seen)

    def _fragment(
        self, kind: graphql.GraphQLObjectType, selection: graphql.SelectionNode
    ) -> graphql.SelectionSetNode | None:
        """Give what a fragment selects from an object, None where its condition does not hold."""
        found: Any = selection
        if isinstance(selection, graphql.FragmentSpreadNode):
            found = self.fragments[selection.name.value]
        condition = found.type_condition
        return found.selection_set if condition is None or self._applies(kind, condition) else None

    def _usage(
        self,
        kind: graphql.GraphQLObjectType,
        selection: graphql.SelectionNode,
        below: graphql.SelectionSetNode,
        parent: DeferUsage | None,
    ) -> DeferUsage | None:
        if not selection.directives:
            return parent
        found = graphql.get_directive_values(_DEFER, selection, self._variables())
        if found is None or found.get("if") is False or not self._leads_on(kind, below):
            return parent
        directive = next(one for one in selection.directives if one.name.value == _DEFER.name)
        return DeferUsage(directive, found.get("label"), parent)

    def _stream(self, selected: Selected) -> StreamUsage | None:
        node = selected.nodes[0]
        if not node.directives:
            return None
        found = graphql.get_directive_values(_STREAM, node, self._variables())
        named = graphql.get_named_type(selected.field.type)
        if found is None or found.get("if") is False or not self._leads_below(named, selected.nodes):
            return None
        return StreamUsage(found.get("label"), found.get("initialCount") or 0)

    # -- what is worth waiting for --------------------------------------------------------------------------------

    def _leads_on(self, kind: graphql.GraphQLObjectType, selection_set: graphql.SelectionSetNode) -> bool:
        """Tell whether anything in a selection set has to be fetched or resolved once the object is there."""
        identity = (kind.name, id(selection_set))
        known = self._leading.get(identity)
        if known is None:
            known = self._leading[identity] = any(
                self._selection_leads_on(kind, selection) for selection in selection_set.selections
            )
        return known

    def _selection_leads_on(self, kind: graphql.GraphQLObjectType, selection: graphql.SelectionNode) -> bool:
        if not isinstance(selection, graphql.FieldNode):
            below = self._fragment(kind, selection)
            return below is not None and self._leads_on(kind, below)
        name = selection.name.value
        if name.startswith("__"):
            return False
        if not isinstance(self._bindings.of(kind.name, name), Property):
            return True
        return self._leads_below(graphql.get_named_type(kind.fields[name].type), (selection,))

    def _leads_below(self, named: Any, nodes: Iterable[graphql.FieldNode]) -> bool:
        if graphql.is_leaf_type(named):
            return False
        kinds = self.schema.get_possible_types(named) if graphql.is_abstract_type(named) else [named]
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        return any(self._leads_on(kind, selection_set) for kind in kinds for selection_set in sets)


def _outermost(usages: list[DeferUsage | None]) -> Usages:
    """Give the deferred fragments that a field waits for: none where any of its nodes is not deferred."""
    if None in usages:
        return frozenset()
    found = {usage for usage in usages if usage is not None}
    return frozenset(usage for usage in found if not any(parent in found for parent in _ancestors(usage)))


def _ancestors(usage: DeferUsage) -> Iterable[DeferUsage]:
    while usage.parent is not None:
        usage = usage.parent
        yield usage


def has_incremental(document: graphql.DocumentNode) -> bool:
    """Tell whether ``@defer`` or ``@stream`` stands anywhere in a document."""
    found: list[str] = []

    class Directives(graphql.Visitor):
        def enter_directive(self, node: graphql.DirectiveNode, *_: Any) -> None:
            if node.name.value in (_DEFER.name, _STREAM.name):
                found.append(node.name.value)

    graphql.visit(document, Directives())
    return bool(found)
