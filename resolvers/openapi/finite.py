"""Input types that no client could give a value of, because each value holds another one without end.

An object has a value when all fields that it needs have one; a ``@oneOf`` when one of its fields has. Types without a
value are followed to the circle that they wait for, which is opened at one place: a field may be left out, or is JSON
where the circle consists of nothing but alternatives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import graphql

from resolvers import scalars
from resolvers.marks import PLACE
from sources.openapi import Losses

Kind = graphql.GraphQLInputObjectType


def made_finite(kinds: Iterable[Kind], losses: Losses) -> None:
    """Let each input type have a value, and note what became of fields."""
    waiting = _Waiting(kinds)
    while waiting.needs:
        circle = waiting.circle()
        kind, name = next((edge for edge in circle if not edge[0].is_one_of), circle[0])
        element = kind.fields[name]
        inner: Any = graphql.get_named_type(element.type)
        element.type = scalars.ANY if kind.is_one_of else inner
        became = "is JSON" if kind.is_one_of else "may be left out"
        message = f"{kind.name} needs itself by way of {name!r}, which no client can give; it {became}"
        losses.add(kind.extensions.get(PLACE, "#"), "circular-input", message, "json" if kind.is_one_of else "loosened")
        waiting.settle(kind, name)


class _Waiting:
    """Types that are not known to have a value, each with the fields and types that it waits for."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self.needs: dict[Kind, dict[str, Kind]] = {}
        self._holders: defaultdict[Kind, list[tuple[Kind, str]]] = defaultdict(list)
        own = list(kinds)
        for kind in own:
            needs = {name: inner for name, one in kind.fields.items() if (inner := _held(kind, one)) is not None}
            if len(needs) == len(kind.fields) if kind.is_one_of else needs:
                self.needs[kind] = needs
        for kind, needs in self.needs.items():
            for name, inner in needs.items():
                self._holders[inner].append((kind, name))
        for kind in {inner: None for needs in self.needs.values() for inner in needs.values()}:
            if kind not in self.needs:
                self._settle_holders(kind)

    def settle(self, kind: Kind, name: str) -> None:
        """Take note that a field has a value, or needs none."""
        needs = self.needs.get(kind, {})
        needs.pop(name, None)
        if kind in self.needs and (kind.is_one_of or not needs):
            del self.needs[kind]
            self._settle_holders(kind)

    def _settle_holders(self, kind: Kind) -> None:
        settled = [kind]
        while settled:
            for holder, name in self._holders[settled.pop()]:
                needs = self.needs.get(holder)
                if needs is None:
                    continue
                needs.pop(name, None)
                if holder.is_one_of or not needs:
                    del self.needs[holder]
                    settled.append(holder)

    def circle(self) -> list[tuple[Kind, str]]:
        """Give types that wait for each other, each with its field that holds the next."""
        kind = next(iter(self.needs))
        way: dict[Kind, str] = {}
        while kind not in way:
            way[kind], following = next(iter(self.needs[kind].items()))
            kind = following
        edges = list(way.items())
        return edges[list(way).index(kind) :]


def _held(kind: Kind, element: graphql.GraphQLInputField) -> Kind | None:
    """Give the input type of which a field holds one value, where the field cannot go without."""
    inner: Any = element.type
    if isinstance(inner, graphql.GraphQLNonNull):
        inner = inner.of_type
    elif not kind.is_one_of:
        return None
    return inner if isinstance(inner, graphql.GraphQLInputObjectType) else None
