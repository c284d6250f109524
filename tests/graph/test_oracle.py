"""Weft answers what graphql-core answers: generated operations, over a rich graph and data that is good or broken.

The oracle is graphql-core, executing the same SDL with naive resolvers: no plan, no batch, every key looked up by
itself. What a backend says becomes a value by the rules of `tests.graph.oracle.rules`, and no others.
"""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import enum
import json
import logging
import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import graphql
import pytest
import strawberry
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from graph import Graph, Limits
from resolvers import Store, field, link
from sources import FakeTransport, Get, Post, Rest
from tests.graph.oracle.rules import Bad, Trail, at, from_batch, key_of, said

Json = Any
SECRET = "s3cret"

# -- the backends -----------------------------------------------------------------------------------------------------


class World:
    """What the backends hold, and what some of their endpoints answer instead."""

    def __init__(self, tables: dict[str, list[Json]], faults: dict[str, tuple[int, Json]]) -> None:
        self.tables = tables
        self.faults = faults
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []

    def reply(self, endpoint: str, value: Json) -> tuple[int, bytes]:
        """Give status and body of an endpoint whose good answer is the value; None is what it does not have."""
        status, answer = self.faults.get(endpoint, (404, {}) if value is None else (200, value))
        if isinstance(answer, bytes):
            return status, answer
        return status, json.dumps(answer).encode()

    def items(self, limit: str | None, size: str | None) -> Json:
        rows = [
            row for row in self.tables["items"] if size is None or (isinstance(row, dict) and row.get("size") == size)
        ]
        return {"data": {"rows": rows[: None if limit is None else int(limit)]}}

    def items_by_id(self, keys: list[str]) -> Json:
        return {"data": {"rows": self._of("items", ("id",), keys)}}

    def item(self, key: str) -> Json:
        found = self._of("items", ("id",), [key], keyless=False)
        return {"item": found[0]} if found else None

    def maker(self, key: str) -> Json:
        found = self._of("makers", ("id",), [key], keyless=False)
        return found[0] if found else None

    def reviews(self, keys: list[str], least: str | None) -> Json:
        rows = self._of("reviews", ("item_id",), keys)
        return [row for row in rows if least is None or not isinstance(row, dict) or not is_below(row, int(least))]

    def stock(self, keys: list[str]) -> Json:
        return self._of("stock", ("sku", "site"), keys)

    def shelves(self, keys: list[str]) -> Json:
        return {"found": self._of("shelves", ("region", "number"), keys)}

    def notes(self, key: str) -> Json:
        return self.tables["notes"][int(key) % 3] if key.isdigit() else None

    def score(self, key: str) -> Json:
        return self.tables["scores"][int(key) % 3] if key.isdigit() else None

    def _of(self, table: str, names: tuple[str, ...], keys: list[str], *, keyless: bool = True) -> list[Json]:
        """Give the rows with these keys; a row that does not say its key is in every batch."""
        wanted: tuple[str | None, ...] = (*keys, None) if keyless else tuple(keys)
        return [row for row in self.tables[table] if key_of(row, *((name,) for name in names)) in wanted]


def is_below(row: Json, least: int) -> bool:
    return isinstance(row.get("stars"), int) and row["stars"] < least


world = World({}, {})


def backend(method: str, target: str, body: bytes | None) -> Json:
    parts = urlsplit(target)
    path = [unquote(part) for part in parts.path.strip("/").split("/")]
    query = {name: values if len(values) > 1 else values[0] for name, values in parse_qs(parts.query).items()}

    def listed(name: str) -> list[str]:
        found = query[name]
        return found if isinstance(found, list) else [found]

    def single(name: str) -> str | None:
        found = query.get(name)
        assert not isinstance(found, list), target
        return found

    def told(endpoint: str, keys: list[str], value: Json, question: str = "") -> tuple[int, bytes]:
        world.asked.append((endpoint, question, tuple(keys)))
        return world.reply(endpoint, value)

    match method, *path:
        case "GET", "items" if "ids" in query:
            return told("items-by-id", listed("ids"), world.items_by_id(listed("ids")))
        case "GET", "items":
            limit, size = single("limit"), single("size")
            return told("items", [], world.items(limit, size), f"{limit} {size}")
        case "GET", "items", key:
            return told("item", [key], world.item(key))
        case "GET", "items", key, "notes":
            return told("notes", [key], world.notes(key))
        case "GET", "items", key, "score":
            return told("score", [key], world.score(key))
        case "GET", "matrix":
            return told("matrix", [], world.tables["matrix"])
        case "GET", "numbers":
            return told("numbers", [], world.tables["numbers"])
        case "GET", "makers", key:
            return told("maker", [key], world.maker(key))
        case "GET", "reviews":
            keys, least = listed("item_id"), single("least")
            return told("reviews", keys, world.reviews(keys, least), str(least))
        case "GET", "stock":
            keys = [f"{sku}|{site}" for sku, site in zip(listed("sku"), listed("site"), strict=True)]
            return told("stock", keys, world.stock(keys))
        case "POST", "shelves", "search":
            keys = [f"{key['region']}|{key['number']}" for key in json.loads(body or b"")["keys"]]
            assert len(keys) <= 2, "more keys than a batch may have"
            return told("shelves", keys, world.shelves(keys))
    raise AssertionError(f"{method} {target} is not declared")


