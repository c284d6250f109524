"""A parsed document measured before it is validated: how deep, and how many fields, once its fragments are spread.

Theory of operation. Each definition is walked once, without recursion, and gives its own numbers and the fragments it
spreads, each with the depth where it stands. Fragments are then added up from those that spread nothing: numbers are
multiplied, nothing is expanded, so fragments that double 25 times give a large number and no work. A cycle of fragments
counts as nothing; validation reports it.

Whether fields and fragments that stand side by side agree is checked pair by pair, by validation. So it is counted here
how many pairs there will be at least.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import graphql

from graph.errors import RequestError
from graph.limits import Limits, exceeded
from graph.scan import MAX_NESTING

MAX_PAIRS = 20_000
_INTROSPECTION = ("__schema", "__type")


@dataclass(slots=True, eq=False)
class _Size:
    """What a definition selects: by itself, or with its fragments spread.

    Args:
        spreads: name of a fragment, levels above it, how many selection sets spread it there.
        pairs: equal response keys, and fragments, that one selection set holds twice.
    """

    fields: int = 0
    depth: int = 0
    spreads: dict[tuple[str, int], int] = field(default_factory=dict)
    pairs: int = 0


def measure(document: graphql.DocumentNode, limits: Limits) -> int:
    """Give how many fields the document's largest operation selects, its fragments spread.

    Raises:
        RequestError: the document has too many operations, or one that is too deep or selects too many fields, or too
            many repetitions; or it asks for the schema, which this server does not show.
    """
    operations: list[_Size] = []
    fragments: dict[str, _Size] = {}
    for definition in document.definitions:
        if isinstance(definition, graphql.OperationDefinitionNode):
            operations.append(_own(definition.selection_set, limits))
        elif isinstance(definition, graphql.FragmentDefinitionNode):
            fragments[definition.name.value] = _own(definition.selection_set, limits)
    if limits.max_operations is not None and len(operations) > limits.max_operations:
        raise exceeded(f"the document has more than {limits.max_operations} operations")
    if sum(size.pairs for size in (*operations, *fragments.values())) > MAX_PAIRS:
        raise exceeded("the document repeats fields, or spreads fragments, too often side by side")
    whole: dict[str, _Size] = {}
    for name in fragments:
        _spread(name, fragments, whole)
    sizes = [_sum(operation, whole) for operation in operations]
    deepest = MAX_NESTING if limits.max_depth is None else min(limits.max_depth, MAX_NESTING)
    if any(size.depth > deepest for size in sizes):
        raise exceeded(f"the operation is more than {deepest} levels deep")
    if limits.max_fields is not None and any(size.fields > limits.max_fields for size in sizes):
        raise exceeded(f"the operation selects more than {limits.max_fields} fields")
    return max((size.fields for size in sizes), default=0)


def _own(selection_set: graphql.SelectionSetNode, limits: Limits) -> _Size:
    size = _Size()
    waiting = [(selection_set, 1)]
    while waiting:
        current, depth = waiting.pop()
        named: set[str] = set()
        keys: dict[str, int] = {}
        for selection in current.selections:
            if isinstance(selection, graphql.FieldNode):
                size.fields += 1
                size.depth = max(size.depth, depth)
                key = (selection.alias or selection.name).value
                size.pairs += keys.setdefault(key, 0)
                keys[key] += 1
                if limits.introspection is False and selection.name.value in _INTROSPECTION:
                    raise RequestError.of("this server does not show its schema", "INTROSPECTION_DISABLED")
                if selection.selection_set is not None:
                    waiting.append((selection.selection_set, depth + 1))
            elif isinstance(selection, graphql.InlineFragmentNode):
                waiting.append((selection.selection_set, depth))
            elif isinstance(selection, graphql.FragmentSpreadNode) and selection.name.value not in named:
                size.pairs += len(named)
                named.add(selection.name.value)  # spread twice in one place, its fields are the same ones
                place = (selection.name.value, depth - 1)
                size.spreads[place] = size.spreads.get(place, 0) + 1
    return size


def _spread(root: str, fragments: dict[str, _Size], whole: dict[str, _Size]) -> None:
    """Work out a fragment's size, and before it those of all that it spreads."""
    waiting, entered = [root], set[str]()
    while waiting:
        name = waiting[-1]
        if name in whole or name not in fragments:
            waiting.pop()
            continue
        below = [] if name in entered else [spread for spread, _ in fragments[name].spreads if spread not in entered]
        entered.add(name)
        if below:
            waiting.extend(below)
        else:
            whole[name] = _sum(fragments[name], whole)
            waiting.pop()


def _sum(size: _Size, whole: dict[str, _Size]) -> _Size:
    fields, depth = size.fields, size.depth
    for (name, above), count in size.spreads.items():
        spread = whole.get(name)
        if spread is not None:
            fields += count * spread.fields
            depth = max(depth, above + spread.depth)
    return _Size(fields, depth)
