"""A backend's certificate is always verified; who else may vouch for it, and who the gateway is, is said per source."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from sources import (
    DeclarationError,
    Endpoint,
    Event,
    FakeTransport,
    OAuth2,
    Redis,
    Rest,
    SourceError,
    Template,
    Tls,
    UpstreamUnavailable,
    WebSocketStream,
)
from tests.sources.certificates import Pair, authority, issued, server_context
from tests.sources.lines import listening, take
from tests.sources.raw import Request, always, reply, speaking

OURS, THEIRS = authority(), authority("Somebody else")
Ask = Callable[[Rest], Awaitable[object]]


async def send(source: Rest) -> object:
    return (await source.send("GET", "/")).status


async def hold(source: Rest) -> object:
    async with source.exchange.stream("/") as streamed:
        return streamed.status


EACH_WAY = pytest.mark.parametrize("ask", [send, hold])


@pytest.fixture
def ca(tmp_path: Path) -> str:
    return OURS.write(tmp_path, "ca")[0]


@EACH_WAY
async def test_a_certificate_that_the_sources_own_authority_vouches_for_is_good(
    ask: Ask, ca: str, tmp_path: Path
) -> None:
    async with speaking(always(reply()), server_context(tmp_path, issued(OURS))) as url:
        source = Rest("shop", url, tls=Tls(ca=ca))
        assert source.faults == []
        assert source.missing() == []
        assert await ask(source) == 200
        await source.aclose()


@EACH_WAY
@pytest.mark.parametrize(
    "shown",
    [issued(THEIRS), issued(OURS, "shop.example"), issued(OURS, "127.0.0.2"), issued(OURS, days=-1), THEIRS],
    ids=["another authority", "another name", "another address", "over", "self-signed"],
)
async def test_any_other_certificate_is_refused(ask: Ask, ca: str, tmp_path: Path, shown: Pair) -> None:
    async with speaking(always(reply()), server_context(tmp_path, shown)) as url:
        source = Rest("shop", url, tls=Tls(ca=ca))
        with pytest.raises(UpstreamUnavailable, match=r"^shop cannot be reached$"):
            await ask(source)
        await source.aclose()


@EACH_WAY
async def test_without_being_told_of_an_authority_only_those_of_this_machine_count(ask: Ask, tmp_path: Path) -> None:
    async with speaking(always(reply()), server_context(tmp_path, issued(OURS))) as url:
        source = Rest("shop", url)
        with pytest.raises(UpstreamUnavailable):
            await ask(source)
        await source.aclose()


@EACH_WAY
@pytest.mark.parametrize("password", [None, "opens"])
async def test_the_gateway_shows_its_certificate_where_it_has_one(
    ask: Ask, ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str | None
) -> None:
    cert, key = issued(OURS, "weft.example").write(tmp_path, "weft", password)
    monkeypatch.setenv("KEY_PASSWORD", "opens")
    own = Tls(ca=ca, cert=cert, key=key, password_env="KEY_PASSWORD" if password else None)
    async with speaking(always(reply()), server_context(tmp_path, issued(OURS), clients_of=OURS)) as url:
        for tls, is_welcome in ((own, True), (Tls(ca=ca), False)):
            source = Rest("shop", url, tls=tls)
            assert source.missing() == []
            if is_welcome:
                assert await ask(source) == 200
            else:
                with pytest.raises(SourceError):
                    await ask(source)
            await source.aclose()


async def test_the_token_endpoint_is_verified_alike(ca: str, tmp_path: Path) -> None:
    async def answer(request: Request) -> bytes:
        return reply({"access_token": "good"} if request.target == "/token" else request.all("authorization"))

    async with speaking(answer, server_context(tmp_path, issued(OURS))) as url:
        auth = OAuth2(f"{url}/token", client_id="weft", client_secret="hidden")
        source = Rest("shop", url, auth=auth, tls=Tls(ca=ca))
        assert bytes((await source.send("GET", "/")).body) == b'["Bearer good"]'
        await source.aclose()
        source = Rest(
            "shop", "http://127.0.0.1:1", auth=OAuth2(f"{url}/token", client_id="weft", client_secret="hidden")
        )
        with pytest.raises(UpstreamUnavailable, match=r"^shop: the token endpoint cannot be reached$"):
            await source.send("GET", "/")
        await source.aclose()


async def test_a_websocket_is_verified_alike(ca: str, tmp_path: Path) -> None:
    async def speak(connection: ServerConnection) -> None:
        await connection.send('{"price": 1}')
        await connection.wait_closed()

    cert, key = issued(OURS, "weft.example").write(tmp_path, "weft")
    feed = Endpoint("GET", Template("/prices"))
    context = server_context(tmp_path, issued(OURS), clients_of=OURS)
    async with serve(speak, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        source = Rest("prices", url, tls=Tls(ca=ca, cert=cert, key=key))
        assert await take(WebSocketStream(feed).listen(listening(source)), 1) == [Event(b'{"price": 1}')]
        (failed,) = await take(WebSocketStream(feed).listen(listening(Rest("prices", url))), 1)
        assert isinstance(failed, UpstreamUnavailable)


def test_each_fault_of_the_files_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = OURS.write(tmp_path, "weft")
    _, other = THEIRS.write(tmp_path, "other")
    _, locked = issued(OURS).write(tmp_path, "locked", "opens")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no PEM")
    monkeypatch.setenv("WRONG", "closes")
    told = {
        Tls(ca="no/such.pem"): "tls: the file no/such.pem is not there or cannot be read",
        Tls(ca=tmp_path): f"tls: the file {tmp_path} is not there or cannot be read",
        Tls(ca=nonsense): f"tls: {nonsense} holds no certificate in PEM",
        Tls(ca=key): f"tls: {key} holds no certificate in PEM",
        Tls(cert=cert): f"tls: {cert} holds no private key in PEM",
        Tls(cert=cert, key=nonsense): f"tls: {nonsense} holds no private key in PEM",
        Tls(cert=cert, key=other): f"tls: {other} is not the key of {cert}",
        Tls(cert=cert, key=locked): (f"tls: the key in {locked} has a password: give password_env= or password_file="),
        Tls(cert=cert, key=locked, password_env="WRONG"): f"tls: {locked} holds no private key that the password opens",
        Tls(cert=cert, key=locked, password_env="UNSET"): "tls: the environment variable UNSET is not set",
        Tls(cert=cert, key=key, password_env="WRONG"): f"tls: the key in {key} has no password",
    }
    assert {tls: Rest("shop", "https://shop.example", tls=tls).missing() for tls in told} == {
        tls: [sentence] for tls, sentence in told.items()
    }


@pytest.mark.parametrize(
    "given",
    [{}, {"key": "weft.key"}, {"ca": "ca.pem", "key": "weft.key"}, {"ca": "ca.pem", "password_env": "KEY_PASSWORD"}],
)
def test_half_of_what_is_needed_is_a_fault(given: dict[str, str]) -> None:
    with pytest.raises(DeclarationError, match=r"^Tls: "):
        Tls(**given)


def test_certificates_that_would_not_be_used_are_a_fault() -> None:
    tls = Tls(ca="ca.pem")
    assert Rest("shop", "http://shop.example", tls=tls).faults == [
        "source 'shop': tls= is for an address that begins with https://"
    ]
    assert Rest("shop", "https://shop.example", tls=tls, client=FakeTransport({})).faults == [
        "source 'shop': tls= is for the built-in client: with client=, that one has the certificates"
    ]


async def test_files_that_are_gone_when_they_are_needed_are_a_failure_to_connect() -> None:
    source = Rest("shop", "https://127.0.0.1:1", tls=Tls(ca="no/such.pem"))
    for ask in (send, hold):
        with pytest.raises(UpstreamUnavailable):
            await ask(source)
    await source.aclose()


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_cert_reqs=optional", "ssl_check_hostname=false"])
def test_no_option_of_redis_turns_verification_off(option: str) -> None:
    with pytest.raises(DeclarationError, match=r"the server of rediss:// is verified, and its options cannot change"):
        Redis(f"rediss://127.0.0.1?{option}")
