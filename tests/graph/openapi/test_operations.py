"""Operations of documents as fields: what they are called, what they take and send, what they make stale."""

from __future__ import annotations

from pathlib import Path

import pytest
import strawberry
from strawberry.schema_directive import Location

from graph import Graph, GraphError
from sources import FakeTransport
from sources.openapi import OpenAPI, Operation
from tests.graph.openapi.written import PATH, answers, body, graph_of, losses, operation, ref, root, source, thing

pytestmark = pytest.mark.anyio
TEXT = {"type": "string"}


def query(name: str, schema: object = None, **options: object) -> dict[str, object]:
    return {"name": name, "in": "query", "schema": TEXT if schema is None else schema, **options}


# -- names ------------------------------------------------------------------------------------------------------------


def test_an_operation_is_called_by_its_id_or_by_method_and_path(tmp_path: Path) -> None:
    paths = {
        "/pets": {"get": operation(operationId="pets.list"), "post": operation(operationId="repos/add-for-org")},
        "/users/{id}/posts": {"get": operation(None, PATH), "delete": operation(None, PATH)},
        "/things": {"get": operation(operationId="Get_Things"), "put": operation()},
    }
    graph = graph_of(tmp_path, paths)
    assert root(graph) == [
        "petsList: String",
        "getUsersByIdPosts(id: ID!): String",
        "getThings: String",
    ]
    assert root(graph, "Mutation") == [
        "reposAddForOrg: String",
        "deleteUsersByIdPosts(id: ID!): String",
        "putThings: String",
    ]


def test_of_operations_with_one_name_the_exact_one_has_it_and_the_others_say_their_paths(tmp_path: Path) -> None:
    paths = {
        "/b": {"get": operation(operationId="list_all")},
        "/a": {"get": operation(operationId="listAll")},
        "/c": {"get": operation(operationId="list-all")},
        "/d": {"post": operation(operationId="listAll")},
    }
    graph = graph_of(tmp_path, paths)
    assert root(graph) == ["getB: String", "listAll: String", "getC: String"]
    assert root(graph, "Mutation") == ["listAll: String"]


def test_names_stay_whichever_operations_are_wanted(tmp_path: Path) -> None:
    paths = {"/a": {"get": operation(operationId="list_all")}, "/b": {"get": operation(operationId="list-all")}}
    assert root(graph_of(tmp_path, paths, include="/b")) == ["getB: String"]


def test_names_may_be_chosen_and_others_begin_with_a_prefix(tmp_path: Path) -> None:
    paths = {
        "/a": {"get": operation(answers(ref("Pet")), operationId="getPet")},
        "/b": {"get": operation(answers(thing(id="string")), operationId="getOwner")},
        "/c": {"get": operation()},
    }
    schemas = {"Pet": thing(owner="string")}
    graph = graph_of(tmp_path, paths, schemas, prefix="my", rename={"getPet": "animal", "GET /c": "see"})
    assert root(graph) == ["animal: MyPet", "myGetOwner: MyGetOwnerResult", "see: String"]


def test_a_chosen_name_that_is_none_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"rename: 'no name' is not a name: letters, digits and _ are"):
        graph_of(tmp_path, {"/a": {"get": operation(operationId="a")}}, rename={"a": "no name"})


def test_a_name_that_another_field_has_begins_with_the_source(tmp_path: Path) -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def pet(self) -> str:
            return "hand-written"

    paths = {"/a": {"get": operation(operationId="pet")}, "/b": {"get": operation(operationId="owner")}}
    documents = [source(tmp_path, paths, name="shop"), source(tmp_path, paths, name="zoo")]
    assert root(Graph(Query, documents=documents)) == [
        "pet: String!",
        "shopPet: String",
        "owner: String",
        "zooPet: String",
        "zooOwner: String",
    ]


def test_what_reads_is_on_the_query_type_whatever_its_method(tmp_path: Path) -> None:
    paths = {
        "/search": {"post": operation(operationId="searchPets", requestBody=body(ref("Search")))},
        "/pets/{id}": {"head": operation({"200": {"description": ""}}, PATH), "trace": operation(None, PATH)},
        "/pets": {"options": operation({"204": {"description": ""}})},
        "/kinds": {"options": operation()},
    }
    graph = graph_of(tmp_path, paths, {"Search": thing(text="string")}, reads="POST /search")
    assert root(graph) == [
        "searchPets(input: SearchInput!): String",
        "headPetsById(id: ID!): Boolean",
        "optionsKinds: String",
    ]
    assert losses(graph) == [
        ("#/paths/~1pets/options", "about-connection", "left-out"),
        ("#/paths/~1pets~1{id}/trace", "about-connection", "left-out"),
    ]


