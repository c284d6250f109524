"""The exact path: execute any operation as the GraphQL specification says, breadth-first.

Theory of operation. Two phases. *Resolving* goes wave by wave: everything that is known without waiting (properties,
nested objects, lists, synchronous resolvers) is followed at once; then all calls and awaitables that turned up are
waited for together, calls of one endpoint with equal arguments merged into one. Each wave is one hop of the plan, so
the exact path makes the same calls as the compiled one, and finds in the operation's ledger what that has asked.

*Completing* then walks the resolved tree depth-first, in response order: coercion of leaves, errors with paths, and
null propagation, in the order in which the specification's algorithm meets them (October 2021, 6.4.3 and 6.4.4). It
does no I/O and stops at the first error of a selection set that may not be null, as sequential execution would.

An object from a backend is its raw JSON and its source. Only when a Python resolver needs `self` is an instance of the
author's class made of it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, NamedTuple

import graphql
import msgspec
from graphql.pyutils import Path

from graph.run import wire_arguments
from graph.selection import Selected, Selections
from resolvers import Bindings, Fetching, Ledger, Loader, Part, Property, decoder
from sources import Rest, UpstreamInvalid

_MISSING: Any = object()


class Failure(NamedTuple):
    """A field that has no value, and why."""

    error: Exception


class Row:
    """An object as a backend gave it."""

    __slots__ = ("instance", "raw", "source")

    def __init__(self, raw: Mapping[str, Any], source: Rest) -> None:
        self.raw = raw
        self.source = source
        self.instance: Any = None


class Node:
    """An object of the response under way: its value, and a slot for each field selected from it."""

    __slots__ = ("path", "slots", "value")

    def __init__(self, value: Any, path: Path | None) -> None:
        self.value = value
        self.path = path
        self.slots: dict[str, Slot] = {}


class Slot:
    """One field of one object: what it resolved to, and the source whose JSON that is."""

    __slots__ = ("parent", "selected", "source", "tree")

    def __init__(self, selected: Selected, parent: Node) -> None:
        self.selected = selected
        self.parent = parent
        self.source: Rest | None = None
        self.tree: Any = None


Group = tuple[graphql.GraphQLObjectType, list[Node], list[Selected]]


class Execution:
    """One execution of an operation on the exact path.

    Args:
        context: what resolvers see as ``info.context``.
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
    ) -> None:
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

    async def execute(
        self, kind: graphql.GraphQLObjectType, fields: list[Selected]
    ) -> tuple[dict[str, Any] | None, list[graphql.GraphQLError]]:
        """Give data and errors for the root fields; data is None where a null reached the root."""
        root = Node(None, None)
        self._groups.append((kind, [root], fields))
        while self._groups:
            while self._groups:
                self._resolve(*self._groups.pop())
            await self._wait()
        completion = _Completion()
        try:
            data = completion.node(kind, root)
        except graphql.GraphQLError as error:
            completion.errors.append(error)
            data = None
        return data, completion.errors

    # -- resolving ------------------------------------------------------------------------------------------------

    def _resolve(self, kind: graphql.GraphQLObjectType, nodes: list[Node], fields: list[Selected]) -> None:
        for selected in fields:
            for node in nodes:
                node.slots[selected.key] = Slot(selected, node)
        for selected in fields:
            slots = [node.slots[selected.key] for node in nodes]
            if selected.name == "__typename":
                for slot in slots:
                    slot.tree = kind.name
                continue
            binding = self._bindings.of(kind.name, selected.name)
            if isinstance(binding, Fetching):
                question = (id(binding.call), _question(selected))
                self._calls.setdefault(question, []).extend((binding, slot) for slot in slots)
                continue
            for slot in slots:
                if isinstance(binding, Property) and isinstance(slot.parent.value, Row):
                    self._read(binding, slot, slot.parent.value)
                else:
                    self._call_resolver(kind, slot)

    def _read(self, binding: Property, slot: Slot, row: Row) -> None:
        slot.source = row.source
        self._settle(slot, _at(row.raw, binding.where(row.source), row.source))

    def _call_resolver(self, kind: graphql.GraphQLObjectType, slot: Slot) -> None:
        selected, node = slot.selected, slot.parent
        if node.path is None and selected.key in self._ledger.outcomes:
            value = self._ledger.outcomes[selected.key]
        else:
            try:
                parent = self._instance(kind, node.value) if isinstance(node.value, Row) else node.value
                arguments = graphql.get_argument_values(selected.field, selected.nodes[0], self._variables)
                resolve = selected.field.resolve or graphql.default_field_resolver
                value = resolve(parent, self._info(kind, slot), **arguments)
            except Exception as exc:  # a resolver may raise anything; it is that field's error
                value = Failure(exc)
        if (
            (isinstance(value, list | tuple) and any(map(inspect.isawaitable, value)))
            or inspect.isawaitable(value)
            or isinstance(value, AsyncIterable)
        ):
            self._waiting.append((slot, value))
        else:
            self._settle(slot, value)

    def _settle(self, slot: Slot, value: Any) -> None:
        """Take a field's value, and queue the objects in it for resolving."""
        kind = slot.selected.field.type
        if isinstance(value, Exception):
            value = Failure(value)
        if graphql.is_leaf_type(graphql.get_named_type(kind)):
            slot.tree = value
            return
        found: dict[str, list[Node]] = {}
        path = Path(slot.parent.path, slot.selected.key, None)
        slot.tree = self._tree(kind, value, slot, path, found)
        for name, nodes in found.items():
            object_type: Any = self._schema.type_map[name]
            self._groups.append((object_type, nodes, self._selections.below(object_type, slot.selected.nodes)))

    def _tree(self, kind: Any, value: Any, slot: Slot, path: Path, found: dict[str, list[Node]]) -> Any:
        if isinstance(kind, graphql.GraphQLNonNull):
            kind = kind.of_type
        if value is None or isinstance(value, Failure):
            return value
        if isinstance(value, Exception):
            return Failure(value)
        if isinstance(kind, graphql.GraphQLList):
            if slot.source is not None and not isinstance(value, list):
                return Failure(_promised(slot.source, "a list", value))
            if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
                return Failure(
                    graphql.GraphQLError(f"Expected Iterable, but did not find one for field '{slot.selected.name}'.")
                )
            return [
                self._tree(kind.of_type, item, slot, Path(path, index, None), found) for index, item in enumerate(value)
            ]
        try:
            node = self._node(value, slot, path)
            name = self._type_name(kind, node, slot)
        except Exception as exc:  # type resolvers are the author's code
            return Failure(exc)
        found.setdefault(name, []).append(node)
        return node

    def _node(self, value: Any, slot: Slot, path: Path) -> Node:
        if slot.source is None:
            return Node(value, path)
        if not isinstance(value, Mapping):
            raise _promised(slot.source, "an object", value)
        return Node(Row(value, slot.source), path)

    def _type_name(self, kind: Any, node: Node, slot: Slot) -> str:
        """Find the object type of a value, and check it where the schema can."""
        value = node.value
        if isinstance(kind, graphql.GraphQLObjectType):
            check = None if isinstance(value, Row) else kind.is_type_of
            if check is not None and not check(value, self._info(kind, slot)):
                raise graphql.GraphQLError(f"Expected value of type '{kind.name}' but got: {type(value).__name__}.")
            return kind.name
        if isinstance(value, Row):
            name = value.raw.get("__typename")
        else:
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

    def _instance(self, kind: graphql.GraphQLObjectType, row: Row) -> Any:
        """Give the author's object for a backend's: every declared attribute set, no constructor run."""
        if row.instance is None:
            row.instance = self._object(kind.name, row.raw, row.source)
        return row.instance

    def _object(self, name: str, raw: Mapping[str, Any], source: Rest) -> Any:
        origin = self._bindings.origins[name]
        instance = object.__new__(origin)
        for attribute, binding in self._bindings.attributes[name].items():
            value = _at(raw, binding.where(source), source)
            if isinstance(value, Failure):
                raise value.error
            object.__setattr__(instance, attribute, self._python_value(binding.kind, value, source))
        return instance

    def _python_value(self, kind: Any, value: Any, source: Rest) -> Any:
        if value is None or kind is None:
            return value
        if isinstance(kind, graphql.GraphQLNonNull):
            return self._python_value(kind.of_type, value, source)
        if isinstance(kind, graphql.GraphQLList):
            if not isinstance(value, list):
                raise _promised(source, "a list", value)
            return [self._python_value(kind.of_type, item, source) for item in value]
        if graphql.is_leaf_type(kind):
            return _decoded(kind, value, source)
        if isinstance(kind, graphql.GraphQLObjectType) and isinstance(value, Mapping):
            return self._object(kind.name, value, source)
        raise _promised(source, "an object", value)

    # -- waiting --------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        waiting, self._waiting = self._waiting, []
        calls, self._calls = self._calls, {}
        await asyncio.gather(
            *(self._await(slot, value) for slot, value in waiting),
            *(self._fetch(members) for members in calls.values()),
        )

    async def _await(self, slot: Slot, value: Any) -> None:
        try:
            settled = await _settled(value)
        except Exception as exc:  # a resolver may raise anything; it is that field's error
            settled = Failure(exc)
        self._settle(slot, settled)

    async def _fetch(self, members: list[tuple[Fetching, Slot]]) -> None:
        binding, first = members[0]
        selected = first.selected
        try:
            values = graphql.get_argument_values(selected.field, selected.nodes[0], self._variables)
            arguments = wire_arguments(selected.field, values, binding)
        except graphql.GraphQLError as exc:
            for _, slot in members:
                self._settle(slot, Failure(exc))
            return
        age_s = min(self._age_s(member, slot.selected) for member, slot in members[:1])
        for member, slot in members[1:]:
            if slot.selected is not selected:
                age_s = min(age_s, self._age_s(member, slot.selected))
        if not binding.parents:
            part = await self._loader.load_one(binding, arguments, self._ledger, age_s)
            value = _payload(part, binding)
            for _, slot in members:
                slot.source = binding.source
                self._settle(slot, value)
            return
        keyed = [(slot, member, self._key(member, slot.parent)) for member, slot in members]
        wanted: dict[Any, None] = {}
        for _, member, key in keyed:
            if isinstance(key, Failure) or key is None:
                continue
            wanted.update(dict.fromkeys(key if member.many_keys else [key]))
        parts: list[Part] = []
        if wanted:
            parts = await self._loader.load_many(binding, arguments, list(wanted), self._ledger, age_s)
        answers = _answers(parts, binding)
        for slot, member, key in keyed:
            slot.source = binding.source
            self._settle(slot, _answer(answers, member, key))

    def _key(self, binding: Fetching, node: Node) -> Any:
        """Give the key that a parent holds: a scalar, a tuple of scalars, or a list of keys; None where it lacks."""
        parts = []
        for reading in binding.parents:
            if isinstance(node.value, Row):
                part = _at(node.value.raw, reading.where(node.value.source), node.value.source)
            else:
                part = getattr(node.value, reading.attribute, None)
            if isinstance(part, Failure):
                return part
            parts.append(part)
        if binding.many_keys:
            listed = parts[0]
            if listed is None or isinstance(listed, list | tuple):
                return None if listed is None else [_scalar_key(item, binding) for item in listed if item is not None]
            return Failure(_promised(binding.source, "a list of keys", listed))
        if any(part is None for part in parts):
            return None
        scalars = [_scalar_key(part, binding) for part in parts]
        return scalars[0] if len(scalars) == 1 else tuple(scalars)

    def _age_s(self, binding: Fetching, selected: Selected) -> float:
        """Give the smallest TTL among the fields selected from a call's answer."""
        default = binding.call.fresh_s
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
                    held = None if below.name == "__typename" else self._bindings.of(possible.name, below.name)
                    if isinstance(held, Property):
                        found.append(default if held.ttl is None else held.ttl)
                        waiting.append(below)
        return min(found, default=default)


