"""All schemas of a document: one view for each place, and those that are made of several."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from sources.openapi.document import Document, DocumentError, below
from sources.openapi.keywords import BOUNDING, COMBINING, DESCRIBING, Node
from sources.openapi.loss import Losses
from sources.openapi.schema import Schema

Json = Any
_MOST_COMBINED = 5_000
_ANYTHING: Node = {}


class Schemas:
    """All schemas of a document."""

    def __init__(self, document: Document, losses: Losses) -> None:
        self.document = document
        self.losses = losses
        self._known: dict[str, Schema] = {}
        self._combined: dict[tuple[Schema, ...], Schema] = {}
        self._bare: dict[Schema, Schema] = {}

    def at(self, node: Json, pointer: str) -> Schema:
        """Give the schema that a node is or refers to."""
        reference = _reference(node)
        if reference is not None:
            beside = self._beside(node)
            if beside:
                known = self._known.get(pointer)
                if known is None:
                    target = self.at({"$ref": reference}, pointer)
                    known = self._known[pointer] = Schema(self, beside, pointer, (target,))
                return known
            node = {"$ref": reference}
        try:
            node, pointer = self.document.resolve(node, pointer)
        except DocumentError as exc:
            self.losses.add(pointer, "broken-reference", f"{exc}; the value is JSON")
            node = _ANYTHING
        known = self._known.get(pointer)
        if known is None:
            known = self._known[pointer] = Schema(self, self._object(node, pointer), pointer)
        return known

    def _beside(self, node: Node) -> Node:
        """Give the words beside a reference: before 3.1 only those that describe count."""
        if len(node) == 1:
            return _ANYTHING
        is_late = self.document.version == "3.1"
        return {word: said for word, said in node.items() if word in DESCRIBING or (is_late and word[:1] not in "$x")}

    def _object(self, node: Json, pointer: str) -> Node:
        if isinstance(node, dict):
            return node
        if node is not True:
            said = "nothing is allowed here" if node is False else "a schema that is no object"
            self.losses.add(pointer, "broken-schema", f"{said}; the value is JSON")
        return _ANYTHING

    def combined(self, parts: tuple[Schema, ...]) -> Schema:
        """Give the schema of values that follow all of several."""
        if len(parts) == 1:
            return parts[0]
        shapes = tuple(dict.fromkeys(part.shape for part in parts if part.says_beyond(BOUNDING)))
        kept = tuple(one for one in shapes if not any(one is not other and one in other.parts for other in shapes))
        if not kept:
            return parts[-1]
        if len(kept) == 1:
            says = next(part for part in reversed(parts) if part.shape is kept[0])
            if says is parts[-1]:
                return says
            return self._made((says, parts[-1]), parts[-1].node, (says,))
        return self._made(kept, _ANYTHING, kept)

    def _made(self, key: tuple[Schema, ...], node: Node, taken: tuple[Schema, ...]) -> Schema:
        known = self._combined.get(key)
        if known is None:
            if len(self._combined) >= _MOST_COMBINED:
                said = "one of too many combinations of schemas; only one of its parts counts"
                self.losses.add(key[-1].pointer, "too-many-combinations", said, "loosened")
                return taken[-1]
            known = self._combined[key] = Schema(self, node, key[-1].pointer, taken, is_combined=True)
        return known

    def bare(self, schema: Schema) -> Schema:
        """Give what a schema says itself, without what it takes over and without its options."""
        if not COMBINING & schema.node.keys() and len(schema.parts) == 1:
            return schema
        known = self._bare.get(schema)
        if known is None:
            node = {word: said for word, said in schema.node.items() if word not in COMBINING}
            known = self._bare[schema] = Schema(self, node, schema.pointer)
        return known

    def named(self, name: str) -> Schema | None:
        """Give a component by its name; None where there is none."""
        return self._components.get(name)

    def target(self, reference: str, pointer: str) -> Schema | None:
        """Give the schema that a discriminator at a place names: a component's name or a reference; None for none."""
        known = self.named(reference)
        if known is not None:
            return known
        try:
            if reference:
                return self.at(*self.document.find(reference, pointer))
            problem = "no schema is named"
        except DocumentError as exc:
            problem = str(exc)
        self.losses.add(pointer, "broken-reference", f"{problem}; the value tells nothing", "loosened")
        return None

    @functools.cached_property
    def _components(self) -> Mapping[str, Schema]:
        found = self.document.components("schemas")
        return {name: self.at(node, below("#/components/schemas", name)) for name, node in found.items()}

    @functools.cached_property
    def extending(self) -> Mapping[Schema, list[Schema]]:
        """Give for a schema the components that take it over and say more."""
        found: dict[Schema, list[Schema]] = {}
        for component in dict.fromkeys(one.shape for one in self._components.values()):
            for part in component.parts[:-1]:
                found.setdefault(part, []).append(component)
        return found


def _reference(node: Json) -> str | None:
    """Give what a node refers to, by whatever word."""
    if not isinstance(node, dict):
        return None
    found = node.get("$ref", node.get("$dynamicRef"))
    return found if isinstance(found, str) else None
