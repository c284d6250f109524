"""One exchange with a backend: address, credentials, headers, and failures in the source's own name."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import msgspec

from sources.address import base_of, check_header_name, check_header_value, is_header_value
from sources.auth import Auth, OAuth2, Pairs
from sources.body import Encoded, Stream
from sources.credentials import one_cookie, token_of
from sources.errors import (
    DeclarationError,
    InvalidInput,
    SourceError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from sources.guarded import Guarded
from sources.policy import Policy
from sources.private import Guard
from sources.pyreqwest_transport import PyreqwestTransport
from sources.shield import Health, Left, Shield
from sources.template import RefusedValue
from sources.tls import Tls
from sources.transport import (
    MAX_REPLY_BYTES,
    Content,
    Reply,
    Streamed,
    Transport,
    TransportError,
    TransportTimeout,
    TransportTooLarge,
    TransportUnavailable,
)

_LONGEST_REASON = 500
_SAFE = frozenset({"GET", "HEAD"})
_WHOLE_BYTES = 64 * 1024
_REREAD_S = 5.0  # after which a changed file of a secret counts


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """What is sent to open something that lasts.

    Args:
        url: its full address.
        headers: all of them.
        token: the OAuth2 token that is among them, if there is one.
        timeout_s: seconds that the backend may take to answer.
        address: where to connect; None for what the URL's host says.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    token: str | None
    timeout_s: float
    address: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class _Prepared:
    """What credentials add to each request: headers (the source's own among them), query parameters, a token."""

    headers: Pairs
    parameters: str
    oauth: OAuth2 | None
    names: frozenset[str]
    good_until: float


