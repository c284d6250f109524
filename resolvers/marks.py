"""What an author writes on a field: `field` for a property of the reply, `link` for a key to another entity."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import strawberry

from sources import DeclarationError, Timestamps, split_path

MARK = "weft"


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
