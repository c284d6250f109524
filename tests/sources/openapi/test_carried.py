"""Headers and cookies as documents describe them, beside those of the client and of the gateway."""

from __future__ import annotations

from typing import Any

import pytest

from sources import ApiKey, Bearer, Credentials, DeclarationError, FakeTransport, InvalidInput, Manner, Rest, headers_of
from sources.endpoint import Endpoint
from sources.openapi.carried import carried, why_not_carried
from sources.openapi.placed import Placed
from sources.template import RefusedValue, Template


def header(value: Any, **options: Any) -> str:
    ((name, text),) = carried([Placed(name="X-Id", variable="v", place="header", **options)])
    assert (name, text.variables, text.text) == ("x-id", ("v",), "{v}")
    return text.expand({"v": value})


def cookie(value: Any, **options: Any) -> str:
    ((name, text),) = carried([Placed(name="id", variable="v", place="cookie", **options)])
    assert (name, text.variables, text.text) == ("cookie", ("v",), "id={v}")
    return text.expand({"v": value})


@pytest.mark.parametrize(
    ("value", "explode", "text"),
    [
        ("a b", False, "a b"),
        (5, False, "5"),
        (True, False, "true"),
        ([1, "b", None], False, "1,b"),
        ([1, "b"], True, "1,b"),
        ({"R": 100, "G": "x"}, False, "R,100,G,x"),
        ({"R": 100, "G": "x"}, True, "R=100,G=x"),
        (None, False, ""),
        ([], False, ""),
        ({}, True, ""),
    ],
)
def test_a_header_is_written_in_the_simple_style(value: Any, explode: bool, text: str) -> None:
    assert header(value, explode=explode) == text


def test_a_header_of_json_is_json() -> None:
    assert header({"a": [1]}, media="application/json") == '{"a":[1]}'


def test_an_item_of_a_header_holds_no_comma() -> None:
    for value in (["a", "b,c"], [{"x": 1, "y": 2}], {"k": "a,b"}):
        with pytest.raises(RefusedValue, match=r"^v: ',' separates its parts and may not stand in one$"):
            header(value)


@pytest.mark.parametrize(
    ("value", "explode", "text"),
    [
        ("abc+/==", None, "id=abc+/=="),
        ("a;b, c", None, "id=a%3Bb%2C%20c"),
        ("é\r\n%", None, "id=%C3%A9%0D%0A%25"),
        (7, None, "id=7"),
        ([1, "b"], True, "id=1; id=b"),
        ([1, "b,c"], False, "id=1,b%2Cc"),
        ({"R": 100, "G": "x"}, True, "R=100; G=x"),
        ({"R": 100}, False, "id=R,100"),
        ({"a;b": "=c"}, True, "a%3Bb==c"),
        (None, None, ""),
        ([], None, ""),
    ],
)
def test_a_cookie_is_written_in_the_form_style(value: Any, explode: bool | None, text: str) -> None:
    assert cookie(value, explode=explode) == text


def test_half_a_character_is_no_part_of_a_cookie() -> None:
    for value in ("\ud800", ["\ud800"], {"\ud800": 1}):
        with pytest.raises(RefusedValue):
            cookie(value)


def test_all_cookies_are_one_header_after_the_others() -> None:
    places = [("a", "cookie"), ("X-B", "header"), ("c", "cookie"), ("d", "query")]
    found = carried(Placed(name=name, variable=name[-1], place=place) for name, place in places)  # type: ignore[arg-type]
    assert [name for name, _ in found] == ["x-b", "cookie"]
    assert found[1][1].text == "a={a}; c={c}"
    assert found[1][1].variables == ("a", "c")
    assert found[1][1].expand({"c": 1}) == "c=1"


@pytest.mark.parametrize(
    ("name", "place", "problem"),
    [
        ("X-Id", "header", None),
        ("Accept", "header", "the header 'Accept' follows from the rest of the document"),
        ("authorization", "header", "the header 'authorization' follows from the rest of the document"),
        ("Content-Type", "header", "the header 'Content-Type' follows from the rest of the document"),
        ("Host", "header", "'Host' is not a header that a graph may set or forward"),
        ("Connection", "header", "'Connection' is not a header that a graph may set or forward"),
        ("Proxy-Authorization", "header", "'Proxy-Authorization' is not a header that a graph may set or forward"),
        ("a b", "header", "'a b' is not a header that a graph may set or forward"),
        ("session", "cookie", None),
        ("a=b", "cookie", "'a=b' is not a cookie's name"),
        ("anything at all", "query", None),
    ],
)
def test_what_a_request_cannot_carry_is_said(name: str, place: str, problem: str | None) -> None:
    assert why_not_carried(name, place) == problem


def test_what_a_request_cannot_carry_is_a_fault() -> None:
    with pytest.raises(DeclarationError, match="not a header"):
        carried([Placed(name="Host", variable="v", place="header")])


async def sent(
    parameters: list[Placed], values: dict[str, Any], *, client: tuple[tuple[str, str], ...] = (), **options: Any
) -> dict[str, str]:
    fake = FakeTransport({"GET /a": {}})
    manner = options.pop("manner", None)
    source = Rest("s", "http://s.example", client=fake, **options)
    endpoint = Endpoint("GET", Template("/a"), headers=carried(parameters), manner=manner)
    await source.send("GET", "/a", (*headers_of(source, endpoint, values), *client), manner=manner)
    return fake.headers[0]


COOKIE = Placed(name="mine", variable="v", place="cookie")
HEADER = Placed(name="X-Key", variable="k", place="header")


async def test_cookies_of_parameters_credentials_and_clients_are_one_line_and_the_gateways_come_first() -> None:
    found = await sent(
        [COOKIE],
        {"v": 1},
        client=(("cookie", "session=theirs; other=2; mine=9"),),
        auth=ApiKey(cookie="session", value="ours"),
        forward=["cookie"],
    )
    assert found == {"cookie": "session=ours; mine=1; other=2"}


async def test_a_header_of_credentials_is_taken_by_no_parameter() -> None:
    manner = Manner(auth=Credentials([[ApiKey("X-Key", value="ours")]]))
    assert await sent([HEADER], {"k": "theirs"}, manner=manner) == {"X-Key": "ours"}
    assert await sent([HEADER], {"k": "theirs"}, manner=Manner(auth=Credentials())) == {"x-key": "theirs"}


async def test_a_fixed_header_gives_way_to_a_credential_of_its_name() -> None:
    manner = Manner(auth=Bearer("ours"))
    found = await sent([], {}, manner=manner, headers={"Authorization": "fixed", "X-Other": "1"})
    assert found == {"X-Other": "1", "authorization": "Bearer ours"}


async def test_what_may_not_stand_in_a_header_is_refused_before_anything_is_sent() -> None:
    for value, reason in (("a\r\nb", "control character"), (["a,b"], "separates")):
        with pytest.raises(InvalidInput, match=reason):
            await sent([HEADER], {"k": value})
