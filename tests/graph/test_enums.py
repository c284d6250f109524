"""Enums: what a backend says becomes a member, a member is sent as the backend says it, and the unknown is an error."""

from __future__ import annotations

import asyncio
import enum
from typing import Any

import pytest
import strawberry

from graph import Graph, GraphError
from resolvers import field
from sources import FakeTransport, Rest

Json = Any

answer: Json = {}
transport = FakeTransport(lambda method, target, body: answer)


@strawberry.enum(description="What happens to a parcel.")
class Status(enum.Enum):
    ACTIVE = strawberry.enum_value("active", description="Under way.")
    DONE = "done"
    LOST = strawberry.enum_value("lost", deprecation_reason="parcels are found again")


@strawberry.enum
class Colour(enum.Enum):
    """One that takes several spellings, and whatever is unknown."""

    RED = "red"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> Colour | None:
        if isinstance(value, str):
            return {"rouge": cls.RED, "nonsense": None, "junk": "junk"}.get(value, cls.OTHER)  # type: ignore[return-value]
        if isinstance(value, float):
            raise RuntimeError("s3cret")
        return None


@strawberry.enum
class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


plain = Rest("plain", "http://plain.example", client=transport)
coded = Rest(
    "coded",
    "http://coded.example",
    values={
        Status: {"A": Status.ACTIVE, "ACT": Status.ACTIVE, "D": Status.DONE},
        Level: {"low": Level.LOW, "high": Level.HIGH},
    },
    client=transport,
)


@strawberry.type
class Parcel:
    status: Status | None
    colour: Colour | None
    level: Level | None
    history: list[Status | None] | None
    grid: list[list[Status | None] | None] | None
    state: Status | None = field(values={1: Status.ACTIVE, 2: Status.DONE})
    states: list[Status | None] | None = field("states", values={1: Status.ACTIVE, 2: Status.DONE})

    @strawberry.field
    def seen(self) -> str:
        return f"{self.status} {self.state} {self.colour}"


@strawberry.type
class Strict:
    status: Status


@strawberry.input
class Search:
    status: Status | None = strawberry.UNSET
    any_of: list[list[Status]] | None = strawberry.UNSET
    level: Level = Level.HIGH


@strawberry.type
class Load:
    status: Status

    @coded.get("/load/{status}")
    def weight(self) -> int | None: ...

    @coded.get("/parcels{?status}", batch="/parcels{?status*}", group_by="status")
    def parcels(self) -> list[Parcel]: ...


@strawberry.type
class Query:
    @strawberry.field
    def loads(self) -> list[Load]:
        return [Load(status=Status.ACTIVE), Load(status=Status.DONE)]

    @plain.get("/parcel{?status,statuses*,level}")
    def parcel(
        self, status: Status | None = None, statuses: list[Status] | None = None, level: Level | None = None
    ) -> Parcel | None: ...

    @coded.get("/parcel{?status,statuses*,level}")
    def coded_parcel(
        self, status: Status | None = None, statuses: list[Status] | None = None, level: Level | None = None
    ) -> Parcel | None: ...

    @plain.get("/strict")
    def strict(self) -> Strict | None: ...

    @plain.get("/status")
    def status(self) -> Status | None: ...


@strawberry.type
class Mutation:
    @plain.post("/search")
    def search(self, search: Search) -> bool | None: ...

    @coded.post("/search")
    def coded_search(self, search: Search) -> bool | None: ...


weft = Graph(query=Query, mutation=Mutation)


def asked(query: str, said: Json = None, variables: dict[str, Json] | None = None) -> dict[str, Json]:
    global answer
    answer = said
    return asyncio.run(weft.execute(query, variables))


def shown(name: str, said: Json, root: str = "parcel") -> Json:
    """Give what a client reads where the backend says this: by the compiled path, and the same by the exact one."""
    query = f"{{ {root} {{ {name} }} }}"
    before = weft.engine.compiled_answers
    compiled = asked(query, {name: said})
    assert weft.engine.compiled_answers == before + 1
    assert asked(f"{{ {root} {{ {name} seen }} }}", {name: said})["data"][root][name] == compiled["data"][root][name]
    return compiled["data"][root][name]


