"""Python laid out in lines: what fits stays on one line, what does not is split at its outermost brackets.

A file that is written is to look as if a formatter had been over it. The rules are those of Black and ruff: the inside
of brackets moves to a line of its own, or, where it does not fit there, to one line for each item with a comma behind.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

WIDTH = 120
_INDENT = "    "
_PIECE = re.compile(r"\S*\s*")


@dataclass(frozen=True, slots=True)
class Group:
    """Something in brackets: ``field("a.b", ttl=5)`` is ``Group("field(", ('"a.b"', "ttl=5"), ")")``."""

    before: str
    items: tuple[Part, ...]
    after: str
    is_definition: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A text as a literal, perhaps with something in front: ``description="..."``."""

    value: str
    before: str = ""

    def named(self, before: str) -> Text:
        """Give it with something in front."""
        return Text(self.value, before)


@dataclass(frozen=True, slots=True)
class Either:
    """One of several types: ``Stone | Plant``."""

    items: tuple[str, ...]


Part = str | Group | Text | Either


def call(name: str, *items: Part) -> Group:
    """Give a call."""
    return Group(f"{name}(", items, ")")


def flat(part: Part) -> str:
    """Give a part on one line, however long."""
    if isinstance(part, Group):
        return f"{part.before}{', '.join(map(flat, part.items))}{part.after}"
    if isinstance(part, Either):
        return " | ".join(part.items)
    return part if isinstance(part, str) else part.before + literal(part.value)


def lines(part: Part, depth: int = 0, before: str = "", after: str = "") -> Iterator[str]:
    """Give the lines of a part.

    Args:
        depth: how many levels it is indented.
        before: what stands before it on its first line, `after` on its last.
    """
    margin = _INDENT * depth
    whole = f"{margin}{before}{flat(part)}{after}"
    is_value = before.endswith(" = ")
    if isinstance(part, str) and is_value and len(whole) > WIDTH >= len(margin) + len(_INDENT) + len(part):
        yield f"{margin}{before}("
        yield f"{margin}{_INDENT}{part}"
        yield f"{margin}){after}"
    elif len(whole) <= WIDTH or isinstance(part, str) or (isinstance(part, Group) and not part.items):
        yield whole
    elif isinstance(part, Text):
        pieces = list(_pieces(part.value, WIDTH - len(margin) - len(_INDENT)))
        if len(pieces) == 1 and len(margin) + len(_INDENT) + len(pieces[0]) > WIDTH:  # brackets would not help
            yield whole
            return
        yield f"{margin}{before}{part.before}("
        yield from (f"{margin}{_INDENT}{piece}" for piece in pieces)
        yield f"{margin}){after}"
    elif isinstance(part, Either):
        first, *others = part.items
        yield f"{margin}{before}{first}"
        for number, other in enumerate(others, 1):
            yield f"{margin}| {other}{after if number == len(others) else ''}"
    elif is_value and len(f"{margin}{before}{part.before}") > WIDTH:
        yield f"{margin}{before}("
        yield from lines(part, depth + 1)
        yield f"{margin}){after}"
    else:
        yield f"{margin}{before}{part.before}"
        inside = f"{margin}{_INDENT}{', '.join(map(flat, part.items))}"
        is_display = part.before.endswith(("{", ": [", "= ["))  # whose items have a line each
        if len(inside) <= WIDTH and not is_display and not (part.is_definition and len(part.items) == 1):
            yield inside
        else:
            for item in part.items:
                yield from lines(item, depth + 1, after=",")
        yield f"{margin}{part.after}{after}"


def annotated(name: str, annotation: str, value: Part | None = None, depth: int = 0) -> Iterator[str]:
    """Give the lines of an annotated attribute: what is too long is its value, or else its annotation, in brackets."""
    margin = _INDENT * depth
    before = f"{margin}{name}: {annotation}"
    after = "" if value is None else f" = {flat(value)}"
    starts = before if value is None else f"{before} = {value.before}" if isinstance(value, Group) else f"{before} = ("
    if len(before + after) <= WIDTH or (" | " not in annotation and value is None):
        yield before + after
    elif len(starts) <= WIDTH or len(f"{before} = (") <= WIDTH or " | " not in annotation:
        if value is not None:
            yield from lines(value, depth, before=f"{name}: {annotation} = ")
    else:
        yield f"{margin}{name}: ("
        yield f"{margin}{_INDENT}{annotation}"
        yield from lines(value, depth, before=") = ") if value is not None else [f"{margin})"]


def literal(text: str) -> str:
    """Give a text as a literal on one line, in the quotes that a formatter chooses."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(letter, quote) for letter in text) + quote


def _escaped(letter: str, quote: str) -> str:
    if letter == quote or letter == "\\":
        return f"\\{letter}"
    return letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def _pieces(text: str, width: int) -> Iterator[str]:
    """Give a text as several literals that stand one below the other, cut between words."""
    held = ""
    for word in _cut(text, width):
        if held and len(literal(held + word)) > width:
            yield literal(held)
            held = ""
        held += word
    if held:
        yield literal(held)


def _cut(text: str, width: int) -> Iterator[str]:
    """Give the words of a text; one that fits on no line is several."""
    for word in _PIECE.findall(text):
        while len(literal(word)) > width:
            fitting = width - 2
            while len(literal(word[:fitting])) > width:
                fitting = fitting * 3 // 4
            yield word[:fitting]
            word = word[fitting:]
        yield word


def docstring(text: str, depth: int) -> Iterator[str]:
    """Give a text as a docstring; lines that are too long are wrapped."""
    margin = _INDENT * depth
    width = WIDTH - len(margin)
    plain = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text.expandtabs(4))
    plain = inspect.cleandoc(plain.replace("\\", "\\\\").replace('"""', '\\"\\"\\"'))
    found: list[str] = []
    for number, line in enumerate(plain.split("\n")):
        line = line.rstrip()
        indented = line[: len(line) - len(line.lstrip())]
        room = width - (7 if number == 0 else 0)
        found += textwrap.wrap(
            line, room, subsequent_indent=indented, break_long_words=False, break_on_hyphens=False
        ) or [""]
    found[0] = f" {found[0]}" if found[0].startswith('"') else found[0]
    if len(found) == 1:
        end = ' """' if found[0].endswith('"') else '"""'
        yield f'{margin}"""{found[0]}{end}'
        return
    yield f'{margin}"""{found[0]}'
    yield from (f"{margin}{line}" if line else "" for line in found[1:])
    yield f'{margin}"""'
