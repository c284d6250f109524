"""The keys by which tokens are verified: an author's own, or those that an issuer publishes.

Theory of operation of the second kind. Nothing runs while nobody shows a token. Keys are fresh for as long as the
issuer says, within bounds; before that is over, the next request has them fetched anew and goes on with those that are
there. Where nobody asked in between, the next one waits for the new ones.

    at              what a request does
    refresh_at      goes on, and has the keys fetched in the background
    fresh_until     waits for the keys; when they cannot be had, goes on with the old ones
    _stale_until    is told to try again later

A token that names a key which is not there waits for the keys to be fetched: the issuer may just have begun to use it.
That happens once in `_MISS_S` seconds at most, whatever tokens name; until then such tokens are refused at once. At
any time one fetch is under way, for all who wait. What an issuer publishes counts as a whole: a key that is not among
it is no key any more, and what was verified before is forgotten then; what was refused is whenever keys have changed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from graph.credentials import Unavailable
from graph.key import Key, fitting, read_keys, read_set
from resolvers.store import freshness_limit
from sources import DeclarationError, SourceError
from sources.issuer import Issuer, Published
from sources.secret import Secret

log = logging.getLogger("weft")
_UNSAID_S = 600.0
_LEAST_S, _MOST_S = 60.0, 3_600.0
_EARLY = 0.8
_MISS_S = 30.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 1.0, 30.0


class Keys(Protocol):
    """Gives the keys that may have signed a token.

    `fresh_until` and `refresh_at` are Unix times: what was verified counts until the one, and from the other on `renew`
    is to be called.
    """

    fresh_until: float
    refresh_at: float

    def faults(self) -> list[str]:
        """Give what is wrong with the keys, as far as that can be known at start-up."""
        ...

    async def fitting(self, key_id: str | None, algorithm: str) -> Sequence[Key]:
        """Give the keys that a token may have been signed with.

        Raises:
            Unavailable: there are no keys now.
        """
        ...

    def renew(self) -> None:
        """Have the keys fetched anew, in the background."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


class OwnKeys:
    """Keys of the author's, given as they are, or read from the environment or a file when they are first needed.

    Args:
        given: PEM, JWKs or shared secrets; several while one takes the place of another.
        env: an environment variable that holds them; see `sources.secret`.
        file: a file that holds them.

    Raises:
        ValueError: a key that is given cannot be used.
    """

    fresh_until = float("inf")
    refresh_at = float("inf")

    def __init__(
        self,
        given: Sequence[str | bytes] | None = None,
        *,
        env: str | None = None,
        file: str | Path | None = None,
        allowed: Collection[str],
    ) -> None:
        if given is not None and not given:
            raise ValueError("key= is empty")
        self._where = env or str(file)
        self._secret = None if given is not None else Secret(None, env, "Jwt", None if file is None else str(file))
        self._allowed = allowed
        self._keys = tuple(key for text in given or () for key in read_keys(text, allowed))

    def faults(self) -> list[str]:
        """Read the keys, and give what is wrong with them."""
        try:
            self._read()
        except ValueError as exc:
            return [str(exc)]
        return []

    async def fitting(self, key_id: str | None, algorithm: str) -> Sequence[Key]:
        """Give the keys that a token may have been signed with; see `Keys`.

        Raises:
            ValueError: there are none, which start-up would have said.
        """
        self._read()
        return fitting(self._keys, key_id, algorithm)

    def renew(self) -> None:
        """Do nothing: they are read once."""

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _read(self) -> None:
        if self._keys or self._secret is None:
            return
        try:
            text = self._secret.text()
        except DeclarationError as exc:
            raise ValueError(str(exc)) from exc
        try:
            self._keys = tuple(read_keys(text.strip("\r\n"), self._allowed))
        except ValueError as exc:
            raise ValueError(f"{self._where}: {exc}") from exc


