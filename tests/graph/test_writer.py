"""`weft init`: a document written as a graph in Python is the same graph, and reads as if somebody had written it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import graphql
import pytest

from graph import Graph
from graph.layout import Either, Group, Text, call, docstring, lines, literal
from graph.target import load
from sources.openapi import OpenAPI
from tests.graph.openapi.market import answer as ask
from tests.graph.serving.command import ROOT, here, refused
from tests.serving import running


def answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"200": {"description": "what was asked for", "content": {"application/json": {"schema": schema}}}}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


TEXT, NUMBER = {"type": "string"}, {"type": "integer", "format": "int32"}
LONG = (
    "A sentence that goes on for longer than any line should, so that it has to be cut between two of its words. " * 2
)
ZOO = {
    "openapi": "3.1.0",
    "info": {"title": "Zoo", "version": "1"},
    "servers": [{"url": "https://zoo.example/v1"}],
    "security": [{"key": []}],
    "paths": {
        "/animals": {
            "get": {
                "operationId": "listAnimals",
                "summary": "All animals.",
                "parameters": [
                    {"name": "kind", "in": "query", "schema": ref("Kind")},
                    {"name": "max", "in": "query", "schema": {**NUMBER, "default": 10}, "description": "How many."},
                    {"name": "tag", "in": "query", "schema": {"type": "array", "items": TEXT}},
                    {"name": "X-Region", "in": "header", "schema": TEXT},
                ],
                "responses": answer({"type": "array", "items": ref("Animal")}),
            },
            "post": {
                "operationId": "add_animal",
                "description": LONG,
                "requestBody": {"required": True, "content": {"application/json": {"schema": ref("NewAnimal")}}},
                "responses": answer(ref("Animal")),
            },
        },
        "/animals/{animal-id}": {
            "get": {
                "operationId": "getAnimal",
                "deprecated": True,
                "parameters": [{"name": "animal-id", "in": "path", "required": True, "schema": TEXT}],
                "responses": {"200": {**answer(ref("Animal"))["200"], "links": {"Mother": {
                    "operationId": "getAnimal", "parameters": {"animal-id": "$response.body#/id_of_parent"}}}}},
            }
        },
        "/search": {
            "get": {
                "operationId": "search",
                "parameters": [{"name": "filter", "in": "query", "style": "deepObject", "required": True,
                                "schema": {"type": "object", "properties": {"a": TEXT}}}],
                "responses": answer(ref("Animal")),
            }
        },
        "/far": {
            "servers": [{"url": "https://far.example"}],
            "get": {"operationId": "far", "responses": answer(ref("Animal"))},
        },
        "/trips/{id}": {
            "put": {
                "operationId": "move",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": TEXT},
                    {"name": "info", "in": "query", "schema": {"type": "array", "items": TEXT, "default": ["a", "b"]}},
                    {"name": "self", "in": "query", "schema": {**TEXT, "default": "word " * 20}},
                    {"name": "page[size]", "in": "query", "schema": NUMBER},
                    {"name": "session", "in": "cookie", "schema": TEXT},
                    {"name": "since", "in": "query", "schema": {**TEXT, "format": "date", "default": "2024-02-03"}},
                ],
                "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": ref("Trip")}}},
                "responses": {
                    **answer(ref("Animal")),
                    "202": {"description": "later", "content": {"application/json": {"schema": ref("Stone")}}},
                },
            },
            "delete": {"responses": {"204": {"description": "gone"}}, "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": TEXT}]},
        },
        "/label": {
            "get": {
                "operationId": "label",
                "responses": {"200": {"description": "", "content": {"text/plain": {"schema": TEXT}}}},
            },
            "post": {
                "operationId": "print",
                "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {"type": "object",
                    "required": ["paper"], "properties": {"paper": {**TEXT, "format": "binary"}, "copies": NUMBER}}}}},
                "responses": answer(ref("Mixed")),
            },
        },
        "/mixed": {"get": {"operationId": "mixed", "responses": answer({"type": "array", "items": ref("Mixed")})}},
        "/first": {"get": {"operationId": "first", "responses": answer(ref("Thing"))}},
    },
    "webhooks": {
        "animal.born": {"post": {"requestBody": {"content": {"application/json": {"schema": ref("Animal")}}},
                                 "responses": {"200": {"description": ""}}}},
    },
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "name": "X-Key", "in": "header"}},
        "schemas": {
            "Kind": {"type": "string", "enum": ["bird", "big cat", "none"]},
            "Animal": {
                "type": "object",
                "description": "Something that lives here.",
                "required": ["id", "kind"],
                "properties": {
                    "id": TEXT,
                    "kind": ref("Kind"),
                    "pet_name": {**TEXT, "description": 'Its "name".'},
                    "bornAt": {"type": "string", "format": "date-time"},
                    "@type": TEXT,
                    "class": TEXT,
                    "list": {"type": "array", "items": NUMBER},
                    "field": {**TEXT, "description": LONG},
                    "hidden": ref("__hidden"),
                    "rest": ref("Rest"),
                    "id_of_parent": TEXT,
                    "parents": {"type": "array", "items": ref("Animal")},
                },
            },
            "NewAnimal": {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": ref("Kind"), "pet_name": TEXT, "Weight": NUMBER, "born_at": TEXT},
            },
            "Stone": {"type": "object", "required": ["what"], "properties": {"what": TEXT, "grams": NUMBER}},
            "Plant": {"type": "object", "required": ["what"], "properties": {"what": TEXT, "height": NUMBER}},
            "__hidden": {"type": "object", "properties": {"of": ref("__hidden")}},
            "Trip": {
                "type": "object",
                "properties": {
                    "to-place": TEXT,
                    "by": {"oneOf": [ref("Stone"), ref("Plant")]},
                    "stops": {"type": "object", "additionalProperties": ref("Stone")},
                },
            },
            "Mixed": {"oneOf": [ref("Paper"), TEXT, {"type": "object", "required": ["wood"],
                      "properties": {"wood": NUMBER}}]},
            "Paper": {
                "type": "object",
                "required": ["pulp"],
                "properties": {
                    "pulp": NUMBER,
                    "by kind": {"type": "object", "additionalProperties": ref("Stone")},
                    "made.at": {"type": "integer", "format": "unix-time"},
                    "made_at": TEXT,
                    "madeAt": TEXT,
                },
            },
            "Query": {"type": "object", "properties": {"x": TEXT}},
            "Rest": {"type": "object", "properties": {"query": ref("Query"), "str": TEXT, "strawberry": TEXT}},
            "Thing": {
                "oneOf": [ref("Stone"), ref("Plant")],
                "discriminator": {
                    "propertyName": "what",
                    "mapping": {"s": "#/components/schemas/Stone", "p": "#/components/schemas/Plant"},
                },
            },
        },
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zoo.json").write_text(json.dumps(ZOO), encoding="utf-8")
    return tmp_path


def schema_of(graph: Graph) -> str:
    """Give what clients see of a schema, whatever its order."""
    text = graphql.print_schema(graph.schema)
    return graphql.print_schema(graphql.lexicographic_sort_schema(graphql.build_schema(text)))


def of_document(**options: Any) -> Graph:
    return Graph(documents=[OpenAPI("zoo", "zoo.json", **options)])


# -- the file ---------------------------------------------------------------------------------------------------------


def test_what_is_written_is_the_documents_graph(folder: Path) -> None:
    assert here("init", "zoo.json").status == 0
    assert schema_of(load("graph.py")) == schema_of(of_document())
    text = (folder / "graph.py").read_text(encoding="utf-8")
    assert text.endswith("graph = Graph(query=Query, mutation=Mutation, subscription=Subscription)\n")


def test_names_links_and_the_address_may_be_chosen(folder: Path) -> None:
    options = ("--prefix", "zoo", "--rename", "first=best", "--url", "https://zoo.test", "--auto-link")
    assert here("init", "zoo.json", *options).status == 0
    wanted = of_document(prefix="zoo", rename={"first": "best"}, url="https://zoo.test", auto_link=True)
    written = load("graph.py")
    assert schema_of(written) == schema_of(wanted)
    assert [source.url for source in written.sources] == ["https://zoo.test"]


def test_the_file_reads_like_a_hand_written_one(folder: Path) -> None:
    text = here("init", "zoo.json", "--output", "-").out
    assert 'zoo = OpenAPI("zoo", Path(__file__).with_name("zoo.json"))\n' in text
    assert 'class Kind(Enum):\n    BIRD = "bird"\n    BIG_CAT = "big cat"\n' in text
    assert '@strawberry.type(description="Something that lives here.")\nclass Animal:\n' in text
    assert "    pet_name: str | None = field(description='Its \"name\".')\n" in text
    assert 'discriminator("what", {"s": "Stone", "p": "Plant"})' in text
    assert '    @zoo.get("getAnimal", deprecation_reason="No longer supported")\n' in text
    assert '    @zoo.get("getAnimal", inputs={"animalId": "id_of_parent"})\n' in text
    assert '    @zoo.delete("DELETE /trips/{id}")\n' in text
    assert "    def list_animals(\n        self,\n" in text
    assert '@zoo.webhook("animal-born")\n    def on_animal_born(self) -> Animal | None: ...\n' in text


def test_a_document_elsewhere_is_named_from_where_the_file_is(folder: Path) -> None:
    (folder / "graphs").mkdir()
    assert here("init", "zoo.json", "--output", "graphs/zoo.py").status == 0
    text = (folder / "graphs" / "zoo.py").read_text(encoding="utf-8")
    assert 'OpenAPI("zoo", Path(__file__).parent / "../zoo.json")' in text
    assert schema_of(load("graphs/zoo.py")) == schema_of(of_document())


def test_the_file_asks_for_the_variables_of_its_document(folder: Path) -> None:
    assert here("init", "zoo.json").status == 0
    [source] = load("graph.py").sources
    assert isinstance(source, OpenAPI)
    assert source.unset() == ["key: set ZOO_KEY", "webhooks: set ZOO_WEBHOOK_SECRET"]


def test_what_is_written_speaks_to_the_backend_as_the_document_says(folder: Path) -> None:
    asked: list[tuple[str, str, bytes]] = []

    async def backend(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        asked.append((scope["method"], f"{scope['path']}?{scope['query_string'].decode()}", body))
        is_label = scope["path"] == "/label"
        kind = b"text/plain" if is_label else b"application/json"
        said = b"fragile" if is_label else MOVED if scope["method"] == "PUT" else MIXED
        start = {"type": "http.response.start", "status": 202 if scope["method"] == "PUT" else 200}
        await send({**start, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": said})

    with running(backend) as address:
        assert here("init", "zoo.json", "--url", address).status == 0
        moved = ask(load("graph.py"), MOVE)
        label = ask(load("graph.py"), "{ label }")
        mixed = ask(load("graph.py"), SEE)
    assert moved == {"data": {"move": {"__typename": "Stone", "grams": 7}}}
    assert label == {"data": {"label": "fragile"}}
    assert mixed["data"]["mixed"] == [
        {"value": "sheet"},
        {"wood": 3},
        {"pulp": 1, "madeAt2": "1970-01-01T00:01:00+00:00", "byKind": [{"key": "k", "value": {"grams": 7}}]},
    ]
    assert asked[0] == (
        "PUT",
        "/trips/1?info=a&info=b&self=word&page%5Bsize%5D=5&since=2024-02-03",
        b"to-place=x&by%5Bwhat%5D=p&stops%5Bk%5D%5Bwhat%5D=s",
    )


MIXED = b'["sheet", {"wood": 3}, {"pulp": 1, "made.at": 60, "by kind": {"k": {"what": "s", "grams": 7}}}]'
SEE = """{ mixed { ... on StringValue { value } ... on MixedOption3 { wood }
    ... on Paper { pulp madeAt2 byKind { key value { grams } } } } }"""
MOVED = b'{"what": "s", "grams": 7}'
MOVE = """mutation { move(id: "1", self: "word", pageSize: 5,
    input: {toPlace: "x", by: {plant: {what: "p"}}, stops: [{key: "k", value: {what: "s"}}]})
    { __typename ... on Stone { grams } } }"""


@pytest.mark.timeout(240)
def test_a_written_file_is_formatted_and_passes_the_checks_of_this_repository(folder: Path) -> None:
    assert here("init", "zoo.json", "--output", "zoo_graph.py").status == 0
    assert here("init", "--output", "start.py").status == 0
    settings = str(ROOT / "pyproject.toml")
    files = [str(folder / name) for name in ("zoo_graph.py", "start.py")]
    with open(files[0], "a", encoding="utf-8") as written:
        written.write('# mypy: disable-error-code="empty-body"\n')
    for command in (
        ["ruff", "format", "--check", "--no-cache", "--config", settings, *files],
        ["ruff", "check", "--no-cache", "--config", settings, "--ignore", "D101,D102,D103", *files],
        ["mypy", files[0]],  # from the repository's folder with its settings, for all but this file is known there
    ):
        ended = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_same_document_is_written_the_same_way(folder: Path) -> None:
    assert here("init", "zoo.json", "--output", "-").out == here("init", "zoo.json", "--output", "-").out


def test_nothing_is_written_over_unless_it_is_said(folder: Path) -> None:
    (folder / "graph.py").write_text("mine\n", encoding="utf-8")
    assert refused("init", "zoo.json") == "weft: graph.py: is there already; --force writes over it"
    assert (folder / "graph.py").read_text(encoding="utf-8") == "mine\n"
    assert here("init", "zoo.json", "--force").status == 0
    assert (folder / "graph.py").read_text(encoding="utf-8").startswith('"""Zoo as a graph; yours to edit."""\n')


def test_a_file_that_cannot_be_written_is_one_line(folder: Path) -> None:
    assert refused("init", "--output", "nowhere/graph.py").startswith("weft: nowhere/graph.py: ")


def test_without_a_document_there_is_a_graph_to_start_from(folder: Path) -> None:
    assert here("init").status == 0
    assert "posts(limit: Int! = 10): [Post!]!" in here("schema", "graph.py").out


# -- the layout -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a", '"a"'),
        ('a"b', "'a\"b'"),
        ("a'b\"c", '"a\'b\\"c"'),
        ("a\\b", '"a\\\\b"'),
        ("é\n", '"é\\n"'),
        ("\0", '"\\x00"'),
    ],
)
def test_a_literal_is_in_the_quotes_that_need_fewer_escapes(text: str, written: str) -> None:
    assert literal(text) == written


def test_what_fits_is_on_one_line_and_what_does_not_is_split() -> None:
    assert list(lines(call("f", "a", "b"))) == ["f(a, b)"]
    wide = "x" * 55
    assert list(lines(call("f", wide, wide), 2)) == [
        "        f(",
        f"            {wide},",
        f"            {wide},",
        "        )",
    ]
    assert list(lines(call("f_of_two", wide, wide[:50]), 1)) == [
        "    f_of_two(",
        f"        {wide}, {wide[:50]}",
        "    )",
    ]
    assert list(lines(call("f", wide, wide, wide))) == ["f(", f"    {wide},", f"    {wide},", f"    {wide},", ")"]
    one = wide * 2 + wide[:3]
    assert list(lines(Group("def f(", (one,), "):", is_definition=True))) == ["def f(", f"    {one},", "):"]


def test_a_long_value_has_brackets_where_they_help() -> None:
    value = literal("x" * 100)
    assert list(lines(value, 1, before="A_NAME_THAT_IS_LONG = ")) == [
        "    A_NAME_THAT_IS_LONG = (",
        f"        {value}",
        "    )",
    ]
    longer = literal("x" * 120)
    assert list(lines(longer, before="A = ")) == [f"A = {longer}"]


def test_items_of_a_display_and_members_of_a_union_have_a_line_each_where_they_do_not_fit() -> None:
    wide = "x" * 50
    assert list(lines(Group("a={", (wide, wide), "}"), before=f"{wide} = ")) == [
        f"{wide} = a={{",
        f"    {wide},",
        f"    {wide},",
        "}",
    ]
    assert list(lines(Either((wide, wide, wide)), 1, after=",")) == [f"    {wide}", f"    | {wide}", f"    | {wide},"]
    assert list(lines(Either(("A", "B")), 1, after=",")) == ["    A | B,"]


def test_a_long_text_is_cut_between_words() -> None:
    text = "word " * 30
    first, *middle, last = lines(call("f", Text(text, "description=")))
    assert (first, last) == ("f(", ")")
    assert middle[0] == "    description=("
    assert "".join(json.loads(line.strip()) for line in middle[1:-1]) == text


def test_a_docstring_is_wrapped_and_keeps_its_paragraphs() -> None:
    assert list(docstring('Say "hi"', 0)) == ['"""Say "hi" """']
    assert list(docstring('"Hi" I say', 0)) == ['""" "Hi" I say"""']
    assert list(docstring("One.\n\n  - two\n", 1)) == ['    """One.', "", "    - two", '    """']
    assert max(map(len, docstring("word " * 100, 2))) <= 120
