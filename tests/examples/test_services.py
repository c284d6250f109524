"""What the shop's services say by themselves: webhooks, a stream of events, and that nothing has changed."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from examples.shop.backends import Backends
from tests.examples.events import Events
from tests.serving import running

INVENTORY = ("erp", "inventory-dev-password")
PARCEL = "WX00000001"


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with Backends(directory=tmp_path_factory.mktemp("services")) as found:
        yield found


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as found:
        yield found


def stream(client: httpx.Client, backends: Backends, token: str, last: str | None = None) -> Events:
    """Open a shopper's stream of status changes."""
    headers = {"authorization": f"Bearer {token}"} | ({"last-event-id": last} if last else {})
    return Events(client, "GET", f"{backends.urls['orders']}/orders/stream", headers=headers)


def change(events: Events) -> tuple[str, int, str]:
    """Give the next change: its kind, the order, its status."""
    event = events.event()
    body = json.loads(event["data"])
    return event["event"], body["id"], body["status"]


class Receiver:
    """Takes webhooks and answers with the statuses that it is given, 204 when there are no more."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)
        self.received: queue.Queue[tuple[str, dict[str, str], bytes]] = queue.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status = self._statuses.pop(0) if self._statuses else 204
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})
        self.received.put((scope["path"], headers, body))


def place(client: httpx.Client, backends: Backends, token: str) -> int:
    order = {"items": [{"productId": 7, "quantity": 1}]}
    headers = {"authorization": f"Bearer {token}"}
    number: int = client.post(f"{backends.urls['orders']}/orders", json=order, headers=headers).json()["id"]
    return number


def move(client: httpx.Client, backends: Backends, parcel: str = PARCEL) -> dict[str, Any]:
    url = f"{backends.urls['shipping']}/shipments/{parcel}/advance?api_key=shipping-dev-key"
    found: dict[str, Any] = client.post(url).raise_for_status().json()
    return found


# -- shipping ---------------------------------------------------------------------------------------------------------


def test_each_move_of_a_parcel_is_posted_signed_as_stripe_signs(backends: Backends, client: httpx.Client) -> None:
    receiver = Receiver()
    with running(receiver) as gateway:
        backends.report_to(gateway)
        moved = move(client, backends)
        path, headers, body = receiver.received.get(timeout=10)
    assert path == "/webhooks/shipping/tracking"
    instant, _, given = headers["stripe-signature"].partition(",v1=")
    signed = hmac.new(b"whsec-shipping-dev", f"{instant.removeprefix('t=')}.".encode() + body, hashlib.sha256)
    assert given == signed.hexdigest()
    assert abs(int(instant.removeprefix("t=")) - time.time()) < 60
    event = json.loads(body)
    assert event["type"] == "shipment.moved"
    assert event["id"].startswith("evt_")
    assert event["data"] == {
        "tracking_number": PARCEL,
        "order_id": 1,
        "status": moved["status"],
        "event": moved["events"][-1],
    }


def test_a_webhook_that_is_not_accepted_comes_again_under_its_id(backends: Backends, client: httpx.Client) -> None:
    receiver = Receiver(503, 500, 202)
    with running(receiver) as gateway:
        backends.report_to(gateway)
        move(client, backends)
        attempts = [json.loads(receiver.received.get(timeout=10)[2])["id"] for _ in range(3)]
        move(client, backends)
        following = json.loads(receiver.received.get(timeout=10)[2])["id"]
    assert len(set(attempts)) == 1
    assert following not in attempts


def test_what_nobody_accepts_is_given_up_and_the_next_comes(backends: Backends, client: httpx.Client) -> None:
    receiver = Receiver(400, 400, 400, 400, 400)
    with running(receiver) as gateway:
        backends.report_to(gateway)
        move(client, backends)
        move(client, backends)
        ids = [json.loads(receiver.received.get(timeout=15)[2])["id"] for _ in range(6)]
    assert len(set(ids[:5])) == 1
    assert ids[5] != ids[0]


def test_a_parcel_goes_from_its_label_to_the_door_and_back_to_a_label(backends: Backends, client: httpx.Client) -> None:
    label = {"order_id": 5001}
    url = f"{backends.urls['shipping']}/labels?api_key=shipping-dev-key"
    number = client.post(url, json=label).json()["tracking_number"]
    moves = [move(client, backends, number) for _ in range(5)]
    assert [(shipment["status"], len(shipment["events"])) for shipment in moves] == [
        ("in_transit", 2),
        ("in_transit", 3),
        ("in_transit", 4),
        ("delivered", 5),
        ("label_created", 1),
    ]
    assert [event["text"] for event in moves[3]["events"]] == [
        "Label created",
        "Picked up",
        "Sorted",
        "Out for delivery",
        "Delivered",
    ]
    assert moves[3]["delivered_at"] is not None
    assert moves[4]["delivered_at"] is None


def test_who_may_not_ask_the_carrier_neither_registers_nor_moves(backends: Backends, client: httpx.Client) -> None:
    url = backends.urls["shipping"]
    assert client.put(f"{url}/webhooks", json={"url": "http://127.0.0.1:9/"}).status_code == 401
    assert client.post(f"{url}/shipments/{PARCEL}/advance").status_code == 401
    key = "api_key=shipping-dev-key"
    assert client.put(f"{url}/webhooks?{key}", json={"url": "file:///etc/hosts"}).status_code == 422
    assert client.post(f"{url}/shipments/none/advance?{key}").status_code == 404


# -- orders -----------------------------------------------------------------------------------------------------------


def test_a_shopper_reads_how_own_orders_proceed_and_no_others(backends: Backends, client: httpx.Client) -> None:
    token, other = backends.token("c-0010"), backends.token("c-0011")
    url = backends.urls["orders"]
    with stream(client, backends, token) as events:
        assert events.answer.headers["content-type"].startswith("text/event-stream")
        place(client, backends, other)
        number = place(client, backends, token)
        advance = f"{url}/orders/{number}/advance"
        statuses = [
            client.post(advance, headers={"authorization": f"Bearer {token}"}).json()["status"] for _ in range(2)
        ]
        seen = [change(events) for _ in range(3)]
    assert statuses == ["paid", "shipped"]
    assert seen == [("status", number, "placed"), ("status", number, "paid"), ("status", number, "shipped")]
    refused = client.post(advance, headers={"authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "an order that is shipped goes no further")


def test_who_was_away_reads_on_behind_the_last_event(backends: Backends, client: httpx.Client) -> None:
    token = backends.token("c-0012")
    with stream(client, backends, token) as events:
        first = place(client, backends, token)
        last = events.event()
    missed = [place(client, backends, token), place(client, backends, token)]
    with stream(client, backends, token, last["id"]) as events:
        seen = [change(events) for _ in range(2)]
    assert json.loads(last["data"]) == {"id": first, "customerId": "c-0012", "status": "placed"}
    assert seen == [("status", number, "placed") for number in missed]


@pytest.mark.parametrize(("last", "status"), [("not a number", 422), ("-1", 422), (str(2**63), 422)])
def test_a_last_event_id_of_another_stream_is_refused(
    backends: Backends, client: httpx.Client, last: str, status: int
) -> None:
    with stream(client, backends, backends.token(), last) as events:
        assert events.answer.status_code == status


def test_a_stream_needs_a_token_that_has_not_expired(backends: Backends, client: httpx.Client) -> None:
    for token, status in (("none", 401), (backends.token(lasts_s=-60), 401), (backends.token(lasts_s=60), 200)):
        with stream(client, backends, token) as events:
            assert events.answer.status_code == status


# -- inventory --------------------------------------------------------------------------------------------------------


def test_stock_that_has_not_changed_is_not_sent_again(backends: Backends, client: httpx.Client) -> None:
    url = f"{backends.urls['inventory']}/stock/SKU-00003"
    before = client.get(url, auth=INVENTORY)
    tag = before.headers["etag"]
    again = client.get(url, auth=INVENTORY, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    adjusted = client.post(f"{url}/adjust", auth=INVENTORY, json={"by": 5, "warehouseId": "W2"})
    after = client.get(url, auth=INVENTORY, headers={"if-none-match": tag})
    assert after.status_code == 200
    assert after.json() == adjusted.json()
    assert after.json()["onHand"] == before.json()["onHand"] + 5


def test_goods_that_are_reserved_do_not_go(backends: Backends, client: httpx.Client) -> None:
    url = f"{backends.urls['inventory']}/stock"
    refused = client.post(f"{url}/SKU-00003/adjust", auth=INVENTORY, json={"by": -10_000})
    assert (refused.status_code, refused.json()["detail"]) == (409, "less would be left than is reserved")
    assert client.post(f"{url}/none/adjust", auth=INVENTORY, json={"by": 1}).status_code == 404
    assert client.post(f"{url}/SKU-00003/adjust", json={"by": 1}).status_code == 401


# -- life -------------------------------------------------------------------------------------------------------------


def test_in_a_shop_with_life_everything_moves_and_a_stream_does_not_keep_it_from_stopping(
    client: httpx.Client,
) -> None:
    receiver = Receiver()
    with running(receiver) as gateway, Backends(life_s=0.05) as backends:
        backends.report_to(gateway)
        stock = f"{backends.urls['inventory']}/stock/SKU-00001"
        tag = client.get(stock, auth=INVENTORY).headers["etag"]
        with stream(client, backends, backends.token()) as events:
            seen = {change(events)[2] for _ in range(6)}
            moved = {json.loads(receiver.received.get(timeout=10)[2])["data"]["order_id"] for _ in range(6)}
            deadline = time.monotonic() + 10
            while client.get(stock, auth=INVENTORY, headers={"if-none-match": tag}).status_code == 304:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            backends.stop()
            while events.event():  # up to its end: one that breaks off would raise
                pass
    assert seen == {"placed", "paid", "shipped"}
    assert 1 in moved
    assert len(moved) > 1
