"""The documentation tells every way in which a part of a document or of its schemas is lost."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
ELSEWHERE = {"arguments", "bodies", "fields", "happenings", "links", "results", "sound"}  # of operations
CALLS = {"add", "json", "_json", "_lose"}  # what notes a loss; the reason is their first or second argument
REASON = re.compile(r"[a-z]+(-[a-z0-9]+)*")


def _reasons(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            words = [argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant)]
            if len(node.args) > 1 and words and isinstance(words[0], str) and REASON.fullmatch(words[0]):
                yield words[0]


def test_the_table_of_losses_has_each_reason_once() -> None:
    table = (ROOT / "docs/openapi.md").read_text(encoding="utf-8").partition("## What is lost")[2]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)
    own = (path for path in (ROOT / "resolvers/openapi").glob("*.py") if path.stem not in ELSEWHERE)
    files = [*(ROOT / "sources/openapi").glob("*.py"), *own]
    assert rows == sorted({reason for path in files for reason in _reasons(path)})
