"""The real backends: small ASGI applications that say what is expected of them, and write down what they were sent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEYS = [str(number) for number in range(1, 41)]


def thing(key: str) -> dict[str, Any]:
    """Give what the steady backend says of a key."""
    return {"id": key, "name": f"Thing {key}"}


def item(key: str) -> dict[str, Any]:
    """Give what the shaky backend says of a key."""
    return {"id": key, "name": f"Item {key}", "thing_id": str(41 - int(key))}


def note(key: str) -> dict[str, Any]:
    """Give the shaky backend's note of a thing."""
    return {"id": key, "text": f"Note of {key}"}


def person(token: str) -> dict[str, Any]:
    """Give what the private backend says to whom shows a token."""
    return {"name": f"Name of {token}", "words": [f"{token} {number}" for number in range(5)]}


class Backends:
    """All of them in one application, each below a path of its own.

    `written` counts the writes by the id that the client gave each.
    """

    def __init__(self) -> None:
        self.written: Counter[str] = Counter()
        self.streams = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("no lifespan")  # which tells the server to go on without
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        target = urlsplit(scope["raw_path"].decode() + "?" + scope["query_string"].decode())
        if target.path == "/stream":
            await self._stream(receive, send)
            return
        answer = self._answer(scope["method"], target.path, parse_qs(target.query), headers, body)
        content = json.dumps(answer).encode()
        status = 200 if answer is not None else 404
        sent = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes) -> Any:
        _, kind, *rest = path.split("/")
        made = {"things": thing, "items": item, "notes": note}.get(kind)
        if made is not None and method == "GET":
            keys = rest or ",".join(query.get("ids", [",".join(KEYS)])).split(",")
            found = [made(key) for key in keys if key in KEYS]
            return found if not rest else next(iter(found), None)
        if kind == "me":
            return person(headers.get("authorization", "nobody"))
        if kind == "entries":
            key = rest[0] if rest else json.loads(body)["id"]
            self.written[key] += 1
            return {"id": key, "times": self.written[key]}
        return None

    async def _stream(self, receive: Any, send: Any) -> None:
        """Say a number again and again, as server-sent events, until the client goes."""
        self.streams += 1
        gone = asyncio.ensure_future(receive())
        try:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for number in range(1_000_000):
                key = KEYS[number % len(KEYS)]
                event = f"data: {json.dumps(thing(key))}\n\n".encode()
                await send({"type": "http.response.body", "body": event, "more_body": True})
                await asyncio.wait([gone], timeout=0.1)
                if gone.done():
                    return
        finally:
            gone.cancel()
            self.streams -= 1
