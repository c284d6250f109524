"""A schema of a document, however its version spells it. Nothing is read before it is asked for.

A document refers to its schemas in circles, so a `Schema` is a view: one object for each place, whose parts are views
again. Two views are the same schema if they are the same object.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sources.openapi.document import Document, DocumentError, below
from sources.openapi.loss import Losses

Json = Any
KINDS = frozenset({"boolean", "integer", "number", "string", "array", "object"})


@dataclass(frozen=True, slots=True, eq=False)
class Telling:
    """Which property of an object says which of several schemas it follows, and by which values."""

    property: str
    values: Mapping[str, Schema]


class Schemas:
    """All schemas of a document."""

    def __init__(self, document: Document, losses: Losses) -> None:
        self.document = document
        self.losses = losses
        self._known: dict[str, Schema] = {}

    def at(self, node: Json, pointer: str) -> Schema:
        """Give the schema that a node is or refers to."""
        try:
            node, pointer = self.document.resolve(node, pointer)
        except DocumentError as exc:
            self.losses.add(pointer, "broken-reference", f"{exc}; the value is JSON")
            node = {}
        known = self._known.get(pointer)
        if known is None:
            known = self._known[pointer] = Schema(self, node if isinstance(node, dict) else {}, pointer)
        return known


class Schema:
    """What a value may be.

    Attributes:
        pointer: where it stands.
        name: the component's name; None for a schema that stands where it is used.
    """

    def __init__(self, schemas: Schemas, node: dict[str, Json], pointer: str) -> None:
        self._schemas = schemas
        self._node = node
        self.pointer = pointer
        parts = pointer.rpartition("#")[2].split("/")
        self.name = parts[-1] if parts[1:3] == ["components", "schemas"] and len(parts) == 4 else None

    def __repr__(self) -> str:
        return f"Schema({self.pointer!r})"

    def _text(self, name: str) -> str | None:
        found = self._node.get(name)
        return found if isinstance(found, str) and found else None

    @property
    def title(self) -> str | None:
        """Its title."""
        return self._text("title")

    @property
    def description(self) -> str | None:
        """What it is, for people."""
        return self._text("description")

    @property
    def deprecated(self) -> bool:
        """Whether it should no longer be used."""
        return self._node.get("deprecated") is True

    @property
    def read_only(self) -> bool:
        """Whether it is sent by the backend only."""
        return self._node.get("readOnly") is True

    @property
    def write_only(self) -> bool:
        """Whether it is sent to the backend only."""
        return self._node.get("writeOnly") is True

    @property
    def default(self) -> Json:
        """What is taken where it is left out; None where nothing is said."""
        return self._node.get("default")

    @property
    def example(self) -> Json:
        """An example of a value; None where there is none."""
        return self._node.get("example")

    @property
    def format(self) -> str | None:
        """What kind of text or number it is."""
        return self._text("format")

    @property
    def minimum(self) -> Json:
        """The smallest value; None where nothing is said."""
        return self._node.get("minimum")

    @property
    def maximum(self) -> Json:
        """The largest value; None where nothing is said."""
        return self._node.get("maximum")

    @functools.cached_property
    def _types(self) -> frozenset[str]:
        said = self._node.get("type")
        return frozenset(one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str))

    @functools.cached_property
    def kinds(self) -> frozenset[str]:
        """Which kinds of JSON it may be, without null; none of them where it may be anything."""
        found = self._types & KINDS
        if not found:
            for part in self._parts:
                found |= part.kinds
        if not found:
            if isinstance(self._node.get("properties"), dict) or "additionalProperties" in self._node:
                return frozenset({"object"})
            if "items" in self._node:
                return frozenset({"array"})
        return found

    @property
    def nullable(self) -> bool:
        """Whether it may be null."""
        return self._node.get("nullable") is True or "null" in self._types

    @functools.cached_property
    def enum(self) -> tuple[Json, ...] | None:
        """The values that it may have; None where they are not listed."""
        found = self._node.get("enum")
        return tuple(found) if isinstance(found, list) else None

    @functools.cached_property
    def _parts(self) -> tuple[Schema, ...]:
        return self._list("allOf")

    def _list(self, name: str) -> tuple[Schema, ...]:
        found = self._node.get(name)
        if not isinstance(found, list):
            return ()
        return tuple(self._schemas.at(one, below(self.pointer, name, index)) for index, one in enumerate(found))

    @functools.cached_property
    def properties(self) -> Mapping[str, Schema]:
        """The properties of an object, those of all its parts."""
        found: dict[str, Schema] = {}
        for part in self._parts:
            found.update(part.properties)
        own = self._node.get("properties")
        for name, node in (own if isinstance(own, dict) else {}).items():
            found[name] = self._schemas.at(node, below(self.pointer, "properties", name))
        return found

    @functools.cached_property
    def required(self) -> frozenset[str]:
        """The properties that are always there."""
        found = self._node.get("required")
        own = frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()
        return own.union(*(part.required for part in self._parts))

    @functools.cached_property
    def items(self) -> Schema | None:
        """What an array holds; None where nothing is said."""
        if "items" not in self._node:
            return None
        return self._schemas.at(self._node["items"], below(self.pointer, "items"))

    @functools.cached_property
    def additional(self) -> Schema | bool:
        """What further properties of an object hold; True is anything, False that there are none."""
        found = self._node.get("additionalProperties", True)
        if isinstance(found, dict) and found:
            return self._schemas.at(found, below(self.pointer, "additionalProperties"))
        return found is not False

    @functools.cached_property
    def is_map(self) -> bool:
        """Whether it is an object whose property names are values."""
        return not self.properties and self._node.get("additionalProperties") not in (None, False)

    @functools.cached_property
    def options(self) -> tuple[Schema, ...]:
        """The schemas of which a value follows one."""
        return self._list("oneOf") or self._list("anyOf")

    @functools.cached_property
    def discriminator(self) -> Telling | None:
        """What tells the options apart; None where nothing is said."""
        found = self._node.get("discriminator")
        name = found.get("propertyName") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(name, str):
            return None
        mapping = found.get("mapping")
        values: dict[str, Schema] = {}
        for value, target in (mapping if isinstance(mapping, dict) else {}).items():
            if isinstance(target, str):
                pointer = target if "#" in target or "/" in target else f"#/components/schemas/{target}"
                values[value] = self._schemas.at({"$ref": pointer}, below(self.pointer, "discriminator", "mapping"))
        for option in self.options:
            if option.name is not None and option not in values.values():
                values[option.name] = option
        return Telling(name, values)
