"""Clients of a gateway under fire: they know what every operation should give, and count what came instead.

What the steady backend gives must be right whatever happens to the others. What a broken backend gives must be right,
or null beside an error with one of the codes of backends. Anything else is a wrong answer; no answer, or one after the
deadline, is a lost one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.faults.backends import KEYS, item, note, person, thing
from tests.faults.served import DEADLINE_S

OF_BACKENDS = {"UPSTREAM_TIMEOUT", "UPSTREAM_UNAVAILABLE", "UPSTREAM_ERROR", "UPSTREAM_INVALID"}
MARGIN_S = 5.0  # what a machine that is busy with other things may add
_KEPT_S = 2.0
_MOST_TOLD = 20


@dataclass(frozen=True)
class Operation:
    """A request with what it should give.

    Args:
        broken: response keys whose value comes from a backend that may fail.
        written: the id that a mutation writes.
    """

    query: str
    variables: dict[str, Any]
    expected: dict[str, Any]
    broken: frozenset[str] = frozenset()
    token: str | None = None
    written: str | None = None


@dataclass
class Figures:
    """What came of the operations under one fault."""

    sent: int = 0
    whole: int = 0
    partial: int = 0
    wrong: int = 0
    lost: int = 0
    highest_s: float = 0.0
    highest_untouched_s: float = 0.0
    injected: int = 0
    told: list[str] = field(default_factory=list)

    def tell(self, line: str) -> None:
        """Keep what is wrong, for people; not all of it if it is much."""
        if len(self.told) < _MOST_TOLD:
            self.told.append(line)

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            sent=self.sent + other.sent,
            whole=self.whole + other.whole,
            partial=self.partial + other.partial,
            wrong=self.wrong + other.wrong,
            lost=self.lost + other.lost,
            highest_s=max(self.highest_s, other.highest_s),
            highest_untouched_s=max(self.highest_untouched_s, other.highest_untouched_s),
            injected=self.injected + other.injected,
            told=[*self.told, *other.told],
        )


class _Connection:
    """One connection to the gateway: a client that costs this process next to nothing, since its time is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._used_at = time.monotonic()

    def is_old(self) -> bool:
        """Tell whether the gateway may be about to close it."""
        return time.monotonic() - self._used_at > _KEPT_S

    @classmethod
    async def open(cls, root: str) -> _Connection:
        """Connect."""
        host, port = root.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def send(self, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Send a request; give the status and the JSON of the response."""
        lines = ["POST /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self._writer.write("\r\n".join(lines).encode() + body)
        status, *fields = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
        self._used_at = time.monotonic()
        [length] = [int(line.partition(":")[2]) for line in fields if line.startswith("content-length:")]
        return int(status.split()[1]), json.loads(await self._reader.readexactly(length))

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class Clients:
    """Many clients of one gateway.

    `succeeded` holds the ids whose mutation was answered with success.
    """

    def __init__(self, root: str, *, at_once: int = 12) -> None:
        self._root = root
        self.succeeded: set[str] = set()
        self.tried: set[str] = set()
        self._at_once = at_once
        self._serials = itertools.count()
        self._idle: list[_Connection] = []

    async def run(self, operations: int, seed: int | str, *, silent: bool = False) -> Figures:
        """Send so many operations, some at once, and give what came of them; `silent` is that of `differences`."""
        chance = random.Random(seed)
        figures = Figures()
        wanted = iter([self._choose(chance) for _ in range(operations)])
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._client(wanted, figures, silent=silent))
        return figures

    async def ask(self, operation: Operation) -> tuple[int, Any]:
        """Send one operation; give the status and the response."""
        if operation.written is not None:
            self.tried.add(operation.written)
        headers = {"host": "gateway", "content-type": "application/json", "accept": "application/graphql-response+json"}
        if operation.token is not None:
            headers["authorization"] = operation.token
        body = json.dumps({"query": operation.query, "variables": operation.variables}).encode()
        connection = self._idle.pop() if self._idle else None
        if connection is not None and connection.is_old():
            connection.close()
            connection = None
        if connection is None:
            connection = await _Connection.open(self._root)
        async with asyncio.timeout(DEADLINE_S + MARGIN_S):
            found = await connection.send({**headers, "content-length": str(len(body))}, body)
        self._idle.append(connection)
        status, response = found
        if operation.written is not None and response.get("data") == operation.expected:
            self.succeeded.add(operation.written)
        return status, response

    async def inside(self) -> dict[str, int]:
        """Give what the gateway's process holds while nothing but this is under way."""
        _, response = await self.ask(Operation("{ inside { tasks underWay subscriptions } }", {}, {}))
        found: dict[str, int] = response["data"]["inside"]
        return found

    async def aclose(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    async def _client(self, wanted: Iterator[Operation], figures: Figures, *, silent: bool) -> None:
        for operation in wanted:
            figures.sent += 1
            began_at = time.monotonic()
            try:
                status, response = await self.ask(operation)
            except (OSError, EOFError, ValueError) as exc:
                figures.lost += 1
                figures.tell(f"{type(exc).__name__} instead of an answer to {operation.query} {operation.variables}")
                continue
            took_s = time.monotonic() - began_at
            figures.highest_s = max(figures.highest_s, took_s)
            if not operation.broken:
                figures.highest_untouched_s = max(figures.highest_untouched_s, took_s)
            faults = [] if status == 200 else [f"status {status}"]
            faults += differences(operation, response, silent=silent)
            figures.wrong += bool(faults)
            for fault in faults:
                figures.tell(f"{operation.query} {operation.variables}: {fault}")
            is_whole = "errors" not in response
            figures.whole += is_whole
            figures.partial += not is_whole

    def kinds(self) -> list[Operation]:
        """Give an operation of each kind that can be answered whole."""
        chance = random.Random(0)
        makers = dict.fromkeys(make for make in self._makers() if make != self._unresolved)
        return [make(chance.choice(KEYS), chance) for make in makers]

    def _choose(self, chance: random.Random) -> Operation:
        return chance.choice(self._makers())(chance.choice(KEYS), chance)

    def _makers(self) -> list[Callable[[str, random.Random], Operation]]:
        return [
            self._untouched,
            self._untouched_list,
            self._mixed,
            self._identical,
            self._listed,
            self._repeated,
            self._private,
            self._private,
            self._write,
            self._unresolved,
        ]

    def _untouched(self, key: str, chance: random.Random) -> Operation:
        return Operation("query T($id: ID!) { thing(id: $id) { id name } }", {"id": key}, {"thing": thing(key)})

    def _untouched_list(self, key: str, chance: random.Random) -> Operation:
        return Operation("{ things { id name } }", {}, {"things": [thing(key) for key in KEYS]})

    def _mixed(self, key: str, chance: random.Random) -> Operation:
        other = chance.choice(KEYS)
        query = """query M($id: ID!, $other: ID!) {
            thing(id: $other) { id name note { id text } } item(id: $id) { id name thing { id name } } }"""
        expected = {"thing": {**thing(other), "note": note(other)}, "item": _item(key)}
        return Operation(query, {"id": key, "other": other}, expected, frozenset({"item", "note"}))

    def _identical(self, key: str, chance: random.Random) -> Operation:
        things = [{**thing(key), "note": note(key)} for key in KEYS]
        return Operation("{ things { id name note { id text } } }", {}, {"things": things}, frozenset({"note"}))

    def _listed(self, key: str, chance: random.Random) -> Operation:
        keys = chance.sample(KEYS, 5)
        query = "query L($ids: [ID!]!) { items(ids: $ids) { id name thing { id name } } }"
        return Operation(query, {"ids": keys}, {"items": [_item(key) for key in keys]}, frozenset({"items"}))

    def _repeated(self, key: str, chance: random.Random) -> Operation:
        expected = {"sameItem": {"id": key, "name": f"Item {key}"}}
        query = "query R($id: ID!) { sameItem(id: $id) { id name } }"
        return Operation(query, {"id": key}, expected, frozenset({"sameItem"}))

    def _private(self, key: str, chance: random.Random) -> Operation:
        token = f"client-{chance.randrange(8)}"
        # The same text for all of them: what tells the answers apart is the header alone.
        query = "{ me { name words } }"
        return Operation(query, {}, {"me": person(token)}, frozenset({"me"}), token=token)

    def _write(self, key: str, chance: random.Random) -> Operation:
        written = f"entry-{next(self._serials)}"
        field = chance.choice(["add", "set", "remove"])
        query = f"mutation W($id: ID!) {{ {field}(id: $id) {{ id times }} }}"
        expected = {field: {"id": written, "times": 1}}
        return Operation(query, {"id": written}, expected, frozenset({field}), written=written)

    def _unresolved(self, key: str, chance: random.Random) -> Operation:
        query = "query G($id: ID!) { gone(id: $id) { id } thing(id: $id) { id name } }"
        expected = {"gone": {"id": "nobody has it"}, "thing": thing(key)}
        return Operation(query, {"id": key}, expected, frozenset({"gone"}))


def _item(key: str) -> dict[str, Any]:
    made = item(key)
    return {"id": key, "name": made["name"], "thing": thing(made["thing_id"])}


def differences(operation: Operation, response: Any, *, silent: bool = False) -> list[str]:
    """Say what is wrong with an answer.

    Args:
        silent: whether a broken backend says that there is nothing, which is null without an error.
    """
    if not isinstance(response, dict) or "data" not in response:
        return [f"no answer: {str(response)[:300]}"]
    errors = {tuple(error.get("path", ())): error for error in response.get("errors", [])}
    found: list[str] = []
    excused: set[tuple[str | int, ...]] = set()

    def below(path: tuple[str | int, ...]) -> set[tuple[str | int, ...]]:
        return {other for other in errors if other[: len(path)] == path}

    def compare(expected: Any, got: Any, path: tuple[str | int, ...]) -> None:
        if got == expected:
            return
        name = next((step for step in reversed(path) if isinstance(step, str)), "")
        if got is None and name in operation.broken and (silent or below(path)):
            excused.update(below(path))
        elif isinstance(expected, dict) and isinstance(got, dict) and expected.keys() == got.keys():
            for key, value in expected.items():
                compare(value, got[key], (*path, key))
        elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
            for number, value in enumerate(expected):
                compare(value, got[number], (*path, number))
        else:
            found.append(f"{path}: {str(got)[:200]} instead of {str(expected)[:200]}")

    compare(operation.expected, response["data"], ())
    for path, error in errors.items():
        if path not in excused:
            found.append(f"an error beside no null of a broken backend: {error}")
        elif error.get("extensions", {}).get("code") not in OF_BACKENDS:
            found.append(f"not a backend's error: {error}")
    return found
