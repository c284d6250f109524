"""A model as the Python source of a graph, as its author would write it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.graph.oracle.model import (
    LACKING,
    SECRET,
    Argument,
    Discriminator,
    Endpoint,
    Enum,
    Field,
    Json,
    Kind,
    Link,
    Model,
    Property,
    Push,
    Resolver,
    Stub,
    Type,
)

HEADER = """\
from __future__ import annotations

import enum
from typing import Annotated, Union

import strawberry

from graph import Graph, Limits
from resolvers import Entry, Store, discriminator, field, link
from sources import Event, FakeTransport, Get, Post, Rest
"""


def source_of(model: Model) -> str:
    """Write the graph; it expects ``answer`` (for `FakeTransport`), ``clock`` (for `Store`) and a feed ``pushed``."""
    return "\n".join(_lines(model)) + "\n"


def _lines(model: Model) -> Iterator[str]:
    used = model.used()
    yield HEADER
    yield "transport = FakeTransport(answer)"
    asked = {endpoint.source.name for endpoint, _ in model.endpoints().values()}
    asked |= {push.source.name for push in model.subscription}
    for found in model.sources:
        if found.name not in asked:
            continue
        naming = "" if found.naming == "same" else f", naming={found.naming!r}"
        ttl = f", ttl={found.ttl}" if found.ttl else ""
        yield f'{found.name} = Rest("{found.name}", "http://{found.name}.example"{naming}{ttl}, client=transport)'
    for listed in model.enums:
        if listed.name not in used:
            continue
        yield f"\n\n@strawberry.enum\nclass {listed.name}(enum.Enum):"
        yield from (f"    {name} = {value!r}" for name, value in listed.members)
    for taken in model.inputs:
        if taken.name not in used:
            continue
        yield f"\n\n@strawberry.input\nclass {taken.name}:"
        for element in sorted(taken.fields, key=_is_optional):
            yield f"    {element.name}: {element.kind.python()}{_default(model, element)}"
    declared = [kind for kind in model.types if kind.entry != "generic"]
    for kind in (*model.interfaces, *declared):
        yield from _class(model, kind, is_interface=kind in model.interfaces)
    for union in model.unions:
        if union.name in used:
            yield from _judge(union.name, union.discriminator)
            told = "" if union.discriminator is None else f", {_told(union.name, union.discriminator)}"
            members = ", ".join(union.members)
            yield f'\n\n{union.name} = Annotated[Union[{members}], strawberry.union("{union.name}"){told}]'
    for root in list(model.objects.values())[len(model.types) :]:
        yield from _class(model, root, is_interface=False)
    roots = "".join(f", {name.lower()}={name}" for name in ("Mutation", "Subscription") if name in model.objects)
    listed_types = f", types=[{', '.join(kind.name for kind in declared)}]" if declared else ""
    yield "\n\nlimits = Limits(max_cost=None, max_upstream_calls=None)"
    yield f"graph = Graph(query=Query{roots}{listed_types}, limits=limits, store=Store(clock=clock))"


def _class(model: Model, kind: Type, *, is_interface: bool) -> Iterator[str]:
    decorator = "@strawberry.interface" if is_interface else "@strawberry.type"
    if kind.entity is not None:
        decorator = f"@{kind.entity.source.name}.entity({', '.join(_entity(kind, kind.entity))})"
    if kind.discriminator is not None:
        yield from _judge(kind.name, kind.discriminator)
        decorator = f"@{_told(kind.name, kind.discriminator)}\n{decorator}"
    base = f"({kind.interface.name})" if kind.interface is not None else ""
    yield f"\n\n{decorator}\nclass {kind.name}{base}:"
    for element in kind.fields:
        yield from _field(model, element)
    if not kind.fields:
        yield "    pass"


def _judge(name: str, found: Discriminator | None) -> Iterator[str]:
    if found is not None and found.judged:
        yield f"\n\ndef judge_{name.lower()}(found):"
        if found.boxes:
            yield "    if not isinstance(found, dict):"
            yield f"        return {dict(found.boxes)!r}.get(type(found).__name__)"
        yield f"    return {dict(found.values)!r}.get(found.get({found.by!r}))"


def _told(name: str, found: Discriminator) -> str:
    otherwise = f", otherwise={found.otherwise!r}" if found.otherwise else ""
    if found.judged:
        return f"discriminator(judge_{name.lower()}{otherwise})"
    values = f", {dict(found.values)!r}" if found.values else ""
    return f"discriminator({found.by!r}{values}{otherwise})"


def _entity(kind: Type, endpoint: Endpoint) -> Iterator[str]:
    if endpoint.single:
        yield f'get="{_single(endpoint)}"'
    if endpoint.batch:
        yield f"batch={_batch(endpoint)}"
    yield f"key={_names(kind.key)}"
    yield from _options(endpoint)


def _field(model: Model, element: Field) -> Iterator[str]:
    annotation = element.kind.python()
    match element:
        case Property():
            named = model.by_name.get(element.kind.name)
            options = [f'"{element.path}"'] if element.path else []
            options += ["entries=True"] if isinstance(named, Type) and named.entry == "own" else []
            yield f"    {element.name}: {annotation}" + (f" = field({', '.join(options)})" if options else "")
        case Link():
            yield f"    {element.name}: {annotation} = link({', '.join(map(repr, element.keys))})"
        case Resolver():
            yield "\n    @strawberry.field"
            yield f"    {'async ' if element.is_async else ''}def {element.name}(self) -> {annotation}:"
            yield (
                f"        raise ValueError({SECRET!r})"
                if element.value is LACKING
                else f"        return {element.value!r}"
            )
        case Push():
            items = f', items="{element.items}"' if element.items else ""
            yield f"\n    @{element.source.name}.feed(pushed{items})"
            yield f"    def {element.name}(self) -> {annotation}: ..."
        case Stub():
            arguments = sorted(element.arguments, key=_is_optional)
            listed = "".join(f", {found.name}: {found.kind.python()}{_default(model, found)}" for found in arguments)
            yield f"\n    @{element.endpoint.source.name}.{_call(element)}"
            yield f"    def {element.name}(self{listed}) -> {annotation}: ..."


def _call(stub: Stub) -> str:
    endpoint = stub.endpoint
    single = f'"{_single(endpoint)}"'
    if endpoint.method == "GET" and endpoint.body and not endpoint.batch:
        single = f'Post("{_single(endpoint)}", body={_skeleton(endpoint)!r})'
    parts = [single]
    if endpoint.batch and not stub.key_arguments:
        parts.append(f"batch={_batch(endpoint)}")
        parts.append(f"{'group_by' if endpoint.many else 'key'}={_names(stub.key_names)}")
    parts += _options(endpoint, with_max=not stub.key_arguments)
    inputs = {variable: key for variable, key in zip(endpoint.variables, stub.keys, strict=True) if variable != key}
    if inputs:
        parts.append(f"inputs={inputs!r}")
    return f"{endpoint.method.lower()}({', '.join(parts)})"


def _options(endpoint: Endpoint, *, with_max: bool = True) -> Iterator[str]:
    if endpoint.items:
        yield f'items="{endpoint.items}"'
    if endpoint.batch and endpoint.max_batch != 100 and with_max:
        yield f"max_batch={endpoint.max_batch}"


def _single(endpoint: Endpoint) -> str:
    path = "".join(f"/{{{name}}}" for name in endpoint.variables)
    return f"/{endpoint.name}{path}{'' if endpoint.body else _query(_asked(endpoint))}"


def _batch(endpoint: Endpoint) -> str:
    own = endpoint.batch_items or "."
    items = f', items="{own}"' if endpoint.batch_items != endpoint.items else ""
    if endpoint.batch == "body":
        skeleton = {"keys": "{keys}", **_skeleton(endpoint)}
        return f'Post("/{endpoint.name}/search", body={skeleton!r}{items})'
    names = [f"{endpoint.variables[position]}*" for position in endpoint.batch_order]
    template = f'"/{endpoint.name}{_query([*names, *_asked(endpoint)])}"'
    return f"Get({template}{items})" if items else template


def _asked(endpoint: Endpoint) -> list[str]:
    return [f"{found.name}{'*' if found.kind.item else ''}" for found in endpoint.arguments]


def _skeleton(endpoint: Endpoint) -> Json:
    return {found.name: f"{{{found.name}}}" for found in endpoint.arguments}


def _query(names: list[str]) -> str:
    return f"{{?{','.join(names)}}}" if names else ""


def _names(names: tuple[str, ...]) -> str:
    return repr(names[0] if len(names) == 1 else names)


def _is_optional(argument: Argument) -> bool:
    return argument.kind.nullable or argument.default is not LACKING


def _default(model: Model, argument: Argument) -> str:
    if argument.default is LACKING:
        return " = None" if argument.kind.nullable else ""
    return f" = {_python_value(model, argument.kind, argument.default)}"


def _python_value(model: Model, kind: Kind, value: Json) -> str:
    if value is not None and isinstance(model.by_name.get(kind.name), Enum) and kind.item is None:
        return f"{kind.name}.{value}"
    return repr(value)
