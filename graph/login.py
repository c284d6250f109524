"""Who the client of a socket is: what `connection_init` says, and what is made of it.

A browser cannot set headers on the upgrade request, so clients send a token, or anything else, in the payload of their
first message. Entries named like a header that is looked at here, or that the graph forwards, take that header's
place. Where the graph has no way of its own to make out clients, the backends decide.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from typing import Any

import jwt

from graph.client import ANONYMOUS, Client
from graph.clients import Clients, check_headers
from graph.credentials import Credentials


async def log_in(
    credentials: Credentials, clients: Clients, forwards: Collection[str], *, again: bool = False
) -> Client:
    """Give the client that a `connection_init` belongs to, with the headers of its operations.

    Args:
        credentials: the headers of the upgrade request, and the payload.
        forwards: the client headers that sources pass on, in lower case.
        again: whether they were good before; see `Clients.find`.

    Raises:
        RequestError: it is not welcome.
        Exception: an author's function failed.
    """
    told = _told(credentials.payload, clients.reads.union(forwards))
    client = ANONYMOUS
    if not clients.is_open:
        shown = dataclasses.replace(credentials, headers={**credentials.headers, **told})
        client = clients.known(shown) or await clients.find(shown, again=again)
    check_headers(told)
    told = {name: value for name, value in told.items() if name not in clients.writes}
    client = dataclasses.replace(client, headers={**told, **client.headers})
    if client.is_authenticated:
        return client
    token = client.headers.get("authorization", credentials.headers.get("authorization", ""))
    return dataclasses.replace(client, expires_at=expiry(token))


def _told(payload: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    nested = payload.get("headers")
    entries = {**payload, **nested} if isinstance(nested, dict) else payload
    return {
        lowered: value
        for name, value in entries.items()
        if isinstance(value, str) and (lowered := name.lower()) in names
    }


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