class _Completion:
    """Turns a resolved tree into response data."""

    def __init__(self) -> None:
        self.errors: list[graphql.GraphQLError] = []

    def node(self, kind: Any, node: Node) -> dict[str, Any]:
        return {key: self._slot(slot) for key, slot in node.slots.items()}

    def _slot(self, slot: Slot) -> Any:
        path = Path(slot.parent.path, slot.selected.key, None)
        return self._value(slot.selected.field.type, slot.tree, slot, path)

    def _value(self, kind: Any, value: Any, slot: Slot, path: Path) -> Any:
        try:
            return self._complete(kind, value, slot, path)
        except Exception as exc:  # serializers are the author's code
            error = graphql.located_error(exc, slot.selected.nodes, path.as_list())
            if isinstance(kind, graphql.GraphQLNonNull):
                raise error from exc
            self.errors.append(error)
            return None

    def _complete(self, kind: Any, value: Any, slot: Slot, path: Path) -> Any:
        if isinstance(value, Failure):
            raise value.error
        if isinstance(kind, graphql.GraphQLNonNull):
            completed = self._complete(kind.of_type, value, slot, path)
            if completed is None:
                raise _null_in_non_null(slot)
            return completed
        if value is None:
            return None
        if isinstance(kind, graphql.GraphQLList):
            if slot.source is not None and not isinstance(value, list):
                raise _promised(slot.source, "a list", value)
            if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
                raise graphql.GraphQLError(f"Expected Iterable, but did not find one for field '{slot.selected.name}'.")
            return [self._value(kind.of_type, item, slot, Path(path, index, None)) for index, item in enumerate(value)]
        if isinstance(value, Node):
            return self.node(kind, value)
        if isinstance(value, Exception):
            raise value
        return _leaf(kind, value, slot.source)


