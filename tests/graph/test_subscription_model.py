"""Topics, channels and subscribers in any order of events, departures, failures and moves, against a simple model.

Events are numbered. What a subscriber is given must rise; nobody who is there misses one, unless the field's overflow
says so or the graph was replaced meanwhile, which is told; who has left gets nothing; when all have left, nothing is.
"""

import asyncio
import json
import logging
import os
from typing import Any

import strawberry
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from graph import Graph
from graph.channel import Subscriber
from graph.engine import Request
from resolvers import link
from sources import FakeTransport, Gap, Reply, Rest, UpstreamError, UpstreamUnavailable
from tests.graph.feeds import Hand

Json = Any
BUFFER = 3
RARELY = st.integers(0, 3).map(lambda number: number == 3)
FUZZ = os.environ.get("FUZZ_EXAMPLES")


class Gate(FakeTransport):
    """A backend that answers when it is let."""

    def __init__(self) -> None:
        super().__init__(lambda method, target, body: [{"id": 1}])
        self.is_open = asyncio.Event()

    async def send(self, method: str, url: str, headers: Any, body: Any) -> Reply:
        await self.is_open.wait()
        return await super().send(method, url, headers, body)


class Client:
    """One subscriber as a model knows it.

    `given` are the numbers that it was given, `due` those that happened since it came; `behind` is how many of them it
    may not have been given, and `may_lack` says that these were once more than wait for it.
    """

    def __init__(self, subscriber: Subscriber, overflow: str, *, is_slow: bool) -> None:
        self.subscriber = subscriber
        self.overflow = overflow
        self.is_slow = is_slow
        self.given: list[int] = []
        self.due: list[int] = []
        self.behind = 0
        self.may_lack = False
        self.notices = 0
        self.is_gone = False

    def fall_behind(self) -> None:
        self.behind += 1
        self.may_lack = self.may_lack or self.behind > BUFFER

    def take(self) -> None:
        while (text := self.subscriber.take()) is not None:
            assert not self.is_gone
            result = json.loads(text)
            if result["data"] is None:
                self.notices += 1
                continue
            [tick] = result["data"].values()
            self.given.append(tick["n"])


