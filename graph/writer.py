"""A graph of one document written as a file in Python, for somebody who goes on from there: `weft init`.

Theory of operation. The graph is built first, so that the file has exactly its names and types. Each type of the schema
becomes a class, each operation a stub with the template, headers and body of its call. The file stands on its own: it
names the backend's address, and does not read the document again. Whatever a class or stub cannot say is left out, or
is JSON, and listed at the end of the file.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator
from typing import Any

import graphql

from graph.graph import Graph
from graph.layout import Group, Part, Text, call, docstring, flat, lines, literal
from graph.spelling import Spelling, is_property, property_path, variable_of
from graph.stubs import Stubs, authentication
from resolvers import MARK, Discriminator, mark_of, mark_on
from sources import Call
from sources.openapi import OpenAPI, visible

START = '''"""A graph to start from: change the address, the paths and the types to those of your backend."""

from __future__ import annotations

import strawberry

from graph import Graph
from resolvers import link
from sources import Rest

blog = Rest("blog", "http://127.0.0.1:9101", ttl=10)


@blog.entity(get="/users/{id}", batch="/users{?id*}")
class User:
    """Somebody who writes."""

    id: strawberry.ID
    name: str


@blog.entity(get="/posts/{id}")
class Post:
    """Something to read."""

    id: strawberry.ID
    title: str
    author: User | None = link("userId")


@strawberry.type
class Query:
    @blog.get("/posts{?limit}")
    def posts(self, limit: int = 10) -> list[Post]:
        """The latest posts."""


graph = Graph(query=Query)
'''


def written(graph: Graph, source: OpenAPI) -> str:
    """Give the text of a file whose graph is that of a document."""
    return "\n".join(_Writer(graph.schema, source).file()) + "\n"


class _Writer:
    def __init__(self, schema: graphql.GraphQLSchema, source: OpenAPI) -> None:
        self._schema = schema
        self._source = source
        variable = variable_of(source.name)
        self._spelling = Spelling(schema, variable)
        self._variable = variable
        self._left: list[str] = []
        self._stubs = Stubs(self._spelling, source, variable, self._left)
        self._all_roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        self._roots = [
            (name, root)
            for name, root in (("query", schema.query_type), ("mutation", schema.mutation_type))
            if root is not None
        ]

    def file(self) -> Iterator[str]:
        kinds = [kind for name, kind in self._schema.type_map.items() if not name.startswith("__")]
        for kind in kinds:
            self._note_unwritten(kind)
        enums, objects, unions, inputs = list[list[str]](), list[list[str]](), list[list[str]](), list[list[str]]()
        for kind in kinds:
            if kind.name in self._spelling.unwritten or kind in self._all_roots:
                continue
            if isinstance(kind, graphql.GraphQLEnumType):
                enums.append(list(self._enum(kind)))
            elif isinstance(kind, graphql.GraphQLObjectType):
                objects.append(list(self._object(kind)))
            elif isinstance(kind, graphql.GraphQLUnionType):
                unions.append(list(self._union(kind)))
            elif isinstance(kind, graphql.GraphQLInputObjectType):
                inputs.append(list(self._input(kind)))
        # In this order what is evaluated at once is there: the members of unions, the defaults of inputs.
        roots = {name: list(self._root(kind)) for name, kind in self._roots}
        blocks = [*enums, *objects, *unions, *inputs, *(root for root in roots.values() if root)]
        if self._schema.subscription_type is not None:
            self._left.append("Subscription: webhooks are declared with @source.webhook(...)")
        info = self._source.api.title if self._source.api is not None else ""
        yield from docstring(f"{' '.join(info.split()) or self._source.name} as a graph; yours to edit.", 0)
        yield ""
        yield "from __future__ import annotations"
        yield ""
        head = list(self._source_lines())
        yield from self._spelling.imports()
        yield ""
        yield from head
        for block in blocks:
            yield ""
            yield ""
            yield from block
        yield ""
        yield ""
        kept = (f"{name}={self._spelling.class_of(kind.name)}" for name, kind in self._roots if roots[name])
        yield from lines(call("graph = Graph", *kept))
        if self._left:
            yield ""
            yield "# What the document has and this file does not:"
            for left in dict.fromkeys(self._left):
                yield from _comment(left)

    def _source_lines(self) -> Iterator[str]:
        auth = authentication(self._source, self._spelling, self._left)
        options: list[Part] = [literal(self._source.name), literal(self._source.url)]
        if auth is not None:
            options.append(Group(f"auth={auth.before}", auth.items, auth.after))
        if self._spelling.naming != "same":
            options.append(f'naming="{self._spelling.naming}"')
        if self._source.ttl:
            options.append(f"ttl={self._source.ttl:g}")
        yield from lines(call(f"{self._variable} = Rest", *options))

    # -- which types are written ----------------------------------------------------------------------------------

    def _note_unwritten(self, kind: graphql.GraphQLNamedType) -> None:
        why = None
        if isinstance(kind, graphql.GraphQLUnionType):
            found = kind.extensions.get(MARK)
            if not isinstance(found, Discriminator) or not isinstance(found.by, str) or found.by.startswith("@"):
                why = "its members are told apart by what they hold: discriminator(...) takes a function for that"
        elif isinstance(kind, graphql.GraphQLInputObjectType):
            if kind.is_one_of:
                why = "a backend gets what stands in the one field that is given"
            else:
                lost = [name for name, field in kind.fields.items() if self._input_attribute(field) is None]
                if any(graphql.is_required_input_field(kind.fields[name]) for name in lost):
                    why = f"no attribute is spelled like its properties {', '.join(lost)}"
        if why is not None:
            self._spelling.unwritten[kind.name] = why
            self._left.append(f"{kind.name} is JSON: {why}")

    # -- types ----------------------------------------------------------------------------------------------------

    def _class(self, kind: Any, decorator: str, options: Iterable[Part] = (), base: str = "") -> Iterator[str]:
        """Give the lines above a class's body."""
        name = self._spelling.class_of(kind.name)
        given = list(options)
        if name != kind.name or "_" in name or not self._spelling.says(name, kind.name):  # Strawberry takes a _ out
            given.append(f"name={literal(kind.name)}")
        if kind.description:
            given.append(Text(kind.description, "description="))
        yield from lines(call(f"@{decorator}", *given)) if given else [f"@{decorator}"]
        yield f"class {name}{base}:"

    def _enum(self, kind: graphql.GraphQLEnumType) -> Iterator[str]:
        self._spelling.name("Enum")
        yield from self._class(kind, "strawberry.enum", base="(Enum)")
        for name, value in kind.values.items():
            held = literal(value.value) if isinstance(value.value, str) else repr(value.value)
            options: list[Part] = []
            if keyword.iskeyword(name) or name == "mro":
                options.append(f"name={literal(name)}")
                name += "_"
            if value.deprecation_reason:
                options.append(Text(value.deprecation_reason, "deprecation_reason="))
            if value.description:
                options.append(Text(value.description, "description="))
            made: Part = call("strawberry.enum_value", held, *options) if options else held
            yield from lines(made, 1, before=f"{name} = ")

    def _object(self, kind: graphql.GraphQLObjectType) -> Iterator[str]:
        yield from self._class(kind, "strawberry.type")
        taken: set[str] = set()
        is_empty = True
        stubs: list[list[str]] = []
        for name, field in kind.fields.items():
            mark = mark_on(field)
            if isinstance(mark, Call):
                made = self._stubs.of(kind.name, name, field, taken)
                stubs += [made] if made else []
            elif not is_property(field) or any("." in part or not part for part in property_path(field)):
                self._left.append(f"{kind.name}.{name}: its property has no path that can be written")
            else:
                is_empty = False
                yield from self._property(name, field, taken)
        if is_empty and not stubs:
            yield f"    typename: str = {flat(call(self._spelling.name('field'), literal('__typename')))}"
        for number, stub in enumerate(stubs):
            if number or not is_empty:
                yield ""
            yield from stub

    def _property(self, name: str, field: graphql.GraphQLField, taken: set[str]) -> Iterator[str]:
        path = property_path(field)
        spelling = self._spelling
        wanted = path[0] if len(path) == 1 and spelling.says(path[0], name) else None
        attribute = spelling.attribute(name, taken, wanted)
        taken.add(attribute)
        mark: Any = mark_of(field)
        options: list[Part] = []
        if (spelling.wire(attribute),) != path:
            options.append(literal(".".join(path) or "."))
        if getattr(mark, "entries", False):
            options.append("entries=True")
        if mark.timestamps is not None:
            options.append(f"timestamps={literal(mark.timestamps)}")
        if not spelling.says(attribute, name):
            options.append(f"name={literal(name)}")
        if field.deprecation_reason:
            options.append(Text(field.deprecation_reason, "deprecation_reason="))
        if field.description:
            options.append(Text(field.description, "description="))
        annotated = f"{attribute}: {spelling.annotation(field.type)}"
        if not options:
            yield f"    {annotated}"
        else:
            yield from lines(call(spelling.name("field"), *options), 1, before=f"{annotated} = ")

    def _union(self, kind: graphql.GraphQLUnionType) -> Iterator[str]:
        found: Discriminator = kind.extensions[MARK]
        spelling = self._spelling
        options: list[Part] = [literal(kind.name)]
        if kind.description:
            options.append(Text(kind.description, "description="))
        items = tuple(f"{literal(str(key))}: {literal(str(value))}" for key, value in (found.values or {}).items())
        told: list[Part] = [literal(str(found.by)), *([Group("{", items, "}")] if items else [])]
        told += [f"otherwise={literal(str(found.otherwise))}"] if found.otherwise else []
        members = " | ".join(spelling.class_of(member.name) for member in kind.types)
        parts = (members, call("strawberry.union", *options), call(spelling.name("discriminator"), *told))
        yield from lines(
            Group(f"{spelling.name('Annotated')}[", parts, "]"), before=f"{spelling.class_of(kind.name)} = "
        )

    def _input_attribute(self, field: graphql.GraphQLInputField) -> str | None:
        """Give the attribute for a property that a backend is sent; None where none is spelled like it."""
        [wire] = property_path(field) or ("",)
        for wanted in (None, wire):
            attribute = self._spelling.attribute(wire, wanted=wanted, in_input=True)
            if attribute.isidentifier() and self._spelling.wire(attribute) == wire:
                return attribute
        return None

    def _input(self, kind: graphql.GraphQLInputObjectType) -> Iterator[str]:
        yield from self._class(kind, "strawberry.input")
        written = 0
        for name, field in kind.fields.items():
            attribute = self._input_attribute(field)
            if attribute is None:
                self._left.append(f"{kind.name}.{name}: no attribute is spelled like its property")
                continue
            written += 1
            yield from self._input_field(name, field, attribute)
        if not written:
            yield "    nothing: str | None = None"

    def _input_field(self, name: str, field: graphql.GraphQLInputField, attribute: str) -> Iterator[str]:
        options: list[Part] = []
        default = self._stubs.default(field)
        if isinstance(default, list):
            options.append(Group("default_factory=lambda: [", tuple(default), "]"))
        elif default is not None:
            options.append(f"default={default}")
        if not self._spelling.says(attribute, name):
            options.append(f"name={literal(name)}")
        if field.deprecation_reason:
            options.append(Text(field.deprecation_reason, "deprecation_reason="))
        if field.description:
            options.append(Text(field.description, "description="))
        kind: Any = field.type
        if default is None and field.default_value is not graphql.Undefined and graphql.is_non_null_type(kind):
            kind = kind.of_type
        annotated = f"{attribute}: {self._spelling.annotation(kind)}"
        if default is None and not graphql.is_non_null_type(kind):
            options[:0] = ["default=None"]
        if not options:
            yield f"    {annotated}"
        elif len(options) == 1 and isinstance(options[0], str) and options[0].startswith("default="):
            yield from lines(options[0].removeprefix("default="), 1, before=f"{annotated} = ")
        else:
            yield from lines(call("strawberry.field", *options), 1, before=f"{annotated} = ")

    def _root(self, kind: graphql.GraphQLObjectType) -> Iterator[str]:
        taken: set[str] = set()
        stubs = (self._stubs.of(kind.name, name, field, taken) for name, field in kind.fields.items())
        written = [stub for stub in stubs if stub]
        if not written and kind is not self._schema.query_type:
            return
        yield "@strawberry.type"
        yield f"class {self._spelling.class_of(kind.name)}:"
        for number, stub in enumerate(written):
            if number:
                yield ""
            yield from stub
        if not written:
            yield "    @strawberry.field"
            yield "    def nothing(self) -> str | None:"
            yield "        return None"


def _comment(text: str) -> Iterator[str]:
    plain = visible(" ".join(text.split()))
    yield f"# - {plain}" if len(plain) < 114 else f"# - {plain[:110]}..."
