"""Types of a document that graphql-core would not take, put right at the smallest place.

The parts that make types leave nothing to do here. Whatever they overlook must not cost more than itself: a type whose
fields cannot be made, or that has none, becomes JSON wherever it stands, and a name that is no name costs its field.
Types are followed one by one, never by recursion: a document's can be as deep as it is long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import graphql

from resolvers import scalars
from resolvers.openapi.finite import made_finite
from sources.openapi import Losses

Elements = dict[str, Any]


def made_sound(
    roots: Mapping[str, Elements], taken: Mapping[str, graphql.GraphQLNamedType], losses: Losses
) -> dict[str, graphql.GraphQLNamedType]:
    """Give all types behind fields by their names, after what is not sound among them has become JSON.

    Args:
        roots: fields by their names, for each root type; those without a sound name go.
        taken: types that the graph has already, and whose names none of these may have.
    """
    sounding = _Sounding(taken, losses)
    for root, fields in roots.items():
        for name in list(fields):
            if not _is_name(name):
                losses.add("#", "internal", f"{name!r} cannot be the name of a field of the {root} type", "left-out")
                del fields[name]
        sounding.follow(fields)
    while sounding.waiting:
        sounding.check(sounding.waiting.pop())
    sounding.replace_broken()
    for fields in roots.values():
        sounding.replace_in(fields)
    sound = [kind for kind in sounding.found if kind not in sounding.broken]
    made_finite((kind for kind in sound if isinstance(kind, graphql.GraphQLInputObjectType)), losses)
    return {kind.name: kind for kind in sound}


class _Sounding:
    def __init__(self, taken: Mapping[str, graphql.GraphQLNamedType], losses: Losses) -> None:
        self._names: dict[str, graphql.GraphQLNamedType] = dict(taken)
        self._losses = losses
        self.found: dict[graphql.GraphQLNamedType, None] = {}
        self.broken: set[graphql.GraphQLNamedType] = set()
        self.waiting: list[graphql.GraphQLNamedType] = []

    def follow(self, elements: Elements) -> None:
        """Look at the types of fields, arguments or fields of inputs later on."""
        for element in elements.values():
            self._see(element.type)
            for argument in getattr(element, "args", {}).values():
                self._see(argument.type)

    def _see(self, kind: Any) -> None:
        named = graphql.get_named_type(kind)
        if named not in self.found and self._names.get(named.name) is not named:
            self.found[named] = None
            self.waiting.append(named)

    def check(self, kind: graphql.GraphQLNamedType) -> None:
        """Look at one type, and at those behind it later on."""
        problem = self._problem(kind)
        if problem is not None:
            self._losses.add("#", "internal", f"the type {kind.name} {problem}; it is JSON")
            self.broken.add(kind)
            return
        known = self._names.setdefault(kind.name, kind)
        if known is not kind:
            self._losses.add("#", "internal", f"two types are called {kind.name}; one of them is JSON")
            self.broken.add(kind)

    def _problem(self, kind: graphql.GraphQLNamedType) -> str | None:
        if not _is_name(kind.name):
            return "has no name of GraphQL"
        if isinstance(kind, graphql.GraphQLEnumType):
            return None if kind.values else "has no values"
        if isinstance(kind, graphql.GraphQLUnionType):
            try:
                members = list(kind.types)
            except Exception as exc:  # whatever making them raises is a fault of ours, and costs this type
                return f"has members that cannot be made ({_name(exc)})"
            for member in members:
                self._see(member)
            return None if members else "has no members"
        if not isinstance(
            kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType | graphql.GraphQLInputObjectType
        ):
            return None
        try:
            fields: Elements = kind.fields
        except Exception as exc:  # as above
            return f"has fields that cannot be made ({_name(exc)})"
        for name in [name for name in fields if not _is_name(name)]:
            self._losses.add("#", "internal", f"{kind.name}.{name} has no name of GraphQL; it is left out", "left-out")
            del fields[name]
        self.follow(fields)
        return None if fields else "has no fields"

    # -- replacing ------------------------------------------------------------------------------------------------

    def replace_broken(self) -> None:
        """Let no type name a broken one; a union that has no members without them is broken itself."""
        while self.broken:
            emptied = [
                kind
                for kind in self.found
                if isinstance(kind, graphql.GraphQLUnionType) and kind not in self.broken and self._leave(kind)
            ]
            if not emptied:
                break
            self.broken.update(emptied)
        for kind in self.found:
            if kind not in self.broken and isinstance(
                kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType | graphql.GraphQLInputObjectType
            ):
                self.replace_in(kind.fields)

    def _leave(self, union: graphql.GraphQLUnionType) -> bool:
        """Take broken members out of a union; tell whether none is left."""
        sound = tuple(member for member in union.types if member not in self.broken)
        if len(sound) < len(union.types):
            union.__dict__["types"] = sound  # it caches what it was made of there
        return not sound

    def replace_in(self, elements: Elements) -> None:
        """Let elements of broken types be JSON."""
        if not self.broken:
            return
        for element in elements.values():
            element.type = self._replaced(element.type)
            for argument in getattr(element, "args", {}).values():
                argument.type = self._replaced(argument.type)

    def _replaced(self, kind: Any) -> Any:
        if graphql.get_named_type(kind) not in self.broken:
            return kind
        wrappers: list[Callable[[Any], Any]] = []
        while graphql.is_wrapping_type(kind):
            wrappers.append(type(kind))
            kind = kind.of_type
        found: Any = scalars.ANY
        for wrap in reversed(wrappers):
            found = wrap(found)
        return found


def _name(exc: Exception) -> str:
    return type(exc.__cause__ or exc).__name__  # graphql-core wraps what a thunk raises


def _is_name(name: str) -> bool:
    return name.isidentifier() and name.isascii() and not name.startswith("__")
