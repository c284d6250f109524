"""Clients that stay: sockets with subscriptions and private queries, whatever happens to the backends meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.faults.backends import KEYS, person, thing
from tests.faults.load import OF_BACKENDS

_HEARS_S = 30.0
_EVERY_S = 0.1
_CALM, _STORMY = "subscription { calm { id name } }", "subscription { stormy { id name } }"


class Watcher:
    """One socket: a steady subscription, which misses nothing, a stormy one, which may, and queries for one client.

    `wrong` holds what should not have come; `heard` counts the events of each subscription, `asked` the queries.
    """

    def __init__(self, root: str, token: str) -> None:
        self.wrong: list[str] = []
        self.heard = {"calm": 0, "stormy": 0}
        self.asked = 0
        self._address = root.replace("http", "ws", 1) + "/graphql"
        self._token = token
        self._place: int | None = None
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def watch(self) -> None:
        """Open the socket, and go on until cancelled."""
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(self._address, subprotocols=protocols, compression=None, proxy=None) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": self._token}}))
            await socket.recv()
            await _subscribe(socket, "calm", _CALM)
            await _subscribe(socket, "stormy", _STORMY)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear(socket))
                group.create_task(self._query(socket))

    async def _hear(self, socket: ClientConnection) -> None:
        while True:
            async with asyncio.timeout(_HEARS_S):  # the steady subscription never falls silent
                message = json.loads(await socket.recv())
            name, kind, payload = message.get("id"), message["type"], message.get("payload")
            if kind == "ping":
                await socket.send('{"type": "pong"}')
            elif name == "calm":
                self._hear_calm(kind, payload)
            elif name == "stormy" and kind == "next":
                self._hear_stormy(payload)
            elif name == "stormy":  # refused, or over: once more, as a client would
                self._note_codes(payload if kind == "error" else [])
                await asyncio.sleep(_EVERY_S)
                await _subscribe(socket, "stormy", _STORMY)
            elif kind in ("next", "error") and name in self._waiting:
                self._waiting.pop(name).set_result(payload if kind == "next" else {"errors": payload})

    async def _query(self, socket: ClientConnection) -> None:
        for number in itertools.count():
            name = f"q{number}"
            answered = self._waiting[name] = asyncio.get_running_loop().create_future()
            await _subscribe(socket, name, "{ me { name words } }")
            async with asyncio.timeout(_HEARS_S):
                answer = await answered
            self.asked += 1
            if answer["data"]["me"] is not None and answer["data"]["me"] != person(self._token):
                self.wrong.append(f"{self._token} was told {answer}")
            self._note_codes(answer.get("errors", []))
            await asyncio.sleep(_EVERY_S)

    def _hear_calm(self, kind: str, payload: Any) -> None:
        self.heard["calm"] += 1
        event = payload["data"]["calm"] if kind == "next" and "errors" not in payload else None
        if event is None or event["id"] not in KEYS or event != thing(event["id"]):
            self.wrong.append(f"the steady subscription: {kind} {payload}")
            return
        place = KEYS.index(event["id"])
        if self._place is not None and place != (self._place + 1) % len(KEYS):
            self.wrong.append(f"the steady subscription: event {place} after {self._place}")
        self._place = place

    def _hear_stormy(self, payload: Any) -> None:
        event = (payload["data"] or {}).get("stormy") if "data" in payload else None
        if event is None:
            self._note_codes(payload.get("errors", []), "EVENTS_LOST")
            return
        self.heard["stormy"] += 1
        if event["id"] not in KEYS or event != thing(event["id"]):
            self.wrong.append(f"the stormy subscription: {payload}")

    def _note_codes(self, errors: list[Any], *more: str) -> None:
        for error in errors:
            if error["extensions"]["code"] not in OF_BACKENDS.union(more):
                self.wrong.append(f"{self._token}: {error}")


async def _subscribe(socket: ClientConnection, name: str, query: str) -> None:
    await socket.send(json.dumps({"id": name, "type": "subscribe", "payload": {"query": query}}))
