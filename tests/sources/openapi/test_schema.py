"""A schema says the same, whatever version spells it and however many schemas say it together."""

from __future__ import annotations

from typing import Any

import pytest

from sources.openapi import Schema
from sources.openapi.pointer import component_at
from tests.sources.openapi.documents import api, losses_of, schemas

ID = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def one(schema: Any, version: str = "3.1.0", **others: Any) -> Schema:
    return schemas(version, One={"properties": {"x": schema}}, **others)["One"].properties["x"]


# -- kinds, null, values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "kinds"),
    [
        ({}, set()),
        (True, set()),
        ({"type": "string"}, {"string"}),
        ({"type": ["string", "integer", "null"]}, {"string", "integer"}),
        ({"type": ["hostile", 1, {}]}, set()),
        ({"properties": {}}, {"object"}),
        ({"required": ["a"]}, {"object"}),
        ({"additionalProperties": {"type": "string"}}, {"object"}),
        ({"items": {}}, {"array"}),
        ({"enum": ["a", 1, None]}, {"string", "integer"}),
        ({"const": 1.5}, {"number"}),
        ({"format": "date-time"}, {"string"}),
        ({"format": "int64"}, {"integer"}),
        ({"pattern": "^a"}, {"string"}),
        ({"minimum": 0}, {"number"}),
        ({"allOf": [{"type": "number"}, {"type": "integer"}]}, {"integer"}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}, {"string", "integer"}),
        ({"oneOf": [{"type": "string"}, {}]}, set()),
        ({"anyOf": [{"oneOf": [{"type": "string"}, {"type": "array"}]}, {"type": "boolean"}]},
         {"string", "array", "boolean"}),
    ],
)  # fmt: skip
def test_kinds_are_named_or_meant(schema: Any, kinds: set[str]) -> None:
    assert one(schema).kinds == kinds


@pytest.mark.parametrize(
    ("schema", "nullable"),
    [
        ({"type": "string"}, False),
        ({"type": ["string", "null"]}, True),
        ({"type": "string", "nullable": True}, True),
        ({"type": "string", "nullable": "true"}, True),
        ({"type": "string", "x-nullable": True}, True),
        ({"enum": ["a", None]}, True),
        ({"const": None}, True),
        ({"allOf": [ref("Id")], "nullable": True}, True),
        ({"allOf": [ref("Id")]}, False),
        ({"allOf": [ref("Maybe")]}, True),
        ({"allOf": [ref("Maybe"), {"properties": {"y": {}}}]}, False),
        ({"anyOf": [ref("Id"), {"type": "null"}]}, True),
        ({"oneOf": [ref("Id"), {"enum": [None]}]}, True),
        ({"oneOf": [ref("Id"), ref("Maybe")]}, True),
        (ref("Maybe"), True),
        ({**ref("Id"), "nullable": True}, True),
    ],
)
def test_null_is_allowed_in_many_words(schema: Any, nullable: bool) -> None:
    maybe = {"type": "object", "nullable": True, "properties": {"m": {}}}
    assert one(schema, "3.0.3", Id=ID, Maybe=maybe).nullable is nullable


@pytest.mark.parametrize(
    "schema",
    [
        ref("Id"),
        {**ref("Id"), "description": "Whose"},
        {"allOf": [ref("Id")]},
        {"allOf": [ref("Id"), {"description": "Whose", "nullable": True}]},
        {"type": "object", "allOf": [ref("Id")], "nullable": True},
        {"type": ["object", "null"], "anyOf": [ref("Id")]},
        {"anyOf": [ref("Id"), {"type": "null"}]},
        {"oneOf": [{"type": "null"}, {"allOf": [{"oneOf": [ref("Id")]}]}], "title": "Whose"},
    ],
)
def test_what_only_describes_a_schema_has_its_shape(schema: Any) -> None:
    read = schemas("3.1.0", One={"properties": {"x": schema}}, Id=ID)
    found = read["One"].properties["x"]
    assert found.shape is read["Id"]
    assert list(found.properties) == ["id"]
    assert found.required == {"id"}
    assert found.options == ()


def test_what_says_more_has_a_shape_of_its_own() -> None:
    for schema in ({"allOf": [ref("Id")], "required": ["x"]}, {"allOf": [ref("Id"), {"properties": {"y": {}}}]}):
        found = one(schema, Id=ID)
        assert found.shape is found


def test_words_beside_a_reference_describe_the_place() -> None:
    read = schemas("3.0.3", A={"type": "string", "description": "A text", "default": "a"},
                   B={"properties": {"a": {**ref("A"), "description": "Whose", "deprecated": True, "maxLength": 3},
                                     "b": ref("A")}})  # fmt: skip
    a, b = read["B"].properties.values()
    assert (a.description, a.deprecated, a.default) == ("Whose", True, "a")
    assert (b.description, b.deprecated) == ("A text", False)
    assert b is read["A"]


