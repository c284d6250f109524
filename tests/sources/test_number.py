"""JSON numbers with all their digits."""

from __future__ import annotations

import decimal
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import Number, digits_of, encode_json, encode_sorted_json

decode = msgspec.json.Decoder(float_hook=Number).decode


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True))
def test_a_number_is_written_as_it_was_read(text: str) -> None:
    body = b"[%b]" % text.encode()
    assert encode_json(decode(body)) == (body if text != "-0" else b"[0]")


def test_a_number_is_a_float_to_everything_else() -> None:
    number = Number("1.10")
    assert (number, number + 1, hash(number), str(number), json.dumps(number)) == (1.1, 2.1, hash(1.1), "1.1", "1.1")
    assert type(float(number)) is float


def test_a_number_beyond_floats_keeps_its_digits() -> None:
    assert Number("1e400") == float("inf")
    assert encode_json({"x": Number("1e400")}) == b'{"x":1e400}'


def test_names_are_sorted_where_values_are_compared() -> None:
    assert encode_sorted_json({"b": Number("1.0"), "a": [Number("2.50")]}) == b'{"a":[2.50],"b":1.0}'


@pytest.mark.parametrize(("value", "digits"), [(Number("1.10"), "1.10"), (1.1, "1.1"), (5, "5"), (2**70, str(2**70))])
def test_digits_are_those_that_were_written(value: float, digits: str) -> None:
    assert str(digits_of(value)) == digits


def test_digits_do_not_depend_on_the_authors_context() -> None:
    with decimal.localcontext(prec=2):
        assert str(digits_of(Number("1.2345"))) == "1.2345"


def test_an_exponent_beyond_all_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="exponent"):
        digits_of(Number("1e-9999999999999999999"))


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no place in JSON"):
        encode_json(object())
