"""`ApiKeys`: clients known by keys that were made for them with ``weft keys create``."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from graph.apikey import ApiKeyRecord, id_of
from graph.client import Client
from graph.credentials import Credentials, Unauthenticated, Unavailable
from graph.errors import GraphError
from graph.keyfile import KeyFile
from graph.keystore import KeyStore, KeyStoreFailed
from sources import DeclarationError, Secret

if TYPE_CHECKING:
    from sources import Redis

_HEADER = re.compile(r"[A-Za-z0-9_-]+")
_VERIFIED_S = 1.0
_NOT_GOOD = "the API key is not good"
_AT_REDIS = ("redis://", "rediss://", "unix://")
KEY_PREFIX = "weft:key:"


@dataclass(frozen=True, slots=True)
class _Verified:
    client: Client
    record: ApiKeyRecord
    until: float


class ApiKeys:
    """Clients who show an API key, in a header of its own, as ``Authorization: Bearer weft_…`` or ``ApiKey weft_…``.

    A key is verified again after a second, by a record that is no older than a second (in a file) or ten (in Redis):
    so long may it take until a key that is revoked is refused, also on sockets and streams that are open.

    Args:
        file: the JSON file with the records; or
        redis: where they are, under names that begin with the `prefix`.
        header: in which keys come.
        max_known: how many verified keys are remembered.
        clock: seconds, only ever forward.
        now: gives the time in Unix seconds, by which keys expire.

    Raises:
        GraphError: neither or both of file and Redis are given, a name is none, or nothing may be remembered.
    """

    def __init__(
        self,
        file: str | Path | None = None,
        *,
        redis: Redis | None = None,
        prefix: str = KEY_PREFIX,
        header: str = "X-API-Key",
        max_known: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        if (file is None) == (redis is None):
            raise GraphError(["ApiKeys: give either a file or redis="])
        faults = [] if _HEADER.fullmatch(header) else [f"ApiKeys: {header!r} is not a header's name"]
        if max_known < 1:
            faults.append("ApiKeys: max_known must be 1 or more")
        if faults:
            raise GraphError(faults)
        self._header = header.lower()
        self.reads: tuple[str, ...] = (self._header, "authorization")
        self._clock = clock
        self._now = now
        self._store = _store(file, redis, prefix, clock)
        self._max_known = max_known
        self._verified: dict[str, _Verified] = {}

    def __repr__(self) -> str:
        return f"ApiKeys({self._store!r})"

    def missing(self) -> list[str]:
        """Give what is missing: the file, or the variable with the address of Redis."""
        return [f"API keys: {missing}" for missing in self._store.missing()]

    def known(self, credentials: Credentials) -> Client | None:
        """Give the client whose key was verified within the last second."""
        shown = self._shown(credentials)
        if shown is None:
            return None
        verified = self._verified.get(shown)
        return verified.client if verified is not None and self._clock() < verified.until else None

    async def find(self, credentials: Credentials) -> Client | None:
        """Give the client whose key it is; None where none is shown.

        Raises:
            Unauthenticated: it is no key, or not good any more.
            Unavailable: whether it is good cannot be told now.
        """
        shown = self._shown(credentials)
        if shown is None:
            return None
        if (id := id_of(shown)) is None:
            raise Unauthenticated("this is no API key, or part of it is missing")
        try:
            record = await self._store.find(id)
        except KeyStoreFailed as exc:
            raise Unavailable("API keys cannot be checked now: try again later", 1) from exc
        if record is None or not record.is_of(shown):
            raise Unauthenticated(_NOT_GOOD)
        now = self._now()
        if (state := record.state(datetime.fromtimestamp(now, UTC))) != "active":
            self._verified.pop(shown, None)
            raise Unauthenticated(f"the API key has {'been revoked' if state == 'revoked' else state}")
        return self._keep(shown, record, now)

    async def aclose(self) -> None:
        """Close the connection to Redis."""
        await self._store.aclose()

    def _shown(self, credentials: Credentials) -> str | None:
        headers = credentials.headers
        shown: str | None = headers.get(self._header)
        if shown is not None:
            return shown
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not token:
            return None
        token, scheme = token.strip(), scheme.lower()
        is_ours = scheme == "apikey" or (scheme == "bearer" and token.startswith("weft_"))
        return token if is_ours else None

    def _keep(self, shown: str, record: ApiKeyRecord, now: float) -> Client:
        verified, expires_at = self._verified, None if record.expires is None else record.expires.timestamp()
        before = verified.pop(shown, None)
        client = before.client if before is not None and before.record == record else _client(record, expires_at)
        if len(verified) >= self._max_known:
            del verified[next(iter(verified))]  # the oldest, which is over soon
        left_s = _VERIFIED_S if expires_at is None else min(_VERIFIED_S, expires_at - now)
        verified[shown] = _Verified(client, record, self._clock() + left_s)
        return client


def api_keys_of(text: str) -> ApiKeys:
    """Give the keys of which an option or a variable tells; see `key_store_of`.

    Raises:
        GraphError: it tells of no place.
    """
    at_redis, place = _place(text)
    return ApiKeys(redis=at_redis) if at_redis is not None else ApiKeys(place)


def key_store_of(text: str, prefix: str = KEY_PREFIX) -> KeyStore:
    """Give the place that a text names: the path of a file, an address of Redis, or ``env:NAME``.

    That is the environment variable which holds one of both, or whose ``NAME_FILE`` does.

    Raises:
        GraphError: it names no place; nothing of an address is quoted.
    """
    at_redis, place = _place(text)
    return _store(None if at_redis is not None else place, at_redis, prefix, time.monotonic)


def _place(text: str) -> tuple[Redis | None, str]:
    env = text.removeprefix("env:") if text.startswith("env:") else None
    try:
        place = text if env is None else Secret(None, env, "API keys").read()
        if not place.strip():
            raise GraphError(["API keys: no place is named"])
        if not place.lower().startswith(_AT_REDIS):
            return None, place
        from sources import Redis  # redis-py takes 0.1 s to load

        return (Redis(place) if env is None else Redis(env=env)), place
    except DeclarationError as exc:
        raise GraphError([f"API keys: {exc}"]) from exc


def _store(file: str | Path | None, redis: Redis | None, prefix: str, clock: Callable[[], float]) -> KeyStore:
    if redis is None:
        return KeyFile(file or "", clock=clock)
    from graph.redis_keys import RedisKeys  # which loads redis-py

    return RedisKeys(redis, prefix, clock=clock)


def _client(record: ApiKeyRecord, expires_at: float | None) -> Client:
    return Client(
        id=f"key:{record.id}",
        scopes=frozenset(record.scopes),
        claims={"name": record.name},
        expires_at=expires_at,
        is_revocable=True,
        rates=record.own_rates() or None,
    )
