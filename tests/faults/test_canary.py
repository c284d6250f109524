"""Secrets stay where they belong: none is in an answer, a log, a page, a plan, a message or the text of an object."""

from __future__ import annotations

import asyncio
import base64
import gc
import importlib
import json
import pickle
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import httpx
import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from sources import Rest, SourceError
from tests.faults.gateway import gateway_of
from tests.faults.stage import served
from tests.graph.serving.command import here
from tests.sources.certificates import authority, issued

TARGET = "tests/faults/secretive.py"
# Marks that other notations write in another way; none is longer than a piece of base64 that could hide it.
ENVIRONMENT = {
    f"CANARY_{name}": f"c4n4ry+{name.lower()}/of=the,mine"
    for name in (
        *("HEADER", "GIVEN_HEADER", "QUERY", "COOKIE", "PASSWORD", "GIVEN_PASSWORD", "TOKEN", "GIVEN_TOKEN", "CLIENT"),
        *(
            "GIVEN_CLIENT",
            "FIXED",
            "HMAC",
            "GITHUB",
            "SHOPIFY",
            "STRIPE",
            "SHARED",
            "GRANTED",
            "ASKER",
            "INIT",
            "CERTIFICATE",
            "FILE",
        ),
    )
} | {"CANARY_COOKIE": "c4n4ry+cookie/of=the-mine", "CANARY_JWT": "c4n4ry+jwt/of=the,mine-and-as-long-as-its-hash"}
for _name in ("REDIS", "GIVEN_REDIS"):
    ENVIRONMENT[f"CANARY_{_name}"] = f"redis://weft:c4n4ry-{_name.lower()}-of-the-mine@127.0.0.1:9/0"
SECRETS = [value if "@" not in value else value.split(":")[2].split("@")[0] for value in ENVIRONMENT.values()]
# What clients show: a token that is good, and one that is not.
TOKENS = [
    jwt.encode({"sub": "ada", "exp": 4e9}, key, algorithm="HS256")
    for key in (ENVIRONMENT["CANARY_JWT"], "another one that is at least as long")
]
SECRETS += [token.rpartition(".")[2] for token in TOKENS]
HOWS = ("ok", "fail", "html", "other", "redirect", "refuse", "slow")


def spellings(secret: str) -> Iterator[str]:
    """Give a secret as it may be written: as it is, in URLs, in JSON, in base64 at each of its three places."""
    yield secret
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    for place in range(3):
        whole = base64.b64encode(b"x" * place + secret.encode()).decode()
        inner = whole[4 * (place > 0) : -4]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


_SPELLED = {spelled: secret for secret in SECRETS for spelled in spellings(secret)}
_ANY = re.compile("|".join(re.escape(spelled) for spelled in _SPELLED))


def leaks(text: str | bytes) -> list[str]:
    """Name the secrets that a text holds."""
    told = text.decode("latin-1") if isinstance(text, bytes) else text
    return sorted({_SPELLED[spelled] for spelled in _ANY.findall(told)})


@pytest.mark.parametrize(
    "text",
    [
        "it is c4n4ry+query/of=the,mine",
        "http://x/?key=c4n4ry%2Bquery%2Fof%3Dthe%2Cmine",
        base64.b64encode(b"user:c4n4ry+query/of=the,mine").decode(),
        base64.urlsafe_b64encode(b"me:c4n4ry+query/of=the,mine").decode(),
        b'"c4n4ry+query\\/of=the,mine"',
    ],
)
def test_a_secret_is_recognized_however_it_is_written(text: str | bytes) -> None:
    assert leaks(text) == [ENVIRONMENT["CANARY_QUERY"]]


async def tells_everything(scope: Any, receive: Any, send: Any) -> None:
    """Say in every failure what was sent: a backend in its debug mode."""
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan")  # which tells the server to go on without
    if scope["type"] == "websocket":
        await receive()
        if scope["path"] == "/ok":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": json.dumps({"id": str(scope["headers"])})})
        await send({"type": "websocket.close"})
        return
    how = scope["path"].strip("/")
    said = b" ".join([scope["query_string"], *(name + b": " + value for name, value in scope["headers"])])
    told = said.decode("latin-1")
    status = {"fail": 500, "redirect": 302, "refuse": 401}.get(how, 200)
    bodies = {
        "ok": json.dumps({"id": "1", "name": "one"}),
        "token": json.dumps({"access_token": ENVIRONMENT["CANARY_GRANTED"]}),
        "html": f"<p>{told}",
        "other": json.dumps({"id": [told], "name": {told: told}}),
        "fail": json.dumps({"message": told}),
    }
    body = bodies.get(how, told).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"location", b"/ok?" + said.replace(b" ", b"+")), (b"www-authenticate", said)]
    if how == "slow":
        await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def questions(graph: Any) -> list[str]:
    """Give a query of each field in each way."""
    fields = graph.schema.query_type.fields
    return [f'{{ {name}(how: "{how}") {{ id name }} }}' for name in fields for how in HOWS]


