"""Clients who show a signed token: of every family of keys, and by every trick that is known against them."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from graph import App, Client, Cors, Credentials, Graph, GraphError, Jwt, RequestError, Trust, Unauthenticated, bearer
from graph.credentials import Foreign
from sources import FakeTransport, Rest, Tls
from tests.graph.serving.sockets import graph_for, serving, stage
from tests.graph.serving.tokens import FAMILIES, NOW, SECRET, jwk, pem, private, private_pem, sign, sign_bytes
from tests.serving import running


class Clock:
    """Unix time, which stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at = float(NOW)

    def __call__(self) -> float:
        return self.at


def shown(token: str, scheme: str = "Bearer") -> Credentials:
    return Credentials({"authorization": f"{scheme} {token}"})


def jwt_of(key: str | list[str | bytes] = SECRET, **options: Any) -> Jwt:
    return Jwt(**{"key": key, "clock": Clock(), **options})


async def found(way: Jwt, token: str) -> Client:
    client = await way.find(shown(token))
    assert client is not None
    return client


async def refused(way: Jwt, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await way.find(shown(token))
    message = str(refused.value)
    assert refused.value.challenge == f'Bearer error="invalid_token", error_description="{message}"'
    assert way.known(shown(token)) is None
    return message


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_token_of_each_family_is_good_for_its_own_key_and_for_no_other(family: str) -> None:
    token = sign(family)
    assert (await found(jwt_of(pem(private(family))), token)).id == "user:ada"
    assert (await found(jwt_of(json.dumps(jwk(family))), token)).id == "user:ada"
    if private(family) != SECRET:
        assert await refused(jwt_of(pem(private(family, 1))), token) == "the token is not good"
    for other in FAMILIES:
        if private(other) is not private(family):
            assert await refused(jwt_of(pem(private(other))), token) == "the token is not good"


async def test_several_keys_are_good_while_one_takes_the_place_of_another() -> None:
    both = [pem(private("RS256")), pem(private("RS256", 1))]
    for way in (jwt_of([*both]), jwt_of("\n".join(both)), jwt_of([SECRET, *both])):
        assert (await found(way, sign("RS256"))).id == "user:ada"
        assert (await found(way, sign("RS256", 1, headers={"kid": "any"}))).id == "user:ada"


@pytest.mark.parametrize("disguise", ["pem", "base64", "der", "jwk", "jwk in a list", "ssh"])
@pytest.mark.parametrize("family", ["RS256", "ES256", "EdDSA"])
async def test_a_public_key_never_verifies_what_it_signed_as_a_secret(family: str, disguise: str) -> None:
    public = private(family).public_key()
    texts: dict[str, str | bytes] = {
        "pem": pem(private(family)),
        "base64": "".join(pem(private(family)).splitlines()[1:-1]),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(jwk(family)),
        "jwk in a list": json.dumps([jwk(family)]),
        "ssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }
    text = texts[disguise]
    try:
        way = jwt_of([text])
    except ValueError as exc:
        assert str(exc) == "Jwt: a public key or a certificate is no shared secret: give it as PEM or JWK"  # noqa: PT017
        return
    assert disguise in ("pem", "jwk")
    for algorithm in ("HS256", "HS384", "HS512"):
        written = text if isinstance(text, bytes) else text.encode()
        for secret in (written, written.strip(), written + b"\n"):
            assert await refused(way, _forged(algorithm, secret)) == "the token is not good"


def _forged(algorithm: str, secret: bytes) -> str:
    payload = sign("HS256").split(".")[1]
    text = f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{payload}"
    digest = hmac.digest(secret, text.encode(), f"sha{algorithm[2:]}")
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def encoded(told: Any) -> str:
    text = told if isinstance(told, bytes) else json.dumps(told).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 0, ["HS256"], "HS256 ", "ES521", "RSA-OAEP"])
async def test_a_token_does_not_choose_how_it_is_verified(algorithm: Any) -> None:
    signature = sign("HS256").rpartition(".")[2]
    for way in (jwt_of(), jwt_of(pem(private("RS256")))):
        text = f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{encoded({'sub': 'eve', 'exp': NOW + 9})}"
        assert await refused(way, f"{text}.{signature}") == "the token is not good"
        assert await refused(way, f"{text}.") == "the token is not good"
        assert await refused(way, text) == "the token is not good"


