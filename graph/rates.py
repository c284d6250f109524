"""`Rate`: how much one client may ask in a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from graph.bucket import CALLS, COST, REQUESTS, Bucket
from graph.settings import SettingsError

_UNITS = {"requests": REQUESTS, "cost": COST, "calls": CALLS}
_WORDS = {"requests": "requests", "cost": "of estimated cost", "calls": "upstream calls"}
_MOST = 10**12  # a structured field takes 15 digits
_LONGEST_S = 366 * 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TEXT = re.compile(r"(requests|cost|calls)=([0-9]{1,13})/([0-9]{1,9})([smhd])((?:;(?:burst|of|name)=[^;=]*)*)")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")

Kind = Literal["all", "known", "anonymous"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much each client may ask: exactly one of requests, estimated cost and upstream calls.

    Args:
        requests: operations; each entry of a batch, each operation of a socket and each subscription is one.
        cost: estimated cost of what is executed, as `graph.cost` has it.
        calls: calls of backends that were made; they count when an operation is over, so the last one may overdraw.
        per: whole seconds in which so much comes back.
        burst: how much there may be at once; None for as much as comes back in `per`.
        of: the clients that it is for: those that are known, those that are anonymous, or all.
        name: what clients read in the `RateLimit` headers; that of the unit if there is none.

    Raises:
        ValueError: a number or a name is impossible; it says all that is.
    """

    requests: int | None = None
    cost: int | None = None
    calls: int | None = None
    per: int
    burst: int | None = None
    of: Kind = "all"
    name: str = ""

    def __post_init__(self) -> None:
        given = [name for name in _UNITS if getattr(self, name) is not None]
        faults = []
        if len(given) != 1:
            faults.append("one of requests, cost and calls is needed")
        for name in (*given, "burst"):
            count = getattr(self, name)
            if count is not None and not _is_whole(count, _MOST):
                faults.append(f"{name}={count!r}: expected a whole number from 1 to {_MOST}")
        if not _is_whole(self.per, _LONGEST_S):
            faults.append(f"per={self.per!r}: expected whole seconds from 1 to {_LONGEST_S}")
        of: object = self.of
        if of not in ("all", "known", "anonymous"):
            faults.append(f"of={of!r}: expected all, known or anonymous")
        if self.name and not _NAME.fullmatch(self.name):
            faults.append(f"name={self.name!r}: expected letters, digits, '_', '.' and '-', 60 at most")
        if faults:
            raise ValueError(f"Rate: {'; '.join(faults)}")

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read a rate: ``requests=100/60s``, perhaps with more: ``cost=1000/1h;burst=200;of=known;name=hourly``.

        Raises:
            ValueError: it is none.
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text[:100]!r} is no rate: expected such as requests=100/60s or cost=1000/1h;burst=200")
        unit, count, time, scale, rest = found.groups()
        options = [option.partition("=")[::2] for option in rest.split(";")[1:]]
        more: dict[str, object] = {name: _number(value) if name == "burst" else value for name, value in options}
        if len(more) < len(options):
            raise ValueError(f"{text[:100]!r} is no rate: it says something twice")
        return cls(**{unit: int(count)}, per=int(time) * _SECONDS[scale], **more)  # type: ignore[arg-type]  # checked

    @property
    def unit(self) -> str:
        """What it counts."""
        return next(name for name in _UNITS if getattr(self, name) is not None)

    @property
    def count(self) -> int:
        """How much comes back in `per`."""
        count: int = getattr(self, self.unit)
        return count

    @property
    def shown_name(self) -> str:
        """What clients read."""
        return self.name or self.unit

    def bucket(self) -> Bucket:
        """Give the bucket of one client."""
        return Bucket.of(_UNITS[self.unit], self.count, self.per, self.burst or self.count)

    def __str__(self) -> str:
        return f"{self.count} {_WORDS[self.unit]} in {self.per} s"


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Read rates separated by commas; none where nothing is said.

    Raises:
        SettingsError: some of them are no rates; it names all that are not.
    """
    rates: list[Rate] = []
    faults: list[str] = []
    for part in text.split(",") if text.strip() else ():
        try:
            rates.append(Rate.parse(part))
        except ValueError as exc:
            faults.append(str(exc))
    if faults:
        raise SettingsError(faults)
    return tuple(rates)


def rates_faults(rates: Sequence[Rate]) -> list[str]:
    """Say what is wrong with rates that hold together: two that one client could not tell apart."""
    faults = []
    for audience in ("known", "anonymous"):
        names = [rate.shown_name for rate in rates if rate.of in ("all", audience)]
        faults += [
            f"rates: several for {audience} clients are named {name!r}: give them names"
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
    return faults


def _is_whole(count: object, most: int) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= most


def _number(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 14 else text
