"""What an operation is estimated to cost, and what happens where that is too much."""

from __future__ import annotations

import enum
from typing import Annotated, Any, NoReturn

import graphql
import pytest
import strawberry

from graph import Graph, GraphError, Limits, RequestError
from graph.cost import Cost as Estimated
from graph.explain import explain
from resolvers import Cost, ListSize, field, link
from sources import FakeTransport, Rest

backend = FakeTransport(lambda method, target, body: [])
source = Rest("people", "http://people.example", client=backend, max_batch=4)


def estimate(graph: Graph, query: str, variables: dict[str, Any] | None = None) -> Estimated:
    operations = graph.engine.operations
    operation = operations.get(query, None)
    coerced = operations.variables(operation, variables)
    return operations.variant(operation, coerced).estimate.at(coerced.coerced)


def costs(graph: Graph, query: str, variables: dict[str, Any] | None = None) -> tuple[float, float]:
    """Give field and type cost."""
    found = estimate(graph, query, variables)
    return found.fields, found.types


@source.entity(get="/teams/{id}", batch="/teams{?id*}")
class Team:
    id: int


@source.entity(get="/users/{id}")
class Person:
    id: int
    team: Team | None = link("team_id")
    alone: Person | None = link("friend_id")
    friends: list[Team] = link("friend_ids")

    @source.get("/users/{id}/notes{?limit}")
    def notes(self, limit: int) -> list[str]: ...


# -- the specification's rules ----------------------------------------------------------------------------------------


@strawberry.enum(directives=[Cost(weight="0.5")])
class Colour(enum.Enum):
    RED = "red"


@strawberry.input
class Filter:
    within: Filter | None = None
    words: list[str] | None = None
    cheap: bool | None = strawberry.field(default=None, directives=[Cost(weight="-12.0")])


@strawberry.type
class User:
    name: str = ""
    age: int = field(directives=[Cost(weight="2.0")])
    colours: list[Colour] = strawberry.field(directives=[ListSize(assumed_size=4)])
    friends: list[User] = strawberry.field(default_factory=list)
    groups: list[list[User]] = strawberry.field(default_factory=list)


@strawberry.type(directives=[Cost(weight="3")])
class Robot:
    name: str
    maker: User


@strawberry.type
class UserEdge:
    node: User


@strawberry.type
class UserPage:
    total: int
    edges: list[UserEdge]
    nodes: list[User]
    hints: list[User]


def given() -> NoReturn:
    raise AssertionError("nothing is executed")


@strawberry.type
class SpecificationQuery:
    @strawberry.field(directives=[ListSize(slicing_arguments=["max"])])
    def users(self, max: int) -> list[User]:
        given()

    @ListSize(slicing_arguments=["first", "last"], sized_fields=["edges"])
    @strawberry.field
    def pages(self, first: int | None = None, last: int | None = None) -> UserPage:
        given()

    @ListSize(slicing_arguments=["a", "b"], require_one_slicing_argument=False, assumed_size=7)
    @strawberry.field
    def loose(self, a: int | None = None, b: int | None = 3) -> list[User]:
        given()

    @Cost(weight="5.0")
    @ListSize(assumed_size=10)
    @strawberry.field
    def top(
        self,
        filter: Annotated[Filter | None, strawberry.argument(directives=[Cost(weight="15.0")])] = None,
        approx: Annotated[bool | None, strawberry.argument(directives=[Cost(weight="-30.0")])] = None,
    ) -> list[str]:
        given()

    @strawberry.field
    def anyone(self) -> User | Robot:
        given()

    @strawberry.field
    def plain(self, filter: Filter | None = None) -> User:
        given()

    @strawberry.field
    def page(self, first: int = 5, after: str | None = None) -> UserPage:
        given()


specification = Graph(query=SpecificationQuery)


@pytest.mark.parametrize(
    ("query", "fields", "types"),
    [
        ("{ users(max: 5) { age } }", 1 + 5 * 2, 1 + 5),
        ("{ users(max: 5) { name } }", 1, 1 + 5),
        ("{ users(max: 0) { age } }", 1, 1),
        ("{ users(max: -5) { age } }", 1, 1),
        ("{ plain { __typename name } }", 1, 2),
        ("{ plain { friends { friends { age } } } }", 1 + 1 + 10 * (1 + 10 * 2), 1 + 1 + 10 * (1 + 10)),
        ("{ plain { groups { age } } }", 1 + 1 + 100 * 2, 1 + 1 + 100),
        ("{ plain { colours } }", 1, 1 + 1 + 4 * 0.5),
        ("{ a: plain { age } b: plain { age } }", 2 * 3, 1 + 2),
        ("{ plain { age age } plain { age } }", 3, 2),
        ("{ top }", 5, 1),
        ("{ top(approx: true) }", 0, 1),
        ('{ top(filter: {words: ["a"]}) }', 5 + 15, 1),
        ("{ top(filter: {cheap: true}) }", 5 + 15 - 12, 1),
        ("{ top(filter: {within: {cheap: true}}) }", 5 + 15 - 12, 1),
        ("{ plain(filter: {}) { name } }", 2, 2),
        ("{ anyone { ... on User { age } } }", 1 + 2, 1 + 3),
        ("{ anyone { ... on Robot { name maker { age } } ... on User { age } } }", 1 + 1 + 2, 1 + 3 + 1),
    ],
)
def test_cost_follows_the_specification(query: str, fields: float, types: float) -> None:
    assert costs(specification, query) == (fields, types)


