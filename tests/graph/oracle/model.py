"""A graph as plain data: sources, types, fields, endpoints. It knows neither Weft nor graphql-core."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = Any
LACKING: Any = type("Lacking", (), {"__repr__": lambda self: "LACKING"})()
SECRET = "s3cret"
PYTHON = {"Int": "int", "Float": "float", "String": "str", "Boolean": "bool", "ID": "strawberry.ID"}


@dataclass(frozen=True)
class Kind:
    """The type of a field or argument: a named type, or a list of another kind; and whether null may stand for it.

    Args:
        entries: whether the list is a map in JSON, and its items the entries of that.
        spelling: how Python writes the named type, where it is not its name.
    """

    name: str
    nullable: bool = False
    item: Kind | None = None
    entries: bool = False
    spelling: str = ""

    def __str__(self) -> str:
        return self.sdl()

    def sdl(self, *, tolerant: bool = False) -> str:
        """Spell it as SDL; where nothing may be non-null, without exclamation marks."""
        inner = self.name if self.item is None else f"[{self.item.sdl(tolerant=tolerant)}]"
        return inner if self.nullable or tolerant else f"{inner}!"

    def python(self) -> str:
        named = self.spelling or PYTHON.get(self.name, self.name)
        inner = named if self.item is None else f"list[{self.item.python()}]"
        return f"{inner} | None" if self.nullable else inner


def map_of(value: Kind, *, nullable: bool = False) -> Kind:
    """Give the kind of a map with such values, which Python writes as a list of ``Entry``."""
    item = Kind(f"{_generic_name(value)}Entry", spelling=f"Entry[{value.python()}]")
    return Kind(item.name, nullable, item, entries=True)


def _generic_name(kind: Kind) -> str:
    """Name a kind as Strawberry does in the names of generic types."""
    named = {"String": "Str", "Boolean": "Bool"}.get(kind.name, kind.name)
    inner = named if kind.item is None else f"{_generic_name(kind.item)}List"
    return f"{inner}Optional" if kind.nullable else inner


def list_of(item: Kind, *, nullable: bool = False) -> Kind:
    return Kind(item.name, nullable, item)


@dataclass(frozen=True)
class Source:
    name: str
    naming: str = "same"
    ttl: int = 0

    def spelled(self, name: str) -> str:
        """Spell a name in snake_case as this source does."""
        first, *rest = name.split("_")
        match self.naming:
            case "camel":
                return first + "".join(word[:1].upper() + word[1:] for word in rest)
            case "pascal":
                return "".join(word[:1].upper() + word[1:] for word in (first, *rest))
            case "kebab":
                return name.replace("_", "-")
        return name


@dataclass(frozen=True)
class Enum:
    """Names of the members with their values on the wire."""

    name: str
    members: tuple[tuple[str, Json], ...]


@dataclass(frozen=True)
class Argument:
    """An argument, or a field of an input type; without a default it is required, or None where null may stand."""

    name: str
    kind: Kind
    default: Json = LACKING


@dataclass(frozen=True)
class Input:
    name: str
    fields: tuple[Argument, ...]


@dataclass(frozen=True)
class Endpoint:
    """One resource of a backend, below a path of its own.

    Args:
        variables: of its template, which take the parts of a key; none where it has no key.
        body: whether arguments are sent as a JSON body, not in the query.
        batch: how many keys are asked for: "" for not at all, "query" or "body".
        batch_order: the order in which the batch's template lists the parts of the key.
        match: the property of an item that holds each part of its key, as dotted names on the wire; without it, each
            key (and each question) is answered with any value.
        many: whether a key has many items.
    """

    name: str
    source: Source
    method: str = "GET"
    variables: tuple[str, ...] = ()
    arguments: tuple[Argument, ...] = ()
    body: bool = False
    items: str = ""
    single: bool = True
    batch: str = ""
    batch_items: str = ""
    batch_order: tuple[int, ...] = ()
    match: tuple[str, ...] = ()
    many: bool = False
    max_batch: int = 100

    @property
    def verb(self) -> str:
        """The method of a call that is no batch."""
        return "POST" if self.method == "GET" and self.body else self.method


@dataclass(frozen=True)
class Property:
    """A property of the backend's object; the path is dotted names on the wire, "." the object itself."""

    name: str
    kind: Kind
    path: str = ""

    def where(self, source: Source) -> tuple[str, ...]:
        if self.path == ".":
            return ()
        return tuple(self.path.split(".")) if self.path else (source.spelled(self.name),)


