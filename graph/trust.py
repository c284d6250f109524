"""`Trust`: who may ask, and how much of the server; all settings of it in one place.

Each setting that is a number or a switch can be set by the environment too: ``WEFT_MAX_REQUESTS=200``. What they mean
is a table in docs/security.md.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fastapi.params

from graph.apikeys import api_keys_of
from graph.bearer import Jwt, jwt_of
from graph.clients import Clients, Function
from graph.credentials import Authenticate, Authenticator
from graph.dependency import Dependency
from graph.errors import GraphError
from graph.metering import Metering
from graph.proxies import Proxies
from graph.rates import Rate, parse_rates, rates_faults
from graph.settings import PREFIX, Seconds, SettingsError, faults_of, overridden

if TYPE_CHECKING:
    from sources import Redis

JWT_VARIABLES = {name: f"{PREFIX}JWT_{name.upper()}" for name in inspect.signature(jwt_of).parameters}
KEYS_VARIABLE = f"{PREFIX}KEYS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who may ask, and how much.

    Args:
        clients: the ways by which it is made out who a client is, in this order: `Jwt` and other `Authenticator`
            objects, `fastapi.Depends`, or functions (coroutine functions too) that take `Credentials` and give a
            `Client`, or None where they show nothing.
        anonymous: whether who shows no credentials may ask; what needs a client is denied to them field by field.
        rates: how much each client may ask, by its `Client.id`, or else by the address that it calls from.
        rates_store: where that is counted, for all processes together; None counts it in each process.
        proxies: addresses and networks of proxies that are believed when they say for whom they call.
        proxy_header: the header in which they do, and which each of them writes: `Forwarded`, or a list of addresses.
        production: whether introspection, suggestions, GraphiQL and the documentation of routes are off, unless each is
            switched on by itself.
        csrf: whether a GET executes only where no page of another origin can have sent it.
        max_connections: connections of clients that are open at once, sockets among them; None for as many as come.
        max_connections_per_address: those of one address; None for as many as come, as behind a proxy.
        max_requests: operations under way at once, an array of them counted as one; None for as many as come.
        max_header_bytes: the lines of a request's headers together; likewise `max_headers`: how many there are.
        max_url_bytes: path and query of a request.
        max_held_bytes: what all requests that are being received or executed may hold of bodies, and of headers that
            are not whole, together.
        max_unread_bytes: answers that clients have not taken yet, all together; over it, who has most of them waiting
            is dropped.
        header_timeout: seconds until the headers of a request are there, from the connection's or their own beginning.
        body_timeout: seconds until a request is there, from its beginning; one that brings files may take as long as
            something comes all the time.
        write_timeout: seconds in which who is answered must take something of what waits for it.
        keep_alive: seconds for which a connection may wait for its next request.

    Raises:
        ValueError: a setting is impossible; it names all that are.
    """

    clients: Sequence[Authenticator | Authenticate | fastapi.params.Depends] = ()
    anonymous: bool = True
    rates: Sequence[Rate] = ()
    rates_store: Redis | None = None
    proxies: Sequence[str] = ()
    proxy_header: str = "x-forwarded-for"
    production: bool = False
    csrf: bool = True
    max_connections: int | None = 25_000
    max_connections_per_address: int | None = None
    max_requests: int | None = 1_000
    max_header_bytes: int = 32_768
    max_headers: int = 100
    max_url_bytes: int = 32_768
    max_held_bytes: int = 64_000_000
    max_unread_bytes: int = 256_000_000
    header_timeout: Seconds = 10.0
    body_timeout: Seconds = 30.0
    write_timeout: Seconds = 60.0
    keep_alive: Seconds = 5.0

    def __post_init__(self) -> None:
        ways: list[Authenticator] = []
        faults = faults_of(self)
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
        rates: Sequence[Any] = self.rates
        wrong = [f"rates: {rate!r} is no Rate" for rate in rates if not isinstance(rate, Rate)]
        faults += wrong or rates_faults(self.rates)
        try:
            self.all_proxies()
        except ValueError as exc:
            faults.append(str(exc))
        if faults:
            raise SettingsError(faults)
        object.__setattr__(self, "clients", tuple(ways))

    def overridden(self, environment: Mapping[str, str]) -> Trust:
        """Give these settings with those that the environment sets; the clients that it tells of come after the others.

        Raises:
            SettingsError: a variable has a value that its setting cannot have; it names all of them.
        """
        faults: list[str] = []
        settled, ways = self, list[Authenticator]()
        try:
            settled = overridden(self, environment)
        except SettingsError as exc:
            faults += exc.faults
        given: dict[str, Any] = {}
        for name, read in _READ.items():
            variable = PREFIX + name.upper()
            if variable not in environment:
                continue
            try:
                given[name] = read(environment[variable])
                dataclasses.replace(Trust(), **{name: given[name]})
            except SettingsError as exc:
                faults += [f"{variable}: {fault}" for fault in exc.faults]
        try:
            jwt = jwt_of(**{name: environment.get(variable) for name, variable in JWT_VARIABLES.items()})
            ways += [] if jwt is None else [jwt]
        except SettingsError as exc:
            faults += [f"{PREFIX}JWT_...: {fault.removeprefix('Jwt: ')}" for fault in exc.faults]
        try:
            ways += [api_keys_of(place)] if (place := environment.get(KEYS_VARIABLE)) else []
        except GraphError as exc:
            faults += [f"{KEYS_VARIABLE}: {fault}" for fault in exc.faults]
        if faults:
            raise SettingsError(faults)
        if ways:
            given["clients"] = (*settled.clients, *ways)
        return dataclasses.replace(settled, **given) if given else settled

    def all_clients(self, metering: Metering | None = None) -> Clients:
        """Give the ways to make out who a client is, where what is not good is counted."""
        ways: Sequence[Any] = self.clients  # authenticators all of them
        return Clients(ways, anonymous=self.anonymous, metering=metering)

    def metering(self) -> Metering:
        """Give what counts how much is asked."""
        return Metering(self.rates, self.rates_store)

    def all_proxies(self) -> Proxies:
        """Give what tells where clients call from."""
        return Proxies(self.proxies, self.proxy_header)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_READ: Mapping[str, Callable[[str], Any]] = {"rates": parse_rates, "proxies": _names, "proxy_header": str.strip}


def _way(given: Any) -> Authenticator:
    if isinstance(given, Authenticator):
        return given
    if isinstance(given, fastapi.params.Depends):
        return Dependency(given)
    if callable(given):
        return Function(given)
    raise ValueError(f"{given!r} is no way to make out who a client is")
