"""What an author writes on a field: `field` for a property of the reply, `link` for a key to another entity.

A field that comes from a document, and not from a class, carries the same marks in its extensions; so does a field of
a class of which a document says more.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import graphql
import strawberry
from strawberry.types.field import StrawberryField

from sources import DeclarationError, Timestamps, split_path

MARK = "weft"
LEARNT = "weft-learnt"  # what a document says of the attributes of a class: their marks, by attribute
OPERATION = "weft-operation"  # what a field or an argument is in its document, what gives a type's objects by key
BATCH = "weft-batch"  # what gives many of them
PLACE = "weft-place"  # where a document says what a type is
LINKED = "weft-linked"  # a field that was added because the link is obvious
SHOWN_AS = "__weft_shown__"  # what `shown_as` says of a stub
NAME = "weft-name"  # how a backend, or a call's template, names an argument, an input field or a property


F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, eq=False)
class PropertyMark:
    """Where a property sits in its object, how long it may be reused, how it is spelled; None leaves the default.

    Args:
        entries: whether it is a map, which the graph has as a list of entries.
        fault: what is wrong with it, to be reported with all other faults.
    """

    path: tuple[str, ...] | None
    ttl: float | None
    fault: str | None = None
    timestamps: Timestamps | None = None
    values: Mapping[Any, enum.Enum] | None = None
    entries: bool = False


@dataclass(frozen=True, slots=True)
class LinkMark:
    """The attributes of the parent that hold the key of another entity."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class AlternativesMark:
    """An input object of which a client gives one field: a backend is sent that field's value in its place.

    Args:
        told: for a field, the property that tells what the value is, and what it says; added where it is not sent.
    """

    told: Mapping[str, tuple[str, Any]]

    def sent(self, name: str, value: Any) -> Any:
        """Give what a backend is sent for the value of a field."""
        if name in self.told and isinstance(value, dict):
            wire, said = self.told[name]
            return {wire: said, **value}
        return value


def field(
    path: str | None = None,
    *,
    ttl: float | None = None,
    timestamps: Timestamps | None = None,
    values: Mapping[Any, enum.Enum] | None = None,
    entries: bool = False,
    **options: Any,
) -> Any:
    """Describe a property of the backend's object: ``price: int = field("price.cents", ttl=5)``.

    Args:
        path: dotted property names from the object; None is the attribute's own name in the source's spelling,
            ``"."`` the object itself, which shows one object of the backend as two of the graph.
        ttl: seconds this property may be reused; the smallest of a selection decides.
        timestamps: how this instant or date is written, where that is not the source's way.
        values: what the backend says in this property to the enum member that it means.
        entries: whether the backend has an object here whose properties are the items of this list; each is read as
            ``{"key": …, "value": …}``. A list of `Entry` needs no such word.
        options: what `strawberry.field` takes, for example ``description``.
    """
    fault: str | None = None
    names: tuple[str, ...] | None = None
    try:
        names = None if path is None else split_path(path)
    except DeclarationError as exc:
        fault = str(exc)
    if ttl is not None and ttl < 0:
        fault = "ttl is less than 0 seconds"
    if timestamps not in (None, "iso", "unix", "unix_ms"):
        fault = f"timestamps={timestamps!r}: expected 'iso', 'unix' or 'unix_ms'"
    return strawberry.field(metadata={MARK: PropertyMark(names, ttl, fault, timestamps, values, entries)}, **options)


def link(*names: str, **options: Any) -> Any:
    """Point to an entity by its key: ``author: User = link("author_id")``.

    Args:
        names: the attributes of this class that make up the key, in the entity's order. One that the class does not
            declare is a property of the backend's object, spelled as the source does, or a dotted path as it is. A
            list of keys links to a list.
        options: what `strawberry.field` takes, for example ``description``.
    """
    linked: Any = strawberry.field(metadata={MARK: LinkMark(names)}, **options)
    linked.init = linked.repr = linked.compare = False  # an object made by hand has the key, not what it points to
    return linked


def shown_as(name: str | None = None, *, description: str | None = None) -> Callable[[F], F]:
    """Say what clients see of a stub, where it is not its name and docstring: ``@shown_as("list")``.

    Args:
        name: the field's name as it stands in the schema.
    """

    def mark(function: F) -> F:
        setattr(function, SHOWN_AS, (name, description))
        return function

    return mark


def mark_on(element: graphql.GraphQLField) -> object:
    """Give what was declared about where a field's value comes from; None where nothing was."""
    definition = element.extensions.get("strawberry-definition")
    own = definition.metadata.get(MARK) if isinstance(definition, StrawberryField) else None
    return element.extensions.get(MARK, own)


def argument_names(element: graphql.GraphQLField) -> Mapping[str, str]:
    """Give the names by which templates know a field's arguments."""
    definition = element.extensions.get("strawberry-definition")
    declared = getattr(definition, "arguments", None)
    if declared is None:
        return {name: argument.extensions.get(NAME, name) for name, argument in element.args.items()}
    return {name: argument.python_name for name, argument in zip(element.args, declared, strict=False)}


def taken_by_stub(element: graphql.GraphQLField) -> set[str]:
    """Give the arguments that a field's call is told; an extension may let the field itself take others."""
    resolver = getattr(element.extensions.get("strawberry-definition"), "base_resolver", None)
    if resolver is None:
        return set(argument_names(element).values())
    return {argument.python_name for argument in resolver.arguments}
