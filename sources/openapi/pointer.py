"""Pointers into documents (RFC 6901), written one way: ``#/paths/~1pets/get``, ``other.yaml#/Pet``, ``other.yaml#``.

Before the ``#`` stands the file, nothing for the document itself. Equal pointers are the same place.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
# Controls, ends of lines, marks that turn text around, halves of characters.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LISTS = {("components", "schemas"), ("definitions",)}
_LONGEST_SHOWN = 300


class DocumentError(Exception):
    """A document, or a place in it, that cannot be read; the message is one line that says where and why.

    Args:
        problem: what is wrong, without the place.
        place: the file, the pointer, or both.
    """

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{shown(place)}: {shown(problem)}" if place else shown(problem))
        self.problem = problem
        self.place = place


def below(pointer: str, *names: str | int) -> str:
    """Give the pointer to a part of what a pointer leads to."""
    return "/".join([pointer, *(str(name).replace("~", "~0").replace("/", "~1") for name in names)])


def names_of(fragment: str) -> list[str] | None:
    """Give the names that lead from a file's root to a place; None where the fragment is no pointer.

    Args:
        fragment: as it is written in a reference, so that it may be percent-encoded as in a URL.
    """
    text = unquote(fragment)
    return names_of_written(text) if not text or text.startswith("/") else None


def names_of_written(text: str) -> list[str]:
    """Give the names in a pointer as `below` makes it: those of ``/paths/~1pets`` are ``paths`` and ``/pets``."""
    if not text:
        return []
    return [name.replace("~1", "/").replace("~0", "~") for name in text[1:].split("/")]


def component_at(pointer: str) -> str | None:
    """Give the name of the schema at a place, in a list of schemas or a file of its own; None where it has none."""
    file, _, fragment = pointer.partition("#")
    names = names_of_written(fragment)
    if not names:
        return PurePosixPath(file.partition("?")[0]).stem or None if file else None
    if tuple(names[:-1]) in _LISTS or (len(names) > 1 and names[-2] == "$defs") or (file and len(names) == 1):
        return names[-1]
    return None


def index_of(name: str) -> int | None:
    """Give the place in an array that a name in a pointer says; None where it says none."""
    return int(name) if _INDEX.fullmatch(name) else None


def shown(text: str) -> str:
    """Give a text of a document as one line of a message: nothing that moves a terminal, nothing endless."""
    return visible(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


def visible(text: str) -> str:
    """Give a text as one line of which every character can be seen: an escape is ``\\u001b``."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
