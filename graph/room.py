"""How much may go on at once: sockets and streams of one server share places, and so do its operations."""

from __future__ import annotations

import sys


class Room:
    """Counted places.

    Args:
        most: how many there are; None for as many as are asked for.
    """

    def __init__(self, most: int | None) -> None:
        self.most = sys.maxsize if most is None else most
        self.taken = 0

    @property
    def is_full(self) -> bool:
        """Whether all places are taken."""
        return self.taken >= self.most

    def take(self) -> bool:
        """Take a place, to be given back; False where all of them are taken."""
        if self.taken >= self.most:
            return False
        self.taken += 1
        return True

    def squeeze_in(self) -> None:
        """Take a place, to be given back, whether there is one or not."""
        self.taken += 1

    def give_back(self) -> None:
        """Give back a place that was taken."""
        self.taken -= 1
