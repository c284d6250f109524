"""Security schemes are credentials from the environment: chosen by what is set, told where it is not, never shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from sources import ApiKey, Basic, Bearer, Credentials, DeclarationError, FakeTransport, Manner, OAuth2, Rest
from sources.openapi.security import Security
from tests.sources.raw import Request, reply, speaking

SCHEMES: dict[str, Mapping[str, Any]] = {
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "queryKey": {"type": "apiKey", "in": "query", "name": "api_key"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "login": {"type": "http", "scheme": "Basic"},
    "bearerAuth": {"type": "http", "scheme": "bearer"},
    "OAuth2": {
        "type": "oauth2",
        "flows": {"clientCredentials": {"tokenUrl": "http://tokens.example/token", "scopes": {}}, "implicit": {}},
    },
    "codes": {"type": "oauth2", "flows": {"authorizationCode": {"tokenUrl": "http://tokens.example/t"}}},
    "oidc": {"type": "openIdConnect", "openIdConnectUrl": "http://i.example"},
}


def security(*default: tuple[str, ...]) -> Security:
    return Security("pets", SCHEMES, default, base="http://pets.example/v1")


async def sent(credentials: Credentials, target: str = "/a", **options: Any) -> tuple[str, dict[str, str]]:
    fake = FakeTransport(lambda method, target, body: {"access_token": "t"} if "token" in target else {})
    source = Rest("pets", "http://pets.example", client=fake, **options)
    await source.send("GET", target, manner=Manner(auth=credentials))
    return fake.calls[-1], {name.lower(): value for name, value in fake.headers[-1].items()}


# -- one scheme -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "variables", "call", "headers"),
    [
        ("key", {"PETS_KEY": "k"}, "GET /a", {"x-key": "k"}),
        ("queryKey", {"PETS_QUERY_KEY": "k&y"}, "GET /a?api_key=k%26y", {}),
        ("session", {"PETS_SESSION": "k=="}, "GET /a", {"cookie": "sid=k=="}),
        (
            "login",
            {"PETS_LOGIN_USERNAME": "Aladdin", "PETS_LOGIN_PASSWORD": "open sesame"},
            "GET /a",
            {"authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        ),
        ("bearerAuth", {"PETS_BEARER_AUTH": "t"}, "GET /a", {"authorization": "Bearer t"}),
        ("OAuth2", {"PETS_OAUTH2": "given"}, "GET /a", {"authorization": "Bearer given"}),
        ("codes", {"PETS_CODES": "given"}, "GET /a", {"authorization": "Bearer given"}),
        ("oidc", {"PETS_OIDC": "given"}, "GET /a", {"authorization": "Bearer given"}),
    ],
)
async def test_a_scheme_is_sent_as_its_kind_says(
    scheme: str,
    variables: dict[str, str],
    call: str,
    headers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = security()
    assert await sent(found.of([(scheme,)])) == ("GET /a", {})
    assert len(found.unset()) == 1
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert await sent(found.of([(scheme,)])) == (call, headers)
    assert found.unset() == []


async def test_client_credentials_come_before_a_token_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETS_OAUTH2", "given")
    monkeypatch.setenv("PETS_OAUTH2_CLIENT_ID", "me")
    monkeypatch.setenv("PETS_OAUTH2_CLIENT_SECRET", "s")
    asked: list[Request] = []

    async def answer(request: Request) -> bytes:
        asked.append(request)
        return reply({"access_token": f"t{len(asked)}"}) if request.target == "/token" else reply(status=200)

    async with speaking(answer) as address:
        flows = {"clientCredentials": {"tokenUrl": "/token"}}
        found = Security("pets", {"OAuth2": {"type": "oauth2", "flows": flows}}, [("OAuth2",)], base=f"{address}/v1")
        source = Rest("pets", f"{address}/v1")
        assert (await source.send("GET", "/a", manner=Manner(auth=found.of(None)))).status == 200
        await source.aclose()
    assert [(request.method, request.target) for request in asked] == [("POST", "/token"), ("GET", "/v1/a")]
    assert asked[0].all("authorization") == ["Basic " + base64.b64encode(b"me:s").decode()]
    assert asked[1].all("authorization") == ["Bearer t1"]


@pytest.mark.parametrize(
    ("scheme", "reason"),
    [
        ({"type": "mutualTLS"}, "mutual TLS needs a certificate: give tls=, or a client that has it"),
        ({"type": "http", "scheme": "digest"}, "HTTP authentication 'digest' is not supported; basic and bearer are"),
        ({"type": "apiKey", "in": "body", "name": "k"}, "an API key needs a name, and a place that is header, "),
        ({"type": "apiKey", "in": "header"}, "an API key needs a name, and a place that is header, query or cookie"),
        ({"type": "apiKey", "in": "header", "name": "Host"}, "'Host' is not a header that a graph may set or forward"),
        ({"type": "apiKey", "in": "cookie", "name": "a b"}, "'a b' is not a cookie's name"),
        ({"type": "unheard"}, "a security scheme of type 'unheard' is not known"),
        ({}, "a security scheme of type None is not known"),
    ],
)
async def test_what_cannot_be_done_is_said_and_nothing_is_sent(scheme: dict[str, Any], reason: str) -> None:
    found = Security("pets", {"odd": scheme}, [("odd",)])
    assert found.unsupported["odd"].startswith(reason)
    assert await sent(found.of(None)) == ("GET /a", {})
    assert found.unset() == []


def test_a_scheme_that_the_document_does_not_describe_is_said() -> None:
    found = security(("ghost",))
    assert found.of(None).chosen() == ()
    assert found.unsupported == {"ghost": "the document names it and does not say what it is"}


def test_a_token_endpoint_without_an_address_leaves_a_token_from_elsewhere() -> None:
    flows = {"clientCredentials": {"tokenUrl": "/token"}}
    found = Security("pets", {"o": {"type": "oauth2", "flows": flows}}, [("o",)])
    found.of(None)
    assert (found.unset(), found.unsupported) == (["o: set PETS_O"], {})


# -- several ----------------------------------------------------------------------------------------------------------


async def test_the_first_alternative_that_is_all_there_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    found = security(("key", "login"), ("bearerAuth",))
    assert found.of(None) is found.of([("key", "login"), ("bearerAuth",)])
    monkeypatch.setenv("PETS_KEY", "k")
    assert await sent(found.of(None)) == ("GET /a", {})
    monkeypatch.setenv("PETS_BEARER_AUTH", "t")
    assert await sent(found.of(None)) == ("GET /a", {"authorization": "Bearer t"})
    monkeypatch.setenv("PETS_LOGIN_USERNAME", "u")
    monkeypatch.setenv("PETS_LOGIN_PASSWORD", "p")
    assert await sent(found.of(None)) == ("GET /a", {"x-key": "k", "authorization": "Basic dTpw"})


async def test_each_operation_sends_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETS_KEY", "k")
    monkeypatch.setenv("PETS_QUERY_KEY", "q")
    monkeypatch.setenv("PETS_SESSION", "s")
    found = security(("key",))
    fake = FakeTransport({})
    source = Rest("pets", "http://pets.example", client=fake, auth=Bearer("own"))
    for requirements in (None, [], [("queryKey", "session")]):
        await source.send("GET", "/a?x=1", manner=Manner(auth=found.of(requirements)))
    await source.send("GET", "/a", manner=Manner())
    assert fake.calls == ["GET /a?x=1", "GET /a?x=1", "GET /a?x=1&api_key=q", "GET /a"]
    assert fake.headers == [{"X-Key": "k"}, {}, {"cookie": "sid=s"}, {"authorization": "Bearer own"}]


async def test_credentials_that_may_be_left_out_are_sent_where_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    found = security((), ("key",))
    assert await sent(found.of(None)) == ("GET /a", {})
    assert found.unset() == []
    monkeypatch.setenv("PETS_KEY", "k")
    assert await sent(found.of(None)) == ("GET /a", {"x-key": "k"})


async def test_what_goes_with_mutual_tls_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    schemes = {**SCHEMES, "tls": {"type": "mutualTLS"}}
    monkeypatch.setenv("PETS_KEY", "k")
    assert await sent(Security("pets", schemes).of([("tls", "key")])) == ("GET /a", {"x-key": "k"})


async def test_two_cookies_of_credentials_are_one_header(monkeypatch: pytest.MonkeyPatch) -> None:
    schemes = {name: {"type": "apiKey", "in": "cookie", "name": name} for name in ("a", "b")}
    monkeypatch.setenv("PETS_A", "1")
    monkeypatch.setenv("PETS_B", "2")
    assert await sent(Security("pets", schemes).of([("a", "b")])) == ("GET /a", {"cookie": "a=1; b=2"})


def test_what_is_not_set_is_told_for_the_operations_that_are_there() -> None:
    found = security(("key",), ("OAuth2",))
    assert found.unset() == []
    found.of(None)
    found.of([("login", "session")])
    found.of([])
    assert found.unset() == [
        "OAuth2: set PETS_OAUTH2_CLIENT_ID and PETS_OAUTH2_CLIENT_SECRET, or PETS_OAUTH2",
        "key: set PETS_KEY",
        "login: set PETS_LOGIN_USERNAME and PETS_LOGIN_PASSWORD",
        "session: set PETS_SESSION",
    ]


def test_names_that_credentials_take_are_known() -> None:
    assert security().parameters() == {"api_key"}
    assert security().headers() == {"x-key", "authorization"}


@pytest.mark.parametrize(
    ("source", "scheme", "variable"),
    [
        ("pets", "APIKeyHeader", "PETS_API_KEY_HEADER"),
        ("petStore", "api key!", "PET_STORE_API_KEY"),
        ("pets", "ключ", "PETS_AUTH"),
        ("1pets", "a", "WEFT_1PETS_A"),
        ("pets", "a$(rm)", "PETS_A_RM"),
    ],
)
def test_variables_are_names_that_a_shell_knows(source: str, scheme: str, variable: str) -> None:
    found = Security(source, {scheme: {"type": "http", "scheme": "bearer"}}, [(scheme,)])
    found.of(None)
    assert found.unset() == [f"{scheme}: set {variable}"]


def test_two_schemes_never_share_a_variable() -> None:
    bearer = {"type": "http", "scheme": "bearer"}
    found = Security(
        "pets", {"api_key": bearer, "apiKey": bearer, "api-key": bearer}, [("api_key", "apiKey", "api-key")]
    )
    found.of(None)
    assert found.unset() == ["api-key: set PETS_API_KEY", "apiKey: set PETS_API_KEY_2", "api_key: set PETS_API_KEY_3"]


def test_hostile_requirements_stay_small() -> None:
    both = {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "http://t.example"}}}
    schemes = {f"s{number}": both for number in range(40)}
    assert len(Security("pets", schemes).of([tuple(schemes)]).alternatives) == 64


# -- secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETS_KEY", "hidden")
    found = security(("key",))
    credentials = found.of(None)
    shown = [found, credentials, Manner(auth=credentials), ApiKey(cookie="c", value="hidden"), Basic("u", "hidden")]
    assert credentials.headers() == (("X-Key", "hidden"),)
    assert "hidden" not in repr(shown)


@pytest.mark.parametrize("value", ["a;b", "a b", 'a"b', "a,b", "a\\b", "é"])
def test_a_key_that_a_cookie_cannot_hold_is_a_fault_that_does_not_show_it(value: str) -> None:
    with pytest.raises(DeclarationError, match=r"^the key for the cookie 'c' holds what a cookie may not$"):
        ApiKey(cookie="c", value=value).headers()


def test_a_user_name_from_the_environment_holds_no_colon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "a:b")
    with pytest.raises(DeclarationError, match="holds no colon"):
        Basic(username_env="NAME", password="p").headers()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ApiKey("x-key", cookie="c", value="k"),
        lambda: ApiKey(cookie="c d", value="k"),
        lambda: Basic(password="p"),
        lambda: Basic("u", "p", username_env="U"),
        lambda: OAuth2("http://t.example", client_secret="s"),
        lambda: OAuth2("http://t.example", client_id="c", client_id_env="C", client_secret="s"),
    ],
)
def test_credentials_are_given_once(make: Any) -> None:
    with pytest.raises(DeclarationError):
        make()
