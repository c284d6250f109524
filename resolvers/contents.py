"""What an answer of a type may hold: the object types in it, how long any of it may be kept, whether digits count."""

from __future__ import annotations

from typing import Any

import graphql

from resolvers.binding import Bindings
from resolvers.values import counts_digits
from sources import Call, Rest


class Contents:
    """Looks into the types of one schema, once its attributes are bound."""

    def __init__(self, schema: graphql.GraphQLSchema, bindings: Bindings) -> None:
        self._schema = schema
        self._attributes = bindings.attributes

    def holds(self, target: str | None) -> tuple[str, ...]:
        """Give the object types that a payload of the target type may hold: itself and what is nested in it."""
        waiting, seen = [target], dict[str, None]()
        while waiting:
            named = self._schema.type_map.get(waiting.pop(0) or "")
            if graphql.is_abstract_type(named):
                waiting.extend(possible.name for possible in self._schema.get_possible_types(named))
            elif isinstance(named, graphql.GraphQLObjectType) and named.name not in seen:
                seen[named.name] = None
                kinds = (found.kind for found in self._attributes[named.name].values())
                waiting.extend(graphql.get_named_type(kind).name for kind in kinds if kind is not None)
        return tuple(seen)

    def keep_s(self, call: Call, target: str | None, fresh_s: float) -> float:
        """Give the longest time that anybody may reuse an answer."""
        if not call.reads:
            return 0.0
        properties = (found for name in self.holds(target) for found in self._attributes[name].values())
        return max([fresh_s, *(found.ttl for found in properties if found.ttl is not None)])

    def keeps_digits(self, kind: Any, source: Rest) -> bool:
        """Tell whether an answer of a type shows digits that a float does not hold."""
        named = graphql.get_named_type(kind)
        properties = (found for name in self.holds(named.name) for found in self._attributes[name].values())
        return counts_digits(named, source, None) or any(
            found.kind is not None and counts_digits(graphql.get_named_type(found.kind), source, found.mark)
            for found in properties
        )


def target_of(element: graphql.GraphQLField) -> str | None:
    """Give the type of the objects that a field gives; None where it gives leaves."""
    named = graphql.get_named_type(element.type)
    return None if graphql.is_leaf_type(named) else named.name
