"""Load what fields need from backends: one call for many keys, no call for what is known already.

Theory of operation. One operation keeps a `Ledger`: the client's forwarded headers, every call made so far, and how
long the whole answer stays fresh. A question is asked at most once per operation, whoever asks: the ledger remembers
questions and their outcomes, failures included, so the exact path can go over the same ground without a new call.

`load_one` asks a question that has no keys (a root field, a write). `load_many` asks for many keys and gives *parts*:
each part is the body of one reply and the keys that it answers. Parts rather than items, because the compiled decoder
reads a whole body at once. With a TTL, answers are stored: whole bodies by URL, and batches item by item, so that a
batch asks only for the keys that the store does not have.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Hashable, Mapping, Sequence

import msgspec

from resolvers.ask import Ask, ask_of, forwarded, send
from resolvers.binding import Fetching
from resolvers.envelope import Envelopes, key_text
from resolvers.flight import Flights
from resolvers.ledger import Key, Ledger, Load, Overdue, Part
from resolvers.pages import SHOWN
from resolvers.store import Store, Stored, freshness_limit
from sources import Endpoint, Rest, SourceError, UpstreamTimeout, encode_sorted_json

_URL_LIMIT = 8000


class Loader:
    """The loads of one graph, over one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._flights: Flights[Part] = Flights()
        self._envelopes = Envelopes()

    async def load_one(
        self, fetching: Fetching, values: Mapping[str, object], ledger: Ledger, max_age_s: float
    ) -> Part:
        """Ask a question that has no keys. Failures are in the part, never raised."""
        if fetching.feeding is not None and ledger.happened is not None:
            return ledger.happened  # an event: there is nothing to ask
        if fetching.pages is not None and SHOWN in values:  # a page's own values are without it
            return await fetching.pages.load(values, lambda page: self.load_one(fetching, page, ledger, max_age_s))
        endpoint = fetching.single
        if endpoint is None:
            raise RuntimeError("a call without a single endpoint has keys")
        source = fetching.source
        try:
            asked = ask_of(source, endpoint, values)
        except SourceError as exc:
            return Part((), failure=exc)
        question = (source.serial, asked)
        while True:
            known = ledger.answered.get(question)
            if known is not None and ledger.now - known.asked_at < max_age_s:
                return known
            if question not in ledger.asking:
                break
            await ledger.wait(question)
        if fetching.pages is not None and not ledger.takes_page():
            return Part((), failure=fetching.pages.too_many())
        ask = self._read if fetching.call.reads else self._write
        ledger.asking[question] = []
        try:
            known = ledger.answered[question] = await ask(fetching, endpoint, values, asked, ledger, max_age_s)
        finally:
            ledger.end_wait(question)
        return known

    async def load_many(
        self,
        fetching: Fetching,
        values: Mapping[str, object],
        keys: Sequence[Key],
        ledger: Ledger,
        max_age_s: float,
    ) -> list[Part]:
        """Ask for many distinct keys, each once per operation. Failures are in their parts, never raised.

        Args:
            values: what all keys share: the arguments.
            keys: a scalar per key, or a tuple where the key has several parts.
        """
        question = (fetching.call, encode_sorted_json(values) if values else None)
        load = ledger.loads.get(question)
        if load is None or ledger.now - load.oldest_at >= max_age_s:
            load = ledger.loads[question] = Load()
        while True:
            missing, waits = load.missing(keys)
            if missing:
                group = (missing, asyncio.get_running_loop().create_future())
                load.groups.append(group)
                try:
                    parts = await self._load_keys(fetching, values, missing, ledger, max_age_s)
                    load.parts += parts
                    load.oldest_at = min([load.oldest_at, *(part.asked_at for part in parts)])
                except BaseException:
                    load.groups.remove(group)
                    raise
                finally:
                    group[1].set_result(None)
            if not waits:
                return load.answers(keys)
            for known in waits:
                await asyncio.shield(known)  # others wait for it as well

    # -- many keys ------------------------------------------------------------------------------------------------

    async def _load_keys(
        self,
        fetching: Fetching,
        values: Mapping[str, object],
        keys: Sequence[Key],
        ledger: Ledger,
        max_age_s: float,
    ) -> list[Part]:
        endpoint = fetching.batch
        if endpoint is None:
            return await self._load_singles(fetching, values, keys, ledger, max_age_s)
        if fetching.keep_s <= 0:
            return await self._load_batches(fetching, endpoint, values, keys, ledger, max_age_s)
        scope = self._scope(fetching.source, ledger)
        stored, missing = self._stored(fetching, values, keys, ledger, max_age_s, scope)
        if not missing:
            return stored
        asked_at = self.store.clock()
        fresh = await self._load_batches(fetching, endpoint, values, missing, ledger, max_age_s, asked_at, scope)
        return stored + fresh

    async def _load_singles(
        self,
        fetching: Fetching,
        values: Mapping[str, object],
        keys: Sequence[Key],
        ledger: Ledger,
        max_age_s: float,
    ) -> list[Part]:
        async def load(key: Key) -> Part:
            whole = dict(values)
            whole.update(zip(fetching.single_names, key if isinstance(key, tuple) else (key,), strict=True))
            part = await self.load_one(fetching, whole, ledger, max_age_s)
            return part.with_keys((key,), batched=False)

        if len(keys) == 1:
            return [await load(keys[0])]
        return list(await asyncio.gather(*map(load, keys)))

    async def _load_batches(
        self,
        fetching: Fetching,
        endpoint: Endpoint,
        values: Mapping[str, object],
        keys: Sequence[Key],
        ledger: Ledger,
        max_age_s: float,
        asked_at: float = 0.0,
        scope: str | None = None,
    ) -> list[Part]:
        parts: list[Part] = []
        requests: list[tuple[Sequence[Key], Ask]] = []
        limit = fetching.call.max_batch
        for start in range(0, len(keys), limit):
            chunk = keys if len(keys) <= limit else keys[start : start + limit]
            self._split(fetching, endpoint, values, chunk, requests, parts)
        if len(requests) == 1:
            parts.append(await self._batch(fetching, requests[0], ledger))
        elif requests:
            made = (self._batch(fetching, request, ledger) for request in requests)
            parts.extend(await asyncio.gather(*made))
        if scope is None:
            ledger.note_freshness(0.0)
        else:
            for part in parts:
                self._keep_items(fetching, values, part, asked_at, scope, ledger, max_age_s)
        return parts

    def _split(
        self,
        fetching: Fetching,
        endpoint: Endpoint,
        values: Mapping[str, object],
        keys: Sequence[Key],
        requests: list[tuple[Sequence[Key], Ask]],
        parts: list[Part],
    ) -> None:
        """Append the requests for the keys: one, or several where the URL would grow too long.

        A key that may not enter a URL fails alone.
        """
        names = fetching.batch_names
        whole = dict(values)
        if len(names) == 1:
            composite = len(fetching.call.key) > 1
            whole[names[0]] = [_key_object(fetching, key) for key in keys] if composite else list(keys)
        else:
            for position, name in enumerate(names):
                whole[name] = [key[position] for key in keys]
        asked: Ask | None
        try:
            asked = ask_of(fetching.source, endpoint, whole)
        except SourceError as exc:
            if len(keys) == 1:
                parts.append(Part(keys, failure=exc))
                return
            asked = None
        if asked is not None and (len(asked.target) <= _URL_LIMIT or len(keys) == 1):
            requests.append((keys, asked))
            return
        middle = len(keys) // 2
        self._split(fetching, endpoint, values, keys[:middle], requests, parts)
        self._split(fetching, endpoint, values, keys[middle:], requests, parts)

    async def _batch(self, fetching: Fetching, request: tuple[Sequence[Key], Ask], ledger: Ledger) -> Part:
        keys, asked = request
        source = fetching.source
        client = forwarded(source, ledger)
        part = await self._exchange(source, asked.by(client), ledger)
        if part.body is None and part.failure is None and part.reply is not None and part.reply.status == 404:
            return Part(keys, failure=source.failure(part.reply))
        return part.with_keys(keys, batched=True)

    # -- one exchange ---------------------------------------------------------------------------------------------

    async def _read(
        self,
        fetching: Fetching,
        endpoint: Endpoint,
        values: Mapping[str, object],
        asked: Ask,
        ledger: Ledger,
        max_age_s: float,
    ) -> Part:
        source = fetching.source
        client = forwarded(source, ledger)
        if fetching.keep_s <= 0:
            ledger.note_freshness(0.0)
            return await self._exchange(source, asked.by(client), ledger)
        scope = self._scope(source, ledger)
        entity = _entity_key(fetching, values)
        key: Hashable = (source.serial, asked, scope)
        if entity is not None:
            key = self._item_key(fetching, values, entity, scope)
        ledger.types.update(fetching.holds)
        ledger.kept.add(key)
        entry = self.store.read(key, max_age_s)
        is_stored = entry is not None
        if entry is None:
            asked_at = self.store.clock()
            part = await self._exchange(source, asked.by(client), ledger)
            if part.failure is not None:
                ledger.note_freshness(0.0)
                return part
            try:
                kept = self._envelopes.payload(part.body, endpoint.items if entity is not None else ())
            except msgspec.DecodeError:
                ledger.note_freshness(0.0)
                return part
            limit = freshness_limit(part.header("cache-control"), private=bool(scope))
            known_as = _touched_as(fetching, entity)
            if known_as is not None and kept is not None and self._key_of(kept, fetching) != known_as[1]:
                known_as = None  # "07" may be another name of 7: whatever touches the type makes this one stale
            heard = None if fetching.pages is None else fetching.pages.heard(part)
            entry = Stored(kept, asked_at - part.age_s(), limit, fetching.holds, known_as, heard)
            if limit is None or limit > 0:
                self.store.write(key, entry)
        ledger.note_freshness(self.store.remaining_s(entry, max_age_s))
        old = entry.asked_at if is_stored else float("inf")
        return Part((), entry.body, enveloped=entity is None, asked_at=old, headers=entry.headers)

    async def _exchange(self, source: Rest, asked: Ask, ledger: Ledger) -> Part:
        if ledger.is_over:
            return _overdue(source)
        # The number of writes so far is part of the question: who asks after one is not given an older answer.
        question = (source.serial, asked, self.store.touches)
        try:
            return await self._flights.share(question, lambda: send(source, asked, ledger), ledger.waits)
        except Overdue:
            return _overdue(source)

    async def _write(
        self,
        fetching: Fetching,
        endpoint: Endpoint,
        values: Mapping[str, object],
        asked: Ask,
        ledger: Ledger,
        max_age_s: float,
    ) -> Part:
        """Send a write, once, and make stale what it may have changed, even where its outcome is unknown.

        It is finished even when its client has left: half a write helps nobody.
        """
        source = fetching.source
        ledger.note_freshness(0.0)
        if ledger.is_over:
            return _overdue(source)
        sent = asked.by(forwarded(source, ledger))

        async def write() -> Part:
            part: Part | None = None
            try:
                part = await send(source, sent, ledger)
            finally:
                self._touch(fetching, endpoint, values, part)
            return part

        try:
            return await self._flights.share(object(), write, ledger.waits, keep=True)
        except Overdue:
            self._touch(fetching, endpoint, values, None)
            return _overdue(source)
        except asyncio.CancelledError:
            self._touch(fetching, endpoint, values, None)
            raise

    def _touch(self, fetching: Fetching, endpoint: Endpoint, values: Mapping[str, object], part: Part | None) -> None:
        for name, argument in fetching.invalidates.items():
            given = None if argument is None else values.get(argument)
            for key in given if isinstance(given, list | tuple) else [given]:
                self.store.touch(name, None if key is None else key_text(key))
        if fetching.target is not None and fetching.target in fetching.holds:
            self.store.touch(fetching.target, None if part is None else self._written_key(fetching, endpoint, part))
        elif fetching.target is not None:
            for name in fetching.holds:  # an interface or union: any of its types
                self.store.touch(name)

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

    # -- the store ------------------------------------------------------------------------------------------------

    def _scope(self, source: Rest, ledger: Ledger) -> str:
        """Give the scope of answers from this source: empty for all clients, else one for these header values."""
        client = forwarded(source, ledger)
        return hashlib.sha256(repr(client).encode()).hexdigest() if client else ""

    def _item_key(self, fetching: Fetching, values: Mapping[str, object], key: Key, scope: str) -> Hashable:
        if fetching.entity is not None:
            return (fetching.entity.serial, b"", key_text(key), scope)
        shared = encode_sorted_json(values) if values else b""
        return (fetching.call.serial, shared, key_text(key), scope)

    def _stored(
        self,
        fetching: Fetching,
        values: Mapping[str, object],
        keys: Sequence[Key],
        ledger: Ledger,
        max_age_s: float,
        scope: str,
    ) -> tuple[list[Part], list[Key]]:
        """Give the parts that the store has, as one body, and the keys that it has not."""
        ledger.types.update(fetching.holds)
        found: list[bytes] = []
        oldest_at = float("inf")
        held: list[Key] = []
        missing: list[Key] = []
        for key in keys:
            place = self._item_key(fetching, values, key, scope)
            ledger.kept.add(place)
            entry = self.store.read(place, max_age_s)
            if entry is None:
                missing.append(key)
                continue
            held.append(key)
            oldest_at = min(oldest_at, entry.asked_at)
            ledger.note_freshness(self.store.remaining_s(entry, max_age_s))
            if entry.body:
                found.append(entry.body)
        if not held:
            return [], missing
        body = b"[" + b",".join(found) + b"]"
        return [Part(held, body, enveloped=False, batched=True, asked_at=oldest_at)], missing

    def _keep_items(
        self,
        fetching: Fetching,
        values: Mapping[str, object],
        part: Part,
        asked_at: float,
        scope: str,
        ledger: Ledger,
        max_age_s: float,
    ) -> None:
        """Store the items of one batch reply under their keys; a key without item is stored as missing."""
        if part.failure is not None:
            ledger.note_freshness(0.0)
            return
        limit = freshness_limit(part.header("cache-control"), private=bool(scope))
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
        for key in part.keys:
            bodies = by_key[key_text(key)]
            body = b",".join(bodies if fetching.call.many else bodies[-1:])
            entry = Stored(body or None, asked_at - part.age_s(), limit, fetching.holds, _touched_as(fetching, key))
            self.store.write(self._item_key(fetching, values, key, scope), entry)


def _overdue(source: Rest) -> Part:
    message = f"{source.name} did not answer before the operation's time was up"
    return Part((), failure=UpstreamTimeout(message, source=source.name))


def _entity_key(fetching: Fetching, values: Mapping[str, object]) -> Key:
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


def _key_object(fetching: Fetching, key: Key) -> dict[str, object]:
    return {path[-1]: value for path, value in zip(fetching.match, key, strict=True)}
