"""What replies leave in the store, where it is found again, and what makes it stale.

An answer to a question without keys is kept whole under the question; an object that a source gives by key is kept
under that key, alone or out of a batch, so both find it. Scope is part of either: an answer that may depend on the
client's forwarded headers is found with the same headers only.

Once the time of an entry is over, the policy of its source may grant it two more uses, unless the backend forbids it or
a write has touched it: to stand in for a failure, and to be given at once while it is fetched anew. Nothing of that is
fresh: the whole answer may not be reused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from resolvers.ask import Ask, forwarded
from resolvers.binding import Fetching
from resolvers.envelope import Envelopes, key_text
from resolvers.ledger import Key, Ledger, Part
from resolvers.store import Store, Stored, forbids_stale, freshness_limit
from sources import Endpoint, Rest, SourceError, encode_sorted_json

Values = Mapping[str, object]


class Place(NamedTuple):
    """Where the answer to a question is kept: under which key, for whom, and as which entity if it is one."""

    key: Hashable
    scope: str
    entity: Key | None = None


class Held(NamedTuple):
    """What the store has of many keys: parts, the keys that it lacks, and those whose time is over, by their places."""

    parts: list[Part]
    missing: list[Key]
    old: dict[Hashable, Key]


class Keeping:
    """Keeps the answers of one graph in its store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._envelopes = Envelopes()

    def scope(self, source: Rest, ledger: Ledger) -> str:
        """Give the scope of answers from this source: empty for all clients, else one for these header values."""
        client = forwarded(source, ledger)
        return hashlib.sha256(repr(client).encode()).hexdigest() if client else ""

    # -- one answer -----------------------------------------------------------------------------------------------

    def place(self, fetching: Fetching, values: Values, asked: Ask, ledger: Ledger) -> Place:
        """Give where the answer to a question without keys is kept; the ledger notes that it was looked for."""
        source = fetching.source
        scope = self.scope(source, ledger)
        entity = _entity_key(fetching, values)
        key: Hashable = (source.serial, asked, scope)
        if entity is not None:
            key = _item_key(fetching, values, entity, scope)
        ledger.types.update(fetching.holds)
        ledger.kept.add(key)
        return Place(key, scope, entity)

    def find(self, place: Place, ledger: Ledger, max_age_s: float) -> Part | None:
        """Give the stored answer, while its time lasts."""
        entry = self._store.read(place.key, max_age_s)
        if entry is None:
            return None
        ledger.note_freshness(self._store.remaining_s(entry, max_age_s))
        return _part(entry, place, entry.asked_at)

    def find_old(self, place: Place, ledger: Ledger, max_age_s: float, window_s: float) -> Part | None:
        """Give the stored answer whose time is over, but not for longer than the window."""
        entry = self._store.read_old(place.key, max_age_s, window_s)
        if entry is None:
            return None
        ledger.note_freshness(0.0)
        return _part(entry, place, _used_at(entry, window_s, ledger))

    def keep(
        self,
        fetching: Fetching,
        endpoint: Endpoint,
        part: Part,
        place: Place,
        asked_at: float,
        ledger: Ledger,
        max_age_s: float,
    ) -> Part:
        """Keep the reply to a question that was asked, and give it as it is kept."""
        try:
            kept = self._envelopes.payload(part.body, endpoint.items if place.entity is not None else ())
        except msgspec.DecodeError:
            ledger.note_freshness(0.0)
            return part
        control = part.header("cache-control")
        limit = freshness_limit(control, private=bool(place.scope))
        known_as = _touched_as(fetching, place.entity)
        if known_as is not None and kept is not None and self._key_of(kept, fetching) != known_as[1]:
            known_as = None  # "07" may be another name of 7: whatever touches the type makes this one stale
        heard = None if fetching.pages is None else fetching.pages.heard(part)
        strict = forbids_stale(control)
        entry = Stored(kept, asked_at - part.age_s(), limit, fetching.holds, known_as, heard, strict)
        if limit is None or limit > 0:
            self._store.write(place.key, entry)
        ledger.note_freshness(self._store.remaining_s(entry, max_age_s))
        return _part(entry, place, float("inf"))

    # -- many keys ------------------------------------------------------------------------------------------------

    def find_many(
        self,
        fetching: Fetching,
        values: Values,
        keys: Sequence[Key],
        ledger: Ledger,
        max_age_s: float,
        scope: str,
    ) -> Held:
        """Give the parts that the store has, as one body, and the keys that it has not, or must fetch anew."""
        ledger.types.update(fetching.holds)
        window_s = fetching.source.policy.stale_while_revalidate if max_age_s > 0 else 0.0
        found: list[bytes] = []
        oldest_at = float("inf")
        held: list[Key] = []
        missing: list[Key] = []
        old: dict[Hashable, Key] = {}
        for key in keys:
            place = _item_key(fetching, values, key, scope)
            ledger.kept.add(place)
            entry = self._store.read(place, max_age_s)
            if entry is not None:
                ledger.note_freshness(self._store.remaining_s(entry, max_age_s))
                oldest_at = min(oldest_at, entry.asked_at)
            else:
                entry = self._store.read_old(place, max_age_s, window_s)
                if entry is None:
                    missing.append(key)
                    continue
                ledger.note_freshness(0.0)
                oldest_at = min(oldest_at, _used_at(entry, window_s, ledger))
                old[place] = key
            held.append(key)
            if entry.body:
                found.append(entry.body)
        return Held([_items(held, found, oldest_at)] if held else [], missing, old)

    def keep_items(
        self,
        fetching: Fetching,
        values: Values,
        part: Part,
        asked_at: float,
        scope: str,
        ledger: Ledger,
        max_age_s: float,
    ) -> None:
        """Keep the items of one batch reply under their keys; a key without item is kept as missing."""
        if part.failure is not None:
            ledger.note_freshness(0.0)
            return
        control = part.header("cache-control")
        limit = freshness_limit(control, private=bool(scope))
        ledger.note_freshness(max_age_s if limit is None else min(max_age_s, limit))
        endpoint = fetching.batch
        if endpoint is None or (limit is not None and limit <= 0):
            return
        try:
            items = list(self._envelopes.items(part.body, endpoint.items, fetching.match))
        except msgspec.DecodeError:
            return
        by_key: dict[str, list[bytes]] = {key_text(key): [] for key in part.keys}
        for key, raw in items:
            if key in by_key:
                by_key[key].append(raw)
        strict, asked_at = forbids_stale(control), asked_at - part.age_s()
        for key in part.keys:
            bodies = by_key[key_text(key)]
            body = b",".join(bodies if fetching.call.many else bodies[-1:])
            entry = Stored(body or None, asked_at, limit, fetching.holds, _touched_as(fetching, key), None, strict)
            self._store.write(_item_key(fetching, values, key, scope), entry)

    # -- what stands in for failures ------------------------------------------------------------------------------

    def stand_in(
        self, fetching: Fetching, values: Values, asked: Ask, part: Part, ledger: Ledger, max_age_s: float
    ) -> Part:
        """Give what the store has in place of a reply that failed for the moment; else the failure."""
        if not _is_passing(part.failure):
            return part
        place = self.place(fetching, values, asked, ledger)
        return self.find_old(place, ledger, max_age_s, fetching.source.policy.stale_if_error) or part

    def stand_in_many(
        self, fetching: Fetching, values: Values, parts: Sequence[Part], ledger: Ledger, max_age_s: float
    ) -> list[Part]:
        """Give parts with what the store has in place of keys that failed for the moment."""
        answered: list[Part] = []
        scope: str | None = None
        for part in parts:
            if not _is_passing(part.failure):
                answered.append(part)
                continue
            scope = self.scope(fetching.source, ledger) if scope is None else scope
            answered += self._apart(fetching, values, part, ledger, max_age_s, scope)
        return answered

    def _apart(
        self, fetching: Fetching, values: Values, part: Part, ledger: Ledger, max_age_s: float, scope: str
    ) -> list[Part]:
        window_s = fetching.source.policy.stale_if_error
        found: list[bytes] = []
        held: list[Key] = []
        failed: list[Key] = []
        for key in part.keys:
            entry = self._store.read_old(_item_key(fetching, values, key, scope), max_age_s, window_s)
            if entry is None:
                failed.append(key)
                continue
            held.append(key)
            if entry.body:
                found.append(entry.body)
        if not held:
            return [part]
        ledger.note_freshness(0.0)
        answered = [_items(held, found, float("inf"))]
        return answered if not failed else [*answered, part.with_keys(failed, batched=part.batched)]

    # -- what writes make stale -----------------------------------------------------------------------------------

    def touch(self, fetching: Fetching, endpoint: Endpoint, values: Values, part: Part | None) -> None:
        """Make stale what a write may have changed; None is a write whose outcome is unknown."""
        for name, argument in fetching.invalidates.items():
            given = None if argument is None else values.get(argument)
            for key in given if isinstance(given, list | tuple) else [given]:
                self._store.touch(name, None if key is None else key_text(key))
        if fetching.target is not None and fetching.target in fetching.holds:
            self._store.touch(fetching.target, None if part is None else self._written_key(fetching, endpoint, part))
        elif fetching.target is not None:
            for name in fetching.holds:  # an interface or union: any of its types
                self._store.touch(name)

    def _written_key(self, fetching: Fetching, endpoint: Endpoint, part: Part) -> str | None:
        """Give the key of the object that a write answered; None where it may concern any."""
        try:
            payload = self._envelopes.payload(part.body, endpoint.items)
        except msgspec.DecodeError:
            return None
        return None if payload is None else self._key_of(payload, fetching)

    def _key_of(self, payload: bytes, fetching: Fetching) -> str | None:
        """Give the key that an entity's JSON says it has, as text."""
        if not fetching.entity_match:
            return None
        try:
            return next(self._envelopes.items(b"[%b]" % payload, (), fetching.entity_match))[0]
        except (msgspec.DecodeError, StopIteration):
            return None


