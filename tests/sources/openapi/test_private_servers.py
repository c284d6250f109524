"""A document from the network leads into no private network; a document on disk and an author name what they like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sources import OAuth2, OpenAPI, UpstreamUnavailable
from sources.openapi import Document, DocumentError
from tests.serving import running


def described(**parts: Any) -> dict[str, Any]:
    paths = {"/pets": {"get": {"operationId": "pets", "responses": {}}}}
    return {"openapi": "3.0.3", "info": {"title": "Pets", "version": "1"}, "paths": paths, **parts}


@contextmanager
def serving(document: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Serve a document, and anything else; give the address, and the paths that are asked for."""
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        if request.url.path == "/api.json":
            return JSONResponse(document)
        return JSONResponse({"access_token": "good", "a": 1})

    with running(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])) as address:
        yield address, asked


def elsewhere(address: str) -> str:
    """Give the same server by a name that its document did not come from."""
    return address.replace("127.0.0.1", "localhost")


INSIDE = [
    "http://169.254.169.254/latest",
    "http://localhost:1",
    "http://0x7f.2",
    "http://[::ffff:10.0.0.1]",
    "http://10.1",
]


@pytest.mark.parametrize("server", INSIDE)
def test_a_private_server_of_a_document_from_the_network_is_left_out(server: str) -> None:
    document = described(servers=[{"url": server}, {"url": "https://pets.example/v1"}])
    with serving(document) as (address, _):
        pets = OpenAPI("pets", f"{address}/api.json")
        assert pets.url == "https://pets.example/v1"
        assert [(loss.pointer, loss.reason) for loss in pets.losses if "server" in loss.reason] == [
            ("#/servers/0", "private-server")
        ]
        assert pets.faults == []
        assert OpenAPI("pets", f"{address}/api.json", allow_private=True).url.startswith(server)


async def test_where_no_other_server_is_left_the_documents_own_host_is_the_backend() -> None:
    document = described(servers=[{"url": "http://10.0.0.1"}])
    with serving(document) as (address, asked):
        pets = OpenAPI("pets", f"{address}/api.json")
        assert (await pets.send("GET", "/pets")).status == 200
        await pets.aclose()
    assert asked == ["/api.json", "/pets"]


async def test_another_port_of_the_host_that_a_document_came_from_is_trusted() -> None:
    with serving({}) as (backend, asked):
        with serving(described(servers=[{"url": backend}])) as (address, _):
            pets = OpenAPI("pets", f"{address}/api.json")
        assert (await pets.send("GET", "/pets")).status == 200
        await pets.aclose()
    assert asked == ["/pets"]


async def test_a_document_on_disk_is_the_authors_own(tmp_path: Path) -> None:
    with serving({}) as (address, asked):
        path = tmp_path / "api.json"
        path.write_text(json.dumps(described(servers=[{"url": elsewhere(address)}])))
        pets = OpenAPI("pets", path)
        assert (await pets.send("GET", "/pets")).status == 200
        await pets.aclose()
    assert asked == ["/pets"]


async def test_what_the_author_names_may_be_anywhere_and_what_the_document_names_besides_may_not() -> None:
    scheme = {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "http://127.0.0.2:1/token", "scopes": {}}}}
    with serving(described(components={"securitySchemes": {"login": scheme}})) as (address, asked):
        inside = elsewhere(address)
        own = OAuth2(f"{inside}/token", client_id="weft", client_secret="hidden")
        pets = OpenAPI("pets", f"{address}/api.json", url=inside, auth=own)
        assert (await pets.send("GET", "/pets")).status == 200
        with pytest.raises(UpstreamUnavailable):
            await pets.exchange.send("GET", "/pets", base="http://127.0.0.2:1")
        await pets.aclose()
    assert asked == ["/api.json", "/token", "/pets"]


async def test_a_token_endpoint_inside_is_not_asked_though_the_document_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PETS_LOGIN_CLIENT_ID", "weft")
    monkeypatch.setenv("PETS_LOGIN_CLIENT_SECRET", "hidden")
    with serving({}) as (backend, asked):
        flow = {"tokenUrl": f"{elsewhere(backend)}/token", "scopes": {}}
        schemes = {"login": {"type": "oauth2", "flows": {"clientCredentials": flow}}}
        document = described(components={"securitySchemes": schemes}, security=[{"login": []}])
        with serving(document) as (address, _):
            for allowed in (False, True):
                pets = OpenAPI("pets", f"{address}/api.json", allow_private=allowed)
                (operation,) = pets.operations
                auth = pets.credentials(operation)
                if allowed:
                    await pets.exchange.send("GET", "/pets", auth=auth)
                else:
                    with pytest.raises(UpstreamUnavailable, match=r"^pets: the token endpoint cannot be reached$"):
                        await pets.exchange.send("GET", "/pets", auth=auth)
                    assert asked == []
                await pets.aclose()
    assert asked == ["/token"]


def test_references_that_come_from_the_network_lead_to_no_private_address(tmp_path: Path) -> None:
    with serving(described()) as (address, asked):
        inside = f"{elsewhere(address)}/pet.json"
        document = Document.load(f"{address}/api.json", allow_remote_refs=True)
        with pytest.raises(DocumentError, match=r"not fetched: 'localhost' is this machine, and the reference comes"):
            document.resolve({"$ref": f"{inside}#/a"}, "#")
        assert asked == ["/api.json"]
        assert document.resolve({"$ref": "/pet.json#/a"}, "#")[0] == 1
        allowed = Document.load(f"{address}/api.json", allow_remote_refs=True, allow_private=True)
        assert allowed.resolve({"$ref": f"{inside}#/a"}, "#")[0] == 1
        path = tmp_path / "api.json"
        path.write_text(json.dumps(described()))
        local = Document.load(str(path), allow_remote_refs=True)
        assert local.resolve({"$ref": f"{address}/pet.json#/a"}, "#")[0] == 1
        with pytest.raises(DocumentError, match="not fetched: 'localhost' is this machine"):
            local.resolve({"$ref": f"{inside}#/a"}, f"{address}/pet.json#/a")
