"""A document from the network: bounded in bytes, in time, and in where redirects may lead."""

from __future__ import annotations

import time
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from sources.address import check_address, shown_address
from sources.errors import DeclarationError
from sources.openapi.pointer import DocumentError

_TIMEOUT_S = 10.0
_WHOLE_S = 60.0
_MOST_REDIRECTS = 5
_ACCEPTED = "application/json, application/yaml, application/openapi+json, application/openapi+yaml, */*;q=0.5"


class Fetched(NamedTuple):
    """What came, and the URL that it came from at last."""

    url: str
    body: bytes


def fetch(url: str, most_bytes: int) -> Fetched:
    """Get a URL; of more than `most_bytes`, it gives one byte more than that at least.

    A redirect is followed on the same host only, and never from https to http: the document names the host.

    Raises:
        DocumentError: nothing came, or no success.
    """
    until = time.monotonic() + _WHOLE_S
    try:
        check_address(url)
        with httpx.Client(timeout=_TIMEOUT_S, headers={"Accept": _ACCEPTED}) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                with client.stream("GET", url) as reply:
                    if reply.has_redirect_location:
                        url = _redirected(url, str(reply.next_request.url) if reply.next_request else "")
                        continue
                    if reply.status_code != 200:
                        raise DocumentError(f"the server answered {reply.status_code}", shown_address(url))
                    return Fetched(url, _body(reply, most_bytes, until, url))
    except DeclarationError as exc:
        raise DocumentError(str(exc)) from exc
    except httpx.TimeoutException as exc:
        raise DocumentError("no answer in time", shown_address(url)) from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise DocumentError(f"cannot be fetched: {type(exc).__name__}", shown_address(url)) from exc
    raise DocumentError(f"more than {_MOST_REDIRECTS} redirects", shown_address(url))


def _redirected(url: str, to: str) -> str:
    before, after = urlsplit(url), urlsplit(to)
    is_safer = before.scheme == "http" and after.scheme == "https"
    if before.hostname != after.hostname or not (
        is_safer or (before.scheme, before.port) == (after.scheme, after.port)
    ):
        raise DocumentError(f"redirects to another server, {shown_address(to)}: name that one", shown_address(url))
    return to


def _body(reply: httpx.Response, most_bytes: int, until: float, url: str) -> bytes:
    body = bytearray()
    for piece in reply.iter_bytes():
        body += piece
        if len(body) > most_bytes:
            break
        if time.monotonic() > until:
            raise DocumentError(f"not here after {_WHOLE_S:.0f} s", shown_address(url))
    return bytes(body)
