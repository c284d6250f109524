"""What the backends of a model hold and answer. Both sides ask it: Weft over HTTP, the naive resolvers directly."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.graph.oracle.model import LACKING, Endpoint, Json
from tests.graph.oracle.rules import key_of

HUGE = "@huge@"  # stands in tables for a number that no float can hold


class Asked(NamedTuple):
    """One question that reached a backend: one call."""

    endpoint: str
    batched: bool
    question: str
    keys: tuple[str, ...]

    @property
    def call(self) -> tuple[str, str]:
        """What is asked, whatever the keys."""
        return f"{self.endpoint} {self.batched}", self.question


class Fault(NamedTuple):
    """What an endpoint answers instead: another status, another body, or its own one cut short."""

    status: int = 200
    body: bytes | None = None
    cut: int = 0


@dataclass
class World:
    """Tables and faults by endpoint.

    A table is a list of versions, and the question decides which of them answers: so arguments that arrive wrongly
    show. A version is rows that say their keys where the endpoint matches by key, else any JSON value.

    Args:
        reacts: whether a write changes what is answered after it.
    """

    tables: dict[str, list[Json]]
    faults: dict[str, Fault] = field(default_factory=dict)
    reacts: bool = False
    writes: int = 0

    def reply(self, endpoint: Endpoint, question: str, keys: Sequence[str], *, batched: bool) -> tuple[int, bytes]:
        """Give status and body."""
        fault = self.faults.get(endpoint.name, Fault())
        if fault.body is not None:
            return fault.status, fault.body
        value = self._value(endpoint, question, keys, batched=batched)
        if value is LACKING:
            return 404, b"{}"
        for name in reversed(list(filter(None, (endpoint.batch_items if batched else endpoint.items).split(".")))):
            value = {name: value}
        body = json_of(value)
        return fault.status, body[: max(1, len(body) - fault.cut)] if fault.cut else body

    def _value(self, endpoint: Endpoint, question: str, keys: Sequence[str], *, batched: bool) -> Json:
        seen = self.writes if self.reacts or endpoint.method != "GET" else 0
        versions = self.tables[endpoint.name]
        if not endpoint.match:
            return versions[zlib.crc32(f"{question} {keys} {seen}".encode()) % len(versions)]
        rows = versions[zlib.crc32(f"{question} {seen}".encode()) % len(versions)]
        if not isinstance(rows, list):
            return rows
        paths = [tuple(path.split(".")) for path in endpoint.match]
        if batched:  # an item that does not say its key is in every batch
            return [row for row in rows if key_of(row, *paths) in (*keys, None)]
        found = [row for row in rows if key_of(row, *paths) == keys[0]]
        return found[-1] if found else LACKING


def json_of(value: Json) -> bytes:
    """Write a JSON value, with numbers that no float can hold."""
    return json.dumps(value).replace(f'"{HUGE}"', "1e999").encode()


def question_of(arguments: Mapping[str, Json]) -> str:
    """Write down what is asked besides the keys, whatever the order."""
    return json.dumps(arguments, sort_keys=True)


def received(endpoints: Mapping[str, Endpoint], method: str, target: str, body: bytes | None) -> tuple[Endpoint, Asked]:
    """Read a request as a backend does."""
    parts = urlsplit(target)
    _, name, *segments = parts.path.split("/")
    endpoint = endpoints[name]
    query: dict[str, list[str]] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)):
        query.setdefault(key, []).append(value)
    sent = {} if body is None else json.loads(body)
    if segments == ["search"] and endpoint.batch == "body":
        assert method == "POST", method
        keys = sent.pop("keys")
        names = [path.split(".")[-1] for path in endpoint.match]
        found = ["|".join(str(key[name]) for name in names) if isinstance(key, dict) else str(key) for key in keys]
        return endpoint, Asked(endpoint.name, True, question_of(query or sent), tuple(found))
    assert method == endpoint.verb, (method, endpoint)
    if segments:
        key = "|".join(map(unquote, segments))
        return endpoint, Asked(endpoint.name, False, question_of(query or sent), (key,))
    if endpoint.batch:
        columns = [query.pop(name) for name in endpoint.variables]
        found = ["|".join(row) for row in zip(*columns, strict=True)]
        return endpoint, Asked(endpoint.name, True, question_of(query), tuple(found))
    return endpoint, Asked(endpoint.name, False, question_of(query or sent), ())
