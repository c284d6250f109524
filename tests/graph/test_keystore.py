"""API keys and where their records are kept: in a file that people edit, in a Redis that goes away."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.apikey import ApiKeyRecord, id_of, new_key
from graph.keyfile import KeyFile
from graph.keystore import KeyStore, KeyStoreFailed
from graph.redis_keys import RedisKeys
from sources import Redis
from sources.redis_texts import read_text, write_text
from tests.stores import Store

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
TEXT, RECORD = new_key(created=JANUARY, name="Ada", scopes=["a", "b"], expires=MAY, rates=["requests=100/60s"])


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


# -- keys ------------------------------------------------------------------------------------------------------------


def test_a_key_has_an_id_190_random_bits_and_a_checksum() -> None:
    assert re.fullmatch(r"weft_[0-9a-z]{12}_[0-9A-Za-z]{32}[0-9A-Za-z]{6}", TEXT)
    assert id_of(TEXT) == RECORD.id == TEXT[5:17]
    assert len({new_key(created=JANUARY)[0] for _ in range(100)}) == 100


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="latin-1"))
def test_a_key_with_another_character_anywhere_is_none(at: int, by: str) -> None:
    changed = TEXT[:at] + by + TEXT[at + 1 :]
    assert (id_of(changed) is not None) == (changed == TEXT)
    assert RECORD.is_of(changed) == (changed == TEXT)


@given(st.text(max_size=60) | st.from_regex(r"weft_[0-9a-z]{12}_[0-9A-Za-z]{38}", fullmatch=True))
def test_no_text_that_was_not_made_is_a_key(text: str) -> None:
    assert id_of(text) is None


def test_a_record_holds_a_hash_and_nothing_of_the_secret() -> None:
    written = msgspec.json.encode(RECORD).decode()
    secret = TEXT[18:50]
    assert not any(secret[at : at + 5] in written for at in range(len(secret) - 5))
    assert secret not in repr(RECORD)


@pytest.mark.parametrize(
    ("told", "state"),
    [({}, "active"), ({"expires": MAY}, "expired"), ({"revoked": MAY}, "revoked")],
)
def test_a_key_is_good_until_it_is_revoked_or_expires(told: dict[str, Any], state: str) -> None:
    record = msgspec.structs.replace(RECORD, **{"expires": None, **told})
    assert record.state(MAY) == state


@pytest.mark.parametrize(
    "told",
    [
        {"name": "two\nlines"},
        {"name": "x" * 201},
        {"scopes": ["a b"]},
        {"scopes": [""]},
        {"scopes": ["ä"]},
        {"scopes": ["a\n"]},
        {"scopes": [f"s{number}" for number in range(101)]},
        {"rates": ["x"]},
        {"rates": ["requests=1/1s", "requests=1/1m"]},
        {"rates": [f"requests=1/1s;name=n{number}" for number in range(21)]},
    ],
)
def test_what_a_record_may_not_hold_makes_no_key(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a key has a name of one line and up to 200 characters, up to 100 scopes"):
        new_key(created=JANUARY, **told)


# -- any store -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore:
    if request.param == "file":
        return KeyFile(tmp_path / "keys.json")
    server: Store = request.getfixturevalue("redis_server")
    return RedisKeys(Redis(server.url), f"{tmp_path.name}:")


async def test_what_is_kept_is_found_and_listed_from_the_oldest_on(store: KeyStore) -> None:
    _, younger = new_key(created=MAY)
    await store.add(younger)
    await store.add(RECORD)
    assert await store.find(RECORD.id) == RECORD
    assert await store.find("0" * 12) is None
    assert await store.all() == [RECORD, younger]
    await store.aclose()


async def test_an_id_is_kept_once(store: KeyStore) -> None:
    await store.add(RECORD)
    with pytest.raises(KeyStoreFailed, match=f"there is a key {RECORD.id} already"):
        await store.add(msgspec.structs.replace(RECORD, name="Eve"))
    assert await store.all() == [RECORD]


async def test_revoking_is_noted_once(store: KeyStore) -> None:
    await store.add(RECORD)
    revoked = msgspec.structs.replace(RECORD, revoked=JANUARY)
    assert await store.revoke(RECORD.id, JANUARY) == RECORD
    assert await store.revoke(RECORD.id, MAY) == revoked
    assert await store.revoke("0" * 12, MAY) is None
    assert await store.all() == [revoked]


# -- a file ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def write(path: Path, *records: ApiKeyRecord) -> None:
    path.write_bytes(msgspec.json.encode({"version": 1, "keys": records}))


def spoil(path: Path) -> None:
    path.write_text("{")


def remove(path: Path) -> None:
    path.unlink()


def add_here(path: Path, record: ApiKeyRecord) -> None:
    asyncio.run(KeyFile(path).add(record))


def test_of_many_who_write_at_once_none_is_lost_and_who_reads_meanwhile_sees_whole_files(path: Path) -> None:
    write(path)
    records = [new_key(created=JANUARY)[1] for _ in range(40)]
    with ThreadPoolExecutor(8) as writing:
        done = [writing.submit(add_here, path, record) for record in records]
        while not all(each.done() for each in done):
            assert KeyFile(path).missing() == []
        for each in done:
            each.result()
    kept = asyncio.run(KeyFile(path).all())
    assert {record.id for record in kept} == {record.id for record in records}
    assert os.listdir(path.parent) == ["keys.json"]


def test_a_new_file_is_its_owners_and_one_that_is_there_stays_readable_for_whom_it_was(path: Path) -> None:
    add_here(path, RECORD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    add_here(path, new_key(created=MAY)[1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_to_the_file_stays_one(path: Path) -> None:
    link = path.with_name("link.json")
    link.symlink_to(path)
    add_here(link, RECORD)
    add_here(link, new_key(created=MAY)[1])
    assert link.is_symlink()
    assert len(asyncio.run(KeyFile(path).all())) == 2


async def test_a_file_is_looked_at_again_after_a_second(path: Path) -> None:
    clock = Clock()
    write(path, RECORD)
    keys = KeyFile(path, clock=clock)
    assert await keys.find(RECORD.id) == RECORD
    write(path)
    clock.now += 0.9
    assert await keys.find(RECORD.id) == RECORD
    clock.now += 0.1
    assert await keys.find(RECORD.id) is None


async def test_a_file_that_breaks_leaves_the_keys_read_before_and_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    write(path, RECORD)
    keys = KeyFile(path, clock=clock)
    assert keys.missing() == []
    spoil(path)
    with caplog.at_level(logging.ERROR, "weft"):
        for _ in range(3):
            clock.now += 1
            assert await keys.find(RECORD.id) == RECORD
        remove(path)
        for _ in range(3):
            clock.now += 1
            assert await keys.find(RECORD.id) == RECORD
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: is no file of API keys; the keys read before stay good",
        f"{path}: No such file or directory; the keys read before stay good",
    ]
    write(path)
    clock.now += 1
    assert await keys.find(RECORD.id) is None


async def test_of_a_file_that_was_never_read_nothing_can_be_told(path: Path) -> None:
    clock = Clock()
    keys = KeyFile(path, clock=clock)
    for _ in range(2):
        with pytest.raises(KeyStoreFailed, match="No such file or directory"):
            await keys.find(RECORD.id)
    write(path, RECORD)
    clock.now += 1
    assert await keys.find(RECORD.id) == RECORD


def holding(**changed: Any) -> str:
    told: dict[str, Any] = {**json.loads(msgspec.json.encode(RECORD)), **changed}
    return json.dumps({"version": 1, "keys": [told]})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is no file of API keys"),
        ("[]", "is no file of API keys: Expected `object`, got `array`"),
        ("[" * 100_000, "is no file of API keys"),
        ('{"version":1,"keys":[], "more":1}', "is no file of API keys: Object contains unknown field `more`"),
        ('{"version":2,"keys":[]}', "is of version 2, of which this server knows nothing"),
        ('{"version":' + "9" * 10_000 + ',"keys":[]}', "is no file of API keys"),
        (holding(only_from="10.0.0.1"), "is no file of API keys: Object contains unknown field `only_from`"),
        (holding(hash="x"), "is no file of API keys: Expected `str` matching regex"),
        (holding(hash=RECORD.hash + "\n"), "is no file of API keys: Expected `str` matching regex"),
        (holding(id="../../../etc"), "is no file of API keys: Expected `str` matching regex"),
        (holding(expires="2027-01-01T00:00:00"), "is no file of API keys: Expected `datetime` with a timezone"),
        (holding(expires=1e400), "is no file of API keys"),
        (holding(scopes="a b"), "is no file of API keys: Expected `array`"),
        (holding().replace("[{", "[" + holding()[24:-2] + ",{"), "two keys have one id"),
        (" " * 2_000_001, "is longer than 2000000 bytes"),
    ],
    ids=range(15),
)
def test_a_file_of_anything_else_is_a_fault_in_one_line(path: Path, text: str, fault: str) -> None:
    path.write_text(text)
    [missing] = KeyFile(path).missing()
    assert missing.startswith(f"{path}: {fault}")
    assert "\n" not in missing


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert KeyFile(tmp_path / "pipe").missing() == [f"{tmp_path / 'pipe'}: is no file"]
    assert KeyFile(tmp_path).missing() == [f"{tmp_path}: is no file"]


# -- Redis -----------------------------------------------------------------------------------------------------------


async def lookups(redis: Redis) -> int:
    async with redis.client() as client:
        asked: Any = await client.info("commandstats")
    return int(asked.get("cmdstat_mget", {"calls": 0})["calls"])


async def test_a_flood_of_unknown_keys_costs_few_round_trips_and_the_same_again_none(redis_server: Store) -> None:
    redis, ids = Redis(redis_server.url), [new_key(created=JANUARY)[1].id for _ in range(500)]
    keys = RedisKeys(redis, "flood:")
    before = await lookups(redis)
    assert await asyncio.gather(*map(keys.find, ids * 2)) == [None] * 1_000
    asked = await lookups(redis) - before
    assert asked == 5
    assert await asyncio.gather(*map(keys.find, ids)) == [None] * 500
    assert await lookups(redis) - before == asked
    await keys.aclose()


async def test_more_than_a_thousand_who_wait_are_too_many(redis_server: Store) -> None:
    keys = RedisKeys(Redis(redis_server.url), "many:")
    found = await asyncio.gather(*(keys.find(f"{number:012}") for number in range(1_500)), return_exceptions=True)
    assert found[:1_000] == [None] * 1_000
    assert all(isinstance(each, KeyStoreFailed) for each in found[1_000:])
    assert str(found[-1]).endswith("too much is asked of Redis")
    assert await keys.find(f"{1_499:012}") is None
    await keys.aclose()


async def test_that_there_is_no_key_is_remembered_for_five_seconds_and_a_key_for_ten(redis_server: Store) -> None:
    redis, clock = Redis(redis_server.url), Clock()
    keys, command = RedisKeys(redis, "fresh:", clock=clock), RedisKeys(redis, "fresh:")
    assert await keys.find(RECORD.id) is None
    await command.add(RECORD)
    clock.now += 4.9
    assert await keys.find(RECORD.id) is None
    clock.now += 0.2
    assert await keys.find(RECORD.id) == RECORD
    await command.revoke(RECORD.id, MAY)
    clock.now += 9.9
    assert await keys.find(RECORD.id) == RECORD
    clock.now += 0.2
    assert await keys.find(RECORD.id) == msgspec.structs.replace(RECORD, revoked=MAY)
    await keys.aclose()


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", msgspec.json.encode(RECORD), b"[" * 70_000])
async def test_a_record_that_is_none_is_told_and_nobodys(
    text: bytes, redis_server: Store, caplog: pytest.LogCaptureFixture
) -> None:
    redis = Redis(redis_server.url)
    async with redis.client() as client:
        await client.set("bad:000000000000", text)
    keys = RedisKeys(redis, "bad:")
    with caplog.at_level(logging.ERROR, "weft"):
        assert await keys.find("0" * 12) is None
    assert caplog.messages[0].startswith(f"RedisKeys({redis!r}, 'bad:'): the record of the key '000000000000' cannot")
    assert await keys.all() == []
    await keys.aclose()


async def test_a_redis_that_says_nothing_is_waited_for_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redis = Redis(f"redis://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
        keys = RedisKeys(redis, "silent:")
        for _ in range(200):  # 40 seconds, if each of them waited
            with pytest.raises(KeyStoreFailed, match="Redis does not answer in time"):
                await keys.find(RECORD.id)
        await keys.aclose()


async def test_who_waits_when_the_store_is_closed_is_told_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keys = RedisKeys(Redis(f"redis://127.0.0.1:{silent.getsockname()[1]}"), "closed:")
        before = asyncio.all_tasks()
        waiting = asyncio.create_task(keys.find(RECORD.id))
        await asyncio.sleep(0)
        await keys.aclose()
        with pytest.raises(KeyStoreFailed, match="the connection to Redis is closed"):
            await waiting
        assert asyncio.all_tasks() == before


def test_a_store_serves_one_event_loop_after_the_other(redis_server: Store) -> None:
    keys = RedisKeys(Redis(redis_server.url), "loops:")
    assert asyncio.run(keys.find("0" * 12)) is None
    assert asyncio.run(keys.find("1" * 12)) is None


async def test_a_client_that_leaves_takes_nothing_from_others(redis_server: Store) -> None:
    redis = Redis(redis_server.url)
    await RedisKeys(redis, "leaving:").add(RECORD)
    keys = RedisKeys(redis, "leaving:")
    leaving, staying = (asyncio.create_task(keys.find(RECORD.id)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == RECORD
    await keys.aclose()


@pytest.mark.parametrize("url", ["redis://ada:hunter2@127.0.0.1:1", "redis://:hunter2@127.0.0.1:1/0"])
async def test_no_password_of_an_address_is_told(url: str, caplog: pytest.LogCaptureFixture) -> None:
    keys = RedisKeys(Redis(url), "x:")
    with caplog.at_level(logging.DEBUG), pytest.raises(KeyStoreFailed) as failed:
        await keys.find(RECORD.id)
    await keys.aclose()
    with pytest.raises(KeyStoreFailed) as listed:
        await keys.all()
    assert "hunter2" not in f"{keys!r} {failed.value} {listed.value} {caplog.text}"
    assert "Redis cannot be reached" in caplog.text


async def test_texts_are_written_where_there_is_none_or_one(redis_server: Store) -> None:
    redis = Redis(redis_server.url)
    assert not await write_text(redis, "texts:one", b"1", new=False)
    assert await read_text(redis, "texts:one") is None
    assert await write_text(redis, "texts:one", b"1", new=True)
    assert not await write_text(redis, "texts:one", b"2", new=True)
    assert await read_text(redis, "texts:one") == b"1"
    assert await write_text(redis, "texts:one", b"2", new=False)
    assert await read_text(redis, "texts:one") == b"2"
