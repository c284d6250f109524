"""What one operation asked the backends: the replies in parts, and what they say about the whole answer."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sources import Reply, SourceError

Key = Any


@dataclass(slots=True)
class Part:
    """One reply of a load.

    Args:
        keys: the keys that it answers; for a load without keys, empty.
        body: JSON text; None when the backend has no such object (or sent no body).
        enveloped: whether the payload still sits inside the endpoint's envelope.
        batched: whether the payload is a list of items of many keys, rather than the answer to one.
        failure: why there is no answer, instead of a body.
    """

    keys: Sequence[Key]
    body: Any = None
    enveloped: bool = True
    batched: bool = False
    failure: SourceError | None = None
    reply: Reply | None = None

    def with_keys(self, keys: Sequence[Key], *, batched: bool) -> Part:
        """Give the same reply as the answer to these keys."""
        return Part(keys, self.body, self.enveloped, batched, self.failure, self.reply)


class Ledger:
    """What one operation asked the backends, and what that says about its answer.

    Args:
        headers: the client's request headers, by lower-case name.

    `outcomes` holds what root resolvers in Python gave, by response key, so that none runs twice.
    """

    __slots__ = ("calls", "fresh_s", "headers", "loads", "outcomes", "private", "types")

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self.loads: dict[Hashable, list[Part]] = {}
        self.outcomes: dict[str, Any] = {}
        self.calls = 0
        self.fresh_s = float("inf")
        self.private = False
        self.types: set[str] = set()

    def note_freshness(self, seconds: float) -> None:
        """Lower the answer's remaining freshness to ``seconds``."""
        if seconds < self.fresh_s:
            self.fresh_s = seconds if seconds > 0 else 0.0
