"""Servers that are told to stop: real processes, told by real signals, while clients wait."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import strawberry

from graph import App, Graph
from sources import FakeTransport, Rest
from tests.graph.serving.backend import Backend, Gateway, codes, until
from tests.graph.serving.command import OVER_ONE_BACKEND, POSTS, is_ready, refuses_connections, serving
from tests.serving import running

HOWEVER = [[], ["--workers", "2"], ["--reload"]]
ENDLESS = ["--drain-seconds", "600"]
TICKING = """
import asyncio
from collections.abc import AsyncIterator
import strawberry
from graph import Graph
@strawberry.type
class Query:
    word: str = "tick"
@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()
graph = Graph(query=Query, subscription=Subscription)
"""


class Stage(NamedTuple):
    backend: Backend
    gateway: Gateway
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Tell the server to stop, and wait until it has heard it."""
        self.process.send_signal(signal.SIGTERM)
        until(lambda: refuses_connections(self.gateway))

    def ended(self) -> tuple[int, str]:
        """Wait until the server has ended; give its status and what it said."""
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors

    def ask(self, query: str = "{ word }") -> socket.socket:
        """Send a query, and leave the answer unread."""
        body = json.dumps({"query": query}).encode()
        connection = self.gateway.connect()
        connection.settimeout(20)
        head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        return connection


@contextmanager
def holding(tmp_path: Path, *options: str, word: str = "the last word") -> Iterator[Stage]:
    """Serve one field, whose backend answers when it is let go."""
    target = tmp_path / "one.py"
    target.write_text(OVER_ONE_BACKEND, encoding="utf-8")
    backend = Backend(lambda path, headers: word)
    backend.held.set()
    try:
        with running(backend) as url, serving(str(target), *options, WEFT_TEST_ONE_URL=url) as (gateway, process):
            try:
                until(lambda: is_ready(gateway), 40)
                yield Stage(backend, gateway, process)
            finally:
                backend.held.clear()
    finally:
        backend.held.clear()


@pytest.mark.parametrize("options", HOWEVER)
def test_a_request_under_way_is_answered_and_no_other_is_taken(tmp_path: Path, options: list[str]) -> None:
    with holding(tmp_path, *options) as stage, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stage.gateway.post, {"query": "{ word }"})
        until(lambda: stage.backend.asked == ["GET /word"])
        stage.stop()
        assert stage.process.poll() is None
        stage.backend.held.clear()
        answered = waiting.result(10)
        assert answered.json() == {"data": {"word": "the last word"}}
        assert answered.headers["connection"] == "close"
        assert stage.ended() == (0, "")


@pytest.mark.parametrize("options", HOWEVER)
def test_a_second_signal_ends_it_at_once(tmp_path: Path, options: list[str]) -> None:
    with holding(tmp_path, *ENDLESS, *options) as stage, stage.ask() as connection:
        until(lambda: stage.backend.asked == ["GET /word"])
        stage.stop()
        stage.process.send_signal(signal.SIGTERM)
        assert stage.ended() == (0, "")
        assert said_before_the_end(connection) == b""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_to_all_processes_of_a_group_is_one_wish(tmp_path: Path, stop: signal.Signals) -> None:
    # SIGINT is what Ctrl-C in a terminal does, SIGTERM what systemd does.
    with holding(tmp_path, *ENDLESS, "--workers", "2") as stage, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stage.gateway.ask, "{ word }")
        until(lambda: stage.backend.asked == ["GET /word"])
        os.killpg(stage.process.pid, stop)
        until(lambda: refuses_connections(stage.gateway))
        stage.backend.held.clear()
        assert waiting.result(10) == {"data": {"word": "the last word"}}
        assert stage.ended() == (0, "")


def test_workers_do_not_outlive_the_process_that_started_them(tmp_path: Path) -> None:
    with holding(tmp_path, "--workers", "2") as stage, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stage.gateway.ask, "{ word }")
        until(lambda: stage.backend.asked == ["GET /word"])
        stage.process.kill()
        stage.backend.held.clear()
        assert waiting.result(10) == {"data": {"word": "the last word"}}
        until(lambda: refuses_connections(stage.gateway))
        _, errors = stage.process.communicate(timeout=20)  # which ends when no process is left to say anything
        assert "Traceback" not in errors
        assert "the process that started this worker has gone, and the worker stops" in errors


@pytest.mark.parametrize("options", [[], ["--workers", "2"]])
def test_when_the_time_is_over_what_is_not_there_fails(tmp_path: Path, options: list[str]) -> None:
    with holding(tmp_path, "--drain-seconds", "1", *options) as stage, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stage.gateway.ask, "{ __typename word }")
        until(lambda: stage.backend.asked == ["GET /word"])
        stage.stop()
        assert codes(waiting.result(10)) == ["UPSTREAM_TIMEOUT"]
        assert stage.ended() == (0, "")


