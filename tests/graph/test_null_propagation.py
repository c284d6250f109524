"""Nulls and errors travel as the specification says (October 2021, 6.4.4): every nullability, at every level.

A field is an item, a list or a list of lists, nullable or not at each level, below a nullable parent, a non-null one or
the root. At each level there is once a null, once a value of the wrong kind and once something that fails. The compiled
and the exact path must both answer what graphql-core answers.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator

import pytest
import strawberry

from graph import Graph
from resolvers import field
from sources import FakeTransport, Rest
from tests.graph.oracle.compare import Case, Divergence, Tally, compare
from tests.graph.oracle.model import (
    SECRET,
    Endpoint,
    Enum,
    Field,
    Json,
    Kind,
    Link,
    Model,
    Property,
    Resolver,
    Source,
    Stub,
    Type,
    Union,
    list_of,
)
from tests.graph.oracle.operations import Operation
from tests.graph.oracle.report import report
from tests.graph.oracle.stage import Stage
from tests.graph.oracle.world import World

SOURCE = Source("s0")
BAD_ITEM: Json = {"my_v": None}
FAILS = ValueError(SECRET)
ITEMS: dict[str, tuple[Json, list[Json]]] = {  # by type: a good item, and what may stand there instead
    "Int": (1, [None, {}, "x"]),
    "E0": ("r", [None, 1, "x"]),
    "T1": ({"my_v": 1}, [None, [], BAD_ITEM]),
    "U0": ({"my_v": 1, "__typename": "T1"}, [None, {"my_v": 1}, {"my_v": None, "__typename": "T1"}]),
}


def kinds(name: str, most: int) -> Iterator[Kind]:
    """Give the named type with up to so many lists around it, nullable or not at every level."""
    for lists in range(most + 1):
        for nullable in itertools.product([True, False], repeat=lists + 1):
            kind = Kind(name, nullable[0])
            for outer in nullable[1:]:
                kind = list_of(kind, nullable=outer)
            yield kind


def values(kind: Kind, good: Json, instead: list[Json]) -> Iterator[Json]:
    """Give a good value of a kind, and each one that is bad in one place."""
    yield _good(kind, good)
    yield from _bad(kind, good, instead)


def _good(kind: Kind, good: Json) -> Json:
    return good if kind.item is None else [_good(kind.item, good), _good(kind.item, good)]


def _bad(kind: Kind, good: Json, instead: list[Json]) -> Iterator[Json]:
    yield from instead if kind.item is None else [None, {}]
    if kind.item is not None:
        for below in _bad(kind.item, good, instead):
            yield [below, _good(kind.item, good)]
            yield [_good(kind.item, good), below, below]


def model_of(
    element: Field, types: list[Type], columns: tuple[str, ...] = (), *, root: tuple[Field, ...] = ()
) -> Model:
    """Give a graph that has the field below a nullable parent, below a non-null one and perhaps at the root."""
    holder = Type("T0", (Property("key", Kind("ID")), element), columns)
    parents = [Stub(name, Kind("T0", name == "loose"), Endpoint(name, SOURCE)) for name in ("loose", "strict")]
    return Model(
        sources=(SOURCE,),
        types=(holder, *types),
        query=(*parents, *root),
        enums=(Enum("E0", (("RED", "r"),)),),
        unions=(Union("U0", ("T1",)),),
    )


ITEM = Type("T1", (Property("my_v", Kind("Int")),))
NAMED = {"Int": 2, "E0": 1, "T1": 2, "U0": 1}  # with how many lists around them


def properties() -> Iterator[tuple[Model, list[Json]]]:
    """A property of the parent's object."""
    for name, most in NAMED.items():
        for kind in kinds(name, most):
            rows = [{"key": 1, "f": value} for value in values(kind, *ITEMS[name])]
            yield model_of(Property("f", kind), [ITEM]), [{"loose": [row], "strict": [row]} for row in rows]


def calls() -> Iterator[tuple[Model, list[Json]]]:
    """A call of its own for each parent."""
    row = {"key": 1}
    for name in NAMED:
        for kind in kinds(name, most=2 if name == "Int" else 1):
            stub = Stub("f", kind, Endpoint("e", SOURCE, variables=("key",)), ("key",))
            root = Stub("f", kind, Endpoint("r", SOURCE))
            found = values(kind, *ITEMS[name])
            worlds = [{"loose": [row], "strict": [row], "e": [value], "r": [value]} for value in found]
            yield model_of(stub, [ITEM], root=(root,)), worlds


def batches() -> Iterator[tuple[Model, list[Json]]]:
    """A batch that answers items by key, one or many of them."""
    endpoint = Endpoint("e", SOURCE, variables=("key",), batch="query", batch_order=(0,), match=("of",))
    row = {"key": 1}
    for kind in kinds("T1", most=1):
        many = kind.item is not None
        own = Endpoint(**{**vars(endpoint), "many": many})
        stub = Stub("f", kind, own, ("key",), ("of",))
        items: list[Json] = [{"of": 1, "my_v": 1}, {"of": 1, "my_v": None}, {"my_v": 1}, None, "x"]
        worlds = [
            {"loose": [row], "strict": [row], "e": [[*before, item]]} for item in items for before in ([], items[:1])
        ]
        yield model_of(stub, [ITEM]), [*worlds, {"loose": [row], "strict": [row], "e": [[]]}]


