"""Numbers that may wait for the values of variables: worked out as far as they can be, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Values = Mapping[str, Any]
Amount = float | Callable[[Values], float]
_MOST = 10**18


def mapped(function: Callable[[float], float], amount: Amount) -> Amount:
    """Apply a function to an amount."""
    if not callable(amount):
        return function(amount)
    return lambda values: function(amount(values))


def total(amounts: Sequence[Amount]) -> Amount:
    """Add amounts."""
    fixed = sum(amount for amount in amounts if not callable(amount))
    varying = [amount for amount in amounts if callable(amount)]
    if not varying:
        return fixed
    return lambda values: fixed + sum(amount(values) for amount in varying)


def times(one: Amount, other: Amount) -> Amount:
    """Multiply two amounts; what no number holds is as much as there can be."""
    if callable(one):
        if callable(other):
            return lambda values: _product(one(values), other(values))
        return mapped(lambda count: _product(count, other), one)
    return mapped(lambda count: _product(count, one), other) if one != 1 else other


def largest(amounts: Sequence[Amount]) -> Amount:
    """Give the largest of some amounts, none of them negative."""
    fixed = max((amount for amount in amounts if not callable(amount)), default=0)
    varying = [amount for amount in amounts if callable(amount)]
    if not varying:
        return fixed
    return lambda values: max(fixed, *(amount(values) for amount in varying))


def _product(one: float, other: float) -> float:
    # Nothing of what is infinite is nothing, and no other product may hide what it is added to.
    return max(-_MOST, min(_MOST, one * other)) if one and other else 0
