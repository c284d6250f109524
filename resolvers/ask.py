"""One question put to a backend: what is sent for it, and the reply as a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from resolvers.ledger import Ledger, Part
from sources import Encoded, Endpoint, Left, Manner, Rest, SourceError, Stream, headers_of

Pairs = tuple[tuple[str, str], ...]


class Ask(NamedTuple):
    """One request to a backend: what is sent, and in which manner. Equal ones are the same question."""

    method: str
    target: str
    headers: Pairs
    body: bytes | Encoded | Stream | None
    manner: Manner | None = None

    def by(self, client: Pairs) -> Ask:
        """Give the same request with the client's own headers."""
        return Ask(self.method, self.target, self.headers + client, self.body, self.manner) if client else self


def ask_of(source: Rest, endpoint: Endpoint, values: Mapping[str, object]) -> Ask:
    """Give the request that an endpoint makes of values.

    Raises:
        InvalidInput: a value may not enter the URL, a header or the body.
    """
    target = source.target(endpoint, values)
    headers = headers_of(source, endpoint, values) if endpoint.headers else ()
    return Ask(endpoint.method, target, headers, source.body(endpoint, values), endpoint.manner)


def forwarded(source: Rest, ledger: Ledger) -> Pairs:
    """Give the client's headers that a source is sent; an answer that may depend on them is private."""
    if not source.forward:
        return ()
    ledger.private = True
    headers = ledger.headers
    return tuple((name, headers[name]) for name in source.forward if name in headers)


async def send(source: Rest, ask: Ask, ledger: Ledger, *, reads: bool | None = None, left: Left | None = None) -> Part:
    """Make one call and give its reply as a part; a read that finds nothing has no body, any failure is in it.

    Args:
        ledger: of the operation that it is made for.
        reads: whether the graph declares it as a read, which may be made again; None for what its method says.
        left: gives the seconds for which anybody waits for it.
    """
    ledger.calls += 1
    try:
        reply = await source.send(ask.method, ask.target, ask.headers, ask.body, ask.manner, reads=reads, left=left)
    except SourceError as exc:
        return Part((), failure=exc)
    status = reply.status
    if 200 <= status < 300:
        answer = reply.body
        return Part((), answer if len(answer) else None, reply=reply)
    if status == 404 and ask.method in ("GET", "HEAD"):
        return Part((), None, reply=reply)
    return Part((), failure=source.failure(reply))
