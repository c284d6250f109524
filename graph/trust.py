"""`Trust`: who may ask, and how much of the server; all settings of it in one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fastapi.params

from graph.bearer import Jwt
from graph.clients import Clients, Function
from graph.credentials import Authenticate, Authenticator
from graph.dependency import Dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who may ask, and how much.

    Args:
        clients: the ways by which it is made out who a client is, in this order: `Jwt` and other `Authenticator`
            objects, `fastapi.Depends`, or functions (coroutine functions too) that take `Credentials` and give a
            `Client`, or None where they show nothing.
        anonymous: whether who shows no credentials may ask; what needs a client is denied to them field by field.

    Raises:
        ValueError: a setting is impossible; it names all that are.
    """

    clients: Sequence[Authenticator | Authenticate | fastapi.params.Depends] = ()
    anonymous: bool = True

    def __post_init__(self) -> None:
        ways: list[Authenticator] = []
        faults = []
        for given in self.clients:
            try:
                ways.append(_way(given))
            except ValueError as exc:
                faults.append(f"clients: {exc}")
        names = Counter(way.name for way in ways if isinstance(way, Jwt))
        faults += [
            f"clients: the ids of two issuers begin with {name!r}: give one of them another name="
            for name, count in names.items()
            if count > 1
        ]
        if faults:
            raise ValueError("; ".join(faults))
        object.__setattr__(self, "clients", tuple(ways))

    def all_clients(self) -> Clients:
        """Give the ways to make out who a client is."""
        ways: Sequence[Any] = self.clients  # authenticators all of them
        return Clients(ways, anonymous=self.anonymous)


def _way(given: Any) -> Authenticator:
    if isinstance(given, Authenticator):
        return given
    if isinstance(given, fastapi.params.Depends):
        return Dependency(given)
    if callable(given):
        return Function(given)
    raise ValueError(f"{given!r} is no way to make out who a client is")
