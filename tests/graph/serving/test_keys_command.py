"""`weft keys`: what it prints, where; what it refuses, in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from graph.apikey import id_of
from tests.graph.serving.command import here, refused, weft
from tests.stores import Store

WHEN = r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z"


@pytest.fixture(params=["file", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """Give options that name a place of one's own."""
    if request.param == "file":
        return ["--store", str(tmp_path / "keys.json")]
    server: Store = request.getfixturevalue("redis_server")
    return ["--store", server.url, "--prefix", f"{tmp_path.name}:"]


def listed(place: list[str]) -> list[dict[str, Any]]:
    ended = here("keys", "list", "--json", *place)
    assert ended.status == 0
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def test_stdout_holds_the_key_alone_and_stderr_nothing_of_it(place: list[str]) -> None:
    ended = here("keys", "create", "--name", "till 7", "--scope", "a", "--scope", "b c", "--expires", "90d", *place)
    key = ended.out.removesuffix("\n")
    assert ended.status == 0
    assert id_of(key) is not None
    assert re.fullmatch(
        f"weft: made the key {id_of(key)}, which expires {WHEN}; it is shown this once, keep it safe\n", ended.err
    )
    [told] = listed(place)
    assert (told["id"], told["name"], told["scopes"], told["state"]) == (
        id_of(key),
        "till 7",
        ["a", "b", "c"],
        "active",
    )


def test_a_key_is_made_as_json_too(place: list[str]) -> None:
    ended = here("keys", "create", "--json", "--rate", "requests=100/60s", *place)
    told = json.loads(ended.out)
    key = told.pop("key")
    assert id_of(key) == told["id"]
    assert told["rates"] == ["requests=100/60s"]
    assert [told] == listed(place)


def test_the_list_shows_each_key_and_none_of_its_secret(place: list[str]) -> None:
    keys = [here("keys", "create", "--name", name, *place).out[:-1] for name in ("one", "\u202etwo")]
    here("keys", "revoke", str(id_of(keys[0])), *place)
    ended = here("keys", "list", *place)
    lines = ended.out.splitlines()
    assert lines[0].split() == ["id", "state", "created", "expires", "name", "scopes", "rates"]
    assert sorted(lines[1:]) == sorted(
        line for line in lines if re.match(rf"({id_of(keys[0])}  revoked|{id_of(keys[1])}  active )  {WHEN}  -", line)
    )
    assert len(lines) == 3
    assert "\u202e" not in ended.out  # it would turn the rest of the line around
    assert not any(key[17:] in ended.out for key in keys)


@pytest.mark.parametrize("named", [lambda key: str(id_of(key)), lambda key: f"key:{id_of(key)}", lambda key: key])
def test_revoking_says_what_it_did(place: list[str], named: Any) -> None:
    key = here("keys", "create", *place).out[:-1]
    id = id_of(key)
    assert here("keys", "revoke", named(key), *place) == (
        0,
        "",
        f"weft: revoked the key {id}; servers refuse it within seconds\n",
    )
    again = here("keys", "revoke", named(key), *place)
    assert again.status == 0
    assert re.fullmatch(f"weft: the key {id} was revoked before, {WHEN}\n", again.err)
    assert [told["state"] for told in listed(place)] == ["revoked"]
    assert here("keys", "revoke", "nobodys", *place) == (1, "", "weft: there is no key nobodys\n")


def test_that_there_are_no_keys_is_said(redis_server: Store, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"version": 1, "keys": []}')
    for place in ([str(tmp_path / "keys.json")], [redis_server.url, "--prefix", "none:"]):
        ended = here("keys", "list", "--store", *place)
        assert ended == (0, "", "weft: there are no keys yet; weft keys create makes one\n")


def test_the_place_may_stand_in_the_environment(tmp_path: Path, redis_server: Store) -> None:
    file = tmp_path / "keys.json"
    key = here("keys", "create", WEFT_KEYS=str(file)).out[:-1]
    assert [told["id"] for told in listed(["--store", str(file)])] == [id_of(key)]
    more = {"WEFT_KEYS": "env:OUR_REDIS", "OUR_REDIS": redis_server.url}
    key = here("keys", "create", "--prefix", "elsewhere:", **more).out[:-1]
    assert [told["id"] for told in listed(["--store", redis_server.url, "--prefix", "elsewhere:"])] == [id_of(key)]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2126-01-01", "2126-01-01T00:00:00Z"),
        ("2126-01-01T12:30Z", "2126-01-01T12:30:00Z"),
        ("2126-01-01T12:30+02:00", "2126-01-01T10:30:00Z"),
    ],
)
def test_a_key_expires_at_an_instant(tmp_path: Path, given: str, written: str) -> None:
    ended = here("keys", "create", "--json", "--expires", given, "--store", str(tmp_path / "keys.json"))
    assert json.loads(ended.out)["expires"] == written


@pytest.mark.parametrize("given", ["", "0d", "90", "90y", "-1d", "1.5h", "999999w", "2126-13-01", "soon", "٣d"])
def test_what_is_no_time_is_one_line(tmp_path: Path, given: str) -> None:
    line = refused("keys", "create", "--expires", given, "--store", str(tmp_path / "keys.json"))
    assert line.endswith(": expected 90d, 12h, 8w, 2027-01-01 or 2027-01-01T12:00Z")
    assert not (tmp_path / "keys.json").exists()


def test_what_cannot_be_done_is_one_line_without_a_password(tmp_path: Path) -> None:
    file = str(tmp_path / "keys.json")
    for given in ("2001-01-01", "2020-01-01T00:00Z"):
        assert refused("keys", "create", "--expires", given, "--store", file) == (
            f"weft: --expires {given!r}: that is over"
        )
    assert refused("keys", "create", "--scope", 'a"', "--store", file).startswith("weft: a key has a name of one line")
    assert refused("keys", "list", "--store", file) == f"weft: {file}: No such file or directory"
    assert refused("keys", "revoke", "x", "--store", file) == f"weft: {file}: No such file or directory"
    assert refused("keys", "create", "--store", f"{file}/x") == f"weft: {file}/x: No such file or directory"
    assert (
        refused("keys", "list", "--store", "env:NO_SUCH")
        == "weft: API keys: the environment variable NO_SUCH is not set"
    )
    assert refused("keys", "list", "--store", " ") == "weft: API keys: no place is named"
    for url in (
        "redis://ada:hunter2@127.0.0.1:1",
        "REDIS://ada:hunter2@127.0.0.1:1",
        "rediss://:hunter2@127.0.0.1:1?x=1",
    ):
        assert "hunter2" not in refused("keys", "list", "--store", url)
    assert refused("keys", "list", "--store", "env:OURS", OURS="redis://:hunter2@127.0.0.1:1") == (
        "weft: Redis(env='OURS'): Redis cannot be reached"
    )


def test_the_command_is_there_for_scripts(tmp_path: Path) -> None:
    ended = weft("keys", "create", "--store", str(tmp_path / "keys.json"))
    assert ended.returncode == 0
    assert id_of(ended.stdout.removesuffix("\n")) is not None
