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
from graph.operation import Variant
from graph.plan import GlobalIdOf, Leaf, Nested, Shape, Site
from graph.refer import merged
from graph.replies import answers, is_key
from graph.tree import Failure
from resolvers import Feeding, Fetching, Ledger, Loader, Occasion, Part, key_text
from sources import SourceError, UpstreamInvalid, encode_json

Needs = dict[str, "Needs"]


class Completing:
    """Makes events whole: what is selected from their objects and is not in them is loaded."""

    def __init__(self, variant: Variant, fetching: Fetching, feeding: Feeding, loader: Loader) -> None:
        self._key = variant.fields[0].key
        self._fetching = fetching
        self._rest = feeding.rest
        self._loader = loader
        site = variant.plan.root.outputs[0]
        shape = site.shape if isinstance(site, Site) else None
        self._needs: Needs = {} if shape is None or self._rest is None else needs_of(shape, fetching)

    async def seed(self, occasions: Sequence[Occasion], ledger: Ledger) -> None:
        """Let an operation find the events where it would ask for them."""
        values = [occasion.payload for occasion in occasions]
        if self._rest is not None:
            await self._load(self._rest, values, ledger)
        failures = [value.error for value in values if isinstance(value, Failure)]
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

    async def _load(self, rest: Fetching, values: list[Any], ledger: Ledger) -> None:
        keys: dict[int, Any] = {}
        for place, value in enumerate(values):
            if is_key(value) and len(rest.match) == 1:
                keys[place] = value
            elif isinstance(value, dict) and lacks(value, self._needs):
                key = _key_of(value, rest)
                if key is not None:
                    keys[place] = key
        if not keys:
            return
        wanted = list({key_text(key): key for key in keys.values()}.values())
        found = answers(await self._loader.load_many(rest, {}, wanted, ledger, rest.fresh_s), rest)
        for place, key in keys.items():
            loaded, value = found.get(key_text(key)), values[place]
            if isinstance(loaded, dict) and isinstance(value, dict):
                loaded = merged(loaded, value)
            values[place] = loaded


def needs_of(shape: Shape, fetching: Fetching) -> Needs:
    """Give the properties that are read of a shape's object, and of the objects in it."""
    needs: Needs = {}
    for path, below in _read(shape, fetching):
        level = needs
        for name in path:
            level = level.setdefault(name, {})
        level.update(below)
    return needs


def _read(shape: Shape, fetching: Fetching) -> Iterator[tuple[tuple[str, ...], Needs]]:
    for output in shape.outputs:
        if isinstance(output, Leaf):
            yield output.path, {}
        elif isinstance(output, Nested):
            yield output.path, needs_of(output.shape, fetching)
        elif isinstance(output, GlobalIdOf):
            yield from ((path, {}) for path in output.paths)
        elif isinstance(output, Site) and isinstance(output.binding, Fetching):
            yield from ((reading.where(fetching.source), {}) for reading in output.binding.parents)


def lacks(value: Mapping[str, Any], needs: Needs) -> bool:
    """Tell whether an object lacks any property that is read of it."""
    for name, below in needs.items():
        if name not in value:
            return True
        held = value[name]
        items = held if isinstance(held, list) else [held]
        if below and any(isinstance(item, dict) and lacks(item, below) for item in items):
            return True
    return False


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
    selected = variant.fields[0]
    message = f"Cannot return null for non-nullable field {variant.kind.name}.{selected.name}."
    return graphql.GraphQLError(message, list(selected.nodes), path=[selected.key])
