"""Webhooks as feeds: what is declared, what a delivery holds, and what listeners hear of it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from sources import (
    DeclarationError,
    Delivery,
    Event,
    FakeTransport,
    Gap,
    GitHub,
    Happening,
    Listening,
    MemoryBus,
    Refused,
    Rest,
    SharedSecret,
    Stripe,
    Unsigned,
    Webhook,
    publish_event,
    webhook_addresses,
)

SHIPPING = Rest("shipping", "http://s.example", client=FakeTransport({}))


async def heard(webhook: Webhook, *events: Event, raw: bytes | None = None) -> list[Happening]:
    """Give what a listener hears of these events, and of one more that ends them."""
    bus, found = MemoryBus(), list[Happening]()

    async def listen() -> None:
        async with aclosing(webhook.listen(Listening(SHIPPING, {}, (), bus))) as happenings:
            async for happening in happenings:
                if happening == Event(b'"end"', "moved"):
                    return
                found.append(happening)

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        await asyncio.sleep(0)
        if raw is not None:
            await bus.publish("shipping/tracking", raw)
        for event in events:
            await publish_event(bus, ("shipping", "tracking"), event)
        await publish_event(bus, ("shipping", "tracking"), Event(b'"end"', "moved"))
    return found


async def test_listeners_hear_body_kind_and_id() -> None:
    events = [Event(b'{"id": 1}', "moved", "d1"), Event(b'"7"'), Event(b"12345678901234567890.10", None, "d2")]
    assert await heard(Webhook("tracking", Unsigned()), *events) == events


async def test_listeners_hear_only_the_kinds_that_they_take() -> None:
    webhook = Webhook("tracking", SharedSecret(env="SECRET", kind="X-Kind"), events=("lost", "moved"))
    events = [Event(b"1", "moved"), Event(b"2", "found"), Event(b"3"), Event(b"4", "lost")]
    assert await heard(webhook, *events) == [Event(b"1", "moved"), Event(b"4", "lost")]


@pytest.mark.parametrize("raw", [b"{", b"{}", b"[]", b'[{"a": 1}, 3]'])
async def test_what_others_put_on_the_bus_is_a_gap(raw: bytes) -> None:
    found = await heard(Webhook("tracking", Unsigned()), Event(b"1"), raw=raw)
    assert found == [Gap("an event of shipping could not be read"), Event(b"1")]


async def test_a_listener_that_leaves_leaves_nothing_behind() -> None:
    bus = MemoryBus()
    happenings = Webhook("tracking", Unsigned()).listen(Listening(SHIPPING, {}, (), bus))
    first = asyncio.ensure_future(anext(happenings))
    await asyncio.sleep(0)
    assert list(bus._listeners) == ["shipping/tracking"]
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert bus._listeners == {}


# -- what a delivery holds --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b'{"id": 1, "id": 2}', b'"key"', b"7", b"null", b"[1, 2]", b' {"a": 1} \n'])
def test_any_json_is_one_event(body: bytes) -> None:
    delivery = Delivery(id="d", kind="moved")
    assert Webhook("t", Unsigned()).check(delivery, body) == [Event(body.strip(), "moved", "d")]


def test_each_item_of_an_array_is_an_event_and_the_id_is_of_none_of_them() -> None:
    webhook = Webhook("t", Unsigned(), each=True)
    assert webhook.check(Delivery(id="d", kind="k"), b'[{"a": 1}, "b"]') == [
        Event(b'{"a": 1}', "k"),
        Event(b'"b"', "k"),
    ]
    assert webhook.check(Delivery(), b"[]") == []


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b'{"a": 1}}', b"payload=%7B%7D", b'"\xff"', b"\xef\xbb\xbf{}", b"NaN", b"[" * 500_000]
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    for webhook, reason in ((Webhook("t", Unsigned()), "JSON"), (Webhook("t", Unsigned(), each=True), "JSON|an array")):
        with pytest.raises(Refused, match=f"the body is not ({reason})") as caught:
            webhook.check(Delivery(), body)
        assert caught.value.status == 400


def test_an_array_that_is_none_or_endless_is_refused() -> None:
    webhook = Webhook("t", Unsigned(), each=True)
    with pytest.raises(Refused, match="the body is not an array of events"):
        webhook.check(Delivery(), b'{"events": []}')
    with pytest.raises(Refused, match="the body holds more than 1000 events") as caught:
        webhook.check(Delivery(), b"[1" + b",1" * 1_000 + b"]")
    assert caught.value.status == 413


def test_trials_are_wanted_where_their_kind_is_named() -> None:
    assert not Webhook("t", GitHub(env="S")).takes("ping", is_trial=True)
    assert Webhook("t", GitHub(env="S"), events=("ping",)).takes("ping", is_trial=True)
    assert not Webhook("t", GitHub(env="S"), events=("ping",)).takes("push")
    assert Webhook("t", GitHub(env="S")).takes("push")


# -- declaring --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["", "a/b", "a b", "..", ".", "a%2f", "\xe9", 7, "a?b", "a#b", "a\n"])
def test_a_topic_is_one_segment_of_a_url(topic: Any) -> None:
    with pytest.raises(DeclarationError, match="is not one segment of a URL"):
        Webhook(topic, Unsigned())


def test_how_deliveries_are_signed_must_be_said() -> None:
    with pytest.raises(DeclarationError, match="the webhook 'tracking' does not say how deliveries are signed"):
        Webhook("tracking")


def test_kinds_need_a_sender_that_names_them() -> None:
    with pytest.raises(DeclarationError, match="its deliveries name no kind"):
        Webhook("tracking", Unsigned(), events=("moved",))
    assert Webhook("tracking", Stripe(env="S"), events="moved").events == ("moved",)


def test_a_body_has_some_length() -> None:
    with pytest.raises(DeclarationError, match="max_body_bytes is less than 1"):
        Webhook("tracking", Unsigned(), max_body_bytes=0)


def test_fields_that_listen_to_one_address_may_take_different_kinds() -> None:
    moved, lost = (Webhook("tracking", GitHub(env="S"), events=(kind,)) for kind in ("moved", "lost"))
    every = Webhook("tracking", GitHub(env="S"))
    both = Webhook("tracking", GitHub(env="S"), events=("moved", "lost"))
    assert webhook_addresses([("a", moved), ("a", lost), ("a", lost)]) == ({("a", "tracking"): both}, [])
    assert webhook_addresses([("a", moved), ("a", every), ("a", lost)]) == ({("a", "tracking"): every}, [])
    assert webhook_addresses([("a", moved), ("b", lost)]) == ({("a", "tracking"): moved, ("b", "tracking"): lost}, [])


def test_one_address_is_spoken_to_in_one_way() -> None:
    declared = [Webhook("t", GitHub(env="S")), Webhook("t", GitHub(env="T")), Webhook("t", Unsigned(), each=True)]
    _, faults = webhook_addresses(("a", webhook) for webhook in declared)
    assert faults == ["source 'a': the webhook 't' is declared in two ways"]


def test_a_source_with_webhooks_has_a_name_for_a_url() -> None:
    _, faults = webhook_addresses([("a/b", Webhook("t", Unsigned()))])
    assert faults == ["source 'a/b': its name is not one segment of a URL: letters, digits and . _ ~ - are"]


def test_secrets_that_are_not_set_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNSET", raising=False)
    assert Webhook("t", GitHub(env="UNSET")).missing() == ["UNSET"]