def subscriptions(graph: Any) -> list[str]:
    """Give a subscription of each field, those of HTTP in two ways."""
    fields = graph.schema.subscription_type.fields
    return [
        f'subscription {{ {name}(how: "{how}") {{ id name }} }}'
        if field.args
        else f"subscription {{ {name} {{ id }} }}"
        for name, field in fields.items()
        for how in (("ok", "fail") if field.args else ("",))
    ]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Give the variables that name files with secrets in them."""
    certificate, key = issued(authority()).write(tmp_path, "weft", ENVIRONMENT["CANARY_CERTIFICATE"])
    (tmp_path / "secret").write_text(ENVIRONMENT["CANARY_FILE"] + "\n", encoding="utf-8")
    return {
        "KEYS_FILE": str(tmp_path / "keys"),
        "SECRET_FILE": str(tmp_path / "secret"),
        "CERTIFICATE": certificate,
        "CERTIFICATE_KEY": key,
    }


@pytest.fixture
def api_key(files: dict[str, str]) -> str:
    """Make an API key."""
    return here("keys", "create", "--store", files["KEYS_FILE"], "--name", "ada").out.strip()


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch, files: dict[str, str], api_key: str) -> Iterator[Any]:
    """Give the module of the graph, with secrets in its environment."""
    for name, value in {**ENVIRONMENT, **files}.items():
        monkeypatch.setenv(name, value)
    name = "tests.faults.secretive"
    sys.modules.pop(name, None)
    yield importlib.import_module(name)
    del sys.modules[name]


@pytest.mark.timeout(180)
async def test_no_secret_is_in_what_a_gateway_says(
    declared: Any, files: dict[str, str], api_key: str, tmp_path: Path
) -> None:
    graph = declared.graph
    said: list[tuple[str, str]] = []
    async with (
        served(tells_everything) as address,
        gateway_of(TARGET, tmp_path, BACKEND_URL=address, LOGS_EVERYTHING="1", **ENVIRONMENT, **files) as gateway,
        httpx.AsyncClient(trust_env=False, timeout=10) as client,
    ):
        asker = {"authorization": f"Bearer {ENVIRONMENT['CANARY_ASKER']}"}

        def note(what: str, response: httpx.Response) -> None:
            said.append((what, f"{response.status_code} {response.headers!r} {response.text}"))

        wrong = 'query { byQuery(how: 7) { id } nothing @skip(if: "x") }'

        async def ask(query: str) -> None:
            note(query, await client.post(f"{gateway.root}/graphql", json={"query": query}, headers=asker))

        shown = [{"x-client": f"Bearer {token}"} for token in TOKENS]
        shown += [{"x-api-key": key} for key in (api_key, api_key[:-1] + "x", ENVIRONMENT["CANARY_ASKER"])]
        for credentials in shown:
            query = {"query": '{ byNothing(how: "ok") { id } }'}
            answer = await client.post(f"{gateway.root}/graphql", json=query, headers=credentials)
            note(f"{answer.status_code} for a client", answer)
        assert [what for what, _ in said] == [f"{status} for a client" for status in (200, 401, 200, 401, 401)]
        await asyncio.gather(*map(ask, (*questions(graph), "{ __schema { types { name description } } }", wrong)))
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/graphql", "/nothing"):
            note(path, await client.get(f"{gateway.root}{path}", headers={**asker, "accept": "text/html, */*"}))
        for topic in ("hmac", "github", "shopify", "stripe", "shared"):
            signed = dict.fromkeys(("x-token", "x-signature", "stripe-signature"), ENVIRONMENT["CANARY_SHARED"])
            url = f"{gateway.root}/webhooks/hooks/{topic}"
            note(topic, await client.post(url, json={"id": "1", "name": "one"}, headers=signed))
        said += [(query, text) for query, text in await heard(gateway.root, subscriptions(graph))]
    # What a backend says in its headers is logged by httpcore, where that is told to; here it repeats what it was sent.
    own = [line for line in gateway.logged().splitlines() if "httpcore.http11:receive_response_headers" not in line]
    said += [("log", line) for line in own]
    assert any("DEBUG" in line for line in own)
    assert {what: leaks(text) for what, text in said if leaks(text)} == {}
    assert [what for what, text in said if api_key in text or api_key.rpartition("_")[2] in text] == []


async def heard(root: str, queries: list[str]) -> list[tuple[str, str]]:
    """Give what a socket is told of subscriptions in a second."""
    address = root.replace("http", "ws", 1) + "/graphql"
    found: list[tuple[str, str]] = []
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(address, subprotocols=protocols, compression=None, proxy=None) as socket:
        payload = {"authorization": ENVIRONMENT["CANARY_INIT"], "token": ENVIRONMENT["CANARY_INIT"]}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        await socket.recv()
        for number, query in enumerate(queries):
            await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": {"query": query}}))
            await asyncio.sleep(0.03)  # no more than a socket may say
        try:
            async with asyncio.timeout(1):
                while True:
                    found.append(("a socket", str(await socket.recv())))
        except (TimeoutError, ConnectionClosed) as exc:
            found.append(("the end of a socket", str(exc)))
    return found


def test_no_secret_is_in_what_commands_print(files: dict[str, str], api_key: str, tmp_path: Path) -> None:
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "other": {"type": "apiKey", "in": "query", "name": "key"},
    }
    answers = {"200": {"description": "", "content": {"application/json": {"schema": {"type": "string"}}}}}
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": "http://127.0.0.1:9"}],
        "paths": {"/pets": {"get": {"operationId": "pets", "security": [{"key": []}], "responses": answers}}},
        "components": {"securitySchemes": schemes},
    }
    path = tmp_path / "pets.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    more = {**ENVIRONMENT, **files, "PETS_KEY": ENVIRONMENT["CANARY_HEADER"], "PETS_OTHER": ENVIRONMENT["CANARY_QUERY"]}
    commands = [
        ("schema", TARGET),
        ("explain", TARGET, '{ byQuery(how: "ok") { id } byHeader(how: "ok") { id } }'),
        ("explain", TARGET, 'subscription { byQuery(how: "ok") { id } }'),
        ("explain", TARGET, "subscription { heard { id } }"),
        ("explain", TARGET, "{ nothing }"),
        ("lint", TARGET),
        ("lint", TARGET, "--json"),
        ("import", str(path), "--report"),
        ("import", str(path), "--json"),
        ("schema", str(path)),
        ("lint", str(path)),
        ("explain", str(path), "{ pets }"),
        ("keys", "list", "--store", files["KEYS_FILE"]),
        ("keys", "list", "--store", files["KEYS_FILE"], "--json"),
        ("init", str(path), "--output", str(tmp_path / "written.py")),
    ]
    said = {command: here(*command, **more) for command in commands}
    assert [command for command, ended in said.items() if ended.status not in (0, 1)] == [
        command for command in commands if "{ nothing }" in command
    ]
    assert {command: leaks(ended.out + ended.err) for command, ended in said.items() if leaks(str(ended))} == {}
    assert [command for command, ended in said.items() if api_key in str(ended)] == []
    assert leaks((tmp_path / "written.py").read_text(encoding="utf-8")) == []


def objects(root: Any) -> Iterator[Any]:
    """Give every object of the project's own classes that can be reached from one."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type(sys)):
            continue
        seen.add(id(one))
        if str(type(one).__dict__.get("__module__", "")).partition(".")[0] in ("graph", "resolvers", "sources"):
            yield one
        waiting += gc.get_referents(one)


