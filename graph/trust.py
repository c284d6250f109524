"""`Trust`: who may ask, and how much of the server; all settings of it in one place."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fastapi.params

from graph.bearer import Jwt
from graph.clients import Clients, Function
from graph.credentials import Authenticate, Authenticator
from graph.dependency import Dependency
from graph.metering import Metering
from graph.proxies import Proxies
from graph.rates import Rate, faults_of, parse_rates

if TYPE_CHECKING:
    from sources import Redis


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

    Raises:
        ValueError: a setting is impossible; it names all that are.
    """

    clients: Sequence[Authenticator | Authenticate | fastapi.params.Depends] = ()
    anonymous: bool = True
    rates: Sequence[Rate] = ()
    rates_store: Redis | None = None
    proxies: Sequence[str] = ()
    proxy_header: str = "x-forwarded-for"

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
        rates: Sequence[Any] = self.rates
        faults += [f"rates: {rate!r} is no Rate" for rate in rates if not isinstance(rate, Rate)]
        if not faults:
            faults += faults_of(self.rates)
        try:
            self.all_proxies()
        except ValueError as exc:
            faults.append(str(exc))
        if faults:
            raise ValueError("; ".join(faults))
        object.__setattr__(self, "clients", tuple(ways))

    def overridden(self, environment: Mapping[str, str]) -> Trust:
        """Give these settings with those that the environment sets.

        Raises:
            ValueError: a variable has a value that its setting cannot have; it names all of them.
        """
        given: dict[str, Any] = {}
        faults = []
        for name, read in _READ.items():
            variable = f"WEFT_{name.upper()}"
            if variable not in environment:
                continue
            try:
                given[name] = read(environment[variable])
                dataclasses.replace(Trust(), **{name: given[name]})
            except ValueError as exc:
                faults.append(f"{variable}: {exc}")
        if faults:
            raise ValueError("; ".join(faults))
        return dataclasses.replace(self, **given) if given else self

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
