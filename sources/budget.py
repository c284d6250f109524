"""How many calls may be repeated: a share of all, so that retries never make an outage worse."""

from __future__ import annotations

from sources.tally import Tally

WINDOW_S = 10.0
FLOOR = 10  # retries in a window that are always granted: a source that is asked now and then may be asked again


class Budget:
    """The retries, and second attempts of every other kind, that a source may have.

    Of the calls of the last ten seconds, a share may be sent again, and `FLOOR` on top.

    Args:
        ratio: that share.
    """

    __slots__ = ("_ratio", "_tally")

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._tally = Tally(WINDOW_S)

    def note_call(self, now: float) -> None:
        """Count a call, not the repetitions of it."""
        self._tally.count(now)

    def take(self, now: float) -> bool:
        """Take one repetition out, where there is one left."""
        self._tally.slide(now)
        if self._tally.marked >= FLOOR + self._ratio * self._tally.counted:
            return False
        self._tally.mark(now)
        return True
