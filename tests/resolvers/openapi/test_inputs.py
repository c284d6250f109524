"""Schemas of a document as input types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphql
import pytest

from graph import Graph
from tests.resolvers.openapi.documents import definition, graph_of, losses

TEXT = {"type": "string"}


class Backend:
    """Answers true, and keeps what it was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes | None] = []

    def __call__(self, method: str, target: str, body: bytes | None) -> bool:
        self.sent.append(body)
        return True


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


async def _send(graph: Graph, value: str, name: str = "Pet") -> None:
    response = await graph.execute(f"mutation {{ put{name}(input: {value}) }}")
    assert response == {"data": {f"put{name}": True}}


async def test_a_backend_gets_the_names_of_its_document(tmp_path: Path) -> None:
    backend = Backend()
    tags = {"type": "array", "items": _object(tag_name=TEXT)}
    graph = graph_of(tmp_path, {"Pet": _object("price_cents", price_cents={"type": "integer"}, tags=tags)}, backend)
    assert definition(graph, "PetInput") == "input PetInput {\n  priceCents: Int!\n  tags: [PetTagsInput!]\n}"
    await _send(graph, '{priceCents: 5, tags: [{tagName: "x"}]}')
    assert backend.sent == [b'{"price_cents":5,"tags":[{"tag_name":"x"}]}']


def test_one_schema_has_one_input_type(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, {"Pet": _object(a=_reference("Tag"), b=_reference("Tag")), "Tag": _object(name=TEXT)})
    assert definition(graph, "PetInput") == "input PetInput {\n  a: TagInput\n  b: TagInput\n}"


async def test_one_of_several_objects_is_one_field_and_the_backend_gets_what_is_in_it(tmp_path: Path) -> None:
    backend = Backend()
    pay = {
        "oneOf": [_reference("Card"), _reference("Iban")],
        "discriminator": {"propertyName": "kind", "mapping": {"card": "Card", "iban": "Iban"}},
    }
    components = {"Pay": pay, "Card": _object(kind=TEXT, number=TEXT), "Iban": _object(kind=TEXT, iban=TEXT)}
    graph = graph_of(tmp_path, components, backend)
    assert definition(graph, "PayInput") == "input PayInput @oneOf {\n  card: CardInput\n  iban: IbanInput\n}"
    await _send(graph, '{card: {number: "1"}}', "Pay")
    await _send(graph, '{iban: {iban: "2", kind: "other"}}', "Pay")
    assert backend.sent == [b'{"kind":"card","number":"1"}', b'{"kind":"other","iban":"2"}']


async def test_texts_and_lists_may_be_among_the_options(tmp_path: Path) -> None:
    backend = Backend()
    to = {"oneOf": [TEXT, _reference("Card"), {"type": "array", "items": _reference("Card")}]}
    graph = graph_of(tmp_path, {"Pet": _object(to=to), "Card": _object(number=TEXT)}, backend)
    assert definition(graph, "PetToInput") == (
        "input PetToInput @oneOf {\n  string: String\n  card: CardInput\n  list: [CardInput!]\n}"
    )
    await _send(graph, '{to: {string: "x"}}')
    await _send(graph, '{to: {list: [{number: "1"}]}}')
    assert backend.sent == [b'{"to":"x"}', b'{"to":[{"number":"1"}]}']


async def test_one_item_or_a_list_of_them_is_a_list(tmp_path: Path) -> None:
    backend = Backend()
    stop = {"oneOf": [TEXT, {"type": "array", "items": TEXT}]}
    graph = graph_of(tmp_path, {"Pet": _object(stop=stop)}, backend)
    assert definition(graph, "PetInput") == "input PetInput {\n  stop: [String!]\n}"
    await _send(graph, '{stop: "x"}')
    assert backend.sent == [b'{"stop":["x"]}']


async def test_a_map_is_sent_as_one(tmp_path: Path) -> None:
    backend = Backend()
    stock = {"type": "object", "additionalProperties": _object(count={"type": "integer"})}
    graph = graph_of(tmp_path, {"Pet": _object(stock=stock)}, backend)
    await _send(graph, '{stock: [{key: "berlin", value: {count: 1}}]}')
    assert backend.sent == [b'{"stock":{"berlin":{"count":1}}}']


async def test_a_default_inside_a_body_is_told_and_not_sent(tmp_path: Path) -> None:
    backend = Backend()
    graph = graph_of(tmp_path, {"Pet": _object(active={"type": "boolean", "default": True}, name=TEXT)}, backend)
    active: Any = graph.schema.type_map["PetInput"]
    assert active.fields["active"].description == "Default: `true`"
    await _send(graph, '{name: "x"}')
    assert backend.sent == [b'{"name":"x"}']


async def test_what_a_backend_requires_and_has_a_default_need_not_be_given(tmp_path: Path) -> None:
    backend = Backend()
    size = {"type": "string", "enum": ["s-m", "x-l"], "default": "x-l"}
    kind = {"type": "string", "enum": ["pet"]}
    graph = graph_of(tmp_path, {"Pet": _object("size", "kind", size=size, kind=kind, name=TEXT)}, backend)
    assert definition(graph, "PetInput") == (
        "input PetInput {\n  size: PetSize! = X_L\n  kind: PetKind! = PET\n  name: String\n}"
    )
    await _send(graph, '{name: "x"}')
    assert backend.sent == [b'{"size":"x-l","kind":"pet","name":"x"}']


@pytest.mark.parametrize("default", ["many", [], {}])
def test_a_default_that_is_no_value_of_its_type_is_left_out(tmp_path: Path, default: Any) -> None:
    graph = graph_of(tmp_path, {"Pet": _object("count", count={"type": "integer", "default": default})})
    assert definition(graph, "PetInput").splitlines()[-2] == "  count: Int"
    is_told = ("#/components/schemas/Pet/properties/count", "unusable-default") in losses(graph)
    assert is_told is isinstance(default, str)


def test_an_input_that_needs_itself_may_be_left_out(tmp_path: Path) -> None:
    components = {"A": _object("b", b=_reference("B")), "B": _object("a", a=_reference("A"))}
    graph = graph_of(tmp_path, components)
    assert graphql.validate_schema(graph.schema) == []
    assert definition(graph, "AInput") == "input AInput {\n  b: BInput\n}"
    assert definition(graph, "BInput") == "input BInput {\n  a: AInput\n}"
    assert ("#/components/schemas/A", "circular-input") in losses(graph)


def test_an_input_that_only_leads_to_such_a_circle_stays_required(tmp_path: Path) -> None:
    components = {"Start": _object("a", a=_reference("A")), "A": _object("a", a=_reference("A"))}
    assert definition(graph_of(tmp_path, components), "StartInput") == "input StartInput {\n  a: AInput!\n}"
