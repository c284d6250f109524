"""What a declared call comes to, as far as that needs no schema: its body, its freshness, the order of its key."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from resolvers.binding import Fetching, Reading
from sources import Body, Call, Endpoint


def broken(call: Call) -> Fetching:
    """Stand in for a declaration whose fault is already known."""
    return Fetching(call, (), None, None, (), (), frozenset(), (), (), None, 0.0)


def with_default_body(call: Call, endpoint: Endpoint, arguments: set[str]) -> Endpoint:
    """Give the endpoint of a write with a body made of the arguments that nothing else takes."""
    rest = sorted(arguments - endpoint.variables)
    if not rest:
        return endpoint
    skeleton: Mapping[str, Any] = {call.source.property_name(name): f"{{{name}}}" for name in rest}
    return dataclasses.replace(endpoint, body=Body(skeleton))


def freshness_s(call: Call, entity: Call | None) -> float:
    """Give how many seconds an answer may be reused, as the call, its type or its source say."""
    if not call.reads:
        return 0.0
    own = [found.ttl for found in (call, entity) if found is not None and found.ttl is not None]
    return own[0] if own else call.source.ttl


def asks_same(endpoint: Endpoint, entity: Call) -> bool:
    """Tell whether an endpoint is the one by which the entity itself is given."""
    own = entity.single
    return own is not None and (
        endpoint.method, endpoint.template.text, endpoint.items, endpoint.headers, endpoint.optional
    ) == (own.method, own.template.text, own.items, own.headers, own.optional)  # fmt: skip


def positions(key: tuple[str, ...], names: tuple[str, ...]) -> list[int]:
    """Give, for each variable, the part of the key it takes: by name where names agree, else in order."""
    if set(names) == set(key):
        return [key.index(name) for name in names]
    return list(range(len(names)))


def as_named(names: tuple[str, ...], *orders: tuple[str, ...]) -> tuple[str, ...]:
    """Give a batch's variables in the order of the key's parts: by name where they are named alike, else as written."""
    return next((order for order in orders if sorted(order) == sorted(names)), names)


def in_key_order(
    key: tuple[str, ...], names: tuple[str, ...], parents: tuple[Reading, ...]
) -> tuple[tuple[str, ...], tuple[Reading, ...]]:
    """Give template variables, and what supplies them, in the order of the key's parts."""
    if len(names) != len(parents) or len(names) != len(key):
        return names, parents
    order = positions(key, names)
    pairs = sorted(zip(order, names, parents, strict=True), key=lambda found: found[0])
    return tuple(pair[1] for pair in pairs), tuple(pair[2] for pair in pairs)
