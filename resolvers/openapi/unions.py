"""How a value of a union tells which of the union's types it is.

A property decides where the document has one that tells. Where it has none, the whole value is looked at. A value that
is no object is of the box for its kind. An object is of the type

1. whose constants and listed values it does not contradict,
2. whose required properties it has, as many of them as possible,
3. of which it has the most properties, and the fewest that the type does not know,

and of the first of them in the order of the document where that leaves several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.discriminator import Discriminator
from sources.openapi import Schema

Json = Any
_LISTED = 50  # values of a property that are compared
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of the objects of one type.

    Args:
        name: the type's name.
        constants: for a property, the only values that it has.
    """

    name: str
    properties: frozenset[str]
    required: frozenset[str]
    constants: Mapping[str, tuple[Json, ...]]

    def fit(self, found: Mapping[str, Json]) -> tuple[int, ...]:
        """Tell how well an object fits: the larger, the better."""
        told = [(name, values) for name, values in self.constants.items() if name in found]
        wrong = sum(1 for name, values in told if found[name] not in values)
        missing = sum(1 for name in self.required if name not in found)
        known = sum(1 for name in found if name in self.properties)
        return (-wrong, -missing, len(told), known + known - len(found))


def shape_of(name: str, schema: Schema) -> Shape:
    """Give the shape of a schema's objects."""
    constants = {
        wire: found.enum
        for wire, found in schema.properties.items()
        if found.enum and len(found.enum) <= _LISTED and not found.nullable
    }
    properties = frozenset(schema.properties)
    return Shape(name, properties, schema.required & properties, constants)


def are_told_apart(shapes: Sequence[Shape]) -> bool:
    """Tell whether any object fits one of the shapes better than every other."""
    seen = [
        (shape.properties, shape.required, {name: shape.constants[name] for name in sorted(shape.constants)})
        for shape in shapes
    ]
    return all(one not in seen[:index] for index, one in enumerate(seen))


def told_by(
    shapes: Sequence[Shape],
    boxes: Mapping[str, str],
    property_name: str | None,
    values: Mapping[Json, str],
    base: str | None = None,
) -> Discriminator:
    """Give the discriminator of a union.

    Args:
        boxes: kinds of JSON and the types of values that are no objects (``object``: of objects that fit no shape).
        property_name: the property that tells, as the document says; None where it does not.
        values: its values, and the names of the types that they mean.
        base: the type of objects with other values; None where there is none.
    """
    is_simple = property_name is not None and property_name and "." not in property_name and not boxes
    if is_simple and {shape.name for shape in shapes} <= {*values.values(), base}:
        return Discriminator(property_name or "", dict(values), base)
    return Discriminator(_judge(shapes, boxes, property_name, values))


def _judge(
    shapes: Sequence[Shape], boxes: Mapping[str, str], property_name: str | None, values: Mapping[Json, str]
) -> Callable[[Json], str | None]:
    def judge(value: Json) -> str | None:
        if not isinstance(value, dict) or not shapes:
            return boxes.get(_kind(value)) or (boxes.get("number") if isinstance(value, int) else None)
        told = value.get(property_name, _ABSENT) if property_name is not None else _ABSENT
        if isinstance(told, str) and told in values:
            return values[told]
        fits = [(shape.fit(value), shape.name) for shape in shapes]
        best, name = fits[0]
        for fit, other in fits[1:]:
            if fit > best:
                best, name = fit, other
        return boxes["object"] if "object" in boxes and best[:2] < (0, 0) else name

    return judge


def _kind(value: Json) -> str:
    for kind, python_type in (("boolean", bool), ("string", str), ("integer", int), ("number", float), ("array", list)):
        if isinstance(value, python_type):
            return kind
    return "object"
