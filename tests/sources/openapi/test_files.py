"""A document reads the files that it names, in and below its folder; the network has to be allowed."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from sources.openapi import Document, DocumentError
from tests.serving import running
from tests.sources.openapi.documents import write

HEAD = "openapi: 3.0.3\ninfo: {title: Pets, version: '1'}\npaths: {}\n"


def reading(path: Path, reference: str, at: str = "#", **options: Any) -> tuple[Any, str]:
    return Document.load(str(path), **options).resolve({"$ref": reference}, at)


def refused(path: Path | str, reference: str = "", **options: Any) -> str:
    with pytest.raises(DocumentError) as caught:
        Document.load(str(path), **options).resolve({"$ref": reference}, "#")
    return str(caught.value)


def test_files_are_named_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        api__yaml=HEAD,
        schemas_in_pet__yaml="type: object\nproperties:\n  owner: {$ref: 'people/owner.json#/Owner'}\n",
        schemas_in_people_in_owner__json='{"Owner": {"$ref": "../../api.yaml#/info"}, "a b": 1}',
    )
    document = Document.load(str(path))
    pet, at = document.resolve({"$ref": "schemas/pet.yaml"}, "#/x")
    assert (pet["type"], at) == ("object", "schemas/pet.yaml#")
    found = document.resolve(pet["properties"]["owner"], f"{at}/properties/owner")
    assert found == ({"title": "Pets", "version": "1"}, "#/info")
    assert document.resolve({"$ref": "./schemas/../schemas/people%2Fowner.json#/a%20b"}, "#")[1] == (
        "schemas/people/owner.json#/a b"
    )


def test_the_document_named_by_itself_is_the_document(tmp_path: Path) -> None:
    path = write(tmp_path, api__yaml=HEAD)
    assert reading(path, "api.yaml#/info")[1] == "#/info"
    assert reading(path, "./api.yaml")[1] == "#"


@pytest.mark.parametrize(
    "reference", ["../secret.yaml", "/etc/passwd", "a/../../secret.yaml", "%2e%2e/secret.yaml", "link.yaml"]
)
def test_files_outside_of_the_folder_are_not_read(tmp_path: Path, reference: str) -> None:
    path = write(tmp_path, spec_in_api__yaml=HEAD, secret__yaml="a: 1")
    (tmp_path / "spec" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    assert "outside of the document's folder" in refused(path, reference)


def test_a_document_may_be_named_by_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, api__yaml=HEAD, pet__yaml="a: 1")
    monkeypatch.chdir(tmp_path)
    assert reading(Path("api.yaml"), "pet.yaml#/a") == (1, "pet.yaml#/a")


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("other.yaml", "other.yaml: no such file"),
        ("folder", "folder: a folder, not a file"),
        ("pipe", "pipe: not a file"),
        ("nul%00.yaml", "nul\\u0000.yaml: no such file"),
        ("broken.json#/a", "broken.json: line 1, column 2: not JSON: Expecting property name enclosed in double quotes "
                           "(the text ends too early)"),
        ("#/nowhere", "#/nowhere: there is no such part"),
        ("#/servers/-1", "#/servers/-1: there is no such part"),
        ("#/servers/00", "#/servers/00: there is no such part"),
        ("#nowhere", "#nowhere: there is no such anchor"),
        ("file:///etc/passwd", "file:///etc/passwd: not read: file: is neither a file's path nor http(s)"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:1/a: not fetched: references to the network have to be allowed "
                                 "(--allow-remote-refs, or allow_remote_refs=True)"),
    ],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_says_so(tmp_path: Path, reference: str, problem: str) -> None:
    path = write(tmp_path, api__yaml=HEAD + "servers: [{url: /}]\n", broken__json="{", folder_in_x__yaml="a: 1")
    os.mkfifo(tmp_path / "pipe")
    assert refused(path, reference) == problem


def test_a_location_that_is_no_file_says_so(tmp_path: Path) -> None:
    assert refused(tmp_path / "missing.yaml") == f"{tmp_path}/missing.yaml: no such file"
    assert refused(tmp_path) == f"{tmp_path}: a folder, not a file"
    assert refused("/dev/zero") == "/dev/zero: not a file"
    assert refused("a\0b") == "a\\u0000b: cannot be read: not a path"


def test_all_files_together_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, api__yaml=HEAD, pet__yaml="a: " + "x" * 100)
    assert refused(path, "pet.yaml", max_bytes=150) == (
        "pet.yaml: more than 150 bytes with all files together; WEFT_MAX_OPENAPI_BYTES sets the limit"
    )
    monkeypatch.setenv("WEFT_MAX_OPENAPI_BYTES", "50")
    assert "more than 50 bytes" in refused(path)
    monkeypatch.setenv("WEFT_MAX_OPENAPI_BYTES", "lots")
    assert refused(path) == "WEFT_MAX_OPENAPI_BYTES='lots': expected a whole number of 0 or more"


# -- from the network ------------------------------------------------------------------------------------------------


def serving(requests: list[str]) -> Starlette:
    async def answer(request: Request) -> Response:
        requests.append(request.url.path)
        name = request.url.path
        if name == "/moved.yaml":
            return RedirectResponse("/v1/api.yaml")
        if name == "/away.yaml":
            return RedirectResponse("http://localhost:1/api.yaml")
        if name == "/round.yaml":
            return RedirectResponse("/round.yaml")
        if name == "/long.yaml":
            return StreamingResponse(long())
        if name == "/v1/api.yaml":
            return PlainTextResponse(HEAD)
        if name == "/v1/pet.yaml":
            return PlainTextResponse("a: {$ref: 'api.yaml#/info'}\nb: {$ref: 'file:///etc/passwd'}")
        return PlainTextResponse("no", 404)

    async def long() -> Any:
        for _ in range(100):
            yield b"#" * 10_000

    return Starlette(routes=[Route("/{path:path}", answer)])


def test_a_document_from_the_network_refers_to_files_beside_it_where_that_is_allowed() -> None:
    requests: list[str] = []
    with running(serving(requests)) as address:
        document = Document.load(f"{address}/moved.yaml", allow_remote_refs=True)
        assert document.url == f"{address}/v1/api.yaml"
        pet, at = document.resolve({"$ref": "pet.yaml"}, "#")
        assert at == f"{address}/v1/pet.yaml#"
        assert document.resolve(pet["a"], f"{at}/a")[1] == "#/info"
        with pytest.raises(DocumentError, match="only http and https are"):
            document.resolve(pet["b"], f"{at}/b")
        assert requests == ["/moved.yaml", "/v1/api.yaml", "/v1/pet.yaml"]

        alone = Document.load(f"{address}/v1/api.yaml")
        with pytest.raises(DocumentError, match="have to be allowed"):
            alone.resolve({"$ref": "pet.yaml"}, "#")
        assert len(requests) == 4


def test_a_document_on_disk_refers_to_the_network_where_that_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path, api__yaml=HEAD)
    with running(serving([])) as address:
        found, at = reading(path, f"{address}/v1/pet.yaml#/a", allow_remote_refs=True)
        assert (found["title"], at) == ("Pets", f"{address}/v1/api.yaml#/info")


def test_what_the_network_does_not_give_is_said() -> None:
    with running(serving([])) as address:
        assert refused(f"{address}/none.yaml") == f"{address}/none.yaml: the server answered 404"
        assert refused(f"{address}/away.yaml") == (
            f"{address}/away.yaml: redirects to another server, http://localhost:1/api.yaml: name that one"
        )
        assert refused(f"{address}/round.yaml") == f"{address}/round.yaml: more than 5 redirects"
        assert "more than 100,000 bytes" in refused(f"{address}/long.yaml", max_bytes=100_000)
    with socket.socket() as silent:  # bound and not listening: nobody else can answer there
        silent.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        assert refused(f"http://user:secret@{host}/x") == f"http://...@{host}/x: cannot be fetched: ConnectError"
    assert refused("http://[::1/x") == "'http://[::1/x' is not an address"
