"""Redis, as a place where events come from: its address, its connections, and what its failures mean.

`Redis` is what an author declares, once for all feeds that use the same server. All of redis-py is reached through
it: connections are made here, without the library's own retries, since a connection that came back by itself would
hide that events were missed; and `translated` turns the library's errors into a `RedisTrouble`, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis.asyncio
import redis.exceptions
from redis.asyncio.client import PubSub
from redis.asyncio.connection import ConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from sources.backoff import Backoff
from sources.errors import DeclarationError, SourceError, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from sources.secret import Secret

S = TypeVar("S")
_REFUSALS = (
    redis.exceptions.AuthenticationError,
    redis.exceptions.AuthorizationError,
    redis.exceptions.AuthenticationWrongNumberOfArgsError,
    redis.exceptions.NoPermissionError,
)


class RedisTrouble(Exception):
    """Redis does not do what it was asked; each listener is told in the name of its own source.

    Args:
        what: the failure, for clients: no address, no text of Redis.
        lasting: whether it will not pass by itself.
    """

    def __init__(self, kind: type[SourceError], what: str, *, lasting: bool = False) -> None:
        super().__init__(what)
        self._kind = kind
        self._what = what
        self.lasting = lasting

    def failure(self, source: str) -> SourceError:
        """Give it as a failure of a source."""
        return self._kind(f"{source}: {self._what}", source=source)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what redis-py raises, also inside of a task group, into a RedisTrouble."""
    try:
        yield
    except ExceptionGroup as group:
        raise trouble_of(group.exceptions[0]) from group.exceptions[0]
    except DeclarationError as exc:
        raise RedisTrouble(UpstreamUnavailable, "Redis has no usable address", lasting=True) from exc
    except (redis.exceptions.RedisError, OSError) as exc:
        raise trouble_of(exc) from exc


def trouble_of(exc: Exception) -> RedisTrouble:
    """Give what an exception of redis-py means; any other exception is raised again."""
    if isinstance(exc, _REFUSALS):
        return RedisTrouble(UpstreamError, "Redis refuses the gateway", lasting=True)
    if isinstance(exc, redis.exceptions.TimeoutError | TimeoutError):
        return RedisTrouble(UpstreamTimeout, "Redis does not answer in time")
    if isinstance(exc, redis.exceptions.ConnectionError | OSError):
        return RedisTrouble(UpstreamUnavailable, "Redis cannot be reached")
    if isinstance(exc, redis.exceptions.RedisError):
        return RedisTrouble(UpstreamError, "Redis answers with an error")
    raise exc


class Redis:
    """A Redis server: ``Redis("redis://127.0.0.1:6379")`` or ``Redis(env="REDIS_URL")``.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``, with user, password and database where there are any;
            ``?ssl_ca_certs=ca.pem``, ``ssl_certfile`` and ``ssl_keyfile`` name certificates. The server of
            ``rediss://`` is verified in any case.
        env: the environment variable that holds the address; `file` is the file that does.
        timeout: seconds for connecting and for a command; also how long a connection may be silent before it has to
            show that it lives.
        backoff: gives the waits between attempts to connect.

    Raises:
        DeclarationError: the address is none of Redis.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        env: str | None = None,
        file: str | None = None,
        timeout: float = 5.0,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        self._secret = Secret(url, env, "Redis", file)
        self._shown = repr(_shown(url)) if url is not None else f"env={env!r}" if env else f"file={file!r}"
        if not 0 < timeout < math.inf:
            raise DeclarationError(f"Redis: timeout={timeout!r}: expected a number of seconds that is more than 0")
        self.timeout_s = timeout
        self.backoff = backoff
        self._shared: dict[asyncio.AbstractEventLoop, dict[object, Any]] = {}
        if url is not None:
            self._pool()

    def __repr__(self) -> str:
        return f"Redis({self._shown})"

    def missing(self) -> list[str]:
        """Give the environment variable or file that is needed and not there."""
        return self._secret.missing()

    def in_time(self) -> asyncio.Timeout:
        """Give a context that ends with TimeoutError when a command takes too long."""
        return asyncio.timeout(self.timeout_s)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[redis.asyncio.Redis]:
        """Give a client that connects again when it needs to, and is closed at the end."""
        client = redis.asyncio.Redis.from_pool(self._pool())
        try:
            yield client
        finally:
            await client.aclose()

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[redis.asyncio.Redis]:
        """Give a client of one connection, which is never replaced by another and is closed at the end."""
        pool = self._pool()
        client = redis.asyncio.Redis(connection_pool=pool, single_connection_client=True)
        try:
            async with self.in_time():
                await client.initialize()
            yield client
        finally:
            await client.aclose()
            await pool.aclose()

    @contextlib.asynccontextmanager
    async def subscribing(self) -> AsyncIterator[PubSub]:
        """Give a connection for channels, which is closed at the end."""
        pubsub: Any = PubSub(self._pool())  # redis-py has no types for half of its methods
        try:
            async with self.in_time():
                await pubsub.connect()
            yield pubsub
        finally:
            await pubsub.aclose()

    def shared(self, kind: Callable[[Redis], S]) -> S:
        """Give what all who use this Redis share in the running event loop; the first to ask makes it."""
        loop = asyncio.get_running_loop()
        if loop not in self._shared:
            self._shared = {other: made for other, made in self._shared.items() if not other.is_closed()}
            self._shared[loop] = {}
        made = self._shared[loop]
        if kind not in made:
            made[kind] = kind(self)
        found: S = made[kind]
        return found

    def _pool(self) -> ConnectionPool:
        """Make a pool of one connection.

        Raises:
            DeclarationError: there is no address, or it is none of Redis; the message does not quote it.
        """
        url = self._secret.read()
        try:
            pool: Any = ConnectionPool(max_connections=1, **self._options(url))
            pool.make_connection()  # made and thrown away: only so do all options of an address show whether they exist
        except DeclarationError:
            raise
        except (ValueError, TypeError, AttributeError, redis.exceptions.RedisError):
            message = f"{self!r}: expected redis://, rediss:// or unix:// with options that redis-py knows"
            raise DeclarationError(message) from None
        made: ConnectionPool = pool
        return made

    def _options(self, url: str) -> dict[str, Any]:
        options: dict[str, Any] = {**parse_url(url)}
        if options.get("ssl_cert_reqs", "required") != "required" or not options.get("ssl_check_hostname", True):
            raise DeclarationError(f"{self!r}: the server of rediss:// is verified, and its options cannot change that")
        for ours in ("max_connections", "timeout", "legacy_responses"):
            options.pop(ours, None)
        if "path" not in options:
            options["socket_keepalive"] = True
        return options | {
            "decode_responses": False,
            # `in_time` bounds commands. The library's own way for writes, asyncio.wait_for, may swallow a cancellation.
            "socket_timeout": None,
            "socket_connect_timeout": self.timeout_s,
            "health_check_interval": 0,
            "retry": Retry(NoBackoff(), 0, ()),
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }


def _shown(url: str) -> str:
    """Give the server of an address; nothing at all where a password may have become part of it."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "..."
    if "@" in parts.path + parts.query + parts.fragment:
        return "..."
    return f"{parts.scheme}://{parts.hostname or ''}{port}"
