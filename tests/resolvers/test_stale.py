"""Stored answers whose time is over: in place of failures, and while they are fetched anew."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import strawberry

from graph import App, Graph
from resolvers import Store, field, link
from resolvers.refreshing import Refreshing
from resolvers.store import forbids_stale
from sources import Breaker, FakeTransport, Policy, Rest
from sources.transport import TransportTimeout, TransportUnavailable

pytestmark = pytest.mark.anyio


class Shop:
    """Users by id, with a batch, kept for 10 s; `down` is what the backend answers instead, `said` its headers."""

    def __init__(self, *, ttl: float = 10, forward: str | tuple[str, ...] = (), **policy: Any) -> None:
        self.now = 1000.0
        self.version = 1
        self.down: Any = None
        self.said: dict[str, str] = {}
        self.gate: asyncio.Event | None = None
        self.transport = Held(self)
        s = Rest("s", "http://s.example", ttl=ttl, forward=forward, policy=Policy(**policy), client=self.transport)
        self.source = s

        @s.entity(get="/users/{id}", batch="/users{?id*}")
        class User:
            id: strawberry.ID
            name: str
            score: int = field(ttl=0)

        @strawberry.type
        class Card:
            user: User | None = link("ref")

        @strawberry.type
        class Query:
            @s.get("/cards{?of*}", ttl=1000)
            def cards(self, of: list[str]) -> list[Card]: ...

            @s.get("/users/{id}")
            def user(self, id: strawberry.ID) -> User | None: ...

        @strawberry.type
        class Mutation:
            @s.post("/forget", invalidates={User: "id"})
            def forget(self, id: strawberry.ID) -> bool: ...

        self.graph = Graph(query=Query, mutation=Mutation, store=Store(clock=lambda: self.now))

    def answer(self, method: str, target: str, body: bytes | None) -> Any:
        parts = urlsplit(target)
        if parts.path == "/forget":
            return True
        if parts.path == "/cards":
            return [{"ref": ref} for ref in parse_qs(parts.query)["of"]]
        if self.down is not None:
            return self.down
        if parts.path == "/users":
            return 200, [self.row(key) for key in parse_qs(parts.query)["id"]], self.said
        return 200, self.row(parts.path.rpartition("/")[2]), self.said

    def row(self, key: str) -> dict[str, Any]:
        return {"id": key, "name": f"{key}v{self.version}", "score": self.version}

    async def ask(self, query: str, **headers: str) -> Any:
        return await self.graph.execute(query, headers=headers)

    async def name(self, **headers: str) -> str:
        """Give the name of user 1, or the code of the failure."""
        response = await self.ask("{ user(id: 1) { name } }", **headers)
        if "errors" in response:
            return str(response["errors"][0]["extensions"]["code"])
        return str(response["data"]["user"]["name"])

    async def names(self, *of: str) -> Any:
        """Give the names of users by a batch, or the codes of the failures."""
        ids = ", ".join(f'"{key}"' for key in of)
        response = await self.ask(f"{{ cards(of: [{ids}]) {{ user {{ name }} }} }}")
        names = [card["user"] and card["user"]["name"] for card in response["data"]["cards"]]
        return names, [error["extensions"]["code"] for error in response.get("errors", [])]

    def asked(self) -> list[str]:
        calls = [call for call in self.transport.calls if "/cards" not in call]
        self.transport.calls.clear()
        return calls

    async def settle(self) -> None:
        async with asyncio.timeout(5):
            while len(self.graph.engine.loader._refreshing):  # noqa: ASYNC110  # tasks that nobody waits for
                await asyncio.sleep(0)


class Held(FakeTransport):
    """Answers when the gate of the shop is open."""

    def __init__(self, shop: "Shop") -> None:
        super().__init__(shop.answer)
        self._shop = shop

    async def send(self, method: str, url: str, headers: Any, body: Any) -> Any:
        if self._shop.gate is not None and "/users" in url:
            self.calls.append(f"{method} held")
            await self._shop.gate.wait()
        return await super().send(method, url, headers, body)


# -- in place of failures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("down", [(503, {}), (500, {}), (429, {}), TransportTimeout(), TransportUnavailable()])
async def test_a_stored_answer_stands_in_for_a_failure_within_its_window(down: Any) -> None:
    shop = Shop(stale_if_error=60, breaker=None)
    assert await shop.name() == "1v1"
    shop.down, shop.version = down, 2
    shop.now += 69
    assert (await shop.name(), shop.asked()) == ("1v1", ["GET /users/1"] * 2)
    shop.now += 2
    assert await shop.name() in ("UPSTREAM_ERROR", "UPSTREAM_TIMEOUT", "UPSTREAM_UNAVAILABLE")
    shop.down = None
    assert await shop.name() == "1v2"


@pytest.mark.parametrize("down", [(400, {}), (403, {}), (501, {}), (302, {})])
async def test_what_is_no_failure_of_the_moment_is_told(down: Any) -> None:
    shop = Shop(stale_if_error=60)
    await shop.name()
    shop.down = down
    shop.now += 20
    assert await shop.name() == "UPSTREAM_ERROR"


async def test_an_object_that_is_gone_is_not_shown_any_more() -> None:
    shop = Shop(stale_if_error=60)
    await shop.name()
    shop.down = (404, {})
    shop.now += 20
    assert await shop.ask("{ user(id: 1) { name } }") == {"data": {"user": None}}


async def test_without_a_window_a_failure_is_a_failure() -> None:
    shop = Shop()
    await shop.name()
    shop.down = (503, {})
    shop.now += 10
    assert await shop.name() == "UPSTREAM_ERROR"


async def test_an_answer_that_is_not_reused_stands_in_all_the_same() -> None:
    shop = Shop(ttl=0, stale_if_error=60)
    assert [await shop.name(), await shop.name()] == ["1v1", "1v1"]
    assert len(shop.asked()) == 2
    shop.down = (503, {})
    assert (await shop.name(), await shop.names("1")) == ("1v1", (["1v1"], []))
    assert len(shop.asked()) == 2


async def test_a_backend_that_is_left_alone_is_stood_in_for() -> None:
    shop = Shop(stale_if_error=60, breaker=Breaker(calls=2))
    await shop.name()
    shop.down = (503, {})
    shop.now += 20
    assert [await shop.name() for _ in range(5)] == ["1v1"] * 5
    assert len(shop.asked()) == 1 + 1


async def test_of_a_batch_each_key_is_stood_in_for_by_itself() -> None:
    shop = Shop(stale_if_error=60, breaker=None)
    assert await shop.names("1", "2") == (["1v1", "2v1"], [])
    shop.down = (503, {})
    shop.now += 20
    assert await shop.names("1", "3", "2") == (["1v1", None, "2v1"], ["UPSTREAM_ERROR"])
    assert shop.asked() == ["GET /users?id=1&id=2", "GET /users?id=1&id=3&id=2"]


async def test_what_a_batch_left_stands_in_for_a_single_call() -> None:
    shop = Shop(stale_if_error=60)
    await shop.names("1", "2")
    shop.down = (503, {})
    shop.now += 20
    assert await shop.name() == "1v1"


@pytest.mark.parametrize(
    "control",
    ["must-revalidate", "max-age=60, Must-Revalidate", "proxy-revalidate", "s-maxage=5", "no-cache", "no-store"],
)
async def test_a_backend_may_forbid_it(control: str) -> None:
    shop = Shop(stale_if_error=600, stale_while_revalidate=600, breaker=None)
    shop.said = {"Cache-Control": control}
    await shop.name()
    await shop.names("2")
    shop.down = (503, {})
    shop.now += 100
    assert await shop.name() == "UPSTREAM_ERROR"
    assert await shop.names("2") == ([None], ["UPSTREAM_ERROR"])


async def test_the_window_begins_where_the_backends_own_limit_ends() -> None:
    shop = Shop(stale_if_error=60, breaker=None)
    shop.said = {"Cache-Control": "max-age=5"}
    await shop.name()
    shop.down = (503, {})
    shop.now += 64
    assert await shop.name() == "1v1"
    shop.now += 2
    assert await shop.name() == "UPSTREAM_ERROR"


async def test_what_was_written_since_never_stands_in() -> None:
    shop = Shop(stale_if_error=60, stale_while_revalidate=60, breaker=None)
    await shop.names("1", "2")
    await shop.ask('mutation { forget(id: "1") }')
    shop.down = (503, {})
    shop.now += 20
    assert await shop.name() == "UPSTREAM_ERROR"
    assert await shop.names("1", "2") == ([None, "2v1"], ["UPSTREAM_ERROR"])


async def test_one_clients_answer_never_stands_in_for_anothers() -> None:
    shop = Shop(forward="authorization", stale_if_error=60, stale_while_revalidate=30)
    assert await shop.name(authorization="ada") == "1v1"
    shop.down = (503, {})
    shop.now += 20
    assert await shop.name(authorization="bob") == "UPSTREAM_ERROR"
    assert await shop.name() == "UPSTREAM_ERROR"
    assert await shop.name(authorization="ada") == "1v1"


@pytest.mark.parametrize("policy", [{"stale_if_error": 60}, {"stale_while_revalidate": 60}])
async def test_an_answer_with_old_parts_may_not_be_reused(policy: dict[str, Any]) -> None:
    shop = Shop(**policy)
    body = {"query": '{ user(id: 1) { name } cards(of: ["2"]) { user { name } } }'}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(App(shop.graph))) as client:
        said = [(await client.post("http://weft/graphql", json=body)).headers.get("cache-control")]
        shop.down = (503, {})
        shop.now += 20
        answer = await client.post("http://weft/graphql", json=body)
        said.append(answer.headers.get("cache-control"))
        assert answer.json()["data"] == {"user": {"name": "1v1"}, "cards": [{"user": {"name": "2v1"}}]}
        await shop.settle()
        shop.down, shop.version = None, 2
        await client.post("http://weft/graphql", json=body)
        await shop.settle()
        answer = await client.post("http://weft/graphql", json=body)
        assert answer.json()["data"] == {"user": {"name": "1v2"}, "cards": [{"user": {"name": "2v2"}}]}
    assert said == ["public, max-age=10", "no-cache"]


async def test_the_field_of_the_least_ttl_bounds_the_window() -> None:
    shop = Shop(stale_if_error=60, breaker=None)
    await shop.ask("{ user(id: 1) { name } }")
    shop.down = (503, {})
    shop.now += 65  # of a name, kept for 10 s, 5 are left; of a score, which is not kept, none
    assert (await shop.ask("{ user(id: 1) { name } }"))["data"] == {"user": {"name": "1v1"}}
    assert (await shop.ask("{ user(id: 1) { name score } }"))["data"] == {"user": None}


# -- while they are fetched anew --------------------------------------------------------------------------------------


async def test_an_old_answer_is_given_at_once_and_fetched_anew() -> None:
    shop = Shop(stale_while_revalidate=60)
    await shop.name()
    shop.version, shop.gate = 2, asyncio.Event()
    shop.now += 69
    assert [await shop.name() for _ in range(5)] == ["1v1"] * 5
    shop.gate.set()
    await shop.settle()
    assert (await shop.name(), shop.asked()) == ("1v2", ["GET /users/1", "GET held", "GET /users/1"])


async def test_beyond_the_window_the_backend_is_waited_for() -> None:
    shop = Shop(stale_while_revalidate=60)
    await shop.name()
    shop.version = 2
    shop.now += 70
    assert await shop.name() == "1v2"


async def test_of_a_batch_old_items_are_given_and_missing_ones_are_waited_for() -> None:
    shop = Shop(stale_while_revalidate=60)
    await shop.names("1", "2")
    shop.version = 2
    shop.now += 20
    assert await shop.names("1", "3", "2") == (["1v1", "3v2", "2v1"], [])
    await shop.settle()
    assert sorted(shop.asked()[1:]) in (
        ["GET /users?id=1&id=2", "GET /users?id=3"],
        ["GET /users?id=2&id=1", "GET /users?id=3"],
    )
    assert await shop.names("1", "3", "2") == (["1v2", "3v2", "2v2"], [])
    assert shop.asked() == []


async def test_what_may_not_be_reused_is_waited_for() -> None:
    shop = Shop(stale_while_revalidate=60)
    await shop.ask("{ user(id: 1) { score } }")
    shop.version = 2
    response = await shop.ask("{ user(id: 1) { score } }")
    assert response["data"] == {"user": {"score": 2}}


async def test_a_refresh_that_fails_leaves_the_old_answer() -> None:
    shop = Shop(stale_while_revalidate=60, breaker=None)
    await shop.name()
    shop.down = (503, {})
    shop.now += 20
    for _ in range(3):
        assert await shop.name() == "1v1"
        await shop.settle()
    assert len(shop.asked()) == 4
    shop.now += 60
    assert await shop.name() == "UPSTREAM_ERROR"


async def test_a_refresh_that_a_write_overtakes_is_not_kept() -> None:
    shop = Shop(stale_while_revalidate=60)
    await shop.name()
    shop.gate = asyncio.Event()
    shop.now += 20
    assert await shop.name() == "1v1"
    gate, shop.gate = shop.gate, None
    await shop.ask('mutation { forget(id: "1") }')
    shop.version = 2
    shop.now += 0.001
    gate.set()
    await shop.settle()
    assert await shop.name() == "1v2"


async def test_a_refresh_is_made_for_the_client_whose_answer_it_is() -> None:
    shop = Shop(forward="authorization", stale_while_revalidate=60)
    await shop.name(authorization="ada")
    shop.now += 20
    await shop.name(authorization="ada")
    await shop.settle()
    assert [headers.get("authorization") for headers in shop.transport.headers] == ["ada", "ada"]


async def test_a_graph_that_is_closed_ends_its_refreshes() -> None:
    shop = Shop(stale_while_revalidate=60)
    await shop.name()
    shop.gate = asyncio.Event()
    shop.now += 20
    await shop.name()
    refreshing = shop.graph.engine.loader._refreshing
    assert len(refreshing) == 1
    await shop.graph.aclose()
    assert (len(refreshing), shop.source.health.in_flight) == (0, 0)


async def test_refreshes_are_bounded_and_each_place_has_one() -> None:
    refreshing, begun = Refreshing(2), list[set[Any]]()
    gate = asyncio.Event()

    async def work(places: set[Any]) -> None:
        begun.append(places)
        await gate.wait()

    for places in ({1, 2}, {2, 1}, {2, 3}, {4}):
        refreshing.begin(places, work)
    await asyncio.sleep(0)
    assert (begun, len(refreshing)) == ([{1, 2}, {3}], 2)
    gate.set()
    async with asyncio.timeout(5):
        while len(refreshing):  # noqa: ASYNC110  # tasks that nobody waits for
            await asyncio.sleep(0)
    refreshing.begin({1}, work)
    await asyncio.sleep(0)
    assert begun[2:] == [{1}]
    await refreshing.aclose()


async def test_a_fault_while_refreshing_is_logged_and_costs_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    refreshing = Refreshing()

    async def work(places: set[Any]) -> None:
        raise RuntimeError("broken")

    refreshing.begin({1}, work)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(refreshing) == 0
    assert [record.getMessage() for record in caplog.records] == ["a stored answer could not be fetched anew"]


@pytest.mark.parametrize(
    ("control", "forbids"),
    [
        (None, False),
        ("", False),
        ("max-age=60", False),
        ("public, stale-if-error=60", False),
        ("MUST-REVALIDATE", True),
        ("max-age=60 , proxy-revalidate", True),
        ('private, no-cache="x"', True),
        ("x-must-revalidate", False),
    ],
)
def test_some_directives_forbid_every_use_after_its_time(control: str | None, forbids: bool) -> None:
    assert forbids_stale(control) == forbids
