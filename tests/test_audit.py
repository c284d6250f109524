"""What continuous integration makes of what `pip-audit` says."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

spec = importlib.util.spec_from_file_location("audit", Path(__file__).resolve().parent.parent / ".ci" / "audit.py")
assert spec is not None
assert spec.loader is not None
audit: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
BROKEN = {"name": "broken", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"], "aliases": []}]}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found: unknown (3.0)"}


def test_a_known_vulnerability_is_found() -> None:
    told = {"dependencies": [SOUND, BROKEN, UNKNOWN], "fixes": []}
    assert audit.findings(told) == (["broken 2.0: CVE-1, mended in 2.1"], "2 of 3 versions")


def test_nothing_is_found_where_nothing_is_known() -> None:
    assert audit.findings({"dependencies": [SOUND]}) == ([], "1 of 1 versions")


def test_what_could_not_be_looked_at_is_skipped_with_the_reason() -> None:
    with pytest.raises(audit.Skipped, match="no data about any of 1 versions: Dependency not found"):
        audit.findings({"dependencies": [UNKNOWN]})


def test_a_command_that_does_not_end_is_skipped() -> None:
    with pytest.raises(audit.Skipped, match="sleep did not end"):
        audit.run(["sleep", "60"], 0.01)
    with pytest.raises(audit.Skipped, match="nothing-like-it did not end"):
        audit.run(["nothing-like-it"], 1)


@pytest.mark.parametrize(("lines", "status"), [([], 0), (["broken 2.0: CVE-1, mended in 2.1"], 1)])
def test_only_a_finding_is_a_failure(lines: list[str], status: int) -> None:
    told = {"dependencies": [SOUND, *([BROKEN] if lines else [])]}
    assert audit.judged(lambda _: told) == status


def test_a_tool_that_cannot_be_had_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    def missing(_: Path) -> Any:
        raise audit.Skipped("there is no network")

    assert audit.judged(missing) == 0
    assert capsys.readouterr().out == "audit skipped: there is no network\n"
