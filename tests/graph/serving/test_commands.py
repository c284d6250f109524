"""The command `weft`, as a person or a script runs it: exit statuses, one-line errors, and a server that stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[3]
POSTS = "examples/posts/graph.py"
SHOP = "examples/shop/graph.py"
THREE_CALLS = "{ products(first: 20) { edges { node { name stock { available } reviews { stars } } } } }"


def weft(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "graph.main", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def fails(*arguments: str, **environment: str) -> str:
    """Check that a command ends with status 2 and one line; give the line."""
    ended = weft(*arguments, **environment)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    [line] = ended.stderr.splitlines()
    assert line.startswith("weft: ")
    return line


def wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    gives_up_at = time.monotonic() + 20
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < gives_up_at and process.poll() is None:
            with suppress(httpx.TransportError):
                assert client.get(f"{url}/readyz").status_code == 200
                return
            time.sleep(0.05)
    raise AssertionError(f"{url} did not start")


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "graph.main", "serve", *arguments, "--port", port],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url, process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [["--workers", "2"], ["--reload"]])
def test_processes_that_share_a_port_answer_and_stop_without_a_word(stop: signal.Signals, options: list[str]) -> None:
    with serving(POSTS, *options) as (url, process):
        answer = httpx.post(f"{url}/graphql", json={"query": "{ greet }"}, trust_env=False)
        assert answer.json() == {"data": {"greet": "Hello World!"}}
        process.send_signal(stop)
        _, errors = process.communicate(timeout=15)
        assert "Traceback" not in errors
        assert f"{url}/graphql" in errors


POSTED = """
import strawberry
from graph import Graph
from sources import Rest, Unsigned
post = Rest("post", "http://127.0.0.1:9")
@strawberry.type
class Query:
    @post.get("/word")
    def word(self) -> str: ...
@strawberry.type
class Subscription:
    @post.webhook("words", signature=Unsigned())
    def said(self) -> str: ...
graph = Graph(query=Query, subscription=Subscription)
"""


def test_workers_that_cannot_hear_of_each_others_webhooks_are_a_line_at_the_start(tmp_path: Path) -> None:
    target = tmp_path / "posted.py"
    target.write_text(POSTED, encoding="utf-8")
    with serving(str(target), "--workers", "2") as (_, process):
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=15)
        assert "weft: a webhook reaches only the worker that takes it; " in errors


def test_rates_are_an_option_and_workers_that_count_for_themselves_are_a_line_at_the_start() -> None:
    rates = ("--rate", "requests=1/1d", "--rate", "calls=9/1h")
    with serving(POSTS, "--workers", "2", *rates) as (url, process):
        answers = [httpx.post(f"{url}/graphql", json={"query": "{ __typename }"}) for _ in range(3)]
        assert answers[0].headers["ratelimit-policy"] == '"requests";q=1;w=86400, "calls";q=9;qu="calls";w=3600'
        assert answers[-1].status_code == 429
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=15)
        assert "weft: each worker counts rates for itself; " in errors


def test_a_rate_that_is_none_is_told_before_anything_is_served() -> None:
    assert (
        "WEFT_RATES: 'often' is no rate: expected such as requests=100/60s"
        in weft("serve", POSTS, "--rate", "often").stderr
    )


@pytest.mark.parametrize("options", [[], ["--workers", "2"], ["--reload"]])
def test_collections_pass_over_what_is_served(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "looking.py").write_text(
        "import gc\n"
        "import strawberry\n"
        "from graph import Graph\n"
        "@strawberry.type\n"
        "class Query:\n"
        "    @strawberry.field\n"
        "    def walks_the_graph(self) -> bool:\n"
        "        return any(found is graph for found in gc.get_objects())\n"
        "graph = Graph(query=Query)\n"
    )
    with serving(str(tmp_path / "looking.py"), *options) as (url, _):
        answer = httpx.post(f"{url}/graphql", json={"query": "{ walksTheGraph }"}, trust_env=False)
        assert answer.json() == {"data": {"walksTheGraph": False}}


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert fails("serve", POSTS, "--port", port) == f"weft: 127.0.0.1:{port} is taken; choose another with --port"
        assert fails("demo", "--port", port) == f"weft: 127.0.0.1:{port} is taken; choose another with --port"


def test_explain_prints_the_three_calls_of_a_page() -> None:
    ended = weft("explain", SHOP, THREE_CALLS)
    assert ended.returncode == 0
    assert ended.stdout.startswith("query: 3 upstream calls in 2 steps\n")
    assert re.findall(r"-> (\w+)  (\S+ /\w+)", ended.stdout) == [
        ("catalog", "GET /products"),
        ("inventory", "GET /stock"),
        ("catalog", "GET /reviews"),
    ]


def test_a_graph_beside_its_own_modules_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text("NAME = 'square'\n", encoding="utf-8")
    (tmp_path / "graph.py").write_text(
        "import strawberry\nimport shapes\nfrom graph import Graph\n"
        "@strawberry.type\nclass Query:\n"
        "    @strawberry.field\n    def name(self) -> str:\n        return shapes.NAME\n"
        "made = Graph(query=Query)\n",
        encoding="utf-8",
    )
    assert "name: String!" in weft("schema", f"{tmp_path / 'graph.py'}:made").stdout
