"""The real `weft` in a process of its own: how it starts, ends under load, and words what is wrong."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.graph.serving.backend import codes, until
from tests.graph.serving.command import (
    OVER_ONE_BACKEND,
    POSTS,
    ROOT,
    SECRETS,
    SHOP,
    Ended,
    here,
    is_ready,
    refused,
    serving,
    weft,
)


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


# -- serve ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_on_port_0_says_where_answers_and_stops_in_silence(stop: signal.Signals) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as backend,
        serving(POSTS, POSTS_URL=f"http://127.0.0.1:{backend.getsockname()[1]}") as (gateway, process),
    ):
        assert gateway.ask("{ greet }") == {"data": {"greet": "Hello World!"}}
        assert gateway.client.get(f"{gateway.root}/readyz").status_code == 200
        silent = gateway.connect()
        process.send_signal(stop)
        said, errors = process.communicate(timeout=15)
        silent.close()
    assert (said, errors) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_backend_that_is_down_is_told_of_and_asked_all_the_same(tmp_path: Path, workers: str) -> None:
    target = tmp_path / "one.py"
    target.write_text(OVER_ONE_BACKEND, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with serving(str(target), "--workers", workers, WEFT_TEST_ONE_URL=url) as (gateway, process):
        assert process.stderr is not None
        assert process.stderr.readline() == (
            f"weft: one does not answer at 127.0.0.1:{port}: its fields fail until it does\n"
        )
        until(lambda: is_ready(gateway), 40)
        [error] = gateway.ask("{ word }")["errors"]
        assert error["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30)[1] == ""  # it is said once, whoever serves


def test_serve_can_keep_the_schema_to_itself_and_takes_limits_from_the_environment() -> None:
    with serving(POSTS, "--no-introspection", WEFT_MAX_ROOT_FIELDS="2") as (gateway, _):
        said = gateway.ask("{ __schema { types { name } } }")
        assert said["errors"][0]["extensions"]["code"] == "INTROSPECTION_DISABLED"
        assert gateway.ask("{ greet __typename }")["data"] == {"greet": "Hello World!", "__typename": "Query"}
        said = gateway.ask("{ greet a: greet b: greet }")
        assert said["errors"][0]["message"] == "the operation has more than 2 root fields"


def test_settings_that_cannot_be_are_named() -> None:
    ended = here("explain", POSTS, "{ greet }", WEFT_MAX_COST="a lot")
    assert ended.status == 2
    assert "WEFT_MAX_COST='a lot': expected a number of 0 or more, or none" in ended.err


def test_a_port_in_use_is_one_line_before_anything_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert refused("serve", POSTS, "--port", port, "--workers", "3").startswith(f"weft: 127.0.0.1:{port} is taken")


def test_a_host_that_nobody_knows_is_one_line() -> None:
    assert refused("serve", POSTS, "--host", "nobody.invalid").startswith("weft: nobody.invalid:8000: ")


@pytest.mark.parametrize("host", ["x" * 64, "a..b"])
def test_a_host_that_cannot_be_is_one_line(host: str) -> None:
    assert refused("serve", POSTS, "--host", host, "--port", "0").startswith(f"weft: {host}:0: ")


def test_missing_secrets_are_told_at_once() -> None:
    ended = here("serve", SHOP, "--port", "0")
    assert (ended.status, ended.out) == (2, "")
    first, *others = ended.err.splitlines()
    assert first.startswith(f"weft: {SHOP}: the graph has 5 faults:")
    assert sorted(line.split()[-4] for line in others) == sorted(SECRETS)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_how_a_graph_is_served_is_said_by_options(tmp_path: Path, workers: str) -> None:
    listed = tmp_path / "documents.json"
    listed.write_text('{"greeting": "query Greeting { greet }"}', encoding="utf-8")
    options = ["--cors-origin", "https://a.example", "--cors-origin", "https://b.example", "--workers", workers]
    with serving(POSTS, *options, WEFT_MAX_BATCH="2", WEFT_TRUSTED_DOCUMENTS=str(listed)) as (gateway, process):
        said = b'[{"documentId": "greeting"}, {"query": "{ greet }"}]'
        answered = gateway.post(said, origin="https://b.example")
        assert answered.headers["access-control-allow-origin"] == "https://b.example"
        greeted, refused_ = answered.json()
        assert greeted == {"data": {"greet": "Hello World!"}}
        assert codes(refused_) == ["DOCUMENT_NOT_TRUSTED"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)


def test_origins_of_the_environment_are_separated_by_spaces() -> None:
    with serving(POSTS, WEFT_CORS_ORIGIN="https://a.example https://b.example") as (gateway, _):
        answered = gateway.post({"query": "{ greet }"}, origin="https://b.example")
        assert answered.headers["access-control-allow-origin"] == "https://b.example"


def test_all_that_is_wrong_with_how_to_serve_is_told_at_once(tmp_path: Path) -> None:
    listed = tmp_path / "documents.json"
    listed.write_text('{"a": "query A { nothing }", "b": "query B {"}', encoding="utf-8")
    options = ["--cors-origin", "https://a.example/", "--trusted-documents", str(listed)]
    ended = here("serve", SHOP, "--port", "0", *options)
    assert (ended.status, ended.out) == (2, "")
    first, *others = ended.err.splitlines()
    assert first == f"weft: {SHOP}: the graph has 8 faults:"
    assert others[:3] == [
        "  Cors: 'https://a.example/' is no origin, such as https://app.example",
        "  document 'a' (A): Cannot query field 'nothing' on type 'Query'.",
        "  document 'b' (B): Syntax Error: Expected Name, found <EOF>.",
    ]


# -- schema -----------------------------------------------------------------------------------------------------------


def test_a_schema_needs_no_secrets_and_equals_itself(tmp_path: Path) -> None:
    printed = here("schema", SHOP)
    assert (printed.status, printed.err) == (0, "")
    assert "  product(id: ID!): Product" in printed.out.splitlines()
    path = tmp_path / "schema.graphql"
    path.write_text(printed.out, encoding="utf-8")
    same = here("schema", SHOP, "--check", str(path))
    assert (same.status, same.out, same.err) == (0, "", "")


def test_the_schema_in_the_repository_is_the_shops() -> None:
    ended = here("schema", SHOP, "--check", "schema.graphql")
    assert (ended.status, ended.out) == (0, "")


def test_a_difference_is_a_diff_from_the_file_to_the_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "old.graphql"
    path.write_text("type Query {\n  word: String\n}\n", encoding="utf-8")
    (tmp_path / "one.py").write_text(OVER_ONE_BACKEND, encoding="utf-8")
    arguments = ("schema", "one.py", "--check", "old.graphql")
    ended = here(*arguments, WEFT_TEST_ONE_URL="http://one.example")
    assert (ended.status, ended.err) == (1, "")
    assert ended.out.splitlines() == [
        "--- old.graphql",
        "+++ one.py",
        "@@ -1,3 +1,3 @@",
        " type Query {",
        "-  word: String",
        "+  word: String!",
        " }",
    ]


def test_each_line_of_a_diff_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.graphql").write_text("type Query {\n  word: String!\n}", encoding="utf-8")
    (tmp_path / "one.py").write_text(OVER_ONE_BACKEND, encoding="utf-8")
    arguments = ("schema", "one.py", "--check", "old.graphql")
    ended = here(*arguments, WEFT_TEST_ONE_URL="http://one.example")
    assert ended.status == 1
    assert "-}+}" not in ended.out


@pytest.mark.parametrize("name", ["missing.graphql", "."])
def test_a_file_to_check_that_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused("schema", str(ROOT / POSTS), "--check", name).startswith(f"weft: {name}: ")


# -- explain ----------------------------------------------------------------------------------------------------------


def test_the_plan_of_posts_and_their_users_is_two_calls() -> None:
    ended = here("explain", POSTS, "{ posts { title user { name } } greet }")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "query: 2 upstream calls in 2 steps",
        "-> posts  GET /posts  [not cached]",
        "     for Query.posts",
        "-> Python resolver",
        "     for Query.greet",
        "   -> posts  GET /users{?id*}  [one call per 100 keys, one per id; not cached]",
        "        for Post.user",
        "cost: 11 for fields, 21 for types; at most 2 upstream calls",
        "compiled",
        "answer: public, not cacheable",
    ]


def test_the_plan_of_a_private_page_says_what_it_forwards() -> None:
    ended = here("explain", SHOP, "query Orders($first: Int!) { orders(first: $first) { id customer { fullName } } }")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("query: 2 upstream calls in 2 steps\n-> orders  GET /orders")
    assert "private (forwards authorization)" in ended.out
    assert "   -> crm  POST /customers/search" in ended.out
    assert ended.out.endswith("answer: private, not cacheable\n")


def test_the_plan_of_a_conditional_field_is_printed() -> None:
    ended = here("explain", POSTS, "query Page($all: Boolean!) { greet posts @include(if: $all) { id } }")
    assert ended.status == 0
    assert ended.out.startswith("query: ")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ posts { id }", "Syntax Error"),
        ("", "Syntax Error"),
        ("{ nothing }", "Cannot query field 'nothing' on type 'Query'."),
        ("{ " + "greet " * 10_001 + "}", "tokens"),
        ("@nothing.graphql", "nothing.graphql"),
    ],
)
def test_a_query_that_cannot_be_planned_is_one_line(query: str, said: str) -> None:
    assert said in refused("explain", POSTS, query)


# -- the process ------------------------------------------------------------------------------------------------------


def test_a_target_with_an_impossible_name_is_one_line() -> None:
    assert refused("schema", "x" * 300).endswith(": no such file")


def test_a_target_that_raises_anything_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text("class Odd(BaseException): ...\nraise Odd('no')\n", encoding="utf-8")
    assert refused("schema", str(tmp_path / "made.py")).endswith("Odd: no")


@pytest.mark.parametrize("arguments", [["schema", "nothing.py"], ["explain", POSTS, "{ nothing }"]])
def test_a_process_ends_with_the_status_and_the_line_that_were_tested_here(arguments: list[str]) -> None:
    ended = weft(*arguments)
    assert Ended(ended.returncode, ended.stdout, ended.stderr) == here(*arguments)
    assert ended.returncode == 2


def test_the_installed_command_is_the_same() -> None:
    command = Path(sys.executable).with_name("weft")
    if not command.exists():
        pytest.skip("weft is not installed beside this Python")
    ended = subprocess.run([command, "schema", "nothing.py"], capture_output=True, text=True, timeout=40, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "weft: nothing.py: no such file\n")


def test_serve_takes_each_option_from_the_environment_too() -> None:
    shown = here("serve", "--help", COLUMNS="200").out
    for option in "host port workers reload drain-seconds cors-origin trusted-documents".split():
        assert f"--{option}" in shown
        assert f"WEFT_{option.upper().replace('-', '_')}" in shown


@pytest.mark.parametrize(
    "mistake", ["--port http", "--port 70000", "--workers 0", "--drain-seconds -1", "--max-batch -1", "--nothing"]
)
def test_a_mistake_in_an_option_is_status_2(mistake: str) -> None:
    assert here("serve", POSTS, *mistake.split()).status == 2