async def test_a_key_that_a_token_brings_along_is_not_looked_at() -> None:
    mine = json.loads(json.dumps(jwk("RS256", 1)))
    for header in (
        {"jwk": mine},
        {"jku": "https://evil.test/keys"},
        {"x5u": "https://evil.test/cert"},
        {"x5c": ["MIIB"]},
        {"jwk": mine, "kid": "../../../../dev/null"},
        {"kid": "' OR 1=1 --"},
    ):
        assert await refused(jwt_of(pem(private("RS256"))), sign("RS256", 1, headers=header)) == "the token is not good"
        good = sign("RS256", headers=header)
        assert (await found(jwt_of(pem(private("RS256"))), good)).id == "user:ada"


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": None},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": ""},
        {"typ": 7},
        {"kid": 7},
        {"kid": ["a"]},
    ],
)
async def test_a_header_that_changes_what_a_token_means_is_refused(header: dict[str, Any]) -> None:
    assert await refused(jwt_of(), sign("HS256", headers=header)) == "the token is not good"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", None])
async def test_types_of_access_tokens_are_taken(kind: str | None) -> None:
    assert (await found(jwt_of(), sign("HS256", headers={"typ": kind}))).id == "user:ada"


async def test_other_types_are_taken_where_the_author_says_so() -> None:
    way = jwt_of(types=["session+jwt"])
    assert (await found(way, sign("HS256", headers={"typ": "session+jwt"}))).id == "user:ada"
    assert await refused(way, sign("HS256")) == "the token is not good"


async def test_an_authors_algorithms_are_less_than_those_of_the_keys() -> None:
    way = jwt_of(pem(private("RS256")), algorithms=["RS512", "ES256"])
    assert (await found(way, sign("RS512"))).id == "user:ada"
    for family in ("RS256", "PS512", "ES256"):
        assert await refused(way, sign(family)) == "the token is not good"


async def test_a_jwk_verifies_its_own_algorithm_only() -> None:
    way = jwt_of(json.dumps({"keys": [jwk("RS256", alg="PS256", use="sig", key_ops=["verify"])]}))
    assert (await found(way, sign("PS256"))).id == "user:ada"
    assert await refused(way, sign("RS256")) == "the token is not good"


@pytest.mark.parametrize(
    ("length", "algorithms"), [(32, ["HS256"]), (48, ["HS256", "HS384"]), (64, ["HS256", "HS384", "HS512"])]
)
async def test_a_secret_verifies_hashes_that_are_no_longer_than_itself(length: int, algorithms: list[str]) -> None:
    secret = SECRET[:length]
    for algorithm in ("HS256", "HS384", "HS512"):
        token = _forged(algorithm, secret.encode())
        if algorithm in algorithms:
            assert (await found(jwt_of(secret), token)).id == "user:ada"
        else:
            assert await refused(jwt_of(secret), token) == "the token is not good"


def small() -> Any:
    return rsa.generate_private_key(65_537, 1_024)