transport = FakeTransport(backend)

# -- the graph --------------------------------------------------------------------------------------------------------

catalog = Rest("catalog", "http://catalog.example", naming="camel", client=transport)
people = Rest("people", "http://people.example", timestamps="unix", ttl=60, client=transport)


@strawberry.enum
class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.type
class Corner:
    x: int
    y: float | None


@strawberry.type
class Box:
    width: int
    label: str | None
    corner: Corner | None
    corners: list[Corner]
    depth: int = field("inner.depth")
    maker: Maker | None = link("maker_id")


@strawberry.type
class Card:
    name: str
    size: Size | None
    twin: Item = link("twin_id")


@strawberry.type
class Memo:
    words: str
    item_id: strawberry.Private[str | None]
    subject: Item | None = link("item_id", default=None)
    main_subject: Item = link("item_id", default=None)


@catalog.entity(get="/items/{id}", batch=Get("/items{?ids*}", items="data.rows"), items="item")
class Item:
    id: strawberry.ID
    name: str
    count: int | None
    weight: float
    active: bool
    size: Size | None
    made_at: dt.datetime | None
    site: int
    tags: list[str]
    codes: list[str | None] | None
    grid: list[list[int]]
    loose_grid: list[list[int | None] | None] | None
    box: Box
    corners: list[Corner | None] | None
    layers: list[list[Corner]]
    sku: str = field("ids.sku")
    nick: str | None = field("ids.nick")
    card: Card = field(".")
    parent: Item | None = link("parent_id")
    twin: Item = link("twin_id")
    related: list[Item] = link("related_ids")
    loose_related: list[Item | None] | None = link("related_ids")
    maker: Maker | None = link("maker_id")
    strict_maker: Maker = link("maker_id")

    @people.get("/reviews{?item_id,least}", batch="/reviews{?item_id*,least}", group_by="item_id")
    def reviews(self, first: int = 2, least: int | None = None) -> list[Review]: ...

    @people.get("/items/{id}/notes")
    def notes(self) -> list[Review | None]: ...

    @people.get("/items/{id}/score")
    def score(self) -> float | None: ...

    @people.get("/stock/{sku}/{site}", batch="/stock{?sku*,site*}", key=("sku", "site"))
    def stock(self) -> Stock | None: ...

    @strawberry.field
    def title(self, mark: str = "?") -> str:
        return self.name + mark

    @strawberry.field
    async def twice(self) -> int | None:
        await asyncio.sleep(0)
        return self.box.width * 2

    @strawberry.field
    def year(self) -> int:
        if self.made_at is None:
            raise ValueError(SECRET)
        return self.made_at.year

    @strawberry.field
    async def is_small(self) -> bool:
        await asyncio.sleep(0)
        if self.size is None:
            raise ValueError(SECRET)
        return {Size.SMALL: True, Size.LARGE: False}[self.size]

    @strawberry.field
    def first_corner(self) -> float | None:
        return None if not self.layers else self.layers[0][0].y

    @strawberry.field
    def memo(self) -> Memo:
        return Memo(words=", ".join(self.tags), item_id=self.id)

    @strawberry.field
    async def memos(self) -> list[Memo | None]:
        await asyncio.sleep(0)
        return [Memo(words=tag, item_id=None) if tag != "x" else None for tag in self.tags]


@people.entity(get="/makers/{id}")
class Maker:
    id: int
    name: str
    since: dt.datetime | None
    shelf: Shelf | None = link("shelf_region", "shelf_number")
    strict_shelf: Shelf = link("shelf_region", "shelf_number")
    best: Item | None = link("best_id")


@people.entity(
    get="/shelves/{region}/{number}",
    batch=Post("/shelves/search", body={"keys": "{keys}"}, items="found"),
    key=("region", "number"),
    max_batch=2,
)
class Shelf:
    region: str
    number: int
    label: str | None


@strawberry.type
class Stock:
    sku: str
    amount: int


@strawberry.type
class Review:
    stars: int
    text: str | None
    item: Item | None = link("item_id")


