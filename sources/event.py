"""What backends say has happened, and how it comes in: data and two seams, nothing is opened here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sources.errors import SourceError

if TYPE_CHECKING:
    from sources.rest import Rest


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a backend says has happened.

    Args:
        body: JSON text.
        name: its kind, where a stream names kinds.
        id: how the backend identifies it.
    """

    body: bytes
    name: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Events may be missing before the next one.

    Args:
        reason: for clients to read: it names the source, and holds no address.
    """

    reason: str


# A failure says why nothing comes at the moment; the feed goes on trying.
Happening = Event | Gap | SourceError


class Bus(Protocol):
    """Carries events by topic: inside this process, or to all replicas."""

    async def publish(self, topic: str, body: bytes) -> None:
        """Give a JSON text to everybody who listens to the topic.

        Raises:
            SourceError: it could not be given to all of them.
        """
        ...

    def listen(self, topic: str) -> AsyncGenerator[Happening]:
        """Give what is published from now on; to be closed by whoever listens."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


@dataclass(frozen=True, slots=True)
class Listening:
    """What a feed is asked to listen to.

    Args:
        values: of the template's variables.
        client: the client's headers that the source is sent.
        bus: where events arrive that were sent to the gateway.
    """

    source: Rest
    values: Mapping[str, object]
    client: tuple[tuple[str, str], ...]
    bus: Bus


class Feed(Protocol):
    """How events come in. What an author declares; any number of topics listen by it."""

    @property
    def variables(self) -> frozenset[str]:
        """The names that `listen` needs values of."""
        ...

    def listen(self, to: Listening) -> AsyncGenerator[Happening]:
        """Give what happens, from now on.

        It ends when the backend says that nothing will follow. It is closed when nobody listens any more, and then
        leaves nothing open.

        Raises:
            SourceError: nothing will ever come, for example since the backend knows no such stream.
        """
        ...