BROKEN_EC = {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}
OFF_CURVE = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "give one of jwks=, discover=True, key=, env= and file=: where its keys are"),
        ({"key": SECRET, "env": "A"}, "give one of jwks=, discover=True, key=, env= and file=: where its keys are"),
        ({"jwks": "https://a.test/k"}, "issuer= is missing: whose tokens are good"),
        ({"discover": True}, "issuer= is missing: whose tokens are good"),
        ({"key": SECRET, "tls": Tls(ca="ca.pem")}, "tls= is for an issuer that is asked for its keys"),
        ({"key": []}, "key= is empty"),
        ({"key": ""}, "the key is empty"),
        ({"key": " "}, "the key is empty"),
        ({"key": "short"}, "a shared secret needs 32 bytes or more, and this one has 5"),
        (
            {"key": "s" * 40, "algorithms": ["HS512", "HS384"]},
            "a shared secret needs 48 bytes or more, and this one has 40",
        ),
        ({"key": SECRET, "algorithms": ["RS256"]}, "a shared secret verifies HS256, HS384 and HS512 only"),
        ({"key": SECRET, "algorithms": "none"}, "algorithms: 'none' is none that keys have"),
        ({"key": SECRET, "algorithms": ["HS256", "ES521"]}, "algorithms: 'ES521' is none that keys have"),
        (
            {"key": lambda: pem(private("ES256")), "algorithms": ["ES384"]},
            "the algorithms that are allowed are none of its own: ES256",
        ),
        (
            {"key": lambda: pem(private("RS256")), "algorithms": ["HS256"]},
            "the algorithms that are allowed are none of its own: RS256, RS384, RS512, PS256, PS384, PS512",
        ),
        (
            {"key": lambda: private_pem(private("ES256"))},
            "it is a private key, which belongs to the issuer alone: give the public one",
        ),
        ({"key": lambda: pem(small())}, "an RSA key has 1024 bits, and must have from 2048 to 8192 bits"),
        ({"key": lambda: pem(ec.generate_private_key(ec.SECP192R1()))}, "it is of a kind that verifies no JWT"),
        ({"key": lambda: pem(x25519.X25519PrivateKey.generate())}, "it is of a kind that verifies no JWT"),
        ({"key": "-----BEGIN PUBLIC KEY-----\nabc"}, "it begins like PEM, and does not end so"),
        (
            {"key": "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----"},
            "its PEM holds no public key",
        ),
        (
            {"key": "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----"},
            "it holds a certificate, and no public key",
        ),
        ({"key": "{nonsense"}, "it is no JWK, and no set of them"),
        ({"key": '{"keys": []}'}, "it is no JWK, and no set of them"),
        ({"key": '{"keys": {}}'}, "it is no JWK, and no set of them"),
        ({"key": '{"keys": [7]}'}, "a JWK is a JSON object"),
        ({"key": '{"kty": "oct"}'}, "a JWK is no secret"),
        ({"key": '{"kty": "oct", "k": 7}'}, "a JWK is no secret"),
        ({"key": '{"kty": "oct", "k": "AAAA"}'}, "a shared secret needs 32 bytes or more, and this one has 3"),
        ({"key": '{"kty": ["RSA"]}'}, "a JWK is of a kind that verifies no JWT"),
        ({"key": '{"kty": "EC", "crv": ["P-256"]}'}, "a JWK is of a kind that verifies no JWT"),
        ({"key": '{"kty": "RSA"}'}, "a JWK is no key"),
        ({"key": '{"kty": "RSA", "n": 7, "e": "AQAB"}'}, "a JWK is no key"),
        ({"key": json.dumps(BROKEN_EC)}, "a JWK is no key"),
        ({"key": json.dumps(OFF_CURVE)}, "a JWK is no key"),
        ({"key": lambda: json.dumps(jwk("ES256", kid=7))}, "the kid of a JWK is a text"),
        ({"key": lambda: json.dumps(jwk("ES256", use="enc"))}, "a JWK is not for verifying signatures"),
        ({"key": lambda: json.dumps(jwk("ES256", key_ops=["sign"]))}, "a JWK is not for verifying signatures"),
        ({"key": lambda: json.dumps(jwk("ES256", d="AAAA"))}, "a JWK is a private key, which belongs to the issuer"),
        ({"key": lambda: json.dumps(jwk("ES256", alg="ES384"))}, "the algorithms that are allowed are none of its own"),
        ({"key": lambda: json.dumps(jwk("HS256", alg="RS256"))}, "a shared secret verifies HS256, HS384 and HS512"),
        ({"key": SECRET, "leeway": -1}, "leeway must be 0 seconds or more"),
        ({"key": SECRET, "stale": float("nan")}, "stale must be 0 seconds or more"),
        ({"key": SECRET, "name": "a:b"}, "name='a:b': a word that ids begin with, without a colon"),
        ({"key": SECRET, "name": ""}, "name='': a word that ids begin with, without a colon"),
        ({"key": SECRET, "headers": {"X User": "sub"}}, "'X User' is not a header that a graph may set or forward"),
        ({"key": SECRET, "cookie": "a b"}, "'a b' is not a cookie's name"),
    ],
)
def test_what_cannot_be_is_a_fault_at_start_up_that_shows_no_key(options: dict[str, Any], fault: str) -> None:
    made = {name: value() if callable(value) else value for name, value in options.items()}
    with pytest.raises(ValueError, match=f"^Jwt: {re.escape(fault)}") as refused:
        Jwt(**made)
    assert SECRET not in str(refused.value)


def test_all_faults_are_told_together() -> None:
    with pytest.raises(ValueError, match=r"^Jwt: give one of .*; Jwt: algorithms: .*; Jwt: leeway must"):
        Jwt(algorithms=["none"], leeway=-1)


