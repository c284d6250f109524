"""How many clients may stay connected: sockets and streams of one server share the places."""

from __future__ import annotations

from graph.errors import GraphError


class Room:
    """Counted places.

    Args:
        most: how many there are.

    Raises:
        GraphError: there would be less than none.
    """

    def __init__(self, most: int) -> None:
        if most < 0:
            raise GraphError(["App: max_sockets is negative; 0 refuses sockets and streams"])
        self.most = most
        self.taken = 0

    def take(self) -> bool:
        """Take a place, to be given back; False where all of them are taken."""
        if self.taken >= self.most:
            return False
        self.taken += 1
        return True

    def give_back(self) -> None:
        """Give back a place that was taken."""
        self.taken -= 1