async def test_a_search_that_is_posted_is_a_read_and_a_head_says_whether_something_is_there(tmp_path: Path) -> None:
    def answer(method: str, target: str, sent: bytes | None) -> object:
        if method == "HEAD":
            return (200 if target.endswith("1") else 404), b""
        return "found"

    transport = FakeTransport(answer)
    paths = {
        "/search": {"post": operation(operationId="search", requestBody=body(thing(text="string")))},
        "/pets/{id}": {"head": operation({"200": {"description": ""}}, PATH, operationId="isPet")},
    }
    graph = graph_of(tmp_path, paths, reads=["search"], client=transport)
    response = await graph.execute('{ search(input: {text: "cat"}) yes: isPet(id: 1) no: isPet(id: 2) }')
    assert response == {"data": {"search": "found", "yes": True, "no": None}}
    assert sorted(transport.calls) == ["HEAD /pets/1", "HEAD /pets/2", "POST /search"]
    assert [sent for sent in transport.bodies if sent is not None] == [b'{"text":"cat"}']
    await graph.aclose()


# -- arguments --------------------------------------------------------------------------------------------------------


async def test_arguments_are_sent_where_and_how_the_document_says(tmp_path: Path) -> None:
    numbers = {"type": "array", "items": {"type": "integer"}}
    parameters = [
        query("filter[name]", required=True),
        query("tags", numbers, style="form", explode=False),
        query("where", thing(age="integer"), style="deepObject"),
        query("limit", {"type": "integer", "default": 20}),
        {"name": "X-Trace", "in": "header", "schema": TEXT},
        {"name": "session", "in": "cookie", "schema": TEXT},
        {"name": "shape", "in": "query", "content": {"application/json": {"schema": thing(a="integer")}}},
        PATH,
        query("id"),
    ]
    transport = FakeTransport(lambda *_: "found")
    graph = graph_of(tmp_path, {"/pets/{id}.json": {"get": operation(None, *parameters)}}, client=transport)
    assert root(graph) == [
        "getPetsByIdJson(id: ID!, filterName: String!, tags: [Int!], where: GetPetsByIdJsonWhereInput, "
        "limit: Int = 20, xTrace: String, session: String, shape: GetPetsByIdJsonShapeInput, idInQuery: ID): String"
    ]
    response = await graph.execute(
        '{ getPetsByIdJson(id: "ab", idInQuery: "q", filterName: "r&d", tags: [1, 2], where: {age: 3}, '
        'xTrace: "t1", session: "s1", shape: {a: 1}) }'
    )
    assert response == {"data": {"getPetsByIdJson": "found"}}
    assert transport.calls == [
        "GET /pets/ab.json?filter%5Bname%5D=r%26d&tags=1,2&where%5Bage%5D=3&limit=20&shape=%7B%22a%22%3A1%7D&id=q"
    ]
    sent = {name: value for name, value in transport.headers[0].items() if name in ("x-trace", "cookie")}
    assert sent == {"x-trace": "t1", "cookie": "session=s1"}
    await graph.aclose()


def test_a_parameter_that_no_request_carries_is_told_of(tmp_path: Path) -> None:
    host = {"name": "Host", "in": "header", "schema": TEXT}
    accept = {"name": "Accept", "in": "header", "schema": TEXT}
    graph = graph_of(tmp_path, {"/a": {"get": operation(None, host, accept)}})
    assert root(graph) == ["getA: String"]
    assert losses(graph) == [
        ("#/paths/~1a/get/parameters/1", "header-said-elsewhere", "left-out"),
        ("#/paths/~1a/get/parameters/0", "parameter-not-sent", "left-out"),
    ]


def test_what_a_document_tells_people_is_in_the_schema(tmp_path: Path) -> None:
    told = query("name", description="Whom.", example="Rex", deprecated=True)
    paths = {"/a": {"get": operation(None, told, summary="Looks.", description="Closely.", deprecated=True)}}
    assert graph_of(tmp_path, paths).sdl() == (
        "type Query {\n"
        '  """\n  Looks.\n  \n  Closely.\n  """\n'
        "  getA(\n"
        '    """\n    Whom.\n    \n    Example: `"Rex"`\n    """\n'
        "    name: String @deprecated\n"
        "  ): String @deprecated\n"
        "}\n"
    )


# -- bodies -----------------------------------------------------------------------------------------------------------


