"""All the ways by which a graph makes out who its clients are."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Iterable, Mapping, Sequence

from graph.client import ANONYMOUS, Client
from graph.credentials import Authenticate, Authenticator, Credentials, Foreign, Unauthenticated, Unavailable
from graph.errors import RequestError
from graph.metering import Metering
from sources import is_header_value

_MAX_VALUE = 16_384  # more than a server takes in a request


class Function:
    """An author's own function as an `Authenticator`: it may look at everything, and is asked each time."""

    reads: tuple[str, ...] = ()
    is_asked_each_time = True

    def __init__(self, function: Authenticate) -> None:
        self._function = function

    def missing(self) -> list[str]:
        """Give what must be set: nothing that is known."""
        return []

    def known(self, credentials: Credentials) -> Client | None:
        """Give None: the function may want to wait."""
        return None

    async def find(self, credentials: Credentials) -> Client | None:
        """Ask the function.

        Raises:
            PermissionError: the client is not welcome.
            Exception: whatever else the function raises.
        """
        given = self._function(credentials)
        return await given if inspect.isawaitable(given) else given

    async def aclose(self) -> None:
        """Do nothing: the function has nothing open."""


class Clients:
    """Makes out who a client is: by the first kind of credentials that are good.

    Args:
        ways: the kinds.
        anonymous: whether who shows none is welcome.
        timeout_s: how long that may take.
        metering: counts what is not good.

    `reads` names the headers that the ways look at, `writes` those that only they may say.
    """

    def __init__(
        self,
        ways: Iterable[Authenticator],
        *,
        anonymous: bool,
        timeout_s: float = 10.0,
        metering: Metering | None = None,
    ) -> None:
        self._ways: Sequence[Authenticator] = tuple(ways)
        # A way that is asked each time may turn somebody away whom those after it remember.
        self._remembering = tuple(itertools.takewhile(lambda way: not is_asked_each_time(way), self._ways))
        self.anonymous = anonymous
        self._timeout_s = timeout_s
        self._metering = metering or Metering()
        self.reads = frozenset(name for way in self._ways for name in way.reads)
        self.writes = frozenset(name for way in self._ways for name in getattr(way, "writes", ()))
        self.is_open = anonymous and not self._ways

    def missing(self) -> list[str]:
        """Give what must be set, in the environment or by the author, and is not."""
        if not self._ways and not self.anonymous:
            return ["anonymous is off, and no clients= can be known: nobody could ask anything"]
        return [missing for way in self._ways for missing in way.missing()]

    def known(self, credentials: Credentials) -> Client | None:
        """Give the client if that needs no waiting."""
        for way in self._remembering:
            found = way.known(credentials)
            if found is not None:
                return found
        return None

    async def find(self, credentials: Credentials, *, again: bool = False) -> Client:
        """Give the client.

        Args:
            again: whether they were good before, and nothing new is shown: what is not good any more is no guess, and
                no limit of guesses may keep somebody in who is to go.

        Raises:
            RateLimited: too much from this address was not good.
            RequestError: 401 where it shows nothing that is good, 403 where it is not welcome, 503 where that cannot be
                found out now.
            Exception: an author's function failed.
        """
        try:
            async with asyncio.timeout(self._timeout_s) as clock:
                if again:
                    return await self._find(credentials)
                async with self._metering.guarding(credentials.address):
                    return await self._find(credentials)
        except TimeoutError as exc:
            if not clock.expired():
                raise
            raise _later(Unavailable("it takes too long to find out who asks")) from exc

    async def _find(self, credentials: Credentials) -> Client:
        refused: Unauthenticated | None = None
        unavailable: Unavailable | None = None
        for way in self._ways:
            try:
                found = await way.find(credentials)
            except Unauthenticated as exc:  # perhaps they are good for another way
                if refused is None or not isinstance(exc, Foreign):
                    refused = exc
                continue
            except Unavailable as exc:
                unavailable = exc
                continue
            except PermissionError as exc:
                raise RequestError.of("Forbidden", "FORBIDDEN", 403) from exc  # its text may say more than it should
            if found is not None:
                check_headers(found.headers)
                return found
        if unavailable is not None:
            raise _later(unavailable) from unavailable
        if refused is None and self.anonymous:
            return ANONYMOUS
        refused = refused or Unauthenticated("credentials are needed")
        asked = refused.challenge if is_header_value(refused.challenge) else "Bearer"
        challenge = ((b"www-authenticate", asked.encode()),)
        raise RequestError.of(str(refused), "UNAUTHENTICATED", 401, headers=challenge) from refused

    async def aclose(self) -> None:
        """Close what the ways have open."""
        for way in self._ways:
            await way.aclose()


def is_asked_each_time(way: Authenticator) -> bool:
    """Tell whether a way remembers nobody, and so must be asked before those that come after it."""
    return bool(getattr(way, "is_asked_each_time", False))


def _later(why: Unavailable) -> RequestError:
    retry = ((b"retry-after", b"%d" % why.retry_after_s),)
    return RequestError.of(str(why), "SERVER_BUSY", 503, headers=retry)


def check_headers(headers: Mapping[str, str]) -> None:
    """Check what is to be sent to backends in a client's name: here it is a text like any other.

    Raises:
        RequestError: it is no value of a header.
    """
    for name, value in headers.items():
        text: object = value  # whatever its type says: it may come from a client
        if not isinstance(text, str) or len(text) > _MAX_VALUE or not is_header_value(text):
            raise RequestError.of(f"what is said of the client is no value of the header {name}", "FORBIDDEN", 403)
