"""Draw what the backends of a model hold: good rows, then a few spoiled places and a few faulty endpoints."""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Iterator
from typing import Any

from tests.graph.oracle.choices import Choices
from tests.graph.oracle.model import (
    LACKING,
    SECRET,
    Discriminator,
    Endpoint,
    Enum,
    Json,
    Kind,
    Model,
    Property,
    Push,
    Source,
    Type,
)
from tests.graph.oracle.rules import at
from tests.graph.oracle.world import HUGE, Fault, World

GOOD: dict[str, list[Json]] = {
    "Int": [1, 2, 3, 0, 2**31 - 1, -(2**31)],
    "Float": [1.5, 2, 0.1, -2.5e-7, 1e300],
    "String": ["1", "2", "x", '\u00e9\U0001f600\n"', "3"],
    "Boolean": [True, False],
    "ID": [1, "2", "1", 2, 3],
}
KEYS: list[Json] = [1, 2, "1", "2", 3, 4]
BAD_SCALARS: list[Json] = [None, LACKING, SECRET, 7, "", "7", 2**31, 2**70, -1, 1.5, 4.0, True, False, HUGE, "a/b"]
BAD_OTHERS: list[Json] = [[], {}, [None], [[SECRET]], [1, None, "1", True], [[], None], {"box": 1}, [{}]]
BAD_VALUES = [*BAD_SCALARS, *BAD_OTHERS]
FAULTS = [
    Fault(500),
    Fault(404),
    Fault(401, b""),
    Fault(302, b""),
    Fault(204, b""),
    Fault(201),
    Fault(200, b""),
    Fault(200, b"<html>"),
    Fault(200, b"null"),
    Fault(200, b"[]"),
    Fault(200, b"{}"),
    Fault(200, b"7"),
    Fault(200, b'"s3cret"'),
    Fault(200, b"[null]"),
    Fault(200, b"[{}]"),
    Fault(200, b"[[]]"),
    Fault(200, b"[] []"),
    Fault(200, b'["\xff"]'),
    Fault(200, b"NaN"),
    Fault(200, b'{"data": null}'),
    Fault(200, b'{"data": {"rows": [{}, null]}}'),
    Fault(200, b'{"data": "s3cret"}'),
    Fault(200, cut=1),
    Fault(200, cut=7),
    Fault(200, cut=40),
]


