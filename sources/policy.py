"""What a gateway expects of one backend, and what it does when that does not come: a `Policy` per source."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from sources.breaker import Breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long a source is waited for, how often and how much it is asked, and when it is left alone.

    Only what the graph declares as a read is ever sent twice. Everything happens within the time of the operation.

    Args:
        timeout: seconds for a whole call: its wait for a turn, all attempts and the waits between them. While a file
            is sent, the seconds that the backend may take for each piece, and for its answer after the last.
        connect_timeout: seconds for connecting.
        read_timeout: seconds between two pieces of a reply; None for any number.
        retries: how often a read that failed for the moment is repeated, with waits of full jitter, or as long as the
            backend asks for.
        retry_budget: share of the calls of the last ten seconds that may be repeated at all.
        limit: calls at once.
        queue: calls that wait for their turn; more fail at once.
        breaker: when the source is left alone; None for never.
        hedge: whether a read that takes longer than 95 % of them do is asked again; the first good answer counts.
        stale_if_error: seconds after the end of its time in which a stored answer stands in for a failure.
        stale_while_revalidate: seconds after the end of its time in which a stored answer is given at once, while it
            is fetched anew.
    """

    timeout: float = 10.0
    connect_timeout: float = 2.0
    read_timeout: float | None = None
    retries: int = 0
    retry_budget: float = 0.2
    limit: int = 100
    queue: int = 1000
    breaker: Breaker | None = field(default_factory=Breaker)
    hedge: bool = False
    stale_if_error: float = 0.0
    stale_while_revalidate: float = 0.0

    def faults(self) -> Iterator[str]:
        """Give what is impossible about it, in a sentence each."""
        for name, least in (("limit", 1), ("queue", 0), ("retries", 0)):
            if not (math.isfinite(value := getattr(self, name)) and value >= least):
                yield f"{name} is too small" if value < least else f"{name} is not a number"
        for name in ("timeout", "connect_timeout", "read_timeout"):
            seconds = getattr(self, name)
            if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
                yield f"{name} must be more than 0 seconds"
        for name in ("retry_budget", "stale_if_error", "stale_while_revalidate"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                yield f"{name} must be 0 or more"
        if self.breaker is not None:
            yield from self.breaker.faults()
