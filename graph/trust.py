"""`Trust`: who may ask, and how much of the server; all settings of it in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graph.clients import Clients, Function
from graph.credentials import Authenticate, Authenticator


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who may ask, and how much.

    Args:
        clients: the ways by which it is made out who a client is, in this order: `Authenticator` objects, or functions
            (coroutine functions too) that take `Credentials` and give a `Client`, or None where they show nothing.
        anonymous: whether who shows no credentials may ask; what needs a client is denied to them field by field.

    Raises:
        ValueError: a setting is impossible; it names all that are.
    """

    clients: Sequence[Authenticator | Authenticate] = ()
    anonymous: bool = True

    def __post_init__(self) -> None:
        ways: Sequence[Any] = self.clients
        faults = [
            f"clients: {way!r} is no way to make out who a client is"
            for way in ways
            if not isinstance(way, Authenticator) and not callable(way)
        ]
        if faults:
            raise ValueError("; ".join(faults))

    def all_clients(self) -> Clients:
        """Give the ways to make out who a client is."""
        return Clients(map(_way, self.clients), anonymous=self.anonymous)


def _way(given: Any) -> Authenticator:
    return given if isinstance(given, Authenticator) else Function(given)
