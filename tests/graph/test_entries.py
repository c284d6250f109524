"""Maps of backends as lists of entries, and members of unions that hold what is no object: on both paths."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import graphql
import pytest
import strawberry

from graph import Graph
from graph.engine import Engine, Request
from graph.errors import GraphError
from resolvers import Declared, Entries, Entry, PropertyMark, as_entries, bind, discriminator, field, link, wire_value
from sources import Call, Endpoint, Event, FakeTransport, Get, Listening, Rest, Template

Json = Any


class Told:
    """A feed that gives what is in it, and ends."""

    variables = frozenset[str]()

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def listen(self, to: Listening) -> AsyncGenerator[Event]:
        for body in self.bodies:
            yield Event(body)


shop: dict[str, Json] = {}
PEOPLE = {1: "Ada", 2: "Joseph", 5: "Grace"}


def answer(method: str, target: str, body: bytes | None) -> Json:
    if target.startswith("/people?id="):
        keys = [int(key.removeprefix("id=")) for key in target.partition("?")[2].split("&")]
        return [{"id": key, "name": PEOPLE[key]} for key in keys if key in PEOPLE]
    return shop[target]


told, transport = Told(), FakeTransport(answer)
source = Rest("shop", "http://shop.example", client=transport, naming="pascal")
crowd = Rest("crowd", "http://crowd.example", client=transport)


@crowd.entity(batch="/people{?id*}", key="id")
class Person:
    id: int
    name: str


@strawberry.type
class Stock:
    count: int
    keeper: Person | None = link("keeper_id")


@strawberry.type
class Place:
    """An entry of the author's own."""

    key: strawberry.ID
    count: int = field("value.Count")
    keeper: Person | None = link("value.KeeperId")
    named: Person | None = link("key")


@strawberry.type
class Word:
    value: str = field(".")


@strawberry.type
class Number:
    value: int = field(".")
    person: Person | None = link("value")


@strawberry.type
class Several:
    value: list[Stock] = field(".")


@strawberry.type
class Loose:
    value: list[Entry[int]] = field(".")


def judge(found: Json) -> type | None:
    if isinstance(found, dict):
        return Stock if "Count" in found else Loose
    return {str: Word, int: Number, list: Several}.get(type(found))


Thing = Annotated[Word | Number | Several | Loose | Stock, strawberry.union("Thing"), discriminator(judge)]


@strawberry.type
class Shop:
    stock: list[Entry[Stock]]
    notes: list[Entry[str | None]] | None
    shelves: list[Entry[list[Entry[int]]]]
    rows: list[list[Entry[int]]]
    things: list[Thing | None]
    by_name: list[Entry[Thing]]
    places: list[Place] = field(entries=True)

    @strawberry.field
    def first(self) -> str:
        entry = self.stock[0]
        return f"{type(entry).__name__} {entry.key}: {entry.value.count}, {type(self.things[0]).__name__}"


@strawberry.type
class Query:
    @source.get("/shop")
    def shop(self) -> Shop | None: ...

    @source.get("/stock")
    def stock(self, first: int | None = None) -> list[Entry[Stock]] | None: ...

    @source.get("/counts", items="Data.Counts")
    def counts(self) -> list[Entry[int]]: ...

    @strawberry.field
    def made(self) -> list[Entry[int]]:
        return [Entry(key="b", value=2), Entry(key="a", value=1)]


@strawberry.type
class Subscription:
    @source.feed(told)
    def stock(self) -> list[Entry[Stock]]: ...


graph = Graph(query=Query, subscription=Subscription)


async def answered(query: str, *, compiled: bool = True) -> Json:
    """Answer by both paths, which have to agree; tell whether the compiled one can."""
    operations = graph.engine.operations
    variant = operations.variant(operations.get(query, None), None)
    assert (variant.runner is not None) is compiled, variant.plan.obstacles
    before = graph.engine.compiled_answers
    found = await graph.execute(query)
    assert (graph.engine.compiled_answers > before) is (compiled and "errors" not in found)
    runner, variant.runner = variant.runner, None
    try:
        assert await graph.execute(query) == found
    finally:
        variant.runner = runner
    return found