def _leaf(kind: Any, value: Any, source: Rest | None) -> Any:
    if source is None:
        completed = kind.coerce_output_value(value)
        if completed is None:
            raise graphql.GraphQLError(f"Expected a value of type '{kind.name}' but got null.")
        return completed
    decoded = _decoded(kind, value, source)
    try:
        completed = kind.coerce_output_value(decoded)
    except Exception as exc:  # scalars are the author's code
        raise _promised(source, f"a value of type {kind.name}", value) from exc
    if completed is None:
        raise _promised(source, f"a value of type {kind.name}", value)
    return completed


def _decoded(kind: Any, value: Any, source: Rest) -> Any:
    decode = decoder(kind, source.timestamps)
    if decode is None:
        return value
    try:
        return decode(value)
    except Exception as exc:  # scalars are the author's code
        raise _promised(source, f"a value of type {kind.name}", value) from exc


def _null_in_non_null(slot: Slot) -> Exception:
    if slot.source is not None:
        return UpstreamInvalid(
            f"{slot.source.name} answered nothing for the non-null field {slot.selected.name}",
            source=slot.source.name,
        )
    return graphql.GraphQLError(f"Cannot return null for non-nullable field {slot.selected.name}.")


_JSON_KINDS = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def _promised(source: Rest, expected: str, value: Any) -> UpstreamInvalid:
    found = _JSON_KINDS.get(type(value), "something else")
    return UpstreamInvalid(f"{source.name} answered {found} where the schema promises {expected}", source=source.name)


