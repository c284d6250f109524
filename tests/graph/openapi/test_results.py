"""What operations of documents answer: one type, none, text, bytes, one of several by status, documented failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sources import FakeTransport
from tests.graph.openapi.written import PATH, answers, body, graph_of, losses, operation, ref, root, thing

pytestmark = pytest.mark.anyio
PET = {"Pet": thing(id="string!", name="string"), "Problem": thing(message="string!"), "Job": thing(url="string")}


def test_each_answer_has_its_type(tmp_path: Path) -> None:
    media: dict[str, Any] = {"content": {"image/png": {}}}
    paths = {
        "/one": {"get": operation(answers(ref("Pet")))},
        "/none": {"delete": operation(answers(None, "204")), "post": operation({})},
        "/text": {"get": operation({"200": {"description": "", "content": {"text/csv": {}}}})},
        "/bytes": {"get": operation({"200": {"description": "", **media}})},
        "/unsaid": {"get": operation(answers(None))},
        "/silent": {"get": operation({})},
        "/range": {"get": operation(answers(ref("Pet"), "2XX"))},
        "/default": {"get": operation(answers(ref("Pet"), "default"))},
        "/failure": {"post": operation(answers(ref("Problem"), "default") | answers(ref("Pet"), "201"))},
        "/either": {"post": operation(answers(ref("Pet")) | answers(None, "204") | answers(None, "302"))},
    }
    graph = graph_of(tmp_path, paths, PET)
    assert root(graph) == [
        "getOne: Pet",
        "getText: String",
        "getBytes: Base64",
        "getUnsaid: JSON",
        "getSilent: JSON",
        "getRange: Pet",
        "getDefault: Pet",
    ]
    assert root(graph, "Mutation") == [
        "postNone: Boolean",
        "deleteNone: Boolean",
        "postFailure: Pet",
        "postEither: Pet",
    ]
    assert losses(graph) == [
        ("#/paths/~1unsaid/get/responses/200", "no-schema", "json"),
        ("#/paths/~1silent/get", "no-answer", "json"),
    ]


async def test_replies_of_every_kind_are_read(tmp_path: Path) -> None:
    paths = {
        "/text": {"get": operation({"200": {"description": "", "content": {"text/csv": {}, "text/plain": {}}}})},
        "/bytes": {"get": operation({"200": {"description": "", "content": {"image/png": {}}}})},
        "/pets/{id}": {"get": operation(answers(ref("Pet")), PATH), "put": operation(answers(ref("Pet")), PATH)},
    }
    transport = FakeTransport({"GET /text": b"a,b\n", "GET /bytes": b"\x01\x02", "PUT /pets/1": (204, b"")})
    graph = graph_of(tmp_path, paths, PET, client=transport)
    response = await graph.execute("{ getText getBytes getPetsById(id: 1) { id } }")
    assert response == {"data": {"getText": "a,b\n", "getBytes": "AQI=", "getPetsById": None}}
    accepted = dict(zip(transport.calls, (sent["accept"] for sent in transport.headers), strict=True))
    assert accepted == {
        "GET /text": "text/csv, text/plain",
        "GET /bytes": "image/png",
        "GET /pets/1": "application/json",
    }
    assert await graph.execute("mutation { putPetsById(id: 1) { id } }") == {"data": {"putPetsById": None}}
    await graph.aclose()


async def test_several_successes_are_a_union_by_status(tmp_path: Path) -> None:
    responses = answers(ref("Pet"), "201") | answers(ref("Job"), "202") | answers({"type": "integer"}, "203")
    transport = FakeTransport({"POST /pets": (201, {"id": "1", "name": "Rex"})})
    graph = graph_of(tmp_path, {"/pets": {"post": operation(responses, operationId="addPet")}}, PET, client=transport)
    assert "union AddPetResult = Pet | Job | AddPetNonAuthoritativeInformation" in graph.sdl()
    write = """mutation { addPet {
        __typename ... on Pet { name } ... on Job { url } ... on AddPetNonAuthoritativeInformation { status value }
    } }"""
    assert await graph.execute(write) == {"data": {"addPet": {"__typename": "Pet", "name": "Rex"}}}
    transport = FakeTransport({"POST /pets": (202, {"url": "/jobs/1"})})
    graph = graph_of(tmp_path, {"/pets": {"post": operation(responses, operationId="addPet")}}, PET, client=transport)
    assert await graph.execute(write) == {"data": {"addPet": {"__typename": "Job", "url": "/jobs/1"}}}
    transport = FakeTransport({"POST /pets": (203, 7)})
    graph = graph_of(tmp_path, {"/pets": {"post": operation(responses, operationId="addPet")}}, PET, client=transport)
    assert await graph.execute(write) == {
        "data": {"addPet": {"__typename": "AddPetNonAuthoritativeInformation", "status": 203, "value": 7}}
    }


async def test_documented_failures_are_results_where_that_is_wished(tmp_path: Path) -> None:
    responses = {
        **answers(ref("Pet"), "201"),
        **answers(ref("Problem"), "409"),
        **answers({"type": "array", "items": {"type": "string"}}, "4XX"),
        **answers(None, "503"),
    }
    paths = {"/pets": {"post": operation(responses, operationId="addPet", requestBody=body(ref("Pet")))}}
    replies = {
        "1": (201, {"id": "1", "name": "Rex"}),
        "2": (409, {"message": "there is one"}),
        "3": (422, ["too old", "too large"]),
        "4": (503, {"message": "later"}),
        "5": (409, b"<html>"),
    }
    transport = FakeTransport(lambda method, target, sent: replies[chr((sent or b"")[7])])
    graph = graph_of(tmp_path, paths, PET, client=transport, results=True)
    assert [block for block in graph.sdl().split("\n\n") if "AddPet" in block and "Mutation" not in block] == [
        "union AddPetResult = Pet | AddPetConflict | AddPetClientError",
        'type AddPetConflict {\n  """The status of HTTP."""\n  status: Int!\n  error: Problem\n}',
        'type AddPetClientError {\n  """The status of HTTP."""\n  status: Int!\n  error: [String!]\n}',
    ]

    async def added(id: str) -> object:
        response = await graph.execute(
            f"""mutation {{ addPet(input: {{id: "{id}"}}) {{
                ... on Pet {{ name }}
                ... on AddPetConflict {{ status error {{ message }} }}
                ... on AddPetClientError {{ status errors: error }}
            }} }}"""
        )
        return response["errors"][0]["extensions"] if "errors" in response else response["data"]["addPet"]

    assert [await added(id) for id in replies] == [
        {"name": "Rex"},
        {"status": 409, "error": {"message": "there is one"}},
        {"status": 422, "errors": ["too old", "too large"]},
        {"code": "UPSTREAM_ERROR", "source": "pets", "status": 503, "retryable": True},
        {"code": "UPSTREAM_ERROR", "source": "pets", "status": 409},
    ]
    await graph.aclose()


async def test_failures_of_lists_and_of_what_is_missing_are_results_too(tmp_path: Path) -> None:
    several = {"type": "array", "items": ref("Pet")}
    paths = {
        "/pets": {"get": operation(answers(several) | answers(ref("Problem"), "default"), operationId="pets")},
        "/pets/{id}": {
            "get": operation(answers(ref("Pet")) | answers(ref("Problem"), "404"), PATH, operationId="pet"),
            "delete": operation(answers(None, "204") | answers(ref("Problem"), "403"), PATH, operationId="remove"),
        },
    }
    replies = {
        "GET /pets": [{"id": "1"}],
        "GET /pets/1": (404, {"message": "gone"}),
        "GET /pets/2": {"id": "2"},
        "DELETE /pets/1": (204, b""),
        "DELETE /pets/2": (403, {"message": "never"}),
    }
    graph = graph_of(tmp_path, paths, PET, client=FakeTransport(replies), results=True)
    response = await graph.execute(
        """{
            pets { ... on PetsOK { value { id } } ... on PetsFailure { status } }
            one: pet(id: 1) { ...P } two: pet(id: 2) { ...P }
        }
        fragment P on PetResult { __typename ... on Pet { id } ... on PetNotFound { error { message } } }"""
    )
    assert response == {
        "data": {
            "pets": {"value": [{"id": "1"}]},
            "one": {"__typename": "PetNotFound", "error": {"message": "gone"}},
            "two": {"__typename": "Pet", "id": "2"},
        }
    }
    response = await graph.execute(
        """mutation { one: remove(id: 1) { ...R } two: remove(id: 2) { ...R } }
        fragment R on RemoveResult { ... on RemoveNoContent { status } ... on RemoveForbidden { error { message } } }"""
    )
    assert response == {"data": {"one": {"status": 204}, "two": {"error": {"message": "never"}}}}
    await graph.aclose()


def test_an_answer_that_may_be_a_map_is_json_beside_failures(tmp_path: Path) -> None:
    held = {"type": "object", "additionalProperties": ref("Pet")}
    paths = {"/pets": {"get": operation(answers(held) | answers(ref("Problem"), "400"), operationId="pets")}}
    graph = graph_of(tmp_path, paths, PET, results=True)
    assert 'type PetsOK {\n  """The status of HTTP."""\n  status: Int!\n  value: JSON\n}' in graph.sdl()
    assert losses(graph) == [("#/paths/~1pets/get/responses/200", "mixed-answer", "json")]
