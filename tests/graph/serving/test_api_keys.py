"""API keys over real sockets: made by the command, shown with requests, streams and sockets, expired and revoked."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import strawberry
from websockets.exceptions import ConnectionClosed

from graph import ApiKeys, App, Client, Credentials, Graph, GraphError, Jwt, Rate, Trust, Unauthenticated
from graph.apikey import id_of, new_key
from graph.apikeys import api_keys_of
from graph.credentials import Authenticator
from graph.keyfile import KeyFile
from sources import Redis
from tests.graph.serving.command import Ended, here
from tests.graph.serving.sockets import Socket, serving, stage
from tests.graph.serving.tokens import SECRET, sign
from tests.serving import running
from tests.stores import Store


@strawberry.type
class Query:
    @strawberry.field
    def me(self, info: strawberry.Info) -> str | None:
        client: Client = info.context["client"]
        return client.id

    @strawberry.field
    def may(self, info: strawberry.Info) -> list[str]:
        client: Client = info.context["client"]
        return sorted(client.scopes)

    @strawberry.field
    def whose(self, info: strawberry.Info) -> str | None:
        client: Client = info.context["client"]
        return client.claims.get("name")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[int]:
        number = 0
        while True:
            yield number
            number += 1
            await asyncio.sleep(0.01)


def graph_of(*ways: Authenticator, anonymous: bool = False) -> Graph:
    return Graph(query=Query, subscription=Subscription, trust=Trust(clients=ways, anonymous=anonymous))


def command(*arguments: str) -> Ended:
    with ThreadPoolExecutor(1) as aside:  # the command has an event loop of its own
        return aside.submit(here, "keys", *arguments).result()


def make(store: object, *options: str) -> str:
    """Make a key as a person does; give it."""
    ended = command("create", "--store", str(store), *options)
    assert ended.status == 0, ended.err
    return ended.out.removesuffix("\n")


def revoke(store: object, key: str) -> None:
    assert command("revoke", str(id_of(key)), "--store", str(store)).status == 0


def change(file: Path, pattern: str, by: str) -> None:
    text, count = re.subn(pattern, by, file.read_text())
    assert count == 1
    file.write_text(text)


def ask(url: str, query: str = "{ me }", **headers: str) -> httpx.Response:
    headers = {"accept": "application/graphql-response+json", **headers}
    return httpx.post(f"{url}/graphql", json={"query": query}, headers=headers, trust_env=False)


def until(holds: Callable[[], bool]) -> None:
    gives_up_at = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < gives_up_at, "it never came to that"
        time.sleep(0.05)


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    [error] = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"], error["message"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.mark.parametrize(
    "headers",
    [
        lambda key: {"X-API-Key": key},
        lambda key: {"x-api-key": key, "authorization": "Bearer of-something-else"},
        lambda key: {"Authorization": f"Bearer {key}"},
        lambda key: {"Authorization": f"bearer  {key}"},
        lambda key: {"Authorization": f"ApiKey {key}"},
    ],
)
def test_a_key_is_known_in_every_place_where_clients_put_one(
    file: Path, headers: Callable[[str], dict[str, str]]
) -> None:
    key = make(file, "--name", "Ada's till", "--scope", "orders:read", "--scope", "a b")
    with running(App(graph_of(ApiKeys(file)))) as url:
        for _ in range(2):  # looked up, and remembered
            answer = ask(url, "{ me may whose }", **headers(key))
            told = {"me": f"key:{id_of(key)}", "may": ["a", "b", "orders:read"], "whose": "Ada's till"}
            assert answer.json() == {"data": told}


def test_what_is_no_key_or_nobodys_is_told_apart_only_as_far_as_its_form_goes(file: Path, tmp_path: Path) -> None:
    key, other = make(file), make(tmp_path / "other.json")
    mistyped = key[:-10] + ("A" if key[-10] != "A" else "B") + key[-9:]
    with running(App(graph_of(ApiKeys(file)))) as url:
        for shown in ("", "x", mistyped, key[:-1], f"{key}x", f"{key}, {key}", "weft_" + "a" * 2_000):
            answer = ask(url, **{"x-api-key": shown})
            assert error_of(answer) == (401, "UNAUTHENTICATED", "this is no API key, or part of it is missing")
            assert answer.headers["www-authenticate"] == "Bearer"
        answer = ask(url, **{"x-api-key": other})
        assert error_of(answer) == (401, "UNAUTHENTICATED", "the API key is not good")
        assert error_of(ask(url)) == (401, "UNAUTHENTICATED", "credentials are needed")
        assert ask(url, authorization=f"Bearer {key}").status_code == 200


async def test_the_id_alone_is_as_good_as_nothing(file: Path) -> None:
    key = make(file)
    change(file, r'"hash": "[0-9a-f]+"', f'"hash": "{"0" * 64}"')  # as if the key had another secret
    with pytest.raises(Unauthenticated, match="the API key is not good"):
        await ApiKeys(file).find(Credentials({"x-api-key": key}))


def test_credentials_of_other_kinds_are_left_to_others(file: Path) -> None:
    make(file)

    def by_token(shown: Credentials) -> Client | None:
        return Client(id="user:ada") if shown.headers.get("authorization") == "Bearer of-ada" else None

    trust = Trust(clients=[ApiKeys(file), by_token])
    with running(App(Graph(query=Query, trust=trust))) as url:
        assert ask(url, authorization="Bearer of-ada").json() == {"data": {"me": "user:ada"}}
        for nothing in ("Bearer of-nobody", "Basic eDp5", "Bearer", ""):
            assert ask(url, authorization=nothing).json() == {"data": {"me": None}}


async def test_a_key_is_good_until_the_instant_at_which_it_expires(file: Path) -> None:
    key, at = make(file, "--expires", "2126-01-01"), [4_922_899_199.5, 100.0]  # half a second before
    way = ApiKeys(file, now=lambda: at[0], clock=lambda: at[1])
    shown = Credentials({"x-api-key": key})
    client = await way.find(shown)
    assert client is not None
    assert client.expires_at == 4_922_899_200.0
    assert way.known(shown) is client
    at[:] = [4_922_899_199.9, 100.4]
    assert way.known(shown) is client
    at[:] = [4_922_899_200.0, 100.5]
    assert way.known(shown) is None
    with pytest.raises(Unauthenticated, match="the API key has expired"):
        await way.find(shown)


async def test_a_client_stays_the_same_while_its_record_does(file: Path) -> None:
    key, at = make(file, "--scope", "a"), [0.0]
    way, shown = ApiKeys(file, clock=lambda: at[0]), Credentials({"x-api-key": key})
    assert way.known(shown) is None
    client = await way.find(shown)
    at[0] = 1.5
    assert way.known(shown) is None
    assert await way.find(shown) is client
    change(file, '"a"', '"b"')
    at[0] = 3.0
    changed = await way.find(shown)
    assert changed is not None
    assert changed.scopes == {"b"}


async def test_what_is_remembered_of_good_keys_is_bounded(file: Path) -> None:
    shown = [Credentials({"x-api-key": make(file)}) for _ in range(3)]
    way = ApiKeys(file, max_known=2)
    for credentials in shown:
        await way.find(credentials)
    assert [way.known(credentials) is not None for credentials in shown] == [False, True, True]


def test_a_key_that_is_revoked_is_refused_for_requests_within_seconds(file: Path) -> None:
    key = make(file)
    with running(App(graph_of(ApiKeys(file)))) as url:
        assert ask(url, **{"x-api-key": key}).status_code == 200
        revoke(file, key)
        until(lambda: ask(url, **{"x-api-key": key}).status_code == 401)
        answer = ask(url, **{"x-api-key": key})
        assert error_of(answer) == (401, "UNAUTHENTICATED", "the API key has been revoked")


def test_a_key_has_rates_of_its_own(file: Path) -> None:
    key, other = make(file, "--rate", "requests=2/1h", "--rate", "calls=5/1h"), make(file)
    trust = Trust(clients=[ApiKeys(file)], rates=[Rate(requests=3, per=3600)])
    with running(App(Graph(query=Query, trust=trust))) as url:
        assert [ask(url, **{"x-api-key": key}).status_code for _ in range(3)] == [200, 200, 429]
        assert [ask(url, **{"x-api-key": other}).status_code for _ in range(4)] == [200, 200, 200, 429]


def refused_on(socket: Socket) -> bool:
    socket.subscribe("{ me }", "ask")
    message = socket.hear()
    if message["type"] == "error":
        assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        return True
    assert socket.hear()["type"] == "complete"
    return False


def test_a_key_that_is_revoked_is_good_for_no_further_operation_on_a_socket(file: Path) -> None:
    key = make(file)
    with serving(graph_of(ApiKeys(file))) as server, server.connecting(init=False) as socket:
        socket.init(**{"X-API-Key": key})
        assert socket.ask("{ me }") == {"data": {"me": f"key:{id_of(key)}"}}
        revoke(file, key)
        until(lambda: refused_on(socket))


def answer_pings(*sockets: Socket) -> None:
    while True:
        for socket in sockets:
            assert json.loads(socket.connection.recv(20)) == {"type": "ping"}
            socket.say(type="pong")


def test_sockets_of_a_key_that_is_revoked_end(file: Path) -> None:
    key, other = make(file), make(file)
    with (
        serving(graph_of(ApiKeys(file)), ping_interval=0.2) as server,
        server.connecting(init=False) as socket,
        server.connecting(init=False) as staying,
    ):
        socket.init(**{"x-api-key": key})
        staying.init(headers={"Authorization": f"Bearer {other}"})
        revoke(file, key)
        with pytest.raises(ConnectionClosed) as closed:
            answer_pings(staying, socket)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4403, "the token has expired")
        assert staying.ask("{ me }") == {"data": {"me": f"key:{id_of(other)}"}}


def test_a_socket_ends_when_its_key_expires(file: Path) -> None:
    key, record = new_key(created=datetime.now(UTC), expires=datetime.now(UTC) + timedelta(seconds=1))
    asyncio.run(KeyFile(file).add(record))
    with (
        serving(graph_of(ApiKeys(file))) as server,
        server.connecting(additional_headers={"X-API-Key": key}) as socket,
    ):
        assert socket.ask("{ me }") == {"data": {"me": f"key:{record.id}"}}
        assert socket.closed() == (4403, "the token has expired")


def test_a_stream_that_outlives_its_graph_is_ended_by_the_keys_of_the_next_one(file: Path, tmp_path: Path) -> None:
    key, headers = make(file), {"accept": "text/event-stream"}
    make(tmp_path / "others.json")
    next_graph = graph_of(ApiKeys(tmp_path / "others.json"))

    async def replace() -> None:
        server.app.replace(next_graph)

    query = {"query": "subscription { ticks }"}
    with (
        serving(graph_of(ApiKeys(file)), ping_interval=0.2) as server,
        httpx.Client(headers=headers | {"x-api-key": key}, trust_env=False, timeout=20) as client,
        client.stream("POST", f"{server.url}/graphql", json=query) as answer,
    ):
        lines = answer.iter_lines()
        assert any('"ticks":3' in line for line in lines)
        stage.run(replace())
        *_, last = (line for line in lines if line.startswith("data: "))
        assert '"code":"UNAUTHENTICATED"' in last


def test_what_was_begun_with_a_scope_that_is_taken_away_ends(file: Path) -> None:
    key, headers = make(file, "--scope", "a", "--scope", "b"), {"accept": "text/event-stream"}
    query = {"query": "subscription { ticks }"}
    with (
        serving(graph_of(ApiKeys(file)), ping_interval=0.2) as server,
        server.connecting(init=False) as socket,
        httpx.Client(headers=headers | {"x-api-key": key}, trust_env=False, timeout=20) as client,
        client.stream("POST", f"{server.url}/graphql", json=query) as answer,
    ):
        socket.init(**{"x-api-key": key})
        assert socket.ask("{ may }") == {"data": {"may": ["a", "b"]}}
        change(file, r',\s*"b"', ', "c"')
        with pytest.raises(ConnectionClosed) as closed:
            answer_pings(socket)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4403, "the token has expired")
        *_, last = (line for line in answer.iter_lines() if line.startswith("data: "))
        assert '"code":"UNAUTHENTICATED"' in last


def test_what_goes_on_is_for_those_whom_the_next_graph_knows(file: Path) -> None:
    before, after = Jwt(key=SECRET), Jwt(key=SECRET[::-1])
    shown = {"authorization": f"Bearer {sign('HS256', exp=9_999_999_999)}"}
    headers = {"accept": "text/event-stream", **shown}

    async def replace() -> None:
        server.app.replace(graph_of(after, anonymous=True))

    query = {"query": "subscription { ticks }"}
    with (
        serving(graph_of(before, anonymous=True), ping_interval=0.2) as server,
        server.connecting(init=False) as socket,
        server.connecting() as staying,
        httpx.stream(
            "POST", f"{server.url}/graphql", json=query, headers=headers, trust_env=False, timeout=20
        ) as answer,
    ):
        lines = answer.iter_lines()
        socket.init(**shown)
        assert any('"ticks":3' in line for line in lines)
        assert socket.ask("{ me }") == {"data": {"me": "user:ada"}}
        stage.run(replace())
        with pytest.raises(ConnectionClosed) as closed:
            answer_pings(staying, socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
        assert staying.ask("{ me }") == {"data": {"me": None}}
        *_, last = (line for line in lines if line.startswith("data: "))
        assert '"code":"UNAUTHENTICATED"' in last


def test_streams_of_a_key_that_is_revoked_end_with_an_error(file: Path) -> None:
    key = make(file)
    options = {"headers": {"accept": "text/event-stream", "x-api-key": key}, "trust_env": False, "timeout": 20}
    with serving(graph_of(ApiKeys(file)), ping_interval=0.2) as server:
        query = {"query": "subscription { ticks }"}
        with httpx.stream("POST", f"{server.url}/graphql", json=query, **options) as answer:  # type: ignore[arg-type]
            lines = answer.iter_lines()
            assert any('"ticks":3' in line for line in lines)
            revoke(file, key)
            *_, last = (line for line in lines if line.startswith("data: "))
            assert '"code":"UNAUTHENTICATED"' in last


def test_who_shows_no_good_key_opens_no_socket(file: Path) -> None:
    key = make(file)
    revoke(file, key)
    with serving(graph_of(ApiKeys(file))) as server, server.connecting(init=False) as socket:
        socket.say(type="connection_init", payload={"X-API-Key": key})
        assert socket.closed() == (4403, "the API key has been revoked")


def test_keys_in_redis_are_known_and_revoked(redis_server: Store) -> None:
    key, later = make(redis_server.url), [0.0]
    way = ApiKeys(redis=Redis(redis_server.url), clock=lambda: time.monotonic() + later[0])
    with running(App(graph_of(way))) as url:
        assert ask(url, **{"x-api-key": key}).json() == {"data": {"me": f"key:{id_of(key)}"}}
        revoke(redis_server.url, key)
        later[0] = 11.0
        answer = ask(url, **{"x-api-key": key})
        assert error_of(answer) == (401, "UNAUTHENTICATED", "the API key has been revoked")


def test_while_redis_is_away_keys_that_were_good_stay_so_and_others_are_to_come_again(own_redis_server: Store) -> None:
    key, late, later = make(own_redis_server.url), make(own_redis_server.url), [0.0]
    way = ApiKeys(redis=Redis(own_redis_server.url), clock=lambda: time.monotonic() + later[0])
    with running(App(graph_of(way, anonymous=True))) as url:
        assert ask(url, **{"x-api-key": key}).json() == {"data": {"me": f"key:{id_of(key)}"}}
        own_redis_server.kill()
        answer = ask(url, **{"x-api-key": late})
        assert error_of(answer) == (503, "SERVER_BUSY", "API keys cannot be checked now: try again later")
        assert answer.headers["retry-after"] == "1"
        assert ask(url).json() == {"data": {"me": None}}
        later[0] = 290.0
        assert ask(url, **{"x-api-key": key}).json() == {"data": {"me": f"key:{id_of(key)}"}}
        later[0] = 310.0
        assert ask(url, **{"x-api-key": key}).status_code == 503
        own_redis_server.start()  # which kept nothing
        until(lambda: ask(url, **{"x-api-key": key}).status_code == 401)


def test_a_file_that_is_missing_or_a_variable_that_is_not_set_is_a_fault_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYS_REDIS", raising=False)
    graph = graph_of(ApiKeys(tmp_path / "none.json"), ApiKeys(redis=Redis(env="KEYS_REDIS")))
    with pytest.raises(GraphError) as fault:
        graph.check_environment()
    assert fault.value.faults == [
        f"API keys: {tmp_path / 'none.json'}: No such file or directory",
        "API keys: the environment variable KEYS_REDIS is not set",
    ]


def test_keys_are_in_one_place_under_a_name_that_is_one() -> None:
    with pytest.raises(GraphError, match="ApiKeys: give either a file or redis="):
        ApiKeys()
    with pytest.raises(GraphError, match="ApiKeys: 'X API' is not a header's name"):
        ApiKeys("keys.json", header="X API")
    with pytest.raises(GraphError, match=r"API keys: prefix '\*': expected up to 100 letters"):
        ApiKeys(redis=Redis("redis://127.0.0.1:1"), prefix="*")


def test_a_place_is_named_by_a_text(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_REDIS", "redis://:hunter2@127.0.0.1:1")
    monkeypatch.setenv("OUR_FILE", str(file))
    assert repr(api_keys_of(str(file))) == f"ApiKeys(KeyFile({str(file)!r}))"
    assert repr(api_keys_of("env:OUR_FILE")) == f"ApiKeys(KeyFile({str(file)!r}))"
    assert repr(api_keys_of("env:OUR_REDIS")) == "ApiKeys(RedisKeys(Redis(env='OUR_REDIS'), 'weft:key:'))"
    with pytest.raises(GraphError, match="API keys: the environment variable NO_SUCH is not set"):
        api_keys_of("env:NO_SUCH")


@pytest.mark.parametrize("name", ["x-api-key", "authorization"])
async def test_no_key_is_shown_by_what_holds_one(file: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    key = make(file)
    way, shown = ApiKeys(file), Credentials({name: f"Bearer {key}" if name == "authorization" else key})
    client = await way.find(shown)
    assert client is not None
    assert key[17:] not in f"{way!r} {shown!r} {client!r} {Client(headers={name: key})!r} {caplog.text}"


def test_a_header_of_another_name_may_bring_keys(file: Path) -> None:
    key = make(file)
    with running(App(graph_of(ApiKeys(file, header="X-Till"), anonymous=True))) as url:
        assert ask(url, **{"x-till": key}).json() == {"data": {"me": f"key:{id_of(key)}"}}
        assert ask(url, **{"x-api-key": key}).json() == {"data": {"me": None}}


def test_a_key_may_have_rates_of_its_own(tmp_path: Path) -> None:
    store = tmp_path / "keys.json"
    rich = make(store, "--rate", "requests=50/1m;name=gold", "--rate", "calls=9/1h")
    poor = make(store)
    trust = Trust(clients=[ApiKeys(store)], rates=[Rate(requests=1, per=60)])
    with running(App(Graph(query=Query, trust=trust))) as url:

        def ask(key: str) -> httpx.Response:
            return httpx.post(f"{url}/graphql", json={"query": "{ me }"}, headers={"x-api-key": key})

        assert ask(rich).headers["ratelimit-policy"] == '"gold";q=50;w=60, "calls";q=9;qu="calls";w=3600'
        assert [ask(rich).status_code, ask(poor).status_code, ask(poor).status_code] == [200, 200, 429]
