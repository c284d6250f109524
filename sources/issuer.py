"""Whoever signs tokens, and the keys that it publishes for all who verify them (RFC 7517)."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import SplitResult

import httpx
import msgspec

from sources.address import check_address, shown_address
from sources.errors import DeclarationError, UpstreamError, UpstreamInvalid, UpstreamTimeout, UpstreamUnavailable
from sources.guarded import Guarded
from sources.httpx_transport import transport_of
from sources.private import Guard
from sources.pyreqwest_transport import PyreqwestTransport
from sources.tls import Tls
from sources.transport import Transport, TransportError, TransportTimeout, TransportTooLarge, TransportUnavailable

NAME = "token issuer"
_WELL_KNOWN = "/.well-known/openid-configuration"
_HEADERS = (("accept", "application/jwk-set+json, application/json"),)
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
    Where its configuration sends to another host, that one is not inside of a private network.

    Args:
        jwks: where it publishes its keys, in full; None where that is to be discovered.
        issuer: its name, below which its configuration is found.
        timeout_s: seconds for all of it.
        tls: certificates for the issuer; it is verified in any case.

    Raises:
        DeclarationError: an address is impossible.
    """

    def __init__(
        self,
        *,
        jwks: str | None = None,
        issuer: str | None = None,
        timeout_s: float = 5.0,
        tls: Tls | None = None,
        client: httpx.AsyncClient | Transport | None = None,
    ) -> None:
        if tls is not None and client is not None:
            raise DeclarationError("tls= is for the built-in client: with client=, that one has the certificates")
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
        self._tls = tls
        guard = Guard([parts.hostname or ""])  # a configuration comes from the network, and names where the keys are
        self._transport = transport_of(client, max_reply_bytes=_MOST_BYTES) or Guarded(
            guard,
            PyreqwestTransport(timeout_s=timeout_s, connect_timeout_s=timeout_s, max_reply_bytes=_MOST_BYTES, tls=tls),
        )

    def missing(self) -> list[str]:
        """Give what is wrong with the certificates, a sentence each."""
        return [] if self._tls is None else self._tls.missing()

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
        except TransportTooLarge as exc:
            raise UpstreamInvalid(f"it answered with {exc}", source=NAME) from exc
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
        reply = await self._transport.send("GET", url, _HEADERS, None)
        if reply.status != 200:
            raise UpstreamError(f"it answered with status {reply.status}", source=NAME, status=reply.status)
        if len(reply.body) > _MOST_BYTES:  # of a transport that has no bound of its own
            raise TransportTooLarge(_MOST_BYTES)
        return Published(reply.body, reply.header("cache-control"))


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
