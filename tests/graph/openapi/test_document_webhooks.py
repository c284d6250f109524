"""Webhooks and callbacks of a document as subscriptions, over real sockets."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph import Graph
from graph.server import App
from sources import Unsigned
from sources.openapi import OpenAPI
from tests.graph.openapi.written import answers, body, graph_of, losses, operation, ref, root, source, thing
from tests.serving import running

pytestmark = pytest.mark.anyio
ORDER = {"Order": thing(id="string!", total="integer")}
POSTED = {"post": operation(answers(), requestBody=body(ref("Order")), summary="An order is paid.")}
DOCUMENT = {
    "webhooks": {"order.paid": POSTED, "onRefund": {"post": operation(answers(), requestBody=body(ref("Order")))}}
}


def test_webhooks_and_callbacks_are_subscriptions(tmp_path: Path) -> None:
    called = {"{$request.body#/url}": POSTED}
    paths = {
        "/a": {"post": operation(answers(), operationId="startA", callbacks={"done": called, "moved": called})},
        "/b": {"post": operation(answers(), operationId="startB", callbacks={"done": called})},
    }
    graph = graph_of(tmp_path, paths, ORDER, document=DOCUMENT)
    assert root(graph, "Subscription") == [
        "onOrderPaid: Order",
        "onRefund: Order",
        "onStartADone: Order",
        "onMoved: Order",
        "onStartBDone: Order",
    ]
    assert sorted(graph.receiving.webhooks) == [
        ("pets", "moved"),
        ("pets", "onRefund"),
        ("pets", "order-paid"),
        ("pets", "startA-done"),
        ("pets", "startB-done"),
    ]


def test_what_a_webhook_cannot_receive_is_left_out(tmp_path: Path) -> None:
    form = {"post": operation(answers(), requestBody=body(ref("Order"), "text/xml"))}
    graph = graph_of(
        tmp_path, {}, ORDER, document={"webhooks": {"a": {"get": operation()}, "b": form, "c": {"post": operation()}}}
    )
    assert root(graph, "Subscription") == ["onC: JSON"]
    assert losses(graph) == [
        ("#/webhooks/a/get", "webhook", "left-out"),
        ("#/webhooks/b/post", "webhook", "left-out"),
        ("#/webhooks/c/post", "no-schema", "json"),
    ]


def test_the_secret_of_webhooks_is_told_and_its_lack_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of(tmp_path, {}, ORDER, document=DOCUMENT)
    (found,) = (one for one in graph.sources if isinstance(one, OpenAPI))
    graph.check_environment()
    assert found.unset() == ["webhooks: set PETS_WEBHOOK_SECRET"]
    monkeypatch.setenv("PETS_WEBHOOK_SECRET", "s3cret")
    assert found.unset() == []


async def events_of(graph: Graph, posts: list[dict[str, Any]]) -> tuple[list[int], dict[str, Any]]:
    """Give the statuses of deliveries, and the first event that a subscriber gets."""
    with running(App(graph)) as address:
        async with httpx.AsyncClient(base_url=address, timeout=10) as client:
            asked = {"query": "subscription { onOrderPaid { id total } }"}
            headers = {"accept": "text/event-stream"}
            async with client.stream("POST", "/graphql", json=asked, headers=headers) as stream:
                await _until_heard(graph)
                statuses = [
                    (
                        await client.post("/webhooks/pets/order-paid", json={"id": "1", "total": 5}, headers=sent)
                    ).status_code
                    for sent in posts
                ]
                async for line in stream.aiter_lines():
                    if line.startswith("data: {"):
                        return statuses, httpx.Response(200, text=line.removeprefix("data: ")).json()
    raise AssertionError("no event came")


async def _until_heard(graph: Graph) -> None:
    deadline = time.monotonic() + 10
    while not len(graph.engine.subscriptions):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_delivery_with_the_secret_reaches_subscribers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETS_WEBHOOK_SECRET", "s3cret")
    graph = graph_of(tmp_path, {}, ORDER, document=DOCUMENT)
    statuses, event = await events_of(graph, [{"x-webhook-token": "wrong"}, {"x-webhook-token": "s3cret"}])
    assert (statuses, event) == ([401, 202], {"data": {"onOrderPaid": {"id": "1", "total": 5}}})


def test_every_delivery_is_refused_until_the_secret_is_set(tmp_path: Path) -> None:
    with running(App(graph_of(tmp_path, {}, ORDER, document=DOCUMENT))) as address:
        reply = httpx.post(f"{address}/webhooks/pets/order-paid", json={"id": "1"}, headers={"x-webhook-token": ""})
    assert reply.status_code == 401
    assert "no secret is set for this webhook" in reply.text


async def test_another_signature_may_be_named(tmp_path: Path) -> None:
    graph = Graph(documents=[source(tmp_path, {}, ORDER, document=DOCUMENT, webhook_signature=Unsigned())])
    statuses, event = await events_of(graph, [{}])
    assert (statuses, event) == ([202], {"data": {"onOrderPaid": {"id": "1", "total": 5}}})
