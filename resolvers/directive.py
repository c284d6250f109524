"""Schema directives that are written as decorators, above stubs, entities, or Strawberry's own fields and types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from strawberry.types.field import StrawberryField

T = TypeVar("T")
_MARK = "__weft_directives__"


class Decorator:
    """A schema directive that can also be written above what it describes."""

    def __call__(self, described: T) -> T:
        """Attach the directive to a stub, an entity, a Strawberry field or type, and give that back."""
        definition: Any = described if isinstance(described, StrawberryField) else None
        if isinstance(described, type):
            definition = described.__dict__.get("__strawberry_definition__")
        if definition is not None:
            definition.directives = [self, *(definition.directives or ())]
        else:
            setattr(described, _MARK, [self, *directives_of(described)])
        return described


def directives_of(described: object) -> Sequence[object]:
    """Give the directives written above a stub, an entity, or what Strawberry has since made something of."""
    found: Sequence[object] = getattr(described, "__dict__", {}).get(_MARK, ())
    return found


def take_directives(definition: Any, described: object) -> None:
    """Add to a Strawberry field or type what was written above the function or class that it is made of, once."""
    own = definition.directives or ()
    missing = [found for found in directives_of(described) if not any(found is known for known in own)]
    if missing:
        definition.directives = [*own, *missing]


def declared_on(element: Any) -> Sequence[Any]:
    """Give the schema directives of a type, field, argument or input field."""
    definition = (element.extensions or {}).get("strawberry-definition")
    return getattr(definition, "directives", None) or ()
