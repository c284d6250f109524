"""Incremental delivery to clients that put the pieces together, each in the form for which its Accept header asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.shop import Outcomes, Shop, run

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed

EARLY = ["__typename", "id", "name"]


@pytest.fixture(scope="module")
def incremental(scripts: Path, shop: Shop) -> Outcomes:
    return run("incremental.mjs", scripts, shop)


@pytest.mark.parametrize("spelling", ["deferSpec", "incrementalSpec"])
def test_apollo_client_shows_what_is_there_and_then_what_was_deferred(incremental: Outcomes, spelling: str) -> None:
    assert incremental[spelling] == {
        "states": [["streaming", EARLY], ["complete", [*EARLY, "stock"]]],
        "numeric": "number",
        "sent": ["POST extensions,operationName,query,variables: 200 multipart/mixed"],
    }


def test_urql_shows_what_is_there_and_then_what_was_deferred(incremental: Outcomes) -> None:
    assert incremental["urql"] == {
        "states": [[True, ["id", "name"]], [False, ["id", "name", "stock"]]],
        "numeric": "number",
        "sent": ["POST operationName,query,variables: 200 multipart/mixed"],
    }
