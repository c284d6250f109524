"""Webhooks of documents: nobody has agreed on a secret yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sources.delivery import Delivery, Refused, Signature


@dataclass(frozen=True, slots=True)
class Closed:
    """A signature by which every delivery is refused until its secret is set; that it is not set is no fault."""

    signature: Signature

    @property
    def remembered_s(self) -> float:
        """Seconds for which the marks of a delivery are to be remembered."""
        return self.signature.remembered_s

    @property
    def names_kinds(self) -> bool:
        """Whether a delivery says of which kind its event is."""
        return self.signature.names_kinds

    def missing(self) -> list[str]:
        """Give nothing: a graph is served without it."""
        return []

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> Delivery:
        """Give what a delivery says about itself, once it is known to be the backend's.

        Raises:
            Refused: it is not the backend's, or no secret is set.
        """
        if self.signature.missing():
            raise Refused("no secret is set for this webhook")
        return self.signature.check(headers, body, now)