@strawberry.type
class Query:
    @catalog.get("/items{?limit,size}", items="data.rows")
    def items(self, limit: int = 3, size: Size | None = None) -> list[Item]: ...

    @catalog.get("/items{?limit}", items="data.rows")
    def loose_items(self, limit: int | None = None) -> list[Item | None] | None: ...

    @catalog.get("/items/{id}", items="item")
    def item(self, id: strawberry.ID) -> Item | None: ...

    @catalog.get("/items/{id}", items="item")
    def strict_item(self, id: strawberry.ID) -> Item: ...

    @catalog.get("/matrix")
    def matrix(self) -> list[list[Item | None]] | None: ...

    @people.get("/numbers")
    def numbers(self) -> list[list[float | None]] | None: ...

    @people.get("/makers/{id}")
    def maker(self, id: int) -> Maker | None: ...

    @strawberry.field
    def hello(self) -> str:
        return "hello"

    @strawberry.field
    async def later(self) -> list[int]:
        await asyncio.sleep(0)
        return [1, 2]

    @strawberry.field
    def nothing(self) -> str | None:
        raise ValueError(SECRET)

    @strawberry.field
    async def root_memo(self, about: strawberry.ID | None = None) -> Memo | None:
        return Memo(words="root", item_id=about)


clock = [0.0]
limits = Limits(max_cost=None, max_upstream_calls=None)
weft = Graph(query=Query, limits=limits, store=Store(clock=lambda: clock[0]))

# -- the oracle -------------------------------------------------------------------------------------------------------


trail = Trail()


def shaped(kind: Any, value: Json, unix: bool = False) -> Json:
    """Give a JSON value as its type promises it, with a Bad wherever it is not so."""
    if isinstance(kind, graphql.GraphQLNonNull):
        return shaped(kind.of_type, value, unix)
    if value is None or isinstance(value, Bad):
        return value
    if isinstance(kind, graphql.GraphQLList):
        return [shaped(kind.of_type, item, unix) for item in value] if isinstance(value, list) else Bad()
    if isinstance(kind, graphql.GraphQLObjectType):
        return value if isinstance(value, dict) else Bad()
    if kind.name == "Size":
        return SIZES.get(value, Bad()) if isinstance(value, str) else Bad()
    if kind.name == "DateTime":
        found = instant(value, unix)
        return Bad() if found is None else found.isoformat()
    return value


SIZES = {"s": "SMALL", "l": "LARGE", "SMALL": "SMALL", "LARGE": "LARGE"}


def instant(value: Json, unix: bool) -> dt.datetime | None:
    try:
        if unix:
            good = isinstance(value, int | float) and not isinstance(value, bool)
            return dt.datetime.fromtimestamp(value, dt.UTC) if good else None
        return dt.datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def text_of(key: Json) -> str | None:
    return None if key is None else str(key)


def item_by_key(info: Any, key: str | None) -> Json:
    if key is None:
        return None
    trail.asks(info, "items-by-id", "", key)
    answer = said(world.reply("items-by-id", world.items_by_id([key])), "data", "rows", one=False)
    return from_batch(answer, key, ("id",), many=False)


def items_by_keys(row: Json, info: Any) -> Json:
    keys = row.get("relatedIds")
    trail.waits(info)
    if keys is None:
        return None
    if not isinstance(keys, list):
        return Bad()
    return [shaped(ITEM, item_by_key(info, text_of(key))) for key in keys]


def maker_by_key(info: Any, key: str | None) -> Json:
    if key is None:
        return None
    trail.asks(info, "maker", "", key)
    return said(world.reply("maker", world.maker(key)))


def shelf_by_key(row: Json, info: Any) -> Json:
    parts = [row.get("shelf_region"), row.get("shelf_number")]
    if None in parts:
        return None
    key = "|".join(map(str, parts))
    trail.asks(info, "shelves", "", key)
    answer = said(world.reply("shelves", world.shelves([key])), "found", one=False)
    return from_batch(answer, key, ("region",), ("number",), many=False)


def reviews_of(row: Json, info: Any, first: int, least: int | None = None) -> Json:
    if first < 0:
        raise Bad("BAD_USER_INPUT")
    if row.get("id") is None:
        return []
    key = str(row["id"])
    trail.asks(info, "reviews", str(least), key, form=info.path.key)
    reply = world.reply("reviews", world.reviews([key], text_of(least)))
    found = from_batch(said(reply, one=False), key, ("item_id",), many=True)
    return found[:first] if isinstance(found, list) else found


def stock_of(row: Json, info: Any) -> Json:
    sku, site = at(row, "ids", "sku"), row.get("site")
    if isinstance(sku, Bad):
        return sku
    if sku is None or site is None:
        return None
    key = f"{sku}|{site}"
    trail.asks(info, "stock", "", key)
    return from_batch(said(world.reply("stock", world.stock([key])), one=False), key, ("sku",), ("site",), many=False)


