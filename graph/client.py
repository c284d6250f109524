"""Who asks: what is known of a client once its credentials have been verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graph.meter import Meter
from graph.rates import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Somebody who may ask.

    Args:
        id: a name that stays the same and is no secret, such as ``user:ada``: limits are counted under it, logs name
            it. None where there is none.
        scopes: what it may do, as `requires` asks for it.
        is_authenticated: False for who has shown no credentials.
        headers: take the place of the request's, by name: sources are forwarded these.
        context: a mapping is added to what resolvers see as ``info.context``; anything else is what they see.
        claims: what its token says.
        expires_at: Unix time in seconds at which its sockets and streams end; None for never.
        rates: how much it may ask, whatever others may; None for as much as the graph says, none for any amount.
        is_revocable: whether it may lose its rights before that: each operation on its sockets is asked for anew, and
            what goes on there, and its streams, now and then.
    """

    id: str | None = None
    scopes: frozenset[str] = frozenset()
    is_authenticated: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    context: Any = field(default=None, repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    expires_at: float | None = None
    rates: Sequence[Rate] | None = None
    is_revocable: bool = False

    def __post_init__(self) -> None:
        scopes: Any = self.scopes  # a list will do, and a text as OAuth 2 writes it
        object.__setattr__(self, "scopes", frozenset(scopes.split() if isinstance(scopes, str) else scopes))
        object.__setattr__(self, "rates", None if self.rates is None else tuple(self.rates))
        object.__setattr__(self, "headers", {name.lower(): value for name, value in self.headers.items()})

    def keeps(self, before: Client) -> bool:
        """Tell whether this is who asked before, and may do what it might then: what goes on for it may go on."""
        is_same = self.id == before.id and self.is_authenticated >= before.is_authenticated
        return is_same and self.scopes >= before.scopes


ANONYMOUS = Client(is_authenticated=False)


class Caller(NamedTuple):
    """A client in one request, or on one socket.

    Args:
        meter: counts what it asks; None where it may ask as much as it likes.
    """

    client: Client = ANONYMOUS
    meter: Meter | None = None

    async def admit(self) -> None:
        """Count a request of the client.

        Raises:
            RateLimited: there have been too many.
        """
        if self.meter is not None and (admitted := self.meter.admit()) is not None:
            await admitted

    async def pay(self, cost: float) -> None:
        """Count the estimated cost of an operation that is to be executed; for what it raises, see `Meter.pay`."""
        if self.meter is not None and (paid := self.meter.pay(cost)) is not None:
            await paid


NOBODY = Caller()
