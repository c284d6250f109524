"""Types that graphql-core would not take are put right at the smallest place, and told of."""

from __future__ import annotations

from typing import Any

import graphql

from resolvers import scalars
from resolvers.openapi.sound import made_sound
from sources.openapi import Losses

TEXT = graphql.GraphQLString


def fields(**kinds: Any) -> dict[str, graphql.GraphQLField]:
    return {name: graphql.GraphQLField(kind) for name, kind in kinds.items()}


def sound(*taken: graphql.GraphQLNamedType, **kinds: Any) -> tuple[str, list[str]]:
    """Give the schema of a root type's fields, and the losses."""
    losses, roots = Losses(), {"query": fields(**kinds)}
    made_sound(roots, {kind.name: kind for kind in taken}, losses)
    schema = graphql.GraphQLSchema(graphql.GraphQLObjectType("Query", roots["query"]))
    assert graphql.validate_schema(schema) == []
    return graphql.print_schema(schema).replace("\n\n", "\n"), [loss.message for loss in losses]


def broken(*_: Any) -> Any:
    raise ValueError("a fault of ours")


def test_what_is_sound_stays() -> None:
    pet = graphql.GraphQLObjectType("Pet", lambda: fields(name=TEXT, parent=pet))
    assert sound(pet=graphql.GraphQLList(pet)) == (
        "type Query {\n  pet: [Pet]\n}\ntype Pet {\n  name: String\n  parent: Pet\n}",
        [],
    )


def test_a_type_whose_fields_cannot_be_made_is_json_wherever_it_stands() -> None:
    bad = graphql.GraphQLObjectType("Bad", broken)
    empty = graphql.GraphQLInputObjectType("Empty", {})
    wrapped = graphql.GraphQLNonNull(graphql.GraphQLList(graphql.GraphQLNonNull(bad)))
    pet = graphql.GraphQLObjectType(
        "Pet", {"bad": graphql.GraphQLField(wrapped, {"by": graphql.GraphQLArgument(empty)})}
    )
    text, told = sound(pet=pet, bad=bad)
    assert "  pet: Pet\n  bad: JSON\n" in text
    assert "  bad(by: JSON): [JSON!]!\n" in text
    assert told == [
        "the type Bad has fields that cannot be made (ValueError); it is JSON",
        "the type Empty has no fields; it is JSON",
    ]


def test_names_that_are_none_cost_what_has_them() -> None:
    schema = graphql.GraphQLObjectType("__Schema2", fields(a=TEXT))
    # graphql-core looks at the names of types itself, but for these two underscores.
    pet = graphql.GraphQLObjectType("Pet", {"ok": graphql.GraphQLField(TEXT), "__no": graphql.GraphQLField(TEXT)})
    text, told = sound(pet=pet, schema=schema, __root=TEXT)
    assert text.startswith("type Query {\n  pet: Pet\n  schema: JSON\n}\ntype Pet {\n  ok: String\n}")
    assert sorted(told) == [
        "'__root' cannot be the name of a field of the query type",
        "Pet.__no has no name of GraphQL; it is left out",
        "the type __Schema2 has no name of GraphQL; it is JSON",
    ]


def test_of_two_types_with_one_name_one_is_json() -> None:
    one, other = (graphql.GraphQLObjectType("Pet", fields(a=TEXT)) for _ in range(2))
    text, told = sound(one=one, other=other)
    assert sorted(line.strip() for line in text.splitlines()[1:3]) in (
        ["one: JSON", "other: Pet"],
        ["one: Pet", "other: JSON"],
    )
    assert told == ["two types are called Pet; one of them is JSON"]
    taken = graphql.GraphQLObjectType("Pet", fields(a=TEXT))
    assert sound(taken, one=one)[1] == ["two types are called Pet; one of them is JSON"]


def test_a_union_loses_its_broken_members_and_is_json_without_any() -> None:
    pet = graphql.GraphQLObjectType("Pet", fields(name=TEXT))
    bad = graphql.GraphQLObjectType("Bad", broken)
    some = graphql.GraphQLUnionType("Some", [pet, bad])
    none = graphql.GraphQLUnionType("None_", lambda: [bad])
    text, _ = sound(some=some, none=none)
    assert "  some: Some\n  none: JSON\n" in text
    assert "union Some = Pet\n" in text


def test_types_that_refer_to_each_other_in_a_long_chain_are_followed() -> None:
    last: Any = TEXT
    for number in range(20_000):
        last = graphql.GraphQLObjectType(f"T{number}", fields(next=last))
    losses = Losses()
    found = made_sound({"query": fields(last=last)}, {}, losses)
    assert (len(found), len(losses)) == (20_001, 0)


def test_scalars_of_the_graph_are_left_alone() -> None:
    assert sound(scalars.ANY, any=scalars.ANY)[1] == []
