"""A delivery to a webhook: what it says about itself, and that its backend has sent it.

Theory of operation. A signature is data and one pure function, `check`: the request's headers, its body as it came and
the time go in; out comes what the delivery says about itself, or `Refused`.

A captured delivery can be sent again, with any header that the signature does not cover. So two things are looked at:

- the time, where it is signed: a delivery outside the window is refused, and its marks need to be remembered only
  while it could still lie inside: twice the tolerance, since a sender's clock may be ahead;
- the marks: what a repetition has in common with its original. That is the delivery's id; and, where the id is a
  header that anybody could change, the signature itself, if the sender never sends one body twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Refused(Exception):
    """A delivery that is not taken.

    Args:
        reason: for the sender to read; it quotes nothing of the request and no secret.
        status: of HTTP.
    """

    def __init__(self, reason: str, status: int = 401) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a delivery says about itself.

    Args:
        id: the same each time that it is sent.
        kind: of its event.
        is_trial: it only tries out whether the address answers.
        proof: its signature, where no two deliveries share one.
    """

    id: str | None = None
    kind: str | None = None
    is_trial: bool = False
    proof: str | None = None

    @property
    def marks(self) -> tuple[bytes, ...]:
        """What a repetition has in common with its original, each as 16 bytes; nothing where it cannot be told."""
        named = (("id", self.id), ("proof", self.proof))
        return tuple(_mark(f"{name}:{text}") for name, text in named if text)


class Signature(Protocol):
    """One way to tell a backend's deliveries from anybody else's."""

    @property
    def remembered_s(self) -> float:
        """Seconds for which the marks of a delivery are to be remembered."""
        ...

    @property
    def names_kinds(self) -> bool:
        """Whether a delivery says of which kind its event is."""
        ...

    def missing(self) -> list[str]:
        """Give the environment variables that are needed and not set."""
        ...

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> Delivery:
        """Give what a delivery says about itself, once it is known to be the backend's.

        Args:
            headers: by lower-case name.
            body: as it came.
            now: Unix time in seconds.

        Raises:
            Refused: it is not the backend's, too old, from the future, or lacks a header.
            DeclarationError: no secret is set.
        """
        ...


def _mark(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
