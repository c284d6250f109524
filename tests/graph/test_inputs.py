"""Input objects, lists in lists, one-of, and what the schema says about all of them: descriptions and deprecations."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Annotated, Any

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from graph import Graph, GraphError
from resolvers import Int64, field
from sources import FakeTransport, Rest

Json = Any

transport = FakeTransport(lambda method, target, body: 1)
source = Rest("s", "http://s.example", naming="camel", client=transport)


@strawberry.input
class Point:
    """Where."""

    x: int
    y: int = 0


@strawberry.input(description="What to order.")
class Order:
    item_id: strawberry.ID
    amount: int = 1
    note: str | None = None
    gift: str | None = "none"
    due: dt.date = dt.date(2026, 1, 31)
    place: Point = strawberry.field(default_factory=lambda: Point(x=5))
    grid: list[list[Int64 | None] | None] = strawberry.field(default_factory=lambda: [[Int64(1)], None])
    path: list[list[Point]] | None = strawberry.UNSET
    colour: Annotated[str | None, strawberry.argument(description="unused")] = strawberry.field(
        default=None, description="Any colour.", deprecation_reason="all are black"
    )


@strawberry.input(one_of=True, description="By one of these.")
class By:
    id: strawberry.ID | None = strawberry.UNSET
    order_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its name.", deprecation_reason="names change"
    )
    place: Point | None = strawberry.UNSET


@strawberry.input(one_of=True)
class Perhaps:
    one: strawberry.Maybe[int]
    two: strawberry.Maybe[str]


@strawberry.input
class Nested:
    by: By
    more: list[By] | None = strawberry.UNSET


@strawberry.type
class Thing:
    name: str | None
    title: str | None = field("name", description="Its name.", deprecation_reason="use name")

    @source.get("/things/{name}/label", deprecation_reason="labels are gone")
    def label(self) -> str | None:
        """What it says."""


@strawberry.type
class Query:
    @source.get("/n{?sizes*}")
    def n(self, sizes: list[int] | None = None) -> int | None: ...

    @source.get("/thing{?old}", deprecation_reason="there are no things")
    def thing(
        self,
        old: Annotated[
            int | None, strawberry.argument(description="How old.", deprecation_reason="age is a number")
        ] = 3,
    ) -> Thing | None:
        """A thing."""

    @strawberry.field
    def told(self, order: Order, by: By) -> str:
        return f"{order.amount} {order.note} {order.place.x} {by.id}"


@strawberry.type
class Mutation:
    @source.post("/orders", body="{order}")
    def order(self, order: Order) -> int | None: ...

    @source.post("/find", body="{by}")
    def find(self, by: By) -> int | None: ...

    @source.post("/perhaps", body="{by}")
    def perhaps(self, by: Perhaps) -> int | None: ...

    @source.post("/nested", body="{nested}", deprecation_reason="too deep")
    def nested(self, nested: Nested) -> int | None: ...

    @source.put("/grid", body="{grid}")
    def grid(self, grid: list[list[list[int | None] | None]]) -> int | None: ...


weft = Graph(query=Query, mutation=Mutation)


def asked(query: str, variables: dict[str, Json] | None = None) -> dict[str, Json]:
    return asyncio.run(weft.execute(query, variables))


def sent(query: str, variables: dict[str, Json] | None = None) -> Json:
    """Give the body that the backend is sent."""
    read = asked(query, variables)
    assert "errors" not in read
    return json.loads(transport.bodies[-1] or b"null")


def written(value: Json) -> str:
    """Write JSON as a literal of a document."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(item)}" for name, item in value.items()) + "}"
    return f"[{', '.join(map(written, value))}]" if isinstance(value, list) else json.dumps(value)


def both(field: str, argument: str, kind: str, value: Json) -> Json:
    """Give the body that is sent for a value: the same as a literal and as a variable."""
    literal = sent(f"mutation {{ {field}({argument}: {written(value)}) }}")
    assert sent(f"mutation ($v: {kind}) {{ {field}({argument}: $v) }}", {"v": value}) == literal
    return literal


# -- defaults ---------------------------------------------------------------------------------------------------------

DEFAULTS = {"amount": 1, "gift": "none", "due": "2026-01-31", "place": {"x": 5, "y": 0}, "grid": [[1], None]}


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        ({}, {}),
        ({"amount": 2}, {"amount": 2}),
        ({"note": None}, {"note": None}),
        ({"gift": None}, {"gift": None}),
        ({"place": {"x": 1}}, {"place": {"x": 1, "y": 0}}),
        ({"grid": []}, {"grid": []}),
        ({"grid": [[None, 9007199254740993]]}, {"grid": [[None, 9007199254740993]]}),
        ({"path": [[{"x": 1}], []]}, {"path": [[{"x": 1, "y": 0}], []]}),
        ({"path": None}, {"path": None}),
        ({"colour": "red"}, {"colour": "red"}),
    ],
)
def test_what_a_client_leaves_out_is_the_declared_default_and_null_is_null(given: Json, wire: Json) -> None:
    body = both("order", "order", "Order!", {"itemId": "7", **given})
    assert body == {"itemId": "7", **DEFAULTS, **wire}


