"""Texts are JSON or YAML by what they hold; what cannot be read is refused with its line."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sources import Number
from sources.openapi.pointer import DocumentError
from sources.openapi.text import read_text

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
LEAF = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | TEXT
VALUES = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))


def read(text: str) -> Any:
    return read_text(text.encode("utf-8", "surrogatepass"), "api.yaml")


def refused(text: str | bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        read_text(text if isinstance(text, bytes) else text.encode(), "api.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(st.dictionaries(TEXT, VALUES, max_size=4), st.booleans(), st.booleans())
def test_what_was_written_is_read(value: Any, indented: bool, flow: bool) -> None:
    assert read(json.dumps(value, indent=2 if indented else None)) == value
    assert read(yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2020-01-01", "2020-01-01"),
        ("12:30:00", "12:30:00"),
        ("on", "on"),
        ("No", "No"),
        ("y", "y"),
        ("0123", "0123"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("+1", "+1"),
        (".5", ".5"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("=", "="),
        ("-1", -1),
        ("1.5", 1.5),
        ("True", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_plain_texts_of_yaml_are_what_json_would_read(text: str, value: Any) -> None:
    found = read(f"a: {text}\n")["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_fraction_of_yaml_keeps_its_digits() -> None:
    found = read("version: 1.10")["version"]
    assert isinstance(found, Number)
    assert found.text == "1.10"


def test_names_are_texts_as_they_are_written() -> None:
    text = "200: a\n1.10: b\ntrue: c\nnull: d\n2020-01-01: e\non: f\n"
    assert list(read(text)) == ["200", "1.10", "true", "null", "2020-01-01", "on"]


def test_a_name_that_stands_twice_has_the_later_value() -> None:
    assert read('{"a": 1, "a": 2}') == {"a": 2}
    assert read("a: 1\na: 2\n") == {"a": 2}


def test_aliases_repeat_and_merges_fill_in() -> None:
    text = "base: &base {x: 1, y: 1}\nmore: &more {y: 2, z: 2}\n"
    found = read(text + "one: {<<: *base, x: 3}\ntwo: {<<: [*base, *more]}\nlist: [*base]\n")
    assert found["one"] == {"x": 3, "y": 1}
    assert found["two"] == {"x": 1, "y": 1, "z": 2}
    assert found["list"] == [{"x": 1, "y": 1}]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert read_text(b'\xef\xbb\xbf{"a": 1}', "api.json") == {"a": 1}
    assert read_text(b"\xef\xbb\xbfa: 1", "api.yaml") == {"a": 1}


def test_a_flow_of_yaml_may_begin_as_json_does() -> None:
    assert read("{a: 1, # why\n b: [x, y],}") == {"a": 1, "b": ["x", "y"]}


def test_halves_of_characters_and_endless_numbers_do_no_harm() -> None:
    assert read('{"a": "\\ud83d", "\\udc00": ["x\\ud83d"]}') == {"a": "\ufffd", "\ufffd": ["x\ufffd"]}
    assert read("[1e400, 1" + "0" * 5_000 + "]") == ["1e400", "1" + "0" * 5_000]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "api.yaml: the text is empty"),
        (b" \n\t ", "api.yaml: the text is empty"),
        (b"<!DOCTYPE html><p>Sign in", "api.yaml: an HTML page, neither JSON nor YAML"),
        (b"<?xml version='1.0'?>", "api.yaml: XML, neither JSON nor YAML"),
        ("{}".encode("utf-16"), "api.yaml: not UTF-8 but UTF-16, UTF-32 or binary: save it as UTF-8"),
        (b"a: 1\nb: caf\xe9\n", "api.yaml: line 2 is not UTF-8: save it as UTF-8"),
        (b'{"a": [1, 2', "api.yaml: line 1, column 12: not JSON: Expecting ',' delimiter (the text ends too early)"),
        (b'{"a": 1}\n x', "api.yaml: line 2, column 2: not JSON: Extra data"),
        (b'{"a": NaN}', "api.yaml: not JSON: NaN is no number of JSON"),
        (b"a: [1,\nb: {", "api.yaml: line 3, column 1: not YAML: while parsing a flow node, "
                          "did not find expected node content"),
        (b"a: 'x", "api.yaml: line 1, column 6: not YAML: while scanning a quoted scalar, "
                   "found unexpected end of stream"),
        (b"a: 1\n---\nb: 1\n", "api.yaml: line 2, column 1: a second document begins: a file holds one"),
        (b"a: !!python/name:os.system x", "api.yaml: line 1, column 4: the tag tag:yaml.org,2002:python/name:os.system "
                                          "has no meaning here"),
        (b"a: !mine {b: 1}", "api.yaml: line 1, column 4: the tag !mine has no meaning here"),
        (b"a: &a\n  b: *a\n", "api.yaml: line 2, column 6: *a stands inside of what it names"),
        (b"a: *b\n", "api.yaml: line 1, column 4: *b names nothing above"),
        (b"? [a]\n: b\n", "api.yaml: line 1, column 3: a name that is no text"),
        (b"a: &a [1]\n*a : b\n", "api.yaml: line 2, column 1: a name that is no text"),
        (b"<<: 1\n", "api.yaml: line 1, column 5: << takes an object, or a list of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(text: bytes, problem: str) -> None:
    assert refused(text) == problem


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 300 + "]" * 300])
def test_what_is_nested_without_measure_is_refused(text: str) -> None:
    assert "nested" in refused(text)
    assert "nested" in refused("a:\n" + "".join(" " * level + "-\n" for level in range(1, 300)))


def test_aliases_that_repeat_aliases_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 12)]
    assert "aliases repeat aliases without measure" in refused("\n".join(lines))


@given(st.binary(max_size=60) | st.text("{}[]:,'\"\\&*!|>-?#% \n\tab01~<", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    found = None
    with contextlib.suppress(DocumentError):
        found = read_text(raw, "api.yaml")
    json.dumps(found).encode()
