"""Which object type a backend's object is, where the schema says an interface or a union.

An author says it with `discriminator`; where nobody does, the backend's object says it in ``__typename``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from resolvers.binding import undeclared
from sources import Rest

T = TypeVar("T", bound=type)
Judge = Callable[[Any], Any]
ATTRIBUTE = "__weft_discriminator__"
TYPENAME = "__typename"


@dataclass(frozen=True, slots=True, eq=False)
class Discriminator:
    """What an author declared; call it on an interface's class, or put it beside a union's name.

    Args:
        by: the property whose value tells, or a function from the backend's object to a class or its name.
        values: the property's values, each with a class or its name; None takes the types' own names.
        otherwise: the type of an object whose value is not known.
    """

    by: str | Judge
    values: Mapping[Any, type | str] | None = None
    otherwise: type | str | None = None

    def renamed(self, names: Mapping[str, str]) -> Discriminator:
        """Give the same for types of which some have other names."""

        def new(kind: Any) -> Any:
            return names.get(kind, kind) if isinstance(kind, str) else kind

        by = self.by
        judge: str | Judge = by if isinstance(by, str) else lambda value: new(by(value))
        values = None if self.values is None else {value: new(kind) for value, kind in self.values.items()}
        return Discriminator(judge, values, new(self.otherwise))

    def __call__(self, python_type: T) -> T:
        """Attach it to an interface."""
        setattr(python_type, ATTRIBUTE, self)
        return python_type


def discriminator(
    by: str | Judge, values: Mapping[Any, type | str] | None = None, *, otherwise: type | str | None = None
) -> Discriminator:
    """Say how objects of an interface or union are told apart.

    On an interface, above ``@strawberry.interface``::

        @discriminator("kind", {"b": "Book", "f": "Film"})

    and in a union, beside its name::

        Annotated[Book | Film, strawberry.union("Media"), discriminator(lambda it: Book if "isbn" in it else Film)]

    Args:
        by: a property of the backend's object, spelled as its source does (a dotted name is a path as it stands); or a
            function that gets the object as decoded JSON and gives a class, the name of one, or None.
        values: what the property holds for each type; without it, the types' names in any usual spelling
            (``OrderItem``, ``order_item``, ``ORDER-ITEM``).
        otherwise: the type of an object that none of this tells; without it such an object is an error.
    """
    return Discriminator(by, values, otherwise)


class Kinds:
    """The object types behind one abstract type, and how a backend's object says which of them it is.

    Args:
        names: values of the property to names of object types; keys are pairs of the value's JSON type and the value.
        spellings: the same for values that are looked up without regard to case, hyphens and underscores.
    """

    def __init__(self, declared: Discriminator, members: Mapping[str, type | None]) -> None:
        self._members = dict(members)
        self._by_class = {python_type: name for name, python_type in members.items() if python_type is not None}
        self.by = declared.by
        self.faults = list(self._faults(declared))
        self.names = {
            (type(value), value): self._name(kind)
            for value, kind in (declared.values or {}).items()
            if _is_plain(value)
        }
        self.spellings = {} if declared.values is not None else {_plain(name): name for name in members}
        self.otherwise = None if declared.otherwise is None else self._name(declared.otherwise)

    def where(self, source: Rest) -> tuple[str, ...] | None:
        """Give the path to the property that tells; None where a function looks at the whole object."""
        if self.by == TYPENAME:  # GraphQL's own word, which no source spells otherwise
            return (TYPENAME,)
        return undeclared(self.by, source) if isinstance(self.by, str) else None

    def named(self, value: Any) -> str | None:
        """Give the object type that the property's value means; None where it means none."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON has one kind of number
        if not _is_plain(value):
            return self.otherwise
        found = self.names.get((type(value), value))
        if found is None and self.spellings and isinstance(value, str):
            found = value if value in self._members else self.spellings.get(_plain(value))
        return self.otherwise if found is None else found

    def judged(self, raw: Any) -> str | None:
        """Give the object type that the author's function finds for a decoded object; None where it finds none.

        Raises:
            Exception: what the function raises.
        """
        found = self.by(raw) if callable(self.by) else None
        name = found if isinstance(found, str) else self._by_class.get(found) if isinstance(found, type) else None
        return name if name in self._members else self.otherwise

    def _name(self, kind: type | str) -> str:
        return kind if isinstance(kind, str) else self._by_class.get(kind, kind.__name__)

    def _faults(self, declared: Discriminator) -> Iterator[str]:
        have = ", ".join(sorted(self._members)) or "none; Graph(types=[...]) takes those that no field names"
        for kind in [*(declared.values or {}).values(), declared.otherwise]:
            if kind is not None and self._name(kind) not in self._members:
                yield f"the discriminator names {self._name(kind)!r}; its types are: {have}"
        for value in declared.values or {}:
            if not _is_plain(value):
                yield f"the discriminator maps {value!r}: a property that tells is a text, a number or a boolean"
        if declared.by == "":
            yield "the discriminator names no property"
        if callable(declared.by) and declared.values is not None:
            yield "the discriminator has a function and values: the function alone decides"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | bool)


def _plain(text: str) -> str:
    return text.replace("_", "").replace("-", "").replace(" ", "").casefold()
