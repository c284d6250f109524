"""Compare Weft's subscriptions with Strawberry's own: CPU per delivered message, lag, losses, memory per socket.

One core runs the server, another the clients. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import statistics
import sys
import tempfile
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.server import Server, ServerError, free_port, pinned, running
from benchmarks.sockets import Received, SocketError, Sockets
from benchmarks.ticks import RATE_VARIABLE

WEFT, STRAWBERRY = "weft", "strawberry"
FAST = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--backlog", "4096")
CEILING = ("-m", "benchmarks.ticks_ceiling")
SERVERS = {
    WEFT: ("-m", "graph.main", "serve", "benchmarks/ticks_weft.py"),
    STRAWBERRY: ("-m", "uvicorn", "benchmarks.ticks_strawberry:app", *FAST),
    "ceiling": CEILING,
    "ceiling-task": (*CEILING, "--writer", "task"),
    "wsproto": (*CEILING, "--ws", "wsproto"),
    "wsproto-task": (*CEILING, "--ws", "wsproto", "--writer", "task"),
    "websockets": (*CEILING, "--ws", "websockets"),
    "websockets-task": (*CEILING, "--ws", "websockets", "--writer", "task"),
}
_FILES_BESIDE_SOCKETS = 200
_FIRST_SOCKETS = 20
_CALM_S = 1.0
_LATE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line asked for."""

    servers: tuple[str, ...]
    sockets: int
    rate: float
    seconds: float
    warmup_s: float
    repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run; memory in bytes, a socket's share of it idle and subscribed."""

    rate: float
    cpu_us: float
    busy: float
    clients_busy: float
    lag_p50_ms: float
    lag_p99_ms: float
    lost: int
    idle_bytes: float
    subscribed_bytes: float
    peak_bytes: int


async def measure(server: Server, settings: Settings) -> Figure:
    """Open the sockets, see what they cost idle, subscribe on all, and count.

    Raises:
        SocketError: the server refused or closed a socket.
    """
    first = Sockets(server.port)  # what is loaded or made once is no socket's share
    try:
        await first.open(_FIRST_SOCKETS)
        await first.subscribe()
    finally:
        first.close()
    await asyncio.sleep(_CALM_S)
    before_bytes = server.memory_bytes(peak=False)
    sockets = Sockets(server.port)
    try:
        await sockets.open(settings.sockets)
        await sockets.listen(_CALM_S)
        idle_bytes = server.memory_bytes(peak=False) - before_bytes
        await sockets.subscribe()
        await sockets.listen(settings.warmup_s)
        subscribed_bytes = server.memory_bytes(peak=False) - before_bytes
        sockets.received = Received()
        before_s, own_before_s, started_at = server.cpu_s(), time.process_time(), time.monotonic()
        await sockets.listen(settings.seconds)
        newest, late_at = sockets.newest, time.monotonic() + _LATE_S
        while (missing := sockets.behind(newest)) and time.monotonic() < late_at:
            await sockets.listen(0.01)
        spent_s, own_s = server.cpu_s() - before_s, time.process_time() - own_before_s
        elapsed_s = time.monotonic() - started_at
        received = sockets.received
        peak_bytes = server.memory_bytes(peak=True)
    finally:
        sockets.close()
    messages = max(received.messages, 1)
    return Figure(
        rate=received.messages / elapsed_s,
        cpu_us=spent_s / messages * 1e6,
        busy=spent_s / elapsed_s,
        clients_busy=own_s / elapsed_s,
        lag_p50_ms=_quantile(received.lags_s, 0.5) * 1e3,
        lag_p99_ms=_quantile(received.lags_s, 0.99) * 1e3,
        lost=received.lost + missing,
        idle_bytes=idle_bytes / settings.sockets,
        subscribed_bytes=subscribed_bytes / settings.sockets,
        peak_bytes=peak_bytes,
    )


def run(settings: Settings, *, server_core: int, logs: Path) -> dict[str, list[Figure]]:
    """Measure all servers, turn by turn, each time a fresh one.

    Raises:
        ServerError: a server did not start, or did not serve all sockets.
    """
    figures: dict[str, list[Figure]] = {name: [] for name in settings.servers}
    env = {RATE_VARIABLE: str(settings.rate)}
    for turn in range(1, settings.repeats + 1):
        for name in settings.servers:
            port = free_port()
            command = [sys.executable, *SERVERS[name], "--port", str(port)]
            with (
                running(name, command, port=port, core=server_core, env=env, logs=logs) as server,
                asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            ):
                try:
                    figure = runner.run(measure(server, settings))
                except SocketError as exc:
                    raise ServerError(f"{name}: {exc}\n{server.last_words()}") from exc
            figures[name].append(figure)
            _say(f"[{turn}/{settings.repeats}] {name:15} {_describe(figure)}")
    return figures


