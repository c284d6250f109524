"""What one operation asked the backends: the replies in parts, and what they say about the whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.envelope import key_text
from sources import Reply, SourceError

Key = Any


@dataclass(slots=True)
class Part:
    """One reply of a load.

    Args:
        keys: the keys that it answers; for a load without keys, empty.
        body: JSON text; None when the backend has no such object (or sent no body).
        enveloped: whether the payload still sits inside the endpoint's envelope.
        batched: whether the payload is a list of items of many keys, rather than the answer to one.
        failure: why there is no answer, instead of a body.
        asked_at: of what was stored, when it was asked for; infinite for what this operation asked.
        headers: of what was stored, the reply's headers that are read, by name.
    """

    keys: Sequence[Key]
    body: Any = None
    enveloped: bool = True
    batched: bool = False
    failure: SourceError | None = None
    reply: Reply | None = None
    asked_at: float = float("inf")
    headers: Mapping[str, str] | None = None

    def header(self, name: str) -> str | None:
        """Give a header of the reply."""
        return self.reply.header(name) if self.reply is not None else (self.headers or {}).get(name)

    def age_s(self) -> float:
        """Give how long the answer has waited in caches on its way (RFC 9111, 5.1)."""
        age = self.header("age")
        return float(age[:12]) if age is not None and age.isascii() and age.isdigit() else 0.0

    def with_keys(self, keys: Sequence[Key], *, batched: bool) -> Part:
        """Give the same reply as the answer to these keys."""
        return Part(keys, self.body, self.enveloped, batched, self.failure, self.reply, self.asked_at, self.headers)


class Overdue(Exception):
    """The operation's time is up."""


class Load:
    """What an operation asked of one call with keys: groups of keys, each with a future that is done when it is known.

    `parts` are the replies that have arrived, `oldest_at` is when the oldest of them was asked for.
    """

    __slots__ = ("groups", "oldest_at", "parts")

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.groups: list[tuple[Sequence[Key], asyncio.Future[None]]] = []
        self.oldest_at = float("inf")

    def missing(self, keys: Sequence[Key]) -> tuple[Sequence[Key], list[asyncio.Future[None]]]:
        """Give the keys that nobody has asked for, and what to wait for until the others are known."""
        if not self.groups:
            kinds = set(map(type, keys))
            if len(kinds) < 2 and tuple not in kinds:  # all of one type: those that differ differ as text
                return keys, []
        wanted = {key_text(key): key for key in keys}
        waits: list[asyncio.Future[None]] = []
        for group, known in self.groups:
            found = [text for text in map(key_text, group) if wanted.pop(text, None) is not None]
            if found and not known.done():
                waits.append(known)
        return list(wanted.values()), waits

    def answers(self, keys: Sequence[Key]) -> list[Part]:
        """Give the parts that hold an answer to any of the keys."""
        if len(self.groups) == 1:
            return self.parts
        wanted = set(map(key_text, keys))
        return [part for part in self.parts if not wanted.isdisjoint(map(key_text, part.keys))]


class Ledger:
    """What one operation asked the backends, and what that says about its answer.

    Args:
        headers: the client's request headers, by lower-case name.
        now: the store's clock when the operation began; what is old enough is so for all of it.
        max_pages: pages of lists that it may ask for; None is any number.

    `asking` are the questions under way. `waits` are the futures that it waits for; `is_over` says that its time is
    up, which is at `over_at` on the event loop's clock. `calls` counts the calls of backends that it made.

    `happened` is what a subscription's root field is answered with: the payloads of events, as a list.

    `kept` holds the keys of the stored answers that it read or wrote; `outcomes` what root resolvers in Python gave, by
    response key, so that none runs twice.
    """

    __slots__ = (
        "_pages_left",
        "answered",
        "asking",
        "calls",
        "fresh_s",
        "happened",
        "headers",
        "is_over",
        "kept",
        "loads",
        "now",
        "outcomes",
        "over_at",
        "private",
        "types",
        "waits",
    )

    def __init__(self, headers: Mapping[str, str], now: float = 0.0, max_pages: float | None = None) -> None:
        self.headers = headers
        self.answered: dict[Hashable, Part] = {}
        self.loads: dict[Hashable, Load] = {}
        self.outcomes: dict[str, Any] = {}
        self.fresh_s = float("inf")
        self.private = False
        self.types: set[str] = set()
        self.kept: set[Hashable] = set()
        self.now = now
        self.happened: Part | None = None
        self.asking: dict[Hashable, list[asyncio.Future[None]]] = {}
        self.waits: set[asyncio.Future[Any]] = set()
        self.calls = 0
        self.is_over = False
        self.over_at: float | None = None
        self._pages_left = float("inf") if max_pages is None else max_pages

    def expire(self) -> None:
        """End every wait: the operation's time is up, and nothing more is asked."""
        self.is_over = True
        for landed in tuple(self.waits):
            if not landed.done():
                landed.set_exception(Overdue())

    def takes_page(self) -> bool:
        """Count a page of a list that is asked for; tell whether it may be."""
        self._pages_left -= 1
        return self._pages_left >= 0

    async def wait(self, question: Hashable) -> None:
        """Wait until a question that this operation is asking has its answer, or will not get one."""
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asking[question].append(landed)
        await landed

    def end_wait(self, question: Hashable) -> None:
        """Wake who waits for a question."""
        for landed in self.asking.pop(question):
            if not landed.done():
                landed.set_result(None)

    def forget(self) -> None:
        """Forget what was asked, so that the next mutation's selection reads what this one has changed."""
        self.answered.clear()
        self.loads.clear()

    def note_freshness(self, seconds: float) -> None:
        """Lower the answer's remaining freshness to ``seconds``."""
        if seconds < self.fresh_s:
            self.fresh_s = seconds if seconds > 0 else 0.0
