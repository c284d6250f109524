"""Objects of the author's classes, made of a backend's JSON for resolvers in Python, on the exact path."""

from __future__ import annotations

import contextlib
from typing import Any

import graphql

from graph.tree import Failure, Row, at, decoded, listed, promised
from resolvers import Bindings, PropertyMark
from sources import Rest, UpstreamInvalid


class Instances:
    """The objects made during one execution."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._rows: dict[int, tuple[Any, Row]] = {}

    def of(self, name: str, row: Row) -> Any:
        """Give the author's object for a backend's: every declared attribute set, no constructor run."""
        if row.instance is None:
            row.instance = self._object(name, row.raw, row.source, {})
        return row.instance

    def value(self, kind: Any, value: Any, source: Rest) -> Any:
        """Give what a resolver would give for a backend's value of a type.

        Raises:
            UpstreamInvalid: the value is not of that type.
        """
        return self._value(None, kind, value, source, {})

    def row(self, instance: Any) -> Row | None:
        """Give the backend's object behind one that was made here."""
        known = self._rows.get(id(instance))
        return None if known is None else known[1]

    def type_name(self, kind: Any, raw: Any, source: Rest) -> str:
        """Find the object type of a backend's value where the schema says an object type, an interface or a union.

        Raises:
            UpstreamInvalid: it is of none of them.
        """
        boxes, name = self._bindings.boxes, str(kind.name)
        if isinstance(raw, dict) or name in boxes:
            name = name if isinstance(kind, graphql.GraphQLObjectType) else self._kind_of(name, raw, source)
        if not isinstance(raw, dict) and name not in boxes:
            raise promised(source, "an object", raw)
        return name

    def _kind_of(self, abstract: str, raw: Any, source: Rest) -> str:
        kinds = self._bindings.kinds[abstract]
        path = kinds.where(source)
        if path is None:
            name = kinds.judged(raw)
        else:
            told = at(raw, path, source)
            name = kinds.named(None if isinstance(told, Failure) else told)
        if name is None:
            message = f"{source.name} answered an object of no known type where the schema promises {abstract}"
            raise UpstreamInvalid(message, source=source.name)
        return name

    def _object(self, name: str, raw: Any, source: Rest, made: dict[tuple[str, int], Any]) -> Any:
        """Make an instance; an attribute that is not as promised holds what the backend sent, and costs nobody else.

        Args:
            made: what is made already: an object that is shown as another may show the first one again.
        """
        known = made.get((name, id(raw)))
        if known is not None:
            return known
        origin = self._bindings.origins[name]
        instance = made[name, id(raw)] = object.__new__(origin)
        self._rows[id(instance)] = (instance, Row(raw, source))
        for attribute, binding in self._bindings.owned[name].items():
            value = at(raw, binding.where(source), source)
            if isinstance(value, Failure):
                value = None
            with contextlib.suppress(UpstreamInvalid):
                value = self._value(binding.mark, binding.kind, value, source, made)
            object.__setattr__(instance, attribute, value)
        return instance

    def _value(
        self, mark: PropertyMark | None, kind: Any, value: Any, source: Rest, made: dict[tuple[str, int], Any]
    ) -> Any:
        if value is None or kind is None:
            return value
        if isinstance(kind, graphql.GraphQLNonNull):
            return self._value(mark, kind.of_type, value, source, made)
        if isinstance(kind, graphql.GraphQLList):
            return [self._value(mark, kind.of_type, item, source, made) for item in listed(kind, value, source)]
        if graphql.is_leaf_type(kind):
            return decoded(kind, value, source, mark)
        return self._object(self.type_name(kind, value, source), value, source, made)