class PublishedKeys:
    """Keys that an issuer publishes.

    Args:
        allowed: algorithms that tokens may be signed with.
        changed: called when there are other keys than before, with whether one is there no more.
        stale_s: how long keys count that cannot be fetched anew, in seconds.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        issuer: Issuer,
        *,
        allowed: Collection[str],
        changed: Callable[[bool], None],
        stale_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.fresh_until = 0.0
        self.refresh_at = 0.0
        self._issuer = issuer
        self._allowed = allowed
        self._changed = changed
        self._stale_s = stale_s
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._stale_until = 0.0
        self._miss_at = 0.0
        self._retry_at = 0.0
        self._failures = 0
        self._fetching: asyncio.Task[None] | None = None

    def faults(self) -> list[str]:
        """Give what is wrong with certificates; an issuer that is away now may be there later."""
        return self._issuer.missing()

    async def fitting(self, key_id: str | None, algorithm: str) -> Sequence[Key]:
        """Give the keys that a token may have been signed with; see `Keys`."""
        now = self._clock()
        if now >= self.fresh_until:
            await self._fetched()
        elif self._lacks(key_id):
            await self._miss()
        elif now >= self.refresh_at:
            self.renew()
        if self._failures and self._lacks(key_id):
            raise _later()  # the key may be one that could not be fetched
        return fitting(self._keys, key_id, algorithm)

    def renew(self) -> None:
        """Have the keys fetched anew, in the background."""
        if not self._is_fetching() and self._clock() >= self._retry_at:
            self._begin()

    async def aclose(self) -> None:
        """End the fetch that is under way, and close the connections."""
        if self._is_fetching() and self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        self._fetching = None
        await self._issuer.aclose()

    def _lacks(self, key_id: str | None) -> bool:
        return key_id is not None and all(key.id not in (key_id, None) for key in self._keys)

    async def _miss(self) -> None:
        if self._clock() >= self._miss_at:
            self._miss_at = self._clock() + _MISS_S
            self.renew()
        await self._end_of_fetch()

    async def _fetched(self) -> None:
        self.renew()
        await self._end_of_fetch()
        if self._clock() >= self.fresh_until:
            raise _later()

    async def _end_of_fetch(self) -> None:
        if self._is_fetching() and self._fetching is not None:
            await asyncio.wait([self._fetching])  # which goes on when one of those who wait has gone

    def _is_fetching(self) -> bool:
        task = self._fetching
        return task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()

    def _begin(self) -> None:
        self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            published = await self._issuer.published()
            keys = read_set(published.body, self._allowed)
        except (SourceError, ValueError) as exc:
            self._fail(exc)
        except Exception as exc:  # whatever it was, those who wait must not be told so again and again at once
            self._fail(exc)
            log.exception("the keys of a token issuer could not be fetched")
        else:
            self._take(keys, published)

    def _take(self, keys: tuple[Key, ...], published: Published) -> None:
        now = self._clock()
        said = freshness_limit(published.cache_control, private=True)
        lasts_s = min(max(_UNSAID_S if said is None else said, _LEAST_S), _MOST_S)
        if self._failures:
            log.info("the keys of a token issuer are there again")
        if not keys:
            log.warning("a token issuer publishes no key that can be used: no token of its is good")
        before, now_there = set(self._keys), set(keys)
        self._keys, self._failures, self._retry_at = keys, 0, 0.0
        self.refresh_at, self.fresh_until = now + lasts_s * _EARLY, now + lasts_s
        self._stale_until = now + max(self._stale_s, lasts_s)
        if before != now_there:
            self._changed(not before <= now_there)

    def _fail(self, exc: Exception) -> None:
        now = self._clock()
        if not self._failures:
            log.warning("the keys of a token issuer cannot be fetched: %s", exc)
        wait_s = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2 ** min(self._failures, 10))
        self._failures += 1
        self._retry_at = self.refresh_at = now + wait_s
        # Old keys go on, and nobody waits for the next attempt: it begins before this is over.
        if now < self._stale_until:
            self.fresh_until = min(now + 2 * _LONGEST_RETRY_S, self._stale_until)


def _later() -> Unavailable:
    return Unavailable("the keys for tokens cannot be fetched now: try again later")