async def test_keys_come_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JWT_KEY", pem(private("ES256")) + "\n")
    path = tmp_path / "key.pem"
    path.write_text(SECRET + "\n")
    assert (await found(Jwt(env="JWT_KEY", clock=Clock()), sign("ES256"))).id == "user:ada"
    assert (await found(Jwt(file=path, clock=Clock()), sign("HS256"))).id == "user:ada"
    assert Jwt(file=str(path)).missing() == []


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"env": "JWT_UNSET"}, "Jwt: the environment variable JWT_UNSET is not set"),
        (
            {"env": "JWT_SHORT"},
            "Jwt: JWT_SHORT: a shared secret needs 32 bytes or more, and this one has 5",
        ),
        ({"file": "/nowhere/key"}, "Jwt: the file /nowhere/key is not there, is empty, or cannot be read as text"),
        ({"file": "/dev/null"}, "Jwt: the file /dev/null is not there, is empty, or cannot be read as text"),
        ({"env": "JWT_ELSEWHERE"}, "Jwt: the file /nowhere/key is not there, is empty, or cannot be read as text"),
    ],
)
def test_a_key_that_is_not_there_is_a_fault_before_serving(
    options: dict[str, Any], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SHORT", "short")
    monkeypatch.setenv("JWT_ELSEWHERE_FILE", "/nowhere/key")
    graph = Graph(query=Query, trust=Trust(clients=[Jwt(**options)]))
    with pytest.raises(GraphError) as refused:
        graph.check_environment()
    assert refused.value.faults == [fault]


def test_keys_are_in_no_repr() -> None:
    way = jwt_of([SECRET, json.dumps(jwk("HS256"))])
    keys: Any = way._keys
    assert SECRET not in f"{way!r} {keys!r} {keys._keys!r} {vars(way)!r} {vars(keys)!r}"


# -- claims ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "options", "message"),
    [
        ({"exp": NOW - 30}, {}, "the token has expired"),
        ({"exp": NOW}, {"leeway": 0}, "the token has expired"),
        ({"exp": 0}, {}, "the token has expired"),
        ({"exp": None}, {}, "the token has no exp"),
        ({"exp": str(NOW + 100)}, {}, "the token is not good"),
        ({"exp": True}, {}, "the token is not good"),
        ({"exp": [NOW + 100]}, {}, "the token is not good"),
        ({"exp": -1}, {}, "the token is not good"),
        ({"exp": (NOW + 100) * 1000}, {}, "the token is not good"),
        ({"exp": 10**400}, {}, "the token is not good"),
        ({"exp": float("inf")}, {}, "the token is not good"),
        ({"exp": float("nan")}, {}, "the token is not good"),
        ({"nbf": NOW + 31}, {}, "the token is not good yet"),
        ({"iat": NOW + 31}, {}, "the token is not good yet"),
        ({"nbf": "now"}, {}, "the token is not good"),
        ({"iat": {}}, {}, "the token is not good"),
        ({"iat": 1e308}, {}, "the token is not good"),
        ({}, {"require": ["exp", "jti"]}, "the token has no jti"),
        ({}, {"issuer": "https://issuer.test/"}, "the token is of another issuer"),
        ({"iss": "https://issuer.test"}, {"issuer": "https://issuer.test/"}, "the token is of another issuer"),
        ({"iss": ["https://issuer.test/"]}, {"issuer": "https://issuer.test/"}, "the token is of another issuer"),
        ({"aud": "us"}, {}, "the token is for another audience"),
        ({"aud": ["us"]}, {}, "the token is for another audience"),
        ({"aud": {"us": 1}}, {"audience": "us"}, "the token is for another audience"),
        ({"aud": 7}, {"audience": "us"}, "the token is for another audience"),
        ({"aud": "us, them"}, {"audience": "us"}, "the token is for another audience"),
        ({"aud": ["them", ["us"], 7]}, {"audience": "us"}, "the token is for another audience"),
        ({"aud": "use"}, {"audience": "us"}, "the token is for another audience"),
        ({}, {"audience": "us"}, "the token has no aud"),
        ({"aud": []}, {"audience": "us"}, "the token has no aud"),
        ({"sub": ["ada"]}, {}, "the token is not good"),
        ({"sub": ""}, {}, "the token is not good"),
        ({"sub": True}, {}, "the token is not good"),
        ({"sub": 1.5}, {}, "the token is not good"),
        ({"sub": "ada\nuser:eve"}, {}, "the token is not good"),
        ({"sub": "\ud800"}, {}, "the token is not good"),
    ],
)
async def test_a_token_that_does_not_say_what_it_must_is_refused(
    claims: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    assert await refused(jwt_of(**options), sign("HS256", **claims)) == message


@pytest.mark.parametrize(
    ("claims", "options"),
    [
        ({"exp": NOW - 29}, {}),
        ({"exp": NOW + 0.5}, {"leeway": 0}),
        ({"nbf": NOW + 30, "iat": NOW + 30.0}, {}),
        ({"exp": None}, {"require": ()}),
        ({"iss": "https://issuer.test/"}, {"issuer": "https://issuer.test/"}),
        ({"iss": "anybody"}, {}),
        ({"aud": "us"}, {"audience": ["others", "us"]}),
        ({"aud": ["them", "us"]}, {"audience": "us"}),
        ({"aud": []}, {}),
    ],
)
async def test_a_token_that_says_what_it_must_is_good(claims: dict[str, Any], options: dict[str, Any]) -> None:
    assert (await found(jwt_of(**options), sign("HS256", **claims))).id == "user:ada"


@pytest.mark.parametrize(
    "payload",
    [b"", b"7", b"null", b'"sub"', b"[]", b"{", b"\xff", b"[" * 3_000, b'{"exp": ' + b"9" * 5_000 + b"}", b"{}" * 2],
)
async def test_a_payload_that_is_no_json_object_is_refused(payload: bytes) -> None:
    assert await refused(jwt_of(require=()), sign_bytes(payload, "HS256")) == "the token is not good"
    said = await refused(jwt_of(issuer="us", require=()), sign_bytes(payload, "HS256"))
    assert said in ("the token is not good", "the token is of another issuer")


async def test_of_a_claim_that_is_there_twice_the_last_one_counts() -> None:
    twice = b'{"sub": "eve", "exp": 1800000009, "sub": "ada"}'
    assert (await found(jwt_of(), sign_bytes(twice, "HS256"))).id == "user:ada"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "opaque",
        "a.b",
        "a.b.c.d.e",  # encrypted
        "a.b.c",
        "eyJhbGciOiJIUzI1NiJ9.e30.",
        ".e30.AAAA",
        "eyJ\u00e9.e30.AAAA",
        "weft_abc_def",
        "a" * 100_000,
        "." * 8_000,
    ],
)
async def test_what_is_no_token_is_refused(token: str) -> None:
    assert await refused(jwt_of(), token) == "the token is not good"


