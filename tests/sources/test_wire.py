"""On the wire: both transports against the same real servers, and every way to authenticate."""

import asyncio
import base64
import gzip
from collections.abc import Iterator
from typing import Any

import fastapi
import httpx
import pytest

from sources import (
    ApiKey,
    Auth,
    Basic,
    Bearer,
    DeclarationError,
    FakeTransport,
    HttpxTransport,
    InvalidInput,
    OAuth2,
    PyreqwestTransport,
    Rest,
    SourceError,
    Transport,
    UpstreamUnavailable,
)
from tests.serving import running


class Backend:
    """Echoes requests, gives tokens, and counts both."""

    def __init__(self) -> None:
        self.tokens = 0
        self.lifetime_s: Any = 60
        self.refused: set[str] = set()
        self.status = 200
        self.app = fastapi.FastAPI()
        self.requests: list[dict[str, str]] = []

        @self.app.post("/token")
        async def token(request: fastapi.Request) -> Any:
            assert await request.body() == b"grant_type=client_credentials"
            assert request.headers["authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()
            self.tokens += 1
            await asyncio.sleep(0.02)
            if self.status != 200:
                return fastapi.Response("<html>", self.status)
            return {"access_token": f"t{self.tokens}", "expires_in": self.lifetime_s, "token_type": "bearer"}

        @self.app.get("/there")
        def there() -> Any:
            return fastapi.responses.RedirectResponse("/echo")

        @self.app.get("/packed")
        def packed() -> Any:
            return fastapi.Response(gzip.compress(b'{"a": 1}'), headers={"content-encoding": "gzip", "X-Seen": "yes"})

        @self.app.api_route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        async def echo(request: fastapi.Request) -> Any:
            self.requests.append(dict(request.headers))
            bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
            return fastapi.responses.JSONResponse(
                {
                    "method": request.method,
                    "query": request.url.query,
                    "body": (await request.body()).decode(),
                    "type": request.headers.get("content-type"),
                },
                401 if bearer in self.refused else 200,
            )


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def url(backend: Backend) -> Iterator[str]:
    with running(backend.app) as address:
        yield address


@pytest.fixture(params=["pyreqwest", "httpx"])
async def transport(request: pytest.FixtureRequest) -> Any:
    made: Transport
    if request.param == "pyreqwest":
        made = PyreqwestTransport(timeout_s=5, connect_timeout_s=1, max_connections=4)
    else:
        made = HttpxTransport(httpx.AsyncClient(trust_env=False))
    yield made
    await made.aclose()


# -- transports -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_method_headers_and_body_arrive(transport: Transport, url: str, method: str) -> None:
    body = None if method == "GET" else b'{"x": 1}'
    headers = [("content-type", "application/json"), ("x-mine", "1")] if body else []
    reply = await transport.send(method, f"{url}/echo?a=1%2F2", headers, body)
    assert reply.status == 200
    assert bytes(reply.body).startswith(b'{"method":"%b","query":"a=1%%2F2"' % method.encode())


async def test_replies_are_unpacked_and_headers_found_in_any_case(transport: Transport, url: str) -> None:
    reply = await transport.send("GET", f"{url}/packed", [], None)
    assert bytes(reply.body) == b'{"a": 1}'
    assert reply.header("x-seen") == reply.header("X-Seen") == "yes"
    assert reply.header("nothing") is None


async def test_redirects_are_not_followed(transport: Transport, url: str, backend: Backend) -> None:
    reply = await transport.send("GET", f"{url}/there", [], None)
    assert reply.status == 307
    assert backend.requests == []


async def test_more_exchanges_than_connections_take_turns(transport: Transport, url: str) -> None:
    replies = await asyncio.gather(*(transport.send("GET", f"{url}/echo?n={n}", [], None) for n in range(20)))
    assert [b'"n=%d"' % n in bytes(reply.body) for n, reply in enumerate(replies)] == [True] * 20


def test_a_graph_may_be_used_from_one_event_loop_after_another(url: str) -> None:
    source = Rest("s", url)
    for _ in range(2):
        assert asyncio.run(source.send("GET", "/echo")).status == 200


async def test_an_application_in_this_process_is_a_backend(backend: Backend) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(backend.app))
    source = Rest("s", "http://in.process", client=client)
    assert (await source.send("GET", "/echo")).status == 200
    await source.aclose()


async def test_the_fake_records_what_it_is_asked() -> None:
    fake = FakeTransport({"GET /a?b=1": (201, {"x": 1}, {"X-Y": "z"})})
    source = Rest("s", "http://s.example/", client=fake, headers={"x-fixed": "1"})
    reply = await source.send("GET", "/a?b=1")
    assert (reply.status, reply.header("x-y")) == (201, "z")
    assert (await source.send("POST", "/none", body=b"{}")).status == 404
    assert fake.calls == ["GET /a?b=1", "POST /none"]
    assert fake.bodies == [None, b"{}"]
    assert fake.headers == [{"x-fixed": "1"}, {"x-fixed": "1", "content-type": "application/json"}]


