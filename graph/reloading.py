"""A graph that is loaded again when its files change, while the server goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import watchfiles

from graph.graph import Graph
from graph.target import TargetError

Say = Callable[[str], None]


class Reloading:
    """Loads a graph again when a file of its kind in or below a folder changes, and puts it in place of the one before.

    Args:
        suffixes: how the names of such files end.
        load: loads the graph, or raises a TargetError; called in a thread.
        replace: takes the graph that was loaded.
        say: tells the person at the terminal.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        suffixes: tuple[str, ...],
        load: Callable[[], Graph],
        replace: Callable[[Graph], None],
        say: Say,
    ) -> None:
        self._folders = folders
        self._suffixes = suffixes
        self._load = load
        self._replace = replace
        self._say = say

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            # A save is often several changes; they are over when nothing has changed for 50 ms.
            async for _ in watchfiles.awatch(*self._folders, watch_filter=_Kinds(self._suffixes)):
                await self._reload()
        except (OSError, RuntimeError, ExceptionGroup) as exc:
            folders = ", ".join(map(str, self._folders))
            self._say(f"{folders} cannot be watched, so changes are not noticed: {exc}")

    async def _reload(self) -> None:
        began_at = time.perf_counter()
        try:
            self._replace(await asyncio.to_thread(self._load))
        except TargetError as exc:
            self._say(f"{exc}\nweft: the graph before is still served")
            return
        self._say(f"reloaded in {(time.perf_counter() - began_at) * 1000:.0f} ms")


class _Kinds(watchfiles.DefaultFilter):
    """Changes of files whose names end in one of some ways."""

    def __init__(self, suffixes: tuple[str, ...]) -> None:
        self._suffixes = suffixes
        super().__init__()

    def __call__(self, change: watchfiles.Change, path: str) -> bool:
        return path.endswith(self._suffixes) and super().__call__(change, path)
