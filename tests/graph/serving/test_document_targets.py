"""`weft` over OpenAPI documents: served, imported, named, and refused where they cannot be."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphql
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from graph.targets import source_name
from sources.openapi import Document
from tests.graph.serving.backend import until
from tests.graph.serving.command import POSTS, ROOT, here, is_ready, refused, serving
from tests.serving import running


class Pet(BaseModel):
    """An animal."""

    id: int
    pet_name: str


def pets() -> FastAPI:
    app = FastAPI(title="Pets API", version="1.2")

    @app.get("/pets/{pet_id}", operation_id="getPet", response_model=Pet)
    def pet(pet_id: int) -> dict[str, Any]:
        return {"id": pet_id, "pet_name": f"pet {pet_id}"}

    return app


def toys() -> FastAPI:
    app = FastAPI(title="Toys", version="3")

    @app.get("/toys", operation_id="listToys")
    def listed() -> list[str]:
        return ["ball"]

    return app


def document(title: object = "Pets", *, server: str = "http://127.0.0.1:9", **more: Any) -> dict[str, Any]:
    """Give a small document; `more` replaces parts of it."""
    text = {"application/json": {"schema": {"type": "string"}}}
    operation = {"operationId": "word", "responses": {"200": {"description": "a word", "content": text}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "1"},
        "servers": [{"url": server}],
        "paths": {"/word": {"get": operation}},
        **more,
    }


LOSSY = document(
    components={"schemas": {"Thing": {"type": "object", "properties": {"a": {"type": "integer"}, "any": {}}}}},
    paths={
        "/thing": {
            "get": {
                "operationId": "thing",
                "responses": {
                    "200": {
                        "description": "a thing",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    }
                },
            }
        }
    },
)


@pytest.fixture(autouse=True)
def from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    with running(pets()) as one, running(toys()) as other:
        yield one, other


def written(found: object, name: str = "made.json") -> str:
    Path(name).write_text(found if isinstance(found, str) else json.dumps(found), encoding="utf-8")
    return name


# -- serve ------------------------------------------------------------------------------------------------------------


def test_documents_by_url_are_one_graph_at_once(addresses: tuple[str, str]) -> None:
    one, other = addresses
    told: list[str] = []
    options = ["--url", f"pets={one}", "--url", f"toys={other}"]
    with serving(f"{one}/openapi.json", f"{other}/openapi.json", *options, told=told) as (gateway, process):
        said = gateway.ask("{ getPet(petId: 7) { id petName } listToys }")
        assert said == {"data": {"getPet": {"id": "7", "petName": "pet 7"}, "listToys": ["ball"]}}
        page = gateway.client.get(f"{gateway.root}/graphql", headers={"accept": "text/html"})
        assert "GraphiQL" in page.text
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    assert told[0].startswith("weft: pets (Pets API 1.2): 1 operation, 1 field")
    assert told[1] == f"weft:   at {one}"
    assert f"weft:   at {other}" in told


def test_documents_are_served_by_several_workers(addresses: tuple[str, str]) -> None:
    one, _ = addresses
    with serving(f"zoo={one}/openapi.json", "--url", one, "--workers", "2", told=[]) as (gateway, process):
        until(lambda: is_ready(gateway), 40)
        assert gateway.ask("{ getPet(petId: 1) { petName } }") == {"data": {"getPet": {"petName": "pet 1"}}}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)


def test_a_document_that_changes_is_served_anew() -> None:
    path = Path(written(document())).resolve()
    with serving(str(path), "--reload", told=[]) as (gateway, process):
        until(lambda: is_ready(gateway), 40)
        until(lambda: "word" in str(gateway.ask("{ __schema { queryType { fields { name } } } }")), 40)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(document()).replace('"word"', '"anotherWord"'), encoding="utf-8")
        draft.replace(path)
        until(lambda: "anotherWord" in str(gateway.ask("{ __schema { queryType { fields { name } } } }")), 40)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)


# -- what is a target -------------------------------------------------------------------------------------------------


def test_several_documents_are_one_schema() -> None:
    written(document("Pets"), "a.json")
    written(LOSSY | {"info": {"title": "Things", "version": "2"}}, "b.json")
    printed = here("schema", "a.json", "b.json")
    assert (printed.status, printed.err) == (0, "")
    assert printed.out.startswith("type Query {\n  word: String\n  thing: Thing\n}\n")


def test_the_plan_of_a_document_names_its_source() -> None:
    ended = here("explain", f"words={written(document())}", "{ word }")
    assert ended.out.splitlines()[1] == "-> words  GET /word  [not cached]"


@pytest.mark.parametrize(
    ("title", "location", "name"),
    [
        ("Swagger Petstore - OpenAPI 3.0", "x.json", "petstore"),
        ("GitHub v3 REST API", "x.json", "github"),
        ("Google Cloud Pub/Sub and everything beside it", "x.json", "google_cloud_pub"),
        ("Café", "x.json", "cafe"),
        ("The API", "orders.v2.yaml", "orders"),
        ("", "billing/openapi.json", "billing"),
        (None, "https://www.example.org/v1/openapi.json", "example_org"),
        ("接口", "https://api.example.org/customers/", "customers"),
        ("x" * 10_000, "x.json", "x" * 24),
        ("__proto__", "x.json", "proto"),
        ("1", "https://127.0.0.1/2", "api"),
        (["no text"], "openapi.json", "made"),
    ],
)
def test_a_source_is_named_by_its_documents_title_else_by_its_place(
    title: object, location: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made").mkdir()
    monkeypatch.chdir(tmp_path / "made")
    assert source_name(Document(location, document(title))) == name


def test_sources_of_one_name_are_numbered() -> None:
    found = Document("x.json", document("Pets"))
    assert source_name(found, {"pets"}) == "pets_2"
    assert source_name(found, {"pets", "pets_2"}) == "pets_3"


def test_names_that_are_given_twice_are_refused() -> None:
    path = written(document())
    assert refused("schema", f"a={path}", f"a={path}").endswith("two documents are named 'a'")


def test_a_python_file_stands_alone() -> None:
    posts = str(ROOT / POSTS)
    said = refused("schema", posts, written(document()))
    assert said.endswith("a Python file is a whole graph; name its documents in it: Graph(documents=[OpenAPI(...)])")
    said = refused("schema", posts, "--auto-link")
    assert said == f"weft: --auto-link is for OpenAPI documents; say it in {posts}: OpenAPI(..., auto_link=...)"


def test_what_documents_of_a_python_file_became_is_told_too() -> None:
    written(LOSSY)
    text = "from graph import Graph\nfrom sources.openapi import OpenAPI\n"
    written(text + "graph = Graph(documents=[OpenAPI('things', 'made.json')])\n", "graph_of_it.py")
    assert here("import", "graph_of_it.py").out.startswith("things (Pets 1): 1 operation, 1 field\n")


# -- options ----------------------------------------------------------------------------------------------------------


def test_what_is_said_of_one_of_several_documents_has_its_name() -> None:
    written(document("Pets"), "a.json")
    written(document("Toys"), "b.json")
    said = refused("schema", "a.json", "b.json", "--url", "https://a.example")
    assert said == "weft: --url https://a.example: expected NAME=..., where NAME is one of pets, toys"
    said = refused("schema", "a.json", "b.json", "--include", "cats:list*")
    assert said == "weft: --include cats:list*: expected NAME:..., where NAME is one of pets, toys"


def test_a_new_name_needs_an_old_one() -> None:
    assert refused("schema", written(document()), "--rename", "word") == "weft: --rename word: expected OLD=NEW"


def test_each_option_of_documents_can_be_set_in_the_environment() -> None:
    shown = here("import", "--help", COLUMNS="200").out
    for option in "include exclude rename prefix reads url forward ttl allow-remote-refs auto-link results".split():
        assert f"--{option}" in shown
        assert f"WEFT_{option.upper().replace('-', '_')}" in shown


# -- import -----------------------------------------------------------------------------------------------------------


def test_an_import_is_summed_up() -> None:
    ended = here("import", written(LOSSY))
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "pets (Pets 1): 1 operation, 1 field",
        "  made.json",
        "       1  Query",
        "  1 loss",
        "       1  anything (a value became JSON)",
        "3 types in all",
    ]


def test_a_report_tells_each_loss_with_its_place() -> None:
    lines = here("import", written(LOSSY), "--report").out.splitlines()
    assert lines[5] == (
        "          #/components/schemas/Thing/properties/any: the schema does not say what it is; the value is JSON"
    )


def test_a_report_can_be_read_by_programs() -> None:
    ended = here("import", written(LOSSY), written(document("Toys"), "b.json"), "--json")
    assert ended.status == 0
    assert json.loads(ended.out) == {
        "documents": [
            {
                "name": "pets",
                "location": "made.json",
                "title": "Pets",
                "version": "1",
                "operations": 1,
                "fields": 1,
                "losses": 1,
            },
            {
                "name": "toys",
                "location": "b.json",
                "title": "Toys",
                "version": "1",
                "operations": 1,
                "fields": 1,
                "losses": 0,
            },
        ],
        "operations": 2,
        "fields": 2,
        "types": 3,
        "losses": [
            {
                "document": "pets",
                "pointer": "#/components/schemas/Thing/properties/any",
                "reason": "anything",
                "message": "the schema does not say what it is; the value is JSON",
                "effect": "json",
            }
        ],
    }


def test_losses_can_be_forbidden() -> None:
    assert here("import", written(LOSSY), "--strict").status == 1
    assert here("import", written(document()), "--strict").status == 0


def test_a_graph_without_documents_has_nothing_to_import() -> None:
    assert refused("import", str(ROOT / POSTS)).endswith("there is no OpenAPI document in this graph")


def test_an_import_needs_no_address() -> None:
    assert here("import", written({name: part for name, part in document().items() if name != "servers"})).status == 0


def test_whoever_serves_has_to_know_where_the_backend_is() -> None:
    written({name: part for name, part in document().items() if name != "servers"})
    assert refused("serve", "made.json") == (
        "weft: made.json: it names no server; say where it is: --url pets=https://..."
    )


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["serve", "schema", "import"])
def test_a_missing_file_is_one_line(command: str) -> None:
    assert refused(command, "nothing.yaml") == "weft: nothing.yaml: no such file"


def test_a_folder_is_no_document(tmp_path: Path) -> None:
    assert refused("serve", str(tmp_path)).startswith(f"weft: {tmp_path}: is a folder; a target is FILE.py, ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the text is empty"),
        ("[1]", "not an OpenAPI document: it is an array, not an object"),
        ("{}", "not an OpenAPI document"),
        ("<html></html>", "an HTML page, neither JSON nor YAML"),
        ("asyncapi: 2.0.0", "not an OpenAPI document: it is an AsyncAPI document"),
        ('{"openapi": "3.0.3", "paths": {', "not JSON"),
        ("openapi: 3.0.3\npaths: [", "made.json: line "),
        ("openapi: 3.0.3\npaths: &a [*a, *a]", "made.json: "),
        ("a: &a [x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n" * 3, "made.json: "),
        ("\x00\x01", "made.json: "),
    ],
)
def test_what_is_no_document_is_one_line_and_nothing_is_served(text: str, said: str) -> None:
    line = refused("serve", written(text), "--port", "0")
    assert line.startswith("weft: made.json: ")
    assert said in line


def test_a_document_that_is_too_large_is_one_line() -> None:
    line = refused("serve", written(document(**{"x-padding": "y" * 50_100_000})))
    assert line.startswith("weft: made.json: more than 50,000,000 bytes")


@pytest.mark.parametrize("command", [["schema"], ["import", "--report"], ["init", "--output", "-"]])
def test_hostile_names_and_circles_are_only_names_and_circles(command: list[str]) -> None:
    names = ["__schema", "constructor", "é" * 10_000, "\x00", "", "a\nb", '"""', "\\", "__proto__", "Query", "String"]

    def answer(name: str) -> dict[str, Any]:
        schema = {"$ref": "#/components/schemas/" + name.replace("~", "~0").replace("/", "~1")}
        return {"200": {"description": name, "content": {"application/json": {"schema": schema}}}}

    schemas: dict[str, Any] = {
        name: {"type": "object", "description": name, "properties": {other: {"type": "string"} for other in names}}
        for name in names
    }
    schemas["loop"] = {"$ref": "#/components/schemas/loop"}
    schemas["all"] = {"allOf": [{"$ref": "#/components/schemas/all"}]}
    schemas["one"] = {
        "oneOf": [
            {"$ref": "#/components/schemas/one"},
            {"type": "array", "items": {"$ref": "#/components/schemas/one"}},
        ]
    }
    paths = {
        f"/{index}": {"get": {"operationId": name, "summary": name, "responses": answer(name)}}
        for index, name in enumerate([*names, "loop", "all", "one"])
    }
    ended = here(command[0], written(document(paths=paths, components={"schemas": schemas})), *command[1:])
    assert (ended.status, ended.err) == (0, "")
    assert ended.out
    if command == ["schema"]:
        graphql.build_schema(ended.out)
    if command[0] == "init":
        written(ended.out, "made.py")
        assert here("schema", "made.py").status == 0