def test_a_variable_that_is_not_given_leaves_the_default() -> None:
    query = "mutation ($a: Int, $n: String) { order(order: {itemId: 7, amount: $a, note: $n}) }"
    assert sent(query) == {"itemId": "7", **DEFAULTS}
    assert sent(query, {"a": 2, "n": None}) == {"itemId": "7", **DEFAULTS, "amount": 2, "note": None}
    (error,) = asked(query, {"a": None})["errors"]
    assert (error["path"], error["extensions"]) == (["order"], {"code": "BAD_USER_INPUT"})


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({}, "itemId"),
        ({"itemId": "7", "amount": None}, ".amount"),
        ({"itemId": "7", "amount": "1"}, ".amount"),
        ({"itemId": "7", "place": {}}, "x"),
        ({"itemId": "7", "grid": [[1.5]]}, ".grid[0][0]"),
        ({"itemId": "7", "path": [[None]]}, ".path[0][0]"),
        ({"itemId": "7", "due": "2026-02-30"}, ".due"),
        ({"itemId": "7", "more": 1}, "more"),
        ([], "Order"),
        ("x", "Order"),
    ],
)
def test_what_does_not_fit_is_the_clients_error_with_its_place(order: Json, told: str) -> None:
    read = asked("mutation ($o: Order!) { order(order: $o) }", {"o": order})
    assert {error["extensions"]["code"] for error in read["errors"]} == {"BAD_USER_INPUT"}
    assert read["errors"][0]["message"].startswith("Variable '$o' has invalid value")
    assert told in read["errors"][0]["message"]
    read = asked(f"mutation {{ order(order: {written(order)}) }}")
    assert {error["extensions"]["code"] for error in read["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}


def test_python_is_given_instances_with_defaults() -> None:
    assert asked("{ told(order: {itemId: 7}, by: {id: 3}) }") == {"data": {"told": "1 None 5 3"}}


GRIDS = st.lists(st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), st.integers(-9, 9))))))


@given(GRIDS)
def test_lists_in_lists_reach_a_backend_as_they_are(grid: Json) -> None:
    assert both("grid", "grid", "[[[Int]]!]!", grid) == grid


def test_one_value_for_lists_in_lists_is_a_list_in_a_list() -> None:
    assert both("grid", "grid", "[[[Int]]!]!", 1) == [[[1]]]
    assert both("grid", "grid", "[[[Int]]!]!", [[1]]) == [[[1]]]


# -- one of -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "wire"),
    [
        ({"id": "7"}, {"id": "7"}),
        ({"orderName": "x"}, {"orderName": "x"}),
        ({"place": {"x": 1}}, {"place": {"x": 1, "y": 0}}),
    ],
)
def test_the_one_member_is_sent(by: Json, wire: Json) -> None:
    assert both("find", "by", "By!", by) == wire


def test_one_member_of_those_that_may_be_left_out_is_sent() -> None:
    assert both("perhaps", "by", "Perhaps!", {"two": "x"}) == {"two": "x"}


def test_members_in_lists_and_nested_objects_are_sent() -> None:
    nested = {"by": {"id": "7"}, "more": [{"orderName": "x"}, {"id": "8"}]}
    assert both("nested", "nested", "Nested!", nested) == nested


