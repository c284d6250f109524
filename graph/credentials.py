"""What a client shows of itself, and the seam by which it is made out who that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from starlette.requests import HTTPConnection

from graph.client import Client


class Unauthenticated(PermissionError):
    """Credentials were shown, and are not good; the text is for the client, and holds nothing of them.

    Args:
        challenge: what `WWW-Authenticate` says (RFC 9110, 11.6.1).
    """

    def __init__(self, message: str, challenge: str = "Bearer") -> None:
        super().__init__(message)
        self.challenge = challenge


class Foreign(Unauthenticated):
    """Credentials of which this way can make nothing; what another one says of them goes before."""


class Unavailable(Exception):
    """It cannot be found out now whether credentials are good; the text is for the client.

    Args:
        retry_after_s: when it may be tried again.
    """

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(slots=True, eq=False)  # not frozen: it is made for each request, and would take twice as long
class Credentials:
    """What a client shows: with each request, or as it opens a socket.

    Args:
        headers: of the request, by lower-case name. Of a socket those of the upgrade request, in which entries of the
            `connection_init` payload that are named like headers have taken their places.
        payload: of `connection_init`; empty for requests.
        address: where it calls from; None where that is not known.
        scope: the connection, as ASGI has it.
    """

    headers: Mapping[str, str] = field(repr=False)
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False)
    address: str | None = None
    scope: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def connection(self) -> HTTPConnection:
        """The connection as Starlette and FastAPI show it, with these headers."""
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        return HTTPConnection({**self.scope, "headers": lines})


@runtime_checkable
class Authenticator(Protocol):
    """Makes out, by credentials of one kind, who a client is.

    `reads` names the headers that it looks at, in lower case. One that also has `writes` names headers that nobody else
    may say: what a request has of these is dropped, and its clients' own take the place. One with a true
    `is_asked_each_time` remembers nobody: `known` of those that come after it is not asked.
    """

    reads: tuple[str, ...]

    def missing(self) -> list[str]:
        """Give what must be set in the environment and is not, a sentence each."""
        ...

    def known(self, credentials: Credentials) -> Client | None:
        """Give the client if that needs no waiting, as for credentials that were verified before; else None."""
        ...

    async def find(self, credentials: Credentials) -> Client | None:
        """Give the client; None where no credentials of this kind are shown.

        Raises:
            Unauthenticated: they are not good.
            PermissionError: they are good, and the client is not welcome.
            Unavailable: that cannot be found out now.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


Found = Client | None
Authenticate = Callable[[Credentials], Awaitable[Found] | Found]
