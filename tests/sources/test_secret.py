"""Secrets come from the environment or from files, are taken up anew when they change, and are shown nowhere."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sources import (
    ApiKey,
    Basic,
    Bearer,
    Credentials,
    DeclarationError,
    FakeTransport,
    GitHub,
    Hmac,
    OAuth2,
    Redis,
    Rest,
    Secret,
    SharedSecret,
    Shopify,
    Stripe,
    lacking,
)
from sources.exchange import Exchange

CANARY = "canary-8c1f2e"
KINDS: list[Callable[..., Any]] = [
    lambda **place: ApiKey("X-Key", **place),
    lambda **place: Basic("ada", **place),
    Bearer,
    lambda **place: OAuth2("https://shop.example/token", client_id="weft", **place),
    Redis,
    lambda **place: Hmac(header="X-Signature", **place),
    GitHub,
    Shopify,
    Stripe,
    SharedSecret,
]
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secret"


def write(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
    else:
        file.write_text(text)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_line_ends_at_the_end_of_a_file_do_not_count(file: Path, ending: str) -> None:
    file.write_bytes(b"hidden" + ending.encode())
    secret = Secret(None, None, "a key", str(file))
    assert (secret.missing(), secret.read()) == ([], "hidden")


def test_a_variable_may_name_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("of the file\n")
    monkeypatch.setenv("SHOP_KEY_FILE", str(file))
    assert Secret(None, "SHOP_KEY", "a key").read() == "of the file"
    monkeypatch.setenv("SHOP_KEY", "of the variable")
    assert Secret(None, "SHOP_KEY", "a key").read() == "of the variable"


def test_what_is_missing_is_named_as_it_was_to_be_given(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Secret(None, "SHOP_KEY", "a key").missing() == ["SHOP_KEY"]
    assert Secret(None, None, "a key", str(file)).missing() == [str(file)]
    assert Secret(None, None, "a key", "no-such-file").missing() == ["./no-such-file"]
    monkeypatch.setenv("SHOP_KEY_FILE", str(file))
    assert Secret(None, "SHOP_KEY", "a key").missing() == [str(file)]
    assert lacking("SHOP_KEY") == "the environment variable SHOP_KEY is not set"
    assert lacking("./key") == "the file ./key is not there, is empty, or cannot be read as text"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_without_a_usable_text_is_missing(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    secret = Secret(None, None, "a key", str(file))
    assert secret.missing() == [str(file)]
    with pytest.raises(DeclarationError, match="is not there, is empty, or cannot be read as text"):
        secret.read()


def test_neither_a_folder_nor_a_pipe_nor_nonsense_is_a_secret(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (str(tmp_path), str(pipe), f"{tmp_path}/a\0b"):
        assert Secret(None, None, "a key", path).missing() == [path]


@pytest.mark.parametrize("content", ["two\nlines", "a\x00b", "tab\tbed"])
def test_what_no_header_can_hold_is_refused_without_being_quoted(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(DeclarationError) as refused:
        Secret(None, None, "a key", str(file)).read()
    assert str(refused.value) == f"{file} holds a control character"


@pytest.mark.parametrize(
    "places", [(None, None, None), ("a", "B", None), ("a", None, "c"), (None, "B", "c"), (None, "", None)]
)
def test_a_secret_has_one_place(places: tuple[str | None, str | None, str | None]) -> None:
    value, env, file = places
    with pytest.raises(DeclarationError, match=r"^a key: "):
        Secret(value, env, "a key", file)


@EACH_KIND
def test_every_kind_takes_a_file_and_says_when_it_is_missing(kind: Callable[..., Any], file: Path) -> None:
    made = kind(file=str(file))
    assert made.missing() == [str(file)]
    file.write_text("redis://127.0.0.1:6379\n")
    assert made.missing() == []


@EACH_KIND
def test_no_kind_shows_its_secret(kind: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(CANARY)
    monkeypatch.setenv("SHOP_SECRET", CANARY)
    for made in (kind(file=str(file)), kind(env="SHOP_SECRET")):
        assert CANARY not in f"{made!r} {made}"


async def test_nothing_that_holds_a_secret_shows_it() -> None:
    kinds: list[Any] = [
        ApiKey("X-Key", value=CANARY),
        Basic("ada", CANARY),
        Bearer(CANARY),
        OAuth2("https://shop.example/token", client_id="weft", client_secret=CANARY),
        Redis(f"redis://:{CANARY}@127.0.0.1"),
    ]
    for made in (*kinds, Secret(CANARY, None, "a key"), Credentials([[each] for each in kinds[:4]])):
        assert CANARY not in f"{made!r} {made}"
    for auth in kinds[:4]:
        backend = FakeTransport({"POST /token": {"access_token": CANARY}})
        source = Rest("shop", "https://shop.example", auth=auth, client=backend)
        opening = await source.exchange.opening("/", [("x-token", CANARY)])
        assert CANARY not in f"{source!r} {source.exchange!r} {source.missing()} {source.faults} {opening!r}"


@pytest.mark.parametrize(
    "auth", [ApiKey("X-Key", value="\n" + CANARY), Bearer("\n" + CANARY), Basic("ada", "\n" + CANARY)]
)
async def test_a_secret_that_cannot_be_sent_is_in_no_traceback(auth: Any) -> None:
    source = Rest("shop", "http://shop", auth=auth, client=FakeTransport({}))
    try:
        await source.send("GET", "/")
    except DeclarationError as exc:
        shown = "".join(traceback.format_exception(exc))
    assert "holds a control character" in shown
    assert CANARY not in shown


async def test_a_changed_file_is_taken_up_within_five_seconds(file: Path) -> None:
    now = 0.0
    backend = FakeTransport({"GET /": {}})
    auth = Bearer(file=str(file))
    exchange = Exchange(source="shop", url="http://shop", auth=auth, transport=backend, clock=lambda: now)
    write(file, "old\n")
    await exchange.send("GET", "/")
    write(file, "new\n")
    now = 5.0
    await exchange.send("GET", "/")
    now = 5.1
    await exchange.send("GET", "/")
    assert [sent["authorization"] for sent in backend.headers] == ["Bearer old", "Bearer old", "Bearer new"]


async def test_a_file_that_is_gone_for_a_while_costs_nothing(file: Path) -> None:
    now = 0.0
    backend = FakeTransport({"GET /": {}})
    auth = Bearer(file=str(file))
    exchange = Exchange(source="shop", url="http://shop", auth=auth, transport=backend, clock=lambda: now)
    write(file, "old")
    await exchange.send("GET", "/")
    write(file, None)
    now = 6.0
    await exchange.send("GET", "/")
    write(file, "new")
    now = 12.0
    await exchange.send("GET", "/")
    assert [sent["authorization"] for sent in backend.headers] == ["Bearer old", "Bearer old", "Bearer new"]
