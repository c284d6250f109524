"""Which of many things lead to each other: strongly connected components (Tarjan, 1972), found without recursion."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Circles(Generic[T]):
    """The circles of a graph; what lies on none is a circle of its own.

    Args:
        following: the things that one leads to; always the same.
    """

    def __init__(self, following: Callable[[T], Iterable[T]]) -> None:
        self._following = following
        self._found: dict[T, int] = {}

    def of(self, thing: T) -> int:
        """Give a number that is the same for all things that lead to each other; each is looked at once."""
        if thing not in self._found:
            self._search(thing)
        return self._found[thing]

    def _search(self, start: T) -> None:
        numbers = {start: 0}
        lowest = {start: 0}
        held = [start]
        way: list[tuple[T, Iterator[T]]] = [(start, iter(self._following(start)))]
        while way:
            thing, rest = way[-1]
            following = next(rest, None)
            if following is None:
                way.pop()
                if way:
                    before = way[-1][0]
                    lowest[before] = min(lowest[before], lowest[thing])
                if lowest[thing] == numbers[thing]:
                    self._close(thing, held)
            elif following in self._found:
                continue
            elif following in numbers:
                lowest[thing] = min(lowest[thing], numbers[following])
            else:
                numbers[following] = lowest[following] = len(numbers)
                held.append(following)
                way.append((following, iter(self._following(following))))

    def _close(self, first: T, held: list[T]) -> None:
        number = len(self._found)
        while held:
            thing = held.pop()
            self._found[thing] = number
            if thing is first:
                return
