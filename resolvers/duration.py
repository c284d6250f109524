"""Lengths of time as ISO 8601 writes them."""

from __future__ import annotations

import datetime as dt
import decimal
import re

_NUMBER = r"([0-9]{1,18}(?:[.,][0-9]{1,18})?)"
_DURATION = re.compile(
    rf"([+-]?)P(?=[0-9T])(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_SECONDS = (604_800, 86_400, 3_600, 60, 1)
_CUT = decimal.Context(prec=60, rounding=decimal.ROUND_DOWN)


def parse_duration(value: object) -> dt.timedelta:
    """Read ``P1DT2H30M``: weeks, days, hours, minutes and seconds, each perhaps with a fraction, cut to microseconds.

    Raises:
        ValueError: it is none, or longer than Python knows.
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("expected a duration such as P1DT2H30M, without years and months")
    sign, *amounts = found.groups()
    total = decimal.Decimal(0)
    for amount, seconds in zip(amounts, _SECONDS, strict=True):
        if amount:
            exact = decimal.Decimal(amount.replace(",", "."))
            total = _CUT.add(total, _CUT.multiply(exact, decimal.Decimal(seconds * 1_000_000)))
    try:
        length = dt.timedelta(microseconds=int(total))
        return -length if sign == "-" else length
    except OverflowError as exc:
        raise ValueError("the duration is out of range") from exc


def duration_text(value: dt.timedelta) -> str:
    """Write a length of time: ``P1DT2H30M``, ``-PT0.5S``; none at all is ``PT0S``."""
    length = abs(value)
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{length.microseconds:06d}".rstrip("0") if length.microseconds else ""
    days = f"{length.days}D" if length.days else ""
    parts = [(hours, "", "H"), (minutes, "", "M"), (seconds, fraction, "S")]
    time = "".join(f"{amount}{rest}{unit}" for amount, rest, unit in parts if amount or rest)
    if not days and not time:
        return "PT0S"
    return f"{'-' * (value < dt.timedelta())}P{days}{'T' if time else ''}{time}"
