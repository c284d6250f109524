"""Deliveries prove whose they are: each kind of signature against what its service sends, and what others would."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import (
    DeclarationError,
    Delivery,
    GitHub,
    Hmac,
    Refused,
    SharedSecret,
    Shopify,
    Signature,
    Stripe,
    Unsigned,
)

NOW = 1_700_000_000
BODY = b'{"id": "evt_1", "type": "parcel.moved", "data": {"id": 7}}'


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setenv("OTHER", "0ther")
    monkeypatch.delenv("UNSET", raising=False)
    monkeypatch.setenv("EMPTY", "")


def hexed(content: bytes, secret: str = "s3cret", digest: Any = hashlib.sha256) -> str:
    return hmac.new(secret.encode(), content, digest).hexdigest()


def based(content: bytes, secret: str = "s3cret") -> str:
    return base64.b64encode(hmac.digest(secret.encode(), content, "sha256")).decode()


def stripe(at: object = NOW, body: bytes = BODY, secret: str = "s3cret") -> dict[str, str]:
    return {"stripe-signature": f"t={at},v1={hexed(f'{at}.'.encode() + body, secret)}"}


def github(body: bytes = BODY, secret: str = "s3cret") -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={hexed(body, secret)}"}


def shopify(body: bytes = BODY, secret: str = "s3cret") -> dict[str, str]:
    return {"x-shopify-hmac-sha256": based(body, secret)}


def refusal(signature: Signature, headers: dict[str, str], body: bytes = BODY, now: float = NOW) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        signature.check(headers, body, now)
    return caught.value.status, caught.value.reason


# -- what services publish --------------------------------------------------------------------------------------------


def test_the_example_that_github_documents_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCUMENTED", "It's a Secret to Everybody")
    proof = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    found = GitHub(env="DOCUMENTED").check({"x-hub-signature-256": f"sha256={proof}"}, b"Hello, World!", NOW)
    assert found == Delivery(proof=proof)


def test_the_example_that_slack_documents_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCUMENTED", "8f742231b10e8888abcd99yyyzzz85a5")
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    slack = Hmac(
        header="X-Slack-Signature",
        prefix="v0=",
        signed="v0:{timestamp}:{body}",
        timestamp="X-Slack-Request-Timestamp",
        env="DOCUMENTED",
    )
    proof = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    headers = {"x-slack-signature": f"v0={proof}", "x-slack-request-timestamp": "1531420618"}
    assert slack.check(headers, body, 1_531_420_600) == Delivery(proof=proof)
    assert refusal(slack, headers, body, 1_531_420_919) == (401, "the delivery is too old")


# -- Stripe -----------------------------------------------------------------------------------------------------------


def test_stripe_says_id_and_kind_in_the_body() -> None:
    assert Stripe(env="SECRET").check(stripe(), BODY, NOW) == Delivery(id="evt_1", kind="parcel.moved")


def test_stripe_signs_with_two_secrets_while_it_exchanges_one() -> None:
    content = f"{NOW}.".encode() + BODY
    header = f"t={NOW},v1={hexed(content, 'new')},v1={hexed(content)},v0={hexed(content, 'old')}"
    assert Stripe(env="SECRET").check({"stripe-signature": header}, BODY, NOW).id == "evt_1"


@pytest.mark.parametrize("at", [NOW - 300, NOW + 300, NOW])
def test_stripe_deliveries_at_the_edges_of_the_window_are_accepted(at: int) -> None:
    assert Stripe(env="SECRET").check(stripe(at), BODY, NOW).id == "evt_1"


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 401, "the header Stripe-Signature is missing"),
        ({"stripe-signature": ""}, 401, "the header Stripe-Signature is missing"),
        (stripe(secret="other"), 401, "the signature does not match"),
        (stripe(secret=""), 401, "the signature does not match"),
        (stripe(body=BODY + b" "), 401, "the signature does not match"),
        (stripe(NOW - 301), 401, "the delivery is too old"),
        (stripe(NOW + 301), 401, "the delivery is from the future"),
        ({"stripe-signature": f"t={NOW}"}, 401, "the signature does not match"),
        ({"stripe-signature": f"t={NOW},v1="}, 401, "the signature does not match"),
        ({"stripe-signature": f"t={NOW},v0={hexed(f'{NOW}.'.encode() + BODY)}"}, 401, "the signature does not match"),
        ({"stripe-signature": f"t={NOW},v1=\u2603\xe9"}, 401, "the signature does not match"),
        ({"stripe-signature": "v1=ab"}, 400, "the header Stripe-Signature does not hold one time"),
        ({"stripe-signature": f"t={NOW},t=1,v1=ab"}, 400, "the header Stripe-Signature does not hold one time"),
        ({"stripe-signature": "t=,v1=ab"}, 400, "the time of the delivery cannot be read"),
        ({"stripe-signature": "t=²,v1=ab"}, 400, "the time of the delivery cannot be read"),
        ({"stripe-signature": "t=-1,v1=ab"}, 400, "the time of the delivery cannot be read"),
        ({"stripe-signature": f"t={'9' * 5_000},v1=ab"}, 400, "the time of the delivery cannot be read"),
    ],
)
def test_stripe_deliveries_that_are_not_stripes_are_refused(headers: dict[str, str], status: int, reason: str) -> None:
    assert refusal(Stripe(env="SECRET"), headers) == (status, reason)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "evt_00000000000000", "type": "charge.succeeded"}',
        b'{"id": "evt_2", "type": "v2.core.event_destination.ping"}',
    ],
)
def test_stripe_tries_out_an_address_with_samples_and_pings(body: bytes) -> None:
    assert Stripe(env="SECRET").check(stripe(body=body), body, NOW).is_trial


def test_stripe_events_of_test_mode_are_events() -> None:
    body = b'{"id": "evt_3", "type": "charge.succeeded", "livemode": false}'
    assert not Stripe(env="SECRET").check(stripe(body=body), body, NOW).is_trial


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"id": 3}', b"[" * 100_000, b'{"id": "\xff"}'])
def test_a_signed_body_that_is_no_event_of_stripe_says_nothing(body: bytes) -> None:
    assert Stripe(env="SECRET").check(stripe(body=body), body, NOW) == Delivery()


# -- GitHub -----------------------------------------------------------------------------------------------------------


def test_github_says_id_and_kind_in_headers() -> None:
    headers = github() | {"x-github-delivery": "72d3162e", "x-github-event": "push"}
    assert GitHub(env="SECRET").check(headers, BODY, NOW) == Delivery(id="72d3162e", kind="push", proof=hexed(BODY))


def test_github_tries_out_an_address_with_a_ping() -> None:
    assert GitHub(env="SECRET").check(github() | {"x-github-event": "ping"}, BODY, NOW).is_trial


def test_upper_case_digits_are_the_same_signature() -> None:
    loud = {"x-hub-signature-256": f"sha256={hexed(BODY).upper()}"}
    assert GitHub(env="SECRET").check(loud, BODY, NOW).marks == GitHub(env="SECRET").check(github(), BODY, NOW).marks


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "the header X-Hub-Signature-256 is missing"),
        ({"x-hub-signature-256": ""}, "the header X-Hub-Signature-256 is missing"),
        ({"x-hub-signature": f"sha1={hexed(BODY, digest=hashlib.sha1)}"}, "the header X-Hub-Signature-256 is missing"),
        ({"x-hub-signature-256": hexed(BODY)}, "the header X-Hub-Signature-256 does not begin as a signature does"),
        ({"x-hub-signature-256": "sha256="}, "the signature does not match"),
        ({"x-hub-signature-256": f"sha256= {hexed(BODY)}"}, "the signature does not match"),
        ({"x-hub-signature-256": f"sha256={hexed(BODY)[:-1]}"}, "the signature does not match"),
        ({"x-hub-signature-256": f"sha256={hexed(BODY)}, sha256={hexed(BODY)}"}, "the signature does not match"),
        ({"x-hub-signature-256": "sha256=\xe9\xff\u2603"}, "the signature does not match"),
        (github(secret="other"), "the signature does not match"),
        (github(secret=""), "the signature does not match"),
        (github(body=b"{}"), "the signature does not match"),
    ],
)
def test_github_deliveries_that_are_not_githubs_are_refused(headers: dict[str, str], reason: str) -> None:
    assert refusal(GitHub(env="SECRET"), headers) == (401, reason)


# -- Shopify ----------------------------------------------------------------------------------------------------------

SAID = {"x-shopify-webhook-id": "b54557e4", "x-shopify-topic": "orders/create"}


@pytest.mark.parametrize(
    "at",
    [
        {},
        {"x-shopify-triggered-at": "2023-11-14T22:13:20.877041743Z"},
        {"x-shopify-triggered-at": "2023-11-14T18:13:21Z"},  # repeated for four hours
        {"x-shopify-triggered-at": "2023-11-14T22:13:20"},
    ],
)
def test_shopify_says_id_and_kind_in_headers_and_may_say_when(at: dict[str, str]) -> None:
    found = Shopify(env="SECRET").check(shopify() | SAID | at, BODY, NOW)
    assert found == Delivery(id="b54557e4", kind="orders/create", proof=based(BODY))


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 401, "the header X-Shopify-Hmac-Sha256 is missing"),
        (shopify(secret="other"), 401, "the signature does not match"),
        (shopify(body=b"{}"), 401, "the signature does not match"),
        ({"x-shopify-hmac-sha256": based(BODY).lower()}, 401, "the signature does not match"),
        ({"x-shopify-hmac-sha256": based(BODY).rstrip("=")}, 401, "the signature does not match"),
        ({"x-shopify-hmac-sha256": hexed(BODY)}, 401, "the signature does not match"),
        (shopify() | {"x-shopify-triggered-at": "2023-11-14T10:00:00Z"}, 401, "the delivery is too old"),
        (shopify() | {"x-shopify-triggered-at": "2023-11-16T10:00:00Z"}, 401, "the delivery is from the future"),
        (shopify() | {"x-shopify-triggered-at": "yesterday"}, 400, "the time of the delivery cannot be read"),
        (shopify() | {"x-shopify-triggered-at": "0001-01-01T00:00:00"}, 401, "the delivery is too old"),
    ],
)
def test_shopify_deliveries_that_are_not_shopifys_are_refused(
    headers: dict[str, str], status: int, reason: str
) -> None:
    assert refusal(Shopify(env="SECRET"), headers) == (status, reason)


# -- any keyed hash ---------------------------------------------------------------------------------------------------


def test_id_time_and_body_can_be_signed_together() -> None:
    signature = Hmac(
        header="X-Sign",
        signed="{id}.{timestamp}.{body}",
        timestamp="X-At",
        delivery="X-Id",
        digest="sha512",
        env="SECRET",
    )
    proof = hexed(b"a{timestamp}.1700000000000." + BODY, digest=hashlib.sha512)
    headers = {"x-sign": proof, "x-at": "1700000000000", "x-id": "a{timestamp}"}
    assert signature.check(headers, BODY, NOW) == Delivery(id="a{timestamp}")
    assert refusal(signature, {**headers, "x-id": "b"}) == (401, "the signature does not match")
    assert refusal(signature, {**headers, "x-at": "1700000000001"}) == (401, "the signature does not match")
    assert refusal(signature, {"x-sign": proof, "x-id": "a"}) == (401, "the header X-At is missing")


def test_what_was_signed_with_its_time_is_known_again_without_an_id() -> None:
    timed = Hmac(header="X-Sign", signed="{timestamp}.{body}", timestamp="X-At", env="SECRET")
    proof = hexed(f"{NOW}.".encode() + BODY)
    assert timed.check({"x-sign": proof, "x-at": str(NOW)}, BODY, NOW) == Delivery(proof=proof)
    assert timed.remembered_s == 600


def test_equal_bodies_are_no_repetition_where_a_sender_may_repeat_itself() -> None:
    assert Hmac(header="X-Sign", env="SECRET").check({"x-sign": hexed(BODY)}, BODY, NOW).marks == ()


# -- a shared secret --------------------------------------------------------------------------------------------------


ANOTHER = "the secret is not the one that was agreed on"
NO_BEARER = "the header Authorization holds no bearer token"


@pytest.mark.parametrize(
    ("signature", "headers"),
    [
        (SharedSecret(env="SECRET"), {"x-webhook-token": "s3cret"}),
        (SharedSecret("X-Gitlab-Token", env="SECRET"), {"x-gitlab-token": "s3cret"}),
        (SharedSecret("Authorization", env="SECRET"), {"authorization": "Bearer s3cret"}),
        (SharedSecret("Authorization", env="SECRET"), {"authorization": "bearer  s3cret"}),
    ],
)
def test_a_shared_secret_is_accepted_where_it_was_agreed_on(signature: SharedSecret, headers: dict[str, str]) -> None:
    assert signature.check(headers, BODY, NOW) == Delivery()


def test_a_secret_beyond_ascii_is_compared_as_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "geh\xe9im")
    sent = "geh\xe9im".encode().decode("latin-1")  # as headers are read
    assert SharedSecret(env="SECRET").check({"x-webhook-token": sent}, BODY, NOW) == Delivery()


def test_a_shared_secret_may_come_with_id_and_kind() -> None:
    signature = SharedSecret("X-Gitlab-Token", env="SECRET", delivery="X-Gitlab-Event-UUID", kind="X-Gitlab-Event")
    headers = {"x-gitlab-token": "s3cret", "x-gitlab-event-uuid": "u", "x-gitlab-event": "Push Hook"}
    assert signature.check(headers, BODY, NOW) == Delivery(id="u", kind="Push Hook")


@pytest.mark.parametrize(
    ("signature", "headers", "reason"),
    [
        (SharedSecret(env="SECRET"), {}, "the header X-Webhook-Token is missing"),
        (SharedSecret(env="SECRET"), {"x-webhook-token": ""}, "the header X-Webhook-Token is missing"),
        (SharedSecret(env="SECRET"), {"x-webhook-token": "s3cre"}, ANOTHER),
        (SharedSecret(env="SECRET"), {"x-webhook-token": "S3CRET"}, ANOTHER),
        (
            SharedSecret(env="SECRET"),
            {"x-webhook-token": "s3cret\u2603"},
            ANOTHER,
        ),
        (
            SharedSecret("authorization", env="SECRET"),
            {"authorization": "s3cret"},
            "the header Authorization holds no bearer token",
        ),
        (
            SharedSecret("authorization", env="SECRET"),
            {"authorization": "Bearer "},
            ANOTHER,
        ),
    ],
)
def test_another_secret_is_refused(signature: SharedSecret, headers: dict[str, str], reason: str) -> None:
    assert refusal(signature, headers) == (401, reason)


# -- anything -------------------------------------------------------------------------------------------------------

HOSTILE = st.text(max_size=40) | st.builds("t={},v1={}".format, st.integers(-(10**15), 10**15), st.text(max_size=9))


@pytest.mark.parametrize(
    "signature",
    [
        Stripe(env="SECRET"),
        GitHub(env="SECRET"),
        Shopify(env="SECRET"),
        Hmac(header="X-Sign", signed="{timestamp}{body}", timestamp="X-At", env="SECRET", encoding="base64"),
        SharedSecret(env="SECRET"),
        SharedSecret("Authorization", env="SECRET"),
    ],
    ids=repr,
)
@given(data=st.data())
def test_whatever_a_stranger_sends_is_refused(signature: Signature, data: st.DataObject) -> None:
    names = [
        *("stripe-signature", "x-hub-signature-256", "x-shopify-hmac-sha256", "x-shopify-triggered-at"),
        *("x-sign", "x-at", "x-webhook-token", "authorization"),
    ]
    values = st.one_of(HOSTILE, HOSTILE.map("sha256={}".format), HOSTILE.map("Bearer {}".format))
    headers = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, values)))
    status, _ = refusal(signature, headers, data.draw(st.binary(max_size=20)))
    assert status in (400, 401)


# -- secrets ----------------------------------------------------------------------------------------------------------

EACH = [
    (Stripe, stripe),
    (GitHub, github),
    (Shopify, shopify),
    (SharedSecret, lambda secret="s3cret": {"x-webhook-token": secret}),
]


@pytest.mark.parametrize(("kind", "headers"), EACH)
def test_any_of_several_secrets_may_have_signed(kind: Any, headers: Any) -> None:
    signature = kind(env=("SECRET", "OTHER", "UNSET"))
    for secret in ("s3cret", "0ther"):
        signature.check(headers(secret=secret), BODY, NOW)
    assert refusal(signature, headers(secret="third"))[0] == 401
    assert signature.missing() == []


@pytest.mark.parametrize(("kind", "headers"), EACH)
@pytest.mark.parametrize("name", ["UNSET", "EMPTY"])
def test_without_a_secret_nothing_is_accepted(kind: Any, headers: Any, name: str) -> None:
    signature = kind(env=name)
    assert signature.missing() == [name]
    with pytest.raises(DeclarationError, match=f"the environment variable {name} is not set"):
        signature.check(headers(secret="any"), BODY, NOW)
    with pytest.raises((DeclarationError, Refused)):
        signature.check(headers(secret=""), BODY, NOW)


@pytest.mark.parametrize(("kind", "headers"), EACH)
def test_no_secret_shows_in_a_repr_or_a_refusal(kind: Any, headers: Any) -> None:
    signature = kind(env="SECRET")
    assert "s3cret" not in repr(signature)
    assert "s3cret" not in str(refusal(signature, headers(secret="other")))


def test_unsigned_deliveries_say_nothing() -> None:
    assert Unsigned().check({}, BODY, NOW) == Delivery()
    assert Unsigned().missing() == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: Stripe(env=""),
        lambda: Stripe(env=()),
        lambda: Stripe(env="SECRET", tolerance_s=0),
        lambda: Stripe(env="SECRET", tolerance_s=float("inf")),
        lambda: SharedSecret(),
        lambda: SharedSecret("no header", env="SECRET"),
        lambda: Hmac(header="Host", env="SECRET"),
        lambda: Hmac(header="X-Sign", env="SECRET", digest="md5"),
        lambda: Hmac(header="X-Sign", env="SECRET", encoding="octal"),  # type: ignore[arg-type]  # what is tested
        lambda: Hmac(header="X-Sign", env="SECRET", signed="{timestamp}"),
        lambda: Hmac(header="X-Sign", env="SECRET", signed="{timestamp}{body}"),
        lambda: Hmac(header="X-Sign", env="SECRET", signed="{id}{body}"),
        lambda: Hmac(header="X-Sign", env="SECRET", delivery="a b"),
    ],
)
def test_signatures_that_cannot_be_meant_are_a_declaration_error(make: Any) -> None:
    with pytest.raises(DeclarationError):
        make()


def test_equal_declarations_are_equal() -> None:
    assert GitHub(env="SECRET") == GitHub(env=["SECRET"])
    assert Stripe(env="SECRET") != Stripe(env="OTHER")
    kinds: list[Signature] = [Stripe(env="SECRET"), GitHub(env="SECRET"), Shopify(env="SECRET")]
    assert [kinds[0] == kind for kind in kinds] == [True, False, False]
    assert len({Shopify(env="SECRET"), Shopify(env="SECRET")}) == 1