def below_item(endpoint: str, good: Callable[[str], Json]) -> Callable[..., Json]:
    def resolve(row: Json, info: Any) -> Json:
        if row.get("id") is None:
            return None
        key = str(row["id"])
        trail.asks(info, endpoint, "", key)
        return said(world.reply(endpoint, good(key)))

    return resolve


def one_item(root: None, info: Any, id: str) -> Json:
    if not id or "/" in id:
        return Bad("BAD_USER_INPUT")
    trail.asks(info, "item", "", id)
    return said(world.reply("item", world.item(id)), "item")


def all_items(root: None, info: Any, limit: int | None = None, size: str | None = None) -> Json:
    wire = {"SMALL": "s", "LARGE": "l"}.get(size or "")
    trail.asks(info, "items", f"{limit} {wire}")
    return said(world.reply("items", world.items(text_of(limit), wire)), "data", "rows")


def alone(endpoint: str) -> Callable[..., Json]:
    def resolve(root: None, info: Any) -> Json:
        trail.asks(info, endpoint, "")
        return said(world.reply(endpoint, world.tables[endpoint]))

    return resolve


def waiting(function: Callable[..., Json]) -> Callable[..., Json]:
    """Mark what is asynchronous in Weft, so that the number of waits is right."""

    def resolve(row: Json, info: Any, **arguments: Any) -> Json:
        trail.waits(info)
        return function(row, info, **arguments)

    return resolve


def year_of(row: Json, info: Any) -> int:
    found = instant(row.get("madeAt"), unix=False)
    if found is None:
        raise Bad("INTERNAL_SERVER_ERROR")
    return found.year


def first_corner(row: Json, info: Any) -> Json:
    layers = row.get("layers")
    if not layers:
        return None
    promised = isinstance(layers, list) and all(
        layer is None
        or (isinstance(layer, list) and all(corner is None or isinstance(corner, dict) for corner in layer))
        for layer in layers
    )
    if not promised or not layers[0] or layers[0][0] is None:
        raise Bad("INTERNAL_SERVER_ERROR")
    return layers[0][0].get("y")


def is_small(row: Json, info: Any) -> bool:
    return {"s": True, "SMALL": True, "l": False, "LARGE": False}[row["size"]]


def tags_of(row: Json) -> Iterator[Json]:
    tags = row.get("tags")
    if not isinstance(tags, list | str | dict):
        raise Bad("INTERNAL_SERVER_ERROR")
    yield from tags


PYTHON = {"title", "twice", "year", "isSmall", "firstCorner", "memo", "memos", "words", "nothing", "rootMemo"}
PYTHON |= {"hello", "later"}
RESOLVERS: dict[str, dict[str, Callable[..., Json]]] = {
    "Query": {
        "items": all_items,
        "looseItems": all_items,
        "item": one_item,
        "strictItem": one_item,
        "matrix": alone("matrix"),
        "numbers": alone("numbers"),
        "maker": lambda root, info, id: maker_by_key(info, str(id)),
        "hello": lambda root, info: "hello",
        "later": waiting(lambda root, info: [1, 2]),
        "nothing": lambda root, info: Bad("INTERNAL_SERVER_ERROR"),
        "rootMemo": waiting(lambda root, info, about=None: {"words": "root", "item_id": about}),
    },
    "Item": {
        "sku": lambda row, info: at(row, "ids", "sku"),
        "nick": lambda row, info: at(row, "ids", "nick"),
        "card": lambda row, info: row,
        "parent": lambda row, info: item_by_key(info, text_of(row.get("parentId"))),
        "twin": lambda row, info: item_by_key(info, text_of(row.get("twinId"))),
        "related": items_by_keys,
        "looseRelated": items_by_keys,
        "maker": lambda row, info: maker_by_key(info, text_of(row.get("makerId"))),
        "strictMaker": lambda row, info: maker_by_key(info, text_of(row.get("makerId"))),
        "reviews": reviews_of,
        "notes": below_item("notes", lambda key: world.notes(key)),
        "score": below_item("score", lambda key: world.score(key)),
        "stock": stock_of,
        "title": lambda row, info, mark: row["name"] + mark,
        "twice": waiting(lambda row, info: row["box"].get("width") * 2),
        "year": year_of,
        "isSmall": waiting(is_small),
        "firstCorner": first_corner,
        "memo": lambda row, info: {"words": ", ".join(tags_of(row)), "item_id": row.get("id")},
        "memos": waiting(lambda row, info: [{"words": t, "item_id": None} if t != "x" else None for t in tags_of(row)]),
    },
    "Box": {
        "depth": lambda row, info: at(row, "inner", "depth"),
        "maker": lambda row, info: maker_by_key(info, text_of(row.get("makerId"))),
    },
    "Card": {"twin": lambda row, info: item_by_key(info, text_of(row.get("twinId")))},
    "Memo": {
        "subject": lambda row, info: item_by_key(info, text_of(row["item_id"])),
        "mainSubject": lambda row, info: item_by_key(info, text_of(row["item_id"])),
    },
    "Maker": {
        "shelf": shelf_by_key,
        "strictShelf": shelf_by_key,
        "best": lambda row, info: item_by_key(info, text_of(row.get("best_id"))),
    },
    "Review": {"item": lambda row, info: item_by_key(info, text_of(row.get("item_id")))},
}