def links() -> Iterator[tuple[Model, list[Json]]]:
    """A key, or a list of keys, of an entity."""
    entity = Endpoint("e", SOURCE, variables=("key",), batch="query", batch_order=(0,), match=("key",))
    target = Type("T1", (Property("key", Kind("Int")), Property("my_v", Kind("Int"))), entity=entity, key=("key",))
    rows: list[Json] = [{"key": 1, "my_v": 1}, {"key": 2, "my_v": None}]
    keys: list[Json] = [1, 2, 3, None, {}, True]
    for kind in kinds("T1", most=1):
        found: list[Json] = keys
        if kind.item is not None:
            found = [[], None, "x", [1, 1], *([1, key] for key in keys)]
        held = [{"key": 7, "fk_ids": value} for value in found]
        worlds = [{"loose": [row], "strict": [row], "e": [rows]} for row in held]
        yield model_of(Link("f", kind, ("fk_ids",)), [target], ("fk_ids",)), worlds


def resolvers() -> Iterator[tuple[Model, list[Json]]]:
    """A resolver in Python; what it gives is part of its source, so each value is a graph of its own."""
    row = {"key": 1}
    for kind in kinds("Int", most=1):
        for value in values(kind, 1, [None, {}, FAILS]):
            resolver = Resolver("f", kind, value)
            yield model_of(resolver, [], root=(resolver,)), [{"loose": [row], "strict": [row]}]


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    log = logging.getLogger("weft")
    log.disabled = True
    yield
    log.disabled = False


@pytest.mark.parametrize("place", [properties, calls, batches, links, resolvers])
def test_nulls_travel_as_they_do_in_graphql_core(place: Callable[[], Iterator[tuple[Model, list[Json]]]]) -> None:
    tally = Tally()
    with asyncio.Runner() as runner:
        for model, worlds in place():
            stage = Stage(model, runner)
            named = model.types[0].fields[1].kind.name
            below = " { __typename ... on T1 { myV } }" if named in ("T1", "U0") else ""
            for position, tables in enumerate(worlds):
                for field in model.query:
                    text = f"{{ f{below} }}" if field.name == "f" else f"{{ {field.name} {{ key f{below} }} }}"
                    case = Case(model, Operation(text, {}), World(tables), is_good=position == 0)
                    try:
                        compare(stage, case, tally)
                    except Divergence as exc:
                        pytest.fail(f"{exc}\n\n{report(stage, case, str(exc))}", pytrace=False)
    assert tally.with_errors > tally.queries // 4  # what is sound was compiled: `compare` says so


# -- in literal values ------------------------------------------------------------------------------------------------

grids = Rest("grids", "http://grids.example", client=FakeTransport({"GET /grid": {"f": [[1, None], [3]]}}))


@strawberry.type
class Grid:
    all_loose: list[list[int | None] | None] | None = field("f")
    strict_row: list[list[int | None]] | None = field("f")
    strict_item: list[list[int] | None] | None = field("f")
    strict_item_and_grid: list[list[int] | None] = field("f")
    strict_item_and_row: list[list[int]] | None = field("f")
    all_strict: list[list[int]] = field("f")


@strawberry.type
class Query:
    @grids.get("/grid")
    def grid(self) -> Grid | None: ...

    @grids.get("/grid{?n}")
    def numbered(self, n: int = 1) -> Grid | None: ...


graph = Graph(query=Query)
SOUND = {"grid": {"f": [[1, None], [3]]}}
NO_ROW = {"grid": {"f": [None, [3]]}}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("allLoose", SOUND),
        ("strictRow", SOUND),
        ("strictItem", NO_ROW),
        ("strictItemAndGrid", NO_ROW),
        ("strictItemAndRow", {"grid": {"f": None}}),
        ("allStrict", {"grid": None}),
    ],
)
async def test_a_null_in_a_list_of_lists_travels_to_the_nearest_that_may_be_null(name: str, data: Json) -> None:
    response = await graph.execute(f"{{ grid {{ f: {name} }} }}")
    assert response["data"] == data
    paths = [error["path"] for error in response.get("errors", [])]
    assert paths == ([] if data is SOUND else [["grid", "f", 0, 1]])


async def test_an_argument_that_cannot_be_is_an_error_at_each_place_where_it_is_written() -> None:
    query = "query ($n: Int) { a: numbered(n: $n) { f: allLoose } b: numbered(n: $n) { f: allLoose } }"
    response = await graph.execute(query, {"n": None})
    columns = {error["path"][0]: error["locations"][0]["column"] for error in response["errors"]}
    assert columns == {"a": query.index("$n) {") + 1, "b": query.rindex("$n) {") + 1}