async def test_a_token_is_no_longer_than_eight_kilobytes() -> None:
    assert (await found(jwt_of(), sign("HS256", filler="x" * 5_500))).id == "user:ada"
    assert await refused(jwt_of(), sign("HS256", filler="x" * 6_200)) == "the token is not good"


@given(st.data())
async def test_no_change_of_a_good_token_is_good(data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(["HS256", "RS256", "PS256", "ES256", "EdDSA"]))
    token = _good(family)
    at = data.draw(st.integers(0, len(token) - 1))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \t"
    kind = data.draw(st.sampled_from(["put", "insert", "drop", "swap", "cut", "double"]))
    letter = data.draw(st.sampled_from(letters))
    changed = {
        "put": token[:at] + letter + token[at + 1 :],
        "insert": token[: at + 1] + letter + token[at + 1 :],
        "drop": token[:at] + token[at + 1 :],
        "swap": token[:at] + token[at : at + 2][::-1] + token[at + 2 :],
        "cut": token[:at],
        "double": token + token[at:],
    }[kind]
    way = jwt_of(pem(private(family)))
    if changed.strip() == token:
        assert (await found(way, changed)).id == "user:ada"
    else:
        await refused(way, changed)


_GOOD: dict[str, str] = {}


def _good(family: str) -> str:
    return _GOOD.setdefault(family, sign(family))


# -- the client --------------------------------------------------------------------------------------------------------


async def test_claims_become_scopes_id_and_headers() -> None:
    way = jwt_of(
        name="partner",
        id="https://issuer.test/id",
        scopes=["scope", "scp", "realm_access.roles", "a.b"],
        headers={"X-User": "sub", "X-Tenant": "org.id", "X-Groups": "groups", "X-None": "nothing"},
    )
    claims: dict[str, Any] = {
        "https://issuer.test/id": 7,
        "scope": "read  write",
        "scp": ["more", 7, None],
        "realm_access": {"roles": ["admin"]},
        "a.b": "dotted",
        "org": {"id": 12},
        "groups": ["x", "y"],
    }
    client = await found(way, sign("HS256", **claims))
    assert client.id == "partner:7"
    assert client.scopes == {"read", "write", "more", "admin", "dotted"}
    assert client.headers == {"x-user": "ada", "x-tenant": "12", "x-groups": '["x","y"]'}
    assert client.claims["org"] == {"id": 12}
    assert client.expires_at == NOW + 3_630
    assert "ada" not in repr(client).replace("'x-user': 'ada'", "")


async def test_scopes_of_no_known_kind_are_none() -> None:
    client = await found(jwt_of(scopes="scope.deeper"), sign("HS256", scope={"deeper": 7}))
    assert (client.scopes, client.id) == (frozenset(), "user:ada")
    assert (await found(jwt_of(), sign("HS256", sub=None, scope=7))).id is None


async def test_the_claims_of_a_client_cannot_be_changed_for_others() -> None:
    client = await found(jwt_of(), sign("HS256"))
    claims: Any = client.claims
    with pytest.raises(TypeError):
        claims["sub"] = "eve"


