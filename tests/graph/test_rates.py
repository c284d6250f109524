"""Rates: what may be declared, whose buckets count, and where clients call from."""

from __future__ import annotations

import re
from typing import Any

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from graph import ANONYMOUS, Client, Graph, GraphError, Rate, RequestError, Trust
from graph.client import Caller
from graph.errors import RateLimited
from graph.metering import Metering
from graph.meters import Meters
from graph.proxies import Proxies, place_of
from graph.rates import parse_rates
from sources import Redis


@strawberry.type
class Query:
    number: int = 1


class Clock:
    """A clock that goes on when it is told."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


def header(metering: Metering, client: Client = ANONYMOUS, address: str | None = "192.0.2.1") -> bytes:
    meter = metering.meter(client, address)
    assert meter is not None
    return dict(meter.headers())[b"ratelimit"]


async def ask(metering: Metering, client: Client = ANONYMOUS, address: str | None = "192.0.2.1") -> str:
    """Ask once, and give what the header says then."""
    meter = metering.meter(client, address)
    if meter is None:
        return "unlimited"
    try:
        await Caller(ANONYMOUS, meter).admit()
    except RateLimited as exc:
        [error] = exc.errors
        return f"{error.message} {error.extensions}"
    return dict(meter.headers())[b"ratelimit"].decode()


@pytest.mark.parametrize(
    ("text", "rate", "shown"),
    [
        ("requests=100/60s", Rate(requests=100, per=60), "100 requests in 60 s"),
        (" cost=1000/1h ", Rate(cost=1000, per=3600), "1000 of estimated cost in 3600 s"),
        ("calls=5/2m;burst=9", Rate(calls=5, per=120, burst=9), "5 upstream calls in 120 s"),
        ("requests=7/1d;of=known;name=a.b-c_1", Rate(requests=7, per=86400, of="known", name="a.b-c_1"), None),
    ],
)
def test_a_rate_can_be_written_as_text(text: str, rate: Rate, shown: str | None) -> None:
    assert Rate.parse(text) == rate
    assert shown is None or str(rate) == shown


def test_several_are_separated_by_commas() -> None:
    assert parse_rates("requests=1/1s, cost=2/1m") == (Rate(requests=1, per=1), Rate(cost=2, per=60))
    assert parse_rates("  ") == ()


@pytest.mark.parametrize(
    "text",
    ["", "requests", "requests=1", "requests=1/s", "requests=-1/1s", "requests=1.5/1s", "requests=1/1w", "hits=1/1s",
     "requests=1/1s;", "requests=1/1s;burst=2;burst=3", "requests=1/1s;per=3", "requests=0/1s", "requests=1/0s",
     "requests=1/1s;burst=0", "requests=1/1s;burst=x", "requests=1/1s;of=me", 'requests=1/1s;name="',
     "requests=" + "9" * 5000, "requests=1/999999d", "requests=1/1s;name=" + "x" * 61,
     "requests=1/1s\n", "requests=1/١s"],
)  # fmt: skip  # a list of texts
def test_what_is_no_rate_is_refused_in_a_short_sentence(text: str) -> None:
    if text == "requests=1/1s\n":
        assert Rate.parse(text) == Rate(requests=1, per=1)  # as files end
        return
    with pytest.raises(ValueError, match=r"rate|Rate") as refused:
        Rate.parse(text)
    assert len(str(refused.value)) < 300


@given(st.text(max_size=60))
def test_any_text_is_a_rate_or_a_value_error(text: str) -> None:
    try:
        rate = Rate.parse(text)
    except ValueError:
        return
    assert rate.count > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"per": 1}, "one of requests, cost and calls is needed"),
        ({"requests": 1, "cost": 1, "per": 1}, "one of requests, cost and calls is needed"),
        ({"requests": True, "per": 1}, "requests=True: expected a whole number"),
        ({"requests": 1.5, "per": 0.5}, "requests=1.5: expected .*; per=0.5: expected whole seconds from 1"),
        ({"calls": 1, "per": 1, "burst": 0}, "burst=0: expected a whole number"),
        ({"calls": 1, "per": 1, "of": "some"}, "of='some': expected all, known or anonymous"),
        ({"calls": 1, "per": 1, "name": 'a"'}, "name='a\"': expected letters"),
    ],
)
def test_an_impossible_rate_says_all_that_is_wrong(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rate(**arguments)


def test_rates_that_a_client_could_not_tell_apart_need_names() -> None:
    minute, day = Rate(requests=10, per=60), Rate(requests=100, per=86400)
    with pytest.raises(ValueError, match="several for known clients are named 'requests': give them names"):
        Trust(rates=[minute, day])
    Trust(rates=[minute, Rate(requests=100, per=86400, name="daily")])
    Trust(rates=[Rate(requests=1, per=1, of="known"), Rate(requests=1, per=2, of="anonymous")])


def test_what_is_no_rate_and_no_network_is_a_fault_of_trust() -> None:
    with pytest.raises(ValueError, match=re.escape("rates: 7 is no Rate; proxies: '10.0.0.1/8' is no address")):
        Trust(rates=[7], proxies=["10.0.0.1/8"])  # type: ignore[list-item]  # which is the point


def test_the_environment_goes_before() -> None:
    trust = Trust(rates=[Rate(requests=1, per=1)], proxies=["10.0.0.0/8"])
    assert trust.overridden({}) is trust
    told = trust.overridden({"WEFT_RATES": "cost=5/1m", "WEFT_PROXIES": "192.0.2.1, 2001:db8::/32"})
    assert (told.rates, told.proxies) == ((Rate(cost=5, per=60),), ("192.0.2.1", "2001:db8::/32"))
    assert trust.overridden({"WEFT_RATES": ""}).rates == ()
    with pytest.raises(ValueError, match=r"WEFT_RATES: 'x' is no rate.*; WEFT_PROXIES: proxies: 'y' is no address"):
        trust.overridden({"WEFT_RATES": "x", "WEFT_PROXIES": "y"})


def test_a_graph_with_wrong_rates_in_the_environment_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_RATES", "requests=many")
    with pytest.raises(GraphError, match="WEFT_RATES: 'requests=many' is no rate"):
        Graph(query=Query)


def test_a_redis_without_an_address_is_missing_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_REDIS", raising=False)
    metering = Metering([Rate(requests=1, per=1)], Redis(env="NO_SUCH_REDIS"))
    assert metering.missing() == ["rates_store: the environment variable NO_SUCH_REDIS is not set"]


# -- whose buckets -----------------------------------------------------------------------------------------------------


async def test_each_client_has_its_own_bucket_wherever_it_calls_from() -> None:
    metering = Metering([Rate(requests=2, per=60)], clock=Clock())
    ada, bob = Client(id="user:ada"), Client(id="user:bob")
    assert await ask(metering, ada, "192.0.2.1") == '"requests";r=1;t=30'
    assert await ask(metering, bob, "192.0.2.1") == '"requests";r=1;t=30'
    assert await ask(metering, ada, "192.0.2.2") == '"requests";r=0;t=30'
    refused = "the limit of 2 requests in 60 s is reached: try again in 30 s {'retryAfter': 30}"
    assert await ask(metering, ada, "192.0.2.3") == refused


async def test_anonymous_clients_are_told_apart_by_address_and_without_one_not_at_all() -> None:
    metering = Metering([Rate(requests=2, per=60)], clock=Clock())
    assert await ask(metering, address="192.0.2.1") == '"requests";r=1;t=30'
    assert await ask(metering, address="192.0.2.2") == '"requests";r=1;t=30'
    assert await ask(metering, address="2001:db8::1") == '"requests";r=1;t=30'
    assert await ask(metering, address="2001:db8::ffff:2") == '"requests";r=0;t=30'  # the same /64
    assert await ask(metering, address="2001:db8:0:1::1") == '"requests";r=1;t=30'
    assert await ask(metering, address="::ffff:192.0.2.1") == '"requests";r=0;t=30'
    assert await ask(metering, address=None) == '"requests";r=1;t=30'
    assert await ask(metering, Client(), None) == '"requests";r=0;t=30'


async def test_a_client_cannot_name_itself_like_an_address() -> None:
    metering = Metering([Rate(requests=1, per=60)], clock=Clock())
    assert await ask(metering, Client(id="192.0.2.1")) == '"requests";r=0;t=60'
    assert await ask(metering, address="192.0.2.1") == '"requests";r=0;t=60'


async def test_rates_may_be_for_known_or_for_anonymous_clients() -> None:
    rates = [Rate(requests=1, per=60, of="anonymous"), Rate(requests=5, per=60, of="known")]
    metering = Metering(rates, clock=Clock())
    assert await ask(metering) == '"requests";r=0;t=60'
    assert await ask(metering, Client(id="a")) == '"requests";r=4;t=48'
    assert await ask(Metering(rates[:1]), Client(id="a")) == "unlimited"
    assert await ask(Metering(rates[1:])) == "unlimited"


async def test_a_clients_own_rates_take_the_place_of_the_graphs() -> None:
    metering = Metering([Rate(requests=1, per=60)], clock=Clock())
    rich = Client(id="key:1", rates=[Rate(requests=100, per=50), Rate(calls=5, per=10)])
    assert await ask(metering, rich) == '"requests";r=99;t=50, "calls";r=5;t=10'
    assert await ask(metering, Client(id="key:2", rates=[])) == "unlimited"


async def test_when_rates_change_those_that_stay_go_on() -> None:
    metering = Metering(clock=Clock())
    minute, calls = Rate(requests=5, per=60), Rate(calls=5, per=60)
    assert await ask(metering, Client(id="a", rates=[minute])) == '"requests";r=4;t=48'
    assert await ask(metering, Client(id="a", rates=[calls, minute])) == '"calls";r=5;t=60, "requests";r=3;t=36'
    assert await ask(metering, Client(id="a", rates=[Rate(requests=6, per=60)])) == '"requests";r=5;t=50'


async def test_who_goes_by_two_rates_in_turn_has_no_more_of_either() -> None:
    clock = Clock()
    metering = Metering([Rate(requests=2, per=60, of="anonymous"), Rate(requests=3, per=3600, of="known")], clock=clock)
    nameless = Client()
    for left in (1, 0):
        assert (await ask(metering)).startswith(f'"requests";r={left};')
        assert (await ask(metering, nameless)).startswith(f'"requests";r={left + 1};')
    for _ in range(2):
        assert "is reached: try again in 30 s" in await ask(metering)
    assert (await ask(metering, nameless)).startswith('"requests";r=0;')
    for _ in range(2):
        assert "is reached: try again in 30 s" in await ask(metering)
        assert "is reached: try again in 1200 s" in await ask(metering, nameless)
    clock.now += 120
    meter = metering.meter(ANONYMOUS, "192.0.2.1")
    assert meter is not None
    assert not meter.is_full(clock.now)
    clock.now += 3600
    assert meter.is_full(clock.now)


async def test_a_long_name_takes_no_more_memory_than_a_short_one() -> None:
    metering = Metering([Rate(requests=2, per=60)], clock=Clock())
    for name in ("x" * 100_000, "x" * 99_999 + "\ud800"):
        assert await ask(metering, Client(id=name)) == '"requests";r=1;t=30'
    assert await ask(metering, Client(id="x" * 100_000)) == '"requests";r=0;t=30'
    assert max(map(len, metering._known._meters)) < 100


async def test_calls_may_be_overdrawn_and_are_paid_off() -> None:
    clock = Clock()
    metering = Metering([Rate(calls=10, per=10)], clock=clock)
    meter = metering.meter(ANONYMOUS, "192.0.2.1")
    assert meter is not None
    await Caller(ANONYMOUS, meter).admit()
    meter.note_calls(25)
    assert meter.headers()[0] == (b"ratelimit-policy", b'"calls";q=10;qu="calls";w=10')
    assert meter.headers()[1] == (b"ratelimit", b'"calls";r=0;t=16')
    clock.now += 15.5
    assert "10 upstream calls in 10 s is reached: try again in 1 s" in await ask(metering)
    clock.now += 0.5
    assert await ask(metering) == '"calls";r=1;t=1'


async def test_an_operation_that_could_never_be_paid_is_refused_for_good() -> None:
    metering = Metering([Rate(cost=100, per=60, burst=20)], clock=Clock())
    meter = metering.meter(ANONYMOUS, None)
    assert meter is not None
    await Caller(ANONYMOUS, meter).pay(20)
    with pytest.raises(RateLimited, match="RATE_LIMITED"):
        await Caller(ANONYMOUS, meter).pay(1)
    with pytest.raises(RequestError) as never:
        await Caller(ANONYMOUS, meter).pay(20.5)
    assert never.value.code == "LIMIT_EXCEEDED"
    assert never.value.errors[0].message == "the operation's estimated cost is 20.5, more than this client's 20 at once"


async def test_credentials_that_are_not_good_count_against_their_address() -> None:
    clock = Clock()
    metering = Metering([Rate(requests=2, per=60)], clock=clock)
    for _ in range(2):
        with pytest.raises(RequestError, match="UNAUTHENTICATED"):
            async with metering.guarding("192.0.2.1"):
                raise RequestError.of("wrong", "UNAUTHENTICATED", 401)
    looked = False
    with pytest.raises(RateLimited):
        async with metering.guarding("192.0.2.1"):
            looked = True
    assert not looked  # not even at good ones
    async with metering.guarding("192.0.2.2"):
        looked = True
    assert looked
    clock.now += 30
    async with metering.guarding("192.0.2.1"):
        pass
    assert await ask(metering) == '"requests";r=0;t=30'  # good ones do not count there


async def test_buckets_take_a_bounded_number_of_places_and_full_ones_none() -> None:
    clock = Clock()
    metering = Metering([Rate(requests=2, per=60)], clock=clock)
    metering._places = places = Meters(str.encode, clock, most=10)
    assert await ask(metering, Client(id="debtor")) == '"requests";r=1;t=30'
    for number in range(1000):
        await ask(metering, address=f"192.0.2.{number}")
    assert len(places) == 10
    assert await ask(metering, Client(id="debtor")) == '"requests";r=0;t=30'  # no flood of addresses helps
    clock.now += 91
    for number in range(6):
        await ask(metering, address=f"198.51.100.{number}")
    assert len(places) == 6
    assert await ask(metering, address="198.51.100.5") == '"requests";r=0;t=30'


async def test_calls_that_are_noted_late_are_not_lost_meanwhile() -> None:
    clock = Clock()
    metering = Metering([Rate(calls=2, per=60)], clock=clock)
    await ask(metering, Client(id="slow"))
    clock.now += 600
    meter = metering.meter(Client(id="slow"), None)
    assert meter is not None
    await Caller(ANONYMOUS, meter).admit()
    clock.now += 30
    for number in range(100):
        await ask(metering, Client(id=f"other:{number}"))
    meter.note_calls(2)
    assert "2 upstream calls in 60 s is reached" in await ask(metering, Client(id="slow"))


async def test_a_graph_that_takes_anothers_place_goes_on_counting() -> None:
    clock = Clock()
    before, after = (Metering([Rate(requests=3, per=60)], clock=clock) for _ in range(2))
    assert await ask(before) == '"requests";r=2;t=40'
    after.take_over(before)
    assert await ask(after) == '"requests";r=1;t=20'


# -- behind proxies ----------------------------------------------------------------------------------------------------


def address(proxies: Proxies, client: str | None, **headers: str) -> str | None:
    scope = {"client": None if client is None else (client, 1234)}
    return proxies.address(scope, {name.replace("_", "-"): value for name, value in headers.items()})


def test_nobody_is_believed_unless_it_is_a_trusted_proxy() -> None:
    forged = {"x_forwarded_for": "203.0.113.9", "forwarded": "for=203.0.113.9"}
    assert address(Proxies(), "192.0.2.1", **forged) == "192.0.2.1"
    assert address(Proxies(["10.0.0.0/8"]), "192.0.2.1", **forged) == "192.0.2.1"
    assert address(Proxies(["10.0.0.0/8"]), None, **forged) is None


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"),  # the client wrote the first
        ("1.1.1.1, 10.9.9.9, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.1.1.1, 10.0.0.2", "10.1.1.1"),  # a client inside
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, unknown", "10.0.0.1"),
        ("1.1.1.1,", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("1.1.1.1, evil, 10.0.0.2", "10.0.0.2"),
        (", ".join(["10.0.0.3"] * 5000), "10.0.0.3"),
        ("9" * 50_000, "10.0.0.1"),
    ],
)
def test_the_right_most_entry_that_is_no_trusted_proxy_is_the_client(told: str, found: str) -> None:
    proxies = Proxies(["10.0.0.0/8"])
    assert address(proxies, "10.0.0.1", x_forwarded_for=told, forwarded="for=6.6.6.6") == found


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("for=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
        ('for=1.1.1.1, For="[2001:db8::1]:4711"', "2001:db8::1"),
        ("for=1.1.1.1, for=_hidden", "10.0.0.1"),
        ("by=1.1.1.1", "10.0.0.1"),
        ("for=203.0.113.9, for=10.0.0.2", "203.0.113.9"),
    ],
)
def test_forwarded_is_read_where_it_is_the_header_that_proxies_write(told: str, found: str) -> None:
    proxies = Proxies(["10.0.0.0/8"], "Forwarded")
    assert address(proxies, "10.0.0.1", forwarded=told, x_forwarded_for="6.6.6.6") == found


@given(st.text(max_size=40))
def test_whatever_a_proxy_says_some_address_is_found(told: str) -> None:
    for name in ("x-forwarded-for", "forwarded"):
        found = Proxies(["10.0.0.0/8"], name).address({"client": ("10.0.0.1", 1)}, {name: told})
        assert found is not None
        place_of(found)
