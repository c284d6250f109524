"""Values that may be several things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graph import Graph
from tests.resolvers.openapi.documents import definition, graph_of, losses

TEXT = {"type": "string"}
BALL = {"type": "object", "required": ["size"], "properties": {"kind": TEXT, "size": {"type": "integer"}}}
BONE = {"type": "object", "properties": {"kind": TEXT, "meat": {"type": "boolean"}}}
TOYS = "{ getPet { toy { __typename ... on Ball { size } ... on Bone { meat } } } }"


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _toys(folder: Path, toy: Any, value: Any, **components: Any) -> Graph:
    pet = {"type": "object", "properties": {"toy": toy}}
    return graph_of(folder, {"Pet": pet, "Ball": BALL, "Bone": BONE, **components}, {"GET /0": {"toy": value}})


async def _answer(graph: Graph, query: str) -> Any:
    response = await graph.execute(query)
    assert "errors" not in response, response
    return response["data"]["getPet"]["toy"]


@pytest.mark.parametrize("value", ["ball", "Ball"])
@pytest.mark.parametrize("word", ["oneOf", "anyOf"])
async def test_a_discriminator_tells_by_its_mapping_and_by_names(tmp_path: Path, word: str, value: str) -> None:
    mapping = {"ball": "#/components/schemas/Ball"} if value == "ball" else {}
    toy = {
        word: [_reference("Ball"), _reference("Bone")],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    }
    graph = _toys(tmp_path, toy, {"kind": value, "size": 3})
    assert definition(graph, "PetToy") == "union PetToy = Ball | Bone"
    assert await _answer(graph, TOYS) == {"__typename": "Ball", "size": 3}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"size": 3}, {"__typename": "Ball", "size": 3}),
        ({"meat": True}, {"__typename": "Bone", "meat": True}),
        ({"meat": True, "kind": "x"}, {"__typename": "Bone", "meat": True}),
        ({"size": 1, "meat": True}, {"__typename": "Ball", "size": 1}),
        ({}, {"__typename": "Bone", "meat": None}),
    ],
)
async def test_without_a_discriminator_the_properties_tell(tmp_path: Path, value: Any, told: Any) -> None:
    graph = _toys(tmp_path, {"oneOf": [_reference("Ball"), _reference("Bone")]}, value)
    assert await _answer(graph, TOYS) == told
    assert ("#/components/schemas/Pet/properties/toy", "ambiguous-union") not in losses(graph)


async def test_constants_tell_where_properties_do_not(tmp_path: Path) -> None:
    def tagged(tag: str) -> Any:
        return {"type": "object", "required": ["tag"], "properties": {"tag": {"const": tag}, "name": TEXT}}

    toy = {"oneOf": [_reference("A"), _reference("B")]}
    graph = _toys(tmp_path, toy, {"tag": "b", "name": "x"}, A=tagged("a"), B=tagged("b"))
    query = "{ getPet { toy { ... on A { name } ... on B { name tag } } } }"
    assert await _answer(graph, query) == {"name": "x", "tag": "B"}


def test_options_that_nothing_tells_apart_are_told(tmp_path: Path) -> None:
    graph = _toys(tmp_path, {"oneOf": [_reference("Bone"), _reference("Other")]}, None, Other=BONE)
    assert definition(graph, "PetToy") == "union PetToy = Bone | Other"
    assert ("#/components/schemas/Pet/properties/toy", "ambiguous-union") in losses(graph)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("b_1", {"__typename": "StringValue", "text": "b_1"}),
        (7, {"__typename": "IntValue", "number": 7}),
        ({"size": 3}, {"__typename": "Ball", "size": 3}),
        ([{"size": 1}, {"size": 2}], {"__typename": "BallListValue", "all": [{"size": 1}, {"size": 2}]}),
    ],
)
async def test_what_is_no_object_stands_in_a_box(tmp_path: Path, value: Any, told: Any) -> None:
    balls = {"type": "array", "items": _reference("Ball")}
    toy = {"oneOf": [TEXT, {"type": "integer"}, _reference("Ball"), balls]}
    graph = _toys(tmp_path, toy, value)
    query = """{ getPet { toy { __typename ... on StringValue { text: value } ... on IntValue { number: value }
        ... on Ball { size } ... on BallListValue { all: value { size } } } } }"""
    assert await _answer(graph, query) == told


def test_null_is_no_option_and_one_option_no_union(tmp_path: Path) -> None:
    graph = _toys(tmp_path, {"oneOf": [{"type": "null"}, _reference("Ball")]}, None)
    assert definition(graph, "Pet") == "type Pet {\n  toy: Ball\n}"


def test_unions_in_unions_are_one(tmp_path: Path) -> None:
    inner = {"oneOf": [_reference("Bone"), _reference("Inner")]}
    graph = _toys(tmp_path, {"oneOf": [_reference("Ball"), _reference("Inner")]}, None, Inner=inner)
    assert definition(graph, "PetToy") == "union PetToy = Ball | Bone"


def test_what_stands_beside_the_options_is_part_of_each(tmp_path: Path) -> None:
    toy = {"type": "object", "properties": {"price": TEXT}, "oneOf": [_reference("Ball"), _reference("Bone")]}
    graph = _toys(tmp_path, toy, None)
    assert definition(graph, "PetToy") == "union PetToy = PetToyBall | PetToyBone"
    assert definition(graph, "PetToyBone") == "type PetToyBone {\n  price: String\n  kind: String\n  meat: Boolean\n}"


async def test_a_base_with_a_discriminator_is_what_extends_it_or_itself(tmp_path: Path) -> None:
    base = {"type": "object", "properties": {"kind": TEXT}, "discriminator": {"propertyName": "kind"}}
    cat = {"allOf": [_reference("Animal"), {"type": "object", "properties": {"lives": {"type": "integer"}}}]}
    graph = _toys(tmp_path, _reference("Animal"), {"kind": "Dodo"}, Animal=base, Cat=cat)
    assert definition(graph, "Animal") == "union Animal = AnimalBase | Cat"
    query = "{ getPet { toy { __typename ... on AnimalBase { kind } } } }"
    assert await _answer(graph, query) == {"__typename": "AnimalBase", "kind": "Dodo"}


def test_lists_of_several_things_are_one_list(tmp_path: Path) -> None:
    toy = {"oneOf": [{"type": "array", "items": _reference(name)} for name in ("Ball", "Bone")]}
    graph = _toys(tmp_path, toy, None)
    assert definition(graph, "Pet") == "type Pet {\n  toy: [PetToy!]\n}"
    assert definition(graph, "PetToy") == "union PetToy = Ball | Bone"


async def test_a_thing_or_a_list_of_such_things_goes_round_in_no_circle(tmp_path: Path) -> None:
    tree = {"oneOf": [TEXT, {"type": "array", "items": _reference("Tree")}]}
    graph = _toys(tmp_path, _reference("Tree"), ["a", ["b"]], Tree=tree)
    assert definition(graph, "Tree") == "union Tree = StringValue | TreeListValue"
    query = """{ getPet { toy { ... on TreeListValue { value { ... on StringValue { text: value }
        ... on TreeListValue { value { ... on StringValue { text: value } } } } } } } }"""
    assert await _answer(graph, query) == {"value": [{"text": "a"}, {"value": [{"text": "b"}]}]}


def test_an_option_that_is_the_whole_ends(tmp_path: Path) -> None:
    one = {"oneOf": [_reference("One"), _reference("Ball"), _reference("Two")]}
    two = {"oneOf": [_reference("One"), _reference("Bone")]}
    graph = _toys(tmp_path, _reference("One"), None, One=one, Two=two)
    assert definition(graph, "One") == "union One = Ball | Bone"


def test_more_options_than_anybody_reads_are_json(tmp_path: Path) -> None:
    options = [{"type": "object", "properties": {f"p{index}": TEXT}} for index in range(300)]
    graph = _toys(tmp_path, {"oneOf": options}, None)
    assert definition(graph, "Pet") == "type Pet {\n  toy: JSON\n}"
    assert ("#/components/schemas/Pet/properties/toy", "many-options") in losses(graph)
