"""The words of ASGI, and one whole response in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def respond(
    send: Send, status: int, content_type: bytes | None, body: bytes, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a response of one piece."""
    headers = [(b"content-length", b"%d" % len(body)), *extra]
    if content_type is not None:
        headers.append((b"content-type", content_type))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def hang_up(send: Send) -> None:
    """Drop the connection of a client that does not even read that it is over.

    ASGI has no word for it, and closing waits until everything was read. Where `send` is no method of uvicorn's, the
    server has to see to it.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


def has_hung_up(send: Send) -> bool:
    """Tell whether the client is known to have gone, although the server has not been told so yet.

    In that moment uvloop refuses what is sent with a `RuntimeError`.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return transport is not None and bool(transport.is_closing())
