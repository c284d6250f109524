"""What a client is denied, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import graphql

from graph.client import Client
from resolvers import Requirement, Requirements

_MOST_KNOWN = 1_000
# Denied places of one answer that are told: a list may have thousands of them, and each costs 20 µs.
MOST_TOLD = 100


class Denied(graphql.GraphQLError):
    """A field, or an object, that a client is denied."""


@dataclass(frozen=True, slots=True, eq=False)
class Denial:
    """Why a field or an object is denied."""

    message: str
    code: str

    def error(self) -> Denied:
        """Give the error for one place: one that was raised twice would keep what it has seen."""
        return Denied(self.message, extensions={"code": self.code})


class Lack(NamedTuple):
    """What a client lacks. Clients that lack the same are given the same."""

    requirements: frozenset[Requirement]
    is_anonymous: bool

    def among(self, needs: frozenset[Requirement]) -> Lack | None:
        """Give what it lacks of some requirements; None where it meets all of them."""
        found = self.requirements & needs
        return Lack(found, self.is_anonymous) if found else None

    def denial(self, what: str, needs: Iterable[Requirement]) -> Denial | None:
        """Give why it is denied what needs something; None where it is not."""
        lacking = sorted(map(str, self.requirements.intersection(needs)))
        if not lacking:
            return None
        return Denial(f"{what} needs {' and '.join(lacking)}", "UNAUTHENTICATED" if self.is_anonymous else "FORBIDDEN")


class Access:
    """What the clients of one graph lack of its requirements."""

    def __init__(self, requirements: Requirements) -> None:
        self._all = requirements.all
        self._known: dict[tuple[bool, frozenset[str]], Lack | None] = {}

    def lack(self, client: Client) -> Lack | None:
        """Give what a client lacks; None where it meets every requirement of the graph."""
        granted = (client.is_authenticated, client.scopes)
        try:
            return self._known[granted]
        except KeyError:
            if len(self._known) >= _MOST_KNOWN:  # tokens may hold any scopes
                self._known.clear()
        unmet = (found for found in self._all if not found.is_met(client.scopes, is_authenticated=granted[0]))
        lack = Lack(frozenset(unmet), not client.is_authenticated)
        self._known[granted] = found = lack if lack.requirements else None
        return found


class Denials:
    """What one operation is denied, for one lack, and what it needs at all.

    Args:
        lack: None for clients that lack nothing.

    `needs` gathers what has to be met by all that was asked about; `types` has why objects of a type are denied.
    """

    def __init__(self, requirements: Requirements, lack: Lack | None) -> None:
        self.requirements = requirements
        self.lack = lack
        self.needs: set[Requirement] = set()
        found = {} if lack is None else {name: lack.denial(name, needs) for name, needs in requirements.types.items()}
        self.types: Mapping[str, Denial] = {name: denial for name, denial in found.items() if denial is not None}

    def see(self, type_name: str) -> None:
        """Note that an operation selects from objects of a type."""
        self.needs.update(self.requirements.types.get(type_name, ()))

    def of_field(self, type_name: str, field_name: str) -> Denial | None:
        """Note that an operation selects a field of an object type, and give why it is denied."""
        needs = self.requirements.fields.get((type_name, field_name))
        if needs is None:
            return None
        self.needs.update(needs)
        return None if self.lack is None else self.lack.denial(f"{type_name}.{field_name}", needs)
