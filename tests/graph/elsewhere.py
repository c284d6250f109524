"""A type that another module names lazily."""

from __future__ import annotations

import strawberry


@strawberry.type
class Toy:
    name: str
