"""What each fetch of a plan must give, and how generated text reaches it.

Every property that an operation selects, and every part of a key that joins two fetches, becomes part of the `Need` of
the fetch that answers it. The methods that want something give the Python expression for it at the same time, and may
be asked again: wanting twice is wanting once.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from graph.decode import ITSELF, KEY, MATCH, Need, Uncompilable, leaf_type, without_null
from graph.plan import Fetch, GlobalIdOf, Leaf, Nested, Plan, Shape, Site
from resolvers import Fetching, Reading, is_list

_KEYS = list[KEY] | None


class Wants:
    """The needs of a plan's fetches, in their order, and of its shapes.

    Args:
        boxes: see `Bindings.boxes`.
    """

    def __init__(self, plan: Plan, boxes: Collection[str]) -> None:
        self._boxes = boxes
        self.needs = [Need() for _ in plan.fetches]
        self.shapes: dict[int, Need] = {}
        for fetch in plan.fetches:
            if isinstance(fetch.binding, Fetching):
                self._want(fetch, fetch.binding)

    def _want(self, fetch: Fetch, call: Fetching) -> None:
        need = self.needs[fetch.number]
        keys: list[tuple[tuple[str, ...], Any]] = []
        if call.batch is not None and call.parents:
            keys = [
                (path, MATCH if kind is None else without_null(leaf_type(kind)))
                for path, kind in zip(call.match, call.match_kinds, strict=True)
            ]
        for option in (option for site in fetch.sites if site.shape is not None for option in site.shape.options):
            for path, kind in keys:  # first, so that a key is the same field of every option
                self.leaf(need.option(option.type.name), "x", path, kind)
        for site in fetch.sites:
            if site.shape is not None:
                self._want_shape(site.shape, need)
            elif call.batch is not None and call.parents:
                raise Uncompilable("a batch of scalars")
        for path, kind in keys if not need.options else ():
            self.leaf(need, "x", path, kind)

    def key_need(self, fetch: Fetch) -> Need:
        """Give the need that holds the key of a batch's item; options hold it in the same field."""
        need = self.needs[fetch.number]
        return next(iter(need.options.values()), need)

    def _want_shape(self, shape: Shape, need: Need) -> None:
        self.shapes[id(shape)] = need
        if shape.type.name in self._boxes and not shape.options:
            need.leaf(ITSELF, msgspec.Raw)  # whatever it is, where nothing else is wanted
        for option in shape.options:
            self._want_shape(option, need.option(option.type.name))
        for output in shape.outputs:
            if isinstance(output, Leaf):
                self.leaf(need, "x", output.path, leaf_type(output.selected.field.type))
            elif isinstance(output, GlobalIdOf):
                for path in output.paths:
                    self.leaf(need, "x", path, MATCH)
            elif isinstance(output, Nested):
                _, below = self.object(need, "x", output.path, output.selected.field.type)
                self._want_shape(output.shape, below)
            elif isinstance(output, Site):
                for reading in output.binding.parents if isinstance(output.binding, Fetching) else ():
                    self.reading(need, "x", shape, reading, output.binding)

    def reading(self, need: Need, variable: str, shape: Shape, reading: Reading, binding: Any) -> str:
        """Give the expression for a part of the key that the objects of a shape hold."""
        fetch = shape.fetch
        if fetch is None:
            raise Uncompilable("the root has no attributes")
        declared = reading.declared.kind if reading.declared else None
        kind = leaf_type(declared) if declared is not None else (_KEYS if binding.many_keys else KEY)
        return self.leaf(need, variable, reading.where(fetch.calls.source), kind)

    def leaf(self, need: Need, variable: str, path: tuple[str, ...], kind: Any) -> str:
        """Want a scalar of a msgspec type at a path; give the expression for it."""
        for name in path[:-1]:
            field, need = need.object(name, None)
            variable = f"{variable}.{field}"
        return _guarded(variable, need.leaf(path[-1] if path else ITSELF, kind), len(path))

    def object(self, need: Need, variable: str, path: tuple[str, ...], kind: Any) -> tuple[str, Need]:
        """Want an object at a path, or lists of objects as the GraphQL type says; give the expression, and its need."""
        if not path and not is_list(kind):
            return variable, need
        for name in path[:-1]:
            field, need = need.object(name, None)
            variable = f"{variable}.{field}"
        field, below = need.object(path[-1] if path else ITSELF, kind)
        return _guarded(variable, field, len(path)), below


def _guarded(variable: str, field: str, length: int) -> str:
    """Write the access to a field; where the path has several parts, any of the objects on it may lack."""
    if length <= 1:
        return f"{variable}.{field}"
    parts = variable.split(".")
    tests = [f"{'.'.join(parts[:end])} is None" for end in range(len(parts) - length + 2, len(parts) + 1)]
    return f"(None if {' or '.join(tests)} else {variable}.{field})"
