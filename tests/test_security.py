"""The table of recommendations: each row is proved by tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_test_that_proves_something_exists() -> None:
    named = set(PROOF.findall(TABLE))
    missing = []
    for name, function in sorted(named):
        path = ROOT / name
        body = ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []
        functions = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if function not in functions:
            missing.append(f"{name}::{function}")
    assert named
    assert missing == []


def test_every_row_has_a_proof() -> None:
    checklist = TABLE.partition("## The OWASP checklist")[2].partition("\n## ")[0]
    rows = [line for line in checklist.splitlines() if line.startswith("| ") and "| proof |" not in line]
    assert len(rows) > 20
    assert [row for row in rows if not PROOF.search(row.rpartition(" | ")[2])] == []
