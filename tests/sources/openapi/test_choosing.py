"""Patterns take and leave operations; those that match nothing are faults."""

from __future__ import annotations

import pytest

from sources.openapi import Choice
from tests.sources.openapi.documents import api

PATHS = {
    "/pets": {
        "get": {"operationId": "listPets", "tags": ["pets", "reading"]},
        "post": {"operationId": "createPet", "tags": ["pets"]},
    },
    "/pets/{id}": {"get": {"operationId": "getPet", "tags": ["pets"]}},
    "/pets/{id}/toys/{toy}": {"get": {"operationId": "getToy", "tags": ["toys"]}},
    "/orders.v2": {"get": {"tags": ["reading list"]}},
}


def chosen(choice: Choice) -> list[str]:
    return [operation.id or operation.path for operation in api(paths=PATHS, choice=choice).operations]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("tag:pets", ["listPets", "createPet", "getPet"]),
        ("tag:reading*", ["listPets", "/orders.v2"]),
        ("listPets", ["listPets"]),
        ("get*", ["getPet", "getToy"]),
        ("*Pet", ["createPet", "getPet"]),
        ("/pets", ["listPets", "createPet"]),
        ("GET /pets", ["listPets"]),
        ("get /pets", ["listPets"]),
        ("* /pets", ["listPets", "createPet"]),
        ("GET /pets/*", ["getPet"]),
        ("/pets/**", ["getPet", "getToy"]),
        ("/pets/*/toys/*", ["getToy"]),
        ("/orders.v2", ["/orders.v2"]),
        ("/**", ["listPets", "createPet", "getPet", "getToy", "/orders.v2"]),
    ],
)
def test_patterns_take_operations(pattern: str, expected: list[str]) -> None:
    assert chosen(Choice(include=(pattern,))) == expected
    assert not set(chosen(Choice(exclude=(pattern,)))) & set(expected)


def test_what_is_excluded_is_not_taken_whatever_includes_it() -> None:
    assert chosen(Choice(include=("tag:pets", "getToy"), exclude=("POST /**", "getPet"))) == ["listPets", "getToy"]


def test_only_what_is_taken_is_read() -> None:
    broken = {"/broken": {"get": {"operationId": "broken", "parameters": [{"$ref": "#/nowhere"}]}}}
    assert len(api(paths={**PATHS, **broken}).losses) > 0
    assert [loss.reason for loss in api(paths={**PATHS, **broken}, choice=Choice(exclude=("broken",))).losses] == [
        "undeclared-parameter"
    ] * 3


def test_names_that_nothing_has_are_faults_with_names_near_them() -> None:
    choice = Choice(include=("listPet", "tag:pet"), exclude=("DELETE /**",), rename={"getPets": "pet", "Pat": "Dog"})
    read = api(paths=PATHS, components={"schemas": {"Pet": {}}}, choice=choice)
    assert read.faults == (
        "include='listPet' matches no operation; near it: 'listPets', 'getPet'",
        "include='tag:pet' matches no operation; near it: 'tag:pets', 'tag:toys'",
        "exclude='DELETE /**' matches no operation",
        "rename='getPets': there is no such operation or schema; near it: 'getPet', 'listPets', 'createPet'",
        "rename='Pat': there is no such operation or schema; near it: 'Pet'",
    )


def test_operations_are_renamed_by_id_or_path() -> None:
    choice = Choice(rename={"listPets": "pets", "GET /orders.v2": "orders"})
    read = api(paths=PATHS, choice=choice)
    assert read.faults == ()
    assert [choice.name_of(one) for one in read.operations] == ["pets", None, None, None, "orders"]


def test_a_hostile_pattern_costs_little() -> None:
    assert chosen(Choice(include=("*" * 10_000 + "x",))) == []