@pytest.mark.parametrize(
    "by",
    [{}, {"id": None}, {"id": "7", "orderName": "x"}, {"id": "7", "orderName": None}, {"id": None, "orderName": None}],
)
def test_none_several_or_null_is_the_clients_error(by: Json) -> None:
    calls = len(transport.calls)
    for kind, place, value in (("By!", "find(by: %s)", by), ("Nested!", "nested(nested: %s)", {"by": by})):
        read = asked(f"mutation ($v: {kind}) {{ {place % '$v'} }}", {"v": value})
        assert {error["extensions"]["code"] for error in read["errors"]} == {"BAD_USER_INPUT"}
        assert read["errors"][0]["message"].startswith("Variable '$v' has invalid value")
        assert "exactly one" in read["errors"][0]["message"]
        read = asked(f"mutation {{ {place % written(value)} }}")
        assert {error["extensions"]["code"] for error in read["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}
    assert len(transport.calls) == calls


@pytest.mark.parametrize("variables", [{}, {"id": None}])
def test_a_variable_for_the_one_member_may_not_be_null(variables: Json) -> None:
    calls = len(transport.calls)
    (error,) = asked("mutation ($id: ID) { find(by: {id: $id}) }", variables)["errors"]
    assert (error["path"], error["extensions"]) == (["find"], {"code": "BAD_USER_INPUT"})
    assert len(transport.calls) == calls
    assert sent("mutation ($id: ID!) { find(by: {id: $id}) }", {"id": "7"}) == {"id": "7"}


def test_the_schema_says_one_of() -> None:
    assert '"""By one of these."""\ninput By @oneOf {\n' in weft.sdl()
    assert asked('{ __type(name: "By") { isOneOf } }') == {"data": {"__type": {"isOneOf": True}}}
    assert asked('{ __type(name: "Order") { isOneOf } }') == {"data": {"__type": {"isOneOf": False}}}


# -- descriptions and deprecations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '  """A thing."""\n  thing(\n    """How old."""\n    old: Int = 3 @deprecated(reason: "age is a number")\n'
        '  ): Thing @deprecated(reason: "there are no things")\n',
        '  """Its name."""\n  title: String @deprecated(reason: "use name")\n',
        '  """What it says."""\n  label: String @deprecated(reason: "labels are gone")\n',
        '  nested(nested: Nested!): Int @deprecated(reason: "too deep")\n',
        '"""What to order."""\ninput Order {\n',
        '  """Any colour."""\n  colour: String @deprecated(reason: "all are black")\n',
        '  """Its name."""\n  orderName: String @deprecated(reason: "names change")\n',
        '  due: Date! = "2026-01-31"\n',
    ],
)
def test_descriptions_deprecations_and_defaults_are_in_the_schema(text: str) -> None:
    assert text in weft.sdl()


def test_what_is_deprecated_shows_when_it_is_asked_for() -> None:
    read = asked(
        """{
            query: __type(name: "Query") { fields { name } all: fields(includeDeprecated: true) {
                name isDeprecated deprecationReason args(includeDeprecated: true) { name deprecationReason }
            } }
            by: __type(name: "By") { inputFields { name } all: inputFields(includeDeprecated: true) { name } }
        }"""
    )
    assert "thing" not in [found["name"] for found in read["data"]["query"]["fields"]]
    assert {
        "name": "thing",
        "isDeprecated": True,
        "deprecationReason": "there are no things",
        "args": [{"name": "old", "deprecationReason": "age is a number"}],
    } in read["data"]["query"]["all"]
    assert read["data"]["by"] == {
        "inputFields": [{"name": "id"}, {"name": "place"}],
        "all": [{"name": "id"}, {"name": "orderName"}, {"name": "place"}],
    }


def test_what_is_deprecated_still_works() -> None:
    assert asked("{ thing(old: 5) { __typename } }")["errors"][0]["extensions"]["code"] == "UPSTREAM_INVALID"
    assert transport.calls[-1] == "GET /thing?old=5"


@strawberry.input
class Required:
    must: int = strawberry.field(deprecation_reason="no")
    other: int = strawberry.field(deprecation_reason="no")


def test_to_deprecate_what_is_required_is_a_fault_and_does_not_hide_others() -> None:
    def wrong(self: Any, x: Any, y: Any) -> Any: ...

    wrong.__annotations__ = {
        "x": Annotated[int, strawberry.argument(deprecation_reason="no")],
        "y": Required | None,
        "return": int | None,
    }

    def other(self: Any) -> Any: ...

    other.__annotations__["return"] = int | None
    members = {"wrong": source.get("/wrong{?x,y}")(wrong), "other": source.get("/other/{lost}")(other)}
    with pytest.raises(GraphError) as raised:
        Graph(query=strawberry.type(type("Query", (), members)))
    assert sorted(raised.value.faults) == [
        "Query.other: nobody supplies {lost} of GET /other/{lost}; arguments and attributes are: nothing",
        "the schema: Required argument Query.wrong(x:) cannot be deprecated.",
        "the schema: Required input field Required.must cannot be deprecated.",
        "the schema: Required input field Required.other cannot be deprecated.",
    ]


def test_a_default_in_a_one_of_is_a_fault() -> None:
    @strawberry.input(one_of=True)
    class Wrong:
        x: int | None = None

    def find(self: Any, by: Any) -> Any: ...

    find.__annotations__ = {"by": Wrong, "return": int | None}
    with pytest.raises(GraphError, match="`x` of the OneOf input type `Wrong` can't have a default value"):
        Graph(query=strawberry.type(type("Query", (), {"find": source.post("/find")(find)})))


@strawberry.input(one_of=True)
class Either:
    id: strawberry.Maybe[str]
    name: strawberry.Maybe[str]


@strawberry.type
class Finding:
    @strawberry.field
    def found(self, by: Either) -> str:
        return "it"


def test_a_one_of_input_leaves_the_printed_schema_as_it_is_elsewhere() -> None:
    printed = Graph(query=Finding).sdl()
    assert "input Either @oneOf {" in printed
    assert "directive @defer" not in printed
