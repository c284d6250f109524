"""The attributes of an object type: those that its class declares, and those that only a document has."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import graphql
from strawberry.types.field import StrawberryField

from resolvers.binding import Property, property_of
from resolvers.marks import LEARNT, MARK, LinkMark, PropertyMark
from resolvers.values import python_name
from sources import Call, entity_of, snake_case


def origin_of(kind: graphql.GraphQLNamedType) -> type[Any] | None:
    """Give the author's class behind a type; None for one that no class declares."""
    origin = getattr(kind.extensions.get("strawberry-definition"), "origin", None)
    return origin if isinstance(origin, type) else None


def call_of_type(kind: graphql.GraphQLNamedType | None) -> Call | None:
    """Give the call by which the objects of a type are given by key: its document's, else its class's."""
    described = None if kind is None else kind.extensions.get(MARK)
    if kind is None or isinstance(described, Call):
        return described
    origin = origin_of(kind)
    entity = None if origin is None else entity_of(origin)
    return None if entity is None else entity.call


def attributes_of(kind: graphql.GraphQLObjectType) -> dict[str, Property]:
    """Give the attributes of a type by their names in Python; those of a document are spelled as Python would."""
    origin = origin_of(kind)
    found: dict[str, Property] = {}
    kinds = {python_name(element, name): element.type for name, element in kind.fields.items()}
    if origin is not None and dataclasses.is_dataclass(origin):
        for attribute in dataclasses.fields(origin):
            mark = attribute.metadata.get(MARK)
            resolved = isinstance(attribute, StrawberryField) and attribute.base_resolver is not None
            if not resolved and not isinstance(mark, LinkMark | Call):
                found[attribute.name] = property_in(kind, attribute.name, mark, kinds.get(attribute.name))
    for name, element in kind.fields.items():
        mark = element.extensions.get(MARK)
        if isinstance(mark, PropertyMark) and "strawberry-definition" not in element.extensions:
            attribute_name = snake_case(name) if snake_case(name) not in found else name
            found[attribute_name] = dataclasses.replace(property_of(attribute_name, mark, element.type), in_class=False)
    return found


def attribute_named(name: str, attributes: Mapping[str, Property]) -> Property | None:
    """Give the attribute of a name; that of a document's property may be named as the document does."""
    found = attributes.get(name)
    if found is None:
        spelled = attributes.get(snake_case(name))
        return spelled if spelled is not None and not spelled.in_class else None
    return found


def property_in(
    kind: graphql.GraphQLObjectType, attribute: str, mark: object, given: graphql.GraphQLOutputType | None
) -> Property:
    """Give the binding of an attribute of a class, with what a document says of it."""
    return property_of(attribute, kind.extensions.get(LEARNT, {}).get(attribute, mark), given)


def learn(kind: graphql.GraphQLObjectType, attribute: str, said: PropertyMark) -> None:
    """Let an attribute of a class be where a document has it, written as the document says, unless the class does."""
    own = next((found.mark for name, found in attributes_of(kind).items() if name == attribute), None)
    mark = said
    if own is not None:
        timestamps = own.timestamps or said.timestamps
        entries = own.entries or said.entries
        mark = dataclasses.replace(own, path=said.path, timestamps=timestamps, entries=entries)
    kind.extensions.setdefault(LEARNT, {})[attribute] = mark
    for name, element in kind.fields.items():
        if python_name(element, name) == attribute:
            element.extensions[MARK] = mark