class Exchange:
    """Speaks to one backend.

    Args:
        source: the backend's name, for errors.
        url: base address: http or https, a host, perhaps a path prefix; no query.

    Raises:
        DeclarationError: the address or a header name is impossible.
    """

    def __init__(
        self,
        *,
        source: str,
        url: str,
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
        forward: Sequence[str] = (),
        policy: Policy | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        tls: Tls | None = None,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._base = base_of(url)
        if tls is not None and not self._base.startswith("https:"):
            raise DeclarationError("tls= is for an address that begins with https://")
        if tls is not None and transport is not None:
            raise DeclarationError("tls= is for the built-in client: with client=, that one has the certificates")
        own = {name.lower() for name in auth.names} if auth is not None else set[str]()
        for name in (*(headers or {}), *forward):
            check_header_name(name)
            if name.lower() in own:
                raise DeclarationError(f"{name!r} is sent by the source's own credentials already")
        for name, value in (headers or {}).items():
            check_header_value(name, value)
        policy = policy or Policy()
        self._timeout_s = policy.timeout
        self._shield = Shield(source, policy)
        self._auth = auth
        self._fixed = tuple((headers or {}).items())
        self._prepared: dict[Auth | None, _Prepared] = {}
        self._clock = clock
        self._keeps_time = transport is None
        parts = urlsplit(self._base)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self.peer = (parts.hostname or "", port) if transport is None else None
        self._transport: Transport = transport or PyreqwestTransport(
            timeout_s=policy.timeout,
            connect_timeout_s=policy.connect_timeout,
            read_timeout_s=policy.read_timeout,
            max_reply_bytes=max_reply_bytes,
            tls=tls,
        )

    def watch(self, guard: Guard) -> None:
        """Go only where a guard lets it, from now on. A client of the author's own goes where it likes."""
        if isinstance(self._transport, PyreqwestTransport):
            self._transport = Guarded(guard, self._transport)
            self._keeps_time = False  # a name may take as long to resolve as a connection to be made

    @property
    def health(self) -> Health:
        """How the backend is doing, as far as the calls to it tell."""
        return self._shield.health

    async def send(
        self,
        method: str,
        target: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | Encoded | Stream | None = None,
        auth: Auth | None = None,
        base: str | None = None,
        reads: bool | None = None,
        left: Left | None = None,
    ) -> Reply:
        """Give the backend's reply to path and query ``target``, whatever its status.

        Args:
            body: JSON, bytes of another media type, or what is sent once, as it comes, and never again.
            auth: in place of the source's own credentials; its headers also take the place of those in `headers`.
            base: base address in place of the source's own.
            reads: whether the call changes nothing, so that it may be made again; None for what its method says.
            left: gives the seconds for which anybody waits for the reply; None where that has no end.

        Raises:
            SourceError: there is no reply, no token, or a header's value or a file was refused.
        """
        prepared = self._credentials(auth)
        fixed = prepared.headers
        if headers:
            self._check(headers)
            if auth is not None:
                headers = [pair for pair in headers if pair[0] not in prepared.names]
            fixed = (*fixed, *headers)
            if any(name == "cookie" for name, _ in headers):
                fixed = one_cookie(fixed)
        url = self._url(base or self._base, target, prepared.parameters)
        if body is not None:
            if isinstance(body, Encoded):
                fixed, body = (*fixed, ("content-type", body.content_type)), body.content
            elif isinstance(body, bytes):
                fixed = (*fixed, ("content-type", "application/json"))
            else:
                return await self._stream(method, url, fixed, body, prepared.oauth)
        return await self._shield.send(
            self._send_once,
            (method, url, fixed, body, prepared.oauth),
            reads=method in _SAFE if reads is None else reads,
            keeps_time=self._keeps_time and prepared.oauth is None,  # a token takes an exchange of its own
            left=left,
        )

    async def opening(self, target: str, headers: Sequence[tuple[str, str]], *, refused: str | None = None) -> Opening:
        """Give what is sent to open something that lasts; these headers take the place of the source's own.

        Args:
            refused: an OAuth2 token that the backend has just refused; another one is fetched.

        Raises:
            SourceError: there is no token, or a header's value was refused.
        """
        self._check(headers)
        names = {name.lower() for name, _ in headers}
        prepared = self._credentials(None)
        fixed = [pair for pair in prepared.headers if pair[0].lower() not in names]
        token: str | None = None
        if prepared.oauth is not None:
            token = await prepared.oauth.token(self._transport, self._source, refused=refused)
            fixed.append(("authorization", f"Bearer {token}"))
        url = self._url(self._base, target, prepared.parameters)
        try:
            address = await self._transport.place(url) if isinstance(self._transport, Guarded) else None
        except TransportError as exc:
            raise self._failure(exc) from exc
        return Opening(url, (*fixed, *headers), token, self._timeout_s, address)

    @asynccontextmanager
    async def stream(self, target: str, headers: Sequence[tuple[str, str]] = ()) -> AsyncGenerator[Streamed]:
        """Hold a reply to a GET open until the block ends: once it has begun, it may last for ever.

        Raises:
            SourceError: no reply has begun in time, there is no token, a header's value was refused, or the reply
                broke off.
        """
        async with AsyncExitStack() as stack:
            try:
                yield await self._streamed(stack, target, headers)
            except TransportError as exc:
                raise self._failure(exc) from exc

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _streamed(self, stack: AsyncExitStack, target: str, headers: Sequence[tuple[str, str]]) -> Streamed:
        try:
            async with asyncio.timeout(self._timeout_s):
                opening = await self.opening(target, headers)
                streamed = await stack.enter_async_context(self._transport.stream("GET", opening.url, opening.headers))
                if streamed.status != 401 or opening.token is None:
                    return streamed
                await stack.aclose()
                opening = await self.opening(target, headers, refused=opening.token)
                return await stack.enter_async_context(self._transport.stream("GET", opening.url, opening.headers))
        except TimeoutError as exc:
            raise TransportTimeout from exc

    def _url(self, base: str, target: str, parameters: str) -> str:
        if not parameters:
            return base + target
        return base + target + ("&" if "?" in target else "?") + parameters

    def _check(self, headers: Sequence[tuple[str, str]]) -> None:
        for name, value in headers:
            if not is_header_value(value):
                message = f"{name}: a control character or a letter beyond ASCII may not stand in a header"
                raise InvalidInput(message, source=self._source)

    def _credentials(self, auth: Auth | None) -> _Prepared:
        """Give what credentials add, read again now and then: where that fails, those of before are used on."""
        now = self._clock()
        prepared = self._prepared.get(auth)
        if prepared is None or prepared.good_until < now:
            try:
                prepared = self._prepare(auth, now + _REREAD_S)
            except DeclarationError:
                if prepared is None:
                    raise
                prepared = dataclasses.replace(prepared, good_until=now + _REREAD_S)
            self._prepared[auth] = prepared
        return prepared

    def _prepare(self, auth: Auth | None, good_until: float) -> _Prepared:
        own = self._auth if auth is None else auth
        sent = () if own is None else own.headers()
        names = {name.lower() for name, _ in sent} - {"cookie"}
        oauth = None if "authorization" in names else token_of(own)
        names |= {"authorization"} if oauth is not None else set()
        fixed = [pair for pair in self._fixed if pair[0].lower() not in names]
        parameters = "" if own is None else urlencode(own.parameters())
        return _Prepared(one_cookie((*sent, *fixed)), parameters, oauth, frozenset(names), good_until)

    async def _stream(self, method: str, url: str, headers: Pairs, body: Stream, oauth: OAuth2 | None) -> Reply:
        try:
            pieces = await body.open()
            headers = (*headers, ("content-type", body.content_type))
            content = await _whole_if_short(pieces)
            request = (method, url, headers, content, oauth)
            if isinstance(content, bytes):  # the client has done its part
                keeps_time = self._keeps_time and oauth is None
                return await self._shield.send(self._send_once, request, reads=False, keeps_time=keeps_time)
            return await self._shield.send_lasting(self._send_once, request)
        except RefusedValue as exc:
            raise InvalidInput(str(exc), source=self._source) from exc
        finally:
            body.close()  # the backend may have answered before it had everything

    async def _send_once(self, method: str, url: str, headers: Pairs, body: Content, oauth: OAuth2 | None) -> Reply:
        try:
            if oauth is not None:
                return await self._send_with_token(oauth, method, url, headers, body)
            return await self._transport.send(method, url, headers, body)
        except TransportError as exc:
            raise self._failure(exc) from exc

    async def _send_with_token(self, oauth: OAuth2, method: str, url: str, headers: Pairs, body: Content) -> Reply:
        token = await oauth.token(self._transport, self._source)
        reply = await self._transport.send(method, url, (*headers, ("authorization", f"Bearer {token}")), body)
        if reply.status != 401:
            return reply
        # A 401 means that nothing was done, so even a write may be sent again, once, with another token; but not what
        # was sent as it came, for which the new token is too late.
        token = await oauth.token(self._transport, self._source, refused=token)
        if not isinstance(body, bytes | None):
            return reply
        return await self._transport.send(method, url, (*headers, ("authorization", f"Bearer {token}")), body)

    def _failure(self, exc: TransportError) -> SourceError:
        source = self._source
        if isinstance(exc, TransportTimeout):
            return UpstreamTimeout(f"{source} did not answer in time", source=source)
        if isinstance(exc, TransportUnavailable):
            return UpstreamUnavailable(f"{source} cannot be reached", source=source)
        if isinstance(exc, TransportTooLarge):
            return UpstreamInvalid(f"{source} answered with {exc}", source=source)
        return UpstreamInvalid(f"{source} did not answer in HTTP", source=source)


async def _whole_if_short(pieces: AsyncIterator[bytes]) -> bytes | AsyncIterator[bytes]:
    """Give a short body whole, so that it is sent with its length, which some backends need; a longer one in pieces."""
    held: list[bytes] = []
    size = 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > _WHOLE_BYTES:
            return _chained(held, pieces)
    return b"".join(held)


async def _chained(held: list[bytes], pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"".join(held)
    async for piece in pieces:
        yield piece


def failure_of(reply: Reply, source: str, reason: tuple[str, ...] = ()) -> UpstreamError:
    """Give the failure that an unsuccessful status means.

    Args:
        reason: property names to the text of a 4xx reply that clients may read; empty where they may read none.
    """
    status = reply.status
    if 300 <= status < 400:
        return UpstreamError(f"{source} answered with a redirect", source=source, status=status)
    said = _said(reply.body, reason) if reason and 400 <= status < 500 else None
    return UpstreamError(
        f"{source}: {said}" if said else f"{source} answered with status {status}", source=source, status=status
    )


def _said(body: bytes, path: tuple[str, ...]) -> str | None:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return " ".join(value.split())[:_LONGEST_REASON] if isinstance(value, str) else None
