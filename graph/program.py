"""A compiled plan: for each fetch how its keys are gathered and its replies read, and how the answer is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graph.plan import Fetch
from resolvers import Part

Keys = Callable[[list[Any]], list[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One fetch, ready to run.

    Args:
        keys: gathers its keys; None for a call without keys.
        read: turns the parts of its load into its result. It raises for what the schema does not promise.
        cut: keeps the first items of each list in the result.
        below: numbers of the fetches that wait for it.
        parents: how many fetches it waits for.
    """

    fetch: Fetch
    keys: Keys | None
    read: Callable[[list[Part]], Any]
    cut: Callable[[Any, int], Any]
    below: tuple[int, ...]
    parents: int


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A compiled plan."""

    steps: tuple[Step, ...]
    build: Callable[[list[Any]], Any]
