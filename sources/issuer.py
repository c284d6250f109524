"""Whoever signs tokens, and the keys that it publishes for all who verify them (RFC 7517)."""

from __future__ import annotations

import asyncio
import ipaddress
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import SplitResult

import httpx
import msgspec

from sources.address import check_address, shown_address
from sources.errors import DeclarationError, UpstreamError, UpstreamInvalid, UpstreamTimeout, UpstreamUnavailable
from sources.httpx_transport import transport_of
from sources.pyreqwest_transport import PyreqwestTransport
from sources.transport import Streamed, Transport, TransportError, TransportTimeout, TransportUnavailable

NAME = "token issuer"
_WELL_KNOWN = "/.well-known/openid-configuration"
_HEADERS = (("accept", "application/jwk-set+json, application/json"), ("accept-encoding", "gzip"))
_MOST_BYTES = 512_000


@dataclass(frozen=True, slots=True)
class Published:
    """What an issuer publishes.

    Args:
        body: its keys, a JWK set as JSON.
        cache_control: how long they may be kept, as HTTP says it; None where nothing is said.
    """

    body: bytes
    cache_control: str | None


class _Configuration(msgspec.Struct):
    issuer: str
    jwks_uri: Annotated[str, msgspec.Meta(max_length=2_000)]


class Issuer:
    """Whoever signs tokens.

    Its addresses are https, or of this machine. No redirect is followed, and no more than half a megabyte is read.

    Args:
        jwks: where it publishes its keys, in full; None where that is to be discovered.
        issuer: its name, below which its configuration is found.
        timeout_s: seconds for all of it.

    Raises:
        DeclarationError: an address is impossible.
    """

    def __init__(
        self,
        *,
        jwks: str | None = None,
        issuer: str | None = None,
        timeout_s: float = 5.0,
        client: httpx.AsyncClient | Transport | None = None,
    ) -> None:
        address = issuer if jwks is None else jwks
        parts = _checked(address or "")
        if jwks is None and (parts.query or parts.fragment):
            raise DeclarationError(
                f"{shown_address(address or '')!r}: the name of an issuer holds no query or fragment"
            )
        self._is_here = _is_loopback(parts)
        self._jwks = jwks
        self._issuer = issuer or ""
        self._timeout_s = timeout_s
        self._transport = transport_of(client) or PyreqwestTransport(timeout_s=timeout_s, connect_timeout_s=timeout_s)

    async def published(self) -> Published:
        """Give the keys of today.

        Raises:
            SourceError: they cannot be had.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._get(self._jwks or await self._discovered())
        except (TimeoutError, TransportTimeout) as exc:
            raise UpstreamTimeout("it did not answer in time", source=NAME) from exc
        except TransportUnavailable as exc:
            raise UpstreamUnavailable("it cannot be reached", source=NAME) from exc
        except TransportError as exc:
            raise UpstreamInvalid("it did not answer in HTTP", source=NAME) from exc

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _discovered(self) -> str:
        """Find out where the keys are (OpenID Connect Discovery, 4)."""
        found = await self._get(self._issuer.rstrip("/") + _WELL_KNOWN)
        try:
            configuration = msgspec.json.decode(found.body, type=_Configuration)
        except (msgspec.DecodeError, RecursionError, ValueError) as exc:
            raise UpstreamInvalid("its configuration is none", source=NAME) from exc
        if configuration.issuer != self._issuer:  # 4.3: else one issuer could speak for another
            raise UpstreamInvalid("its configuration is of another issuer", source=NAME)
        try:
            parts = _checked(configuration.jwks_uri)
        except DeclarationError as exc:
            raise UpstreamInvalid("its configuration names no https address for its keys", source=NAME) from exc
        if _is_loopback(parts) and not self._is_here:
            raise UpstreamInvalid("its configuration sends to this machine", source=NAME)
        return configuration.jwks_uri

    async def _get(self, url: str) -> Published:
        async with self._transport.stream("GET", url, _HEADERS) as reply:
            if reply.status != 200:
                raise UpstreamError(f"it answered with status {reply.status}", source=NAME, status=reply.status)
            return Published(await _body(reply), reply.header("cache-control"))


async def _body(reply: Streamed) -> bytes:
    body = bytearray()
    async with aclosing(reply.chunks()) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > _MOST_BYTES:
                raise UpstreamInvalid(f"it answered with more than {_MOST_BYTES} bytes", source=NAME)
    return bytes(body)


def _checked(url: str) -> SplitResult:
    parts = check_address(url)
    if parts.username or parts.password is not None:
        raise DeclarationError(f"{shown_address(url)!r}: no credentials belong here")
    if parts.scheme != "https" and not _is_loopback(parts):
        raise DeclarationError(f"{shown_address(url)!r}: it must be https, or else anybody between could name the keys")
    return parts


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
