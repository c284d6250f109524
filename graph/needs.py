"""What an operation reads of a backend's object, and whether an object that came with an event holds all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import graphql

from graph.instances import Instances
from graph.plan import GlobalIdOf, Leaf, Nested, Output, Shape, Site, TypeName
from resolvers import Bindings, Fetching
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
        self._reads: list[tuple[Path, Needs | None]] = []
        for output in shape.outputs:
            self._reads += self._read(shape, output)
        self._abstract: str | None = None
        self._options = {option.type.name: Needs(option, source, bindings) for option in shape.options}
        if self._options:
            self._abstract = shape.type.name
            told_by = bindings.kinds[shape.type.name].where(source)
            self._reads += [] if told_by is None else [(told_by, None)]

    def lack(self, value: Mapping[str, Any]) -> bool:
        """Tell whether an object lacks any property that is read of it, or an object in it does.

        What is null, or not what the schema promises, does not lack: it is an answer.
        """
        if any(_lacks(value, path, below) for path, below in self._reads):
            return True
        option = self._option(value)
        return option is not None and option.lack(value)

    def _option(self, value: Mapping[str, Any]) -> Needs | None:
        if self._abstract is None:
            return None
        try:
            name = Instances(self._bindings).type_name(self._abstract, value, self._source)
        except Exception:  # an author's function may raise anything; whoever completes the object says what
            return None
        return self._options.get(name)

    def _read(self, shape: Shape, output: Output) -> Iterator[tuple[Path, Needs | None]]:
        source = self._source
        if isinstance(output, Leaf):
            yield output.path, None
        elif isinstance(output, Nested):
            yield output.path, Needs(output.shape, source, self._bindings)
        elif isinstance(output, GlobalIdOf):
            yield from ((path, None) for path in output.paths)
        elif isinstance(output, Site) and isinstance(output.binding, Fetching) and not output.binding.guarded:
            yield from ((reading.where(source), None) for reading in output.binding.parents)
        elif not isinstance(output, TypeName):  # the author's code may look at any attribute
            attributes = self._bindings.owned.get(shape.type.name, {})
            yield from ((attribute.where(source), None) for attribute in attributes.values())


def _lacks(value: Any, path: Path, below: Needs | None) -> bool:
    for name in path:
        if not isinstance(value, dict):
            return False
        if name not in value:
            return True
        value = value[name]
    if below is None:
        return False
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, dict) and below.lack(found):
            return True
    return False


def list_depth(kind: Any) -> int:
    """Give how many lists stand around what a field gives."""
    kind = graphql.get_nullable_type(kind)
    return 1 + list_depth(kind.of_type) if isinstance(kind, graphql.GraphQLList) else 0
