"""Credentials: fixed ones are in every request; tokens are fetched once, in time, from a real token endpoint."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import httpx
import pytest

from sources import (
    ApiKey,
    Auth,
    Basic,
    Bearer,
    DeclarationError,
    FakeTransport,
    File,
    OAuth2,
    Rest,
    SourceError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.serving import running
from tests.sources.raw import Request, always, reply, speaking

# -- fixed credentials ------------------------------------------------------------------------------------------------


async def headers_sent(auth: Auth) -> dict[str, str]:
    fake = FakeTransport({"GET /a": {}})
    await Rest("s", "http://s.example", client=fake, auth=auth).send("GET", "/a")
    return fake.headers[0]


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (ApiKey("X-API-Key", value="k"), {"X-API-Key": "k"}),
        (ApiKey(query="key", value="k"), {}),
        (Bearer("t.o-k_e~n+/="), {"authorization": "Bearer t.o-k_e~n+/="}),
        (Basic("Aladdin", "open sesame"), {"authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}),
        (Basic("test", "123\xa3"), {"authorization": "Basic dGVzdDoxMjPCow=="}),
        (Basic("", "p"), {"authorization": "Basic OnA="}),
        (Basic("u", "a:b:c"), {"authorization": "Basic dTphOmI6Yw=="}),
    ],
)
async def test_credentials_are_spelled_as_their_rfc_says(auth: Auth, expected: dict[str, str]) -> None:
    assert await headers_sent(auth) == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: ApiKey(value="k"),
        lambda: ApiKey("x-key", query="key", value="k"),
        lambda: ApiKey("x-key"),
        lambda: ApiKey("x-key", value="k", env="K"),
        lambda: Basic("u"),
        lambda: Basic("u:v", "p"),
        lambda: Bearer(),
        lambda: Bearer("t", env="T"),
        lambda: OAuth2("http://t.example", client_id="c"),
        lambda: OAuth2("http://t.example", client_id="c", client_secret="s", env="S"),
        lambda: OAuth2("t.example/token", client_id="c", client_secret="s"),
        lambda: OAuth2("ftp://t.example/token", client_id="c", client_secret="s"),
        lambda: OAuth2("http:///token", client_id="c", client_secret="s"),
    ],
)
def test_credentials_that_cannot_be_meant_are_a_declaration_error(make: Any) -> None:
    with pytest.raises(DeclarationError):
        make()


@pytest.mark.parametrize("held", [None, ""])
@pytest.mark.parametrize(
    "auth",
    [
        ApiKey("x-key", env="WEFT_TEST_SECRET"),
        ApiKey(query="key", env="WEFT_TEST_SECRET"),
        Basic("u", env="WEFT_TEST_SECRET"),
        Bearer(env="WEFT_TEST_SECRET"),
        OAuth2("http://t.example", client_id="c", env="WEFT_TEST_SECRET"),
    ],
)
def test_a_secret_that_the_environment_does_not_hold_is_missing(
    auth: Auth, held: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEFT_TEST_SECRET", raising=False)
    if held is not None:
        monkeypatch.setenv("WEFT_TEST_SECRET", held)
    assert auth.missing() == ["WEFT_TEST_SECRET"]
    monkeypatch.setenv("WEFT_TEST_SECRET", "s")
    assert auth.missing() == []


@pytest.mark.parametrize("secret", ["k\r\nx-admin: 1", "k\n", "\0", "k\x7f"])
async def test_a_secret_with_a_line_break_names_its_variable_and_is_not_sent(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", {"WEFT_TEST_SECRET": secret})
    fake = FakeTransport({})
    source = Rest("s", "http://s.example", client=fake, auth=Bearer(env="WEFT_TEST_SECRET"))
    with pytest.raises(DeclarationError, match=r"^WEFT_TEST_SECRET holds a control character$"):
        await source.send("GET", "/a")
    assert fake.calls == []


# -- tokens -----------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Backend:
    """A token endpoint and a resource in one server; every answer of the endpoint can be held back or replaced."""

    def __init__(self) -> None:
        self.url = ""
        self.clock = Clock()
        self.asked: list[Request] = []
        self.sent: list[str] = []
        self.refused: set[str] = set()
        self.lifetime_s: Any = 60
        self.instead: bytes | None = None
        self.arrival = asyncio.Condition()
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, request: Request) -> bytes:
        if request.target == "/token":
            async with self.arrival:
                self.asked.append(request)
                self.arrival.notify_all()
            number = len(self.asked)
            await self.open.wait()
            if self.instead is not None:
                return self.instead
            return reply({"access_token": f"t{number}", "expires_in": self.lifetime_s, "token_type": "Bearer"})
        (authorization,) = request.all("authorization")
        self.sent.append(authorization.removeprefix("Bearer "))
        return reply(status=401 if self.sent[-1] in self.refused else 200)

    async def until_asked(self, times: int) -> None:
        async with self.arrival:
            await self.arrival.wait_for(lambda: len(self.asked) >= times)


def oauth(backend: Backend, **options: Any) -> OAuth2:
    settings = {"client_id": "me", "client_secret": "hunter2", "renew_before_s": 10, "clock": backend.clock, **options}
    return OAuth2(f"{backend.url}/token", **settings)


@asynccontextmanager
async def protected(**options: Any) -> AsyncIterator[tuple[Backend, Rest]]:
    backend = Backend()
    async with speaking(backend.answer) as backend.url:
        source = Rest("shop", backend.url, auth=oauth(backend, **options))
        try:
            yield backend, source
        finally:
            await source.aclose()


async def test_the_token_request_is_that_of_the_rfc() -> None:
    async with protected(scope="read write&x=1") as (backend, source):
        await source.send("GET", "/a")
    (asked,) = backend.asked
    assert asked.method == "POST"
    assert parse_qs(asked.body.decode(), strict_parsing=True) == {
        "grant_type": ["client_credentials"],
        "scope": ["read write&x=1"],
    }
    assert asked.all("content-type") == ["application/x-www-form-urlencoded"]
    assert asked.all("accept") == ["application/json"]
    assert asked.all("authorization") == ["Basic " + base64.b64encode(b"me:hunter2").decode()]


async def test_many_callers_wait_for_one_token_request() -> None:
    async with protected() as (backend, source):
        backend.open.clear()
        sending = [asyncio.create_task(source.send("GET", "/a")) for _ in range(50)]
        await backend.until_asked(1)
        await asyncio.sleep(0.02)
        assert (len(backend.asked), backend.sent) == (1, [])
        backend.open.set()
        assert {(await task).status for task in sending} == {200}
        assert (len(backend.asked), backend.sent) == (1, ["t1"] * 50)


async def test_a_failed_token_request_fails_all_who_waited_and_the_next_asks_again() -> None:
    async with protected() as (backend, source):
        backend.open.clear()
        backend.instead = reply(b"<html>", 500)
        sending = [asyncio.create_task(source.send("GET", "/a")) for _ in range(10)]
        await backend.until_asked(1)
        backend.open.set()
        failures = await asyncio.gather(*sending, return_exceptions=True)
        assert [type(failure) for failure in failures] == [UpstreamError] * 10
        assert (len(backend.asked), backend.sent) == (1, [])
        backend.instead = None
        assert (await source.send("GET", "/a")).status == 200
        assert backend.sent == ["t2"]


async def test_a_caller_that_gives_up_leaves_the_token_to_the_others() -> None:
    async with protected() as (backend, source):
        backend.open.clear()
        impatient, patient = (asyncio.create_task(source.send("GET", "/a")) for _ in range(2))
        await backend.until_asked(1)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        backend.open.set()
        assert (await patient).status == 200
        assert impatient.cancelled()
        assert (len(backend.asked), backend.sent) == (1, ["t1"])


async def test_a_token_is_renewed_in_the_background_while_the_old_one_serves() -> None:
    async with protected() as (backend, source):
        await source.send("GET", "/a")
        backend.clock.now += 50
        backend.open.clear()
        for _ in range(3):
            assert (await source.send("GET", "/a")).status == 200
        await backend.until_asked(2)
        assert backend.sent == ["t1"] * 4
        backend.open.set()
        while backend.sent[-1] == "t1":
            await source.send("GET", "/a")
        assert len(backend.asked) == 2


async def test_a_token_is_not_renewed_before_it_is_time() -> None:
    async with protected() as (backend, source):
        await source.send("GET", "/a")
        backend.clock.now += 49.9
        await source.send("GET", "/a")
        await asyncio.sleep(0.02)
        assert len(backend.asked) == 1


async def test_a_short_token_is_renewed_half_way() -> None:
    async with protected(renew_before_s=1000) as (backend, source):
        backend.lifetime_s = 8
        await source.send("GET", "/a")
        backend.clock.now += 3.9
        await source.send("GET", "/a")
        await asyncio.sleep(0.02)
        assert len(backend.asked) == 1
        backend.clock.now += 0.2
        await source.send("GET", "/a")
        await backend.until_asked(2)
        assert backend.sent == ["t1"] * 3


async def test_a_failed_renewal_costs_nothing_while_the_token_is_good() -> None:
    async with protected() as (backend, source):
        await source.send("GET", "/a")
        backend.clock.now += 55
        backend.instead = reply(status=500)
        while len(backend.asked) < 4:
            assert (await source.send("GET", "/a")).status == 200
        backend.clock.now += 5
        served = len(backend.sent)
        with pytest.raises(UpstreamError, match="shop: the token endpoint refused"):
            await source.send("GET", "/a")
        assert (set(backend.sent), len(backend.sent)) == ({"t1"}, served)


@pytest.mark.parametrize("later_s", [60, 61, 10**9])
async def test_an_expired_token_is_never_sent(later_s: float) -> None:
    async with protected() as (backend, source):
        await source.send("GET", "/a")
        backend.clock.now += later_s
        await asyncio.gather(*(source.send("GET", "/a") for _ in range(5)))
        assert (backend.sent, len(backend.asked)) == (["t1", *["t2"] * 5], 2)


@pytest.mark.parametrize("lifetime_s", [0, -5, 0.0])
async def test_a_token_without_a_lifetime_serves_one_request(lifetime_s: float) -> None:
    async with protected() as (backend, source):
        backend.lifetime_s = lifetime_s
        for _ in range(2):
            assert (await source.send("GET", "/a")).status == 200
        assert backend.sent == ["t1", "t2"]


async def test_a_token_that_names_no_lifetime_is_kept_for_a_while() -> None:
    async with protected() as (backend, source):
        backend.instead = reply({"access_token": "plain"})
        for _ in range(3):
            await source.send("GET", "/a")
        assert (backend.sent, len(backend.asked)) == (["plain"] * 3, 1)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_refused_token_is_replaced_and_the_request_sent_once_more(method: str) -> None:
    async with protected() as (backend, source):
        backend.refused = {"t1"}
        assert (await source.send(method, "/a", body=b"{}")).status == 200
        assert backend.sent == ["t1", "t2"]


async def test_a_file_is_not_sent_once_more_but_the_next_request_has_a_new_token() -> None:
    async with protected() as (backend, source):
        backend.refused = {"t1"}
        assert (await source.send("POST", "/a", body=File(b"x" * 100_000))).status == 401
        assert (await source.send("GET", "/a")).status == 200
        assert backend.sent == ["t1", "t2"]


async def test_a_backend_that_refuses_every_token_is_asked_twice() -> None:
    async with protected() as (backend, source):
        backend.refused = {"t1", "t2", "t3"}
        assert (await source.send("GET", "/a")).status == 401
        assert (backend.sent, len(backend.asked)) == (["t1", "t2"], 2)


async def test_many_refused_callers_share_one_new_token() -> None:
    async with protected() as (backend, source):
        await source.send("GET", "/a")
        backend.refused = {"t1"}
        replies = await asyncio.gather(*(source.send("GET", "/a") for _ in range(20)))
        assert {answered.status for answered in replies} == {200}
        assert len(backend.asked) == 2


@pytest.mark.parametrize(
    ("instead", "kind"),
    [
        (reply(b"<html>down</html>"), UpstreamInvalid),
        (reply(b"<html>down</html>", 500), UpstreamError),
        (reply({"error": "invalid_client"}, 401), UpstreamError),
        (reply({"error": "slow_down"}, 429), UpstreamError),
        (reply({"access_token": "elsewhere"}, 302, ("Location: /a",)), UpstreamError),
        (reply(b""), UpstreamInvalid),
        (reply(b"null"), UpstreamInvalid),
        (reply([]), UpstreamInvalid),
        (reply({}), UpstreamInvalid),
        (reply({"access_token": None}), UpstreamInvalid),
        (reply({"access_token": 7}), UpstreamInvalid),
        (reply({"access_token": "t", "expires_in": "soon"}), UpstreamInvalid),
        (reply(b'{"access_token": "t", "expires_in": 1e999}'), UpstreamInvalid),
        (reply({"access_token": "t\r\nx-admin: 1"}), SourceError),
        (b"", UpstreamUnavailable),
        (b"220 mail.example ESMTP\r\n\r\n", UpstreamUnavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", UpstreamUnavailable),
    ],
)
async def test_a_token_endpoint_that_gives_none_costs_its_source_only(instead: bytes, kind: type[SourceError]) -> None:
    async with protected() as (backend, source):
        backend.instead = instead
        with pytest.raises(SourceError) as failed:
            await source.send("GET", "/a")
        assert isinstance(failed.value, kind)
        assert failed.value.source == "shop"
        assert backend.sent == []
        for text in (str(failed.value), repr(failed.value)):
            assert not any(secret in text for secret in ("hunter2", "down", "127.0.0.1", "invalid_client"))


async def test_a_token_endpoint_that_nobody_serves_is_unavailable() -> None:
    async with speaking(always(b"")) as gone:
        pass
    auth = OAuth2(f"{gone}/token", client_id="me", client_secret="hunter2")
    source = Rest("shop", gone, auth=auth)
    with pytest.raises(UpstreamUnavailable, match=r"^shop: the token endpoint cannot be reached$"):
        await source.send("GET", "/a")
    await source.aclose()


async def test_a_token_endpoint_that_hangs_is_given_up() -> None:
    backend = Backend()
    backend.open.clear()
    async with speaking(backend.answer) as backend.url:
        source = Rest("shop", backend.url, auth=oauth(backend), timeout=0.2)
        # Which of the two ends first, the time for the token or that for the whole call, is left open.
        with pytest.raises((UpstreamUnavailable, UpstreamTimeout), match=r"token endpoint|did not answer in time"):
            await source.send("GET", "/a")
        await source.aclose()
    assert (len(backend.asked), backend.sent) == (1, [])


async def test_a_missing_client_secret_is_named_and_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEFT_TEST_SECRET", raising=False)
    async with protected(client_secret=None, env="WEFT_TEST_SECRET") as (backend, source):
        assert source.missing() == ["the environment variable WEFT_TEST_SECRET is not set"]
        with pytest.raises(DeclarationError, match="WEFT_TEST_SECRET is not set"):
            await source.send("GET", "/a")
        assert backend.asked == []
        monkeypatch.setenv("WEFT_TEST_SECRET", "s")
        assert (await source.send("GET", "/a")).status == 200


async def test_two_sources_may_share_one_token() -> None:
    async with protected() as (backend, source):
        other = Rest("other", backend.url, auth=source.auth)
        await asyncio.gather(source.send("GET", "/a"), other.send("GET", "/b"))
        await other.aclose()
        assert (len(backend.asked), backend.sent) == (1, ["t1", "t1"])


def test_a_token_serves_one_event_loop_after_another() -> None:
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        asked.append(scope["path"])
        body = b'{"access_token":"t","expires_in":0}' if scope["path"] == "/token" else b"{}"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    with running(app) as url:
        source = Rest("s", url, auth=OAuth2(f"{url}/token", client_id="c", client_secret="s"))

        async def once() -> int:
            status = (await source.send("GET", "/a")).status
            await source.aclose()
            return status

        assert [asyncio.run(once()) for _ in range(2)] == [200, 200]
    assert asked == ["/token", "/a"] * 2


async def test_tokens_come_through_a_client_of_httpx_too() -> None:
    backend = Backend()
    async with speaking(backend.answer) as backend.url, httpx.AsyncClient(trust_env=False) as client:
        source = Rest("shop", backend.url, auth=oauth(backend), client=client)
        assert (await source.send("GET", "/a")).status == 200
        assert backend.sent == ["t1"]


def test_a_representation_shows_neither_secret_nor_token() -> None:
    assert "hunter2" not in repr(OAuth2("http://t.example", client_id="me", client_secret="hunter2"))


# -- known faults -----------------------------------------------------------------------------------------------------


async def test_client_id_and_secret_are_form_encoded() -> None:
    async with protected(client_id="urn:weft:me", client_secret="a%2Fb:c d") as (backend, source):
        await source.send("GET", "/a")
    encoded = backend.asked[0].all("authorization")[0].removeprefix("Basic ")
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    assert (unquote_plus(user), unquote_plus(password)) == ("urn:weft:me", "a%2Fb:c d")


@pytest.mark.parametrize(
    "body", [b'{"access_token":"\xff"}', b'{"access_token":"t","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"]
)
async def test_a_hostile_token_reply_costs_its_source_only(body: bytes) -> None:
    async with protected() as (backend, source):
        backend.instead = reply(body)
        with pytest.raises(UpstreamInvalid):
            await source.send("GET", "/a")


async def test_an_empty_token_is_none() -> None:
    async with protected() as (backend, source):
        backend.instead = reply({"access_token": ""})
        with pytest.raises(UpstreamInvalid):
            await source.send("GET", "/a")


async def test_a_lifetime_may_be_a_number_in_quotes() -> None:
    async with protected() as (backend, source):
        backend.lifetime_s = "60"
        assert (await source.send("GET", "/a")).status == 200


def test_an_empty_secret_is_a_declaration_error_at_once() -> None:
    with pytest.raises(DeclarationError):
        Bearer("")


async def test_a_password_may_be_empty() -> None:
    assert await headers_sent(Basic("sk_key", "")) == {"authorization": "Basic c2tfa2V5Og=="}


@pytest.mark.parametrize("header", ["bad name", "x\r\ny", "", "Host", "Content-Length"])
def test_an_impossible_header_for_a_key_is_a_declaration_error(header: str) -> None:
    with pytest.raises(DeclarationError):
        ApiKey(header, value="k")


@pytest.mark.parametrize("url", ["http://[::1/token", "http://t.example:99999/token", "http://t x/token"])
def test_an_impossible_token_address_is_a_declaration_error(url: str) -> None:
    with pytest.raises(DeclarationError):
        OAuth2(url, client_id="c", client_secret="s")
