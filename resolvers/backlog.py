"""What waits for somebody slow: bounded, and with a rule for what does not fit."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from sources import Overflow

T = TypeVar("T")


class Backlog(Generic[T]):
    """Items in the order in which they came, at most `most` of them.

    Args:
        overflow: ``"latest"`` keeps only the newest item of each key, and the newest keys; ``"drop_oldest"`` drops the
            oldest items; ``"close"`` takes no more.
    """

    __slots__ = ("_drops", "_items", "_keyed", "_most", "dropped")

    def __init__(self, most: int, overflow: Overflow) -> None:
        self._most = most
        self._drops = overflow != "close"
        self._items: deque[T] = deque()
        self._keyed: dict[str | None, T] | None = {} if overflow == "latest" else None
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items) if self._keyed is None else len(self._keyed)

    def put(self, key: str | None, item: T) -> bool:
        """Add an item; tell whether there was a place for it."""
        keyed = self._keyed
        if keyed is not None:
            if keyed.pop(key, None) is not None:
                self.dropped += 1
            elif len(keyed) >= self._most:
                del keyed[next(iter(keyed))]
                self.dropped += 1
            keyed[key] = item
            return True
        if len(self._items) >= self._most:
            if not self._drops:
                return False
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)
        return True

    def take(self) -> T:
        """Give the oldest item.

        Raises:
            IndexError: there is none.
        """
        if self._keyed is None:
            return self._items.popleft()
        if not self._keyed:
            raise IndexError("nothing waits")
        return self._keyed.pop(next(iter(self._keyed)))

    def clear(self) -> None:
        """Forget all of it."""
        self._items.clear()
        if self._keyed is not None:
            self._keyed.clear()
