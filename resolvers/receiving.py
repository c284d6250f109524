"""What a graph may be sent: its webhooks by their addresses, and what their events make stale.

An event makes stale what is stored of its object, whether anybody is subscribed or not.
"""

from __future__ import annotations

from resolvers.binding import Bindings, Fetching
from resolvers.envelope import Envelopes
from resolvers.store import Store
from resolvers.topic import Reader
from sources import Event, Webhook, webhook_addresses

Address = tuple[str, str]


class Receiving:
    """The webhooks that a graph's fields declare.

    `webhooks` are by the names of source and topic; `faults` says where they contradict each other.
    """

    def __init__(self, bindings: Bindings) -> None:
        declared = [
            (binding, binding.feeding.pushed.feed)
            for fields in bindings.fields.values()
            for binding in fields.values()
            if isinstance(binding, Fetching) and binding.feeding is not None
        ]
        self._envelopes = Envelopes()
        self._fields = [(found, feed) for found, feed in declared if isinstance(feed, Webhook)]
        self.webhooks, self.faults = webhook_addresses((found.source.name, feed) for found, feed in self._fields)

    def missing(self) -> list[str]:
        """Give a sentence for each environment variable that is needed and not set."""
        found = (
            f"source {source!r}: the environment variable {name} is not set"
            for (source, _), webhook in self.webhooks.items()
            for name in webhook.missing()
        )
        return list(dict.fromkeys(found))

    def touch(self, store: Store, address: Address, event: Event) -> None:
        """Make stale what an event says has changed."""
        for fetching, webhook in self._fields:
            feeding = fetching.feeding
            if (fetching.source.name, webhook.topic) == address and webhook.takes(event.name) and feeding is not None:
                Reader(fetching, feeding, store, self._envelopes).read(event)
