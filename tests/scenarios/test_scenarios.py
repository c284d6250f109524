"""Scenarios: one Markdown file per behaviour, with a graph, what its backend holds, an operation, and what comes of it.

Everything from ``## Plan`` on is written by the runner. After an intended change,
``pytest tests/scenarios --snapshot-update`` writes it anew; the difference is for the reviewer to read. The calls make
a lost batch visible.
"""

from __future__ import annotations

import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from graph import Graph
from graph.explain import explain
from sources import FakeTransport

FOLDER = Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.md"))


class Scenario(SingleFileSnapshotExtension):
    """Keeps a snapshot in the scenario's own file."""

    _write_mode = WriteMode.TEXT
    file_extension = "md"

    @classmethod
    def get_location(cls, *, test_location: PyTestLocation, index: Any) -> str:
        found = re.search(r"\[(.+)\]", test_location.snapshot_name)
        assert found is not None
        return str(FOLDER / f"{found[1]}.md")

    @classmethod
    def matches_test_location(cls, *, test_location: PyTestLocation, snapshot_location: str) -> bool:
        return snapshot_location == cls.get_location(test_location=test_location, index=0)

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(FOLDER)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def module_of(name: str, text: str, backend: FakeTransport) -> dict[str, Any]:
    module = types.ModuleType(f"scenario_{name}")
    module.__dict__["backend"] = backend

    sys.modules[module.__name__] = module
    try:
        exec(compile(text, f"{name}.md", "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module.__dict__


async def told(name: str, head: str) -> str:
    """Give the scenario with what happens when it is played."""
    [code], [upstream], operations = blocks(head, "python"), blocks(head, "json"), blocks(head, "graphql")
    answers = {
        call: tuple(value) if isinstance(value, list) and len(value) == 2 and isinstance(value[0], int) else value
        for call, value in json.loads(upstream).items()
    }
    backend = FakeTransport(answers)
    graph = module_of(name, code, backend)["graph"]
    assert isinstance(graph, Graph)
    parts = [head.rstrip(), "## Plan"]
    parts += [f"```text\n{explain(graph, operation)}\n```" for operation in operations]
    for operation in operations:
        backend.calls.clear()
        answer = await graph.execute(operation)
        calls = [
            call + (f" {body.decode()}" if body else "")
            for call, body in zip(backend.calls, backend.bodies[-len(backend.calls) :], strict=False)
        ]
        parts += ["## Calls", "\n".join(["```text", *calls, "```"])]
        parts += ["## Answer", f"```json\n{json.dumps(answer, indent=2, ensure_ascii=False)}\n```"]
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize("name", NAMES)
async def test_scenario(name: str, snapshot: SnapshotAssertion) -> None:
    head = (FOLDER / f"{name}.md").read_text(encoding="utf-8").split("\n## Plan\n")[0]
    assert await told(name, head) == snapshot(extension_class=Scenario)
