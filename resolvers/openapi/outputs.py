"""Schemas of a document as output types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphql

from resolvers import scalars
from resolvers.marks import MARK, NAME, PropertyMark
from resolvers.openapi.names import Names, field_name, type_name, value_name
from sources.openapi import Losses, Schema

_FORMATS: dict[tuple[str, str], graphql.GraphQLScalarType] = {
    ("string", "date-time"): scalars.DATE_TIME,
    ("string", "date"): scalars.DATE,
    ("string", "time"): scalars.TIME,
    ("string", "duration"): scalars.DURATION,
    ("string", "uuid"): scalars.UNIQUE_ID,
    ("string", "uri"): scalars.LOCATION,
    ("string", "url"): scalars.LOCATION,
    ("string", "email"): scalars.EMAIL,
    ("string", "byte"): scalars.BYTES,
    ("string", "binary"): scalars.BYTES,
    ("string", "decimal"): scalars.DECIMAL,
    ("number", "decimal"): scalars.DECIMAL,
    ("integer", "int64"): scalars.INT64,
}
_KINDS: dict[str, graphql.GraphQLScalarType] = {
    "string": graphql.GraphQLString,
    "integer": graphql.GraphQLInt,
    "number": graphql.GraphQLFloat,
    "boolean": graphql.GraphQLBoolean,
}


def scalar_of(schema: Schema) -> graphql.GraphQLScalarType | None:
    """Give the scalar of a schema of one kind; None for objects and arrays."""
    if len(schema.kinds) != 1:
        return None
    (kind,) = schema.kinds
    return _FORMATS.get((kind, schema.format or "")) or _KINDS.get(kind)


class Outputs:
    """The output types of one document; each schema has one, whoever asks for it.

    Args:
        names: the names of types that are taken; new ones are added.
    """

    def __init__(self, names: Names, losses: Losses) -> None:
        self.names = names
        self.losses = losses
        self._known: dict[Schema, Any] = {}

    def of(self, schema: Schema, place: str) -> Any:
        """Give the type of a schema's values, null among them.

        Args:
            place: what a type is called whose schema has no name of its own.
        """
        schema = schema.shape
        known = self._known.get(schema)
        if known is None:
            known = self._known[schema] = self._made(schema, place)
        return known

    def required(self, schema: Schema, place: str) -> graphql.GraphQLOutputType:
        """Give the type of a value that is always there."""
        found = self.of(schema, place)
        return found if schema.nullable else graphql.GraphQLNonNull(found)

    def _made(self, schema: Schema, place: str) -> Any:
        if schema.enum is not None and schema.kinds <= {"string"} and any(isinstance(v, str) for v in schema.enum):
            return self._enum(schema, place)
        if schema.kinds == {"array"}:
            items = schema.items
            return graphql.GraphQLList(scalars.ANY if items is None else self.required(items, place))
        if schema.kinds == {"object"} and any(not found.write_only for found in schema.properties.values()):
            return self._object(schema, place)
        found = scalar_of(schema)
        if found is None:
            self.losses.add(schema.pointer, "anything", "the schema does not say what it is; the value is JSON")
        return found or scalars.ANY

    def _name(self, schema: Schema, place: str) -> str:
        return self.names.take(type_name(schema.name or place))

    def _enum(self, schema: Schema, place: str) -> graphql.GraphQLEnumType:
        names = Names()
        values = {
            names.take(value_name(value)): graphql.GraphQLEnumValue(value)
            for value in schema.enum or ()
            if isinstance(value, str)
        }
        return graphql.GraphQLEnumType(self._name(schema, place), values, description=schema.description)

    def _object(self, schema: Schema, place: str) -> graphql.GraphQLObjectType:
        name = self._name(schema, place)
        return graphql.GraphQLObjectType(name, lambda: self._fields(schema, name), description=schema.description)

    def _fields(self, schema: Schema, name: str) -> Mapping[str, graphql.GraphQLField]:
        names, fields = Names(), dict[str, graphql.GraphQLField]()
        for wire, found in schema.properties.items():
            if found.write_only:
                continue
            inner = f"{name}{type_name(wire)}"
            is_sure = wire in schema.required
            fields[names.take(field_name(wire))] = graphql.GraphQLField(
                self.required(found, inner) if is_sure else self.of(found, inner),
                description=found.description,
                deprecation_reason="No longer supported" if found.deprecated else None,
                extensions={MARK: PropertyMark((wire,), None), NAME: wire},
            )
        return fields
