"""Schemas of a document as output types.

A type is made when it is first asked for, its fields when the schema is built: schemas refer to each other in circles.
Whatever no type of GraphQL holds is JSON, at the smallest place, and a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import graphql

from resolvers import scalars
from resolvers.entries import ENTRY_KEY, ENTRY_VALUE, Entries
from resolvers.marks import MARK, NAME, PropertyMark
from resolvers.openapi.enums import Enums, texts_of
from resolvers.openapi.leaves import instant_of, mixed, scalar_of
from resolvers.openapi.names import field_name, told_apart, type_name
from resolvers.openapi.options import MOST, Member, held_by, is_nullable, members
from resolvers.openapi.texts import described, outdated
from resolvers.openapi.titles import Titles
from resolvers.openapi.unions import are_told_apart, shape_of, told_by
from sources.openapi import Losses, Schema


class Outputs:
    """The output types of one document; each schema has one, whoever asks for it."""

    def __init__(self, names: Titles, losses: Losses) -> None:
        self.names = names
        self.losses = losses
        self.enums = Enums(names)
        self._members: dict[Schema, tuple[Member, ...]] = {}
        self._objects: dict[Member, graphql.GraphQLObjectType] = {}
        self._entries: dict[Schema, graphql.GraphQLObjectType] = {}
        self._unions: dict[tuple[Member, ...], Any] = {}
        self._boxes: dict[str, graphql.GraphQLObjectType] = {}
        self._open: set[Schema] = set()

    def of(self, schema: Schema, place: str, called: str = "") -> Any:
        """Give the type of a schema's values, null among them.

        Args:
            place: what a type is called whose schema has no name of its own and stands in no named one.
            called: the name of the property whose value it is; it may say that a number is large.
        """
        schema = schema.shape
        if texts_of(schema):
            return self.enums.of(schema, place)
        return self._one_of(self.members(schema), schema, place, called)

    def required(self, schema: Schema, place: str, called: str = "") -> graphql.GraphQLOutputType:
        """Give the type of a value that is always there."""
        found = self.of(schema, place, called)
        return found if is_nullable(schema) else graphql.GraphQLNonNull(found)

    def members(self, schema: Schema) -> tuple[Member, ...]:
        """Give what a schema's values may be, see `resolvers.openapi.options`."""
        shape = schema.shape
        known = self._members.get(shape)
        if known is None:
            known = self._members[shape] = members(shape)
        return known

    def _one_of(self, found: tuple[Member, ...], schema: Schema, place: str, called: str) -> Any:
        if len(found) == 1:
            return self._single(found[0], place, called)
        if len(found) > MOST:
            return self.json(schema, "many-options", f"one of more than {MOST} things; the value is JSON")
        if any(member.kind is None for member in found):
            return self.json(schema, "anything", "one of its options may be anything; the value is JSON")
        if all(member.is_scalar for member in found):
            kind = mixed(self._single(member, place, called) for member in found)
            return kind or self.json(schema, "mixed-scalars", "no scalar has all its values; the value is JSON")
        if all(member.kind == "array" for member in found):
            return self._list([member.schema for member in found], schema, place, called)
        return self._union(found, schema, place)

    def _single(self, member: Member, place: str, called: str = "") -> Any:
        if member.kind == "array":
            return self._list([member.schema], member.schema, place, called)
        if member.kind == "object":
            return self._object(member, place)
        if member.kind is None:
            return self.json(member.schema, "anything", "the schema does not say what it is; the value is JSON")
        if texts_of(member.schema):
            return self.enums.of(member.schema, place)
        return scalar_of(member.schema, called, kind=member.kind)

    def json(self, schema: Schema, reason: str, message: str) -> graphql.GraphQLScalarType:
        """Give the type of a value that no other has, and note why."""
        self.losses.add(schema.pointer, reason, message)
        return scalars.ANY

    # -- lists ----------------------------------------------------------------------------------------------------

    def _list(self, arrays: Sequence[Schema], schema: Schema, place: str, called: str) -> Any:
        """Give the list of whatever some arrays hold."""
        items = [array.items for array in arrays if array.items is not None]
        if len(items) < len(arrays):
            kind = self.json(schema, "anything", "an array does not say what it holds; its items are JSON")
            return graphql.GraphQLList(kind)
        if arrays[0] in self._open or len(self._open) > MOST:
            return self.json(schema, "endless-list", "a list of itself; the value is JSON")
        self._open.add(arrays[0])
        try:
            if len(items) == 1:
                kind = self.of(items[0], place, called)
            else:
                found = dict.fromkeys(member for item in items for member in self.members(item))
                kind = self._one_of(tuple(found), schema, place, called)
        finally:
            self._open.discard(arrays[0])
        return graphql.GraphQLList(kind if any(map(is_nullable, items)) else graphql.GraphQLNonNull(kind))

    # -- objects --------------------------------------------------------------------------------------------------

    def _object(self, member: Member, place: str) -> Any:
        schema = member.schema
        if all(found.write_only for found in schema.properties.values()):
            return self._map(schema, place)
        known = self._objects.get(member)
        if known is None:
            name = self.names.take(f"{place}Base") if member.is_base else self.names.output_of(schema, place)
            known = self._objects[member] = graphql.GraphQLObjectType(
                name, lambda: self._fields(schema, name), description=schema.description
            )
        return known

    def _map(self, schema: Schema, place: str) -> Any:
        """Give the list of a map's entries; a map of scalars is easier to read as it is."""
        if not schema.is_map:
            message = "an object of which no property is known; the value is JSON"
            return self.json(schema, "free-form-object", message)
        held = held_by(schema)
        if held is None:
            return self.json(schema, "map-of-anything", "a map, of whose values nothing is known; the value is JSON")
        if all(member.is_scalar for member in self.members(held)):
            return self.json(schema, "map-of-scalars", "a map of texts, numbers or booleans; the value is JSON")
        known = self._entries.get(schema)
        if known is None:
            name = self.names.take(f"{self.names.of(schema, place)}Entry")
            known = self._entries[schema] = graphql.GraphQLObjectType(
                name, lambda: self._entry(held, name), description="A property of an object, with its name."
            )
        return Entries(graphql.GraphQLNonNull(known))

    def _entry(self, held: Schema, name: str) -> Mapping[str, graphql.GraphQLField]:
        value = self.required(held, name.removesuffix("Entry") + "Value")
        return {
            word: graphql.GraphQLField(kind, extensions={MARK: PropertyMark((word,), None), NAME: word})
            for word, kind in (
                (ENTRY_KEY, graphql.GraphQLNonNull(graphql.GraphQLString)),
                (ENTRY_VALUE, value),
            )
        }

    def _fields(self, schema: Schema, name: str) -> Mapping[str, graphql.GraphQLField]:
        if isinstance(schema.additional, Schema):
            message = f"{name} has further properties, whose names are values; they are left out"
            self.losses.add(schema.pointer, "further-properties", message, "left-out")
        names = told_apart(schema.properties, field_name)
        return {
            names[wire]: self._field(wire, found, name, is_sure=wire in schema.required)
            for wire, found in schema.properties.items()
            if not found.write_only
        }

    def _field(self, wire: str, schema: Schema, owner: str, *, is_sure: bool) -> graphql.GraphQLField:
        kind = (self.required if is_sure else self.of)(schema, f"{owner}{type_name(wire)}", wire)
        instants = None
        if graphql.get_named_type(kind) is scalars.DATE_TIME:
            held = schema
            while held.items is not None:
                held = held.items
            instants = next((instant_of(held, one) for one in sorted(held.kinds)), None)
        return graphql.GraphQLField(
            kind,
            description=described(schema.description, example=schema.example),
            deprecation_reason=outdated(schema.deprecated),
            extensions={MARK: PropertyMark((wire,), None, timestamps=instants), NAME: wire},
        )

    # -- unions ---------------------------------------------------------------------------------------------------

    def _union(self, found: tuple[Member, ...], schema: Schema, place: str) -> Any:
        known = self._unions.get(found)
        if known is None:
            known = self._unions[found] = self._made_union(found, schema, place)
        return known

    def _made_union(self, found: tuple[Member, ...], schema: Schema, place: str) -> Any:
        name = self.names.output_of(schema, place)
        objects = {member: self._object(member, name) for member in found if member.kind == "object"}
        if len(objects) == len(found) and len(set(objects.values())) == 1:
            return objects[found[0]]
        typed = {member: kind for member, kind in objects.items() if isinstance(kind, graphql.GraphQLObjectType)}

        def types() -> list[graphql.GraphQLObjectType]:
            boxes = self._boxed(found, objects, name)
            self._tell(union, schema, typed, {kind: box.name for kind, box in boxes.items()})
            return list(dict.fromkeys([*typed.values(), *boxes.values()]))

        union = graphql.GraphQLUnionType(name, types, description=schema.description)
        return union

    def _boxed(
        self, found: Sequence[Member], objects: Mapping[Member, Any], place: str
    ) -> dict[str, graphql.GraphQLObjectType]:
        """Give the boxes of a union's values that are no objects of a type, by their kinds of JSON."""
        boxes: dict[str, graphql.GraphQLObjectType] = {}
        for kinds in (("string",), ("integer", "number"), ("boolean",)):
            held = [member for member in found if member.kind in kinds]
            if held:
                kind: Any = mixed(self._single(member, place) for member in held) or scalars.ANY
                boxes.update(dict.fromkeys((member.kind or "" for member in held), self._box(kind)))
        arrays = [member.schema for member in found if member.kind == "array"]
        if arrays:
            boxes["array"] = self._box(self._list(arrays, arrays[0], place, ""))
        untyped = [kind for kind in objects.values() if not isinstance(kind, graphql.GraphQLObjectType)]
        if untyped:
            boxes["object"] = self._box(untyped[0] if len(set(untyped)) == 1 else scalars.ANY)
        return boxes

    def _box(self, kind: Any) -> graphql.GraphQLObjectType:
        """Give the object type around a value that is no object."""
        known = self._boxes.get(str(kind))
        if known is None:
            lists = str(kind).count("[")
            name = self.names.take(f"{graphql.get_named_type(kind).name}{'List' * lists}Value")
            value = graphql.GraphQLField(kind, extensions={MARK: PropertyMark((), None), NAME: "value"})
            known = self._boxes[str(kind)] = graphql.GraphQLObjectType(
                name, {"value": value}, description="A value in a place where objects stand as well."
            )
        return known

    def _tell(
        self,
        union: graphql.GraphQLUnionType,
        schema: Schema,
        typed: Mapping[Member, graphql.GraphQLObjectType],
        boxes: Mapping[str, str],
    ) -> None:
        shapes = [shape_of(kind.name, member.schema) for member, kind in typed.items()]
        names = {member.schema: kind.name for member, kind in typed.items()}
        told = schema.discriminator
        values: dict[Any, str] = {}
        if told is not None:
            values = {value: names[found] for value, found in told.values.items() if found in names}
        base = next((kind.name for member, kind in typed.items() if member.is_base), None)
        union.extensions[MARK] = told_by(shapes, boxes, None if told is None else told.property, values, base)
        if not values and not are_told_apart(shapes):
            message = f"options of {union.name} have the same properties; such a value is of the first of them"
            self.losses.add(schema.pointer, "ambiguous-union", message, "loosened")
