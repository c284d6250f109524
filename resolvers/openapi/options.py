"""What a schema may be, where it may be several things: `oneOf`, `anyOf`, several kinds.

`members` lays the options of options side by side. A schema's own properties belong to each of its options. Options
that only repeat what must be there (``anyOf: [{required: [a]}, {required: [b]}]``) are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resolvers.openapi.leaves import SCALARS
from sources.openapi import Schema

MOST = 200  # options of one schema


@dataclass(frozen=True, slots=True)
class Member:
    """One of several things that a value may be.

    Args:
        kind: the kind of JSON; None is anything.
        bases: schemas whose properties it has as well, the outermost first.
    """

    schema: Schema
    kind: str | None
    bases: tuple[Schema, ...] = ()

    @property
    def is_scalar(self) -> bool:
        """Whether it is a text, a number or a boolean."""
        return self.kind in SCALARS


def members(schema: Schema) -> tuple[Member, ...]:
    """Give the kinds of things that a schema's values may be, null left aside; at most a few more than `MOST`."""
    found = dict.fromkeys(_members(schema))
    if all(says_nothing(member.schema) for member in found):
        found = dict.fromkeys(Member(schema, kind) for kind in sorted(schema.kinds)) or {Member(schema, None): None}
    return tuple(found)


def is_nullable(schema: Schema) -> bool:
    """Tell whether a value may be null; what may be anything may be null as well."""
    if schema.nullable or (schema.enum is not None and None in schema.enum):
        return True
    return says_nothing(schema) or any(is_null(option) for option in schema.options)


def is_null(schema: Schema) -> bool:
    """Tell whether a schema is that of null alone."""
    if schema.enum is not None:
        return all(value is None for value in schema.enum)
    return schema.nullable and says_nothing(schema)


def says_nothing(schema: Schema) -> bool:
    """Tell whether a schema does not say what its values are."""
    return not (schema.kinds or schema.properties or schema.options or schema.items or schema.enum)


def _members(schema: Schema) -> Iterator[Member]:
    todo: list[tuple[Schema, tuple[Schema, ...], frozenset[str]]] = [(schema, (), frozenset())]
    seen, count = {schema}, 0
    while todo and count <= MOST:
        found, bases, outer = todo.pop()
        kinds = found.kinds or outer
        options = [option for option in _options(found) if not is_null(option)]
        if options and not all(says_nothing(option) for option in options):
            below = (*bases, found) if found.properties else bases
            fresh = [option for option in options if option not in seen]
            seen.update(fresh)
            todo.extend((option, below, kinds) for option in reversed(fresh))
            continue
        count += 1
        if not kinds and found.enum and all(isinstance(value, str) for value in found.enum):
            kinds = frozenset({"string"})
        yield from (Member(found, kind, bases) for kind in sorted(kinds)) if kinds else [Member(found, None, bases)]


def _options(schema: Schema) -> tuple[Schema, ...]:
    """Give the options of a schema, and those that only its discriminator names."""
    told = schema.discriminator
    if not schema.options or told is None:
        return schema.options
    return tuple(dict.fromkeys([*schema.options, *told.values.values()]))