def _part(entry: Stored, place: Place, asked_at: float) -> Part:
    return Part((), entry.body, enveloped=place.entity is None, asked_at=asked_at, headers=entry.headers)


def _items(keys: Sequence[Key], bodies: Sequence[bytes], asked_at: float) -> Part:
    return Part(keys, b"[" + b",".join(bodies) + b"]", enveloped=False, batched=True, asked_at=asked_at)


def _used_at(entry: Stored, window_s: float, ledger: Ledger) -> float:
    """Give when an old entry counts as asked for, within this operation: nobody asks again within the window."""
    return min(entry.asked_at + window_s, ledger.now)


def _is_passing(failure: SourceError | None) -> bool:
    """Tell whether a stored answer may stand in for a failure (RFC 5861, 4: 500, 502, 503 and 504, and no reply)."""
    return failure is not None and (failure.retryable or failure.status == 500)


def _item_key(fetching: Fetching, values: Values, key: Key, scope: str) -> Hashable:
    if fetching.entity is not None:
        return (fetching.entity.serial, b"", key_text(key), scope)
    shared = encode_sorted_json(values) if values else b""
    return (fetching.call.serial, shared, key_text(key), scope)


def _entity_key(fetching: Fetching, values: Values) -> Key:
    """Give the key of the entity that a call without parents asks for; None where it asks for anything else."""
    if fetching.entity is None or not fetching.key_names:
        return None
    parts = tuple(values.get(name) for name in fetching.key_names)
    if None in parts:
        return None
    return parts[0] if len(parts) == 1 else parts


def _touched_as(fetching: Fetching, key: Key) -> tuple[str, Hashable] | None:
    if fetching.entity is None or fetching.target is None or key is None:
        return None
    return fetching.target, key_text(key)
