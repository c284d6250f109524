"""Subscriptions over feeds: what an event becomes, what is loaded for it, who gets it, and what is left afterwards."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

import pytest
import strawberry
from graphql.error import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.permission import BasePermission

from graph import Graph, GraphError
from graph.channel import Subscriber
from graph.engine import Request
from graph.explain import explain
from resolvers import field, link, shared
from sources import FakeTransport, Gap, Redis, Rest, Unsigned, UpstreamError, UpstreamUnavailable
from tests.graph.feeds import Hand, until

Json = Any

hand, numbered, private, noticed = Hand(), Hand("channel"), Hand(), Hand()


def reply(method: str, target: str, body: bytes | None) -> Json:
    path, _, query = target.partition("?")
    keys = query.removeprefix("ids=").split(",")
    if path == "/parcels":
        return [
            {"id": key, "place": f"Place {key}", "status": "moving", "orderId": f"o{key}"} for key in keys if key != "9"
        ]
    if path == "/orders":
        return [{"id": key, "total": 5} for key in keys]
    return (404, {})


backend = FakeTransport(reply)
carrier = Rest("carrier", "http://carrier.example", client=backend, naming="camel", ttl=60)
members = Rest("members", "http://members.example", client=backend, forward=["authorization"])


@carrier.entity(batch="/orders{?ids}")
class Order:
    id: strawberry.ID
    total: int


@carrier.entity(batch="/parcels{?ids}")
class Parcel:
    id: strawberry.ID
    status: str
    place: str | None
    order: Order | None = link("order_id")


@strawberry.type
class Tick:
    n: int
    note: str | None = field("remarks.0", default=None)


class Denied(BasePermission):
    message = "not for you"

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:
        return bool((info.context or {}).get("allowed"))


@strawberry.type
class Query:
    @carrier.get("/parcels?ids={id}")
    def parcels(self, id: strawberry.ID) -> list[Parcel]: ...


runs: list[str] = []


@strawberry.type
class Subscription:
    @carrier.feed(hand)
    def parcel_moved(self, id: strawberry.ID | None = None, status: list[str] | None = None) -> Parcel: ...

    @carrier.feed(hand)
    def maybe_moved(self) -> Parcel | None: ...

    @carrier.feed(hand)
    def all_moved(self) -> list[Parcel]: ...

    @carrier.feed(hand, buffer=2)
    def strict(self) -> Tick: ...

    @carrier.feed(hand, buffer=2, overflow="drop_oldest")
    def newest(self) -> Tick: ...

    @carrier.feed(hand, buffer=2, overflow="latest", key="n", items="data")
    def latest(self) -> Tick: ...

    @carrier.feed(numbered)
    def on_channel(self, channel: int, n: int | None = None) -> Tick: ...

    @members.feed(private)
    def mine(self) -> Tick: ...

    @strawberry.field(permission_classes=[Denied])
    @carrier.feed(noticed)
    def guarded(self) -> Tick: ...

    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        runs.append("begins")
        try:
            for number in range(to):
                yield number
        finally:
            runs.append("ends")

    @strawberry.subscription
    @shared()
    async def together(self) -> AsyncGenerator[Tick, None]:
        runs.append("begins")
        try:
            for number in range(3):
                await asyncio.sleep(0.01)
                yield Tick(n=number)
        finally:
            runs.append("ends")

    @strawberry.subscription
    async def fails(self, at: int) -> AsyncGenerator[int, None]:
        yield 0
        if at == 2:
            raise asyncio.CancelledError
        raise ValueError("a secret")


@pytest.fixture(autouse=True)
def nothing_yet() -> None:
    backend.calls.clear()
    runs.clear()


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    made = Graph(Query, subscription=Subscription)
    yield made
    await made.aclose()
    for feed in (hand, numbered, private, noticed):
        await feed.is_closed()
    assert len(made.engine.subscriptions) == len(made.engine.subscriptions.topics) == 0


async def subscribe(graph: Graph, query: str, *, opens: Hand | None = None, **headers: str) -> Subscriber:
    before = 0 if opens is None else opens.opened
    known = len(graph.engine.subscriptions.topics)
    found = await graph.engine.subscriptions.open(Request(f"subscription {{ {query} }}"), headers, dict)
    assert found is not None
    if opens is not None and len(graph.engine.subscriptions.topics) > known:
        await opens.is_open(before + 1)
    return found


async def answer(subscriber: Subscriber) -> Json:
    async with asyncio.timeout(10):
        text = await subscriber.next()
    return None if text is None else json.loads(text)


async def test_an_event_that_holds_what_is_selected_is_answered_without_a_call(graph: Graph) -> None:
    parcels = await subscribe(graph, "parcelMoved { id status }", opens=hand)
    hand.say({"id": 1, "status": "delivered"})
    assert await answer(parcels) == {"data": {"parcelMoved": {"id": "1", "status": "delivered"}}}
    assert backend.calls == []
    parcels.close()


async def test_what_an_event_lacks_is_loaded_and_what_it_says_goes_first(graph: Graph) -> None:
    parcels = await subscribe(graph, "parcelMoved { id status place order { total } }", opens=hand)
    hand.say({"id": 1, "status": "delivered"})
    assert await answer(parcels) == {
        "data": {"parcelMoved": {"id": "1", "status": "delivered", "place": "Place 1", "order": {"total": 5}}}
    }
    assert backend.calls == ["GET /parcels?ids=1", "GET /orders?ids=o1"]
    parcels.close()


async def test_events_that_come_together_share_every_call(graph: Graph) -> None:
    parcels = await subscribe(graph, "parcelMoved { id place order { id } }", opens=hand)
    for key in (1, 2, 3):
        hand.say({"id": key})
    assert [(await answer(parcels))["data"]["parcelMoved"]["place"] for _ in range(3)] == [
        "Place 1",
        "Place 2",
        "Place 3",
    ]
    assert backend.calls == ["GET /parcels?ids=1,2,3", "GET /orders?ids=o1,o2,o3"]
    parcels.close()


async def test_an_event_may_be_nothing_but_a_key(graph: Graph) -> None:
    parcels = await subscribe(graph, "parcelMoved { id place }", opens=hand)
    hand.say("4")
    assert await answer(parcels) == {"data": {"parcelMoved": {"id": "4", "place": "Place 4"}}}
    parcels.close()


async def test_an_event_makes_what_is_stored_of_its_object_stale(graph: Graph) -> None:
    query = '{ parcels(id: "1") { place } }'
    await graph.execute(query)
    await graph.execute(query)
    assert backend.calls == ["GET /parcels?ids=1"]
    parcels = await subscribe(graph, "parcelMoved { id }", opens=hand)
    hand.say({"id": 1})
    await answer(parcels)
    await graph.execute(query)
    assert backend.calls == ["GET /parcels?ids=1"] * 2
    parcels.close()


async def test_an_object_that_is_gone_is_null_where_it_may_be(graph: Graph) -> None:
    maybe = await subscribe(graph, "maybeMoved { place }", opens=hand)
    hand.say({"id": 9})
    assert await answer(maybe) == {"data": {"maybeMoved": None}}
    maybe.close()


async def test_an_object_that_is_gone_is_an_error_where_it_must_be_there(graph: Graph) -> None:
    parcels = await subscribe(graph, "parcelMoved { place }", opens=hand)
    hand.say({"id": 9})
    result = await answer(parcels)
    assert result["data"] is None
    assert result["errors"][0]["path"] == ["parcelMoved"]
    assert result["errors"][0]["message"] == "carrier answered nothing for the non-null field parcelMoved"
    assert result["errors"][0]["extensions"] == {"code": "UPSTREAM_INVALID", "source": "carrier"}
    parcels.close()


async def test_an_event_that_deviates_costs_only_itself(graph: Graph) -> None:
    parcels = await subscribe(graph, "parcelMoved { id status }", opens=hand)
    hand.say({"id": 1, "status": {"not": "a text"}})
    hand.say({"id": 2, "status": "fine"})
    first, second = await answer(parcels), await answer(parcels)
    assert first["data"] is None
    assert first["errors"][0]["path"] == ["parcelMoved", "status"]
    assert first["errors"][0]["extensions"] == {"code": "UPSTREAM_INVALID", "source": "carrier"}
    assert second == {"data": {"parcelMoved": {"id": "2", "status": "fine"}}}
    parcels.close()


async def test_a_backend_that_fails_costs_the_events_that_needed_it(graph: Graph) -> None:
    failing = Rest("failing", "http://f.example", client=FakeTransport({"GET /things?ids=1": (500, {})}))

    @failing.entity(batch="/things{?ids}")
    class Thing:
        id: strawberry.ID
        name: str

    feed = Hand()

    @strawberry.type
    class Events:
        @failing.feed(feed)
        def thing(self) -> Thing | None: ...

    other = Graph(Query, subscription=Events)
    things = await subscribe(other, "thing { id name }", opens=feed)
    feed.say({"id": 1})
    feed.say({"id": 2, "name": "whole"})
    first, second = await answer(things), await answer(things)
    assert first["data"] == {"thing": None}
    assert first["errors"][0]["extensions"] == {"code": "UPSTREAM_ERROR", "source": "failing", "status": 500}
    assert second == {"data": {"thing": {"id": "2", "name": "whole"}}}
    await other.aclose()


async def test_a_list_is_one_event_for_a_list_and_several_for_an_object(graph: Graph) -> None:
    one = await subscribe(graph, "parcelMoved { id }", opens=hand)
    many = await subscribe(graph, "allMoved { id }", opens=hand)
    hand.say([{"id": 1}, {"id": 2}])
    assert await answer(many) == {"data": {"allMoved": [{"id": "1"}, {"id": "2"}]}}
    assert [await answer(one), await answer(one)] == [
        {"data": {"parcelMoved": {"id": "1"}}},
        {"data": {"parcelMoved": {"id": "2"}}},
    ]
    one.close()
    many.close()


async def test_arguments_that_the_feed_does_not_take_filter(graph: Graph) -> None:
    one = await subscribe(graph, 'parcelMoved(id: "2") { id }', opens=hand)
    some = await subscribe(graph, 'parcelMoved(status: ["a", "b"]) { id }', opens=hand)
    for key, status in ((1, "a"), (2, "c"), (3, "b")):
        hand.say({"id": key, "status": status})
    assert await answer(one) == {"data": {"parcelMoved": {"id": "2"}}}
    assert [(await answer(some))["data"]["parcelMoved"]["id"] for _ in range(2)] == ["1", "3"]
    one.close()
    some.close()


async def test_arguments_that_the_feed_takes_make_topics(graph: Graph) -> None:
    before = numbered.opened
    first = await subscribe(graph, "onChannel(channel: 1) { n }", opens=numbered)
    again = await subscribe(graph, "onChannel(channel: 1, n: 5) { n }")
    other = await subscribe(graph, "onChannel(channel: 2) { n }", opens=numbered)
    assert numbered.asked[before:] == [{"channel": 1}, {"channel": 2}]
    for subscriber in (first, again, other):
        subscriber.close()


async def test_identical_subscriptions_are_answered_once_with_one_text(graph: Graph) -> None:
    first = await subscribe(graph, "parcelMoved { place }", opens=hand)
    second = await subscribe(graph, "parcelMoved { place }")
    assert len(graph.engine.subscriptions) == 1
    answered = graph.engine.compiled_answers
    hand.say({"id": 1})
    texts = [await first.next(), await second.next()]
    assert texts[0] is texts[1]
    assert graph.engine.compiled_answers == answered + 1
    first.close()
    hand.say({"id": 2})
    assert (await answer(second))["data"] == {"parcelMoved": {"place": "Place 2"}}
    second.close()
    await hand.is_closed()


async def test_what_depends_on_the_client_is_shared_with_nobody_else(graph: Graph) -> None:
    before = private.opened
    ada = await subscribe(graph, "mine { n }", opens=private, authorization="Bearer ada")
    bob = await subscribe(graph, "mine { n }", opens=private, authorization="Bearer bob")
    also_ada = await subscribe(graph, "mine { n }", authorization="Bearer ada")
    assert private.clients[before:] == [(("authorization", "Bearer ada"),), (("authorization", "Bearer bob"),)]
    assert len(graph.engine.subscriptions) == 2
    for subscriber in (ada, bob, also_ada):
        subscriber.close()


async def test_a_slow_subscriber_ends_with_an_error_and_slows_nobody(graph: Graph) -> None:
    slow = await subscribe(graph, "strict { n }", opens=hand)
    quick = await subscribe(graph, "strict { n }")
    for number in range(3):
        hand.say({"n": number})
        assert await answer(quick) == {"data": {"strict": {"n": number}}}
    assert await answer(slow) is None
    assert slow.failure is not None
    assert slow.failure[0].extensions == {"code": "SUBSCRIPTION_OVERFLOW"}
    assert slow.failure[0].message == "the client took the answers more slowly than the events came"
    quick.close()


async def test_drop_oldest_keeps_what_came_last(graph: Graph) -> None:
    slow = await subscribe(graph, "newest { n }", opens=hand)
    quick = await subscribe(graph, "newest { n }")
    for number in range(4):
        hand.say({"n": number})
        await answer(quick)
    assert [(await answer(slow))["data"]["newest"]["n"] for _ in range(2)] == [2, 3]
    slow.close()
    quick.close()


async def test_latest_keeps_the_newest_event_of_each_key(graph: Graph) -> None:
    slow = await subscribe(graph, "latest { n note }", opens=hand)
    quick = await subscribe(graph, "latest { n note }")
    for number, note in ((1, "a"), (2, "b"), (1, "c")):
        hand.say({"data": {"n": number, "remarks": {"0": note}}})
        await answer(quick)
    assert [(await answer(slow))["data"]["latest"] for _ in range(2)] == [{"n": 2, "note": "b"}, {"n": 1, "note": "c"}]
    slow.close()
    quick.close()


async def test_an_event_without_the_payload_is_for_somebody_else(graph: Graph) -> None:
    ticks = await subscribe(graph, "latest { n }", opens=hand)
    hand.say({"other": {"n": 1}})
    hand.say({"data": {"n": 2}})
    assert await answer(ticks) == {"data": {"latest": {"n": 2}}}
    ticks.close()


async def test_a_gap_is_told(graph: Graph) -> None:
    ticks = await subscribe(graph, "strict { n }", opens=hand)
    hand.give(Gap("the stream of carrier was interrupted"))
    assert await answer(ticks) == {
        "data": None,
        "errors": [{"message": "the stream of carrier was interrupted", "extensions": {"code": "EVENTS_LOST"}}],
    }
    hand.say({"n": 1})
    assert await answer(ticks) == {"data": {"strict": {"n": 1}}}
    ticks.close()


async def test_what_is_told_keeps_its_place_among_the_events(graph: Graph) -> None:
    ticks = await subscribe(graph, "parcelMoved { id }", opens=hand)
    hand.say({"id": 1})
    hand.give(Gap("lost"))
    hand.say({"id": 2})
    hand.say({"id": 3})
    found = [await answer(ticks) for _ in range(4)]
    assert [result["data"] and result["data"]["parcelMoved"]["id"] for result in found] == ["1", None, "2", "3"]
    ticks.close()


async def test_trouble_is_told_and_the_subscription_goes_on(graph: Graph) -> None:
    ticks = await subscribe(graph, "strict { n }", opens=hand)
    hand.give(UpstreamUnavailable("carrier cannot be reached", source="carrier"))
    assert (await answer(ticks))["errors"][0]["extensions"] == {
        "code": "UPSTREAM_UNAVAILABLE",
        "source": "carrier",
        "retryable": True,
    }
    hand.say({"n": 1})
    assert await answer(ticks) == {"data": {"strict": {"n": 1}}}
    ticks.close()


async def test_a_feed_that_is_over_completes_what_it_fed(graph: Graph) -> None:
    ticks = await subscribe(graph, "strict { n }", opens=hand)
    hand.say({"n": 1})
    hand.finish()
    assert await answer(ticks) == {"data": {"strict": {"n": 1}}}
    assert await answer(ticks) is None
    assert ticks.failure is None


async def test_a_feed_that_is_refused_ends_the_subscription_with_the_reason(graph: Graph) -> None:
    ticks = await subscribe(graph, "strict { n }", opens=hand)
    hand.finish(UpstreamError("carrier answered with status 403", source="carrier", status=403))
    assert await answer(ticks) is None
    assert ticks.failure is not None
    assert ticks.failure[0].message == "carrier answered with status 403"


async def test_a_body_that_is_no_json_is_told(graph: Graph) -> None:
    from sources import Event

    ticks = await subscribe(graph, "strict { n }", opens=hand)
    hand.give(Event(b"{"))
    assert (await answer(ticks))["errors"][0]["message"] == "carrier sent an event that cannot be read"
    ticks.close()


async def test_permissions_decide_before_the_feed_is_opened(graph: Graph) -> None:
    before = noticed.opened
    responses = [response async for response in graph.subscribe("subscription { guarded { n } }", context={})]
    assert [response["errors"][0]["message"] for response in responses] == ["not for you"]
    assert responses[0]["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert noticed.opened == before


async def test_who_is_permitted_gets_the_events(graph: Graph) -> None:
    before = noticed.opened
    responses = graph.subscribe("subscription { guarded { n } }", context={"allowed": True})
    waiting = asyncio.ensure_future(anext(responses))
    await noticed.is_open(before + 1)
    noticed.say({"n": 1})
    assert await waiting == {"data": {"guarded": {"n": 1}}}
    await responses.aclose()


class Wary(SchemaExtension):
    def on_operation(self) -> Any:
        if (self.execution_context.context or {}).get("refused"):
            raise GraphQLError("not today", extensions={"code": "FORBIDDEN"})
        runs.append("operation")
        yield


async def test_schema_extensions_see_a_subscription_begin() -> None:
    graph = Graph(Query, subscription=Subscription, extensions=[Wary])
    query = "subscription { count(to: 2) }"
    refused = [response async for response in graph.subscribe(query, context={"refused": True})]
    assert [response["errors"][0]["message"] for response in refused] == ["not today"]
    assert runs == []
    responses = [response async for response in graph.subscribe(query)]
    assert responses == [{"data": {"count": 0}}, {"data": {"count": 1}}]
    assert runs == ["operation", "begins", "ends"]
    await graph.aclose()


async def test_a_generator_runs_for_each_subscriber(graph: Graph) -> None:
    query = "subscription($to: Int!) { count(to: $to) }"
    for _ in range(2):
        responses = [response async for response in graph.subscribe(query, {"to": 2})]
        assert responses == [{"data": {"count": 0}}, {"data": {"count": 1}}]
    assert runs == ["begins", "ends", "begins", "ends"]


async def test_a_shared_generator_runs_once(graph: Graph) -> None:
    query = "subscription { together { n } }"

    async def numbers() -> list[int]:
        return [response["data"]["together"]["n"] async for response in graph.subscribe(query)]

    assert tuple(await asyncio.gather(numbers(), numbers())) == ([0, 1, 2], [0, 1, 2])
    assert runs == ["begins", "ends"]


async def test_a_generator_is_ended_when_its_subscriber_leaves(graph: Graph) -> None:
    responses = graph.subscribe("subscription { count(to: 100) }")
    assert await anext(responses) == {"data": {"count": 0}}
    await responses.aclose()
    await until(lambda: runs == ["begins", "ends"])


async def test_what_a_generator_raises_stays_in_the_log(graph: Graph, caplog: pytest.LogCaptureFixture) -> None:
    responses = [response async for response in graph.subscribe("subscription { fails(at: 1) }")]
    assert responses[0] == {"data": {"fails": 0}}
    assert responses[1]["errors"][0]["message"] == "Internal server error"
    assert "a secret" in caplog.text


async def test_a_generator_that_cancels_itself_has_failed(graph: Graph) -> None:
    async with asyncio.timeout(10):
        responses = [response async for response in graph.subscribe("subscription { fails(at: 2) }")]
    assert responses[1]["errors"][0]["message"] == "Internal server error"


async def test_a_subscription_that_does_not_fit_the_schema_is_refused(graph: Graph) -> None:
    responses = [response async for response in graph.subscribe("subscription { nothing }")]
    assert responses[0]["errors"][0]["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


async def test_two_fields_are_one_too_many(graph: Graph) -> None:
    responses = [response async for response in graph.subscribe("subscription { strict { n } newest { n } }")]
    assert responses[0]["errors"][0]["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


async def test_a_query_is_answered_as_ever(graph: Graph) -> None:
    responses = [response async for response in graph.subscribe("{ __typename }")]
    assert responses == [{"data": {"__typename": "Query"}}]


async def test_a_subscription_is_no_query(graph: Graph) -> None:
    response = await graph.execute("subscription { strict { n } }")
    assert response["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_variables_skip_and_aliases_work_as_in_queries(graph: Graph) -> None:
    query = (
        "subscription($id: ID, $with: Boolean!) { moved: parcelMoved(id: $id) { key: id place @include(if: $with) } }"
    )
    responses = graph.subscribe(query, {"id": "1", "with": False})
    waiting = asyncio.ensure_future(anext(responses))
    await hand.is_open(hand.opened + 1)
    hand.say({"id": 1})
    assert await waiting == {"data": {"moved": {"key": "1"}}}
    assert backend.calls == []
    await responses.aclose()


async def test_subscribers_move_to_a_new_graph(graph: Graph) -> None:
    @strawberry.type
    class Fewer:
        @carrier.feed(hand)
        def strict(self) -> Tick: ...

    new = Graph(Query, subscription=Fewer)
    stays = await subscribe(graph, "strict { n }", opens=hand)
    goes = await subscribe(graph, "newest { n }", opens=hand)
    before = hand.opened
    await graph.engine.subscriptions.move_to(new.engine)
    await hand.is_open(before + 1)
    hand.say({"n": 1})
    lost = {"message": "the graph was replaced; events may be missing", "extensions": {"code": "EVENTS_LOST"}}
    assert await answer(stays) == {"errors": [lost], "data": None}
    assert await answer(stays) == {"data": {"strict": {"n": 1}}}
    assert await answer(goes) is None
    assert goes.failure is not None
    assert goes.failure[0].message == "the graph has changed, and the subscription does not fit it any more"
    assert len(graph.engine.subscriptions) == 0
    await new.aclose()
    assert await answer(stays) is None


async def test_a_subscriber_that_ends_by_overflow_leaves_nothing(graph: Graph) -> None:
    tasks = len(asyncio.all_tasks())
    slow = await subscribe(graph, "strict { n }", opens=hand)
    for number in range(3):
        hand.say({"n": number})
        await asyncio.sleep(0.01)
    assert await answer(slow) is None
    await hand.is_closed()
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


async def test_a_shared_generator_ends_when_all_who_read_it_overflow() -> None:
    @strawberry.type
    class Endless:
        @strawberry.subscription
        @shared(buffer=2, overflow="close")
        async def numbers(self) -> AsyncGenerator[int, None]:
            try:
                for number in range(1_000_000):
                    await asyncio.sleep(0)
                    yield number
            finally:
                runs.append("ends")

    graph = Graph(Query, subscription=Endless)
    slow = await subscribe(graph, "numbers")
    await until(lambda: slow.is_over)
    assert await answer(slow) is None
    await until(lambda: runs == ["ends"])
    await graph.aclose()


async def test_an_event_that_cannot_be_answered_costs_none_that_came_with_it(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = FakeTransport(lambda method, target, body: [{"id": target.partition("ids=")[2], "name": "n"}])
    fragile = Rest("fragile", "http://f.example", client=broken)

    @fragile.entity(batch="/things{?ids}")
    class Thing:
        id: strawberry.ID
        name: str

    @strawberry.type
    class Events:
        @fragile.feed(hand)
        def thing(self) -> Thing: ...

    other = Graph(Query, subscription=Events)
    load = other.engine.loader.load_many

    async def failing(fetching: Any, values: Any, keys: Any, ledger: Any, max_age_s: float) -> Any:
        if "2" in map(str, keys):
            raise RuntimeError("a fault")
        return await load(fetching, values, keys, ledger, max_age_s)

    monkeypatch.setattr(other.engine.loader, "load_many", failing)
    things = await subscribe(other, "thing { name }", opens=hand)
    for key in (1, 2, 3):
        hand.say({"id": key})
    found = [await answer(things) for _ in range(3)]
    assert [result["data"] for result in found] == [{"thing": {"name": "n"}}, None, {"thing": {"name": "n"}}]
    assert found[1]["errors"][0]["extensions"] == {"code": "INTERNAL_SERVER_ERROR"}
    await other.aclose()


async def test_leaving_at_any_moment_leaves_nothing(graph: Graph) -> None:
    tasks = len(asyncio.all_tasks())
    for turn in range(300):
        subscriber = await subscribe(graph, "parcelMoved { id place }")
        hand.say({"id": 1})
        if turn % 3:
            await asyncio.sleep(0)
        subscriber.close()
        subscriber.close()
    await hand.is_closed()
    await until(lambda: len(asyncio.all_tasks()) <= tasks)


def test_the_plan_of_a_subscription_says_what_an_event_costs() -> None:
    graph = Graph(Query, subscription=Subscription)
    assert explain(graph, "subscription { parcelMoved { id order { total } } }").splitlines() == [
        "subscription: 1 upstream call in 1 step for all events that come together",
        "carrier  HAND  [events, answered once for all who subscribe alike; filtered by id, status;"
        " what they lack: GET /parcels{?ids}; close after 64 events]",
        "     for Subscription.parcelMoved",
        "   -> carrier  GET /orders{?ids}  [one call per 100 keys, one per id; reused for 60 s]",
        "        for Parcel.order",
        "cost: 2 for fields, 3 for types; at most 2 upstream calls",
        "compiled",
        "answer: public, not cacheable",
    ]


def test_every_fault_of_a_feed_is_found_at_start_up() -> None:
    source = Rest("src", "http://src.example", client=backend)

    @strawberry.input
    class Wanted:
        n: int

    class Many:
        async def __aiter__(self) -> AsyncGenerator[int, None]:
            yield 1

    @strawberry.type
    class Wrong:
        @source.get("/ticks")
        def asked(self) -> Tick: ...

        @source.feed(Hand("room"), inputs={"hall": "n"})
        def unsupplied(self, n: int) -> Tick: ...

        @source.feed(Hand("n"), where={"n": "a.b", "other": "x"}, invalidates=["Nothing"])
        def filtered(self, n: int) -> Tick: ...

        @source.feed(Hand())
        def scalar(self, n: int) -> int: ...

        @source.feed(Hand(), overflow="explode", buffer=0)  # type: ignore[arg-type]  # the fault
        def overflowing(self) -> Tick: ...

        @source.poll("/ticks", every=0)
        def polled(self) -> Tick: ...

        @source.feed(Hand())
        def wanted(self, wanted: Wanted) -> Tick: ...

        @strawberry.field
        def plain(self) -> int:
            return 1

        @strawberry.subscription
        async def single(self) -> int:
            return 1

        @strawberry.subscription
        async def fine(self) -> Annotated[AsyncIterator[int], "a note"]:
            return aiter(Many())

        @strawberry.subscription
        @shared()
        async def seeing(self, info: strawberry.Info) -> AsyncGenerator[int, None]:
            yield 1

    @strawberry.type
    class Asked:
        @source.feed(Hand())
        def elsewhere(self) -> Tick: ...

    with pytest.raises(GraphError) as found:
        Graph(Asked, subscription=Wrong)
    here = "test_every_fault_of_a_feed_is_found_at_start_up.<locals>"
    assert sorted(found.value.faults) == sorted(
        [
            "Asked.elsewhere: events come to fields of the subscription type only; name it in Graph(subscription=...)",
            "Wrong.asked: a field of a subscription gives events: declare it with poll, sse, websocket, webhook or"
            " the like",
            "Wrong.filtered: invalidates names the type 'Nothing', which the graph does not have",
            "Wrong.filtered: where names the argument 'n', which HAND takes",
            "Wrong.filtered: where names the argument 'other', which the field does not have",
            "Wrong.plain: a field of a subscription is an async generator under @strawberry.subscription,"
            " or a feed of a source",
            "Wrong.scalar: the argument 'n' filters events by a property, but the field is Int!",
            "Wrong.seeing: it is shared by all clients that subscribe alike, so it may not look at info",
            "Wrong.single: it gives one value, not many: make it an async generator, of the type AsyncGenerator[...]",
            "Wrong.unsupplied: inputs names {hall}, which HAND does not have",
            "Wrong.unsupplied: nobody supplies {room} of HAND; arguments are: n",
            "Wrong.wanted: the argument 'wanted' filters events, and no property equals a Wanted",
            f"source 'src': {here}.Wrong.overflowing: overflow='explode': expected one of latest, drop_oldest, close",
            f"source 'src': {here}.Wrong.polled: every=0: expected 0.1 seconds or more",
        ]
    )


def test_every_way_to_push_is_declared_alike() -> None:
    source = Rest("src", "http://src.example", client=backend)

    @strawberry.type
    class Ways:
        @source.poll("/a/{n}", every=2)
        def polled(self, n: int) -> Tick: ...

        @source.sse("/b{?n}", events="tick", headers={"x-room": "{room}"})
        def streamed(self, n: int, room: str) -> Tick: ...

        @source.websocket("/c", send={"subscribe": "{n}"}, names="type", events=("tick",))
        def sent(self, n: int) -> Tick: ...

        @source.channel("ticks.{n}", Redis("redis://127.0.0.1"))
        def published(self, n: int) -> Tick: ...

        @source.stream("ticks", Redis("redis://127.0.0.1"), field="tick", where={"n": "a.n"})
        def added(self, n: int) -> Tick: ...

        @source.webhook("ticks", signature=Unsigned())
        def posted(self, n: int) -> Tick: ...

    graph = Graph(Query, subscription=Ways)
    plans = {
        name: explain(graph, f"subscription {{ {name} {{ n }} }}").splitlines()[1]
        for name in (
            "polled(n: 1)",
            'streamed(n: 1, room: "x")',
            "sent(n: 1)",
            "posted(n: 1)",
            "published(n: 1)",
            "added(n: 1)",
        )
    }
    events = "[events, answered once for all who subscribe alike"
    assert plans == {
        "polled(n: 1)": f"src  GET /a/{{n}} every 2 s  {events}; close after 64 events]",
        'streamed(n: 1, room: "x")': f"src  SSE /b{{?n}}  {events}; close after 64 events]",
        "sent(n: 1)": f"src  WS /c  {events}; close after 64 events]",
        "published(n: 1)": f"src  SUBSCRIBE ticks.{{n}}  {events}; close after 64 events]",
        "added(n: 1)": f"src  XREAD ticks  {events}; filtered by n; close after 64 events]",
        "posted(n: 1)": f"src  the webhook ticks  {events}; filtered by n; close after 64 events]",
    }
