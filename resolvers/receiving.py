"""What a graph may be sent: its webhooks by their addresses, what their events make stale, and what feeds lack.

An event makes stale what is stored of its object, whether anybody is subscribed or not.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from resolvers.binding import Bindings, Fetching
from resolvers.envelope import Envelopes
from resolvers.store import Store
from resolvers.topic import Reader
from sources import Bus, Event, Webhook, lacking, webhook_addresses

Address = tuple[str, str]


@runtime_checkable
class _Secretive(Protocol):
    def missing(self) -> list[str]: ...


class Receiving:
    """The webhooks that a graph's fields declare.

    `webhooks` are by the names of source and topic; `faults` says where they contradict each other.

    Args:
        bus: carries their events; None for one that needs nothing.
    """

    def __init__(self, bindings: Bindings, bus: Bus | None = None) -> None:
        declared = [
            (binding, binding.feeding.pushed.feed)
            for fields in bindings.fields.values()
            for binding in fields.values()
            if isinstance(binding, Fetching) and binding.feeding is not None
        ]
        named: list[tuple[str, object]] = [(f"source {found.source.name!r}", feed) for found, feed in declared]
        named.append(("the bus", bus))
        self._secretive = [(where, each) for where, each in named if isinstance(each, _Secretive)]
        self._envelopes = Envelopes()
        self._fields = [(found, feed) for found, feed in declared if isinstance(feed, Webhook)]
        self.webhooks, self.faults = webhook_addresses((found.source.name, feed) for found, feed in self._fields)

    def missing(self) -> list[str]:
        """Give a sentence for each environment variable or file that a feed or the bus needs and that is not there."""
        found = (f"{where}: {lacking(name)}" for where, secretive in self._secretive for name in secretive.missing())
        return list(dict.fromkeys(found))

    def touch(self, store: Store, address: Address, event: Event) -> None:
        """Make stale what an event says has changed."""
        for fetching, webhook in self._fields:
            feeding = fetching.feeding
            if (fetching.source.name, webhook.topic) == address and webhook.takes(event.name) and feeding is not None:
                Reader(fetching, feeding, store, self._envelopes).read(event)
