"""Which of several schemas a value follows: by a property that is declared for it, or by one that happens to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sources.openapi.keywords import object_in
from sources.openapi.pointer import below

if TYPE_CHECKING:
    from sources.openapi.schema import Schema

Json = Any


@dataclass(frozen=True, slots=True, eq=False)
class Telling:
    """Which property of an object says which of several schemas it follows, and by which values."""

    property: str
    values: Mapping[str, Schema]


def telling(schema: Schema) -> Telling | None:
    """Give what tells the options of a schema apart; None where nothing does."""
    if not schema.options:
        return None
    name, mapping, pointer = _declared(schema)
    return _implied(schema) if name is None else Telling(name, _values(schema, name, mapping, pointer))


def _declared(schema: Schema) -> tuple[str | None, Mapping[str, Json], str]:
    for part in reversed(schema.parts):
        found = part.node.get("discriminator")
        name = found.get("propertyName") if isinstance(found, dict) else found
        if isinstance(name, str) and name:
            where = below(part.pointer, "discriminator", "mapping")
            return name, object_in(object_in(found).get("mapping")), where
    return None, {}, schema.pointer


def _values(schema: Schema, name: str, mapping: Mapping[str, Json], pointer: str) -> Mapping[str, Schema]:
    """Give the schemas by values: as they are mapped, else the values that they allow, else their names."""
    values: dict[str, Schema] = {}
    for value, reference in mapping.items():
        target = schema.target(reference if isinstance(reference, str) else "", below(pointer, value))
        if target is not None:
            values[value] = schema.chosen.get(target.shape, target)
    told = set(values.values())
    for choice, option in schema.chosen.items():
        if option in told:
            continue
        found = choice.properties.get(name)
        said = choice.node.get("x-ms-discriminator-value")
        allowed = [value for value in (found.enum if found is not None else None) or () if isinstance(value, str)]
        given = [said] if isinstance(said, str) else allowed if len(allowed) == 1 else [choice.name]
        for one in given:
            if one is not None:
                values.setdefault(one, option)
    return values


def _implied(schema: Schema) -> Telling | None:
    """Find a property that each option requires, and that has other values in each of them."""
    options = schema.options
    if len(options) < 2 or any(option.kinds != {"object"} for option in options):
        return None
    for name in options[0].properties:
        values: dict[str, Schema] = {}
        count = 0
        for option in options:
            told = option.properties.get(name)
            listed = told.enum if told is not None and name in option.required else None
            if not listed or not all(isinstance(value, str) for value in listed):
                break
            count += len(listed)
            values.update(dict.fromkeys(listed, option))
        else:
            if len(values) == count:
                return Telling(name, values)
    return None
