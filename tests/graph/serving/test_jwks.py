"""Keys that an issuer publishes: fetched, kept, exchanged, and what happens while they cannot be had."""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry

from graph import App, Client, Credentials, Graph, Jwt, Trust, Unauthenticated, Unavailable
from sources import FakeTransport, Tls
from sources.transport import TransportInvalid, TransportTimeout, TransportUnavailable
from tests.graph.serving.sockets import graph_for, serving
from tests.graph.serving.tokens import NOW, jwk, pem, private, sign
from tests.serving import running
from tests.sources.certificates import authority, issued, server_context
from tests.sources.raw import always, reply, speaking

ISSUER = "https://issuer.test"
JWKS = f"{ISSUER}/keys"
ONE, TWO = jwk("ES256", kid="one"), jwk("ES256", 1, kid="two")


class Issuer:
    """An issuer from memory, whose clock and answers are the test's."""

    def __init__(self, *keys: Any, **options: Any) -> None:
        self.at = float(NOW)
        self.answer: Any = {"keys": [*keys]}
        self.headers: dict[str, str] = {}
        self.transport = FakeTransport(self._answer)
        made: dict[str, Any] = {"jwks": JWKS, "issuer": ISSUER, "client": self.transport, "clock": lambda: self.at}
        self.way = Jwt(**{**made, **options})

    def _answer(self, method: str, target: str, body: bytes | None) -> Any:
        return self.answer if isinstance(self.answer, Exception | tuple) else (200, self.answer, self.headers)

    @property
    def calls(self) -> int:
        return len(self.transport.calls)

    async def ask(self, number: int = 0, kid: str | None = "one", **claims: Any) -> str:
        """Give the id of a token's client, or why there is none."""
        shown = Credentials({"authorization": f"Bearer {_token(number, kid, **claims)}"})
        known = self.way.known(shown)
        if known is not None:
            return f"known {known.id}"
        try:
            client = await self.way.find(shown)
        except (Unauthenticated, Unavailable) as exc:
            return str(exc)
        return str(client and client.id)

    async def settle(self) -> None:
        """Let what is fetched in the background come."""
        keys: Any = self.way._keys
        if keys._is_fetching():
            await asyncio.wait([keys._fetching])