@pytest.mark.parametrize(
    ("query", "edges", "nodes"),
    [
        ("{ pages(first: 3) { edges { node { age } } } }", 3, 0),
        ("{ pages(last: 4) { edges { node { age } } nodes { age } } }", 4, 10),
        ("{ page { edges { node { age } } nodes { age } } }", 5, 5),
        ("{ page(first: 2) { edges { node { age } } nodes { age } } }", 2, 2),
        ("{ page(first: 2) { hints { age } } }", 0, 0),
    ],
)
def test_a_page_sizes_the_lists_that_it_holds(query: str, edges: int, nodes: int) -> None:
    lists = query.count("edges") + query.count("nodes") + query.count("hints")
    hints = 10 if "hints" in query else 0
    assert costs(specification, query) == (
        1 + lists + edges * 3 + nodes * 2 + hints * 2,
        2 + edges * 2 + nodes + hints,
    )


@pytest.mark.parametrize(
    ("arguments", "length"),
    [
        ("", 3),
        ("(a: 5)", 5),
        ("(a: 1)", 3),
        ("(a: 1, b: 2)", 2),
        ("(a: 5, b: 9)", 9),
        ("(b: null)", 7),
        ("(a: null)", 3),
    ],
)
def test_the_largest_slicing_argument_counts(arguments: str, length: int) -> None:
    assert costs(specification, f"{{ loose{arguments} {{ name }} }}") == (1, 1 + length)


@pytest.mark.parametrize("arguments", ["", "(first: 1, last: 1)", "(first: null)"])
def test_a_list_that_must_be_sliced_once_is_refused_otherwise(arguments: str) -> None:
    with pytest.raises(RequestError) as caught:
        costs(specification, f"{{ pages{arguments} {{ total }} }}")
    [error] = caught.value.report()["errors"]
    assert error["message"] == "SpecificationQuery.pages takes exactly one of these arguments: first, last"
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert error["locations"] == [{"line": 1, "column": 3}]


# -- variables --------------------------------------------------------------------------------------------------------


PER_USER = 2 + 1 + 10 * 2


@pytest.mark.parametrize(
    ("variables", "length"),
    [({"n": 5}, 5), ({"n": 0}, 0), ({"n": -7}, 0), ({"n": None}, 7), ({}, 7), ({"n": 1_000}, 1_000)],
)
def test_a_length_may_be_a_variable(variables: dict[str, Any], length: int) -> None:
    query = "query($n: Int) { loose(a: $n, b: 0) { age friends { age } } }"
    assert costs(specification, query, variables) == (1 + length * PER_USER, 1 + length * 11)


def test_a_default_of_the_variable_or_of_the_argument_counts() -> None:
    assert costs(specification, "query($n: Int = 6) { loose(a: $n, b: 0) { age } }")[0] == 1 + 6 * 2
    assert costs(specification, "query($n: Int!) { page(first: $n) { edges { node { name } } } }", {"n": 2})[0] == 4
    assert costs(specification, "query($n: Int = 4) { page(first: $n) { edges { node { age } } } }")[0] == 2 + 4 * 3


@strawberry.type
class Branch:
    @strawberry.field
    def twigs(self, first: int) -> list[Branch]:
        given()

    @strawberry.field
    def either(self, first: int) -> list[Twig | Branch]:
        given()


@strawberry.type
class Twig:
    @strawberry.field
    def twigs(self, first: int) -> list[Branch]:
        given()


@strawberry.type
class TreeQuery:
    @strawberry.field
    def branches(self, first: int) -> list[Branch]:
        given()


def test_lengths_multiply_whether_they_are_variables_or_not() -> None:
    graph = Graph(query=TreeQuery)
    query = """query($a: Int!, $b: Int!) { branches(first: $a) {
        twigs(first: 3) { twigs(first: $b) { __typename } }
        either(first: 2) {
            ... on Twig { twigs(first: $b) { __typename } }
            ... on Branch { twigs(first: 4) { __typename } }
        }
    } }"""
    for a, b in ((2, 5), (5, 2), (0, 9), (1, 1)):
        fields, types = 1 + 3 + 1 + 2, 1 + 3 * (1 + b) + 2 * (1 + max(b, 4))
        assert costs(graph, query, {"a": a, "b": b}) == (1 + a * fields, 1 + a * types)


