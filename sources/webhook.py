"""Webhooks: what a backend posts to the gateway, as a feed.

Deliveries are received in one place, checked, and given to the bus; feeds listen to the bus. So a delivery that one
replica receives reaches the subscribers of all, where the bus does.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import msgspec

from sources.delivery import Delivery, Refused, Signature
from sources.errors import DeclarationError
from sources.event import Bus, Event, Gap, Happening, Listening

Address = tuple[str, str]  # names of a source and of its topic, as they stand in the URL

_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_MOST_EVENTS = 1_000
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_check_json = msgspec.json.Decoder(msgspec.Raw).decode


class _Packed(msgspec.Struct, omit_defaults=True, array_like=True):
    body: msgspec.Raw
    kind: str | None = None
    id: str | None = None


_pack = msgspec.json.Encoder().encode
_unpack = msgspec.json.Decoder(_Packed).decode


@dataclass(frozen=True, slots=True)
class Webhook:
    """A topic to which a backend posts its events: ``POST /webhooks/{source}/{topic}``.

    Args:
        topic: one segment of a URL.
        signature: how a delivery proves that it is the backend's; `Unsigned()` where it need not.
        events: the kinds that are taken; without any, all but those that only try out the address.
        each: whether a delivery is an array of which each item is an event.
        max_body_bytes: longest body that is read.

    Raises:
        DeclarationError: something is not possible, or how deliveries are signed is not said.
    """

    topic: str
    signature: Signature | None = None
    events: Sequence[str] = ()
    each: bool = False
    max_body_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", (self.events,) if isinstance(self.events, str) else tuple(self.events))
        _check_segment(self.topic, f"the topic {self.topic!r}")
        if self.signature is None:
            raise DeclarationError(
                f"the webhook {self.topic!r} does not say how deliveries are signed: give signature=, such as"
                " GitHub(env=...), or Unsigned() where nobody else can post"
            )
        if self.events and not self.signature.names_kinds:
            raise DeclarationError(f"the webhook {self.topic!r} takes some events, but its deliveries name no kind")
        if self.max_body_bytes < 1:
            raise DeclarationError("max_body_bytes is less than 1")

    def __str__(self) -> str:
        return f"the webhook {self.topic}"

    @property
    def variables(self) -> frozenset[str]:
        """The names that `listen` needs values of: none."""
        return frozenset()

    def missing(self) -> list[str]:
        """Give the environment variables that are needed and not set."""
        return [] if self.signature is None else self.signature.missing()

    async def listen(self, to: Listening) -> AsyncGenerator[Happening]:
        """Give what is received from now on, by this process or by another one on the same bus."""
        async with aclosing(to.bus.listen(_channel((to.source.name, self.topic)))) as happenings:
            async for happening in happenings:
                found = _unpacked(happening, to.source.name) if isinstance(happening, Event) else happening
                if not isinstance(found, Event) or self.takes(found.name):
                    yield found

    def takes(self, kind: str | None, *, is_trial: bool = False) -> bool:
        """Tell whether events of a kind are wanted.

        Args:
            is_trial: it only tries out whether the address answers; that is wanted where its kind is named.
        """
        return kind in self.events if self.events else not is_trial

    def check(self, delivery: Delivery, body: bytes) -> list[Event]:
        """Give the events of a delivery.

        Raises:
            Refused: 400 for a body that is not JSON, or not of the declared form; 413 for too many events.
        """
        try:
            body.decode()  # reading JSON looks at no text that is not used
            items = _decode_array(body) if self.each else [_check_json(body)]
        except msgspec.ValidationError:
            raise Refused("the body is not an array of events", 400) from None
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise Refused("the body is not JSON", 400) from None
        if len(items) > _MOST_EVENTS:
            raise Refused(f"the body holds more than {_MOST_EVENTS} events", 413)
        id = None if self.each else delivery.id
        return [Event(bytes(item), delivery.kind, id) for item in items]


def webhook_addresses(declared: Iterable[tuple[str, Webhook]]) -> tuple[dict[Address, Webhook], list[str]]:
    """Give what is received at each address, by the names of source and topic, and the faults in it.

    Fields that listen to one address may take different events; how it is spoken to must be the same.

    Args:
        declared: each webhook with its source's name.
    """
    found: dict[Address, Webhook] = {}
    faults: list[str] = []
    for source, webhook in declared:
        address = (source, webhook.topic)
        known = found.setdefault(address, webhook)
        events = (*known.events, *(kind for kind in webhook.events if kind not in known.events))
        if not known.events or not webhook.events:
            events = ()
        if replace(webhook, events=()) != replace(known, events=()):
            faults.append(f"source {source!r}: the webhook {webhook.topic!r} is declared in two ways")
        found[address] = replace(known, events=events)
        try:
            _check_segment(source, "its name")
        except DeclarationError as exc:
            faults.append(f"source {source!r}: {exc}")
    return found, list(dict.fromkeys(faults))


async def publish_event(bus: Bus, address: Address, event: Event) -> None:
    """Give an event to all who listen to an address.

    Raises:
        SourceError: it could not be given to all of them.
    """
    await bus.publish(_channel(address), _pack(_Packed(msgspec.Raw(event.body), event.name, event.id)))


def _channel(address: Address) -> str:
    return "/".join(address)


def _unpacked(event: Event, source: str) -> Event | Gap:
    try:
        packed = _unpack(event.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return Gap(f"an event of {source} could not be read")
    return Event(bytes(packed.body), packed.kind, packed.id)


def _check_segment(text: object, what: str) -> None:
    if not isinstance(text, str) or not _SEGMENT.fullmatch(text) or text in (".", ".."):
        raise DeclarationError(f"{what} is not one segment of a URL: letters, digits and . _ ~ - are")
