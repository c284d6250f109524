"""The real `weft` in a process of its own, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
from typer.testing import CliRunner

from graph.main import app
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


class Ended(NamedTuple):
    """How a command ended in this process."""

    status: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS and not name.startswith("WEFT_")}
    return {**kept, "COLUMNS": "200", "PYTHONPATH": str(ROOT), **more}


def weft(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "graph.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=40, env=environment(**more))


def here(*arguments: str, **more: str) -> Ended:
    """Run the command in this process, which takes milliseconds; what it does not catch is raised."""
    unset = dict.fromkeys([*SECRETS, *(name for name in os.environ if name.startswith("WEFT_"))])
    ended = CliRunner().invoke(app, arguments, env={**unset, **more})
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


def refused(*arguments: str, **more: str) -> str:
    """Check that a command ends with status 2, one line on stderr and nothing on stdout; give the line."""
    ended = here(*arguments, **more)
    assert (ended.status, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith("weft: ")
    return line


@contextmanager
def serving(
    target: str, *options: str, told: list[str] | None = None, **more: str
) -> Iterator[tuple[Gateway, subprocess.Popen[str]]]:
    """Run `weft serve` on a port that it chooses, in a group of processes of its own, until the block ends.

    Args:
        options: more targets, and options.
        told: takes the lines that it says of its documents before it serves.
    """
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
            while told is not None and line and not line.startswith("weft: GraphQL at"):
                told.append(line.rstrip("\n"))
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