def errors_of(found: Json) -> list[tuple[Json, str]]:
    return [(error["path"], error["message"]) for error in found["errors"]]


# -- maps -------------------------------------------------------------------------------------------------------------


async def test_an_object_used_as_a_map_is_a_list_of_entries_in_its_order() -> None:
    shop["/shop"] = {"Notes": {"z": "last", "a": None, "": "nameless"}}
    assert await answered("{ shop { notes { key value __typename } n: notes { value k: key } } }") == {
        "data": {
            "shop": {
                "notes": [
                    {"key": "z", "value": "last", "__typename": "StrOptionalEntry"},
                    {"key": "a", "value": None, "__typename": "StrOptionalEntry"},
                    {"key": "", "value": "nameless", "__typename": "StrOptionalEntry"},
                ],
                "n": [
                    {"value": "last", "k": "z"},
                    {"value": None, "k": "a"},
                    {"value": "nameless", "k": ""},
                ],
            }
        }
    }


@pytest.mark.parametrize(("selected", "entry"), [("key", {"key": "z"}), ("value", {"value": "v"})])
async def test_a_part_of_an_entry_is_selected(selected: str, entry: Json) -> None:
    shop["/shop"] = {"Notes": {"z": "v"}}
    assert await answered(f"{{ shop {{ notes {{ {selected} }} }} }}") == {"data": {"shop": {"notes": [entry]}}}


async def test_a_map_that_lacks_is_null() -> None:
    shop["/shop"] = {}
    assert await answered("{ shop { notes { key } } }") == {"data": {"shop": {"notes": None}}}


async def test_links_below_all_entries_are_one_batch() -> None:
    shop["/shop"] = {"Stock": {"x": {"Count": 3, "KeeperId": 1}, "y": {"Count": 4, "KeeperId": 2}}}
    transport.calls.clear()
    found = await graph.execute("{ shop { stock { key value { count keeper { name } } } } }")
    assert found["data"]["shop"]["stock"] == [
        {"key": "x", "value": {"count": 3, "keeper": {"name": "Ada"}}},
        {"key": "y", "value": {"count": 4, "keeper": {"name": "Joseph"}}},
    ]
    assert transport.calls == ["GET /shop", "GET /people?id=1&id=2"]
    assert await answered("{ shop { stock { key value { count keeper { name } } } } }") == found


async def test_an_entry_of_the_authors_own_reads_key_and_value_whatever_names_its_source_gives() -> None:
    shop["/shop"] = {"Places": {"5": {"Count": 3, "KeeperId": 1}, "1": {"Count": 1}}}
    assert await answered("{ shop { places { key count keeper { name } named { name } } } }") == {
        "data": {
            "shop": {
                "places": [
                    {"key": "5", "count": 3, "keeper": {"name": "Ada"}, "named": {"name": "Grace"}},
                    {"key": "1", "count": 1, "keeper": None, "named": {"name": "Ada"}},
                ]
            }
        }
    }


async def test_values_may_be_maps_and_lists_may_hold_maps() -> None:
    shop["/shop"] = {"Shelves": {"a": {"b": 1, "c": 2}, "d": {}}, "Rows": [{"x": 1}, {}, {"y": 2, "z": 3}]}
    assert await answered("{ shop { shelves { key value { key value } } rows { value } } }") == {
        "data": {
            "shop": {
                "shelves": [
                    {"key": "a", "value": [{"key": "b", "value": 1}, {"key": "c", "value": 2}]},
                    {"key": "d", "value": []},
                ],
                "rows": [[{"value": 1}], [], [{"value": 2}, {"value": 3}]],
            }
        }
    }


