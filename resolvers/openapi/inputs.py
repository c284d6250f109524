"""Schemas of a document as input types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphql

from resolvers import scalars
from resolvers.marks import NAME
from resolvers.openapi.names import Names, field_name, type_name
from resolvers.openapi.outputs import Outputs, scalar_of
from sources.openapi import Schema


class Inputs:
    """The input types of one document; enums and scalars are those of its output types."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._known: dict[Schema, Any] = {}

    def of(self, schema: Schema, place: str) -> Any:
        """Give the type of a schema's values as a client sends them, null among them."""
        schema = schema.shape
        known = self._known.get(schema)
        if known is None:
            known = self._known[schema] = self._made(schema, place)
        return known

    def required(self, schema: Schema, place: str) -> Any:
        """Give the type of a value that must be sent."""
        found = self.of(schema, place)
        return found if schema.nullable else graphql.GraphQLNonNull(found)

    def _made(self, schema: Schema, place: str) -> Any:
        if schema.kinds == {"array"}:
            items = schema.items
            return graphql.GraphQLList(scalars.ANY if items is None else self.required(items, place))
        if schema.kinds == {"object"} and any(not found.read_only for found in schema.properties.values()):
            name = self._outputs.names.take(f"{type_name(schema.name or place)}Input")
            return graphql.GraphQLInputObjectType(
                name, lambda: self._fields(schema, name), description=schema.description
            )
        if schema.enum is not None or scalar_of(schema) is not None:
            return self._outputs.of(schema, place)
        return scalars.ANY

    def _fields(self, schema: Schema, name: str) -> Mapping[str, graphql.GraphQLInputField]:
        names, fields = Names(), dict[str, graphql.GraphQLInputField]()
        for wire, found in schema.properties.items():
            if found.read_only:
                continue
            inner = f"{name.removesuffix('Input')}{type_name(wire)}"
            fields[names.take(field_name(wire))] = graphql.GraphQLInputField(
                self.required(found, inner) if wire in schema.required else self.of(found, inner),
                description=found.description,
                extensions={NAME: wire},
            )
        return fields