class Filler:
    """Makes good data; a seed of 0 makes the simplest."""

    def __init__(self, model: Model, seed: int) -> None:
        self.model = model
        self.rnd = random.Random(seed) if seed else None

    def below(self, count: int) -> int:
        return self.rnd.randrange(count) if self.rnd is not None else 0

    def pick(self, choices: list[Any]) -> Any:
        return choices[self.below(len(choices))]

    def table(self, endpoint: Endpoint, kind: Kind) -> list[Json]:
        """Give the versions of an endpoint's table."""
        versions = 1 + self.below(3)
        if not endpoint.match:
            return [self.value(kind, endpoint.source, 0) for _ in range(versions)]
        return [self.rows(endpoint, kind.name) for _ in range(versions)]

    def rows(self, endpoint: Endpoint, name: str) -> list[Json]:
        found = []
        for number in range(1, 2 + self.below(4)):
            type_name, row = self.object(name, endpoint.source, 0)
            kind = self.model.by_name[type_name]
            for path in endpoint.match:
                key = self.pick([1, 2, 3]) if endpoint.many else number
                parts = tuple(path.split("."))
                put(row, parts, self.key(kind, parts, endpoint.source, key))
            found.append(row)
        return found

    def events(self, push: Push) -> list[Json]:
        """Give what a source sends, one after the other: whole objects, parts of them, or their keys."""
        made = [self.value(push.kind, push.source, 0) for _ in range(1 + self.below(5))]
        return [self.partial(push.kind, value, push.source) for value in made]

    def partial(self, kind: Kind, value: Json, source: Source) -> Json:
        """Leave out of an entity's object what its source can give, and let it be one that is there."""
        if isinstance(value, list) and kind.item is not None:
            return [self.partial(kind.item, item, source) for item in value]
        named = self.model.by_name.get(kind.name)
        endpoint = named.entity if isinstance(named, Type) else None
        if named is None or endpoint is None or endpoint.source != source or not isinstance(value, dict):
            return value
        number = self.pick([1, 2, 3, 4])
        paths = [tuple(path.split(".")) for path in endpoint.match]
        for path in paths:
            put(value, path, self.key(named, path, source, number))
        if len(paths) == 1 and self.below(4) == 1:
            return at(value, *paths[0])
        for _ in range(self.pick([0, 1, 3, 9])):
            removable = [
                (container, name)
                for container, name in places(value)
                if isinstance(container, dict) and name not in {step for path in paths for step in path}
            ]
            if removable:
                container, name = self.pick(removable)
                del container[name]
        return value

    def key(self, kind: Type, path: tuple[str, ...], source: Source, number: int) -> Json:
        """Spell a key as the property that holds it is declared."""
        for element in kind.every_field:
            if isinstance(element, Property) and element.where(source) == path:
                return {"Int": number, "String": str(number)}.get(element.kind.name, self.pick([number, str(number)]))
        return self.pick([number, str(number)])

    def value(self, kind: Kind, source: Source, depth: int) -> Json:
        if kind.nullable and (self.below(4) == 1 or depth > 3):
            return None
        if kind.item is not None and kind.entries:
            names = [] if depth > 3 else ["2", "x", "1", "\u00e9 key"][: self.pick([1, 2, 0, 4])]
            return {name: self.object(kind.name, source, depth + 1)[1].get("value") for name in names}
        if kind.item is not None:
            count = 0 if depth > 3 else self.pick([1, 2, 0, 3])
            return [self.value(kind.item, source, depth + 1) for _ in range(count)]
        named = self.model.by_name.get(kind.name)
        if named is None:
            return self.pick(GOOD[kind.name])
        if isinstance(named, Enum):
            return self.pick([wire for _, wire in named.members])
        return self.object(kind.name, source, depth + 1)[1]

    def object(self, name: str, source: Source, depth: int) -> tuple[str, Json]:
        """Give an object of a named type, or what stands for one, and the name of its object type."""
        possible = self.model.possible(name)
        chosen = self.pick(list(possible))
        held = next((found for found in self.model.by_name[chosen].fields if isinstance(found, Property)), None)
        if held is not None and self.model.by_name[chosen].box:
            return chosen, self.value(dataclasses.replace(held.kind, nullable=False), source, depth + 1)
        row = self.row(self.model.by_name[chosen], source, depth)
        if possible != (name,):
            self.tell(row, self.model.by_name[name].discriminator, chosen, source)
        return chosen, row

    def tell(self, row: dict[str, Json], found: Discriminator | None, name: str, source: Source) -> None:
        """Let a row say its object type."""
        if found is None or not found.values:
            path = ("__typename",) if found is None else found.where(source)
            put(row, path, self.pick([name, name.lower(), f"{name[0]}-{name[1:]}"]))
            return
        values = [value for value, known in found.values if known == name]
        if values:
            put(row, found.where(source), self.pick(values))

    def row(self, kind: Type, source: Source, depth: int) -> dict[str, Json]:
        row: dict[str, Json] = {}
        for element in kind.every_field:
            if not isinstance(element, Property):
                continue
            path = element.where(source)
            if path:
                put(row, path, self.value(element.kind, source, depth + 1))
            else:  # the object itself, shown as another
                merge(row, self.row(self.model.by_name[element.kind.name], source, depth))
        for column in kind.every_column:
            many = column.endswith("_ids")
            keys = [self.pick(KEYS) for _ in range(1 + self.below(3))]
            put(row, kind.where(column, source), keys if many else self.pick([*KEYS, None]))
        return row


def put(row: dict[str, Json], path: tuple[str, ...], value: Json) -> None:
    for name in path[:-1]:
        row = row.setdefault(name, {})
    row[path[-1]] = value


def merge(row: dict[str, Json], other: dict[str, Json]) -> None:
    for name, value in other.items():
        if isinstance(value, dict) and isinstance(row.get(name), dict):
            merge(row[name], value)
        else:
            row[name] = value


def places(value: Json) -> Iterator[tuple[Json, Any]]:
    """Give every place inside a JSON value, as container and index or name."""
    for name in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, name
        yield from places(value[name])


def spoil(choices: Choices, tables: dict[str, list[Json]]) -> None:
    """Put a bad value in one place, leave it out, or have an item twice."""
    container, name = choices.pick(list(places(tables[choices.pick(list(tables))])))
    value = choices.pick(BAD_VALUES)
    if value is not LACKING:
        container[name] = copy.deepcopy(value)
    elif isinstance(container, dict):
        del container[name]
    else:
        container.insert(name, copy.deepcopy(container[name]))


def world(choices: Choices, model: Model, *, reacts: bool) -> tuple[World, bool]:
    """Make what the backends hold; tell whether all of it is as the model promises."""
    filler = Filler(model, choices.below(2**16))
    endpoints = model.endpoints()
    tables = {name: filler.table(endpoint, kind) for name, (endpoint, kind) in endpoints.items()}
    tables.update((push.name, filler.events(push)) for push in model.subscription)
    spoiled = choices.several(lambda: spoil(choices, tables), 4) if tables and not choices.rarely(3) else []
    faults = {}
    if tables and choices.rarely(3):
        faults[choices.pick(list(endpoints) or list(tables))] = choices.pick(FAULTS)
    return World(tables, faults, reacts), not spoiled and not faults
