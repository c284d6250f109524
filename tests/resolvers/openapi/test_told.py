"""Whatever is lost of an operation is explained to people."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
FILES = ("arguments", "bodies", "fields", "happenings", "links", "results", "sound")
ROW = re.compile(r"^\| `([a-z-]+)` \|", re.MULTILINE)


def reasons(path: Path) -> set[str]:
    """Give the reasons of the losses that a file notes."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return {
        str(argument.value)
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add" and len(call.args) > 2
        for argument in call.args[1:2]
        if isinstance(argument, ast.Constant)
    }


def test_every_reason_has_its_row() -> None:
    noted = set().union(*(reasons(ROOT / "resolvers/openapi" / f"{name}.py") for name in FILES))
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    told = ROW.findall(text.partition("## What is lost")[2])
    assert sorted(told) == sorted(noted)
