"""Scalars through a graph: what a backend says reaches the client, and what a client says the backend, to the digit."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import decimal
import enum
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import graphql
import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from graph import Graph
from graph.request import parse_body, parse_query
from resolvers import JSON, URL, Base64, Duration, Email, Int64, field, link
from sources import FakeTransport, Rest

Json = Any

# -- a backend that answers what a test says, and keeps what it is sent ------------------------------------------------

answer: bytes = b"{}"
transport = FakeTransport(lambda method, target, body: answer)
iso = Rest("iso", "http://iso.example", client=transport)
unix = Rest("unix", "http://unix.example", timestamps="unix", decimals="number", client=transport)
millis = Rest("millis", "http://millis.example", timestamps="unix_ms", client=transport)


@strawberry.type
class Thing:
    id: strawberry.ID | None
    whole: Int64 | None
    price: decimal.Decimal | None
    at: dt.datetime | None
    day: dt.date | None
    time: dt.time | None
    span: Duration | None
    uid: uuid.UUID | None
    url: URL | None
    email: Email | None
    extra: JSON | None
    blob: Base64 | None
    real: float | None
    seen_ms: dt.datetime | None = field("seen", timestamps="unix_ms")
    seen_day: dt.date | None = field("seen", timestamps="unix_ms")
    written: dt.datetime | None = field("written", timestamps="iso")

    @strawberry.field
    def python(self) -> str:
        held = (self.whole, self.price, self.at, self.day, self.time, self.span, self.uid, self.url, self.blob)
        names = ", ".join(type(value).__name__ for value in (*held, self.seen_ms))
        return f"{names}, {isinstance(self.real, float)}"

    @strawberry.field
    def extra_again(self) -> JSON | None:
        return self.extra


@strawberry.type
class Strict:
    price: decimal.Decimal
    extra: JSON


@strawberry.enum
class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.type
class Grids:
    whole: list[list[Int64 | None] | None] | None
    price: list[list[decimal.Decimal]] | None
    at: list[list[dt.datetime | None]]
    span: list[list[dt.timedelta | None] | None]
    uid: list[list[uuid.UUID | None] | None] | None
    extra: list[list[JSON | None] | None] | None
    blob: list[list[bytes | None]] | None
    id: list[list[strawberry.ID | None] | None] | None
    real: list[list[float | None] | None] | None
    size: list[list[Size | None] | None] | None
    cubes: list[list[list[decimal.Decimal | None] | None] | None] | None


@strawberry.type
class Query:
    @iso.get("/thing")
    def thing(self) -> Thing: ...

    @unix.get("/thing")
    def unix_thing(self) -> Thing: ...

    @millis.get("/thing")
    def millis_thing(self) -> Thing: ...

    @iso.get("/strict")
    def strict(self) -> Strict | None: ...

    @iso.get("/grids")
    def grids(self) -> Grids | None: ...

    @iso.get("/price")
    def price(self) -> decimal.Decimal | None: ...

    @iso.get("/send{?whole,price,at,day,time,span,uid,url,email,blob}")
    def send(
        self,
        whole: Int64 | None = None,
        price: decimal.Decimal | None = None,
        at: dt.datetime | None = None,
        day: dt.date | None = None,
        time: dt.time | None = None,
        span: dt.timedelta | None = None,
        uid: uuid.UUID | None = None,
        url: URL | None = None,
        email: Email | None = None,
        blob: bytes | None = None,
    ) -> JSON | None: ...

    @unix.get("/send{?price,at,day}")
    def send_unix(
        self, price: decimal.Decimal | None = None, at: dt.datetime | None = None, day: dt.date | None = None
    ) -> JSON | None: ...

    @strawberry.field
    def double(self, whole: Int64, price: decimal.Decimal, span: dt.timedelta, blob: bytes, extra: JSON) -> JSON:
        return JSON(
            {"whole": whole * 2, "price": str(price * 2), "span": str(span * 2), "blob": len(blob), "extra": extra}
        )


@strawberry.type
class Mutation:
    @iso.post("/send")
    def send(
        self,
        whole: Int64 | None = None,
        price: decimal.Decimal | None = None,
        at: dt.datetime | None = None,
        day: dt.date | None = None,
        time: dt.time | None = None,
        span: dt.timedelta | None = None,
        uid: uuid.UUID | None = None,
        url: URL | None = None,
        email: Email | None = None,
        blob: bytes | None = None,
        extra: JSON | None = None,
        real: float | None = None,
        grid: list[list[decimal.Decimal | None] | None] | None = None,
    ) -> JSON | None: ...

    @unix.post("/send")
    def send_unix(
        self,
        price: decimal.Decimal | None = None,
        at: dt.datetime | None = None,
        day: dt.date | None = None,
        ats: list[dt.datetime] | None = None,
    ) -> JSON | None: ...

    @millis.post("/send")
    def send_millis(self, at: dt.datetime | None = None, day: dt.date | None = None) -> JSON | None: ...


weft = Graph(query=Query, mutation=Mutation)


def sent(query: str, variables: str | None = None) -> str:
    """Send a request as a client writes it; give the response as it is written."""
    extra = "" if variables is None else f', "variables": {variables}'
    request = parse_body(f'{{"query": {json.dumps(query)}{extra}}}'.encode(), "application/json")
    return asyncio.run(weft.engine.answer(request, {}, lambda: None, key=object())).body.decode()


def both(query: str, said: bytes | str) -> str:
    """Answer a query by the compiled path and by the exact one, which must agree to the byte."""
    global answer
    answer = said if isinstance(said, bytes) else said.encode()
    engine = weft.engine
    before = (engine.compiled_answers, engine.exact_answers)
    compiled = sent(query)
    assert (engine.compiled_answers, engine.exact_answers) == (before[0] + 1, before[1]), "the compiled path deviated"
    assert exactly(query) == compiled
    return compiled


def exactly(query: str) -> str:
    """Answer a query by the exact path."""
    operations = weft.engine.operations
    variant = operations.variant(operation := operations.get(query, None), operations.variables(operation, None))
    runner, variant.runner = variant.runner, None
    try:
        return sent(query)
    finally:
        variant.runner = runner


def shown(name: str, said: str, root: str = "thing") -> str:
    """Give the JSON text that a client reads for a property that a backend writes."""
    whole = both(f"{{ {root} {{ {name} }} }}", f'{{"{name}": {said}, "seen": {said}, "written": {said}}}')
    start = f'{{"data":{{"{root}":{{"{name}":'
    assert whole.startswith(start)
    return whole[len(start) : -3]


# -- from a backend to the client -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said", "read"),
    [
        ("id", "7", '"7"'),
        ("id", "9007199254740993", '"9007199254740993"'),
        ("id", "18446744073709551616", '"18446744073709551616"'),
        ("id", "1" + "0" * 30, '"1' + "0" * 30 + '"'),
        ("id", "-" + "9" * 4000, '"-' + "9" * 4000 + '"'),
        ("whole", "9007199254740993", '"9007199254740993"'),
        ("whole", '"9007199254740993"', '"9007199254740993"'),
        ("whole", "-9223372036854775808", '"-9223372036854775808"'),
        ("price", "1.10", '"1.10"'),
        ("price", '"1.10"', '"1.10"'),
        ("price", "3", '"3"'),
        ("price", "0.12345678901234567890", '"0.12345678901234567890"'),
        ("price", "1" + "0" * 30, '"1' + "0" * 30 + '"'),
        ("price", "1e400", '"1E+400"'),
        ("price", "-0.00", '"-0.00"'),
        ("extra", '{"x": 12345678901234567890.123}', '{"x":12345678901234567890.123}'),
        ("extra", '[1.10, 1E5, 1e400, -0.0, {"a": [2.50]}]', '[1.10,1E5,1e400,-0.0,{"a":[2.50]}]'),
        ("extra", "123456789012345678901234567890", "123456789012345678901234567890"),
        ("extra", '"ä"', '"ä"'),
        ("real", "1.10", "1.1"),
        ("at", '"2026-01-02T03:04:05Z"', '"2026-01-02T03:04:05+00:00"'),
        ("at", '"2026-01-02T03:04:05.250+02:00"', '"2026-01-02T03:04:05.250000+02:00"'),
        ("at", '"2026-01-02T03:04:05.123456789Z"', '"2026-01-02T03:04:05.123456+00:00"'),  # further digits are cut
        ("at", '"2026-01-02T03:04:05"', '"2026-01-02T03:04:05"'),  # the backend named no zone
        ("day", '"2026-01-02"', '"2026-01-02"'),
        ("time", '"03:04:05.5"', '"03:04:05.500000"'),
        ("span", '"P1DT2H30M"', '"P1DT2H30M"'),
        ("span", '"PT36H"', '"P1DT12H"'),
        ("uid", '"00000000-0000-4000-8000-00000000000A"', '"00000000-0000-4000-8000-00000000000a"'),
        ("url", '"https://example.com/a?b#c"', '"https://example.com/a?b#c"'),
        ("email", '"ada@example.com"', '"ada@example.com"'),
        ("blob", '"aGk="', '"aGk="'),
        *((name, "null", "null") for name in ("id", "whole", "price", "at", "span", "extra", "blob")),
    ],
)
def test_a_client_reads_what_a_backend_says(name: str, said: str, read: str) -> None:
    assert shown(name, said) == read


@pytest.mark.parametrize(
    ("name", "root", "said", "read"),
    [
        ("at", "unixThing", "1700000000", '"2023-11-14T22:13:20+00:00"'),
        ("at", "unixThing", "1700000000.123456", '"2023-11-14T22:13:20.123456+00:00"'),
        ("at", "unixThing", "253402300799.999999", '"9999-12-31T23:59:59.999999+00:00"'),  # beyond a float's digits
        ("at", "unixThing", "1.7e9", '"2023-11-14T22:13:20+00:00"'),
        ("at", "unixThing", "-1.5", '"1969-12-31T23:59:58.500000+00:00"'),
        ("day", "unixThing", "1700000000", '"2023-11-14"'),
        ("at", "millisThing", "1700000000123", '"2023-11-14T22:13:20.123000+00:00"'),
        ("at", "millisThing", "1700000000123.456", '"2023-11-14T22:13:20.123456+00:00"'),
        ("seenMs", "thing", "1700000000123", '"2023-11-14T22:13:20.123000+00:00"'),
        ("seenMs", "unixThing", "1700000000123", '"2023-11-14T22:13:20.123000+00:00"'),
        ("seenDay", "thing", "1700000000123", '"2023-11-14"'),
        ("written", "unixThing", '"2026-01-02T03:04:05Z"', '"2026-01-02T03:04:05+00:00"'),
    ],
)
def test_an_instant_is_read_as_its_source_or_its_field_says(name: str, root: str, said: str, read: str) -> None:
    assert shown(name, said, root) == read


def test_a_field_and_its_source_may_spell_instants_in_two_ways_in_one_answer() -> None:
    query = "{ unixThing { at seenMs written } }"
    read = both(query, '{"at": 1, "seen": 1000, "written": "1970-01-01T00:00:01Z"}')
    same = '"1970-01-01T00:00:01+00:00"'
    assert read == f'{{"data":{{"unixThing":{{"at":{same},"seenMs":{same},"written":{same}}}}}}}'


BAD = {
    "whole": [
        "9223372036854775808",
        "-9223372036854775809",
        "1" + "0" * 30,
        "1.5",
        '"1.0"',
        '"01"',
        '" 1"',
        '""',
        "1e400",
    ],
    "price": ['""', '"1_0"', '" 1"', '"NaN"', '"Infinity"', '"0x1"', "true", '"1,5"'],
    "at": ['""', '"yesterday"', "1700000000", '"2026-02-30T00:00:00Z"', '"2026-01-02T25:00:00Z"', "{}", "true"],
    "day": ['"2026-02-30"', '"20260102"', '"2026-01-02T00:00:00Z"', "5"],
    "time": ['"25:00"', '"3:04"', "5"],
    "span": ['"P1Y"', '"P1M"', '"P"', '"PT"', '"P1DT"', '""', "60", '"P999999999999D"', '"1D"'],
    "uid": ['"x"', '"00000000000040008000000000000000"', '"{00000000-0000-4000-8000-000000000000}"', "5"],
    "url": ['"/a"', '"example.com"', '"https://"', '"https://a b"', '"http://[x"', '"http://a:99999/"', "5", '"a:b"'],
    "email": ['"ada"', '"ada@"', '"@example.com"', '"a b@example.com"', '"a@b@c"', '"a@-b"', "5"],
    "blob": ['"a"', '"aGk"', '"aGl="', '"a-_="', '"aGk=\\n"', '"\\u00e4"', "5"],
    "id": ["1.5", "true", "[]", "{}"],
}


@pytest.mark.parametrize(("name", "said"), [(name, said) for name, texts in BAD.items() for said in texts])
def test_what_is_no_value_of_the_scalar_is_the_backends_error_at_its_field(name: str, said: str) -> None:
    global answer
    answer = f'{{"{name}": {said}, "real": 1.5}}'.encode()
    for text in (sent(f"{{ thing {{ {name} real }} }}"), exactly(f"{{ thing {{ {name} real }} }}")):
        read = json.loads(text)
        assert read["data"] == {"thing": {name: None, "real": 1.5}}
        (error,) = read["errors"]
        assert error["path"] == ["thing", name]
        assert error["extensions"] == {"code": "UPSTREAM_INVALID", "source": "iso"}
        assert error["message"].startswith("iso answered ")
        assert said.strip('"') not in error["message"] or len(said) < 5


@pytest.mark.parametrize(
    "said", ["NaN", "1700000000000000", "-99999999999999", '"1"', "true", "1e300", "1e-9999999999999999999"]
)
def test_what_is_no_unix_time_is_the_backends_error(said: str) -> None:
    global answer
    answer = f'{{"at": {said}}}'.encode()
    read = json.loads(sent("{ unixThing { at } }"))
    assert [error["extensions"]["code"] for error in read["errors"]] == ["UPSTREAM_INVALID"]


def test_null_where_a_scalar_is_promised_is_an_error() -> None:
    global answer
    for said, name in ((b'{"price": null, "extra": 1}', "price"), (b'{"price": 1, "extra": null}', "extra")):
        answer = said
        read = json.loads(sent("{ strict { price extra } }"))
        assert (read["data"], [error["path"] for error in read["errors"]]) == ({"strict": None}, [["strict", name]])


@pytest.mark.parametrize(
    ("said", "read"), [("12.0", "12"), ("9007199254740993.0", "9007199254740993"), ("1e3", "1000")]
)
def test_a_whole_number_may_be_written_as_a_fraction(said: str, read: str) -> None:
    global answer
    answer = f'{{"whole": {said}}}'.encode()
    assert sent("{ thing { whole } }") == f'{{"data":{{"thing":{{"whole":"{read}"}}}}}}'


def test_a_scalar_that_is_the_whole_reply_keeps_its_digits() -> None:
    assert both("{ price }", "1.10") == '{"data":{"price":"1.10"}}'


def test_an_answer_to_a_mutation_keeps_its_digits() -> None:
    global answer
    answer = b'{"x": 12345678901234567890.123}'
    assert sent("mutation { send }") == '{"data":{"send":{"x":12345678901234567890.123}}}'


def test_python_sees_python_values_and_json_keeps_its_digits_through_it() -> None:
    global answer
    answer = b"""{
        "whole": 7, "price": 1.10, "at": "2026-01-02T03:04:05Z", "day": "2026-01-02", "time": "03:04", "span": "PT1S",
        "uid": "00000000-0000-4000-8000-000000000000", "url": "http://a.example", "blob": "aGk=", "seen": 5,
        "real": 1.5, "extra": [1.10, 12345678901234567890.123]
    }"""
    read = sent("{ thing { python extraAgain extra } }")
    kinds = "int, Decimal, datetime, date, time, timedelta, UUID, str, bytes, datetime, True"
    digits = "[1.10,12345678901234567890.123]"
    assert read == f'{{"data":{{"thing":{{"python":"{kinds}","extraAgain":{digits},"extra":{digits}}}}}}}'


# -- from the client to a backend -------------------------------------------------------------------------------------

ARGUMENTS = [
    ("whole", "Int64", "9007199254740993", "9007199254740993", "9007199254740993"),
    ("whole", "Int64", '"9007199254740993"', "9007199254740993", "9007199254740993"),
    ("whole", "Int64", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"),
    ("price", "Decimal", "1.10", '"1.10"', "1.10"),
    ("price", "Decimal", '"1.10"', '"1.10"', "1.10"),
    ("price", "Decimal", "0.12345678901234567890", '"0.12345678901234567890"', "0.12345678901234567890"),
    (
        "price",
        "Decimal",
        "123456789012345678901234567890",
        '"123456789012345678901234567890"',
        "123456789012345678901234567890",
    ),
    ("at", "DateTime", '"2026-01-02T03:04:05Z"', '"2026-01-02T03:04:05+00:00"', "2026-01-02T03:04:05+00:00"),
    ("at", "DateTime", '"2026-01-02T03:04:05"', '"2026-01-02T03:04:05"', "2026-01-02T03:04:05"),
    ("day", "Date", '"2026-01-02"', '"2026-01-02"', "2026-01-02"),
    ("time", "Time", '"03:04:05"', '"03:04:05"', "03:04:05"),
    ("span", "Duration", '"P1DT2H"', '"P1DT2H"', "P1DT2H"),
    ("uid", "UUID", *['"00000000-0000-4000-8000-00000000000a"'] * 2, "00000000-0000-4000-8000-00000000000a"),
    ("url", "URL", '"https://example.com/a?b"', '"https://example.com/a?b"', "https://example.com/a?b"),
    ("email", "Email", '"ada@example.com"', '"ada@example.com"', "ada@example.com"),
    ("blob", "Base64", '"aGk+/w=="', '"aGk+/w=="', "aGk+/w=="),
]


@pytest.mark.parametrize(("name", "kind", "given", "body", "text"), ARGUMENTS)
def test_a_backend_reads_what_a_client_says(name: str, kind: str, given: str, body: str, text: str) -> None:
    global answer
    answer = b"null"
    for place in ("send(%s)", "a: send(%s)"):
        for query, variables in (
            (f"($v: {kind}) {{ {place % f'{name}: $v'} }}", f'{{"v": {given}}}'),
            (f"{{ {place % f'{name}: {given}'} }}", None),
            (f"($v: {kind} = {given}) {{ {place % f'{name}: $v'} }}", "{}"),
        ):
            assert '"data":' in sent(f"query {query}", variables)
            assert parse_qs(urlsplit(transport.calls[-1]).query) == {name: [text]}
            assert '"errors"' not in sent(f"mutation {query}", variables)
            assert transport.bodies[-1] == f'{{"{name}":{body}}}'.encode()


@pytest.mark.parametrize(
    ("given", "body"),
    [
        ("{x: 12345678901234567890.123}", '{"x":12345678901234567890.123}'),
        ("[1.10, 1E5, 1e400, null, true]", "[1.10,1E5,1e400,null,true]"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ('{a: {b: [{c: "ä"}]}}', '{"a":{"b":[{"c":"ä"}]}}'),
        ("{kind: LARGE}", '{"kind":"LARGE"}'),
        ("null", "null"),
    ],
)
def test_json_reaches_a_backend_with_all_its_digits(given: str, body: str) -> None:
    sent(f"mutation {{ send(extra: {given}) }}")
    assert transport.bodies[-1] == f'{{"extra":{body}}}'.encode()
    sent("mutation ($v: JSON) { send(extra: $v) }", f'{{"v": {body}}}')
    assert transport.bodies[-1] == f'{{"extra":{body}}}'.encode()


def test_json_literals_may_hold_variables() -> None:
    query = "mutation ($v: Decimal, $w: JSON, $no: String) { send(extra: {a: $v, b: [$w], c: $no}) }"
    sent(query, '{"v": 1.10, "w": 2.50}')
    assert transport.bodies[-1] == b'{"extra":{"a":"1.10","b":[2.50],"c":null}}'


def test_a_float_is_a_float_however_it_is_written() -> None:
    sent("mutation ($v: Float) { send(real: $v) }", '{"v": 1.10}')
    assert transport.bodies[-1] == b'{"real":1.1}'


def test_lists_in_lists_of_scalars_reach_a_backend() -> None:
    sent("mutation ($v: [[Decimal]]) { send(grid: $v) }", '{"v": [[1.10, null], null, []]}')
    assert transport.bodies[-1] == b'{"grid":[["1.10",null],null,[]]}'
    sent("mutation { send(grid: [[1.10, null], null, []]) }")
    assert transport.bodies[-1] == b'{"grid":[["1.10",null],null,[]]}'
    sent("mutation { send(grid: 1.10) }")
    assert transport.bodies[-1] == b'{"grid":[["1.10"]]}'


@pytest.mark.parametrize(
    ("field", "given", "body"),
    [
        ("sendUnix", 'at: "2023-11-14T22:13:20Z"', b'{"at":1700000000}'),
        ("sendUnix", 'at: "2023-11-14T22:13:20.5Z"', b'{"at":1700000000.5}'),
        ("sendUnix", 'at: "9999-12-31T23:59:59.999999Z"', b'{"at":253402300799.999999}'),
        ("sendUnix", 'at: "1969-12-31T23:59:58.5Z"', b'{"at":-1.5}'),
        ("sendUnix", 'at: "1970-01-01T00:00:00Z"', b'{"at":0}'),
        ("sendUnix", 'day: "1970-01-02"', b'{"day":86400}'),
        ("sendUnix", 'ats: ["1970-01-01T00:00:01Z"]', b'{"ats":[1]}'),
        ("sendUnix", "price: 1.10", b'{"price":1.10}'),
        ("sendUnix", 'price: "1e400"', b'{"price":1E+400}'),
        ("sendMillis", 'at: "2023-11-14T22:13:20.123Z"', b'{"at":1700000000123}'),
        ("sendMillis", 'at: "1970-01-01T00:00:00.000001Z"', b'{"at":0.001}'),
        ("sendMillis", 'day: "1970-01-02"', b'{"day":86400000}'),
    ],
)
def test_arguments_are_spelled_as_their_source_reads_them(field: str, given: str, body: bytes) -> None:
    sent(f"mutation {{ {field}({given}) }}")
    assert transport.bodies[-1] == body


def test_numbers_of_a_source_stand_in_urls_as_they_stand_in_bodies() -> None:
    sent('{ sendUnix(at: "2023-11-14T22:13:20.5Z", price: 1.10, day: "1970-01-02") }')
    assert transport.calls[-1] == "GET /send?price=1.10&at=1700000000.5&day=86400"


def test_python_resolvers_are_given_python_values() -> None:
    query = '{ double(whole: "4611686018427387904", price: 1.10, span: "PT1H", blob: "aGk=", extra: {a: 1.10}) }'
    read = '{"whole":9223372036854775808,"price":"2.20","span":"2:00:00","blob":2,"extra":{"a":1.10}}'
    assert sent(query) == f'{{"data":{{"double":{read}}}}}'


KINDS = {name: kind for name, kind, *_ in ARGUMENTS}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        (name, given)
        for name, texts in BAD.items()
        if name != "id"
        for given in texts
        if not (name == "price" and given == "1e400")
    ],
)
def test_what_is_no_value_of_the_scalar_is_the_clients_error(name: str, given: str) -> None:
    calls = len(transport.calls)
    kind = KINDS[name]
    read = json.loads(sent(f"query ($v: {kind}) {{ send({name}: $v) }}", f'{{"v": {given}}}'))
    assert [error["extensions"]["code"] for error in read["errors"]] == ["BAD_USER_INPUT"]
    assert read["errors"][0]["message"].startswith("Variable '$v' has invalid value")
    assert kind in read["errors"][0]["message"]
    read = json.loads(sent(f"{{ send({name}: {given}) }}"))
    assert [error["extensions"]["code"] for error in read["errors"]] == ["GRAPHQL_VALIDATION_FAILED"]
    assert len(transport.calls) == calls


def test_an_integer_of_too_many_digits_is_the_clients_error() -> None:
    for kind, name in (("Int64", "whole"), ("Decimal", "price")):
        read = json.loads(sent(f"{{ send({name}: {'9' * 5000}) }}"))
        assert [error["extensions"]["code"] for error in read["errors"]] == ["GRAPHQL_VALIDATION_FAILED"], kind


def test_variables_of_a_get_keep_their_digits() -> None:
    query = urlencode({"query": "query ($v: Decimal) { send(price: $v) }", "variables": '{"v": 1.10}'})
    asyncio.run(weft.engine.answer(parse_query(query.encode()), {}, lambda: None, key=object()))
    assert transport.calls[-1] == "GET /send?price=1.10"


def test_scalars_are_keys() -> None:
    uid, big = "00000000-0000-4000-8000-00000000000a", 2**60 + 1

    def backend(method: str, target: str, body: bytes | None) -> Json:
        if target.startswith("/parts"):
            return [{"id": big, "name": "P"}]
        return {"id": uid, "part_ids": [big, 5, big]} if target == f"/kits/{uid}" else (404, {})

    calls = FakeTransport(backend)
    source = Rest("keyed", "http://keyed.example", client=calls)

    @source.entity(get="/parts/{id}", batch="/parts{?id*}")
    class Part:
        id: Int64
        name: str

    members = {"__annotations__": {"id": uuid.UUID, "parts": list[Part | None]}, "parts": link("part_ids")}
    kit = source.entity(get="/kits/{id}")(type("Kit", (), members))

    def find(self: Any, id: Any) -> Any: ...

    find.__annotations__ = {"id": uuid.UUID, "return": kit | None}
    graph = Graph(query=strawberry.type(type("Query", (), {"kit": source.get("/kits/{id}")(find)})))
    read = asyncio.run(graph.execute(f'{{ kit(id: "{uid.upper()}") {{ id parts {{ id name }} }} }}'))
    part = {"id": str(big), "name": "P"}
    assert read == {"data": {"kit": {"id": uid, "parts": [part, None, part]}}}
    assert calls.calls == [f"GET /kits/{uid}", f"GET /parts?id={big}&id=5"]
    assert graph.engine.exact_answers == 0


# -- round trips ------------------------------------------------------------------------------------------------------


def quoted(value: object) -> str:
    return json.dumps(str(value))


INSTANTS = st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-7, minutes=30))]))
WRITTEN = st.from_regex(r"-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
DIGITS = WRITTEN.filter(lambda text: text != "-0")  # a whole number has no negative zero
SPANS = st.timedeltas(min_value=dt.timedelta(days=-(10**9) + 1), max_value=dt.timedelta(days=10**9 - 1))
NUMBERS: st.SearchStrategy[str] = st.one_of(DIGITS, st.integers().map(str))
TREES = st.recursive(
    st.one_of(NUMBERS, st.sampled_from(["null", "true", '"x"', '"\\u00e4"'])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda items: "{" + ",".join(f'"{name}":{item}' for name, item in items.items()) + "}"
        ),
    ),
    max_leaves=6,
)


@given(st.integers(-(2**63), 2**63 - 1))
def test_int64_round_trips(value: int) -> None:
    assert shown("whole", str(value)) == quoted(value)
    round_trips("whole", "Int64", quoted(value), str(value))


@given(DIGITS)
def test_decimals_round_trip(text: str) -> None:
    number = decimal.Decimal(text)
    assert decimal.Decimal(json.loads(shown("price", text))).as_tuple() == number.as_tuple()
    round_trips("price", "Decimal", shown("price", text), quoted(number))


@given(INSTANTS)
def test_instants_round_trip(value: dt.datetime) -> None:
    assert shown("at", quoted(value.isoformat())) == quoted(value.isoformat())
    round_trips("at", "DateTime", quoted(value.isoformat()), quoted(value.isoformat()))


@given(
    st.datetimes(timezones=st.just(dt.UTC)), st.sampled_from([("unixThing", "sendUnix"), ("millisThing", "sendMillis")])
)
def test_unix_times_round_trip(value: dt.datetime, names: tuple[str, str]) -> None:
    root, write = names
    sent(f"mutation {{ {write}(at: {quoted(value.isoformat())}) }}")
    said = (transport.bodies[-1] or b"").decode().removeprefix('{"at":').removesuffix("}")
    assert shown("at", said, root) == quoted(value.isoformat())


@given(st.dates(), st.times(), SPANS, st.uuids(), st.binary())
def test_other_scalars_round_trip(day: dt.date, time: dt.time, span: dt.timedelta, uid: uuid.UUID, blob: bytes) -> None:
    for name, kind, said in (
        ("day", "Date", day.isoformat()),
        ("time", "Time", time.isoformat()),
        ("uid", "UUID", str(uid)),
        ("blob", "Base64", base64.b64encode(blob).decode()),
    ):
        assert shown(name, quoted(said)) == quoted(said)
        round_trips(name, kind, quoted(said), quoted(said))
    micros = span // dt.timedelta(microseconds=1)
    said = f"{'-' * (micros < 0)}PT{abs(micros) // 10**6}.{abs(micros) % 10**6:06d}S"
    read = shown("span", quoted(said))
    assert shown("span", read) == read
    round_trips("span", "Duration", quoted(said), read)


@given(TREES)
def test_json_round_trips(text: str) -> None:
    assert shown("extra", text) == json.dumps(json.loads(text, parse_float=Raw, parse_int=Raw), cls=Digits)
    sent("mutation ($v: JSON) { send(extra: $v) }", f'{{"v": {text}}}')
    assert transport.bodies[-1] == f'{{"extra":{shown("extra", text)}}}'.encode()


class Raw(str):
    """A number as it is written."""


class Digits(json.JSONEncoder):
    """Writes numbers as they were written, and everything else as the server does."""

    def encode(self, value: Json) -> str:
        if isinstance(value, Raw):
            return "0" if value == "-0" else value
        if isinstance(value, dict):
            return "{" + ",".join(f"{json.dumps(name)}:{self.encode(item)}" for name, item in value.items()) + "}"
        if isinstance(value, list):
            return f"[{','.join(map(self.encode, value))}]"
        return json.dumps(value, ensure_ascii=False)


def round_trips(name: str, kind: str, given: str, body: str) -> None:
    """Send a value as a variable and as a literal; the backend is sent the same."""
    sent(f"mutation ($v: {kind}) {{ send({name}: $v) }}", f'{{"v": {given}}}')
    assert transport.bodies[-1] == f'{{"{name}":{body}}}'.encode()
    sent(f"mutation {{ send({name}: {given}) }}")
    assert transport.bodies[-1] == f'{{"{name}":{body}}}'.encode()


# -- lists in lists, as graphql-core completes them -------------------------------------------------------------------

LEAVES: dict[str, list[Json]] = {
    "whole": [1, 2**60, "5", 2**63, "x", 1.5, True],
    "price": [1, 1.5, "1.10", "", True],
    "at": ["2026-01-02T03:04:05Z", "x", 5],
    "span": ["PT1H", "P1Y", 5],
    "uid": [str(uuid.UUID(int=5)), "x"],
    "extra": [1, "x", {"a": [1]}, [1.5], True],
    "blob": ["aGk=", "a", 5],
    "id": [1, "x", 10**30, 1.5, 4.0, True],
    "real": [1, 1.5, "x", True, 2**60],
    "size": ["s", "l", "x", 5, {}],
    "cubes": [1, "1.10", "x"],
}


@st.composite
def grids(draw: st.DrawFn) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, leaves in LEAVES.items():
        item: st.SearchStrategy[Json] = st.sampled_from([*[leaves[0]] * 6, None, *leaves])
        row: st.SearchStrategy[Json] = st.lists(item, max_size=3)
        grid: st.SearchStrategy[Json] = st.lists(st.one_of(row, row, st.none()), max_size=3)
        if name == "cubes":
            grid = st.lists(st.one_of(st.none(), grid), max_size=2)
        found[name] = draw(st.one_of(grid, grid, grid, st.sampled_from([None, [5], {}, "x"])))
    return found


def completed(kind: Any, value: Json) -> Json:
    """Give a JSON value as graphql-core is to complete it: leaves read, an exception wherever one cannot be."""
    if isinstance(kind, graphql.GraphQLNonNull):
        return completed(kind.of_type, value)
    if value is None:
        return None
    if isinstance(kind, graphql.GraphQLList):
        if not isinstance(value, list):
            return ValueError("no list")
        return [completed(kind.of_type, item) for item in value]
    try:
        if isinstance(kind, graphql.GraphQLEnumType):
            return Size(value)
        return value if graphql.is_specified_scalar_type(kind) else kind.parse_value(value)
    except Exception as exc:
        return exc


@given(grids())
def test_lists_in_lists_are_completed_as_graphql_core_completes_them(said: dict[str, Json]) -> None:
    global answer
    declared = weft.schema.type_map["Grids"]
    assert isinstance(declared, graphql.GraphQLObjectType)
    fields = {
        name: graphql.GraphQLField(element.type, resolve=lambda root, info: root[info.field_name])
        for name, element in declared.fields.items()
    }
    kind = graphql.GraphQLObjectType("Grids", fields)
    query = graphql.GraphQLObjectType("Query", {"grids": graphql.GraphQLField(kind, resolve=lambda *_: values)})
    values = {name: completed(element.type, said[name]) for name, element in declared.fields.items()}
    text = f"{{ grids {{ {' '.join(fields)} }} }}"
    result = graphql.execute_sync(graphql.GraphQLSchema(query), graphql.parse(text))
    expected = (json.dumps(result.data), sorted(str(error.path) for error in result.errors or ()))
    answer = json.dumps(said).encode()
    before = weft.engine.compiled_answers
    for read in (json.loads(sent(text)), json.loads(exactly(text))):
        assert (json.dumps(read["data"]), sorted(str(e["path"]) for e in read.get("errors", ()))) == expected
    if not result.errors:
        assert weft.engine.compiled_answers == before + 1, "sound lists took the slow way"


# -- the schema -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DateTime", "https://datatracker.ietf.org/doc/html/rfc3339"),
        ("Duration", "https://datatracker.ietf.org/doc/html/rfc3339#appendix-A"),
        ("UUID", "https://datatracker.ietf.org/doc/html/rfc9562"),
        ("URL", "https://url.spec.whatwg.org/"),
        ("Email", "https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address"),
        ("JSON", "https://datatracker.ietf.org/doc/html/rfc8259"),
        ("Base64", "https://datatracker.ietf.org/doc/html/rfc4648#section-4"),
    ],
)
def test_the_schema_says_where_a_scalar_is_specified(name: str, url: str) -> None:
    assert f'"""\nscalar {name} @specifiedBy(url: "{url}")\n' in weft.sdl() + "\n"
    read = json.loads(sent(f'{{ __type(name: "{name}") {{ specifiedByURL }} }}'))
    assert read == {"data": {"__type": {"specifiedByURL": url}}}


