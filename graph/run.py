"""Run a compiled program: load what each fetch needs as soon as its parents are there, then build the answer.

Nothing is raised between fetches. A load that failed, or a body that deviates from the schema, marks the run as
deviating and only stops what is below it; the loads go to the operation's ledger either way, so the exact path that
answers then finds every reply there and calls no backend twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import graphql

from graph.errors import overdue
from graph.leaf import SLOW, Read
from graph.plan import Fetch
from graph.program import Program, Step
from graph.read import Deviation
from resolvers import SHOWN, Fetching, Ledger, Loader, raw_key, refused_nulls, wire_value

Arguments = Mapping[str, Any]
Variables = Any
_NONE: dict[str, Any] = {}


def argument_reader(fetch: Fetch) -> Callable[[Variables], tuple[Arguments, int | None]]:
    """Give the function from variable values to a fetch's arguments; see `wire_arguments`.

    Arguments without variables are worked out here, once.
    """
    selected = fetch.sites[0].selected
    call = fetch.calls
    if not selected.field.args:
        return lambda variables: (_NONE, None)
    node, field, shown = selected.nodes[0], selected.field, sorted(fetch.shown)
    if not _uses_variables(node):
        fixed = wire_arguments(field, graphql.get_argument_values(field, node), call, shown)
        return lambda variables: fixed
    return lambda variables: wire_arguments(field, graphql.get_argument_values(field, node, variables), call, shown)


def _uses_variables(node: graphql.FieldNode) -> bool:
    return any("$" in graphql.print_ast(argument.value) for argument in node.arguments or ())


def wire_arguments(
    field: graphql.GraphQLField, values: Mapping[str, Any], call: Fetching, shown: Sequence[str] = ()
) -> tuple[Arguments, int | None]:
    """Give arguments by their Python names, as the backend reads them; and how many items are kept of a list cut here.

    Args:
        shown: what is selected of a connection; it goes along with its arguments.

    Raises:
        GraphQLError: that number is negative, a global id is another type's, or a value is null that may only be left
            out.
    """
    refused = next(refused_nulls(values, field.args), None) if call.has_maybe else None
    if refused is not None:
        message = f"'{refused}' may be left out, but may not be null."
        raise graphql.GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})
    if call.takes_ids:
        values = {name: raw_key(value, field.args[name]) for name, value in values.items()}
    names = call.argument_names
    found = {
        names.get(name, name): wire_value(value, field.args[name].type, call.source) for name, value in values.items()
    }
    return cut_arguments(found, call, shown)


def cut_arguments(found: dict[str, Any], call: Fetching, shown: Sequence[str] = ()) -> tuple[Arguments, int | None]:
    """Give the arguments with the names that templates have for them, without the one that cuts the answer here.

    Raises:
        GraphQLError: that number is negative.
    """
    for variable, argument in call.renamed:
        if argument in found:
            found[variable] = found[argument]
    if call.pages is not None:
        found[SHOWN] = shown
    kept = found.pop("first", None) if call.is_cut else None
    if kept is not None and kept < 0:
        raise graphql.GraphQLError("'first' must not be negative.", extensions={"code": "BAD_USER_INPUT"})
    return found, kept


class Resolver(NamedTuple):
    """A root field's function in Python that takes nothing, and how its value is completed."""

    key: str
    function: Callable[[], Any]
    complete: Read


class Runner:
    """A program of one operation, ready for any number of requests."""

    def __init__(self, program: Program, loader: Loader, python: Mapping[int, Resolver]) -> None:
        self._program = program
        self._loader = loader
        self._python = python
        self._arguments = [
            argument_reader(step.fetch) if isinstance(step.fetch.binding, Fetching) else _no_arguments
            for step in program.steps
        ]
        self._roots = [step for step in program.steps if not step.parents]
        self._waits = [step.parents for step in program.steps]

    async def run(self, ledger: Ledger, variables: Variables) -> dict[str, Any] | None:
        """Give the response's data, ready to encode; None when the exact path must answer."""
        run = _Run(self, ledger, variables)
        roots = self._roots
        if len(roots) == 1:
            await run.advance(roots[0])
        elif roots:
            await asyncio.gather(*map(run.advance, roots))
        if run.deviated:
            return None
        try:
            data: dict[str, Any] = self._program.build(run.results)
        except Exception:  # whatever the cause, the exact path finds it and names it
            return None
        return data


class _Run:
    __slots__ = ("deviated", "ledger", "results", "runner", "variables", "waits")

    def __init__(self, runner: Runner, ledger: Ledger, variables: Variables) -> None:
        self.runner = runner
        self.ledger = ledger
        self.variables = variables
        self.results: list[Any] = [None] * len(runner._waits)
        self.waits = runner._waits.copy()
        self.deviated = False

    async def advance(self, step: Step) -> None:
        """Run a fetch, and then every fetch that waited for nothing else."""
        runner = self.runner
        number = step.fetch.number
        try:
            python = runner._python.get(number)
            if python is not None:
                self.results[number] = await self._resolve(python)
            else:
                arguments, kept = runner._arguments[number](self.variables)
                result = step.read(await self._load(step, arguments))
                self.results[number] = result if kept is None else step.cut(result, kept)
        except Exception:  # whatever the cause, the exact path finds it and names it
            self.deviated = True
            return
        ready: list[Step] = []
        for below in step.below:
            self.waits[below] -= 1
            if self.waits[below] == 0:
                ready.append(runner._program.steps[below])
        if len(ready) == 1:
            await self.advance(ready[0])
        elif ready:
            await asyncio.gather(*map(self.advance, ready))

    async def _resolve(self, resolver: Resolver) -> Any:
        """Call a root resolver; its outcome is in the ledger, so that it is not called again."""
        try:
            value = resolver.function()
            if isinstance(value, Awaitable):
                async with asyncio.timeout_at(self.ledger.over_at) as timeout:
                    value = await value
        except TimeoutError as exc:
            value = overdue(resolver.key) if timeout.expired() else exc
        except Exception as exc:
            value = exc
        self.ledger.outcomes[resolver.key] = value
        completed = resolver.complete(value)
        if completed is SLOW:
            raise Deviation
        return completed

    async def _load(self, step: Step, arguments: Arguments) -> Any:
        runner, fetch = self.runner, step.fetch
        binding: Any = fetch.binding
        if step.keys is None:
            return [await runner._loader.load_one(binding, arguments, self.ledger, fetch.max_age_s)]
        keys = step.keys(self.results)
        if not keys:
            return []
        return await runner._loader.load_many(binding, arguments, keys, self.ledger, fetch.max_age_s)


def _no_arguments(variables: Variables) -> tuple[Arguments, int | None]:
    return _NONE, None
