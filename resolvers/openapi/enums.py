"""Listed texts as enums: each value has a name of GraphQL, and stays on the wire what it is."""

from __future__ import annotations

import graphql

from resolvers.openapi.names import told_apart, value_name
from resolvers.openapi.titles import Titles
from sources.openapi import Schema


class Enums:
    """The enums of one document; those of one wanted name and the same values are one type."""

    def __init__(self, names: Titles) -> None:
        self._names = names
        self._known: dict[Schema, graphql.GraphQLEnumType] = {}

    def of(self, schema: Schema, place: str) -> graphql.GraphQLEnumType:
        """Give the type of a schema for which `texts_of` gives texts."""
        known = self._known.get(schema)
        if known is None:
            names = told_apart(texts_of(schema), value_name)
            values = {name: graphql.GraphQLEnumValue(text) for text, name in names.items()}
            known = self._known[schema] = graphql.GraphQLEnumType(
                self._names.of(schema, place), values, description=schema.description
            )
        return known


def texts_of(schema: Schema) -> tuple[str, ...]:
    """Give the values of a schema that lists texts and, at most, null; empty for every other."""
    listed = [value for value in schema.enum or () if value is not None]
    if not listed or not schema.kinds <= {"string"} or not all(isinstance(value, str) for value in listed):
        return ()
    return tuple(dict.fromkeys(listed))
