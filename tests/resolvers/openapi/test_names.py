"""Names of documents as names of GraphQL."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.openapi.names import LONGEST, field_name, shortened, told_apart, type_name, value_name

NAME = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("price_cents", "priceCents"),
        ("_links", "_links"),
        ("URL", "url"),
        ("HTTPStatus", "httpStatus"),
        ("@type", "type"),
        ("$ref", "ref"),
        ("+1", "plus1"),
        ("-1", "minus1"),
        ("1st", "_1st"),
        ("created<", "createdLess"),
        ("filter[name]", "filterName"),
        ("Größe", "grosse"),
        ("café", "cafe"),
        ("名", "u540d"),
        ("__schema", "_schema"),
        ("constructor", "constructor"),
        ("", "unnamed"),
        ("*", "star"),
    ],
)
def test_properties_are_camel_case(text: str, name: str) -> None:
    assert field_name(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("order-line", "OrderLine"),
        ("Foo.Bar", "FooBar"),
        ("v1.Pod", "V1Pod"),
        ("Page«Pet»", "PagePet"),
        ("2fa", "_2fa"),
        ("__schema", "_schema"),
        ("Straße", "Strasse"),
        ("!", "Type"),
    ],
)
def test_types_are_pascal_case(text: str, name: str) -> None:
    assert type_name(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("in-stock", "IN_STOCK"),
        ("inStock", "IN_STOCK"),
        ("", "EMPTY"),
        (">=", "GREATER_OR_EQUAL"),
        ("-price", "MINUS_PRICE"),
        ("true", "TRUE_"),
        ("1.0", "_1_0"),
        ("*", "STAR"),
    ],
)
def test_values_are_upper_case(text: str, name: str) -> None:
    assert value_name(text) == name


def test_of_texts_with_one_name_the_one_that_is_spelled_like_it_has_it() -> None:
    assert told_apart(["user-id", "user_id", "userId"], field_name) == {
        "user-id": "userId2",
        "user_id": "userId3",
        "userId": "userId",
    }


def test_a_long_name_is_cut_in_the_middle_and_says_which_one_it_was() -> None:
    one = "ApplicationGatewayFrontendConfigurationPropertiesFormatWithPrivateAddress"
    other = one.replace("Configuration", "Description")
    assert shortened(one) == "ApplicationGatewayFrontendFormatWithPrivateAddressXd5e8d7"
    assert shortened(one) != shortened(other)


@given(st.text())
def test_every_text_has_a_short_name_of_graphql(text: str) -> None:
    for name in (field_name(text), type_name(text), value_name(text)):
        assert NAME.fullmatch(name)
        assert len(name) <= LONGEST + 1


@given(st.lists(st.text(max_size=3), unique=True))
def test_no_two_texts_have_one_name(texts: list[str]) -> None:
    for name in (field_name, value_name):
        assert len(set(told_apart(texts, name).values())) == len(texts)


@pytest.mark.parametrize("text", ["x" * 10_000, "ж" * 10_000, "a_" * 5_000])
def test_what_is_very_long_has_a_name_nevertheless(text: str) -> None:
    assert len(type_name(text)) <= LONGEST
    assert type_name(text) != type_name(text + "y")
