"""A document from the network: bounded in bytes, in time, and in where redirects may lead."""

from __future__ import annotations

import asyncio
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from sources.address import check_address, shown_address
from sources.errors import DeclarationError
from sources.httpx_transport import Pinned
from sources.openapi.pointer import DocumentError
from sources.private import Guard, PrivateAddress
from sources.tls import Tls

_TIMEOUT_S = 10.0
_WHOLE_S = 60.0
_MOST_REDIRECTS = 5
_HEADERS = {
    "Accept": "application/json, application/yaml, application/openapi+json, application/openapi+yaml, */*;q=0.5",
    "Accept-Encoding": "gzip",
}
_GZIP = ("gzip", "x-gzip")
_EITHER_WRAPPER = 47  # zlib's word for: find out whether it is gzip


class Fetched(NamedTuple):
    """What came, and the URL that it came from at last."""

    url: str
    body: bytes


def fetch(
    url: str, most_bytes: int, *, within_s: float = _WHOLE_S, guard: Guard | None = None, tls: Tls | None = None
) -> Fetched:
    """Get a URL; of more than `most_bytes`, it gives one byte more than that.

    A redirect is followed on the same host only, and never from https to http: the document names the host.

    Args:
        within_s: seconds for all of it, however slowly the server speaks.
        guard: where it may lead; None for anywhere.
        tls: certificates for https.

    Raises:
        DocumentError: nothing came, or no success.
    """
    fetching = _fetch(url, most_bytes, within_s, guard, tls)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(fetching)
    with ThreadPoolExecutor(1) as beside:  # a loop runs in this thread, and takes no second one
        return beside.submit(asyncio.run, fetching).result()


async def _fetch(url: str, most_bytes: int, within_s: float, guard: Guard | None, tls: Tls | None) -> Fetched:
    try:
        check_address(url)
        async with asyncio.timeout(within_s), httpx.AsyncClient(**await _options(url, guard, tls)) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                async with client.stream("GET", url) as reply:
                    if reply.has_redirect_location:
                        url = _redirected(url, str(reply.next_request.url) if reply.next_request else "")
                        continue
                    if reply.status_code != 200:
                        raise DocumentError(f"the server answered {reply.status_code}", shown_address(url))
                    return Fetched(url, await _body(reply, most_bytes, url))
    except DeclarationError as exc:
        raise DocumentError(str(exc)) from exc
    except PrivateAddress as exc:
        said = f"not fetched: {exc}, and the reference comes from the network (allow_private=True lets it)"
        raise DocumentError(said, shown_address(url)) from exc
    except TimeoutError as exc:
        raise DocumentError(f"not here after {within_s:g} s", shown_address(url)) from exc
    except httpx.TimeoutException as exc:
        raise DocumentError("no answer in time", shown_address(url)) from exc
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        raise DocumentError(f"cannot be fetched: {type(exc).__name__}", shown_address(url)) from exc
    raise DocumentError(f"more than {_MOST_REDIRECTS} redirects", shown_address(url))


async def _options(url: str, guard: Guard | None, tls: Tls | None) -> dict[str, Any]:
    options: dict[str, Any] = {} if tls is None else {"verify": tls.context()}
    address = None if guard is None else await guard.place(url)  # once: redirects stay on the host
    if address is not None:
        options["transport"] = Pinned(httpx.AsyncHTTPTransport(**options), address)
    return {"timeout": _TIMEOUT_S, "headers": _HEADERS, **options}


def _redirected(url: str, to: str) -> str:
    before, after = urlsplit(url), urlsplit(to)
    is_safer = before.scheme == "http" and after.scheme == "https"
    if before.hostname != after.hostname or not (
        is_safer or (before.scheme, before.port) == (after.scheme, after.port)
    ):
        raise DocumentError(f"redirects to another server, {shown_address(to)}: name that one", shown_address(url))
    return to


async def _body(reply: httpx.Response, most_bytes: int, url: str) -> bytes:
    """Give the body; what is compressed is never larger in memory than what is asked for."""
    coding = reply.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity", *_GZIP):
        raise DocumentError(f"came in a coding that was not asked for: {coding}", shown_address(url))
    decoder = zlib.decompressobj(_EITHER_WRAPPER) if coding in _GZIP else None
    body, left = bytearray(), most_bytes + 1
    async for piece in reply.aiter_raw():
        try:
            body += piece[:left] if decoder is None else decoder.decompress(piece, left)
        except zlib.error as exc:
            raise DocumentError("is not compressed as the server says", shown_address(url)) from exc
        left = most_bytes + 1 - len(body)
        if left <= 0:
            break
    return bytes(body)
