"""Who the client of a socket is: what `connection_init` says, and what is made of it.

A browser cannot set headers on the upgrade request, so clients send a token, or anything else, in the payload of their
first message. An author's `authenticate` may look at it; without one, entries named like a header that the graph
forwards take that header's place, and the backends decide.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from sources import is_header_value

_MAX_VALUE = 16_384  # more than a server takes in a request


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """What a client says of itself as it connects.

    Args:
        payload: of its `connection_init`; empty where it has none.
        headers: of the upgrade request, by lower-case name.
    """

    payload: dict[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """A client that is welcome.

    Args:
        headers: take the place of those of the upgrade request, for every operation of the socket.
        context: a mapping is added to what resolvers see as ``info.context``; anything else is what they see.
        expires_at: Unix time in seconds at which the socket is closed; None for never.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    context: Any = None
    expires_at: float | None = None


Authenticate = Callable[[ConnectionInit], Awaitable[Authenticated | None] | Authenticated | None]


class Refused(PermissionError):
    """A client is turned away; its text is for the client to read."""


async def log_in(init: ConnectionInit, authenticate: Authenticate | None, forwards: Iterable[str]) -> Authenticated:
    """Give the client that a `connection_init` belongs to, its headers by lower-case name.

    Args:
        authenticate: the author's; None for what the module says.
        forwards: the client headers that sources pass on, in lower case.

    Raises:
        PermissionError: it is not welcome.
        Exception: whatever else the author's function raises.
    """
    if authenticate is None:
        found: Authenticated | None = _by_headers(init, forwards)
    else:
        given = authenticate(init)
        found = await given if inspect.isawaitable(given) else given
    if found is None:
        raise Refused("Forbidden")
    for name, value in found.headers.items():
        # In a request, a server saw to this; here it is a client's text like any other.
        text: object = value  # whatever its type says: it may come from the payload
        if not isinstance(text, str) or len(text) > _MAX_VALUE or not is_header_value(text):
            raise Refused(f"what connection_init says is no value of the header {name.lower()}")
    return dataclasses.replace(found, headers={name.lower(): value for name, value in found.headers.items()})


def _by_headers(init: ConnectionInit, forwards: Iterable[str]) -> Authenticated:
    forwarded = frozenset(forwards)
    nested = init.payload.get("headers")
    entries = {**init.payload, **nested} if isinstance(nested, dict) else init.payload
    headers = {
        lowered: value
        for name, value in entries.items()
        if isinstance(value, str) and (lowered := name.lower()) in forwarded
    }
    token = headers.get("authorization", init.headers.get("authorization", ""))
    return Authenticated(headers=headers, expires_at=expiry(token))


def expiry(authorization: str) -> float | None:
    """Give the Unix time at which the JWT in an ``Authorization`` header expires; None for none that says so.

    It is read, not verified: that is for the backend that is sent the token. Who claims a later time gains nothing but
    an open socket.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        expires_at: Any = jwt.decode(token.strip(), options={"verify_signature": False}).get("exp")
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    is_number = isinstance(expires_at, int | float) and not isinstance(expires_at, bool)
    try:
        return float(expires_at) if is_number and math.isfinite(expires_at) else None
    except OverflowError:  # an integer of a thousand digits
        return None