def schema_of(sdl: str) -> graphql.GraphQLSchema:
    schema = graphql.build_schema(sdl)
    for name, kind in schema.type_map.items():
        if isinstance(kind, graphql.GraphQLObjectType) and not name.startswith("__"):
            for field_name, element in kind.fields.items():
                own = RESOLVERS.get(name, {}).get(field_name, lambda row, info: row.get(info.field_name))
                element.resolve = shaping(own, element.type, unix=name == "Maker")
    return schema


def shaping(own: Callable[..., Json], kind: Any, *, unix: bool) -> Callable[..., Json]:
    def resolve(row: Json, info: Any, **arguments: Any) -> Json:
        if info.field_name not in PYTHON:
            return shaped(kind, own(row, info, **arguments), unix)
        try:
            return own(row, info, **arguments)
        except Exception:
            return Bad("INTERNAL_SERVER_ERROR")

    return resolve


ORACLE = schema_of(weft.sdl())
# The same, where nothing is non-null: no null ends it early, so what it asks is all that has to be asked.
TOLERANT = schema_of(weft.sdl().replace("!", ""))
ITEM = ORACLE.type_map["Item"]

# -- generated data ---------------------------------------------------------------------------------------------------


def good_tables(seed: int, count: int) -> dict[str, list[Json]]:
    rnd = random.Random(seed)
    pick, some = rnd.choice, rnd.randrange

    def maybe(value: Json) -> Json:
        return pick([value, value, None])

    def key() -> Json:
        return pick([rnd.randint(1, count), str(rnd.randint(1, count))])

    def corner() -> Json:
        return {"x": some(9), "y": maybe(pick([0.5, 2, -1e300]))}

    def corners() -> list[Json]:
        return [corner() for _ in range(some(3))]

    def box() -> Json:
        return {
            "width": some(100),
            "label": maybe("L"),
            "corner": maybe(corner()),
            "corners": corners(),
            "inner": {"depth": some(100), "unused": [{}]},
            "makerId": maybe(rnd.randint(1, 2)),
        }

    def item(number: int) -> Json:
        return {
            "id": number,
            "name": pick(["Ada", "", "\u00e9\U0001f600\n"]),
            "count": maybe(pick([0, -(2**31), 2**31 - 1])),
            "weight": pick([0.1, 3, -2.5e-7]),
            "active": pick([True, False]),
            "size": maybe(pick(["s", "l"])),
            "madeAt": maybe(pick(["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678+02:00", "2026-01-02T03:04:05"])),
            "site": some(2),
            "tags": [pick(["x", "y"]) for _ in range(some(3))],
            "codes": maybe([maybe("c") for _ in range(some(3))]),
            "grid": [[some(9) for _ in range(some(3))] for _ in range(some(3))],
            "looseGrid": maybe([maybe([maybe(some(9))]) for _ in range(some(3))]),
            "box": box(),
            "corners": maybe([maybe(corner()) for _ in range(some(3))]),
            "layers": [corners() for _ in range(some(3))],
            "ids": pick([{"sku": pick(["a", "b"]), "nick": maybe("N")}, {"sku": "c"}]),
            "parentId": maybe(key()),
            "twinId": key(),
            "relatedIds": [key() for _ in range(some(4))],
            "makerId": rnd.randint(1, 2),
            "unused": {"id": SECRET},
        }

    def maker(number: int) -> Json:
        region, shelf = pick([("n", 1), ("n", 2), ("s", 1)])
        since = maybe(pick([0, 1.5, 1767323045]))
        links = {"shelf_region": region, "shelf_number": shelf, "best_id": maybe(key())}
        return {"id": number, "name": "M", "since": since, **links}

    def review() -> Json:
        return {"stars": some(6), "text": maybe("T"), "item_id": key()}

    items = [item(number) for number in range(1, count + 1)]
    return {
        "items": items,
        "makers": [maker(number) for number in (1, 2)],
        "reviews": [review() for _ in range(some(6))],
        "notes": [[maybe(review()) for _ in range(some(3))] for _ in range(3)],
        "scores": [maybe(1.5), 2, 0.0],
        "stock": [{"sku": sku, "site": site, "amount": some(9)} for sku in "ab" for site in (0, 1)],
        "shelves": [{"region": r, "number": n, "label": maybe("B")} for r, n in (("n", 1), ("n", 2), ("s", 1))],
        "matrix": [[maybe(copy.deepcopy(pick(items))) for _ in range(some(3))] for _ in range(some(3))],
        "numbers": [[maybe(pick([1, 2.5]))] for _ in range(some(3))],
    }