def test_every_scalar_has_a_description() -> None:
    scalars = [kind for kind in weft.schema.type_map.values() if isinstance(kind, graphql.GraphQLScalarType)]
    assert [kind.name for kind in scalars if not kind.description] == []
    assert {"Int64", "Decimal", "Date", "Time"} <= {kind.name for kind in scalars}


def test_defaults_are_printed_as_literals_and_sent_when_left_out() -> None:
    @strawberry.type
    class Query:
        @iso.post("/send")
        def send(
            self,
            whole: Int64 = Int64(2**60),  # noqa: B008  # a name for an int
            price: decimal.Decimal = decimal.Decimal("1.10"),  # immutable
            span: dt.timedelta = dt.timedelta(hours=36),  # immutable
            blob: bytes = b"hi",
            extra: JSON = {"a": [1, 2.5, None, True, "x"]},  # type: ignore[assignment]  # noqa: B006  # JSON
        ) -> JSON | None: ...

    graph = Graph(query=Query)
    assert 'whole: Int64! = "1152921504606846976"' in graph.sdl()
    assert 'price: Decimal! = "1.10", span: Duration! = "P1DT12H", blob: Base64! = "aGk="' in graph.sdl()
    assert 'extra: JSON! = { a: [1, 2.5, null, true, "x"] }' in graph.sdl()
    assert asyncio.run(graph.execute("{ send }"))["data"] is not None
    assert transport.bodies[-1] == (
        b'{"blob":"aGk=","extra":{"a":[1,2.5,null,true,"x"]},"price":"1.10","span":"P1DT12H",'
        b'"whole":1152921504606846976}'
    )


