"""Which backends can be reached is found out without asking them anything."""

from __future__ import annotations

import socket
import time

import httpx
import pytest

from sources import FakeTransport, Rest, away


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


async def test_those_that_take_no_connection_are_named_with_their_addresses() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = Rest("there", f"http://127.0.0.1:{listening.getsockname()[1]}/base")
        gone = Rest("gone", f"http://127.0.0.1:{port}")
        nowhere = Rest("nowhere", "https://backend.invalid")
        sixth = Rest("sixth", f"http://[::1]:{port}")
        found = await away([there, gone, nowhere, sixth])
    assert found == [
        ("gone", f"127.0.0.1:{port}"),
        ("nowhere", "backend.invalid:443"),
        ("sixth", f"[::1]:{port}"),
    ]


async def test_those_that_an_author_speaks_to_himself_are_not_tried() -> None:
    fake = Rest("fake", f"http://127.0.0.1:{free_port()}", client=FakeTransport({}))
    async with httpx.AsyncClient() as client:
        assert await away([fake, Rest("own", f"http://127.0.0.1:{free_port()}", client=client)]) == []


async def test_none_is_tried_where_a_proxy_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    assert await away([Rest("gone", f"http://127.0.0.1:{free_port()}")]) == []


async def test_one_that_neither_accepts_nor_refuses_is_waited_for_a_while_only() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        for _ in range(5):  # until no place is left for those who wait to be accepted
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.append(one)
        began_at = time.monotonic()
        assert await away([Rest("full", f"http://127.0.0.1:{port}")], timeout_s=0.1) == [("full", f"127.0.0.1:{port}")]
        assert time.monotonic() - began_at < 5
        for one in waiting:
            one.close()


async def test_a_source_whose_declaration_is_faulty_is_left_to_those_who_tell_of_it() -> None:
    assert await away([Rest("odd", "nonsense")]) == []