class Subscribing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.troubles: list[Any] = []
        self.runner.get_loop().set_exception_handler(lambda loop, context: self.troubles.append(context))
        self.hand, self.gate = Hand(), Gate()
        self.gate.is_open.set()
        self.graph = self.made()
        self.clients: list[Client] = []
        self.number = 0
        logging.getLogger("weft").disabled = True

    def made(self) -> Graph:
        source = Rest("src", "http://src.example", client=self.gate)

        @source.entity(batch="/owners{?ids}")
        class Owner:
            id: strawberry.ID

        @strawberry.type
        class Tick:
            n: int
            owner: Owner | None = link("owner_id")

        @strawberry.type
        class Query:
            @source.get("/ticks")
            def tick(self) -> Tick: ...

        @strawberry.type
        class Subscription:
            @source.feed(self.hand, buffer=BUFFER)
            def close(self) -> Tick: ...

            @source.feed(self.hand, buffer=BUFFER, overflow="drop_oldest")
            def drop_oldest(self) -> Tick: ...

            @source.feed(self.hand, buffer=BUFFER, overflow="latest", key="owner_id")
            def latest(self) -> Tick: ...

        return Graph(Query, subscription=Subscription)

    def settle(self) -> None:
        async def turn() -> None:
            for _ in range(60):
                await asyncio.sleep(0)

        self.runner.run(turn())

    # -- what happens ---------------------------------------------------------------------------------------------

    @rule(field=st.sampled_from(["close", "dropOldest", "latest"]), is_slow=st.booleans())
    def subscribe(self, field: str, is_slow: bool) -> None:
        self.settle()
        query = f"subscription {{ {field} {{ n {'owner { id }' if is_slow else ''} }} }}"
        opening = self.graph.engine.subscriptions.open(Request(query), {}, dict)
        subscriber = self.runner.run(opening)
        assert subscriber is not None
        self.clients.append(Client(subscriber, field, is_slow=is_slow))
        self.settle()

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), again=st.booleans())
    def leave(self, data: st.DataObject, again: bool) -> None:
        client = data.draw(st.sampled_from(self.clients))
        for _ in range(1 + again):
            self.runner.run(_do(client.subscriber.close))
        client.is_gone = True

    @rule(times=st.integers(1, 5), settles=st.booleans())
    def happen(self, times: int, settles: bool) -> None:
        for _ in range(times):
            self.number += 1
            self.hand.say({"n": self.number, "owner_id": self.number % 2})
            for client in self.clients:
                if not client.subscriber.is_over:
                    client.due.append(self.number)
                    client.fall_behind()
        if settles:
            self.settle()

    @rule(trouble=st.sampled_from([Gap("lost"), UpstreamUnavailable("src is away", source="src")]))
    def trouble(self, trouble: Any) -> None:
        self.hand.give(trouble)
        for client in self.clients:
            client.fall_behind()

    @rule(failure=st.sampled_from([None, UpstreamError("gone", source="src", status=410)]), is_meant=RARELY)
    def end(self, failure: UpstreamError | None, is_meant: bool) -> None:
        """The feed ends; whoever listens gets what is there, and no more."""
        if not is_meant:
            return
        self.settle()
        self.hand.finish(failure)
        self.open_gate()
        assert all(client.subscriber.is_over for client in self.clients)

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(self.clients))
        self.settle()
        client.take()
        if not client.subscriber.is_over and (self.gate.is_open.is_set() or not client.is_slow):
            client.behind = 0

    @rule()
    def shut_gate(self) -> None:
        self.gate.is_open.clear()

    @rule()
    def open_gate(self) -> None:
        self.gate.is_open.set()
        self.settle()

    @rule()
    def move(self) -> None:
        self.settle()
        before, self.graph = self.graph, self.made()
        notices = {client: client.notices for client in self.clients}
        for client in self.clients:
            client.fall_behind()  # by the notice
        self.runner.run(before.engine.subscriptions.move_to(self.graph.engine))
        self.settle()
        for client in self.clients:
            client.take()
            if not client.subscriber.is_over and client.overflow == "close" and client.given != client.due:
                assert client.notices > notices[client], "what is lost is told"
            client.given, client.due = [], []
            if not client.subscriber.is_over:
                client.behind = 0
        assert len(before.engine.subscriptions) == 0
        self.runner.run(before.aclose())

    @precondition(lambda self: self.gate.is_open.is_set())
    @rule()
    def everybody_takes(self) -> None:
        """Who takes in time misses nothing."""
        self.settle()
        for client in self.clients:
            if not client.subscriber.is_over and not client.may_lack and client.overflow != "latest":
                client.take()
                client.behind = 0
                assert client.given == client.due

    # -- what holds -----------------------------------------------------------------------------------------------

    @invariant()
    def what_is_given_rises_and_is_due(self) -> None:
        for client in self.clients:
            client.given = [number for number in client.given if number >= min(client.due, default=0)]
            assert client.given == sorted(set(client.given))
            failure = client.subscriber.failure
            if client.overflow == "close":
                assert client.given == client.due[: len(client.given)]
            if failure is not None and (failure[0].extensions or {}).get("code") == "SUBSCRIPTION_OVERFLOW":
                assert client.overflow == "close"
                assert client.may_lack
        assert self.troubles == []

    def teardown(self) -> None:
        try:
            for client in self.clients:
                self.runner.run(_do(client.subscriber.close))
            self.settle()
            subscriptions = self.graph.engine.subscriptions
            assert len(subscriptions) == len(subscriptions.topics) == 0
            assert self.hand.closed == self.hand.opened
            assert self.runner.run(_tasks()) == 0
            assert self.troubles == []
            self.runner.run(self.graph.aclose())
        finally:
            self.runner.close()
            logging.getLogger("weft").disabled = False


async def _do(act: Any) -> None:
    act()


async def _tasks() -> int:
    return len(asyncio.all_tasks()) - 1


Subscribing.TestCase.settings = settings(
    max_examples=int(FUZZ or 12), stateful_step_count=30, derandomize=not FUZZ, suppress_health_check=list(HealthCheck)
)
TestSubscribing = Subscribing.TestCase
