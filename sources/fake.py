"""A backend from memory, for tests and trials: `Rest(..., client=FakeTransport({...}))`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sources.transport import Content, Headers, Reply, Streamed

Answer = Any


class FakeTransport:
    """Answers from a mapping of ``"GET /path?query"`` to JSON values, or from a function of method, target and body.

    An answer may be a JSON value, raw bytes, ``(status, answer)``, ``(status, answer, headers)``, or an exception to
    raise; where a reply is held open, also an async iterable of the body's pieces. What is not in the mapping is a 404.
    `calls` records ``"GET /path?query"`` in order, `bodies` what was sent with each, whole.
    """

    def __init__(self, answers: Mapping[str, Answer] | Callable[[str, str, bytes | None], Answer]) -> None:
        self._answers = answers
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes | None] = []
        self.streaming = 0

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        """Give the canned reply; see `Transport.send`."""
        if body is not None and not isinstance(body, bytes):
            body = b"".join([piece async for piece in body])
        status, answer, header = await self._answer(method, url, headers, body)
        raw = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        return Reply(status, raw, header)

    @asynccontextmanager
    async def stream(self, method: str, url: str, headers: Headers) -> AsyncGenerator[Streamed]:
        """Give the canned reply in pieces; see `Transport.stream`. `streaming` counts those that are open."""
        status, answer, header = await self._answer(method, url, headers, None)
        self.streaming += 1
        try:
            yield Streamed(status, lambda: _chunks(answer), header)
        finally:
            self.streaming -= 1

    async def _answer(
        self, method: str, url: str, headers: Headers, body: bytes | None
    ) -> tuple[int, Answer, Callable[[str], str | None]]:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        self.calls.append(f"{method} {target}")
        self.headers.append(dict(headers))
        self.bodies.append(body)
        await asyncio.sleep(0)
        if callable(self._answers):
            answer = self._answers(method, target, body)
        else:
            answer = self._answers.get(f"{method} {target}", (404, {}))
        if isinstance(answer, Exception):
            raise answer
        status, extra = 200, dict[str, str]()
        if isinstance(answer, tuple):
            status, answer, *rest = answer
            extra = {name.lower(): value for name, value in (rest[0] if rest else {}).items()}
        return status, answer, lambda name: extra.get(name.lower())

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


async def _chunks(answer: Answer) -> AsyncGenerator[bytes]:
    if isinstance(answer, AsyncIterable):
        async for chunk in answer:
            yield chunk
    else:
        yield answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
