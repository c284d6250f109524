"""Print a plan: which backends an operation calls, in which order, for how many objects, and how fresh the data is."""

from __future__ import annotations

from collections.abc import Collection

from graph.client import Caller, Client
from graph.cost import Cost
from graph.graph import Graph
from graph.plan import Fetch, Plan
from resolvers import Binding, Feeding, Fetching
from sources import Endpoint


def explain(graph: Graph, query: str, operation_name: str | None = None, scopes: Collection[str] | None = None) -> str:
    """Give the plan of an operation as text; nothing is called.

    What variables decide by @skip and @include is shown; a list whose length is a variable has the assumed one. Where
    the operation is not compiled, each fetch that takes the exact path says so, and the last but one line says why.

    Args:
        scopes: those of the client whose plan it is; None for one who may do everything.

    Raises:
        RequestError: the document cannot be executed by this graph.
    """
    operations = graph.engine.operations
    operation = operations.get(query, operation_name)
    whole = variant = operations.variant_without_variables(operation)
    lack = None if scopes is None else graph.engine.lack(Caller(Client(scopes=frozenset(scopes))))
    lacking = None if lack is None else lack.among(whole.needs)
    if lacking is not None:
        variant = operations.variant_without_variables(operation, lacking)
    plan = variant.plan
    made = _calls(plan)
    calls = [fetches[0] for fetches in made if _is_call(fetches[0].binding)]
    hops = len({fetch.hop for fetch in calls})
    kind = operation.node.operation.value
    when = " for all events that come together" if variant.is_subscription else ""
    lines = [f"{kind}: {_count(len(calls), 'upstream call')} in {_count(hops, 'step')}{when}"]
    for fetches in made:
        lines.append(_line(fetches, is_compiled=variant.runner is not None))
        lines.extend(f"{'   ' * (fetches[0].hop + 1)}  for {place}" for place in _places(fetches))
    if whole.needs:
        lines.append(f"needs: {'; '.join(sorted(map(str, whole.needs)))}")
    lines.extend(f"denied: {message}" for message in plan.denied)
    lines.append(f"cost: {_cost(variant.estimate.at())}")
    lines.append("compiled" if variant.runner is not None else f"exact path: {variant.obstacle}")
    lines.append(f"answer: {_freshness(plan)}")
    return "\n".join(lines)


def _calls(plan: Plan) -> list[list[Fetch]]:
    """Give the fetches in the order of their hops, together where they are one call: lists that differ in their cut."""
    found: dict[object, list[Fetch]] = {}
    for fetch in sorted(plan.fetches, key=lambda found: (found.hop, found.number)):
        binding = fetch.binding
        is_read = isinstance(binding, Fetching) and binding.call.reads
        same = (id(binding.call), fetch.hop, fetch.question) if isinstance(binding, Fetching) and is_read else id(fetch)
        found.setdefault(same, []).append(fetch)
    return list(found.values())


def _line(fetches: list[Fetch], *, is_compiled: bool) -> str:
    fetch = fetches[0]
    margin = "   " * fetch.hop
    binding = fetch.binding
    if not isinstance(binding, Fetching):
        return f"{margin}-> Python resolver{'' if is_compiled else '  [exact path]'}"
    if binding.feeding is not None:
        facts = _event_facts(binding, binding.feeding)
        return f"{binding.source.name}  {binding.feeding.pushed.feed}  [{'; '.join(facts)}]"
    endpoint: Endpoint | None = binding.batch if binding.parents and binding.batch else binding.single
    facts = []
    if binding.parents:
        keys = ", ".join(".".join(path) for path in binding.match) or ", ".join(
            reading.attribute for reading in binding.parents
        )
        if binding.batch:
            facts.append(
                f"one call per {binding.call.max_batch} keys, {'many' if binding.call.many else 'one'} per {keys}"
            )
        else:
            facts.append(f"one call per key ({keys}): no batch is declared")
    if binding.pages is not None:
        facts.append(f"in pages of at most {binding.pages.paging.usual_size}")
    age_s = min(found.max_age_s for found in fetches)
    facts.append(f"reused for {age_s:g} s" if age_s > 0 and binding.call.reads else "not cached")
    if binding.source.forward:
        facts.append(f"private (forwards {', '.join(binding.source.forward)})")
    if not is_compiled:
        facts.append("exact path")
    return f"{margin}-> {binding.source.name}  {endpoint}  [{'; '.join(facts)}]"


def _is_call(binding: Binding) -> bool:
    return isinstance(binding, Fetching) and binding.feeding is None


def _event_facts(binding: Fetching, feeding: Feeding) -> list[str]:
    facts = ["events, answered once for all who subscribe alike"]
    if feeding.filters:
        facts.append(f"filtered by {', '.join(feeding.filters)}")
    rest = feeding.rest
    if rest is not None:
        facts.append(f"what they lack: {rest.batch or rest.single}")
    pushed = feeding.pushed
    facts.append(f"{pushed.overflow} after {_count(pushed.buffer, 'event')}")
    if binding.source.forward:
        facts.append(f"private (forwards {', '.join(binding.source.forward)})")
    return facts


def _places(fetches: list[Fetch]) -> list[str]:
    found: dict[str, None] = {}
    for site in (site for fetch in fetches for site in fetch.sites):
        found[f"{site.owner.type.name}.{site.selected.name}"] = None
    return list(found)


def _cost(cost: Cost) -> str:
    at_most = _count(cost.calls, "upstream call")
    return f"{cost.fields:.15g} for fields, {cost.types:.15g} for types; at most {at_most}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _freshness(plan: Plan) -> str:
    scope = "private" if plan.private else "public"
    ages = [
        fetch.max_age_s if isinstance(fetch.binding, Fetching) and fetch.binding.call.reads else 0.0
        for fetch in plan.fetches
    ]
    smallest = min(ages, default=0.0)
    return f"{scope}, fresh for {smallest:g} s" if smallest > 0 else f"{scope}, not cacheable"
