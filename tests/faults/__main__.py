"""The long run under fire, and its figures as a table.

    python -m tests.faults [--operations 1000] [--write docs/reliability.md]

Exits with 1 where an answer was wrong or lost, something was written twice, or the process holds more than before.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.load import Figures
from tests.faults.stage import ANY, PHASES, cancelled, staged
from tests.faults.watchers import Watcher

_DEFAULT = 1000
_COLUMNS = (
    "fault",
    "operations",
    "faults injected",
    "answers without errors",
    "with errors",
    "wrong",
    "lost",
    "highest latency, s",
    "where only steady backends are asked, s",
)
_BETWEEN = re.compile(r"(?<=<!-- figures -->\n).*(?=<!-- end of figures -->)", re.DOTALL)


async def measured(operations: int, folder: Path) -> tuple[str, bool]:
    """Run every fault; give the figures in Markdown, and whether all is as it must be."""
    began_at = time.monotonic()
    lines: list[str] = []
    told: list[str] = []
    in_all = Figures()
    recovered_s = 0.0
    async with staged(folder) as stage:
        await stage.phase(ANY, 400)
        await stage.recovered()
        at_rest = await stage.settled()
        watchers = [Watcher(stage.root, f"watcher-{number}") for number in range(3)]
        watching = [asyncio.create_task(watcher.watch()) for watcher in watchers]
        for name in PHASES:
            figures = await stage.phase(name, operations)
            recovered_s = max(recovered_s, await stage.recovered())
            lines.append(_row(name, figures))
            sys.stderr.write(lines[-1])
            in_all += figures
        for task in watching:
            told += [f"a socket ended: {task!r}"] if task.done() else []
            await cancelled(task)
        told += [line for watcher in watchers for line in watcher.wrong]
        told += in_all.told
        twice = [key for key, times in stage.backends.written.items() if times > 1]
        left = await stage.settled(at_rest)
    lines.append(_row("**all**", in_all))
    grown = [name for name in at_rest if name != "bytes" and left[name] > at_rest[name]]
    heard, stormy = (sum(watcher.heard[name] for watcher in watchers) for name in ("calm", "stormy"))
    asked, wrong = sum(watcher.asked for watcher in watchers), sum(len(watcher.wrong) for watcher in watchers)
    tried, succeeded = len(stage.clients.tried), len(stage.clients.succeeded)
    text = f"""| {" | ".join(_COLUMNS)} |
|---|{"--:|" * (len(_COLUMNS) - 1)}
{"".join(lines)}
Of {tried:,} mutations {succeeded:,} were answered with success; {len(twice)} reached their backend twice. Meanwhile
three sockets had {heard:,} events of a steady backend, none of them missing, {stormy:,} of a broken one and {asked:,}
private answers; {wrong} were wrong. When a fault was over, every kind of operation was answered whole again within
{recovered_s:.1f} s.

| the process holds | before | afterwards |
|---|--:|--:|
| tasks | {at_rest["tasks"]} | {left["tasks"]} |
| operations and calls under way (the one that looks is one) | {at_rest["underWay"]} | {left["underWay"]} |
| subscriptions | {at_rest["subscriptions"]} | {left["subscriptions"]} |
| descriptors | {at_rest["descriptors"]} | {left["descriptors"]} |
| memory, MB | {at_rest["bytes"] / 1e6:.0f} | {left["bytes"] / 1e6:.0f} |

{_command(operations)}, {time.monotonic() - began_at:.0f} s, {os.cpu_count()} cores shared with others,
{platform.system()}, Python {platform.python_version()}.
"""
    for line in told:
        sys.stderr.write(f"{line}\n")
    return text, not (told or twice or grown or in_all.wrong or in_all.lost)


def _row(name: str, figures: Figures) -> str:
    counts = (figures.sent, figures.injected, figures.whole, figures.partial, figures.wrong, figures.lost)
    latencies = (figures.highest_s, figures.highest_untouched_s)
    cells = [name, *(f"{count:,}" for count in counts), *(f"{seconds:.2f}" for seconds in latencies)]
    return f"| {' | '.join(cells)} |\n"


def _command(operations: int) -> str:
    return "`make faults" + ("`" if operations == _DEFAULT else f' ARGS="--operations {operations}"`')


def main() -> None:
    """Run, and print the figures or put them into a document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=_DEFAULT, help=f"under each fault (default: {_DEFAULT})")
    parser.add_argument("--write", type=Path, help="a document whose figures are replaced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text, is_sound = asyncio.run(measured(options.operations, Path(folder)))
    if options.write is None:
        sys.stdout.write(text)
    else:
        written = _BETWEEN.sub(lambda _: f"\n{text}\n", options.write.read_text(encoding="utf-8"))
        options.write.write_text(written, encoding="utf-8")
    sys.exit(0 if is_sound else 1)


if __name__ == "__main__":
    main()