@pytest.mark.parametrize(
    "command", [["import", "--report"], ["import", "--report", "--auto-link", "--results"], ["lint"], ["init"]]
)
def test_nothing_that_a_document_says_moves_a_terminal(command: list[str]) -> None:
    harm = "a\x1b]0;owned\x07\x9b2J\u202eb\n\r"
    named = {"name": harm, "in": "header", "schema": {"type": "string", "description": harm}}
    answered = {"200": {"description": harm, "content": {harm: {"schema": {"type": "object"}}}}}
    operation = {"operationId": harm, "description": harm, "parameters": [named], "responses": answered}
    name, *options = command
    path = Path("harm.json")
    path.write_text(json.dumps(document(harm, paths={f"/{harm}": {"get": operation, "post": operation}})))
    ended = here(name, *options, str(path), *(["--output", "-"] if name == "init" else []))
    assert "owned" in ended.out
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", ended.out + ended.err) is None


def test_everything_that_cannot_be_read_is_told_at_once() -> None:
    ended = here("serve", "one.yaml", "two.yaml", written(document()), "--port", "0")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.splitlines()[1:] == ["  one.yaml: no such file", "  two.yaml: no such file"]


def test_a_backend_that_is_down_is_one_line() -> None:
    with running(pets()) as address:
        pass
    assert refused("serve", f"{address}/openapi.json").startswith(f"weft: {address}/openapi.json: ")


def test_an_address_that_is_no_document_is_one_line(addresses: tuple[str, str]) -> None:
    one, _ = addresses
    assert refused("serve", f"{one}/docs").startswith(f"weft: {one}/docs: ")
    assert "404" in refused("serve", f"{one}/nothing.json")
