"""Names of a schema as names in Python, and its types as annotations."""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import graphql
from strawberry.utils.str_converters import to_camel_case

from resolvers import mark_of, mark_on, python_name
from sources import Naming, naming_function, snake_case

NAMINGS: tuple[Naming, ...] = ("same", "camel", "pascal", "kebab")
# What a written file may import, by the name that it has there.
IMPORTS = {
    "dt": "import datetime as dt",
    "Decimal": "from decimal import Decimal",
    "Enum": "from enum import Enum",
    "Annotated": "from typing import Annotated",
    "UUID": "from uuid import UUID",
    "strawberry": "import strawberry",
    "Graph": "from graph import Graph",
    **{
        name: f"from resolvers import {name}"
        for name in ("JSON", "URL", "Base64", "Duration", "Email", "Int64", "Upload", "discriminator", "field", "link")
    },
    **{name: f"from sources import {name}" for name in ("ApiKey", "Basic", "Bearer", "OAuth2", "Rest")},
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
_NAME = re.compile(
    r"(?!__)[A-Za-z_][A-Za-z0-9_]*"
)  # Python reads other letters in its own way, and names like __init__
_BUILTINS = {"str", "int", "float", "bool", "list"}


class Spelling:
    """How a schema is spelled in one Python file.

    Args:
        source: the name of the variable that holds the backend.
    """

    def __init__(self, schema: graphql.GraphQLSchema, source: str) -> None:
        self._reserved = {*IMPORTS, *_BUILTINS, "graph", source}
        self._kinds = {
            name: kind for name, kind in schema.type_map.items() if name not in _SCALARS and not name.startswith("__")
        }
        self.unwritten: dict[str, str] = {}
        self.used: set[str] = {"Graph", "strawberry", "Rest"}
        self._classes: dict[str, str] = {}
        for name in self._kinds:
            self._classes[name] = self._class_name(name)
        self._class_names = frozenset(self._classes.values())
        self.naming = self._usual_naming()
        self._property_name = naming_function(self.naming)

    def _class_name(self, name: str) -> str:
        found = f"{name}_" if name in self._reserved or keyword.iskeyword(name) or hasattr(builtins, name) else name
        while found != name and found in self._kinds:
            found += "_"
        return found

    def _usual_naming(self) -> Naming:
        """Give the convention by which most properties are called what their attributes are."""
        found: Counter[Naming] = Counter()
        spelled = {naming: naming_function(naming) for naming in NAMINGS}
        for kind in self._kinds.values():
            if isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInputObjectType):
                for name, field in kind.fields.items():
                    wire = property_path(field)
                    if len(wire) == 1:
                        found.update(naming for naming in NAMINGS if spelled[naming](snake_case(name)) == wire[0])
        return max(NAMINGS, key=lambda naming: found[naming])

    def class_of(self, name: str) -> str:
        """Give the class for a type."""
        return self._classes[name]

    def wire(self, attribute: str) -> str:
        """Give what a property is called whose attribute says nothing else."""
        wire: str = self._property_name(attribute)
        return wire

    def attribute(
        self, name: str, taken: Iterable[str] = (), wanted: str | None = None, *, in_input: bool = False
    ) -> str:
        """Give a name in Python for a field or argument.

        Args:
            wanted: the name that would be best, if it can be one.
            in_input: whether it is one of an input, whose class calls nothing but `strawberry.field`.
        """
        found = wanted if wanted is not None and _NAME.fullmatch(wanted) else snake_case(name)
        if found.startswith("__"):
            found = found.strip("_") or "unnamed"
        reserved = _BUILTINS | {"strawberry", "dt"} if in_input else self._reserved
        if found == "self" or found in reserved or found in self._class_names or keyword.iskeyword(found):
            found += "_"
        while found in taken:
            found += "_"
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
        if isinstance(kind, graphql.GraphQLScalarType) or kind.name in self.unwritten:
            return self.name(_SCALARS.get(kind.name, "JSON") if kind.name not in self.unwritten else "JSON")
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
            {line for line in wanted if line.split()[1] in ("datetime", "decimal", "enum", "typing", "uuid")},
            key=lambda line: (line.startswith("from"), line),
        )
        if library:
            yield from library
            yield ""
        yield "import strawberry"
        yield ""
        for package in ("graph", "resolvers", "sources"):
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


def property_path(element: graphql.GraphQLField | graphql.GraphQLInputField) -> tuple[str, ...]:
    """Give where a value stands in its backend's object, by the names of properties."""
    if isinstance(element, graphql.GraphQLField):
        mark = mark_of(element)
        return () if mark is None or mark.path is None else mark.path
    name = python_name(element, "")
    return (name,) if name else ()


def is_property(element: graphql.GraphQLField) -> bool:
    """Tell whether a field is a value in its backend's object."""
    return mark_of(element) is mark_on(element) is not None
