"""``weft demo`` as somebody starts it: a process of its own, and what it prints."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    """The running demo, and what it says to somebody who would try it.

    Args:
        url: of its GraphQL.
        token: the shopper's.
        services: addresses of the REST services.
    """

    process: subprocess.Popen[str]
    url: str
    token: str
    services: list[str]
    operations: list[str]
    subscriptions: list[str]


@contextlib.contextmanager
def running_demo() -> Iterator[Demo]:
    """Run the demo until the block ends, or it is told to stop."""
    process = subprocess.Popen(
        [sys.executable, "-m", "graph.main", "demo", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        text = ""
        for line in process.stdout or ():
            text += line
            if "Ctrl-C" in line:
                break
        yield Demo(
            process=process,
            url=re.findall(r"http://127.0.0.1:\d+/graphql", text)[0],
            token=re.findall(r"Bearer ([\w.-]+)", text)[0],
            services=re.findall(r"(http://127.0.0.1:\d+)/docs", text),
            operations=re.findall(r"^   (\{.*|mutation .*)$", text, re.MULTILINE),
            subscriptions=re.findall(r"^   (subscription .*)$", text, re.MULTILINE),
        )
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()
