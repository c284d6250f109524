"""One question put to a backend: what is sent for it, and the reply as a part."""

from __future__ import annotations

from collections.abc import Mapping

from resolvers.ledger import Ledger, Part
from sources import Endpoint, Rest, SourceError, variable_of

Pairs = tuple[tuple[str, str], ...]


def request_of(
    source: Rest, endpoint: Endpoint, values: Mapping[str, object]
) -> tuple[str, tuple[tuple[str, str], ...], bytes | None]:
    """Give path with query, headers and body of one request.

    Raises:
        InvalidInput: a value may not enter the URL.
    """
    target = source.target(endpoint, values)
    headers: tuple[tuple[str, str], ...] = ()
    if endpoint.headers:
        headers = tuple(
            (name, source.header(name, value))
            for name, text in endpoint.headers
            if (value := _header(text, values)) is not None
        )
    return target, headers, source.body(endpoint, values)


def _header(text: str, values: Mapping[str, object]) -> object:
    name = variable_of(text)
    return text if name is None else values.get(name)


def forwarded(source: Rest, ledger: Ledger) -> Pairs:
    """Give the client's headers that a source is sent; an answer that may depend on them is private."""
    if not source.forward:
        return ()
    ledger.private = True
    headers = ledger.headers
    return tuple((name, headers[name]) for name in source.forward if name in headers)


async def send(
    source: Rest, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes | None
) -> Part:
    """Make one exchange and give its reply as a part; a read that finds nothing has no body, any failure is in it."""
    try:
        reply = await source.send(method, target, headers, body)
    except SourceError as exc:
        return Part((), failure=exc)
    status = reply.status
    if 200 <= status < 300:
        answer = reply.body
        return Part((), answer if len(answer) else None, reply=reply)
    if status == 404 and method == "GET":
        return Part((), None, reply=reply)
    return Part((), failure=source.failure(reply))
