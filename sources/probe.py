"""Which backends can be reached, found out by connections that are closed at once: nothing is asked over them."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request
from collections.abc import Sequence
from typing import NamedTuple

from sources.rest import Rest


class Away(NamedTuple):
    """A backend that cannot be reached: the source's name, and where it should be."""

    source: str
    address: str


async def away(sources: Sequence[Rest], timeout_s: float = 3.0) -> list[Away]:
    """Give those of the sources that do not take a connection within so many seconds.

    Sources that an author's own client speaks to are not tried, and none is where a proxy stands between.
    """
    if urllib.request.getproxies().keys() & {"http", "https", "all"}:
        return []
    tried = [(source.name, *source.destination) for source in sources if source.destination is not None]
    answers = await asyncio.gather(*(_answers(host, port, timeout_s) for _, host, port in tried))
    return [
        Away(name, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        for (name, host, port), answered in zip(tried, answers, strict=True)
        if not answered
    ]


async def _answers(host: str, port: int, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, UnicodeError):  # a timeout is one of the first; a name that no host has may be the other
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
