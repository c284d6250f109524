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
@pytest.mark.parametrize("options", [[], ["--workers", "2"]])
def test_serve_answers_and_stops_without_a_word(stop: signal.Signals, options: list[str]) -> None:
    with serving(POSTS, *options) as (url, process):
        answer = httpx.post(f"{url}/graphql", json={"query": "{ greet }"}, trust_env=False)
        assert answer.json() == {"data": {"greet": "Hello World!"}}
        process.send_signal(stop)
        _, errors = process.communicate(timeout=15)
        assert "Traceback" not in errors
        assert f"{url}/graphql" in errors


def test_serve_takes_its_settings_from_the_environment() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert port in fails("serve", POSTS, WEFT_PORT=port)


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert fails("serve", POSTS, "--port", port) == f"weft: 127.0.0.1:{port} is taken; choose another with --port"
        assert fails("demo", "--port", port) == f"weft: 127.0.0.1:{port} is taken; choose another with --port"


def test_an_address_that_is_not_this_machines_is_one_line() -> None:
    assert "192.0.2.1" in fails("serve", POSTS, "--host", "192.0.2.1")


def test_missing_secrets_are_all_named_before_anything_is_served() -> None:
    ended = weft("serve", SHOP, CATALOG_KEY="", CRM_SECRET="", INVENTORY_PASSWORD="x", SHIPPING_KEY="x")
    assert ended.returncode == 2
    assert "CATALOG_KEY" in ended.stderr
    assert "CRM_SECRET" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_schema_prints_sdl() -> None:
    ended = weft("schema", POSTS)
    assert ended.returncode == 0
    for line in (
        "  posts: [Post!]!",
        "  post(id: Int!): Post",
        "  greet: String!",
        "  user: User",
        "  phone: String",
        "  username: String!",
    ):
        assert line in ended.stdout.splitlines()


def test_schema_check_tells_by_its_exit_status(tmp_path: Path) -> None:
    sdl = weft("schema", POSTS).stdout
    same, other = tmp_path / "same.graphql", tmp_path / "other.graphql"
    same.write_text(sdl, encoding="utf-8")
    other.write_text(sdl.replace("greet: String!", "greet: String"), encoding="utf-8")
    assert weft("schema", POSTS, "--check", str(same)).returncode == 0
    differs = weft("schema", POSTS, "--check", str(other))
    assert differs.returncode == 1
    assert "-  greet: String\n+  greet: String!\n" in differs.stdout
    assert "missing.graphql" in fails("schema", POSTS, "--check", str(tmp_path / "missing.graphql"))


def test_explain_prints_the_three_calls_of_a_page() -> None:
    ended = weft("explain", SHOP, THREE_CALLS)
    assert ended.returncode == 0
    assert ended.stdout.startswith("query: 3 upstream calls in 2 steps\n")
    assert re.findall(r"-> (\w+)  (\S+ /\w+)", ended.stdout) == [
        ("catalog", "GET /products"),
        ("inventory", "GET /stock"),
        ("catalog", "GET /reviews"),
    ]


def test_explain_reads_a_file_and_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "query.graphql"
    path.write_text("query A { greet } query B { posts { id } }", encoding="utf-8")
    assert "GET /posts" in weft("explain", POSTS, f"@{path}", "--operation", "B").stdout
    assert "name one" in fails("explain", POSTS, f"@{path}")
    assert "nothing" in fails("explain", POSTS, "{ nothing }")
    assert "Syntax Error" in fails("explain", POSTS, "{ posts")
    assert "missing.graphql" in fails("explain", POSTS, "@missing.graphql")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("empty.py", "", "has no attribute 'graph'"),
        ("syntax.py", "graph = (", "syntax.py:1: SyntaxError"),
        ("raises.py", "x = 1\nraise RuntimeError('no')", "raises.py:2: RuntimeError: no"),
        ("imports.py", "import nothing_like_this", "imports.py:1: ModuleNotFoundError"),
        ("other.py", "graph = 7", "is not a Graph"),
        ("exits.py", "import sys; sys.exit('enough')", "exits.py"),
        ("data.json", "{}", "not a Python file"),
        ("nul.py", "\0", "nul.py"),
    ],
)
def test_a_target_that_does_not_load_is_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert said in fails("schema", str(path))


@pytest.mark.parametrize("command", [["serve"], ["explain", "{ a }"]])
def test_every_command_says_so_in_the_same_way(command: list[str]) -> None:
    verb, *rest = command
    assert fails(verb, "nothing.py", *rest) == "weft: nothing.py: no such file"


def test_targets_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    assert "no such file" in fails("schema", "nothing.py")
    assert "no such file" in fails("schema", "nothing.py:graph")
    assert "other" in fails("schema", f"{POSTS}:other")
    assert "no such file" in fails("schema", str(tmp_path))
    assert weft("schema", f"{POSTS}:graph").returncode == 0


def test_every_fault_of_a_graph_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "faulty.py"
    path.write_text(
        "import strawberry\nfrom graph import Graph\nfrom sources import Rest\n"
        "a = Rest('a', 'http://x')\n"
        "@strawberry.type\nclass Query:\n"
        "    @a.get('/one/{missing}')\n    def one(self) -> str: ...\n"
        "    @a.get('two')\n    def two(self) -> str: ...\n"
        "graph = Graph(query=Query)\n",
        encoding="utf-8",
    )
    ended = weft("schema", str(path))
    assert ended.returncode == 2
    assert "2 faults" in ended.stderr
    assert "Query.one: nobody supplies {missing} of GET /one/{missing}" in ended.stderr
    assert "Query.two: template 'two'" in ended.stderr
    assert "Traceback" not in ended.stderr


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


def test_help_is_there_and_an_unknown_option_is_status_2() -> None:
    assert weft("--help").returncode == 0
    assert "serve" in weft("--help").stdout
    assert weft("serve").returncode == 2
    assert weft("serve", POSTS, "--nonsense").returncode == 2
    assert weft("serve", POSTS, "--port", "99999").returncode == 2
