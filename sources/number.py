"""JSON numbers that keep their digits.

A JSON number may have more digits than a float holds, or say ``1.10`` where 1.1 is not the same price. Where digits
count, fractions are decoded as `Number`: ``msgspec.json.Decoder(float_hook=Number)``. Whole numbers need no such care:
Python's integers have all their digits. What encodes a `Number` writes it as it was read.
"""

from __future__ import annotations

import decimal
from typing import Any

import msgspec


class Number(float):
    """A float that knows how it was written; to everything but `encode_json` it is a float.

    Args:
        text: a JSON number, such as ``1.10``. One beyond floats, such as ``1e400``, is infinity with its digits.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        """Give the number that a JSON text says."""
        made = super().__new__(cls, text)
        made.text = text
        return made


def digits_of(value: int | float) -> decimal.Decimal:
    """Give a number with every digit it was written with; of a plain float, those by which Python writes it.

    Raises:
        ValueError: its exponent is beyond all measure.
    """
    if isinstance(value, int):
        return decimal.Decimal(value)
    try:
        return decimal.Decimal(value.text if isinstance(value, Number) else repr(value))
    except decimal.InvalidOperation as exc:
        raise ValueError("the exponent is out of range") from exc


def _written(value: Any) -> msgspec.Raw:
    if isinstance(value, Number):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"{type(value).__name__} has no place in JSON")


encode_json = msgspec.json.Encoder(enc_hook=_written).encode
encode_sorted_json = msgspec.json.Encoder(enc_hook=_written, order="sorted").encode