async def failing(source: Rest, how: str) -> tuple[str, str]:
    """Give all that an exception, or a reply, says of itself."""
    try:
        told = repr(await source.exchange.send("GET", f"/{how}"))
    except SourceError as exc:
        told = "".join(traceback.format_exception(exc))
        told += f"{exc!r} {vars(exc)} {pickle.dumps(exc, protocol=0).decode('latin-1')}"
    return f"{source} {how}", told


@pytest.mark.timeout(180)
async def test_no_secret_is_in_the_text_of_an_object_or_an_exception(
    declared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = declared.graph
    said: list[tuple[str, str]] = []
    async with served(tells_everything) as address:
        for source in declared.SOURCES:
            source.exchange._base = address
            if hasattr(source.auth, "_token_url"):
                source.auth._token_url = address + source.auth._token_url.removeprefix("http://127.0.0.1:9")
        asker = {"authorization": ENVIRONMENT["CANARY_ASKER"]}
        asked = questions(graph)
        answers = await asyncio.gather(*(graph.execute(query, headers=asker) for query in asked))
        said += zip(asked, map(str, answers), strict=True)
        said += await asyncio.gather(*(failing(source, how) for source in declared.SOURCES for how in HOWS))
        for source in declared.SOURCES:
            source.exchange._base = "http://127.0.0.1:9"
        said += await asyncio.gather(*(failing(source, "ok") for source in declared.SOURCES))
        found = list(objects(graph))
        assert {"Exchange", "ApiKey", "OAuth2", "Redis", "Graph", "Jwt", "ApiKeys"} <= {
            type(one).__name__ for one in found
        }
        said += [(type(one).__qualname__, f"{one!r} {one}") for one in found]
        await graph.aclose()
    leaking = {what: leaks(text) + leaks(unquote(text)) for what, text in said if leaks(text) or leaks(unquote(text))}
    assert leaking == {}
