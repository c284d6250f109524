"""The benchmark's REST backend: ``/posts``, ``/posts/{id}``, ``/users``, ``/users/{id}``, and filters.

It answers from memory and parses no more HTTP than a GET needs, since it shares its core with the load.
Filters are JSONPlaceholder's: ``/users?id=1&id=2`` gives the users 1 and 2, in the order of the table.

Run alone: ``python -m benchmarks.upstream --port 9000``.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import urllib.parse
from typing import cast

import uvloop

from benchmarks.posts_data import Row, posts, users

_HEAD_END = b"\r\n\r\n"
_MAX_HEAD_BYTES = 65_536


@functools.lru_cache(maxsize=4_096)
def answer(target: bytes) -> bytes:
    """Give the whole HTTP answer to ``GET target``.

    >>> answer(b"/nothing").split(b"\\r\\n")[0]
    b'HTTP/1.1 404 Not Found'
    """
    found = _find(target.decode("latin-1"))
    status = "404 Not Found" if found is None else "200 OK"
    body = json.dumps({} if found is None else found, indent=2).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}"
    return head.encode() + _HEAD_END + body


def _find(target: str) -> Row | list[Row] | None:
    path, _, query = target.partition("?")
    _, table, *rest = path.split("/")
    rows = {"posts": posts, "users": users}.get(table, tuple)()
    if not rows or len(rest) > 1:
        return None
    if rest:
        return next((row for row in rows if str(row["id"]) == rest[0]), None)
    wanted = urllib.parse.parse_qs(query)
    return [row for row in rows if all(str(row.get(name)) in values for name, values in wanted.items())]


class Connection(asyncio.Protocol):
    """One keep-alive connection: GET requests in, prepared bytes out."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        *heads, self._received = (self._received + data).split(_HEAD_END)
        for head in heads:
            method, target, _ = head.split(b" ", 2)
            if method != b"GET":
                self._transport.close()
                return
            self._transport.write(answer(target))
            if b"connection: close" in head.lower():
                self._transport.close()
                return
        if len(self._received) > _MAX_HEAD_BYTES:
            self._transport.close()


async def serve(port: int) -> None:
    """Serve on 127.0.0.1 until cancelled."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=1_024)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the port from the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
