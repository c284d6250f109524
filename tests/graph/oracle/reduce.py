"""Make a failing case small: try to leave out one thing after the other, as long as what is left still fails.

Hypothesis can make a case smaller too, but not knowing what its choices mean it takes minutes where this takes seconds.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import graphql

from tests.graph.oracle.bodies import places
from tests.graph.oracle.compare import Case
from tests.graph.oracle.model import Json
from tests.graph.oracle.operations import Operation
from tests.graph.oracle.prune import pruned

TYPENAME = graphql.FieldNode(name=graphql.NameNode(value="__typename"))


def reduced(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Give a case as small as can be that fails as well."""
    before = None
    while before is not case:
        before = case
        for steps in (_pruned, _operations, _worlds):
            case = _descend(case, steps, fails)
    return case


def _descend(case: Case, steps: Callable[[Case], Iterator[Case]], fails: Callable[[Case], bool]) -> Case:
    """Take every step that leaves a failing case; after one, go on with those that come after it."""
    tried = 0
    while True:
        for position, smaller in enumerate(steps(case)):
            if position >= tried and fails(smaller):
                case, tried = smaller, position
                break
        else:
            return case


def _pruned(case: Case) -> Iterator[Case]:
    for optional in (False, True):
        smaller = pruned(case.model, case.operation.text, optional=optional)
        if smaller.size < case.model.size:
            yield dataclasses.replace(case, model=smaller)


# -- operations -------------------------------------------------------------------------------------------------------


def _operations(case: Case) -> Iterator[Case]:
    document = graphql.parse(case.operation.text)
    for changed in _documents(document):
        text = graphql.print_ast(_used_only(changed))
        names = {found.variable.name.value for found in _variables(graphql.parse(text))}
        variables = {name: value for name, value in case.operation.variables.items() if name in names}
        yield dataclasses.replace(case, operation=Operation(" ".join(text.split()), variables))


def _documents(document: graphql.DocumentNode) -> Iterator[graphql.DocumentNode]:
    fragments: dict[str, Any] = {
        found.name.value: found for found in document.definitions if isinstance(found, graphql.FragmentDefinitionNode)
    }
    definitions: list[Any]
    for index, definition in enumerate[Any](document.definitions):
        for changed in _sets(definition.selection_set, fragments):
            definitions = list(document.definitions)
            definitions[index] = dataclasses.replace(definition, selection_set=changed)
            yield graphql.DocumentNode(definitions=tuple(definitions))


def _sets(found: Any, fragments: dict[str, Any]) -> Iterator[graphql.SelectionSetNode]:
    """Give a selection set with one thing less."""
    selections = list(found.selections)
    for index, selection in enumerate(selections):
        for instead in _instead(selection, fragments, alone=len(selections) == 1):
            yield graphql.SelectionSetNode(selections=(*selections[:index], *instead, *selections[index + 1 :]))


def _instead(selection: Any, fragments: dict[str, Any], *, alone: bool) -> Iterator[list[Any]]:
    if not alone:
        yield []
    if selection.directives:
        yield [dataclasses.replace(selection, directives=())]
    if isinstance(selection, graphql.FragmentSpreadNode):
        held = fragments[selection.name.value]
        yield [graphql.InlineFragmentNode(type_condition=held.type_condition, selection_set=held.selection_set)]
        return
    if isinstance(selection, graphql.InlineFragmentNode):
        yield list(selection.selection_set.selections)
    elif selection.alias:
        yield [dataclasses.replace(selection, alias=None)]
    for argument in selection.arguments or () if isinstance(selection, graphql.FieldNode) else ():
        yield [dataclasses.replace(selection, arguments=tuple(one for one in selection.arguments if one != argument))]
    if selection.selection_set:
        yield [TYPENAME]
        for below in _sets(selection.selection_set, fragments):
            yield [dataclasses.replace(selection, selection_set=below)]


def _used_only(document: graphql.DocumentNode) -> graphql.DocumentNode:
    """Leave out fragments and variables that nothing uses any more."""
    text = ""
    while text != graphql.print_ast(document):
        text = graphql.print_ast(document)
        kept = [
            found
            for found in document.definitions
            if not isinstance(found, graphql.FragmentDefinitionNode)
            or f"...{found.name.value}" in text.replace(" ", "")
        ]
        document = graphql.DocumentNode(definitions=tuple(kept))
    first: Any = document.definitions[0]
    used = [found for found in _variables(document) if text.count(f"${found.variable.name.value}") > 1]
    return graphql.DocumentNode(
        definitions=(dataclasses.replace(first, variable_definitions=tuple(used)), *document.definitions[1:])
    )


def _variables(document: graphql.DocumentNode) -> tuple[graphql.VariableDefinitionNode, ...]:
    first: Any = document.definitions[0]
    return tuple(first.variable_definitions or ())


# -- worlds -----------------------------------------------------------------------------------------------------------


def _worlds(case: Case) -> Iterator[Case]:
    world = case.world
    for name in world.faults:
        faults = {other: fault for other, fault in world.faults.items() if other != name}
        yield dataclasses.replace(case, world=dataclasses.replace(world, faults=faults))
    for name, versions in world.tables.items():
        if len(versions) > 1:
            for version in versions:
                yield _with_table(case, name, [version])
        for position, _ in enumerate(list(places(versions))):
            smaller = copy.deepcopy(versions)
            container, place = list(places(smaller))[position]
            if container is not smaller:
                del container[place]
                yield _with_table(case, name, smaller)


def _with_table(case: Case, name: str, versions: list[Json]) -> Case:
    world = dataclasses.replace(case.world, tables={**case.world.tables, name: versions})
    return dataclasses.replace(case, world=world, is_good=False)
