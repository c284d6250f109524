"""Subscriptions for client libraries (npm), each over the protocol that it speaks, unchanged."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import graphql
import pytest
import strawberry

from graph import App, Graph
from tests.serving import running
from tests.wire.shop import Outcomes, Shop, run

Json = Any

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed

# What each client sends; nothing is noted of sockets.
SENT = {
    "sse": "POST query,variables: 200 text/event-stream",
    "overMultipart": "POST extensions,operationName,query,variables: 200 multipart/mixed",
    "urqlStreams": "POST operationName,query,variables: 200 text/event-stream",
}
CLIENTS = (*SENT, "overSocket", "ws", "urqlSocket")


@dataclasses.dataclass
class Running:
    """How many generators without an end run, and how many ever did."""

    now: int = 0
    ever: int = 0


forever = Running()


@strawberry.type
class Query:
    @strawberry.field
    def here(self) -> bool:
        return True


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(1, to + 1):
            yield number

    @strawberry.subscription
    async def forever(self) -> AsyncGenerator[int, None]:
        forever.now += 1
        forever.ever += 1
        number = 0
        try:
            while True:
                number += 1
                yield number
                await asyncio.sleep(0.005)
        finally:
            forever.now -= 1

    @strawberry.subscription
    async def failing(self) -> AsyncGenerator[int, None]:
        yield 1
        raise graphql.GraphQLError("it broke", extensions={"code": "BROKEN"})


@pytest.fixture(scope="module")
def told(scripts: Path, shop: Shop) -> Outcomes:
    graph = Graph(query=Query, mutation=Mutation, subscription=Subscription)
    with running(App(graph)) as address:
        found = run("subscriptions.mjs", scripts, shop, stream=f"{address}/graphql", clients=" ".join(CLIENTS))
        deadline = time.monotonic() + 20
        while forever.now and time.monotonic() < deadline:
            time.sleep(0.01)
    return found


def heard(told: Outcomes, client: str, scenario: str) -> Json:
    """Give what a client heard; whoever speaks HTTP asked once for it."""
    outcome = dict(told[f"{client} {scenario}"])
    sent = outcome.pop("sent", [])
    if scenario != "is wrong":
        assert sent == ([SENT[client]] if client in SENT else [])
    assert len(sent) == (client in SENT)
    return outcome


@pytest.mark.parametrize("client", CLIENTS)
def test_a_subscription_is_its_payloads_and_then_complete(told: Outcomes, client: str) -> None:
    expected = {"payloads": [{"count": 1}, {"count": 2}, {"count": 3}], "completed": True}
    assert heard(told, client, "counts") == expected


@pytest.mark.parametrize("client", CLIENTS)
def test_payloads_come_one_by_one_until_the_client_has_had_enough(told: Outcomes, client: str) -> None:
    assert heard(told, client, "leaves") == {"payloads": [{"forever": 1}, {"forever": 2}], "left": True}


def test_what_clients_have_left_does_not_run_on(told: Outcomes) -> None:
    assert told["sse leaves"]["left"] is True
    assert (forever.now, forever.ever) == (0, len(CLIENTS))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_subscription_that_fails_reads_as_errors_after_its_payloads(told: Outcomes, client: str) -> None:
    assert heard(told, client, "fails") == {"payloads": [{"failing": 1}], "error": [["it broke", "BROKEN"]]}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_subscription_that_does_not_fit_the_schema_is_an_error_and_asked_for_once(
    told: Outcomes, client: str
) -> None:
    wrong = ["Cannot query field 'wrong' on type 'Subscription'.", "GRAPHQL_VALIDATION_FAILED"]
    assert heard(told, client, "is wrong") == {"payloads": [], "error": [wrong]}


@pytest.mark.parametrize("client", [name for name in CLIENTS if name in ("sse", "ws")])
def test_queries_and_mutations_go_the_same_way(told: Outcomes, client: str) -> None:
    assert heard(told, client, "queries") == {"payloads": [{"here": True}], "completed": True}
    assert heard(told, client, "mutates") == {"payloads": [{"change": True}], "completed": True}