def test_strawberrys_own_names_for_scalars_are_the_same_scalars() -> None:
    @strawberry.type
    class Query:
        @iso.get("/a")
        def a(self) -> strawberry.scalars.Base64 | None: ...

        @iso.get("/b")
        def b(self) -> bytes | None: ...

        @iso.get("/c")
        def c(self) -> strawberry.scalars.JSON | None: ...

    kinds = Graph(query=Query).schema.query_type.fields  # type: ignore[union-attr]  # there is one
    assert kinds["a"].type is kinds["b"].type
    assert str(kinds["c"].type) == "JSON"


def test_a_spelling_of_instants_on_something_else_is_a_fault() -> None:
    with pytest.raises(Exception, match=r"Wrong\.name: timestamps is for a DateTime or Date, but the field is String!"):
        Graph(query=wrong(str, timestamps="unix"))
    with pytest.raises(Exception, match=r"Wrong\.name: timestamps='later': expected 'iso', 'unix' or 'unix_ms'"):
        Graph(query=wrong(dt.datetime, timestamps="later"))


def wrong(kind: Any, **options: Any) -> type[Any]:
    members = {"__annotations__": {"name": kind}, "name": field(**options)}

    def found(self: Any) -> Any: ...

    found.__annotations__["return"] = strawberry.type(type("Wrong", (), members))
    return strawberry.type(type("Query", (), {"found": iso.get("/wrong")(found)}))


def test_a_source_with_an_unknown_spelling_of_decimals_is_a_fault() -> None:
    spelled: Any = "comma"
    assert Rest("s", "http://s.example", decimals=spelled).faults == [
        "source 's': decimals='comma': expected 'string' or 'number'"
    ]