async def test_json_is_sent_where_several_media_types_may_be(tmp_path: Path) -> None:
    content = {"application/xml": {}, "application/vnd.pet+json": {"schema": ref("Pet")}, "text/plain": {}}
    paths = {"/pets": {"post": operation(answers(ref("Pet"), "201"), requestBody={"content": content})}}
    transport = FakeTransport({"POST /pets": (201, {"name": "Rex"})})
    graph = graph_of(tmp_path, paths, {"Pet": thing(name="string")}, client=transport)
    assert root(graph, "Mutation") == ["postPets(input: PetInput): Pet"]
    response = await graph.execute('mutation { postPets(input: {name: "Rex"}) { name } }')
    assert response == {"data": {"postPets": {"name": "Rex"}}}
    assert (transport.bodies, transport.headers[0]["content-type"]) == (
        [b'{"name":"Rex"}'],
        "application/vnd.pet+json",
    )
    await graph.aclose()


async def test_a_form_is_sent_as_one(tmp_path: Path) -> None:
    schema = {**thing(name="string!"), "properties": {"name": TEXT, "tag_ids": {"type": "array", "items": TEXT}}}
    paths = {"/pets": {"post": operation(requestBody=body(schema, "application/x-www-form-urlencoded"))}}
    transport = FakeTransport(lambda *_: "done")
    graph = graph_of(tmp_path, paths, client=transport)
    response = await graph.execute('mutation { postPets(input: {name: "R&D", tagIds: ["a", "b"]}) }')
    assert response == {"data": {"postPets": "done"}}
    assert transport.bodies == [b"name=R%26D&tag_ids=a&tag_ids=b"]
    await graph.aclose()


def test_files_are_uploads_in_forms_and_as_whole_bodies(tmp_path: Path) -> None:
    binary = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "required": ["photo"],
        "properties": {"photo": binary, "more": {"type": "array", "items": binary}, "note": TEXT},
    }
    paths = {
        "/photos": {"post": operation(requestBody=body(form, "multipart/form-data"))},
        "/photo": {"put": operation(requestBody={"content": {"image/*": {"schema": binary}}})},
        "/text": {"put": operation(requestBody=body(TEXT, "text/plain"))},
    }
    graph = graph_of(tmp_path, paths)
    assert root(graph, "Mutation") == [
        "postPhotos(input: PostPhotosBodyForm!): String",
        "putPhoto(file: Upload!): String",
        "putText(input: String!): String",
    ]
    assert "input PostPhotosBodyForm {\n  photo: Upload!\n  more: [Upload!]\n  note: String\n}" in graph.sdl()


def test_the_body_of_a_get_is_left_out_and_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    paths = {
        "/a": {
            "get": operation(requestBody=body(TEXT)),
            "post": operation(None, query("input"), requestBody=body(TEXT, required=False)),
        }
    }
    graph = graph_of(tmp_path, paths)
    assert (root(graph), root(graph, "Mutation")) == (
        ["getA: String"],
        ["postA(input: String, input2: String): String"],
    )
    assert losses(graph) == [("#/paths/~1a/get/requestBody", "body-of-get", "left-out")]


# -- what writes make stale -------------------------------------------------------------------------------------------


async def test_a_write_makes_stale_what_is_read_at_its_path(tmp_path: Path) -> None:
    paths = {
        "/pets": {"get": operation(answers({"type": "array", "items": ref("Pet")})), "post": operation(answers())},
        "/pets/{id}": {"get": operation(answers(ref("Pet")), PATH), "delete": operation(answers(None, "204"), PATH)},
        "/pets/{id}/feed": {"post": operation(answers(None, "202"), PATH)},
        "/owners": {"get": operation(answers(thing(name="string"))), "post": operation(answers(None, "204"))},
    }

    def answer(method: str, target: str, _: bytes | None) -> object:
        if method != "GET":
            return 204, b""
        return {"/owners": {"name": "Ada"}, "/pets": [{"id": "1"}]}.get(target, {"id": target[-1]})

    transport = FakeTransport(answer)
    graph = graph_of(tmp_path, paths, {"Pet": thing(id="string!")}, client=transport, ttl=60)
    read = "{ getPets { id } getPetsById(id: 1) { id } getOwners { name } }"
    both = ["GET /pets", "GET /pets/1"]
    assert (await graph.execute(read))["data"]["getOwners"] == {"name": "Ada"}
    for write, stale in (
        ('mutation { deletePetsById(id: "1") }', both),
        ('mutation { postPetsByIdFeed(id: "1") }', both),
        ("mutation { postPets }", both),
        ("mutation { postOwners }", ["GET /owners"]),
    ):
        assert list((await graph.execute(write))["data"].values()) == [True]
        transport.calls.clear()
        await graph.execute(read)
        assert sorted(transport.calls) == stale
    await graph.aclose()


