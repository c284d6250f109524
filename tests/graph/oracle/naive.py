"""A model as a schema for graphql-core with naive resolvers: no plan, no batch, every key looked up by itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import graphql

from tests.graph.oracle.marks import Marks
from tests.graph.oracle.model import (
    LACKING,
    Discriminator,
    Endpoint,
    Enum,
    Field,
    Input,
    Json,
    Kind,
    Link,
    Model,
    Property,
    Push,
    Resolver,
    Source,
    Stub,
    Type,
    graphql_name,
    sdl,
)
from tests.graph.oracle.rules import Bad, Trail, at, from_batch, is_key, key_of, said
from tests.graph.oracle.world import Asked, World, question_of


class Row(NamedTuple):
    """An object as a source gave it, or a value of a type that holds what is no object."""

    raw: Json
    source: Source


class Item(dict[str, Json]):
    """An entry of a map."""

    def __init__(self, whole: Json, key: str) -> None:
        super().__init__(key=key, value=whole[key])
        self.whole = whole


@dataclass
class Run:
    """One execution: the world it asks, and what it asked."""

    world: World
    trail: Trail = field(default_factory=Trail)
    writes: list[Asked] = field(default_factory=list)
    event: Event | None = None


class Event:
    """What a source sent; `lacking` are its objects of which more is read than they hold.

    Args:
        payload: as it came.
        lacking: None until that is known; then those objects are loaded.
    """

    def __init__(self, payload: Json, lacking: set[int] | None = None) -> None:
        self.payload = payload
        self.is_known = lacking is not None
        self.lacking: set[int] = lacking or set()
        self._whole: dict[int, int] = {}
        for whole in _objects(payload):
            self._whole.update((id(part), id(whole)) for part in _parts_of(whole))

    def reads(self, raw: Json, path: tuple[str, ...]) -> None:
        """Note that a property is read."""
        whole = self._whole.get(id(raw.whole if isinstance(raw, Item) else raw))
        for name in path:
            if whole is None or not isinstance(raw, dict):
                return
            if name not in raw:
                self.lacking.add(whole)
                return
            raw = raw[name]


def _objects(payload: Json) -> list[Json]:
    if isinstance(payload, list):
        return [found for item in payload for found in _objects(item)]
    return [payload] if isinstance(payload, dict) else []


def _parts_of(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts_of(item)


class Naive:
    """The oracle of one model. A tolerant one has no non-null fields, so that no null ends it early."""

    def __init__(self, model: Model, *, tolerant: bool = False) -> None:
        self.model = model
        self.marks = Marks()
        self.schema = graphql.build_schema(sdl(model, tolerant=tolerant), assume_valid=True)
        for kind in model.objects.values():
            built: Any = self.schema.type_map[kind.name]
            for element in kind.every_field:
                resolve = functools.partial(self._allowed, kind, element, self._resolver(kind, element))
                built.fields[graphql_name(element.name)].resolve = resolve
        for kind_name in self.schema.type_map:
            abstract = self.schema.type_map[kind_name]
            if isinstance(abstract, graphql.GraphQLInterfaceType | graphql.GraphQLUnionType):
                abstract.resolve_type = functools.partial(self._allowed_type_name, kind_name)

    def execute(self, document: graphql.DocumentNode, variables: dict[str, Json], run: Run) -> graphql.ExecutionResult:
        return graphql.execute_sync(self.schema, document, variable_values=variables, context_value=run)

    def _allowed(
        self, kind: Type, element: Field, resolve: Callable[..., Json], row: Row | None, info: Any, **given: Json
    ) -> Json:
        return Bad("FORBIDDEN") if self.marks.denies(self.model, kind, element) else resolve(row, info, **given)

    def _allowed_type_name(self, abstract: str, row: Row, info: Any, kind: Any) -> str | None:
        name = self._type_name(abstract, row, info, kind)
        if name is not None and self.marks.denies_type(self.model, name):
            raise Bad("FORBIDDEN")
        return name

    def _resolver(self, kind: Type, element: Field) -> Callable[..., Json]:
        match element:
            case Property():
                return lambda row, info: self._shaped(
                    element.kind, _read(row, element.where(row.source), info), row.source
                )
            case Link():
                return lambda row, info: self._linked(kind, element, row, info)
            case Stub():
                return lambda row, info, **given: self._called(kind, element, row, info, given)
            case Push():
                return lambda root, info: self._happened(element, element.kind, info.context.event.payload, info)
            case Resolver():
                return lambda row, info: self._resolved(kind, element, row, info)

    def _shaped(self, kind: Kind, value: Json, source: Source) -> Json:
        """Give a JSON value as its type promises it, with a Bad wherever it is not so."""
        if value is None or isinstance(value, Bad):
            return value
        if kind.item is not None and kind.entries:
            value = [Item(value, key) for key in value] if isinstance(value, dict) else Bad()
        if kind.item is not None:
            return [self._shaped(kind.item, item, source) for item in value] if isinstance(value, list) else Bad()
        named = self.model.by_name.get(kind.name)
        if isinstance(named, Enum):
            return _member(named, value)
        if named is not None:
            return Row(value, source) if isinstance(value, dict) or self.model.may_be_value(kind.name) else Bad()
        return value

    def _type_name(self, abstract: str, row: Row, info: Any, kind: Any) -> str | None:
        own = self.model.by_name[abstract].discriminator
        if not isinstance(row.raw, dict):
            return next((name for wire, name in own.boxes if type(row.raw).__name__ == wire), None) or _refuse()
        path = ("__typename",) if own is None else own.where(row.source)
        value = at(row.raw, *path) if own is not None and own.judged else _read(row, path, info)
        found = own or Discriminator("__typename")
        if isinstance(value, Bad):
            value = None
        named: str | None = None
        if found.judged:
            if isinstance(value, list | dict):
                raise Bad
            named = dict(found.values).get(value)
        elif found.values:
            is_whole = isinstance(value, float) and value.is_integer()
            same = [name for known, name in found.values if known == value and (type(known) is type(value) or is_whole)]
            named = same[0] if same else None
        elif isinstance(value, str):
            possible = self.model.possible(abstract)
            alike = [name for name in possible if _plain(name) == _plain(value)]
            named = value if value in possible else alike[0] if alike else None
        return named or found.otherwise

    def _resolved(self, kind: Type, element: Resolver, row: Row | None, info: Any) -> Json:
        for found in kind.every_field:
            if row is not None and isinstance(found, Property):
                _read(row, found.where(row.source), info)
        if element.is_async:
            info.context.trail.waits(info)
        return Bad() if element.value is LACKING else element.value

    # -- events ---------------------------------------------------------------------------------------------------

    def _happened(self, push: Push, kind: Kind, value: Json, info: Any) -> Json:
        """Give what an event says, with what is loaded for it."""
        if kind.item is not None and not kind.entries and isinstance(value, list):
            return [self._happened(push, kind.item, item, info) for item in value]
        return self._shaped(kind, self._whole(push, kind, value, info), push.source)

    def _whole(self, push: Push, kind: Kind, value: Json, info: Any) -> Json:
        named, event = self.model.by_name.get(kind.name), info.context.event
        endpoint = named.entity if isinstance(named, Type) else None
        if endpoint is None or endpoint.source != push.source or not event.is_known:
            return value
        paths = [tuple(path.split(".")) for path in endpoint.match]
        if is_key(value) and len(paths) == 1:
            return self._asked(endpoint, "{}", str(value), info, {}, as_event=True)
        key = key_of(value, *paths) if id(value) in event.lacking else None
        if key is None:
            return value
        loaded = self._asked(endpoint, "{}", key, info, {}, as_event=True)
        return _overlaid(loaded, value) if isinstance(loaded, dict) else loaded

    # -- links ----------------------------------------------------------------------------------------------------

    def _linked(self, kind: Type, link: Link, row: Row, info: Any) -> Json:
        target: Type = self.model.by_name[link.kind.name]
        endpoint = target.entity
        assert endpoint is not None
        if link.kind.item is not None:
            info.context.trail.waits(info)
            keys = _read(row, kind.where(link.keys[0], row.source), info)
            if keys is None or isinstance(keys, Bad):
                return keys
            if not isinstance(keys, list) or not all(key is None or is_key(key) for key in keys):
                return Bad()
            return [None if key is None else self._by_key(endpoint, link.kind.item, str(key), info) for key in keys]
        key = _key(kind, link.keys, row, info)
        return self._by_key(endpoint, link.kind, key, info) if isinstance(key, str) else key

    def _by_key(self, endpoint: Endpoint, kind: Kind, key: str, info: Any) -> Json:
        return self._shaped(kind, self._asked(endpoint, "{}", key, info, {}), endpoint.source)

    # -- calls ----------------------------------------------------------------------------------------------------

    def _called(self, kind: Type, stub: Stub, row: Row | None, info: Any, given: Mapping[str, Json]) -> Json:
        first = given.get("first")
        if stub.cut is not None and first is not None and first < 0:
            return Bad("BAD_USER_INPUT")
        endpoint, run = stub.endpoint, info.context
        values = self._values(endpoint, given)
        question = self._question(endpoint, values)
        if endpoint.method != "GET":
            run.writes.append(Asked(endpoint.name, False, question, ()))
            value = said(run.world.reply(endpoint, question, (), batched=False), *_parts(endpoint.items), one=False)
            run.world.writes += 1
        elif stub.key_arguments:
            key = "|".join(_text(given[graphql_name(name)]) for name in stub.keys)
            value = self._asked(endpoint, question, key, info, values, batched=False)
        elif stub.keys:
            assert row is not None
            own = _key(kind, stub.keys, row, info)
            if isinstance(own, Bad):
                return own
            if own is None:
                return [] if endpoint.many else None
            value = self._asked(endpoint, question, own, info, values)
        else:
            value = self._asked(endpoint, question, None, info, values)
        if stub.cut is not None and first is not None and isinstance(value, list | dict):
            value = value[:first] if isinstance(value, list) else dict(list(value.items())[:first])
        return self._shaped(stub.kind, value, endpoint.source)

    def _asked(
        self,
        endpoint: Endpoint,
        question: str,
        key: str | None,
        info: Any,
        values: Mapping[str, Json],
        *,
        batched: bool = True,
        as_event: bool = False,
    ) -> Json:
        """Ask an endpoint one question, and give its payload."""
        run = info.context
        batched = batched and bool(endpoint.batch)
        if key is not None and not batched and not all(map(_may_stand_in_path, key.split("|"))):
            info.context.trail.waits(info)
            return Bad("BAD_USER_INPUT")
        keys: tuple[str, ...] = () if key is None else (key,)
        written = sorted(info.field_nodes[0].arguments or (), key=lambda argument: argument.name.value)
        form = "event" if as_event else ",".join(map(graphql.print_ast, written))
        written_values = question_of(values)
        run.trail.asks(info, f"{endpoint.name} {batched}", question, *keys, form=form, values=written_values)
        reply = run.world.reply(endpoint, question, keys, batched=batched)
        if not batched:
            return said(reply, *_parts(endpoint.items), one=endpoint.verb == "GET")
        answer = said(reply, *_parts(endpoint.batch_items), one=False)
        return from_batch(answer, str(key), *map(_parts, endpoint.match), many=endpoint.many)

    def _values(self, endpoint: Endpoint, given: Mapping[str, Json]) -> dict[str, Json]:
        return {
            found.name: self._wire(found.kind, given[graphql_name(found.name)], endpoint.source)
            for found in endpoint.arguments
            if graphql_name(found.name) in given
        }

    def _question(self, endpoint: Endpoint, wire: Mapping[str, Json]) -> str:
        if endpoint.method != "GET":
            return question_of({endpoint.source.spelled(name): value for name, value in wire.items()})
        if endpoint.body or endpoint.batch == "body":
            return question_of(wire)
        listed = {name: value if isinstance(value, list) else [value] for name, value in wire.items()}
        texts = {name: [_text(item) for item in value if item is not None] for name, value in listed.items()}
        return question_of({name: value for name, value in texts.items() if value})

    def _wire(self, kind: Kind, value: Json, source: Source) -> Json:
        """Spell an argument as the backend reads it."""
        if value is None:
            return None
        if kind.item is not None:
            return [self._wire(kind.item, item, source) for item in value]
        named = self.model.by_name.get(kind.name)
        if isinstance(named, Enum):
            return dict(named.members)[value]
        if isinstance(named, Input):
            return {
                source.spelled(found.name): self._wire(found.kind, value[graphql_name(found.name)], source)
                for found in named.fields
                if graphql_name(found.name) in value
            }
        return value


def _refuse() -> str:
    raise Bad


def _plain(text: str) -> str:
    return text.replace("_", "").replace("-", "").replace(" ", "").casefold()


def _member(enum: Enum, value: Json) -> Json:
    for name, wire in enum.members:
        if not isinstance(value, bool) and value == wire:
            return name
    return value if isinstance(value, str) and value in dict(enum.members) else Bad()


def _read(row: Row, path: tuple[str, ...], info: Any) -> Json:
    if info.context.event is not None:
        info.context.event.reads(row.raw, path)
    return at(row.raw, *path)


def _overlaid(loaded: Json, known: Json) -> Json:
    """Give a loaded object with what is known of it."""
    if not isinstance(loaded, dict) or not isinstance(known, dict):
        return known
    return loaded | {name: _overlaid(loaded.get(name), value) for name, value in known.items()}


def _key(kind: Type, names: tuple[str, ...], row: Row, info: Any) -> str | Bad | None:
    parts = [_read(row, kind.where(name, row.source), info) for name in names]
    for part in parts:
        if isinstance(part, Bad):
            return part
    if None in parts:
        return None
    return "|".join(map(str, parts)) if all(map(is_key, parts)) else Bad()


def _may_stand_in_path(text: str) -> bool:
    return bool(text) and text not in (".", "..") and not {"/", "\\"} & set(text) and text.isprintable()


def _text(value: Json) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()
