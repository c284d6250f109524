"""What a graph cannot say of a document: nothing is lost silently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Effect = Literal["json", "left-out", "loosened"]


@dataclass(frozen=True, slots=True)
class Loss:
    """One part of a document that a graph does not hold as it is written.

    Args:
        pointer: where it stands (RFC 6901), with the file first where that is not the document itself.
        reason: a short word by which losses are counted, such as ``map-of-anything``.
        message: what could not be expressed, and what became of it; one sentence.
        effect: a value became JSON, a part is missing, or a type promises less.
    """

    pointer: str
    reason: str
    message: str
    effect: Effect = "json"


class Losses:
    """The losses of one document, each once, in the order in which they were found."""

    def __init__(self, found: Iterable[Loss] = ()) -> None:
        self._found: dict[Loss, None] = dict.fromkeys(found)

    def add(self, pointer: str, reason: str, message: str, effect: Effect = "json") -> None:
        """Note a loss."""
        self._found[Loss(pointer, reason, message, effect)] = None

    def __iter__(self) -> Iterator[Loss]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)
