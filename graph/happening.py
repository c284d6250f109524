"""Events answered: each as the operation selects from it, those that come together with one set of calls.

Theory of operation. The plan of a subscription is that of several events: its root field is a list (`Burst`), of
which each item becomes an answer of its own. So whatever else is selected is fetched once for all events that came
together, by the same compiled plan as a query's. An event that does not hold what is selected from its object, or holds
nothing but a key, has the rest of it loaded first, again for all of them at once; what the event says goes before what
is loaded.

Every burst has a ledger of its own: nothing is remembered from one to the next but what the store keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import graphql

from graph.errors import report
from graph.needs import Needs, list_depth
from graph.operation import Variant
from graph.plan import Site
from graph.refer import merged
from graph.replies import answers, is_key
from graph.tree import Failure
from resolvers import Bindings, Feeding, Fetching, Ledger, Loader, Occasion, Part, key_text
from sources import SourceError, UpstreamInvalid, encode_json


class Completing:
    """Makes events whole: what is selected from their objects and is not in them is loaded."""

    def __init__(
        self, variant: Variant, fetching: Fetching, feeding: Feeding, bindings: Bindings, loader: Loader
    ) -> None:
        selected = variant.fields[0]
        self._key = selected.key
        self._depth = list_depth(selected.field.type)
        self._fetching = fetching
        self._rest = feeding.rest
        self._loader = loader
        site = variant.plan.root.outputs[0]
        shape = site.shape if isinstance(site, Site) else None
        self._needs = None if shape is None or self._rest is None else Needs(shape, fetching.source, bindings)

    async def seed(self, occasions: Sequence[Occasion], ledger: Ledger) -> None:
        """Let an operation find the events where it would ask for them."""
        values = [occasion.payload for occasion in occasions]
        failures: list[Exception] = []
        if self._rest is not None and self._needs is not None:
            values = _listed(values, self._depth)
            failures = await self._load(self._rest, self._needs, values, ledger)
        if not failures:
            ledger.happened = Part((), encode_json(values), enveloped=False)
            return
        # What has failed has no place in JSON: the exact path takes the values as they are.
        cause = failures[0]
        source = self._fetching.source.name
        known = (
            cause if isinstance(cause, SourceError) else UpstreamInvalid(f"{source} is not understood", source=source)
        )
        ledger.happened = Part((), failure=known)
        ledger.outcomes[self._key] = values

    async def _load(self, rest: Fetching, needs: Needs, values: list[Any], ledger: Ledger) -> list[Exception]:
        """Put what is loaded in the place of what is not whole; give what failed."""
        keyed: list[tuple[list[Any], int, Any]] = []
        for held, place in _places(values, self._depth):
            value = held[place]
            if is_key(value) and len(rest.match) == 1:
                keyed.append((held, place, value))
            elif isinstance(value, dict) and needs.lack(value):
                key = _key_of(value, rest)
                if key is not None:
                    keyed.append((held, place, key))
        if not keyed:
            return []
        wanted = list({key_text(key): key for _, _, key in keyed}.values())
        found = answers(await self._loader.load_many(rest, {}, wanted, ledger, rest.fresh_s), rest)
        failures: list[Exception] = []
        for held, place, key in keyed:
            loaded, value = found.get(key_text(key)), held[place]
            if isinstance(loaded, dict) and isinstance(value, dict):
                loaded = merged(loaded, value)
            elif isinstance(loaded, Failure):
                failures.append(loaded.error)
            held[place] = loaded
        return failures


def _listed(values: Any, depth: int) -> Any:
    """Give lists of their own, since others answer the same events."""
    if not depth or not isinstance(values, list):
        return values
    return [_listed(value, depth - 1) for value in values]


def _places(values: list[Any], depth: int) -> Iterator[tuple[list[Any], int]]:
    """Give every place of an object in lists."""
    for place, value in enumerate(values):
        if depth > 1 and isinstance(value, list):
            yield from _places(value, depth - 1)
        else:
            yield values, place


def _key_of(value: Mapping[str, Any], rest: Fetching) -> Any:
    parts = []
    for path in rest.match:
        part: Any = value
        for name in path:
            part = part.get(name) if isinstance(part, dict) else None
        if not is_key(part):
            return None
        parts.append(part)
    return parts[0] if len(parts) == 1 else tuple(parts)


def apart(
    variant: Variant, count: int, data: Mapping[str, Any] | None, errors: Sequence[graphql.GraphQLError]
) -> list[dict[str, Any]]:
    """Give the execution result of each event out of that of all of them."""
    selected = variant.fields[0]
    own: dict[int, list[graphql.GraphQLError]] = {}
    common: list[graphql.GraphQLError] = []
    for error in errors:
        path = error.path or []
        if len(path) > 1 and isinstance(path[1], int):
            own.setdefault(path[1], []).append(_at(error, [path[0], *path[2:]]))
        else:
            common.append(error)
    values = data.get(selected.key) if data is not None else None
    results: list[dict[str, Any]] = []
    for index, value in enumerate([None] * count if values is None else values):
        found = [*common, *own.get(index, ())]
        if value is None and variant.is_required:
            results.append({"errors": list(map(report, found or [_missing(variant)])), "data": None})
        elif found:
            results.append({"errors": list(map(report, found)), "data": {selected.key: value}})
        else:
            results.append({"data": {selected.key: value}})
    return results


def _at(error: graphql.GraphQLError, path: list[str | int]) -> graphql.GraphQLError:
    return graphql.GraphQLError(
        error.message,
        error.nodes,
        path=path,
        original_error=error.original_error,
        extensions=error.extensions,
    )


def _missing(variant: Variant) -> graphql.GraphQLError:
    selected, binding = variant.fields[0], variant.plan.fetches[0].binding
    message, cause = f"Cannot return null for non-nullable field {variant.kind.name}.{selected.name}.", None
    if isinstance(binding, Fetching):
        source = binding.source.name
        message = f"{source} answered nothing for the non-null field {selected.name}"
        cause = UpstreamInvalid(message, source=source)
    return graphql.GraphQLError(message, list(selected.nodes), path=[selected.key], original_error=cause)
