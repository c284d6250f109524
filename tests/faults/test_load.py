"""What the clients under fire call wrong: else they would find nothing, whatever came."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.load import Operation, differences

ASKED = Operation("", {}, {"me": {"name": "Ada"}, "thing": {"id": "1"}}, frozenset({"me"}))
NAMED: dict[str, Any] = ASKED.expected
UNKNOWN: dict[str, Any] = {**NAMED, "me": None}


def error(code: str, *path: str) -> dict[str, Any]:
    return {"message": "", "path": path, "extensions": {"code": code}}


@pytest.mark.parametrize(
    "response",
    [
        {"data": NAMED},
        {"data": UNKNOWN, "errors": [error("UPSTREAM_TIMEOUT", "me")]},
        {"data": UNKNOWN, "errors": [error("UPSTREAM_INVALID", "me", "name")]},
    ],
)
def test_a_value_is_right_or_null_beside_an_error_of_its_backend(response: Any) -> None:
    assert differences(ASKED, response) == []


@pytest.mark.parametrize(
    "response",
    [
        None,
        {"errors": [error("INTERNAL_SERVER_ERROR")]},
        {"data": {**NAMED, "me": {"name": "Grace"}}},
        {"data": UNKNOWN},
        {"data": UNKNOWN, "errors": [error("INTERNAL_SERVER_ERROR", "me")]},
        {"data": {"me": None, "thing": None}, "errors": [error("UPSTREAM_ERROR", path) for path in ("me", "thing")]},
        {"data": NAMED, "errors": [error("UPSTREAM_ERROR", "me")]},
        {"data": {"me": {"name": "Ada"}, "thing": {"id": "1", "more": 1}}},
        {"data": {"me": {"name": "Ada"}}},
    ],
)
def test_anything_else_is_wrong(response: Any) -> None:
    assert differences(ASKED, response) != []


def test_nothing_said_is_right_only_where_a_backend_says_nothing() -> None:
    assert differences(ASKED, {"data": UNKNOWN}, silent=True) == []
    assert differences(ASKED, {"data": {"me": {"name": "Ada"}, "thing": None}}, silent=True) != []
