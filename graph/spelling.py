"""Names of a schema as names in Python, and its types as annotations."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Collection, Iterator
from typing import Any

import graphql
from strawberry.utils.str_converters import to_camel_case

from sources import snake_case

# What a written file may import, by the name that it has there.
IMPORTS = {
    "dt": "import datetime as dt",
    "Decimal": "from decimal import Decimal",
    "Enum": "from enum import Enum",
    "Path": "from pathlib import Path",
    "Annotated": "from typing import Annotated",
    "UUID": "from uuid import UUID",
    "strawberry": "import strawberry",
    "Graph": "from graph import Graph",
    **{
        name: f"from resolvers import {name}"
        for name in (
            "JSON",
            "URL",
            "Base64",
            "Duration",
            "Email",
            "Int64",
            "Upload",
            "discriminator",
            "field",
            "link",
            "shown_as",
        )
    },
    "OpenAPI": "from sources.openapi import OpenAPI",
}
_SCALARS = {
    "String": "str",
    "Int": "int",
    "Float": "float",
    "Boolean": "bool",
    "ID": "strawberry.ID",
    "DateTime": "dt.datetime",
    "Date": "dt.date",
    "Time": "dt.time",
    "Duration": "Duration",
    "Decimal": "Decimal",
    "UUID": "UUID",
    "Base64": "Base64",
    "Int64": "Int64",
    "URL": "URL",
    "Email": "Email",
    "JSON": "JSON",
    "Upload": "Upload",
}
_LIBRARY = frozenset({"datetime", "decimal", "enum", "pathlib", "typing", "uuid"})
_BUILTINS = frozenset({"str", "int", "float", "bool", "list", "bytes"})
# What Strawberry and Python look for in a class.
_LOOKED_UP = frozenset({"is_type_of", "resolve_type", "resolve_reference", "resolve_id", "resolve_typename"})


class Spelling:
    """How a schema is spelled in one Python file.

    Args:
        source: the name of the variable that holds the backend.
    """

    def __init__(self, schema: graphql.GraphQLSchema, source: str) -> None:
        self._reserved = {*IMPORTS, *_BUILTINS, *_LOOKED_UP, "graph", source}
        self.used: set[str] = {"Graph", "strawberry", "OpenAPI"}
        self._classes: dict[str, str] = {}
        for name in schema.type_map:
            if name not in _SCALARS and not name.startswith("__"):
                found = name
                while self._means_something(found) or (found != name and found in schema.type_map):
                    found += "_"
                self._classes[name] = found
        self._taken = self._reserved.union(self._classes.values())

    def _means_something(self, name: str) -> bool:
        return name in self._reserved or keyword.iskeyword(name) or hasattr(builtins, name)

    def class_of(self, name: str) -> str:
        """Give the class for a type."""
        return self._classes[name]

    def attribute(
        self, name: str, taken: Collection[str] = (), fits: Callable[[str], bool] = lambda attribute: True
    ) -> str:
        """Give a name in Python for a field or argument.

        Args:
            fits: whether a document knows by an attribute's name what is meant, or nothing.
        """
        found = snake_case(name)
        if found.startswith("__"):  # which Python would make another name in a class
            found = found[1:]
        while found in self._taken or found in taken or keyword.iskeyword(found) or not fits(found):
            found += "_"
        return found

    def constant(self, text: str) -> str:
        """Give a name for a value of the module."""
        found = f"_{text.strip('_').upper()}"
        while found in self._taken:
            found += "_"
        self._taken.add(found)
        return found

    def says(self, attribute: str, name: str) -> bool:
        """Tell whether a name of the schema follows from an attribute's."""
        return bool(to_camel_case(attribute) == name)

    def annotation(self, kind: Any) -> str:
        """Give a type as an annotation."""
        if isinstance(kind, graphql.GraphQLNonNull):
            return self._required(kind.of_type)
        return f"{self._required(kind)} | None"

    def _required(self, kind: Any) -> str:
        if isinstance(kind, graphql.GraphQLList):
            return f"list[{self.annotation(kind.of_type)}]"
        if isinstance(kind, graphql.GraphQLScalarType):
            return self.name(_SCALARS.get(kind.name, "JSON"))
        return self.class_of(kind.name)

    def name(self, text: str) -> str:
        """Give a name that the file has to import, noting that it does."""
        first = text.partition(".")[0]
        if first in IMPORTS:
            self.used.add(first)
        return text

    def imports(self) -> Iterator[str]:
        """Give the lines that import what is used, in the order of a sorted file."""
        wanted = [IMPORTS[name] for name in self.used]
        library = sorted(
            {line for line in wanted if line.split()[1] in _LIBRARY},
            key=lambda line: (line.startswith("from"), line),
        )
        if library:
            yield from library
            yield ""
        yield "import strawberry"
        yield ""
        for package in ("graph", "resolvers", "sources.openapi"):
            start = f"from {package} import "
            names = sorted(
                (line.removeprefix(start) for line in wanted if line.startswith(start)),
                key=lambda name: (not name.isupper(), name.islower(), name),  # as import sorters have it
            )
            if names:
                yield start + ", ".join(names)


def variable_of(source: str) -> str:
    """Give the name of the variable that holds a backend."""
    taken = source in IMPORTS or source == "graph" or keyword.iskeyword(source) or hasattr(builtins, source)
    return f"{source}_api" if taken else source


def member_name(name: str) -> str:
    """Give the name in Python of an enum's member."""
    is_sunder = name.startswith("_") and name.endswith("_")
    return f"value{name.rstrip('_')}" if is_sunder else f"{name}_" if keyword.iskeyword(name) or name == "mro" else name