def _at(raw: Any, path: tuple[str, ...], source: Rest) -> Any:
    """Give the value at a path of property names; None where any of them lacks."""
    for name in path:
        if raw is None:
            return None
        if not isinstance(raw, Mapping):
            return Failure(_promised(source, "an object", raw))
        raw = raw.get(name)
    return raw


def _scalar_key(value: Any, binding: Fetching) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return str(value)
    return value


def _payload(part: Part, binding: Fetching) -> Any:
    """Give the JSON value of a reply without its envelope, or why there is none."""
    if part.failure is not None:
        return Failure(part.failure)
    if part.body is None:
        return None
    source = binding.source
    endpoint = binding.batch if part.batched else binding.single
    try:
        value = msgspec.json.decode(part.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return Failure(UpstreamInvalid(f"{source.name} did not answer JSON", source=source.name))
    return _at(value, endpoint.items, source) if part.enveloped and endpoint is not None else value


def _answers(parts: list[Part], binding: Fetching) -> dict[str, Any]:
    """Give each key's answer, by the key as text."""
    found: dict[str, Any] = {}
    for part in parts:
        value = _payload(part, binding)
        if isinstance(value, Failure) or not part.batched:
            found.update((_as_text(key), value) for key in part.keys)
            continue
        for key in part.keys:
            found.setdefault(_as_text(key), [] if binding.call.many else None)
        if value is None:
            continue
        if not isinstance(value, list):
            failure = Failure(_promised(binding.source, "a list", value))
            found.update((_as_text(key), failure) for key in part.keys)
            continue
        for item in value:
            values = [_at(item, path, binding.source) for path in binding.match]
            key = _as_text(values[0] if len(values) == 1 else tuple(values))
            if not binding.call.many:
                found[key] = item
            elif isinstance(found.get(key), list):
                found[key].append(item)
    return found


def _answer(answers: Mapping[str, Any], binding: Fetching, key: Any) -> Any:
    if isinstance(key, Failure):
        return key
    if key is None:
        return [] if binding.call.many and binding.batch is not None else None
    if binding.many_keys:
        return [answers.get(_as_text(item)) for item in key]
    return answers.get(_as_text(key))


def _as_text(key: Any) -> str:
    return str(tuple(map(str, key))) if isinstance(key, tuple) else str(key)


def _question(selected: Selected) -> str:
    written = sorted(selected.nodes[0].arguments or (), key=lambda argument: argument.name.value)
    return ",".join(map(graphql.print_ast, written))


async def _settled(value: Any) -> Any:
    if inspect.isawaitable(value):
        return await _settled(await value)
    if isinstance(value, AsyncIterable):
        return [await _settled(item) async for item in value]
    if isinstance(value, list | tuple) and any(map(inspect.isawaitable, value)):
        return await asyncio.gather(*map(_settled_item, value))
    return value


async def _settled_item(value: Any) -> Any:
    try:
        return await _settled(value)
    except Exception as exc:  # one item's failure is that item's error
        return Failure(exc)


_NO_EXTRAS: Any = (None,) * (len(graphql.GraphQLResolveInfo._fields) - 12)
