"""Which operations of a document are wanted, and what they are to be called."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

_METHODS = "GET|PUT|POST|DELETE|OPTIONS|HEAD|PATCH|TRACE"
_BY_PATH = re.compile(rf"(?:({_METHODS}|\*) +)?(/.*)", re.IGNORECASE)
_WILD = re.compile(r"(\*\*|\*)")
_MOST_COMPARED = 5_000


class Named(Protocol):
    """What is looked at of an operation."""

    @property
    def id(self) -> str | None:
        """Its ``operationId``."""

    @property
    def method(self) -> str:
        """Its method, in capitals."""

    @property
    def path(self) -> str:
        """Its path, with the names of parameters in braces."""

    @property
    def tags(self) -> Collection[str]:
        """Its tags."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken of a document, and its names.

    A pattern is ``tag:billing``, an ``operationId`` or an operation's path, with or without a method: ``GET /pets``.
    ``*`` stands for any text, in a path for one segment, and ``**`` in a path for any number of them.

    Args:
        include: patterns of the operations that are taken; none takes all.
        exclude: patterns of those that are not, whatever includes them.
        rename: names by ``operationId``, by method and path (``GET /pets``) or by the name of a component.
        prefix: what the names of all types and root fields begin with.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""

    def takes(self) -> Callable[[Named], bool]:
        """Give the function that tells whether an operation is taken."""
        include, exclude = (tuple(map(_matcher, patterns)) for patterns in (self.include, self.exclude))

        def is_taken(operation: Named) -> bool:
            if include and not any(matches(operation) for matches in include):
                return False
            return not any(matches(operation) for matches in exclude)

        return is_taken

    def name_of(self, operation: Named) -> str | None:
        """Give the name that an operation is given; None where it keeps its own."""
        by_id = self.rename.get(operation.id) if operation.id else None
        return by_id or self.rename.get(f"{operation.method} {operation.path}")

    def faults(self, operations: Collection[Named], components: Collection[str]) -> Iterator[str]:
        """Give a sentence for each pattern that matches no operation and each name that nothing has.

        Args:
            operations: all of the document.
            components: the names of its schemas.
        """
        for option, patterns in (("include", self.include), ("exclude", self.exclude)):
            for pattern in patterns:
                if not any(map(_matcher(pattern), operations)):
                    yield f"{option}={pattern!r} matches no operation{near(pattern, _names(operations))}"
        known = {*components, *_names(operations)}
        for name in self.rename:
            if name not in known:
                yield f"rename={name!r}: there is no such operation or schema{near(name, known)}"


def _matcher(pattern: str) -> Callable[[Named], bool]:
    if pattern.startswith("tag:"):
        tag = _glob(pattern.removeprefix("tag:").strip(), ".*", ".*")
        return lambda operation: any(tag.fullmatch(one) for one in operation.tags)
    by_path = _BY_PATH.fullmatch(pattern.strip())
    if by_path is None:
        name = _glob(pattern.strip(), ".*", ".*")
        return lambda operation: operation.id is not None and name.fullmatch(operation.id) is not None
    method = (by_path[1] or "*").upper()
    path = _glob(by_path[2], ".*", "[^/]*")
    return lambda operation: method in ("*", operation.method) and path.fullmatch(operation.path) is not None


def _glob(pattern: str, many: str, one: str) -> re.Pattern[str]:
    # Each wildcard stands once between fixed texts: runs of them would make a hostile pattern slow.
    text = re.sub(r"\*{2,}", "**", pattern)
    parts = (many if part == "**" else one if part == "*" else re.escape(part) for part in _WILD.split(text))
    return re.compile("".join(parts), re.DOTALL)


def _names(operations: Iterable[Named]) -> Iterator[str]:
    for operation in operations:
        if operation.id:
            yield operation.id
        yield f"{operation.method} {operation.path}"
        yield from (f"tag:{tag}" for tag in operation.tags)


def near(name: str, known: Iterable[str]) -> str:
    """Give what an author may have meant, as the end of a message; empty where nothing is like it."""
    found = difflib.get_close_matches(name, list(dict.fromkeys(known))[:_MOST_COMPARED], n=3)
    return f"; near it: {', '.join(map(repr, found))}" if found else ""