@functools.cache
def _token(number: int, kid: str | None, **claims: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return sign("ES256", number, headers=headers, **{"exp": NOW + 10**6, "iss": ISSUER, **claims})


LATER = "the keys for tokens cannot be fetched now: try again later"
BAD = "the token is not good"


async def test_keys_are_fetched_when_they_are_first_needed_and_then_kept() -> None:
    issuer = Issuer(ONE)
    assert issuer.calls == 0
    assert [await issuer.ask(jti=f"{n}") for n in range(5)] == ["user:ada"] * 5
    assert await issuer.ask(jti="1") == "known user:ada"
    assert issuer.transport.calls == ["GET /keys"]


async def test_many_who_come_at_once_share_one_fetch() -> None:
    issuer = Issuer(ONE)
    asked = await asyncio.gather(*(issuer.ask(jti=f"{n}") for n in range(20)))
    assert (asked, issuer.calls) == (["user:ada"] * 20, 1)


async def test_one_who_goes_away_takes_the_fetch_from_nobody() -> None:
    issuer = Issuer(ONE)
    first, second = asyncio.ensure_future(issuer.ask(jti="a")), asyncio.ensure_future(issuer.ask(jti="b"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "user:ada"
    assert first.cancelled()
    assert issuer.calls == 1


async def test_keys_are_fetched_anew_in_the_background_before_their_time_is_over() -> None:
    issuer = Issuer(ONE)
    issuer.headers = {"Cache-Control": "public, max-age=1000"}
    assert await issuer.ask() == "user:ada"
    issuer.at = NOW + 799
    assert await issuer.ask() == "known user:ada"
    assert issuer.calls == 1
    issuer.at = NOW + 801
    assert await issuer.ask() == "known user:ada"
    await issuer.settle()
    assert issuer.calls == 2
    issuer.at = NOW + 1_600
    assert await issuer.ask() == "known user:ada"
    await issuer.settle()
    assert issuer.calls == 2


@pytest.mark.parametrize(
    ("said", "lasts_s"),
    [
        (None, 600),
        ("max-age=300", 300),
        ("max-age=1", 60),
        ("no-store", 60),
        ("max-age=nonsense", 60),
        ("max-age=86400", 3_600),
        ("max-age=" + "9" * 400, 3_600),
    ],
)
async def test_how_long_keys_are_kept_is_the_issuers_word_within_bounds(said: str | None, lasts_s: int) -> None:
    issuer = Issuer(ONE)
    issuer.headers = {} if said is None else {"Cache-Control": said}
    assert await issuer.ask() == "user:ada"
    keys: Any = issuer.way._keys
    assert keys.fresh_until == NOW + lasts_s
    assert keys.refresh_at == NOW + lasts_s * 0.8


async def test_after_a_long_silence_the_first_who_asks_waits_for_the_keys_of_today() -> None:
    issuer = Issuer(ONE)
    assert await issuer.ask() == "user:ada"
    issuer.at = NOW + 5_000
    issuer.answer = {"keys": [TWO]}
    assert await issuer.ask() == BAD
    assert issuer.calls == 2


# -- rotation ----------------------------------------------------------------------------------------------------------


async def test_a_new_key_is_good_from_its_first_token_on() -> None:
    issuer = Issuer(ONE)
    assert await issuer.ask() == "user:ada"
    issuer.answer = {"keys": [ONE, TWO]}
    assert await issuer.ask(1, "two") == "user:ada"
    assert await issuer.ask() == "known user:ada"
    assert issuer.calls == 2


async def test_tokens_that_name_unknown_keys_have_keys_fetched_twice_a_minute_at_most() -> None:
    issuer = Issuer(ONE)
    assert await issuer.ask() == "user:ada"
    for second in range(60):
        issuer.at = NOW + second
        assert [await issuer.ask(1, f"evil-{second}-{n}") for n in range(20)] == [BAD] * 20
    assert issuer.calls == 3
    assert await issuer.ask() == "known user:ada"


async def test_tokens_of_unknown_keys_wait_for_no_network_once_it_was_asked() -> None:
    issuer = Issuer(ONE)
    assert [await issuer.ask(1, f"evil-{n}") for n in range(2)] == [BAD, BAD]
    called = issuer.calls
    asking = issuer.ask(1, "other")
    with pytest.raises(StopIteration) as ended:
        asking.send(None)  # it never waits
    assert ended.value.value == BAD
    assert issuer.calls == called


async def test_a_key_that_has_gone_is_good_no_more_nor_is_what_it_verified() -> None:
    issuer = Issuer(ONE, TWO)
    assert await issuer.ask() == "user:ada"
    assert await issuer.ask(1, "two") == "user:ada"
    issuer.answer = {"keys": [TWO]}
    issuer.at = NOW + 500
    assert await issuer.ask() == "known user:ada"
    await issuer.settle()
    assert await issuer.ask() == BAD
    assert await issuer.ask(1, "two") == "user:ada"


async def test_another_key_of_the_same_name_is_another_key() -> None:
    issuer = Issuer(ONE)
    assert await issuer.ask() == "user:ada"
    issuer.answer = {"keys": [{**TWO, "kid": "one"}]}
    issuer.at = NOW + 601
    assert await issuer.ask() == BAD
    assert await issuer.ask(1) == "user:ada"


async def test_a_refused_token_is_good_when_its_key_takes_the_place_of_another() -> None:
    issuer = Issuer(ONE)
    assert await issuer.ask(1) == BAD
    issuer.answer = {"keys": [{**TWO, "kid": "one"}]}
    issuer.at = NOW + 601
    assert await issuer.ask(1) == "user:ada"


@pytest.mark.parametrize(("keys", "said"), [([ONE], "user:ada"), ([ONE, TWO], BAD), ([], BAD)])
async def test_a_token_that_names_no_key_needs_a_set_of_one(keys: list[Any], said: str) -> None:
    issuer = Issuer(*keys)
    assert await issuer.ask(kid=None) == said
    assert issuer.calls == 1


async def test_keys_without_names_fit_tokens_that_name_any() -> None:
    nameless = [{key: value for key, value in one.items() if key != "kid"} for one in (ONE, TWO)]
    issuer = Issuer(*nameless)
    assert await issuer.ask(1, "any") == "user:ada"
    assert await issuer.ask(1, None) == "user:ada"
    assert await issuer.ask(2, "any") == BAD
    assert issuer.calls == 1


async def test_a_token_that_came_before_its_nameless_key_is_good_when_that_is_there() -> None:
    nameless = [{key: value for key, value in one.items() if key != "kid"} for one in (ONE, TWO)]
    issuer = Issuer(nameless[0])
    assert await issuer.ask(0, None) == "user:ada"
    assert await issuer.ask(1, None) == BAD
    issuer.answer = {"keys": nameless}
    issuer.at = NOW + 601
    assert await issuer.ask(1, None) == "user:ada"
    assert await issuer.ask(0, None) == "known user:ada"


# -- what an issuer may publish ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        7,
        {},
        {"kty": "oct", "k": "A" * 50, "kid": "odd"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "odd"},
        {"kty": "ML-DSA", "kid": "odd"},
        {**TWO, "kid": "odd", "use": "enc"},
        {**TWO, "kid": "odd", "key_ops": ["sign"]},
        {**TWO, "kid": "odd", "key_ops": "verify"},
        {**TWO, "kid": "odd", "alg": "HS256"},
        {**TWO, "kid": "odd", "alg": ["ES256"]},
        {**TWO, "kid": "odd", "crv": "P-384"},
        {**TWO, "kid": "odd", "x": 7},
        {**TWO, "kid": "odd", "x": "!"},
        {**TWO, "kid": ["odd"]},
    ],
)
async def test_a_key_that_cannot_be_used_is_left_out_and_the_others_are_good(odd: Any) -> None:
    issuer = Issuer(odd, ONE)
    assert await issuer.ask() == "user:ada"
    assert await issuer.ask(1, "odd") == BAD


async def test_the_private_part_of_a_key_is_not_looked_at() -> None:
    assert await Issuer({**ONE, "d": "AAAA"}).ask() == "user:ada"


async def test_a_secret_among_public_keys_verifies_nothing() -> None:
    issuer = Issuer(jwk("HS256", kid="secret"))
    token = sign("HS256", headers={"kid": "secret"}, iss=ISSUER)
    with pytest.raises(Unauthenticated):
        await issuer.way.find(Credentials({"authorization": f"Bearer {token}"}))


async def test_an_issuer_without_keys_has_no_good_tokens(caplog: pytest.LogCaptureFixture) -> None:
    issuer = Issuer(ONE)
    assert await issuer.ask() == "user:ada"
    issuer.answer = {"keys": []}
    issuer.at = NOW + 601
    with caplog.at_level(logging.WARNING, "weft"):
        assert await issuer.ask() == BAD
    assert caplog.messages == ["a token issuer publishes no key that can be used: no token of its is good"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (TransportUnavailable("a secret"), "it cannot be reached"),
        (TransportTimeout("a secret"), "it did not answer in time"),
        (TransportInvalid("a secret"), "it did not answer in HTTP"),
        ((500, {"keys": [ONE]}), "it answered with status 500"),
        ((302, {"keys": [ONE]}, {"Location": "https://evil.test/"}), "it answered with status 302"),
        ((200, b"<html>"), "no JWK set"),
        ((200, b""), "no JWK set"),
        ((200, b'{"keys": {}}'), "no JWK set"),
        ((200, b"[]"), "no JWK set"),
        ((200, b"[" * 100_000), "no JWK set"),
        ((200, {"keys": [ONE] * 101}), "a JWK set of more than 100 keys"),
        ((200, b" " * 600_000), "it answered with more than 512,000 bytes"),
    ],
)
async def test_while_keys_cannot_be_had_the_old_ones_are_good_for_a_bounded_time(
    answer: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = Issuer(ONE, stale=10_000)
    assert await issuer.ask() == "user:ada"
    good, issuer.answer = issuer.answer, answer
    with caplog.at_level(logging.INFO, "weft"):
        for second in range(400, 9_990, 10):
            issuer.at = NOW + second
            assert await issuer.ask(jti=f"{second // 2_500}") in ("user:ada", "known user:ada")
            await issuer.settle()
        issuer.at = NOW + 10_000
        assert await issuer.ask() == LATER
        issuer.at = NOW + 10_031
        issuer.answer = good
        assert await issuer.ask() in ("user:ada", "known user:ada")
    assert caplog.messages == [
        f"the keys of a token issuer cannot be fetched: {said}",
        "the keys of a token issuer are there again",
    ]
    assert issuer.calls < 330  # one in half a minute


async def test_an_issuer_that_is_away_at_first_is_asked_again_with_longer_and_longer_waits() -> None:
    issuer = Issuer()
    issuer.answer = TransportUnavailable()
    asked = []
    for tenth in range(1_000):
        issuer.at = NOW + tenth / 10
        before = issuer.calls
        assert await issuer.ask() == LATER
        if issuer.calls > before:
            asked.append(tenth / 10)
    assert asked == [0, 1, 3, 7, 15, 31, 61, 91]
    issuer.answer = {"keys": [ONE]}
    issuer.at = NOW + 121
    assert await issuer.ask() == "user:ada"


async def test_a_key_that_may_be_new_is_not_called_bad_while_keys_cannot_be_had() -> None:
    issuer = Issuer(ONE)
    assert await issuer.ask() == "user:ada"
    issuer.answer = TransportUnavailable()
    assert await issuer.ask(1, "two") == LATER
    assert await issuer.ask(1, "two") == LATER
    assert await issuer.ask() == "known user:ada"
    assert issuer.calls == 2


async def test_tokens_of_another_issuer_have_no_keys_fetched() -> None:
    issuer = Issuer(ONE)
    assert await issuer.ask(iss="https://other.test") == "the token is of another issuer"
    assert issuer.calls == 0


async def test_closing_ends_a_fetch_that_is_under_way() -> None:
    issuer = Issuer(ONE)
    asking = asyncio.ensure_future(issuer.ask())
    await asyncio.sleep(0)
    await issuer.way.aclose()
    assert await asking == LATER
    assert await issuer.ask() == "user:ada"  # what is asked afterwards opens it anew
    await issuer.way.aclose()


# -- discovery ---------------------------------------------------------------------------------------------------------


def discovering(configuration: Any) -> tuple[Issuer, list[str]]:
    def answer(method: str, target: str, body: bytes | None) -> Any:
        return configuration if "well-known" in target else {"keys": [ONE]}

    transport = FakeTransport(answer)
    issuer = Issuer(discover=True, jwks=None, client=transport)
    return issuer, transport.calls


async def test_an_issuers_configuration_says_where_its_keys_are() -> None:
    issuer, calls = discovering({"issuer": ISSUER, "jwks_uri": "https://elsewhere.test/k?v=1", "more": []})
    assert await issuer.ask() == "user:ada"
    assert calls == ["GET /.well-known/openid-configuration", "GET /k?v=1"]


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({"issuer": f"{ISSUER}/", "jwks_uri": JWKS}, "its configuration is of another issuer"),
        ({"jwks_uri": JWKS}, "its configuration is none"),
        ({"issuer": ISSUER}, "its configuration is none"),
        ([], "its configuration is none"),
        ({"issuer": ISSUER, "jwks_uri": 7}, "its configuration is none"),
        ({"issuer": ISSUER, "jwks_uri": "https://a.test/" + "x" * 2_000}, "its configuration is none"),
        ({"issuer": ISSUER, "jwks_uri": "http://issuer.test/keys"}, "no https address"),
        ({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}, "no https address"),
        ({"issuer": ISSUER, "jwks_uri": "https://user:pass@issuer.test/keys"}, "no https address"),
        ({"issuer": ISSUER, "jwks_uri": "http://127.0.0.1/keys"}, "sends to this machine"),
        ({"issuer": ISSUER, "jwks_uri": "https://localhost/keys"}, "sends to this machine"),
        ({"issuer": ISSUER, "jwks_uri": "https://[::1]/keys"}, "sends to this machine"),
    ],
)
async def test_a_configuration_leads_nowhere_else(
    configuration: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    issuer, calls = discovering(configuration)
    with caplog.at_level(logging.WARNING, "weft"):
        assert await issuer.ask() == LATER
    assert caplog.messages[0].endswith(said) or said in caplog.messages[0]
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"jwks": "http://issuer.test/keys"}, "'http://issuer.test/keys': it must be https, or else anybody between"),
        ({"jwks": "issuer.test/keys"}, "'issuer.test/keys' is not an http or https address"),
        ({"jwks": "https://u:p@issuer.test/keys"}, "'https://...@issuer.test/keys': no credentials belong here"),
        ({"jwks": None, "discover": True, "issuer": "http://issuer.test"}, "'http://issuer.test': it must be https"),
        ({"jwks": None, "discover": True, "issuer": "https://a.test?b"}, "'https://a.test[?]b': the name of an issuer"),
    ],
)
def test_an_address_that_cannot_be_trusted_is_a_fault(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=f"^Jwt: {fault}"):
        Jwt(**{"jwks": JWKS, "issuer": ISSUER, **options})


