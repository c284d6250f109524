"""What the open subscriptions of a graph hold in memory, and may hold.

Two accounts, each with a bound. One is of what a subscription holds while nothing happens, estimated: its request, its
channel, its operation. When that is full, no more are opened. The other is of answers, exactly: a text counts once,
however many subscribers it waits for. When that is full, subscribers that are behind lose what waits for them; who
keeps up loses nothing.
"""

from __future__ import annotations

import sys
from collections import Counter

from graph.limits import Limits, exceeded
from graph.operation import Operation

# Measured, in bytes.
SUBSCRIBER = 1_500
_CHANNEL = 9_000


class Holding:
    """The accounts of one graph."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.max_subscription_bytes
        self._most_waiting = limits.max_waiting_bytes
        self._operations: Counter[Operation] = Counter()
        self.held_bytes = 0
        self.answer_bytes = 0

    def check(self) -> None:
        """Check that there is room for one more subscription.

        Raises:
            RequestError: there is none.
        """
        if self._most is not None and self.held_bytes >= self._most:
            raise exceeded("this server holds as many subscriptions as it can")

    def begin(self, operation: Operation) -> None:
        """Count a channel; an operation counts once for all channels that answer with it."""
        self._operations[operation] += 1
        self.held_bytes += _CHANNEL + (operation.cost if self._operations[operation] == 1 else 0)

    def end(self, operation: Operation) -> None:
        """Count a channel no more."""
        self._operations[operation] -= 1
        self.held_bytes -= _CHANNEL
        if not self._operations[operation]:
            del self._operations[operation]
            self.held_bytes -= operation.cost

    @property
    def is_short(self) -> bool:
        """Whether more answers are held than may be."""
        return self._most_waiting is not None and self.answer_bytes > self._most_waiting


class Answer:
    """The text of an answer, on an account for as long as it waits for anybody."""

    __slots__ = ("_holding", "text")

    def __init__(self, text: str, holding: Holding) -> None:
        self._holding = holding
        self.text = text
        holding.answer_bytes += sys.getsizeof(text)

    def __del__(self) -> None:
        self._holding.answer_bytes -= sys.getsizeof(self.text)
