"""Answers in several payloads over real sockets: multipart/mixed in both forms, and to whom it is not sent."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import strawberry

from graph import App, Graph
from graph.parts import accepted_parts
from resolvers import link
from sources import Rest
from tests.serving import ASKED_FOR, running

Json = Any
DEFERRED = '{ shops { id ... @defer(label: "who") { owner { name } } } }'
STREAMED = '{ shops @stream(initialCount: 1, label: "all") { id owner { name } } }'
WHOLE = {"shops": [{"id": 1, "owner": {"name": "o1"}}, {"id": 2, "owner": {"name": "o2"}}]}


class Backend:
    """An ASGI application with shops and their owners; owners may be held back."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        answer: Json = [{"id": 1, "owner_id": 1}, {"id": 2, "owner_id": 2}]
        if scope["path"] == "/owners":
            await asyncio.to_thread(self.gate.wait, 20)
            keys = scope["query_string"].decode().replace("id=", "").split("&")
            answer = [{"id": int(key), "name": f"o{key}"} for key in keys]
        await send({"type": "http.response.start", "status": 500 if self.broken else 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


backend = Backend()


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    with running(backend) as address, running(App(Graph(query=query_of(address)))) as url:
        yield url + "/graphql"


def query_of(address: str) -> type:
    source = Rest("s", address)

    class Owner:
        id: int
        name: str

    class Shop:
        id: int

    owner_type = source.entity(batch="/owners{?id*}")(Owner)
    Shop.__annotations__["owner"] = owner_type | None
    Shop.owner = link("owner_id")  # type: ignore[attr-defined]
    shop_type = strawberry.type(Shop)

    def shops(self: object) -> list[Shop]: ...

    shops.__annotations__["return"] = list[shop_type]  # type: ignore[valid-type]
    return strawberry.type(type("Query", (), {"shops": source.get("/shops")(shops)}))


def parts_of(response: httpx.Response) -> list[Json]:
    text = response.text
    assert text.startswith("\r\n---\r\n")
    assert text.endswith("\r\n-----\r\n")
    found = []
    for part in text.removesuffix("\r\n-----\r\n").split("\r\n---\r\n")[1:]:
        head, _, body = part.partition("\r\n\r\n")
        assert head == "Content-Type: application/json; charset=utf-8"
        found.append(json.loads(body))
    return found


def ask(gateway: str, query: str, accept: str) -> httpx.Response:
    return httpx.post(gateway, json={"query": query}, headers={"accept": accept}, timeout=20)


def test_a_deferred_fragment_comes_in_a_part_of_its_own(gateway: str) -> None:
    response = ask(gateway, DEFERRED, "multipart/mixed, application/json")
    assert response.headers["content-type"] == 'multipart/mixed; boundary="-"'
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "accept"
    first, second = parts_of(response)
    assert first == {
        "data": {"shops": [{"id": 1}, {"id": 2}]},
        "pending": [
            {"id": "0", "path": ["shops", 0], "label": "who"},
            {"id": "1", "path": ["shops", 1], "label": "who"},
        ],
        "hasNext": True,
    }
    assert second == {
        "incremental": [
            {"data": {"owner": {"name": "o1"}}, "id": "0"},
            {"data": {"owner": {"name": "o2"}}, "id": "1"},
        ],
        "completed": [{"id": "0"}, {"id": "1"}],
        "hasNext": False,
    }


def test_the_form_of_2022_is_sent_to_who_asks_for_it(gateway: str) -> None:
    accept = "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json"
    response = ask(gateway, DEFERRED, accept)
    assert response.headers["content-type"] == 'multipart/mixed; boundary="-";deferSpec=20220824'
    assert parts_of(response) == [
        {"data": {"shops": [{"id": 1}, {"id": 2}]}, "hasNext": True},
        {
            "incremental": [
                {"data": {"owner": {"name": "o1"}}, "path": ["shops", 0], "label": "who"},
                {"data": {"owner": {"name": "o2"}}, "path": ["shops", 1], "label": "who"},
            ],
            "hasNext": False,
        },
    ]


def test_streamed_items_have_their_place_in_the_form_of_2022(gateway: str) -> None:
    first, second = parts_of(ask(gateway, STREAMED, "multipart/mixed;deferSpec=20220824"))
    assert first == {"data": {"shops": WHOLE["shops"][:1]}, "hasNext": True}
    assert second == {
        "incremental": [{"items": WHOLE["shops"][1:], "path": ["shops", 1], "label": "all"}],
        "hasNext": False,
    }


def test_the_first_part_is_sent_before_the_rest_is_there(gateway: str) -> None:
    backend.gate.clear()
    try:
        headers = {"accept": "multipart/mixed"}
        with httpx.stream("POST", gateway, json={"query": DEFERRED}, headers=headers, timeout=20) as response:
            pieces = response.iter_raw()
            assert next(pieces).endswith(b'"hasNext":true}\r\n---')  # without the boundary it would not be read yet
            backend.gate.set()
            assert b'"hasNext":false' in b"".join(pieces)
    finally:
        backend.gate.set()


def test_a_get_is_answered_in_parts_as_well(gateway: str) -> None:
    headers = {"accept": "multipart/mixed", **ASKED_FOR}
    response = httpx.get(gateway, params={"query": DEFERRED}, headers=headers, timeout=20)
    assert len(parts_of(response)) == 2


@pytest.mark.parametrize("accept", ["application/json", "*/*", "multipart/mixed;q=0, application/json"])
def test_who_takes_no_parts_gets_one_answer(gateway: str, accept: str) -> None:
    response = ask(gateway, DEFERRED, accept)
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {"data": WHOLE}


def test_who_takes_parts_gets_one_answer_where_nothing_comes_later(gateway: str) -> None:
    response = ask(gateway, "{ shops { ... @defer { id } } }", "multipart/mixed")
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {"data": {"shops": [{"id": 1}, {"id": 2}]}}


def test_errors_of_a_request_are_one_answer(gateway: str) -> None:
    response = ask(gateway, "{ nothing @defer }", "multipart/mixed, application/json")
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert "errors" in response.json()


def test_a_client_that_leaves_between_parts_leaves_the_server_well(gateway: str) -> None:
    backend.gate.clear()
    parts = urlsplit(gateway)
    assert parts.hostname is not None
    assert parts.port is not None
    body = json.dumps({"query": DEFERRED}).encode()
    client = socket.create_connection((parts.hostname, parts.port))
    head = "POST /graphql HTTP/1.1\r\nhost: x\r\naccept: multipart/mixed\r\ncontent-type: application/json\r\n"
    client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    assert client.recv(10) == b"HTTP/1.1 2"
    client.close()
    backend.gate.set()
    assert ask(gateway, DEFERRED, "application/json").json() == {"data": WHOLE}


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ("multipart/mixed", b'multipart/mixed; boundary="-"'),
        ("multipart/mixed; incrementalSpec=v0.2", b'multipart/mixed; boundary="-";incrementalSpec=v0.2'),
        ('Multipart/Mixed; DeferSpec="20220824"', b'multipart/mixed; boundary="-";deferSpec=20220824'),
        ("application/json, multipart/mixed; deferSpec=20220824", b'multipart/mixed; boundary="-";deferSpec=20220824'),
        ("multipart/mixed; incrementalSpec=\r\nx: y", b'multipart/mixed; boundary="-"'),
        ("multipart/mixed;q=0", None),
        ("multipart/form-data", None),
        (None, None),
    ],
)
def test_the_form_is_read_from_accept(accept: str | None, told: bytes | None) -> None:
    found = accepted_parts(accept)
    assert (None if found is None else found._content_type) == told