async def test_a_header_value_with_a_line_break_is_refused(url: str, backend: Backend) -> None:
    with pytest.raises(InvalidInput, match="control character"):
        await Rest("s", url).send("GET", "/echo", [("x-a", "1\r\nx-b: 2")])
    assert backend.requests == []


# -- credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (ApiKey("X-API-Key", value="k"), "x-api-key", "k"),
        (Basic("me", "se:cret"), "authorization", "Basic " + base64.b64encode(b"me:se:cret").decode()),
        (Bearer("t"), "authorization", "Bearer t"),
    ],
)
async def test_fixed_credentials_are_in_every_request(
    url: str, backend: Backend, auth: Auth, header: str, value: str
) -> None:
    await Rest("s", url, auth=auth).send("GET", "/echo")
    assert backend.requests[0][header] == value


@pytest.mark.parametrize(("target", "query"), [("/echo", "api_key=a%26b"), ("/echo?x=1", "x=1&api_key=a%26b")])
async def test_a_key_in_the_query_is_appended_and_encoded(url: str, target: str, query: str) -> None:
    reply = await Rest("s", url, auth=ApiKey(query="api_key", value="a&b")).send("GET", target)
    assert f'"query":"{query}"'.encode() in bytes(reply.body)


async def test_secrets_come_from_the_environment_when_first_needed(
    url: str, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Rest("s", url, auth=Bearer(env="SOME_TOKEN"))
    assert source.missing_environment() == ["SOME_TOKEN"]
    monkeypatch.setenv("SOME_TOKEN", "later")
    assert source.missing_environment() == []
    await source.send("GET", "/echo")
    assert backend.requests[0]["authorization"] == "Bearer later"


@pytest.mark.parametrize("make", [lambda: Bearer(), lambda: Bearer("a", env="B"), lambda: Basic("a:b", "c")])
def test_impossible_credentials_are_a_declaration_error(make: Any) -> None:
    with pytest.raises(DeclarationError):
        make()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def oauth(url: str, clock: Clock) -> tuple[Rest, OAuth2]:
    auth = OAuth2(f"{url}/token", client_id="me", client_secret="secret", renew_before_s=10, clock=clock)
    return Rest("s", url, auth=auth), auth


def sent_tokens(backend: Backend) -> list[str]:
    return [request["authorization"] for request in backend.requests]


async def test_one_token_request_serves_all_who_wait(url: str, backend: Backend) -> None:
    source, _ = oauth(url, Clock())
    await asyncio.gather(*(source.send("GET", "/echo") for _ in range(10)))
    await source.send("GET", "/echo")
    assert backend.tokens == 1
    assert sent_tokens(backend) == ["Bearer t1"] * 11


async def test_a_token_is_renewed_ahead_of_its_expiry_while_the_old_one_serves(url: str, backend: Backend) -> None:
    clock = Clock()
    source, auth = oauth(url, clock)
    await source.send("GET", "/echo")
    clock.now += 51
    await asyncio.gather(*(source.send("GET", "/echo") for _ in range(3)))
    assert set(sent_tokens(backend)) == {"Bearer t1"}
    renewal = auth._renewal
    assert renewal is not None
    await renewal
    await source.send("GET", "/echo")
    assert backend.tokens == 2
    assert sent_tokens(backend)[-1] == "Bearer t2"


async def test_an_expired_token_is_not_sent(url: str, backend: Backend) -> None:
    clock = Clock()
    source, _ = oauth(url, clock)
    await source.send("GET", "/echo")
    clock.now += 61
    await source.send("GET", "/echo")
    assert sent_tokens(backend) == ["Bearer t1", "Bearer t2"]


async def test_a_refused_token_is_replaced_once(url: str, backend: Backend) -> None:
    source, _ = oauth(url, Clock())
    backend.refused = {"t1"}
    assert (await source.send("POST", "/echo", body=b"{}")).status == 200
    assert sent_tokens(backend) == ["Bearer t1", "Bearer t2"]
    backend.refused = {"t2", "t3", "t4"}
    assert (await source.send("GET", "/echo")).status == 401
    assert sent_tokens(backend)[2:] == ["Bearer t2", "Bearer t3"]


@pytest.mark.parametrize(("status", "lifetime"), [(500, 60), (401, 60), (200, "soon")])
async def test_a_token_endpoint_that_gives_none_is_a_failure_of_the_source(
    url: str, backend: Backend, status: int, lifetime: Any
) -> None:
    source, _ = oauth(url, Clock())
    backend.status, backend.lifetime_s = status, lifetime
    with pytest.raises(SourceError, match="token endpoint"):
        await source.send("GET", "/echo")
    assert backend.requests == []
    backend.status, backend.lifetime_s = 200, 60
    assert (await source.send("GET", "/echo")).status == 200


async def test_a_token_endpoint_that_is_down_is_a_failure_of_the_source(url: str) -> None:
    auth = OAuth2("http://127.0.0.1:9/token", client_id="me", client_secret="secret")
    with pytest.raises(UpstreamUnavailable, match="token endpoint cannot be reached"):
        await Rest("s", url, auth=auth).send("GET", "/echo")
