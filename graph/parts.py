"""Answers in several payloads over HTTP: ``multipart/mixed`` with a part for each.

After the proposal of incremental delivery over HTTP. A part is sent when the client has taken those before it: the
server waits for the socket, and the engine for the server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from graph.asgi import Send
from graph.payloads import Draft, Draft2022, Writer
from graph.request import parameters
from sources import encode_json

_HEAD = b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
_BOUNDARY = b"\r\n---"
_END = b"--\r\n"


class Parts:
    """A form of payloads that a client accepts, and the media type that says so.

    Args:
        told: the parameter by which the client asked for the form, to be said again.
    """

    def __init__(self, writer: Writer, told: str = "") -> None:
        self.writer = writer
        self._content_type = f'multipart/mixed; boundary="-"{told}'.encode("ascii", "replace")

    async def send(self, send: Send, payloads: AsyncGenerator[dict[str, Any]]) -> None:
        """Send the payloads, each when it is there; stop asking for them when the client has gone."""
        headers = [(b"content-type", self._content_type), (b"cache-control", b"no-store"), (b"vary", b"accept")]
        async with aclosing(payloads) as held:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            before = _BOUNDARY
            async for payload in held:
                # A client knows that a part is whole by the boundary behind it, which therefore cannot wait.
                part = before + _HEAD + encode_json(payload) + _BOUNDARY
                await send({"type": "http.response.body", "body": part, "more_body": True})
                before = b""
        await send({"type": "http.response.body", "body": _END})


def accepted_parts(accept: str | None) -> Parts | None:
    """Give the form of payloads that a client accepts; None where it takes one response only."""
    if accept is None or "multipart" not in accept.lower():
        return None
    for entry in accept.split(","):
        media_range, found, quality = parameters(entry)
        if media_range == "multipart/mixed" and quality > 0 and "subscriptionspec" not in found:
            if found.get("deferspec") == "20220824":
                return Parts(Draft2022(), ";deferSpec=20220824")
            spec = found.get("incrementalspec", "")
            return Parts(Draft(), f";incrementalSpec={spec}" if spec == "v0.2" else "")
    return None
