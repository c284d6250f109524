"""Links to a next page: found in a ``Link`` header, kept below the source's address, read for their parameters.

A link is never followed as it stands. It says which values the next request takes, and where it leads is checked all
the same: a link to somewhere else is a backend that is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, urljoin, urlsplit

_TARGET = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(r"\s*;\s*([^\s=;,\"]+)\s*(?:=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;,\"]*)))?")
_LONGEST = 8000


class AstrayLink(ValueError):
    """A link that leads away from the source, or that says nothing; the message does not quote it."""


def next_link(header: str) -> str | None:
    """Give the target of the first link with relation ``next`` in a ``Link`` header; None where there is none.

    RFC 8288, 3: relation types are a list and know no case, only the first ``rel`` of a link counts, and a link with an
    ``anchor`` is about something else.
    """
    position = 0
    while (target := _TARGET.match(header, position)) is not None:
        position = target.end()
        parameters: dict[str, str] = {}
        while (found := _PARAMETER.match(header, position)) is not None:
            position = found.end()
            parameters.setdefault(found[1].lower(), found[2] if found[2] is not None else found[3] or "")
        if "next" in parameters.get("rel", "").lower().split() and "anchor" not in parameters:
            return target[1].strip()
        comma = header.find(",", position)
        position = len(header) if comma < 0 else comma
    return None


def parameters_of(link: str, base: str, asked: str, names: Sequence[str]) -> tuple[str | None, ...]:
    """Give the values that a link has for some query parameters, None for one that it lacks.

    Args:
        link: absolute, or relative to the path ``asked``.
        base: the source's address.

    Raises:
        AstrayLink: it is no address below the source's, or has none of the parameters.
    """
    if len(link) > _LONGEST:
        raise AstrayLink("a link to the next page that is too long")
    own = urlsplit(base)
    try:
        found = urlsplit(urljoin(base + asked, link))
        place = (found.scheme, found.hostname, found.port or _port(found.scheme), found.username)
        pairs = dict(reversed(parse_qsl(found.query, keep_blank_values=True, max_num_fields=100)))
    except ValueError as exc:
        raise AstrayLink("a link to the next page that is no address") from exc
    is_below = found.path == own.path or found.path.startswith(f"{own.path}/")
    if place != (own.scheme, own.hostname, own.port or _port(own.scheme), None) or not is_below:
        raise AstrayLink("a link to the next page that leads elsewhere")
    values = tuple(pairs.get(name) for name in names)
    if not any(values):
        raise AstrayLink(f"a link to the next page without {' or '.join(names)}")
    return values


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
