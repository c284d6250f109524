"""Schemas of a document as output types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphql
import pytest

from tests.resolvers.openapi.documents import definition, graph_of, losses

TEXT = {"type": "string"}


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _many(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def test_what_is_required_and_never_null_is_sure(tmp_path: Path) -> None:
    pet = _object("name", "nick", "tags", name=TEXT, nick={"type": ["string", "null"]}, age=TEXT, tags=_many(TEXT))
    assert definition(graph_of(tmp_path, {"Pet": pet}), "Pet") == (
        "type Pet {\n  name: String!\n  nick: String\n  age: String\n  tags: [String!]!\n}"
    )


def test_nullable_of_older_versions_counts_too(tmp_path: Path) -> None:
    pet = _object("name", "nick", name={**TEXT, "nullable": True}, nick=TEXT)
    assert definition(graph_of(tmp_path, {"Pet": pet}, version="3.0.3"), "Pet") == (
        "type Pet {\n  name: String\n  nick: String!\n}"
    )


def test_properties_have_the_names_of_graphql_and_read_those_of_the_backend(tmp_path: Path) -> None:
    names = ["price_cents", "_links", "@type", "+1", "-1", "URL", "user-id", "user_id"]
    graph = graph_of(tmp_path, {"Pet": _object(**dict.fromkeys(names, TEXT))})
    pet: Any = graph.schema.type_map["Pet"]
    assert list(pet.fields) == ["priceCents", "_links", "type", "plus1", "minus1", "url", "userId", "userId2"]


async def test_values_come_from_the_properties_of_the_document(tmp_path: Path) -> None:
    answer = {"price_cents": "1", "+1": "2", "a.b": "3"}
    graph = graph_of(tmp_path, {"Pet": _object(**dict.fromkeys(answer, TEXT))}, {"GET /0": answer})
    assert await graph.execute("{ getPet { priceCents plus1 aB } }") == {
        "data": {"getPet": {"priceCents": "1", "plus1": "2", "aB": "3"}}
    }


def test_what_only_goes_one_way_has_no_field_the_other_way(tmp_path: Path) -> None:
    pet = _object(id={**TEXT, "readOnly": True}, password={**TEXT, "writeOnly": True}, name=TEXT)
    graph = graph_of(tmp_path, {"Pet": pet})
    assert definition(graph, "Pet") == "type Pet {\n  id: ID\n  name: String\n}"
    assert definition(graph, "PetInput") == "input PetInput {\n  password: String\n  name: String\n}"


def test_words_of_the_document_are_carried_over(tmp_path: Path) -> None:
    name = {**TEXT, "description": "Its name.", "examples": ["Rex"], "deprecated": True}
    graph = graph_of(tmp_path, {"Pet": {**_object(name=name), "description": "An animal."}})
    assert '"""An animal."""\ntype Pet {' in graph.sdl()
    pet: Any = graph.schema.type_map["Pet"]
    assert pet.fields["name"].description == 'Its name.\n\nExample: `"Rex"`'
    assert pet.fields["name"].deprecation_reason == "No longer supported"


def test_all_of_several_schemas_is_one_type(tmp_path: Path) -> None:
    cat = {"allOf": [_reference("Pet"), _object("lives", lives={"type": "integer"})]}
    graph = graph_of(tmp_path, {"Pet": _object("name", name=TEXT), "Cat": cat})
    assert definition(graph, "Cat") == "type Cat {\n  name: String!\n  lives: Int!\n}"


def test_types_refer_to_each_other_in_circles(tmp_path: Path) -> None:
    person = _object(friends=_many(_reference("Person")), pet=_reference("Pet"))
    graph = graph_of(tmp_path, {"Person": person, "Pet": _object("owner", owner=_reference("Person"))})
    assert definition(graph, "Person") == "type Person {\n  friends: [Person!]\n  pet: Pet\n}"
    assert definition(graph, "Pet") == "type Pet {\n  owner: Person!\n}"


def test_lists_hold_lists_and_nulls(tmp_path: Path) -> None:
    grid = _many(_many({"type": ["integer", "null"]}))
    assert definition(graph_of(tmp_path, {"Pet": _object(grid=grid)}), "Pet") == "type Pet {\n  grid: [[Int]!]\n}"


def test_a_list_of_itself_is_json_where_it_begins_again(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"Tree": _many(_reference("Tree"))})
    assert definition(graph, "Query") == "type Query {\n  getTree: [JSON!]\n}"
    assert ("#/components/schemas/Tree", "endless-list") in losses(graph)


def test_a_map_of_objects_is_a_list_of_entries(tmp_path: Path) -> None:
    stock = {"type": "object", "additionalProperties": _object(count={"type": "integer"})}
    graph = graph_of(tmp_path, {"Shop": _object("stock", stock=stock)})
    assert definition(graph, "Shop") == "type Shop {\n  stock: [ShopStockEntry!]!\n}"
    assert definition(graph, "ShopStockValue") == "type ShopStockValue {\n  count: Int\n}"
    assert "type ShopStockEntry {\n  key: String!\n  value: ShopStockValue!\n}" in graph.sdl()


async def test_entries_are_read_in_the_order_of_the_backend(tmp_path: Path) -> None:
    components = {
        "Stock": _object(count={"type": "integer"}),
        "Map": {"type": "object", "additionalProperties": _reference("Stock")},
        "Shop": _object(all={"type": "object", "additionalProperties": _reference("Map")}),
    }
    answers = {"GET /1": {"b": {"count": 1}, "a": {"count": 2}}, "GET /2": {"all": {"x": {"y": {"count": 3}}}}}
    graph = graph_of(tmp_path, components, answers)
    query = "{ getMap { key value { count } } getShop { all { key value { key value { count } } } } }"
    assert await graph.execute(query) == {
        "data": {
            "getMap": [{"key": "b", "value": {"count": 1}}, {"key": "a", "value": {"count": 2}}],
            "getShop": {"all": [{"key": "x", "value": [{"key": "y", "value": {"count": 3}}]}]},
        }
    }


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({}, "anything"),
        ({"type": "object"}, "free-form-object"),
        ({"type": "object", "additionalProperties": True}, "map-of-anything"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map-of-scalars"),
        ({"type": "array"}, "anything"),
        ({"type": ["string", "boolean"]}, "mixed-scalars"),
    ],
)
def test_what_no_type_holds_is_json_at_its_place_and_told(tmp_path: Path, schema: Any, reason: str) -> None:
    graph = graph_of(tmp_path, {"Pet": _object(it=schema, name=TEXT)})
    pet: Any = graph.schema.type_map["Pet"]
    assert graphql.get_named_type(pet.fields["it"].type).name == "JSON"
    assert str(pet.fields["name"].type) == "String"
    assert ("#/components/schemas/Pet/properties/it", reason) in losses(graph)


def test_further_properties_beside_known_ones_are_left_out_and_told(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"Pet": {**_object(name=TEXT), "additionalProperties": {"type": "string"}}})
    assert definition(graph, "Pet") == "type Pet {\n  name: String\n}"
    assert ("#/components/schemas/Pet", "further-properties") in losses(graph)


def test_five_thousand_types_in_a_row_need_no_deep_stack(tmp_path: Path) -> None:
    components = {f"T{index}": _object(next=_reference(f"T{index + 1}")) for index in range(5_000)}
    graph = graph_of(tmp_path, {**components, "T5000": _object(end=TEXT)}, paths={"/0": {"get": _get("T0")}})
    assert len([name for name in graph.schema.type_map if name.startswith("T")]) == 5_001


def _get(name: str) -> Any:
    content = {"application/json": {"schema": _reference(name)}}
    return {"operationId": "first", "responses": {"200": {"description": "", "content": content}}}


def test_lists_in_lists_have_a_bound(tmp_path: Path) -> None:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(100):
        schema = {"type": "array", "items": schema}
    graph = graph_of(tmp_path, {"Deep": schema})
    assert "[JSON" in graph.sdl()
    assert "endless-list" in [reason for _, reason in losses(graph)]
