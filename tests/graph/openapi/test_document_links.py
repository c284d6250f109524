"""Links of a document as fields of what is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sources import FakeTransport
from tests.graph.openapi.written import PATH, answers, graph_of, losses, operation, ref, thing

pytestmark = pytest.mark.anyio
SCHEMAS = {"Pet": thing(id="string!", owner_id="string", kind="string"), "Owner": thing(id="string!", name="string")}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
KIND = {"name": "kind", "in": "query", "schema": {"type": "string"}}


def linked(**links: Any) -> dict[str, Any]:
    """Give a document's paths whose pet has links."""
    return {
        "/pets/{id}": {
            "get": operation(answers(ref("Pet"), links=links), PATH, operationId="getPet"),
            "delete": operation(answers(None, "204"), PATH, operationId="removePet"),
        },
        "/owners/{id}": {"get": operation(answers(ref("Owner")), PATH, operationId="getOwner")},
        "/friends/{id}": {
            "get": operation(
                answers({"type": "array", "items": ref("Pet")}), PATH, KIND, LIMIT, operationId="listFriends"
            )
        },
    }


def to(operation_id: str, **parameters: Any) -> dict[str, Any]:
    return {"operationId": operation_id, "parameters": parameters}


async def test_a_link_is_a_field_that_takes_its_parameters_from_the_answer(tmp_path: Path) -> None:
    transport = FakeTransport(
        {
            "GET /pets/1": {"id": "1", "owner_id": "o1", "kind": "cat"},
            "GET /owners/o1": {"id": "o1", "name": "Ada"},
            "GET /friends/1?kind=cat&limit=2": [{"id": "2", "owner_id": "o1"}],
        }
    )
    paths = linked(
        owner=to("getOwner", id="$response.body#/owner_id"),
        friends={
            "operationRef": "#/paths/~1friends~1{id}/get",
            "parameters": {"path.id": "$request.path.id", "kind": "cat"},
            "description": "Who it plays with.",
        },
    )
    graph = graph_of(tmp_path, paths, SCHEMAS, client=transport)
    assert (
        "type Pet {\n  id: ID!\n  ownerId: String\n  kind: String\n  owner: Owner\n\n"
        '  """Who it plays with."""\n  friends(kind: String = "cat", limit: Int): [Pet!]\n}'
    ) in graph.sdl()
    read = "{ getPet(id: 1) { owner { name } friends(limit: 2) { id owner { name } } } }"
    assert await graph.execute(read) == {
        "data": {"getPet": {"owner": {"name": "Ada"}, "friends": [{"id": "2", "owner": {"name": "Ada"}}]}}
    }
    assert transport.calls.count("GET /owners/o1") == 1
    assert losses(graph) == [("#/paths/~1pets~1{id}/get/responses/200/links/friends", "link-of-request", "loosened")]
    await graph.aclose()


def test_a_link_with_the_name_of_a_property_says_that_it_is_one(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, linked(kind=to("getOwner", id="$response.body#/owner_id")), SCHEMAS)
    assert "kind: String\n  kindLink: Owner\n" in graph.sdl()


@pytest.mark.parametrize(
    "link",
    [
        to("noSuch", id="$response.body#/id"),
        to("removePet", id="$response.body#/id"),
        to("getOwner", id="$response.body#/no_such"),
        to("getOwner", id="$response.header.X-Id"),
        to("getOwner", id="$request.query.who"),
        to("getOwner", whom="$response.body#/id"),
        to("listFriends", id="$response.body#/id", limit="many"),
    ],
)
def test_a_link_that_cannot_be_followed_is_left_out_and_told_of(tmp_path: Path, link: Any) -> None:
    graph = graph_of(tmp_path, linked(other=link), SCHEMAS)
    assert "other" not in graph.sdl()
    assert losses(graph) == [("#/paths/~1pets~1{id}/get/responses/200/links/other", "link", "left-out")]


def test_a_link_of_what_is_no_object_is_left_out(tmp_path: Path) -> None:
    several = answers({"type": "array", "items": ref("Pet")}, links={"first": to("getPet", id="$response.body#/0/id")})
    paths = linked() | {"/pets": {"get": operation(several)}}
    assert losses(graph_of(tmp_path, paths, SCHEMAS)) == [
        ("#/paths/~1pets/get/responses/200/links/first", "link", "left-out")
    ]
