"""Objects with a global id, as Relay has them: `Node`, the fields that find them, and ids given back as arguments.

A global id says its object's type and key, so whoever has one can ask for the object again (``node(id: ...)``). Inside,
everything goes on with the key as the backend wrote it: joins, batches and stored answers never see a global id.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import graphql
import strawberry
from strawberry.types.base import StrawberryObjectDefinition

from resolvers.binding import Fetching, Named
from resolvers.marks import MARK
from resolvers.opaque import opened, sealed
from sources import entity_of

GLOBAL_ID = "weft-global-id"  # among the extensions of an argument or input field: the type whose ids it takes

Key = Any


@strawberry.interface(description="An object with a global id.")
class Node:
    """An entity whose `id` is a global id: ``@catalog.entity(...) class Product(Node)``.

    In Python, `id` is still the backend's own. A field under another name shows it to clients:
    ``number: int = field("id")``.
    """

    id: strawberry.ID = strawberry.field(description="Identifies the object in the whole graph.")


@dataclass(frozen=True, slots=True, eq=False)
class GlobalId:
    """Say that an argument, or a field of an input, takes global ids: ``Annotated[strawberry.ID, GlobalId(Product)]``.

    The backend is sent the key that is in it; an id of anything else is the client's error.

    Args:
        target: a `Node` whose key has one part, or its name.
    """

    target: type | str

    @property
    def name(self) -> str:
        """The name of the type."""
        return self.target if isinstance(self.target, str) else self.target.__name__


@dataclass(frozen=True, slots=True)
class LookupMark:
    """Marks the fields that find nodes."""


def global_id(type_name: str, *parts: str | int | None) -> str:
    """Give the global id of an object by its type and the parts of its key.

    Raises:
        ValueError: a part of the key is null.
    """
    if None in parts:
        raise ValueError("an object without a key has no global id")
    return sealed((type_name, *parts))


def identity_of(text: object) -> tuple[str, tuple[str | int, ...]] | None:
    """Give the type and the parts of the key that a global id says; None where it is no global id."""
    held = opened(text, tuple[str | int, ...])
    if held is None or len(held) < 2 or not isinstance(held[0], str):
        return None
    return held[0], held[1:]


def key_of(python_type: type, text: str) -> Key | None:
    """Give the key, as its backend writes it, in a global id of a `Node`, for resolvers in Python.

    It is a tuple where the key has several parts, and None where the text is no global id of the type.
    """
    found = identity_of(text)
    if found is None or found[0] != python_type.__name__:
        return None
    return found[1][0] if len(found[1]) == 1 else found[1]


def raw_key(value: Any, element: graphql.GraphQLArgument | graphql.GraphQLInputField) -> Any:
    """Give the key that is in a global id, or in each of a list, where an argument or input field takes such ids.

    Raises:
        GraphQLError: it is no global id of the type that is asked for.
    """
    name = element.extensions.get(GLOBAL_ID)
    if name is None or value is None:
        return value
    if isinstance(value, list):
        return [raw_key(item, element) for item in value]
    found = identity_of(value)
    if found is None or found[0] != name or len(found[1]) != 1:
        raise graphql.GraphQLError(f"Expected an id of {name}.", extensions={"code": "BAD_USER_INPUT"})
    return found[1][0]


def taken_by(annotation: Any) -> GlobalId | None:
    """Give the `GlobalId` anywhere in an annotation."""
    return next(_marks(annotation), None)


def taken_type(element: graphql.GraphQLArgument | graphql.GraphQLInputField) -> str | None:
    """Note on an argument or input field the type whose global ids it takes, and give it; None where it takes none."""
    definition = element.extensions.get("strawberry-definition")
    mark = None if definition is None else taken_by(definition.type_annotation.annotation)
    if mark is None:
        return None
    element.extensions[GLOBAL_ID] = mark.name
    return mark.name


def _marks(annotation: Any) -> Iterator[GlobalId]:
    yield from (extra for extra in getattr(annotation, "__metadata__", ()) if isinstance(extra, GlobalId))
    for inner in typing.get_args(annotation):
        yield from _marks(inner)


class NodeIds:
    """What global ids name: objects of the types that sources give by key.

    Args:
        loads: how each type's objects are loaded.
    """

    def __init__(self, loads: Mapping[str, Fetching]) -> None:
        self._parts = {name: len(load.call.key) for name, load in loads.items()}

    def read(self, arguments: Mapping[str, Any]) -> list[Named | Exception]:
        """Give what each id of the field's arguments names; one that is no id of a node names nothing."""
        return [self._named(text) for text in (arguments["ids"] if "ids" in arguments else [arguments["id"]])]

    def _named(self, text: str) -> Named:
        found = identity_of(text)
        if found is None or self._parts.get(found[0]) != len(found[1]):
            return Named("")
        return Named(found[0], found[1][0] if len(found[1]) == 1 else found[1])


def is_node(python_type: object) -> bool:
    """Tell whether a class is an entity with a global id."""
    return isinstance(python_type, type) and issubclass(python_type, Node) and entity_of(python_type) is not None


def add_lookups(query: type[Any]) -> None:
    """Give a root type the fields `node` and `nodes`, unless it has its own."""
    definition = query.__dict__.get("__strawberry_definition__")
    if not isinstance(definition, StrawberryObjectDefinition):
        return
    known = {field.python_name for field in definition.fields}
    functions: tuple[Any, ...] = (node, nodes)
    for function in functions:
        if function.__name__ not in known:
            lookup: Any = strawberry.field(
                resolver=function, description=function.__doc__, metadata={MARK: LookupMark()}
            )
            lookup.python_name, lookup.origin = function.__name__, query
            definition.fields.append(lookup)


def node(self: Any, id: strawberry.ID) -> Node | None:
    """An object by its global id; null where there is none."""


def nodes(self: Any, ids: list[strawberry.ID]) -> list[Node | None]:  # type: ignore[empty-body]  # a lookup answers
    """Objects by their global ids, in this order; null where there is none."""
