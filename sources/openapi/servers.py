"""Where a document says its backend is: the first of its servers that is an address, with its variables filled in."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from sources.address import base_of, shown_address
from sources.errors import DeclarationError
from sources.openapi.keywords import object_in
from sources.openapi.loss import Losses
from sources.openapi.pointer import below, shown
from sources.private import Guard, PrivateAddress

Json = Any
_VARIABLE = re.compile(r"\{([^{}]*)\}")


def server_of(
    holder: dict[str, Json], pointer: str, url: str | None, losses: Losses, guard: Guard | None = None
) -> str | None:
    """Give the address that the `servers` of a document, path or operation name; None where they name none.

    Args:
        pointer: where the holder stands.
        url: the document's own URL, to which addresses may be relative; None for a document on disk.
        losses: gets those that cannot be used.
        guard: where they may lead; None for anywhere.
    """
    listed = holder.get("servers")
    for index, server in enumerate(listed if isinstance(listed, list) else ()):
        where = below(pointer, "servers", index)
        written = server.get("url") if isinstance(server, dict) else None
        if not isinstance(written, str):
            losses.add(where, "broken-server", "a server without a URL; it is left out", "left-out")
            continue
        filled = _filled(written, server.get("variables"))
        if filled is None:
            losses.add(where, "broken-server", "a variable of the URL has no value; it is left out", "left-out")
            continue
        try:
            address = urljoin(_without_login(url) or "https:", filled.strip())
            if url is None and not urlsplit(address).hostname:
                # Whoever names a document on disk has to name its server.
                said = f"{shown(filled)!r} is relative to a document without an address; it is left out"
                losses.add(where, "relative-server", said, "left-out")
                continue
            base = base_of(address.partition("?")[0].partition("#")[0])
            if guard is not None:
                guard.check(base)
            return base
        except PrivateAddress as exc:
            said = f"{exc}, and the document comes from the network; it is left out"
            losses.add(where, "private-server", said, "left-out")
        except (ValueError, DeclarationError):
            said = f"{shown(shown_address(filled))!r} is no http or https address for a source; it is left out"
            losses.add(where, "broken-server", said, "left-out")
    return None


def _filled(written: str, variables: Json) -> str | None:
    """Give a URL with the default of each variable in its place, or else the first value that it may have."""
    known = object_in(variables)
    missing = []

    def value(found: re.Match[str]) -> str:
        said = object_in(known.get(found[1]))
        values = said.get("enum")
        for one in (said.get("default"), *(values if isinstance(values, list) else ())):
            if isinstance(one, str | int | float):
                return str(one)
        missing.append(found[1])
        return ""

    filled = _VARIABLE.sub(value, written)
    return None if missing else filled


def origin_of(url: str | None) -> str | None:
    """Give the address of the server that a document came from; None for a document on disk."""
    return None if url is None else base_of(urljoin(_without_login(url), "/"))


def _without_login(url: str | None) -> str:
    parts = urlsplit(url or "")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
