"""What a write makes stale, as the paths of a document tell: what is read where it writes.

``DELETE /pets/{id}`` concerns the one object of ``GET /pets/{id}``, and so does ``POST /pets/{id}/tags`` where nothing
is read at that path; ``POST /pets`` concerns all that ``GET /pets`` lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphql

from sources.openapi import Operation, Placed


def stale_types(operation: Operation, placed: list[Placed], read: Mapping[str, Any]) -> dict[str, str | None]:
    """Give the types whose stored answers a write makes stale, each with the argument that holds the key, or None.

    Args:
        placed: the write's parameters.
        read: the types that ``GET`` answers, by path.
    """
    segments = operation.path.rstrip("/").split("/")
    for count in range(len(segments), 1, -1):
        kind = read.get("/".join(segments[:count]))
        if kind is None:
            continue
        named: Any = graphql.get_named_type(kind)
        is_one = isinstance(kind, graphql.GraphQLObjectType) and segments[count - 1].startswith("{")
        variables = {f"{{{one.name}}}": one.variable for one in placed if one.place == "path"}
        key = variables.get(segments[count - 1]) if is_one else None
        types = named.types if isinstance(named, graphql.GraphQLUnionType) else [named]
        return {one.name: key for one in types if isinstance(one, graphql.GraphQLObjectType)}
    return {}
