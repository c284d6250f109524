"""`Trust`: who may ask, and how much of the server; all settings of it in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graph.clients import Clients, Function
from graph.credentials import Authenticate, Authenticator
from graph.metering import Metering
from graph.proxies import Proxies
from graph.rates import Rate, faults_of, parse_rates

if TYPE_CHECKING:
    from sources import Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who may ask, and how much.

    Args:
        clients: the ways by which it is made out who a client is, in this order: `Authenticator` objects, or functions
            (coroutine functions too) that take `Credentials` and give a `Client`, or None where they show nothing.
        anonymous: whether who shows no credentials may ask; what needs a client is denied to them field by field.
        rates: how much each client may ask, by its `Client.id`, or else by the address that it calls from.
        rates_store: where that is counted, for all processes together; None counts it in each process.
        proxies: addresses and networks of proxies that are believed when they say for whom they call.
        proxy_header: the header in which they do, and which each of them writes: `Forwarded`, or a list of addresses.

    Raises:
        ValueError: a setting is impossible; it names all that are.
    """

    clients: Sequence[Authenticator | Authenticate] = ()
    anonymous: bool = True
    rates: Sequence[Rate] = ()
    rates_store: Redis | None = None
    proxies: Sequence[str] = ()
    proxy_header: str = "x-forwarded-for"

    def __post_init__(self) -> None:
        ways: Sequence[Any] = self.clients
        faults = [
            f"clients: {way!r} is no way to make out who a client is"
            for way in ways
            if not isinstance(way, Authenticator) and not callable(way)
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

    def all_clients(self) -> Clients:
        """Give the ways to make out who a client is."""
        return Clients(map(_way, self.clients), anonymous=self.anonymous)

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
    return given if isinstance(given, Authenticator) else Function(given)
