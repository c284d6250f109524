"""Rate limits over real sockets: what counts, what is refused and how, and what the headers say."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from graph import App, Client, Cors, Credentials, Graph, Rate, Trust, Unauthenticated
from resolvers import Cost, Upload
from sources import FakeTransport, Rest
from tests.graph.serving.sockets import Server
from tests.serving import asking, running

GRAPHQL = "application/graphql-response+json"
MINUTE = Rate(requests=3, per=60)


class Shop:
    """A graph over a backend that answers anything, and writes down what it is asked."""

    def __init__(self, *rates: Rate, extensions: list[type[SchemaExtension]] | None = None, **trust: Any) -> None:
        self.backend = FakeTransport(lambda method, target, *_: {"id": target.rpartition("/")[2], "name": "Loom"})
        source = Rest("shop", "http://shop.test", client=self.backend)

        @source.entity(get="/items/{id}")
        class Item:
            id: strawberry.ID
            name: str

        @strawberry.type
        class Query:
            @source.get("/items/{id}")
            def item(self, id: strawberry.ID) -> Item | None: ...

            @source.get("/fresh/{id}", ttl=60)
            def fresh(self, id: strawberry.ID) -> Item | None: ...

            @Cost(weight="5")
            @source.get("/dear")
            def dear(self) -> Item | None: ...

            @strawberry.field
            def number(self) -> int:
                return 1

        @strawberry.type
        class Mutation:
            @source.post("/items", body={"name": "{name}"})
            def add(self, name: str) -> Item | None: ...

            @strawberry.mutation
            async def keep(self, file: Upload) -> int:
                return len(await file.read())

        @strawberry.type
        class Subscription:
            @strawberry.subscription
            async def count(self, to: int) -> AsyncGenerator[int]:
                for number in range(to):
                    yield number

        self.graph = Graph(
            query=Query,
            mutation=Mutation,
            subscription=Subscription,
            trust=Trust(rates=rates, **trust),
            extensions=extensions or [],
        )

    @property
    def calls(self) -> int:
        """How often the backend was asked."""
        return len(self.backend.calls)

    @contextmanager
    def served(self, **options: Any) -> Iterator[httpx.Client]:
        """Serve it, and give a client of it."""
        with running(App(self.graph, **options)) as url, asking(url) as client:
            yield client


def post(client: httpx.Client, query: str, **headers: str) -> httpx.Response:
    return client.post("/graphql", json={"query": query}, headers=headers)


def left(answer: httpx.Response) -> str | None:
    """Give what the header says, without the time."""
    told = answer.headers.get("ratelimit")
    return None if told is None else ", ".join(item.rpartition(";t=")[0] for item in told.split(", "))


def is_refused(answer: httpx.Response) -> bool:
    """Tell whether an answer says that there were too many requests, in every way that it should."""
    if answer.status_code != 429:
        return False
    [error] = answer.json()["errors"]
    wait_s = int(answer.headers["retry-after"])
    assert 0 < wait_s <= 60
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": wait_s}
    assert error["message"].endswith(f"is reached: try again in {wait_s} s")
    assert answer.headers["cache-control"] == "no-store"
    return True


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL, "*/*"])
def test_requests_are_counted_and_one_too_many_is_refused(accept: str) -> None:
    shop = Shop(MINUTE)
    with shop.served() as client:
        for number in range(3):
            answer = post(client, "{ item(id: 1) { name } }", accept=accept)
            assert answer.json() == {"data": {"item": {"name": "Loom"}}}
            assert answer.headers["ratelimit-policy"] == '"requests";q=3;w=60'
            assert left(answer) == f'"requests";r={2 - number}'
        answer = post(client, "{ item(id: 1) { name } }", accept=accept)
        assert is_refused(answer)
        assert answer.headers["ratelimit-policy"] == '"requests";q=3;w=60'
        assert left(answer) == '"requests";r=0'
        assert answer.json()["errors"][0]["message"].startswith("the limit of 3 requests in 60 s")
    assert shop.calls == 3


def test_every_way_to_ask_counts() -> None:
    shop = Shop(Rate(requests=7, per=3600))
    with shop.served() as client:
        assert left(post(client, "{ number }")) == '"requests";r=6'
        assert left(client.get("/graphql", params={"query": "{ number }"})) == '"requests";r=5'
        assert left(client.head("/graphql", params={"query": "{ number }"})) == '"requests";r=4'
        assert left(client.post("/graphql", content=b"no JSON")) == '"requests";r=3'
        assert left(post(client, "{ noSuchField }")) == '"requests";r=2'
        answer = client.post(
            "/graphql",
            data={
                "operations": '{"query": "mutation($f: Upload!) { keep(file: $f) }", "variables": {"f": null}}',
                "map": '{"0": ["variables.f"]}',
            },
            files={"0": b"abc"},
            headers={"apollo-require-preflight": "true"},
        )
        assert answer.json() == {"data": {"keep": 3}}
        assert left(answer) == '"requests";r=1'
        answer = post(client, "{ __typename }", accept="text/event-stream")
        assert answer.text.startswith('event: next\ndata: {"data"')
        assert left(answer) == '"requests";r=0'
        assert is_refused_with_429(client)


def is_refused_with_429(client: httpx.Client) -> bool:
    return all(
        answer.status_code == 429
        for answer in (
            post(client, "{ number }"),
            client.get("/graphql", params={"query": "{ number }"}),
            client.post("/graphql", content=b"no JSON"),
            post(client, "subscription { count(to: 1) }", accept="multipart/mixed;subscriptionSpec=1.0"),
        )
    )


def test_a_page_and_what_is_allowed_are_shown_without_counting() -> None:
    with Shop(Rate(requests=1, per=3600)).served() as client:
        for _ in range(3):
            assert client.get("/graphql", headers={"accept": "text/html"}).status_code == 200
            assert client.options("/graphql").status_code == 204
        assert post(client, "{ number }").status_code == 200


def test_an_answer_that_is_kept_counts_as_a_request_but_costs_nothing() -> None:
    shop = Shop(Rate(requests=10, per=3600), Rate(calls=10, per=3600), Rate(cost=10, per=3600))
    with shop.served() as client:
        query = "{ fresh(id: 1) { name } }"
        assert left(post(client, query)) == '"requests";r=9, "calls";r=9, "cost";r=8'
        for number in range(2):
            assert left(post(client, query)) == f'"requests";r={8 - number}, "calls";r=9, "cost";r=8'
        assert left(post(client, "{ fresh(id: 1) { id } }")) == '"requests";r=6, "calls";r=9, "cost";r=6'
    assert shop.calls == 1


def test_what_shared_caches_keep_says_nothing_of_one_client() -> None:
    with Shop(Rate(requests=10, per=3600)).served() as client:
        public = client.get("/graphql", params={"query": "{ fresh(id: 1) { name } }"})
        assert public.headers["cache-control"].startswith("public, max-age=")
        assert "ratelimit" not in public.headers
        assert "ratelimit-policy" not in public.headers
        assert left(client.get("/graphql", params={"query": "{ item(id: 1) { name } }"})) == '"requests";r=8'
        assert left(post(client, "{ fresh(id: 1) { name } }")) == '"requests";r=7'


def test_what_runs_at_the_same_time_is_counted_once_each_and_never_more_is_let_in() -> None:
    shop = Shop(Rate(requests=10, per=3600))

    def ask(number: int) -> int:
        return post(client, f"{{ item(id: {number}) {{ name }} }}").status_code

    with shop.served() as client, ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(ask, range(60)))
    assert statuses == [200] * 10 + [429] * 50
    assert shop.calls == 10


def test_identical_requests_at_the_same_time_all_count() -> None:
    shop = Shop(Rate(requests=10, per=3600), Rate(calls=10, per=3600))
    with shop.served() as client, ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(lambda _: post(client, "{ item(id: 1) { name } }").status_code, range(40)))
        assert statuses[:1] == [200]
        assert statuses.count(200) <= 10
        assert set(statuses) == {200, 429}
        assert 1 <= shop.calls <= 10


def test_each_entry_of_a_batch_is_a_request_and_those_that_are_too_many_fail_alone() -> None:
    shop = Shop(MINUTE)
    with shop.served(max_batch=10) as client:
        entries = [{"query": f"{{ item(id: {number}) {{ id }} }}"} for number in range(5)]
        answer = client.post("/graphql", json=entries)
        assert answer.status_code == 200
        bodies = answer.json()
        assert [body.get("data") for body in bodies[:3]] == [{"item": {"id": str(number)}} for number in range(3)]
        assert [body["errors"][0]["extensions"]["code"] for body in bodies[3:]] == ["RATE_LIMITED"] * 2
        assert left(answer) == '"requests";r=0'
        assert is_refused(client.post("/graphql", json=entries))
    assert shop.calls == 3


def test_the_estimated_cost_is_paid_before_any_backend_is_called() -> None:
    shop = Shop(Rate(cost=12, per=3600))
    with shop.served() as client:
        assert left(post(client, "{ dear { id } }")) == '"cost";r=7'
        assert left(post(client, "{ dear { id } }")) == '"cost";r=2'
        assert shop.calls == 2
        answer = post(client, "{ dear { id } }")
        assert answer.status_code == 429
        assert answer.json()["errors"][0]["message"].startswith(
            "the limit of 12 of estimated cost in 3600 s is reached"
        )
        assert answer.headers["retry-after"] == "900"
        assert left(post(client, "{ number }")) == '"cost";r=1'  # it is cheap enough
        never = post(client, "{ a: dear { id } b: dear { id } c: dear { id } }", accept=GRAPHQL)
        assert never.status_code == 400
        assert never.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert shop.calls == 2


def test_calls_of_backends_are_paid_afterwards_and_may_be_overdrawn() -> None:
    shop = Shop(Rate(calls=3, per=3600))
    with shop.served() as client:
        answer = post(client, "{ a: item(id: 1) { id } b: item(id: 1) { name } }")
        assert left(answer) == '"calls";r=2'  # one question
        answer = post(client, "mutation { a: add(name: 1) { id } }".replace("1", '"x"'))
        assert left(answer) == '"calls";r=1'
        answer = post(client, "{ a: item(id: 3) { id } b: item(id: 4) { id } c: item(id: 5) { id } }")
        assert answer.json()["data"]["c"] == {"id": "5"}
        assert left(answer) == '"calls";r=0'
        answer = post(client, "{ number }")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "3600"
    assert shop.calls == 5


def test_an_answer_in_parts_pays_for_all_of_its_calls() -> None:
    shop = Shop(Rate(calls=5, per=3600))
    with shop.served() as client:
        query = "{ item(id: 1) { id } ... @defer { b: item(id: 2) { id } } }"
        answer = post(client, query, accept="multipart/mixed")
        assert answer.text.count("hasNext") == 2
        assert left(post(client, "{ number }")) == '"calls";r=3'


@pytest.mark.parametrize("rate", [MINUTE, Rate(cost=6, per=60)], ids=str)
def test_schema_extensions_change_nothing_about_that(rate: Rate) -> None:
    class Quiet(SchemaExtension):
        pass

    shop = Shop(rate, extensions=[Quiet])
    with shop.served() as client:
        for _ in range(3):
            assert post(client, "{ item(id: 1) { id } }").json() == {"data": {"item": {"id": "1"}}}
        assert is_refused(post(client, "{ item(id: 1) { id } }"))
    assert shop.calls == 3


# -- sockets and streams -----------------------------------------------------------------------------------------------


def test_operations_of_all_sockets_of_a_client_count_together() -> None:
    shop = Shop(MINUTE)
    app = App(shop.graph)
    with running(app) as url:
        server = Server(app, url)
        with server.connecting() as first, server.connecting() as second:
            assert first.ask("{ number }") == {"data": {"number": 1}}
            second.subscribe("subscription { count(to: 1) }")
            assert [second.hear()["type"] for _ in range(2)] == ["next", "complete"]
            assert first.ask("{ item(id: 1) { id } }") == {"data": {"item": {"id": "1"}}}
            for socket, query in ((first, "{ item(id: 2) { id } }"), (second, "subscription { count(to: 1) }")):
                socket.subscribe(query, "late")
                message = socket.hear()
                assert (message["type"], message["id"]) == ("error", "late")
                assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
                assert message["payload"][0]["extensions"]["retryAfter"] > 0
        assert httpx.post(f"{url}/graphql", json={"query": "{ number }"}).status_code == 429
    assert shop.calls == 1


def test_a_subscription_costs_once_and_its_events_nothing() -> None:
    shop = Shop(Rate(requests=2, per=3600))
    with shop.served() as client:
        query = "subscription { count(to: 50) }"
        answer = post(client, query, accept="text/event-stream")
        assert answer.text.count("event: next") == 50
        assert left(answer) == '"requests";r=1'
        assert left(post(client, query, accept="multipart/mixed;subscriptionSpec=1.0")) == '"requests";r=0'
        refused = post(client, query, accept="text/event-stream")
        assert refused.headers["content-type"].startswith("text/event-stream")
        assert '"code":"RATE_LIMITED"' in refused.text  # its client would try again on any other status
        assert refused.text.endswith("event: complete\ndata:\n\n")
        assert is_refused_with_429(client)


# -- who ---------------------------------------------------------------------------------------------------------------


def by_name(shown: Credentials) -> Client | None:
    match shown.payload.get("name", shown.headers.get("authorization")):
        case None:
            return None
        case "wrong":
            raise Unauthenticated("the token is not good")
        case "rich":
            return Client(id="rich", rates=[Rate(requests=50, per=60, name="gold")])
        case name:
            return Client(id=name)


def test_each_client_has_its_own_limit_and_some_have_other_ones() -> None:
    with Shop(MINUTE, clients=[by_name]).served() as client:
        for name in ("ada", "bob"):
            assert [left(post(client, "{ number }", authorization=name)) for _ in range(3)] == [
                f'"requests";r={number}' for number in (2, 1, 0)
            ]
        assert is_refused(post(client, "{ number }", authorization="ada"))
        answer = post(client, "{ number }", authorization="rich")
        assert answer.headers["ratelimit-policy"] == '"gold";q=50;w=60'
        assert left(answer) == '"gold";r=49'
        assert left(post(client, "{ number }")) == '"requests";r=2'


def test_guessing_credentials_is_limited_by_address() -> None:
    shop = Shop(MINUTE, clients=[by_name])
    app = App(shop.graph)
    with running(app) as url, httpx.Client(base_url=url) as client:
        assert [post(client, "{ number }", authorization="wrong").status_code for _ in range(2)] == [401, 401]
        with Server(app, url).connecting(init=False) as socket:
            socket.say(type="connection_init", payload={"name": "wrong"})
            assert socket.closed() == (4403, "the token is not good")
        assert is_refused(post(client, "{ number }", authorization="wrong"))
        assert is_refused(post(client, "{ number }", authorization="ada"))  # were it right, nobody would tell
        with Server(app, url).connecting(init=False) as socket:
            socket.say(type="connection_init", payload={"name": "ada"})
            code, reason = socket.closed()
            assert code == 4403
            assert reason.startswith("the limit of 3 requests in 60 s is reached")


def test_an_address_is_not_believed_from_whoever_says_it() -> None:
    with Shop(MINUTE).served() as client:
        for number in range(3):
            post(
                client,
                "{ number }",
                **{"x-forwarded-for": f"203.0.113.{number}", "forwarded": f"for=203.0.113.{number}"},
            )
        assert is_refused(post(client, "{ number }", **{"x-forwarded-for": "203.0.113.9"}))


def test_behind_a_trusted_proxy_each_of_its_clients_has_its_own_limit() -> None:
    with Shop(Rate(requests=1, per=60), proxies=["127.0.0.0/8"]).served() as client:
        for number in range(3):
            assert post(client, "{ number }", **{"x-forwarded-for": f"203.0.113.{number}"}).status_code == 200
        assert is_refused(post(client, "{ number }", **{"x-forwarded-for": "198.51.100.7, 203.0.113.2"}))
        assert is_refused(post(client, "{ number }", **{"x-forwarded-for": "203.0.113.2, 127.0.0.9"}))


def test_pages_of_other_origins_may_read_what_is_left() -> None:
    shop = Shop(Rate(requests=1, per=60))
    with shop.served(cors=Cors(origins=["https://app.example"])) as client:
        for status in (200, 429):
            answer = post(client, "{ number }", origin="https://app.example")
            assert answer.status_code == status
            assert "ratelimit" in answer.headers["access-control-expose-headers"]
            assert answer.headers["access-control-allow-origin"] == "https://app.example"


async def test_a_graph_without_a_server_and_one_without_rates_are_not_limited() -> None:
    graph = Shop(Rate(requests=1, per=3600)).graph
    for _ in range(3):
        assert await graph.execute("{ number }") == {"data": {"number": 1}}
    with Shop().served() as client:
        answer = await asyncio.to_thread(post, client, "{ number }")
        assert "ratelimit" not in answer.headers