def table(settings: Settings, figures: dict[str, list[Figure]]) -> str:
    """Write the medians as a Markdown table, the smallest and largest CPU figures beside theirs."""
    lines = [
        f"{settings.sockets:,} sockets, {settings.rate:g} events/s: "
        f"{settings.sockets * settings.rate:,.0f} messages/s to deliver",
        "",
        "| server | delivered/s | CPU µs/message (min–max) | CPU ratio | lag p50 ms | lag p99 ms (min–max) | lost "
        "| KiB/idle socket | KiB/subscribed socket | peak RSS MB | server core | client core |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    cost = {name: _median(figures[name], "cpu_us") for name in settings.servers}
    for name in settings.servers:
        runs = figures[name]
        costs, lags = [run.cpu_us for run in runs], [run.lag_p99_ms for run in runs]
        ratio = f"1/{cost[STRAWBERRY] / cost[name]:.1f}" if STRAWBERRY in cost and name != STRAWBERRY else ""
        lines.append(
            f"| {name} | {_median(runs, 'rate'):,.0f} "
            f"| {cost[name]:,.1f} ({min(costs):,.1f}–{max(costs):,.1f}) | {ratio} "
            f"| {_median(runs, 'lag_p50_ms'):,.0f} "
            f"| {_median(runs, 'lag_p99_ms'):,.0f} ({min(lags):,.0f}–{max(lags):,.0f}) "
            f"| {max(run.lost for run in runs):,} "
            f"| {_median(runs, 'idle_bytes') / 1024:,.1f} | {_median(runs, 'subscribed_bytes') / 1024:,.1f} "
            f"| {_median(runs, 'peak_bytes') / 2**20:,.0f} "
            f"| {_median(runs, 'busy'):.0%} | {_median(runs, 'clients_busy'):.0%} |"
        )
    return "\n".join(lines)


def _quantile(values: array[float], share: float) -> float:
    """Give a quantile; NaN where there is nothing.

    >>> _quantile(array("d", [3.0, 1.0, 2.0]), 0.5)
    2.0
    """
    if not values:
        return float("nan")
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _median(runs: list[Figure], attribute: str) -> float:
    return statistics.median(float(getattr(run, attribute)) for run in runs)


def _describe(figure: Figure) -> str:
    return (
        f"{figure.rate:9,.0f} messages/s {figure.cpu_us:7,.1f} µs/message, "
        f"lag {figure.lag_p50_ms:,.0f} / {figure.lag_p99_ms:,.0f} ms, {figure.lost:,} lost, "
        f"{figure.idle_bytes / 1024:,.1f} KiB/socket, cores {figure.busy:.0%} / {figure.clients_busy:.0%}"
    )


def _allow_files(sockets: int) -> int:
    """Raise the limit of open files, which servers inherit, and give how many sockets fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + _FILES_BESIDE_SOCKETS
    if soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _FILES_BESIDE_SOCKETS
    if allowed < sockets:
        _say(f"This machine allows {hard:,} open files: {allowed:,} sockets instead of {sockets:,}.")
    return min(allowed, sockets)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _settings() -> Settings:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=1_000, help="clients, one subscription each (default 1,000)")
    parser.add_argument("--rate", type=float, default=10.0, help="events per second (default 10)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a timed run (default 10)")
    parser.add_argument("--warmup", type=float, default=3.0, help="seconds of events before it (default 3)")
    parser.add_argument("--repeats", type=int, default=3, help="turns; the table shows the medians (default 3)")
    usual = f"{WEFT},{STRAWBERRY},ceiling"
    parser.add_argument("--servers", default=usual, help=f"of {', '.join(SERVERS)} (default {usual})")
    given = parser.parse_args()
    names = tuple(given.servers.split(","))
    if unknown := [name for name in names if name not in SERVERS]:
        parser.error(f"unknown servers: {', '.join(unknown)}; there are {', '.join(SERVERS)}")
    if min(given.sockets, given.rate, given.seconds, given.warmup, given.repeats) <= 0:
        parser.error("sockets, rate, seconds, warmup and repeats are above 0")
    return Settings(
        servers=names,
        sockets=_allow_files(given.sockets),
        rate=given.rate,
        seconds=given.seconds,
        warmup_s=given.warmup,
        repeats=given.repeats,
    )


def main() -> int:
    """Run the benchmark and print its table; give the exit status."""
    settings = _settings()
    for end in (signal.SIGINT, signal.SIGTERM):  # either one unwinds this, so that the servers are stopped
        signal.signal(end, signal.default_int_handler)
    server_core, *others = sorted(os.sched_getaffinity(0))
    if not others:
        _say("This machine has one core: server and clients share it. CPU per message still compares.")
    try:
        with tempfile.TemporaryDirectory(prefix="weft-bench-") as logs, pinned(others[0] if others else server_core):
            print(table(settings, run(settings, server_core=server_core, logs=Path(logs))))
    except ServerError as exc:
        _say(f"stopped: {exc}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted; the servers are stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