def test_before_3_1_a_reference_stands_alone_but_for_descriptions() -> None:
    beside = {**ref("Id"), "properties": {"more": {"type": "string"}}}
    assert list(one(beside, "3.0.3", Id=ID).properties) == ["id"]
    assert list(one(beside, "3.1.0", Id=ID).properties) == ["id", "more"]


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ({"enum": ["a", "b", None, "a"]}, ("a", "b")),
        ({"const": "a"}, ("a",)),
        ({"enum": []}, None),
        ({"enum": [None]}, None),
        ({"enum": "hostile"}, None),
        ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, ("b",)),
        ({"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}]}, ("a", "b")),
        ({"anyOf": [{"enum": ["a"]}, {"enum": ["b", "a"]}]}, ("a", "b")),
        ({"anyOf": [{"enum": ["a"]}, {"type": "string"}]}, None),
        ({"type": "string", "enum": [1, 1.5, True]}, ("1", "1.5", "true")),
        ({"type": "integer", "enum": [1, 2]}, (1, 2)),
        ({"enum": [{"a": 1}, [1]]}, ({"a": 1}, [1])),
    ],
)
def test_values_are_listed_without_null(schema: Any, values: Any) -> None:
    found = one(schema)
    assert found.enum == values
    assert values is None or found.options == ()


def test_bounds_and_formats_come_from_all_parts() -> None:
    found = one({"allOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"minimum": 3, "exclusiveMaximum": 7}]})
    assert (found.minimum, found.maximum) == (3, 7)
    assert one({"type": "integer", "minimum": True, "maximum": "9"}).maximum is None
    assert one({"type": "string", "contentEncoding": "base64"}).format == "byte"
    assert one({"type": "string", "contentMediaType": "application/octet-stream"}).format == "binary"
    assert one({"type": "string", "examples": ["a", "b"]}).example == "a"


# -- objects and arrays --------------------------------------------------------------------------------------------


def test_all_parts_have_their_properties() -> None:
    read = schemas(
        A={"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "x": {"type": "integer"}}},
        B={"allOf": [ref("A"), {"properties": {"b": {"type": "boolean"}}}], "required": ["b"]},
        C={"allOf": [ref("B"), ref("A")], "properties": {"c": {}, "x": {"description": "Said here"}}},
    )
    found = read["C"]
    assert list(found.properties) == ["a", "x", "b", "c"]
    assert found.required == {"a", "b"}
    assert found.properties["a"] is read["A"].properties["a"]
    assert found.properties["x"].kinds == {"integer"}
    assert found.properties["x"].description == "Said here"


def test_a_property_of_two_parts_follows_both() -> None:
    found = one(
        {"allOf": [ref("Id"), {"properties": {"id": {"type": "string", "enum": ["a"], "nullable": True}}}]}, Id=ID
    )
    both = found.properties["id"]
    assert both.kinds == {"string"}
    assert (both.enum, both.nullable, both.name) == (("a",), False, None)
    assert found.properties["id"] is both


def test_circles_of_parts_end() -> None:
    chain = {f"L{index}": {"allOf": [ref(f"L{index + 1}")], "properties": {f"p{index}": {}}} for index in range(10_000)}
    read = api(
        components={
            "schemas": {
                "A": {"allOf": [ref("B")], "properties": {"a": {"type": "string"}}},
                "B": {"allOf": [ref("A")], "properties": {"b": {"type": "string"}}},
                "Self": {"allOf": [ref("Self")]},
                "Choice": {"oneOf": [ref("Choice"), {"type": "string"}]},
                "Only": {"oneOf": [ref("Only")]},
                **chain,
            }
        }
    )
    found = {name: read.schemas.named(name) for name in ("A", "B", "Self", "Choice", "Only", "L0")}
    known = {name: schema for name, schema in found.items() if schema is not None}
    assert set(known["A"].properties) == set(known["B"].properties) == {"a", "b"}
    assert known["Self"].kinds == known["Only"].kinds == set()
    assert known["Choice"].kinds == {"string"}
    assert 50 < len(known["L0"].properties) <= 100
    assert losses_of(read) == [("#/components/schemas/L0", "too-many-parts")]


def test_properties_may_be_broken_one_by_one() -> None:
    read = api(
        components={
            "schemas": {
                "A": {"properties": {"a": ref("None"), "b": "hostile", "c": False, "d": True, "e": {"type": "string"}}},
                "B": {"properties": ["hostile"]},
                "C": {"properties": ref("None")},
            }
        }
    )
    for name in "ABC":
        schema = read.schemas.named(name)
        assert schema is not None
        assert list(schema.properties) == (["a", "b", "d", "e"] if name == "A" else [])
    assert losses_of(read) == [
        ("#/components/schemas/A/properties/a", "broken-reference"),
        ("#/components/schemas/A/properties/b", "broken-schema"),
        ("#/components/schemas/B", "broken-schema"),
        ("#/components/schemas/C", "broken-reference"),
    ]


@pytest.mark.parametrize(
    ("schema", "is_map", "values"),
    [
        ({"type": "object"}, False, None),
        ({"type": "object", "additionalProperties": True}, True, None),
        ({"type": "object", "additionalProperties": {}}, True, None),
        ({"additionalProperties": {"type": "string"}}, True, {"string"}),
        ({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}, True, {"integer"}),
        ({"patternProperties": {"^x": {"type": "integer"}, "^y": {}}}, True, None),
        ({"unevaluatedProperties": {"type": "boolean"}}, True, {"boolean"}),
        ({"additionalProperties": {"type": "string"}, "properties": {"a": {}}}, False, {"string"}),
    ],
)
def test_maps_are_objects_whose_names_are_values(schema: Any, is_map: bool, values: Any) -> None:
    found = one(schema)
    assert found.is_map is is_map
    assert (found.additional.kinds if isinstance(found.additional, Schema) else found.additional) == (values or True)
    assert one({"type": "object", "additionalProperties": False}).additional is False


def test_arrays_with_a_schema_for_each_place_are_anything() -> None:
    read = api("3.1.0", components={"schemas": {"A": {"prefixItems": [{"type": "string"}]}, "B": {"items": [{}]}}})
    for name in "AB":
        schema = read.schemas.named(name)
        assert schema is not None
        assert schema.kinds == {"array"}
        assert schema.items is None
    assert losses_of(read) == [("#/components/schemas/A", "tuple"), ("#/components/schemas/B", "tuple")]


# -- which of several ----------------------------------------------------------------------------------------------


def cat_and_dog(**more: Any) -> dict[str, Any]:
    return {
        "Cat": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}, "lives": {}}},
        "Dog": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}, "barks": {}}},
        **more,
    }


