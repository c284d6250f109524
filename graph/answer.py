"""`Answer`: a response, encoded, with what those who send or keep it must know."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True, eq=False)
class Answer:
    """A response, encoded.

    Args:
        status: HTTP status where the client speaks ``application/graphql-response+json``.
        fresh_until: instant on the store's clock until which the data may be reused; None when it may not be.
        private: whether the data belongs to this client.
        executed: False for a request error: there is no ``data`` entry at all.
        malformed: whether it was no GraphQL request to begin with, which every media type answers with the status.
        etag: identifies the bytes, where they are kept.
        payloads: the payloads of an incremental answer, instead of the body.
        media_type: the only one that this can be sent in; None where the client chooses.
        asked_bytes: length of the request, where the answer is kept under it.
        compressed: the body in content codings, as far as they are made and worth their memory.
        granted: whether it depends on what the client may do. Here it is kept for those who may do the same; caches
            elsewhere know nothing of that.
        heads: the headers, by media type, where they are the same for all who share the answer.
    """

    body: bytes
    status: int = 200
    fresh_until: float | None = None
    private: bool = False
    executed: bool = True
    malformed: bool = False
    no_store: bool = False
    types: frozenset[str] = frozenset()
    asked_at: float = 0.0
    etag: str | None = None
    payloads: AsyncGenerator[dict[str, Any]] | None = None
    media_type: str | None = None
    asked_bytes: int = 0
    compressed: dict[str, bytes] | None = None
    granted: bool = False
    heads: dict[str, Headers] = field(default_factory=dict)

    def keep_compressed(self, coding: str, body: bytes) -> None:
        """Keep the body in a content coding, unless all of them would take more memory than the body itself."""
        kept = {} if self.compressed is None else self.compressed
        if len(body) + sum(map(len, kept.values())) <= len(self.body):
            self.compressed = {**kept, coding: body}