LACKING = object()
BAD_KEYS = [None, LACKING, "1", "2", 1, 99, "zz", 2**40]
BAD_LISTS_OF_KEYS = [None, LACKING, [], [None], [1, None, "1", 99, 1], "1", {}, 7]
BAD_SCALARS = [None, LACKING, SECRET, "", "7", "2026-01-02", 0, 7, 2**31, 2**70, -1, 1.5, 4.0, 1e300, True, False]
BAD_LISTS = [[], [None], [[SECRET]], [[1, "a"], None], [{}]]
BAD_OBJECTS = [{}, {"x": 1}, {"depth": "deep", "sku": 5}, {"width": None}]
BAD_VALUES = [*BAD_SCALARS, *BAD_LISTS, *BAD_OBJECTS]
BAD_STATUSES = [(500, {}), (404, {}), (401, b""), (302, b""), (204, b""), (200, b"")]
BAD_BODIES: list[Json] = [b"<html>", b'{"item": {"id": 1', None, [], {}, SECRET, 7, [None], [{}], [[SECRET]]]
BAD_ENVELOPES = [
    {"data": None, "item": None, "found": None},
    {"data": {"rows": None}, "item": SECRET, "found": [None]},
    {"data": {"rows": [None]}, "item": [], "found": {}},
    {"data": {"rows": {}}, "item": {}, "found": [{}]},
    {"data": {"rows": [{}]}, "found": [{"region": "n", "number": 1}, {"region": "n"}]},
    {"data": {"rows": [{"id": 1}]}},
    {"data": {"rows": [SECRET]}},
    {"data": SECRET},
]
BAD_BATCHES = [[{"item_id": 1, "sku": "a", "site": 0}], [{"item_id": 1, "stars": 1}, {"item_id": None}]]
FAULTS: list[tuple[int, Json]] = [
    *BAD_STATUSES,
    *((200, answer) for answer in (*BAD_BODIES, *BAD_ENVELOPES, *BAD_BATCHES)),
]
ENDPOINTS = "items items-by-id item maker reviews stock shelves notes score matrix numbers".split()


def places(value: Json) -> Iterator[tuple[Json, Any]]:
    """Give every place inside a JSON value, as container and index or name."""
    for name in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, name
        yield from places(value[name])


KEYS = {"id", "site", "sku", "region", "number", "shelf_number", "shelf_region"}


def is_key(name: Any) -> bool:
    return name in KEYS or str(name).endswith(("_id", "Id"))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, bool]:
    """Make a world; tell whether it is good."""
    tables = good_tables(draw(st.integers(0, 2**16)), draw(st.integers(1, 4)))
    spoiled = draw(st.sampled_from([0, 0, 1, 1, 1, 2, 3, 5]))
    for _ in range(spoiled):
        found = list(places(tables[draw(st.sampled_from(["items", "items", *tables]))]))
        if not found:
            continue
        container, name = draw(st.sampled_from(found))
        choices = BAD_KEYS if is_key(name) else BAD_LISTS_OF_KEYS if name == "relatedIds" else BAD_VALUES
        value = draw(st.sampled_from(choices))
        if isinstance(name, int) and is_list_of_keys(tables, container):
            value = draw(st.sampled_from(BAD_KEYS))
        if value is LACKING:
            del container[name]
        else:
            container[name] = copy.deepcopy(value)
    faults = {}
    if draw(st.sampled_from([False, False, True])):
        faults[draw(st.sampled_from(ENDPOINTS))] = draw(st.sampled_from(FAULTS))
    return World(tables, faults), not spoiled and not faults


def is_list_of_keys(tables: dict[str, list[Json]], container: Json) -> bool:
    rows = [*tables["items"], *(row for line in tables["matrix"] if isinstance(line, list) for row in line)]
    return any(isinstance(row, dict) and row.get("relatedIds") is container for row in rows)


# -- generated operations ---------------------------------------------------------------------------------------------

