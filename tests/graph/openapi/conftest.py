"""What tests of documents share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.graph.openapi.market import Market, market


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Market]:
    """Start the backends of customers and orders."""
    with market(tmp_path) as found:
        yield found
