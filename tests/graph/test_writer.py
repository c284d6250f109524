"""`weft init`: a document written as a graph in Python is the same graph, and reads as if somebody had written it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import graphql
import pytest

from graph import Graph
from graph.layout import Group, Text, call, docstring, lines, literal
from graph.target import load
from sources.openapi import OpenAPI
from tests.graph.serving.command import ROOT, here, refused


def answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"200": {"description": "what was asked for", "content": {"application/json": {"schema": schema}}}}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


TEXT, NUMBER = {"type": "string"}, {"type": "integer", "format": "int32"}
LONG = (
    "A sentence that goes on for longer than any line should, so that it has to be cut between two of its words. " * 2
)
ZOO = {
    "openapi": "3.0.3",
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
                "responses": answer(ref("Animal")),
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
        "/first": {"get": {"operationId": "first", "responses": answer(ref("Thing"))}},
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


def shape(graph: Graph) -> dict[str, object]:
    """Give what clients see of a schema, whatever its order."""
    found: dict[str, object] = {}
    for name, kind in graph.schema.type_map.items():
        if name.startswith("__") or isinstance(kind, graphql.GraphQLScalarType):
            continue
        found[name] = " ".join((kind.description or "").split())
        if isinstance(kind, graphql.GraphQLEnumType):
            found[name] = sorted(kind.values)
        elif isinstance(kind, graphql.GraphQLUnionType):
            found[name] = sorted(member.name for member in kind.types)
        elif isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                arguments = getattr(field, "args", {})
                told = " ".join((field.description or "").split())
                given = sorted(f"{one}: {argument.type}" for one, argument in arguments.items())
                found[f"{name}.{field_name}"] = (str(field.type), told, given, field.deprecation_reason)
    return found


# -- the file ---------------------------------------------------------------------------------------------------------


def test_what_is_written_is_the_documents_graph_but_for_what_it_lists(folder: Path) -> None:
    assert here("init", "zoo.json").status == 0
    text = (folder / "graph.py").read_text(encoding="utf-8")
    document = folder / "of_document.py"
    document.write_text(
        "from graph import Graph\nfrom sources.openapi import OpenAPI\n"
        "graph = Graph(documents=[OpenAPI('zoo', 'zoo.json')])\n",
        encoding="utf-8",
    )
    wanted = shape(load(str(document)))
    found = shape(load("graph.py"))
    assert wanted.pop("Query.search")
    assert wanted.pop("Query.far")
    assert {name: told for name, told in wanted.items() if name in found} == found
    assert text.endswith(
        "graph = Graph(query=Query, mutation=Mutation)\n\n"
        "# What the document has and this file does not:\n"
        "# - Query.search: 'filter' is an object\n"
        "# - Query.far: its backend is at https://far.example, which takes a Rest of its own\n"
    )


def test_the_file_reads_like_a_hand_written_one(folder: Path) -> None:
    text = here("init", "zoo.json", "--output", "-").out
    assert 'zoo = Rest("zoo", "https://zoo.example/v1", auth=ApiKey("X-Key", env="ZOO_KEY"))\n' in text
    assert 'class Kind(Enum):\n    BIRD = "bird"\n    BIG_CAT = "big cat"\n' in text
    assert '@strawberry.type(description="Something that lives here.")\nclass Animal:\n' in text
    assert "    pet_name: str | None = field(description='Its \"name\".')\n" in text
    assert 'discriminator("what", {"s": "Stone", "p": "Plant"})' in text
    assert '    @zoo.get("/animals/{animal_id}", deprecation_reason="No longer supported")\n' in text
    assert '    @zoo.post("/animals", body="{input}")\n' in text
    assert "    def list_animals(\n        self,\n" in text


@pytest.mark.parametrize(
    ("scheme", "written"),
    [
        ({"type": "apiKey", "in": "cookie", "name": "sid"}, 'ApiKey(cookie="sid", env="ZOO_MAIN_LOGIN")'),
        ({"type": "http", "scheme": "bearer"}, 'Bearer(env="ZOO_MAIN_LOGIN")'),
        (
            {"type": "http", "scheme": "basic"},
            'Basic(username_env="ZOO_MAIN_LOGIN_USERNAME", env="ZOO_MAIN_LOGIN_PASSWORD")',
        ),
        (
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}},
            'OAuth2("https://zoo.example/token", client_id_env="ZOO_MAIN_LOGIN_CLIENT_ID", '
            'env="ZOO_MAIN_LOGIN_CLIENT_SECRET")',
        ),
    ],
)
def test_credentials_come_from_the_variables_that_the_document_asks_for(
    folder: Path, scheme: dict[str, Any], written: str
) -> None:
    document: dict[str, Any] = {**ZOO, "security": [{"mainLogin": []}]}
    document["components"] = {**document["components"], "securitySchemes": {"mainLogin": scheme}}
    (folder / "zoo.json").write_text(json.dumps(document), encoding="utf-8")
    text = here("init", "zoo.json", "--output", "-").out
    told = " ".join(text[text.index("zoo = Rest(") :].split("\n\n")[0].split())
    assert written in told.replace("( ", "(").replace(" )", ")").replace(",)", ")")
    source = OpenAPI("zoo", "zoo.json")
    Graph(documents=[source])
    assert set(re.findall(r"ZOO_[A-Z_]+", written)) <= set(re.findall(r"ZOO_[A-Z_]+", " ".join(source.unset())))


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


def test_a_long_text_is_cut_between_words() -> None:
    text = "word " * 30
    first, *middle, last = lines(call("f", Text(text, "description=")))
    assert (first, last) == ("f(", ")")
    assert middle[0] == "    description=("
    assert "".join(json.loads(line.strip()) for line in middle[1:-1]) == text


def test_a_docstring_is_wrapped_and_keeps_its_paragraphs() -> None:
    assert list(docstring('Say "hi"', 0)) == ['"""Say "hi" """']
    assert list(docstring("One.\n\n  - two\n", 1)) == ['    """One.', "", "    - two", '    """']
    assert max(map(len, docstring("word " * 100, 2))) <= 120
