"""A parameter as it is sent: its name on the wire, its place, and how a value of several parts is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Place = Literal["path", "query", "header", "cookie"]
EXPRESSION = re.compile(r"\{([^{}]*)\}")

_DEFAULT_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_STYLES = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "tabDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One parameter of an operation, as a request carries it.

    Args:
        name: on the wire, whatever it is: ``filter[name]``, ``$top``, ``X-Id``.
        variable: under which its value is given; unique within the operation.
        style: as OpenAPI 3.1 has them, and ``tabDelimited``, which Swagger 2.0 has; one that this place does not know
            is this place's default.
        explode: whether each part of a value stands for itself; None is the style's default.
        allow_reserved: whether a value's reserved marks are sent as they are, as far as they cannot end it.
        media: the media type of a value that is written as one text, as ``content`` says; None where style says how.
    """

    name: str
    variable: str
    place: Place
    style: str = ""
    explode: bool | None = None
    allow_reserved: bool = False
    media: str | None = None

    def __post_init__(self) -> None:
        style = self.style if self.style in _STYLES[self.place] else _DEFAULT_STYLES[self.place]
        object.__setattr__(self, "style", style)
        if self.explode is None:
            object.__setattr__(self, "explode", style in ("form", "cookie", "deepObject"))


def places(path: str) -> Sequence[str]:
    """Give the names between braces of a path: ``/users('{id}')/{name}`` gives ``["id", "name"]``."""
    return list(dict.fromkeys(found.group(1) for half in halves(path) for found in EXPRESSION.finditer(half)))


def halves(path: str) -> tuple[str, str]:
    """Give the path, from its slash on, and the query that is always there."""
    marked = EXPRESSION.sub(lambda found: found.group(0).replace("?", "\0").replace("#", "\1"), path)
    before, _, query = marked.partition("#")[0].partition("?")
    before, query = (half.replace("\0", "?").replace("\1", "#") for half in (before, query))
    return before if before.startswith("/") else f"/{before}", query.rstrip("&?")
