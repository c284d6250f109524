"""Topics: one feed of a backend for each distinct call, however many listen to it.

Theory of operation. A topic is a call with the values that its feed takes, and the client's headers that its source is
sent. It begins with its first listener and ends with the last one: the task that reads the feed is cancelled, and the
feed closes what it opened. Nobody waits for a listener: it is told what happens by a function, which returns at once.
After every few that were told, the event loop has a round, in which these go on with what they heard.

What a feed gives is bytes. Here they become *occasions*: the payload out of its envelope, a list taken apart where the
field is none, the key that tells its object apart. Where a feed tells a whole state again and again
(`Pushed.compares`), only objects that are new or other than before become occasions; the first state is where
comparing begins.

An occasion makes stale what is stored of its object, before anybody hears of it: who loads the rest of the object then
gets what is true now.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from resolvers.binding import Feeding, Fetching
from resolvers.envelope import Envelopes, key_text
from resolvers.filters import at
from resolvers.store import Store
from sources import Bus, Event, Gap, Listening, Number, SourceError, UpstreamInvalid, encode_sorted_json

log = logging.getLogger("weft")
Pairs = tuple[tuple[str, str], ...]
_decode = msgspec.json.Decoder(float_hook=Number).decode
_MOST_COMPARED = 100_000
_NOTHING = object()  # where an event holds no payload
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Occasion:
    """One event, understood.

    Args:
        payload: JSON, decoded; numbers keep their digits.
        key: tells its object apart, as text; None where nothing does.
    """

    payload: Any
    key: str | None = None


# Told to listeners: occasions that came together, or why some may be missing or none come.
Told = Sequence[Occasion] | Gap | SourceError


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """Who listens to a topic.

    Args:
        hear: takes what happens, at once.
        end: is told that nothing more will come, and why, if that is a failure. It is called once, unless the listener
            leaves before.
    """

    hear: Callable[[Told], None]
    end: Callable[[SourceError | None], None]


class Topics:
    """The topics of one graph."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store = store
        self.bus = bus
        self._topics: dict[Hashable, _Topic] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._envelopes = Envelopes()

    def __len__(self) -> int:
        return len(self._topics)

    def join(
        self, fetching: Fetching, feeding: Feeding, values: Mapping[str, object], client: Pairs, listener: Listener
    ) -> Callable[[], None]:
        """Listen to a topic from now on; give the function by which the listener leaves, at any time and once or more.

        Args:
            values: of the feed's variables.
            client: the client's headers that the source is sent.
        """
        key = _identity(fetching, values, client)
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = _Topic(Reader(fetching, feeding, self._store, self._envelopes))
            to = Listening(fetching.source, values, client, self.bus)
            task = asyncio.get_running_loop().create_task(self._run(key, topic, to))
            topic.task = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        topic.listeners[listener] = None

        def leave() -> None:
            topic.listeners.pop(listener, None)
            if not topic.listeners:
                self._forget(key, topic)
                if topic.task is not None:
                    topic.task.cancel()

        return leave

    def knows(self, fetching: Fetching, values: Mapping[str, object], client: Pairs) -> bool:
        """Tell whether somebody listens to a topic."""
        return _identity(fetching, values, client) in self._topics

    async def aclose(self) -> None:
        """End all topics; their listeners are told."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Hashable, topic: _Topic, to: Listening) -> None:
        failure: SourceError | None = None
        feed = topic.reader.feeding.pushed.feed
        try:
            async with contextlib.aclosing(feed.listen(to)) as happenings:
                heard = 0
                async for happening in happenings:
                    told = topic.reader.read(happening) if isinstance(happening, Event) else happening
                    for listener in tuple(topic.listeners) if told else ():
                        if listener in topic.listeners:
                            listener.hear(told)
                        heard += 1
                        if not heard % _AT_ONCE:
                            await asyncio.sleep(0)
        except SourceError as exc:
            failure = exc
        except Exception:  # whatever it is, whoever listens must hear that nothing more comes
            log.exception("the feed %s of %s failed", feed, to.source.name)
            failure = UpstreamInvalid(f"the events of {to.source.name} cannot be read", source=to.source.name)
        finally:
            self._forget(key, topic)
            listeners, topic.listeners = topic.listeners, {}
            for listener in listeners:
                listener.end(failure)

    def _forget(self, key: Hashable, topic: _Topic) -> None:
        if self._topics.get(key) is topic:
            del self._topics[key]


def _identity(fetching: Fetching, values: Mapping[str, object], client: Pairs) -> Hashable:
    return (fetching.call.serial, encode_sorted_json(values), client)


class _Topic:
    __slots__ = ("listeners", "reader", "task")

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.listeners: dict[Listener, None] = {}
        self.task: asyncio.Task[None] | None = None


class Reader:
    """Understands the events of one field, and makes stale what they say has changed."""

    def __init__(self, fetching: Fetching, feeding: Feeding, store: Store, envelopes: Envelopes) -> None:
        self.feeding = feeding
        self._fetching = fetching
        self._store = store
        self._envelopes = envelopes
        self._known: dict[str | bytes | None, bytes] | None = None

    def read(self, event: Event) -> Told:
        """Give the occasions of an event; none where it holds no payload for the field, or nothing has changed."""
        source = self._fetching.source
        try:
            occasions = self._occasions(event.body)
        except (msgspec.DecodeError, RecursionError, ValueError):
            return UpstreamInvalid(f"{source.name} sent an event that cannot be read", source=source.name)
        for occasion in occasions:
            self.touch(occasion)
        return occasions

    def touch(self, occasion: Occasion) -> None:
        """Make stale what is stored of an occasion's object, and what else it concerns."""
        fetching, store = self._fetching, self._store
        if fetching.target is not None:
            if self.feeding.rest is not None:
                store.touch(fetching.target, _key_at(occasion.payload, self.feeding.rest.match))
            else:
                for name in fetching.holds:
                    store.touch(name)
        for name, path in fetching.invalidates.items():
            key = None if path is None else at(occasion.payload, tuple(path.split(".")))
            store.touch(name, None if key is None else key_text(key))

    def _occasions(self, body: bytes) -> list[Occasion]:
        payload = self._payload(body)
        if payload is _NOTHING:
            return []
        is_list = isinstance(payload, list) and self.feeding.splits
        occasions = [
            Occasion(found, _key_at(found, self.feeding.key)) for found in (payload if is_list else (payload,))
        ]
        return self._changed(occasions, is_list=is_list) if self.feeding.pushed.compares else occasions

    def _payload(self, body: bytes) -> Any:
        try:
            raw = self._envelopes.payload(body, self.feeding.pushed.items)
        except msgspec.ValidationError:  # an event of another kind
            return _NOTHING
        return None if raw is None else _decode(raw)

    def _changed(self, occasions: list[Occasion], *, is_list: bool) -> list[Occasion]:
        before, self._known = self._known, {}
        found: dict[str | bytes | None, Occasion] = {}  # of several with one key, the last counts
        for occasion in occasions[:_MOST_COMPARED]:
            digest = hashlib.blake2b(encode_sorted_json(occasion.payload), digest_size=16).digest()
            # Objects in a list that nothing tells apart are told apart by what they are.
            place = digest if occasion.key is None and is_list else occasion.key
            self._known[place] = digest
            found[place] = occasion
        if before is None:
            return []
        return [occasion for place, occasion in found.items() if before.get(place) != self._known[place]]


def _key_at(payload: Any, paths: Sequence[tuple[str, ...]]) -> str | None:
    """Give the key that a payload has at these paths, or is."""
    if isinstance(payload, str | int) and not isinstance(payload, bool):
        return key_text(payload)
    parts = tuple(at(payload, path) for path in paths)
    if not parts or any(isinstance(part, dict | list) or part is None for part in parts):
        return None
    return key_text(parts if len(parts) > 1 else parts[0])
