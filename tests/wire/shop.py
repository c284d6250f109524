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

import graphql
import pytest

from examples.shop.backends import Backends
from graph import App, Graph
from graph.target import load
from tests.serving import running

HERE = Path(__file__).resolve().parent
GRAPH = HERE.parents[1] / "examples/shop/graph.py"


@dataclass(frozen=True)
class Shop:
    """The running shop.

    Args:
        url: its GraphQL; `batched` also takes arrays; `partial` has its inventory down, `silent` one that says nothing.
        token: a shopper's.
        sdl: the schema.
    """

    url: str
    batched: str
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
    """Run the five services and the gateways until the block ends."""
    with contextlib.ExitStack() as stack:
        backends = stack.enter_context(Backends())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in backends.environment().items():
            patch.setenv(name, value)
        silence = stack.enter_context(socket.create_server(("127.0.0.1", 0)))  # which accepts and says nothing

        def served(graph: Graph, max_batch: int = 0) -> str:
            return f"{stack.enter_context(running(App(graph, max_batch=max_batch)))}/graphql"

        graph = load(str(GRAPH))
        patch.setenv("INVENTORY_URL", "http://127.0.0.1:9")
        without_inventory = load(str(GRAPH))
        patch.setenv("INVENTORY_URL", f"http://127.0.0.1:{silence.getsockname()[1]}")
        with_silent_inventory = load(str(GRAPH))
        patch.setenv("INVENTORY_URL", backends.urls["inventory"])
        yield Shop(
            url=served(graph),
            batched=served(load(str(GRAPH)), max_batch=10),
            partial=served(without_inventory),
            silent=served(with_silent_inventory),
            token=backends.token("c-0005"),
            sdl=graph.sdl(),
        )


def run(script: str, scripts: Path, shop: Shop, **further: str) -> Outcomes:
    """Run a script's scenarios against the shop; `further` names are there beside the shop's."""
    addresses = {name: getattr(shop, name) for name in ("url", "batched", "partial", "silent", "token")} | further
    environment = {**os.environ, "SHOP": json.dumps(addresses)}
    done = subprocess.run(
        ["node", script], cwd=scripts, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    if done.returncode or not done.stdout:
        pytest.fail(f"{script} ended with {done.returncode}: {done.stderr}")
    return Outcomes(json.loads(done.stdout))


def types_of(sdl: str) -> str:
    """Give a schema's types, sorted; not the directives, of which introspection shows some more."""
    schema = graphql.lexicographic_sort_schema(graphql.build_schema(sdl))
    described: Any = {**schema.to_kwargs(), "directives": graphql.specified_directives}
    return graphql.print_schema(graphql.GraphQLSchema(**described))
