"""Streams of server-sent events, as a client reads them."""

from __future__ import annotations

import json
from typing import Any

import httpx


class Events:
    """A stream of events under way, until the block ends; the arguments are those of `httpx.Client.stream`."""

    def __init__(self, client: httpx.Client, method: str, url: str, **request: Any) -> None:
        self._open = client.stream(method, url, **request)

    def __enter__(self) -> Events:
        self.answer = self._open.__enter__()
        self._lines = self.answer.iter_lines()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.__exit__(None, None, None)

    def event(self) -> dict[str, str]:
        """Give the next event's fields by name, none of them at the end; comments are passed over."""
        found: dict[str, str] = {}
        for line in self._lines:
            if not line and found:
                return found
            name, colon, value = line.partition(":")
            if colon and name:
                found[name] = value.removeprefix(" ")
        return found

    def body(self) -> Any:
        """Give what the next event says, as JSON."""
        return json.loads(self.event()["data"])