async def test_a_whole_reply_may_be_a_map() -> None:
    shop["/stock"] = {"x": {"Count": 3, "KeeperId": 1}, "y": {"Count": 4, "KeeperId": 2}}
    shop["/counts"] = {"Data": {"Counts": {"a": 1}}}
    query = "{ stock(first: 1) { key value { keeper { name } } } counts { key value } }"
    assert await answered(query) == {
        "data": {
            "stock": [{"key": "x", "value": {"keeper": {"name": "Ada"}}}],
            "counts": [{"key": "a", "value": 1}],
        }
    }


@pytest.mark.parametrize(
    ("stock", "path", "message"),
    [
        ([], ["shop", "stock"], "shop answered a list where the schema promises an object"),
        ("x", ["shop", "stock"], "shop answered text where the schema promises an object"),
        ({"x": []}, ["shop", "stock", 0, "value"], "shop answered a list where the schema promises an object"),
        (
            {"x": {"Count": 1}, "y": {"Count": "many"}},
            ["shop", "stock", 1, "value", "count"],
            "shop answered text where the schema promises a value of type Int",
        ),
        ({"x": None}, ["shop", "stock", 0, "value"], "shop answered nothing for the non-null field value"),
        (None, ["shop", "stock"], "shop answered nothing for the non-null field stock"),
    ],
)
async def test_what_is_not_as_promised_is_an_error_at_its_place(stock: Json, path: Json, message: str) -> None:
    shop["/shop"] = {"Stock": stock}
    found = await answered("{ shop { stock { key value { count } } } }")
    assert found["data"] == {"shop": None}
    assert errors_of(found) == [(path, message.replace("answered text", "answered a string"))]


async def test_entries_made_in_python_are_a_list() -> None:
    assert await graph.execute("{ made { key value } }") == {
        "data": {"made": [{"key": "b", "value": 2}, {"key": "a", "value": 1}]}
    }


async def test_a_resolver_sees_entries_as_objects() -> None:
    shop["/shop"] = {"Stock": {"x": {"Count": 3}}, "Things": ["word"]}
    assert await graph.execute("{ shop { first } }") == {"data": {"shop": {"first": "Entry x: 3, Word"}}}


async def test_a_map_is_streamed_entry_by_entry() -> None:
    shop["/shop"] = {"Stock": {name: {"Count": 3, "KeeperId": 1} for name in "abc"}}
    query = "{ shop { stock @stream(initialCount: 1) { key value { keeper { name } } } } }"
    first, *rest = [payload async for payload in graph.execute_incrementally(query)]
    value = {"keeper": {"name": "Ada"}}
    assert first["data"] == {"shop": {"stock": [{"key": "a", "value": value}]}}
    items = [item for payload in rest for part in payload.get("incremental", ()) for item in part["items"]]
    assert items == [{"key": "b", "value": value}, {"key": "c", "value": value}]


async def test_what_is_deferred_in_an_entry_comes_later() -> None:
    shop["/shop"] = {"Stock": {"x": {"Count": 3, "KeeperId": 1}}}
    query = "{ shop { stock { key ... @defer { value { keeper { name } } } } } }"
    first, *rest = [payload async for payload in graph.execute_incrementally(query)]
    assert first["data"] == {"shop": {"stock": [{"key": "x"}]}}
    [part] = [part for payload in rest for part in payload.get("incremental", ())]
    assert part["data"] == {"value": {"keeper": {"name": "Ada"}}}


async def test_an_event_may_be_a_map_and_a_list_of_maps_is_several_events() -> None:
    told.bodies = [b'{"x": {"Count": 1, "KeeperId": 2}}', b'[{"y": {"Count": 2}}, {}]', b'"no map"']
    query = "subscription { stock { key value { count keeper { name } } } }"
    found = [response async for response in graph.subscribe(query)]
    assert [response["data"] and response["data"]["stock"] for response in found] == [
        [{"key": "x", "value": {"count": 1, "keeper": {"name": "Joseph"}}}],
        [{"key": "y", "value": {"count": 2, "keeper": None}}],
        [],
        None,
    ]
    assert errors_of(found[3]) == [(["stock"], "shop answered a string where the schema promises an object")]