def test_a_mapping_names_schemas_or_refers_to_them() -> None:
    mapping = {"c": "Cat", "d": "#/components/schemas/Dog", "x": "None", "y": "none.yaml", "z": ["hostile"]}
    pet = {"oneOf": [ref("Cat"), ref("Dog")], "discriminator": {"propertyName": "kind", "mapping": mapping}}
    read = api(components={"schemas": cat_and_dog(Pet=pet)})
    found, cat, dog = (read.schemas.named(name) for name in ("Pet", "Cat", "Dog"))
    assert found is not None
    assert found.options == (cat, dog)
    told = found.discriminator
    assert told is not None
    assert (told.property, told.values) == ("kind", {"c": cat, "d": dog})
    where = "#/components/schemas/Pet/discriminator/mapping"
    assert losses_of(read) == [(f"{where}/{value}", "broken-reference") for value in "xyz"]


def test_without_a_mapping_names_tell_or_the_only_value_does() -> None:
    pet = {"oneOf": [ref("Cat"), ref("Dog"), ref("Bird")], "discriminator": {"propertyName": "kind"}}
    bird = {"type": "object", "properties": {"kind": {"const": "bird"}}}
    read = schemas("3.1.0", **cat_and_dog(Pet=pet, Bird=bird))
    told = read["Pet"].discriminator
    assert told is not None
    assert told.values == {"Cat": read["Cat"], "Dog": read["Dog"], "bird": read["Bird"]}


def test_required_properties_with_other_values_tell_by_themselves() -> None:
    def event(*values: str) -> dict[str, Any]:
        return {"type": "object", "required": ["type"], "properties": {"id": {}, "type": {"enum": list(values)}}}

    found = one({"anyOf": [event("a", "b"), event("c")]})
    assert found.discriminator is not None
    assert found.discriminator.property == "type"
    assert list(found.discriminator.values) == ["a", "b", "c"]
    assert one({"anyOf": [event("a", "b"), event("b")]}).discriminator is None


def test_who_extends_a_base_with_a_discriminator_is_one_of_its_options() -> None:
    read = schemas(
        "3.0.3",
        Animal={
            "type": "object",
            "properties": {"kind": {"type": "string"}},
            "discriminator": {"propertyName": "kind"},
        },
        Cat={"allOf": [ref("Animal"), {"properties": {"lives": {"type": "integer"}}}]},
        Lion={"allOf": [ref("Cat"), {"properties": {"pride": {"type": "string"}}}]},
        Alias={"allOf": [ref("Animal")]},
    )
    assert read["Animal"].options == (read["Cat"], read["Lion"])
    assert read["Cat"].options == ()
    assert list(read["Lion"].properties) == ["kind", "lives", "pride"]
    told = read["Animal"].discriminator
    assert told is not None
    assert told.values == {"Cat": read["Cat"], "Lion": read["Lion"]}