# -- never all or nothing ---------------------------------------------------------------------------------------------


class Odd(OpenAPI):
    """A source that cannot serve some of its operations."""

    def address(self, operation: Operation) -> str | None:
        if operation.path == "/internal":
            raise KeyError("s3cret")
        return "ftp://pets.example" if operation.path == "/ftp" else None


def test_what_cannot_be_built_costs_one_operation(tmp_path: Path) -> None:
    paths = {path: {"get": operation()} for path in ("/internal", "/fine", "/ftp")}
    location = source(tmp_path, paths).location
    graph = Graph(documents=[Odd("pets", location)])
    assert root(graph) == ["getFine: String"]
    (found,) = (one for one in graph.sources if isinstance(one, OpenAPI))
    assert [(loss.pointer, loss.reason, loss.message) for loss in found.losses] == [
        ("#/paths/~1internal/get", "internal", "GET /internal could not be built (KeyError); it is left out"),
        (
            "#/paths/~1ftp/get",
            "not-sendable",
            "'ftp://pets.example' is not an http or https address; GET /ftp is left out",
        ),
    ]


def test_a_document_without_operations_is_a_graph(tmp_path: Path) -> None:
    assert root(graph_of(tmp_path, {})) == ["_documents: [String!]!"]


def test_a_pattern_that_matches_nothing_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"include='lisPets' matches no operation; near it: 'listPets'"):
        graph_of(tmp_path, {"/pets": {"get": operation(operationId="listPets")}}, include="lisPets")


# -- credentials ------------------------------------------------------------------------------------------------------


async def test_each_operation_sends_the_credentials_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemes = {
        "key": {"type": "apiKey", "name": "X-Key", "in": "header"},
        "login": {"type": "http", "scheme": "bearer"},
        "odd": {"type": "http", "scheme": "negotiate"},
    }
    given = {"name": "x-key", "in": "header", "required": True, "schema": TEXT}
    paths = {
        "/usual": {"get": operation(None, given)},
        "/open": {"get": operation(security=[])},
        "/other": {"get": operation(security=[{"login": []}])},
        "/odd": {"get": operation(security=[{"odd": []}])},
    }
    said = {"components": {"securitySchemes": schemes}, "security": [{"key": []}]}
    transport = FakeTransport(lambda *_: "found")
    graph = graph_of(tmp_path, paths, client=transport, document=said)
    (found,) = (one for one in graph.sources if isinstance(one, OpenAPI))
    assert root(graph) == ["getUsual: String", "getOpen: String", "getOther: String", "getOdd: String"]
    assert losses(graph) == [
        ("#/paths/~1usual/get/parameters/0", "parameter-not-sent", "left-out"),
        ("#/components/securitySchemes/odd", "unsupported-security", "left-out"),
    ]
    graph.check_environment()
    assert found.unset() == ["key: set PETS_KEY", "login: set PETS_LOGIN"]
    monkeypatch.setenv("PETS_KEY", "k1")
    monkeypatch.setenv("PETS_LOGIN", "t1")
    assert found.unset() == []
    await graph.execute("{ getUsual getOpen getOther getOdd }")
    sent = {
        call: (headers.get("X-Key"), headers.get("authorization"))
        for call, headers in zip(transport.calls, transport.headers, strict=True)
    }
    assert sent == {
        "GET /usual": ("k1", None),
        "GET /open": (None, None),
        "GET /other": (None, "Bearer t1"),
        "GET /odd": (None, None),
    }
    await graph.aclose()


# -- beside Strawberry's own features ---------------------------------------------------------------------------------


def test_a_graph_of_documents_is_no_subgraph_and_says_so(tmp_path: Path) -> None:
    pets = source(tmp_path, {"/pets": {"get": operation(operationId="listPets")}})
    with pytest.raises(GraphError, match="federation: a graph of documents cannot be a subgraph yet"):
        Graph(documents=[pets], federation=True)


def test_the_printed_schema_has_the_document_beside_an_authors_own_directives(tmp_path: Path) -> None:
    @strawberry.schema_directive(locations=[Location.FIELD_DEFINITION])
    class Owned:
        by: str

    @strawberry.type
    class Query:
        hello: str = strawberry.field(resolver=lambda: "hello", directives=[Owned(by="us")])

    pets = source(tmp_path, {"/pets": {"get": operation(operationId="listPets")}})
    printed = Graph(query=Query, documents=[pets]).sdl()
    assert "listPets: String" in printed
    assert "hello: String!" in printed
