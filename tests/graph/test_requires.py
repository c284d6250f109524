"""What needs a client that is known, or scopes: declared, printed, denied field by field, never fetched."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import pytest
import strawberry
from strawberry.federation.schema_directives import Authenticated

from graph import ANONYMOUS, Client, Graph, GraphError
from graph.client import Caller
from graph.engine import Request
from graph.explain import explain
from resolvers import Connection, Entry, Node, authenticated, discriminator, field, global_id, link, requires, shown_as
from sources import Event, FakeTransport, Listening, Offset, Rest

Json = Any
STAFF = Client(id="user:ada", scopes=frozenset({"orders:read"}))
KNOWN = Client(id="user:bob")
ALL = Client(id="user:eve", scopes=frozenset({"orders:read", "orders:write", "admin"}))


def order(number: int) -> Json:
    return {"id": number, "total": number * 10, "margin": 3, "user_id": "u1", "notes": {"a": {"text": "hm"}}}


def reply(method: str, target: str, body: bytes | None) -> Json:
    path, _, query = target.partition("?")
    if method == "POST":
        return order(9)
    if path == "/orders":
        return [order(1), order(2)]
    if path.startswith("/orders/"):
        return order(int(path.removeprefix("/orders/")))
    if path == "/users":
        return [{"id": key, "name": f"User {key}", "email": f"{key}@x.example"} for key in query[4:].split(",")]
    if path == "/pages":
        return {"items": [order(1), order(2)], "total": 2}
    if path == "/found":
        return [{"kind": "open", "text": "seen"}, {"kind": "closed", "secret": "s"}]
    return (404, {})


backend = FakeTransport(reply)
shop = Rest("shop", "http://shop.example", client=backend)
ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_yet() -> None:
    backend.calls.clear()
    ran.clear()


@strawberry.type
class Note:
    text: str


@authenticated
@shop.entity(get="/users/{id}", batch="/users{?ids}")
class User(Node):
    id: strawberry.ID
    name: str
    email: str | None = field(directives=[requires(scopes=[["admin"], ["users:read", "users:mail"]])])


@shop.entity(get="/orders/{id}")
class Order(Node):
    id: strawberry.ID
    total: int | None = field(directives=[requires(scopes="orders:read")])
    margin: int = field(directives=[requires(scopes="admin")])
    notes: list[Entry[Note]]
    user: User | None = link("user_id")
    buyer: User | None = link("user_id", directives=[requires(scopes="orders:read")])

    @requires(scopes="orders:read")
    @strawberry.field
    def label(self) -> str | None:
        ran.append("label")
        return f"Order {self.id}"

    @strawberry.field
    @requires(scopes="orders:read")
    def other_label(self) -> str | None:
        ran.append("other label")
        return None


@requires(scopes="orders:read")
@strawberry.interface
@discriminator("kind", {"open": "Open", "closed": "Closed"})
class Found:
    kind: str


@strawberry.type
class Open(Found):
    text: str


@requires(scopes="admin")
@strawberry.type
class Closed(Found):
    secret: str


@strawberry.interface
@discriminator("kind", {"open": "Public", "closed": "Hidden"})
class Thing:
    kind: str | None = strawberry.field(directives=[requires(scopes="kinds")])


@strawberry.type
class Public(Thing):
    text: str


@authenticated
@strawberry.type
class Hidden(Thing):
    secret: str


Either = Annotated[
    Public | Hidden, strawberry.union("Either"), discriminator("kind", {"open": Public, "closed": Hidden})
]


@strawberry.type
class Query:
    @shop.get("/orders")
    def orders(self) -> list[Order]: ...

    @authenticated
    @shop.get("/orders/{id}")
    def order(self, id: strawberry.ID) -> Order | None: ...

    @requires(scopes=["orders:read", "orders:write"])
    @shop.get("/orders/{id}")
    def required(self, id: strawberry.ID) -> Order: ...

    @shop.get("/pages{?from,size}", items="items", paging=Offset("from", size="size"), total="total")
    def customers(self, first: int | None = 2, after: str | None = None) -> Connection[User] | None: ...

    @shop.get("/found")
    def found(self) -> list[Found | None] | None: ...

    @shop.get("/found")
    def things(self) -> list[Thing | None]: ...

    @shop.get("/found")
    def eithers(self) -> list[Either | None]: ...

    @strawberry.field
    def made(self) -> User | None:
        ran.append("made")
        return User(id=strawberry.ID("7"), name="Made", email=None)  # type: ignore[call-arg]  # strawberry made it

    @strawberry.field
    @authenticated
    def secret(self) -> str | None:
        ran.append("secret")
        return "s"


@strawberry.type
class Mutation:
    @requires(scopes="orders:write")
    @shop.post("/orders")
    def place(self, total: int) -> Order | None: ...

    @shop.post("/orders")
    def ask(self, total: int) -> Order | None: ...


@strawberry.type
class Subscription:
    @strawberry.subscription
    @authenticated
    async def ticks(self) -> AsyncGenerator[int]:
        ran.append("ticks")
        yield 1

    @strawberry.subscription
    async def sold(self) -> AsyncGenerator[Order]:
        yield Order(id=strawberry.ID("1"), total=5, margin=1, notes=[])  # type: ignore[call-arg]  # strawberry made it


TYPES: list[Any] = [Open, Closed]
graph = Graph(query=Query, mutation=Mutation, subscription=Subscription, types=TYPES)


def ask(query: str, client: Client = ANONYMOUS, variables: Json = None, of: Graph = graph) -> Json:
    return asyncio.run(of.execute(query, variables, client=client))


def errors(response: Json) -> list[tuple[str, str, Json]]:
    return [(error["message"], error["extensions"]["code"], error["path"]) for error in response.get("errors", ())]


# -- what is denied ---------------------------------------------------------------------------------------------------


def test_a_denied_field_is_null_and_the_rest_of_the_answer_stands() -> None:
    response = ask("{ orders { id total } }", KNOWN)
    assert [found["total"] for found in response["data"]["orders"]] == [None, None]
    assert len(response["data"]["orders"][0]["id"]) > 0
    assert errors(response) == [
        ("Order.total needs the scope orders:read", "FORBIDDEN", ["orders", 0, "total"]),
        ("Order.total needs the scope orders:read", "FORBIDDEN", ["orders", 1, "total"]),
    ]
    assert backend.calls == ["GET /orders"]


def test_who_has_the_scope_is_given_the_field() -> None:
    assert [found["total"] for found in ask("{ orders { total } }", STAFF)["data"]["orders"]] == [10, 20]


def test_who_shows_no_credentials_is_told_so() -> None:
    response = ask('{ order(id: "1") { total } }')
    assert response["data"] == {"order": None}
    assert errors(response) == [("Query.order needs an authenticated client", "UNAUTHENTICATED", ["order"])]


def test_nothing_is_fetched_for_a_denied_field() -> None:
    ask('{ order(id: "1") { id } required(id: "2") { id } secret made { id } }')
    assert backend.calls == []
    assert ran == []


def test_no_resolver_in_python_runs_for_a_denied_field() -> None:
    response = ask("{ orders { label otherLabel } }", KNOWN)
    assert [error[2] for error in errors(response)] == [
        ["orders", 0, "label"],
        ["orders", 0, "otherLabel"],
        ["orders", 1, "label"],
        ["orders", 1, "otherLabel"],
    ]
    assert ran == []


def test_the_type_that_a_field_gives_may_need_something_too() -> None:
    response = ask("{ orders { user { name } } made { name } }")
    assert [found["user"] for found in response["data"]["orders"]] == [None, None]
    assert response["data"]["made"] is None
    assert backend.calls == ["GET /orders"]
    assert ran == []


def test_a_call_that_an_allowed_field_shares_is_made_for_that_one() -> None:
    response = ask("{ orders { user { name } buyer { name } } }", KNOWN)
    assert response["data"]["orders"][0] == {"user": {"name": "User u1"}, "buyer": None}
    assert backend.calls == ["GET /orders", "GET /users?ids=u1"]


def test_all_scopes_of_a_list_are_needed_and_any_of_several_lists_is_enough() -> None:
    def email(*scopes: str) -> Json:
        response = ask("{ orders { user { email } } }", Client(scopes=frozenset(scopes)))
        return response["data"]["orders"][0]["user"]["email"]

    assert email("admin") == "u1@x.example"
    assert email("users:read", "users:mail") == "u1@x.example"
    assert email("users:read") is None


def test_everything_that_lacks_is_named() -> None:
    response = ask('{ required(id: "1") { id } orders { user { email } } }', KNOWN)
    assert response["data"] is None
    assert errors(response)[0][0] == "Query.required needs the scopes orders:read and orders:write"
    [message, *_] = [message for message, _, _ in errors(ask("{ orders { user { email } } }", KNOWN))]
    assert message == "User.email needs the scope admin, or the scopes users:mail and users:read"
    [message, *_] = [message for message, _, _ in errors(ask("{ orders { buyer { id } } }"))]
    assert message == "Order.buyer needs an authenticated client and the scope orders:read"


def test_a_denied_field_that_may_not_be_null_makes_null_what_holds_it() -> None:
    response = ask('{ order(id: "1") { id margin } other: order(id: "1") { id } }', KNOWN)
    assert response["data"]["order"] is None
    assert response["data"]["other"]["id"]
    assert errors(response) == [("Order.margin needs the scope admin", "FORBIDDEN", ["order", "margin"])]


def test_aliases_are_denied_each_at_its_place() -> None:
    response = ask("{ orders { a: total b: total } }", KNOWN)
    assert [path for _, _, path in errors(response)][:2] == [["orders", 0, "a"], ["orders", 0, "b"]]


def test_a_denied_field_behind_variables_and_fragments_is_denied() -> None:
    query = "query ($on: Boolean!) { orders { ...O @include(if: $on) } } fragment O on Order { total }"
    assert ask(query, KNOWN, {"on": False}) == {"data": {"orders": [{}, {}]}}
    assert len(errors(ask(query, KNOWN, {"on": True}))) == 2


def test_a_denied_answer_is_compiled_where_null_may_stand() -> None:
    before = graph.engine.compiled_answers
    response = ask("{ orders { id total user { name email } } }", KNOWN)
    assert graph.engine.compiled_answers == before + 1
    assert [path for _, _, path in errors(response)] == [
        ["orders", 0, "total"],
        ["orders", 0, "user", "email"],
        ["orders", 1, "total"],
        ["orders", 1, "user", "email"],
    ]


def test_of_many_denied_places_a_hundred_are_told() -> None:
    many = FakeTransport(lambda method, target, body: [{"id": n, "name": "x", "pay": 1} for n in range(150)])
    staff = Rest("staff", "http://staff.example", client=many)

    @strawberry.type
    class Person:
        name: str = field(directives=[authenticated])
        pay: int | None = field(directives=[authenticated])

    @strawberry.type
    class People:
        @staff.get("/people")
        def people(self) -> list[Person | None]: ...

    of = Graph(query=People)
    response = ask("{ people { pay } }", of=of)
    assert response["data"]["people"] == [{"pay": None}] * 150
    assert len(response["errors"]) == 100
    response = ask("{ people { name pay } }", of=of)
    assert response["data"]["people"] == [None] * 150
    assert len(response["errors"]) == 100
    response = ask("{ people { a: pay b: pay } again: people { pay } }", of=of)
    assert response["data"]["again"] == [{"pay": None}] * 150
    assert len(response["errors"]) == 100


class Burst:
    """A feed that sends a hundred and fifty objects at once."""

    variables = frozenset[str]()

    async def listen(self, to: Listening) -> AsyncGenerator[Event]:
        yield Event(b"[" + b",".join(b'{"id": 1, "total": 2, "margin": 3}' for _ in range(150)) + b"]")


@pytest.mark.parametrize("query", ["subscription { sold { id total } }", "subscription { sold { id margin } }"])
def test_every_event_tells_what_is_denied_in_it(query: str) -> None:
    @strawberry.type
    class Sale:
        id: int
        total: int | None = field(directives=[authenticated])
        margin: int = field(directives=[authenticated])

    @strawberry.type
    class Sales:
        @shop.feed(Burst(), buffer=200)
        def sold(self) -> Sale | None: ...

    async def run() -> list[Json]:
        return [response async for response in Graph(query=Query, types=TYPES, subscription=Sales).subscribe(query)]

    responses = asyncio.run(run())
    assert [len(response["errors"]) for response in responses] == [1] * 150


# -- where types show later -------------------------------------------------------------------------------------------


def test_an_interface_that_needs_something_denies_every_field_that_gives_it() -> None:
    response = ask("{ found { kind } }", KNOWN)
    assert response["data"] == {"found": None}
    assert errors(response) == [("Query.found needs the scope orders:read", "FORBIDDEN", ["found"])]
    assert backend.calls == []


def test_each_object_is_denied_by_its_own_type_where_that_shows_later() -> None:
    response = ask("{ found { kind ... on Open { text } ... on Closed { secret } } }", STAFF)
    assert response["data"]["found"] == [{"kind": "open", "text": "seen"}, None]
    assert errors(response) == [("Closed needs the scope admin", "FORBIDDEN", ["found", 1])]
    assert ask("{ found { __typename } }", ALL)["data"]["found"] == [{"__typename": "Open"}, {"__typename": "Closed"}]


def test_members_of_a_union_are_denied_alike() -> None:
    response = ask("{ eithers { __typename ... on Public { text } } }")
    assert response["data"]["eithers"] == [{"__typename": "Public", "text": "seen"}, None]
    assert errors(response) == [("Hidden needs an authenticated client", "UNAUTHENTICATED", ["eithers", 1])]


def test_what_a_field_of_an_interface_needs_its_types_need() -> None:
    response = ask("{ things { kind ... on Public { text } } }", KNOWN)
    assert response["data"]["things"] == [{"kind": None, "text": "seen"}, {"kind": None}]
    assert [message for message, _, _ in errors(response)] == [
        "Public.kind needs the scope kinds",
        "Hidden.kind needs the scope kinds",
    ]


def test_objects_found_by_their_ids_are_denied_before_they_are_loaded() -> None:
    user, own = global_id("User", "u1"), global_id("Order", 1)
    response = ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", variables={"ids": [user, own]})
    assert response["data"]["nodes"] == [None, {"id": own, "__typename": "Order"}]
    assert errors(response) == [("User needs an authenticated client", "UNAUTHENTICATED", ["nodes", 0])]
    assert not any("users" in call for call in backend.calls)
    response = ask("query ($id: ID!) { node(id: $id) { ... on Order { total } } }", variables={"id": own})
    assert response["data"] == {"node": {"total": None}}


def test_a_connection_needs_what_its_items_need() -> None:
    response = ask("{ customers { totalCount pageInfo { hasNextPage } } }")
    assert response["data"] == {"customers": None}
    assert backend.calls == []
    assert ask("{ customers { totalCount } }", KNOWN)["data"] == {"customers": {"totalCount": 2}}


def test_entries_of_a_map_are_those_of_any_list() -> None:
    assert ask("{ orders { notes { key value { text } } } }")["data"]["orders"][0]["notes"] == [
        {"key": "a", "value": {"text": "hm"}}
    ]

    @authenticated
    @strawberry.type
    class Remark:
        text: str

    @strawberry.type
    class Slip:
        notes: list[Entry[Remark]] | None

    @strawberry.type
    class Slips:
        @shop.get("/orders")
        def slips(self) -> list[Slip]: ...

    response = ask("{ slips { notes { key } } }", of=Graph(query=Slips))
    assert response["data"] == {"slips": [{"notes": None}, {"notes": None}]}


# -- operations of every kind -----------------------------------------------------------------------------------------


def test_a_denied_write_is_not_sent_and_the_next_ones_are() -> None:
    response = ask("mutation { place(total: 1) { id } ask(total: 2) { id } }", STAFF)
    assert response["data"]["place"] is None
    assert response["data"]["ask"]["id"]
    assert backend.calls == ["POST /orders"]
    assert errors(response) == [("Mutation.place needs the scope orders:write", "FORBIDDEN", ["place"])]


def test_a_denied_subscription_is_refused_before_anything_begins() -> None:
    async def run(client: Client, query: str) -> list[Json]:
        return [response async for response in graph.subscribe(query, client=client)]

    [refused] = asyncio.run(run(ANONYMOUS, "subscription { ticks }"))
    assert "data" not in refused
    assert errors(refused) == [("Subscription.ticks needs an authenticated client", "UNAUTHENTICATED", ["ticks"])]
    assert ran == []
    assert asyncio.run(run(KNOWN, "subscription { ticks }")) == [{"data": {"ticks": 1}}]
    [event] = asyncio.run(run(KNOWN, "subscription { sold { total } }"))
    assert event["data"] == {"sold": {"total": None}}
    assert errors(event) == [("Order.total needs the scope orders:read", "FORBIDDEN", ["sold", "total"])]


def test_what_is_deferred_is_denied_when_it_comes() -> None:
    async def run(client: Client) -> list[Json]:
        query = "{ orders { id ... @defer { user { name } total } } }"
        return [payload async for payload in graph.execute_incrementally(query, client=client)]

    payloads = asyncio.run(run(ANONYMOUS))
    assert backend.calls == ["GET /orders"]
    told = [
        error for payload in payloads for part in payload.get("incremental", ()) for error in part.get("errors", ())
    ]
    assert sorted({error["message"] for error in told}) == [
        "Order.total needs the scope orders:read",
        "Order.user needs an authenticated client",
    ]
    payloads = asyncio.run(run(STAFF))
    assert not any(part.get("errors") for payload in payloads for part in payload.get("incremental", ()))


def test_roots_may_need_something_for_all_of_their_fields() -> None:
    @authenticated
    @strawberry.type
    class Root:
        @shop.get("/orders")
        def orders(self) -> list[Order] | None: ...

    of = Graph(query=Root)
    response = ask("{ __typename orders { id } }", of=of)
    assert response["data"] == {"__typename": "Root", "orders": None}
    assert errors(response) == [("Root.orders needs an authenticated client", "UNAUTHENTICATED", ["orders"])]
    assert backend.calls == []
    assert ask("{ __schema { queryType { name } } }", of=of)["data"] == {"__schema": {"queryType": {"name": "Root"}}}


# -- nobody is given what others may have -----------------------------------------------------------------------------


def test_clients_that_ask_the_same_at_once_are_each_given_their_own() -> None:
    kept = Rest("kept", "http://kept.example", client=backend, ttl=60)

    @strawberry.type
    class Sale:
        total: int | None = field(directives=[requires(scopes="orders:read")])

    @strawberry.type
    class Sales:
        @kept.get("/orders")
        def sales(self) -> list[Sale]: ...

    of = Graph(query=Sales)
    clients = [ANONYMOUS, KNOWN, STAFF, ALL] * 25

    async def run() -> list[Json]:
        async def one(client: Client) -> Json:
            request = Request("{ sales { total } }")
            answer = await of.engine.answer(request, {}, lambda: None, key=b"same", caller=Caller(client))
            return answer.body, answer.granted

        first = await asyncio.gather(*map(one, clients))
        return [*first, *(await asyncio.gather(*map(one, clients)))]

    for client, (body, granted) in zip(clients * 2, asyncio.run(run()), strict=True):
        assert (b"10" in body) is ("orders:read" in client.scopes)
        assert granted
        if client is ANONYMOUS:
            assert b"UNAUTHENTICATED" in body
        elif client is KNOWN:
            assert b"FORBIDDEN" in body


def test_an_operation_keeps_a_bounded_number_of_plans() -> None:
    query = "{ orders { id total margin user { email } } }"
    needed = ["orders:read", "admin", "users:read users:mail"]
    for number in range(40):
        scopes = " ".join(scope for place, scope in enumerate(needed) if number >> place & 1)
        ask(query, Client(scopes=frozenset(f"{scopes} s{number}".split())))
    assert len(graph.engine.operations.get(query, None).variants) <= 16


# -- declared, printed, explained -------------------------------------------------------------------------------------


def test_the_schema_shows_what_is_needed() -> None:
    sdl = graph.sdl()
    assert "directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE" in sdl
    assert "directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE" in sdl
    assert "type User implements Node @authenticated {" in sdl
    assert 'email: String @requiresScopes(scopes: [["admin"], ["users:read", "users:mail"]])' in sdl
    assert 'otherLabel: String @requiresScopes(scopes: [["orders:read"]])' in sdl
    assert 'interface Found @requiresScopes(scopes: [["orders:read"]]) {' in sdl
    assert "ticks: Int! @authenticated" in sdl


def test_a_plan_says_what_is_needed() -> None:
    plan = explain(graph, "{ orders { id user { email } } }")
    assert "needs: an authenticated client; the scope admin, or the scopes users:mail and users:read\n" in plan
    assert "needs:" not in explain(graph, "{ orders { id } }")


def test_a_plan_for_some_scopes_leaves_out_what_they_do_not_give() -> None:
    plan = explain(graph, "{ orders { id buyer { name } } }", scopes=["x"])
    assert "1 upstream call in" in plan
    assert "denied: Order.buyer needs the scope orders:read\n" in plan
    assert "2 upstream calls in" in explain(graph, "{ orders { id buyer { name } } }", scopes=["orders:read"])


def test_marks_may_stand_above_or_below_those_of_strawberry() -> None:
    @strawberry.type
    @authenticated
    class Below:
        text: str = "below"

    @strawberry.type
    class Root:
        @strawberry.field
        def below(self) -> Below | None:
            return Below()

        @shown_as("renamed")
        @authenticated
        @shop.get("/orders")
        def shown(self) -> list[Order] | None: ...

        own: str | None = strawberry.field(directives=[authenticated], default=None)

    response = ask("{ below { text } renamed { id } own }", of=Graph(query=Root))
    assert response["data"] == {"below": None, "renamed": None, "own": None}
    assert len(response["errors"]) == 3


def test_directives_of_federation_are_enforced_as_well() -> None:
    @strawberry.type
    class Root:
        @strawberry.federation.field(requires_scopes=[["a"]], authenticated=True)
        def hidden(self) -> str | None:
            return "seen"

    of = Graph(query=Root, federation=True)
    response = ask("{ hidden }", of=of)
    assert response["data"] == {"hidden": None}
    assert ask("{ hidden }", Client(scopes=frozenset("a")), of=of)["data"] == {"hidden": "seen"}


def test_a_subgraph_says_it_in_the_words_of_federation() -> None:
    of = Graph(query=Query, types=TYPES, federation=True)
    [link_line] = [line for line in of.sdl().splitlines() if "@link" in line]
    assert '"@authenticated"' in link_line
    assert '"@requiresScopes"' in link_line
    assert "directive @authenticated" not in of.sdl()
    assert 'total: Int @requiresScopes(scopes: [["orders:read"]])' in of.sdl()
    query = "query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on User { name } } }"
    response = ask(query, variables={"r": [{"__typename": "User", "id": global_id("User", "u1")}]}, of=of)
    assert response["data"] == {"_entities": [None]}
    assert backend.calls == []
    old = Graph(query=Query, types=TYPES, federation="2.3")
    assert "directive @authenticated" in old.sdl()
    assert "directive @authenticated" in Graph(query=Query, types=TYPES).sdl()


def test_faults_of_requirements_are_found_together() -> None:
    @authenticated
    @strawberry.input
    class Wish:
        text: str

    @strawberry.type
    class Root:
        @requires(scopes=[])
        @shop.get("/orders")
        def none(self) -> list[Order]: ...

        @requires(scopes=["a", ["b"]])
        @shop.get("/orders")
        def mixed(self) -> list[Order]: ...

        @requires(scopes=[["a"], []])
        @shop.get("/orders")
        def open_door(self) -> list[Order]: ...

        @requires(scopes=["a b"])
        @shop.get("/orders")
        def spaced(self) -> list[Order]: ...

        @strawberry.field
        def wish(
            self, wish: Wish, number: Annotated[int, strawberry.argument(directives=[authenticated])]
        ) -> str | None:
            return None

        @authenticated
        def forgotten(self) -> str:
            return ""

    with pytest.raises(GraphError) as caught:
        Graph(query=Root)
    assert sorted(caught.value.faults) == [
        "Root.mixed: requires(scopes=[['a', ['b']]]) is no scope, and no list of scopes that are needed",
        "Root.none: requires(scopes=[[]]) is no scope, and no list of scopes that are needed",
        "Root.openDoor: requires(scopes=[['a'], []]) is no scope, and no list of scopes that are needed",
        "Root.spaced: requires(scopes=[['a b']]) is no scope, and no list of scopes that are needed",
        "Root.wish(number:): @authenticated stands where nothing is given: it belongs on fields, object types and "
        "interfaces",
        "Wish: @authenticated stands where nothing is given: it belongs on fields, object types and interfaces",
        "test_faults_of_requirements_are_found_together.<locals>.Root.forgotten: a directive stands on it, but it is "
        "no field",
    ]


def test_federations_directive_where_it_says_nothing_is_a_fault() -> None:
    @strawberry.type
    class Root:
        @strawberry.field
        def word(self, text: Annotated[str, strawberry.argument(directives=[Authenticated()])]) -> str:
            return text

    with pytest.raises(GraphError, match="@authenticated stands where nothing is given"):
        Graph(query=Root, federation=True)
