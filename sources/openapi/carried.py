"""Parameters that headers carry: each header of its own, and all cookies in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sources.address import check_cookie_name, check_header_name
from sources.errors import DeclarationError
from sources.openapi.placed import Placed
from sources.openapi.serial import Spell, cookie_spell, header_spell
from sources.template import Value

_IGNORED = frozenset({"accept", "content-type", "authorization"})


@dataclass(frozen=True, slots=True)
class HeaderText:
    """The text of one header, of one parameter."""

    placed: Placed
    _spell: Spell = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_spell", header_spell(self.placed))

    @property
    def text(self) -> str:
        """How it is written."""
        return f"{{{self.placed.variable}}}"

    @property
    def variables(self) -> tuple[str, ...]:
        """The name of its value."""
        return (self.placed.variable,)

    def expand(self, values: Mapping[str, Value]) -> str:
        """Give the header's text; empty where there is no value.

        Raises:
            RefusedValue: a part of it could be taken for several.
        """
        return self._spell(values.get(self.placed.variable)) or ""


@dataclass(frozen=True, slots=True)
class CookieText:
    """The header ``Cookie``, of all parameters that are cookies."""

    placed: tuple[Placed, ...]
    _spells: tuple[tuple[str, Spell], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_spells", tuple((found.variable, cookie_spell(found)) for found in self.placed))

    @property
    def text(self) -> str:
        """How it is written."""
        return "; ".join(f"{found.name}={{{found.variable}}}" for found in self.placed)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of its values."""
        return tuple(found.variable for found in self.placed)

    def expand(self, values: Mapping[str, Value]) -> str:
        """Give the header's text; empty where there is no value.

        Raises:
            RefusedValue: a value is none that a cookie can carry.
        """
        found = [spell(values.get(variable)) for variable, spell in self._spells]
        return "; ".join([text for text in found if text is not None])


def why_not_carried(name: str, place: str) -> str | None:
    """Say why a request cannot carry a parameter of this name in this place; None where it can.

    ``Accept``, ``Content-Type`` and ``Authorization`` are no parameters (OpenAPI 3.1, 4.8.12): they follow from the
    rest of the document.
    """
    try:
        if place == "header":
            if name.lower() in _IGNORED:
                return f"the header {name!r} follows from the rest of the document"
            check_header_name(name)
        elif place == "cookie":
            check_cookie_name(name)
    except DeclarationError as exc:
        return str(exc)
    return None


def carried(parameters: Iterable[Placed]) -> tuple[tuple[str, HeaderText | CookieText], ...]:
    """Give the headers of an operation's parameters, as `Endpoint.headers` takes them, names in lower case.

    Raises:
        DeclarationError: `why_not_carried` says why for one of them.
    """
    found: list[tuple[str, HeaderText | CookieText]] = []
    cookies: list[Placed] = []
    for placed in parameters:
        if (problem := why_not_carried(placed.name, placed.place)) is not None:
            raise DeclarationError(problem)
        if placed.place == "cookie":
            cookies.append(placed)
        elif placed.place == "header":
            found.append((placed.name.lower(), HeaderText(placed)))
    return (*found, *((("cookie", CookieText(tuple(cookies))),) if cookies else ()))