@strawberry.type
class Wrong:
    id: int
    one: Place = field(entries=True)
    numbers: list[int] = field(entries=True)
    mixed: list[Thing] = field(entries=True)

    @source.get("/s/{id}", batch=Get("/s{?id*}"), group_by="id")
    def stock(self) -> list[Entry[Stock]]: ...


@strawberry.type
class WrongQuery:
    @source.get("/wrong")
    def wrong(self) -> Wrong: ...


def test_entries_are_for_lists_of_objects_and_not_for_batches() -> None:
    with pytest.raises(GraphError) as caught:
        Graph(query=WrongQuery)
    assert caught.value.faults == [
        "Wrong.one: entries is for a list of objects, but the field is Place!",
        "Wrong.numbers: entries is for a list of objects, but the field is [Int!]!",
        "Wrong.mixed: entries is for a list of objects, but the field is [Thing!]!",
        "Wrong.stock: a batch gives lists of items, but the field is [StockEntry!]!, a map",
    ]


def test_an_argument_whose_type_is_a_map_is_sent_as_one() -> None:
    entry = graphql.GraphQLInputObjectType(
        "CountInput",
        {
            "key": graphql.GraphQLInputField(graphql.GraphQLNonNull(graphql.GraphQLString)),
            "value": graphql.GraphQLInputField(graphql.GraphQLInt),
        },
    )
    kind = as_entries(graphql.GraphQLNonNull(graphql.GraphQLList(graphql.GraphQLNonNull(entry))))
    assert isinstance(kind.of_type, Entries)
    assert wire_value([{"key": "b", "value": 1}, {"key": "a"}], kind, source) == {"b": 1, "a": None}
    with pytest.raises(graphql.GraphQLError, match=r"^An entry's key is given twice\.$"):
        wire_value([{"key": "b", "value": 1}, {"key": "b", "value": 2}], kind, source)


# -- what is no object ------------------------------------------------------------------------------------------------

THINGS = (
    "things { __typename ... on Word { word: value } ... on Number { number: value person { name } } "
    "... on Several { many: value { count } } ... on Loose { map: value { key value } } ... on Stock { count } }"
)


async def test_a_union_has_members_for_texts_numbers_lists_maps_and_objects() -> None:
    shop["/shop"] = {"Things": ["a word", 2, [{"Count": 1}, {"Count": 2}], {"x": 1}, None, {"Count": 3}]}
    assert await answered(f"{{ shop {{ {THINGS} }} }}") == {
        "data": {
            "shop": {
                "things": [
                    {"__typename": "Word", "word": "a word"},
                    {"__typename": "Number", "number": 2, "person": {"name": "Joseph"}},
                    {"__typename": "Several", "many": [{"count": 1}, {"count": 2}]},
                    {"__typename": "Loose", "map": [{"key": "x", "value": 1}]},
                    None,
                    {"__typename": "Stock", "count": 3},
                ]
            }
        }
    }


async def test_the_type_alone_may_be_asked_for() -> None:
    shop["/shop"] = {"Things": ["a word", 2, {"Count": 3}], "ByName": {"x": "word", "y": 7}}
    assert await answered("{ shop { things { __typename } byName { key value { __typename } } } }") == {
        "data": {
            "shop": {
                "things": [{"__typename": "Word"}, {"__typename": "Number"}, {"__typename": "Stock"}],
                "byName": [
                    {"key": "x", "value": {"__typename": "Word"}},
                    {"key": "y", "value": {"__typename": "Number"}},
                ],
            }
        }
    }