@pytest.mark.parametrize("value", ["José", "a\r\nX-Admin: 1", "\x00", "x" * 16_385])
async def test_a_claim_that_is_no_value_of_a_header_is_forbidden_each_time(value: str) -> None:
    way = jwt_of(headers={"X-User": "name"})
    token = sign("HS256", name=value)
    for _ in range(2):
        with pytest.raises((RequestError, Unauthenticated)):
            await way.find(shown(token))
        assert way.known(shown(token)) is None


async def test_a_claim_that_cannot_be_written_is_no_header() -> None:
    assert await refused(jwt_of(headers={"X-N": "n"}), sign("HS256", n=["\ud800"])) == "the token is not good"


# -- where it is shown -------------------------------------------------------------------------------------------------


async def test_who_shows_something_else_shows_no_token() -> None:
    way = jwt_of()
    for headers in ({}, {"authorization": "Basic YTpi"}, {"authorization": ""}, {"cookie": "token=a"}):
        assert (way.known(Credentials(headers)), await way.find(Credentials(headers))) == (None, None)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_the_scheme_is_written_in_any_case(scheme: str) -> None:
    client = await jwt_of().find(shown(sign("HS256"), scheme))
    assert client is not None
    assert client.id == "user:ada"


async def test_another_header_holds_the_token_itself() -> None:
    way = jwt_of(header="X-Token")
    for value in (sign("HS256"), f"Bearer {sign('HS256')}"):
        for _ in range(2):
            credentials = Credentials({"x-token": value})
            client = way.known(credentials) or await way.find(credentials)
            assert client is not None
            assert client.id == "user:ada"
    assert (way.reads, await way.find(shown(sign("HS256")))) == (("x-token",), None)


async def test_a_cookie_is_looked_at_where_there_is_no_header() -> None:
    way, token = jwt_of(cookie="session"), sign("HS256")
    credentials = Credentials({"cookie": f"a=b; session={token}; c"})
    client = await way.find(credentials)
    assert client is not None
    assert way.known(credentials) is client
    assert way.reads == ("authorization", "cookie")
    assert await way.find(Credentials({"cookie": "other=1"})) is None
    for cookies in (f"session={token}; session=x", "session="):
        with pytest.raises(Unauthenticated):
            await way.find(Credentials({"cookie": cookies}))
    with pytest.raises(Unauthenticated):
        await way.find(Credentials({"cookie": f"session={token}", "authorization": "Bearer x"}))


# -- what is remembered ------------------------------------------------------------------------------------------------


async def test_a_verified_token_is_known_until_it_ends_to_the_second() -> None:
    clock = Clock()
    way, credentials = jwt_of(clock=clock), shown(sign("HS256", exp=NOW + 60))
    assert way.known(credentials) is None
    client = await way.find(credentials)
    assert way.known(credentials) is client
    clock.at = NOW + 89.9
    assert way.known(credentials) is client
    clock.at = NOW + 90.0
    assert way.known(credentials) is None
    assert await refused(way, credentials.headers["authorization"].split()[1]) == "the token has expired"


async def test_what_resembles_a_known_token_is_not_known() -> None:
    way, token = jwt_of(), sign("HS256")
    await way.find(shown(token))
    eve = f"{encoded({'alg': 'HS256'})}.{encoded({'sub': 'eve', 'exp': NOW + 9})}.{token.rpartition('.')[2]}"
    for other in (eve, token[1:], token[-32:], token + " ", "x" + token):
        assert way.known(shown(other)) is None
    assert await refused(way, eve) == "the token is not good"
    assert (await found(way, token)).id == "user:ada"


async def test_a_bad_token_is_verified_once_and_one_that_is_early_is_asked_again() -> None:
    clock = Clock()
    way = jwt_of(clock=clock)
    bad, early = sign("HS256") + "A", sign("HS256", nbf=NOW + 100)
    assert await refused(way, bad) == "the token is not good"
    assert await refused(way, early) == "the token is not good yet"
    assert [entry.token for entry in way._refused.values()] == [bad]
    assert await refused(way, bad) == "the token is not good"
    clock.at = NOW + 100
    assert (await found(way, early)).id == "user:ada"


async def test_what_is_remembered_is_bounded_whatever_comes() -> None:
    way = jwt_of(cache_bytes=20_000)
    for number in range(50):
        await found(way, sign("HS256", sub=f"u{number}"))
        await refused(way, f"{sign('HS256', filler=f'{number}' + 'x' * 4_000)}A")
    assert way._verified.currsize <= 20_000
    assert len(way._verified) == 9
    assert way._refused.currsize <= 1_000_000
    assert way.known(shown(sign("HS256", sub="u49"))) is not None
    assert way.known(shown(sign("HS256", sub="u1"))) is None
    tiny = jwt_of(cache_bytes=10)
    assert (await found(tiny, sign("HS256"))).id == "user:ada"
    assert tiny.known(shown(sign("HS256"))) is None


