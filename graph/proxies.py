"""Where a client calls from, also behind proxies.

What a request says about that is believed only as far as proxies which are trusted have said it: from the right, each
entry was added by the one after it, so the first that is no trusted proxy's is the client's, and what stands before it
anybody may have written.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MOST_HOPS = 20
_FORWARDED = "forwarded"


class Proxies:
    """Tells where clients call from.

    Args:
        trusted: addresses and networks of proxies, such as ``10.0.0.0/8``.
        header: the header in which they say whom they act for: `Forwarded` (RFC 7239), or any other that holds a list
            of addresses. Only one, since a proxy that writes one of them passes on the other as it comes.

    Raises:
        ValueError: an entry is no network; it names all of them.
    """

    def __init__(self, trusted: Sequence[str] = (), header: str = "x-forwarded-for") -> None:
        networks, faults = [], []
        for entry in trusted:
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                faults.append(f"proxies: {entry!r} is no address and no network")
        if faults:
            raise ValueError("; ".join(faults))
        self._networks = tuple(networks)
        self._header = header.lower()
        self._is_trusted = functools.lru_cache(4_096)(self._look_up)

    def address(self, scope: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
        """Give the address of the client; None where it has none, as on a Unix socket.

        Args:
            scope: the connection, as ASGI has it.
            headers: the request's, by lower-case name.
        """
        client = scope.get("client")
        if client is None or not self._networks:
            return client[0] if client else None
        found: str = client[0]
        if not self._is_trusted(found):
            return found
        for told in self._told(headers.get(self._header, "")):
            address = _parsed(told)
            if address is None:  # hidden, or nonsense: the proxy that says so is all that is known
                break
            found = str(address)
            if not self._is_trusted(found):
                break
        return found

    def _told(self, text: str) -> Iterator[str]:
        """Give the entries of the header, the nearest first."""
        for entry in reversed(text.rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]):
            if self._header != _FORWARDED:
                yield entry
                continue
            pairs = (part.partition("=") for part in entry.split(";"))
            yield next((value for name, _, value in pairs if name.strip().lower() == "for"), "")

    def _look_up(self, text: str) -> bool:
        address = _parsed(text)
        return address is not None and any(address in network for network in self._networks)


def _parsed(text: str) -> Address | None:
    """Read an address as proxies write it: quoted, in brackets, with a port."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address


@functools.lru_cache(4_096)
def place_of(address: str) -> str:
    """Give what counts as one place: an address; of an IPv6 address its network (/64), which one client has whole."""
    if ":" not in address:
        return address
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return address if parsed is None else str(parsed)
