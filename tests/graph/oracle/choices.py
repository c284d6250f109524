"""The choices out of which generators make models, bodies and operations; hypothesis makes them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices:
    """Choices among a few things, all of them drawn by `below`."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw

    def below(self, count: int) -> int:
        """Give a number from 0 to less than the count."""
        number: int = self._draw(_numbers(count)) if count > 1 else 0
        return number

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def rarely(self, odds: int = 4) -> bool:
        """Give True once in so many times."""
        return self.below(odds) == odds - 1

    def several(self, make: Callable[[], T], most: int, least: int = 0) -> list[T]:
        """Make a few things."""
        return [make() for _ in range(least + self.below(most - least + 1))]

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        """Give a few of the choices, each at most once, in their order."""
        left = list(range(len(choices)))
        chosen = sorted(self.several(lambda: left.pop(self.below(len(left))), min(most, len(choices))))
        return [choices[index] for index in chosen]


@functools.cache
def _numbers(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)
