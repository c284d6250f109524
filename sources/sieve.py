"""Which of the events that come pass: those of the kinds that an author names, and of these, those of JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from sources.errors import DeclarationError, UpstreamInvalid


class NotJson(Exception):
    """An event's body is not JSON."""


class Sieve:
    """Reads events' bodies; of those in a row that cannot be read, the first is told of.

    Args:
        source: the backend's name, for messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._is_told = False

    def check(self, body: bytes | str) -> None:
        """Check that a body is JSON, without making anything of it.

        Raises:
            NotJson: it is none.
        """
        self._decoded(body, msgspec.Raw)

    def decode(self, body: bytes | str) -> Any:
        """Give what a body says.

        Raises:
            NotJson: it says nothing.
        """
        return self._decoded(body, Any)

    def _decoded(self, body: bytes | str, kind: Any) -> Any:
        try:
            value = msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, RecursionError, ValueError) as exc:
            raise NotJson from exc
        self._is_told = False
        return value

    def refuse(self) -> UpstreamInvalid | None:
        """Give the failure that stands for an event that cannot be read; None where one was given already."""
        if self._is_told:
            return None
        self._is_told = True
        return UpstreamInvalid(f"{self._source} sent an event that is not JSON", source=self._source)


def kinds_of(events: str | Sequence[str]) -> frozenset[str]:
    """Give the kinds of events that an author names.

    Raises:
        DeclarationError: one of them is empty.
    """
    kinds = (events,) if isinstance(events, str) else tuple(events)
    if not all(kinds):
        raise DeclarationError(f"events={events!r}: expected names of kinds of events")
    return frozenset(kinds)
