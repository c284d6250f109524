"""Compare Weft with a hand-written server: CPU per request, and memory under distinct texts.

One core runs the server, another the clients and the REST backend. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.cases import CASES, DISTINCT, FIRST_NUMBER, Case
from benchmarks.guarded import token
from benchmarks.load import Load, LoadError, Outcome, drive
from benchmarks.server import Server, ServerError, free_port, pinned, running

WEFT, GUARDED, HANDWRITTEN = "weft", "weft, guarded", "hand-written"
MEMORY_REQUESTS = 100_000
_MOST_GUARDED = 1.15  # of the CPU of the same graph without


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line asked for."""

    cases: tuple[Case, ...]
    servers: tuple[str, ...]
    seconds: float
    warmup_s: float
    repeats: int
    connections: int
    memory: int | None
    peer_caches: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One timed run."""

    rate: float
    cpu_us: float
    busy: float


class Bench:
    """The machine's two cores, the backend that is running, and request numbers that never repeat."""

    def __init__(self, settings: Settings, *, server_core: int, upstream: Server, logs: Path) -> None:
        self._settings = settings
        self._server_core = server_core
        self._upstream = upstream
        self._logs = logs
        self._first = itertools.count(FIRST_NUMBER, 10_000_000)

    def timings(self) -> dict[tuple[str, str], list[Figure]]:
        """Run all cases against all servers, turn by turn, and give the figures by (case, server)."""
        figures: dict[tuple[str, str], list[Figure]] = {}
        for turn in range(1, self._settings.repeats + 1):
            for name in self._settings.servers:
                with self._serving(name) as server:
                    for case in self._settings.cases:
                        figure = self._time(server, case)
                        figures.setdefault((case.name, name), []).append(figure)
                        _say(f"[{turn}/{self._settings.repeats}] {case.name:8} {name:12} {_describe(figure)}")
        return figures

    def memory(self, requests: int) -> dict[str, tuple[int, int]]:
        """Give each server's resident bytes after one answer, and its peak after ``requests`` new texts."""
        figures = {}
        for name in self._settings.servers:
            with self._serving(name) as server:
                _verify(server, DISTINCT, FIRST_NUMBER)
                before = server.memory_bytes(peak=False)
                _say(f"memory   {name:12} {requests:,} requests …")
                outcome = self._drive(server, DISTINCT, limit=requests)
                _verify(server, DISTINCT, FIRST_NUMBER + 1)
                figures[name] = before, server.memory_bytes(peak=True)
                _say(f"memory   {name:12} {outcome.requests:,} answered in {outcome.elapsed_s:,.0f} s")
        return figures

    def _time(self, server: Server, case: Case) -> Figure:
        self._drive(server, case, seconds=self._settings.warmup_s)
        before_s = server.cpu_s()
        outcome = self._drive(server, case, seconds=self._settings.seconds)
        spent_s = server.cpu_s() - before_s
        _verify(server, case, FIRST_NUMBER)
        return Figure(
            rate=outcome.requests / outcome.elapsed_s,
            cpu_us=spent_s / outcome.requests * 1e6,
            busy=spent_s / outcome.elapsed_s,
        )

    def _drive(self, server: Server, case: Case, *, seconds: float | None = None, limit: int | None = None) -> Outcome:
        """Verify one answer as JSON, then demand its bytes of every other; varying answers are sampled."""
        first = next(self._first)
        good = _verify(server, case, first)

        def accepts_same(_: int, answer: bytes) -> bool:
            return answer == good

        def accepts_own(number: int, answer: bytes) -> bool:
            return len(answer) == len(good) and (number % 500 != 0 or case.accepts(number, answer))

        accepts = accepts_own if case.varies else accepts_same
        load = Load(
            port=server.port,
            connections=self._settings.connections,
            body=case.body,
            accepts=accepts,
            first=first + 1,
            seconds=seconds,
            limit=limit,
            headers=_headers(server),
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(drive(load))

    @contextmanager
    def _serving(self, name: str) -> Iterator[Server]:
        port = free_port()
        command = _handwritten(port) if name == HANDWRITTEN else _weft(port, _TARGETS[name])
        env = {"POSTS_URL": f"http://127.0.0.1:{self._upstream.port}"}
        if self._settings.peer_caches:
            env["CACHED_DOCUMENTS"] = "1"
        with running(name, command, port=port, core=self._server_core, env=env, logs=self._logs) as server:
            try:
                yield server
            except (LoadError, OSError) as exc:
                raise ServerError(f"{name}: {exc}\n{server.last_words()}") from exc


_TARGETS = {WEFT: "examples/posts/graph.py", GUARDED: "benchmarks/guarded.py"}


def _headers(server: Server) -> dict[str, str]:
    """Give what the clients of a server show: tokens where it asks for them, nothing elsewhere."""
    return {"Authorization": f"Bearer {token()}"} if server.name == GUARDED else {}


def _weft(port: int, target: str) -> list[str]:
    return [sys.executable, "-m", "graph.main", "serve", target, "--host", "127.0.0.1", "--port", str(port)]


def _handwritten(port: int) -> list[str]:
    fast = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    target = ["-m", "uvicorn", "benchmarks.handwritten:app"]
    return [sys.executable, *target, *fast, "--host", "127.0.0.1", "--port", str(port)]


def _verify(server: Server, case: Case, number: int) -> bytes:
    """Ask once, and give the answer.

    Raises:
        LoadError: the answer is not the expected one.
    """
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        headers = {"Content-Type": "application/json", "Accept": "application/json", **_headers(server)}
        connection.request("POST", "/graphql", case.body(number), headers)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as exc:
        raise LoadError(f"{case.name}: no answer: {exc!r}") from exc
    finally:
        connection.close()
    if response.status != 200 or not case.accepts(number, answer):
        raise LoadError(f"{case.name}: wrong answer, status {response.status}: {answer[:300]!r}")
    return answer


def timing_table(settings: Settings, figures: dict[tuple[str, str], list[Figure]]) -> str:
    """Write the medians as a Markdown table, a case's servers below each other."""
    lines = [
        "| case | server | req/s | CPU µs/req (min–max) | server core | CPU ratio | required |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for case in settings.cases:
        cost = {name: _median(figures[case.name, name], "cpu_us") for name in settings.servers}
        for name in settings.servers:
            runs = figures[case.name, name]
            ratio = required = ""
            if name == WEFT and HANDWRITTEN in cost and cost[WEFT] > 0:
                ratio, required = f"1/{cost[HANDWRITTEN] / cost[WEFT]:.1f}", f"1/{case.share}"
            if name == GUARDED and cost[WEFT] > 0:
                ratio, required = f"{cost[GUARDED] / cost[WEFT]:.2f}", f"{_MOST_GUARDED:.2f}"
            low, high = min(run.cpu_us for run in runs), max(run.cpu_us for run in runs)
            lines.append(
                f"| {case.name} | {name} | {_median(runs, 'rate'):,.0f} "
                f"| {cost[name]:,.1f} ({low:,.1f}–{high:,.1f}) "
                f"| {_median(runs, 'busy'):.0%} | {ratio} | {required} |"
            )
    return "\n".join(lines)


def memory_table(requests: int, figures: dict[str, tuple[int, int]]) -> str:
    """Write the memory figures as a Markdown table."""
    lines = ["| server | distinct texts | RSS before MB | peak RSS MB |", "|---|--:|--:|--:|"]
    for name, (before, peak) in figures.items():
        lines.append(f"| {name} | {requests:,} | {before / 2**20:,.0f} | {peak / 2**20:,.0f} |")
    return "\n".join(lines)


def _median(runs: list[Figure], attribute: str) -> float:
    return statistics.median(float(getattr(run, attribute)) for run in runs)


def _describe(figure: Figure) -> str:
    return f"{figure.rate:9,.0f} req/s {figure.cpu_us:9,.1f} µs/req, server core {figure.busy:.0%} busy"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _settings() -> Settings:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a timed run (default 10)")
    parser.add_argument("--warmup", type=float, default=2.0, help="seconds of load before each timed run (default 2)")
    parser.add_argument("--repeats", type=int, default=3, help="turns; the table shows the medians (default 3)")
    parser.add_argument("--connections", type=int, default=64, help="clients (default 64)")
    parser.add_argument("--cases", default=",".join(CASES), help=f"of {', '.join(CASES)} (default all)")
    parser.add_argument(
        "--memory",
        type=int,
        nargs="?",
        const=MEMORY_REQUESTS,
        metavar="N",
        help=f"instead of timing: peak memory after N distinct texts (default {MEMORY_REQUESTS:,})",
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--peer-only", action="store_true", help="the hand-written server alone")
    only.add_argument("--weft-only", action="store_true", help="Weft alone")
    only.add_argument(
        "--guarded", action="store_true", help="Weft beside itself with tokens, rates, scopes and policies"
    )
    parser.add_argument(
        "--peer-caches", action="store_true", help="give the hand-written server Strawberry's document caches"
    )
    given = parser.parse_args()
    names = given.cases.split(",")
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"unknown cases: {', '.join(unknown)}; there are {', '.join(CASES)}")
    if min(given.seconds, given.warmup, given.repeats, given.connections) <= 0 or given.memory == 0:
        parser.error("seconds, repeats, connections and counts are above 0")
    return Settings(
        cases=tuple(CASES[name] for name in names),
        servers=_servers(given),
        seconds=given.seconds,
        warmup_s=given.warmup,
        repeats=given.repeats,
        connections=given.connections,
        memory=given.memory,
        peer_caches=given.peer_caches,
    )


def _servers(given: argparse.Namespace) -> tuple[str, ...]:
    if given.peer_only:
        return (HANDWRITTEN,)
    if given.guarded:
        return WEFT, GUARDED
    return (WEFT,) if given.weft_only else (WEFT, HANDWRITTEN)


def main() -> int:
    """Run the benchmark and print its table; give the exit status."""
    settings = _settings()
    for end in (signal.SIGINT, signal.SIGTERM):  # either one unwinds this, so that the servers are stopped
        signal.signal(end, signal.default_int_handler)
    server_core, *others = sorted(os.sched_getaffinity(0))
    load_core = others[0] if others else server_core
    if not others:
        _say("This machine has one core: server, clients and backend share it. CPU per request still compares.")
    port = free_port()
    upstream_command = [sys.executable, "-m", "benchmarks.upstream", "--port", str(port)]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="weft-bench-") as logs,
            running("upstream", upstream_command, port=port, core=load_core, env={}, logs=Path(logs)) as upstream,
            pinned(load_core),
        ):
            bench = Bench(settings, server_core=server_core, upstream=upstream, logs=Path(logs))
            if settings.memory is None:
                print(timing_table(settings, bench.timings()))
            else:
                print(memory_table(settings.memory, bench.memory(settings.memory)))
    except ServerError as exc:
        _say(f"stopped: {exc}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted; the servers are stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
