"""Channels and streams of Redis as feeds: what an author's ``@source.channel`` and ``@source.stream`` listen by."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncGenerator

import msgspec

from sources.errors import InvalidInput, SourceError
from sources.event import Event, Happening, Listening
from sources.redis import Redis
from sources.redis_channels import Channels
from sources.redis_name import RedisName
from sources.redis_streams import Entry, Fields, Streams
from sources.sieve import NotJson, Sieve
from sources.template import RefusedValue


class _RedisFeed:
    """What is listened to under a name in Redis.

    Args:
        name: with variables: ``orders.{id}``.

    Raises:
        DeclarationError: the name is none.
    """

    def __init__(self, name: str, redis: Redis) -> None:
        self._name = RedisName(name)
        self.redis = redis

    @property
    def variables(self) -> frozenset[str]:
        """The names that `listen` needs values of."""
        return self._name.variables

    def missing(self) -> list[str]:
        """Give the environment variables that are needed and not set."""
        return self.redis.missing()


class RedisChannel(_RedisFeed):
    """Messages published on a channel, each a JSON text.

    Redis keeps no messages: whatever is published while the connection is lost is missed, and there is a gap.

    Args:
        name: with variables: ``orders.{id}``.

    Raises:
        DeclarationError: the name is none.
    """

    def __str__(self) -> str:
        return f"SUBSCRIBE {self._name}"

    async def listen(self, to: Listening) -> AsyncGenerator[Happening]:
        """Give the messages published from now on.

        Raises:
            InvalidInput: a value may not stand in the channel's name.
            SourceError: Redis refuses.
        """
        source = to.source.name
        sieve = Sieve(source)
        listening = self.redis.shared(Channels).listen(
            _expand(self._name, to), source, functools.partial(_event, sieve)
        )
        async with contextlib.aclosing(listening):
            async for happening in listening:
                yield happening


class RedisStream(_RedisFeed):
    """Entries added to a stream, from its end on.

    After a lost connection it goes on where it stopped; there is a gap where entries were trimmed meanwhile.

    Args:
        name: the stream's key, with variables.
        field: the field that holds the JSON text; when left out it is ``data`` in entries that have it, and else the
            entry itself is the event: an object of its fields, whose values are texts.

    Raises:
        DeclarationError: the name is none.
    """

    def __init__(self, name: str, redis: Redis, field: str | None = None) -> None:
        super().__init__(name, redis)
        self._field = None if field is None else field.encode()

    def __str__(self) -> str:
        return f"XREAD {self._name}"

    async def listen(self, to: Listening) -> AsyncGenerator[Happening]:
        """Give the entries added from now on.

        Raises:
            InvalidInput: a value may not stand in the key.
            SourceError: Redis refuses, or the key holds no stream.
        """
        source = to.source.name
        sieve = Sieve(source)

        def read(entry: Entry) -> Happening | None:
            id, fields = entry
            return _event(sieve, self._text(fields), id.decode())

        listening = self.redis.shared(Streams).listen(_expand(self._name, to), source, read)
        async with contextlib.aclosing(listening):
            async for happening in listening:
                yield happening

    def _text(self, fields: Fields) -> bytes:
        if self._field is not None:
            return fields.get(self._field, b"")
        if b"data" in fields:
            return fields[b"data"]
        try:
            return msgspec.json.encode({name.decode(): value.decode() for name, value in fields.items()})
        except UnicodeDecodeError:
            return b""


def _event(sieve: Sieve, text: bytes, id: str | None = None) -> Event | SourceError | None:
    try:
        text.decode()  # reading JSON skips over what strings hold
        sieve.check(text)
    except (NotJson, UnicodeDecodeError):
        return sieve.refuse()
    return Event(text, id=id)


def _expand(name: RedisName, to: Listening) -> bytes:
    try:
        return name.expand(to.values).encode()
    except RefusedValue as exc:
        raise InvalidInput(str(exc), source=to.source.name) from exc
