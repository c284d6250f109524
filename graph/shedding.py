"""What a server does with more than it can do: it says so at once, before it reads or understands anything."""

from __future__ import annotations

import msgspec

from graph.errors import RequestError

HEALTH = ("/healthz", "/readyz")  # always answered: who is shed is not dead
_RETRY = (b"retry-after", b"1")


def busy(message: str = "the server has too much to do at the moment") -> RequestError:
    """Give the error of a request that is to come again."""
    return RequestError.of(message, "SERVER_BUSY", 503, headers=(_RETRY,))


BUSY = msgspec.json.encode(busy().report())
BUSY_HEADERS = (_RETRY, (b"cache-control", b"no-store"))


class Held:
    """What requests hold of bodies in memory, all together.

    Args:
        most_bytes: what they may.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.bytes = 0

    def place(self) -> Place:
        """Give the account of one request."""
        return Place(self)

    @property
    def is_full(self) -> bool:
        """Whether more is held than may be."""
        return self.bytes > self._most_bytes


class Place:
    """What one request holds; to be given up when that is over."""

    __slots__ = ("_bytes", "_held")

    def __init__(self, held: Held) -> None:
        self._held = held
        self._bytes = 0

    def take(self, count: int) -> None:
        """Hold so many bytes more.

        Raises:
            RequestError: there is no room for them.
        """
        self._bytes += count
        self._held.bytes += count
        if self._held.is_full:
            raise busy("the server holds as many bodies of requests as it can")

    def give_up(self) -> None:
        """Hold nothing any more."""
        self._held.bytes -= self._bytes
        self._bytes = 0
