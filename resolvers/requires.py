"""What clients must be allowed before they are given a field or a type: `authenticated` and `requires`.

    @requires(scopes="orders:read")
    @shop.get("/orders")
    def orders(self) -> list[Order]: ...

Names and meaning are those of Apollo Federation, whose own directives are understood as well. They say what is needed
and nothing of who asks; `graph.access` compares the two.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import graphql
import strawberry
from strawberry.federation import schema_directives as federation
from strawberry.schema_directive import Location
from strawberry.types.base import StrawberryObjectDefinition

from resolvers.connection import Connection, Edge
from resolvers.directive import Decorator, declared_on
from resolvers.entries import Entry

if TYPE_CHECKING:
    from resolvers.declare import Declared

_LOCATIONS = [Location.FIELD_DEFINITION, Location.OBJECT, Location.INTERFACE]
_FEDERATED_SINCE = (2, 5)


@strawberry.schema_directive(
    name="authenticated", locations=_LOCATIONS, description="It is given to clients whose credentials were verified."
)
class Authenticated(Decorator):
    """A field or type for clients that are known, whatever they may do."""


@strawberry.schema_directive(
    name="requiresScopes",
    locations=_LOCATIONS,
    description="It is given to clients that have all scopes of any of these lists.",
)
class RequiresScopes(Decorator):
    """A field or type for clients that may do something; written as `requires`."""

    scopes: list[list[str]]


authenticated = Authenticated()


def requires(scopes: str | Sequence[str | Sequence[str]]) -> RequiresScopes:
    """Give a decorator for a field or type that needs scopes of a client; it also is a schema directive.

    Args:
        scopes: ``"orders:read"``, several as OAuth writes them (``"orders:read orders:all"``) or in a list, all of
            which are needed; or a list of lists, any of which is enough: ``[["admin"], ["orders:read", "staff"]]``.
    """
    alternatives: Any = scopes.split() if isinstance(scopes, str) else scopes
    if not _are(alternatives, list | tuple) or not alternatives:
        alternatives = [alternatives]
    made: Any = RequiresScopes
    directive: RequiresScopes = made(scopes=alternatives)
    return directive


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a client must be allowed.

    Args:
        alternatives: sets of scopes, all of any of which are needed; none where it is enough to be known.
    """

    alternatives: frozenset[frozenset[str]] = frozenset()

    def is_met(self, scopes: frozenset[str], *, is_authenticated: bool) -> bool:
        """Tell whether a client meets it."""
        return any(wanted <= scopes for wanted in self.alternatives) if self.alternatives else is_authenticated

    def __str__(self) -> str:
        if not self.alternatives:
            return "an authenticated client"
        return ", or ".join(_named(scopes) for scopes in sorted(map(sorted, self.alternatives)))


Needs = frozenset[Requirement]
_NOTHING: Needs = frozenset()


class Requirements:
    """What the fields and types of a schema need; only those are in it that need anything.

    Args:
        types: for the name of a type, its own requirements, and those of its interfaces. A connection, its edges and
            the entries of a map need what the objects in them do.
        fields: for the names of an object type and of a field, all that has to be met: the field's requirements, those
            of the same field of interfaces, of the type that it stands in, and of the type that it gives.
        all: every requirement.
    """

    def __init__(self, types: dict[str, Needs] | None = None, fields: dict[tuple[str, str], Needs] | None = None):
        self.types = types or {}
        self.fields = fields or {}
        self.all: Needs = _NOTHING.union(*self.types.values(), *self.fields.values())


def requirements_of(schema: graphql.GraphQLSchema) -> Requirements:
    """Work out what the fields and types of a schema need."""
    types: dict[str, Needs] = {}
    fields: dict[tuple[str, str], Needs] = {}
    for kind in schema.type_map.values():
        if not graphql.is_introspection_type(kind) and (needs := _of_type(kind, set())):
            types[kind.name] = needs
    for kind in schema.type_map.values():
        if not isinstance(kind, graphql.GraphQLObjectType) or graphql.is_introspection_type(kind):
            continue
        for name, element in kind.fields.items():
            needs = _own(element).union(
                types.get(kind.name, _NOTHING),
                types.get(graphql.get_named_type(element.type).name, _NOTHING),
                *(_own(interface.fields[name]) for interface in kind.interfaces if name in interface.fields),
            )
            if needs:
                fields[kind.name, name] = needs
    return Requirements(types, fields)