@pytest.mark.parametrize(
    ("root", "name", "said", "read"),
    [
        ("parcel", "status", "active", "ACTIVE"),
        ("parcel", "status", "ACTIVE", "ACTIVE"),  # a name will do where no value is spelled like it
        ("parcel", "status", None, None),
        ("parcel", "colour", "red", "RED"),
        ("parcel", "colour", "rouge", "RED"),
        ("parcel", "colour", "ultraviolet", "OTHER"),
        ("parcel", "level", 10, "HIGH"),
        ("parcel", "history", ["done", None, "active"], ["DONE", None, "ACTIVE"]),
        ("parcel", "grid", [["done"], None, [None]], [["DONE"], None, [None]]),
        ("parcel", "state", 1, "ACTIVE"),
        ("parcel", "state", "done", "DONE"),  # a map adds spellings
        ("parcel", "states", [2, 1, None], ["DONE", "ACTIVE", None]),
        ("codedParcel", "status", "A", "ACTIVE"),
        ("codedParcel", "status", "ACT", "ACTIVE"),
        ("codedParcel", "status", "lost", "LOST"),
        ("codedParcel", "level", "low", "LOW"),
        ("codedParcel", "history", ["D", "A"], ["DONE", "ACTIVE"]),
        ("codedParcel", "state", 2, "DONE"),
    ],
)
def test_what_a_backend_says_is_a_member(root: str, name: str, said: Json, read: Json) -> None:
    assert shown(name, said, root) == read


def test_a_scalar_reply_may_be_an_enum() -> None:
    assert asked("{ status }", "active") == {"data": {"status": "ACTIVE"}}


@pytest.mark.parametrize(
    ("root", "name", "said"),
    [
        ("parcel", "status", "s3cret"),
        ("parcel", "status", 1),
        ("parcel", "status", ""),
        ("parcel", "status", ["active"]),
        ("parcel", "status", {}),
        ("parcel", "status", True),
        ("parcel", "level", True),
        ("parcel", "level", 1.5),
        ("parcel", "level", "10"),
        ("parcel", "colour", "nonsense"),
        ("parcel", "colour", "junk"),
        ("parcel", "colour", 5),
        ("parcel", "colour", 1.5),
        ("parcel", "state", 3),
        ("parcel", "state", "A"),
        ("codedParcel", "state", "A"),  # the field's own map is the one that counts
        ("codedParcel", "status", "B"),
    ],
)
def test_an_unknown_value_is_the_backends_error_at_its_field(root: str, name: str, said: Json) -> None:
    read = asked(f"{{ {root} {{ {name} __typename }} }}", {name: said})
    assert read["data"] == {root: {name: None, "__typename": "Parcel"}}
    (error,) = read["errors"]
    assert error["path"] == [root, name]
    assert error["extensions"]["code"] == "UPSTREAM_INVALID"
    assert "s3cret" not in error["message"]


def test_an_unknown_value_costs_its_item_of_a_list_alone() -> None:
    read = asked("{ parcel { history states } }", {"history": ["done", "gone", "active"], "states": [1, 9]})
    assert read["data"] == {"parcel": {"history": ["DONE", None, "ACTIVE"], "states": ["ACTIVE", None]}}
    assert [error["path"] for error in read["errors"]] == [["parcel", "history", 1], ["parcel", "states", 1]]


def test_an_unknown_value_that_may_not_be_null_costs_its_object() -> None:
    read = asked("{ strict { status } }", {"status": "gone"})
    assert (read["data"], [error["path"] for error in read["errors"]]) == ({"strict": None}, [["strict", "status"]])


def test_python_sees_members() -> None:
    read = asked("{ codedParcel { seen } }", {"status": "A", "state": 2, "colour": "blue"})
    assert read == {"data": {"codedParcel": {"seen": "Status.ACTIVE Status.DONE Colour.OTHER"}}}


# -- to a backend -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "call"),
    [
        ("{ parcel(status: ACTIVE) { status } }", "GET /parcel?status=active"),
        (
            "{ parcel(statuses: [DONE, LOST], level: LOW) { status } }",
            "GET /parcel?statuses=done&statuses=lost&level=1",
        ),
        ("{ codedParcel(status: ACTIVE) { status } }", "GET /parcel?status=A"),
        (
            "{ codedParcel(statuses: [DONE, LOST], level: LOW) { status } }",
            "GET /parcel?statuses=D&statuses=lost&level=low",
        ),
        ("{ codedParcel(status: null) { status } }", "GET /parcel"),
    ],
)
def test_a_member_is_sent_as_its_source_says_it(query: str, call: str) -> None:
    asked(query, {})
    assert transport.calls[-1] == call