@dataclass(frozen=True)
class Link:
    """A key to an entity, or a list of keys."""

    name: str
    kind: Kind
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Stub:
    """A call of a backend.

    Args:
        keys: what supplies each variable of the endpoint: an attribute of the parent, or a root field's argument.
        key_names: how the declaration names the properties that match a batch's items to keys.
        cut: default of the argument `first`, which no endpoint takes; LACKING where there is none.
    """

    name: str
    kind: Kind
    endpoint: Endpoint
    keys: tuple[str, ...] = ()
    key_names: tuple[str, ...] = ()
    key_arguments: tuple[Argument, ...] = ()
    cut: Argument | None = None

    @property
    def arguments(self) -> tuple[Argument, ...]:
        cut = () if self.cut is None else (self.cut,)
        return (*self.key_arguments, *self.endpoint.arguments, *cut)


@dataclass(frozen=True)
class Resolver:
    """A resolver in Python that gives a constant, or raises where it is LACKING."""

    name: str
    kind: Kind
    value: Json
    is_async: bool = False


@dataclass(frozen=True)
class Push:
    """A field of the subscription, whose events a source sends: each is a value of the kind, inside an envelope."""

    name: str
    kind: Kind
    source: Source
    items: str = ""


Field = Property | Link | Stub | Resolver | Push


@dataclass(frozen=True)
class Discriminator:
    """How objects of an interface or union are told apart.

    Args:
        by: the property that tells, as its source spells it, or dotted names on the wire.
        values: what it holds for each object type; empty for the types' names in any usual spelling.
        otherwise: the type of an object that is not known.
        judged: whether a function of the whole object decides; it looks at that property.
        boxes: for what is no object, the type in Python of the value with the object type that holds it.
    """

    by: str
    values: tuple[tuple[Json, str], ...] = ()
    otherwise: str | None = None
    judged: bool = False
    boxes: tuple[tuple[str, str], ...] = ()

    def where(self, source: Source) -> tuple[str, ...]:
        if "." in self.by or self.judged:
            return tuple(self.by.split("."))
        return (source.spelled(self.by),)


@dataclass(frozen=True, eq=False)
class Type:
    """An object type, or an interface.

    Args:
        columns: properties that hold keys and that no field declares.
        entity: the endpoint that gives its objects by key; `key` names the attributes that make up the key.
        entry: for the items of maps: "generic" where it is Python's `Entry`, "own" for a class of the author's.
        box: the type in Python of the JSON value, where that is no object.
    """

    name: str
    fields: tuple[Field, ...]
    columns: tuple[str, ...] = ()
    interface: Type | None = None
    entity: Endpoint | None = None
    key: tuple[str, ...] = ()
    discriminator: Discriminator | None = None
    entry: str = ""
    box: str = ""

    @property
    def every_field(self) -> tuple[Field, ...]:
        own = {found.name: found for found in self.fields}
        inherited = self.interface.fields if self.interface is not None else ()
        return (*(own.pop(found.name, found) for found in inherited), *own.values())

    @property
    def every_column(self) -> tuple[str, ...]:
        return (*(self.interface.columns if self.interface is not None else ()), *self.columns)

    def where(self, attribute: str, source: Source) -> tuple[str, ...]:
        """Give where an attribute is in the object that a source gave; a name that no field declares as well."""
        for found in self.every_field:
            if isinstance(found, Property) and found.name == attribute:
                return found.where(source)
        return tuple(attribute.split(".")) if "." in attribute else (source.spelled(attribute),)


@dataclass(frozen=True)
class Union:
    name: str
    members: tuple[str, ...]
    discriminator: Discriminator | None = None