# -- over real sockets -------------------------------------------------------------------------------------------------


class Endpoint:
    """An issuer's server."""

    def __init__(self) -> None:
        self.keys: list[Any] = [jwk("RS256", kid="r"), ONE]
        self.paths: list[str] = []
        self.mode = "good"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.paths.append(scope["path"])
        host = dict(scope["headers"])[b"host"].decode()
        told: Any = {"keys": self.keys}
        if scope["path"].startswith("/.well-known"):
            told = {"issuer": f"http://{host}", "jwks_uri": f"http://{host}/keys"}
        body, status = json.dumps(told).encode(), 200
        headers = [(b"content-type", b"application/json")]
        if self.mode == "moved":
            status, headers = 302, [(b"location", f"http://{host}/elsewhere".encode())]
        elif self.mode == "bomb":
            body, headers = gzip.compress(b" " * 50_000_000), [(b"content-encoding", b"gzip")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if self.mode == "hangs":
            await receive()
            await receive()  # until the other side gives up
            return
        await send({"type": "http.response.body", "body": body})


@strawberry.type
class Query:
    @strawberry.field
    def me(self, info: strawberry.Info) -> str | None:
        client: Client = info.context["client"]
        return client.id


@pytest.fixture
def endpoint() -> Iterator[tuple[Endpoint, str]]:
    endpoint = Endpoint()
    with running(endpoint) as url:
        yield endpoint, url


def ask(url: str, token: str | None) -> httpx.Response:
    headers = {"accept": "application/graphql-response+json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return httpx.post(f"{url}/graphql", json={"query": "{ me }"}, headers=headers, timeout=20)


def token_of(issuer: str, family: str, kid: str) -> str:
    return sign(family, headers={"kid": kid}, iss=issuer, exp=time.time() + 600)


@pytest.mark.parametrize("discover", [False, True])
def test_keys_are_fetched_over_the_network_once(endpoint: tuple[Endpoint, str], discover: bool) -> None:
    served, issuer = endpoint
    where: dict[str, Any] = {"discover": True} if discover else {"jwks": f"{issuer}/keys"}
    graph = Graph(query=Query, trust=Trust(clients=[Jwt(issuer=issuer, **where)]))
    with running(App(graph)) as url:
        for family, kid in (("RS256", "r"), ("ES256", "one"), ("PS512", "r")):
            assert ask(url, token_of(issuer, family, kid)).json() == {"data": {"me": "user:ada"}}
        assert ask(url, token_of(issuer, "ES256", "r")).status_code == 401
    assert served.paths == (["/.well-known/openid-configuration", "/keys"] if discover else ["/keys"])


@pytest.mark.parametrize("mode", ["moved", "bomb", "hangs"])
def test_an_issuer_that_misbehaves_costs_a_moment_and_holds_up_nobody_else(
    endpoint: tuple[Endpoint, str], mode: str
) -> None:
    served, issuer = endpoint
    served.mode = mode
    way = Jwt(jwks=f"{issuer}/keys", issuer=issuer)
    keys: Any = way._keys
    keys._issuer._timeout_s = 0.5
    with running(App(Graph(query=Query, trust=Trust(clients=[way])))) as url:
        answer = ask(url, token_of(issuer, "ES256", "one"))
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.json() == {"errors": [{"message": LATER, "extensions": {"code": "SERVER_BUSY"}}]}
        assert ask(url, None).json() == {"data": {"me": None}}
    assert served.paths == ["/keys"]


async def test_an_issuer_may_have_an_authority_of_its_own(tmp_path: Path) -> None:
    ours = authority()
    certificate, _ = ours.write(tmp_path, "ca")
    body = json.dumps({"keys": [ONE]}).encode()
    async with speaking(always(reply(body)), server_context(tmp_path, issued(ours))) as url:
        for tls, said in ((Tls(ca=certificate), "user:ada"), (None, LATER)):
            issuer = Issuer(jwks=f"{url}/keys", tls=tls, client=None)
            assert issuer.way.missing() == []
            assert await issuer.ask() == said
            await issuer.way.aclose()


def test_certificates_that_are_not_there_are_a_fault_before_serving() -> None:
    way = Jwt(jwks=JWKS, issuer=ISSUER, tls=Tls(ca="/nowhere/ca.pem"))
    assert len(way.missing()) == 1
    assert way.missing()[0].startswith("Jwt: tls: ")


def test_a_server_starts_while_its_issuer_is_away() -> None:
    with running(Endpoint()) as issuer:
        pass
    graph = Graph(query=Query, trust=Trust(clients=[Jwt(jwks=f"{issuer}/keys", issuer=issuer)]))
    graph.check_environment()
    with running(App(graph)) as url:
        assert ask(url, token_of(issuer, "ES256", "one")).status_code == 503
        assert ask(url, None).json() == {"data": {"me": None}}
        assert ask(url, "nonsense").status_code == 401


def test_a_socket_whose_key_has_gone_is_asked_who_it_is_anew() -> None:
    issuer = Issuer(ONE, TWO)
    with serving(graph_for(issuer.way)) as server:
        sockets = [server.connecting(init=False) for _ in range(2)]
        with sockets[0] as first, sockets[1] as second:
            for number, kid, client in ((0, "one", first), (1, "two", second)):
                client.init(Authorization=f"Bearer {_token(number, kid, exp=NOW + 10**9)}")
                assert client.ask("{ number }") == {"data": {"number": 1}}
            issuer.answer = {"keys": [TWO]}
            issuer.at = NOW + 601
            assert second.ask("{ number }") == {"data": {"number": 1}}
            first.subscribe("{ number }")
            said = [{"message": BAD, "extensions": {"code": "UNAUTHENTICATED"}}]
            assert first.hear() == {"id": "1", "type": "error", "payload": said}


async def test_another_way_may_know_what_one_cannot_tell_now() -> None:
    away = Issuer()
    away.answer = TransportUnavailable()
    other = Jwt(key=pem(private("ES256")), name="other", clock=lambda: NOW)
    token = sign("ES256", iss=ISSUER)
    for ways in ([away.way, other], [other, away.way]):
        clients = Trust(clients=ways).all_clients()
        assert (await clients.find(Credentials({"authorization": f"Bearer {token}"}))).id == "other:ada"
