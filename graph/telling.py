"""Errors of denied fields in an answer of the compiled path: one for each place where such a field is null.

The plan says which objects have such fields; only the ways to these are walked, in the order of the response, so that
the errors are those of the exact path.
"""

from __future__ import annotations

from typing import Any

import graphql

from graph.access import MOST_TOLD
from graph.plan import Nested, Plan, Shape, Site, Withheld
from graph.selection import Burst, Selected

_Step = tuple[int, Selected, "list[_Step]"]
_Path = list[Any]


class Telling:
    """Finds the places of the denied fields of one plan; false where there are none."""

    def __init__(self, plan: Plan) -> None:
        self._steps = _steps(plan.root)

    def __bool__(self) -> bool:
        return bool(self._steps)

    def errors(self, data: dict[str, Any]) -> list[graphql.GraphQLError]:
        """Give the errors that belong to an answer's data: of each event, where it holds several."""
        found: list[graphql.GraphQLError] = []
        for _, selected, below in self._steps:
            path, value = [selected.key], data[selected.key]
            if isinstance(selected.field.type, Burst):
                for index, event in enumerate(value):
                    _tell(selected, below, event, [*path, index], found, len(found) + MOST_TOLD)
            else:
                _tell(selected, below, value, path, found, MOST_TOLD)
        return found


def _steps(shape: Shape) -> list[_Step]:
    found: list[_Step] = []
    for index, output in enumerate(shape.outputs):
        if isinstance(output, Withheld):
            found.append((index, output.selected, []))
        elif isinstance(output, Nested | Site) and output.shape is not None and (below := _steps(output.shape)):
            found.append((index, output.selected, below))
    return found


def _tell(
    selected: Selected, below: list[_Step], value: Any, path: _Path, found: list[graphql.GraphQLError], most: int
) -> None:
    if len(found) >= most:
        return
    if selected.denied is not None:
        found.append(graphql.located_error(selected.denied.error(), list(selected.nodes), path))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _tell(selected, below, item, [*path, index], found, most)
    elif value is not None:
        for index, inner, deeper in below:  # see `Decoders.output` for the names
            _tell(inner, deeper, getattr(value, f"f{index}"), [*path, inner.key], found, most)
