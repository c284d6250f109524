"""A path of a document and the parameters in it: the counterpart of `sources.template.Template`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

from sources.errors import DeclarationError
from sources.openapi.placed import EXPRESSION, Placed, halves
from sources.openapi.serial import path_spell, query_spell
from sources.template import RefusedValue, Value, query_text

_Filled = tuple[str, Callable[[Value], str]]

_PATH_SAFE = "/:@!$&'()*+,;=~"
_QUERY_SAFE = f"{_PATH_SAFE}?"
_ENCODED = re.compile(r"(%[0-9A-Fa-f]{2})")


class OperationTemplate:
    """Path and query of an operation: ``OperationTemplate("/pets/{petId}.json", [Placed(name="petId", ...), ...])``.

    Values are refused, or encoded, as `Template` does it. `text` shows the path with its variables, in RFC 6570's form.

    Args:
        path: as the document has it; it may hold a query that is always there. A fragment is never sent.
        parameters: those in the path and in the query count.
        taken: names of the query that no property of a value may take, such as those of credentials.

    Raises:
        DeclarationError: the path has a place that no parameter fills; `places` tells them.
    """

    def __init__(self, path: str, parameters: Iterable[Placed], *, taken: Iterable[str] = ()) -> None:
        parameters = tuple(parameters)
        queried = [placed for placed in parameters if placed.place == "query"]
        inside = {placed.name: placed for placed in parameters if placed.place == "path"}
        before, fixed = halves(path)
        names: dict[str, None] = {}
        self._fixed: str | None = None
        self._pieces: list[str | _Filled] = []
        shown = self._add(before, inside, names, in_query=False, path=path)
        if fixed:
            self._pieces.append("?")
            shown += "?" + self._add(fixed, inside, names, in_query=True, path=path)
        reserved = frozenset(taken).union(placed.name for placed in queried)
        self._query = [(placed.variable, query_spell(placed, reserved - {placed.name})) for placed in queried]
        self._joiner = "&" if fixed else "?"
        names.update((placed.variable, None) for placed in queried)
        listed = ",".join(placed.variable for placed in queried)
        self.text = f"{shown}{{{self._joiner}{listed}}}" if listed else shown
        self.variables: tuple[str, ...] = tuple(names)
        self._fixed = None if names else self.expand({})

    def __repr__(self) -> str:
        return f"OperationTemplate({self.text!r})"

    def _add(
        self, text: str, inside: Mapping[str, Placed], names: dict[str, None], *, in_query: bool, path: str
    ) -> str:
        """Compile a part of the path; give it as it is shown."""
        shown, position = "", 0
        for found in [*EXPRESSION.finditer(text), None]:
            literal = _encoded(text[position : found.start() if found is not None else len(text)], in_query=in_query)
            if literal:
                self._pieces.append(literal)
                shown += literal
            if found is None:
                break
            placed = _placed(found.group(1), inside)
            if placed is None:
                raise DeclarationError(f"path {path!r}: no parameter fills {found.group(0)}")
            self._pieces.append((placed.variable, _spell(placed, in_query=in_query)))
            names[placed.variable] = None
            shown += "{" + placed.variable + "}"
            position = found.end()
        return shown

    def expand(self, values: Mapping[str, Value]) -> str:
        """Give the path and query with the values in it; None and absent values of the query are left out.

        Raises:
            RefusedValue: a value could change more than the place it stands in.
        """
        if self._fixed is not None:
            return self._fixed
        try:
            path = "".join(
                [piece if isinstance(piece, str) else piece[1](values.get(piece[0])) for piece in self._pieces]
            )
            if not self._query:
                return path
            found = [text for variable, spell in self._query if (text := spell(values.get(variable))) is not None]
        except RefusedValue:
            raise
        except ValueError as exc:  # Python's limit of digits
            raise RefusedValue("an integer is too long for a URL") from exc
        return f"{path}{self._joiner}{'&'.join(found)}" if found else path


def _placed(name: str, inside: Mapping[str, Placed]) -> Placed | None:
    """Find what fills a place; some documents write ``{proxy+}``, ``{+name}`` or ``{name*}`` for a name."""
    return inside.get(name) or inside.get(name.strip("+*?/#.;& "))


def _spell(placed: Placed, *, in_query: bool) -> Callable[[Value], str]:
    """Give the spell of a place in the path, or in the query that the path holds."""
    if not in_query:
        return path_spell(placed)
    variable = placed.variable

    def spell(value: Value) -> str:
        if value is None:
            raise RefusedValue(f"{variable}: a query needs a value here")
        return query_text(variable, value)

    return spell


def _encoded(literal: str, *, in_query: bool) -> str:
    """Encode what a URL may not hold; what is encoded already stays so."""
    safe = _QUERY_SAFE if in_query else _PATH_SAFE
    parts = _ENCODED.split(literal)
    return "".join(part if place % 2 else quote(part, safe=safe) for place, part in enumerate(parts))
