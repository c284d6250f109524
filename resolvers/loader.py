"""Load what fields need from backends: one call for many keys, no call for what is known already.

Theory of operation. One operation keeps a `Ledger`: the client's forwarded headers, every call made so far, and how
long the whole answer stays fresh. A question is asked at most once per operation, whoever asks: the ledger remembers
questions and their outcomes, failures included, so the exact path can go over the same ground without a new call.

`load_one` asks a question that has no keys (a root field, a write). `load_many` asks for many keys and gives *parts*:
each part is the body of one reply and the keys that it answers. Parts rather than items, because the compiled decoder
reads a whole body at once. With a TTL, answers are stored: whole bodies by URL, and batches item by item, so that a
batch asks only for the keys that the store does not have (`resolvers.keeping`). What the ledger remembers of a question
that failed is the failure; whether a stored answer stands in for it is decided for each field that asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from resolvers.ask import Ask, ask_of, forwarded, send
from resolvers.binding import Fetching
from resolvers.flight import Flights
from resolvers.keeping import Keeping
from resolvers.ledger import Key, Ledger, Load, Overdue, Part
from resolvers.pages import SHOWN
from resolvers.refreshing import Refreshing
from resolvers.store import Store
from sources import Endpoint, Rest, SourceError, UpstreamTimeout, encode_sorted_json

_URL_LIMIT = 8000


class Loader:
    """The loads of one graph, over one store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._flights: Flights[Part] = Flights()
        self._keeping = Keeping(store)
        self._refreshing = Refreshing()

    async def aclose(self) -> None:
        """End what is fetched in the background."""
        await self._refreshing.aclose()

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
                break
            if question in ledger.asking:
                await ledger.wait(question)
                continue
            if fetching.pages is not None and not ledger.takes_page():
                return Part((), failure=fetching.pages.too_many())
            ask = self._read if fetching.call.reads else self._write
            ledger.asking[question] = []
            try:
                known = ledger.answered[question] = await ask(fetching, endpoint, values, asked, ledger, max_age_s)
            finally:
                ledger.end_wait(question)
            break
        if known.failure is None or not fetching.may_stand_in:
            return known
        return self._keeping.stand_in(fetching, values, asked, known, ledger, max_age_s)

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
                parts = load.answers(keys)
                if not fetching.may_stand_in:
                    return parts
                return self._keeping.stand_in_many(fetching, values, parts, ledger, max_age_s)
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
        if not fetching.is_kept:
            return await self._load_batches(fetching, endpoint, values, keys, ledger, max_age_s)
        scope = self._keeping.scope(fetching.source, ledger)
        held = self._keeping.find_many(fetching, values, keys, ledger, max_age_s, scope)

        async def fetch(keys: Sequence[Key], ledger: Ledger) -> list[Part]:
            asked_at = self.store.clock()
            return await self._load_batches(fetching, endpoint, values, keys, ledger, max_age_s, asked_at, scope)

        if held.old:
            old = held.old
            self._refreshing.begin(old, lambda places: fetch([old[place] for place in places], self._aside(ledger)))
        return held.parts if not held.missing else held.parts + await fetch(held.missing, ledger)

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
                self._keeping.keep_items(fetching, values, part, asked_at, scope, ledger, max_age_s)
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
        asked_by = asked.by(forwarded(source, ledger))
        if not fetching.is_kept:
            ledger.note_freshness(0.0)
            return await self._exchange(source, asked_by, ledger)
        place = self._keeping.place(fetching, values, asked, ledger)
        found = self._keeping.find(place, ledger, max_age_s)
        if found is not None:
            return found

        async def fetch(ledger: Ledger) -> Part:
            asked_at = self.store.clock()
            part = await self._exchange(source, asked_by, ledger)
            if part.failure is not None:
                ledger.note_freshness(0.0)
                return part
            return self._keeping.keep(fetching, endpoint, part, place, asked_at, ledger, max_age_s)

        window_s = source.policy.stale_while_revalidate
        if window_s > 0 and max_age_s > 0:
            old = self._keeping.find_old(place, ledger, max_age_s, window_s)
            if old is not None:
                self._refreshing.begin([place.key], lambda _: fetch(self._aside(ledger)))
                return old
        return await fetch(ledger)

    def _aside(self, ledger: Ledger) -> Ledger:
        """Give a ledger for what is fetched for the same client, but by nobody's operation."""
        return Ledger(ledger.headers, self.store.clock())

    async def _exchange(self, source: Rest, asked: Ask, ledger: Ledger) -> Part:
        if ledger.is_over:
            return _overdue(source)
        # The number of writes so far is part of the question: who asks after one is not given an older answer.
        question = (source.serial, asked, self.store.touches)
        try:
            return await self._flights.share(
                question,
                lambda: send(source, asked, ledger, reads=True, left=lambda: self._flights.left_s(question)),
                ledger.waits,
                over_at=ledger.over_at,
            )
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
                part = await send(source, sent, ledger, reads=False)
            finally:
                self._keeping.touch(fetching, endpoint, values, part)
            return part

        try:
            return await self._flights.share(object(), write, ledger.waits, keep=True)
        except Overdue:
            self._keeping.touch(fetching, endpoint, values, None)
            return _overdue(source)
        except asyncio.CancelledError:
            self._keeping.touch(fetching, endpoint, values, None)
            raise


def _overdue(source: Rest) -> Part:
    message = f"{source.name} did not answer before the operation's time was up"
    return Part((), failure=UpstreamTimeout(message, source=source.name))


def _key_object(fetching: Fetching, key: Key) -> dict[str, object]:
    return {path[-1]: value for path, value in zip(fetching.match, key, strict=True)}
