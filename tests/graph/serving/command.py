"""The real `weft` in a process of its own, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.graph.serving.backend import Backend, Gateway

ROOT = Path(__file__).resolve().parents[3]
POSTS = "examples/posts/graph.py"
SHOP = "examples/shop/graph.py"
SECRETS = ("CATALOG_KEY", "CRM_SECRET", "INVENTORY_PASSWORD", "SHIPPING_KEY", "SHIPPING_WEBHOOK_SECRET")
OVER_ONE_BACKEND = """
import os
import strawberry
from graph import Graph
from sources import Rest
one = Rest("one", os.environ["WEFT_TEST_ONE_URL"])
@strawberry.type
class Query:
    @one.get("/word")
    def word(self) -> str: ...
graph = Graph(query=Query)
"""


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS and not name.startswith("WEFT_")}
    return {**kept, "COLUMNS": "200", "PYTHONPATH": str(ROOT), **more}


def weft(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "graph.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=40, env=environment(**more))


@contextmanager
def serving(target: str, *options: str, **more: str) -> Iterator[tuple[Gateway, subprocess.Popen[str]]]:
    """Run `weft serve` on a port that it chooses, in a group of processes of its own, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "graph.main", "serve", target, "--port", "0", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**more),
        start_new_session=True,
    )
    with process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith("weft: GraphQL at http://127.0.0.1:"), line
            gateway = Gateway(
                line.split()[3].removesuffix("/graphql").removesuffix("/graphql,"),
                Backend(lambda target, headers: None),
            )
            with gateway.client:
                yield gateway, process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def is_ready(gateway: Gateway) -> bool:
    """Tell whether the gateway serves."""
    try:
        return gateway.client.get(f"{gateway.root}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def refuses_connections(gateway: Gateway) -> bool:
    """Tell whether nobody listens any more."""
    try:
        gateway.connect().close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was about to be closed
        return False
    return False