VARIABLES: dict[str, tuple[str, list[Json]]] = {
    "limit": ("Int = 2", [LACKING, LACKING, 0, 1, 4]),
    "number": ("Int!", [1, 2, 99]),
    "key": ("ID!", ["1", 2, "2", "99"]),
    "size": ("Size", [LACKING, None, "SMALL", "LARGE"]),
    "least": ("Int", [LACKING, 0, 3]),
    "mark": ('String! = "!"', [LACKING, "", "\u00e9"]),
    "yes": ("Boolean!", [True]),
    "no": ("Boolean! = false", [LACKING, False]),
    "perhaps": ("Boolean! = true", [LACKING, True, False]),
}
ARGUMENTS: dict[tuple[str, str], list[str]] = {
    ("Query", "items"): ["", "limit: 1", "limit: $limit", "size: SMALL", "size: $size", "limit: 4, size: null"],
    ("Query", "looseItems"): ["", "limit: 2", "limit: $limit", "limit: null", "limit: 0"],
    ("Query", "item"): ["id: 1", 'id: "2"', "id: $key", "id: 99", 'id: ""', 'id: "a/b"'],
    ("Query", "strictItem"): ["id: 1", "id: $key", "id: $key"],
    ("Query", "maker"): ["id: 1", "id: $number"],
    ("Query", "rootMemo"): ["", "about: 1", "about: $key", "about: null"],
    ("Item", "title"): ["", 'mark: "?!"', "mark: $mark"],
    ("Item", "reviews"): [
        "",
        "first: 0",
        "first: 1",
        "first: $limit",
        "least: 2",
        "first: 5, least: $least",
        "first: -1",
    ],
}
DIRECTIVES = [
    *[""] * 12,
    " @include(if: $yes)",
    " @skip(if: $yes)",
    " @include(if: $no)",
    " @skip(if: $no)",
    " @include(if: $perhaps)",
    " @skip(if: $perhaps) @include(if: $yes)",
    " @include(if: false)",
    " @skip(if: false)",
]
FRAGMENTS = ["Item", "Box", "Maker", "Review", "Card", "Memo", "Corner"]


class Writer:
    """Writes an operation out of hypothesis' choices."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def pick(self, choices: list[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def selection(self, kind: graphql.GraphQLObjectType, depth: int, fragments: list[str]) -> str:
        lines: list[str] = []
        for _ in range(self.pick([1, 2, 2, 3, 4] if depth else [1, 2])):
            choice, directive = self.pick(list(range(12))), self.pick(DIRECTIVES)
            if choice == 11:
                lines.append(f"{self.pick(['', 'kind: '])}__typename{directive}")
            elif choice == 10 and depth:
                on = self.pick(["", f" on {kind.name}"])
                lines.append(f"...{on}{directive} {{ {self.selection(kind, depth - 1, fragments)} }}")
            elif choice == 9 and kind.name in fragments:
                lines.append(f"...{kind.name}Parts{directive}")
            else:
                lines.append(self.field(kind, depth, directive, fragments))
        return " ".join(lines)

    def field(self, kind: graphql.GraphQLObjectType, depth: int, directive: str, fragments: list[str]) -> str:
        named: dict[str, Any] = {name: graphql.get_named_type(element.type) for name, element in kind.fields.items()}
        if not depth:
            named = {name: type_ for name, type_ in named.items() if graphql.is_leaf_type(type_)}
        elif self.pick([True, False]):  # rather what leads on than the many scalars
            named = {name: type_ for name, type_ in named.items() if not graphql.is_leaf_type(type_)} or named
        name = self.pick(list(named))
        arguments = self.pick(ARGUMENTS.get((kind.name, name), [""]))
        alias = (
            f"{name}_{re.sub('[^a-zA-Z0-9]', '', arguments.replace('-', 'minus'))}: "
            if arguments
            else self.pick(["", "", f"{name}2: "])
        )
        text = f"{alias}{name}{f'({arguments})' if arguments else ''}{directive}"
        below = named[name]
        if isinstance(below, graphql.GraphQLObjectType):
            text += f" {{ {self.selection(below, depth - 1, fragments)} }}"
        return text

    def operation(self) -> tuple[str, dict[str, Json]]:
        query = object_type("Query")
        return self.whole("query", f"{self.field(query, 4, '', FRAGMENTS)} {self.selection(query, 4, FRAGMENTS)}")

    def whole(self, kind: str, selection: str) -> tuple[str, dict[str, Json]]:
        """Write the fragments and variables that a selection uses around it."""
        text = f"{{ {selection} }}"
        for position, name in enumerate(FRAGMENTS):
            if f"...{name}Parts" in text:
                body = self.selection(object_type(name), 1, FRAGMENTS[position + 1 :])
                text += f" fragment {name}Parts on {name} {{ {body} }}"
        used = [name for name in VARIABLES if re.search(rf"\${name}\b", text)]
        if not used:
            return f"{kind} {text}", {}
        given = {name: value for name in used if (value := self.pick(VARIABLES[name][1])) is not LACKING}
        return f"{kind} ({', '.join(f'${name}: {VARIABLES[name][0]}' for name in used)}) {text}", given


def object_type(name: str) -> graphql.GraphQLObjectType:
    found = ORACLE.type_map[name]
    assert isinstance(found, graphql.GraphQLObjectType)
    return found


@st.composite
def operations(draw: st.DrawFn) -> tuple[str, dict[str, Json]]:
    return Writer(draw).operation()


# -- the comparison ---------------------------------------------------------------------------------------------------

Outcome = tuple[str, list[str]]


def outcome(data: Json, errors: list[tuple[Any, Any, Any]]) -> Outcome:
    """Give data as text, in its order, and each error's path, code and places in the document, in any order."""
    return json.dumps(data), sorted(f"{path} {code} {lines}" for path, code, lines in errors)


