"""How the gateway proves to a backend who it is.

A kind of authentication gives either *fixed* headers and query parameters, known at start-up and free per request, or
a `token` that is fetched. Secrets are read from the environment or from files when a source starts to speak, never at
import, and no `repr` shows them.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Annotated, Protocol
from urllib.parse import quote_plus, urlencode

import msgspec

from sources.address import check_address, check_cookie_name, check_header_name, is_cookie_value
from sources.errors import DeclarationError, UpstreamError, UpstreamInvalid, UpstreamUnavailable
from sources.secret import Secret
from sources.transport import Transport, TransportError

Pairs = tuple[tuple[str, str], ...]


class Auth(Protocol):
    """One way to authenticate to a backend."""

    @property
    def names(self) -> tuple[str, ...]:
        """The headers that it sends."""
        ...

    def missing(self) -> list[str]:
        """Give the environment variables and files that are needed and not there; `lacking` makes sentences of them."""
        ...

    def headers(self) -> Pairs:
        """Give the headers that each request carries."""
        ...

    def parameters(self) -> Pairs:
        """Give the query parameters that each request carries."""
        ...


class ApiKey:
    """A key in a header, ``ApiKey("X-API-Key", env="KEY")``, or in what ``query="key"`` or ``cookie="key"`` names."""

    def __init__(
        self,
        header: str | None = None,
        *,
        query: str | None = None,
        cookie: str | None = None,
        env: str | None = None,
        file: str | None = None,
        value: str | None = None,
    ) -> None:
        if [header, query, cookie].count(None) != 2:
            raise DeclarationError("ApiKey: give either a header's name or query=, a parameter's name, or cookie=")
        if header is not None:
            check_header_name(header)
        if cookie is not None:
            check_cookie_name(cookie)
        if value == "":
            raise DeclarationError("ApiKey: the key is empty")
        self.names = () if header is None else (header,)
        self._header = header
        self.query = query
        self._cookie = cookie
        self._secret = Secret(value, env, "ApiKey", file)

    def missing(self) -> list[str]:
        """Give the environment variables and files that are needed and not there; `lacking` makes sentences of them."""
        return self._secret.missing()

    def headers(self) -> Pairs:
        """Give the headers that each request carries.

        Raises:
            DeclarationError: the key may not stand in a cookie.
        """
        if self._cookie is not None:
            key = self._secret.read()
            if not is_cookie_value(key):
                raise DeclarationError(f"the key for the cookie {self._cookie!r} holds what a cookie may not")
            return (("cookie", f"{self._cookie}={key}"),)
        return () if self._header is None else ((self._header, self._secret.read()),)

    def parameters(self) -> Pairs:
        """Give the query parameters that each request carries."""
        return () if self.query is None else ((self.query, self._secret.read()),)


class Basic:
    """User name and password (RFC 7617), the name perhaps from an environment variable as well."""

    names = ("authorization",)

    def __init__(
        self,
        username: str | None = None,
        password: str | None = None,
        *,
        env: str | None = None,
        file: str | None = None,
        username_env: str | None = None,
    ) -> None:
        self._username = Secret(username, username_env, "Basic, the user name")
        self._secret = Secret(password, env, "Basic", file)
        _check_username(username or "")

    def missing(self) -> list[str]:
        """Give the environment variables and files that are needed and not there; `lacking` makes sentences of them."""
        return [*self._username.missing(), *self._secret.missing()]

    def headers(self) -> Pairs:
        """Give the headers that each request carries.

        Raises:
            DeclarationError: an environment variable is not set, or holds what it may not.
        """
        username = self._username.read()
        _check_username(username)
        return (("authorization", _basic(username, self._secret.read())),)

    def parameters(self) -> Pairs:
        """Give the query parameters that each request carries."""
        return ()


class Bearer:
    """A token that does not change (RFC 6750)."""

    names = ("authorization",)

    def __init__(self, token: str | None = None, *, env: str | None = None, file: str | None = None) -> None:
        if token == "":
            raise DeclarationError("Bearer: the token is empty")
        self._secret = Secret(token, env, "Bearer", file)

    def missing(self) -> list[str]:
        """Give the environment variables and files that are needed and not there; `lacking` makes sentences of them."""
        return self._secret.missing()

    def headers(self) -> Pairs:
        """Give the headers that each request carries."""
        return (("authorization", f"Bearer {self._secret.read()}"),)

    def parameters(self) -> Pairs:
        """Give the query parameters that each request carries."""
        return ()


class _Granted(msgspec.Struct):
    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    expires_in: float = 300.0


class OAuth2:
    """Client credentials (RFC 6749, 4.4): a token that is fetched, kept, and renewed before it expires.

    At most one request for a token is under way, shared by all who need it. While a token is still good its renewal
    happens in the background, so no client waits for it.

    Args:
        token_url: the token endpoint, in full.
        renew_before_s: how long before its expiry a token is renewed; at most half its lifetime.
    """

    names = ("authorization",)

    def __init__(
        self,
        token_url: str,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        env: str | None = None,
        file: str | None = None,
        client_id_env: str | None = None,
        scope: str | None = None,
        renew_before_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            check_address(token_url)
        except DeclarationError as exc:
            raise DeclarationError(f"OAuth2: {exc}") from exc
        if client_secret == "":
            raise DeclarationError("OAuth2: the client secret is empty")
        self.token_url = token_url
        self._client_id = Secret(client_id, client_id_env, "OAuth2, the client's id")
        self._secret = Secret(client_secret, env, "OAuth2", file)
        self._scope = scope
        self._renew_before_s = renew_before_s
        self._clock = clock
        self._token: str | None = None
        self._expires_at = 0.0
        self._renew_at = 0.0
        self._renewal: asyncio.Task[str] | None = None

    def missing(self) -> list[str]:
        """Give the environment variables and files that are needed and not there; `lacking` makes sentences of them."""
        return [*self._client_id.missing(), *self._secret.missing()]

    def headers(self) -> Pairs:
        """Give the headers that each request carries: none, the token changes."""
        return ()

    def parameters(self) -> Pairs:
        """Give the query parameters that each request carries."""
        return ()

    async def token(self, transport: Transport, source: str, *, refused: str | None = None) -> str:
        """Give a token that is good now, fetching one where needed.

        Args:
            refused: a token that the backend has just refused; it is not given again.

        Raises:
            SourceError: the token endpoint gave none.
        """
        if refused is not None and self._token == refused:
            self._token = None
        now = self._clock()
        if self._token is not None and now < self._expires_at:
            if now >= self._renew_at and self._idle():
                self._begin(transport, source)
            return self._token
        if self._idle():
            self._begin(transport, source)
        renewal = self._renewal
        if renewal is None:
            raise UpstreamUnavailable(f"{source}: no token", source=source)
        return await asyncio.shield(renewal)

    def _idle(self) -> bool:
        renewal = self._renewal
        return renewal is None or renewal.done() or renewal.get_loop() is not asyncio.get_running_loop()

    def _begin(self, transport: Transport, source: str) -> None:
        self._renewal = asyncio.get_running_loop().create_task(self._fetch(transport, source))
        # Nobody may be waiting for a renewal in the background: its failure is read here, and shows when needed.
        self._renewal.add_done_callback(lambda task: None if task.cancelled() else task.exception())

    async def _fetch(self, transport: Transport, source: str) -> str:
        form = {"grant_type": "client_credentials"}
        if self._scope:
            form["scope"] = self._scope
        headers = (
            ("authorization", _basic(quote_plus(self._client_id.read()), quote_plus(self._secret.read()))),
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
        )
        asked_at = self._clock()
        try:
            reply = await transport.send("POST", self.token_url, headers, urlencode(form).encode())
        except TransportError as exc:
            raise UpstreamUnavailable(f"{source}: the token endpoint cannot be reached", source=source) from exc
        if reply.status != 200:
            raise UpstreamError(f"{source}: the token endpoint refused", source=source, status=reply.status)
        try:
            # Not strict: real endpoints write the lifetime in quotes.
            granted = msgspec.json.decode(reply.body, type=_Granted, strict=False)
        except (msgspec.DecodeError, RecursionError, ValueError) as exc:
            raise UpstreamInvalid(f"{source}: the token endpoint answered no token", source=source) from exc
        lifetime_s = granted.expires_in
        self._token = granted.access_token
        self._expires_at = asked_at + lifetime_s
        self._renew_at = asked_at + lifetime_s - min(self._renew_before_s, lifetime_s / 2)
        return granted.access_token


def _check_username(username: str) -> None:
    if ":" in username:
        raise DeclarationError("Basic: a user name holds no colon (RFC 7617)")


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