def test_the_time_may_be_none_at_all(tmp_path: Path) -> None:
    with holding(tmp_path, "--drain-seconds", "0") as stage, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(stage.gateway.ask, "{ word }")
        until(lambda: stage.backend.asked == ["GET /word"])
        stage.stop()
        assert codes(waiting.result(10)) == ["UPSTREAM_TIMEOUT"]
        assert stage.ended() == (0, "")


def test_idle_connections_are_closed_while_others_are_still_answered(tmp_path: Path) -> None:
    with holding(tmp_path, *ENDLESS) as stage, stage.gateway.connect() as silent, stage.gateway.connect() as idle:
        idle.settimeout(20)
        silent.settimeout(20)
        idle.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        found = b""
        while not found.endswith(b'{"status":"ok"}'):
            found += idle.recv(65536)
        with stage.ask() as waiting:
            until(lambda: stage.backend.asked == ["GET /word"])
            stage.stop()
            assert said_before_the_end(idle) == said_before_the_end(silent) == b""
            stage.backend.held.clear()
            assert said_before_the_end(waiting).endswith(b'{"data":{"word":"the last word"}}')
        assert stage.ended() == (0, "")


def test_half_a_request_holds_the_server_no_longer_than_it_may_be(tmp_path: Path) -> None:
    with holding(tmp_path, "--drain-seconds", "1") as stage, stage.gateway.connect() as connection:
        connection.settimeout(20)
        head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        connection.sendall(head + b'content-length: 100\r\nexpect: 100-continue\r\n\r\n{"query"')
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        stage.stop()
        assert said_before_the_end(connection) == b""
        assert stage.ended() == (0, "")


def test_a_long_answer_is_read_to_its_end_by_a_slow_client(tmp_path: Path) -> None:
    word = "weft" * 2_000_000
    with holding(tmp_path, *ENDLESS, word=word) as stage, stage.ask() as connection:
        stage.backend.held.clear()
        assert connection.recv(1) == b"H"
        stage.stop()
        assert said_before_the_end(connection).endswith(b'{"data":{"word":"%b"}}' % word.encode())
        assert stage.ended() == (0, "")


def test_a_client_that_reads_nothing_holds_the_server_no_longer_than_it_may_be(tmp_path: Path) -> None:
    with holding(tmp_path, "--drain-seconds", "1", word="weft" * 2_000_000) as stage, stage.ask() as connection:
        stage.backend.held.clear()
        assert connection.recv(1) == b"H"
        stage.stop()
        assert stage.ended() == (0, "")


def test_a_server_that_serves_nobody_ends_whatever_its_time(tmp_path: Path) -> None:
    with serving(POSTS, *ENDLESS) as (gateway, process):
        assert gateway.ask("{ greet }") == {"data": {"greet": "Hello World!"}}
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    told = [line for line in errors.splitlines() if "does not answer" not in line]  # a machine without the internet
    assert (process.returncode, told) == (0, [])


@pytest.mark.parametrize("options", HOWEVER)
def test_a_stream_is_complete_at_once(tmp_path: Path, options: list[str]) -> None:
    target = tmp_path / "ticking.py"
    target.write_text(TICKING, encoding="utf-8")
    with serving(str(target), *ENDLESS, *options) as (gateway, process):
        until(lambda: is_ready(gateway), 40)
        query, headers = {"query": "subscription { ticks }"}, {"accept": "text/event-stream"}
        with gateway.client.stream("GET", gateway.url, params=query, headers=headers) as response:
            lines = response.iter_lines()
            assert 'data: {"data":{"ticks":1}}' in lines
            process.send_signal(signal.SIGTERM)
            assert list(lines) == ["", "event: complete", "data:", ""]
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


async def test_an_application_that_drains_is_not_ready_but_answers() -> None:
    source = Rest("one", "http://one.example", client=FakeTransport({"GET /word": "still"}))

    @strawberry.type
    class Query:
        @source.get("/word")
        def word(self) -> str: ...

    app = App(Graph(query=Query))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://weft") as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"status": "starting"})
        await app.drain(600)
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"status": "stopping"})
        assert (await client.get("/healthz")).status_code == 200
        answered = await client.post("/graphql", json={"query": "{ word }"})
        assert answered.json() == {"data": {"word": "still"}}


def said_before_the_end(connection: socket.socket) -> bytes:
    """Give what comes from a connection until its other end closes it, or resets it."""
    said = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            said += piece
    return said
