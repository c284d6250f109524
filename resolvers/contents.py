"""What a value of a type may hold: the object types in it, how long any of it may be kept, whether digits count, files.

Theory of operation. Types that hold each other, directly or not, hold the same, so each such *group* is looked at
once: groups are found in one walk over the schema (Tarjan, 1972), each after those that it leads to, and what is true
of a group follows from its own types and from those groups. The object types in a group are one integer, of which each
bit is a type. So the work grows with the fields of a schema, and not with its fields times its calls.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import graphql

from resolvers.binding import Bindings
from resolvers.maybe import Inputs, is_maybe
from resolvers.upload import is_upload
from resolvers.values import counts_digits
from sources import Call, Rest

T = TypeVar("T")


class Contents:
    """Looks into the types of one schema, once its attributes are bound."""

    def __init__(self, schema: graphql.GraphQLSchema, bindings: Bindings) -> None:
        self._schema = schema
        self._attributes = bindings.attributes
        self._held: dict[int, frozenset[str]] = {}
        self._digits: dict[str, list[bool]] = {}

    def holds(self, target: str | None) -> frozenset[str]:
        """Give the object types that a payload of the target type may hold: itself and what is nested in it."""
        bits = 0 if target is None else self._holds[self._group_of[target]]
        known = self._held.get(bits)
        if known is None:
            chosen = map(int, reversed(f"{bits:b}"))
            known = self._held[bits] = frozenset(itertools.compress(self._attributes, chosen))
        return known

    def keep_s(self, call: Call, target: str | None, fresh_s: float) -> float:
        """Give the longest time that anybody may reuse an answer."""
        if not call.reads:
            return 0.0
        return fresh_s if target is None else max(fresh_s, self._longest_s[self._group_of[target]])

    def keeps_digits(self, kind: Any, source: Rest) -> bool:
        """Tell whether an answer of a type shows digits that a float does not hold."""
        named = graphql.get_named_type(kind)
        if graphql.is_leaf_type(named):
            return counts_digits(named, source, None)
        known = self._digits.get(source.timestamps)
        if known is None:
            shows = functools.partial(self._shows_digits, source)
            known = self._digits[source.timestamps] = self._gathered(shows, operator.or_)
        return known[self._group_of[named.name]]

    def has_maybe(self, inputs: Inputs) -> bool:
        """Tell whether any input, or a field of one, may be left out but not be null."""
        named = (graphql.get_named_type(element.type).name for element in inputs.values())
        return any(map(is_maybe, inputs.values())) or any(self._maybes[self._group_of[name]] for name in named)

    def holds_file(self, kind: Any) -> bool:
        """Tell whether a value of an input type may hold a file, however deep."""
        return self._files[self._group_of[graphql.get_named_type(kind).name]]

    def _shows_digits(self, source: Rest, name: str) -> bool:
        return any(
            found.kind is not None and counts_digits(graphql.get_named_type(found.kind), source, found.mark)
            for found in self._attributes.get(name, {}).values()
        )

    @functools.cached_property
    def _holds(self) -> list[int]:
        bits = {name: 1 << number for number, name in enumerate(self._attributes)}
        return self._gathered(lambda name: bits.get(name, 0), operator.or_)

    @functools.cached_property
    def _longest_s(self) -> list[float]:
        def longest_s(name: str) -> float:
            return max(
                [0.0, *(found.ttl for found in self._attributes.get(name, {}).values() if found.ttl is not None)]
            )

        return self._gathered(longest_s, max)

    @functools.cached_property
    def _maybes(self) -> list[bool]:
        return self._gathered(lambda name: any(map(is_maybe, self._inputs(name))), operator.or_)

    @functools.cached_property
    def _files(self) -> list[bool]:
        return self._gathered(lambda name: is_upload(self._schema.type_map[name]), operator.or_)

    def _inputs(self, name: str) -> Iterable[graphql.GraphQLInputField]:
        kind = self._schema.type_map[name]
        return kind.fields.values() if isinstance(kind, graphql.GraphQLInputObjectType) else ()

    def _gathered(self, of: Callable[[str], T], add: Callable[[T, T], T]) -> list[T]:
        """Give for each group the sum of what is true of its types, and of all that they lead to."""
        found: list[T] = []
        for number, group in enumerate(self._groups):
            led_to = {self._group_of[below] for name in group for below in self._below[name]}
            below = (found[at] for at in led_to if at != number)
            found.append(functools.reduce(add, itertools.chain(map(of, group), below)))
        return found

    @functools.cached_property
    def _below(self) -> dict[str, list[str]]:
        """The types of what is in a value of each type."""
        found: dict[str, list[str]] = {}
        for name, kind in self._schema.type_map.items():
            if isinstance(kind, graphql.GraphQLInterfaceType | graphql.GraphQLUnionType):
                found[name] = [possible.name for possible in self._schema.get_possible_types(kind)]
            elif isinstance(kind, graphql.GraphQLInputObjectType):
                found[name] = [graphql.get_named_type(element.type).name for element in self._inputs(name)]
            else:
                kinds = [held.kind for held in self._attributes.get(name, {}).values()]
                found[name] = [graphql.get_named_type(kind).name for kind in kinds if kind is not None]
        return found

    @functools.cached_property
    def _groups(self) -> list[list[str]]:
        return connected(self._below)

    @functools.cached_property
    def _group_of(self) -> dict[str, int]:
        return {name: number for number, group in enumerate(self._groups) for name in group}


def connected(below: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Give groups of names that lead to each other, each after those that it leads to; however long the ways are.

    ``{"a": ["b"], "b": ["a", "c"], "c": []}`` gives ``[["c"], ["b", "a"]]``.
    """
    groups: list[list[str]] = []
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}  # of those that are in no group yet, the first name that each leads back to
    waiting: list[str] = []
    for root in below:
        way = [] if root in order else [(root, iter(below[root]))]
        while way:
            name, following = way[-1]
            if name not in order:
                order[name] = lowest[name] = len(order)
                waiting.append(name)
            for other in following:
                if other not in order:
                    way.append((other, iter(below[other])))
                    break
                lowest[name] = min(lowest[name], lowest.get(other, lowest[name]))
            else:
                way.pop()
                if lowest[name] == order[name]:
                    group = [waiting.pop()]
                    while group[-1] != name:
                        group.append(waiting.pop())
                    groups.append(group)
                    for found in group:
                        del lowest[found]
                else:
                    above = way[-1][0]
                    lowest[above] = min(lowest[above], lowest[name])
    return groups


def target_of(element: graphql.GraphQLField) -> str | None:
    """Give the type of the objects that a field gives; None where it gives leaves."""
    named = graphql.get_named_type(element.type)
    return None if graphql.is_leaf_type(named) else named.name
