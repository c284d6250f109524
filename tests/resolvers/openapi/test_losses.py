"""The documentation tells every way in which a part of a document is lost."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
CALLS = {"add", "json", "_json", "_lose"}  # what notes a loss; the reason is their first or second argument
REASON = re.compile(r"[a-z]+(-[a-z0-9]+)*")


def _reasons(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            words = [argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant)]
            reasons = [word for word in words if isinstance(word, str) and REASON.fullmatch(word)]
            if len(node.args) > 1:
                yield from reasons[:1]


def test_the_table_of_losses_has_each_reason_once() -> None:
    table = (ROOT / "docs/openapi.md").read_text(encoding="utf-8").partition("## What is lost")[2]
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)
    files = [path for layer in ("sources", "resolvers") for path in (ROOT / layer / "openapi").glob("*.py")]
    assert rows == sorted({reason for path in files for reason in _reasons(path)})
