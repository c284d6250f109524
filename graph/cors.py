"""Which pages of other origins may call the graph from a browser (CORS, in the Fetch standard).

An origin is allowed by its exact name or not at all; what a client says about itself is never sent back unchecked.
Every answer of the path says that it depends on the origin, also one to a request without any: a shared cache would
otherwise give the answer that allows one origin, or none, to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from graph.asgi import Message, Scope, Send
from graph.errors import GraphError

_METHODS = b"GET, HEAD, POST"
# A page may set none of these without asking, so a request with one of them has been asked for.
PREFLIGHT = ("apollo-require-preflight", "x-apollo-operation-name", "graphql-require-preflight", "graphql-preflight")
# What GraphQL clients send: bodies, credentials, and what makes their requests not simple ones.
_REQUEST_HEADERS = ("authorization", "content-encoding", "content-type", *PREFLIGHT)
_EXPOSED = b"etag, ratelimit, ratelimit-policy, retry-after"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_VARY = (b"vary", b"origin")
_CREDENTIALS = ("authorization", "cookie")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """Other origins whose pages may call the graph.

    Args:
        origins: such as ``https://app.example``, without a path; or ``"*"`` alone, for every origin.
        credentials: whether browsers send cookies along; only with origins that are named.
        headers: further request headers that pages may set. Those of every GraphQL client, and those that sources
            forward, need no mention.
        max_age: seconds for which a browser may remember that it may.

    Raises:
        GraphError: an origin can never be a browser's, or credentials would go to every origin.
    """

    origins: Sequence[str]
    credentials: bool = False
    headers: Sequence[str] = ()
    max_age: int = 600

    def __post_init__(self) -> None:
        if isinstance(self.origins, str):
            raise GraphError([f"Cors: origins is a list, as in [{self.origins!r}]"])
        faults = [f"Cors: {fault}" for origin in self.origins if (fault := _fault(origin)) is not None]
        if "*" in self.origins and self.credentials:
            faults.append('Cors: credentials need origins that are named, not "*"')
        if "*" in self.origins and len(self.origins) > 1:
            faults.append('Cors: "*" stands alone; it is every origin')
        if not self.origins:
            faults.append("Cors: origins is empty; leave cors out where no other origin may call")
        if self.max_age < 0:
            faults.append("Cors: max_age is negative")
        faults += [f"Cors: {name!r} is no name of a header" for name in self.headers if not _is_token(name)]
        if faults:
            raise GraphError(faults)


class CrossOrigin:
    """Adds to each answer what it says to browsers about other origins.

    Args:
        forwards: the client headers that sources pass on, or by which clients are made out, in lower case.
    """

    def __init__(self, cors: Cors, forwards: Iterable[str]) -> None:
        self._everybody = "*" in cors.origins
        self._origins = {origin.encode() for origin in cors.origins}
        allowed = sorted({*_REQUEST_HEADERS, *forwards, *map(str.lower, cors.headers)})
        credentials = [(b"access-control-allow-credentials", b"true")] if cors.credentials else []
        self._answer = [*credentials, (b"access-control-expose-headers", _EXPOSED)]
        self._preflight = [
            *credentials,
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", ", ".join(allowed).encode()),
            (b"access-control-max-age", b"%d" % cors.max_age),
        ]

    def over(self, scope: Scope, send: Send) -> Send:
        """Give a `send` that adds the headers to the answer of a request."""
        extra = self._headers(scope)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        return sending

    def _headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        origin: bytes | None = None
        asks = False
        for name, value in scope["headers"]:
            if name == b"origin":
                origin = value
            elif name == b"access-control-request-method":
                asks = True
        extra = self._preflight if asks and scope["method"] == "OPTIONS" else self._answer
        if self._everybody:
            return [(b"access-control-allow-origin", b"*"), *extra]
        if origin is None or origin not in self._origins:
            return [_VARY]
        return [_VARY, (b"access-control-allow-origin", origin), *extra]


def brought_along(cors: Cors | None, headers: Mapping[str, str]) -> Mapping[str, str] | None:
    """Give what a page may send as it opens a socket: its headers, or less; None where it may not open one.

    CORS does not hold for sockets: a browser opens one for any page, and sends cookies along. So the server looks at
    the origin itself, and what CORS says of credentials holds here too. What is no page names no origin.
    """
    origin = headers.get("origin")
    if origin is None or _is_at_home(origin, headers.get("host", "")):
        return headers
    if cors is None or (origin not in cors.origins and "*" not in cors.origins):
        return None
    if cors.credentials:
        return headers
    return {name: value for name, value in headers.items() if name not in _CREDENTIALS}


def _is_at_home(origin: str, host: str) -> bool:
    """Tell whether a page comes from the host that it asks; what stands before us may have taken the ``https`` off."""
    scheme, _, named = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and named.lower() == host.lower().removesuffix(f":{port}") != ""


def _fault(origin: str) -> str | None:
    """Say why no browser sends this origin, or give None."""
    if origin == "*":
        return None
    try:
        parts = urlsplit(origin)
        port = parts.port
        host = (parts.hostname or "").encode("ascii")
    except ValueError:
        return f"{origin!r} is no origin, such as https://app.example"
    if not host or not parts.scheme or origin != f"{parts.scheme}://{parts.netloc}" or "@" in origin or "*" in origin:
        return f"{origin!r} is no origin, such as https://app.example"
    if origin != origin.lower() or not origin.isprintable() or " " in origin:
        return f"{origin!r}: browsers write origins in lower case and without spaces"
    if port is not None and port == _DEFAULT_PORTS.get(parts.scheme):
        return f"{origin!r}: browsers leave the port out where it is that of {parts.scheme}"
    return None


def _is_token(name: str) -> bool:
    return name.isascii() and name.replace("-", "").replace("_", "").isalnum()
