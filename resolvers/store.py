"""Stored answers: raw bytes with the time they were asked for, under source, question and scope.

Theory of operation. An *entry* is what a backend answered to one question (an expanded URL, or one key of a batch)
for one *scope*: the empty scope is public, any other is the digest of the client headers that were forwarded. Nobody
reads an entry of another scope, because the scope is part of the key.

A reader says how old an entry may be at most (`max_age_s`, the smallest TTL among the selected fields) and the entry
says what its backend allowed (`limit_s`, from ``Cache-Control``); the smaller of the two decides. So one entry serves
a patient selection and is refused to an impatient one.

An entry stays after its time, until others need the room: within the windows that a source's policy grants, `read_old`
still gives it.

Writes make entries stale without searching for them: the store remembers when each type, and each single entity, was
last touched, and an entry that was *asked for* before that instant is not used. Asking, not storing, is what counts:
an answer that was under way while the write happened is stale as well.

Cost: two dict lookups per read. Size: entries are bounded by their bytes; the touched instants by their count.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass

import cachetools

Clock = Callable[[], float]
_ENTRY_OVERHEAD = 300
_STRICT = frozenset({"must-revalidate", "proxy-revalidate", "s-maxage", "no-cache", "no-store"})
_LONGEST_S = 2.0**31  # what an age too long to count is taken for (RFC 9111, 1.2.2)


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored answer.

    Args:
        body: JSON text; None means that the backend has no such object.
        asked_at: the clock when the question was sent.
        limit_s: longest age that the backend allows; None when it did not say.
        types: type names that the answer may hold.
        entity: type and key of the one entity that it is, if it is one.
        headers: the reply's headers that are read again.
        strict: whether its backend forbids every use after its time.
    """

    body: bytes | None
    asked_at: float
    limit_s: float | None
    types: Collection[str]
    entity: tuple[str, Hashable] | None = None
    headers: Mapping[str, str] | None = None
    strict: bool = False


class Store:
    """Bounded in-process storage of answers; `touches` counts the writes that it was told of.

    Args:
        max_bytes: sum of bodies and keys to keep at most; the least recently used go first.
    """

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._entries: cachetools.LRUCache[Hashable, tuple[Stored, int]] = cachetools.LRUCache(
            max_bytes, getsizeof=operator.itemgetter(1)
        )
        self._max_bytes = max_bytes
        self._touched_types: dict[str, float] = {}
        self._touched_at: dict[str, float] = {}  # the same, or any entity of the type
        self._touched_entities: cachetools.LRUCache[Hashable, float] = cachetools.LRUCache(100_000)
        self._forgotten_at = float("-inf")
        self.touches = 0

    def __len__(self) -> int:
        return len(self._entries)

    def read(self, key: Hashable, max_age_s: float) -> Stored | None:
        """Give the entry if it is no older than both ``max_age_s`` and its backend's limit, and not stale."""
        held = self._entries.get(key)
        if held is None or self.remaining_s(held[0], max_age_s) <= 0:
            return None
        return held[0]

    def read_old(self, key: Hashable, max_age_s: float, window_s: float) -> Stored | None:
        """Give the entry if its time is over by less than the window, its backend allows it, and it is not stale."""
        if window_s <= 0:
            return None
        held = self._entries.get(key)
        if held is None or held[0].strict or self._is_stale(held[0]):
            return None
        return held[0] if self.remaining_s(held[0], max_age_s) + window_s > 0 else None

    def remaining_s(self, entry: Stored, max_age_s: float) -> float:
        """Give the seconds for which the entry may still be used; 0 or less when it may not."""
        if self._is_stale(entry):
            return 0.0
        allowed = max_age_s if entry.limit_s is None else min(max_age_s, entry.limit_s)
        return allowed - (self.clock() - entry.asked_at)

    def write(self, key: Hashable, entry: Stored) -> None:
        """Keep an entry, unless it is stale already or larger than the store."""
        size = _ENTRY_OVERHEAD + _size(key) + _size(entry.body) + _size(tuple((entry.headers or {}).values()))
        if not self._is_stale(entry) and size <= self._max_bytes:
            self._entries[key] = (entry, size)

    def discard(self, keys: Iterable[Hashable]) -> None:
        """Forget entries that turned out to be nonsense, so that a backend which has recovered is asked again."""
        for key in keys:
            self._entries.pop(key, None)

    def touch(self, type_name: str, key: Hashable | None = None) -> None:
        """Make stale every answer that may hold the type; with a key, other single entities of it stay good."""
        now = self.clock()
        self.touches += 1
        self._touched_at[type_name] = now
        if key is None:
            self._touched_types[type_name] = now
            return
        if len(self._touched_entities) >= self._touched_entities.maxsize:
            # Forgetting a touch would revive a stale entity: what is older than the forgotten one goes with it.
            _, touched_at = self._touched_entities.popitem()
            self._forgotten_at = max(self._forgotten_at, touched_at)
        self._touched_entities[type_name, key] = now

    def is_touched_since(self, types: Collection[str], asked_at: float, *, besides: str | None = None) -> bool:
        """Tell whether any of the types, or any entity of them, was touched at or after ``asked_at``.

        Args:
            besides: a type that does not count.
        """
        touched, never = self._touched_at, float("-inf")
        names = types if len(types) <= len(touched) else touched  # either may be a whole schema
        return any(touched.get(name, never) >= asked_at and name != besides and name in types for name in names)

    def _is_stale(self, entry: Stored) -> bool:
        if not self._touched_at:
            return False
        if entry.entity is None:
            return self.is_touched_since(entry.types, entry.asked_at)
        never = float("-inf")
        own = entry.entity[0]
        if self._touched_types.get(own, never) >= entry.asked_at or entry.asked_at <= self._forgotten_at:
            return True
        if self.is_touched_since(entry.types, entry.asked_at, besides=own):
            return True
        return self._touched_entities.get(entry.entity, never) >= entry.asked_at


def _size(held: object) -> int:
    """Give roughly the bytes of a body or key: its texts."""
    if isinstance(held, str | bytes):
        return len(held)
    return sum(map(_size, held)) if isinstance(held, tuple) else 0


def freshness_limit(cache_control: str | None, *, private: bool) -> float | None:
    """Give the longest age in seconds that a ``Cache-Control`` field allows, None when it sets no limit (RFC 9111).

    Of two ages the shorter one holds. ``no-store`` and ``no-cache`` give 0, and so does ``private`` for an answer that
    would be kept for everybody.
    ``s-maxage`` wins over ``max-age`` since the store is shared by all clients.
    """
    if cache_control is None:
        return None
    ages: dict[str, float] = {}
    for directive in cache_control.lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name in ("no-store", "no-cache") or (name == "private" and not private):
            return 0.0
        if name in ("max-age", "s-maxage"):
            digits = value.strip().strip('"')
            age_s = min(float(digits[:12]), _LONGEST_S) if digits.isascii() and digits.isdigit() else 0.0
            ages[name] = min(age_s, ages.get(name, age_s))
    return ages.get("s-maxage", ages.get("max-age"))


def forbids_stale(cache_control: str | None) -> bool:
    """Tell whether a ``Cache-Control`` field forbids every use of an answer after its time (RFC 9111, 4.2.4)."""
    if cache_control is None:
        return False
    names = {directive.partition("=")[0].strip() for directive in cache_control.lower().split(",")}
    return not names.isdisjoint(_STRICT)