@pytest.mark.parametrize(
    ("thing", "place", "message"),
    [
        (1.5, [0], "shop answered an object of no known type where the schema promises Thing"),
        (2**40, [0, "number"], "shop answered a number where the schema promises a value of type Int"),
        ([7], [0, "many", 0], "shop answered a number where the schema promises an object"),
        ({"x": "y"}, [0, "map", 0, "value"], "shop answered a string where the schema promises a value of type Int"),
    ],
)
async def test_what_no_member_holds_is_an_error_at_its_place(thing: Json, place: list[Json], message: str) -> None:
    shop["/shop"] = {"Things": [thing]}
    found = await answered(f"{{ shop {{ {THINGS.replace('person { name }', '')} }} }}")
    assert errors_of(found) == [(["shop", "things", *place], message)]
    assert found["data"] == {"shop": {"things": [None]}}


Mistaken = Annotated[Word | Stock, strawberry.union("Mistaken"), discriminator(lambda found: Stock)]


@strawberry.type
class MistakenQuery:
    @source.get("/any")
    def any(self) -> Mistaken | None: ...


async def test_a_text_where_the_discriminator_names_an_object_type_is_an_error() -> None:
    shop["/any"] = "text"
    found = await Graph(query=MistakenQuery).execute("{ any { ... on Stock { count } } }")
    assert found["data"] == {"any": None}
    assert errors_of(found) == [(["any"], "shop answered a string where the schema promises an object")]


# -- types that no class declares -------------------------------------------------------------------------------------


def undeclared_schema() -> graphql.GraphQLSchema:
    """Make a schema as documents give it: marks in extensions, a map's type either marked or already one."""
    some, text = graphql.GraphQLNonNull, graphql.GraphQLString

    def shown(kind: Any, *path: str, entries: bool = False) -> graphql.GraphQLField:
        return graphql.GraphQLField(kind, extensions={"weft": PropertyMark(path, None, entries=entries)})

    pet = graphql.GraphQLObjectType("Pet", {"name": shown(some(text), "name")})
    word = graphql.GraphQLObjectType("WordBox", {"value": shown(some(text))})
    found = graphql.GraphQLUnionType(
        "Found",
        [pet, word],
        extensions={"weft": discriminator(lambda it: "Pet" if isinstance(it, dict) else "WordBox")},
    )
    entry = graphql.GraphQLObjectType("FoundEntry", {"key": shown(some(text), "key"), "value": shown(found, "value")})
    listed = graphql.GraphQLList(some(entry))
    house = graphql.GraphQLObjectType("House", {"pets": shown(listed, "pets", entries=True)})

    def called(kind: Any, path: str) -> graphql.GraphQLField:
        call = Call(source=crowd, single=Endpoint("GET", Template(path)), name=path)
        return graphql.GraphQLField(kind, extensions={"weft": call})

    root = {"house": called(house, "/house"), "pets": called(as_entries(listed), "/pets")}
    return graphql.GraphQLSchema(graphql.GraphQLObjectType("Query", root))


async def test_types_that_no_class_declares_may_be_maps_and_boxes() -> None:
    schema = undeclared_schema()
    engine = Engine(schema, bind(schema, Declared()))
    shop["/pets"] = {"b": {"name": "Rex"}, "a": "gone", "c": None}
    shop["/house"] = {"pets": shop["/pets"]}
    entries = "{ key value { ... on Pet { name } ... on WordBox { value } } }"
    request = Request(f"{{ house {{ pets {entries} }} pets {entries} }}", None, {})
    answer = await engine.answer(request, {}, lambda: None, key=object())
    expected = [
        {"key": "b", "value": {"name": "Rex"}},
        {"key": "a", "value": {"value": "gone"}},
        {"key": "c", "value": None},
    ]
    assert json.loads(answer.body) == {"data": {"house": {"pets": expected}, "pets": expected}}
    assert engine.compiled_answers == 1
