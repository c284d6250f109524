"""What the types of a document are called.

The names of all components are given first, used or not, in the order of the document. Whatever stands inside another
schema is called after it and the way to it: the property ``category`` of ``Pet`` is a ``PetCategory``. So a name
depends on nothing but the components and its own owner, whichever operations are in the graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from resolvers.openapi.names import LONGEST, Names, shortened, type_name
from sources.openapi import Schema

_COMPONENT = re.compile(r"#/(?:components/schemas|definitions)/([^/]+)$")
_OWNED = re.compile(r"#/(?:components/[A-Za-z]+|definitions|\$defs|parameters|responses)/([^/]+)(/.*)?$")
_SECTIONS = frozenset({"properties", "patternProperties", "$defs", "definitions", "headers"})
_INDEXED = frozenset({"oneOf", "anyOf", "prefixItems"})
_SILENT = frozenset({"schema", "allOf", "items"})


class Titles:
    """The names of one document's types.

    Args:
        taken: the names of types that the graph has already; all that are given here are added to it.
        source: the name of the document's source, which goes in front of a name that another document has.
        components: the document's own names of its schemas.
        prefix: words in front of the name of each component's type.
        rename: names that were chosen for components, which stand as they are.
    """

    def __init__(
        self,
        taken: Names,
        source: str,
        components: Iterable[str] = (),
        *,
        prefix: str = "",
        rename: Mapping[str, str] | None = None,
    ) -> None:
        self._taken = taken
        self._source = type_name(source)
        self._own = Names()
        self._outputs: dict[str, str] = {}
        self._inputs: dict[str, str] = {}
        self._holders: dict[str, Schema] = {}
        self._given: dict[Schema, str] = {}
        self._known: dict[str, str] = {}
        self._prefix = type_name(prefix) if prefix else ""
        names, chosen = list(components), rename or {}
        first = [name for name in names if name in chosen]
        exact = [name for name in names if _component_name(name) == name]
        for name in dict.fromkeys([*first, *exact, *names]):
            self._outputs[name] = self._free(chosen.get(name) or self._prefix + _component_name(name))
        for name, given in self._outputs.items():
            self._inputs[name] = given if given.endswith("Input") else self._free(shortened(given, "Input"))

    def of(self, schema: Schema, place: str) -> str:
        """Give the name of a schema's output type; it is the same whenever it is asked for.

        Args:
            place: what it is called where its own place says nothing.
        """
        found = _COMPONENT.match(schema.pointer)
        if found is not None and self._holds(schema, self._outputs.get(_plain(found[1]))):
            return self._outputs[_plain(found[1])]
        known = self._given.get(schema)
        if known is None:
            wanted = type_name(f"{place} {_plain(found[1])}") if found is not None else self._wanted(schema, place)
            known = self._given[schema] = self._free(shortened(wanted))
            self._known.setdefault(schema.pointer, known)
        return known

    def input_of(self, schema: Schema, place: str) -> str:
        """Give the name of a schema's input type."""
        found = _COMPONENT.match(schema.pointer)
        if found is not None and self._holds(schema, self._inputs.get(_plain(found[1]))):
            return self._inputs[_plain(found[1])]
        base = self.of(schema, place)
        return base if base.endswith("Input") else self._free(shortened(base, "Input"))

    def output_of(self, schema: Schema, place: str) -> str:
        """Give the name of an object's output type, which is another than that of its input type."""
        name = self.of(schema, place)
        return self._free(shortened(name.removesuffix("Input"), "Output")) if name.endswith("Input") else name

    def _holds(self, schema: Schema, name: str | None) -> bool:
        """Tell whether a schema has a component's name: what options make of a component stands in its place too."""
        return name is not None and schema.name is not None and self._holders.setdefault(name, schema) is schema

    def take(self, name: str) -> str:
        """Give a name for a type that no schema stands for, such as the entry of a map."""
        return self._free(shortened(name))

    def _wanted(self, schema: Schema, place: str) -> str:
        """Give what a schema that stands inside another is called: its owner's name and the way from there."""
        owner, _, last = schema.pointer.rpartition("/")
        way = [last]
        while owner and not owner.endswith("#"):
            known = self._owner(owner)
            if known is not None:
                return known + _way(way, schema)
            owner, _, last = owner.rpartition("/")
            way.insert(0, last)
        owned = _OWNED.search(schema.pointer)
        if owned is not None:
            steps = [step for step in (owned[2] or "").split("/") if step]
            return self._prefix + type_name(_plain(owned[1])) + (_way(steps, schema) if steps else "")
        if not schema.pointer.startswith("#"):
            file, _, rest = schema.pointer.partition("#")
            stem = file.rstrip("/").rpartition("/")[2].partition(".")[0]
            return self._prefix + type_name(_plain(rest.rpartition("/")[2] or stem))
        return type_name(place)

    def _owner(self, pointer: str) -> str | None:
        found = _COMPONENT.match(pointer)
        return self._known.get(pointer) if found is None else self._outputs.get(_plain(found[1]))

    def _free(self, name: str) -> str:
        if name in self._taken and name not in self._own:
            name = shortened(f"{self._source}{name}")
        name = self._taken.take(name)
        self._own.add(name)
        return name


def _component_name(name: str) -> str:
    """Give the name for a component; of a long one with dots, the last parts that are not too long."""
    parts = name[:1_000].split(".")
    while len(parts) > 1 and len("".join(parts)) > LONGEST:
        parts = parts[1:]
    return type_name(".".join(parts)) if len(name) <= 1_000 else type_name(name)


def _way(steps: list[str], schema: Schema) -> str:
    """Give the words for the way from an owner to a schema inside it."""
    words: list[str] = []
    index = 0
    while index < len(steps):
        step, following = steps[index], steps[index + 1] if index + 1 < len(steps) else None
        if step in _SECTIONS and following is not None:
            words.append(type_name(_plain(following)))
            index += 1
        elif step in _INDEXED and following is not None:
            index += 1
            words.append(_option(schema, following) if index + 1 == len(steps) else f"Option{_number(following)}")
        elif step == "additionalProperties":
            words.append("Value")
        elif step == "content":
            index += 1  # a media type says nothing of what it is
        elif step not in _SILENT and not step.isdigit():
            words.append(type_name(_plain(step)))
        index += 1
    return "".join(words) or ("Item" if "items" in steps else "Part")


def _option(schema: Schema, number: str) -> str:
    """Give a word for one of several schemas: its title, else the one value of a property that tells, else a number."""
    if schema.title is not None and len(schema.title) <= 40:
        return type_name(schema.title)
    for found in schema.properties.values():
        if found.enum is not None and len(found.enum) == 1 and isinstance(found.enum[0], str) and found.enum[0]:
            return type_name(found.enum[0])
    return f"Option{_number(number)}"


def _number(text: str) -> str:
    return str(int(text) + 1) if text.isdigit() and len(text) < 6 else ""


def _plain(step: str) -> str:
    return unquote(step).replace("~1", "/").replace("~0", "~")
