"""One connection to Redis that listens to many names for many listeners.

Theory of operation. The first listener of any name starts one task, which holds the connection and what belongs to it;
the last one to leave ends the task and waits for that, so nothing stays open. A name is asked for once, however many
listen to it. When the connection is lost, the task connects again after a pause of full jitter, for as long as anybody
listens; after the third failure in a row each listener is told the reason, once. What follows after an outage depends
on what Redis keeps, so `Channels` and `Streams` say for themselves when a listener has to be told of a gap. A listener
never waits for another: each has its own bounded queue, and the task only ever puts.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

from sources.errors import UpstreamUnavailable
from sources.event import Gap, Happening
from sources.listener import Listener
from sources.outage import TOLD_AFTER
from sources.redis import Redis, RedisTrouble, translated

log = logging.getLogger("weft")

M = TypeVar("M")


class Hearer(Generic[M]):
    """Somebody who listens to a name.

    Args:
        source: in whose name it is told of failures.
        read: what a message means to it; None for nothing.
    """

    def __init__(self, source: str, read: Callable[[M], Happening | None]) -> None:
        self._source = source
        self._read = read
        self.waiting = Listener()
        self.interrupted = False
        self._told = False

    def hear(self, message: M) -> None:
        """Take in a message."""
        happening = self._read(message)
        if happening is not None:
            self.waiting.put(happening)

    def tell(self, trouble: RedisTrouble) -> None:
        """Say why nothing comes at the moment, once for each outage."""
        self.interrupted = True
        if not self._told:
            self._told = True
            self.waiting.put(trouble.failure(self._source))

    def resume(self, *, gap: bool) -> None:
        """Note that messages come again; a gap is one if they were interrupted."""
        if gap:
            self.waiting.put(Gap(f"the stream of {self._source} was interrupted; events may be missing"))
        self.interrupted = self._told = False

    def end(self, trouble: RedisTrouble) -> None:
        """Let nothing follow but the trouble."""
        self.waiting.end(trouble.failure(self._source))


class SharedConnection(ABC, Generic[M]):
    """A connection that is open while anybody listens; what is listened to is for a subclass to say."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.hearers: dict[bytes, set[Hearer[M]]] = {}
        self.changed = asyncio.Event()
        self._backoff = redis.backoff()
        self._trouble: RedisTrouble | None = None
        self._task: asyncio.Task[None] | None = None

    async def listen(
        self, name: bytes, source: str, read: Callable[[M], Happening | None]
    ) -> AsyncGenerator[Happening]:
        """Give what is heard of a name from now on; to be closed by whoever listens.

        Raises:
            SourceError: nothing will ever come, since Redis refuses.
        """
        hearer = Hearer(source, read)
        self.hearers.setdefault(name, set()).add(hearer)
        self.changed.set()
        if self._trouble is not None:
            hearer.tell(self._trouble)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        try:
            while (happening := await hearer.waiting.take()) is not None:
                yield happening
        finally:
            await self._leave(name, hearer)

    @abstractmethod
    async def serve(self) -> None:
        """Connect, and keep what is heard equal to what is listened to, until the connection fails."""

    def works(self) -> None:
        """Note that Redis answers."""
        self._backoff.reset()
        self._trouble = None

    def refuse(self, name: bytes, trouble: RedisTrouble) -> None:
        """End all who listen to a name."""
        for hearer in self._drop(name):
            hearer.end(trouble)

    def forget(self, name: bytes) -> None:
        """Forget what was known of a name that nobody listens to any more."""

    async def _leave(self, name: bytes, hearer: Hearer[M]) -> None:
        hearers = self.hearers.get(name, set())
        hearers.discard(hearer)
        if not hearers:
            self._drop(name)
        if not self.hearers:
            await self._stop()

    def _drop(self, name: bytes) -> set[Hearer[M]]:
        self.changed.set()
        self.forget(name)
        return self.hearers.pop(name, set())

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while self.hearers:
            try:
                with translated():
                    await self.serve()
            except RedisTrouble as trouble:
                self._fail(trouble)
            except Exception:
                log.exception("%r: a fault while listening", self.redis)
                self._fail(RedisTrouble(UpstreamUnavailable, "Redis cannot be listened to"))
            if self.hearers:
                await asyncio.sleep(self._backoff.next_s())

    def _fail(self, trouble: RedisTrouble) -> None:
        if trouble.lasting:
            log.error("%r: %s: %s", self.redis, trouble, trouble.__cause__)
            for name in list(self.hearers):
                self.refuse(name, trouble)
            return
        if self._backoff.attempts + 1 == TOLD_AFTER:
            log.warning("%r: %s: %s", self.redis, trouble, trouble.__cause__)
        if self._backoff.attempts + 1 >= TOLD_AFTER:
            self._trouble = trouble
        for hearers in self.hearers.values():
            for hearer in hearers:
                hearer.interrupted = True
                if self._trouble is not None:
                    hearer.tell(self._trouble)
