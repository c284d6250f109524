"""No redirect is followed, whatever is asked for, so nothing that is sent to a source reaches another host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from sources import Bearer, OAuth2, Rest, ServerSent, SourceError, UpstreamError, WebSocketStream
from tests.sources.lines import get, listening, take
from tests.sources.raw import Request, reply, speaking

KINDS = pytest.mark.parametrize("kind", ["pyreqwest", "httpx"])
STATUSES = pytest.mark.parametrize("status", [301, 302, 303, 307, 308])


@asynccontextmanager
async def leading_away(status: int) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve a backend that redirects to another server; give its address, and what that one is asked."""
    asked: list[str] = []

    async def other(request: Request) -> bytes:
        asked.append(request.target)
        return reply({"access_token": "stolen"})

    async with speaking(other) as elsewhere:

        async def redirect(request: Request) -> bytes:
            return reply(b"", status, (f"Location: {elsewhere}{request.target}",))

        async with speaking(redirect) as url:
            yield url, asked


def source_at(url: str, kind: str) -> Rest:
    client = httpx.AsyncClient(trust_env=False, follow_redirects=True) if kind == "httpx" else None
    return Rest("shop", url, auth=Bearer("hidden"), client=client)


@KINDS
@STATUSES
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_exchange_ends_with_the_redirect(kind: str, status: int, method: str) -> None:
    async with leading_away(status) as (url, asked):
        source = source_at(url, kind)
        got = await source.send(method, "/a")
        assert (got.status, str(source.failure(got))) == (status, "shop answered with a redirect")
        await source.aclose()
    assert asked == []


@KINDS
@STATUSES
async def test_an_event_stream_is_refused_by_a_redirect(kind: str, status: int) -> None:
    async with leading_away(status) as (url, asked):
        source = source_at(url, kind)
        with pytest.raises(UpstreamError, match=r"^shop answered with a redirect$"):
            await take(ServerSent(get("/a")).listen(listening(source)), 1)
        await source.aclose()
    assert asked == []


@STATUSES
async def test_a_websocket_is_refused_by_a_redirect(status: int) -> None:
    async with leading_away(status) as (url, asked):
        source = source_at(url, "pyreqwest")
        with pytest.raises(UpstreamError, match=r"^shop answered with a redirect$"):
            await take(WebSocketStream(get("/a")).listen(listening(source)), 1)
        await source.aclose()
    assert asked == []


@KINDS
@STATUSES
async def test_a_token_is_not_fetched_from_where_its_endpoint_redirects(kind: str, status: int) -> None:
    async with leading_away(status) as (url, asked):
        client = httpx.AsyncClient(trust_env=False, follow_redirects=True) if kind == "httpx" else None
        auth = OAuth2(f"{url}/token", client_id="weft", client_secret="hidden")
        source = Rest("shop", url, auth=auth, client=client)
        with pytest.raises(SourceError, match=r"^shop: the token endpoint refused$"):
            await source.send("GET", "/a")
        await source.aclose()
    assert asked == []
