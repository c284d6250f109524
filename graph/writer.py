"""A graph of one document written as a file in Python, for somebody who goes on from there: `weft init`.

Theory of operation. The graph is built first, so that the file has exactly its names and types. Each type of the schema
becomes a class, each operation a stub that names it. The file says what is in the graph; the document, which it names,
says how the backend is asked: places of parameters, bodies, credentials, how properties are spelled and the members of
unions told apart. Whatever a class or stub cannot say is left out and listed at the end of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import graphql

from graph.graph import Graph
from graph.layout import Either, Group, Part, Text, annotated, call, docstring, flat, lines, literal
from graph.spelling import Spelling, member_name, variable_of
from graph.stubs import Stubs
from resolvers import BATCH, MARK, NAME, OPERATION, Discriminator, LinkMark, mark_on
from resolvers.openapi import Described
from sources import Call, snake_case
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


def written(graph: Graph, source: OpenAPI, output: Path, told: Mapping[str, Any] | None = None) -> str:
    """Give the text of a file whose graph is that of a document.

    Args:
        output: where the file will be; the document is named from there.
        told: what the source was told besides: its address, its names, a prefix.
    """
    return "\n".join(_Writer(graph.schema, source).file(output, told or {})) + "\n"


class _Writer:
    def __init__(self, schema: graphql.GraphQLSchema, source: OpenAPI) -> None:
        self._schema = schema
        self._source = source
        self._variable = variable_of(source.name)
        self._spelling = Spelling(schema, self._variable)
        self._left: list[str] = []
        self._stubs = Stubs(self._spelling, source, self._variable, self._left)
        self._roots = {
            word: root
            for word in ("query", "mutation", "subscription")
            if (root := getattr(schema, f"{word}_type")) is not None
        }

    def file(self, output: Path, told: Mapping[str, Any]) -> Iterator[str]:
        kinds = [kind for name, kind in self._schema.type_map.items() if not name.startswith("__")]
        enums, objects, unions, inputs = list[list[str]](), list[list[str]](), list[list[str]](), list[list[str]]()
        for kind in kinds:
            if kind in self._roots.values():
                continue
            if isinstance(kind, graphql.GraphQLEnumType):
                enums.append(list(self._enum(kind)))
            elif isinstance(kind, graphql.GraphQLObjectType):
                objects.append(list(self._object(kind)))
            elif isinstance(kind, graphql.GraphQLUnionType):
                unions.append(list(self._union(kind)))
            elif isinstance(kind, graphql.GraphQLInputObjectType):
                inputs.append(list(self._input(kind)))
        roots = {name: list(self._root(kind)) for name, kind in self._roots.items()}
        # In this order what is evaluated at once is there: the members of unions, the defaults of inputs.
        constants = [self._stubs.constants] if self._stubs.constants else []
        blocks = [*enums, *constants, *objects, *unions, *inputs, *(root for root in roots.values() if root)]
        head = list(lines(call(f"{self._variable} = OpenAPI", *self._options(output, told))))
        info = self._source.api.title if self._source.api is not None else ""
        yield from docstring(f"{' '.join(info.split()) or self._source.name} as a graph; yours to edit.", 0)
        yield ""
        yield "from __future__ import annotations"
        yield ""
        yield from self._spelling.imports()
        yield ""
        yield from head
        for block in blocks:
            yield ""
            yield ""
            yield from block
        yield ""
        yield ""
        kept = (f"{name}={self._spelling.class_of(kind.name)}" for name, kind in self._roots.items() if roots[name])
        yield from lines(call("graph = Graph", *kept))
        if self._left:
            yield ""
            yield "# What the document has and this file does not:"
            for left in dict.fromkeys(self._left):
                yield from _comment(left)

    def _options(self, output: Path, told: Mapping[str, Any]) -> Iterator[Part]:
        yield literal(self._source.name)
        location = self._source.location
        if "://" in location:
            yield Text(location)
        else:
            path = Path(os.path.relpath(location, output.parent)).as_posix()
            here = f"{self._spelling.name('Path')}(__file__)"
            is_beside = "/" not in path
            yield call(f"{here}.with_name", literal(path)) if is_beside else f"{here}.parent / {literal(path)}"
        for name, value in told.items():
            if isinstance(value, Mapping):
                items = (f"{literal(old)}: {literal(new)}" for old, new in value.items())
                yield Group(f"{name}={{", tuple(items), "}")
            else:
                yield f"{name}={value}" if isinstance(value, bool) else Text(value, f"{name}=")

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
            held: Part = Text(value.value) if isinstance(value.value, str) else repr(value.value)
            member = member_name(name)
            options: list[Part] = [] if member == name else [f"name={literal(name)}"]
            if value.deprecation_reason:
                options.append(Text(value.deprecation_reason, "deprecation_reason="))
            if value.description:
                options.append(Text(value.description, "description="))
            made: Part = call("strawberry.enum_value", held, *options) if options else held
            yield from lines(made, 1, before=f"{member} = ")

    def _object(self, kind: graphql.GraphQLObjectType) -> Iterator[str]:
        yield from self._entity(kind)
        yield from self._class(kind, "strawberry.type")
        said, taken = Described(kind), set[str]()
        attributes: dict[str, str] = {}
        links: list[tuple[str, graphql.GraphQLField, LinkMark]] = []
        calls: list[tuple[str, graphql.GraphQLField]] = []
        for name, field in kind.fields.items():
            mark = mark_on(field)
            if isinstance(mark, Call):
                calls.append((name, field))
            elif isinstance(mark, LinkMark):
                links.append((name, field, mark))
            else:
                attribute = self._spelling.attribute(name, taken, _known_as(said.name_of, name))
                taken.add(attribute)
                attributes[snake_case(name)] = attribute
                yield from self._field(name, field, attribute)
        for name, field, mark in links:
            attribute = self._spelling.attribute(name, taken)
            taken.add(attribute)
            keys = [literal(attributes.get(key, key)) for key in mark.names]
            yield from self._field(name, field, attribute, self._spelling.name("link"), keys)
        stubs = [self._stubs.of(kind.name, name, field, taken) for name, field in calls]
        for number, stub in enumerate(filter(None, stubs)):
            if number or taken:
                yield ""
            yield from stub
        if not taken:
            yield f"    typename: str = {flat(call(self._spelling.name('field'), literal('__typename')))}"

    def _entity(self, kind: graphql.GraphQLObjectType) -> Iterator[str]:
        """Give the line that says how the objects of a type are given by key."""
        entity = kind.extensions.get(MARK)
        if not isinstance(entity, Call) or OPERATION not in kind.extensions:
            return
        options: list[Part] = [self._stubs.named(kind.extensions[OPERATION]).named("get=")]
        if entity.batch is not None:
            options.append(self._stubs.named(kind.extensions[BATCH]).named("batch="))
        if entity.key != ("id",):
            options.append(f"key={literal(entity.key[0])}")
        if entity.max_batch != self._source.max_batch:
            options.append(f"max_batch={entity.max_batch}")
        yield from lines(call(f"@{self._variable}.entity", *options))

    def _field(
        self,
        name: str,
        field: graphql.GraphQLField,
        attribute: str,
        function: str = "field",
        options: Sequence[Part] = (),
    ) -> Iterator[str]:
        given = [*options, *self._told(name, field, attribute)]
        value = call(self._spelling.name(function), *given) if given else None
        yield from annotated(attribute, self._spelling.annotation(field.type), value, 1)

    def _told(self, name: str, field: graphql.GraphQLField | graphql.GraphQLInputField, attribute: str) -> list[Part]:
        """Give what a declaration says of an attribute besides its type."""
        told: list[Part] = [] if self._spelling.says(attribute, name) else [f"name={literal(name)}"]
        if field.deprecation_reason:
            told.append(Text(field.deprecation_reason, "deprecation_reason="))
        if field.description:
            told.append(Text(field.description, "description="))
        return told

    def _union(self, kind: graphql.GraphQLUnionType) -> Iterator[str]:
        spelling, found = self._spelling, kind.extensions.get(MARK)
        options: list[Part] = [literal(kind.name)]
        if kind.description:
            options.append(Text(kind.description, "description="))
        members = Either(tuple(spelling.class_of(member.name) for member in kind.types))
        parts: list[Part] = [members, call("strawberry.union", *options)]
        # Any other way to tell members apart is the document's, of which the union learns.
        if isinstance(found, Discriminator) and isinstance(found.by, str) and not found.by.startswith("@"):
            items = tuple(f"{literal(str(key))}: {literal(str(value))}" for key, value in (found.values or {}).items())
            told: list[Part] = [literal(found.by), *([Group("{", items, "}")] if items else [])]
            told += [f"otherwise={literal(str(found.otherwise))}"] if found.otherwise else []
            parts.append(call(spelling.name("discriminator"), *told))
        members_of = Group(f"{spelling.name('Annotated')}[", tuple(parts), "]")
        yield from lines(members_of, before=f"{spelling.class_of(kind.name)} = ")

    def _input(self, kind: graphql.GraphQLInputObjectType) -> Iterator[str]:
        yield from self._class(kind, "strawberry.input", ["one_of=True"] if kind.is_one_of else ())
        wires = {str(field.extensions.get(NAME, name)): name for name, field in kind.fields.items()}
        taken: set[str] = set()
        for name, field in kind.fields.items():
            attribute = self._spelling.attribute(name, taken, _known_as(wires.get, name))
            taken.add(attribute)
            yield from self._input_field(kind, name, field, attribute)

    def _input_field(
        self, owner: graphql.GraphQLInputObjectType, name: str, field: graphql.GraphQLInputField, attribute: str
    ) -> Iterator[str]:
        options = self._told(name, field, attribute)
        default = self._stubs.default(field, f"{owner.name}.{name}")
        kind: Any = field.type
        if default is None and field.default_value is not graphql.Undefined and graphql.is_non_null_type(kind):
            kind = kind.of_type
        if isinstance(default, list):
            made: Part = Group("default_factory=lambda: [", tuple(default), "]") if default else "default_factory=list"
            options[:0] = [made]
        elif default is not None or not graphql.is_non_null_type(kind):
            nothing = "strawberry.UNSET" if owner.is_one_of else "None"
            options[:0] = [f"default={nothing if default is None else default}"]
        value: Part | None = call("strawberry.field", *options) if options else None
        if len(options) == 1 and isinstance(options[0], str) and options[0].startswith("default="):
            value = options[0].removeprefix("default=")
        yield from annotated(attribute, self._spelling.annotation(kind), value, 1)

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


def _known_as(name_of: Callable[[str], str | None], name: str) -> Callable[[str], bool]:
    """Give the test whether a document takes an attribute for what it is to be, or leaves that to its name."""
    return lambda attribute: name_of(attribute) in (name, None)


def _comment(text: str) -> Iterator[str]:
    plain = visible(" ".join(text.split()))
    yield f"# - {plain}" if len(plain) < 114 else f"# - {plain[:110]}..."