@pytest.mark.parametrize("length", ["2147483647", "$n"])
def test_lengths_beyond_all_numbers_are_too_many_and_hide_nothing(length: str) -> None:
    graph = Graph(query=TreeQuery, limits=Limits(max_depth=None))
    huge = f"twigs(first: {length}) {{ " * 100 + "__typename" + " }" * 100
    head, variables = "query($n: Int!)" if "$" in length else "query", {"n": 2_147_483_647}
    with pytest.raises(RequestError) as caught:
        estimate(graph, f"{head} {{ branches(first: 1) {{ {huge} }} }}", variables)
    assert caught.value.code == "LIMIT_EXCEEDED"
    some = "some: branches(first: 5) { twigs(first: 1) { __typename } }"
    assert costs(graph, f"{head} {{ none: branches(first: 0) {{ {huge} }} {some} }}", variables) == (2 + 5, 1 + 5 + 5)


async def test_an_operation_is_refused_for_the_values_that_make_it_dear() -> None:
    @strawberry.type
    class Query:
        @source.get("/users{?limit}")
        def users(self, limit: int = 10) -> list[Person]: ...

    backend.calls.clear()
    graph = Graph(query=Query, limits=Limits(max_cost=101))
    query = "query($n: Int!) { users(limit: $n) { id } }"
    assert await graph.execute(query, {"n": 100}) == {"data": {"users": []}}
    assert backend.calls == ["GET /users?limit=100"]
    for _ in range(2):
        answer = await graph.execute(query, {"n": 101})
        assert answer["errors"] == [
            {
                "message": "the operation's estimated cost is 102, more than 101",
                "extensions": {"code": "LIMIT_EXCEEDED"},
            }
        ]
    assert await graph.execute(query, {"n": 99}) == {"data": {"users": []}}
    assert backend.calls == ["GET /users?limit=100", "GET /users?limit=99"]


# -- upstream calls ---------------------------------------------------------------------------------------------------


@strawberry.type
class CallsQuery:
    @source.get("/users{?limit}")
    def users(self, limit: int = 6) -> list[Person]: ...
    @source.get("/users/{id}")
    def user(self, id: int) -> Person | None: ...
    @strawberry.field
    def hello(self) -> str:
        return "hello"


@strawberry.type
class CallsMutation:
    @source.post("/users")
    def add(self, name: str) -> Person: ...


calling = Graph(query=CallsQuery, mutation=CallsMutation, limits=Limits(max_upstream_calls=60))


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ("{ hello }", 0),
        ("{ users { id } }", 1),
        ("{ a: users { id } b: users { id } c: users(limit: 2) { id } }", 2),
        ("{ users(limit: 0) { team { id } } }", 1),
        ("{ users(limit: 4) { team { id } } }", 1 + 1),
        ("{ users(limit: 5) { team { id } } }", 1 + 2),
        ("{ users(limit: 4) { team { id } other: team { id } } }", 1 + 2),
        ("{ users { alone { id } } }", 1 + 6),
        ("{ users(limit: 3) { notes(limit: 9) } }", 1 + 3),
        ("{ users(limit: 3) { friends { id } } }", 1 + 8),
        ("{ users(limit: 2) { alone { alone { team { id } } } } }", 1 + 2 + 2 + 1),
        ('mutation { a: add(name: "a") { id } b: add(name: "a") { id } }', 2),
        ('mutation { a: add(name: "a") { team { id } } b: add(name: "a") { team { id } } }', 4),
    ],
)
def test_upstream_calls_are_counted_at_their_worst(query: str, calls: int) -> None:
    assert estimate(calling, query).calls == calls


