"""The shop with everything that it needs, served for client libraries, and the scripts that use it under node."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from examples.shop.backends import Backends
from graph import App
from graph.target import load
from tests.serving import running

HERE = Path(__file__).resolve().parent
GRAPH = HERE.parents[1] / "examples/shop/graph.py"


@dataclass(frozen=True)
class Shop:
    """The running shop.

    Args:
        url: its GraphQL; `partial` is the same with the inventory down, `silent` with one that never answers.
        token: a shopper's.
        sdl: the schema.
    """

    url: str
    partial: str
    silent: str
    token: str
    sdl: str


class Outcomes:
    """What a script's scenarios gave, by name; one that threw fails the test that asks for it."""

    def __init__(self, found: dict[str, dict[str, Any]]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Any:
        outcome = self._found[name]
        if "threw" in outcome:
            pytest.fail(f"{name} threw {outcome['threw']}")
        return outcome["gave"]


@contextlib.contextmanager
def running_shop() -> Iterator[Shop]:
    """Run the five services and three gateways until the block ends."""
    with contextlib.ExitStack() as stack:
        backends = stack.enter_context(Backends())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in backends.environment().items():
            patch.setenv(name, value)
        silence = stack.enter_context(socket.create_server(("127.0.0.1", 0)))  # which accepts and says nothing

        def serve(inventory: str) -> tuple[str, str]:
            patch.setenv("INVENTORY_URL", inventory)
            graph = load(str(GRAPH))
            return f"{stack.enter_context(running(App(graph)))}/graphql", graph.sdl()

        url, sdl = serve(backends.urls["inventory"])
        partial, _ = serve("http://127.0.0.1:9")
        silent, _ = serve(f"http://127.0.0.1:{silence.getsockname()[1]}")
        yield Shop(url, partial, silent, backends.token("c-0005"), sdl)


def run(script: str, scripts: Path, shop: Shop) -> Outcomes:
    """Run a script's scenarios against the shop."""
    addresses = {name: getattr(shop, name) for name in ("url", "partial", "silent", "token")}
    environment = {**os.environ, "SHOP": json.dumps(addresses)}
    done = subprocess.run(
        ["node", script], cwd=scripts, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    if done.returncode or not done.stdout:
        pytest.fail(f"{script} ended with {done.returncode}: {done.stderr}")
    return Outcomes(json.loads(done.stdout))
