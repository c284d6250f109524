"""Schemas of a document as input types.

Enums and scalars are those of answers; an object has an input type besides, since GraphQL keeps the two apart. One of
several objects is an input of which a client gives one field: ``{card: {...}}`` or ``{iban: {...}}``, and a backend
gets what stands in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import graphql

from resolvers import scalars
from resolvers.entries import ENTRY_KEY, ENTRY_VALUE, Entries
from resolvers.marks import MARK, NAME, PLACE, AlternativesMark
from resolvers.openapi.defaults import default_of
from resolvers.openapi.enums import texts_of
from resolvers.openapi.leaves import mixed, scalar_of, sent_as
from resolvers.openapi.names import Names, field_name, told_apart, type_name
from resolvers.openapi.options import MOST, Member, held_by, is_nullable
from resolvers.openapi.outputs import Outputs
from resolvers.openapi.texts import described, outdated
from sources.openapi import Schema


class Inputs:
    """The input types of one document; enums and scalars are those of its output types."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._losses = outputs.losses
        self._objects: dict[Member, graphql.GraphQLInputObjectType] = {}
        self._entries: dict[Schema, graphql.GraphQLInputObjectType] = {}
        self._alternatives: dict[tuple[Member, ...], graphql.GraphQLInputObjectType] = {}
        self._open: set[Schema] = set()

    def of(self, schema: Schema, place: str, called: str = "") -> Any:
        """Give the type of a schema's values as a client sends them, null among them; see `Outputs.of`."""
        schema = schema.shape
        if texts_of(schema):
            return self._outputs.enums.of(schema, place)
        return self._one_of(self._outputs.members(schema), schema, place, called)

    def required(self, schema: Schema, place: str, called: str = "") -> Any:
        """Give the type of a value that must be sent."""
        found = self.of(schema, place, called)
        return found if is_nullable(schema) and found is not scalars.ANY else graphql.GraphQLNonNull(found)

    def argument(
        self, schema: Schema, place: str, called: str = "", *, required: bool = False, **options: Any
    ) -> graphql.GraphQLArgument:
        """Give the argument for a parameter, with its default; one that has a default need not be given.

        Args:
            options: what `graphql.GraphQLArgument` takes besides.
        """
        kind = (self.required if required else self.of)(schema, place, called)
        return graphql.GraphQLArgument(kind, default_value=self._default(schema, kind), **options)

    def _one_of(self, found: tuple[Member, ...], schema: Schema, place: str, called: str) -> Any:
        if len(found) == 1:
            return self._single(found[0], place, called)
        if len(found) > MOST:
            return self._json(schema, "many-options", f"one of more than {MOST} things; it is sent as JSON")
        if any(member.kind is None for member in found):
            return self._json(schema, "anything", "one of its options may be anything; it is sent as JSON")
        if all(member.is_scalar for member in found):
            kinds = [self._single(member, place, called) for member in found]
            message = "no scalar has all its values; it is sent as JSON"
            return mixed(kinds) or self._json(schema, "mixed-scalars", message)
        arrays = [member.schema for member in found if member.kind == "array"]
        others = tuple(member for member in found if member.kind != "array")
        if arrays and (not others or self._are_alike(others, self._held_by(arrays))):
            return self._list(arrays, schema, place, called)  # GraphQL takes one item for a list of it
        return self._alternative(found, schema, place)

    def _held_by(self, arrays: Sequence[Schema]) -> tuple[Member, ...]:
        held = [array.items for array in arrays if array.items is not None]
        return tuple(dict.fromkeys(member for items in held for member in self._outputs.members(items)))

    def _are_alike(self, one: tuple[Member, ...], other: tuple[Member, ...]) -> bool:
        if all(member.is_scalar for member in (*one, *other)):
            kinds = [mixed(self._single(member, "", "") for member in found) for found in (one, other) if found]
            return len(set(kinds)) == 1
        return set(one) == set(other)

    def _single(self, member: Member, place: str, called: str) -> Any:
        schema = member.schema
        if member.kind == "array":
            return self._list([schema], schema, place, called)
        if member.kind == "object":
            return self._object(member, place)
        if member.kind is None:
            return self._json(schema, "anything", "the schema does not say what it is; it is sent as JSON")
        if texts_of(schema):
            return self._outputs.enums.of(schema, place)
        found = scalar_of(schema, called, kind=member.kind)
        return None if found is None else sent_as(found, member.kind)

    def _json(self, schema: Schema, reason: str, message: str) -> graphql.GraphQLScalarType:
        return self._outputs.json(schema, reason, message)

    def _list(self, arrays: Sequence[Schema], schema: Schema, place: str, called: str) -> Any:
        items = [array.items for array in arrays if array.items is not None]
        if len(items) < len(arrays):
            kind = self._json(schema, "anything", "an array does not say what it holds; its items are JSON")
            return graphql.GraphQLList(kind)
        if arrays[0] in self._open or len(self._open) > MOST:
            return self._json(schema, "endless-list", "a list of itself; it is sent as JSON")
        self._open.add(arrays[0])
        try:
            if len(items) == 1:
                kind = self.of(items[0], place, called)
            else:
                kind = self._one_of(self._held_by(arrays), schema, place, called)
        finally:
            self._open.discard(arrays[0])
        return graphql.GraphQLList(kind if any(map(is_nullable, items)) else graphql.GraphQLNonNull(kind))

    # -- objects --------------------------------------------------------------------------------------------------

    def _is_typed(self, member: Member) -> bool:
        return member.kind == "object" and not all(found.read_only for found in member.schema.properties.values())

    def _object(self, member: Member, place: str) -> Any:
        schema = member.schema
        if not self._is_typed(member):
            return self._map(schema, place)
        known = self._objects.get(member)
        if known is None:
            names = self._outputs.names
            name = names.take(f"{place}BaseInput") if member.is_base else names.input_of(schema, place)
            known = self._objects[member] = graphql.GraphQLInputObjectType(
                name,
                lambda: self._fields(schema, name),
                description=schema.description,
                extensions={PLACE: schema.pointer},
            )
        return known

    def _map(self, schema: Schema, place: str) -> Any:
        if not schema.is_map:
            return self._json(schema, "free-form-object", "an object of which no property is known; it is sent as JSON")
        held = held_by(schema)
        if held is None:
            return self._json(schema, "map-of-anything", "a map, of whose values nothing is known; it is sent as JSON")
        if all(member.is_scalar for member in self._outputs.members(held)):
            return self._json(schema, "map-of-scalars", "a map of texts, numbers or booleans; it is sent as JSON")
        known = self._entries.get(schema)
        if known is None:
            names = self._outputs.names
            name = names.take(f"{names.of(schema, place)}EntryInput")
            known = self._entries[schema] = graphql.GraphQLInputObjectType(
                name, lambda: self._entry(held, name), description="A property of an object, with its name."
            )
        return Entries(graphql.GraphQLNonNull(known))

    def _entry(self, held: Schema, name: str) -> Mapping[str, graphql.GraphQLInputField]:
        value = self.required(held, name.removesuffix("EntryInput") + "Value")
        key = graphql.GraphQLNonNull(graphql.GraphQLString)
        return {
            word: graphql.GraphQLInputField(kind, extensions={NAME: word})
            for word, kind in ((ENTRY_KEY, key), (ENTRY_VALUE, value))
        }

    def _fields(self, schema: Schema, name: str) -> Mapping[str, graphql.GraphQLInputField]:
        if isinstance(schema.additional, Schema):
            message = f"{name} takes further properties, whose names are values; they are left out"
            self._losses.add(schema.pointer, "further-properties", message, "left-out")
        names = told_apart(schema.properties, field_name)
        return {
            names[wire]: self._field(wire, found, name, schema)
            for wire, found in schema.properties.items()
            if not found.read_only
        }

    def _field(self, wire: str, schema: Schema, name: str, owner: Schema) -> graphql.GraphQLInputField:
        place = f"{name.removesuffix('Input')}{type_name(wire)}"
        kind = (self.required if wire in owner.required else self.of)(schema, place, wire)
        if isinstance(kind, graphql.GraphQLNonNull) and self._needs(schema, owner):
            kind = kind.of_type
            message = f"{name} needs itself by way of {wire!r}, which no client can give; it may be left out"
            self._losses.add(schema.pointer, "circular-input", message, "loosened")
        is_required = isinstance(kind, graphql.GraphQLNonNull)
        default: Any = graphql.Undefined
        if is_required:
            default = texts_of(schema)[0] if len(texts_of(schema)) == 1 else self._default(schema, kind)
            if default is graphql.Undefined and schema.default is not None:
                kind, is_required = kind.of_type, False  # the backend knows what it takes in its place
        is_outdated = schema.deprecated and not (is_required and default is graphql.Undefined)
        told = None if is_required else schema.default
        return graphql.GraphQLInputField(
            kind,
            default_value=default,
            description=described(schema.description, example=schema.example, default=told),
            deprecation_reason=outdated(is_outdated),
            extensions={NAME: wire},
        )

    def _needs(self, schema: Schema, goal: Schema) -> bool:
        """Tell whether a value of a schema holds one of another, at every depth."""
        todo, seen = [schema], {schema}
        while todo:
            found = self._outputs.members(todo.pop())
            if len(found) != 1 or found[0].kind != "object":
                continue
            if found[0].schema is goal:
                return True
            for below in _required_of(found[0].schema):
                if below not in seen:
                    seen.add(below)
                    todo.append(below)
        return False

    # -- one of several -------------------------------------------------------------------------------------------

    def _alternative(self, found: tuple[Member, ...], schema: Schema, place: str) -> Any:
        known = self._alternatives.get(found)
        if known is None:
            name = self._outputs.names.input_of(schema, place)
            base = name.removesuffix("Input")

            def fields() -> dict[str, graphql.GraphQLInputField]:
                arrays = [member.schema for member in found if member.kind == "array"]
                kinds = {member: self._single(member, base, "") for member in found if member.kind != "array"}
                if arrays:
                    kinds[Member(arrays[0], "array")] = self._list(arrays, arrays[0], base, "")
                names = Names()
                words = {member: names.take(_word(member, kind, base)) for member, kind in kinds.items()}
                made.extensions[MARK] = AlternativesMark(_told(schema, words))
                return {word: graphql.GraphQLInputField(kinds[member]) for member, word in words.items()}

            made = known = self._alternatives[found] = graphql.GraphQLInputObjectType(
                name, fields, description=schema.description, is_one_of=True, extensions={PLACE: schema.pointer}
            )
        return known

    def _default(self, schema: Schema, kind: Any) -> Any:
        found = graphql.Undefined if schema.default is None else default_of(schema.default, kind)
        is_plain = isinstance(schema.default, str | int | float) and graphql.get_named_type(kind) is not scalars.ANY
        if found is graphql.Undefined and is_plain:
            message = f"the default is no value of {kind}; it is left out"
            self._losses.add(schema.pointer, "unusable-default", message, "loosened")
        return found


def _required_of(schema: Schema) -> Iterator[Schema]:
    for name in schema.required:
        found = schema.properties.get(name)
        if found is not None and not found.read_only and not is_nullable(found):
            yield found


def _word(member: Member, kind: Any, base: str) -> str:
    """Give the name of a field for one of several things: an object's by its type, any other by its kind of JSON."""
    named = graphql.get_named_type(kind)
    if not isinstance(kind, graphql.GraphQLInputObjectType):
        return "list" if member.kind == "array" else str(member.kind)
    return field_name(named.name.removesuffix("Input").removeprefix(base) or named.name)


def _told(schema: Schema, words: Mapping[Member, str]) -> dict[str, tuple[str, Any]]:
    """Give what a discriminator says, where a value leaves it out."""
    told: dict[str, tuple[str, Any]] = {}
    if schema.discriminator is not None:
        for value, option in schema.discriminator.values.items():
            word = words.get(Member(option.shape, "object"))
            if word is not None:
                told.setdefault(word, (schema.discriminator.property, value))
    return told
