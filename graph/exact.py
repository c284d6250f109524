"""The exact path: execute any operation as the GraphQL specification says, breadth-first.

Theory of operation. Two phases. *Resolving* goes wave by wave: everything that is known without waiting (properties,
nested objects, lists, synchronous resolvers) is followed at once; then all calls and awaitables that turned up are
waited for together, calls of one endpoint with equal arguments merged into one. Each wave is one hop of the plan, so
the exact path makes the same calls as the compiled one, and finds in the operation's ledger what that has asked.

*Completing* (`graph.complete`) then walks the resolved tree.

An object from a backend is its raw JSON and its source. Only when a Python resolver needs `self` is an instance of the
author's class made of it.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import graphql
from graphql.pyutils import Path

from graph.awaited import forgo, in_time, is_pending
from graph.complete import Completion
from graph.guard import Gate, Member
from graph.instances import Instances
from graph.nodes import identify
from graph.plan import question_of
from graph.refer import Member as Referring
from graph.refer import refer
from graph.replies import answer, answers, is_key, no_key, payload
from graph.run import wire_arguments
from graph.selection import Selected, Selections
from graph.tree import Failure, Node, Row, Slot, at, listed
from resolvers import Bindings, Fetching, Identity, Ledger, Loader, Part, Property, References, ages_of, wire_object
from sources import Rest, UpstreamInvalid

Group = tuple[graphql.GraphQLObjectType, list[Node], list[Selected]]


class Execution:
    """One execution of an operation on the exact path.

    Args:
        context: what resolvers see as ``info.context``.
        wrap: what the schema's extensions put around each resolver.
    """

    def __init__(
        self,
        schema: graphql.GraphQLSchema,
        bindings: Bindings,
        selections: Selections,
        loader: Loader,
        ledger: Ledger,
        variables: Any,
        context: Any,
        wrap: Callable[[Any], Any] | None = None,
    ) -> None:
        self._wrap = wrap
        self._schema = schema
        self._bindings = bindings
        self._selections = selections
        self._loader = loader
        self._ledger = ledger
        self._variables = variables
        self._context = context
        self._groups: list[Group] = []
        self._waiting: list[tuple[Slot, Any]] = []
        self._calls: dict[tuple[int, str], list[tuple[Fetching, Slot]]] = {}
        self._guarded: dict[int, list[Member]] = {}
        self._references: list[Referring] = []
        self._instances = Instances(bindings)

    async def execute(
        self, kind: graphql.GraphQLObjectType, fields: list[Selected]
    ) -> tuple[dict[str, Any] | None, list[graphql.GraphQLError]]:
        """Give data and errors for the root fields; data is None where a null reached the root."""
        root = Node(None, None)
        self._groups.append((kind, [root], fields))
        await self._resolve_all()
        completion = Completion()
        return completion.whole(kind, root), completion.errors

    def source_stream(self, kind: graphql.GraphQLObjectType, selected: Selected) -> Any:
        """Call the generator behind a subscription's field (specification, 6.2.3.1).

        Raises:
            Exception: what the author's code raises.
        """
        slot = Slot(selected, Node(None, None))
        subscribe: Any = selected.field.subscribe
        return subscribe(None, self._info(kind, slot), **self._argument_values(selected))

    async def _resolve_all(self) -> None:
        while self._groups:
            while self._groups:
                self._resolve(*self._groups.pop())
            await self._wait()

    # -- resolving ------------------------------------------------------------------------------------------------

    def _resolve(self, kind: graphql.GraphQLObjectType, nodes: list[Node], fields: list[Selected]) -> None:
        for node in nodes:
            node.fields = fields
        for selected in fields:
            if selected.name == "__typename":
                for node in nodes:
                    node.held[selected.key] = kind.name
                continue
            if selected.denied is not None:
                for node in nodes:
                    _slot(selected, node).tree = Failure(selected.denied.error())
                continue
            binding = self._bindings.of(kind.name, selected.name)
            if isinstance(binding, Fetching) and binding.guarded:
                slots = ((binding, kind, _slot(selected, node)) for node in nodes)
                self._guarded.setdefault(id(binding.call), []).extend(slots)
            elif isinstance(binding, Fetching):
                question = (id(binding.call), question_of(selected))
                self._calls.setdefault(question, []).extend((binding, _slot(selected, node)) for node in nodes)
            elif isinstance(binding, References):
                for node in nodes:
                    slot = _slot(selected, node)
                    self._references.append((binding, self._info(kind, slot), slot))
            elif isinstance(binding, Property):
                self._read(kind, binding, selected, nodes)
            elif isinstance(binding, Identity):
                identify(binding, selected.key, nodes)
            else:
                for node in nodes:
                    self._call_resolver(kind, selected, node)

    def _read(self, kind: Any, binding: Property, selected: Selected, nodes: list[Node]) -> None:
        """Take a property of every node: out of a backend's JSON, or off an author's object."""
        is_leaf = graphql.is_leaf_type(graphql.get_named_type(selected.field.type))
        nested: list[tuple[Slot, Any]] = []
        key = selected.key
        source: Rest | None = None
        path: tuple[str, ...] = ()
        for node in nodes:
            row = node.value
            if not isinstance(row, Row):
                self._call_resolver(kind, selected, node)
                continue
            if row.source is not source:
                source, path = row.source, binding.where(row.source)
            value = row.raw.get(path[0]) if len(path) == 1 else at(row.raw, path, row.source)
            if is_leaf:
                node.held[key] = value
            else:
                nested.append((_slot(selected, node, row.source), value))
        self._settle(selected, nested)

    def _call_resolver(self, kind: graphql.GraphQLObjectType, selected: Selected, node: Node) -> None:
        slot = _slot(selected, node)
        if node.path is None and selected.key in self._ledger.outcomes:
            value = self._ledger.outcomes[selected.key]
        else:
            try:
                value = self._resolved(kind, slot, self._info(kind, slot))
            except Exception as exc:  # a resolver may raise anything; it is that field's error
                value = Failure(exc)
        if is_pending(value):
            self._waiting.append((slot, value))
        else:
            self._settle(selected, [(slot, value)])

    def _resolved(self, kind: graphql.GraphQLObjectType, slot: Slot, info: Any) -> Any:
        """Call the resolver that Strawberry made of a field, with all that surrounds it."""
        selected, parent = slot.selected, slot.parent.value
        if isinstance(parent, Row):
            parent = self._instances.of(kind.name, parent)
        resolve = selected.field.resolve or graphql.default_field_resolver
        if self._wrap is not None:
            resolve = self._wrap(resolve)
        return resolve(parent, info, **self._argument_values(selected))

    def _argument_values(self, selected: Selected) -> dict[str, Any]:
        try:
            return graphql.get_argument_values(selected.field, selected.nodes[0], self._variables)
        except graphql.GraphQLError as exc:
            raise graphql.GraphQLError(exc.message, exc.nodes, extensions={"code": "BAD_USER_INPUT"}) from exc

    def _where_written(self, selected: Selected, exc: graphql.GraphQLError) -> graphql.GraphQLError:
        """Give the error of arguments that several fields share at the place where one of them has them."""
        try:
            self._argument_values(selected)
        except graphql.GraphQLError as own:
            return own
        return exc

    def _settle(self, selected: Selected, values: Iterable[tuple[Slot, Any]]) -> None:
        """Take the values of one field of several objects, and queue the objects in them for resolving."""
        kind = selected.field.type
        is_leaf = graphql.is_leaf_type(graphql.get_named_type(kind))
        found: dict[str, list[Node]] = {}
        for slot, value in values:
            if isinstance(value, Exception):
                value = Failure(value)
            if is_leaf:
                slot.tree = value
            else:
                slot.tree = self._tree(kind, value, slot, Path(slot.parent.path, selected.key, None), found)
        for name, nodes in found.items():
            self._descend(self._schema.type_map[name], nodes, selected)

    def _descend(self, kind: Any, nodes: list[Node], selected: Selected) -> None:
        """Queue objects of one type that a field gave."""
        self._groups.append((kind, nodes, self._selections.below(kind, selected.nodes)))

    def _tree(self, kind: Any, value: Any, slot: Slot, path: Path, found: dict[str, list[Node]]) -> Any:
        if isinstance(kind, graphql.GraphQLNonNull):
            kind = kind.of_type
        if value is None or isinstance(value, Failure):
            return value
        if isinstance(value, Exception):
            return Failure(value)
        if isinstance(kind, graphql.GraphQLList):
            if slot.source is not None:
                try:
                    value = listed(kind, value, slot.source)
                except UpstreamInvalid as exc:
                    return Failure(exc)
            if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
                return Failure(
                    graphql.GraphQLError(f"Expected Iterable, but did not find one for field '{slot.selected.name}'.")
                )
            return [
                self._tree(kind.of_type, item, slot, Path(path, index, None), found) for index, item in enumerate(value)
            ]
        try:
            node = self._node(kind, value, slot, path)
            name = self._type_name(kind, node, slot)
        except Exception as exc:  # type resolvers are the author's code
            return Failure(exc)
        denied = self._selections.denials.types.get(name)
        if denied is not None:
            return Failure(denied.error())
        found.setdefault(name, []).append(node)
        return node

    def _node(self, kind: Any, value: Any, slot: Slot, path: Path) -> Node:
        if slot.source is None or isinstance(value, Row):
            return Node(value, path)
        return Node(Row(value, slot.source, self._instances.type_name(kind, value, slot.source)), path)

    def _type_name(self, kind: Any, node: Node, slot: Slot) -> str:
        """Find the object type of a value, and check it where the schema can."""
        value = node.value
        if isinstance(kind, graphql.GraphQLObjectType):
            check = None if isinstance(value, Row) else kind.is_type_of
            if check is not None and not check(value, self._info(kind, slot)):
                raise graphql.GraphQLError(f"Expected value of type '{kind.name}' but got: {type(value).__name__}.")
            return kind.name
        if isinstance(value, Row):
            return value.type_name or self._instances.type_name(kind, value.raw, value.source)
        name = (kind.resolve_type or graphql.default_type_resolver)(value, self._info(kind, slot), kind)
        known = self._schema.type_map.get(name) if isinstance(name, str) else None
        if not isinstance(known, graphql.GraphQLObjectType) or not self._schema.is_sub_type(kind, known):
            raise graphql.GraphQLError(f"The value of abstract type '{kind.name}' has no known object type.")
        return known.name

    def _info(self, kind: Any, slot: Slot) -> Any:
        selected = slot.selected
        return graphql.GraphQLResolveInfo(
            selected.name,
            list(selected.nodes),
            selected.field.type,
            kind,
            Path(slot.parent.path, selected.key, kind.name),
            self._schema,
            dict(self._selections.fragments),
            None,
            self._selections.operation,
            self._variables,
            self._context,
            inspect.isawaitable,  # type: ignore[arg-type]  # TypeIs says more than the TypeGuard that is asked for
            *_NO_EXTRAS,
        )

    # -- waiting --------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        waiting, self._waiting = self._waiting, []
        calls, self._calls = self._calls, {}
        guarded, self._guarded = self._guarded, {}
        references, self._references = self._references, []
        try:
            await asyncio.gather(
                *(self._await(slot, value) for slot, value in waiting),
                *(self._fetch_or_fail(members) for members in calls.values()),
                *map(self._pass, guarded.values()),
                *([self._refer(references)] if references else []),
            )
        except asyncio.CancelledError:
            for _, value in waiting:
                forgo(value)
            raise

    async def _await(self, slot: Slot, value: Any) -> None:
        found = await in_time(value, self._ledger.over_at, slot.selected.name)
        self._settle(slot.selected, [(slot, found)])

    async def _fetch_or_fail(self, members: list[tuple[Fetching, Slot]]) -> None:
        try:
            await self._fetch(members)
        except Exception as exc:  # a fault of ours costs the fields it concerns, as a resolver's would
            self._settle_all((slot, Failure(exc)) for _, slot in members)

    def _settle_all(self, values: Iterable[tuple[Slot, Any]]) -> None:
        """Take the values of several fields."""
        grouped: dict[int, list[tuple[Slot, Any]]] = {}
        for slot, value in values:
            grouped.setdefault(id(slot.selected), []).append((slot, value))
        for together in grouped.values():
            self._settle(together[0][0].selected, together)

    async def _refer(self, members: list[Referring]) -> None:
        async def load(fetching: Fetching, keys: Sequence[Any], slots: Sequence[Slot]) -> Mapping[str, Any]:
            age_s = min(self._age_s(fetching, slot.selected) for slot in slots)
            return answers(await self._loader.load_many(fetching, {}, keys, self._ledger, age_s), fetching)

        denied = self._selections.denials.types
        self._settle_all(await refer(members, self._argument_values, load, self._ledger.over_at, denied))

    async def _pass(self, members: list[Member]) -> None:
        gate = Gate(
            values=self._argument_values,
            shown=self._selections.shown,
            info=self._info,
            resolve=self._resolved,
            load=self._load,
            show=self._instances.value,
            over_at=self._ledger.over_at,
        )
        self._settle_all(await gate.pass_through(members))

    async def _fetch(self, members: list[tuple[Fetching, Slot]]) -> None:
        binding, first = members[0]
        selected = first.selected
        try:
            values = self._argument_values(selected)
            shown = sorted(self._selections.shown(slot.selected for _, slot in members)) if binding.pages else ()
            arguments, kept = wire_arguments(selected.field, values, binding, shown)
        except graphql.GraphQLError as exc:
            self._settle_all((slot, Failure(self._where_written(slot.selected, exc))) for _, slot in members)
            return
        for _, slot in members:
            slot.source = binding.source
        self._settle_all(await self._load(members, arguments, kept))

    async def _load(
        self, members: Sequence[tuple[Fetching, Slot]], arguments: Mapping[str, Any], kept: int | None
    ) -> list[tuple[Slot, Any]]:
        """Give what the backend answers for fields that ask one call the same question."""
        binding, first = members[0]
        selected = first.selected
        age_s = min(self._age_s(member, slot.selected) for member, slot in members[:1])
        for member, slot in members[1:]:
            if slot.selected is not selected:
                age_s = min(age_s, self._age_s(member, slot.selected))
        if binding.feeding is not None and selected.key in self._ledger.outcomes:
            return [(slot, self._ledger.outcomes[selected.key]) for _, slot in members]
        if not binding.parents:
            part = await self._loader.load_one(binding, arguments, self._ledger, age_s)
            value = _cut(payload(part, binding), kept)
            return [(slot, value) for _, slot in members]
        keyed = [(slot, member, self._key(member, slot.parent)) for member, slot in members]
        wanted: dict[Any, None] = {}
        for _, member, key in keyed:
            if isinstance(key, Failure) or key is None:
                continue
            wanted.update(dict.fromkeys(item for item in key if item is not None) if member.many_keys else {key: None})
        parts: list[Part] = []
        if wanted:
            parts = await self._loader.load_many(binding, arguments, list(wanted), self._ledger, age_s)
        found = answers(parts, binding)
        return [(slot, _cut(answer(found, member, key), kept)) for slot, member, key in keyed]

    def _key(self, binding: Fetching, node: Node) -> Any:
        """Give the key that a parent holds: a scalar, a tuple of scalars, or a list of keys; None where it lacks."""
        parts = []
        for reading in binding.parents:
            if isinstance(node.value, Row):
                part = at(node.value.raw, reading.where(node.value.source), node.value.source)
            else:
                part = wire_object(getattr(node.value, reading.attribute, None), binding.source)
                row = self._instances.row(node.value) if part is None and reading.declared is None else None
                if row is not None:  # an attribute that no class declares
                    part = at(row.raw, reading.where(row.source), row.source)
            if isinstance(part, Failure):
                return part
            parts.append(part)
        if binding.many_keys:
            listed = parts[0]
            if listed is None or isinstance(listed, list | tuple):
                if listed is None:
                    return None
                wrong = [item for item in listed if item is not None and not is_key(item)]
                return no_key(node.value, "keys", wrong[0]) if wrong else list(listed)
            return no_key(node.value, "a list of keys", listed)
        if any(part is None for part in parts):
            return None
        for part in parts:
            if not is_key(part):
                return no_key(node.value, "a key", part)
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _age_s(self, binding: Fetching, selected: Selected) -> float:
        """Give the smallest TTL among the fields selected from a call's answer."""
        default = binding.fresh_s
        found: list[float] = []
        waiting = [selected]
        while waiting:
            current = waiting.pop()
            kind = graphql.get_named_type(current.field.type)
            if not graphql.is_composite_type(kind):
                continue
            for possible in (
                [kind] if isinstance(kind, graphql.GraphQLObjectType) else self._schema.get_possible_types(kind)
            ):
                for below in self._selections.below(possible, current.nodes):
                    if below.name == "__typename" or below.denied is not None:
                        continue
                    held = self._bindings.of(possible.name, below.name)
                    found += ages_of(self._bindings.read_by(possible.name, held), default)
                    if isinstance(held, Property):
                        waiting.append(below)
        return min(found, default=default)


def _slot(selected: Selected, node: Node, source: Rest | None = None) -> Slot:
    slot = node.held[selected.key] = Slot(selected, node)
    slot.source = source
    return slot


def _cut(value: Any, kept: int | None) -> Any:
    if kept is not None and isinstance(value, dict):  # a map
        return dict(itertools.islice(value.items(), kept))
    return value[:kept] if kept is not None and isinstance(value, list) else value


_NO_EXTRAS: Any = (None,) * (len(graphql.GraphQLResolveInfo._fields) - 12)
