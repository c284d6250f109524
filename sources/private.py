"""Addresses inside of a network, and URLs that may not lead there because they come from data.

An author names addresses as he likes. A document from the network may not name what only this machine or its
neighbours can reach: ``http://169.254.169.254/`` gives a cloud's credentials to whoever asks from inside. So a host is
looked at when it is connected to: its name is resolved once, every address that it has must be public, and the
connection goes to one of these. A name that says something else a moment later changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class PrivateAddress(Exception):
    """A URL leads, or seems to lead, inside of a network; the message names its host."""


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the whole internet's, also in the forms of IPv6 that hold one of IPv4.

    Private, loopback, link-local, unique-local, multicast, unspecified, documentation and carrier-grade NAT addresses
    are not (RFC 6890).
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(address.packed[-4:]))
    if address.teredo is not None or address not in _GLOBAL_UNICAST:
        return False  # forms that hold an address of IPv4 at their end are among them
    return address.is_global and (address.sixtofour is None or is_public(address.sixtofour))


def literal(host: str) -> Address | None:
    """Give the address that a URL's host spells, in any way that some client understands; None for a name.

    ``127.1``, ``0x7f.0.0.1``, ``017700000001`` and ``2130706433`` are all 127.0.0.1.

    Raises:
        PrivateAddress: it is neither an address nor a name that everybody reads alike.
    """
    host = host.removesuffix(".")
    try:
        if ":" in host:
            return ipaddress.IPv6Address(host)
        if not _NAME.fullmatch(host):
            raise PrivateAddress(f"{host!r} is not a host's name")
        if _NUMBER.fullmatch(host.rpartition(".")[2]):  # as the URL Standard tells numbers from names
            return ipaddress.IPv4Address(socket.inet_aton(host))
    except (ValueError, OSError) as exc:
        raise PrivateAddress(f"{host!r} is not an address") from exc
    return None


async def resolve(host: str, port: int) -> list[str]:
    """Give the addresses of a name, the best one first.

    Raises:
        OSError: there are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


class Guard:
    """Says where URLs that come from data may lead: to public addresses, and to hosts that an author named.

    Args:
        trusted: hosts that may be anywhere.
        resolve: gives the addresses of a name and a port.
    """

    def __init__(self, trusted: Iterable[str] = (), resolve: Resolve = resolve) -> None:
        self._trusted = {host.lower() for host in trusted}
        self._resolve = resolve

    def trust(self, *urls: str) -> None:
        """Let the hosts of URLs be anywhere."""
        self._trusted.update(filter(None, map(_host, urls)))

    def but(self, *urls: str) -> Guard:
        """Give a guard that lets the hosts of some URLs be anywhere as well."""
        guard = Guard(self._trusted, self._resolve)
        guard.trust(*urls)
        return guard

    def trusts(self, url: str) -> bool:
        """Tell whether the host of a URL may be anywhere."""
        return _host(url) in self._trusted

    def check(self, url: str) -> None:
        """Check what can be seen without asking anybody.

        Raises:
            PrivateAddress: the URL spells an address that is not public, or is for this machine by its name.
        """
        if not self.trusts(url):
            _check(_host(url))

    async def place(self, url: str) -> str | None:
        """Give the address to connect to for a URL; None where its host may be anywhere.

        Raises:
            PrivateAddress: one of its addresses is not public.
            OSError: it has none.
        """
        if self.trusts(url):
            return None
        host = _host(url)
        spelled = _check(host)
        if spelled is not None:
            return str(spelled)
        parts = urlsplit(url)
        found = await self._resolve(host, parts.port or _DEFAULT_PORTS.get(parts.scheme, 443))
        for each in found:
            if not is_public(ipaddress.ip_address(each)):
                raise PrivateAddress(f"{host!r} is at an address that is not public")
        if not found:
            raise OSError(f"{host!r} has no address")
        return found[0]


def _host(url: str) -> str:
    """Give the host of a URL in lower case; nothing where it is no URL."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _check(host: str) -> Address | None:
    spelled = literal(host)
    if spelled is None and f".{host.removesuffix('.').lower()}".endswith(".localhost"):
        raise PrivateAddress(f"{host!r} is this machine")
    if spelled is not None and not is_public(spelled):
        raise PrivateAddress(f"{host!r} is an address that is not public")
    return spelled
