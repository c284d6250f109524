"""Who asks: made out for requests by an author's function, as it is for sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Client, Credentials, Graph, Jwt, Rate, RequestError, Trust, Unauthenticated
from graph.clients import Clients, Function
from graph.metering import Metering
from sources import FakeTransport, Rest
from tests.graph.serving.tokens import SECRET, sign
from tests.serving import running

echo = FakeTransport(lambda *_: "word")
source = Rest("echo", "http://echo.test", forward=["X-User"], client=echo)


@strawberry.type
class Query:
    @source.get("/")
    def word(self) -> str: ...

    @strawberry.field
    def me(self, info: strawberry.Info) -> str | None:
        client: Client = info.context["client"]
        return client.id

    @strawberry.field
    def told(self, info: strawberry.Info) -> str | None:
        return str(info.context.get("tenant"))


async def by_token(shown: Credentials) -> Client | None:
    match shown.headers.get("authorization"):
        case None:
            return None
        case "ada":
            assert shown.address == "127.0.0.1"
            return Client(id="user:ada", headers={"X-User": "ada"}, context={"tenant": "t1"})
        case "banned":
            raise PermissionError("a secret reason")
        case "broken":
            raise RuntimeError("a secret fault")
        case _:
            raise Unauthenticated("the token is not good", "Custom realm=x")


@pytest.fixture(scope="module", params=[True, False])
def anonymous(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def url(anonymous: bool) -> Iterator[str]:
    with running(App(Graph(query=Query, trust=Trust(clients=[by_token], anonymous=anonymous)))) as url:
        yield f"{url}/graphql"


def ask(url: str, query: str, **headers: str) -> httpx.Response:
    return httpx.post(url, json={"query": query}, headers={"accept": "application/graphql-response+json", **headers})


def test_a_known_client_is_in_the_context_and_its_headers_are_forwarded(url: str) -> None:
    answer = ask(url, "{ word me told }", authorization="ada", **{"x-user": "eve"})
    assert answer.json() == {"data": {"word": "word", "me": "user:ada", "told": "t1"}}
    assert echo.headers[-1]["x-user"] == "ada"


@pytest.mark.parametrize(
    ("token", "status", "message", "code", "challenge"),
    [
        ("nonsense", 401, "the token is not good", "UNAUTHENTICATED", "Custom realm=x"),
        ("banned", 403, "Forbidden", "FORBIDDEN", None),
        ("broken", 500, "Internal server error", "INTERNAL_SERVER_ERROR", None),
    ],
)
def test_who_is_not_welcome_hears_no_more_than_that(
    url: str, token: str, status: int, message: str, code: str, challenge: str | None
) -> None:
    answer = ask(url, "{ me }", authorization=token)
    assert answer.status_code == status
    assert answer.json() == {"errors": [{"message": message, "extensions": {"code": code}}]}
    assert answer.headers.get("www-authenticate") == challenge


def test_who_shows_nothing_is_anonymous_where_that_is_allowed(url: str, anonymous: bool) -> None:
    answer = ask(url, "{ me }")
    if anonymous:
        assert answer.json() == {"data": {"me": None}}
    else:
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["message"] == "credentials are needed"
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_graph_without_a_server_is_told_its_client() -> None:
    graph = Graph(query=Query)
    client: Any = Client(id="key:1")
    answer = await graph.execute("{ me }", context={"client": client}, client=client)
    assert answer == {"data": {"me": "key:1"}}


def test_a_way_that_is_asked_each_time_may_turn_away_whom_a_later_one_remembers() -> None:
    banned: list[str] = []

    def barrier(shown: Credentials) -> None:
        if shown.address in banned:
            raise PermissionError

    trust = Trust(clients=[barrier, Jwt(key=SECRET)])
    with running(App(Graph(query=Query, trust=trust))) as root:
        token = sign("HS256", exp=9_999_999_999)
        shown = {"authorization": f"Bearer {token}"}
        for _ in range(2):
            assert ask(f"{root}/graphql", "{ me }", **shown).json() == {"data": {"me": "user:ada"}}
        banned.append("127.0.0.1")
        assert ask(f"{root}/graphql", "{ me }", **shown).status_code == 403


async def test_no_limit_of_guesses_keeps_in_who_was_let_in_before() -> None:
    def refuse(shown: Credentials) -> None:
        raise Unauthenticated("not any more")

    clients = Clients([Function(refuse)], anonymous=True, metering=Metering([Rate(requests=1, per=60)]))
    shown, statuses = Credentials({}, address="192.0.2.1"), []
    for again in (False, False, True, True):
        with pytest.raises(RequestError) as refused:
            await clients.find(shown, again=again)
        statuses.append(refused.value.status)
    assert statuses == [401, 429, 401, 401]


def test_what_is_no_way_to_make_out_clients_is_a_fault() -> None:
    with pytest.raises(ValueError, match="clients: 7 is no way to make out who a client is"):
        Trust(clients=[7])  # type: ignore[list-item]  # which is the point