# -- over HTTP and sockets ---------------------------------------------------------------------------------------------

echo = FakeTransport(lambda *_: "word")
source = Rest("echo", "http://echo.test", forward=["Authorization", "X-User"], client=echo)


@strawberry.type
class Query:
    @source.get("/")
    def word(self) -> str: ...

    @strawberry.field
    def me(self, info: strawberry.Info) -> str | None:
        client: Client = info.context["client"]
        return client.id and f"{client.id} {sorted(client.scopes)}"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    ways = [
        Jwt(key=pem(private("ES256")), issuer="one", headers={"X-User": "sub"}),
        Jwt(key=SECRET, issuer="two", name="partner", cookie="session"),
    ]
    with running(App(Graph(query=Query, trust=Trust(clients=ways)))) as url:
        yield f"{url}/graphql"


def ask(url: str, token: str | None = None, query: str = "{ me }", **headers: str) -> httpx.Response:
    bearer = {} if token is None else {"authorization": f"Bearer {token}"}
    accept = {"accept": "application/graphql-response+json"}
    return httpx.post(url, json={"query": query}, headers={**accept, **bearer, **headers})


def fresh(family: str, **claims: Any) -> str:
    return sign(family, exp=time.time() + 600, **claims)


def test_clients_of_several_issuers_are_told_apart(url: str) -> None:
    for _ in range(2):
        one, two = fresh("ES256", iss="one", scope="a b"), fresh("HS256", iss="two")
        assert ask(url, one).json() == {"data": {"me": "user:ada ['a', 'b']"}}
        assert ask(url, two).json() == {"data": {"me": "partner:ada []"}}
        assert ask(url, None, cookie=f"session={two}").json() == {"data": {"me": "partner:ada []"}}
    assert ask(url).json() == {"data": {"me": None}}


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (lambda: sign("ES256", iss="one", exp=5), "the token has expired"),
        (lambda: sign("HS256", iss="two", exp=5), "the token has expired"),
        (lambda: fresh("ES256", iss="three"), "the token is of another issuer"),
        (lambda: "nonsense", "the token is not good"),
    ],
)
def test_a_bad_token_is_401_though_anonymous_clients_may_ask(url: str, token: Any, message: str) -> None:
    answer = ask(url, token())
    assert answer.status_code == 401
    assert answer.json() == {"errors": [{"message": message, "extensions": {"code": "UNAUTHENTICATED"}}]}
    challenge = f'Bearer error="invalid_token", error_description="{message}"'
    assert answer.headers["www-authenticate"] == challenge


def test_a_header_that_tokens_fill_is_nobody_elses_to_say(url: str) -> None:
    one = fresh("ES256", iss="one", sub="ada")
    for token, said in (
        (one, "ada"),
        (fresh("HS256", iss="two"), None),
        (None, None),
        (fresh("ES256", iss="one", sub=None), None),
    ):
        assert ask(url, token, "{ word }", **{"x-user": "admin"}).json() == {"data": {"word": "word"}}
        assert echo.headers[-1].get("x-user") == said


def test_a_header_that_tokens_fill_is_nobody_elses_to_say_on_sockets() -> None:
    way = Jwt(key=SECRET, headers={"X-User": "sub"})
    with serving(Graph(query=Query, trust=Trust(clients=[way]))) as server:
        for payload, said in (
            ({}, None),
            ({"X-User": "root"}, None),
            ({"Authorization": f"Bearer {fresh('HS256')}"}, "ada"),
        ):
            with server.connecting(init=False, additional_headers={"X-User": "admin"}) as client:
                client.init(**payload)
                assert client.ask("{ word }") == {"data": {"word": "word"}}
                assert echo.headers[-1].get("x-user") == said


public = Rest("public", "http://public.test", client=FakeTransport(lambda *_: "word"))


@strawberry.type
class Cached:
    @public.get("/", ttl=600)
    def word(self) -> str: ...

    @source.get("/", ttl=600)
    def mine(self) -> str: ...


FOR_ALL = "accept, accept-encoding"
FOR_ONE = "accept, accept-encoding, authorization, cookie, x-user"