def requirement_faults(schema: graphql.GraphQLSchema) -> Iterator[str]:
    """Give what is wrong with the requirements that an author declared; each is one sentence."""
    for kind in schema.type_map.values():
        takes = isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType)
        yield from _faults(kind.name, kind, takes=takes)
        for name, element in getattr(kind, "fields", {}).items():
            yield from _faults(f"{kind.name}.{name}", element, takes=takes)
            for argument_name, argument in getattr(element, "args", {}).items():
                yield from _faults(f"{kind.name}.{name}({argument_name}:)", argument, takes=False)


@contextlib.contextmanager
def requirements_of_federation(declared: Declared, version: tuple[int, int]) -> Iterator[None]:
    """Let requirements be Federation's own directives for a while, where its version has them, so that they compose."""
    changed: list[tuple[Any, Any]] = []
    try:
        for python_type in declared.classes if version >= _FEDERATED_SINCE else ():
            definition = python_type.__dict__.get("__strawberry_definition__")
            if isinstance(definition, StrawberryObjectDefinition):
                elements: list[Any] = [definition, *definition.fields]
                for element in elements:
                    if any(isinstance(found, Authenticated | RequiresScopes) for found in element.directives or ()):
                        changed.append((element, element.directives))
                        element.directives = list(map(_federated, element.directives or ()))
        yield
    finally:
        for element, directives in changed:
            element.directives = directives


def _federated(directive: object) -> object:
    theirs: Any = federation
    if isinstance(directive, Authenticated):
        return theirs.Authenticated()
    return theirs.RequiresScopes(scopes=directive.scopes) if isinstance(directive, RequiresScopes) else directive


def is_requirement(directive: object) -> bool:
    """Tell whether a schema directive says what clients must be allowed."""
    ours = isinstance(directive, Authenticated | RequiresScopes)
    return ours or isinstance(directive, federation.Authenticated | federation.RequiresScopes)


def _own(element: Any) -> Needs:
    return frozenset(
        Requirement(frozenset(map(frozenset, getattr(found, "scopes", ()))))
        for found in declared_on(element)
        if is_requirement(found) and _is_right(found)
    )


def _of_type(kind: Any, seen: set[str]) -> Needs:
    """Give what a type needs, its interfaces and what it wraps among it."""
    if kind.name in seen:
        return _NOTHING
    seen.add(kind.name)
    needs = _own(kind).union(*map(_own, getattr(kind, "interfaces", ())))
    origin = getattr(kind.extensions.get("strawberry-definition"), "origin", None)
    if isinstance(origin, type) and issubclass(origin, Connection | Edge | Entry):
        held = (graphql.get_named_type(element.type) for element in kind.fields.values())
        needs = needs.union(*(_of_type(inner, seen) for inner in held))
    return needs


def _are(values: Any, kind: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, kind) for value in values)


def _is_right(directive: Any) -> bool:
    alternatives = getattr(directive, "scopes", None)
    if alternatives is None:
        return True
    is_shaped = bool(alternatives) and _are(alternatives, list | tuple)
    return is_shaped and all(_are(scopes, str) and scopes and all(map(_is_scope, scopes)) for scopes in alternatives)


def _is_scope(text: str) -> bool:
    return bool(text) and text.split() == [text]


def _faults(where: str, element: Any, *, takes: bool) -> Iterator[str]:
    found = [directive for directive in declared_on(element) if is_requirement(directive)]
    for directive in found:
        name = type(directive).__strawberry_directive__.graphql_name
        if not takes:
            yield f"{where}: @{name} stands where nothing is given: it belongs on fields, object types and interfaces"
        elif not _is_right(directive):
            yield f"{where}: requires(scopes={directive.scopes!r}) is no scope, and no list of scopes that are needed"


def _named(scopes: Iterable[str]) -> str:
    names = list(scopes)
    return f"the scope {names[0]}" if len(names) == 1 else f"the scopes {', '.join(names[:-1])} and {names[-1]}"
