"""Programs that some tests need and that a machine may lack.

Without them such tests are skipped and say why. Where the environment names what must be there, as
``WEFT_REQUIRE=node,redis`` does in continuous integration, they fail instead.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def without(what: str, reason: str) -> NoReturn:
    """End a test that cannot go on, as skipped, or as failed where what it lacks is required."""
    if what in os.environ.get("WEFT_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
