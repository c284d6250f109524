"""`Jwt`: clients who show a signed token (RFC 7519), and who is behind it.

Theory of operation. A token is checked once, then found again by what was shown, until it ends or a key goes: that is
`known`, a look into a dictionary. It is found by its last characters, a part of the signature that nobody can guess,
and compared as a whole. What was refused for good is remembered as well, so that one bad token shown again and again
costs no more than a good one. Both memories are bounded in bytes.

Before anything is computed, a token must look like one: its length, its alphabet, an algorithm that keys may have, a
type that is one of access tokens, no header that changes what the others mean (`crit`). What else a header brings
along (`jwk`, `jku`, `x5u`, `x5c`) is never read: keys come from the author, or from the issuer that the author names.
The keys then say which algorithm is theirs (`graph.key`), pyjwt checks the signature, and `graph.claims` what the
token says.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cachetools
import httpx
import jwt
import msgspec

from graph.claims import NOT_GOOD, NotYet, Terms, check, client_of, refusal
from graph.client import Client
from graph.credentials import Credentials, Foreign, Unauthenticated
from graph.key import ALGORITHMS, Key
from graph.keyset import Keys, OwnKeys, PublishedKeys
from graph.settings import SettingsError
from sources import DeclarationError, Tls, Transport
from sources.address import check_cookie_name, check_header_name
from sources.issuer import Issuer

_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+", re.ASCII)
_MOST_BYTES = 8_192
_TAIL = 32
_REFUSED_BYTES = 1_000_000
_ENTRY_BYTES = 1_500
_UNCHECKED: Any = {
    "verify_signature": True,
    **{f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")},
}


class _Header(msgspec.Struct):
    alg: str
    kid: str | None = None
    typ: str | None = None
    crit: Any = msgspec.UNSET


class _Said(msgspec.Struct):
    iss: Any = None


_decode_header = msgspec.json.Decoder(_Header).decode
_decode_said = msgspec.json.Decoder(_Said).decode


@dataclass(frozen=True, slots=True)
class _Known:
    shown: str
    client: Client
    ends_at: float


@dataclass(frozen=True, slots=True)
class _Refused:
    token: str
    said: str


def _size(entry: _Known | _Refused) -> int:
    # Claims take about three times the memory of the token that they stand in.
    return _ENTRY_BYTES + (4 * len(entry.shown) if isinstance(entry, _Known) else len(entry.token))


class Jwt:
    """Clients who show a JWT, in ``Authorization: Bearer …`` unless said otherwise; an `Authenticator`.

    Its keys are an issuer's (``jwks=`` or ``discover=True``, both with ``issuer=``), or the author's own (``key=``,
    ``env=`` or ``file=``): public keys as PEM or JWK, or a secret of 32 bytes or more for HS256.

    Args:
        jwks: the address of the issuer's keys, https.
        issuer: what tokens must have as ``iss``.
        discover: find the keys by the issuer's OpenID configuration.
        audience: what tokens must have among their ``aud``, one of these; without it, tokens that have one are refused.
        key: keys as they are, several while one takes the place of another.
        env: an environment variable that holds them; `file` a file.
        algorithms: those that tokens may be signed with; without it, all that fit the keys, never ``none``.
        leeway: seconds by which clocks may differ.
        require: claims that a token must have.
        name: what ids begin with; of several issuers each needs one of its own.
        id: the claim that names a client; ``Client.id`` is ``user:ada`` for ``"sub": "ada"``.
        scopes: claims that hold what a client may do, each a text with spaces or a list, such as
            ``realm_access.roles``.
        headers: claims as headers for backends, ``{"X-User": "sub"}``. Nobody else can say these headers.
        header: another header that holds the token; `cookie` a cookie that is looked at where there is no such header.
        types: what tokens may have as ``typ``, if they have any.
        stale: seconds for which an issuer's keys count when they cannot be fetched anew.
        cache_bytes: memory for tokens that were verified, estimated.
        tls: certificates for the issuer's server; `client` sends to it instead of a transport of our own.
        clock: Unix time in seconds.

    Raises:
        ValueError: a setting is impossible; it names all that are.
    """

    def __init__(
        self,
        *,
        jwks: str | None = None,
        issuer: str | None = None,
        discover: bool = False,
        audience: str | Sequence[str] | None = None,
        key: str | bytes | Sequence[str | bytes] | None = None,
        env: str | None = None,
        file: str | Path | None = None,
        algorithms: Sequence[str] | None = None,
        leeway: float = 30.0,
        require: Sequence[str] = ("exp",),
        name: str = "user",
        id: str = "sub",
        scopes: str | Sequence[str] = ("scope", "scp"),
        headers: Mapping[str, str] | None = None,
        header: str = "authorization",
        cookie: str | None = None,
        types: Sequence[str] = ("JWT", "at+jwt"),
        stale: float = 21_600.0,
        cache_bytes: int = 32_000_000,
        tls: Tls | None = None,
        client: httpx.AsyncClient | Transport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        faults = [] if [jwks, discover or None, key, env, file].count(None) == 4 else [_ONE_OF]
        if (jwks is not None or discover) and not issuer:
            faults.append("issuer= is missing: whose tokens are good")
        if tls is not None and jwks is None and not discover:
            faults.append("tls= is for an issuer that is asked for its keys")
        allowed = ALGORITHMS if algorithms is None else frozenset(_listed(algorithms))
        if unknown := sorted(allowed - ALGORITHMS):
            faults.append(f"algorithms: {', '.join(map(repr, unknown))} is none that keys have")
        for option, seconds in (("leeway", leeway), ("stale", stale)):
            if not (math.isfinite(seconds) and seconds >= 0):
                faults.append(f"{option} must be 0 seconds or more")
        if not name or ":" in name:
            faults.append(f"name={name!r}: a word that ids begin with, without a colon")
        try:
            for one in (header, *(headers or {})):
                check_header_name(one)
            if cookie is not None:
                check_cookie_name(cookie)
        except DeclarationError as exc:
            faults.append(str(exc))
        self._clock = clock
        self._keys: Keys
        if not faults:
            try:
                if jwks is not None or discover:
                    published = Issuer(jwks=jwks, issuer=issuer, tls=tls, client=client)
                    self._keys = PublishedKeys(
                        published, allowed=allowed, changed=self._forget, stale_s=stale, clock=clock
                    )
                else:
                    given = [key] if isinstance(key, str | bytes) else key
                    self._keys = OwnKeys(given, env=env, file=file, allowed=allowed)
            except (ValueError, DeclarationError) as exc:
                faults.append(str(exc))
        if faults:
            raise SettingsError([f"Jwt: {fault}" for fault in faults])
        self.name = name
        self._header = header.lower()
        self._cookie = cookie
        self.reads: tuple[str, ...] = (self._header, *(("cookie",) if cookie is not None else ()))
        self.writes = tuple(one.lower() for one in headers or {})
        self._types = frozenset(kind.lower().removeprefix("application/") for kind in types)
        self._terms = Terms(
            issuer=issuer,
            audiences=_listed(audience),
            leeway_s=leeway,
            require=tuple(require),
            name=name,
            id=id,
            scopes=_listed(scopes),
            headers=dict(headers or {}),
            is_revocable=isinstance(self._keys, PublishedKeys),  # a key may go
        )
        self._allowed = allowed
        self._verified: cachetools.LRUCache[str, _Known] = cachetools.LRUCache(cache_bytes, getsizeof=_size)
        self._refused: cachetools.LRUCache[str, _Refused] = cachetools.LRUCache(_REFUSED_BYTES, getsizeof=_size)

    def missing(self) -> list[str]:
        """Give what is wrong with keys or certificates from the environment or a file."""
        return [f"Jwt: {fault}" for fault in self._keys.faults()]

    def known(self, credentials: Credentials) -> Client | None:
        """Give the client of a token that was verified before, while it is good."""
        shown = credentials.headers.get(self._header)
        if shown is None:
            shown = self._in_cookie(credentials)
            if shown is None:
                return None
        known = self._verified.get(shown[-_TAIL:])
        if known is None or known.shown != shown:
            return None
        keys, now = self._keys, self._clock()
        if now >= known.ends_at or now >= keys.fresh_until:
            return None
        if now >= keys.refresh_at:
            keys.renew()
        return known.client

    async def find(self, credentials: Credentials) -> Client | None:
        """Verify the token that is shown, and give its client.

        Raises:
            Unauthenticated: it is not good.
            Unavailable: the keys cannot be had now.
            RequestError: a claim is no value of the header that it is to be.
        """
        shown = credentials.headers.get(self._header)
        token = self._in_cookie(credentials) if shown is None else self._in_header(shown)
        if token is None:
            return None
        refused = self._refused.get(token[-_TAIL:])
        if refused is not None and refused.token == token and self._clock() < self._keys.fresh_until:
            raise refusal(refused.said)
        header = self._looked_at(token)
        keys = await self._keys.fitting(header.kid, header.alg)
        try:
            claims = _verified(token, keys)
            ends_at = check(claims, self._terms, self._clock())
            client = client_of(claims, self._terms, ends_at)
        except NotYet:
            raise
        except Unauthenticated as exc:
            if keys:  # else the key may come
                self._refused[token[-_TAIL:]] = _Refused(token, str(exc))
            raise
        known = _Known(token if shown is None else shown, client, ends_at)
        with contextlib.suppress(ValueError):  # larger than all that may be kept
            self._verified[known.shown[-_TAIL:]] = known
        return client

    async def aclose(self) -> None:
        """Close the connections to the issuer."""
        await self._keys.aclose()

    def _forget(self, has_lost: bool) -> None:
        self._refused.clear()  # a key that has come may be theirs
        if has_lost:
            self._verified.clear()

    def _in_header(self, shown: str) -> str | None:
        scheme, _, token = shown.partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
        return None if self._header == "authorization" else shown

    def _in_cookie(self, credentials: Credentials) -> str | None:
        if self._cookie is None:
            return None
        found = None
        for pair in credentials.headers.get("cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self._cookie:
                if found not in (None, value):
                    return ""  # two of one name: who knows which of them a page of another host has set
                found = value
        return found

    def _looked_at(self, token: str) -> _Header:
        """Look at what a token says of itself, before anything is computed.

        Raises:
            Foreign: it is none of ours.
        """
        found = _TOKEN.fullmatch(token) if len(token) <= _MOST_BYTES else None
        if found is None:
            raise refusal(NOT_GOOD, Foreign)
        try:
            header = _decode_header(_decoded(found[1]))
            issuer = self._terms.issuer
            is_ours = issuer is None or _decode_said(_decoded(found[2])).iss == issuer
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise refusal(NOT_GOOD, Foreign) from None
        kind = "jwt" if header.typ is None else header.typ.lower().removeprefix("application/")
        if header.alg not in self._allowed or kind not in self._types or header.crit is not msgspec.UNSET:
            raise refusal(NOT_GOOD, Foreign)
        if not is_ours:  # so the keys of one issuer are not fetched for the tokens of another
            raise refusal("the token is of another issuer", Foreign)
        return header


def jwt_of(
    *,
    jwks: str | None = None,
    issuer: str | None = None,
    audience: str | None = None,
    env: str | None = None,
    file: str | None = None,
    algorithms: str | None = None,
    leeway: str | float | None = None,
    scopes: str | None = None,
    headers: str | None = None,
    cookie: str | None = None,
) -> Jwt | None:
    """Give the `Jwt` that options or variables of the environment describe, all of them texts; None where none is set.

    Lists have commas between their items: ``audience="web,app"``, ``headers="X-User=sub,X-Tenant=org.id"``. An issuer
    without anything that says where its keys are is asked for them.

    Raises:
        SettingsError: a setting is impossible; it names all that are.
    """
    named = {"jwks": jwks, "issuer": issuer, "audience": audience, "env": env, "file": file, "cookie": cookie}
    more = {"algorithms": algorithms, "leeway": leeway, "scopes": scopes, "headers": headers}
    given: dict[str, Any] = {name: value for name, value in (named | more).items() if value not in (None, "")}
    if not given:
        return None
    if given.keys() & {"issuer", "jwks", "env", "file"} == {"issuer"}:
        given["discover"] = True
    for name in given.keys() & {"audience", "algorithms", "scopes"}:
        given[name] = [item.strip() for item in given[name].split(",") if item.strip()]
    faults: list[str] = []
    if "headers" in given:
        pairs = [pair.partition("=") for pair in given["headers"].split(",")]
        faults += [f"Jwt: headers: {name!r} is no NAME=CLAIM" for name, _, claim in pairs if not claim.strip()]
        given["headers"] = {name.strip(): claim.strip() for name, _, claim in pairs}
    if "leeway" in given:
        try:
            given["leeway"] = float(given["leeway"])
        except ValueError:
            faults.append(f"Jwt: leeway: {given.pop('leeway')!r} is no number of seconds")
    try:
        made = Jwt(**given)
    except SettingsError as exc:
        faults += [fault.replace(_ONE_OF, _ONE_OF_THESE) for fault in exc.faults]
    if faults:
        raise SettingsError(faults)
    return made


_ONE_OF = "give one of jwks=, discover=True, key=, env= and file=: where its keys are"
_ONE_OF_THESE = "give one of jwks, env and file, or an issuer alone: where its keys are"


def _verified(token: str, keys: Sequence[Key]) -> dict[str, Any]:
    """Give what a token says, if one of these keys has signed it.

    Raises:
        Unauthenticated: none has.
    """
    for key in keys:
        try:
            claims: dict[str, Any] = jwt.decode(token, key.material, algorithms=[*key.algorithms], options=_UNCHECKED)
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, RecursionError):
            break
        return claims
    raise refusal(NOT_GOOD)


def _decoded(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error as exc:
        raise ValueError("no base64") from exc


def _listed(given: str | Sequence[str] | None) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())
