"""Weft's answer is graphql-core's: generated operations over generated data, sound and broken, on both paths.

The oracle is graphql-core executing the same schema with resolvers that a patient person would write: no plan, no
batch, every key looked up by itself. It shares only SDL and data with Weft.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import json
import random
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import graphql
import strawberry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph import Graph
from resolvers import field, link
from sources import FakeTransport, Rest

Json = Any

# -- the graph --------------------------------------------------------------------------------------------------------


class World:
    """What the backend holds, and which of its endpoints are out of order."""

    def __init__(self, tables: dict[str, list[Json]], faults: dict[str, Json]) -> None:
        self.tables = tables
        self.faults = faults

    def answer(self, endpoint: str, rows: Json) -> Json:
        return self.faults.get(endpoint, rows)


world = World({}, {})


def backend(method: str, target: str, body: bytes | None) -> Json:
    parts = urlsplit(target)
    path, query = parts.path.strip("/").split("/"), parse_qs(parts.query)
    users, posts = world.tables["users"], world.tables["posts"]
    if path == ["users"] and "id" in query:
        return world.answer("users-batch", [row for row in users if by_key(row, "id") in (*query["id"], None)])
    if path == ["users"]:
        return world.answer("users", users)
    if path[0] == "users":
        return world.answer("user", one(users, path[1]))
    if path == ["posts"] and "userId" in query:
        return world.answer("posts-of", [row for row in posts if by_key(row, "userId") in (*query["userId"], None)])
    if path == ["posts"]:
        return world.answer("posts", posts[: int(query["limit"][0])])
    if path[0] == "posts":
        return world.answer("post", one(posts, path[1]))
    return 404, {}


def by_key(row: Json, name: str) -> str | None:
    """Give a row's key as text; None for a row that does not say."""
    value = row.get(name) if isinstance(row, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def one(rows: list[Json], key: str) -> Json:
    found = [row for row in rows if by_key(row, "id") == key]
    return {"row": found[0]} if found else (404, {})


transport = FakeTransport(backend)
source = Rest("s", "http://s.example", naming="camel", client=transport)


@strawberry.enum
class Tier(enum.Enum):
    LOW = "low"
    HIGH = "high"


@strawberry.type
class Address:
    city: str
    zip: str | None


@source.entity(get="/users/{id}", batch="/users{?id*}", items=None)
class User:
    id: int
    name: str
    nick: str | None
    score: float
    tier: Tier
    tags: list[str]
    grid: list[list[int]]
    since: dt.datetime | None
    address: Address
    old_addresses: list[Address | None] | None
    city: str = field("address.city")
    zip: str | None = field("address.zip")
    myself: UserCard = field(".")
    best: Post | None = link("best_id")
    rival: User = link("rival_id")
    friends: list[User] = link("friend_ids")
    idols: list[User | None] | None = link("friend_ids")

    @source.get("/posts?userId={user_id}", batch="/posts{?userId*}", group_by="user_id")
    def posts(self) -> list[Post]: ...

    @strawberry.field
    def shout(self, mark: str = "!") -> str:
        return self.name.upper() + mark

    @strawberry.field
    async def risky(self) -> int | None:
        await asyncio.sleep(0)
        if self.id == 2:
            raise ValueError("never shown")
        return self.id

    @strawberry.field
    async def strict(self) -> int:
        if self.id == 3:
            raise ValueError("never shown")
        return self.id


@strawberry.type
class UserCard:
    name: str
    tier: Tier | None


@source.entity(get="/posts/{id}", items="row")
class Post:
    id: strawberry.ID
    title: str
    user_id: int
    author: User = link("user_id")
    editor: User | None = link("editor_id")


@strawberry.type
class Query:
    @source.get("/users")
    def users(self) -> list[User]: ...

    @source.get("/users/{id}", items="row")
    def user(self, id: int) -> User | None: ...

    @source.get("/posts{?limit}")
    def posts(self, limit: int = 3) -> list[Post | None] | None: ...

    @source.get("/posts/{id}", items="row")
    def post(self, id: strawberry.ID) -> Post: ...

    @strawberry.field
    def hello(self) -> str:
        return "hello"

    @strawberry.field
    def broken(self) -> str | None:
        raise ValueError("never shown")


weft = Graph(query=Query)

# -- the oracle -------------------------------------------------------------------------------------------------------


def oracle_schema() -> graphql.GraphQLSchema:
    schema = graphql.build_schema(weft.sdl())

    def types(name: str) -> graphql.GraphQLObjectType:
        found = schema.type_map[name]
        assert isinstance(found, graphql.GraphQLObjectType)
        return found

    for name in ("User", "UserCard", "Post", "Address"):
        for field_name, element in types(name).fields.items():
            element.resolve = reader(element.type, (field_name,))
    user, post, query = types("User").fields, types("Post").fields, types("Query").fields
    user["city"].resolve = reader(user["city"].type, ("address", "city"))
    user["zip"].resolve = reader(user["zip"].type, ("address", "zip"))
    user["myself"].resolve = lambda row, info: row
    user["best"].resolve = lambda row, info: by_reference(row, "bestId", single_post)
    user["rival"].resolve = lambda row, info: by_reference(row, "rivalId", batched_user)
    user["friends"].resolve = user["idols"].resolve = friends
    user["posts"].resolve = posts_of
    user["shout"].resolve = lambda row, info, mark: row.get("name").upper() + mark
    user["risky"].resolve = lambda row, info: fails() if row.get("id") == 2 else row.get("id")
    user["strict"].resolve = lambda row, info: fails() if row.get("id") == 3 else row.get("id")
    post["author"].resolve = lambda row, info: by_reference(row, "userId", batched_user)
    post["editor"].resolve = lambda row, info: by_reference(row, "editorId", batched_user)
    query["users"].resolve = lambda root, info: shaped(query["users"].type, replied("users", world.tables["users"]))
    query["user"].resolve = lambda root, info, id: enveloped("user", one(world.tables["users"], str(id)))
    query["posts"].resolve = lambda root, info, limit: shaped(
        query["posts"].type, replied("posts", world.tables["posts"][:limit])
    )
    query["post"].resolve = lambda root, info, id: enveloped("post", one(world.tables["posts"], id))
    query["hello"].resolve = lambda root, info: "hello"
    query["broken"].resolve = lambda root, info: fails()
    return schema


class Bad(Exception):
    """What the oracle raises for any error."""


def fails() -> Any:
    raise Bad


def replied(endpoint: str, rows: Json) -> Json:
    """Give the JSON that an endpoint answers, or the error that it means."""
    answer = world.answer(endpoint, rows)
    if isinstance(answer, tuple):
        return None if answer[0] == 404 else Bad()
    return Bad() if isinstance(answer, bytes) else answer


def enveloped(endpoint: str, reply: Json) -> Json:
    answer = replied(endpoint, reply)
    if isinstance(answer, Exception) or answer is None:
        return answer
    if not isinstance(answer, dict):
        return Bad()
    row = answer.get("row")
    return row if row is None or isinstance(row, dict) else Bad()


def shaped(kind: Any, value: Json) -> Any:
    """Give a JSON value as the type promises it, with an exception at each place where it is not so."""
    if isinstance(kind, graphql.GraphQLNonNull):
        return shaped(kind.of_type, value)
    if value is None or isinstance(value, Exception):
        return value
    if isinstance(kind, graphql.GraphQLList):
        return [shaped(kind.of_type, item) for item in value] if isinstance(value, list) else Bad()
    if isinstance(kind, graphql.GraphQLObjectType):
        return value if isinstance(value, dict) else Bad()
    if kind.name == "Tier":
        return (
            {"low": "LOW", "high": "HIGH", "LOW": "LOW", "HIGH": "HIGH"}.get(value, Bad())
            if isinstance(value, str)
            else Bad()
        )
    if kind.name == "DateTime":
        try:
            return dt.datetime.fromisoformat(value).isoformat()
        except (TypeError, ValueError):
            return Bad()
    return value


def reader(kind: Any, path: tuple[str, ...]) -> Callable[..., Any]:
    def read(row: Json, info: Any) -> Any:
        for name in path:
            if row is None:
                return None
            if not isinstance(row, dict):
                return Bad()
            row = row.get(name)
        return shaped(kind, row)

    return read


def by_reference(row: Json, name: str, find: Callable[[str], Any]) -> Any:
    key = row.get(name)
    if key is None:
        return None
    return find(str(key)) if isinstance(key, str | int) and not isinstance(key, bool) else Bad()


def single_post(key: str) -> Any:
    return enveloped("post", one(world.tables["posts"], key))


def batched_user(key: str) -> Any:
    rows = world.tables["users"]
    answer = replied("users-batch", [row for row in rows if by_key(row, "id") in (key, None)])
    if isinstance(answer, Exception):
        return answer
    if answer is None:
        return None
    if not isinstance(answer, list):
        return Bad()
    found = [row for row in answer if by_key(row, "id") == key]
    if found:
        return found[-1]
    return Bad() if any(row is not None and by_key(row, "id") is None for row in answer) else None


def friends(row: Json, info: Any) -> Any:
    keys = row.get("friendIds")
    if keys is None:
        return None
    if not isinstance(keys, list):
        return Bad()
    if not all(key is None or (isinstance(key, str | int) and not isinstance(key, bool)) for key in keys):
        return Bad()
    return [None if key is None else batched_user(str(key)) for key in keys]


def posts_of(row: Json, info: Any) -> Any:
    if row.get("id") is None:
        return []
    if isinstance(row["id"], bool):
        return Bad()
    key = str(row["id"])
    answer = replied("posts-of", [post for post in world.tables["posts"] if by_key(post, "userId") in (key, None)])
    if isinstance(answer, Exception):
        return answer
    if answer is None:
        return []
    if not isinstance(answer, list):
        return Bad()
    if any(post is not None and by_key(post, "userId") is None for post in answer):
        return Bad()
    return [post for post in answer if post is not None and by_key(post, "userId") == key]


ORACLE = oracle_schema()

# -- generated data and operations ------------------------------------------------------------------------------------

BAD_VALUES = [None, "text", 7, 2**40, 1.5, True, [], {}, [None], [["a"]], {"city": 5}, [1, "1", 99], {"city": None}]
REPLIES: list[Any] = [
    (500, {}),
    b"<html>",
    b'[{"id": 1',
    [],
    {},
    None,
    [None],
    ["x"],
    {"row": None},
    {"row": [1]},
    [{"id": 1}],
]
ENDPOINTS = ["users", "users-batch", "user", "posts-of", "posts", "post"]
ARGUMENTS = {
    ("Query", "user"): ["id: 1", "id: $number", "id: 9"],
    ("Query", "post"): ["id: 1", 'id: "2"'],
    ("Query", "posts"): ["", "limit: 1", "limit: $number"],
    ("User", "shout"): ["", 'mark: "?"'],
}
DIRECTIVES = ["", "", "", "", "", " @include(if: $yes)", " @skip(if: $yes)", " @include(if: $no)", " @skip(if: false)"]


class Maker:
    """Makes worlds and operations out of a stream of random choices."""

    def __init__(self, seed: int) -> None:
        self.rnd = random.Random(seed)

    def maybe(self, value: Json) -> Json:
        return value if self.rnd.random() < 0.7 else None

    def key(self) -> int:
        return self.rnd.randint(1, 4)

    def user(self, number: int) -> Json:
        pick, some = self.rnd.choice, self.rnd.randrange
        return {
            "id": number,
            "name": pick(["Ada", "Bo", "Ci"]),
            "nick": self.maybe("N"),
            "score": pick([0.5, 2, -1e9]),
            "tier": pick(["low", "high"]),
            "tags": [pick("xy") for _ in range(some(3))],
            "grid": [[some(5) for _ in range(some(3))] for _ in range(some(3))],
            "since": self.maybe("2026-01-02T03:04:05+00:00"),
            "address": {"city": "Delft", "zip": self.maybe("2600")},
            "oldAddresses": self.maybe([self.maybe({"city": "Gent", "zip": None}) for _ in range(some(3))]),
            "bestId": self.maybe(self.key()),
            "rivalId": self.key(),
            "friendIds": [self.key() for _ in range(some(4))],
        }

    def post(self, number: int) -> Json:
        editor = self.rnd.choice([None, self.key(), "1"])
        return {"id": number, "title": "T", "userId": self.key(), "editorId": editor}

    def world(self) -> World:
        pick = self.rnd.choice
        tables = {
            "users": [self.user(number) for number in range(1, self.rnd.randint(1, 4) + 1)],
            "posts": [self.post(number) for number in range(1, self.rnd.randint(0, 5) + 1)],
        }
        for _ in range(pick([0, 0, 1, 1, 2, 3])):
            table = tables[pick(["users", "posts"])]
            if table:
                row = pick(table)
                name, value = pick(sorted(row)), pick(BAD_VALUES)
                if name.endswith(("Id", "id")) and not isinstance(value, str | int | None):
                    continue  # a key that is no scalar has no meaning that both could agree on
                row[name] = value
        return World(tables, {pick(ENDPOINTS): pick(REPLIES)} if self.rnd.random() < 0.3 else {})

    def selection(self, kind: graphql.GraphQLObjectType, depth: int, spreads: bool = True) -> str:
        lines = []
        for _ in range(self.rnd.randint(1, 4 if depth else 2)):
            choice, directive = self.rnd.randrange(12), self.rnd.choice(DIRECTIVES)
            if choice == 0:
                lines.append("__typename")
            elif choice == 1 and depth:
                lines.append(f"... on {kind.name}{directive} {{ {self.selection(kind, depth - 1, spreads)} }}")
            elif choice == 2 and spreads and kind.name in ("User", "Post"):
                lines.append(f"...{kind.name}Parts{directive}")
            else:
                lines.append(self.field(kind, depth, directive, spreads))
        return " ".join(lines)

    def field(self, kind: graphql.GraphQLObjectType, depth: int, directive: str, spreads: bool) -> str:
        named = {name: graphql.get_named_type(element.type) for name, element in kind.fields.items()}
        name = self.rnd.choice([name for name, type_ in named.items() if depth or graphql.is_leaf_type(type_)])
        arguments = self.rnd.choice(ARGUMENTS.get((kind.name, name), [""]))
        alias = self.rnd.choice(["", "", f"{name}2: "])
        if arguments:
            alias = f"{name}_{re.sub('[^a-z0-9]', '', arguments)}: "
        text = f"{alias}{name}{f'({arguments})' if arguments else ''}{directive}"
        below = named[name]
        if isinstance(below, graphql.GraphQLObjectType):
            text += f" {{ {self.selection(below, depth - 1, spreads)} }}"
        return text

    def operation(self) -> str:
        body = self.selection(object_type("Query"), 4)
        text = f"{{ {body} }}"
        for name in ("User", "Post"):
            if f"...{name}Parts" in body:
                text += f" fragment {name}Parts on {name} {{ {self.selection(object_type(name), 1, spreads=False)} }}"
        declared = {"$number": "$number: Int! = 2", "$yes": "$yes: Boolean! = true", "$no": "$no: Boolean! = false"}
        variables = ", ".join(declaration for name, declaration in declared.items() if name in text)
        return f"query Q({variables}) {text}" if variables else text


def object_type(name: str) -> graphql.GraphQLObjectType:
    found = ORACLE.type_map[name]
    assert isinstance(found, graphql.GraphQLObjectType)
    return found


# -- the comparison ---------------------------------------------------------------------------------------------------

EXAMPLES = 400


def oracle(text: str) -> tuple[str, list[str]]:
    result = graphql.execute_sync(ORACLE, graphql.parse(text))
    return json.dumps(result.data), sorted(str(error.path) for error in result.errors or ())


async def answered(text: str, *, compiled: bool) -> tuple[str, list[str]]:
    transport.calls.clear()
    operation = weft.engine.operations.get(text, None)
    variables = weft.engine.operations.variables(operation, {})
    variant = weft.engine.operations.variant(operation, variables)
    runner = variant.runner
    try:
        if not compiled:
            variant.runner = None
        response = await weft.execute(text)
    finally:
        variant.runner = runner
    assert sorted(set(transport.calls)) == sorted(transport.calls), "a call was repeated"
    return json.dumps(response["data"]), sorted(str(error["path"]) for error in response.get("errors", ()))


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**48))
def test_every_answer_is_that_of_graphql_core(seed: int) -> None:
    global world
    maker = Maker(seed)
    text, world = maker.operation(), maker.world()
    assert graphql.validate(weft.schema, graphql.parse(text)) == []
    expected = oracle(text)
    assert asyncio.run(answered(text, compiled=True)) == expected
    assert asyncio.run(answered(text, compiled=False)) == expected