async def test_too_many_upstream_calls_are_refused_before_the_first() -> None:
    backend.calls.clear()
    answer = await calling.execute("{ users(limit: 60) { alone { id } } }")
    assert answer["errors"][0]["message"] == "the operation may need 61 upstream calls, more than 60"
    assert answer["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}
    assert backend.calls == []
    assert await calling.execute("{ users(limit: 59) { alone { id } } }") == {"data": {"users": []}}


def test_explain_prints_the_cost() -> None:
    lines = explain(calling, "query($n: Int!) { users(limit: $n) { alone { id } } }").splitlines()
    assert "cost: 7 for fields, 13 for types; at most 7 upstream calls" in lines


# -- declaring --------------------------------------------------------------------------------------------------------


@Cost(weight="2.5")
@source.entity(get="/boxes/{id}")
class Box:
    """A box."""

    id: int
    colour: Colour

    @ListSize(slicing_arguments=["max"], require_one_slicing_argument=False, assumed_size=3)
    @Cost(weight="4")
    @source.get("/boxes/{id}/names{?max,prefix}")
    def names(
        self,
        prefix: Annotated[str | None, strawberry.argument(directives=[Cost(weight="1")])] = None,
        max: int | None = None,
    ) -> list[str]:
        """Its names."""


def test_costs_stand_in_the_printed_schema_and_nothing_else_changes() -> None:
    @strawberry.type
    class Query:
        @source.get("/boxes/{id}")
        def box(self, id: int) -> Box | None: ...
        @strawberry.field(deprecation_reason="no", directives=[Cost(weight="9")])
        def old(self, filter: Filter | None = None) -> int:
            return 1

    graph = Graph(query=Query)
    printed = graph.sdl()
    graphql.build_schema(printed)
    assert 'type Box @cost(weight: "2.5") {' in printed
    assert 'names(prefix: String @cost(weight: "1"), max: Int): [String!]! ' in printed
    assert '@listSize(assumedSize: 3, slicingArguments: ["max"], requireOneSlicingArgument: false)' in printed
    assert 'old(filter: Filter): Int! @deprecated(reason: "no") @cost(weight: "9")' in printed
    assert 'enum Colour @cost(weight: "0.5") {' in printed
    assert 'cheap: Boolean @cost(weight: "-12.0")' in printed
    assert "directive @cost(weight: String!) on" in printed
    assert "sizedFields: [String!]" in printed
    described: Any = graph.schema.to_kwargs()
    described["directives"] = [found for found in graph.schema.directives if found.name not in ("defer", "stream")]
    bare = graphql.print_schema(graphql.GraphQLSchema(**described)) + "\n"
    for applied in (
        ' @cost(weight: "4")',
        ' @cost(weight: "2.5")',
        ' @cost(weight: "1")',
        ' @cost(weight: "9")',
        ' @cost(weight: "0.5")',
        ' @cost(weight: "-12.0")',
        ' @listSize(assumedSize: 3, slicingArguments: ["max"], requireOneSlicingArgument: false)',
    ):
        printed = printed.replace(applied, "")
    assert printed == bare


@Cost(weight="2.5")
@source.entity(get="/crates/{id}")
class Crate:
    id: int


def test_costs_above_a_stub_and_an_entity_count() -> None:
    @strawberry.type
    class Query:
        @ListSize(assumed_size=4)
        @Cost(weight="6")
        @source.get("/crates")
        def crates(self) -> list[Crate]: ...

    assert costs(Graph(query=Query), "{ crates { id } }") == (6, 1 + 4 * 2.5)


@strawberry.interface(directives=[Cost(weight="1")])
class Named:
    name: str


@strawberry.type(directives=[Cost(weight="heavy"), Cost(weight="1")])
class Faulty(Named):
    parts: list[str]


def test_what_is_wrong_with_costs_is_reported_with_all_other_faults() -> None:
    @strawberry.type
    class Query:
        @strawberry.field(directives=[ListSize(slicing_arguments=["most", "word"], assumed_size=-1)])
        def things(
            self, word: str, max: Annotated[int, strawberry.argument(directives=[Cost(weight="nan")])]
        ) -> list[Faulty]:
            given()

        @strawberry.field(directives=[ListSize()])
        def thing(self) -> Faulty:
            given()

        @strawberry.field(directives=[ListSize(assumed_size=1, sized_fields=["name", "parts", "others"])])
        def other(self) -> Faulty:
            given()

        @source.get("/things/{nobody}")
        def broken(self) -> str: ...

    with pytest.raises(GraphError) as caught:
        Graph(query=Query)
    assert sorted(caught.value.faults) == [
        "Faulty: Cost is given 2 times",
        "Faulty: Cost(weight='heavy') is not a number",
        "Named: Cost stands on an abstract type, whose cost is that of its dearest object type",
        "Query.broken: nobody supplies {nobody} of GET /things/{nobody}; arguments and attributes are: nothing",
        "Query.other: ListSize names the field 'name', which is no list of Faulty!",
        "Query.other: ListSize names the field 'others', which is no list of Faulty!",
        "Query.thing: ListSize needs assumed_size or slicing_arguments",
        "Query.thing: ListSize stands on a field that is no list; sized_fields names the lists of its object",
        "Query.things(max:): Cost(weight='nan') is not a number",
        "Query.things: ListSize names the argument 'most'; arguments are: word, max",
        "Query.things: ListSize names the argument 'word', which is not an Int",
        "Query.things: ListSize(assumed_size=-1) is less than 0",
    ]