def test_options_that_extend_what_lists_them_are_no_circle() -> None:
    read = schemas(
        "3.0.3",
        Base={"type": "object", "properties": {"id": {"type": "string"}}, "oneOf": [ref("A"), ref("B")]},
        A={"allOf": [ref("Base"), {"properties": {"a": {}}}]},
        B={"allOf": [ref("Base"), {"properties": {"b": {}}}]},
    )
    assert read["Base"].options == (read["A"], read["B"])
    assert read["A"].options == ()
    assert list(read["A"].properties) == ["id", "a"]


def test_what_stands_beside_options_holds_for_each() -> None:
    found = one({"properties": {"id": {"type": "string"}}, "oneOf": [ref("Cat"), ref("Dog")]}, **cat_and_dog())
    assert [list(option.properties) for option in found.options] == [["id", "kind", "lives"], ["id", "kind", "barks"]]
    assert [option.name for option in found.options] == [None, None]


def test_options_within_options_without_end_are_bounded() -> None:
    others = [[ref(f"S{other}") for other in range(10) if other != index] for index in range(10)]
    components = {
        f"S{index}": {"properties": {f"p{index}": {"type": "string"}}, "oneOf": options}
        for index, options in enumerate(others)
    }
    read = api(components={"schemas": components})
    seen: set[Schema] = set()
    waiting = [one for name in components if (one := read.schemas.named(name)) is not None]
    while waiting:
        schema = waiting.pop()
        if schema not in seen:
            seen.add(schema)
            waiting += schema.options
    assert len(seen) < 10_000
    assert {reason for _, reason in losses_of(read)} == {"nested-options", "too-many-combinations"}


@pytest.mark.parametrize(
    "options",
    [
        [{"required": ["a"]}, {"required": ["b"]}],
        [{"type": "object", "required": ["a"]}, {"type": "object", "required": ["b"]}],
        [{"minProperties": 1}, {"not": {"required": ["a"]}}],
    ],
)
def test_options_that_only_demand_are_none(options: Any) -> None:
    found = one({"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": options})
    assert found.options == ()
    assert list(found.properties) == ["a", "b"]


def test_options_of_another_kind_than_what_stands_beside_them_stand_alone() -> None:
    found = one({"type": "object", "properties": {"a": {}}, "oneOf": [{"type": "object", "properties": {"b": {}}},
                                                                      {"type": "array", "items": {}}]})  # fmt: skip
    assert [option.kinds for option in found.options] == [{"object"}, {"array"}]
    assert [list(option.properties) for option in found.options] == [["a", "b"], []]


# -- names ---------------------------------------------------------------------------------------------------------


def test_components_have_names_and_places_have_none() -> None:
    read = schemas(
        "3.1.0",
        **{"a/b~c d": {"type": "object", "properties": {"x": {"type": "object"}}, "$defs": {"Inner": {}}}},
        Other={"properties": {"i": {"$ref": "#/components/schemas/a~1b~0c%20d/$defs/Inner"}}},
    )
    found = read["a/b~c d"]
    assert (found.name, found.pointer) == ("a/b~c d", "#/components/schemas/a~1b~0c d")
    assert found.properties["x"].name is None
    assert read["Other"].properties["i"].name == "Inner"


@pytest.mark.parametrize(
    "name", ["__schema", "constructor", "__proto__", "", "ünï", "x" * 10_000, "\x00", "a\nb", "$ref"]
)
def test_hostile_names_are_names(name: str) -> None:
    read = schemas("3.0.3", **{name: {"type": "object", "properties": {name: {"type": "string"}}}})
    assert list(read[name].properties) == [name]
    assert read[name].name == name


@pytest.mark.parametrize(
    ("pointer", "name"),
    [
        ("#/components/schemas/Pet", "Pet"),
        ("#/definitions/a~1b", "a/b"),
        ("#/components/schemas/Pet/properties/x", None),
        ("#/components/parameters/Pet", None),
        ("#", None),
        ("schemas/Pet.v1.yaml#", "Pet.v1"),
        ("all.yaml#/Pet", "Pet"),
        ("all.yaml#/components/schemas/Pet", "Pet"),
        ("https://pets.example/Pet.json?x=1#", "Pet"),
    ],
)
def test_a_place_says_what_its_schema_is_called(pointer: str, name: str | None) -> None:
    assert component_at(pointer) == name
