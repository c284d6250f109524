"""Names of Redis channels and keys with values in them: ``orders.{id}``.

A value may not add a part to a name. What separates the parts is what the author wrote between the variables: in
``orders.{id}`` a value holds no dot, in ``mail:{address}`` it may, but no colon. Channels are subscribed to literally,
so nothing in a value is a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sources.errors import DeclarationError
from sources.template import RefusedValue, scalar_text

_VARIABLE = re.compile(r"\{([A-Za-z0-9_]+)\}")
_LITERAL = re.compile(r"[^\x00-\x20\x7f-\xa0{}\ud800-\udfff]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_SEPARATOR = re.compile(r"[\w-]", re.ASCII)
_LONGEST = 1_000


class RedisName:
    """A channel's or key's name with variables.

    Raises:
        DeclarationError: the text is no such name.
    """

    def __init__(self, text: str) -> None:
        literals = _VARIABLE.split(text)[::2]
        if not all(_LITERAL.fullmatch(literal) for literal in literals):
            raise DeclarationError(f"name {text!r}: a blank, a control character, or a brace of no variable")
        if not any(literals):
            raise DeclarationError(f"name {text!r}: without fixed text, a client could choose any name")
        if not all(literals[1:-1]):
            raise DeclarationError(f"name {text!r}: two variables need fixed text between them")
        self.text = text
        self.variables = frozenset(_VARIABLE.findall(text))
        self._separators = frozenset(_NO_SEPARATOR.sub("", "".join(literals)))

    def __str__(self) -> str:
        return self.text

    def expand(self, values: Mapping[str, object]) -> str:
        """Give the name with the values in it.

        Raises:
            RefusedValue: a value is missing or empty, could make it another name, or the name would be too long.
        """
        name = _VARIABLE.sub(lambda found: self._value(found[1], values.get(found[1])), self.text)
        if len(name) > _LONGEST:
            raise RefusedValue(f"the name of a channel is at most {_LONGEST} characters long")
        return name

    def _value(self, variable: str, value: object) -> str:
        text = "" if value is None else scalar_text(variable, value)
        if not text:
            raise RefusedValue(f"{variable}: the name of a channel needs a value here")
        if _CONTROL.search(text):
            raise RefusedValue(f"{variable}: a control character may not stand in the name of a channel")
        if not self._separators.isdisjoint(text):
            raise RefusedValue(f"{variable}: a separator may not stand in a part of a channel's name")
        return text
