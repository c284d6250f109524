"""What an operation reads of a backend's object, and whether an object that came with an event holds all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import graphql

from graph.instances import Instances
from graph.plan import GlobalIdOf, Leaf, Nested, Output, Shape, Site, TypeName, Withheld
from resolvers import Bindings, Entries, Fetching, entries_of
from sources import Rest

Path = tuple[str, ...]


class Needs:
    """What is read of the objects of one shape.

    Args:
        source: whose objects they are.
    """

    def __init__(self, shape: Shape, source: Rest, bindings: Bindings) -> None:
        self._source = source
        self._bindings = bindings
        self._reads: list[tuple[Path, Needs | None, Any]] = []
        for output in shape.outputs:
            self._reads += self._read(shape, output)
        self._kind = shape.type
        self._options = {option.type.name: Needs(option, source, bindings) for option in shape.options}
        if self._options:
            told_by = bindings.kinds[shape.type.name].where(source)
            self._reads += [] if told_by is None else [(told_by, None, None)]

    def lack(self, value: Any) -> bool:
        """Tell whether an object lacks any property that is read of it, or an object in it does.

        What is null, or not what the schema promises, does not lack: it is an answer.
        """
        if any(_lacks(value, *read) for read in self._reads):
            return True
        option = self._option(value)
        return option is not None and option.lack(value)

    def _option(self, value: Any) -> Needs | None:
        if not self._options:
            return None
        try:
            name = Instances(self._bindings).type_name(self._kind, value, self._source)
        except Exception:  # an author's function may raise anything; whoever completes the object says what
            return None
        return self._options.get(name)

    def _read(self, shape: Shape, output: Output) -> Iterator[tuple[Path, Needs | None, Any]]:
        source = self._source
        if isinstance(output, Leaf):
            yield output.path, None, None
        elif isinstance(output, Nested):
            yield output.path, Needs(output.shape, source, self._bindings), output.selected.field.type
        elif isinstance(output, GlobalIdOf):
            yield from ((path, None, None) for path in output.paths)
        elif isinstance(output, Site) and isinstance(output.binding, Fetching) and not output.binding.guarded:
            yield from ((reading.where(source), None, None) for reading in output.binding.parents)
        elif not isinstance(output, TypeName | Withheld):  # the author's code may look at any attribute
            attributes = self._bindings.owned.get(shape.type.name, {})
            yield from ((attribute.where(source), None, None) for attribute in attributes.values())


def _lacks(value: Any, path: Path, below: Needs | None, kind: Any) -> bool:
    for name in path:
        if not isinstance(value, dict):
            return False
        if name not in value:
            return True
        value = value[name]
    return below is not None and _lack_in(value, below, kind)


def _lack_in(value: Any, below: Needs, kind: Any) -> bool:
    """Tell whether any object lacks something in the lists and maps that the type has around it."""
    inner: Any = graphql.get_nullable_type(kind)
    if isinstance(inner, Entries):
        value = entries_of(value) if isinstance(value, dict) else ()
    if isinstance(inner, graphql.GraphQLList):
        items = value if isinstance(value, list) else ()
        return any(_lack_in(item, below, inner.of_type) for item in items)
    return value is not None and below.lack(value)


def list_depth(kind: Any) -> int:
    """Give how many lists stand around what a field gives; a map is no list in JSON."""
    kind = graphql.get_nullable_type(kind)
    is_counted = isinstance(kind, graphql.GraphQLList) and not isinstance(kind, Entries)
    return 1 + list_depth(kind.of_type) if is_counted else 0
