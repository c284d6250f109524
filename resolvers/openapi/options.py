"""What a schema may be, where it may be several things: `oneOf`, `anyOf`, several kinds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resolvers.openapi.leaves import SCALARS
from sources.openapi import Schema

MOST = 200  # options of one schema
MOST_LISTS = 50  # one in another: those who print a type, in GraphQL or in Python, do it by recursion


@dataclass(frozen=True, slots=True)
class Member:
    """One of several things that a value may be.

    Args:
        kind: the kind of JSON; None is anything.
        is_base: whether the others extend it, and it stands for those that the document does not know.
    """

    schema: Schema
    kind: str | None
    is_base: bool = False

    @property
    def is_scalar(self) -> bool:
        """Whether it is a text, a number or a boolean."""
        return self.kind in SCALARS


def members(schema: Schema) -> tuple[Member, ...]:
    """Give the things that a schema's values may be, null left aside; options of options side by side.

    There are at most a few more than `MOST`.
    """
    return tuple(dict.fromkeys(_members(schema.shape)))


def is_nullable(schema: Schema) -> bool:
    """Tell whether a value may be null; what may be anything may be null as well."""
    return schema.nullable or not schema.kinds


def held_by(schema: Schema) -> Schema | None:
    """Give what the values of a map are; None where nothing is said of them."""
    held = schema.additional
    return held if isinstance(held, Schema) and held.kinds else None


def _members(schema: Schema) -> Iterator[Member]:
    todo, seen, count = [schema], {schema}, 0
    while todo and count <= MOST:
        found = todo.pop()
        options = [option.shape for option in found.options]
        if options:
            fresh = [option for option in dict.fromkeys(options) if option not in seen]
            seen.update(fresh)
            todo.extend(reversed(fresh))
            if found.properties and any(found in option.parts for option in options):
                yield Member(found, "object", is_base=True)
            continue
        count += 1
        yield from (Member(found, kind) for kind in sorted(found.kinds)) if found.kinds else [Member(found, None)]
