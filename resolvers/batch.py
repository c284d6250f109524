"""Batching for an author's own Python: one call of a function for all the keys that resolvers ask for together.

    @batched
    async def ratings(product_ids: list[str]) -> dict[str, float]:
        ...                                            # one query for all of them

    @strawberry.field
    async def rating(self) -> float | None:
        return await ratings.load(self.id)

Every operation has a loader of its own (`aiodataloader`), so a key is asked for once per operation and one client's
values never reach another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar, overload

from aiodataloader import DataLoader

K = TypeVar("K")
V = TypeVar("V")
Load = Callable[[list[K]], Awaitable[Mapping[K, V] | Sequence[V]]]

_loaders: ContextVar[dict[int, DataLoader[Any, Any]] | None] = ContextVar("loaders", default=None)


@contextmanager
def operation_loaders() -> Iterator[None]:
    """Give the operation that runs inside loaders of its own."""
    before = _loaders.get()
    _loaders.set({})
    try:
        yield
    finally:
        _loaders.set(before)  # not by a token: what is delivered in parts may end in another context


class Batched(Generic[K, V]):
    """A function of many keys that is asked for one at a time; made by `batched`.

    Args:
        function: gives the values as a mapping by key (what lacks is None), or as a list in the order of the keys.
            A value that is an exception is raised to who asked for that key.
        max_batch: keys in one call at most.
    """

    def __init__(self, function: Load[K, V], max_batch: int | None = None) -> None:
        self._function = function
        self._max_batch = max_batch

    async def load(self, key: K) -> V | None:
        """Give one key's value.

        Raises:
            RuntimeError: no operation is being executed.
            Exception: what the function raised.
        """
        # Shielded: who asks first may be cancelled, and others wait for the same value.
        return await asyncio.shield(self._loader().load(key))

    async def load_many(self, keys: Iterable[K]) -> list[V | None]:
        """Give the values of several keys, in their order; it raises as `load` does."""
        return list(await asyncio.gather(*map(self.load, keys)))

    def _loader(self) -> DataLoader[K, V | None]:
        loaders = _loaders.get()
        if loaders is None:
            raise RuntimeError("a batched function is loaded from resolvers, while an operation is executed")
        known = loaders.get(id(self))
        if known is None:
            known = loaders[id(self)] = DataLoader(self._values, max_batch_size=self._max_batch)
        return known

    async def _values(self, keys: list[K]) -> list[V | None]:
        found = await self._function(keys)
        return [found.get(key) for key in keys] if isinstance(found, Mapping) else list(found)


@overload
def batched(function: Load[K, V]) -> Batched[K, V]: ...


@overload
def batched(*, max_batch: int | None = None) -> Callable[[Load[K, V]], Batched[K, V]]: ...


def batched(
    function: Load[K, V] | None = None, *, max_batch: int | None = None
) -> Batched[K, V] | Callable[[Load[K, V]], Batched[K, V]]:
    """Make a function of many keys loadable one key at a time, from any resolver; see `Batched`."""
    if function is not None:
        return Batched(function, max_batch)
    return lambda wrapped: Batched(wrapped, max_batch)