@pytest.mark.parametrize(
    ("anonymous", "query", "scope", "vary"),
    [
        (True, "{ word }", "public", FOR_ALL),
        (False, "{ word }", "private", FOR_ONE),
        (True, "{ mine }", "private", FOR_ONE),
    ],
)
def test_no_cache_keeps_an_answer_for_somebody_else(anonymous: bool, query: str, scope: str, vary: str) -> None:
    way = Jwt(key=SECRET, headers={"X-User": "sub"}, cookie="session")
    headers = {"authorization": f"Bearer {fresh('HS256')}", "content-type": "application/json"}
    with running(App(Graph(query=Cached, trust=Trust(clients=[way], anonymous=anonymous)))) as url:
        for _ in range(2):
            answer = httpx.get(f"{url}/graphql", params={"query": query}, headers=headers)
            assert answer.status_code == 200
            assert re.fullmatch(rf"{scope}, max-age=\d+", answer.headers["cache-control"])
            assert answer.headers["vary"] == vary


def test_pages_of_other_origins_may_send_the_header_that_holds_the_token() -> None:
    app = App(Graph(query=Query, trust=Trust(clients=[Jwt(key=SECRET, header="X-Token")])), cors=Cors(origins=["*"]))
    with running(app) as url:
        asked = {"origin": "https://a.test", "access-control-request-method": "POST"}
        answer = httpx.options(f"{url}/graphql", headers=asked)
        assert "x-token" in answer.headers["access-control-allow-headers"].split(", ")


def test_a_token_opens_a_socket_and_its_end_closes_it() -> None:
    graph = graph_for(Jwt(key=SECRET, leeway=0))
    with serving(graph) as server:
        with server.connecting(init=False) as client:
            client.init(Authorization=f"Bearer {sign('HS256', exp=time.time() + 0.5)}")
            client.subscribe("subscription { ticks }")
            assert client.closed() == (4403, "the token has expired")
        stage.until(lambda: stage.open == 0)
        with server.connecting(init=False) as client:
            client.say(type="connection_init", payload={"Authorization": "Bearer a.b.c"})
            assert client.closed() == (4403, "the token is not good")


def test_the_end_of_a_token_ends_its_stream() -> None:
    graph = graph_for(Jwt(key=SECRET, leeway=0))
    token = sign("HS256", exp=time.time() + 0.5)
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    with serving(graph) as server:
        with httpx.stream(
            "POST", f"{server.url}/graphql", json={"query": "subscription { ticks }"}, headers=headers, timeout=20
        ) as stream:
            said = stream.read().decode()
        assert '"code":"UNAUTHENTICATED"' in said
        stage.until(lambda: stage.open == 0)


def test_two_issuers_with_one_name_are_a_fault() -> None:
    with pytest.raises(ValueError, match=r"^clients: the ids of two issuers begin with 'user': give one of them"):
        Trust(clients=[Jwt(key=SECRET, issuer="one"), Jwt(key=SECRET, issuer="two")])


async def test_what_a_way_that_knows_the_token_says_goes_before_what_others_say() -> None:
    knowing, other = jwt_of(issuer="one"), jwt_of(issuer="two", name="other")
    token = sign("HS256", iss="one", exp=5)
    with pytest.raises(Foreign):
        await other.find(shown(token))
    for ways in ([knowing, other], [other, knowing]):
        with pytest.raises(RequestError) as refused:
            await Trust(clients=ways).all_clients().find(shown(token))
        assert refused.value.errors[0].message == "the token has expired"


async def test_a_jwt_is_made_of_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", pem(private("ES256")))
    way = bearer.jwt_of(
        env="KEY",
        issuer="one",
        audience="web, app",
        algorithms="ES256,RS256",
        leeway="5",
        scopes="scope,roles",
        headers="X-User=sub, X-Org=org.id",
        cookie="session",
        jwks="",
    )
    assert way is not None
    assert (way.reads, way.writes) == (("authorization", "cookie"), ("x-user", "x-org"))
    client = await found(way, fresh("ES256", iss="one", aud="app", roles=["a"], org={"id": 1}))
    assert client.scopes == {"a"}
    assert client.headers == {"x-user": "ada", "x-org": "1"}
    assert await refused(way, fresh("ES256", iss="one", aud="other")) == "the token is for another audience"


def test_an_issuer_alone_is_asked_for_its_keys_and_nothing_is_none() -> None:
    assert bearer.jwt_of() is None
    assert bearer.jwt_of(jwks="", issuer="") is None
    way = bearer.jwt_of(issuer="https://issuer.test")
    assert way is not None
    assert way.missing() == []


def test_texts_that_cannot_be_are_told_together() -> None:
    with pytest.raises(ValueError, match=r"^Jwt: ") as refused:
        bearer.jwt_of(audience="web", headers="X-User", leeway="soon")
    assert str(refused.value) == (
        "Jwt: headers: 'X-User' is no NAME=CLAIM; Jwt: leeway: 'soon' is no number of seconds; "
        "Jwt: give one of jwks, env and file, or an issuer alone: where its keys are"
    )
