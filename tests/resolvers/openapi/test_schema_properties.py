"""Whatever schemas a document has, the graph of them is valid."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import graphql
from hypothesis import given
from hypothesis import strategies as st

from graph import Graph
from tests.resolvers.openapi.documents import document, source

NAMES = ["A", "a", "AInput", "Query"]
WORDS = st.sampled_from(["id", "kind", "user_id", "userId", "URL", "+1", "$ref", "", "__typename", "a.b", "名", "é"])
KINDS = ["string", "integer", "number", "boolean", "array", "object", "null"]
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), WORDS, st.just([]), st.just({}))
REFERENCES = st.sampled_from(NAMES).map(lambda name: {"$ref": f"#/components/schemas/{name}"})
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.one_of(st.sampled_from(KINDS), st.lists(st.sampled_from(KINDS), min_size=1, unique=True)),
        "format": st.sampled_from(["date-time", "int64", "unix-time", "decimal", "byte", "odd"]),
        "enum": st.lists(VALUES, max_size=4),
        "const": VALUES,
        "default": VALUES,
        "example": VALUES,
        "nullable": st.booleans(),
        "readOnly": st.booleans(),
        "writeOnly": st.booleans(),
        "deprecated": st.booleans(),
        "title": WORDS,
        "description": st.sampled_from(["", "Its name.", '"""', "\\"]),
    },
)
MAPPINGS = st.dictionaries(WORDS, st.sampled_from(NAMES), max_size=2)


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(KINDS),
            "properties": st.dictionaries(WORDS, inner, max_size=4),
            "required": st.lists(WORDS, max_size=3, unique=True),
            "additionalProperties": st.one_of(st.booleans(), inner),
            "items": inner,
            "allOf": several,
            "oneOf": several,
            "anyOf": several,
            "discriminator": st.fixed_dictionaries({"propertyName": WORDS}, optional={"mapping": MAPPINGS}),
            "default": VALUES,
        },
    )


SCHEMAS = st.recursive(st.one_of(REFERENCES, LEAVES), _larger, max_leaves=5)


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, SCHEMAS)))
def test_any_schemas_give_a_valid_graph_whose_definition_reads_back(components: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        written = document(components)
        graph = Graph(documents=[source(Path(folder), written)])
        assert graphql.validate_schema(graph.schema) == []
        sdl = graph.sdl()
        read = graphql.build_schema(sdl).type_map.keys() | graphql.specified_scalar_types.keys()
        assert read == graph.schema.type_map.keys() | graphql.specified_scalar_types.keys()
        assert Graph(documents=[source(Path(folder), written)]).sdl() == sdl
