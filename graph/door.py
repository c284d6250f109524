"""What the connections of one server have in common: how many there may be, and who looks after the slow ones.

One timer looks at all connections, several times within the shortest time that any of them has. So a request costs
no timer of its own; a client may have somewhat more time than it should.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from uvicorn import Config

from graph.asgi import Receive, Scope, Send, respond
from graph.proxies import place_of
from graph.shedding import BUSY, BUSY_HEADERS, HEALTH, Held
from graph.trust import Trust

log = logging.getLogger("weft")
_RESERVE = 100  # connections more than there may be, to tell clients so
_LOOKS = 4
_SHORTEST_LOOK_S, _LONGEST_LOOK_S = 0.01, 1.0
_LOG_EVERY_S = 60.0
_CLOSING = (*BUSY_HEADERS, (b"connection", b"close"))


def most_connections(wanted: int | None, files: int) -> int:
    """Give how many connections of clients there may be, where a process may open so many files.

    A part of them stays for the backends: a flood of connections must not take their files from them.
    """
    if files == resource.RLIM_INFINITY:
        return sys.maxsize if wanted is None else wanted
    most = max(files - max(files // 4, _RESERVE), 0)
    return most if wanted is None else min(wanted, most)


def open_more_files() -> None:
    """Let this process open as many files as the system grants it: what it is begun with is often 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Guest(Protocol):
    """A connection, as it is looked after."""

    def look(self, now: float) -> None:
        """End what takes too long; `now` is the loop's time."""
        ...

    def unread_bytes(self) -> int:
        """Give how much of its answers waits for the client, where that is too much for one write."""
        ...

    def drop(self) -> None:
        """Hang up at once."""
        ...


class Door:
    """Lets connections in, and ends those that are too slow.

    Args:
        connections: all that are open, sockets among them; kept by the server.
    """

    def __init__(self, trust: Trust, connections: set[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.trust = trust
        self.heads = Held(trust.max_held_bytes)
        self._most = most_connections(trust.max_connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self._connections = connections
        self._loop = loop
        self._guests: set[Guest] = set()
        self._of_place: Counter[str] = Counter()
        self._is_looking = False
        shortest_s = min(trust.header_timeout, trust.body_timeout, trust.write_timeout, trust.keep_alive)
        self._look_s = min(max(shortest_s / _LOOKS, _SHORTEST_LOOK_S), _LONGEST_LOOK_S)
        self._dropped: Counter[str] = Counter()
        self._log_at = 0.0

    @classmethod
    def of(cls, config: Config, state: Any, loop: asyncio.AbstractEventLoop) -> Door:
        """Give that of a server, whose state keeps it from the first connection on."""
        door: Door | None = getattr(state, "door", None)
        if door is None:
            trust = getattr(config.loaded_app, "trusting", None)
            door = state.door = cls(trust if isinstance(trust, Trust) else Trust(), state.connections, loop)
        return door

    def admit(self, guest: Guest, address: str | None) -> str | None:
        """Let a connection in, which must `leave`; say why it is to be turned away, or give None."""
        self._guests.add(guest)
        if not self._is_looking:
            self._is_looking = True
            self._loop.call_later(self._look_s, self._look)
        most_of_one = self.trust.max_connections_per_address
        place, of_one = None if address is None else place_of(address), 0
        if most_of_one is not None and place is not None:  # first, since each of them will leave
            self._of_place[place] += 1
            of_one = self._of_place[place]
        if len(self._connections) > self._most:
            if len(self._connections) > self._most + _RESERVE:
                guest.drop()
            return "more connections than there may be"
        if most_of_one is not None and of_one > most_of_one:
            if of_one > most_of_one + _RESERVE:
                guest.drop()
            return "more connections of one address than there may be"
        return None

    def forget(self, guest: Guest) -> None:
        """Look after a connection no more: it has become a socket, or is over."""
        self._guests.discard(guest)

    def leave(self, address: str | None) -> None:
        """Note that a connection which was let in is over."""
        place = None if address is None else place_of(address)
        if place is not None and place in self._of_place:
            self._of_place[place] -= 1
            if not self._of_place[place]:
                del self._of_place[place]

    def note(self, reason: str) -> None:
        """Count a connection that was ended; how many there were is logged once a minute."""
        self._dropped[reason] += 1

    def turning_away(self, app: Callable[..., Any]) -> Callable[..., Any]:
        """Give what answers on connections that were turned away: whether the server lives, and nothing else."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] in HEALTH:
                await app(scope, receive, send)
            else:
                await respond(send, 503, b"application/json; charset=utf-8", BUSY, _CLOSING)

        return answer

    def _look(self) -> None:
        self._is_looking = bool(self._guests)
        if self._is_looking:
            self._loop.call_later(self._look_s, self._look)
        now = self._loop.time()
        unread = []
        for guest in list(self._guests):
            guest.look(now)
            if size := guest.unread_bytes():
                unread.append((size, id(guest), guest))
        total = sum(size for size, *_ in unread)
        if total > self.trust.max_unread_bytes:
            for size, _, guest in sorted(unread, reverse=True):
                guest.drop()
                self.note("others needed the memory of its answers")
                total -= size
                if total <= self.trust.max_unread_bytes:
                    break
        if self._dropped and now >= self._log_at:
            told = ", ".join(f"{count} since {reason}" for reason, count in self._dropped.items())
            log.warning("connections were ended: %s", told)
            self._dropped.clear()
            self._log_at = now + _LOG_EVERY_S
