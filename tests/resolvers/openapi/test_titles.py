"""What the types of a document are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import strawberry

from graph import Graph
from tests.resolvers.openapi.documents import definition, document, graph_of, reads, source


@strawberry.type
class User:
    mine: bool = True


@strawberry.type
class Query:
    @strawberry.field
    def me(self) -> User:
        return User()


NAME = {"type": "object", "properties": {"name": {"type": "string"}}}
OWN = frozenset({"Query", "Mutation", "String", "Boolean", "Int"})


def _types(graph: Graph) -> set[str]:
    return {name for name in graph.schema.type_map if not name.startswith("__")} - OWN


def _holding(**properties: Any) -> Any:
    return {"type": "object", "properties": properties}


def test_a_component_that_is_spelled_like_a_name_keeps_it(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"foo-bar": NAME, "Foo.Bar": NAME, "FooBar": NAME})
    assert _types(graph) == {"FooBar", "FooBar2", "FooBar3", "FooBarInput", "FooBar2Input", "FooBar3Input"}
    fields = {name: str(field.type) for name, field in graph.schema.query_type.fields.items()}  # type: ignore[union-attr]
    assert fields == {"get0": "FooBar2", "get1": "FooBar3", "get2": "FooBar"}


def test_what_stands_inside_a_component_is_called_after_the_way_to_it(tmp_path: Path) -> None:
    street = {"type": "array", "items": _holding(lines=_holding(first={"type": "string"}))}
    graph = graph_of(tmp_path, {"Pet": _holding(home_address=street)})
    assert _types(graph) >= {"Pet", "PetHomeAddress", "PetHomeAddressLines", "PetHomeAddressInput"}


def test_names_do_not_depend_on_which_operations_are_in_the_graph(tmp_path: Path) -> None:
    components = {
        "A": _holding(kind={"type": "string", "enum": ["x", "y"]}),
        "PetKind": NAME,
        "Pet": _holding(
            kind={"type": "string", "enum": ["x"]}, other={"$ref": "#/components/schemas/A/properties/kind"}
        ),
    }
    whole = graph_of(tmp_path, components)
    paths = {"/pet": {"get": reads({"$ref": "#/components/schemas/Pet"}, operationId="get Pet")}}
    part = graph_of(tmp_path, components, paths=paths)
    assert definition(part, "Pet") == definition(whole, "Pet")
    assert definition(part, "Pet") == "type Pet {\n  kind: PetKind2\n  other: AKind\n}"


def test_a_type_that_has_no_place_among_the_components_is_called_after_its_operation(tmp_path: Path) -> None:
    item = _holding(tag=_holding(name={"type": "string"}))
    paths = {"/pets": {"get": reads({"type": "array", "items": item}, operationId="listPets")}}
    assert _types(graph_of(tmp_path, {}, paths=paths)) == {"ListPetsResult", "ListPetsResultTag"}


def test_scalars_and_root_types_keep_their_names(tmp_path: Path) -> None:
    types = _types(graph_of(tmp_path, {"Query": NAME, "Date": NAME, "String": NAME, "__schema": NAME}))
    assert types >= {"SmallQuery", "SmallDate", "SmallString", "_schema"}


def test_a_component_called_input_gives_its_name_to_the_input(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"PetInput": NAME, "Pet": NAME})
    assert definition(graph, "PetInput").startswith("input PetInput")
    assert _types(graph) == {"Pet", "PetInput", "PetOutput", "PetInput2"}


def test_a_name_of_another_document_gets_the_source_in_front(tmp_path: Path) -> None:
    user = {"$ref": "#/components/schemas/User"}
    payer, buyer = {"/payer": {"get": reads(user)}}, {"/buyer": {"get": reads(user)}}
    billing = source(tmp_path, document({"User": NAME}, paths=payer), name="billing")
    shop = source(tmp_path, document({"User": NAME}, paths=buyer), name="shop")
    assert _types(Graph(documents=[billing, shop])) == {"User", "ShopUser"}


def test_a_class_of_the_author_keeps_its_name(tmp_path: Path) -> None:
    graph = Graph(query=Query, documents=[source(tmp_path, document({"User": NAME}), name="billing")])
    assert definition(graph, "User") == "type User {\n  mine: Boolean!\n}"
    assert definition(graph, "BillingUser") == "type BillingUser {\n  name: String\n}"


def test_of_a_long_name_with_dots_the_last_parts_stay(tmp_path: Path) -> None:
    name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion"
    assert "PkgApisApiextensionsV1CustomResourceDefinitionVersion" in _types(graph_of(tmp_path, {name: NAME}))


def test_hostile_names_are_names_nevertheless(tmp_path: Path) -> None:
    hostile = {"__proto__": NAME, "constructor": NAME, "名" * 100: NAME, "x" * 10_000: NAME, "\x00": NAME, "": NAME}
    types = _types(graph_of(tmp_path, hostile))
    assert len(types) == 2 * len(hostile)
    assert max(map(len, types)) <= 60


def test_what_options_make_of_a_component_does_not_take_its_name(tmp_path: Path) -> None:
    pet = {"discriminator": {}, "properties": {"name": {"type": "string"}}}
    dog = {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"anyOf": [{"items": {"type": "string"}}, True]}]}
    paths = {"/pets": {"get": reads({"$ref": "#/components/schemas/Pet"})}}
    graph = graph_of(tmp_path, {"Pet": pet, "Dog": dog}, paths=paths)
    assert definition(graph, "Pet") == "union Pet = PetBase | PetPet | StringListValue"