def test_members_inside_input_objects_and_lists_are_sent_as_their_source_says_them() -> None:
    search = "search: {status: ACTIVE, anyOf: [[DONE, LOST], []]}"
    asked(f"mutation {{ search({search}) }}")
    assert transport.bodies[-1] == b'{"search":{"status":"active","any_of":[["done","lost"],[]],"level":10}}'
    asked(f"mutation {{ codedSearch({search}) }}")
    assert transport.bodies[-1] == b'{"search":{"status":"A","any_of":[["D","lost"],[]],"level":"high"}}'
    given = {"search": {"status": "ACTIVE", "anyOf": [["DONE", "LOST"], []], "level": "LOW"}}
    asked("mutation ($search: Search!) { codedSearch(search: $search) }", None, given)
    assert transport.bodies[-1] == b'{"search":{"status":"A","any_of":[["D","lost"],[]],"level":"low"}}'


def test_a_member_that_is_a_key_is_sent_and_found_as_its_source_says_it() -> None:
    read = asked("{ loads { parcels { status } } }", [{"status": "D"}, {"status": "A"}, {"status": "D"}])
    parcels = [[{"status": "ACTIVE"}], [{"status": "DONE"}, {"status": "DONE"}]]
    assert read == {"data": {"loads": [{"parcels": found} for found in parcels]}}
    assert transport.calls[-1] == "GET /parcels?status=A&status=D"
    assert asked("{ loads { weight } }", 5) == {"data": {"loads": [{"weight": 5}, {"weight": 5}]}}
    assert sorted(transport.calls[-2:]) == ["GET /load/A", "GET /load/D"]


@pytest.mark.parametrize("said", ["active", "A", 1, True, "GONE", {}])
def test_a_client_says_names_only(said: Json) -> None:
    read = asked("query ($s: Status) { parcel(status: $s) { status } }", {}, {"s": said})
    assert [error["extensions"]["code"] for error in read["errors"]] == ["BAD_USER_INPUT"]
    assert read["errors"][0]["message"].startswith("Variable '$s' has invalid value")


# -- declaring --------------------------------------------------------------------------------------------------------


def test_descriptions_and_deprecations_of_values_are_in_the_schema() -> None:
    assert (
        '"""What happens to a parcel."""\nenum Status {\n  """Under way."""\n  ACTIVE\n  DONE\n'
        '  LOST @deprecated(reason: "parcels are found again")\n}'
    ) in weft.sdl()
    read = asked('{ __type(name: "Status") { all: enumValues(includeDeprecated: true) { name } enumValues { name } } }')
    assert read["data"]["__type"] == {
        "all": [{"name": "ACTIVE"}, {"name": "DONE"}, {"name": "LOST"}],
        "enumValues": [{"name": "ACTIVE"}, {"name": "DONE"}],
    }


def faults_of(kind: Any, values: Any) -> list[str]:
    members = {"__annotations__": {"state": kind}, "state": field(values=values)}

    def found(self: Any) -> Any: ...

    found.__annotations__["return"] = strawberry.type(type("Wrong", (), members))
    query = strawberry.type(type("Query", (), {"found": plain.get("/wrong")(found)}))
    with pytest.raises(GraphError) as raised:
        Graph(query=query)
    return raised.value.faults


def test_a_map_to_what_is_no_member_is_a_fault() -> None:
    assert faults_of(Status, {"A": "active", "D": Status.DONE, "R": Colour.RED}) == [
        "Wrong.state: values maps 'A' to 'active', which is no member of Status",
        "Wrong.state: values maps 'R' to <Colour.RED: 'red'>, which is no member of Status",
    ]
    assert faults_of(list[Status], ["active"]) == ["Wrong.state: values of Status: expected a mapping to its members"]
    assert faults_of(str, {"A": Status.ACTIVE}) == ["Wrong.state: values is for an enum, but the field is String!"]


def test_a_sources_map_to_what_is_no_member_is_a_fault() -> None:
    wrong: Any = {Status: {"A": Colour.RED}, str: {"A": "a"}, Colour: None}
    assert Rest("s", "http://s.example", values=wrong).faults == [
        "source 's': values maps 'A' to <Colour.RED: 'red'>, which is no member of Status",
        "source 's': values names <class 'str'>, which is no enum class",
        "source 's': values of Colour: expected a mapping to its members",
    ]


def test_enums_with_equal_values_are_not_mixed_up() -> None:
    @strawberry.enum
    class One(enum.StrEnum):
        X = "x"

    @strawberry.enum
    class Two(enum.StrEnum):
        X = "x"

    source = Rest("s", "http://s.example", values={One: {"1": One.X}, Two: {"2": Two.X}}, client=transport)

    def send(self: Any, one: Any, two: Any) -> Any: ...

    send.__annotations__ = {"one": One, "two": Two, "return": bool | None}
    query = strawberry.type(type("Query", (), {"send": source.get("/send{?one,two}")(send)}))
    asyncio.run(Graph(query=query).execute("{ send(one: X, two: X) }"))
    assert transport.calls[-1] == "GET /send?one=1&two=2"
