"""A backend's own document, from its own server, as a graph of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import fastapi
import httpx
import pytest
from pydantic import BaseModel

from graph import Graph
from graph.server import App
from sources.openapi import OpenAPI
from tests.graph.openapi.written import losses, root
from tests.serving import running

pytestmark = pytest.mark.anyio


class Pet(BaseModel):
    id: int
    name: str
    price_cents: int | None = None


class Problem(BaseModel):
    reason: str


CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": Problem}}
Texts = Annotated[list[str] | None, fastapi.Query()]
Trace = Annotated[str | None, fastapi.Header()]


def backend() -> fastapi.FastAPI:
    """Give a service that keeps pets, and describes itself."""
    app, pets = fastapi.FastAPI(), {1: Pet(id=1, name="Rex", price_cents=5)}

    @app.get("/pets", operation_id="listPets")
    def list_pets(tags: Texts = None, x_trace: Trace = None) -> list[Pet]:
        named = [Pet(id=100 + index, name=f"{tag} {x_trace}") for index, tag in enumerate(tags or [])]
        return [*pets.values(), *named]

    @app.get("/pets/{id}", operation_id="getPet", responses={404: {"model": Problem}})
    def get_pet(id: int) -> Pet:
        if id not in pets:
            raise fastapi.HTTPException(404)
        return pets[id]

    @app.post("/pets", operation_id="addPet", status_code=201, response_model=Pet, responses=CONFLICT)
    def add_pet(pet: Pet) -> Any:
        if pet.id in pets:
            return fastapi.responses.JSONResponse({"reason": f"there is {pets[pet.id].name}"}, 409)
        pets[pet.id] = pet
        return pet

    @app.delete("/pets/{id}", operation_id="removePet", status_code=204)
    def remove_pet(id: int) -> None:
        pets.pop(id, None)

    image = {"requestBody": {"required": True, "content": {"image/png": {"schema": {"type": "string"}}}}}

    @app.put("/pets/{id}/photo", operation_id="setPhoto", openapi_extra=image)
    async def set_photo(id: int, request: fastapi.Request) -> str:
        return f"{id} {request.headers['content-type']} {(await request.body()).hex()}"

    return app


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running(backend()) as address:
        yield address


def graph_at(address: str, **options: Any) -> Graph:
    return Graph(documents=[OpenAPI("pets", f"{address}/openapi.json", **options)])


async def test_the_document_of_a_server_is_a_graph(address: str) -> None:
    graph = graph_at(address)
    assert root(graph) == ["listPets(tags: [String!], xTrace: String): [Pet!]", "getPet(id: Int64!): Pet"]
    assert root(graph, "Mutation") == [
        "addPet(input: PetInput!): Pet",
        "removePet(id: Int64!): Boolean",
        "setPhoto(id: Int64!, file: Upload!): String",
    ]
    response = await graph.execute(
        """{ listPets(tags: ["big", "old"], xTrace: "t1") { id name priceCents } none: getPet(id: 7) { id } }"""
    )
    assert response == {
        "data": {
            "listPets": [
                {"id": "1", "name": "Rex", "priceCents": 5},
                {"id": "100", "name": "big t1", "priceCents": None},
                {"id": "101", "name": "old t1", "priceCents": None},
            ],
            "none": None,
        }
    }
    assert losses(graph) == []
    await graph.aclose()


async def test_what_is_written_can_be_read(address: str) -> None:
    graph = graph_at(address, results=True, ttl=60)
    write = """mutation($pet: PetInput!) { addPet(input: $pet) {
        ... on Pet { name } ... on AddPetConflict { status error { reason } }
    } }"""
    pet = {"id": 2, "name": "Tom"}
    read = "{ listPets { ... on ListPetsOK { value { name } } } }"
    assert (await graph.execute(read))["data"]["listPets"] == {"value": [{"name": "Rex"}]}
    assert await graph.execute(write, {"pet": pet}) == {"data": {"addPet": {"name": "Tom"}}}
    assert await graph.execute(write, {"pet": pet}) == {
        "data": {"addPet": {"status": 409, "error": {"reason": "there is Tom"}}}
    }
    assert (await graph.execute(read))["data"]["listPets"] == {"value": [{"name": "Rex"}, {"name": "Tom"}]}
    removed = await graph.execute("mutation { removePet(id: 2) { ... on RemovePetNoContent { status } } }")
    assert removed == {"data": {"removePet": {"status": 204}}}
    assert (await graph.execute(read))["data"]["listPets"] == {"value": [{"name": "Rex"}]}
    await graph.aclose()


def test_a_file_of_a_client_is_the_body_of_an_operation(address: str) -> None:
    with running(App(graph_at(address))) as gateway:
        asked = {"query": "mutation($f: Upload!) { setPhoto(id: 1, file: $f) }", "variables": {"f": None}}
        parts: Any = {
            "operations": (None, json.dumps(asked)),
            "map": (None, json.dumps({"0": ["variables.f"]})),
            "0": ("a.png", b"\x01\x02", "image/png"),
        }
        headers = {"graphql-require-preflight": "1"}
        reply = httpx.post(f"{gateway}/graphql", files=parts, headers=headers, timeout=10)
    assert reply.json() == {"data": {"setPhoto": "1 image/png 0102"}}
