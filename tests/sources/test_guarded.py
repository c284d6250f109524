"""A connection for a URL that comes from data goes to the address that was looked at, by the name that was written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sources import OAuth2, PyreqwestTransport, Rest, Tls, UpstreamUnavailable, WebSocketStream
from sources.guarded import Guarded
from sources.issuer import Issuer
from sources.private import Guard, PrivateAddress
from sources.transport import TransportTimeout, TransportUnavailable
from tests.sources.certificates import authority, issued, server_context
from tests.sources.lines import get, listening, take
from tests.sources.raw import Request, reply, speaking


class Told(Guard):
    """Finds names at the addresses that a test tells, of which some are not public."""

    def __init__(self, *addresses: str, trusted: tuple[str, ...] = ()) -> None:
        super().__init__(trusted)
        self.addresses = list(addresses)
        self.asked = 0

    async def place(self, url: str) -> str | None:
        if self.trusts(url):
            return None
        self.asked += 1
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        if address == "private":
            raise PrivateAddress("'shop.example' is at an address that is not public")
        if address == "never":
            await asyncio.Event().wait()
        return address


async def host(request: Request) -> bytes:
    return reply(request.all("host")[0].partition(":")[0])


@asynccontextmanager
async def guarded(guard: Guard, tls: Tls | None = None) -> AsyncIterator[tuple[Guarded, list[float]]]:
    now = [0.0]
    plain = PyreqwestTransport(timeout_s=5, connect_timeout_s=0.5, tls=tls)
    transport = Guarded(guard, plain, clock=lambda: now[0])
    try:
        yield transport, now
    finally:
        await transport.aclose()


def port(url: str) -> int | None:
    return urlsplit(url).port


async def asked(transport: Guarded, url: str) -> bytes:
    return bytes((await transport.send("GET", url, (), None)).body)


async def held(transport: Guarded, url: str) -> bytes:
    async with transport.stream("GET", url, ()) as streamed:
        return b"".join([chunk async for chunk in streamed.chunks()])


WAYS = pytest.mark.parametrize("way", [asked, held])


@WAYS
async def test_the_name_is_kept_and_the_address_is_the_one_that_was_looked_at(way: object) -> None:
    ask = asked if way is asked else held
    async with speaking(host) as url, guarded(Told("127.0.0.1")) as (transport, _):
        assert await ask(transport, f"http://shop.example:{port(url)}/a") == b'"shop.example"'


@WAYS
async def test_certificates_are_those_of_the_name(way: object, tmp_path: Path) -> None:
    ask = asked if way is asked else held
    ours = authority()
    ca, _ = ours.write(tmp_path, "ca")
    async with (
        speaking(host, server_context(tmp_path, issued(ours, "shop.example"))) as url,
        guarded(Told("127.0.0.1"), Tls(ca=ca)) as (transport, _),
    ):
        assert await ask(transport, f"https://shop.example:{port(url)}/a") == b'"shop.example"'
        with pytest.raises(TransportUnavailable):
            await ask(transport, f"https://other.example:{port(url)}/a")


@WAYS
async def test_a_name_that_is_not_public_is_not_connected_to_and_told_once(
    way: object, caplog: pytest.LogCaptureFixture
) -> None:
    ask = asked if way is asked else held
    requests: list[Request] = []

    async def answer(request: Request) -> bytes:
        requests.append(request)
        return reply()

    async with speaking(answer) as url, guarded(Told("private")) as (transport, _):
        with caplog.at_level(logging.WARNING, "weft"):
            for _ in range(2):
                with pytest.raises(TransportUnavailable):
                    await ask(transport, f"http://shop.example:{port(url)}/a")
    assert requests == []
    assert caplog.messages == [
        "not connected, since a document from the network names it: 'shop.example' is at an address that is not public"
    ]


async def test_a_name_that_says_something_else_later_changes_nothing_until_it_is_looked_at_again() -> None:
    guard = Told("127.0.0.1", "private")
    async with speaking(host) as url, guarded(guard) as (transport, now):
        there = f"http://shop.example:{port(url)}/a"
        for _ in range(3):
            assert await asked(transport, there) == b'"shop.example"'
        assert guard.asked == 1
        now[0] = 30.0
        with pytest.raises(TransportUnavailable):
            await asked(transport, there)
        assert guard.asked == 2


async def test_a_name_that_takes_too_long_to_resolve_is_a_timeout() -> None:
    async with guarded(Told("never")) as (transport, _):
        with pytest.raises(TransportTimeout):
            await asked(transport, "http://shop.example/a")


async def test_a_host_that_is_trusted_is_reached_as_ever() -> None:
    guard = Told("private", trusted=("127.0.0.1",))
    async with speaking(host) as url, guarded(guard) as (transport, _):
        assert await asked(transport, url) == b'"127.0.0.1"'
        assert await held(transport, url) == b'"127.0.0.1"'
    assert guard.asked == 0


async def test_tokens_are_fetched_where_the_guard_lets_them_only() -> None:
    paths: list[str] = []

    async def answer(request: Request) -> bytes:
        paths.append(request.target)
        return reply({"access_token": "good"})

    async with speaking(answer) as url:
        inner = f"http://localhost:{port(url)}"
        source = Rest("shop", url, auth=OAuth2(f"{inner}/token", client_id="weft", client_secret="hidden"))
        source.exchange.watch(Guard(["127.0.0.1"]))
        with pytest.raises(UpstreamUnavailable, match=r"^shop: the token endpoint cannot be reached$"):
            await source.send("GET", "/")
        await source.aclose()
    assert paths == []


async def test_a_websocket_goes_where_the_guard_lets_it_only() -> None:
    source = Rest("prices", "http://prices.example")
    source.exchange.watch(Told("private"))
    (failed,) = await take(WebSocketStream(get("/prices")).listen(listening(source)), 1)
    assert isinstance(failed, UpstreamUnavailable)
    source.exchange.watch(Guard())  # it is watched already, and stays so
    with pytest.raises(UpstreamUnavailable):
        await source.send("GET", "/")
    await source.aclose()


async def test_keys_of_an_issuer_are_not_fetched_inside_of_a_network(caplog: pytest.LogCaptureFixture) -> None:
    async def configuration(request: Request) -> bytes:
        return reply({"issuer": issuer, "jwks_uri": "https://10.0.0.1/keys"})

    async with speaking(configuration) as issuer:
        published = Issuer(issuer=issuer)
        with caplog.at_level(logging.WARNING, "weft"), pytest.raises(UpstreamUnavailable):
            await published.published()
        await published.aclose()
    assert caplog.messages == [
        "not connected, since a document from the network names it: '10.0.0.1' is an address that is not public"
    ]
