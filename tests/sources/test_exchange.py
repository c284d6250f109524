"""An address is checked before it is used, a header cannot be injected, and no message tells what is secret."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from sources import (
    ApiKey,
    Basic,
    Bearer,
    DeclarationError,
    FakeTransport,
    InvalidInput,
    Rest,
    SourceError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from sources.transport import TransportInvalid, TransportTimeout, TransportUnavailable


def echo() -> FakeTransport:
    return FakeTransport(lambda method, target, body: {})


# -- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://s.example", "GET /a"),
        ("http://s.example/", "GET /a"),
        ("HTTP://s.example", "GET /a"),
        ("https://s.example:8443/v1", "GET /v1/a"),
        ("https://s.example/v1///", "GET /v1/a"),
        ("http://[::1]:80/v1", "GET /v1/a"),
        ("http://127.0.0.1:9001", "GET /a"),
        ("http://s.example?", "GET /a"),
    ],
)
async def test_a_base_address_may_have_a_port_and_a_prefix(url: str, asked: str) -> None:
    fake = echo()
    source = Rest("s", url, client=fake)
    assert source.faults == []
    await source.send("GET", "/a")
    assert fake.calls == [asked]


@pytest.mark.parametrize(
    "url",
    ["", "s.example", "/v1", "//s.example", "ftp://s.example", "file:///etc/passwd", "http://", "http:///a", "http:s",
     "http://s:99999", "http://s:port", "http://[::1", "http://s/?a=1", "http://s/#f", "http://u@s", "http://u:p@s",
     "http://:p@s", "javascript:x", None],
)  # fmt: skip  # one line per kind
def test_an_impossible_base_address_is_a_fault(url: Any) -> None:
    (fault,) = Rest("s", url).faults
    assert fault.startswith("source 's': ")
    assert "address" in fault


# -- headers and parameters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1\r\nx-b: 2", "1\n", "\r", "\0", "a\x7f", "\x1b[0m", "€", "\ud800"])
async def test_a_header_that_could_end_early_is_refused_before_anything_is_sent(value: str) -> None:
    fake = echo()
    with pytest.raises(InvalidInput, match=r"^x-a: ") as refused:
        await Rest("s", "http://s.example", client=fake).send("GET", "/a", [("x-ok", "1"), ("x-a", value)])
    assert value not in str(refused.value)
    assert fake.calls == []


@pytest.mark.parametrize("value", ["", "plain", "a\tb", " spaced ", 'quoted "x"; a=b, c'])
async def test_an_ordinary_header_value_arrives_as_it_is(value: str) -> None:
    fake = echo()
    await Rest("s", "http://s.example", client=fake).send("GET", "/a", [("x-a", value)])
    assert fake.headers == [{"x-a": value}]


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "content-length", "content-type", "a b", "a:b", "a\r\nb", "", "é"),
        *("CONNECTION", "Transfer-Encoding", "Keep-Alive", "TE", "trailer", "Upgrade", "Expect", "HTTP2-Settings"),
        *("Proxy-Authorization", "Proxy-Authenticate", "proxy-connection", "Proxy-Authentication-Info"),
    ],
)
def test_headers_of_the_transport_can_be_neither_set_nor_forwarded(name: str) -> None:
    said = [f"source 's': {name!r} is not a header that a graph may set or forward"]
    assert Rest("s", "http://s.example", headers={name: "x"}).faults == said
    assert Rest("s", "http://s.example", forward=[name]).faults == said


async def test_fixed_forwarded_and_credential_headers_come_together() -> None:
    fake = echo()
    source = Rest("s", "http://s.example", client=fake, headers={"x-app": "weft"}, auth=ApiKey("x-key", value="k"))
    await source.send("POST", "/a", [("x-tenant", "t1")], b"{}")
    await source.send("GET", "/a")
    assert fake.headers == [
        {"x-app": "weft", "x-key": "k", "x-tenant": "t1", "content-type": "application/json"},
        {"x-app": "weft", "x-key": "k"},
    ]


async def test_headers_of_one_request_are_not_in_the_next() -> None:
    fake = echo()
    source = Rest("s", "http://s.example", client=fake, forward=["x-user"])
    await asyncio.gather(*(source.send("GET", f"/{n}", [("x-user", str(n))] if n % 2 else ()) for n in range(6)))
    assert fake.headers == [{"x-user": str(n)} if n % 2 else {} for n in range(6)]


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("/a", "GET /a?key=a%26b%3D%23"),
        ("/a?x=1", "GET /a?x=1&key=a%26b%3D%23"),
        ("/a?x=%3F", "GET /a?x=%3F&key=a%26b%3D%23"),
        ("/%3Fa", "GET /%3Fa?key=a%26b%3D%23"),
    ],
)
async def test_a_fixed_parameter_joins_the_query(target: str, asked: str) -> None:
    fake = echo()
    source = Rest("s", "http://s.example", client=fake, auth=ApiKey(query="key", value="a&b=#"))
    await source.send("GET", target)
    await source.send("GET", target)
    assert fake.calls == [asked, asked]


# -- failures ---------------------------------------------------------------------------------------------------------


async def refused_by(fake: FakeTransport, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as failed:
        await Rest("shop", "http://u.example/private-prefix", client=fake, **options).send("GET", "/secret-path?key=k")
    return failed.value


@pytest.mark.parametrize(
    ("raised", "code", "said", "retryable"),
    [
        (TransportTimeout("at 10.0.0.1"), "UPSTREAM_TIMEOUT", "shop did not answer in time", True),
        (TransportUnavailable("at 10.0.0.1"), "UPSTREAM_UNAVAILABLE", "shop cannot be reached", True),
        (TransportInvalid("at 10.0.0.1"), "UPSTREAM_INVALID", "shop did not answer in HTTP", False),
    ],
)
async def test_a_failure_is_told_in_the_sources_own_name(
    raised: Exception, code: str, said: str, retryable: bool
) -> None:
    failure = await refused_by(FakeTransport({"GET /private-prefix/secret-path?key=k": raised}))
    assert (failure.code, str(failure), failure.retryable, failure.source, failure.status) == (
        code,
        said,
        retryable,
        "shop",
        None,
    )


@pytest.mark.parametrize(
    "auth",
    [Bearer("hunter2"), Basic("me", "hunter2"), ApiKey("x-key", value="hunter2"), ApiKey(query="k", value="hunter2")],
)
async def test_no_credential_is_in_messages_representations_or_logs(
    auth: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake = FakeTransport(lambda method, target, body: TransportUnavailable(target))
    source = Rest("s", "http://s.example", client=fake, auth=auth)
    with pytest.raises(UpstreamUnavailable) as failed:
        await source.send("GET", "/a")
    for text in (
        str(failed.value),
        repr(failed.value),
        repr(source),
        repr(auth),
        str(auth),
        caplog.text,
        *source.faults,
    ):
        assert "hunter2" not in text


async def test_a_missing_environment_variable_is_named_before_and_when_it_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SHOP_KEY", raising=False)
    fake = echo()
    source = Rest("s", "http://s.example", client=fake, auth=ApiKey("x-key", env="SHOP_KEY"))
    assert source.missing() == ["the environment variable SHOP_KEY is not set"]
    with pytest.raises(DeclarationError, match="SHOP_KEY is not set"):
        await source.send("GET", "/a")
    assert fake.calls == []
    monkeypatch.setenv("SHOP_KEY", "k")
    await source.send("GET", "/a")
    assert fake.headers == [{"x-key": "k"}]


# -- retries ----------------------------------------------------------------------------------------------------------


def answering(*answers: Any) -> FakeTransport:
    left = list(answers)
    return FakeTransport(lambda method, target, body: left.pop(0) if len(left) > 1 else left[0])


LATER: Any = (503, {}, {"Retry-After": "0"})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_is_repeated_until_it_succeeds(method: str) -> None:
    fake = answering(LATER, (429, {}, {"Retry-After": "0"}), {})
    reply = await Rest("s", "http://s.example", client=fake, retries=3).send(method, "/a")
    assert (reply.status, fake.calls) == (200, [f"{method} /a"] * 3)


async def test_a_read_is_what_the_graph_declares_as_one() -> None:
    fake = answering(LATER, {})
    source = Rest("s", "http://s.example", client=fake, retries=3)
    assert (await source.send("POST", "/search", body=b"{}", reads=True)).status == 200
    assert fake.calls == ["POST /search"] * 2
    fake = answering(LATER, {})
    source = Rest("s", "http://s.example", client=fake, retries=3)
    assert (await source.send("GET", "/unsubscribe", reads=False)).status == 503
    assert fake.calls == ["GET /unsubscribe"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_a_write_that_may_have_happened_is_never_repeated(method: str) -> None:
    for answer in (LATER, TransportTimeout(), TransportUnavailable()):
        fake = answering(answer)
        source = Rest("s", "http://s.example", client=fake, retries=3)
        if isinstance(answer, Exception):
            with pytest.raises(SourceError):
                await source.send(method, "/a", body=b"{}")
        else:
            assert (await source.send(method, "/a", body=b"{}")).status == 503
        assert len(fake.calls) == 1


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 404, 500, 501])
async def test_a_status_that_time_does_not_change_is_given_at_once(status: int) -> None:
    fake = answering((status, {}))
    assert (await Rest("s", "http://s.example", client=fake, retries=3).send("GET", "/a")).status == status
    assert len(fake.calls) == 1


async def test_the_last_reply_is_given_when_retries_run_out() -> None:
    fake = answering(LATER)
    assert (await Rest("s", "http://s.example", client=fake, retries=2).send("GET", "/a")).status == 503
    assert len(fake.calls) == 3


@pytest.mark.parametrize("wait", ["99999", "60", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_a_wait_beyond_the_timeout_is_not_waited_for(wait: str) -> None:
    fake = answering((503, {}, {"Retry-After": wait}))
    assert (await Rest("s", "http://s.example", client=fake, retries=2, timeout=1).send("GET", "/a")).status == 503
    assert len(fake.calls) == 1


async def test_what_is_no_http_is_not_asked_again() -> None:
    fake = answering(TransportInvalid())
    with pytest.raises(SourceError, match="did not answer in HTTP"):
        await Rest("s", "http://s.example", client=fake, retries=3).send("GET", "/a")
    assert len(fake.calls) == 1


@pytest.mark.parametrize("wait", ["", "soon", "-1", "1.5e9", "Wed, 21 Oct 2015 07:28:00 GMT", "x" * 400])
async def test_a_wait_that_is_over_or_cannot_be_read_is_as_none(wait: str) -> None:
    fake = answering((503, {}, {"Retry-After": wait}), {})
    assert (await Rest("s", "http://s.example", client=fake, retries=1).send("GET", "/a")).status == 200
    assert len(fake.calls) == 2


async def test_a_caller_that_gives_up_is_not_asked_for() -> None:
    asked = asyncio.Event()

    def answer(method: str, target: str, body: bytes | None) -> Any:
        asked.set()
        return 503, {}, {"Retry-After": "5"}

    fake = FakeTransport(answer)
    sending = asyncio.create_task(Rest("s", "http://s.example", client=fake, retries=5).send("GET", "/a"))
    await asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert fake.calls == ["GET /a"]


async def test_attempts_share_one_timeout() -> None:
    class Never:
        calls = 0

        async def send(self, method: str, url: str, headers: Any, body: Any) -> Any:
            self.calls += 1
            await asyncio.Event().wait()

        def stream(self, method: str, url: str, headers: Any) -> Any: ...

        async def aclose(self) -> None: ...

    never = Never()
    with pytest.raises(UpstreamTimeout, match="s did not answer in time"):
        await Rest("s", "http://s.example", client=never, retries=5, timeout=0.05).send("GET", "/a")
    assert never.calls == 1


# -- known faults -----------------------------------------------------------------------------------------------------


async def test_a_superscript_wait_cannot_break_a_request() -> None:
    fake = answering((503, {}, {"Retry-After": "\xb2"}), {})
    assert (await Rest("s", "http://s.example", client=fake, retries=1).send("GET", "/a")).status == 200


def test_a_fault_of_an_address_does_not_tell_its_password() -> None:
    (fault,) = Rest("s", "http://me:hunter2@s.example").faults
    assert "hunter2" not in fault


def test_a_representation_does_not_tell_a_password() -> None:
    assert "hunter2" not in repr(Rest("s", "http://me:hunter2@s.example"))


@pytest.mark.parametrize("url", ["http://s x/", "http://s.example/a b", "http://s\n.example", "http://s.example/a\\b"])
def test_an_address_with_spaces_breaks_or_backslashes_is_a_fault(url: str) -> None:
    assert len(Rest("s", url).faults) == 1


async def test_one_request_has_one_authorization() -> None:
    sent: list[tuple[str, str]] = []

    class Recording(FakeTransport):
        async def send(self, method: str, url: str, headers: Any, body: Any) -> Any:
            sent.extend(headers)
            return await super().send(method, url, headers, body)

    source = Rest("s", "http://s.example", client=Recording({}), auth=Bearer("gateway"), forward=["authorization"])
    if not source.faults:
        await source.send("GET", "/a", [("authorization", "Bearer client")])
        assert [name for name, _ in sent] == ["authorization"]