@dataclass(frozen=True)
class Model:
    sources: tuple[Source, ...]
    types: tuple[Type, ...]
    query: tuple[Field, ...]
    mutation: tuple[Stub, ...] = ()
    subscription: tuple[Push, ...] = ()
    interfaces: tuple[Type, ...] = ()
    unions: tuple[Union, ...] = ()
    enums: tuple[Enum, ...] = ()
    inputs: tuple[Input, ...] = ()
    by_name: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        named: tuple[Type | Union | Enum | Input, ...] = (*self.types, *self.interfaces, *self.unions)
        for found in (*named, *self.enums, *self.inputs):
            self.by_name[found.name] = found

    @property
    def size(self) -> int:
        """How much there is to read."""
        kinds = (*self.objects.values(), *self.interfaces)
        elements = [element for kind in kinds for element in kind.fields]
        arguments = sum(len(element.arguments) for element in elements if isinstance(element, Stub))
        return len(kinds) + len(elements) + arguments + len(self.unions)

    @property
    def objects(self) -> dict[str, Type]:
        """The object types by name, with the roots."""
        roots = [Type("Query", self.query), Type("Mutation", self.mutation), Type("Subscription", self.subscription)]
        return {found.name: found for found in (*self.types, *(root for root in roots if root.fields))}

    def possible(self, name: str) -> tuple[str, ...]:
        """Give the names of the object types that a named type may turn out to be."""
        found = self.by_name[name]
        if isinstance(found, Union):
            return found.members
        if found in self.interfaces:
            return tuple(kind.name for kind in self.types if kind.interface == found)
        return (name,)

    def may_be_value(self, name: str) -> bool:
        """Tell whether a named type may stand for what is no object in JSON."""
        return any(self.by_name[found].box for found in self.possible(name))

    def composites(self) -> list[str]:
        """Give the names of the types that fragments may be on."""
        used = self.used()
        unions = [found.name for found in self.unions if found.name in used]
        return [*unions, *(found.name for found in (*self.interfaces, *self.types))]

    def endpoints(self) -> dict[str, tuple[Endpoint, Kind]]:
        """Give every endpoint with the kind of what it answers to one question, by name."""
        found: dict[str, tuple[Endpoint, Kind]] = {}
        for kind in self.types:
            if kind.entity is not None:
                found[kind.entity.name] = kind.entity, Kind(kind.name)
        for kind in self.objects.values():
            for element in kind.fields:
                if isinstance(element, Stub):
                    found.setdefault(element.endpoint.name, (element.endpoint, element.kind))
        return found

    def used(self) -> set[str]:
        """Give the names of the types that a schema of this model has besides its object types and interfaces."""
        names = {element.kind.name for kind in (*self.objects.values(), *self.interfaces) for element in kind.fields}
        waiting = [
            argument
            for kind in self.objects.values()
            for element in kind.fields
            if isinstance(element, Stub)
            for argument in element.arguments
        ]
        while waiting:
            argument = waiting.pop()
            names.add(argument.kind.name)
            below = self.by_name.get(argument.kind.name)
            waiting.extend(below.fields if isinstance(below, Input) else ())
        return names


def graphql_name(name: str) -> str:
    """Spell a name in snake_case as GraphQL's clients see it."""
    return re.sub(r"_(.)", lambda found: found[1].upper(), name)


def sdl(model: Model, *, tolerant: bool = False) -> str:
    """Spell the model as SDL; a tolerant one has no non-null fields."""
    return "\n".join(_definitions(model, tolerant))


def _definitions(model: Model, tolerant: bool) -> Iterator[str]:
    used = model.used()
    for kind in (*model.interfaces, *model.objects.values()):
        implements = f" implements {kind.interface.name}" if kind.interface is not None else ""
        word = "interface" if kind in model.interfaces else "type"
        yield f"{word} {kind.name}{implements} {{"
        for element in kind.every_field:
            arguments = ", ".join(_argument(model, found) for found in _arguments(element))
            listed = f"({arguments})" if arguments else ""
            yield f"  {graphql_name(element.name)}{listed}: {element.kind.sdl(tolerant=tolerant)}"
        yield "}"
    for union in model.unions:
        if union.name in used:
            yield f"union {union.name} = {' | '.join(union.members)}"
    for found in model.enums:
        if found.name in used:
            yield f"enum {found.name} {{ {' '.join(name for name, _ in found.members)} }}"
    for taken in model.inputs:
        if taken.name in used:
            yield f"input {taken.name} {{ {' '.join(_argument(model, found) for found in taken.fields)} }}"


def _arguments(element: Field) -> tuple[Argument, ...]:
    return element.arguments if isinstance(element, Stub) else ()


def _argument(model: Model, found: Argument) -> str:
    default = "" if found.default is LACKING else f" = {literal(model, found.kind, found.default)}"
    return f"{graphql_name(found.name)}: {found.kind}{default}"


def literal(model: Model, kind: Kind, value: Json) -> str:
    """Write a JSON value as a literal of GraphQL."""
    if value is None:
        return "null"
    if kind.item is not None:
        return f"[{', '.join(literal(model, kind.item, item) for item in value)}]"
    named = model.by_name.get(kind.name)
    if isinstance(named, Enum):
        return str(value)
    if isinstance(named, Input):
        kinds = {graphql_name(found.name): found.kind for found in named.fields}
        return f"{{{', '.join(f'{name}: {literal(model, kinds[name], item)}' for name, item in value.items())}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
