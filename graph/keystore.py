"""Where the records of API keys are kept: the seam, which `keyfile` and `redis_keys` implement."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from graph.apikey import ApiKeyRecord


class KeyStoreFailed(Exception):
    """Records cannot be read or written now; the text names the store, and no secret of its address."""


class KeyStore(Protocol):
    """The records of API keys, by id.

    `find` is what a server asks, and may answer from memory; all others look anew.
    """

    def missing(self) -> list[str]:
        """Give what a server needs and does not find, a sentence each."""
        ...

    async def find(self, id: str) -> ApiKeyRecord | None:
        """Give a record; None where there is none.

        Raises:
            KeyStoreFailed: that cannot be told now.
        """
        ...

    async def all(self) -> list[ApiKeyRecord]:
        """Give all records, the oldest first.

        Raises:
            KeyStoreFailed: they cannot be read.
        """
        ...

    async def add(self, record: ApiKeyRecord) -> None:
        """Keep a new record.

        Raises:
            KeyStoreFailed: it cannot be kept, or there is one of this id.
        """
        ...

    async def revoke(self, id: str, at: datetime) -> ApiKeyRecord | None:
        """Mark a record as revoked, unless it is already; give it as it was before, None where there is none.

        Raises:
            KeyStoreFailed: the record cannot be changed.
        """
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...
