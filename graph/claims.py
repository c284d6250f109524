"""What a token says of its client, checked, and made into a `Client`.

Times are JSON numbers in Unix seconds (RFC 7519, 2), fractions allowed. Texts are refused, and so is what lies beyond
the year 9999: a token whose issuer counts milliseconds would never end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from graph.client import Client
from graph.clients import check_headers
from graph.credentials import Unauthenticated
from sources import encode_json

Claims = Mapping[str, Any]
NOT_GOOD = "the token is not good"
_LAST_AT = 253_402_300_800  # the year 10000


class NotYet(Unauthenticated):
    """A token whose time has not come: the same one may be good later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What tokens must say, and what is taken from them; see `Jwt`, whose arguments these are."""

    issuer: str | None = None
    audiences: Sequence[str] = ()
    leeway_s: float = 30.0
    require: Sequence[str] = ("exp",)
    name: str = "user"
    id: str = "sub"
    scopes: Sequence[str] = ("scope", "scp")
    headers: Mapping[str, str] = field(default_factory=dict)
    is_revocable: bool = False


def refusal(message: str, kind: type[Unauthenticated] = Unauthenticated) -> Unauthenticated:
    """Give what is said of a token that is not good (RFC 6750, 3)."""
    return kind(message, f'Bearer error="invalid_token", error_description="{message}"')


def check(claims: Claims, terms: Terms, now: float) -> float:
    """Check what a token says, and give the Unix time at which it ends, leeway included.

    Raises:
        Unauthenticated: it is not good.
        NotYet: it is not good now.
    """
    leeway = terms.leeway_s
    for name in terms.require:
        if claims.get(name) is None:
            raise refusal(f"the token has no {name}")
    ends_at = float("inf")
    if "exp" in claims:
        ends_at = _instant(claims["exp"]) + leeway
        if now >= ends_at:
            raise refusal("the token has expired")
    for name in ("nbf", "iat"):
        if name in claims and _instant(claims[name]) > now + leeway:
            raise refusal("the token is not good yet", NotYet)
    if terms.issuer is not None and claims.get("iss") != terms.issuer:
        raise refusal("the token is of another issuer")
    _check_audience(claims.get("aud"), terms.audiences)
    return ends_at


def _instant(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LAST_AT:
        return float(value)
    raise refusal(NOT_GOOD)


def _check_audience(told: object, wanted: Sequence[str]) -> None:
    """Check that a token is meant for us: one that is meant for somebody is not for everybody (RFC 7519, 4.1.3)."""
    named = [told] if isinstance(told, str) else told
    if named is None or named == []:
        if wanted:
            raise refusal("the token has no aud")
        return
    if not isinstance(named, list) or not any(isinstance(name, str) and name in wanted for name in named):
        raise refusal("the token is for another audience")


def client_of(claims: Claims, terms: Terms, ends_at: float) -> Client:
    """Give the client of a token.

    Raises:
        Unauthenticated: its id is neither a text nor a whole number.
        RequestError: a claim is no value of the header that it is to be.
    """
    headers = {}
    for header, claim in terms.headers.items():
        told = find(claims, claim)
        if told is not None:
            headers[header] = told if isinstance(told, str) else _written(told)
    check_headers(headers)
    return Client(
        id=_id(claims, terms),
        scopes=frozenset(scope for claim in terms.scopes for scope in _scopes(find(claims, claim))),
        headers=headers,
        claims=MappingProxyType(dict(claims)),  # it is shared by all who show the token
        expires_at=None if ends_at == float("inf") else ends_at,
        is_revocable=terms.is_revocable,
    )


def find(claims: Claims, claim: str) -> Any:
    """Give a claim by its name, or by names with dots between them where it lies deeper; None where there is none."""
    if claim in claims:
        return claims[claim]
    found: Any = claims
    for name in claim.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _id(claims: Claims, terms: Terms) -> str | None:
    told = find(claims, terms.id)
    if told is None:
        return None
    is_text = isinstance(told, str) and told != "" and told.isprintable()  # it goes into logs, and into names in Redis
    if not is_text and (isinstance(told, bool) or not isinstance(told, int)):
        raise refusal(NOT_GOOD)
    return f"{terms.name}:{told}"


def _written(told: object) -> str:
    try:
        return encode_json(told).decode()
    except (ValueError, OverflowError, RecursionError):
        raise refusal(NOT_GOOD) from None


def _scopes(told: object) -> Sequence[str]:
    if isinstance(told, str):
        return told.split()
    return [scope for scope in told if isinstance(scope, str)] if isinstance(told, list) else ()
