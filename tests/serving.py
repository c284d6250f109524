"""Real servers for tests: any ASGI application under uvicorn, on a free port of this machine, in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from graph.connections import Connection
from graph.frames import Frames

ASKED_FOR = {"graphql-preflight": "1"}  # without it, a GET may be one that a page had a browser send


def asking(address: str) -> httpx.Client:
    """Give a client whose requests no page can have sent."""
    return httpx.Client(base_url=address, trust_env=False, headers=ASKED_FOR)


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Serve the application until the block ends; give its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        options: dict[str, Any] = {"ws_ping_interval": None, "ws_per_message_deflate": False, "proxy_headers": False}
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", http=Connection, ws=Frames, **options))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            time.sleep(0.005)
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(10)