def code_of(error: graphql.GraphQLError) -> str:
    if isinstance(error.original_error, Bad):
        return error.original_error.code
    if error.message.startswith("Argument "):
        return "BAD_USER_INPUT"
    name = error.nodes[0].name.value if error.nodes and isinstance(error.nodes[0], graphql.FieldNode) else ""
    return "INTERNAL_SERVER_ERROR" if name in PYTHON else "UPSTREAM_INVALID"


def oracle(schema: graphql.GraphQLSchema, text: str, variables: dict[str, Json], root: Json = None) -> Outcome:
    result = graphql.execute_sync(schema, graphql.parse(text), root, variable_values=variables)
    errors = result.errors or []
    return outcome(result.data, [(e.path, code_of(e), e.formatted.get("locations")) for e in errors])


def variant_of(text: str, variables: dict[str, Json]) -> Any:
    operations = weft.engine.operations
    operation = operations.get(text, None)
    return operations.variant(operation, operations.variables(operation, variables))


def answered(text: str, variables: dict[str, Json], *, compiled: bool) -> Outcome:
    variant = variant_of(text, variables)
    runner = variant.runner
    world.asked.clear()
    try:
        variant.runner = runner if compiled else None
        response = asyncio.run(weft.execute(text, variables))
    finally:
        variant.runner = runner
    errors = response.get("errors", [])
    assert SECRET not in json.dumps(errors)
    return outcome(response["data"], [(e["path"], e["extensions"]["code"], e.get("locations")) for e in errors])


def check_calls(wanted: Trail, *, nothing_else: bool) -> None:
    """Check what was asked: everything that is needed, nothing twice, and one call per endpoint and hop."""
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    calls: Counter[tuple[str, str]] = Counter()
    for endpoint, question, asked in world.asked:
        keys[endpoint, question].extend(asked)
        calls[endpoint, question] += 1
    for call, found in keys.items():
        assert len(set(found)) == len(found), f"{call}: asked twice among {found}"
    for call, needed in wanted.keys.items():
        assert needed <= set(keys.get(call, ())), f"{call}: not asked {needed}"
    if nothing_else:
        assert {call: set(found) for call, found in keys.items()} == wanted.keys
    for call, number in calls.items():
        if call[0] in ("items-by-id", "reviews", "stock") and set(keys[call]) == wanted.keys.get(call):
            assert number <= len(wanted.hops[call]), f"{call}: {number} calls"


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    log = logging.getLogger("weft")
    log.disabled = True
    yield
    log.disabled = False


FUZZ = os.environ.get("FUZZ_EXAMPLES")  # `make fuzz`: many examples, other ones each time


@settings(max_examples=int(FUZZ or 150), derandomize=not FUZZ, suppress_health_check=list(HealthCheck))
@given(operation=operations(), made=worlds())
def test_every_answer_is_that_of_graphql_core(operation: tuple[str, dict[str, Json]], made: tuple[World, bool]) -> None:
    global world, trail
    text, variables = operation
    world, is_good = made
    assert graphql.validate(weft.schema, graphql.parse(text)) == []
    trail = wanted = Trail()
    oracle(TOLERANT, text, variables)
    trail = Trail()
    expected = oracle(ORACLE, text, variables)

    compiled_before = weft.engine.compiled_answers
    clock[0] += 1000
    assert answered(text, variables, compiled=True) == expected
    check_calls(wanted, nothing_else=is_good)
    is_compiled = weft.engine.compiled_answers > compiled_before
    event("compiled" if is_compiled else "exact")
    if is_good and not expected[1]:
        assert is_compiled == (variant_of(text, variables).runner is not None), "a sound answer took the slow way"

    clock[0] += 1000
    assert answered(text, variables, compiled=False) == expected
    check_calls(wanted, nothing_else=True)

    assert answered(text, variables, compiled=True) == expected, "from the store"
